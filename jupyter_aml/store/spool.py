"""The local side of a transfer: reading a file or stream piece by piece, and temporary files."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from jupyter_aml.errors import StoreUnavailableException
from jupyter_aml.store.blobs import CHUNK, unreadable
from jupyter_aml.store.fs_errors import Interrupted


class Changed(Interrupted):
    """A file is not what it was when it was hashed."""


def read(stream: BinaryIO, size: int, name: str) -> bytes:
    """Read so many bytes, or what there is.

    Raises:
        UserErrorException: it cannot be read.
    """
    try:
        data = stream.read(size)
        if not data or len(data) == size:
            return data
        pieces = [data]
        while (left := size - sum(map(len, pieces))) and (data := stream.read(left)):
            pieces.append(data)
        return b"".join(pieces)
    except OSError as error:
        raise unreadable(name, error) from error


def chunks(file: BinaryIO, size: int, name: str) -> Iterator[bytes]:
    """At most `size` bytes, piece by piece."""
    while size and (chunk := read(file, min(CHUNK, size), name)):
        yield chunk
        size -= len(chunk)


def checked(file: BinaryIO, digest: str, size: int, name: str) -> Iterator[bytes]:
    """A file's content from its beginning.

    Raises:
        Changed: at the end, when it is not that of `digest`.
    """
    file.seek(0)
    hasher = hashlib.sha256()
    for chunk in chunks(file, size, name):
        hasher.update(chunk)
        yield chunk
    if hasher.hexdigest() != digest:
        raise Changed


@contextmanager
def spooled(head: bytearray, rest: Iterator[bytes]) -> Iterator[tuple[Any, str, int]]:
    """A temporary file (with a name) that holds all this, its sha256 and its size.

    Raises:
        StoreUnavailableException: there is no room for it.
    """
    hasher, size = hashlib.sha256(), 0
    try:
        file = tempfile.NamedTemporaryFile(prefix="jupyter_aml-", delete=False)  # noqa: SIM115
    except OSError as error:
        raise _no_room(error) from error
    try:
        with file:
            chunk: bytes | bytearray = head
            while chunk:
                hasher.update(chunk)
                try:
                    file.write(chunk)
                except OSError as error:
                    raise _no_room(error) from error
                size += len(chunk)
                chunk = next(rest, b"")
                head.clear()
            try:
                file.flush()
            except OSError as error:
                raise _no_room(error) from error
            yield file, hasher.hexdigest(), size
    finally:
        Path(file.name).unlink(missing_ok=True)


def _no_room(error: OSError) -> StoreUnavailableException:
    return StoreUnavailableException(
        f"Cannot write a temporary file in {tempfile.gettempdir()}: {error.strerror}. Make room there, or set TMPDIR."
    )
