"""How answers look: JSON for programs; aligned tables, times and marks for people."""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
import time
import unicodedata
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import click

MARKS = {"Completed": "✓", "Failed": "✗", "Canceled": "⊘", "Running": "●", "Queued": "◷", "NotStarted": "○"}
COLOURS = {"Completed": "green", "Failed": "red", "Canceled": "yellow", "Running": "blue", "CancelRequested": "yellow"}
GAP = 2
UNCUT = 80
"""Columns that are not cut are aligned up to this width."""


# -- JSON ------------------------------------------------------------------------------------------------------------
def plain(value: Any) -> Any:
    """A record, or anything made of records, as what JSON knows; NaN and infinities become text."""
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


def write_json(value: Any) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(plain(value), indent=2, allow_nan=False))


# -- the terminal ----------------------------------------------------------------------------------------------------
def coloured(stream: Any = None) -> bool:
    """Whether to use colour: only on a terminal, and not under NO_COLOR."""
    stream = stream or sys.stdout
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and bool(stream.isatty())


def paint(text: str, colour: str | None = None, **style: Any) -> str:
    """Text in a colour, where colours are used."""
    return click.style(text, fg=colour, **style) if coloured() else text


def columns() -> int | None:
    """Width of the terminal; None where the output goes to a file or pipe, which is not cut."""
    if "COLUMNS" in os.environ or sys.stdout.isatty():
        return shutil.get_terminal_size().columns
    return None


def _speaks(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def hint(command: str) -> None:
    """The command to type next, on standard error and only for a person at a terminal."""
    if sys.stderr.isatty() or os.environ.get("AML_HINTS"):
        text = f"Next: {command}"
        click.echo(click.style(text, dim=True) if coloured(sys.stderr) else text, err=True)


def clean(text: Any) -> str:
    """Text that is safe on one line of a terminal: control characters are shown, not obeyed."""
    return "".join(c if not unicodedata.category(c).startswith("C") or c == "\u200d" else _shown(c) for c in str(text))


def _shown(character: str) -> str:
    return {"\n": "↵", "\t": " "}.get(character, f"\\x{ord(character):02x}")


def width(text: str) -> int:
    """Cells that a text takes: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def shorten(text: str, cells: int) -> str:
    """The text in at most so many cells."""
    if width(text) <= cells:
        return text
    kept, used = [], 0
    for character in text:
        used += width(character)
        if used > max(cells - 1, 0):
            break
        kept.append(character)
    return "".join(kept) + ("…" if _speaks("…") else "~")[: max(cells, 0)]


def table(
    heads: Sequence[str], rows: Sequence[Sequence[Any]], *, right: Sequence[str] = (), keep: Sequence[str] = ()
) -> None:
    """Print an aligned table that fits the terminal.

    Args:
        heads: names of the columns.
        rows: their cells; a cell may be a `Status`.
        right: columns of numbers, which are aligned to the right.
        keep: columns that are never shortened.
    """
    texts = [[cell.text if isinstance(cell, Status) else clean(cell) for cell in row] for row in rows]
    used = [i for i in range(len(heads)) if any(row[i] for row in texts) or not rows]
    widths = {i: max([width(heads[i]), *(width(row[i]) for row in texts)]) for i in used}
    room = columns()
    if room is None:  # a long text takes its own line's place only
        widths = {i: min(wide, max(width(heads[i]), UNCUT)) for i, wide in widths.items()}
    while room and sum(widths.values()) + GAP * (len(used) - 1) > room:
        wide = [i for i in used if heads[i] not in keep and widths[i] > 8]
        if not wide:
            break
        widths[max(wide, key=lambda i: widths[i])] -= 1

    def line(cells: Sequence[str], styled: Sequence[Any]) -> str:
        parts = []
        for i in used:
            text = shorten(cells[i], widths[i]) if room else cells[i]
            space = " " * (widths[i] - width(text))
            shown = styled[i].painted(text) if isinstance(styled[i], Status) else text
            parts.append(space + shown if heads[i] in right else shown + space)
        return (" " * GAP).join(parts).rstrip()

    head = line(list(heads), heads)
    click.echo(paint(head, bold=True))
    for row, styled in zip(texts, rows, strict=True):
        click.echo(line(row, styled))


def facts(found: Mapping[str, Any]) -> None:
    """Print names and values, one a line; empty ones are left out."""
    shown = {name: value for name, value in found.items() if value not in (None, "", [])}
    most = max(map(len, shown), default=0)
    for name, value in shown.items():
        text = value.painted(value.text) if isinstance(value, Status) else clean(value)
        click.echo(f"{paint(name.ljust(most), dim=True)}  {text}")


def title(text: str, note: str = "") -> None:
    """Print the head of a part."""
    click.echo(f"\n{paint(text, bold=True)}{f'  {note}' if note else ''}")


# -- values ----------------------------------------------------------------------------------------------------------
class Status:
    """A run's status with its sign, painted where colours are used."""

    def __init__(self, name: str) -> None:
        self.name = name
        mark = MARKS.get(name, "◌")
        self.text = f"{mark} {clean(name)}" if _speaks(mark) else clean(name)

    def painted(self, text: str) -> str:
        """The (perhaps shortened) text in the status's colour."""
        return paint(text, COLOURS.get(self.name))


def number(value: Any) -> str:
    """A metric's value, short."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value) if not isinstance(value, (dict, list)) else json.dumps(plain(value), ensure_ascii=False)


def size(count: int) -> str:
    """Bytes as people read them."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def ago(at: float | None, now: float | None = None) -> str:
    """How long ago; a date beyond a month."""
    if not at:
        return ""
    seconds = (time.time() if now is None else now) - at
    if seconds < 0 or seconds > 30 * 86400:
        return time.strftime("%Y-%m-%d", time.localtime(at))
    for limit, unit, name in ((60, 1, "s"), (3600, 60, "min"), (86400, 3600, "h")):
        if seconds < limit:
            return f"{int(seconds // unit)} {name} ago"
    days = int(seconds // 86400)
    return f"{days} day{'s' if days > 1 else ''} ago"


def moment(at: float | None) -> str:
    """A time of the clock, with how long ago that was."""
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(at))} ({ago(at)})" if at else ""
