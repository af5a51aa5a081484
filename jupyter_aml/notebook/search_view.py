"""A search as a drawing: its children as lines across their hyperparameters, and each hyperparameter against the metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jupyter_aml.jobs.hyperdrive import space
from jupyter_aml.jobs.hyperdrive.run import results
from jupyter_aml.store.contract import Store
from jupyter_aml.store.records import TERMINAL, RunRecord
from jupyter_aml.tracking import html

TYPE = "hyperdrive"
MOST, TOP_ONES = 300, 100
"""Children that are drawn, and how many of them are the best ones."""
AXES = 8
"""Hyperparameters that are drawn."""
OPTIONS = 12
"""Options of a choice that are named on its axis."""
WIDTH, HEIGHT, SIDE, TOP, BOTTOM = 760, 230, 56, 26, 18
SMALL_WIDTH, SMALL_HEIGHT, SMALL_LEFT = 320, 170, 46
_HALO = "paint-order:stroke;stroke:var(--jp-layout-color0,#fff);stroke-width:3px"
"""Of text that lines cross."""


@dataclass(frozen=True)
class _Child:
    run: RunRecord
    best: float | None
    rank: float
    """0: the worst, 1: the best of those with the metric."""


def section(store: Store, run: RunRecord) -> str:
    """The section of a search's display; "" for other runs and before there is a child.

    Args:
        store: of the workspace.
        run: the search's run.
    """
    plan = run.details.get("search")
    if run.type != TYPE or not isinstance(plan, Mapping) or not run.child_count:
        return ""
    parameters = space.read(plan["sampling"]["parameter_space"])
    shown = parameters[:AXES]
    children = _children(store, run, plan)
    if not children:
        return ""
    metric, goal = str(plan["metric"]), str(plan["goal"]).lower()
    title = f'<h4>Search <span class="aml-muted">{html.escape(metric)}, {goal}d</span></h4>'
    count = len(children)
    children = _some(children)
    figure = f"<figure style='margin-bottom:10px'>{_lines(shown, children, metric)}</figure>"
    clouds = "".join(_cloud(one, children, metric) for one in shown)
    grid = f'<div class="aml-grid-of">{clouds}</div>' if clouds else ""
    left = [f"{len(children)} of {count} children"] if len(children) < count else []
    left += [f"{len(shown)} of {len(parameters)} hyperparameters"] if len(shown) < len(parameters) else []
    rest = f'<div class="aml-muted">drawn: {", ".join(left)}</div>' if left else ""
    return f"{title}{_best(children, metric)}{figure}{grid}{rest}"


def _children(store: Store, run: RunRecord, plan: Mapping[str, Any]) -> list[_Child]:
    """The worst first, so that the best is drawn above the others."""
    found = results(store, [run.id], plan)
    values = sorted({value for _, value in found if value is not None}, reverse=plan["goal"] != "MAXIMIZE")
    ranks = {value: index / (len(values) - 1) if len(values) > 1 else 1.0 for index, value in enumerate(values)}
    return [_Child(one, value, -1.0 if value is None else ranks[value]) for one, value in reversed(found)]


def _some(children: list[_Child]) -> list[_Child]:
    """Where there are too many to be drawn: the best ones, and some of the others."""
    if len(children) <= MOST:
        return children
    others, best = children[:-TOP_ONES], children[-TOP_ONES:]
    every = len(others) / (MOST - TOP_ONES)
    return [others[int(index * every)] for index in range(MOST - TOP_ONES)] + best


def _best(children: Sequence[_Child], metric: str) -> str:
    top = children[-1]
    if top.best is None:
        return ""
    said = ", ".join(f"{name} {html.number(value)}" for name, value in top.run.params.items())
    text = f"{metric} {html.number(top.best)} with {said}"
    return (
        f'<div class="aml-pairs"><span><span class="aml-muted">best</span> {html.escape(text, 400)}</span>'
        f'<span class="aml-muted"><code>{html.escape(top.run.id)}</code></span></div>'
    )


# -- parallel coordinates ----------------------------------------------------------------------------------------------
def _lines(parameters: Sequence[space.Parameter], children: Sequence[_Child], metric: str) -> str:
    scale = _Scale(children)
    count = len(parameters)
    places = [SIDE + (WIDTH - 2 * SIDE) * index / count for index in range(count + 1)] if count else [WIDTH / 2]
    parts = []
    for child in children:
        points = []
        for x, one in zip(places, parameters, strict=False):
            share = _share(one, child.run.params.get(one.name))
            if share is not None:
                points.append((x, _down(share)))
        if child.best is not None:
            points.append((places[-1], _down(scale(child.best))))
        if len(points) < 2:
            continue
        text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{text}" style="{_style(child)};fill:none">{_tip(child, metric)}</polyline>')
    parts += [_axis(x, one.name, _marks(one)) for x, one in zip(places, parameters, strict=False)]
    parts.append(_axis(places[-1], metric, scale.marks))
    label = f"{len(children)} children across {count} hyperparameters and {metric}"
    return _svg(WIDTH, HEIGHT, label, parts)


def _axis(x: float, name: str, marks: Sequence[tuple[float, str]]) -> str:
    parts = [
        f'<line class="aml-grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>',
        f'<text x="{x:.1f}" y="{TOP - 12}" text-anchor="middle" font-weight="600">{html.escape(name, 18)}</text>',
    ]
    parts += [
        f'<text x="{x - 4:.1f}" y="{_down(share) + 3:.1f}" text-anchor="end" style="{_HALO}">{html.escape(text, 9)}</text>'
        for share, text in marks
    ]
    return "".join(parts)


def _down(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)


# -- scatter -----------------------------------------------------------------------------------------------------------
def _cloud(parameter: space.Parameter, children: Sequence[_Child], metric: str) -> str:
    """One hyperparameter against the metric."""
    scale = _Scale(children)
    left, right, top, bottom = SMALL_LEFT, SMALL_WIDTH - 12, 8, SMALL_HEIGHT - 20

    def down(share: float) -> float:
        return bottom - share * (bottom - top)

    parts = [f'<line class="aml-grid" x1="{left}" x2="{right}" y1="{bottom}" y2="{bottom}"/>']
    for share, text in scale.marks:
        y = down(share)
        parts.append(f'<line class="aml-grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{left - 4}" y="{y + 3:.1f}" text-anchor="end">{html.escape(text, 9)}</text>')
    for share, text in _marks(parameter):
        x = left + share * (right - left)
        anchor = "start" if share < 0.05 else "end" if share > 0.95 else "middle"
        parts.append(f'<text x="{x:.1f}" y="{SMALL_HEIGHT - 6}" text-anchor="{anchor}">{html.escape(text, 9)}</text>')
    for child in children:
        at = _share(parameter, child.run.params.get(parameter.name))
        if at is None or child.best is None:
            continue
        x, y = left + at * (right - left), down(scale(child.best))
        radius = 4 if child is children[-1] else 3
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" style="{_style(child, fill=True)}">'
            f"{_tip(child, metric)}</circle>"
        )
    drawn = _svg(SMALL_WIDTH, SMALL_HEIGHT, f"{parameter.name} against {metric}", parts)
    title = f'<b>{html.escape(parameter.name, 40)}</b><span class="aml-muted">{html.escape(metric, 40)}</span>'
    return f"<figure><figcaption>{title}</figcaption>{drawn}</figure>"


# -- what both need ----------------------------------------------------------------------------------------------------
class _Scale:
    """Of the metric: a value's share of the way from the least to the largest."""

    def __init__(self, children: Sequence[_Child]) -> None:
        values = [child.best for child in children if child.best is not None]
        self.low, self.high = (min(values), max(values)) if values else (0.0, 0.0)
        same = self.low == self.high
        self.marks: list[tuple[float, str]] = []
        if values:
            self.marks = [(0.5, _text(self.low))] if same else [(0.0, _text(self.low)), (1.0, _text(self.high))]

    def __call__(self, value: float) -> float:
        if self.low == self.high:
            return 0.5
        unit = max(abs(self.low), abs(self.high))  # so that no difference overflows
        return (value / unit - self.low / unit) / ((self.high / unit - self.low / unit) or 1.0)


