"""Notebooks on disk: replaced whole or not at all, whatever text they hold."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import tempfile
from pathlib import Path
from typing import Any

from jupyter_aml.errors import UserErrorException

_SURROGATE = re.compile("[\ud800-\udfff]")
_SCRATCH = re.compile(r"\..+\.\w{8}\.tmp\Z")


def encode(text: str) -> bytes:
    """JSON text as UTF-8. Half a surrogate pair, which UTF-8 does not have, becomes JSON's own escape: nothing is lost."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        return _SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", text).encode("utf-8")


def notebook_bytes(nb: Any) -> bytes:
    """A notebook as it is written to a file."""
    import nbformat

    return encode(nbformat.writes(nb))


def is_scratch(path: Path) -> bool:
    """Whether this is the name of a file that `replace` is writing."""
    return _SCRATCH.match(path.name) is not None


def replace(path: Path, content: bytes) -> None:
    """Put `content` in the place of the file, atomically; the file's mode stays, links are followed.

    Raises:
        UserErrorException: the folder is missing or cannot be written. What was there before stays.
    """
    target = path.resolve() if path.is_symlink() else path
    if not target.parent.is_dir():
        raise UserErrorException(f"The output's folder {str(target.parent)!r} does not exist.")
    scratch = None
    try:
        state = target.stat() if target.exists() else None
        if state is not None and not stat.S_ISREG(state.st_mode):  # a device or a pipe is written to, not replaced
            with open(target, "wb") as file:
                file.write(content)
            return
        if state is not None and not os.access(target, os.W_OK):
            raise PermissionError(13, "the file is read-only", str(target))
        fd, scratch = tempfile.mkstemp(prefix=f".{target.name[:100]}.", suffix=".tmp", dir=target.parent)
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(scratch).chmod(stat.S_IMODE(state.st_mode) if state is not None else 0o666 & ~_umask())
        Path(scratch).replace(target)
    except OSError as error:
        if scratch is not None:
            with contextlib.suppress(OSError):
                Path(scratch).unlink()
        raise UserErrorException(
            f"The output notebook {str(target)!r} cannot be written: {error.strerror or error}. It is as it was before this save."
        ) from error


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def local(path: object) -> bool:
    """Whether papermill would read or write this as a file on this machine."""
    return isinstance(path, str | os.PathLike) and (text := os.fspath(path)) not in ("", "-") and "://" not in text


def same_file(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file, by any link."""
    try:
        if one.samefile(other):
            return True
    except OSError:
        pass
    return os.path.realpath(one) == os.path.realpath(other)


class AtomicHandler:
    """Stands in for papermill's local handler where the engine's output goes: papermill itself writes the notebook
    once more after the engine has returned."""

    def __init__(self, name: str, path: Path, fallback: Any) -> None:
        self.name = name
        self.path = path
        self._fallback = fallback

    def read(self, path: str) -> Any:
        """As papermill's own."""
        return self._fallback.read(path)

    def listdir(self, path: str) -> Any:
        """As papermill's own."""
        return self._fallback.listdir(path)

    def pretty_path(self, path: str) -> str:
        """As papermill's own."""
        return str(path)

    def write(self, text: str, path: str) -> None:
        """Replace the file atomically."""
        if path == self.name:
            replace(self.path, encode(text))
        else:  # papermill looks for the beginning of a path only
            self._fallback.write(text, path)


_handlers: dict[str, AtomicHandler] = {}


def papermills(name: str) -> Path:
    """A path as papermill means it: from the folder that it was started in (--cwd moves the process elsewhere)."""
    from papermill.iorw import papermill_io

    plain = papermill_io.get_handler("local")
    base = None
    if hasattr(plain, "cwd"):
        base = plain.cwd(None)
        plain.cwd(base)
    return Path(base or "", name).absolute()


def write_atomically(name: str) -> Path:
    """From now on papermill writes this output path (as it was given) by way of `replace`.

    Returns:
        The absolute path.
    """
    from papermill.iorw import papermill_io

    path = papermills(name)
    known = _handlers.get(name)
    if known is None:
        known = _handlers[name] = AtomicHandler(name, path, papermill_io.get_handler("local"))
        papermill_io.register(name, known)
    known.path = path
    return path
