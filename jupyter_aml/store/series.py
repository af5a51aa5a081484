"""Points of a series as compact blocks, and a long series as it is drawn.

A block holds up to BLOCK consecutive points as three columns. Steps that go up evenly cost nothing; times are
microseconds from the block's first; values are float64, int64, a mix of both, or JSON for anything else.
Each column is deflated where that helps. Beside its bytes a block has a summary (`Block`), so that drawing a
million points reads the points of a block only where it spreads over more than one pixel.
"""

from __future__ import annotations

import json
import struct
import sys
import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from math import inf, isfinite, nan
from operator import le
from typing import Any

from jupyter_aml.store.events import NO_STEP
from jupyter_aml.store.records import Json, Sampled

BLOCK = 4096
"""Points of a full block."""
JSON_BYTES = 256 * 1024
"""A block of JSON values is full at this size, however few they are."""
_HEAD = struct.Struct("<B3s3sBIqqqII")
_VERSION = 1
_STEPS_SORTED, _TIMES_SORTED = 1, 2
_EXACT = 2**53
_INT64 = 2**63


@dataclass(slots=True)
class Columns:
    """Points in memory. Steps may be a range; times are whole microseconds; values an array or a list."""

    steps: range | array[int]
    micros: array[int]
    values: array[Any] | list[Json]
    steps_sorted: bool = False
    times_sorted: bool = False

    def __len__(self) -> int:
        return len(self.micros)

    def slice(self, start: int, stop: int) -> Columns:
        """Some of them."""
        return Columns(self.steps[start:stop], self.micros[start:stop], self.values[start:stop])

    def times(self) -> list[float]:
        """Times in seconds."""
        return [m / 1e6 for m in self.micros]


@dataclass(slots=True)
class Block:
    """What is known of a block without reading its points. `low`, `high`, `last` are over finite numbers."""

    count: int
    numbers: int
    nonfinite: int
    step_min: int
    step_max: int
    step_last: int
    time_min: float
    time_max: float
    time_last: float
    low: float | None
    high: float | None
    last: float | None
    data: bytes = b""
    id: int = 0


# -- making columns ----------------------------------------------------------------------------------------------
def columns(steps: Sequence[int], times: Sequence[float], values: Sequence[Json], place: int) -> Columns:
    """Columns of logged points; `place` is how many the series had before: the step of a point without one."""
    count = len(values)
    given: range | array[int]
    if not isinstance(steps, array):
        steps = array("q", [max(-_INT64, min(_INT64 - 1, int(s))) for s in steps])
    missing = steps.count(NO_STEP) if len(steps) else count
    if missing == count:
        given = range(place, place + count)
    else:
        given = steps[:count]
        if missing or len(given) < count:
            given.extend([NO_STEP] * (count - len(given)))
            for i, step in enumerate(given):
                if step == NO_STEP:
                    given[i] = place + i
    if len(times) < count:
        times = [*times, *[times[-1] if times else 0.0] * (count - len(times))]
    try:
        micros = array("q", [int(t * 1e6 + 0.5) for t in islice(times, count)])
    except (ValueError, OverflowError):  # a clock that says nonsense must not hold up the points
        micros = array("q", [int(t * 1e6 + 0.5) if -1e12 < t < 1e12 else 0 for t in islice(times, count)])
    return Columns(given, micros, values if isinstance(values, array) else list(values))


def join(first: Columns, then: Columns) -> Columns:
    """One after the other."""
    a, b = first.steps, then.steps
    steps: range | array[int]
    if isinstance(a, range) and isinstance(b, range) and a.step == b.step == 1 and a.stop == b.start:
        steps = range(a.start, b.stop)
    else:
        steps = array("q", a) + array("q", b)
    values: array[Any] | list[Json]
    if isinstance(first.values, array) and isinstance(then.values, array):
        if first.values.typecode == then.values.typecode:
            values = first.values + then.values
        else:
            values = first.values.tolist() + then.values.tolist()
    else:
        values = list(first.values) + list(then.values)
    return Columns(steps, first.micros + then.micros, values)


def blocks(points: Columns) -> Iterable[Block]:
    """The points cut into blocks, each as full as can be."""
    start, count = 0, len(points)
    while start < count:
        piece = points.slice(start, start + BLOCK)
        code, values, body = _pack_values(piece.values)
        if code == b"j" and len(body) > JSON_BYTES and len(piece) > 1:
            size, keep = 0, 0
            for value in piece.values:
                size += len(_json(value)) + 1
                if size > JSON_BYTES and keep:
                    break
                keep += 1
            piece = piece.slice(0, keep)
            code, values, body = _pack_values(piece.values)
        piece.values = values
        yield _block(piece, code, body)
        start += len(piece)


