"""Points of a series as compact blocks, and a long series as it is drawn.

A block holds up to BLOCK consecutive points as three columns. Steps that go up evenly cost nothing; times are
microseconds from the block's first; values are float64, int64, a mix of both, or JSON for anything else.
Each column is deflated where that helps much. Beside its bytes a block has a summary (`Block`), and one of each GROUP of
its points (`Groups`), so that drawing a million points reads hardly any of them.
"""

from __future__ import annotations

import json
import struct
import sys
import zlib
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from math import inf, isfinite
from operator import le
from typing import Any

from jupyter_aml.store.events import NO_STEP
from jupyter_aml.store.groups import GROUP, pack_groups
from jupyter_aml.store.records import Json

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

    def times(self) -> array[float]:
        """Times in seconds."""
        fast = _numpy()
        if fast is not None:
            return array("d", (fast.frombuffer(self.micros, "q") / 1e6).tobytes())
        return array("d", [m / 1e6 for m in self.micros])


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
    groups: bytes = b""
    """`Groups` of its points, packed; empty where they would say nothing."""
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


def joined(first: Any, then: Any) -> Any:
    """One column after the other; numbers of one type stay an array."""
    if isinstance(first, array) and isinstance(then, array) and first.typecode == then.typecode:
        return first + then
    return list(first) + list(then)


def join(first: Columns, then: Columns) -> Columns:
    """One after the other."""
    a, b = first.steps, then.steps
    steps: range | array[int]
    if isinstance(a, range) and isinstance(b, range) and a.step == b.step == 1 and a.stop == b.start:
        steps = range(a.start, b.stop)
    else:
        steps = array("q", a) + array("q", b)
    return Columns(steps, first.micros + then.micros, joined(first.values, then.values))


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
    if len(raw) > 64 and (len(raw) < 2048 or len(zlib.compress(raw[:1024], 1)) < 600):
        packed = zlib.compress(raw, 1)
        if len(packed) < len(raw) * 0.6:  # inflating costs more than reading does
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
        pack_groups(piece) if numbers == count > GROUP else b"", head + step_body + time_body + body,
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


def _numpy() -> Any:
    """numpy, where the process has loaded it already: it adds columns faster. Nothing depends on it."""
    loaded = sys.modules.get("numpy")
    return loaded if hasattr(loaded, "frombuffer") and sys.byteorder == "little" else None


def _spelled_out(steps: range | array[int]) -> array[int]:
    if isinstance(steps, array):
        return steps
    fast = _numpy()
    if fast is not None:
        return array("q", fast.arange(steps.start, steps.stop, steps.step, "q").tobytes())
    return array("q", steps)


def _based(body: bytes | memoryview, code: str, base: int) -> array[int]:
    fast = _numpy()
    if fast is not None:
        return array("q", (fast.frombuffer(body, code).astype("q") + base).tobytes())
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


def gathered(parts: Sequence[Columns]) -> tuple[array[int], array[float], array[Any] | list[Json]]:
    """Steps, times in seconds and values of pieces that follow each other; numbers of one type stay an array."""
    kinds = {part.values.typecode if isinstance(part.values, array) else "" for part in parts}
    values: Any
    if len(kinds) == 1 and "" not in kinds:
        values = _one(kinds.pop(), [part.values for part in parts])
    else:
        values = [value for part in parts for value in part.values]
    return _one("q", [_spelled_out(part.steps) for part in parts]), _one("d", [part.times() for part in parts]), values


def _one(code: str, parts: Sequence[Any]) -> array[Any]:
    column = array(code)
    column.frombytes(b"".join(parts))
    return column
