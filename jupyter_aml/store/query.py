"""What a RunQuery asks of a run, as SQL. Whatever the user said reaches the database as a bound parameter."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Float, Select, and_, false, literal_column, not_, or_, select, true, type_coerce

from jupyter_aml.errors import FilterException
from jupyter_aml.store.grammar import FIELDS, MAX_CONDITIONS, MAX_NESTING, MAX_VALUES, split_metric
from jupyter_aml.store.records import (
    ATTRIBUTE_SPACES,
    NUMBER_FIELDS,
    TEXT_FIELDS,
    TIME_FIELDS,
    And,
    Condition,
    Filter,
    Json,
    Not,
    Or,
    RunQuery,
)
from jupyter_aml.store.sql import schema as t
from jupyter_aml.store.sql.work import searchable
from jupyter_aml.store.statuses import spelt

_NUMERIC = (*TIME_FIELDS, *NUMBER_FIELDS)
_COLUMNS: dict[str, Any] = {
    name: t.experiment.c.name if name == "experiment" else t.run.c[name] for name in (*TEXT_FIELDS, *_NUMERIC)
}
_SUMMARIES = {"": t.metric.c.last_num, ".last": t.metric.c.last_num, ".min": t.metric.c.min, ".max": t.metric.c.max}
_OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "contains", "in")
_DEEPEST = 3 * MAX_NESTING
"""Levels of a tree: one parenthesis of the grammar may be an Or of Ands."""
_FLAT = 6
"""What is nested deeper is said ahead of the rest, as a WITH: SQLite's parser gives up where some 20 levels are open."""
MAX_LIMIT = 10_000


@dataclass(frozen=True)
class Field:
    """What a field's name means: a column of the run, or rows of another table."""

    column: Any = None
    numeric: bool = False
    space: str = ""
    key: str = ""
    summary: Any = None


_Hold = Callable[[Field, Any], Any]
"""Makes SQL of a field and what has to be true of its value."""


def field_of(name: str) -> Field:
    """What a name means.

    Raises:
        FilterException: there is no such field.
    """
    if name in _COLUMNS:
        return Field(column=_COLUMNS[name], numeric=name in _NUMERIC)
    space, _, rest = name.partition(".")
    if rest and space in ATTRIBUTE_SPACES:
        return Field(space=space, key=t.key(rest))
    if rest and space == "metrics":
        metric, suffix = split_metric(rest)
        return Field(space=space, key=t.key(metric), summary=_SUMMARIES[suffix])
    raise FilterException(f"Runs cannot be filtered or sorted by {name!r}. There is: {', '.join(FIELDS)}.")


# -- conditions --------------------------------------------------------------------------------------------------
def compiled(filters: Sequence[Filter], *, probing: bool = False) -> list[ColumnElement[bool]]:
    """Filters as SQL. Each is true or false of a run, never unknown: Not is the other runs.

    Args:
        probing: ask it of each run in turn; else of all runs at once, whose ids are then looked up.

    Raises:
        FilterException: no such field or operator, a value of the wrong kind, or too much of everything.
    """
    count = 0
    hold = _probe if probing else _among

    def one(filter: Filter, depth: int) -> tuple[ColumnElement[bool], int]:
        """(as SQL, how deep that is nested)"""
        nonlocal count
        if depth > _DEEPEST:
            raise FilterException(f"The filter is nested more than {_DEEPEST} levels deep.")
        if isinstance(filter, (Not, And, Or)):
            parts = [one(part, depth + 1) for part in ([filter.part] if isinstance(filter, Not) else filter.parts)]
            inner = [part for part, _ in parts]
            height = 1 + max((height for _, height in parts), default=0)
            if isinstance(filter, Not):
                whole = not_(inner[0])
            else:
                whole = and_(true(), *inner) if isinstance(filter, And) else or_(false(), *inner)
            if height < _FLAT:
                return whole, height
            held = select(t.run.c.id).where(whole).cte()
            return t.run.c.id.in_(select(held.c.id)), 0
        if not isinstance(filter, Condition) or not isinstance(filter.field, str):
            raise FilterException(f"{filter!r:.100} is no condition.")
        count += 1
        if count > MAX_CONDITIONS:
            raise FilterException(f"The filter has more than {MAX_CONDITIONS} conditions.")
        return _condition(filter, hold), 0

    return [one(filter, 0)[0] for filter in filters]


