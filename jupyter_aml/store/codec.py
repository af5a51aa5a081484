"""Events as JSON and back: the form they have in a journal and on the wire."""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping
from dataclasses import MISSING, fields
from functools import cache
from typing import Any, get_args

from jupyter_aml.store.events import AssetPut, Event, RunCreated, SnapshotTaken
from jupyter_aml.store.records import AssetRecord, RunRecord, SnapshotRecord

_BY_TAG: dict[str, Any] = {cls.tag: cls for cls in get_args(Event)}
_NESTED: dict[str, tuple[str, Any]] = {
    RunCreated.tag: ("run", RunRecord),
    SnapshotTaken.tag: ("snapshot", SnapshotRecord),
    AssetPut.tag: ("asset", AssetRecord),
}


@cache
def _shape(cls: type) -> tuple[tuple[str, Any], ...]:
    """Field names of a record with their defaults (what equals its default is not written)."""
    shape = []
    for f in fields(cls):  # type: ignore[arg-type]
        default = f.default_factory() if f.default_factory is not MISSING else f.default
        shape.append((f.name, default))
    return tuple(shape)


def to_plain(record: Any) -> dict[str, Any]:
    """A record as the dict of what differs from its defaults."""
    plain = {}
    for name, default in _shape(type(record)):  # type: ignore[arg-type]
        value = getattr(record, name)
        if isinstance(value, array):
            value = value.tolist()
        elif isinstance(value, (tuple, set, frozenset)):
            value = list(value)
        elif isinstance(value, Mapping) and type(value) is not dict:
            value = dict(value)
        if type(default) is type(MISSING) or value != default:
            plain[name] = value
    return plain


def encode(event: Event) -> bytes:
    """An event as JSON (ASCII, so that even a lone surrogate survives).

    Raises:
        TypeError: it holds something that JSON cannot say.
    """
    nested = _NESTED.get(event.tag)
    plain = {nested[0]: to_plain(getattr(event, nested[0]))} if nested else to_plain(event)
    return json.dumps({"t": event.tag, **plain}, separators=(",", ":")).encode("ascii")


def decode(data: bytes) -> Event:
    """The event that was encoded. Fields that this version does not know are left out.

    Raises:
        ValueError: not an event.
    """
    plain = json.loads(data)
    try:
        tag = plain.pop("t")
        cls = _BY_TAG[tag]
        if tag in _NESTED:
            name, record = _NESTED[tag]
            return cls(**{name: _build(record, plain[name])})  # type: ignore[no-any-return]
        return _build(cls, plain)  # type: ignore[no-any-return]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not an event: {error}") from error


def _build(cls: Any, plain: dict[str, Any]) -> Any:
    known = {name for name, _ in _shape(cls)}
    return cls(**{key: value for key, value in plain.items() if key in known})
