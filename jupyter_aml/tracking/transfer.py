"""Files on their way into a workspace and out of it, and how far they are."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from jupyter_aml.store.blobs import CHUNK, FolderBlobs, open_regular, written
from jupyter_aml.store.contract import Blobs

MANY = 50
"""Transfers of so many files show their progress."""
LARGE = 64 * 2**20
"""Transfers of so many bytes do, too."""
PORTION = 200
"""Files that are stored at once."""

Moved = Callable[[int, int], None]
"""Told how many files and bytes more have arrived."""


@contextmanager
def progress(what: str, sizes: Sequence[int]) -> Iterator[Moved]:
    """Show how far a transfer of files of these sizes is, where it may take a while: in files, or bytes when those are few."""
    many, total = len(sizes) >= MANY, sum(sizes)
    if not many and total < LARGE:
        yield lambda files, size: None
        return
    from tqdm.auto import tqdm

    how: dict[str, Any] = {"unit": "file"} if many else {"unit": "B", "unit_scale": True, "unit_divisor": 1024}
    with tqdm(total=len(sizes) if many else total, desc=what, leave=False, **how) as bar:
        yield lambda files, size: bar.update(files if many else size)


def put_files(blobs: Blobs, paths: Sequence[str]) -> Iterator[list[tuple[str, int]]]:
    """Store files; their digests and sizes come in the order of `paths`, portion after portion."""
    sizes = [_size(path) for path in paths]
    start = 0
    with progress("uploading", sizes) as moved:
        while start < len(paths):
            if sizes[start] >= LARGE and isinstance(blobs, FolderBlobs):
                stored = [_put_large(blobs, paths[start], moved)]
            else:
                end = min(start + PORTION, len(paths))
                end = next((i for i in range(start + 1, end) if sizes[i] >= LARGE), end)
                stored = blobs.put_files(paths[start:end])
                moved(end - start, sum(sizes[start:end]))
            yield stored
            start += len(stored)


def fetch(blobs: Blobs, digest: str, size: int, target: Path, moved: Moved) -> None:
    """Write a content to a local file."""
    if size < LARGE or not isinstance(blobs, FolderBlobs):
        blobs.fetch(digest, target)
        moved(1, size)
        return
    with blobs.open(digest) as source, written(target) as file:
        while chunk := source.read(CHUNK):
            file.write(chunk)
            moved(0, len(chunk))
    moved(1, 0)


def as_bytes(stream: Any) -> BinaryIO:
    """A stream whose ``read`` gives bytes, of one that gives bytes or text. A text file's own bytes are taken where they can."""
    if isinstance(stream, io.TextIOWrapper):
        try:
            stream.seek(stream.tell())  # the bytes that it has read ahead are to be read again
            return cast(BinaryIO, stream.buffer)
        except OSError:  # it cannot go back
            pass
    return cast(BinaryIO, _Bytes(stream))


class _Bytes:
    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._encoding = getattr(stream, "encoding", None) or "utf-8"

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        return data.encode(self._encoding, "surrogateescape") if isinstance(data, str) else data


class _Watched:
    """A file, as far as it was at the start, that says how far it was read."""

    def __init__(self, file: BinaryIO, size: int, moved: Moved) -> None:
        self._file, self._left, self._moved = file, size, moved

    def read(self, size: int) -> bytes:
        data = self._file.read(min(size, self._left))
        self._left -= len(data)
        self._moved(0, len(data))
        return data


def _put_large(blobs: Blobs, path: str, moved: Moved) -> tuple[str, int]:
    with open_regular(path) as (file, size):
        stored = blobs.put_stream(cast(BinaryIO, _Watched(file, size, moved)))
    moved(1, 0)
    return stored


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116
    except (OSError, ValueError):  # it will be said when it is opened
        return 0
