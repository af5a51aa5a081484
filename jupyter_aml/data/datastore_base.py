"""What every datastore is: a name in a workspace, and how to reach a place. What opens the place lies in the key vault."""

from __future__ import annotations

import getpass
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from jupyter_aml.data import secret_outputs
from jupyter_aml.data.vault import Vault, vault_of
from jupyter_aml.errors import NotFoundException, UserErrorException
from jupyter_aml.store.records import AssetRecord

KIND = "datastore"
DEFAULT = "workspaceblobstore"
FILESTORE = "workspacefilestore"
DEFAULT_SETTING = "default_datastore"


class AbstractDatastore:
    """A datastore. `Datastore(workspace, name)` gives one of the right class.

    Args:
        workspace: whose it is.
        record: what the store keeps of it; or a name, for one that is not registered: its place and what opens it follow then,
            as the SDK's constructors have them.
        *place, **about: those, in the order of `ARGUMENTS`.

    Raises:
        UserErrorException: arguments that the class has not.
    """

    TYPE: ClassVar[str] = ""
    """What `datastore_type` says, and the registration."""
    SECRETS: ClassVar[tuple[str, ...]] = ()
    """Names of what opens it: kept in the vault, never in the record."""

    ARGUMENTS: ClassVar[tuple[str, ...]] = ()
    """What stands behind the name in its constructor."""

    def __init__(self, workspace: Any, record: Any = None, *place: Any, **about: Any) -> None:
        self._workspace = workspace
        self._opened: dict[str, str] | None = None
        if not isinstance(record, AssetRecord):
            record = self._unregistered(about.pop("name", record), place, about)
        self._record: AssetRecord = record
        self._about: Mapping[str, Any] = record.data

    def _unregistered(self, name: Any, place: tuple[Any, ...], about: dict[str, Any]) -> AssetRecord:
        given = {**dict(zip(self.ARGUMENTS, place, strict=False)), **about}
        unknown = [key for key in given if key not in self.ARGUMENTS]
        if not isinstance(name, str) or unknown or len(place) > len(self.ARGUMENTS):
            raise UserErrorException(
                f"{type(self).__name__} takes a workspace, a name, and {', '.join(self.ARGUMENTS) or 'nothing else'}. "
                "Datastore.register_… registers one, and Datastore(workspace, name) gives it."
            )
        self._opened = {key: given.pop(key) for key in self.SECRETS if given.get(key) is not None}
        for value in self._opened.values():
            secret_outputs.hide(value)
        data = {**given, "type": self.TYPE, "credentials": sorted(self._opened)}
        return AssetRecord(kind=KIND, name=name, version=1, id="", data=data)

    # -- what it is ----------------------------------------------------------------------------------------------
    @property
    def name(self) -> str:
        """Its name."""
        return self._record.name

    @property
    def workspace(self) -> Any:
        """Its workspace."""
        return self._workspace

    @property
    def datastore_type(self) -> str:
        """Its type, as "AzureBlob"."""
        return self.TYPE

    @property
    def is_builtin(self) -> bool:
        """Whether every workspace has it."""
        return bool(self._about.get("builtin"))

    @property
    def description(self) -> str:
        """What it is for."""
        return self._record.description

    @property
    def tags(self) -> dict[str, str | None]:
        """Its tags."""
        return dict(self._record.tags)

    def _known(self, name: str) -> Any:
        return self._about.get(name)

    def _serialize(self) -> dict[str, Any]:
        """What may be shown of it: no credential, only the names of those that there are."""
        about = {k: v for k, v in self._about.items() if k not in ("type", "builtin", "credentials") and v is not None}
        return {
            "name": self.name, "type": self.datastore_type, "builtin": self.is_builtin, "settings": about,
            "credentials": list(self._about.get("credentials") or ()), "description": self.description, "tags": self.tags,
        }  # fmt: skip

    # -- what opens it -------------------------------------------------------------------------------------------
    def _credentials(self) -> dict[str, str]:
        """What opens it, from the vault (asked once). Never shown."""
        if self._opened is None:
            names = self._about.get("credentials") or ()
            self._opened = vault_of(self._workspace).credentials(self.name) if names else {}
            for value in self._opened.values():
                secret_outputs.hide(value)
        return self._opened

    def _secret(self, name: str) -> str | None:
        return self._credentials().get(name)

    # -- what is done with it ------------------------------------------------------------------------------------
    def set_as_default(self) -> None:
        """Use it where none is named. Raises UserErrorException when it is not registered."""
        if not self._record.id:
            raise UserErrorException(f"The datastore {self.name!r} is not registered: Datastore.register_… does that.")
        self._workspace.connection.store.put_settings({DEFAULT_SETTING: self.name})

    def unregister(self) -> None:
        """Take it out of the workspace. Its data stays where it is; what opened it is removed from the vault.

        Raises:
            UserErrorException: every workspace has it.
            NotFoundException: it is gone already.
        """
        if self.is_builtin:
            raise UserErrorException(f"{self.name!r} belongs to the workspace and stays.")
        store = self._workspace.connection.store
        if not store.delete_asset(self._record.id, at=time.time(), who=who()):
            raise NotFoundException(f"The datastore {self.name!r} is not registered any more.")
        vault: Vault = vault_of(self._workspace)
        if self._about.get("credentials"):
            vault.forget_credentials(self.name)
        if store.settings().get(DEFAULT_SETTING) == self.name:
            store.put_settings({DEFAULT_SETTING: DEFAULT})

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} in workspace {self._workspace.name!r}>"

    def _repr_html_(self) -> str:
        from html import escape

        shown = {"Name": self.name, "Type": self.datastore_type, **self._serialize()["settings"]}
        rows = "".join(f"<tr><th>{escape(str(k))}</th><td>{escape(str(v))}</td></tr>" for k, v in shown.items())
        return f"<table>{rows}</table>"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None}


def who() -> str:
    """The user of this process."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""