def _condition(condition: Condition, hold: _Hold) -> ColumnElement[bool]:
    name, op, value = condition.field, condition.op, condition.value
    if op not in _OPERATORS:
        raise FilterException(f"{op!r} is no operator; there is: {' '.join(_OPERATORS)}.")
    if op == "!=":  # also true of runs that have no such thing
        return not_(_condition(Condition(name, "=", value), hold))
    field = field_of(name)
    if op == "in":
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise FilterException(f"{name} in …: takes a list of values, not {value!r}.")
        if len(value) > MAX_VALUES:
            raise FilterException(f"{name} in …: takes at most {MAX_VALUES:,} values, not {len(value):,}.")
        found = _one_of(field, name, [one for one in value if one is not None], hold)
        return or_(found, _absent(field, hold)) if None in value else found
    if value is None:
        if op != "=":
            raise FilterException(f"{name} {op} {value!r}: only = and != can be asked of nothing (null).")
        return _absent(field, hold)
    if op == "=":
        return _one_of(field, name, [value], hold)
    if op == "contains" and not isinstance(value, str):
        raise FilterException(f"{name} contains …: takes a text, not {value!r}.")
    if field.column is not None:
        bound = _number(name, op, value) if field.numeric else _text(name, op, value)
        return hold(field, _compare(_typed(field), op, bound))
    if field.space == "metrics":
        return hold(field, _compare(field.summary, op, _number(name, op, value)))
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        value = searchable(value)[1]
    if isinstance(value, str):
        return hold(field, _compare(t.attribute.c.txt, op, t.clean(value)))
    return hold(field, _compare(t.attribute.c.num, op, _number(name, op, value)))


def _one_of(field: Field, name: str, values: Sequence[Json], hold: _Hold) -> ColumnElement[bool]:
    """Runs whose field is one of these: one list for the database, however many there are."""
    if field.column is not None:
        make = _number if field.numeric else _text
        return hold(field, _equal(_typed(field), [make(name, "=", value) for value in values]))
    numbers, texts = field.summary, t.metric.c.last
    if field.space != "metrics":
        numbers, texts = t.attribute.c.num, t.attribute.c.txt
    numeric: list[float] = []
    written: list[str] = []
    for value in values:
        if field.space == "metrics" and isinstance(value, str) and field.summary is t.metric.c.last_num:
            written.append(json.dumps(value))
        elif field.space == "metrics" or (isinstance(value, (int, float)) and not isinstance(value, bool)):
            numeric.append(_number(name, "=", value))
        else:
            written.append(t.key(value if isinstance(value, str) else str(searchable(value)[1])))
    found = [_equal(column, some) for column, some in ((numbers, numeric), (texts, written)) if some]
    return hold(field, or_(false(), *found))


def _among(field: Field, found: Any) -> ColumnElement[bool]:
    """Runs of whose field this is true, looked up among all that there are."""
    source = _source(field, found)
    return _plain(field, found) if source is None else t.run.c.id.in_(source)


def _probe(field: Field, found: Any) -> ColumnElement[bool]:
    """The same, looked at for each run in turn. (A value, not an EXISTS, of which a planner could make what it likes.)"""
    rows = _rows(field)
    if rows is None:
        return _plain(field, found)
    table, here = rows
    one: Any = select(literal_column("1")).select_from(table).where(table.c.run == t.run.c.id, here, found)
    return one.correlate(t.run).scalar_subquery().is_not(None)  # type: ignore[no-any-return]


def _source(field: Field, found: Any) -> Select[Any] | None:
    """Ids of the runs, from an index of values; None where there is none."""
    rows = _rows(field)
    return select(rows[0].c.run).where(rows[1], found) if rows is not None else None


def _plain(field: Field, found: Any) -> ColumnElement[bool]:
    if field.column is t.experiment.c.name:
        return t.run.c.experiment.in_(select(t.experiment.c.id).where(found))
    return and_(field.column.is_not(None), found) if field.column.nullable else found  # type: ignore[no-any-return]


def _rows(field: Field) -> tuple[Any, Any] | None:
    """(table, condition) of the rows that hold such a field, at most one of each run; None for a column of the run."""
    if field.space == "metrics":
        return t.metric, t.metric.c.key == field.key
    if field.space:
        return t.attribute, and_(t.attribute.c.space == field.space, t.attribute.c.key == field.key)
    return None


