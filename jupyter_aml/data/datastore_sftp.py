"""Files of another machine by SFTP, as an fsspec filesystem (on asyncssh, whose loop is fsspec's)."""

from __future__ import annotations

import errno
import os
import posixpath
import secrets
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from fsspec.asyn import get_loop, sync

from jupyter_aml.data.datastore_fs import OwnFileSystem
from jupyter_aml.errors import UserErrorException

T = TypeVar("T")
_PATIENCE = 20.0
"""Seconds for the login."""


class SftpFileSystem(OwnFileSystem):
    """See the module. Paths are the other machine's; links that lead out of `root` are not followed.

    Args:
        host, port, username: where and who.
        known: password, private_key and passphrase, as far as there are any; the user's own SSH keys otherwise.
        host_key: the machine's public key ("ssh-ed25519 AAAA…"); without one it has to be in the user's known_hosts.
        root: the folder that nothing leaves.
    """

    protocol = "aml-sftp"

    def __init__(
        self, host: str, port: int, username: str | None, known: Mapping[str, str], host_key: str | None, root: str,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self._where = (host, port, username)
        self._known = dict(known)
        self._host_key = host_key
        self._root = root.rstrip("/") or "/"
        self._real_root = ""
        self._client: Any = None
        self._connection: Any = None
        self._lock = threading.Lock()

    # -- the connection ------------------------------------------------------------------------------------------
    async def _connect(self) -> Any:
        import asyncssh

        host, port, username = self._where
        options: dict[str, Any] = {
            "port": port,
            "login_timeout": _PATIENCE,
            "connect_timeout": 10,
            "keepalive_interval": 30,
        }
        if username:
            options["username"] = username
        if self._host_key:
            options["known_hosts"] = asyncssh.import_known_hosts(f"{_named(host, port)} {self._host_key}\n")
        if "private_key" in self._known:
            key = asyncssh.import_private_key(self._known["private_key"], self._known.get("passphrase"))
            options |= {"client_keys": [key], "agent_path": None}
        elif "password" in self._known:
            options |= {"password": self._known["password"], "client_keys": None, "agent_path": None}
        options["config"] = None
        self._connection = await asyncssh.connect(host, **options)
        client = await self._connection.start_sftp_client()
        self._real_root = str(await client.realpath(self._root))
        return client

    def _do(self, work: Callable[[Any], Awaitable[T]]) -> T:
        import asyncssh

        async def doing() -> T:
            return await work(self._client)

        with self._lock:
            if self._client is None or self._connection.is_closed():
                self._client = sync(get_loop(), self._connect)
        try:
            return sync(get_loop(), doing)  # type: ignore[no-any-return]
        except asyncssh.SFTPError as error:
            raise _told(error) from None

    async def _inside(self, client: Any, path: str) -> None:
        """Refuse a path behind a link that leads out."""
        import asyncssh

        while True:
            try:
                real = str(await client.realpath(path))
                break
            except asyncssh.SFTPNoSuchFile:
                path = posixpath.dirname(path)
        base = self._real_root.rstrip("/")
        if real != self._real_root and not real.startswith(f"{base}/"):
            raise UserErrorException(
                f"{posixpath.basename(path)!r} is, or lies behind, a link that leads out of the datastore."
            )

    # -- reading -------------------------------------------------------------------------------------------------
    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> Any:
        """What lies in a folder; a file is its own content."""

        async def look(client: Any) -> list[dict[str, Any]]:
            await self._inside(client, path)
            about = await client.stat(path)
            if not _is_folder(about):
                return [_about(path, about)]
            found = []
            for entry in await client.readdir(path):
                name = entry.filename
                if name in (".", "..") or name.endswith(".part"):
                    continue
                place, attrs = posixpath.join(path, name), entry.attrs
                linked = _is_link(attrs)
                if linked:
                    try:
                        await self._inside(client, place)
                        attrs = await client.stat(place)
                    except Exception:  # it leads out, or nowhere
                        continue
                found.append({**_about(place, attrs), "linked": linked})
            return found

        found = self._do(look)
        return found if detail else [about["name"] for about in found]

    def find(self, path: str, maxdepth: Any = None, withdirs: bool = False, detail: bool = False, **kwargs: Any) -> Any:
        """All files at or below a path. Folders behind links are not gone into; a folder that cannot be read is an error (fsspec's
        own way would pass it over)."""
        if maxdepth is not None or withdirs:
            return super().find(path, maxdepth=maxdepth, withdirs=withdirs, detail=detail, **kwargs)
        found: dict[str, Any] = {}
        folders = [path]
        while folders:
            try:
                entries = self.ls(folders.pop())
            except FileNotFoundError:  # gone meanwhile, or never there
                continue
            for about in entries:
                if about["type"] == "file":
                    found[about["name"]] = about
                elif not about.get("linked"):
                    folders.append(about["name"])
        return found if detail else sorted(found)

    def info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        """Size, type and time of a file or folder."""

        async def look(client: Any) -> dict[str, Any]:
            await self._inside(client, path)
            return _about(path, await client.stat(path))

        return self._do(look)

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **kwargs: Any) -> bytes:
        """Bytes of a file."""

        async def read(client: Any) -> bytes:
            await self._inside(client, path)
            async with client.open(path, "rb") as file:
                return bytes(await file.read(-1 if end is None else end - (start or 0), start or 0))

        return self._do(read)

    # -- writing -------------------------------------------------------------------------------------------------
    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any) -> None:
        """Write a file: under another name, then moved."""

        async def send(file: Any) -> None:
            await file.write(value)

        self._write(path, send)

    def put_file(self, lpath: str, rpath: str, callback: Any = None, mode: str = "overwrite", **kwargs: Any) -> None:
        """Copy a local file, likewise."""

        async def send(file: Any) -> None:
            with open(lpath, "rb") as source:
                while data := source.read(1 << 20):
                    await file.write(data)

        self._write(rpath, send)

    def _write(self, path: str, send: Callable[[Any], Awaitable[None]]) -> None:
        scratch = posixpath.join(posixpath.dirname(path), f".{secrets.token_hex(8)}.part")

        async def write(client: Any) -> None:
            await self._inside(client, posixpath.dirname(path))
            await client.makedirs(posixpath.dirname(path), exist_ok=True)
            try:
                async with client.open(scratch, "wb") as file:
                    await send(file)
                await client.posix_rename(scratch, path)
            except BaseException:
                try:
                    await client.remove(scratch)
                except Exception:
                    pass  # the connection is gone, or the file never came to be
                raise

        self._do(write)

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Make a folder and those above it."""

        async def make(client: Any) -> None:
            await self._inside(client, path)
            await client.makedirs(path, exist_ok=exist_ok)

        self._do(make)

    def rm_file(self, path: str) -> None:
        """Remove a file."""

        async def remove(client: Any) -> None:
            await self._inside(client, posixpath.dirname(path))
            await client.remove(path)

        self._do(remove)

    def close(self) -> None:
        """Let go of the connection."""
        connection, self._connection, self._client = self._connection, None, None
        if connection is not None:
            connection.abort()


def _named(host: str, port: int) -> str:
    return host if port == 22 else f"[{host}]:{port}"


def _is_folder(attrs: Any) -> bool:
    return (attrs.permissions or 0) & 0o170000 == 0o040000


def _is_link(attrs: Any) -> bool:
    return (attrs.permissions or 0) & 0o170000 == 0o120000


def _about(path: str, attrs: Any) -> dict[str, Any]:
    kind = "directory" if _is_folder(attrs) else "file"
    return {"name": path, "type": kind, "size": int(attrs.size or 0), "mtime": float(attrs.mtime or 0)}


def _told(error: Any) -> OSError:
    kinds = {
        "SFTPNoSuchFile": errno.ENOENT,
        "SFTPPermissionDenied": errno.EACCES,
        "SFTPNoSpaceOnFilesystem": errno.ENOSPC,
    }
    kinds |= {
        "SFTPNotADirectory": errno.ENOTDIR,
        "SFTPFileIsADirectory": errno.EISDIR,
        "SFTPConnectionLost": errno.ECONNRESET,
    }
    number = kinds.get(type(error).__name__, errno.EIO)
    return OSError(number, os.strerror(number))
