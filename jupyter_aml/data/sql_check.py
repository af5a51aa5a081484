"""Queries of users: one statement that reads, whatever database reads it."""

from __future__ import annotations

import re
from typing import Any

from jupyter_aml.errors import UserErrorException

_READS = frozenset({"select", "with", "values", "table"})
_WRITES = frozenset(
    {"alter", "create", "delete", "drop", "exec", "execute", "insert", "into", "merge", "truncate", "update"}
)
"""Words that no reading statement has, unless they are quoted."""


_PLAIN, _ESCAPED = r"'(?:[^']|'')*'", r"'(?:[^'\\]|''|\\.)*'"
_NAMED, _ESCAPED_NAMED = r'"(?:[^"]|"")*"', r'"(?:[^"\\]|""|\\.)*"'
_DOLLARS = r"(\$\w*\$).*?\1|"


def _lexer(strings: str) -> re.Pattern[str]:
    return re.compile(rf"--[^\n]*|/\*.*?\*/|{strings}|`[^`]*`|;|\w+|\s+|.", re.DOTALL | re.IGNORECASE)


_LEXERS = [
    _lexer(f"{_PLAIN}|{_NAMED}"),  # the standard
    _lexer(f"{_ESCAPED}|{_ESCAPED_NAMED}"),  # MySQL
    _lexer(rf"{_DOLLARS}\be{_ESCAPED}|{_PLAIN}|{_NAMED}"),  # PostgreSQL
    _lexer(f"{_DOLLARS}{_ESCAPED}|{_NAMED}"),  # PostgreSQL as it may be set
]
"""Databases do not agree on what a backslash and a dollar mean: a statement has to read in each of these ways."""


def check_query(query: Any, backend: str = "") -> str:
    """A query, if it is one statement that reads.

    Raises:
        UserErrorException: no text, several statements, or one that does something else than to select.
    """
    if not isinstance(query, str) or not query.strip() or "\0" in query:
        raise UserErrorException("A query is a text, as in 'SELECT * FROM t'.")
    for lexer in _LEXERS:
        _check_words(lexer, query, backend)
    return query.strip().rstrip(";").rstrip()


def _check_words(lexer: re.Pattern[str], query: str, backend: str) -> None:
    words: list[str] = []
    ended = False
    for match in lexer.finditer(query):
        token = match.group().lower()
        if token.startswith("/*") and ("/*" in token[2:] or token.startswith("/*!")):
            raise UserErrorException("A query has no comments within comments, and none that a database obeys.")
        if token == "#" and backend in ("mysql", "mariadb"):
            raise UserErrorException("A query has no # in it: write comments with --.")
        if token.isspace() or token.startswith(("--", "/*")):
            continue
        if token == ";":
            ended = True
            continue
        if ended:
            raise UserErrorException("A query is one statement: there is something behind its semicolon.")
        if token in _WRITES and words[-1:] != ["."]:
            raise UserErrorException(
                f"A query only reads: it has no {token.upper()}. (A column of that name is written in quotes.)"
            )
        words.append(token)
    first = next((word for word in words if word != "("), "")
    if first not in _READS:
        raise UserErrorException(
            f"A query begins with SELECT, WITH, VALUES or TABLE, not with {first[:30]!r}: datastores are only read."
        )
