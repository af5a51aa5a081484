"""Paths in a datastore: relative, with slashes, and never out of it."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import unquote

from jupyter_aml.errors import UserErrorException

LONGEST = 4096


def confine(path: Any) -> str:
    """A path in a datastore as all its drivers take it: without ``.``, double and outer slashes; "" for the datastore itself.

    Args:
        path: relative to the datastore. A ``/`` alone, or None, is the datastore itself.

    Raises:
        UserErrorException: it leaves the datastore, or could be read so by somebody: an absolute path, ``..`` (plain or
            percent-encoded), a backslash, a drive, a URL, NUL and other control characters.
    """
    if path is None:
        return ""
    if not isinstance(path, (str, os.PathLike)):
        raise UserErrorException(f"A path in a datastore is a text, not {type(path).__name__}.")
    text = os.fspath(path)
    if not isinstance(text, str):
        raise UserErrorException("A path in a datastore is a text, not bytes.")
    if not text.strip("/"):
        return ""
    why = _wrong(text)
    if why:
        shown = text if len(text) <= 100 else text[:100] + "…"
        raise UserErrorException(
            f"{shown!r} is no path in a datastore: {why}. Give it relative to the datastore, as in 'folder/data.csv'."
        )
    return "/".join(part for part in text.split("/") if part not in ("", "."))


def from_root(path: Any) -> str:
    """As `confine`, of a path that somebody wrote down: a slash at its beginning is the datastore itself, as in the SDK.

    Raises:
        UserErrorException: as of `confine`; so is a path of this machine, which was meant for something else.
    """
    if isinstance(path, str) and path.startswith("/") and not os.path.lexists(path):
        path = path.lstrip("/")
    return confine(path)


def _wrong(text: str) -> str:
    if len(text) > LONGEST:
        return f"it has {len(text):,} characters"
    if any(ord(c) < 32 or ord(c) == 127 or 0xD800 <= ord(c) <= 0xDFFF for c in text):
        return "it has a control character"
    if "\\" in text:
        return "it has a backslash"
    if "://" in text or "::" in text:
        return "it is a URL"
    if text.startswith("/"):
        return "it is absolute"
    if text[1:2] == ":" and text[:1].isalpha():
        return "it begins with a drive"
    for part in text.split("/"):
        seen = part
        for _ in range(3):  # an encoding may be encoded
            if seen.strip() in ("..", "...") or "/.." in seen or "../" in seen or "\\" in seen or "\0" in seen:
                return "it leads upwards"
            seen = unquote(seen)
    return ""


def join(*parts: str) -> str:
    """Parts with slashes between, empty ones left out."""
    return "/".join(part.strip("/") if index else part.rstrip("/") for index, part in enumerate(parts) if part)


def inside(root: str, path: str) -> str:
    """A local path below `root`, its links followed to see where they lead.

    Raises:
        UserErrorException: a link in it leads out of `root`.
    """
    real_root, real = os.path.realpath(root), os.path.realpath(path)
    if real != real_root and not real.startswith(real_root.rstrip(os.sep) + os.sep):
        raise UserErrorException(
            f"{os.path.relpath(path, root)!r} is, or lies behind, a link that leads out of the datastore. Copy what it leads to into it."
        )
    return path


__all__ = ["confine", "from_root", "inside", "join"]