def _absent(field: Field, hold: _Hold) -> ColumnElement[bool]:
    """Runs without it. A metric is there once it was logged, whatever its values are."""
    if field.column is not None:
        return field.column.is_(None) if field.column.nullable else false()
    if field.space == "metrics":
        there = true() if field.summary is t.metric.c.last_num else field.summary.is_not(None)
    else:
        there = t.attribute.c.txt.is_not(None)
    return not_(hold(field, there))


def _typed(field: Field) -> Any:
    """The column; a whole number is compared as a real one, so that 2.5 and infinity can be asked of it everywhere."""
    return type_coerce(field.column, Float) if field.numeric else field.column


def _equal(column: Any, values: list[Any]) -> Any:
    return column == values[0] if len(values) == 1 else column.in_(values)


def _text(name: str, op: str, value: Json) -> str:
    if not isinstance(value, str):
        raise FilterException(f"{name} {op} {value!r}: {name} is a text; compare it with one.")
    return t.clean(spelt(value) if name == "status" else value)


def _number(name: str, op: str, value: Json) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise FilterException(f"{name} {op} {value!r}: {name} is a number; compare it with one.")
    if value != value:
        raise FilterException(f"{name} {op} NaN: nothing compares with it.")
    try:
        return float(value)
    except OverflowError:
        raise FilterException(f"{name} {op} …: the number is too big.") from None


def _compare(column: Any, op: str, value: Any) -> Any:
    if op == "contains":
        return column.icontains(value, autoescape=True)
    return {"<": column.__lt__, "<=": column.__le__, ">": column.__gt__, ">=": column.__ge__}[op](value)


# -- the whole ---------------------------------------------------------------------------------------------------
def scope(query: RunQuery) -> list[Any]:
    """Where runs are looked for: an experiment, a parent, ids."""
    r = t.run.c
    found: list[Any] = []
    if query.experiment is not None:
        wanted = select(t.experiment.c.id).where(t.experiment.c.key == t.key(query.experiment))
        if not query.include_archived:
            wanted = wanted.where(t.experiment.c.archived.is_(None))
        found.append(r.experiment == wanted.scalar_subquery())
    if query.parent is not None:
        found.append(r.parent == query.parent)
    elif not query.everywhere and query.under is None and query.ids is None:
        found.append(r.parent.is_(None))
    if query.under is not None:
        below = select(t.run.c.id).where(t.run.c.parent == query.under).cte(recursive=True)
        child = t.run.alias()
        below = below.union(select(child.c.id).join(below, child.c.parent == below.c.id))
        found.append(r.id.in_(select(below.c.id)))
    if query.ids is not None:
        found.append(r.id.in_(list(query.ids)))
    return found


def conditions(query: RunQuery) -> list[Any]:
    """What must hold of each run, besides what the query's `where` says."""
    r = t.run.c
    found: list[Any] = [r.ghost.is_(False), *scope(query)]
    if query.types:
        found.append(r.type.in_(list(query.types)))
    if query.statuses:
        found.append(r.status.in_(list(query.statuses)))
    if query.text:
        text = t.clean(query.text)
        found.append(or_(r.name.icontains(text, autoescape=True), r.id.icontains(text, autoescape=True)))
    if not query.include_archived and query.experiment is None:
        found.append(r.experiment.not_in(select(t.experiment.c.id).where(t.experiment.c.archived.is_not(None))))
    return found


def without(field: Field, found: Any) -> ColumnElement[bool]:
    """Runs of whose field this is not true, looked at in turn."""
    return not_(_probe(field, found))


def sources(filters: Sequence[Filter]) -> list[Select[Any]]:
    """Ids of the only runs that can pass, by one condition each: of those that an index of values answers."""
    found: list[Any] = []
    for filter in filters:
        if isinstance(filter, And):
            found += sources(filter.parts)
        elif isinstance(filter, Condition) and filter.op in ("=", "in", "<", "<=", ">", ">="):
            values = filter.value if filter.op == "in" else [filter.value]
            if None not in values and _indexed(field_of(filter.field), values):
                found.append(_condition(filter, _source))
    return found


def _indexed(field: Field, values: Sequence[Json]) -> bool:
    texts = any(isinstance(value, str) for value in values)
    return field.space in ATTRIBUTE_SPACES or (field.space == "metrics" and not texts)


def leaves(filters: Sequence[Filter]) -> int:
    """How many conditions there are."""
    return sum(
        1 if isinstance(one, Condition) else leaves([one.part] if isinstance(one, Not) else one.parts)
        for one in filters
    )  # fmt: skip
