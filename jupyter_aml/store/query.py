"""A RunQuery as SQL. Whatever the user said reaches the database as a bound parameter."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Float, Select, and_, false, not_, or_, select, true, tuple_, type_coerce

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
class _Field:
    """What a field's name means: a column of the run, or rows of another table."""

    column: Any = None
    numeric: bool = False
    space: str = ""
    key: str = ""
    summary: Any = None


def _field(name: str) -> _Field:
    if name in _COLUMNS:
        return _Field(column=_COLUMNS[name], numeric=name in _NUMERIC)
    space, _, rest = name.partition(".")
    if rest and space in ATTRIBUTE_SPACES:
        return _Field(space=space, key=t.key(rest))
    if rest and space == "metrics":
        metric, suffix = split_metric(rest)
        return _Field(space=space, key=t.key(metric), summary=_SUMMARIES[suffix])
    raise FilterException(f"Runs cannot be filtered or sorted by {name!r}. There is: {', '.join(FIELDS)}.")


# -- conditions --------------------------------------------------------------------------------------------------
def compiled(filters: Sequence[Filter]) -> list[ColumnElement[bool]]:
    """Filters as SQL. Each is true or false of a run, never unknown: Not is the other runs.

    Raises:
        FilterException: no such field or operator, a value of the wrong kind, or too much of everything.
    """
    count = 0

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
        return _condition(filter), 0

    return [one(filter, 0)[0] for filter in filters]


def _condition(condition: Condition) -> ColumnElement[bool]:
    name, op, value = condition.field, condition.op, condition.value
    if op not in _OPERATORS:
        raise FilterException(f"{op!r} is no operator; there is: {' '.join(_OPERATORS)}.")
    if op == "!=":  # also true of runs that have no such thing
        return not_(_condition(Condition(name, "=", value)))
    field = _field(name)
    if op == "in":
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise FilterException(f"{name} in …: takes a list of values, not {value!r}.")
        if len(value) > MAX_VALUES:
            raise FilterException(f"{name} in …: takes at most {MAX_VALUES:,} values, not {len(value):,}.")
        found = _one_of(field, name, [one for one in value if one is not None])
        return or_(found, _absent(field)) if None in value else found
    if value is None:
        if op != "=":
            raise FilterException(f"{name} {op} {value!r}: only = and != can be asked of nothing (null).")
        return _absent(field)
    if op == "=":
        return _one_of(field, name, [value])
    if op == "contains" and not isinstance(value, str):
        raise FilterException(f"{name} contains …: takes a text, not {value!r}.")
    if field.column is not None:
        bound = _number(name, op, value) if field.numeric else _text(name, op, value)
        return _holding(field, _compare(_typed(field), op, bound))
    if field.space == "metrics":
        return _holding(field, _compare(field.summary, op, _number(name, op, value)))
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        value = searchable(value)[1]
    if isinstance(value, str):
        return _holding(field, _compare(t.attribute.c.txt, op, t.clean(value)))
    return _holding(field, _compare(t.attribute.c.num, op, _number(name, op, value)))


def _one_of(field: _Field, name: str, values: Sequence[Json]) -> ColumnElement[bool]:
    """Runs whose field is one of these: one list for the database, however many there are."""
    if field.column is not None:
        make = _number if field.numeric else _text
        return _holding(field, _equal(_typed(field), [make(name, "=", value) for value in values]))
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
    return _holding(field, or_(false(), *found))


def _holding(field: _Field, found: Any) -> ColumnElement[bool]:
    """Runs of whose field this is true."""
    if field.space == "metrics":
        return t.run.c.id.in_(select(t.metric.c.run).where(t.metric.c.key == field.key, found))
    if field.space:
        a = t.attribute.c
        return t.run.c.id.in_(select(a.run).where(a.space == field.space, a.key == field.key, found))
    if field.column is t.experiment.c.name:
        return t.run.c.experiment.in_(select(t.experiment.c.id).where(found))
    return and_(field.column.is_not(None), found) if field.column.nullable else found  # type: ignore[no-any-return]


def _absent(field: _Field) -> ColumnElement[bool]:
    """Runs without it. A metric is there once it was logged, whatever its values are."""
    if field.column is not None:
        return field.column.is_(None) if field.column.nullable else false()
    if field.space == "metrics":
        return not_(_holding(field, true() if field.summary is t.metric.c.last_num else field.summary.is_not(None)))
    return not_(_holding(field, t.attribute.c.txt.is_not(None)))


