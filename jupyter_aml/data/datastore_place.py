"""The places of datastores that belong to a workspace, and local folders: reached directly, or through the server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jupyter_aml.errors import StoreUnavailableException, UserErrorException
from jupyter_aml.store import home

FOLDER = "datastores"


def open_builtin(datastore: Any) -> tuple[Any, str]:
    """The place of a datastore that every workspace has: in its folder; below a database's artifacts; on its server."""
    place = datastore.workspace.connection.place
    if place.kind == "http":
        return open_remote(datastore)
    if place.kind == "folder":
        return _made(place.folder / FOLDER / datastore.name)
    artifacts = str(place.about()["artifacts"])
    if "://" not in artifacts or artifacts.startswith("file://"):
        return _made(home.parse_url(artifacts) / FOLDER / datastore.name)
    from jupyter_aml.store.fs_url import read_url

    fs, root = read_url(artifacts).open({})
    return fs, f"{root}/{FOLDER}/{datastore.name}"


def _made(folder: Path) -> tuple[Any, str]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return open_folder(str(folder))


def open_folder(folder: str) -> tuple[Any, str]:
    """A folder of this machine.

    Raises:
        StoreUnavailableException: it is not there.
    """
    from fsspec.implementations.local import LocalFileSystem

    if not os.path.isdir(folder):  # noqa: PTH112
        raise StoreUnavailableException(f"The folder {folder!r} is not there. Make it, or mount what it is a part of.")
    return LocalFileSystem(skip_instance_cache=True), folder


def open_remote(datastore: Any) -> tuple[Any, str]:
    """A datastore whose files the workspace's server reaches and hands on."""
    from jupyter_aml.data.datastore_remote import ServedFileSystem

    return ServedFileSystem(datastore.workspace.connection.place.address, datastore.name, skip_instance_cache=True), ""


def check_folder(folder: Any) -> str:
    """A folder's absolute path, for a registration.

    Raises:
        UserErrorException: no path.
    """
    if not isinstance(folder, (str, os.PathLike)) or not os.fspath(folder) or "\0" in str(os.fspath(folder)):
        raise UserErrorException(f"{folder!r} is no folder's path.")
    return os.path.abspath(os.path.expanduser(str(os.fspath(folder))))  # noqa: PTH100, PTH111
