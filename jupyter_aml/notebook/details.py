"""A run as a piece of HTML: what `RunDetails` shows, at one moment. No script; colours from the notebook's theme."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Sequence
from typing import Any

from jupyter_aml.errors import NotFoundException
from jupyter_aml.store.records import FileRecord, MetricRecord, RunQuery, RunRecord, Sampled
from jupyter_aml.tracking import html

CHARTS, IMAGES, CHILDREN = 12, 4, 20
IMAGE_BYTES = 600_000
LOG_LINES = 30
_WIDTH, _HEIGHT = 240, 90
_MEDIA = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "svg": "image/svg+xml"}
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_BOX = "border:1px solid var(--jp-border-color2,#ccc);border-radius:3px;padding:6px 8px;margin:4px 6px 4px 0"


def details_html(connection: Any, run_id: str) -> str:
    """The run's head, metrics, charts, images, children and the end of its log.

    Raises:
        NotFoundException: there is no such run any more.
    """
    store = connection.store
    record = store.run(run_id, with_metrics=True)
    if record is None:
        raise NotFoundException.of("run", run_id)
    files = store.files(run_id)
    parts = [
        _head(record),
        _numbers(record),
        _charts(store.sampled(run_id, _drawn(record), width=_WIDTH), record),
        _images(connection, files),
        _children(store.runs(RunQuery(parent=run_id, order_by="created", limit=CHILDREN, with_metrics=True)), record),
        _log(store, run_id, files),
    ]
    return '<div class="aml-RunDetails" style="color:var(--jp-ui-font-color1)">' + "".join(parts) + "</div>"


def _head(record: RunRecord) -> str:
    name = html.escape(record.name or record.id)
    error = ""
    if record.error:
        text = f"{record.error.get('code', '')}: {record.error.get('message', '')}"
        error = f'<div style="color:var(--jp-error-color1,#b00)">{html.escape(text, 1000)}</div>'
    return (
        f"<div><strong>{name}</strong> &nbsp; {html.status(record.status)} &nbsp; "
        f"{html.duration(record.started, record.ended)} &nbsp; "
        f'<span style="color:var(--jp-ui-font-color2)">{html.escape(record.experiment)} · {record.id}</span></div>{error}'
    )


def _numbers(record: RunRecord) -> str:
    shown = [m for m in record.metrics.values() if m.kind == "scalar" and m.last is not None]
    if not shown:
        return ""
    rows = [(m.name, html.number(m.last), _bound(m.min), _bound(m.max), m.count) for m in shown]
    return html.table(["Metric", "Last", "Lowest", "Highest", "Points"], rows)


def _bound(value: float | None) -> str:
    return "" if value is None else html.number(value)


def _drawn(record: RunRecord) -> list[str]:
    def drawn(metric: MetricRecord) -> bool:
        return metric.kind in ("scalar", "list") and metric.count > 1 and metric.min is not None

    return [m.name for m in record.metrics.values() if drawn(m)][:CHARTS]


def _charts(series: Sequence[Sampled], record: RunRecord) -> str:
    charts = "".join(
        f'<div style="{_BOX}"><div>{html.escape(s.name)} '
        f'<span style="color:var(--jp-ui-font-color2)">{html.number(record.metrics[s.name].last)}</span></div>'
        f"{sparkline(s)}</div>"
        for s in series
    )
    return f'<div style="display:flex;flex-wrap:wrap">{charts}</div>' if charts else ""


def sparkline(series: Sampled) -> str:
    """A series as an inline SVG; where a value is no finite number the line breaks."""
    finite = [y for y in series.last if math.isfinite(y)]
    if not finite:
        return ""
    low, high = min(finite), max(finite)
    left, right = series.steps[0], series.steps[-1]
    across, up = (right - left) or 1, (high - low) or 1
    pieces: list[list[str]] = [[]]
    for step, y in zip(series.steps, series.last, strict=True):
        if not math.isfinite(y):
            pieces.append([])
            continue
        x = 2 + (step - left) / across * (_WIDTH - 4)
        pieces[-1].append(f"{x:.1f},{_HEIGHT - 4 - (y - low) / up * (_HEIGHT - 8):.1f}")
    lines = "".join(
        f'<polyline points="{" ".join(piece if len(piece) > 1 else piece * 2)}" fill="none" stroke-linecap="round" '
        'style="stroke:var(--jp-brand-color1,#1976d2)" stroke-width="1.5"/>'
        for piece in pieces
        if piece
    )
    label = html.escape(f"{series.name}: {html.number(low)} to {html.number(high)}")
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}">'
        f"<title>{label}</title>{lines}</svg>"
    )


def _images(connection: Any, files: Sequence[FileRecord]) -> str:
    found = [f for f in files if f.digest and f.path.rsplit(".", 1)[-1].lower() in _MEDIA and f.size <= IMAGE_BYTES]
    shown = []
    for file in found[-IMAGES:]:
        with connection.blobs.open(file.digest) as content:
            data = base64.b64encode(content.read()).decode("ascii")
        media_type = _MEDIA[file.path.rsplit(".", 1)[-1].lower()]
        name = html.escape(file.path)
        shown.append(
            f'<figure style="{_BOX}"><figcaption>{name}</figcaption>'
            f'<img alt="{name}" style="max-width:320px;background:white" src="data:{media_type};base64,{data}"></figure>'
        )
    return f'<div style="display:flex;flex-wrap:wrap">{"".join(shown)}</div>' if shown else ""


def _children(page: Any, record: RunRecord) -> str:
    if not page.runs:
        return ""
    rows = []
    for child in page.runs:
        metrics = [f"{m.name} {html.number(m.last)}" for m in child.metrics.values() if m.last is not None]
        took = html.duration(child.started, child.ended)
        rows.append((html.Safe(html.status(child.status)), child.name or child.id, took, ", ".join(metrics[:4])))
    more = f"<div>… {record.child_count - len(page.runs)} more</div>" if page.next else ""
    return html.table(["", "Run below", "Took", "Metrics"], rows) + more


def _log(store: Any, run_id: str, files: Sequence[FileRecord]) -> str:
    texts = [f for f in files if not f.digest and not f.path.endswith("git.diff")]
    if not texts:
        return ""
    newest = max(texts, key=lambda f: f.time)
    # A character may take several bytes, so this starts no later than the end that is wanted.
    text = store.text(run_id, newest.path, max(0, newest.size - 40_000))
    lines = [line.rsplit("\r", 1)[-1] for line in _ESCAPES.sub("", text).splitlines()]
    tail = html.escape("\n".join(lines[-LOG_LINES:]), 20_000)
    return (
        f'<details open><summary>{html.escape(newest.path)}</summary><pre style="max-height:240px;overflow:auto;'
        f'margin:4px 0;color:inherit;background:var(--jp-layout-color2,#f5f5f5);padding:6px">{tail}</pre></details>'
    )
