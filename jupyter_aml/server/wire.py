"""Records as JSON that every parser takes: NaN and infinities become text."""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any


def plain(value: Any) -> Any:
    """A record, or anything made of records, as what JSON knows."""
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if value is None or isinstance(value, (str, int)):
        return value
    if is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, array, set, frozenset)):
        return [plain(inner) for inner in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return str(value)


def text(value: Any) -> str:
    """As JSON text; a lone surrogate is escaped."""
    try:  # a page of runs has thirty thousand values: what JSON knows is not looked at one by one
        return json.dumps(value, default=_shallow, allow_nan=False, separators=(",", ":"))
    except (ValueError, TypeError):  # NaN, infinities, keys that are no text
        return json.dumps(plain(value), allow_nan=False, separators=(",", ":"))


_NAMES: dict[type, list[str]] = {}


def _shallow(value: Any) -> Any:
    """What JSON does not know, as something nearer to it."""
    kind = type(value)
    names = _NAMES.get(kind)
    if names is None and is_dataclass(kind):
        names = _NAMES[kind] = [field.name for field in fields(kind)]
    if names is not None:
        return {name: getattr(value, name) for name in names}
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, (array, set, frozenset)) else plain(value)
