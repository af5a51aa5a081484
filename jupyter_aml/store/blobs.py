"""Contents by their sha256, in a folder: written once, whole, and never changed.

Plain `os` calls: a thousand small files are stored in the time that pathlib would take to name them.
"""
# ruff: noqa: PTH101, PTH102, PTH103, PTH105, PTH108, PTH113, PTH116

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from jupyter_aml.errors import NotFoundException, StoreUnavailableException, UserErrorException
from jupyter_aml.store.contract import Blobs

_SMALL = 1 << 20
_CHUNK = 1 << 20
_STALE = 24 * 3600.0
"""Age in seconds at which a half-written file is taken for a dead writer's."""
_HEX = frozenset("0123456789abcdef")


class FolderBlobs(Blobs):
    """Blobs in `folder`, fanned out as ``ab/cdef…``. Made at the first write. Any number of processes may write."""

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self._base = os.fspath(self.folder)
        self._made: set[str] = set()
        self._swept = False

    # -- writing -------------------------------------------------------------------------------------------------
    def put_file(self, path: Path | str, limit: int | None = None) -> tuple[str, int]:
        """See Blobs.put_file."""
        name = os.fspath(path)
        try:
            # Opening a FIFO waits for a writer, and some devices act on being opened: neither may happen here.
            fd = os.open(name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        except (OSError, ValueError) as error:
            raise _unreadable(name, error) from error
        try:
            about = os.fstat(fd)
            if not stat.S_ISREG(about.st_mode):
                raise UserErrorException(f"{name!r} is {_kind(about.st_mode)}, not a file; give a regular file.")
            size = about.st_size
            if limit is not None and size > limit:
                raise UserErrorException(f"{name!r} has {size:,} bytes, more than the {limit:,} allowed here.")
            if size <= _SMALL:
                try:
                    data = os.read(fd, size)
                except OSError as error:
                    raise _unreadable(name, error) from error
                if len(data) == size:
                    return self.put_bytes(data)
                os.lseek(fd, 0, os.SEEK_SET)
            return self._put_chunks(lambda n: os.read(fd, n), size, name)
        finally:
            os.close(fd)

    def put_files(self, paths: Sequence[Path | str]) -> list[tuple[str, int]]:
        """See Blobs.put_files."""
        return [self.put_file(path) for path in paths]

    def put_stream(self, stream: BinaryIO) -> tuple[str, int]:
        """See Blobs.put_stream."""
        return self._put_chunks(stream.read, None, "the stream")

    def put_bytes(self, data: bytes) -> tuple[str, int]:
        """See Blobs.put_bytes."""
        digest = hashlib.sha256(data).hexdigest()
        size = len(data)
        target = self._place(digest)
        try:
            if not self._there(target, size):
                self._fan(digest)
                scratch = self._scratch()
                fd = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
                try:
                    try:
                        _write_all(fd, data)
                    finally:
                        os.close(fd)
                    os.replace(scratch, target)
                except BaseException:
                    _remove(scratch)
                    raise
        except OSError as error:
            raise self._unavailable(error) from error
        return digest, size

    def _put_chunks(self, read: Callable[[int], bytes], size: int | None, name: str) -> tuple[str, int]:
        """Hash and write in one pass, at most `size` bytes."""
        hasher, done = hashlib.sha256(), 0
        try:
            self._prepare()
            scratch = self._scratch()
            fd = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        except OSError as error:
            raise self._unavailable(error) from error
        try:
            try:
                while size is None or done < size:
                    try:
                        chunk = read(_CHUNK if size is None else min(_CHUNK, size - done))
                    except OSError as error:
                        raise _unreadable(name, error) from error
                    if not chunk:
                        break
                    hasher.update(chunk)
                    _write_all(fd, chunk)
                    done += len(chunk)
            finally:
                os.close(fd)
            digest = hasher.hexdigest()
            target = self._place(digest)
            if self._there(target, done):
                _remove(scratch)
            else:
                self._fan(digest)
                os.replace(scratch, target)
        except OSError as error:
            _remove(scratch)
            raise self._unavailable(error) from error
        except BaseException:
            _remove(scratch)
            raise
        return digest, done

    # -- reading -------------------------------------------------------------------------------------------------
    def open(self, digest: str) -> BinaryIO:
        """See Blobs.open."""
        try:
            if _is_digest(digest):
                return open(self._place(digest), "rb")
        except FileNotFoundError:
            pass
        except OSError as error:
            raise self._unavailable(error) from error
        raise NotFoundException(f"There is no content {digest!r} in {self._base}.")

    def has(self, digest: str) -> bool:
        """See Blobs.has."""
        return _is_digest(digest) and os.path.isfile(self._place(digest))

    def fetch(self, digest: str, target: Path | str) -> None:
        """See Blobs.fetch."""
        path = Path(target)
        with self.open(digest) as source:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                scratch = os.fspath(path.with_name(f".{secrets.token_hex(8)}.part"))
                with open(scratch, "xb") as file:
                    try:
                        while chunk := source.read(_CHUNK):
                            file.write(chunk)
                        file.close()
                        os.replace(scratch, path)
                    except BaseException:
                        _remove(scratch)
                        raise
            except OSError as error:
                raise UserErrorException(f"Cannot write {str(path)!r}: {error.strerror}.") from error

    # -- places --------------------------------------------------------------------------------------------------
    def _place(self, digest: str) -> str:
        return f"{self._base}/{digest[:2]}/{digest[2:]}"

    def _scratch(self) -> str:
        return f"{self._base}/tmp/{secrets.token_hex(12)}"

    @staticmethod
    def _there(target: str, size: int) -> bool:
        """Whether it is here, whole (after a power cut a file can be shorter than its name promises)."""
        try:
            return os.stat(target).st_size == size
        except FileNotFoundError:
            return False

    def _fan(self, digest: str) -> None:
        self._prepare()
        fan = digest[:2]
        if fan not in self._made:
            try:
                os.mkdir(f"{self._base}/{fan}", 0o700)
            except FileExistsError:
                pass
            self._made.add(fan)

    def _prepare(self) -> None:
        if not self._swept:
            os.makedirs(f"{self._base}/tmp", 0o700, exist_ok=True)
            os.chmod(self._base, 0o700)
            self._swept = True
            self.sweep()

    def sweep(self, age: float = _STALE) -> int:
        """Remove what writers that died left half-written more than `age` seconds ago; return how many."""
        removed = 0
        before = time.time() - age
        try:
            entries = list(os.scandir(f"{self._base}/tmp"))
        except FileNotFoundError:
            return 0
        for entry in entries:
            try:
                if entry.stat(follow_symlinks=False).st_mtime < before:
                    os.unlink(entry.path)
                    removed += 1
            except OSError:
                pass
        return removed

    def _unavailable(self, error: OSError) -> StoreUnavailableException:
        advice = (
            "Make room there." if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else "Look at its rights."
        )
        return StoreUnavailableException(f"Cannot write to {self._base}: {error.strerror}. {advice}")


def _write_all(fd: int, data: bytes) -> None:
    done = os.write(fd, data)
    if done != len(data):
        view = memoryview(data)
        while done < len(data):
            done += os.write(fd, view[done:])


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass


def _is_digest(digest: str) -> bool:
    return len(digest) == 64 and _HEX.issuperset(digest)


def _unreadable(name: str, error: OSError | ValueError) -> UserErrorException:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return UserErrorException(f"Cannot read {name!r}: {reason}.")


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISFIFO(mode):
        return "a named pipe"
    if stat.S_ISSOCK(mode):
        return "a socket"
    return "a device" if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) else "something else"


__all__ = ["FolderBlobs"]
