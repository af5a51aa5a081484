"""What models may be called, and how a version is written."""

from __future__ import annotations

import re

from jupyter_aml.errors import UserErrorException
from jupyter_aml.tracking.names import shown

KIND = "model"
ALIAS = "model-alias"
_NAME = re.compile(r"[^\W_][\w.\- ]{0,254}\Z")
_ALIAS = re.compile(r"[A-Za-z][\w.\-]{0,63}\Z", re.ASCII)


def model_name(name: object) -> str:
    """A model's name: letters, digits, ``- _ .`` and spaces, at most 255, of which the first is a letter or digit.

    Raises:
        UserErrorException: anything else.
    """
    if not isinstance(name, str) or not _NAME.match(name) or name != name.strip():
        raise UserErrorException(
            f"{shown(name)} cannot be a model's name: it takes letters, digits and - _ . , at most 255, and begins with a letter or digit."
        )
    return name


def alias_name(name: object) -> str:
    """An alias ("production"): letters, digits and ``- _ .``, at most 64, of which the first is a letter.

    Raises:
        UserErrorException: anything else.
    """
    if not isinstance(name, str) or not _ALIAS.match(name) or name == "latest":
        raise UserErrorException(
            f"{shown(name)} cannot be an alias: it takes letters, digits and - _ . , at most 64, begins with a letter, "
            "and is not 'latest'."
        )
    return name


def split_id(id: object) -> tuple[str, int]:
    """Name and version of an id ``name:version``.

    Raises:
        UserErrorException: it is none.
    """
    name, colon, version = str(id).rpartition(":")
    if not colon or not name or not version.isdecimal():
        raise UserErrorException(f"{shown(id)} is no model's id; it looks like 'name:version'.")
    return name, int(version)


def labels(given: object, noun: str = "Tags") -> dict[str, str | None]:
    """What is asked of tags or properties: ``{"k": "v"}``, ``"k"``, ``["k", ["k2", "v"]]`` → name and value, None: any value.

    Raises:
        UserErrorException: none of these.
    """
    if given is None:
        return {}
    if isinstance(given, str):
        return {given: None}
    if isinstance(given, dict):
        return {str(name): None if value is None else str(value) for name, value in given.items()}
    found: dict[str, str | None] = {}
    if isinstance(given, (list, tuple)):
        for one in given:
            if isinstance(one, str):
                found[one] = None
                continue
            if isinstance(one, (list, tuple)) and len(one) == 2:
                found[str(one[0])] = str(one[1])
                continue
            break
        else:
            return found
    raise UserErrorException(f"{noun} to look for are ['key', ['key2', 'value']] or a dict, not {shown(given)}.")