# -- encoding ----------------------------------------------------------------------------------------------------
def _json(value: Json) -> str:
    return json.dumps(value, separators=(",", ":"))


def _pack_values(values: array[Any] | list[Json]) -> tuple[bytes, array[Any] | list[Json], bytes]:
    """(code, values, bytes) in the tightest form that keeps every value and its type."""
    if not isinstance(values, array):
        types = set(map(type, values))
        try:
            if types == {float}:
                values = array("d", values)
            elif types == {int}:
                values = array("q", values)
            elif types == {int, float} and all(type(v) is float or -_EXACT <= v <= _EXACT for v in values):
                flags = bytes([type(v) is int for v in values])
                return b"m", values, _little(array("d", values)) + flags
        except OverflowError:  # an integer of more than 64 bits
            pass
    if isinstance(values, array):
        return values.typecode.encode(), values, _little(values)
    return b"j", values, ("[" + ",".join(map(_json, values)) + "]").encode("ascii")


def _little(column: array[Any]) -> bytes:
    if sys.byteorder == "big":  # pragma: no cover
        column = column[:]
        column.byteswap()
    return column.tobytes()


def _offsets(column: array[int] | range, base: int) -> tuple[bytes, bytes]:
    """(typecode, bytes) of the distances from the smallest."""
    span = max(column) - base
    for code, limit in (("B", 2**8), ("H", 2**16), ("I", 2**32), ("Q", 2**64)):
        if span < limit:
            return code.encode(), _little(array(code, [x - base for x in column]))
    raise AssertionError(span)


def _deflate(raw: bytes) -> tuple[bytes, bytes]:
    """(b"z" or b"r", bytes). Tries a beginning first: noise does not get smaller, only slower."""
    if len(raw) > 64 and (len(raw) < 2048 or len(zlib.compress(raw[:1024], 1)) < 850):
        packed = zlib.compress(raw, 1)
        if len(packed) < len(raw) * 0.9:
            return b"z", packed
    return b"r", raw


def _block(piece: Columns, code: bytes, body: bytes) -> Block:
    steps, micros = piece.steps, piece.micros
    count = len(micros)
    flags, stride = 0, 0
    if isinstance(steps, range):
        stride, step_code, step_body, step_base = 1, b"-", b"", steps.start
        step_min, step_max, flags = steps[0], steps[-1], _STEPS_SORTED
    else:
        step_min, step_max = min(steps), max(steps)
        step_base = steps[0]
        stride = steps[1] - steps[0] if count > 1 else 1
        if 0 < stride < 2**63 and steps[-1] == step_base + stride * (count - 1) and steps == array(
            "q", range(step_base, steps[-1] + 1, stride)
        ):  # fmt: skip
            step_code, step_body, flags = b"-", b"", _STEPS_SORTED
        else:
            step_base, stride = step_min, 0
            step_code, step_body = _offsets(steps, step_min)
            flags = _STEPS_SORTED if _sorted(steps) else 0
    if _sorted(micros):
        flags |= _TIMES_SORTED
        time_min, time_max = micros[0], micros[-1]
    else:
        time_min, time_max = min(micros), max(micros)
    time_code, time_body = _offsets(micros, time_min)
    step_pack, step_body = _deflate(step_body)
    time_pack, time_body = _deflate(time_body)
    value_pack, body = _deflate(body)
    head = _HEAD.pack(
        _VERSION, step_code + time_code + code, step_pack + time_pack + value_pack, flags, count,
        step_base, stride, time_min, len(step_body), len(time_body),
    )  # fmt: skip
    low, high, last, numbers, nonfinite = statistics(piece.values)
    return Block(
        count, numbers, nonfinite, step_min, step_max, steps[-1],
        time_min / 1e6, time_max / 1e6, micros[-1] / 1e6, low, high, last,
        head + step_body + time_body + body,
    )  # fmt: skip


def _sorted(column: array[int]) -> bool:
    return all(map(le, column, islice(column, 1, None)))


