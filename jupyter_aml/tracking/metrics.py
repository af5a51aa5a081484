"""Metrics: what may be logged, and the shapes in which `Run.get_metrics` gives it back (the SDK's)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from operator import index
from typing import Any

from jupyter_aml.errors import UserErrorException
from jupyter_aml.store.records import Json, Series, SeriesKind
from jupyter_aml.tracking.names import shown

STRUCTURED: dict[str, str] = {
    "confusion_matrix": "confusion_matrix",
    "accuracy_table": "accuracy_table",
    "residuals": "residuals",
    "predictions": "predictions",
}
"""Kinds whose values are documents with a ``schema_type``."""
_CALLED = {"scalar": "a series of single values", "residuals": "residuals", "predictions": "predictions"}


def number(name: str, value: Any) -> float | int | str:
    """A value as it is stored: int, float or text. numpy and torch scalars, Decimal and Fraction are numbers too.

    Raises:
        UserErrorException: naming the metric, the value and its type.
    """
    kind = type(value)
    if kind is float or kind is int or kind is str:
        return value  # type: ignore[no-any-return]
    if kind is bool:
        return int(value)
    item = getattr(value, "item", None)
    if callable(item):
        try:
            value = item()
        except (ValueError, RuntimeError, TypeError):
            pass  # more than one element: refused below
        else:
            if hasattr(value, "item"):  # a numpy type wider than Python's
                value = float(value)
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Real) or type(value).__name__ == "Decimal":
        return float(value)
    raise UserErrorException(
        f"Metric {name!r} cannot be {shown(value)} of type {type(value).__name__}: log() takes one number or text. "
        "Use log_list, log_row, log_table or log_image for other shapes."
    )


def step(name: str, value: Any) -> int:
    """A step as it is stored: a whole number of 64 bits.

    Raises:
        UserErrorException: naming the metric and the step.
    """
    try:
        whole = int(value) if getattr(value, "is_integer", bool)() else index(value)
    except (TypeError, ValueError, OverflowError):
        whole = 2**63
    if not -(2**63) < whole < 2**63:
        raise UserErrorException(
            f"Metric {name!r} cannot have the step {shown(value)} of type {type(value).__name__}: "
            "a step is a whole number below 2**63, or None."
        )
    return whole


def numbers(name: str, values: Any) -> list[float | int | str]:
    """The elements of any iterable, generators and arrays included."""
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
        raise UserErrorException(
            f"Metric {name!r} cannot be {shown(values)} of type {type(values).__name__}: log_list() takes a list."
        )
    return [number(name, value) for value in values]


def rows(name: str, table: Any) -> list[dict[str, Json]]:
    """A dict of columns (or of single values) as rows."""
    if not isinstance(table, Mapping) or not table:
        raise UserErrorException(
            f"Metric {name!r} cannot be {shown(table)}: log_table() takes a dict of columns, each a list or one value."
        )
    columns = {
        str(key): [number(name, value)] if _single(value) else numbers(name, value) for key, value in table.items()
    }
    length = max(len(column) for column in columns.values())
    return [{key: column[i] for key, column in columns.items() if i < len(column)} for i in range(length)]


def _single(value: Any) -> bool:
    return isinstance(value, (str, bytes)) or not isinstance(value, Iterable) or getattr(value, "ndim", 1) == 0


def document(name: str, kind: SeriesKind, value: Any) -> dict[str, Json]:
    """A confusion matrix, accuracy table, residuals or predictions, as a dict or JSON text.

    Raises:
        UserErrorException: not JSON, or without ``schema_type``/``data``, or with another schema.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise UserErrorException(f"Metric {name!r} is not valid JSON ({error}): {shown(value)}.") from error
    if not isinstance(value, Mapping) or "data" not in value:
        raise UserErrorException(
            f"Metric {name!r} needs a dict with 'schema_type', 'schema_version' and 'data'; this is {shown(value)}."
        )
    schema = value.get("schema_type", STRUCTURED[kind])
    if schema != STRUCTURED[kind]:
        raise UserErrorException(f"Metric {name!r}: the schema is {schema!r}, log_{kind} takes {STRUCTURED[kind]!r}.")
    return {"schema_type": schema, "schema_version": "1.0.0", **_plain(name, dict(value))}


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(name, inner) for key, inner in value.items()}
    if hasattr(value, "tolist"):
        return _plain(name, value.tolist())
    if isinstance(value, (list, tuple)):
        return [_plain(name, inner) for inner in value]
    if value is None or isinstance(value, bool):
        return value
    try:
        return number(name, value)
    except UserErrorException:
        raise UserErrorException(
            f"Metric {name!r} cannot hold {shown(value)} of type {type(value).__name__}: "
            "its parts are numbers, texts, lists and dicts."
        ) from None


def artifact_uri(run_id: str, path: str) -> str:
    """How the SDK names a run's file inside a metric."""
    return f"aml://artifactId/ExperimentRun/dcid.{run_id}/{path}"


def called(kind: SeriesKind) -> str:
    """A kind in a message."""
    noun = kind.replace("_", " ")
    return _CALLED.get(kind, f"an {noun}" if noun[0] in "ai" else f"a {noun}")


def shape(run_id: str, series: Series, populate: bool) -> Json:
    """What `get_metrics` gives for a series: one value alone, several as a list, rows as a dict of columns."""
    values = list(series.values)
    rows = all(isinstance(value, Mapping) for value in values)
    if series.kind == "list" or (
        series.kind in ("table", "image") and not rows
    ):  # several kinds under one name: all of it
        return values
    if series.kind == "table":
        return _columns(values)
    if series.kind == "image" and all("path" in value for value in values):
        uris = [artifact_uri(run_id, value["path"]) for value in values]
        return uris[0] if len(uris) == 1 else uris
    if series.kind in STRUCTURED and not populate:
        return artifact_uri(run_id, series.name)
    return values[0] if len(values) == 1 else values


def _columns(table: Sequence[Mapping[str, Json]]) -> dict[str, Json]:
    columns: dict[str, list[Json]] = {}
    for row in table:
        for key in row:
            columns.setdefault(key, [])
    for row in table:
        for key, column in columns.items():
            column.append(row.get(key))
    return {key: column[0] if len(column) == 1 else column for key, column in columns.items()}
