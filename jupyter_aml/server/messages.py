"""Kernel messages as the watcher needs them, from the kernel's socket or from a browser's websocket."""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import Any


class Seen:
    """Remembers the newest ids, so that a message that arrives on two ways is recorded once."""

    def __init__(self, size: int = 20_000) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._size = size

    def again(self, message_id: str) -> bool:
        """Whether this id was here before; it is from now on."""
        if message_id in self._ids:
            return True
        self._ids[message_id] = None
        if len(self._ids) > self._size:
            self._ids.popitem(last=False)
        return False

    def __contains__(self, message_id: object) -> bool:
        return message_id in self._ids


def load(part: Any) -> dict[str, Any]:
    """One JSON part of a wire message."""
    value = json.loads(bytes(part))
    return value if isinstance(value, dict) else {}


def after_identities(parts: list[Any]) -> list[Any]:
    """The parts behind the routing ids and the delimiter: signature, header, parent, metadata, content …"""
    for i, part in enumerate(parts):
        if bytes(part) == b"<IDS|MSG>":
            return parts[i + 1 :]
    return []
