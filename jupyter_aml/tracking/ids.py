"""Ids of runs: made by the client, ordered by time."""

from __future__ import annotations

import os
import time


def new_id() -> str:
    """32 hex digits: 48 bits of milliseconds, then random (the layout of UUID version 7, RFC 9562)."""
    random = int.from_bytes(os.urandom(10), "big")
    value = (time.time_ns() // 1_000_000) << 80 | random
    value = value & ~(0xF << 76) | (0x7 << 76)
    value = value & ~(0x3 << 62) | (0x2 << 62)
    return f"{value & (1 << 128) - 1:032x}"
