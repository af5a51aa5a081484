"""What every dataset is: a description of data where they lie, and, once registered, a name, a version, tags and lineage."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from jupyter_aml.data import signed_urls
from jupyter_aml.data.dataset_lineage import registered_by
from jupyter_aml.data.dataset_paths import File, PartitionFormat, find_files, said
from jupyter_aml.errors import DatasetValidationError, UserErrorException
from jupyter_aml.store.records import AssetQuery, AssetRecord
from jupyter_aml.tracking.html import facts
from jupyter_aml.tracking.who import user_name

if TYPE_CHECKING:
    from jupyter_aml.data.inputs import DatasetConsumptionConfig

KIND = "dataset"
UNNAMED = "saved-dataset"
"""Kind of what is not registered but was given to a run: it has an id, and no name that anybody chose."""
Self = TypeVar("Self", bound="AbstractDataset")


class AbstractDataset:
    """A dataset. Made by `Dataset.Tabular`, `Dataset.File` or `Dataset.get_by_name`; its methods return new ones.

    Args:
        definition: where the data lie and what is done with them: what json.dumps takes.
        workspace: whose datastores it names.
        record: what the store keeps of it, where it is kept.
    """

    TYPE: ClassVar[str] = ""

    def __init__(
        self, definition: Mapping[str, Any] | None = None, workspace: Any = None, record: AssetRecord | None = None
    ) -> None:
        if definition is None:
            raise UserErrorException(
                "Make a dataset by Dataset.Tabular.from_…, Dataset.File.from_files or Dataset.get_by_name."
            )
        self._definition = dict(definition)
        self._workspace = workspace
        self._record = record
        self._cache: dict[str, Any] = {}

    # -- what it is ----------------------------------------------------------------------------------------------
    @property
    def id(self) -> str | None:
        """Its id in the workspace; None when it belongs to none. One that is not registered is kept without a name."""
        if self._record is None and self._workspace is not None:
            digest = self._digest()
            signed_urls.keep(self._workspace, self._source.get("places", ()))
            self._record = self._workspace.connection.store.put_asset(
                AssetRecord(
                    kind=UNNAMED, name=digest, hash=digest, created=time.time(), user=user_name(), data=self._definition
                ),
                if_exists="same",
            )
        return self._record.id if self._record else None

    @property
    def name(self) -> str | None:
        """Its name; None when it is not registered."""
        return self._registered.name if self._registered else None

    @property
    def version(self) -> int | None:
        """Its version; None when it is not registered."""
        return self._registered.version if self._registered else None

    @property
    def description(self) -> str | None:
        """What it is."""
        return self._registered.description if self._registered else None

    @property
    def tags(self) -> dict[str, str | None] | None:
        """Its tags; None when it is not registered."""
        return dict(self._registered.tags) if self._registered else None

    @property
    def _registered(self) -> AssetRecord | None:
        return self._record if self._record is not None and self._record.kind == KIND else None

    @property
    def data_changed_time(self) -> datetime | None:
        """When the newest of its files was changed (UTC); None where their place does not tell."""
        times = [file.modified for file in self._files() if file.modified is not None]
        return datetime.fromtimestamp(max(times), timezone.utc) if times else None

    @property
    def partition_keys(self) -> list[str]:
        """The columns that the paths of its files tell."""
        said = self._source.get("partition_format")
        return PartitionFormat(said).names if said else []

    @property
    def _source(self) -> dict[str, Any]:
        return dict(self._definition["source"])

    @property
    def _steps(self) -> list[dict[str, Any]]:
        return list(self._definition.get("steps", ()))

    def _digest(self) -> str:
        text = json.dumps(self._definition, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def _with(self: Self, *steps: Mapping[str, Any], **changed: Any) -> Self:
        """A new one, further steps added and entries of the definition changed."""
        definition = {**self._definition, "steps": [*self._steps, *steps], **changed}
        made = type(self)({k: v for k, v in definition.items() if v is not None}, self._workspace)
        made._cache = self._cache
        return made

    # -- its files -----------------------------------------------------------------------------------------------
    def _files(self) -> list[File]:
        """The files that are there now, with what their paths tell."""
        source = self._source
        files = find_files(self._workspace, source.get("places", []))
        if source.get("partition_format"):
            form = PartitionFormat(source["partition_format"])
            types = source.get("path_types", {})
            files = [
                File(
                    f.path,
                    f.name,
                    f.whole,
                    f.size,
                    f.modified,
                    f.fs,
                    {n: _typed(v, types.get(n)) for n, v in form.read(f).items()},
                )
                for f in files
            ]
        return files

    def get_partition_key_values(self, partition_keys: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """The values that there are of some of its `partition_keys` (all by default), each combination once.

        Raises:
            UserErrorException: a key that is none.
        """
        keys = list(partition_keys) if partition_keys is not None else self.partition_keys
        unknown = [key for key in keys if key not in self.partition_keys]
        if unknown or not keys:
            raise UserErrorException(f"{(unknown or keys)!r}: the partition keys are {self.partition_keys!r}.")
        found = dict.fromkeys(tuple(file.values[key] for key in keys) for file in self._files())
        return [dict(zip(keys, values, strict=True)) for values in found]

    # -- registration --------------------------------------------------------------------------------------------
    def register(
        self: Self,
        workspace: Any,
        name: str,
        description: str | None = None,
        tags: Mapping[str, Any] | None = None,
        create_new_version: bool = False,
    ) -> Self:
        """Give it a name in the workspace. What is kept is the description, never the data.

        Args:
            workspace: where.
            name: any text of 255 characters at most.
            description, tags: kept with it.
            create_new_version: whether there may be one of this name. The same description as that of the newest version
                stays that version.

        Returns:
            The registered dataset.

        Raises:
            UserErrorException: no such name can be, another dataset has it and `create_new_version` is False, or it names
                datastores of another workspace.
        """
        name = checked_name(name)
        if self._workspace is not None and self._workspace.url != workspace.url and self._names_datastores():
            raise UserErrorException(
                f"The dataset lies in datastores of the workspace {self._workspace.name!r}; register it there."
            )
        digest, store = self._digest(), workspace.connection.store
        there = store.asset(KIND, name)
        if there is not None and there.data.get("type") != self.TYPE:
            raise UserErrorException(
                f"The dataset {name!r} is of type {there.data.get('type')}; choose another name for this one."
            )
        if there is not None and there.hash != digest and not create_new_version:
            raise UserErrorException(
                f"There is a dataset {name!r} already, of other data. create_new_version=True registers this one as its next version."
            )
        record = AssetRecord(
            kind=KIND, name=name, hash=digest, created=time.time(), user=user_name(), data=self._definition,
            description=description or "", tags=tags_of(tags), run=registered_by(workspace),
        )  # fmt: skip
        signed_urls.keep(workspace, self._source.get("places", ()))
        kept = store.put_asset(record, if_exists="same")
        if there is not None and kept.id == there.id and (description is not None or tags):
            kept = store.change_asset(
                kept.id, at=time.time(), who=user_name(), description=description, set_tags=tags_of(tags)
            )
        return type(self)(self._definition, workspace, kept)

    def _names_datastores(self) -> bool:
        return "datastore" in self._source or any("datastore" in place for place in self._source.get("places", ()))

    def _change(self, **what: Any) -> None:
        if self._registered is None:
            raise UserErrorException("The dataset is not registered: register(workspace, name) first.")
        self._record = self._workspace.connection.store.change_asset(
            self._registered.id, at=time.time(), who=user_name(), **what
        )

    def add_tags(self: Self, tags: Mapping[str, Any] | None = None) -> Self:
        """Add tags, or give them other values. Raises UserErrorException when it is not registered."""
        self._change(set_tags=tags_of(tags))
        return self

    def remove_tags(self: Self, tags: Sequence[str] | None = None) -> Self:
        """Remove tags by name. Raises UserErrorException when it is not registered."""
        self._change(drop_tags=[tags] if isinstance(tags, str) else list(tags or ()))
        return self

    def update(self: Self, description: str | None = None, tags: Mapping[str, Any] | None = None) -> Self:
        """Change its description; `tags` replace all that it has. Raises UserErrorException when it is not registered."""
        drop = [name for name in self.tags or {} if tags is not None and name not in tags]
        self._change(description=description, set_tags=tags_of(tags), drop_tags=drop)
        return self

    def unregister_all_versions(self) -> None:
        """Take the name away, with all of its versions. The data stay where they are; runs that used it keep their notes."""
        if self._registered is None:
            raise UserErrorException("The dataset is not registered.")
        store = self._workspace.connection.store
        for record in list(store.walk_assets(AssetQuery(kind=KIND, name=self.name, archived=True))):
            store.delete_asset(record.id, at=time.time(), who=user_name())
        self._record = None

    # -- for runs ------------------------------------------------------------------------------------------------
    def as_named_input(self, name: str) -> DatasetConsumptionConfig:
        """As the input of a run: there it is ``run.input_datasets[name]``.

        Raises:
            UserErrorException: the name is not of letters, digits and underscores.
        """
        from jupyter_aml.data.inputs import DatasetConsumptionConfig

        return DatasetConsumptionConfig(name, self)

    # -- displays ------------------------------------------------------------------------------------------------
    def _told(self) -> dict[str, Any]:
        """Facts for displays; must not read the data."""
        about: dict[str, Any] = {"Type": self.TYPE}
        if self._registered is not None:
            about.update({"Name": self.name, "Version": self.version, "Description": self.description or "–"})
            about["Tags"] = ", ".join(k if v is None else f"{k}={v}" for k, v in (self.tags or {}).items()) or "–"
        about["Lies in"] = ", ".join(said(place) for place in self._source.get("places", [])[:5]) or self._source.get(
            "datastore", "–"
        )
        about["Steps"] = ", ".join(step["op"] for step in self._steps) or "–"
        return about

    def __repr__(self) -> str:
        source = [said(place) for place in self._source.get("places", [])] or [str(self._source.get("datastore"))]
        about: dict[str, Any] = {"source": source, "definition": [step["op"] for step in self._steps]}
        if self._registered is not None:
            about["registration"] = {
                "id": self._registered.id, "name": self.name, "version": self.version, "description": self.description,
                "tags": self.tags,
            }  # fmt: skip
        return f"{type(self).__name__}\n{json.dumps(about, indent=2, ensure_ascii=False, default=str)}"

    def _repr_html_(self) -> str:
        with contextlib.suppress(Exception):
            return facts(self.name or f"{type(self).__name__} (not registered)", self._told())
        return "<div>Dataset</div>"


def _typed(value: Any, kind: str | None) -> Any:
    """What a path tells, as the type that the column had when the files were written."""
    try:
        if kind == "long":
            return int(value)
        if kind == "float":
            return float(value)
        if kind == "bool":
            return str(value).lower() == "true"
        return datetime.fromisoformat(value) if kind == "datetime" else value
    except ValueError:
        raise DatasetValidationError(f"{value!r} in the path of a file is no {kind}.") from None


def checked_name(name: Any) -> str:
    """A name that a dataset can have. Raises UserErrorException."""
    if not isinstance(name, str) or not name.strip() or len(name) > 255 or any(ord(c) < 32 for c in name):
        raise UserErrorException(f"{name!r} is no name of a dataset: use a text of 1 to 255 characters.")
    return name


def tags_of(tags: Mapping[str, Any] | None) -> dict[str, str | None]:
    """Tags as the store keeps them. Raises UserErrorException when they are no mapping."""
    if tags is not None and not isinstance(tags, Mapping):
        raise UserErrorException(f"tags are a dict of names and values, not {tags!r}.")
    return {str(k): None if v is None else str(v) for k, v in (tags or {}).items()}
