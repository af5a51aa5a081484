"""Files of a datastore that the workspace's server reaches, as an fsspec filesystem: for kernels and runs on other machines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jupyter_aml.data.datastore_client import ServedClient
from jupyter_aml.data.datastore_fs import OwnFileSystem
from jupyter_aml.errors import NotFoundException
from jupyter_aml.store.blobs import CHUNK


class ServedFileSystem(OwnFileSystem):
    """See the module.

    Args:
        address: the server's URL, with its token.
        name: the datastore's.
    """

    protocol = "aml-served"

    def __init__(self, address: str, name: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._client = ServedClient(address)
        self._files = f"store/datastores/{quote(name, safe='')}/files"
        self._tree = f"datastores/{quote(name, safe='')}/tree"
        self._stat = f"store/datastores/{quote(name, safe='')}/stat"

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> Any:
        """What lies in a folder; a file is its own content."""
        found = list(self._listed(path, recursive=False))
        return found if detail else [about["name"] for about in found]

    def find(self, path: str, maxdepth: Any = None, withdirs: bool = False, detail: bool = False, **kwargs: Any) -> Any:
        """All files at or below a path, in a few requests."""
        if maxdepth is not None or withdirs:
            return super().find(path, maxdepth=maxdepth, withdirs=withdirs, detail=detail, **kwargs)
        found = {about["name"]: about for about in self._listed(path, recursive=True)}
        return found if detail else sorted(found)

    def _listed(self, path: str, recursive: bool) -> Iterator[dict[str, Any]]:
        cursor = None
        while True:
            try:
                answer = self._client.ask(
                    "GET", self._tree, path=path, cursor=cursor, limit=1000, recursive="1" if recursive else None
                )
            except NotFoundException as error:
                raise FileNotFoundError(path) from error
            page = json.loads(answer.data)
            for entry in page["entries"]:
                yield {
                    "name": entry["path"], "size": entry["size"], "mtime": entry["modified"],
                    "type": "directory" if entry["is_folder"] else "file",
                }  # fmt: skip
            cursor = page["next"]
            if cursor is None:
                return

    def info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        """Size, type and time of a file or folder."""
        if not path.strip("/"):
            return {"name": "", "size": 0, "type": "directory"}
        try:
            answer = self._client.ask("GET", self._stat, path=path)
        except NotFoundException as error:
            raise FileNotFoundError(path) from error
        about = json.loads(answer.data)
        kind = "directory" if about["is_folder"] else "file"
        return {"name": about["path"], "size": about["size"], "mtime": about["modified"], "type": kind}

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **kwargs: Any) -> bytes:
        """Bytes of a file."""
        try:
            return bytes(self._client.ask("GET", self._files, path=path, start=start, end=end).data)
        except NotFoundException as error:
            raise FileNotFoundError(path) from error

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any) -> None:
        """Write a file."""
        self._client.ask("PUT", self._files, value, path=path)

    def put_file(self, lpath: str, rpath: str, callback: Any = None, mode: str = "overwrite", **kwargs: Any) -> None:
        """Copy a local file."""
        size = Path(lpath).stat().st_size
        if size <= CHUNK:
            self.pipe_file(rpath, Path(lpath).read_bytes())
            return
        with open(lpath, "rb") as file:
            self._client.ask("PUT", self._files, iter(lambda: file.read(CHUNK), b""), path=rpath)

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Nothing to do: folders come with their files."""

    def rm_file(self, path: str) -> None:
        """Remove a file."""
        self._client.ask("DELETE", self._files, path=path)
