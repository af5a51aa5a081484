"""Summaries of GROUP points each: so fine that a long series is drawn from them, so coarse that they cost half a byte a point."""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Sequence
from math import isfinite, nan
from typing import Any, Protocol

GROUP = 64
"""Points of a group."""
_COUNT = struct.Struct("<I")


class Points(Protocol):
    """Steps, times in microseconds and numbers, as columns."""

    steps: Any
    micros: array[int]
    values: Any


class Groups:
    """Columns of summaries, in the order of the points: each group's last step and time, and its extremes and last value over finite
    numbers (NaN where there is none), how many points it has, and how many of them were not finite."""

    __slots__ = ("counts", "high", "last", "low", "nonfinite", "steps", "times")

    def __init__(self) -> None:
        self.steps, self.times = array("q"), array("d")
        self.low, self.high, self.last = array("d"), array("d"), array("d")
        self.counts, self.nonfinite = array("I"), array("I")

    def __len__(self) -> int:
        return len(self.steps)

    def columns(self) -> tuple[array[Any], ...]:
        """All of them, in the order in which they are packed."""
        return self.steps, self.times, self.low, self.high, self.last, self.counts, self.nonfinite

    def add(self, points: Points) -> None:
        """Add the groups of points, all of them numbers."""
        steps, micros, values = points.steps, points.micros, points.values
        plain = isinstance(values, array) and (values.typecode == "q" or isfinite(sum(values)))
        for start in range(0, len(micros), GROUP):
            piece = values[start : start + GROUP]
            end = start + len(piece) - 1
            self.steps.append(steps[end])
            self.times.append(micros[end] / 1e6)
            finite: Sequence[Any] = piece if plain else [x for x in map(float, piece) if isfinite(x)]
            self.low.append(min(finite, default=nan))
            self.high.append(max(finite, default=nan))
            self.last.append(finite[-1] if finite else nan)
            self.counts.append(len(piece))
            self.nonfinite.append(len(piece) - len(finite))

    def block(self, part: Any) -> None:
        """Add a whole block as one group."""
        self.steps.append(part.step_last)
        self.times.append(part.time_last)
        for column, value in ((self.low, part.low), (self.high, part.high), (self.last, part.last)):
            column.append(nan if value is None else value)
        self.counts.append(part.count)
        self.nonfinite.append(part.nonfinite)

    def read(self, packed: bytes) -> None:
        """Add packed groups."""
        (count,) = _COUNT.unpack_from(packed)
        at = _COUNT.size
        for column in self.columns():
            size = count * column.itemsize
            if sys.byteorder == "big":  # pragma: no cover
                more = array(column.typecode)
                more.frombytes(packed[at : at + size])
                more.byteswap()
                column.extend(more)
            else:
                column.frombytes(packed[at : at + size])
            at += size


def pack_groups(points: Points) -> bytes:
    """The groups of a block's points, as bytes. Integers too big for a float have none."""
    groups = Groups()
    try:
        groups.add(points)
    except OverflowError:
        return b""
    packed = [_COUNT.pack(len(groups))]
    for column in groups.columns():
        if sys.byteorder == "big":  # pragma: no cover
            column.byteswap()
        packed.append(column.tobytes())
    return b"".join(packed)
