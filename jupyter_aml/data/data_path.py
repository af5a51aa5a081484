"""A path in a datastore, apart from how a script gets it."""

from __future__ import annotations

from typing import Any

from jupyter_aml.data.data_reference import MODES, DataReference
from jupyter_aml.data.datastore_paths import from_root
from jupyter_aml.errors import UserErrorException


class DataPath:
    """A path in a datastore.

    Args:
        datastore: where.
        path_on_datastore: relative to it; the datastore itself without one.
        name: of the path.

    Raises:
        UserErrorException: the path leaves the datastore.
    """

    def __init__(self, datastore: Any = None, path_on_datastore: str | None = None, name: str | None = None) -> None:
        self._datastore = datastore
        self._path = from_root(path_on_datastore) or None
        self._name = name

    @property
    def datastore(self) -> Any:
        """Its datastore."""
        return self._datastore

    @property
    def datastore_name(self) -> str | None:
        """Its datastore's name."""
        return None if self._datastore is None else str(self._datastore.name)

    @property
    def path_on_datastore(self) -> str | None:
        """Relative to the datastore."""
        return self._path

    @property
    def name(self) -> str | None:
        """What it is called."""
        return self._name

    def create_data_reference(
        self, data_reference_name: str | None = None, datapath_compute_binding: DataPathComputeBinding | None = None
    ) -> DataReference:
        """As a script gets it.

        Raises:
            UserErrorException: it has no datastore.
        """
        if self._datastore is None:
            raise UserErrorException("This DataPath has no datastore. Make it as DataPath(datastore, path).")
        how = datapath_compute_binding or DataPathComputeBinding()
        return DataReference(
            self._datastore, data_reference_name or self._name, self._path, how.mode, how.path_on_compute, how.overwrite
        )

    @staticmethod
    def create_from_data_reference(data_reference: DataReference) -> DataPath:
        """The path that a data reference names."""
        return DataPath(data_reference.datastore, data_reference.path_on_datastore, data_reference.data_reference_name)

    def __repr__(self) -> str:
        return f"<DataPath datastore={self.datastore_name!r} path={self._path!r}>"


class DataPathComputeBinding:
    """How a script gets a path.

    Args:
        mode: "mount", "download" or "upload".
        path_on_compute: where the script has it.
        overwrite: whether what is there already may be overwritten.

    Raises:
        UserErrorException: another mode.
    """

    def __init__(self, mode: str = "mount", path_on_compute: str | None = None, overwrite: bool = False) -> None:
        if mode not in MODES:
            raise UserErrorException(f"The mode is one of {', '.join(MODES)}, not {mode!r}.")
        self.mode = mode
        self.path_on_compute = path_on_compute
        self.overwrite = bool(overwrite)

    def create_data_reference(
        self, data_reference_name: str | None = None, datapath: DataPath | None = None
    ) -> DataReference:
        """A path as a script gets it in this way."""
        return DataReference.create(data_reference_name, datapath, self)

    @staticmethod
    def create_from_data_reference(data_reference: DataReference) -> DataPathComputeBinding:
        """How a data reference is had."""
        return DataPathComputeBinding(data_reference.mode, data_reference.path_on_compute, data_reference.overwrite)

    def __repr__(self) -> str:
        return f"<DataPathComputeBinding mode={self.mode!r}>"
