"""A page of runs: which way the database has to go to find it quickly, whatever its planner knows of the tables.

The order is either walked along an index, each run being looked at in turn until the page is full; or the runs that can
pass are few, and are sorted. Which it is, is decided here by counting a few hundred entries of an index, since a planner
without statistics (or with those of yesterday) takes a hundred times longer where it guesses wrong.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Join, Select, and_, bindparam, func, select, tuple_
from sqlalchemy.ext.compiler import compiles

from jupyter_aml.errors import FilterException
from jupyter_aml.store import query as q
from jupyter_aml.store.records import Json, MetricRecord, Page, RunQuery, RunRecord
from jupyter_aml.store.sql import points
from jupyter_aml.store.sql import schema as t
from jupyter_aml.store.sql.work import pieces

FEW = 1_000
"""So many runs are sorted at once, rather than looked for along an index."""
SOME = 25_000
"""Entries of an index that are counted at most."""
PROBES = 8
"""A filter of more conditions is not asked of each run in turn."""


class _Then(Join):
    """A join that is done in the order in which it is written."""

    inherit_cache = True


@compiles(_Then)
def _(element: Any, compiler: Any, **words: Any) -> str:
    return compiler.visit_join(element, **words)  # type: ignore[no-any-return]


@compiles(_Then, "sqlite")
def _(element: Any, compiler: Any, asfrom: bool = False, from_linter: Any = None, **words: Any) -> str:
    if from_linter:
        from_linter.edges.update((a, b) for a in element.left._from_objects for b in element.right._from_objects)
    left, right = (
        compiler.process(side, asfrom=True, from_linter=from_linter, **words) for side in (element.left, element.right)
    )
    return f"{left} CROSS JOIN {right} ON {compiler.process(element.onclause, from_linter=from_linter, **words)}"


# -- the order -------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Phase:
    """A stretch of the order: runs with a number to sort by, with a text, with neither."""

    table: Any = None
    """Where the value is, if not in the run."""
    column: Any = None
    """What it sorts by before the id; None: by id alone."""
    where: Any = None


def phases(query: RunQuery) -> list[Phase]:
    """The stretches of the order that was asked for: an index serves each, and what has no value comes last."""
    field = q.field_of(query.order_by)
    if field.column is not None:
        if query.order_by == "id":
            return [Phase()]
        with_it = Phase(column=field.column, where=field.column.is_not(None) if field.column.nullable else None)
        return [with_it, Phase(where=field.column.is_(None))] if field.column.nullable else [with_it]
    if field.space == "metrics":
        m = t.metric.alias("ordering")
        value = m.c[field.summary.name]
        without = Phase(where=q.without(field, field.summary.is_not(None)))
        return [Phase(m, value, and_(m.c.key == field.key, value.is_not(None))), without]
    a = t.attribute.alias("ordering")
    here = and_(a.c.space == field.space, a.c.key == field.key)
    return [
        Phase(a, a.c.num, and_(here, a.c.num.is_not(None))),
        Phase(a, a.c.txt, and_(here, a.c.num.is_(None), a.c.txt.is_not(None))),
        Phase(where=q.without(field, t.attribute.c.txt.is_not(None))),
    ]


# -- the way ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Way:
    """How to go."""

    first: Select[Any] | None = None
    """Ids of all that can pass, which are few: they come first."""
    sorted: bool = False
    """The runs come before what they are sorted by; else it is walked along the index of what they are sorted by."""


def way(c: Connection, query: RunQuery, found: Sequence[Select[Any]], elsewhere: bool) -> Way:
    """The way to a page.

    Args:
        found: ids of all that can pass, by one condition each.
        elsewhere: what it is sorted by is not in the run's own row.
    """
    if not elsewhere:  # an index of runs has the order, and most often the scope too
        if not found:
            return Way()
        short = list(c.execute(select(*[_count(source, FEW) for source in found])).one())
        least = min(short)
        return Way(found[short.index(least)] if least <= FEW else None)
    if query.ids is not None or query.under is not None:
        return Way(sorted=True)
    everywhere = query.experiment is None and query.parent is None
    if everywhere and not found:
        return Way()
    runs = select(func.sum(t.experiment.c.run_count))
    if query.experiment is not None and query.parent is None and not query.everywhere:
        inside = runs.where(t.experiment.c.key == t.key(query.experiment)).scalar_subquery()
    else:
        inside = _count(select(t.run.c.id).where(*q.scope(query)), 0 if everywhere else SOME)
    total, scope, *counts = c.execute(
        select(runs.scalar_subquery(), inside, *[_count(source, SOME) for source in found])
    ).one()
    scope = SOME + 1 if everywhere else scope or 0
    total = max(total or 0, scope, *counts, 1)
    passing = scope if scope <= SOME else total
    for count in counts:
        passing *= min(count, total) / total
    # In runs looked at. Who walks looks at some of all until the page is full, and at all of them when too few pass.
    walk = total * min(1, query.limit / passing) + total * (passing < query.limit) if passing else 2 * total
    costs = [(walk, Way())]
    if scope <= SOME:
        costs.append((2 * scope, Way(sorted=True)))
    costs += [(2 * count, Way(source, True)) for source, count in zip(found, counts, strict=True) if count <= SOME]
    return min(costs, key=itemgetter(0))[1]


def _count(rows: Select[Any], most: int) -> Any:
    """How many there are, counted up to one more than `most`."""
    return select(func.count()).select_from(rows.limit(most + 1).subquery()).scalar_subquery()


# -- the page --------------------------------------------------------------------------------------------------
def statement(
    query: RunQuery, phase: Phase, held: Sequence[Any], after: tuple[Json, str] | None, limit: int, way: Way
) -> Select[Any]:
    """Runs of one phase, those after a position, at most `limit`: `RUN`, and the position as the last column."""
    id_: Any = t.run.c.id
    column, tie = phase.column, id_
    source: Any = t.run
    if way.first is not None:
        few = way.first.subquery("few")
        source = _Then(few, source, few.c.run == id_)
    if query.order_by == "experiment":
        source = source.join(t.experiment, t.experiment.c.id == t.run.c.experiment)
    there = [phase.where] if phase.where is not None else []
    if way.first is not None or way.sorted:  # PostgreSQL gathers before it joins and sorts if told to
        own = phase.table is None
        passing = select(id_, *([column.label("value")] if own and column is not None else []))
        passing = passing.select_from(source).where(*held, *(there if own else []))
        gathered = passing.cte("passing").prefix_with("MATERIALIZED", dialect="postgresql")
        source, id_, tie, held = gathered, gathered.c.id, gathered.c.id, []
        if own:
            there, column = [], gathered.c.value if column is not None else None
    if phase.table is not None:
        on = phase.table.c.run == id_
        along = way.first is None and not way.sorted
        source = _Then(phase.table, source, on) if along else _Then(source, phase.table, on)
        tie = phase.table.c.run  # as it stands in the index
    found = select(id_, (column if column is not None else id_).label("position"))
    found = found.select_from(source).where(*held, *there)
    if column is not None:
        if after is not None:
            here, then = tuple_(column, tie), tuple_(*after)
            found = found.where(here < then if query.descending else here > then)
        found = found.order_by(column.desc() if query.descending else column)
    elif after is not None:
        found = found.where(tie < after[1] if query.descending else tie > after[1])
    # Only ids are sorted; whole rows are fetched for the page alone.
    page = found.order_by(tie.desc() if query.descending else tie).limit(limit).subquery()
    order = [page.c.position, page.c.id] if column is not None else [page.c.id]
    rows = _Then(_Then(page, t.run, t.run.c.id == page.c.id), t.experiment, t.experiment.c.id == t.run.c.experiment)
    ordered = [column.desc() if query.descending else column for column in order]
    return select(*RUN, page.c.position).select_from(rows).order_by(*ordered)


def one(c: Connection, run_id: str, with_metrics: bool) -> RunRecord | None:
    """A run by its id."""
    rows = _tuples(c, ONE, {"run_id": run_id})
    metrics = summaries(c, [run_id]) if rows and with_metrics else {}
    return record(rows[0], metrics) if rows else None


def read(c: Connection, query: RunQuery) -> Page:
    """A page of runs.

    Raises:
        FilterException: what is asked cannot be.
    """
    if not 1 <= query.limit <= q.MAX_LIMIT:
        raise FilterException(f"limit {query.limit}: a page has 1 to {q.MAX_LIMIT:,} runs.")
    parts = phases(query)
    number, after = read_cursor(query, len(parts))
    held = q.conditions(query)
    passing = q.compiled(query.where)  # refuses what cannot be
    if probing := 0 < q.leaves(query.where) <= PROBES:
        passing = q.compiled(query.where, probing=True)
    held += passing
    how = way(c, query, q.sources(query.where) if probing else [], parts[0].table is not None)
    found: list[Any] = []
    cursor, ended = None, number
    for phase in range(number, len(parts)):
        room = query.limit - len(found)
        rows = _tuples(c, statement(query, parts[phase], held, after, room + 1, how))
        if rows and room:
            found += rows[:room]
            ended = phase
        if len(rows) > room:
            cursor = write_cursor(query, ended, found[-1][-1], found[-1][0])
            break
        after = None
    metrics = summaries(c, [row[0] for row in found]) if query.with_metrics else {}
    return Page(runs=[record(row, metrics) for row in found], next=cursor)


def _tuples(c: Connection, wanted: Select[Any], values: Mapping[str, Any] | None = None) -> list[Any]:
    """Rows as the driver has them: texts and numbers, of which nothing is to be made, a thousand for a page."""
    result = c.execute(wanted, values)
    rows: Any = result.cursor.fetchall()  # type: ignore[union-attr]
    result.close()
    return rows  # type: ignore[no-any-return]


def everything(c: Connection, held: Sequence[Any]) -> list[RunRecord]:
    """All runs of which something holds, by id."""
    wanted = RunQuery(order_by="id", descending=False)
    return [record(row, {}) for row in _tuples(c, statement(wanted, Phase(), held, None, 2**31 - 1, Way()))]


# -- cursors -----------------------------------------------------------------------------------------------------
def write_cursor(query: RunQuery, phase: int, position: Json, run_id: str) -> str:
    """Where a page ended."""
    plain = json.dumps([query.order_by, int(query.descending), phase, position, run_id], separators=(",", ":"))
    return base64.urlsafe_b64encode(plain.encode("ascii")).decode().rstrip("=")


def read_cursor(query: RunQuery, count: int) -> tuple[int, tuple[Json, str] | None]:
    """(phase, position) to go on from.

    Raises:
        FilterException: no cursor of this order.
    """
    if query.cursor is None:
        return 0, None
    try:
        padded = query.cursor + "=" * (-len(query.cursor) % 4)
        order, descending, phase, position, run_id = json.loads(base64.urlsafe_b64decode(padded))
        fits = order == query.order_by and bool(descending) == query.descending and isinstance(run_id, str)
        if not fits or type(phase) is not int or not 0 <= phase < count or isinstance(position, (dict, list)):
            raise ValueError("another order")
    except (ValueError, TypeError) as error:
        raise FilterException(
            f"The cursor {query.cursor[:40]!r} is not one of this query; begin again without a cursor."
        ) from error
    return phase, (position, run_id)


# -- records -----------------------------------------------------------------------------------------------------
RUN = [
    *(
        t.run.c[name]
        for name in (
            "id", "type", "status", "parent", "root", "number", "name", "description", "created", "started", "ended", "user",
            "host", "owner", "error", "snapshot", "params", "tags", "properties", "details", "child_count", "revision",
        )
    ),
    t.experiment.c.name.label("experiment_name"),
]  # fmt: skip
"""What `record` takes, in its order; more may follow."""

ONE = (
    select(*RUN)
    .select_from(t.run.join(t.experiment, t.experiment.c.id == t.run.c.experiment))
    .where(t.run.c.id == bindparam("run_id"), t.run.c.ghost.is_(False))
)
"""One run, made once: it is asked for all the time."""

_decode = json.JSONDecoder().raw_decode


def record(row: Sequence[Any], metrics: Mapping[str, Mapping[str, MetricRecord]]) -> RunRecord:
    """A run's row as a record."""
    (
        id, type, status, parent, root, number, name, description, created, started, ended, user,
        host, owner, error, snapshot, params, tags, properties, details, child_count, revision, experiment, *_,
    ) = row  # fmt: skip
    return RunRecord(
        id=id, experiment=experiment, type=type, status=status, parent=parent, root=root, number=number, name=name,
        description=description, created=created, started=started, ended=ended, user=user, host=host, owner=owner,
        error=None if error is None else _decode(error)[0], snapshot=snapshot,
        params={} if params == "{}" else _decode(params)[0], tags={} if tags == "{}" else _decode(tags)[0],
        properties={} if properties == "{}" else _decode(properties)[0],
        details={} if details == "{}" else _decode(details)[0], child_count=child_count, revision=revision,
        metrics=metrics.get(id, {}),
    )  # fmt: skip


def summaries(c: Connection, run_ids: Sequence[str]) -> dict[str, dict[str, MetricRecord]]:
    """Summaries of the metrics of runs, in the order in which they were first logged."""
    found: dict[str, dict[str, MetricRecord]] = {run: {} for run in run_ids}
    for some in pieces(found):
        rows = _tuples(c, select(*points.RECORD).where(t.metric.c.run.in_(some)))
        for summary in map(points.record, sorted(rows, key=itemgetter(0))):
            found[summary.run][summary.name] = summary
    return found
