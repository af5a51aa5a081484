"""The format of a journal: frames, one after the other.

Frame: ``magic (2) · u32 length of the payload · payload · u32 crc32 of all before``, little endian.
Payload: a kind byte and a body::

    P  u32 series · i64 step · f64 time · f64 value     a point
    I  u32 series · i64 step · f64 time · i64 value     a point whose value is an integer
    S  JSON                                             names a series: its number and what it belongs to
    E  JSON                                             an event (codec.py)
"""

from __future__ import annotations

import logging
import struct
import sys
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any
from zlib import crc32

log = logging.getLogger("jupyter_aml")

MAGIC = b"\xa7L"
HEAD = struct.Struct("<2sI")
POINT = struct.Struct("<2sIBIqdd")
COUNT = struct.Struct("<2sIBIqdq")
POINT_SIZE = POINT.size + 4
BODY = POINT.size - HEAD.size
P, I, S, E = b"PISE"  # noqa: E741
MAX_FRAME = 256 * 2**20
_START = HEAD.pack(MAGIC, BODY)
"""What every point's frame begins with, before its kind."""
_TOGETHER = 64
"""Frames of points whose checksums are looked at together."""
_STRETCH = 16, 8192
"""Frames of points that are looked for together: at first, and at most."""


def frame(kind: int, body: bytes) -> bytes:
    """A whole frame around a body."""
    if len(body) >= MAX_FRAME:
        raise ValueError(f"{len(body):,} bytes are too many for one event; store it as a file instead")
    head = HEAD.pack(MAGIC, len(body) + 1) + bytes((kind,)) + body
    return head + crc32(head).to_bytes(4, "little")


@dataclass(slots=True)
class Points:
    """Points that follow one another, as columns. `kinds` says which of `floats` and `ints` is a point's value."""

    kinds: bytes
    refs: array[int]
    steps: array[int]
    times: array[float]
    floats: array[float]
    ints: array[int]


def read(data: bytes, limit: int, journal: str) -> Iterator[tuple[bytes | Points, int, int, int, int]]:
    """Frames in the order of the journal, at most `limit`. A broken one is stepped over only when a whole one follows.

    Yields:
        (body, its kind, how many frames, where they end, how many bytes were stepped over before that said something else).
        Points that follow one another come together, of kind P.
    """
    position, size, skipped = 0, len(data), 0
    view = memoryview(data)
    stretch = _STRETCH[0]
    while limit and position + HEAD.size + 5 <= size:
        count = _points(data, position, min(limit, stretch))
        end = position + count * POINT_SIZE if count else _end(data, view, position)
        if count and end:
            yield _columns(data, position, end), P, count, end, skipped
            stretch = min(stretch * 8, _STRETCH[1]) if count == stretch else _STRETCH[0]
        elif end:
            yield data[position + HEAD.size + 1 : end - 4], data[position + HEAD.size], 1, end, skipped
        else:
            following = _next_whole(data, view, position + 1)
            if following is None:
                return
            if not _torn(data, position, following):
                log.warning("Skipped %d broken bytes in journal %s.", following - position, journal)
                skipped = following - position
            position = following
            continue
        position, limit, skipped = end, limit - max(count, 1), 0


def _end(data: bytes, view: memoryview, position: int) -> int | None:
    """Where the frame at a position ends; None when none is there, or a broken one."""
    if position + HEAD.size + 5 > len(data):
        return None
    magic, length = HEAD.unpack_from(data, position)
    end: int = position + HEAD.size + length + 4
    if magic != MAGIC or length == 0 or end > len(data):
        return None
    return end if crc32(view[position : end - 4]) == int.from_bytes(data[end - 4 : end], "little") else None


def _next_whole(data: bytes, view: memoryview, start: int) -> int | None:
    while (start := data.find(MAGIC, start)) >= 0:
        if _end(data, view, start) is not None:
            return start
        start += 1
    return None


def _torn(data: bytes, start: int, following: int) -> bool:
    """Whether all that stands here are beginnings of the frame that follows: what a full disk took of it before it was
    written again, so that nothing is lost."""
    while start < following:
        pairs = zip(data[start:following], data[following : following + following - start], strict=False)
        common = next((i for i, (torn, whole) in enumerate(pairs) if torn != whole), following - start)
        if not common:
            return False
        start += common
    return True


# -- points, many at a time --------------------------------------------------------------------------------------
_BEGINNINGS = (*(bytes((byte,)) for byte in _START), b"PI")


def _points(data: bytes, position: int, limit: int) -> int:
    """How many whole frames of points stand here one after the other, at most `limit`."""
    if not data.startswith(_START, position):
        return 0
    count = min((len(data) - position) // POINT_SIZE, limit)
    if not data.startswith(_START, position + POINT_SIZE):  # one alone
        end = position + POINT_SIZE
        return int(count > 0 and data[position + HEAD.size] in b"PI" and crc32(data[position:end]) == _sums()[1])
    for i, allowed in enumerate(_BEGINNINGS):
        column = data[position + i : position + count * POINT_SIZE : POINT_SIZE]
        count -= len(column.lstrip(allowed))
    view, sums = memoryview(data), _sums()
    whole = 0
    while whole < count:
        at, some = position + whole * POINT_SIZE, min(_TOGETHER, count - whole)
        if crc32(view[at : at + some * POINT_SIZE]) != sums[some]:  # one of them is broken: up to there, one by one
            while crc32(view[at : at + POINT_SIZE]) == sums[1]:
                whole, at = whole + 1, at + POINT_SIZE
            break
        whole += some
    return whole


@cache
def _sums() -> list[int]:
    """Checksums of 0, 1, 2 … frames of points in a row, which are the same for all frames that are whole.

    What ends with its own checksum always leaves the same remainder, and what stood before is added to that
    independently. So one pass tells whether a whole row is right, as surely as a checksum tells it of one.
    """
    sums, nothing = [0], bytes(POINT_SIZE)
    alone = crc32(crc32(b"").to_bytes(4, "little"))
    for _ in range(_TOGETHER):
        sums.append(alone ^ crc32(nothing, sums[-1]) ^ crc32(nothing))
    return sums


def _columns(data: bytes, start: int, end: int) -> Points:
    if end - start == POINT_SIZE:
        _, _, kind, ref, step, at, value = POINT.unpack_from(data, start)
        whole = COUNT.unpack_from(data, start)[-1]
        columns = (array("q", (step,)), array("d", (at,)), array("d", (value,)), array("q", (whole,)))
        return Points(bytes((kind,)), array("I", (ref,)), *columns)

    def column(typecode: str, offset: int) -> array[Any]:
        found = array(typecode)
        size = found.itemsize
        raw = bytearray((end - start) // POINT_SIZE * size)
        for i in range(size):
            raw[i::size] = data[start + offset + i : end : POINT_SIZE]
        found.frombytes(raw)
        if sys.byteorder == "big":  # pragma: no cover
            found.byteswap()
        return found

    kinds = data[start + HEAD.size : end : POINT_SIZE]
    return Points(kinds, column("I", 7), column("q", 11), column("d", 19), column("d", 27), column("q", 27))
