"""The parts of a run's display, as HTML: pure functions of records. Colours are the theme's (``--jp-*``)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from jupyter_aml.store.records import MetricRecord, RunRecord, Sampled
from jupyter_aml.tracking import html
from jupyter_aml.tracking.html import Safe

_TONES = {"Completed": "ok", "Failed": "bad", "Canceled": "off", "Running": "on"}

STYLE = """<style>
div.aml-Details{color:var(--jp-ui-font-color1,currentColor);font:13px/1.45 var(--jp-ui-font-family,system-ui,sans-serif);
max-width:1100px}
div.aml-Details .aml-muted,div.aml-Details text{color:var(--jp-ui-font-color2,inherit);fill:var(--jp-ui-font-color2,currentColor)}
div.aml-Details .aml-title{display:flex;gap:10px;align-items:baseline;flex-wrap:wrap}
div.aml-Details .aml-title b{font-size:15px}
div.aml-Details .aml-status{padding:0 8px;border-radius:9px;border:1px solid currentColor;white-space:nowrap}
div.aml-Details .aml-ok{color:var(--jp-success-color1,#2e7d32)}
div.aml-Details .aml-bad{color:var(--jp-error-color1,#d32f2f)}
div.aml-Details .aml-on{color:var(--jp-brand-color1,#1976d2)}
div.aml-Details .aml-off{color:var(--jp-warn-color1,#b26a00)}
div.aml-Details .aml-pairs{display:flex;flex-wrap:wrap;gap:2px 16px;margin:4px 0}
div.aml-Details.aml-Details code{color:inherit;background:none;padding:0;font-size:12px}
div.aml-Details h4{margin:10px 0 4px;font-size:13px;font-weight:600}
div.aml-Details.aml-Details pre{margin:0;padding:6px 8px;white-space:pre-wrap;overflow-wrap:anywhere;
font:12px/1.4 var(--jp-code-font-family,monospace);color:inherit;background:none;flex:none;overflow:visible;border:0}
div.aml-Details .aml-tail{display:flex;flex-direction:column-reverse;max-height:220px;overflow:auto;
background:var(--jp-layout-color2,rgba(128,128,128,.12))}
div.aml-Details .aml-scroll{max-height:280px;overflow:auto}
div.aml-Details .aml-grid-of{display:grid;grid-template-columns:repeat(auto-fill,minmax(260px,1fr));gap:10px}
div.aml-Details figure{margin:0;padding:6px;border:1px solid var(--jp-border-color2,rgba(128,128,128,.4));min-width:0}
div.aml-Details figcaption{display:flex;justify-content:space-between;gap:8px;overflow-wrap:anywhere}
div.aml-Details svg{display:block;width:100%;height:auto}
div.aml-Details svg text{font-size:10px}
div.aml-Details .aml-grid{stroke:var(--jp-border-color2,rgba(128,128,128,.3));stroke-width:1}
div.aml-Details .aml-line{fill:none;stroke:var(--jp-brand-color1,#1976d2);stroke-width:1.5;stroke-linejoin:round}
div.aml-Details .aml-band{fill:var(--jp-brand-color1,#1976d2);opacity:.2}
div.aml-Details .aml-dot{fill:var(--jp-brand-color1,#1976d2)}
div.aml-Details img{display:block;max-width:100%;max-height:320px;margin:auto;background:#fff}
div.aml-Details table{border-collapse:collapse;margin:0;font-size:12px;color:inherit}
div.aml-Details th,div.aml-Details td{text-align:left;padding:2px 14px 2px 0;border:0;white-space:nowrap;background:none}
div.aml-Details tr{border-bottom:1px solid var(--jp-border-color3,rgba(128,128,128,.2));background:none}
</style>"""
ORDER = ("head", "search", "metrics", "images", "log", "children")
"""The sections from top to bottom."""


def whole(sections: Mapping[str, str]) -> str:
    """All sections as one piece of HTML."""
    inside = "".join(sections.get(name, "") for name in ORDER)
    return f'{STYLE}<div class="aml-Details">{inside}</div>'


def alone(section: str) -> str:
    """One section by itself."""
    return f'<div class="aml-Details">{section}</div>' if section else ""


def status(name: str) -> Safe:
    """A status with its sign and colour."""
    return Safe(f'<span class="aml-status aml-{_TONES.get(name, "off")}">{html.status(name)}</span>')


def head(run: RunRecord, children: Sequence[RunRecord]) -> str:
    """Name, status, duration, where it belongs, parameters, tags, error."""
    title = html.escape(run.name or (f"Run {run.number}" if run.number else "Run"))
    parts = [
        f'<div class="aml-title"><b>{title}</b>{status(run.status)}'
        f"<span>{html.duration(run.started, run.ended)}</span>"
        f'<span class="aml-muted">{html.escape(run.experiment)} · <code>{html.escape(run.id)}</code></span></div>'
    ]
    said = {f"{k}": v for k, v in list(run.params.items())[:20]}
    said |= {f"#{k}": "" if v is None else v for k, v in list(run.tags.items())[:20]}
    if run.started:
        said = {"started": html.moment(run.started), **said}
    parts.append(_pairs(said))
    if children:
        parts.append(f'<div class="aml-muted">{_progress(run, children)}</div>')
    if run.error:
        text = f"{run.error.get('code', '')}: {run.error.get('message', '')}"
        parts.append(f'<pre class="aml-bad">{html.escape(html.plain_text(text), 1500)}</pre>')
    return "".join(parts)


def _pairs(pairs: Mapping[str, Any]) -> str:
    inside = "".join(
        f'<span><span class="aml-muted">{html.escape(name, 80)}</span> {html.escape(html.number(value), 120)}</span>'
        for name, value in pairs.items()
    )
    return f'<div class="aml-pairs">{inside}</div>' if inside else ""


def _progress(run: RunRecord, children: Sequence[RunRecord]) -> str:
    counts = Counter(child.status for child in children)
    parts = [f"{count} {html.escape(name)}" for name, count in sorted(counts.items())]
    planned = run.details.get("sets")
    total = len(planned) if isinstance(planned, list) else max(run.child_count, len(children))
    return f"{total} {'child' if total == 1 else 'children'}: {', '.join(parts)}"


def metrics(figures: Sequence[str], values: Sequence[MetricRecord], more: int = 0) -> str:
    """What was logged once as values, all else as figures.

    Args:
        figures: of the series, tables and matrices.
        values: of the metrics that were logged once.
        more: how many are not shown.
    """
    parts = [_pairs({m.name: m.last for m in values})]
    if figures:
        parts.append(f'<div class="aml-grid-of">{"".join(figures)}</div>')
    if more:
        parts.append(f'<div class="aml-muted">… and {more} more metrics</div>')
    inside = "".join(parts)
    return f"<h4>Metrics</h4>{inside}" if inside else ""


def chart(metric: MetricRecord, drawn: str, sampled: Sampled | None) -> str:
    """A metric's figure: name, last value, drawing."""
    bad = int(sum(sampled.nonfinite)) if sampled is not None else 0
    note = f' <span class="aml-off">{bad} × NaN or ±∞</span>' if bad else ""
    last = f"<span>{html.escape(html.number(metric.last), 80)}{note}</span>"
    return _figure(metric, last, drawn or "<i>no finite value</i>")


def rows(metric: MetricRecord, found: Sequence[Any]) -> str:
    """A logged table, its newest rows."""
    lines = [row for row in found if isinstance(row, Mapping)]
    columns = list(dict.fromkeys(key for row in lines for key in row))[:12]
    body = html.table(columns, [[html.number(row.get(column, "")) for column in columns] for row in lines])
    more = _muted(f"the last {len(lines)} of {metric.count} rows") if metric.count > len(lines) else ""
    return _figure(metric, more, f'<div class="aml-scroll">{body}</div>')


def matrix(metric: MetricRecord, document: Any) -> str:
    """A confusion matrix: true classes down, predicted ones across."""
    data = document.get("data") if isinstance(document, Mapping) else None
    lines = data.get("matrix") if isinstance(data, Mapping) else None
    if data is None or not isinstance(lines, list) or not all(isinstance(line, list) for line in lines):
        return other(metric)
    lines = [line[:20] for line in lines[:20]]
    labels = [str(label) for label in data.get("class_labels") or range(len(lines))][: len(lines)]
    labels += [""] * (len(lines) - len(labels))
    body = html.table(
        ["", *labels],
        [
            [Safe(f"<b>{html.escape(label)}</b>"), *map(html.number, line)]
            for label, line in zip(labels, lines, strict=True)
        ],
    )
    return _figure(metric, _muted("confusion matrix"), f'<div class="aml-scroll">{body}</div>')


def other(metric: MetricRecord) -> str:
    """A metric that is only named."""
    return _figure(metric, _muted(metric.kind.replace("_", " ")), "")


def _figure(metric: MetricRecord, aside: str, body: str) -> str:
    name = html.escape(metric.name, 80)
    return f"<figure><figcaption><b>{name}</b>{aside}</figcaption>{body}</figure>"


def _muted(text: str) -> str:
    return f'<span class="aml-muted">{html.escape(text)}</span>'


def images(figures: Sequence[str], named: Sequence[str]) -> str:
    """Images, and the names of those that are not shown."""
    if not figures and not named:
        return ""
    shown = f'<div class="aml-grid-of">{"".join(figures)}</div>' if figures else ""
    rest = f'<div class="aml-muted">also: {html.escape(", ".join(named), 600)}</div>' if named else ""
    return f"<h4>Images</h4>{shown}{rest}"


def image(path: str, url: str) -> str:
    """One image by its ``data:`` URL."""
    name = html.escape(path, 120)
    return f'<figure><img src="{url}" alt="{name}"><figcaption class="aml-muted">{name}</figcaption></figure>'


def log(path: str, text: str, of: str = "") -> str:
    """The end of a log, scrolled to its end."""
    if not text:
        return ""
    whose = f' <span class="aml-muted">of {html.escape(of, 80)}</span>' if of else ""
    inside = html.escape(html.plain_text(text), 100_000)
    return f'<h4>{html.escape(path)}{whose}</h4><div class="aml-tail"><pre>{inside}</pre></div>'


def children(shown: Sequence[RunRecord], values: Mapping[str, Mapping[str, MetricRecord]], total: int) -> str:
    """The runs below, newest first."""
    if not shown:
        return ""
    lines = []
    for run in shown:
        last = [f"{m.name} {html.number(m.last)}" for m in values.get(run.id, {}).values() if m.last is not None]
        params = [f"{name}={html.number(value)}" for name, value in list(run.params.items())[:6]]
        tone = _TONES.get(run.status, "off")
        lines.append(
            (
                run.name or run.id,
                Safe(f'<span class="aml-{tone}">{html.status(run.status)}</span>'),
                html.duration(run.started, run.ended),
                ", ".join(params),
                ", ".join(last[:4]),
            )
        )
    more = f' <span class="aml-muted">the newest {len(shown)} of {total}</span>' if total > len(shown) else ""
    columns = ["Run", "Status", "Duration", "Parameters", "Metrics"]
    if not any(line[3] for line in lines):
        columns, lines = [*columns[:3], columns[4]], [(*line[:3], line[4]) for line in lines]  # type: ignore[misc]
    return f'<h4>Children{more}</h4><div class="aml-scroll">{html.table(columns, lines)}</div>'
