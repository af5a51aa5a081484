"""What our own fsspec filesystems share: reading by ranges, and writing a file that appears when it is closed."""

from __future__ import annotations

import io
import tempfile
from typing import Any

from fsspec.spec import AbstractBufferedFile, AbstractFileSystem

BLOCK = 4 << 20
"""Bytes that are fetched with one request."""


def find(fs: Any, path: str) -> dict[str, dict[str, Any]]:
    """All files at or below a path, by their paths."""
    found = fs.find(path, detail=True)
    return (
        found if isinstance(found, dict) else {name: fs.info(name) for name in found}
    )  # Azure's has a file's name alone


class RangeFile(AbstractBufferedFile):  # type: ignore[misc]
    """A file that is read piece by piece with ``fs.cat_file(path, start, end)``."""

    def _fetch_range(self, start: int, end: int) -> bytes:
        data: bytes = self.fs.cat_file(self.path, start=start, end=end)
        if len(data) != end - start:
            raise ConnectionError("the answer was cut short")
        return data


class WholeFile(io.RawIOBase):
    """A file that is written here, and sent with ``fs.put_file`` when it is closed.

    Args:
        fs: where to.
        path: what it is called there.
    """

    def __init__(self, fs: Any, path: str) -> None:
        self._fs = fs
        self._path = path
        self._held = tempfile.NamedTemporaryFile()  # noqa: SIM115 - closed by close()

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any) -> int:
        """More of it."""
        return self._held.write(data)

    def tell(self) -> int:
        """How much was written."""
        return self._held.tell()

    def close(self) -> None:
        """Send it."""
        if self.closed:
            return
        try:
            self._held.flush()
            self._fs.put_file(self._held.name, self._path)
        finally:
            self._held.close()
            super().close()

    def discard(self) -> None:
        """Send nothing."""
        self._held.close()
        super().close()

    def __exit__(self, kind: Any, *about: Any) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()


class OwnFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """Base: subclasses have `ls`, `info`, `cat_file`, `pipe_file`, `put_file`."""

    cachable = False

    def _open(self, path: str, mode: str = "rb", block_size: Any = None, **kwargs: Any) -> Any:
        if mode == "wb":
            return WholeFile(self, path)
        if mode != "rb":
            raise NotImplementedError(f"mode {mode!r}")
        return RangeFile(self, path, mode, block_size=block_size or BLOCK, cache_type="readahead")

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **kwargs: Any) -> bytes:
        """Bytes of a file, without going through a file object."""
        raise NotImplementedError
