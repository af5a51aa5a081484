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
    return json.dumps(plain(value), allow_nan=False, separators=(",", ":"))
