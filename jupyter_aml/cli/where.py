"""``metrics.acc>0.9``: conditions as one types them in a shell."""

from __future__ import annotations

import json
import re
from typing import Any

from jupyter_aml.errors import FilterException
from jupyter_aml.store.records import Condition

_SYMBOL = re.compile(r"\s*(==|!=|<=|>=|=|<|>)\s*")
_WORD = re.compile(r"\s+(contains|in)\s+", re.IGNORECASE)
_TEXT_FIELDS = frozenset({"status", "type", "name", "user", "host", "description", "id", "parent", "experiment"})


def parse(text: str) -> Condition:
    """``field op value``: op is one of ``= == != < <= > >= contains in``; value is a number, a text (quoted or not), true,
    false, null, or for `in` a list ``a,b,c`` or JSON list.

    Raises:
        FilterException: no operator, no field or no value.
    """
    found = sorted([m for m in (_SYMBOL.search(text), _WORD.search(text)) if m], key=lambda match: match.start())
    if not found or not text[: found[0].start()].strip():
        raise FilterException(
            f"{text!r} is no condition. Write FIELD OP VALUE, such as 'metrics.acc>0.9', 'params.lr=0.1', "
            "'name contains base' or 'status in Failed,Canceled'."
        )
    split = found[0]
    field, op, rest = text[: split.start()].strip(), split.group(1).lower(), text[split.end() :].strip()
    op = "=" if op == "==" else op
    if not rest:
        raise FilterException(f'{text!r} has no value after {op!r}; for an empty text write "", for none null.')
    textual = field in _TEXT_FIELDS or op == "contains"
    if op == "in":
        return Condition(field, "in", _list(rest, textual))
    return Condition(field, op, _value(rest, textual))  # type: ignore[arg-type]


def _list(text: str, textual: bool) -> list[Any]:
    if text.startswith("["):
        try:
            given = json.loads(text)
        except ValueError as error:
            raise FilterException(f"{text!r} is not a JSON list: {error}.") from None
        return list(given)
    return [_value(part.strip(), textual) for part in text.strip("()").split(",")]


def _value(text: str, textual: bool) -> Any:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    if text == "null":
        return None
    if textual:
        return text
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text
