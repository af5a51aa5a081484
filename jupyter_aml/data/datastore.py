"""Datastore: opens a workspace's datastores by name and registers others. Its surface is that of the AzureML SDK v1.

Reference: https://learn.microsoft.com/python/api/azureml-core/azureml.core.datastore.datastore
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, cast

from jupyter_aml.data.datastore_azure import (
    AzureBlobDatastore,
    AzureDataLakeDatastore,
    AzureDataLakeGen2Datastore,
    AzureFileDatastore,
)
from jupyter_aml.data.datastore_base import DEFAULT, DEFAULT_SETTING, FILESTORE, KIND, AbstractDatastore
from jupyter_aml.data.datastore_client import ServedClient
from jupyter_aml.data.datastore_files import FilesDatastore
from jupyter_aml.data.datastore_open import (
    GCSDatastore,
    HttpDatastore,
    LocalFolderDatastore,
    S3Datastore,
    SftpDatastore,
)
from jupyter_aml.data.datastore_register import Registration
from jupyter_aml.data.datastore_sql import (
    AzureMySqlDatastore,
    AzurePostgreSqlDatastore,
    AzureSqlDatabaseDatastore,
    SqlDatastore,
)
from jupyter_aml.errors import NotFoundException, UserErrorException, WorkspaceException
from jupyter_aml.store.records import AssetQuery, AssetRecord

KINDS: dict[str, type[AbstractDatastore]] = {
    kind.TYPE: kind
    for kind in (
        AzureBlobDatastore, AzureFileDatastore, AzureDataLakeDatastore, AzureDataLakeGen2Datastore,
        AzureSqlDatabaseDatastore, AzurePostgreSqlDatastore, AzureMySqlDatastore,
        LocalFolderDatastore, S3Datastore, GCSDatastore, HttpDatastore, SftpDatastore, SqlDatastore,
    )
}  # fmt: skip


class _Facade(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, AbstractDatastore)


class Datastore(Registration, FilesDatastore, metaclass=_Facade):
    """``Datastore(workspace, name)`` is the datastore of that name, of the class that fits its type; without a name it is
    the default one.

    Args:
        workspace: whose.
        name: its name.

    Raises:
        NotFoundException: there is none of that name.
    """

    KINDS: ClassVar[Mapping[str, type[AbstractDatastore]]] = KINDS

    def __new__(cls, workspace: Any, name: str | None = None) -> Any:
        """See the class."""
        return Datastore.get(workspace, name) if name is not None else Datastore.get_default(workspace)

    def __init__(self, workspace: Any, name: str | None = None) -> None:  # of the instances' classes, which are others
        raise AssertionError("Datastore() gives an instance of the class that fits")

    # -- by name -------------------------------------------------------------------------------------------------
    @staticmethod
    def get(workspace: Any, datastore_name: str) -> Datastore:
        """The datastore of that name, in capital or small letters.

        Raises:
            NotFoundException: there is none.
        """
        if not isinstance(datastore_name, str):
            raise UserErrorException(f"A datastore's name is a text, not {type(datastore_name).__name__}.")
        record = workspace.connection.store.asset(KIND, datastore_name)
        if record is None:
            record = _builtins(workspace).get(datastore_name)
        if record is None:
            known = Datastore._all(workspace)
            spelled = _spelled(datastore_name, known)
            if spelled is not None:
                return known[spelled]
            raise NotFoundException.of(
                "datastore", datastore_name, known, "Workspace.datastores has those that there are."
            )
        return _made(workspace, record)

    @staticmethod
    def get_default(workspace: Any) -> Datastore:
        """The datastore that is used where none is named."""
        return Datastore.get(workspace, _default_name(workspace))

    @staticmethod
    def _all(workspace: Any) -> Mapping[str, Datastore]:
        """Name → datastore, of all that there are; the workspace's own come first."""
        found = {record.name: record for record in workspace.connection.store.walk_assets(AssetQuery(kind=KIND))}
        return _ByName({name: _made(workspace, record) for name, record in {**_builtins(workspace), **found}.items()})

    @staticmethod
    def _name_of(workspace: Any, name: str) -> str:
        """How the datastore of that name is spelled; as given, when there is none."""
        return _spelled(name, Datastore._all(workspace)) or name

    @staticmethod
    def _set_default(workspace: Any, name: str) -> None:
        Datastore.get(workspace, name).set_as_default()


class _ByName(dict[str, Datastore]):
    """Names are found in capital or small letters."""

    def __missing__(self, name: str) -> Datastore:
        spelled = _spelled(name, self)
        if spelled is None:
            raise KeyError(name)
        return self[spelled]


def _spelled(name: str, known: Iterable[str]) -> str | None:
    wanted = name.casefold()
    return next((one for one in known if one.casefold() == wanted), None)


def _default_name(workspace: Any) -> str:
    place = workspace.connection.place
    if place.kind != "http":
        return str(workspace.connection.store.settings().get(DEFAULT_SETTING) or DEFAULT)
    # A run's token does not read the workspace's settings, but it may ask this.
    return str(json.loads(ServedClient(place.address).ask("GET", "datastores").data)["default"])


def _made(workspace: Any, record: AssetRecord) -> Datastore:
    kind = KINDS.get(str(record.data.get("type")))
    if kind is None:
        raise WorkspaceException(
            f"The datastore {record.name!r} is of a type that is not known here ({record.data.get('type')!r}). Update jupyter_aml."
        )
    return cast(Datastore, kind(workspace, record))


def _builtins(workspace: Any) -> dict[str, AssetRecord]:
    """The records of the datastores that every workspace has. They are written nowhere."""
    id = str(workspace.id)
    account = "aml" + "".join(c for c in id.lower() if c.isalnum())[:20]
    found = {}
    for name, kind, container in (
        (DEFAULT, AzureBlobDatastore, f"azureml-blobstore-{id}"),
        (FILESTORE, AzureFileDatastore, f"azureml-filestore-{id}"),
    ):
        about = {"type": kind.TYPE, "builtin": True, "account_name": account, "container_name": container}
        found[name] = AssetRecord(kind=KIND, name=name, version=1, id=f"builtin-{name}", data=about)
    return found
