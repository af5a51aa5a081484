"""Datastores beyond Azure: a folder, S3, Google Cloud Storage, HTTP and SFTP."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any, ClassVar
from urllib.parse import quote, unquote

from jupyter_aml.data import datastore_errors, datastore_place, stand_ins
from jupyter_aml.data.datastore_files import Entry, FilesDatastore
from jupyter_aml.data.datastore_paths import confine, join


class LocalFolderDatastore(FilesDatastore):
    """A folder: of this machine, or a share that is mounted at one path on all of them. A workspace behind a server has it there."""

    TYPE = "LocalFolder"
    AT_ONCE = 1

    @property
    def folder(self) -> str:
        """Its path."""
        return str(self._known("folder"))

    def _shown_place(self) -> str:
        return f"file://{quote(self.folder)}"

    def _open(self) -> tuple[Any, str]:
        if self.workspace.connection.place.kind == "http":
            return datastore_place.open_remote(self)
        return datastore_place.open_folder(self.folder)


class S3Datastore(FilesDatastore):
    """A bucket of S3, or of what speaks as S3 does."""

    TYPE = "S3"
    SECRETS: ClassVar[tuple[str, ...]] = ("access_key_id", "secret_access_key", "session_token")

    @property
    def bucket(self) -> str:
        """The bucket."""
        return str(self._known("bucket"))

    @property
    def prefix(self) -> str:
        """Below which all lies."""
        return str(self._known("prefix") or "")

    @property
    def endpoint(self) -> str | None:
        """The server, where it is not Amazon's."""
        return self._known("endpoint")  # type: ignore[no-any-return]

    def _shown_place(self) -> str:
        return join(f"s3://{self.bucket}", self.prefix)

    def _open(self) -> tuple[Any, str]:
        from s3fs import S3FileSystem

        known = self._credentials()
        options: dict[str, Any] = {
            "anon": bool(self._known("anonymous")), "use_listings_cache": False, "skip_instance_cache": True,
            "config_kwargs": {
                "connect_timeout": 10, "read_timeout": 60, "max_pool_connections": 2 * self.AT_ONCE,
                "retries": {"total_max_attempts": 3, "mode": "standard"},
            },
        }  # fmt: skip
        if known:
            options |= {
                "key": known.get("access_key_id"), "secret": known.get("secret_access_key"),
                "token": known.get("session_token"),
            }  # fmt: skip
        client = {"region_name": self._known("region")} if self._known("region") else {}
        fs = S3FileSystem(**options, endpoint_url=self.endpoint, client_kwargs=client)
        fs.retries = 2
        return fs, join(self.bucket, self.prefix)


class GCSDatastore(FilesDatastore):
    """A bucket of Google Cloud Storage."""

    TYPE = "GCS"
    SECRETS: ClassVar[tuple[str, ...]] = ("service_account",)

    @property
    def bucket(self) -> str:
        """The bucket."""
        return str(self._known("bucket"))

    def _shown_place(self) -> str:
        return join(f"gs://{self.bucket}", str(self._known("prefix") or ""))

    def _open(self) -> tuple[Any, str]:
        if self._known("endpoint"):  # which speaks HTTP alone: the other class asks each bucket's kind by gRPC first
            from gcsfs.core import GCSFileSystem
        else:
            from gcsfs import GCSFileSystem

        known = self._secret("service_account")
        token = json.loads(known) if known else ("anon" if self._known("anonymous") else None)
        fs = GCSFileSystem(
            project=self._known("project"), token=token, use_listings_cache=False, skip_instance_cache=True,
            endpoint_url=self._known("endpoint"),
        )  # fmt: skip
        return fs, join(self.bucket, str(self._known("prefix") or ""))


