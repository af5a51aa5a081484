"""Makes the n-th step that changes a disk fail, or end this process: ours and SQLite's.

A step is a write, a creation, a renaming, a removal, a truncation or a flush to the disk. Ours go through the functions of `os`
and the files of `io`, which are replaced here; SQLite's go through its table of system calls, which it lets tests replace.
"""

from __future__ import annotations

import builtins
import ctypes
import errno
import io
import os
import signal
import threading

FAULTS = {"ENOSPC": errno.ENOSPC, "EIO": errno.EIO, "SHORT": errno.ENOSPC}
"""SHORT: a write takes half of its bytes, as the last one on a full disk does."""

FREES = {"unlink", "remove", "rmdir", "ftruncate", "truncate", "sqlite unlink", "sqlite ftruncate"}
"""What needs no room."""


class Steps:
    """Counts the steps of this process; from the `first` on, `length` of them fail.

    Args:
        kind: one of `FAULTS`; "KILL" (before the step), "TEAR" (after half of a write) or "" (only count).
    """

    def __init__(self, kind: str, first: int, length: int = 1) -> None:
        self.kind, self.first, self.length = kind, first, length
        self.count = 0
        self.names: list[str] = []
        self.hit: set[str] = set()
        self.lock = threading.Lock()

    @property
    def fired(self) -> bool:
        return self.count >= self.first

    @property
    def over(self) -> bool:
        """Whether no step will fail any more, as far as this is known."""
        return self.count < self.first or self.count >= self.first + self.length - 1

    def take(self, name: str, size: int = 0) -> int | None:
        """None: go on; >= 0: so many bytes of the write are to be taken; raises, or ends the process, otherwise."""
        with self.lock:
            self.count += 1
            self.names.append(name)
            at = self.count - self.first
        if not self.kind or not 0 <= at < self.length or (self.kind in ("ENOSPC", "SHORT") and name in FREES):
            return None
        self.hit.add(name)
        if self.kind == "KILL" or (self.kind == "TEAR" and size < 2):
            os.kill(os.getpid(), signal.SIGKILL)
        if self.kind == "TEAR" or (self.kind == "SHORT" and at == 0 and size > 1):
            return size // 2
        code = FAULTS[self.kind]
        raise OSError(code, os.strerror(code))

    # -- ours ------------------------------------------------------------------------------------------------------
    def install(self) -> None:
        """Watch this process from now on. It stays so."""
        for name in (
            "fdatasync", "fsync", "replace", "rename", "link", "unlink", "remove", "mkdir", "ftruncate", "truncate", "rmdir",
        ):  # fmt: skip
            setattr(os, name, self._watched(name, getattr(os, name)))
        plain_open, plain_write, plain_pwrite = os.open, os.write, os.pwrite

        def opening(path, flags, *more, **options):
            if flags & os.O_CREAT:
                self.take("open")
            return plain_open(path, flags, *more, **options)

        def write(fd, data):
            half = self.take("write", len(data))
            return plain_write(fd, data) if half is None else self._torn(plain_write(fd, bytes(data)[:half]))

        def pwrite(fd, data, offset):
            half = self.take("pwrite", len(data))
            return plain_pwrite(fd, data, offset) if half is None else self._torn(plain_pwrite(fd, data[:half], offset))

        os.open, os.write, os.pwrite = opening, write, pwrite
        steps = self

        class File(io.FileIO):
            def write(self, data):
                half = steps.take("write", len(data))
                return super().write(data) if half is None else steps._torn(super().write(bytes(data)[:half]))

        plain = io.open

        def open_(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None):
            if buffering == 0 or not set("wxa+") & set(mode):
                return plain(file, mode, buffering, encoding, errors, newline, closefd, opener)
            if not isinstance(file, int) and set("wxa") & set(mode):
                steps.take("open")
            raw = File(file, mode.replace("b", "").replace("t", ""), closefd, opener)
            made = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
            return made if "b" in mode else io.TextIOWrapper(made, encoding, errors, newline)

        io.open = builtins.open = open_
        self._install_sqlite()

    def _watched(self, name, plain):
        def call(*arguments, **options):
            self.take(name)
            return plain(*arguments, **options)

        return call

    def _torn(self, done: int) -> int:
        if self.kind == "TEAR":
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    # -- SQLite's ----------------------------------------------------------------------------------------------------
    def _install_sqlite(self) -> None:
        vfs = _vfs()
        self._kept: list[object] = []  # SQLite keeps their addresses for ever
        pointer, size, text, number = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_int
        self._replace(vfs, "write", ctypes.c_ssize_t, (number, pointer, size), lambda fd, data, n: n)
        for name in ("pwrite", "pwrite64"):
            self._replace(
                vfs, name, ctypes.c_ssize_t, (number, pointer, size, ctypes.c_int64), lambda fd, data, n, at: n
            )
        self._replace(vfs, "ftruncate", number, (number, ctypes.c_int64), None)
        self._replace(vfs, "unlink", number, (text,), None)
        self._replace(vfs, "open", number, (text, number, number), None)

    def _replace(self, vfs, name, result, arguments, size_of) -> None:
        address = vfs.xGetSystemCall(ctypes.addressof(vfs), name.encode())
        if not address:
            return
        kind = ctypes.CFUNCTYPE(result, *arguments, use_errno=True)
        plain = kind(address)

        def call(*given):
            if name == "open" and not given[1] & os.O_CREAT:
                return plain(*given)
            try:
                half = self.take("sqlite " + name, size_of(*given) if size_of else 0)
            except OSError as error:
                ctypes.set_errno(error.errno)
                return -1
            return plain(*given) if half is None else self._torn(plain(*given[:2], half, *given[3:]))

        replacement = kind(call)
        self._kept += [plain, replacement]
        done = vfs.xSetSystemCall(ctypes.addressof(vfs), name.encode(), ctypes.cast(replacement, ctypes.c_void_p))
        assert done == 0, f"SQLite does not let {name} be replaced"


class _Vfs(ctypes.Structure):
    """``sqlite3_vfs``: only what stands at its end is used."""

    _fields_ = [
        ("iVersion", ctypes.c_int), ("szOsFile", ctypes.c_int), ("mxPathname", ctypes.c_int), ("pNext", ctypes.c_void_p),
        ("zName", ctypes.c_char_p), ("pAppData", ctypes.c_void_p), ("methods", ctypes.c_void_p * 13),
        ("xSetSystemCall", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)),
        ("xGetSystemCall", ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)),
    ]  # fmt: skip


def _vfs() -> _Vfs:
    import _sqlite3

    library = ctypes.CDLL(_sqlite3.__file__)
    library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
    found = library.sqlite3_vfs_find(None).contents
    assert found.iVersion >= 3
    return found
