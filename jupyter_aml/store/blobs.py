"""Contents by their sha256, in a folder: written once, whole, and never changed.

Plain `os` calls: a thousand small files are stored in the time that pathlib would take to name them.
"""
# ruff: noqa: PTH101, PTH102, PTH103, PTH104, PTH105, PTH108, PTH113, PTH116

from __future__ import annotations

import errno
import hashlib
import io
import os
import secrets
import stat
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from jupyter_aml.errors import NotFoundException, StoreUnavailableException, UserErrorException
from jupyter_aml.store.contract import BlobInfo, Blobs
from jupyter_aml.store.verified import verified

CHUNK = 1 << 20
REFRESH = 3600.0
"""Age in seconds from which a content that is put again gets the time of now. Garbage collection's grace is longer."""
_SMALL = 1 << 20
STALE = 24 * 3600.0
"""Age in seconds at which a half-written file is taken for a dead writer's."""
_HEX = frozenset("0123456789abcdef")


class OwnBlobs(Blobs):
    """Blobs that this process reaches itself, without a server between: those that garbage collection can clean."""

    @abstractmethod
    def remove_stale(self, digests: Sequence[str], before: float) -> list[str]:
        """Remove those contents that were not put (again) at `before` or later; return them.

        A writer that puts one of them meanwhile finds it kept, or writes it anew; `before` lies more than REFRESH ago.
        """

    @abstractmethod
    def sweep(self, age: float = ...) -> int:
        """Remove what writers that died left half-written more than `age` seconds ago; return how many."""


class FolderBlobs(OwnBlobs):
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
        fd, size = _open(name, limit)
        try:
            if size <= _SMALL:
                try:
                    data = os.read(fd, size)
                except OSError as error:
                    raise unreadable(name, error) from error
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
                        chunk = read(CHUNK if size is None else min(CHUNK, size - done))
                    except OSError as error:
                        raise unreadable(name, error) from error
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
            if is_digest(digest):
                raw = io.FileIO(self._place(digest))
                return verified(raw, digest, os.fstat(raw.fileno()).st_size, self._base)
        except (FileNotFoundError, IsADirectoryError):
            pass
        except OSError as error:
            raise self._unavailable(error) from error
        raise NotFoundException(f"There is no content {digest!r} in {self._base}.")

    def has(self, digest: str) -> bool:
        """See Blobs.has."""
        return is_digest(digest) and os.path.isfile(self._place(digest))

    def keep(self, digest: str, size: int) -> bool:
        """See Blobs.keep."""
        try:
            return is_digest(digest) and self._there(self._place(digest), size)
        except OSError as error:
            raise self._unavailable(error) from error

    def fetch(self, digest: str, target: Path | str) -> None:
        """See Blobs.fetch."""
        with self.open(digest) as source, written(target) as file:
            while chunk := source.read(CHUNK):
                file.write(chunk)

    # -- garbage collection --------------------------------------------------------------------------------------
    def walk(self) -> Iterator[BlobInfo]:
        """See Blobs.walk."""
        for fan in self._entries(self._base):
            if len(fan.name) != 2 or not _HEX.issuperset(fan.name):
                continue
            for entry in self._entries(fan.path):
                digest = fan.name + entry.name
                if is_digest(digest):
                    try:
                        about = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:  # removed meanwhile
                        continue
                    except OSError as error:
                        raise self._unavailable(error) from error
                    if stat.S_ISREG(about.st_mode):
                        yield BlobInfo(digest, about.st_size, about.st_mtime)

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as found:
                return list(found)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise self._unavailable(error) from error

    def remove(self, digest: str) -> None:
        """See Blobs.remove."""
        if is_digest(digest):
            try:
                os.unlink(self._place(digest))
            except FileNotFoundError:
                pass
            except OSError as error:
                raise self._unavailable(error) from error

    def remove_stale(self, digests: Sequence[str], before: float) -> list[str]:
        """See OwnBlobs.remove_stale."""
        return [digest for digest in digests if is_digest(digest) and self._remove_stale(digest, before)]

    def _remove_stale(self, digest: str, before: float) -> bool:
        """Move a content aside before its time is looked at for the last time: a writer that puts it again either
        refreshed it before, and it is moved back, or does not find it, and writes it anew."""
        target = self._place(digest)
        try:
            if os.stat(target).st_mtime >= before:
                return False
            self._prepare()
            aside = self._scratch()
            os.rename(target, aside)
            if os.stat(aside).st_mtime >= before:
                os.replace(aside, target)
                return False
            os.unlink(aside)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._unavailable(error) from error
        return True

    # -- places --------------------------------------------------------------------------------------------------
    def _place(self, digest: str) -> str:
        return f"{self._base}/{digest[:2]}/{digest[2:]}"

    def _scratch(self) -> str:
        return f"{self._base}/tmp/{secrets.token_hex(12)}"

    @staticmethod
    def _there(target: str, size: int) -> bool:
        """Whether it is here, whole (after a power cut a file can be shorter than its name promises).

        An old one gets the time of now, so that garbage collection leaves it alone until it is referred to.
        """
        try:
            about = os.stat(target)
            if about.st_size != size:
                return False
            if about.st_mtime < time.time() - REFRESH:
                os.utime(target)
        except FileNotFoundError:
            return False
        except PermissionError:  # another user's: what is written anew in its place is ours
            return False
        return True

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
            os.makedirs(self._base, 0o700, exist_ok=True)  # makedirs gives its mode to the last folder only
            os.makedirs(f"{self._base}/tmp", 0o700, exist_ok=True)
            os.chmod(self._base, 0o700)
            self._swept = True
            self.sweep()

    def sweep(self, age: float = STALE) -> int:
        """See OwnBlobs.sweep."""
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


