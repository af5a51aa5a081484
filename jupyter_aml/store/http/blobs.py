"""Contents of a workspace behind a Jupyter server."""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

from jupyter_aml.errors import StoreUnavailableException, UserErrorException
from jupyter_aml.store import spool
from jupyter_aml.store.blobs import CHUNK, open_regular, written
from jupyter_aml.store.contract import BlobInfo, Blobs
from jupyter_aml.store.http import wire
from jupyter_aml.store.http.client import Client
from jupyter_aml.store.records import Collected

_COLLECTING = 3600.0
"""Seconds that the server may take to go through all contents."""


class HttpBlobs(Blobs):
    """See Blobs. Contents are sent and fetched as streams; what the server has already is not sent.

    Args:
        client: speaks to the server, or its URL with the token.
    """

    def __init__(self, client: Client | str) -> None:
        self._client = client if isinstance(client, Client) else Client(client)

    # -- writing -------------------------------------------------------------------------------------------------
    def put_file(self, path: Path | str, limit: int | None = None) -> tuple[str, int]:
        """See Blobs.put_file."""
        with open_regular(path, limit) as (file, size):
            return self._put(file, size)

    def put_files(self, paths: Sequence[Path | str]) -> list[tuple[str, int]]:
        """See Blobs.put_files."""
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(self.put_file, paths))

    def put_stream(self, stream: BinaryIO) -> tuple[str, int]:
        """See Blobs.put_stream."""
        pieces = iter(lambda: spool.read(stream, CHUNK, "the stream"), b"")
        with spool.spooled(bytearray(next(pieces, b"")), pieces) as (file, digest, size):
            return self._send(file, digest, size)

    def put_bytes(self, data: bytes) -> tuple[str, int]:
        """See Blobs.put_bytes."""
        return self._put(io.BytesIO(data), len(data))

    def _put(self, file: BinaryIO, size: int) -> tuple[str, int]:
        """Two passes over the content: its name is its hash."""
        hasher, size_now = hashlib.sha256(), 0
        for chunk in spool.chunks(file, size, "the file"):
            hasher.update(chunk)
            size_now += len(chunk)
        return self._send(file, hasher.hexdigest(), size_now)

    def _send(self, file: BinaryIO, digest: str, size: int) -> tuple[str, int]:
        if not self.keep(digest, size):
            headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
            body = spool.checked(file, digest, size, "the file")
            try:
                self._client.request("PUT", f"blobs/{digest}", body, headers=headers)
            except spool.Changed:
                raise UserErrorException(
                    "A file changed while it was sent. Send it again when it is at rest."
                ) from None
        return digest, size

    # -- reading -------------------------------------------------------------------------------------------------
    def open(self, digest: str) -> BinaryIO:
        """See Blobs.open. The content comes by way of a temporary file."""
        held = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115
        try:
            self._read(digest, held)
        except BaseException:
            held.close()
            raise
        held.seek(0)
        return held

    def has(self, digest: str) -> bool:
        """See Blobs.has."""
        answer = self._client.request("POST", "blobs", wire.dumps([digest]), headers={"Content-Type": wire.MEDIA_TYPE})
        return bool(wire.loads(answer.data))

    def keep(self, digest: str, size: int) -> bool:
        """See Blobs.keep."""
        wanted = wire.dumps([[digest, size]])
        answer = self._client.request("PUT", "blobs", wanted, headers={"Content-Type": wire.MEDIA_TYPE})
        return bool(wire.loads(answer.data))

    def fetch(self, digest: str, target: Path | str) -> None:
        """See Blobs.fetch."""
        with written(target) as file:
            self._read(digest, file)

    def _read(self, digest: str, file: BinaryIO) -> None:
        import urllib3

        answer = self._client.request("GET", f"blobs/{digest}", stream=True)
        hasher = hashlib.sha256()
        try:
            for chunk in answer.stream(CHUNK):
                hasher.update(chunk)
                file.write(chunk)
        except urllib3.exceptions.HTTPError as error:
            raise StoreUnavailableException(
                f"The connection to {self._client.url} broke off in the middle of a content. Try again."
            ) from error
        finally:
            answer.release_conn()
        if hasher.hexdigest() != digest:
            raise StoreUnavailableException(f"What {self._client.url} sent is not the content {digest}. Try again.")

    def walk(self) -> Iterator[BlobInfo]:
        """See Blobs.walk. The list comes as a stream, a line each, so that it needs no room on either side."""
        import urllib3

        answer = self._client.request("GET", "blobs", stream=True)
        rest, whole = b"", False
        try:
            for chunk in answer.stream(CHUNK):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    whole = not line
                    if line:
                        digest, size, at = line.decode("ascii").split(" ")
                        yield BlobInfo(digest, int(size), float(at))
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise StoreUnavailableException(
                f"The list of the contents of {self._client.url} broke off. Try again."
            ) from error
        finally:
            answer.close()
        if not whole:  # an empty line ends it
            raise StoreUnavailableException(f"The list of the contents of {self._client.url} broke off. Try again.")

    # -- garbage collection --------------------------------------------------------------------------------------
    def collect(self, *, older_than: float, dry_run: bool) -> Collected:
        """Let the server remove what nothing refers to: it alone sees its journals. See gc.collect.

        Raises:
            UserErrorException: `older_than` is too short.
            ConflictException: a journal there holds entries that cannot be brought in, or somebody collects already.
            StoreUnavailableException: the server does not answer, or does not let this user do it.
        """
        body = json.dumps({"older_than": older_than, "delete": not dry_run})
        headers = {"Content-Type": "application/json"}
        answer = self._client.request("POST", "/workspace/gc", body, headers=headers, timeout=_COLLECTING)
        return Collected(**json.loads(answer.data))

    def remove(self, digest: str) -> None:
        """See Blobs.remove: what may go is known on the server alone, where all journals can be seen."""
        raise UserErrorException(
            f"The contents of {self._client.url} are removed by the server itself: aml workspace gc --delete"
        )
