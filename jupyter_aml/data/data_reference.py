"""A place in a datastore as a script gets it: mounted, downloaded or to be uploaded to."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

from jupyter_aml.data.datastore_paths import from_root, join
from jupyter_aml.errors import UserErrorException

if TYPE_CHECKING:
    from jupyter_aml.data.data_path import DataPath, DataPathComputeBinding

MODES = ("mount", "download", "upload")
_NAME = re.compile(r"[A-Za-z0-9_]{1,255}\Z")


class DataReferenceConfiguration:
    """A place in a datastore as a run's configuration has it: ``run_config.data_references["name"] = …``.

    Args:
        datastore_name: of the datastore.
        mode: "mount", "download" or "upload".
        path_on_datastore: relative to the datastore; the datastore itself without one.
        path_on_compute: where the script has it.
        overwrite: whether what is there already may be overwritten.
    """

    def __init__(
        self,
        datastore_name: str | None = None,
        mode: str = "mount",
        path_on_datastore: str | None = None,
        path_on_compute: str | None = None,
        overwrite: bool = False,
    ) -> None:
        self.data_store_name = datastore_name
        self.mode = mode
        self.path_on_data_store = path_on_datastore
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite

    def _reference(self, name: str, workspace: Any) -> DataReference:
        """The reference of that name.

        Raises:
            UserErrorException: a name, mode or path that cannot be.
            NotFoundException: no such datastore.
        """
        from jupyter_aml.data.datastore import Datastore

        store = (
            Datastore.get(workspace, self.data_store_name) if self.data_store_name else Datastore.get_default(workspace)
        )
        return DataReference(
            store, name, self.path_on_data_store, self.mode,
            self.path_on_compute, self.overwrite,
        )  # fmt: skip


class DataReference:
    """A place in a datastore, and how a script is to have it. In a script's arguments it becomes a local path.

    Args:
        datastore: where.
        data_reference_name: what the script knows it as (``$AZUREML_DATAREFERENCE_<name>``); made up where it is not said.
        path_on_datastore: relative to the datastore; the datastore itself without one.
        mode: "mount", "download" or "upload".
        path_on_compute: where the script has it.
        overwrite: whether what is there already may be overwritten.

    Raises:
        UserErrorException: such a name, mode or path cannot be.
    """

    def __init__(
        self,
        datastore: Any,
        data_reference_name: str | None = None,
        path_on_datastore: str | None = None,
        mode: str = "mount",
        path_on_compute: str | None = None,
        overwrite: bool = False,
    ) -> None:
        name = data_reference_name or uuid.uuid4().hex
        if not isinstance(name, str) or not _NAME.match(name):
            raise UserErrorException(
                f"{data_reference_name!r} is no name of a data reference: use letters, digits and underscores."
            )
        self._datastore = datastore
        self._name = name
        self._path = from_root(path_on_datastore) or None
        self._mode = _checked_mode(mode)
        self._path_on_compute = path_on_compute
        self._overwrite = bool(overwrite)

    # -- what it is ----------------------------------------------------------------------------------------------
    @property
    def datastore(self) -> Any:
        """Its datastore."""
        return self._datastore

    @property
    def data_reference_name(self) -> str:
        """What the script knows it as."""
        return self._name

    @property
    def path_on_datastore(self) -> str | None:
        """Relative to the datastore; None for the datastore itself."""
        return self._path

    @property
    def mode(self) -> str:
        """ "mount", "download" or "upload"; may be set."""
        return self._mode

    @mode.setter
    def mode(self, value: str) -> None:
        self._mode = _checked_mode(value)

    @property
    def path_on_compute(self) -> str | None:
        """Where the script has it, if that was said; may be set."""
        return self._path_on_compute

    @path_on_compute.setter
    def path_on_compute(self, value: str | None) -> None:
        self._path_on_compute = value

    @property
    def overwrite(self) -> bool:
        """Whether what is there already may be overwritten; may be set."""
        return self._overwrite

    @overwrite.setter
    def overwrite(self, value: bool) -> None:
        self._overwrite = bool(value)

    # -- others from it ------------------------------------------------------------------------------------------
    def path(self, path: str | None = None, data_reference_name: str | None = None) -> DataReference:
        """A place below this one.

        Raises:
            UserErrorException: the path leaves it.
        """
        return self._with(
            path_on_datastore=join(self._path or "", from_root(path)), data_reference_name=data_reference_name
        )

    def as_download(self, path_on_compute: str | None = None, overwrite: bool = False) -> DataReference:
        """The same, downloaded before the script starts."""
        return self._with(mode="download", path_on_compute=path_on_compute, overwrite=overwrite)

    def as_upload(self, path_on_compute: str | None = None, overwrite: bool = False) -> DataReference:
        """The same, uploaded when the script has ended."""
        return self._with(mode="upload", path_on_compute=path_on_compute, overwrite=overwrite)

    def as_mount(self) -> DataReference:
        """The same, as a folder that is the datastore's."""
        return self._with(mode="mount")

    def _with(self, **changed: Any) -> DataReference:
        about = {
            "data_reference_name": self._name, "path_on_datastore": self._path, "mode": self._mode,
            "path_on_compute": self._path_on_compute, "overwrite": self._overwrite,
        }  # fmt: skip
        return DataReference(self._datastore, **{**about, **changed})

    @staticmethod
    def create(
        data_reference_name: str | None = None,
        datapath: DataPath | None = None,
        datapath_compute_binding: DataPathComputeBinding | None = None,
    ) -> DataReference:
        """One for a `DataPath`.

        Raises:
            UserErrorException: no path with a datastore is given.
        """
        if datapath is None:
            raise UserErrorException("A data reference needs datapath=DataPath(datastore, path).")
        return datapath.create_data_reference(data_reference_name, datapath_compute_binding)

    def to_config(self) -> DataReferenceConfiguration:
        """As `RunConfiguration.data_references` keeps it, under a name."""
        return DataReferenceConfiguration(
            self._datastore.name, self._mode, self._path, self._path_on_compute, self._overwrite
        )

    def __str__(self) -> str:
        return f"$AZUREML_DATAREFERENCE_{self._name}"

    def __repr__(self) -> str:
        return (
            f"<DataReference {self._name} datastore={self._datastore.name!r} path={self._path!r} mode={self._mode!r}>"
        )


def _checked_mode(mode: str) -> str:
    if mode not in MODES:
        raise UserErrorException(f"The mode of a data reference is one of {', '.join(MODES)}, not {mode!r}.")
    return mode
