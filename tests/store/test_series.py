"""Points as blocks, and series as they are drawn."""

from __future__ import annotations

import math
import random
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_aml.store import drawing, series
from jupyter_aml.store.events import NO_STEP

numbers = st.one_of(st.floats(), st.integers(-(2**70), 2**70), st.integers(-5, 5))
anything = st.one_of(
    numbers,
    st.text(max_size=5),
    st.none(),
    st.booleans(),
    st.dictionaries(st.text(max_size=2), st.floats(), max_size=2),
)
values = st.one_of(st.lists(anything, max_size=30), st.lists(st.floats(), max_size=30), st.lists(st.integers(-(2**63), 2**63 - 1), max_size=30),
                   st.lists(numbers, max_size=30), st.lists(st.integers(0, 3) | st.just(0.5), max_size=30))  # fmt: skip
steps = st.one_of(st.just(NO_STEP), st.integers(-(2**63) + 1, 2**63 - 1), st.integers(0, 20))


@settings(max_examples=200, deadline=None)
@given(data=st.data(), logged=values)
def test_any_points_come_back_as_they_went(data, logged):
    given_steps = data.draw(st.lists(steps, min_size=len(logged), max_size=len(logged)))
    times = data.draw(st.lists(st.floats(0, 4e9), min_size=len(logged), max_size=len(logged)))
    made = series.columns(given_steps, times, logged, 7)
    found_steps, found_times, found_values = [], [], []
    for block in series.blocks(made):
        points = series.decode(block.data)
        assert len(points) == block.count
        found_steps += points.steps
        found_times += points.times()
        found_values += list(points.values)
    assert found_steps == [7 + i if s == NO_STEP else s for i, s in enumerate(given_steps)]
    assert all(abs(a - b) <= 1e-6 for a, b in zip(found_times, times, strict=True))
    assert repr(found_values) == repr(logged)


@settings(max_examples=100, deadline=None)
@given(pieces=st.lists(st.lists(numbers, min_size=1, max_size=20), min_size=1, max_size=6))
def test_a_block_filled_up_little_by_little_is_that_filled_at_once(pieces):
    grown, place = None, 0
    for piece in pieces:
        new = series.columns([NO_STEP] * len(piece), [1.0] * len(piece), piece, place)
        place += len(piece)
        if grown is not None:
            new = series.join(series.decode(grown.data), new)
        (grown,) = series.blocks(new)
    whole = [value for piece in pieces for value in piece]
    (once,) = series.blocks(series.columns([NO_STEP] * place, [1.0] * place, whole, 0))
    assert repr(grown) == repr(once)


def test_steps_as_far_apart_as_can_be_come_back():
    far = [-(2**63) + 1, 2**63 - 1]
    (block,) = series.blocks(series.columns(far, [0.0, 0.0], [0.0, 0.0], 0))
    assert list(series.decode(block.data).steps) == far


@pytest.mark.parametrize("times", [[math.nan], [math.inf], [-1e300]])
def test_a_clock_that_says_nonsense_loses_no_point(times):
    (block,) = series.blocks(series.columns([1], times, [2.0], 0))
    assert list(series.decode(block.data).values) == [2.0]


@pytest.mark.parametrize("size", [0, 10, 60])
def test_a_damaged_block_is_an_error_that_says_so(size):
    (block,) = series.blocks(series.columns([3, 1, 2] * 50, [1.0, 9.0, 2.0] * 50, ["a"] * 150, 0))
    with pytest.raises(ValueError):
        series.decode(block.data[:size])


def test_a_point_takes_twenty_bytes_at_most():
    count = 20_000
    noise = array("d", [random.random() for _ in range(count)])
    times = array("d", [1.7e9 + i * 0.01 for i in range(count)])
    made = list(series.blocks(series.columns(array("q", range(count)), times, noise, 0)))
    assert sum(len(block.data) for block in made) <= 20 * count
    assert [block.count for block in made][:-1] == [series.BLOCK] * (len(made) - 1)


def test_big_values_are_spread_over_blocks():
    made = list(series.blocks(series.columns([], [], ["x" * 100_000] * 10, 0)))
    assert len(made) > 2
    assert all(len(series.decode(block.data)) == block.count for block in made)
    assert sum(block.count for block in made) == 10


# -- drawing -----------------------------------------------------------------------------------------------------
def brute(points, width, start, stop, axis):
    """The same drawing, from all the points at once."""
    rows = [(s if axis == "step" else t, s, t, float(v)) for s, t, v in points]
    low = min(r[0] for r in rows) if start is None else start
    high = max(r[0] for r in rows) if stop is None else stop
    inside = [r for r in rows if low <= r[0] <= high]
    found = {}
    for row in inside:
        index = min(width - 1, int((row[0] - low) * (width / (high - low) if high > low else 0.0)))
        found.setdefault(index, []).append(row)
    drawn = []
    for _, bucket in sorted(found.items()):
        finite = [r[3] for r in bucket if math.isfinite(r[3])]
        drawn.append((bucket[-1][1], bucket[-1][2], min(finite, default=math.nan), max(finite, default=math.nan),
                      finite[-1] if finite else math.nan, len(bucket) - len(finite)))  # fmt: skip
    return len(inside), drawn