# -- what all blobs need -----------------------------------------------------------------------------------------
def is_digest(digest: str) -> bool:
    """Whether this is a sha256 as we write it."""
    return len(digest) == 64 and _HEX.issuperset(digest)


@contextmanager
def open_regular(path: Path | str, limit: int | None = None) -> Iterator[tuple[BinaryIO, int]]:
    """A regular file, open for reading, and its size.

    Raises:
        UserErrorException: not a regular file, unreadable, or larger than `limit` bytes.
    """
    name = os.fspath(path)
    fd, size = _open(name, limit)
    with open(fd, "rb") as file:
        yield file, size


def _open(name: str, limit: int | None) -> tuple[int, int]:
    try:
        # Opening a FIFO waits for a writer, and some devices act on being opened: neither may happen here.
        fd = os.open(name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        raise unreadable(name, error) from error
    try:
        about = os.fstat(fd)
        if not stat.S_ISREG(about.st_mode):
            raise UserErrorException(f"{name!r} is {_kind(about.st_mode)}, not a file; give a regular file.")
        size = about.st_size
        if limit is not None and size > limit:
            raise UserErrorException(f"{name!r} has {size:,} bytes, more than the {limit:,} allowed here.")
    except BaseException:
        os.close(fd)
        raise
    return fd, size


@contextmanager
def written(target: Path | str) -> Iterator[BinaryIO]:
    """A file to write, which gets the name `target` when the block ends well; parent folders are made.

    Raises:
        UserErrorException: it cannot be written.
    """
    path = Path(target)
    scratch = os.fspath(path.with_name(f".{secrets.token_hex(8)}.part"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(scratch, "xb") as file:
            try:
                yield file
                file.close()
                os.replace(scratch, path)
            except BaseException:
                _remove(scratch)
                raise
    except OSError as error:
        raise UserErrorException(f"Cannot write {str(path)!r}: {error.strerror}.") from error


def unreadable(name: str, error: OSError | ValueError) -> UserErrorException:
    """What is raised for a file that cannot be read."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return UserErrorException(f"Cannot read {name!r}: {reason}.")


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


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISFIFO(mode):
        return "a named pipe"
    if stat.S_ISSOCK(mode):
        return "a socket"
    return "a device" if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) else "something else"


__all__ = ["FolderBlobs", "OwnBlobs"]
