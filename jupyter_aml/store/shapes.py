"""What came from elsewhere is looked at before a store takes it: whether its values have the types that they should have.

The types are the annotations of events, records and the contract's methods; nothing is described a second time.
"""

from __future__ import annotations

import inspect
import math
import types
import typing
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Literal, Union

from jupyter_aml.store.events import Points

Check = Callable[[Any], bool]
_BITS = range(-(2**63), 2**63)


def mistyped(value: Any) -> str:
    """What is wrong with the types within an event or a record; "" for nothing."""
    for name, hint, fits in _fields(type(value)):  # type: ignore[arg-type]
        found = getattr(value, name)
        if not fits(found):
            return f"has a {name} that is no {_shown(hint)}"
    return "holds points that are none" if isinstance(value, Points) and not _are_points(value) else ""


def misfit(method: Callable[..., Any], arguments: Mapping[str, Any]) -> str:
    """What is wrong with the types of a method's arguments; "" for nothing.

    Args:
        method: as its class has it.
        arguments: name → value.
    """
    hints = _hints(method)
    for name, value in arguments.items():
        if name in hints and not _check(hints[name])(value):
            why = mistyped(value) if is_dataclass(value) and not isinstance(value, type) else ""
            return f"{name} {why or f'is no {_shown(hints[name])}'}"
    return ""


def _are_points(points: Points) -> bool:
    """Whether the columns are some: in few calls, since there may be many points."""
    columns = (points.steps, points.times, points.values)
    if not all(isinstance(column, (list, tuple, array)) for column in columns):
        return False
    if len(set(map(len, columns))) != 1:
        return False
    if not columns[0]:
        return True
    kinds = set(map(type, points.times))
    if not set(map(type, points.steps)) <= {int} or not kinds <= {int, float}:
        return False
    whole = [time for time in points.times if type(time) is int] if int in kinds else []
    return all(number in _BITS for number in (min(points.steps), max(points.steps), *whole))


@cache
def _hints(owner: Any) -> dict[str, Any]:
    return typing.get_type_hints(owner, localns={"array": list})  # which takes no types before Python 3.12


@cache
def _fields(cls: type) -> tuple[tuple[str, Any, Check], ...]:
    hints = _hints(cls)
    columns = ("steps", "times", "values") if cls is Points else ()
    named = [f.name for f in fields(cls) if f.name not in columns]  # type: ignore[arg-type]
    return tuple((name, hints[name], _check(hints[name])) for name in named)


@cache
def _check(hint: Any) -> Check:
    """A function that says whether a value is what the annotation says."""
    plain = _PLAIN.get(hint)
    if plain is not None:
        return plain
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        several = [_check(one) for one in inner]
        return lambda value: any(fits(value) for fits in several)
    if origin is Literal:
        return lambda value: isinstance(value, str) and value in inner
    if origin is tuple and Ellipsis not in inner:
        each = [_check(one) for one in inner]
        return lambda value: (
            isinstance(value, (list, tuple))
            and len(value) == len(each)
            and all(fits(one) for fits, one in zip(each, value, strict=True))
        )
    if isinstance(origin, type) and issubclass(origin, Mapping):
        fits = _check(inner[1])
        return lambda value: (
            isinstance(value, Mapping) and set(map(type, value)) <= {str} and all(map(fits, value.values()))
        )
    if isinstance(origin, type) and issubclass(origin, Sequence):
        fits = _check(inner[0])
        return lambda value: isinstance(value, (list, tuple)) and all(map(fits, value))
    if is_dataclass(hint):
        return lambda value: type(value) is hint and not mistyped(value)
    raise TypeError(f"{hint!r} cannot be looked at")


_PLAIN: dict[Any, Check] = {
    Any: lambda value: True,
    str: lambda value: type(value) is str,
    bool: lambda value: type(value) is bool,
    int: lambda value: type(value) is int and value in _BITS,
    float: lambda value: (type(value) is float and math.isfinite(value)) or (type(value) is int and value in _BITS),
    type(None): lambda value: value is None,
}


def _shown(hint: Any) -> str:
    return inspect.formatannotation(hint).replace("jupyter_aml.store.", "").replace("collections.abc.", "")


__all__ = ["misfit", "mistyped"]
