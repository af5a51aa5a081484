"""Contents of a workspace behind a Jupyter server."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

from jupyter_aml.errors import StoreUnavailableException, UserErrorException
from jupyter_aml.store.blobs import CHUNK, open_regular
from jupyter_aml.store.contract import BlobInfo, Blobs
from jupyter_aml.store.http import wire
from jupyter_aml.store.http.client import Client

_HELD = 8 * CHUNK
"""Bytes of a stream that are held in memory."""


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
        with tempfile.SpooledTemporaryFile(_HELD) as held:
            while chunk := stream.read(CHUNK):
                held.write(chunk)
            size = held.tell()
            held.seek(0)
            return self._put(cast(BinaryIO, held), size)

    def put_bytes(self, data: bytes) -> tuple[str, int]:
        """See Blobs.put_bytes."""
        return self._put(io.BytesIO(data), len(data))

    def _put(self, file: BinaryIO, size: int) -> tuple[str, int]:
        """Two passes over the content: its name is its hash."""
        hasher, left = hashlib.sha256(), size
        while left and (chunk := file.read(min(CHUNK, left))):
            hasher.update(chunk)
            left -= len(chunk)
        size -= left
        digest = hasher.hexdigest()
        if not self.has(digest):
            file.seek(0)
            headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
            self._client.request("PUT", f"blobs/{digest}", _chunks(file, size), headers=headers)
        return digest, size

    # -- reading -------------------------------------------------------------------------------------------------
    def open(self, digest: str) -> BinaryIO:
        """See Blobs.open. A large content comes by way of a temporary file."""
        held = cast(BinaryIO, tempfile.SpooledTemporaryFile(_HELD))  # noqa: SIM115
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

    def fetch(self, digest: str, target: Path | str) -> None:
        """See Blobs.fetch."""
        path = Path(target)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            scratch = path.with_name(f".{secrets.token_hex(8)}.part")
            try:
                with open(scratch, "xb") as file:
                    self._read(digest, file)
                os.replace(scratch, path)  # noqa: PTH105
            finally:
                scratch.unlink(missing_ok=True)
        except OSError as error:
            raise UserErrorException(f"Cannot write {str(path)!r}: {error.strerror}.") from error

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
        """See Blobs.walk: a server's contents are looked through where they lie."""
        raise UserErrorException(f"The contents of {self._client.url} are listed and cleaned up on the server itself.")

    def remove(self, digest: str) -> None:
        """See Blobs.remove and walk."""
        self.walk()


def _chunks(file: BinaryIO, size: int) -> Iterator[bytes]:
    left = size
    while left:
        chunk = file.read(min(CHUNK, left))
        if not chunk:
            raise UserErrorException("The file became shorter while it was sent.")
        left -= len(chunk)
        yield chunk
