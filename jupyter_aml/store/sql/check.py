"""Looks whether the tables of a store agree with one another: what no caller of the contract can see."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, Text, cast, func, or_, select, text

from jupyter_aml.store import series as s
from jupyter_aml.store.sql import migrate
from jupyter_aml.store.sql import schema as t

_MOST = 20
"""Things of one kind that are named."""


def check(c: Connection) -> Iterator[str]:
    """What is wrong, a sentence each."""
    if c.dialect.name == "sqlite":
        found = [str(line) for line in c.execute(text(f"PRAGMA quick_check({_MOST})")).scalars()]
        if found != ["ok"]:
            yield from (f"SQLite's quick_check says: {line}" for line in found)
            return  # the rest would read what cannot be read
    if migrate.version_of(c) != t.VERSION:
        yield f"The schema is {migrate.version_of(c)}, not {t.VERSION}."
    yield from _relations(c)
    yield from _blocks(c)


def _relations(c: Connection) -> Iterator[str]:
    experiments = select(t.experiment.c.id)
    lost = select(t.run.c.id).where(t.run.c.ghost.is_(False), t.run.c.experiment.not_in(experiments)).limit(_MOST)
    for run in c.execute(lost).scalars():
        yield f"Run {run} belongs to no experiment."
    child = t.run.alias("child")
    born = select(func.count()).where(child.c.parent == t.run.c.id).scalar_subquery()
    miscounted = select(t.run.c.id, t.run.c.child_count, born.label("born")).where(t.run.c.child_count != born)
    for row in c.execute(miscounted.limit(_MOST)):
        yield f"Run {row.id} says that it has {row.child_count} children; it has {row.born}."
    roots = select(func.count()).where(
        t.run.c.experiment == t.experiment.c.id, t.run.c.parent.is_(None), t.run.c.ghost.is_(False)
    )
    wrong = select(t.experiment.c.name, t.experiment.c.run_count, roots.scalar_subquery().label("runs"))
    for row in c.execute(wrong.where(t.experiment.c.run_count != roots.scalar_subquery()).limit(_MOST)):
        yield f"Experiment {row.name!r} says that it has {row.run_count} runs; it has {row.runs}."
    metrics = select(t.metric.c.id)
    orphans = c.execute(select(func.count()).select_from(t.block).where(t.block.c.metric.not_in(metrics))).scalar_one()
    if orphans:
        yield f"{orphans} blocks of points belong to no metric."
    serial = c.execute(select(t.counter.c.value).where(t.counter.c.name == "serial")).scalar_one()
    for table in (t.metric.c.id, t.block.c.id, t.file.c.id, t.text.c.id, t.change.c.seq):
        highest = c.execute(select(func.max(table))).scalar()
        if highest is not None and highest > serial:
            yield f"The counter stands at {serial}, but {table} at {highest}: new rows would collide."
    # JSON that cannot be read, found by its first character, without reading all of it.
    for column in (t.run.c.params, t.run.c.tags, t.run.c.properties, t.run.c.details):
        bad = select(t.run.c.id).where(or_(column == "", cast(column, Text).not_like("{%}"))).limit(_MOST)
        for run in c.execute(bad).scalars():
            yield f"The {column.name} of run {run} cannot be read."


def _blocks(c: Connection) -> Iterator[str]:
    """Blocks whose summary, by which series are drawn, is not that of their points."""
    told = 0
    for row in c.execution_options(yield_per=50).execute(select(t.block).order_by(t.block.c.id)):
        try:
            columns = s.decode(row.data)
            low, high, last, numbers, nonfinite = s.statistics(columns.values)
            found = (len(columns), numbers, nonfinite, low, high, last, columns.steps[-1])
            kept = (row.count, row.numbers, row.nonfinite, row.low, row.high, row.last, row.step_last)
            why = "" if found == kept else "its summary is not that of its points"
        except (ValueError, IndexError, EOFError) as error:
            why = str(error)
        if why:
            told += 1
            if told > _MOST:
                yield "More blocks of points are damaged."
                return
            yield f"Block {row.id} of metric {row.metric}: {why}."


__all__ = ["check"]
