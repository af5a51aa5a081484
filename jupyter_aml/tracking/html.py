"""Small HTML for rich displays: escaped text, no script, colours from the notebook's theme."""

from __future__ import annotations

import html
import math
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_CELL = "text-align:left;padding:2px 12px 2px 0"
_MARKS = {"Completed": "✓", "Failed": "✗", "Canceled": "⊘", "Running": "●", "Queued": "◷", "NotStarted": "○"}
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-Z\\-_]")


class Safe(str):
    """Text that is HTML already."""


def escape(value: Any, limit: int = 300) -> str:
    """Any value as safe text, shortened."""
    text = str(value)
    return html.escape(text if len(text) <= limit else text[: limit - 1] + "…")


def cell(value: Any) -> str:
    """A value as HTML: `Safe` as it is, anything else escaped."""
    return value if isinstance(value, Safe) else escape(value)


def status(name: str) -> str:
    """A status with its sign."""
    return f"{_MARKS.get(name, '◌')} {escape(name)}"


def facts(title: str, pairs: Mapping[str, Any]) -> str:
    """A titled table of names and values. Values of type `Safe` are HTML already."""
    rows = "".join(
        f'<tr><th scope="row" style="{_CELL};font-weight:600">{escape(name)}</th>'
        f'<td style="{_CELL}">{cell(value)}</td></tr>'
        for name, value in pairs.items()
    )
    return (
        f'<div><strong>{escape(title)}</strong><table style="border-collapse:collapse;margin:4px 0">'
        f"<tbody>{rows}</tbody></table></div>"
    )


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table with a head."""
    head = "".join(f'<th scope="col" style="{_CELL}">{escape(column)}</th>' for column in columns)
    body = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{cell(value)}</td>' for value in row) + "</tr>" for row in rows
    )
    return f'<table style="border-collapse:collapse"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def number(value: Any) -> str:
    """A metric's value, short."""
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "∞" if value > 0 else "−∞"
        return f"{value:.6g}"
    return str(value)


def duration(started: float | None, ended: float | None) -> str:
    """Seconds between two times as people read them; up to now while it has not ended."""
    if started is None:
        return "–"
    seconds = max(0.0, (ended if ended is not None else time.time()) - started)
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def moment(at: float | None) -> str:
    """A time of the clock, local."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at)) if at else "–"


def plain_text(text: str) -> str:
    """What a terminal would be left with: no escape codes, each line as its last carriage return left it."""
    lines = _ANSI.sub("", text).split("\n")
    return "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in lines)
