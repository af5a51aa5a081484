"""Datastores over REST: what there are, what lies in them, and their files. Of credentials only the names are told."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import quote

from jupyter_server.auth.decorator import authorized
from tornado import iostream, web

from jupyter_aml.data import datastore_errors, upload
from jupyter_aml.data.datastore import Datastore
from jupyter_aml.data.datastore_files import FilesDatastore, page
from jupyter_aml.data.datastore_paths import confine
from jupyter_aml.errors import UserErrorException
from jupyter_aml.server.base import AmlHandler, answers
from jupyter_aml.server.files import SANDBOX
from jupyter_aml.server.streams import CHUNK, SpooledHandler

MOST = 1000


class DatastoreHandlerBase(AmlHandler):
    """What they share."""

    auth_resource = "jupyter_aml:datastores"
    parameters = frozenset[str]()

    async def check_reach(self, run_id: str = "", *_: str) -> None:
        """A run's token reaches the datastores of its workspace, while its run is there."""
        await self.reach(lambda reach: reach.demand(reach.own.id))

    async def datastore(self, name: str) -> Any:
        """The datastore of that name."""
        workspace = await self.workspace()
        return await self.services.call(Datastore.get, workspace, name)

    async def files_of(self, name: str) -> Any:
        """The datastore of that name, which has files."""
        found = await self.datastore(name)
        if not isinstance(found, FilesDatastore):
            raise UserErrorException(f"The datastore {name!r} is a database: it has no files.")
        return found

    @property
    def path(self) -> str:
        """The path that is asked for, as it was sent (Tornado would make blanks of control characters)."""
        given = self.request.query_arguments.get("path", [b""])[-1]
        try:
            return confine(given.decode("utf-8"))
        except UnicodeDecodeError:
            raise UserErrorException("The path is no UTF-8.") from None


class DatastoresHandler(DatastoreHandlerBase):
    """`datastores`."""

    for_runs = frozenset(["get"])

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> Any:
        """All datastores, and which is the default one."""
        workspace = await self.workspace()
        found = await self.services.call(Datastore._all, workspace)
        default = await self.services.call(Datastore.get_default, workspace)
        return {"datastores": [store._serialize() for store in found.values()], "default": default.name}


class DatastoreHandler(DatastoreHandlerBase):
    """`datastores/<name>`."""

    for_runs = frozenset(["get"])

    @web.authenticated
    @authorized
    @answers
    async def get(self, name: str) -> Any:
        """One datastore."""
        return (await self.datastore(name))._serialize()

    @web.authenticated
    @authorized
    @answers
    async def patch(self, name: str) -> Any:
        """Make it the default one: {default: true}."""
        if self.body() != {"default": True}:
            raise UserErrorException("Of a datastore only {default: true} can be set.")
        found = await self.datastore(name)
        await self.services.call(found.set_as_default)
        return found._serialize()

    @web.authenticated
    @authorized
    @answers
    async def delete(self, name: str) -> Any:
        """Take it out of the workspace; its data stays where it is."""
        found = await self.datastore(name)
        await self.services.call(found.unregister)


class TreeHandler(DatastoreHandlerBase):
    """`datastores/<name>/tree`: what lies in a folder, page by page."""

    for_runs = frozenset(["get"])
    parameters = frozenset(["path", "cursor", "limit", "recursive"])

    @web.authenticated
    @authorized
    @answers
    async def get(self, name: str) -> Any:
        """Folders first, by name; with `recursive` all files below."""
        found = await self.files_of(name)
        cursor = self.get_query_argument("cursor", "", strip=False) or None
        limit, recursive = self.number("limit", 200, 1, MOST), self.get_query_argument("recursive", "") == "1"
        entries, following = await self.services.call(
            page, found, self.path, cursor=cursor, limit=limit, recursive=recursive
        )
        return {"path": self.path, "entries": [entry._asdict() for entry in entries], "next": following}