def brute_points(points, start, stop, axis):
    rows = sorted(points, key=lambda p: p[0] if axis == "step" else p[1])
    rows = [
        r for r in rows if (start is None or r[axis == "time"] >= start) and (stop is None or r[axis == "time"] <= stop)
    ]
    return [(s, t, *[v if math.isfinite(v) else math.nan] * 3, int(not math.isfinite(v))) for s, t, v in rows]


def drawn_by(size, points, width, start, stop, axis):
    columns = series.columns(*map(list, zip(*points, strict=True)), 0)
    parts = []
    for at in range(0, len(columns), size):
        parts += series.blocks(columns.slice(at, at + size))
    return drawing.sample("m", parts, lambda part: series.decode(part.data), width, start, stop, axis)


@settings(max_examples=200, deadline=None)
@given(
    data=st.data(),
    size=st.integers(2, 17),
    width=st.integers(1, 12),
    axis=st.sampled_from(["step", "time"]),
    ordered=st.booleans(),
)
def test_a_drawing_is_that_of_all_the_points(data, size, width, axis, ordered):
    value = st.one_of(
        st.floats(-1e9, 1e9).map(lambda v: v + 0.0),
        st.sampled_from([math.nan, math.inf, -math.inf]),
        st.integers(-9, 9),
    )
    points = data.draw(
        st.lists(
            st.tuples(st.integers(0, 40), st.integers(0, 4000).map(lambda n: n / 8), value),
            min_size=width + 1,
            max_size=60,
        )
    )
    if ordered:
        points = [
            (s, t, v)
            for s, t, (_, _, v) in zip(sorted(p[0] for p in points), sorted(p[1] for p in points), points, strict=True)
        ]
    bounds = st.none() | st.integers(-5, 45)
    start, stop = data.draw(bounds), data.draw(bounds)
    found = drawn_by(size, points, width, start, stop, axis)
    total, expected = brute(points, width, start, stop, axis)
    if total <= width:
        expected = brute_points(points, start, stop, axis)
    got = list(zip(found.steps, found.times, found.min, found.max, found.last, found.nonfinite, strict=True))
    assert found.total == total
    assert repr(got) == repr([(s, t, float(a), float(b), float(c), n) for s, t, a, b, c, n in expected])


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(700, 3000),
    size=st.sampled_from([64, 100, 333, 4096]),
    width=st.integers(1, 10),
    axis=st.sampled_from(["step", "time"]),
    seed=st.integers(0, 2**32),
    bounds=st.none() | st.tuples(st.integers(0, 500), st.integers(2500, 9000)),
)
def test_a_long_series_is_drawn_in_stretches_that_leave_nothing_out(count, size, width, axis, seed, bounds):
    rng = random.Random(seed)
    steps, times, values = [], [], []
    for _ in range(count):
        steps.append((steps[-1] if steps else 0) + rng.choice([1, 1, 1, 3]))
        times.append((times[-1] if times else 0) + rng.choice([0, 1, 2]) / 4)
        values.append(rng.choice([rng.uniform(-1, 1), rng.uniform(-1, 1), math.nan, math.inf]))
    points = list(zip(steps, times, values, strict=True))
    start, stop = bounds or (None, None)
    inside = [
        p for p in points
        if (start is None or p[axis == "time"] >= start) and (stop is None or p[axis == "time"] <= stop)
    ]  # fmt: skip
    found = drawn_by(size, points, width, start, stop, axis)
    if len(inside) <= width:
        return
    assert found.total == len(inside) and 1 <= len(found.steps) <= width
    at = 0
    for step, low, high, last, nonfinite in zip(
        found.steps, found.min, found.max, found.last, found.nonfinite, strict=True
    ):
        end = next(i for i in range(at, len(inside)) if inside[i][0] == step) + 1
        stretch = [p[2] for p in inside[at:end]]
        finite = [v for v in stretch if math.isfinite(v)]
        drawn = (min(finite, default=math.nan), max(finite, default=math.nan), finite[-1] if finite else math.nan)
        assert repr((low, high, last, nonfinite)) == repr((*drawn, len(stretch) - len(finite)))
        at = end
    assert at == len(inside)


def test_few_points_are_drawn_as_they_are():
    found = drawn_by(3, [(5, 1.0, 1.0), (2, 2.0, math.nan), (9, 3.0, -2)], 100, None, None, "step")
    assert found.steps == [2, 5, 9]
    assert repr(found.last) == "[nan, 1.0, -2.0]"
    assert found.nonfinite == [1, 0, 0]


def test_what_is_no_number_is_not_drawn():
    assert drawn_by(3, [(1, 1.0, "a"), (2, 1.0, None)], 10, None, None, "step") is None
    found = drawn_by(9, [(1, 1.0, "a"), (2, 1.0, 4), (3, 1.0, True)], 10, None, None, "step")
    assert (found.total, found.max) == (1, [4.0])
