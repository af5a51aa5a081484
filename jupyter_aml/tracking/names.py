"""What users may call things. Names are data; each rule stands here once."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Mapping

from jupyter_aml.errors import UserErrorException

_DRIVE = re.compile(r"[A-Za-z]:")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:#-]{0,254}\Z")


def shown(value: object, limit: int = 60) -> str:
    """A value for an error message, shortened."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _text(noun: str, name: object, limit: int) -> str:
    if not isinstance(name, str):
        raise UserErrorException(f"{noun} is text, not {shown(name)} of type {type(name).__name__}.")
    if not name.strip():
        raise UserErrorException(f"{noun} must not be empty; this one is {name!r}.")
    if len(name) > limit:
        raise UserErrorException(f"{noun} takes at most {limit} characters; {shown(name)} has {len(name):,}.")
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in name):
        raise UserErrorException(f"{noun} takes no control characters; {shown(name)} has some.")
    return name


def metric_name(name: object) -> str:
    """A metric's name: any text of 1 to 255 characters without control characters."""
    return _text("A metric's name", name, 255)


def experiment_name(name: object) -> str:
    """An experiment's name: any text of 1 to 255 characters without control characters. It is never part of a path."""
    return _text("An experiment's name", name, 255)


def environment_name(name: object) -> str:
    """An environment's name: as an experiment's."""
    return _text("An environment's name", name, 255)


def tag_name(name: object) -> str:
    """A tag's or property's name: any text of 1 to 255 characters without control characters."""
    return _text("A tag's or property's name", name, 255)


def tags_of(tags: object, noun: str = "Tags") -> dict[str, str | None]:
    """Tags (or what `noun` says) as they are kept: values as text, None stays None.

    Raises:
        UserErrorException: not a dict of them, or a name that cannot be.
    """
    if not isinstance(tags, Mapping):
        raise UserErrorException(f"{noun} are a dict of names and values, not {shown(tags)}.")
    return {tag_name(name): None if value is None else str(value) for name, value in tags.items()}


def tag_names(names: object) -> list[str]:
    """One name or several, as a list."""
    if isinstance(names, str) or not isinstance(names, Iterable):
        names = [names]
    return [tag_name(name) for name in names]


def run_id(name: object) -> str:
    """An id that somebody chose for a run: up to 255 letters, digits and ``_ - . : #``, of which the first is a letter or digit."""
    text = _text("A run's id", name, 255)
    if not _ID.match(text):
        raise UserErrorException(
            f"{shown(name)} cannot be a run's id: it takes letters, digits and _ - . : #, and begins with a letter or digit."
        )
    return text


def file_path(name: object) -> str:
    """The name of a run's file: relative, with slashes; ``./`` in front and doubled slashes are dropped.

    Raises:
        UserErrorException: absolute, with ``..``, with control characters, too long or empty.
    """
    text = _text("A file's name", name, 1024).replace("\\", "/")
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if text.startswith("/") or _DRIVE.match(text) or ".." in parts or not parts:
        raise UserErrorException(
            f"{shown(name)} cannot name a run's file: it has to be relative and must not contain '..'."
        )
    return "/".join(parts)


def local_path(path: object, noun: str = "path") -> str:
    """A path on this machine, as text.

    Raises:
        UserErrorException: it is neither text nor a path.
    """
    try:
        text = os.fspath(path)  # type: ignore[call-overload]
    except TypeError:
        raise UserErrorException(
            f"A {noun} is text or a Path, not {shown(path)} of type {type(path).__name__}."
        ) from None
    return os.fsdecode(text)
