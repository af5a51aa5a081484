"""Where a workspace is, as one process sees it: a folder, a PostgreSQL database, or a Jupyter server that has one.

A workspace that is not a folder has a *spool* on this machine: a folder in the user's home of workspaces with the journals that are
still to be sent, what is known of the workspace, and, readable by its owner alone, the credentials that its URL was given with.
So a URL without credentials, as it stands in a config file or is told to a child process, finds them again.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote, urlsplit

from jupyter_aml.errors import UserErrorException, WorkspaceException
from jupyter_aml.store import home
from jupyter_aml.store.url import has_credentials, parameters, without_credentials

if TYPE_CHECKING:
    from jupyter_aml.store.contract import Blobs, Store

Kind = Literal["folder", "postgresql", "http"]

SCHEMES: dict[str, Kind] = {
    "postgresql": "postgresql", "postgres": "postgresql", "http": "http", "https": "http",
}  # fmt: skip
_SPOOLS = ".remote"
_ADDRESS = "address"


@dataclass(frozen=True)
class Place:
    """A workspace's place. Made by `place_of`."""

    url: str
    """As people see it: without credentials."""
    kind: Kind
    folder: Path
    """The workspace's folder, or its spool on this machine."""
    address: str = field(default="", repr=False)
    """The URL with all that opens it."""

    # -- what it is ----------------------------------------------------------------------------------------------
    def about(self) -> dict[str, Any]:
        """``{"name", "id", "created", …}``, without asking the workspace when it was open on this machine before.

        Raises:
            WorkspaceException: there is no workspace.
            StoreUnavailableException: it was never open here, and does not answer.
        """
        if self.kind == "folder" or (self.folder / home.ABOUT).exists():
            return home.about(self.folder)
        store = self.open_store()
        try:
            return self._know(store.about())
        finally:
            store.close()

    def create(self, name: str | None = None, artifacts: str | None = None, **facts: Any) -> dict[str, Any]:
        """Make the workspace, or say what is there already. Several processes may do so at once.

        Args:
            name: its name; the folder's, the schema's or the database's without one.
            artifacts: where a database's workspace keeps its files; a folder of this machine without one.
            **facts: what else is to be known of it.

        Raises:
            WorkspaceException: it cannot be made.
        """
        if self.kind != "postgresql" and artifacts:
            raise UserErrorException(f"{self.url} keeps its files itself; artifacts= is for workspaces in a database.")
        if self.kind == "folder":
            return home.create(self.folder, name, **facts)
        if (self.folder / home.ABOUT).exists():
            return home.about(self.folder)
        store = self.open_store(create=True)
        try:
            if self.kind == "postgresql" and not store.about():
                made = {
                    "name": home.check_name(name or self._own_name()), "id": str(uuid.uuid4()), "created": time.time(),
                    "artifacts": artifacts or parameters(self.address).get("artifacts") or (self.folder / "blobs").as_uri(),
                }  # fmt: skip
                store.put_settings({**made, **facts}, keep=True)
            return self._know(store.about())
        finally:
            store.close()

    def _own_name(self) -> str:
        return parameters(self.address).get("schema") or unquote(urlsplit(self.url).path).strip("/") or "workspace"

    def _know(self, about: Mapping[str, Any]) -> dict[str, Any]:
        if not about:
            raise WorkspaceException(
                f"There is no workspace at {self.url}. Workspace.from_url(…, create=True) makes one."
            )
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(self.folder / home.ABOUT, json.dumps({**about, "url": self.url}))
        return home.about(self.folder)

    # -- ways in -------------------------------------------------------------------------------------------------
    def open_store(self, *, create: bool = False) -> Store:
        """The store. `create`: make what a database needs to hold a workspace."""
        if self.kind == "folder":
            from jupyter_aml.store.sql.store import in_folder

            return in_folder(self.folder)
        if self.kind == "postgresql":
            from jupyter_aml.store.sql.store import on_postgresql

            return on_postgresql(self.address, create=create)
        from jupyter_aml.store.http.store import HttpStore

        return HttpStore(self.address)

    def open_blobs(self) -> Blobs:
        """The contents; for a folder no database is needed."""
        if self.kind == "http":
            from jupyter_aml.store.http.blobs import HttpBlobs

            return HttpBlobs(self.address)
        if self.kind == "folder":
            from jupyter_aml.store.blobs import FolderBlobs

            return FolderBlobs(self.folder / "blobs")
        from jupyter_aml.store.fs_blobs import open_blobs

        return open_blobs(self.about()["artifacts"])


def place_of(url: str | Path) -> Place:
    """The place that a workspace URL names: a folder's path, ``file://``, ``postgresql://`` or ``http(s)://``.

    Credentials in the URL are kept for this user, in a file that only they can read.

    Raises:
        UserErrorException: a scheme that is not served.
    """
    text = os.fspath(url)
    parts = urlsplit(text)
    kind = SCHEMES.get(parts.scheme) if "://" in text else None
    if kind is None:
        folder = home.parse_url(url)
        return Place(url=str(folder), kind="folder", folder=folder, address=str(folder))
    shown = without_credentials(text)
    if not urlsplit(shown).hostname and kind == "http":
        raise UserErrorException(f"{shown!r} names no server.")
    place = Place(
        url=shown,
        kind=kind,
        folder=home.home() / _SPOOLS / hashlib.sha256(shown.encode()).hexdigest()[:24],
        address=text,
    )
    kept = place.folder / _ADDRESS
    if has_credentials(text):
        if not kept.exists() or kept.read_text(encoding="utf-8") != text:
            place.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(kept, text)
    elif kept.exists():
        return replace(place, address=kept.read_text(encoding="utf-8"))
    return place


def known_workspaces() -> dict[str, str]:
    """Name → URL of the user's workspaces: those in the home, and those elsewhere that were opened from this machine."""
    found = {}
    try:
        spools = sorted((home.home() / _SPOOLS).iterdir())
    except (OSError, WorkspaceException):
        spools = []
    for spool in spools:
        try:
            about = home.about(spool)
            found[str(about["name"])] = str(about["url"])
        except (WorkspaceException, KeyError):
            continue
    return {**found, **home.list_workspaces()}


def ours(folder: Path) -> str:
    """Why a folder is nobody's source: "a workspace", or where the credentials of others are kept; "" for any other folder."""
    if (folder / home.ABOUT).is_file() or (folder / "workspace.db").is_file():
        return "a workspace"
    if folder.name == _SPOOLS:
        with suppress(WorkspaceException):
            if folder.parent.resolve() == home.home().resolve():
                return "what this user keeps of workspaces elsewhere"
    return ""


def _write(path: Path, text: str) -> None:
    """Write a file that only its owner reads, at once."""
    scratch = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        scratch.replace(path)
    except BaseException:
        scratch.unlink(missing_ok=True)  # it may hold credentials
        raise
