"""Places where a run writes datasets."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jupyter_aml.data.dataset_base import UNNAMED, AbstractDataset, checked_name, tags_of
from jupyter_aml.data.dataset_factory import _types
from jupyter_aml.data.dataset_lineage import link
from jupyter_aml.data.dataset_paths import PartitionFormat
from jupyter_aml.data.datastore_paths import from_root, join
from jupyter_aml.data.file_dataset import FileDataset
from jupyter_aml.data.tabular_dataset import TabularDataset, seed_of, share
from jupyter_aml.data.types import DataType, PromoteHeadersBehavior
from jupyter_aml.errors import ConflictException, UserErrorException
from jupyter_aml.store.records import AssetRecord

OUTPUTS = "JUPYTER_AML_OUTPUTS"
DEFAULT_PATH = "dataset/{run-id}/{output-name}"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}\Z")


class RegistrationConfiguration:
    """How an output is registered when its run has completed."""

    def __init__(self, name: str, description: str | None, tags: Mapping[str, Any] | None) -> None:
        self.name = checked_name(name)
        self.description = description
        self.tags = tags_of(tags)


class MountOptions:
    """How an output is mounted."""

    def __init__(self, disable_metadata_cache: bool = False) -> None:
        self.disable_metadata_cache = disable_metadata_cache


class UploadOptions:
    """How an output is sent."""

    def __init__(self, overwrite: bool = False, source_globs: str | Sequence[str] | None = None) -> None:
        self.overwrite = overwrite
        self.source_globs = [source_globs] if isinstance(source_globs, str) else list(source_globs or ())


class OutputDatasetConfig:
    """Something that a run writes and that is a dataset then.

    Args:
        mode: "mount" (it writes into the datastore where it can) or "upload" (what it wrote is sent when it has ended).
        name: letters, digits and underscores; made up where it is not said.

    Raises:
        UserErrorException: no such name or mode can be.
    """

    def __init__(self, mode: str, name: str | None = None, **kwargs: Any) -> None:
        if mode not in ("mount", "upload"):
            raise UserErrorException(f"The mode of an output is 'mount' or 'upload', not {mode!r}.")
        name = name or f"output_{os.urandom(4).hex()}"
        if not _NAME.match(name):
            raise UserErrorException(f"{name!r} is no name of an output: use letters, digits and underscores.")
        self._name = name
        self.mode = mode
        self._registration: RegistrationConfiguration | None = None

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @property
    def arg_val(self) -> str:
        """What stands for it in arguments that are shown."""
        return f"DatasetOutputConfig:{self._name}"

    def register_on_complete(
        self, name: str, description: str | None = None, tags: Mapping[str, Any] | None = None
    ) -> Any:
        """The same, registered as the next version of this name when the run has completed."""
        made = self._copy()
        made._registration = RegistrationConfiguration(name, description, tags)
        return made

    def as_input(self, name: str | None = None) -> Any:
        """As the input of another step of a pipeline."""
        from jupyter_aml.data.inputs import DatasetConsumptionConfig

        return DatasetConsumptionConfig(
            name or self._name, self, "mount" if isinstance(self, OutputFileDatasetConfig) else "direct"
        )

    def _copy(self) -> Any:
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__)
        return made

    def _packed(self, workspace: Any) -> dict[str, Any]:
        raise NotImplementedError

    def __str__(self) -> str:
        return self.arg_val


class TransformationMixin:
    """Outputs that can be read as tables."""

    def read_delimited_files(
        self,
        include_path: bool = False,
        separator: str = ",",
        header: PromoteHeadersBehavior = PromoteHeadersBehavior.ALL_FILES_HAVE_SAME_HEADERS,
        partition_format: str | None = None,
        path_glob: str | None = None,
        set_column_types: Mapping[str, DataType] | None = None,
    ) -> OutputTabularDatasetConfig:
        """The files as a table of delimited text; arguments as of `Dataset.Tabular.from_delimited_files`.

        Args:
            path_glob: only the files whose path fits, as ``*.csv``.
        """
        source = {"format": "delimited", "separator": separator, "header": header.name}
        return self._read(source, include_path, partition_format, path_glob, set_column_types)

    def read_parquet_files(
        self,
        include_path: bool = False,
        partition_format: str | None = None,
        path_glob: str | None = None,
        set_column_types: Mapping[str, DataType] | None = None,
    ) -> OutputTabularDatasetConfig:
        """The files as a table of Parquet; as `read_delimited_files`."""
        return self._read({"format": "parquet"}, include_path, partition_format, path_glob, set_column_types)

    def _read(
        self, source: dict[str, Any], include_path: bool, form: str | None, glob: str | None, types: Any
    ) -> OutputTabularDatasetConfig:
        if include_path:
            source["include_path"] = True
        if form:
            source["partition_format"] = PartitionFormat(form).text
        if types:
            source["types"] = _types(types)
        return OutputTabularDatasetConfig(output_file_dataset_config=self, source=source, path_glob=glob)


class OutputFileDatasetConfig(OutputDatasetConfig, TransformationMixin):
    """A folder that a run writes, and that is a FileDataset then.

    Args:
        name: of the output.
        destination: ``(datastore, path)``; ``{run-id}`` and ``{output-name}`` in the path are filled in. By default
            ``dataset/{run-id}/{output-name}`` of the workspace's default datastore.
        source: the local folder or file that the script writes; by default one that is made for it.
        partition_format: keys that the paths tell.

    Raises:
        UserErrorException: one of these cannot be.
    """

    def __init__(
        self,
        name: str | None = None,
        destination: Any = None,
        source: str | None = None,
        partition_format: str | None = None,
    ) -> None:
        super().__init__("mount", name)
        if destination is not None and not (isinstance(destination, tuple) and len(destination) == 2):
            if not hasattr(destination, "datastore_type"):
                raise UserErrorException(f"destination is (datastore, 'folder'), not {destination!r}.")
            destination = (destination, DEFAULT_PATH)
        if destination is not None:
            from_root(str(destination[1]).replace("{run-id}", "r").replace("{output-name}", "o"))
        self.destination = destination
        self.source = source
        self._partition_format = PartitionFormat(partition_format).text if partition_format else None
        self._upload = UploadOptions()
        self._mount = MountOptions()

    def as_mount(self, disable_metadata_cache: bool = False) -> OutputFileDatasetConfig:
        """The run writes into the datastore's folder itself, where that is on its machine."""
        made: OutputFileDatasetConfig = self._copy()
        made.mode, made._mount = "mount", MountOptions(disable_metadata_cache)
        return made

    def as_upload(
        self, overwrite: bool = False, source_globs: str | Sequence[str] | None = None
    ) -> OutputFileDatasetConfig:
        """What the run wrote is sent when it has ended.

        Args:
            overwrite: replace files that are there.
            source_globs: only files whose path fits one of these.
        """
        made: OutputFileDatasetConfig = self._copy()
        made.mode, made._upload = "upload", UploadOptions(overwrite, source_globs)
        return made

    def _packed(self, workspace: Any) -> dict[str, Any]:
        datastore, path = self.destination or (workspace.get_default_datastore(), DEFAULT_PATH)
        packed: dict[str, Any] = {
            "mode": self.mode, "datastore": datastore.name, "path": str(path), "source": self.source,
            "overwrite": self._upload.overwrite, "globs": self._upload.source_globs,
            "partition_format": self._partition_format,
        }  # fmt: skip
        if self._registration is not None:
            about = self._registration
            packed["register"] = {"name": about.name, "description": about.description, "tags": about.tags}
        return packed


