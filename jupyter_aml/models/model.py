"""Model: a version of a model in the registry. Its surface is that of the AzureML SDK v1.

Reference: https://learn.microsoft.com/python/api/azureml-core/azureml.core.model.model
"""

from __future__ import annotations

import builtins
import datetime
import time
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from jupyter_aml.errors import ModelNotFoundException, UserErrorException
from jupyter_aml.models import local, register
from jupyter_aml.models.aliases import Aliases
from jupyter_aml.models.deploying import RegistryOnly
from jupyter_aml.models.names import KIND, labels, model_name, split_id
from jupyter_aml.models.resources import ResourceConfiguration, kept_resources
from jupyter_aml.store.records import AssetQuery, AssetRecord
from jupyter_aml.tracking import html
from jupyter_aml.tracking.names import tag_names, tags_of
from jupyter_aml.tracking.run_details import iso
from jupyter_aml.tracking.who import user_name


class Model(Aliases, metaclass=RegistryOnly):
    """A registered model: the newest version that fits.

    Args:
        workspace: where it is registered.
        name: its name; the other arguments narrow down which version.
        id: ``name:version`` instead.
        tags, properties: ``["key", ["key2", "value"]]``, all of which it has.
        version: a version's number, or an alias such as "production".
        run_id: the run that registered it.
        model_framework: see `Model.Framework`.

    Raises:
        ModelNotFoundException: there is none.
    """

    class Framework:
        """What makes models; any other text will do as well."""

        CUSTOM = "Custom"
        TENSORFLOW = "TensorFlow"
        SCIKITLEARN = "ScikitLearn"
        ONNX = "Onnx"
        MULTI = "Multi"

    def __init__(
        self,
        workspace: Any,
        name: str | None = None,
        id: str | None = None,
        tags: Any = None,
        properties: Any = None,
        version: int | str | None = None,
        run_id: str | None = None,
        model_framework: str | None = None,
        expand: bool = True,
        **kwargs: Any,
    ) -> None:
        if id is not None:
            name, version = split_id(id)
        if name is None:
            raise UserErrorException("Model(workspace, name) needs the name (or the id) of a registered model.")
        number = self._number(workspace, model_name(name), version)
        query = AssetQuery(
            kind=KIND, name=name, version=number, run=run_id, tags=labels(tags),
            properties=labels(properties, "Properties"), archived=number is not None,
        )  # fmt: skip
        for record in workspace.connection.store.walk_assets(query):
            if model_framework is None or record.data.get("framework") == model_framework:
                self._adopt(workspace, record)
                local.used(workspace, record)
                return
        _missing(workspace, name, version, tags, properties, run_id)

    def _adopt(self, workspace: Any, record: AssetRecord) -> None:
        self.workspace = workspace
        self._record = record

    @classmethod
    def _of(cls, workspace: Any, record: AssetRecord) -> Model:
        made = cls.__new__(cls)
        made._adopt(workspace, record)
        return made

    # -- registering and finding -------------------------------------------------------------------------------------
    @staticmethod
    def register(
        workspace: Any,
        model_path: Any,
        model_name: str,
        tags: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
        description: str | None = None,
        datasets: Sequence[tuple[str, Any]] | None = None,
        model_framework: str | None = None,
        model_framework_version: str | None = None,
        child_paths: Sequence[Any] | None = None,
        sample_input_dataset: Any = None,
        sample_output_dataset: Any = None,
        resource_configuration: Any = None,
    ) -> Model:
        """Register a file or folder of this machine as the next version of a model.

        Args:
            workspace: where.
            model_path: the file or folder; a folder is kept under its own name.
            model_name: letters, digits, ``- _ .``, at most 255.
            tags, properties, description: kept with the version; properties never change.
            datasets: ``[("training data", dataset)]``: what it was made of.
            model_framework, model_framework_version: what made it.
            child_paths: files and folders of `model_path` to take, by their path in it; all by default.
            sample_input_dataset, sample_output_dataset: datasets that show what it takes and gives.
            resource_configuration: what it needs when it is deployed.

        Raises:
            UserErrorException: a name that cannot be, or no such files.
            StoreUnavailableException: no room; nothing is registered then.
        """
        return register.register_of_path(
            workspace, model_path, model_name, tags=tags, properties=properties, description=description,
            datasets=datasets, model_framework=model_framework, model_framework_version=model_framework_version,
            child_paths=child_paths, sample_input_dataset=sample_input_dataset,
            sample_output_dataset=sample_output_dataset, resource_configuration=resource_configuration,
        )  # fmt: skip

    @staticmethod
    def list(
        workspace: Any,
        name: str | None = None,
        tags: Any = None,
        properties: Any = None,
        run_id: str | None = None,
        latest: bool = False,
        dataset_id: str | None = None,
        expand: bool = True,
        page_count: int = 255,
        model_framework: str | None = None,
    ) -> builtins.list[Model]:
        """The models that fit, by name, newest version first.

        Args:
            workspace: where.
            name: of this name.
            tags, properties: ``["key", ["key2", "value"]]``, all of which they have.
            run_id: registered by this run.
            latest: the newest version of each name only.
            dataset_id: made of this dataset.
            model_framework: see `Model.Framework`.
        """
        query = AssetQuery(
            kind=KIND,
            name=name,
            run=run_id,
            latest=latest,
            tags=labels(tags),
            properties=labels(properties, "Properties"),
        )
        return [
            Model._of(workspace, record)
            for record in workspace.connection.store.walk_assets(query)
            if (model_framework is None or record.data.get("framework") == model_framework)
            and (dataset_id is None or any(d["id"] == dataset_id for d in record.data.get("datasets", ())))
        ]

    @staticmethod
    def get_model_path(model_name: str, version: int | str | None = None, _workspace: Any = None) -> str:
        """Local path of a model's file, or of its folder.

        In a scoring service it is below ``$AZUREML_MODEL_DIR``; in a run or a notebook it is fetched into ``azureml-models``
        in the working folder (once).

        Raises:
            ModelNotFoundException: there is none.
        """
        return local.model_path(Model, model_name, version, _workspace)

    # -- what it is ----------------------------------------------------------------------------------------------------
    @property
    def name(self) -> str:
        """Its name."""
        return self._record.name

    @property
    def version(self) -> int:
        """1, 2, 3 …"""
        return self._record.version

    @property
    def id(self) -> str:
        """``name:version``."""
        return f"{self.name}:{self.version}"

    @property
    def description(self) -> str:
        """What its maker says of it."""
        return self._record.description

    @property
    def tags(self) -> dict[str, str | None]:
        """Its tags."""
        return dict(self._record.tags)

    @property
    def properties(self) -> dict[str, str]:
        """Its properties, which never change."""
        return dict(self._record.properties)

    @property
    def created_by(self) -> str:
        """Who registered it."""
        return self._record.user

    @property
    def created_time(self) -> datetime.datetime:
        """When it was registered (UTC)."""
        return datetime.datetime.fromtimestamp(self._record.created, datetime.timezone.utc)

    @property
    def model_framework(self) -> str:
        """What made it; see `Model.Framework`."""
        return str(self._record.data.get("framework", Model.Framework.CUSTOM))

    @property
    def model_framework_version(self) -> str | None:
        """That one's version."""
        return self._record.data.get("framework_version")

    @property
    def run_id(self) -> str | None:
        """The run that registered it; None when it came from outside any run."""
        return self._record.run

    @property
    def run(self) -> Any:
        """The run that registered it; None when it came from outside any run, or that was deleted."""
        if self.run_id is None or self.workspace.connection.store.run(self.run_id) is None:
            return None
        return self.workspace.get_run(self.run_id)

    @property
    def experiment_name(self) -> str | None:
        """The experiment of that run."""
        return self._record.data.get("experiment")

    @property
    def datasets(self) -> dict[str, builtins.list[str]]:
        """Name → ids of the datasets that it was made of."""
        found: dict[str, builtins.list[str]] = {}
        for one in self._record.data.get("datasets", ()):
            found.setdefault(one["name"], []).append(one["id"])
        return found

    @property
    def sample_input_dataset(self) -> str | None:
        """Id of a dataset that shows what it takes."""
        return self._record.data.get("sample_input")

    @property
    def sample_output_dataset(self) -> str | None:
        """Id of a dataset that shows what it gives."""
        return self._record.data.get("sample_output")

    @property
    def resource_configuration(self) -> ResourceConfiguration | None:
        """What it needs when it is deployed."""
        return ResourceConfiguration.of(self._record.data.get("resources"))

    @property
    def files(self) -> builtins.list[str]:
        """Names of its files."""
        return sorted(self._record.files)

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(size for _, size in self._record.files.values())

    @property
    def url(self) -> str:
        """What names it in this workspace."""
        return f"aml://asset/{self.workspace.id}/models/{self.id}"

    mime_type = "application/x-python"
    unpack = False
    parent_id = None
    derived_model_ids: Sequence[str] = ()

    # -- its files -----------------------------------------------------------------------------------------------------
    def download(self, target_dir: Any = ".", exist_ok: bool = False, exists_ok: bool | None = None) -> str:
        """Write its files below a folder.

        Args:
            target_dir: the folder (made if absent).
            exist_ok: replace what is there.

        Returns:
            Path of the file, or of the model's folder.

        Raises:
            UserErrorException: something is there already.
            NotFoundException: a content was removed or altered since.
        """
        return local.download(self.workspace, self._record, target_dir, exist_ok if exists_ok is None else exists_ok)

    def get_sas_urls(self) -> NoReturn:
        """Raises UserErrorException: files of models have no signed URLs; `download` gets them."""
        raise UserErrorException(f"The files of {self.id} have no signed URLs here. download(target_dir) gets them.")

    # -- changing ------------------------------------------------------------------------------------------------------
    def update(
        self,
        tags: Mapping[str, str] | None = None,
        description: str | None = None,
        sample_input_dataset: Any = None,
        sample_output_dataset: Any = None,
        resource_configuration: Any = None,
    ) -> None:
        """Change what is given; `tags` replace those that it has."""
        gone = [name for name in self._record.tags if name not in tags] if tags is not None else []
        data = {
            "sample_input": register.dataset_id(sample_input_dataset),
            "sample_output": register.dataset_id(sample_output_dataset),
            "resources": kept_resources(resource_configuration),
        }
        self._change(
            set_tags=tags_of(tags or {}), drop_tags=gone, description=description,
            data={name: value for name, value in data.items() if value is not None},
        )  # fmt: skip

    def add_tags(self, tags: Mapping[str, str]) -> None:
        """Add or replace tags."""
        self._change(set_tags=tags_of(tags))

    def remove_tags(self, tags: Any) -> None:
        """Remove tags by name."""
        self._change(drop_tags=tag_names(tags))

    def add_properties(self, properties: Mapping[str, str]) -> None:
        """Add properties; those that are there stay as they are."""
        self._change(add_properties={k: "" if v is None else v for k, v in tags_of(properties, "Properties").items()})

    def update_tags_properties(
        self,
        add_tags: Mapping[str, str] | None = None,
        remove_tags: Any = None,
        add_properties: Mapping[str, str] | None = None,
    ) -> None:
        """Add and remove tags, and add properties, in one step."""
        self._change(
            set_tags=tags_of(add_tags or {}),
            drop_tags=tag_names(remove_tags) if remove_tags else [],
            add_properties={k: v or "" for k, v in tags_of(add_properties or {}, "Properties").items()},
        )

    def add_dataset_references(self, datasets: Sequence[tuple[str, Any]]) -> None:
        """Note datasets that it was made of: ``[("training data", dataset)]``."""
        known = [*self._record.data.get("datasets", ())]
        self._change(data={"datasets": known + [one for one in register.references(datasets) if one not in known]})

    def archive(self, archived: bool = True) -> None:
        """Leave this version out of lists and of "the newest"; it stays reachable by its version."""
        self._change(archived=archived)

    def delete(self) -> None:
        """Remove this version for good. Its number is not given again; files that nothing else has go at the next cleaning.

        Raises:
            ModelNotFoundException: it was deleted before.
        """
        self._drop_aliases()
        if not self.workspace.connection.store.delete_asset(self._record.id, at=time.time(), who=user_name()):
            raise ModelNotFoundException(f"The model {self.id} has been deleted before.")

    def _change(self, **change: Any) -> None:
        self._record = self.workspace.connection.store.change_asset(
            self._record.id, at=time.time(), who=user_name(), **change
        )

    # -- as text -------------------------------------------------------------------------------------------------------
    def serialize(self) -> dict[str, Any]:
        """All of it as a dict that JSON can say."""
        return {
            "name": self.name,
            "version": self.version,
            "id": self.id,
            "createdBy": self.created_by,
            "createdTime": iso(self._record.created),
            "description": self.description,
            "tags": self.tags,
            "properties": self.properties,
            "framework": self.model_framework,
            "frameworkVersion": self.model_framework_version,
            "runId": self.run_id,
            "experimentName": self.experiment_name,
            "snapshotId": self._record.data.get("snapshot"),
            "datasets": self.datasets,
            "sampleInputDatasetId": self.sample_input_dataset,
            "sampleOutputDatasetId": self.sample_output_dataset,
            "resourceConfiguration": self._record.data.get("resources"),
            "mimeType": self.mime_type,
            "unpack": self.unpack,
            "url": self.url,
            "aliases": self.aliases,
            "files": {path: {"sha256": digest, "size": size} for path, (digest, size) in self._record.files.items()},
            "archived": self._record.archived is not None,
            "revision": self._record.revision,
        }

    @staticmethod
    def deserialize(workspace: Any, model_payload: Mapping[str, Any]) -> Model:
        """The model that `serialize` told of.

        Raises:
            UserErrorException: the payload names none.
            ModelNotFoundException: it has been deleted.
        """
        try:
            return Model(workspace, str(model_payload["name"]), version=int(model_payload["version"]))
        except (KeyError, TypeError, ValueError):
            raise UserErrorException(
                "The payload of a model has its name and version; see Model.serialize()."
            ) from None

    def __repr__(self) -> str:
        return (
            f"Model(workspace={self.workspace!r}, name={self.name}, id={self.id}, version={self.version}, "
            f"tags={self.tags}, properties={self.properties})"
        )

    def _repr_html_(self) -> str:
        return html.facts(
            f"Model {self.id}",
            {
                "Description": self.description,
                "Tags": ", ".join(k if v is None else f"{k}: {v}" for k, v in self.tags.items()),
                "Framework": " ".join(filter(None, [self.model_framework, self.model_framework_version])),
                "Files": ", ".join(self.files[:5]) + (" …" if len(self.files) > 5 else ""),
                "Run": self.run_id or "",
            },
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and other._record.id == self._record.id

    def __hash__(self) -> int:
        return hash(self._record.id)


def _missing(workspace: Any, name: str, version: Any, tags: Any, properties: Any, run_id: Any) -> NoReturn:
    narrowed = {"version": version, "tags": tags, "properties": properties, "run_id": run_id}
    asked = ", ".join(f"{noun}={value!r}" for noun, value in narrowed.items() if value is not None)
    names = workspace.connection.store.asset_names(KIND)
    hint = f"No version of it has {asked}." if name in names and asked else ""
    if name in names:
        raise ModelNotFoundException(
            f"ModelNotFound: the model {name!r} is registered {names[name]} times. {hint}".strip()
        )
    raise ModelNotFoundException(f"ModelNotFound: {ModelNotFoundException.of('model', name, names).message}")
