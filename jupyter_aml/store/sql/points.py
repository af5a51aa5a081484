"""Points into blocks and summaries, and out of them again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from jupyter_aml.store import series as s
from jupyter_aml.store.events import Points
from jupyter_aml.store.records import Json, MetricRecord
from jupyter_aml.store.sql import schema as t
from jupyter_aml.store.sql.work import Row, Work, dumps, pieces

TAIL_BYTES = 128 * 1024
"""A newest block of this size is not opened again to be filled up."""

_SUMMARY = [c for c in t.block.c if c.name not in ("groups", "data")]


class Gatherer:
    """Gathers the points of a batch by series, and writes each series once."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._waiting: dict[tuple[str, str], list[Points]] = {}

    def add(self, event: Points) -> None:
        """Take points."""
        if len(event.values):
            self._waiting.setdefault((event.run, t.key(event.name)), []).append(event)
            at = event.times[-1] if len(event.times) else 0.0
            self._work.logged(at, event.run, "metrics", event.name)
            if event.origin and event.origin != event.run and self._work.gone.get(event.origin) is None:
                self._work.logged(at, event.origin, "metrics", event.name)

    def flush(self) -> None:
        """Write what was taken."""
        if not self._waiting:
            return
        work = self._work
        wanted = set(self._waiting)
        for (_, k), logged in self._waiting.items():
            wanted.update((event.origin, k) for event in logged if event.origin)
        work.metrics.load(wanted)
        tails = self._tails()
        new: list[Row] = []
        changed: list[Row] = []
        for place, logged in self._waiting.items():
            self._series(place, logged, tails, new, changed)
        self._waiting = {}
        if changed:
            names = [c.name for c in t.block.c if c.name not in ("id", "metric", "view")]
            work.connection.execute(
                update(t.block).where(t.block.c.id == bindparam("_id")).values({n: bindparam(f"v_{n}") for n in names}),
                [{"_id": row["id"], **{f"v_{n}": row[n] for n in names}} for row in changed],
            )
        if new:
            work.connection.execute(t.block.insert(), new)

    def _tails(self) -> dict[int, bytes]:
        """Newest blocks that have room, by id."""
        ids = []
        for place in self._waiting:
            row = self._work.metrics.get(place)
            if row is not None and row["tail"]:
                ids.append(row["tail"])
        found: dict[int, bytes] = {}
        for some in pieces(ids):
            rows = self._work.connection.execute(
                select(t.block.c.id, t.block.c.data).where(t.block.c.id.in_(some), t.block.c.count < s.BLOCK)
            )
            found.update((row.id, row.data) for row in rows if len(row.data) < TAIL_BYTES)
        return found

    def _series(self, place: tuple[str, str], logged: list[Points], tails: dict[int, bytes],
                new: list[Row], changed: list[Row]) -> None:  # fmt: skip
        row = self._metric(place, logged[0])
        i = 0
        while i < len(logged):  # a block's points have one origin
            origin = logged[i].origin
            view = self._view(place, logged[i])
            gathered: s.Columns | None = None
            count = row["count"]
            while i < len(logged) and logged[i].origin == origin:
                event = logged[i]
                columns = s.columns(event.steps, event.times, event.values, count)
                count += len(columns)
                gathered = columns if gathered is None else s.join(gathered, columns)
                _describe(row, event)
                i += 1
            assert gathered is not None
            _summarize(row, gathered, row["origin"])
            view_id = 0
            if view is not None:
                _summarize(view, gathered, place[0])
                view_id = view["id"]
            tail = row["tail"] if row["tail_view"] == view_id else 0
            before = tails.pop(tail, None) if tail else None
            if before is not None:
                gathered = s.join(s.decode(before), gathered)
            for number, made in enumerate(s.blocks(gathered)):
                again = before is not None and number == 0
                made.id = tail if again else self._work.serial()
                (changed if again else new).append(_block_row(made, row["id"], view_id))
                row["tail"], row["tail_view"] = made.id, view_id

    def _metric(self, place: tuple[str, str], event: Points) -> Row:
        metrics = self._work.metrics
        row = metrics.get(place)
        if row is not None:
            metrics.touch(place)
            return row
        return metrics.add(
            place,
            {
                "id": self._work.serial(), "run": place[0], "key": place[1], "name": t.clean(event.name),
                "kind": event.kind, "count": 0, "last": "null", "last_num": None, "min": None, "max": None,
                "first_time": event.times[0] if len(event.times) else 0.0, "last_time": 0.0, "last_step": None,
                "origin": "", "description": t.clean(event.description), "tail": 0, "tail_view": 0,
            },
        )  # fmt: skip

    def _view(self, place: tuple[str, str], event: Points) -> Row | None:
        """Summary of the cell's run that logged this, which shows it beside the run that was logged to."""
        if not event.origin or event.origin == event.run or self._work.gone.get(event.origin) is not None:
            return None
        view = self._metric((event.origin, place[1]), event)
        _describe(view, event)
        return view


def _describe(row: Row, event: Points) -> None:
    if event.description and not row["description"]:
        row["description"] = t.clean(event.description)


