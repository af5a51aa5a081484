"""Secret parameters: the kernel gets the value, everything that is kept gets the mask."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Iterable, Mapping
from typing import Any

MASK = "******"
_SHORTEST = 4
"""Shorter values are masked where they are assigned, but not searched for in outputs: they would hit anything."""


class Mask:
    """Replaces the values of secrets in texts.

    Args:
        values: the secrets' values.
    """

    def __init__(self, values: Iterable[Any] = ()) -> None:
        texts: set[str] = set()
        for value in values:
            for leaf in _leaves(value):
                texts |= _spellings(leaf)
        self._texts = sorted((t for t in texts if len(t) >= _SHORTEST), key=len, reverse=True)

    def __bool__(self) -> bool:
        return bool(self._texts)

    def text(self, text: str) -> str:
        """The text without the secrets."""
        for secret in self._texts:
            if secret in text:
                text = text.replace(secret, MASK)
        return text

    def tree(self, value: Any) -> Any:
        """A JSON value likewise; its keys too."""
        if not self._texts:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            for key in list(value):
                inner = self.tree(value[key])
                plain = self.text(key) if isinstance(key, str) else key
                if plain != key:
                    del value[key]
                value[plain] = inner
            return value
        if isinstance(value, list):
            value[:] = [self.tree(item) for item in value]
        return value


def masked(parameters: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Parameters with the named ones masked."""
    hidden = set(names)
    return {name: MASK if name in hidden else value for name, value in parameters.items()}


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in _leaves(inner)]
    if isinstance(value, list | tuple):
        return [leaf for inner in value for leaf in _leaves(inner)]
    return [] if value is None or isinstance(value, bool) else [value]


def _spellings(value: Any) -> set[str]:
    """How a value may be printed: as it is, in a repr, in JSON, in a URL."""
    text = str(value)
    escaped = text.encode("unicode_escape").decode("ascii")
    return {
        text,
        text.strip(),
        repr(text)[1:-1],
        escaped,
        escaped.replace('"', r"\""),
        json.dumps(text)[1:-1],
        urllib.parse.quote(text.encode("utf-8", "replace"), safe=""),
        *(line for line in text.splitlines() if len(line) >= 8),
    }
