"""Filters as people write them: ``metrics.accuracy > 0.9 and not status = Failed``. The grammar is docs/filters.md.

A tokenizer with one regular expression and a recursive descent over its tokens: both take linear time, and the limits below
are looked at on the way, so that no text makes them work long.
"""

from __future__ import annotations

import difflib
import math
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Literal, NamedTuple, NoReturn

from jupyter_aml.errors import FilterException
from jupyter_aml.store.records import (
    ATTRIBUTE_SPACES,
    NUMBER_FIELDS,
    TEXT_FIELDS,
    TIME_FIELDS,
    And,
    Condition,
    Filter,
    Json,
    Not,
    Operator,
    Or,
)
from jupyter_aml.store.statuses import spelt

MAX_TEXT = 10_000
"""Characters of a filter."""
MAX_NESTING = 50
"""Parentheses and nots within each other."""
MAX_CONDITIONS = 500
MAX_VALUES = 1_000
"""Values of one list."""

KEYWORDS = frozenset({"and", "or", "not", "in", "contains", "is", "null", "true", "false"})
SUFFIXES = (".last", ".min", ".max")
SYMBOLS: dict[str, Operator] = {"=": "=", "==": "=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
FIELDS = (
    *TEXT_FIELDS, *TIME_FIELDS, *NUMBER_FIELDS, "metrics.<name>[.last|.min|.max]", *(f"{s}.<name>" for s in ATTRIBUTE_SPACES)
)  # fmt: skip

_BARE = r"[+-]?\.?\w[\w.:@+/-]*"
_TOKEN = re.compile(
    rf"""\s*(?: (?P<bare>{_BARE}) | (?P<text>"[^"]*(?:""[^"]*)*"|'[^']*(?:''[^']*)*')
            | (?P<symbol>==|!=|<=|>=|[=<>(),]) | (?P<odd>\S) | \Z )""",
    re.VERBOSE,
)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?inf(?:inity)?", re.IGNORECASE)
_SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhdw])", re.IGNORECASE)
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6})[0-9]*)?)?)?"
    r"(?:([Zz])|([+-])([0-9]{2}):?([0-9]{2}))?"
)
_PLAIN = re.compile(r"[\w.:@+/-]*[\w:@+/-]")

Kind = Literal["text", "time", "duration", "number", "metric", "attribute"]
_VALUES: dict[Kind, str] = {
    "text": "a text (in quotes if it has more than letters, digits and _ . - + : / @)",
    "time": "a time such as 2026-11-01, 2026-11-01T12:00+01:00 or ago(2d)",
    "duration": "a duration such as 90s, 5m or 1.5h",
    "number": "a number",
    "metric": "a number",
    "attribute": "a number, a text, true or false",
}
_OPERATORS = "an operator (= != < <= > >= contains, in, not in, is null, is not null)"
_CONDITION = "a condition such as metrics.acc > 0.9, 'not' or '('"


def parse(text: str, now: float | None = None) -> Filter:
    """The filter that a text says.

    Args:
        now: what ``ago(…)`` counts from; this moment by default.

    Raises:
        FilterException: it cannot be read, or is too large; it says where, and what was expected there.
    """
    if len(text) > MAX_TEXT:
        raise FilterException(f"The filter has {len(text):,} characters; at most {MAX_TEXT:,} are taken.")
    return _Parser(text, time.time() if now is None else now).whole()


def write(filter: Filter) -> str:
    """The text that `parse` reads as this filter.

    Raises:
        FilterException: no text says it (an empty And, nothing in a list).
    """
    return _write(filter, 0)


def split_metric(name: str) -> tuple[str, str]:
    """(name of the metric, which of its values) of what follows ``metrics.``; "" where it does not say which."""
    for suffix in SUFFIXES:
        if name.endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)], suffix
    return name, ""