class StatHandler(DatastoreHandlerBase):
    """`store/datastores/<name>/stat`: one file or folder, for our own client."""

    for_runs = frozenset(["get"])
    parameters = frozenset(["path"])

    @web.authenticated
    @authorized
    @answers
    async def get(self, name: str) -> Any:
        """Its size, time and kind."""
        found = await self.files_of(name)
        return (await self.services.call(found._stat, self.path))._asdict()


class DatastoreFileHandler(DatastoreHandlerBase):
    """`datastores/<name>/file`: a file, to be saved."""

    for_runs = frozenset(["get"])
    parameters = frozenset(["path"])

    @web.authenticated
    @authorized
    @answers
    async def get(self, name: str) -> Any:
        """Its content, in pieces."""
        found, path = await self.files_of(name), self.path
        about = await self.services.call(found._stat, path)
        if about.is_folder:
            raise UserErrorException(f"{path!r} is a folder.")
        start, end = self.range_of(about.size)
        file = await self.services.call(_opened, found, path, start)
        try:
            self.set_header("Content-Type", "application/octet-stream")
            self.set_header("Content-Length", str(end - start))
            self.set_header("Content-Disposition", f"attachment; filename*=UTF-8''{quote(path.rsplit('/', 1)[-1])}")
            self.set_header("X-Content-Type-Options", "nosniff")
            self.set_header("Content-Security-Policy", SANDBOX)
            self.set_header("Cache-Control", "no-store")
            left = end - start
            while left and (chunk := await self.services.call(_read, found, path, file, min(CHUNK, left))):
                left -= len(chunk)
                self.write(chunk)
                await self.flush()
            if left:  # the place stopped in the middle: whoever reads must not take it for the end
                self.request.connection.stream.close()  # type: ignore[union-attr]
                return
        except iostream.StreamClosedError:
            return
        finally:
            await self.services.call(file.close)
        self.finish()

    def range_of(self, size: int) -> tuple[int, int]:
        """Which bytes are asked for."""
        return 0, size


class ClientFilesHandler(SpooledHandler, DatastoreFileHandler):
    """`store/datastores/<name>/files`: files both ways, for our own client."""

    for_runs = frozenset(["get", "put"])
    parameters = frozenset(["path", "start", "end"])
    repeatable = False

    def range_of(self, size: int) -> tuple[int, int]:
        """Which bytes are asked for."""
        start = min(self.number("start", 0), size)
        return start, max(start, min(self.number("end", size), size))

    @web.authenticated
    @authorized
    @answers
    async def put(self, name: str) -> Any:
        """Write a file, whole."""
        found, path, spool = await self.files_of(name), self.path, self._spool
        if not path or spool is None:
            raise UserErrorException("path is the file's place in the datastore.")
        await self.services.call(spool.flush)
        size = os.fstat(spool.fileno()).st_size
        await self.services.call(upload.send, found, [(spool.name, path)], "", overwrite=True)
        return {"path": path, "size": size}

    @web.authenticated
    @authorized
    @answers
    async def delete(self, name: str) -> Any:
        """Remove a file."""
        found, path = await self.files_of(name), self.path
        await self.services.call(_removed, found, path)


def _opened(datastore: Any, path: str, start: int) -> Any:
    with datastore_errors.told(datastore, path):
        fs, _ = datastore._filesystem()
        file = fs.open(datastore._full(path), "rb")
        if start:
            file.seek(start)
        return file


def _read(datastore: Any, path: str, file: Any, size: int) -> bytes:
    with datastore_errors.told(datastore, path):
        return bytes(file.read(size))


def _removed(datastore: Any, path: str) -> None:
    with datastore_errors.told(datastore, path):
        fs, _ = datastore._filesystem()
        fs.rm_file(datastore._full(path))


NAME = r"([^/]{1,255})"
ROUTES: list[tuple[str, type]] = [
    (r"/datastores", DatastoresHandler),
    (rf"/datastores/{NAME}", DatastoreHandler),
    (rf"/datastores/{NAME}/tree", TreeHandler),
    (rf"/datastores/{NAME}/file", DatastoreFileHandler),
    (rf"/store/datastores/{NAME}/stat", StatHandler),
    (rf"/store/datastores/{NAME}/files", ClientFilesHandler),
]
