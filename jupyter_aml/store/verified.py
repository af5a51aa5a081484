"""A content that is read with its sha256 in mind: what was altered behind our back is not handed out as good."""

from __future__ import annotations

import hashlib
import io
import os
from typing import Any, BinaryIO, cast

from jupyter_aml.errors import NotFoundException

_BUFFER = 1 << 16


class DamagedContent(NotFoundException):
    """What lies where a content should be is something else."""


def verified(raw: io.RawIOBase, digest: str, size: int, where: str, ahead: int = _BUFFER) -> BinaryIO:
    """A content as a file. The read that reaches its end, all before having been read in order, checks the sha256.

    Args:
        raw: gives what lies there, from its beginning.
        digest: the sha256 that it should have.
        size: bytes that lie there.
        where: as the error names the place.
        ahead: bytes that are read at once.

    Returns:
        A file whose ``read`` raises DamagedContent in place of the last bytes of what is not the content.
    """
    return cast(BinaryIO, io.BufferedReader(_Verified(raw, digest, size, where), ahead))


class _Verified(io.RawIOBase):
    def __init__(self, raw: io.RawIOBase, digest: str, size: int, where: str) -> None:
        self._raw = raw
        self._digest = digest
        self._size = size
        self._where = where
        self._hasher = hashlib.sha256()
        self._hashed = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def tell(self) -> int:
        return self._raw.tell()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._raw.seek(offset, whence)

    def readinto(self, buffer: Any) -> int:
        at = self._raw.tell()
        count = self._raw.readinto(buffer) or 0
        self._note(at, memoryview(buffer)[:count])
        return count

    def readall(self) -> bytes:
        at = self._raw.tell()
        data = self._raw.readall() or b""
        self._note(at, memoryview(data))
        return data

    def _note(self, at: int, data: memoryview) -> None:
        if at == 0:
            self._hasher, self._hashed = hashlib.sha256(), 0
        if at != self._hashed:  # read in another order, as archives are: nothing can be said of it
            return
        self._hasher.update(data)
        self._hashed += len(data)
        if self._hashed >= self._size and self._hasher.hexdigest() != self._digest:
            raise DamagedContent(
                f"The content {self._digest} in {self._where} is damaged: what lies there has another sha256."
            )

    def close(self) -> None:
        self._raw.close()
        super().close()


__all__ = ["DamagedContent", "verified"]