def _summarize(row: Row, new: s.Columns, origin: str) -> None:
    low, high, _, _, _ = s.statistics(new.values)
    if low is not None:
        row["min"] = low if row["min"] is None else min(row["min"], low)
    if high is not None:
        row["max"] = high if row["max"] is None else max(row["max"], high)
    row["count"] += len(new)
    row["last_time"] = new.micros[-1] / 1e6
    row["last_step"] = new.steps[-1]
    row["origin"] = origin
    value = new.values[-1]
    if row["kind"] in ("scalar", "list") and not isinstance(value, (dict, list)):
        row["last"] = dumps(value)
        number = s.number(value)
        row["last_num"] = number if number == number else None


def _block_row(made: s.Block, metric: int, view: int) -> Row:
    return {
        "id": made.id, "metric": metric, "view": view, "count": made.count, "numbers": made.numbers,
        "nonfinite": made.nonfinite, "step_min": made.step_min, "step_max": made.step_max,
        "step_last": made.step_last, "time_min": made.time_min, "time_max": made.time_max,
        "time_last": made.time_last, "low": made.low, "high": made.high, "last": made.last, "groups": made.groups, "data": made.data,
    }  # fmt: skip


# -- deleting ----------------------------------------------------------------------------------------------------
def delete_of(work: Work, runs: Sequence[str]) -> None:
    """Remove the series of runs. What others show of them shrinks; what they showed of others stays with those."""
    c = work.connection
    shrunk: set[int] = set()
    for some in pieces(runs):
        ids = list(c.execute(select(t.metric.c.id).where(t.metric.c.run.in_(some))).scalars())
        for few in pieces(ids):
            mine = t.block.c.metric.in_(few)
            shrunk.update(c.execute(select(t.block.c.view).where(mine, t.block.c.view != 0).distinct()).scalars())
            c.execute(delete(t.block).where(mine))
            c.execute(update(t.block).where(t.block.c.view.in_(few)).values(view=0))
            c.execute(update(t.metric).where(t.metric.c.tail_view.in_(few)).values(tail_view=0))
            c.execute(delete(t.metric).where(t.metric.c.id.in_(few)))
    for metric_id in shrunk:
        _summarize_anew(c, metric_id)


def _summarize_anew(c: Connection, metric_id: int) -> None:
    parts = blocks_of(c, metric_id)
    if not parts:
        c.execute(delete(t.metric).where(t.metric.c.id == metric_id))
        return
    last = s.decode(c.execute(select(t.block.c.data).where(t.block.c.id == parts[-1].id)).scalar_one())
    value = last.values[-1]
    number = s.number(value)
    lows = [p.low for p in parts if p.low is not None]
    highs = [p.high for p in parts if p.high is not None]
    plain = not isinstance(value, (dict, list))
    owner = c.execute(
        select(t.metric.c.run, t.metric.c.id)
        .join(t.block, t.block.c.metric == t.metric.c.id).where(t.block.c.id == parts[-1].id)
    ).one()  # fmt: skip
    c.execute(
        update(t.metric)
        .where(t.metric.c.id == metric_id)
        .values(
            count=sum(p.count for p in parts),
            min=min(lows, default=None),
            max=max(highs, default=None),
            last=dumps(value) if plain else "null",
            last_num=number if number == number else None,
            last_time=parts[-1].time_last,
            last_step=parts[-1].step_last,
            origin="" if owner.id == metric_id else owner.run,
        )
    )


# -- reading -----------------------------------------------------------------------------------------------------
def blocks_of(c: Connection, metric_id: int, *, groups: bool = False) -> list[s.Block]:
    """Summaries of a series's blocks, in order: its own, and those it shows as a cell's; with their groups where it is to be drawn."""
    wanted = [*_SUMMARY, t.block.c.groups] if groups else _SUMMARY
    mine = select(*wanted).where(t.block.c.metric == metric_id)
    shown = select(*wanted).where(t.block.c.view == metric_id)
    rows: list[tuple[int, Any]] = sorted({row.id: row for query in (mine, shown) for row in c.execute(query)}.items())
    return [
        s.Block(
            row.count, row.numbers, row.nonfinite, row.step_min, row.step_max, row.step_last,
            row.time_min, row.time_max, row.time_last, row.low, row.high, row.last, row.groups if groups else b"", b"", row.id,
        )
        for _, row in rows
    ]  # fmt: skip


def load(c: Connection, ids: Iterable[int]) -> dict[int, Any]:
    """Data and view of blocks by id."""
    found: dict[int, Any] = {}
    for some in pieces(ids):
        rows = c.execute(select(t.block.c.id, t.block.c.view, t.block.c.data).where(t.block.c.id.in_(some)))
        found.update((row.id, row) for row in rows)
    return found


RECORD = [
    t.metric.c[name]
    for name in (
        "id", "run", "name", "kind", "count", "last", "min", "max", "first_time", "last_time", "last_step", "origin", "description",
    )
]  # fmt: skip
"""What `record` takes, in its order."""


def record(row: Sequence[Any]) -> MetricRecord:
    """A summary's row as a record."""
    _, run, name, kind, count, last, low, high, first_time, last_time, last_step, origin, description = row
    return MetricRecord(
        run=run, name=name, kind=kind, count=count, last=_last(last), min=low, max=high, first_time=first_time,
        last_time=last_time, last_step=last_step, origin=origin, description=description,
    )  # fmt: skip


def _last(written: str) -> Json:
    try:  # nearly always a float's own text, which float() reads faster than a JSON parser does
        return float(written) if "." in written and written[0] != '"' else json.loads(written)
    except ValueError:
        return json.loads(written)