# -- tokens ------------------------------------------------------------------------------------------------------
class _Token(NamedTuple):
    kind: str
    """bare, text (quoted), symbol, odd (no token begins so), end"""
    text: str
    """As written; of a quoted text, what is between the quotes."""
    at: int
    stop: int

    @property
    def word(self) -> str:
        """The keyword or symbol that it is; "" for everything else."""
        if self.kind == "symbol":
            return self.text
        lower = self.text.lower() if self.kind == "bare" else ""
        return lower if lower in KEYWORDS else ""

    @property
    def shown(self) -> str:
        """As messages name it."""
        if self.kind == "end":
            return "the end"
        if self.kind == "odd" and self.text in "\"'":
            return "a quote that is not closed"
        return repr(self.text if len(self.text) <= 40 else self.text[:40] + "…")


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while match := _TOKEN.match(text, at):
        kind = match.lastgroup
        if kind is None:
            break
        at = match.end()
        said = match.group(kind)
        if kind == "text":
            said = said[1:-1].replace(said[0] * 2, said[0])
        found.append(_Token(kind, said, match.start(kind), at))
        if kind == "odd":
            break
    return [*found, _Token("end", "", len(text), len(text))]


# -- the descent -------------------------------------------------------------------------------------------------
class _Parser:
    """Each method reads one rule of the grammar and leaves off behind it."""

    def __init__(self, text: str, now: float) -> None:
        self.text = text
        self.now = now
        self.tokens = _tokens(text)
        self.next = 0
        self.depth = 0
        self.conditions = 0

    @property
    def token(self) -> _Token:
        return self.tokens[self.next]

    def take(self) -> _Token:
        token = self.token
        self.next += token.kind != "end"
        return token

    def took(self, word: str) -> bool:
        """Whether the next token is this keyword or symbol; then it is read."""
        found = self.token.word == word
        self.next += found
        return found

    def refuse(self, token: _Token, problem: str) -> NoReturn:
        raise FilterException(
            f"The filter cannot be read at character {token.at + 1}: {problem}\n{_excerpt(self.text, token.at)}",
            position=token.at,
        )

    def expected(self, what: str, token: _Token | None = None, hint: str = "") -> NoReturn:
        token = token or self.token
        self.refuse(token, f"expected {what}, found {token.shown}.{' ' + hint if hint else ''}")

    @contextmanager
    def nested(self, token: _Token) -> Iterator[None]:
        self.depth += 1
        if self.depth > MAX_NESTING:
            self.refuse(token, f"more than {MAX_NESTING} parentheses and nots within each other.")
        yield
        self.depth -= 1

    def whole(self) -> Filter:
        found = self.either()
        if self.token.kind != "end":
            hint = "Texts with blanks need quotes." if self.token.kind == "bare" else ""
            self.expected("'and', 'or' or the end", hint=hint)
        return found

    def either(self) -> Filter:
        parts = [self.both()]
        while self.took("or"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def both(self) -> Filter:
        parts = [self.negated()]
        while self.took("and"):
            parts.append(self.negated())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def negated(self) -> Filter:
        token = self.token
        if self.took("not"):
            with self.nested(token):
                return Not(self.negated())
        if self.took("("):
            with self.nested(token):
                found = self.either()
            if not self.took(")"):
                self.expected("'and', 'or' or ')'")
            return found
        return self.condition()

    def condition(self) -> Filter:
        self.conditions += 1
        if self.conditions > MAX_CONDITIONS:
            self.refuse(self.token, f"more than {MAX_CONDITIONS} conditions.")
        field, kind = self.field()
        token = self.take()
        if token.word == "is":
            op: Operator = "!=" if self.took("not") else "="
            if not self.took("null"):
                self.expected("'null' or 'not null'" if op == "=" else "'null'")
            return Condition(field, op, None)
        negated = token.word == "not"
        if negated:
            token = self.take()
        found: Filter
        if token.word == "in":
            found = Condition(field, "in", self.values(field, kind))
        elif token.word == "contains":
            if kind not in ("text", "attribute"):
                self.refuse(token, f"contains looks in texts, and {_cut(field)} is {_VALUES[kind].split(' such')[0]}.")
            found = Condition(field, "contains", self.value(field, "text", "contains"))
        elif negated:
            self.expected("'in' or 'contains'", token)
        elif token.word in SYMBOLS:
            op = SYMBOLS[token.word]
            found = Condition(field, op, self.value(field, kind, op))
        else:
            self.expected(_OPERATORS, token)
        return Not(found) if negated else found

    def field(self) -> tuple[str, Kind]:
        token = self.take()
        if token.kind != "bare" or token.word:
            hint = f'Quotes stand behind the kind: metrics."{_cut(token.text)}".' if token.kind == "text" else ""
            self.expected(_CONDITION, token, hint)
        name, quoted = token.text, self.token
        space, dot, rest = name.partition(".")
        if space not in (*ATTRIBUTE_SPACES, "metrics"):
            return name, self.column(token)
        if not rest and dot and quoted.kind == "text" and quoted.at == token.stop and quoted.text:
            self.take()
            name += quoted.text
            tail = self.token if self.token.at == quoted.stop and self.token.kind == "bare" else None
            if space == "metrics" and tail and tail.text in SUFFIXES:
                name += self.take().text
            elif tail and tail.text.startswith("."):
                self.expected(f"{', '.join(SUFFIXES)} or an operator" if space == "metrics" else "an operator", tail)
            elif space == "metrics" and split_metric(quoted.text)[1]:
                name += SUFFIXES[0]  # the whole of what is in quotes is the metric's name
        elif not rest:
            self.expected(f'a name, as in {space}.lr or {space}."val/acc (top 5)"', token)
        return name, "metric" if space == "metrics" else "attribute"

    def column(self, token: _Token) -> Kind:
        name = token.text
        if name in TEXT_FIELDS:
            return "text"
        if name in TIME_FIELDS:
            return "time"
        if name in NUMBER_FIELDS:
            return "duration" if name == "duration" else "number"
        close = difflib.get_close_matches(name[:40].lower(), (*TEXT_FIELDS, *TIME_FIELDS, *NUMBER_FIELDS), n=1)
        if not close and name[:1].isalpha():
            close = [f"metrics.{_cut(name)}"]
        hint = f" Did you mean {close[0]}?" if close else ""
        return self.refuse(token, f"a run has no field {token.shown}.{hint} There is: {', '.join(FIELDS)}.")

    # -- values ----------------------------------------------------------------------------------------------------
    def values(self, field: str, kind: Kind) -> tuple[Json, ...]:
        if not self.took("("):
            self.expected("'(' and a list of values, as in (Completed, Failed)")
        found = [self.value(field, kind, "in")]
        while self.took(","):
            if len(found) >= MAX_VALUES:
                self.refuse(self.token, f"more than {MAX_VALUES:,} values in one list.")
            found.append(self.value(field, kind, "in"))
        if not self.took(")"):
            self.expected("',' or ')'")
        return tuple(found)

    def value(self, field: str, kind: Kind, op: Operator) -> Json:
        token = self.take()
        equality = op in ("=", "!=", "in")
        if token.kind not in ("bare", "text") or (token.word and token.word not in ("true", "false")):
            hint = f"Write: {_cut(field)} is {'not ' if op == '!=' else ''}null." if token.word == "null" else ""
            self.expected(_VALUES[kind], token, hint)
        if kind == "text":
            return spelt(token.text) if field == "status" and equality else token.text
        if kind == "time":
            return self.moment(token)
        if kind == "duration":
            return self.number(token) if _NUMBER.fullmatch(token.text) else self.span(token, _VALUES[kind])
        if token.kind == "bare" and _NUMBER.fullmatch(token.text):
            return self.number(token)
        if kind == "attribute":
            if token.word and not equality:
                self.expected("a number or a text", token, "true and false are only equal or not.")
            return token.word == "true" if token.word else token.text
        if kind == "number" or token.word or not equality or split_metric(field)[1] in SUFFIXES[1:]:
            self.expected(_VALUES[kind], token)
        return token.text  # a metric of texts

    def number(self, token: _Token) -> int | float:
        value = float(token.text)
        if math.isinf(value) and "inf" not in token.text.lower():
            self.refuse(token, "the number is too big.")
        return int(token.text) if token.text.lstrip("+-").isdigit() else value

    def span(self, token: _Token, expected: str) -> float:
        match = _SPAN.fullmatch(token.text)
        if match is None:
            self.expected(expected, token)
        value = float(match[1]) * UNITS[match[2].lower()]
        if math.isinf(value):
            self.refuse(token, "the time is too long.")
        return value

    def moment(self, token: _Token) -> float:
        if token.kind == "bare" and token.text.lower() == "ago" and self.took("("):
            span = self.span(self.take(), "a time such as 90m, 2h, 3d or 1w")
            if not self.took(")"):
                self.expected("')'")
            return self.now - span
        if token.kind == "bare" and _NUMBER.fullmatch(token.text):
            return self.number(token)
        match = _TIME.fullmatch(token.text)
        if match is None or (match[4] is None and (match[8] or match[9])):
            self.expected(_VALUES["time"], token)
        year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
        offset = timedelta(hours=int(match[10] or 0), minutes=int(match[11] or 0))
        try:
            zone = timezone(-offset if match[9] == "-" else offset)
            micro = int((match[7] or "").ljust(6, "0"))
            return datetime(year, month, day, hour, minute, second, micro, zone).timestamp()
        except (ValueError, OverflowError) as error:
            self.refuse(token, f"{token.shown} is no time: {error}.")


def _cut(text: str) -> str:
    """A name as messages repeat it: short, on one line."""
    text = "".join(c if c.isprintable() else " " for c in text[:41])
    return text if len(text) <= 40 else text[:40] + "…"


def _excerpt(text: str, at: int) -> str:
    """The line around a place, and a caret below it."""
    start, stop = max(0, at - 60), at + 40
    lead, tail = "… " if start else "", " …" if stop < len(text) else ""
    line = "".join(c if c.isprintable() else " " for c in text[start:stop])
    return f"  {lead}{line}{tail}\n  {' ' * (len(lead) + at - start)}^"


# -- writing -----------------------------------------------------------------------------------------------------
def _write(filter: Filter, binding: int) -> str:
    """`binding`: how tightly what stands around holds its parts; whatever holds no tighter is put in parentheses."""
    if isinstance(filter, Condition):
        return _write_condition(filter)
    if isinstance(filter, Not):
        return f"not {_write(filter.part, 2)}"
    level, word = (2, " and ") if isinstance(filter, And) else (1, " or ")
    if not filter.parts:
        raise FilterException(f"{filter!r} has no parts; it cannot be written.")
    if len(filter.parts) == 1:
        return _write(filter.parts[0], binding)
    text = word.join(_write(part, level) for part in filter.parts)
    return f"({text})" if level <= binding else text


def _write_condition(condition: Condition) -> str:
    name, op, value = condition.field, condition.op, condition.value
    space, dot, rest = name.partition(".")
    if dot and not _PLAIN.fullmatch(rest):
        rest, suffix = split_metric(rest) if space == "metrics" else (rest, "")
        name = f"{space}.{_quoted(rest)}{suffix}"
    if value is None and op in ("=", "!="):
        return f"{name} is {'not ' if op == '!=' else ''}null"
    if op == "in":
        return f"{name} in ({', '.join(map(_write_value, value))})"
    return f"{name} {op} {_write_value(value)}"


def _write_value(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)) and value == value:
        return repr(value)
    if isinstance(value, str):
        return _quoted(value)
    raise FilterException(f"{value!r} cannot be written in a filter.")


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