class OutputTabularDatasetConfig(OutputDatasetConfig):
    """A folder that a run writes, and that is a TabularDataset then. Made by `OutputFileDatasetConfig.read_delimited_files`."""

    def __init__(self, **kwargs: Any) -> None:
        self._file: Any = kwargs.get("output_file_dataset_config")
        if not isinstance(self._file, OutputFileDatasetConfig):
            raise UserErrorException(
                "Make it by OutputFileDatasetConfig(…).read_delimited_files() or read_parquet_files()."
            )
        super().__init__(self._file.mode, self._file.name)
        self._source = dict(kwargs.get("source") or {"format": "parquet"})
        self._glob = kwargs.get("path_glob")
        self._steps: list[dict[str, Any]] = []
        self._registration = self._file._registration

    def keep_columns(self, columns: str | Sequence[str]) -> OutputTabularDatasetConfig:
        """With these columns only."""
        return self._step({"op": "keep", "columns": [columns] if isinstance(columns, str) else list(columns)})

    def drop_columns(self, columns: str | Sequence[str]) -> OutputTabularDatasetConfig:
        """Without these columns."""
        return self._step({"op": "drop", "columns": [columns] if isinstance(columns, str) else list(columns)})

    def random_split(self, percentage: float, seed: int | None = None) -> tuple[Any, Any]:
        """Two outputs of the same files: about this share of the rows, and all others."""
        cut = share(percentage)
        first = {"op": "sample", "from": 0.0, "to": cut, "seed": seed_of(seed)}
        return self._step(first), self._step({**first, "from": cut, "to": 1.0})

    def as_mount(self) -> OutputTabularDatasetConfig:
        """See `OutputFileDatasetConfig.as_mount`."""
        made: OutputTabularDatasetConfig = self._copy()
        made._file, made.mode = self._file.as_mount(), "mount"
        return made

    def as_upload(
        self, overwrite: bool = False, source_globs: str | Sequence[str] | None = None
    ) -> OutputTabularDatasetConfig:
        """See `OutputFileDatasetConfig.as_upload`."""
        made: OutputTabularDatasetConfig = self._copy()
        made._file, made.mode = self._file.as_upload(overwrite, source_globs), "upload"
        return made

    def _step(self, step: dict[str, Any]) -> OutputTabularDatasetConfig:
        made: OutputTabularDatasetConfig = self._copy()
        made._steps = [*self._steps, step]
        return made

    def _packed(self, workspace: Any) -> dict[str, Any]:
        packed = {
            **self._file._packed(workspace),
            "table": {"source": self._source, "steps": self._steps, "glob": self._glob},
        }
        if self._registration is not None:
            about = self._registration
            packed["register"] = {"name": about.name, "description": about.description, "tags": about.tags}
        return packed