def number(value: Json) -> float | None:
    """A value as a float, None for what is no number (an integer too big for a float is infinite)."""
    if type(value) is float:
        return value
    if type(value) is int:
        try:
            return float(value)
        except OverflowError:
            return inf if value > 0 else -inf
    return None


def statistics(values: Sequence[Json]) -> tuple[float | None, float | None, float | None, int, int]:
    """(lowest, highest, last) of the finite numbers, how many numbers, how many of them are not finite."""
    if not len(values):
        return None, None, None, 0, 0
    if isinstance(values, array) and (values.typecode == "q" or isfinite(sum(values))):
        return float(min(values)), float(max(values)), float(values[-1]), len(values), 0
    numbers = [x for x in map(number, values) if x is not None]
    finite = [x for x in numbers if isfinite(x)]
    if not finite:
        return None, None, None, len(numbers), len(numbers)
    return min(finite), max(finite), finite[-1], len(numbers), len(numbers) - len(finite)


# -- decoding ----------------------------------------------------------------------------------------------------
def decode(data: bytes) -> Columns:
    """The points of a block.

    Raises:
        ValueError: not a block that this version can read.
    """
    try:
        version, codes, packs, flags, count, step_base, stride, time_base, step_size, time_size = _HEAD.unpack_from(
            data
        )
        if version != _VERSION:
            raise ValueError(f"a block of version {version}")
        view, at = memoryview(data), _HEAD.size
        bodies = []
        for pack, size in zip(packs, (step_size, time_size, len(data) - at - step_size - time_size), strict=True):
            body = view[at : at + size]
            bodies.append(zlib.decompress(body) if pack == 0x7A else body)
            at += size
        steps: range | array[int]
        if codes[0] == 0x2D:
            steps = range(step_base, step_base + stride * count, stride)
        else:
            steps = _based(bodies[0], chr(codes[0]), step_base)
        micros = _based(bodies[1], chr(codes[1]), time_base)
        columns = Columns(steps, micros, _unpack_values(codes[2:], bodies[2], count))
    except (struct.error, zlib.error) as error:
        raise ValueError(f"a damaged block of points: {error}") from error
    columns.steps_sorted, columns.times_sorted = bool(flags & _STEPS_SORTED), bool(flags & _TIMES_SORTED)
    return columns


def _based(body: bytes | memoryview, code: str, base: int) -> array[int]:
    return array("q", [x + base for x in _array(code, body)])


def _array(code: str, body: bytes | memoryview) -> array[Any]:
    column = array(code)
    column.frombytes(body)
    if sys.byteorder == "big":  # pragma: no cover
        column.byteswap()
    return column


def _unpack_values(code: bytes, body: bytes | memoryview, count: int) -> array[Any] | list[Json]:
    if code in (b"d", b"q"):
        return _array(code.decode(), body)
    if code == b"m":
        return [
            int(x) if whole else x for x, whole in zip(_array("d", body[: 8 * count]), body[8 * count :], strict=True)
        ]
    return json.loads(bytes(body))  # type: ignore[no-any-return]


# -- drawing -----------------------------------------------------------------------------------------------------
class _Bucket:
    __slots__ = ("high", "last", "low", "nonfinite", "step", "time")

    def __init__(self) -> None:
        self.low, self.high, self.last, self.nonfinite, self.step, self.time = inf, -inf, nan, 0, 0, 0.0

    def add(self, low: float | None, high: float | None, last: float | None, nonfinite: int,
            step: int, time: float) -> None:  # fmt: skip
        if low is not None and high is not None and last is not None:
            self.low, self.high, self.last = min(self.low, low), max(self.high, high), last
        self.nonfinite += nonfinite
        self.step, self.time = step, time


