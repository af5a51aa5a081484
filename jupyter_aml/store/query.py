"""A RunQuery as SQL. Whatever the user said reaches the database as a bound parameter."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, not_, or_, select, tuple_

from jupyter_aml.errors import FilterException
from jupyter_aml.store.records import Condition, Json, RunQuery
from jupyter_aml.store.sql import schema as t
from jupyter_aml.store.sql.work import searchable

_COLUMNS: dict[str, Any] = {
    **{name: t.run.c[name] for name in ("status", "type", "name", "user", "host", "description", "id", "parent")},
    **{name: t.run.c[name] for name in ("created", "started", "ended", "duration", "number")},
    "experiment": t.experiment.c.name,
}
_NUMERIC = frozenset({"created", "started", "ended", "duration", "number"})
_SPACES = ("params", "tags", "properties")
_OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "contains", "in")
MAX_LIMIT = 10_000


def _fields() -> str:
    return ", ".join([*_COLUMNS, "metrics.<name>[.last|.min|.max]", *(f"{space}.<name>" for space in _SPACES)])


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
    space, dot, rest = name.partition(".")
    if dot and rest:
        if space in _SPACES:
            return _Field(space=space, key=t.key(rest))
        if space == "metrics":
            for suffix, column in ((".last", t.metric.c.last_num), (".min", t.metric.c.min), (".max", t.metric.c.max)):
                if rest.endswith(suffix) and len(rest) > len(suffix):
                    return _Field(space=space, key=t.key(rest[: -len(suffix)]), summary=column)
            return _Field(space=space, key=t.key(rest), summary=t.metric.c.last_num)
    raise FilterException(f"Runs cannot be filtered or sorted by {name!r}. There is: {_fields()}.")


# -- conditions --------------------------------------------------------------------------------------------------
def _condition(condition: Condition) -> ColumnElement[bool]:
    name, op, value = condition.field, condition.op, condition.value
    if op not in _OPERATORS:
        raise FilterException(f"{op!r} is no operator; there is: {' '.join(_OPERATORS)}.")
    if op == "!=":  # also true of runs that have no such thing
        return not_(_condition(Condition(name, "=", value)))
    if op == "in":
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise FilterException(f"{name} in …: takes a list of values, not {value!r}.")
        return or_(false(), *[_condition(Condition(name, "=", one)) for one in value])
    if op == "contains" and not isinstance(value, str):
        raise FilterException(f"{name} contains …: takes a text, not {value!r}.")
    field = _field(name)
    if value is None and op != "=":
        raise FilterException(f"{name} {op} {value!r}: only = and != can be asked of nothing (null).")
    if field.column is not None:
        return _of_column(field, name, op, value)
    if field.space == "metrics":
        return _of_metric(field, name, op, value)
    return _of_attribute(field, name, op, value)


def _of_column(field: _Field, name: str, op: str, value: Json) -> ColumnElement[bool]:
    column = field.column
    if value is None:
        return column.is_(None)  # type: ignore[no-any-return]
    if field.numeric:
        value = _number(name, op, value)
    elif not isinstance(value, str):
        raise FilterException(f"{name} {op} {value!r}: {name} is a text; compare it with one.")
    else:
        value = t.clean(value)
    # Never "unknown": a run without the field does not match, and its negation does.
    return and_(column.is_not(None), _compare(column, op, value))


def _of_metric(field: _Field, name: str, op: str, value: Json) -> ColumnElement[bool]:
    if value is None:
        return t.run.c.id.not_in(select(t.metric.c.run).where(t.metric.c.key == field.key, field.summary.is_not(None)))
    if isinstance(value, str) and op == "=" and field.summary is t.metric.c.last_num:
        found = t.metric.c.last == json.dumps(value)
    else:
        found = _compare(field.summary, op, _number(name, op, value))
    return t.run.c.id.in_(select(t.metric.c.run).where(t.metric.c.key == field.key, found))


def _of_attribute(field: _Field, name: str, op: str, value: Json) -> ColumnElement[bool]:
    a = t.attribute.c
    here = and_(a.space == field.space, a.key == field.key)
    if value is None:
        return t.run.c.id.not_in(select(a.run).where(here, a.txt.is_not(None)))
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        value = searchable(value)[1]
    if isinstance(value, str):
        found = _compare(a.txt, op, t.key(value) if op == "=" else t.clean(value))
    else:
        found = _compare(a.num, op, _number(name, op, value))
    return t.run.c.id.in_(select(a.run).where(here, found))


def _number(name: str, op: str, value: Json) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise FilterException(f"{name} {op} {value!r}: {name} is a number; compare it with one.")
    try:
        return float(value)
    except OverflowError:
        raise FilterException(f"{name} {op} …: the number is too big.") from None


def _compare(column: Any, op: str, value: Any) -> Any:
    if op == "contains":
        return column.icontains(t.clean(value), autoescape=True)
    return {
        "=": column.__eq__, "<": column.__lt__, "<=": column.__le__, ">": column.__gt__, ">=": column.__ge__,
    }[op](value)  # fmt: skip


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
    found += [_condition(c) for c in query.where]
    return found


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
    if query.order_by == "experiment" or any(c.field == "experiment" for c in query.where):
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