# -- for the process -------------------------------------------------------------------------------------------------
def place_for(workspace: Any, one: Mapping[str, Any], run_id: str, workdir: Path) -> dict[str, Any]:
    """Make the folder of an output, and say what `gather` needs to know of it."""
    from jupyter_aml.data.datastore import Datastore

    datastore: Any = Datastore.get(workspace, one["datastore"])
    path = from_root(one["path"].replace("{run-id}", run_id).replace("{output-name}", one["output"]))
    direct = one["mode"] == "mount" and not one.get("source") and datastore._local_root is not None
    place = Path(datastore._full(path)) if direct else workdir / "outputs" / one["output"]
    if one.get("source"):
        place = Path(one["source"]) if Path(one["source"]).is_absolute() else workdir / one["source"]
    if not one.get("source") or not Path(one["source"]).suffix:
        place.mkdir(parents=True, exist_ok=True)
    return {**one, "path": path, "place": str(place), "sent": direct}


def gather(workspace: Any, run_id: str, name: str, one: Mapping[str, Any], succeeded: bool) -> AbstractDataset | None:
    """Send what lies in the place of an output, and describe it as a dataset; None for what is no dataset."""
    from jupyter_aml.data.datastore import Datastore

    datastore: Any = Datastore.get(workspace, one["datastore"])
    if not one["sent"]:
        _send(datastore, Path(one["place"]), one)
    if one.get("reference"):
        return None
    source: dict[str, Any] = {"places": [{"datastore": datastore.name, "path": one["path"] + "/"}]}
    if one.get("partition_format"):
        source["partition_format"] = one["partition_format"]
    made: AbstractDataset
    if table := one.get("table"):
        if table.get("glob"):
            source["places"][0]["path"] += table["glob"]
        made = TabularDataset(
            {"type": "tabular", "source": {**source, **table["source"]}, "steps": table["steps"]}, workspace
        )
    else:
        made = FileDataset({"type": "file", "source": source, "steps": []}, workspace)
    wanted = one.get("register") if succeeded else None
    if wanted:
        made = made.register(workspace, wanted["name"], wanted["description"], wanted["tags"], create_new_version=True)
    else:
        made._record = _kept(workspace, made, run_id)
    assert made._record is not None  # it has just been kept
    link(workspace, run_id, "output", made._record, name, {"mode": one["mode"]})
    return made


def _kept(workspace: Any, made: AbstractDataset, run_id: str) -> AssetRecord:
    digest = made._digest()
    record = AssetRecord(kind=UNNAMED, name=digest, hash=digest, created=time.time(), data=made._definition, run=run_id)
    return workspace.connection.store.put_asset(record, if_exists="same")  # type: ignore[no-any-return]


def _send(datastore: Any, place: Path, one: Mapping[str, Any]) -> None:
    from jupyter_aml.data.upload import matcher

    if not place.exists():
        return
    files = [place] if place.is_file() else sorted(p for p in place.rglob("*") if p.is_file())
    root = place.parent if place.is_file() else place
    fits = [matcher(glob) for glob in one.get("globs") or ()]
    files = [p for p in files if not fits or any(fit(p.relative_to(root).as_posix()) for fit in fits)]
    if not one.get("overwrite"):
        fs, _ = datastore._filesystem()
        for file in files:
            path = join(one["path"], file.relative_to(root).as_posix())
            if fs.exists(datastore._full(path)):
                raise ConflictException(
                    f"{path!r} is in the datastore {datastore.name!r} already; as_upload(overwrite=True) replaces it."
                )
    if files:
        datastore.upload_files(
            [str(p) for p in files],
            relative_root=str(root),
            target_path=one["path"],
            overwrite=True,
            show_progress=False,
        )
