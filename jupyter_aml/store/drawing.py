"""A long series as it is drawn: from the summaries of its blocks and groups, from its points only where it must."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import islice
from math import inf, isfinite, nan
from operator import le
from typing import Any

from jupyter_aml.store.groups import GROUP, Groups
from jupyter_aml.store.records import Sampled
from jupyter_aml.store.series import Block, Columns, number, statistics


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
    are, a bucket each. A bucket's step and time are those of its last point. Where a pixel stands for more than GROUP points, points
    go to their pixel by groups: a group that lies on the border of two is counted to the one where it ends.
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

    count = sum(p.numbers for p in parts)
    if count <= width:
        return _as_they_are(name, [load(p) for p in parts], low, high, by_step)
    if count >= width * GROUP:
        coarse = _coarse(parts, points, low, high, by_step, by_block=len(parts) >= 4 * width)
        if coarse is not None and len(coarse) > width:
            return _merged(name, coarse, width, low, high, by_step)
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


def _coarse(
    parts: Sequence[Block],
    points: Callable[[Block], Columns],
    low: float,
    high: float,
    by_step: bool,
    *,
    by_block: bool,
) -> Groups | None:
    """The groups between two positions; None where the points do not come in the order of the axis.

    Args:
        by_block: there are so many blocks that each may be one group.
    """
    found, before = Groups(), -inf
    for part in parts:
        a, b = (part.step_min, part.step_max) if by_step else (part.time_min, part.time_max)
        if a < before or b != (part.step_last if by_step else part.time_last) or part.numbers != part.count:
            return None
        before = b
        if part.groups and low <= a and b <= high:
            if by_block:
                found.block(part)
            else:
                found.read(part.groups)
            continue
        held = points(part)
        if not (held.steps_sorted if by_step else held.times_sorted):
            return None
        column: Sequence[float] = held.steps if by_step else held.micros
        unit = 1 if by_step else 1e6
        start = bisect_left(column, low, key=lambda x: x / unit)
        stop = bisect_right(column, high, key=lambda x: x / unit)
        try:
            found.add(held.slice(start, stop))
        except OverflowError:
            return None
    axis = found.steps if by_step else found.times
    return found if all(map(le, axis, islice(axis, 1, None))) else None


def _merged(name: str, groups: Groups, width: int, low: float, high: float, by_step: bool) -> Sampled:
    axis = groups.steps if by_step else groups.times
    scale = (high - low) / width
    found, start, pixel, count = [], 0, 0, len(groups)
    while start < count:
        pixel = max(pixel + 1, int((axis[start] - low) / scale) + 1 if scale else width)
        end = count if pixel >= width else bisect_right(axis, low + pixel * scale, start)
        if end > start:
            found.append((start, end))
            start = end
    lows = [min((x for x in groups.low[a:b] if x == x), default=nan) for a, b in found]
    highs = [max((x for x in groups.high[a:b] if x == x), default=nan) for a, b in found]
    lasts = [next((x for x in reversed(groups.last[a:b]) if x == x), nan) for a, b in found]
    return Sampled(
        name=name, total=sum(groups.counts), steps=[groups.steps[b - 1] for _, b in found],
        times=[groups.times[b - 1] for _, b in found], min=lows, max=highs, last=lasts,
        nonfinite=[sum(groups.nonfinite[a:b]) for a, b in found],
    )  # fmt: skip


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