class HttpDatastore(FilesDatastore):
    """What a web server has below a URL. It can only be read; folders are seen where the server lists them."""

    TYPE = "Http"
    SECRETS: ClassVar[tuple[str, ...]] = ("password", "token")
    WRITABLE = False

    @property
    def url(self) -> str:
        """Below which all lies."""
        return str(self._known("url")).rstrip("/")

    def _shown_place(self) -> str:
        return self.url

    def _open(self) -> tuple[Any, str]:
        folder = stand_ins.local_path(self.url)
        if folder is not None:
            return datastore_place.open_folder(folder)
        import aiohttp
        from fsspec.implementations.http import HTTPFileSystem

        known = self._credentials()
        client: dict[str, Any] = {"timeout": aiohttp.ClientTimeout(total=None, connect=10, sock_read=60)}
        if "token" in known:
            client["headers"] = {"Authorization": f"Bearer {known['token']}"}
        elif self._known("username"):
            pair = f"{self._known('username')}:{known.get('password', '')}".encode()
            client["headers"] = {"Authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}
        return HTTPFileSystem(client_kwargs=client, use_listings_cache=False, skip_instance_cache=True), self.url

    def _full(self, relative: Any = "") -> str:
        if self._local_root is not None:
            return super()._full(relative)
        # Names are data: a % or a ? of theirs is no part of the URL's own syntax.
        return join(self.url, quote(confine(relative)))

    def _entry(self, about: dict[str, Any], root: str) -> Entry | None:
        if self._local_root is not None:
            return super()._entry(about, root)
        name = str(about["name"])
        if not name.startswith(f"{root}/") or "?" in name or "#" in name:
            return None
        try:
            relative = confine(unquote(name[len(root) + 1 :]))
        except Exception:  # a link of the page that leads elsewhere
            return None
        is_folder = name.endswith("/")
        return Entry(relative, 0 if is_folder else int(about.get("size") or 0), None, is_folder) if relative else None

    def _entries(self, relative: Any = "") -> list[Entry]:
        if self._local_root is not None:
            return super()._entries(relative)
        folder = confine(relative)
        fs, root = self._filesystem()
        with datastore_errors.told(self, folder):
            found = fs.ls(self._full(folder) + "/", detail=True)
            entries = {e.path: e for e in (self._entry(about, root) for about in found) if e is not None}
            depth = folder.count("/") + 2 if folder else 1
            files = [e for e in entries.values() if e.path != folder and e.path.count("/") + 1 == depth]
            sized = [e if e.is_folder else e._replace(size=self._size(e.path)) for e in files]
        return sorted(sized, key=lambda e: (not e.is_folder, e.path))

    def _size(self, path: str) -> int:
        fs, _ = self._filesystem()
        return int(fs.info(self._full(path)).get("size") or 0)

    def _walk(self, relative: Any = "") -> Iterator[Entry]:
        if self._local_root is not None:
            yield from super()._walk(relative)
            return
        start = confine(relative)
        fs, _ = self._filesystem()
        if start:
            with datastore_errors.told(self, start):
                about = fs.info(self._full(start))
            if not str(about.get("url", "")).endswith("/"):  # a server leads from a folder's name to its listing
                yield Entry(start, int(about.get("size") or 0), None)
                return
        for entry in self._entries(start):
            if entry.is_folder:
                yield from self._walk(entry.path)
            else:
                yield entry


class SftpDatastore(FilesDatastore):
    """A folder of another machine, reached by SSH. The machine's key has to be known."""

    TYPE = "Sftp"
    SECRETS: ClassVar[tuple[str, ...]] = ("password", "private_key", "passphrase")
    AT_ONCE = 8

    @property
    def host(self) -> str:
        """The machine."""
        return str(self._known("host"))

    @property
    def port(self) -> int:
        """Its SSH port."""
        return int(self._known("port") or 22)

    @property
    def username(self) -> str | None:
        """Who logs in there."""
        return self._known("username")  # type: ignore[no-any-return]

    @property
    def folder(self) -> str:
        """The folder there."""
        return str(self._known("folder"))

    def _shown_place(self) -> str:
        user = f"{self.username}@" if self.username else ""
        return f"sftp://{user}{self.host}:{self.port}{self.folder}"

    def _open(self) -> tuple[Any, str]:
        from jupyter_aml.data.datastore_sftp import SftpFileSystem

        fs = SftpFileSystem(
            self.host, self.port, self.username, self._credentials(), self._known("host_key"), self.folder,
            skip_instance_cache=True,
        )  # fmt: skip
        return fs, self.folder
