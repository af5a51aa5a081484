"""MLflow's search as our queries; what has no like in them is refused."""

from __future__ import annotations

import re
from typing import Any, cast

from mlflow.utils.search_utils import SearchUtils

from jupyter_aml.interop.mlflow.entities import NAME, NOTE, PARENT
from jupyter_aml.interop.mlflow.failures import refuse
from jupyter_aml.store.records import And, Condition, Filter, Not, Operator, Or, RunQuery

_SPACES = {"parameter": "params", "tag": "tags"}
_ATTRIBUTES = {
    "run_id": "id", "run_name": "name", "run name": "name", "Run name": "name", "Run Name": "name", "user_id": "user",
    "status": "status", "start_time": "started", "created": "started", "Created": "started", "end_time": "ended",
}  # fmt: skip
_TAGS = {NAME: "name", NOTE: "description", PARENT: "parent"}
_TIMES = ("started", "ended")
_STATUSES = {
    "RUNNING": ("Running", "Paused", "NotResponding", "Finalizing", "CancelRequested"),
    "SCHEDULED": ("NotStarted", "Queued", "Provisioning", "Preparing", "Starting"),
    "FINISHED": ("Completed",), "FAILED": ("Failed",), "KILLED": ("Canceled",),
}  # fmt: skip
_WHERE = "docs/mlflow.md lists what can be searched; Experiment.get_runs(filter=…) takes our own language."


def query_of(
    experiments: list[str], filter_string: str | None, order_by: list[str] | None, limit: int, cursor: str | None
) -> RunQuery:
    """The query for a page of runs.

    Args:
        experiments: their names.
        filter_string, order_by: as MLflow's `search_runs` takes them.
        limit: runs of the page.
        cursor: what the page before gave.

    Raises:
        MlflowException: it cannot be read, or asks for what our queries cannot say.
    """
    where: list[Filter] = [Not(Condition("type", "=", "aml.cell")), Condition("experiment", "in", experiments)]
    where += [_condition(**one) for one in SearchUtils.parse_search_filter(filter_string)]
    field, ascending = _order(order_by or [])
    return RunQuery(
        everywhere=True,
        where=where,
        order_by=field,
        descending=not ascending,
        limit=limit,
        cursor=cursor,
        with_metrics=True,
        include_archived=True,
    )


def _order(order_by: list[str]) -> tuple[str, bool]:
    if not order_by:
        return "created", False
    if len(order_by) > 1:
        refuse(
            f"Ordering by {len(order_by)} fields ({', '.join(order_by)})", "Give one; runs that are equal come by id."
        )
    kind, key, ascending = SearchUtils.parse_order_by_for_search_runs(order_by[0])
    return _field(kind, key), ascending


def _field(kind: str, key: str) -> str:
    if kind == "metric":
        return f"metrics.{key}.last"
    if kind == "tag" and key in _TAGS:
        return _TAGS[key]
    if kind in _SPACES:
        return f"{_SPACES[kind]}.{key}"
    if kind != "attribute" or key not in _ATTRIBUTES:
        refuse(f"A search by {kind} {key!r}", _WHERE)
    return _ATTRIBUTES[key]


def _condition(*, type: str, key: str, comparator: str, value: Any) -> Filter:
    field = _field(type, key)
    op = comparator.upper()
    if op in ("IS NULL", "IS NOT NULL"):
        return Condition(field, "=" if op == "IS NULL" else "!=", None)
    if field == "status":
        return _status(op, value)
    if op in ("IN", "NOT IN"):
        found: Filter = Condition(field, "in", list(value))
        return found if op == "IN" else Not(found)
    if op in ("LIKE", "ILIKE"):
        return _like(field, op, str(value))
    if field in _TIMES:
        return _time(field, op, float(value))
    if type == "metric":
        value = float(value)
    compared = Condition(field, cast(Operator, op), value)
    if op == "!=" and "." in field:  # in MLflow a run that lacks it is not among those of which it is another
        return And((compared, Condition(field, "!=", None)))
    return compared


def _status(op: str, value: Any) -> Filter:
    wanted = _STATUSES.get(str(value).upper())
    if wanted is None or op not in ("=", "!="):
        refuse(
            f"The condition status {op} {value!r}", f"The statuses are {', '.join(_STATUSES)}, compared by = and !=."
        )
    found: Filter = Or(tuple(Condition("status", "=", one) for one in wanted))
    return found if op == "=" else Not(found)


def _time(field: str, op: str, ms: float) -> Filter:
    """MLflow counts whole milliseconds, ours go on behind them: a time is all of its millisecond."""
    begin, end = ms / 1000, (ms + 1) / 1000
    within: Filter = And((Condition(field, ">=", begin), Condition(field, "<", end)))
    ways: dict[str, Filter] = {
        "<": Condition(field, "<", begin), "<=": Condition(field, "<", end), "=": within,
        ">": Condition(field, ">=", end), ">=": Condition(field, ">=", begin),
    }  # fmt: skip
    return ways.get(op) or And((Not(within), Condition(field, "!=", None)))


def _like(field: str, op: str, pattern: str) -> Filter:
    """A pattern that only looks for a part in any case is our ``contains``; others are not in our language."""
    inner = re.fullmatch(r"%([^%_]+)%", pattern)
    if inner is None or op == "LIKE":
        refuse(f"The condition {field} {op} {pattern!r}", "Use ILIKE '%part%', or = for a whole text.")
    return Condition(field, "contains", inner[1])
