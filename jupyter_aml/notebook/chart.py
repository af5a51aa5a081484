"""A metric's series as a drawing: inline SVG that takes its colours from the page's theme."""

from __future__ import annotations

import math
from collections.abc import Sequence

from jupyter_aml.store.records import Sampled
from jupyter_aml.tracking import html

WIDTH, HEIGHT = 320, 150
LEFT, RIGHT, TOP, BOTTOM = 46, 8, 8, 20
BUCKETS = WIDTH - LEFT - RIGHT
"""Horizontal places of a chart: more need not be read."""


def svg(series: Sampled) -> str:
    """Draw the last values as a line, the extremes as a band where one place stands for several points.

    What is no finite number is a gap. Without any finite value there is nothing to draw: "".
    """
    points = [
        (float(x), float(last), float(low), float(high))
        for x, last, low, high in zip(series.steps, series.last, series.min, series.max, strict=False)
    ]
    finite = [point for point in points if math.isfinite(point[2]) and math.isfinite(point[3])]
    if not finite:
        return ""
    across = _Scale(finite[0][0], finite[-1][0], LEFT, WIDTH - RIGHT)
    up = _Scale(min(p[2] for p in finite), max(p[3] for p in finite), HEIGHT - BOTTOM, TOP, room=0.04)
    parts = [_axes(across, up, finite[0][0], finite[-1][0])]
    for piece in _pieces(points):
        line = [(across(x), up(last if math.isfinite(last) else (low + high) / 2)) for x, last, low, high in piece]
        if any(high > low for _, _, low, high in piece):
            edge = [(across(x), up(high)) for x, _, _, high in piece]
            edge += [(across(x), up(low)) for x, _, low, _ in reversed(piece)]
            parts.append(f'<polygon class="aml-band" points="{_text(edge)}"/>')
        if len(line) == 1:
            parts.append(f'<circle class="aml-dot" cx="{line[0][0]:.1f}" cy="{line[0][1]:.1f}" r="2.5"/>')
        else:
            parts.append(f'<polyline class="aml-line" points="{_text(line)}"/>')
    label = (
        f"{series.name}: {series.total} points from {html.number(min(p[2] for p in finite))} "
        f"to {html.number(max(p[3] for p in finite))}"
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(label)}">'
        f"<title>{html.escape(label)}</title>{''.join(parts)}</svg>"
    )


class _Scale:
    """From values to places, both ends included. Written so that no pair of floats overflows."""

    def __init__(self, low: float, high: float, start: float, stop: float, room: float = 0.0) -> None:
        if low == high:
            pad = abs(low) * 0.05 or 0.5
            low, high = low - pad, high + pad
        self.low, self.high = low, high
        self._unit = max(abs(low), abs(high))
        self._start, self._stop, self._room = start, stop, room

    def __call__(self, value: float) -> float:
        unit = self._unit
        share = (value / unit - self.low / unit) / ((self.high / unit - self.low / unit) or 1.0)
        return self._start + (self._stop - self._start) * (self._room + share * (1 - 2 * self._room))


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers between two values, about `count` of them."""
    span = high - low
    if not math.isfinite(span) or span <= 0 or span < max(abs(low), abs(high)) * 1e-12:
        return [low, high] if low != high else [low]
    raw = span / count
    power = 10.0 ** math.floor(math.log10(raw))
    if not power:  # denormal numbers
        return [low, high]
    step = next(power * nice for nice in (1, 2, 2.5, 5, 10) if power * nice >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)][: 2 * count + 2]


def _axes(across: _Scale, up: _Scale, first: float, last: float) -> str:
    parts = []
    for value in ticks(up.low, up.high):
        y = up(value)
        parts.append(f'<line class="aml-grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 4}" y="{y + 3:.1f}" text-anchor="end">{_label(value)}</text>')
    y = HEIGHT - 6
    parts.append(f'<text x="{across(first):.1f}" y="{y}" text-anchor="start">{_label(first)}</text>')
    if last != first:
        parts.append(f'<text x="{across(last):.1f}" y="{y}" text-anchor="end">{_label(last)}</text>')
    return "".join(parts)


def _label(value: float) -> str:
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    return f"{value:.3g}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")


def _pieces(points: Sequence[tuple[float, float, float, float]]) -> list[list[tuple[float, float, float, float]]]:
    """Stretches without a gap."""
    found: list[list[tuple[float, float, float, float]]] = [[]]
    for point in points:
        if math.isfinite(point[2]) and math.isfinite(point[3]):
            found[-1].append(point)
        elif found[-1]:
            found.append([])
    return [piece for piece in found if piece]


def _text(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
