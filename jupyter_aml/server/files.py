"""A run's files over REST. A path is a name that is looked up, never a place on the server's disk."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_aml.errors import NotFoundException, UserErrorException
from jupyter_aml.server.base import AmlHandler, answers
from jupyter_aml.server.streams import send_content
from jupyter_aml.store.contract import Blobs
from jupyter_aml.store.records import FileRecord
from jupyter_aml.tracking.names import file_path

SOURCE_SHOWN = 1_000_000
"""Bytes of a source file that are shown."""
SHOWN = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "svg": "image/svg+xml",
    "html": "text/html; charset=utf-8",
    "htm": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "json": "application/json",
    "ipynb": "application/json",
    "csv": "text/plain; charset=utf-8",
}
"""What a browser may show, in a sandbox; other texts are plain, the rest is downloaded."""
TEXTS = frozenset(
    ["txt", "log", "md", "py", "r", "jl", "sh", "yml", "yaml", "toml", "cfg", "ini", "tsv", "diff", "jsonl"]
)
SANDBOX = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def content_type(record: FileRecord) -> str:
    """What a file is served as."""
    suffix = record.path.rsplit(".", 1)[-1].lower() if "." in record.path else ""
    if suffix in TEXTS or not record.digest:
        return "text/plain; charset=utf-8"
    return SHOWN.get(suffix, "application/octet-stream")


class FilesHandler(AmlHandler):
    """`GET runs/<id>/files`."""

    auth_resource = "jupyter_aml:files"
    for_runs = frozenset(["get"])
    parameters = frozenset(["prefix", "limit", "cursor"])

    @web.authenticated
    @authorized
    @answers
    async def get(self, run_id: str) -> Any:
        """A page by path of what files there are."""
        if await self.store("run", run_id) is None:
            raise NotFoundException.of("run", run_id)
        files = await self.store("files", run_id, self.get_query_argument("prefix", ""))
        some, following = self.page(files, lambda one: one.path)
        return {"files": some, "next": following}


class SourceHandler(AmlHandler):
    """`GET runs/<id>/source`: the snapshot of the run, or one of its files as text."""

    auth_resource = "jupyter_aml:files"
    for_runs = frozenset(["get"])
    parameters = frozenset(["path"])

    @web.authenticated
    @authorized
    @answers
    async def get(self, run_id: str) -> Any:
        """What files there are; with `path` the text of one."""
        run = await self.store("run", run_id)
        if run is None:
            raise NotFoundException.of("run", run_id)
        snapshot = await self.store("snapshot", run.snapshot) if run.snapshot else None
        files = snapshot.files if snapshot is not None else {}
        path = self.get_query_argument("path", "", strip=False)
        if not path:
            return {"files": [{"path": name, "size": size} for name, (_, size, _) in sorted(files.items())]}
        if path not in files:
            raise NotFoundException.of("file", path)
        workspace = await self.workspace()
        return {"text": await self.services.call(_shown, workspace.connection.blobs, files[path][0])}


def _shown(blobs: Blobs, digest: str) -> str:
    with blobs.open(digest) as file:
        data = file.read(SOURCE_SHOWN + 1)
    if b"\0" in data[:8192]:
        raise UserErrorException("This file is no text.")
    text = data[:SOURCE_SHOWN].decode("utf-8", "replace")
    return text if len(data) <= SOURCE_SHOWN else text + "\n… (the beginning of a longer file)"


class FileHandler(AmlHandler):
    """`GET runs/<id>/files/<path>`: the content."""

    auth_resource = "jupyter_aml:files"
    for_runs = frozenset(["get"])
    parameters = frozenset(["download", "digest"])

    @web.authenticated
    @authorized
    @answers
    async def get(self, run_id: str, path: str) -> Any:
        """Streamed; unchanged content is a 304."""
        name = file_path(path)
        records = await self.store("files", run_id, name)
        record = next((r for r in records if r.path == name), None)
        if record is None:
            raise NotFoundException.of("file", name)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Content-Security-Policy", SANDBOX)
        self.set_header("Content-Type", content_type(record))
        kind = "attachment" if self.get_query_argument("download", "") else "inline"
        self.set_header("Content-Disposition", f"{kind}; filename*=UTF-8''{quote(name.rsplit('/', 1)[-1])}")
        if not record.digest:
            self.set_header("Cache-Control", "no-store")
            text = await self.store("text", run_id, name)
            self.finish(text.encode("utf-8", "replace"), set_content_type=content_type(record))
            return
        self.set_header("Etag", f'"{record.digest}"')
        self.set_header("Cache-Control", "private, no-cache")
        if self.check_etag_header():
            self.set_status(304)
            self.finish(set_content_type=content_type(record))
            return
        self.set_header("Content-Length", str(record.size))
        await send_content(self, record.digest, content_type(record))

    def set_default_headers(self) -> None:
        """Files set their own type."""