def sample(
    name: str,
    parts: Sequence[Block],
    load: Callable[[Block], Columns],
    width: int,
    start: float | None = None,
    stop: float | None = None,
    axis: str = "step",
) -> Sampled | None:
    """A series on `width` pixels between two positions of the axis; None when it has no numbers.

    Each pixel that has points gives one bucket, in the order of the axis; up to `width` points in all are given as they
    are, a bucket each. A bucket's step and time are those of its last point.
    """
    by_step = axis == "step"
    parts = [p for p in parts if p.numbers]
    if not parts:
        return None
    width = max(1, int(width))
    left = (lambda p: p.step_min) if by_step else (lambda p: p.time_min)
    right = (lambda p: p.step_max) if by_step else (lambda p: p.time_max)
    low = min(map(left, parts)) if start is None else start
    high = max(map(right, parts)) if stop is None else stop
    parts = [p for p in parts if right(p) >= low and left(p) <= high]
    loaded: dict[int, Columns] = {}

    def points(p: Block) -> Columns:
        if id(p) not in loaded:
            loaded.clear()  # one at a time: a long series is not held whole
            loaded[id(p)] = load(p)
        return loaded[id(p)]

    if sum(p.numbers for p in parts) <= width:
        return _as_they_are(name, [load(p) for p in parts], low, high, by_step)
    scale = width / (high - low) if high > low else 0.0

    def bucket(x: float) -> int:
        return min(width - 1, int((x - low) * scale))

    found: dict[int, _Bucket] = {}
    total = 0
    for part in parts:
        a, b = left(part), right(part)
        if low <= a and b <= high and part.numbers == part.count and bucket(a) == bucket(b):
            total += part.count
            entry = found.setdefault(bucket(a), _Bucket())
            entry.add(part.low, part.high, part.last, part.nonfinite, part.step_last, part.time_last)
        else:
            total += _spread(points(part), part, found, bucket, low, high, by_step)
    if total <= width:  # the blocks held more, the stretch asked for does not
        return _as_they_are(name, [load(p) for p in parts], low, high, by_step)
    order = sorted(found)
    return _sampled(name, total, [found[i] for i in order])


def _spread(
    points: Columns, part: Block, found: dict[int, _Bucket], bucket: Callable[[float], int],
    low: float, high: float, by_step: bool,
) -> int:  # fmt: skip
    """Put the points of one block into their buckets; return how many lie between `low` and `high`."""
    steps, micros, values = points.steps, points.micros, points.values
    column: Sequence[float] = steps if by_step else micros
    unit = 1 if by_step else 1e6  # the same division as in the summaries, so that both land in the same pixel
    total = 0
    if isinstance(values, array) and (points.steps_sorted if by_step else points.times_sorted):
        key: Callable[[Any], Any] = bucket if by_step else (lambda x: bucket(x / unit))
        i = bisect_left(column, low) if by_step else bisect_left(column, low, key=lambda m: m / unit)
        stop = bisect_right(column, high) if by_step else bisect_right(column, high, key=lambda m: m / unit)
        total = stop - i
        clean = part.nonfinite == 0
        while i < stop:
            index = key(column[i])
            end = bisect_right(column, index, i, stop, key=key)
            piece = values[i:end]
            entry = found.setdefault(index, _Bucket())
            if clean:
                entry.add(min(piece), max(piece), piece[-1], 0, steps[end - 1], micros[end - 1] / 1e6)
            else:
                lowest, highest, last, _, bad = statistics(piece)
                entry.add(lowest, highest, last, bad, steps[end - 1], micros[end - 1] / 1e6)
            i = end
        return total
    for x, step, time, value in zip(column, steps, micros, map(number, values), strict=True):
        x = x / unit if unit != 1 else x
        if value is not None and low <= x <= high:
            total += 1
            entry = found.setdefault(bucket(x), _Bucket())
            if isfinite(value):
                entry.add(value, value, value, 0, step, time / 1e6)
            else:
                entry.add(None, None, None, 1, step, time / 1e6)
    return total


def _as_they_are(name: str, parts: list[Columns], low: float, high: float, by_step: bool) -> Sampled:
    rows = [
        (step if by_step else time / 1e6, step, time / 1e6, value)
        for part in parts
        for step, time, value in zip(part.steps, part.micros, map(number, part.values), strict=True)
        if value is not None
    ]
    rows = sorted((row for row in rows if low <= row[0] <= high), key=lambda row: row[0])
    values = [row[3] if isfinite(row[3]) else nan for row in rows]
    return Sampled(
        name=name, total=len(rows), steps=[row[1] for row in rows], times=[row[2] for row in rows],
        min=values, max=values[:], last=values[:], nonfinite=[int(not isfinite(row[3])) for row in rows],
    )  # fmt: skip


def _sampled(name: str, total: int, buckets: list[_Bucket]) -> Sampled:
    return Sampled(
        name=name,
        total=total,
        steps=[b.step for b in buckets],
        times=[b.time for b in buckets],
        min=[float(b.low) if b.low <= b.high else nan for b in buckets],
        max=[float(b.high) if b.low <= b.high else nan for b in buckets],
        last=[float(b.last) for b in buckets],
        nonfinite=[b.nonfinite for b in buckets],
    )
