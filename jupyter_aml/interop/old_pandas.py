"""What pandas 2 and 3 took away and notebooks of 2020 use: ``append``, ``iteritems``, arguments by their place …"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

from jupyter_aml.interop.hooks import Undo, put

_BY_PLACE = {
    "DataFrame": (
        "drop", "dropna", "drop_duplicates", "fillna", "reset_index", "set_index", "sort_index", "sort_values",
    ),
    "Series": ("drop", "dropna", "drop_duplicates", "fillna", "reset_index", "sort_index", "sort_values"),
    "": ("concat", "read_csv", "read_table", "read_excel"),
}  # fmt: skip
"""Functions whose arguments were taken by their place, in the order that they still have."""
_FILLS = {"ffill": "ffill", "pad": "ffill", "bfill": "bfill", "backfill": "bfill"}


def mend(pandas: ModuleType) -> list[Undo]:
    """Give pandas back what it lacks; returns what undoes it."""
    frame, series = pandas.DataFrame, pandas.Series
    undo: list[Undo] = []
    for owner in (frame, series):
        undo += _add(owner, "iteritems", lambda self: self.items())
    undo += _add(frame, "applymap", lambda self, func, na_action=None, **kw: self.map(func, na_action=na_action, **kw))
    undo += _add(frame, "append", _append_rows(pandas))
    undo += _add(series, "append", _append_values(pandas))
    if "datetime" not in vars(pandas):
        from datetime import datetime

        undo += _add(pandas, "datetime", datetime)
    for name in ("read_csv", "read_table"):
        undo.append(put(pandas, name, _reading(vars(pandas)[name])))
    for owner in (frame, series):
        if "method" not in inspect.signature(owner.fillna).parameters:
            undo.append(put(owner, "fillna", _filling(owner.fillna)))
    for kind, names in _BY_PLACE.items():
        owner = getattr(pandas, kind) if kind else pandas
        for name in names:
            undo += _by_place(owner, name)
    return undo


def _add(owner: Any, name: str, value: Any) -> list[Undo]:
    return [] if hasattr(owner, name) else [put(owner, name, value)]


def _by_place(owner: Any, name: str) -> list[Undo]:
    """Let a function take by their place what it takes by name alone now."""
    native: Callable[..., Any] = getattr(owner, name)
    parameters = inspect.signature(native).parameters.values()
    placed = sum(p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters)
    named = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    if not named:
        return []

    @functools.wraps(native)
    def call(*args: Any, **kwargs: Any) -> Any:
        more = args[placed:]
        if more and len(more) <= len(named):
            return native(*args[:placed], **{**dict(zip(named, more, strict=False)), **kwargs})
        return native(*args, **kwargs)

    return [put(owner, name, call)]


def _append_rows(pandas: ModuleType) -> Callable[..., Any]:
    def append(
        self: Any, other: Any, ignore_index: bool = False, verify_integrity: bool = False, sort: bool = False
    ) -> Any:
        """Rows of another frame, or a row, below the own ones (a new frame)."""
        if isinstance(other, (dict, pandas.Series)):
            row = pandas.Series(other)
            if not ignore_index and row.name is None:
                raise TypeError("Can only append a Series if ignore_index=True or if the Series has a name")
            other = row.to_frame().T.infer_objects()
        elif isinstance(other, list) and other and not isinstance(other[0], pandas.DataFrame):
            other = pandas.DataFrame(other)
        rows = other if isinstance(other, (list, tuple)) else [other]
        return pandas.concat([self, *rows], ignore_index=ignore_index, verify_integrity=verify_integrity, sort=sort)

    return append


def _append_values(pandas: ModuleType) -> Callable[..., Any]:
    def append(self: Any, to_append: Any, ignore_index: bool = False, verify_integrity: bool = False) -> Any:
        """Values of other series below the own ones (a new series)."""
        more = to_append if isinstance(to_append, (list, tuple)) else [to_append]
        return pandas.concat([self, *more], ignore_index=ignore_index, verify_integrity=verify_integrity)

    return append


def _filling(native: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(native)
    def fillna(self: Any, value: Any = None, *, method: str | None = None, **kwargs: Any) -> Any:
        if method is None:
            return native(self, value, **kwargs)
        if method not in _FILLS:
            raise ValueError(f"Invalid fill method. Expecting pad (ffill) or backfill (bfill). Got {method}")
        return getattr(self, _FILLS[method])(**kwargs)

    signature = inspect.signature(native)
    extra = inspect.Parameter("method", inspect.Parameter.KEYWORD_ONLY, default=None)
    own = list(signature.parameters.values())
    fillna.__signature__ = signature.replace(parameters=[*own[:2], extra, *own[2:]])  # type: ignore[attr-defined]
    return fillna


def _reading(native: Callable[..., Any]) -> Callable[..., Any]:
    known = inspect.signature(native).parameters

    @functools.wraps(native)
    def read(*args: Any, **kwargs: Any) -> Any:
        gone = {name: kwargs.pop(name) for name in _READING if name in kwargs and name not in known}
        if gone.get("delim_whitespace"):
            kwargs["sep"] = r"\s+"
        if gone.get("error_bad_lines") is False:
            kwargs.setdefault("on_bad_lines", "warn" if gone.get("warn_bad_lines", True) else "skip")
        found = native(*args, **kwargs)
        return found.squeeze("columns") if gone.get("squeeze") else found

    return read


_READING = ("delim_whitespace", "error_bad_lines", "infer_datetime_format", "squeeze", "warn_bad_lines")
"""Arguments that ``read_csv`` had."""
