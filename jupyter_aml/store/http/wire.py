"""Arguments and answers of the contract as JSON between two of our own: records, columns, NaN and whole numbers come back as they went.

REST for everybody is another thing (`server/wire.py`): there NaN is text, since other parsers know no NaN.
"""

from __future__ import annotations

import base64
import json
import sys
from array import array
from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any

from jupyter_aml.store import records
from jupyter_aml.store.codec import decode, encode, to_plain
from jupyter_aml.store.events import Batch
from jupyter_aml.store.shapes import mistyped

MEDIA_TYPE = "application/vnd.jupyter-aml.store+json"
READS = frozenset(
    {
        "applied", "experiments", "experiment", "run", "runs", "open_runs", "metrics", "series", "sampled", "files", "text",
        "snapshot", "referenced", "changes", "activity", "last_change", "settings", "about",
        "asset", "assets", "asset_names", "links", "job", "jobs", "silent", "check",
    }
)  # fmt: skip
"""Methods of the contract that change nothing."""
WRITES = frozenset(
    {
        "put_asset", "change_asset", "delete_asset",
        "put_job", "claim_job", "beat", "requeue_job", "end_job", "requeue_stale", "claim_answer", "settle_answer",
    }
)  # fmt: skip
"""Methods that change something at once, since their caller needs the answer (a version, a claim)."""

_RECORDS = {name: value for name, value in vars(records).items() if isinstance(value, type) and is_dataclass(value)}
_PLAIN = frozenset({str, int, float, bool, type(None)})
_KIND = "$"


def dumps(value: Any) -> bytes:
    """A value of the contract as JSON, in ASCII."""
    return json.dumps(_out(value), separators=(",", ":")).encode("ascii")


def loads(data: bytes) -> Any:
    """The value again.

    Raises:
        ValueError: it is none.
    """
    try:
        return _in(json.loads(data))
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a value of the store: {error}") from error


def _out(value: Any) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if isinstance(value, array):
        return {_KIND: "array", "code": value.typecode, "value": base64.b64encode(_little(value)).decode("ascii")}
    if isinstance(value, (list, tuple, set, frozenset)):
        plain = list(value)
        if len(plain) > 16 and isinstance(plain[0], str) and plain.count(plain[0]) == len(plain):  # origins of a series
            return {_KIND: "same", "value": plain[0], "count": len(plain)}
        return plain if _PLAIN.issuperset(map(type, plain)) else [_out(one) for one in plain]
    if isinstance(value, Mapping):
        plain_dict = {key: _out(one) for key, one in value.items()}
        return {_KIND: "dict", "value": plain_dict} if _KIND in plain_dict else plain_dict
    if kind.__name__ in _RECORDS:
        return {_KIND: kind.__name__, **{name: _out(one) for name, one in to_plain(value).items()}}
    if hasattr(value, "tolist"):
        return _out(value.tolist())
    raise TypeError(f"{kind.__name__} is nothing that the store tells")


def _little(column: array[Any]) -> array[Any]:
    """The column with its bytes in the wire's order, or back."""
    if sys.byteorder == "big":  # pragma: no cover
        column = column[:]
        column.byteswap()
    return column


def _in(value: Any) -> Any:
    if isinstance(value, list):
        return value if _PLAIN.issuperset(map(type, value)) else [_in(one) for one in value]
    if not isinstance(value, dict):
        return value
    kind = value.pop(_KIND, None)
    if kind == "array":
        return _little(array(value["code"], base64.b64decode(value["value"])))
    if kind == "same":
        return [value["value"]] * min(int(value["count"]), 10_000_000)
    if kind == "dict":
        return {key: _in(one) for key, one in value["value"].items()}
    fields = {key: _in(one) for key, one in value.items()}
    if kind is None:
        return fields
    if kind in ("SnapshotRecord", "AssetRecord") and "files" in fields:
        fields["files"] = {path: tuple(about) for path, about in fields["files"].items()}
    return _RECORDS[kind](**fields)


def pack(batch: Batch) -> bytes:
    """A batch as lines: what it is, then its events."""
    head = json.dumps({"journal": batch.journal, "first": batch.first, "count": batch.count}, separators=(",", ":"))
    return b"\n".join([head.encode("ascii"), *map(encode, batch.events)])


def unpack(data: bytes) -> Batch:
    """The batch again.

    Raises:
        ValueError: it is none.
    """
    head, *events = data.split(b"\n")
    about = json.loads(head)
    if not isinstance(about, dict) or not isinstance(about.get("journal"), str) or not 0 < len(about["journal"]) <= 200:
        raise ValueError("not a batch: it names no journal")
    if not all(type(about.get(name)) is int and about[name] >= 0 for name in ("first", "count")):
        raise ValueError("not a batch: first and count are whole numbers")
    found = [decode(e) for e in events]
    for number, event in enumerate(found):
        why = mistyped(event)
        if why:
            raise ValueError(f"event {number} ({event.tag}) {why}")
    return Batch(journal=about["journal"], first=about["first"], count=about["count"], events=found)
