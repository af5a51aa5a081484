"""Secrets: values that this process may use and never writes down.

`Mask` finds them in texts. While masks are `hiding` (or for good, after `hide`), the journal passes every event through them.
"""

from __future__ import annotations

import contextlib
import json
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

MASK = "******"
SHORTEST = 4
"""Shorter texts are masked where they are assigned, but not searched for: they would hit anything."""
_CHUNK = 2**20
_OF_USERS = {
    "run": ("name", "description", "params", "details", "tags", "properties"),
    "chg": ("name", "description", "set_tags", "drop_tags", "add_properties", "add_params", "add_details"),
    "status": ("error",),
    "pts": ("description", "values"),
    "text": ("text",),
}
"""Tag of an event → its fields that hold what users say."""


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
        self._texts = sorted((t for t in texts if len(t) >= SHORTEST), key=len, reverse=True)

    def __bool__(self) -> bool:
        return bool(self._texts)

    def text(self, text: str) -> str:
        """The text without the secrets."""
        for secret in self._texts:
            if secret in text:
                text = text.replace(secret, MASK)
        return text

    def tree(self, value: Any) -> Any:
        """A JSON value likewise, its keys too; the given one stays as it is."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.tree(key): self.tree(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.tree(item) for item in value]
        return value

    def open_end(self, text: str) -> int:
        """Where the end of a text begins that more text could complete to a secret; its length when there is none."""
        at = len(text)
        for secret in self._texts:
            longest = min(len(secret) - 1, len(text))
            at = min(at, next((len(text) - n for n in range(longest, 0, -1) if text.endswith(secret[:n])), at))
        moved = True
        while moved:  # a whole secret is not cut in two
            moved = False
            for secret in self._texts:
                start = text.find(secret, max(0, at - len(secret) + 1), at + len(secret) - 1)
                if 0 <= start < at:
                    at, moved = start, True
        return at

    def in_file(self, path: Path) -> bool:
        """Whether a file holds a secret. One that cannot be read does not."""
        if not self._texts:
            return False
        wanted = [text.encode("utf-8", "surrogatepass") for text in self._texts]
        overlap, before = max(map(len, wanted)) - 1, b""
        with contextlib.suppress(OSError), open(path, "rb") as file:
            while chunk := file.read(_CHUNK):
                data = before + chunk
                if any(secret in data for secret in wanted):
                    return True
                before = data[-overlap:]
        return False

    def event(self, event: Any) -> Any:
        """An event of a run without the secrets."""
        inner = event.run if event.tag == "run" else event
        changed = {}
        for name in _OF_USERS.get(event.tag, ()):
            value = getattr(inner, name)
            if value and isinstance(value, str | Mapping | list | tuple):
                changed[name] = self.tree(value)
        if not changed:
            return event
        return replace(event, run=replace(inner, **changed)) if event.tag == "run" else replace(event, **changed)


_masks: list[Mask] = []


def hide(*values: Any) -> None:
    """From now on this process writes these values down in no event."""
    _masks.append(Mask(values))


@contextlib.contextmanager
def hiding(mask: Mask) -> Iterator[None]:
    """Likewise, while this lasts."""
    _masks.append(mask)
    try:
        yield
    finally:
        _masks.remove(mask)


def without_secrets(event: Any) -> Any:
    """The event as it may be written down."""
    for mask in _masks:
        if mask:
            event = mask.event(event)
    return event


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