def _share(parameter: space.Parameter, value: Any) -> float | None:
    """Where on its axis a value is, 0 to 1."""
    at = parameter.at(value)
    if at is None:
        return None
    low, high = parameter.bounds
    return 0.5 if low == high else (float(at) - low) / (high - low)


def _marks(parameter: space.Parameter) -> list[tuple[float, str]]:
    options = parameter.options
    low, high = parameter.bounds
    if options is None:
        values = [parameter.value(at) for at in (low, (low + high) / 2, high)]  # rounded, where they come in steps
        return [(_share(parameter, value) or 0.0, _text(value)) for value in values]
    count = len(options)
    if count == 1:
        return [(0.5, _text(options[0]))]
    named = range(count) if count <= OPTIONS else (0, count - 1)
    return [(index / (count - 1), _text(options[index])) for index in named]


def _text(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _style(child: _Child, fill: bool = False) -> str:
    """From blue (the worst) to green (the best), strong where it matters; grey and dashed without a result."""
    what = "fill" if fill else "stroke"
    if child.best is None:
        dashes = "" if child.run.status in TERMINAL else ";stroke-dasharray:4 3"
        return f"{what}:#888;opacity:.5{dashes}"
    hue = round(215 - 80 * child.rank)
    strong = 0.35 + 0.65 * child.rank**3
    width = "" if fill else f";stroke-width:{1 + 1.5 * child.rank**6:.2g}"
    return f"{what}:hsl({hue} 75% 45%);opacity:{strong:.2g}{width}"


def _tip(child: _Child, metric: str) -> str:
    said = [f"{name} {html.number(value)}" for name, value in child.run.params.items()]
    if child.best is not None:
        said.append(f"{metric} {html.number(child.best)}")
    return f"<title>{html.escape(f'{child.run.id} ({child.run.status}): ' + ', '.join(said), 600)}</title>"


def _svg(width: int, height: int, label: str, parts: Sequence[str]) -> str:
    told = html.escape(label, 200)
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{told}"><title>{told}</title>{"".join(parts)}</svg>'
