"""What users may call things. Names are data; each rule stands here once."""

from __future__ import annotations

import re
import unicodedata

from jupyter_aml.errors import UserErrorException

_DRIVE = re.compile(r"[A-Za-z]:")


def shown(value: object, limit: int = 60) -> str:
    """A value for an error message, shortened."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _text(noun: str, name: object, limit: int) -> str:
    if not isinstance(name, str):
        raise UserErrorException(f"A {noun} is text, not {shown(name)} of type {type(name).__name__}.")
    if not name.strip():
        raise UserErrorException(f"A {noun} must not be empty; this one is {name!r}.")
    if len(name) > limit:
        raise UserErrorException(f"A {noun} takes at most {limit} characters; {shown(name)} has {len(name):,}.")
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in name):
        raise UserErrorException(f"A {noun} takes no control characters; {shown(name)} has some.")
    return name


def metric_name(name: object) -> str:
    """A metric's name: any text of 1 to 255 characters without control characters."""
    return _text("metric's name", name, 255)


def experiment_name(name: object) -> str:
    """An experiment's name: any text of 1 to 255 characters without control characters. It is never part of a path."""
    return _text("experiment's name", name, 255)


def tag_name(name: object) -> str:
    """A tag's or property's name: any text of 1 to 255 characters without control characters."""
    return _text("tag's or property's name", name, 255)


def file_path(name: object) -> str:
    """The name of a run's file: relative, with slashes; ``./`` in front and doubled slashes are dropped.

    Raises:
        UserErrorException: absolute, with ``..``, with control characters, too long or empty.
    """
    text = _text("file's name", name, 1024).replace("\\", "/")
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if text.startswith("/") or _DRIVE.match(text) or ".." in parts or not parts:
        raise UserErrorException(
            f"{shown(name)} cannot name a run's file: it has to be relative and must not contain '..'."
        )
    return "/".join(parts)