def _typed(field: _Field) -> Any:
    """The column; a whole number is compared as a real one, so that 2.5 and infinity can be asked of it everywhere."""
    return type_coerce(field.column, Float) if field.numeric else field.column


def _equal(column: Any, values: list[Any]) -> Any:
    return column == values[0] if len(values) == 1 else column.in_(values)


def _text(name: str, op: str, value: Json) -> str:
    if not isinstance(value, str):
        raise FilterException(f"{name} {op} {value!r}: {name} is a text; compare it with one.")
    return t.clean(value)


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
def conditions(query: RunQuery) -> list[Any]:
    """What must hold of each run."""
    r = t.run.c
    found: list[Any] = [r.ghost.is_(False)]
    if query.experiment is not None:
        found.append(
            r.experiment
            == select(t.experiment.c.id).where(t.experiment.c.key == t.key(query.experiment)).scalar_subquery()
        )
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
    if query.types:
        found.append(r.type.in_(list(query.types)))
    if query.statuses:
        found.append(r.status.in_(list(query.statuses)))
    if query.text:
        text = t.clean(query.text)
        found.append(or_(r.name.icontains(text, autoescape=True), r.id.icontains(text, autoescape=True)))
    if not query.include_archived:
        found.append(r.experiment.not_in(select(t.experiment.c.id).where(t.experiment.c.archived.is_not(None))))
    return found + compiled(query.where)


@dataclass(frozen=True)
class Phase:
    """A stretch of the order: runs with a number to sort by, with a text, with neither."""

    join: Any = None
    column: Any = None
    """What it sorts by before the id; None: by id alone."""
    where: Any = None


def phases(query: RunQuery) -> list[Phase]:
    """The stretches of the order that was asked for: an index serves each, and what has no value comes last."""
    field = _field(query.order_by)
    if field.column is not None:
        if query.order_by == "id":
            return [Phase()]
        with_it = Phase(column=field.column, where=field.column.is_not(None) if field.column.nullable else None)
        return [with_it, Phase(where=field.column.is_(None))] if field.column.nullable else [with_it]
    if field.space == "metrics":
        m = t.metric.alias("ordering")
        column = m.c[field.summary.name]
        there = select(t.metric.c.run).where(t.metric.c.key == field.key, field.summary.is_not(None))
        return [
            Phase((m, m.c.run == t.run.c.id), column, and_(m.c.key == field.key, column.is_not(None))),
            Phase(where=t.run.c.id.not_in(there)),
        ]
    a = t.attribute.alias("ordering")
    here = and_(a.c.space == field.space, a.c.key == field.key)
    b = t.attribute.c
    there = select(b.run).where(b.space == field.space, b.key == field.key, b.txt.is_not(None))
    on = (a, a.c.run == t.run.c.id)
    return [
        Phase(on, a.c.num, and_(here, a.c.num.is_not(None))),
        Phase(on, a.c.txt, and_(here, a.c.num.is_(None), a.c.txt.is_not(None))),
        Phase(where=t.run.c.id.not_in(there)),
    ]


def statement(
    query: RunQuery, phase: Phase, held: list[Any], after: tuple[Json, str] | None, limit: int
) -> Select[Any]:
    """Runs of one phase, those after a position, at most `limit`; the last column is the position."""
    id_ = t.run.c.id
    position = (phase.column if phase.column is not None else id_).label("position")
    source: Any = t.run
    if query.order_by == "experiment":
        source = source.join(t.experiment, t.experiment.c.id == t.run.c.experiment)
    if phase.join is not None:
        source = source.join(*phase.join)
    found = select(id_, position).select_from(source).where(*held)
    if phase.where is not None:
        found = found.where(phase.where)
    if phase.column is not None:
        if after is not None:
            here, there = tuple_(phase.column, id_), tuple_(*after)
            found = found.where(here < there if query.descending else here > there)
        found = found.order_by(phase.column.desc() if query.descending else phase.column)
    elif after is not None:
        found = found.where(id_ < after[1] if query.descending else id_ > after[1])
    # Only ids are sorted; whole rows are fetched for the page alone.
    page = found.order_by(id_.desc() if query.descending else id_).limit(limit).subquery()
    order = [page.c.position, page.c.id] if phase.column is not None else [page.c.id]
    return (
        select(t.run, t.experiment.c.name.label("experiment_name"), page.c.position)
        .select_from(
            page.join(t.run, t.run.c.id == page.c.id).join(t.experiment, t.experiment.c.id == t.run.c.experiment)
        )
        .order_by(*[column.desc() if query.descending else column for column in order])
    )


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
