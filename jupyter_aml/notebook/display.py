"""Tables for notebooks, from the pieces of `tracking.html`."""

from __future__ import annotations

from typing import Any

from jupyter_aml.store.records import RunQuery
from jupyter_aml.tracking import html


class Shown:
    """HTML with a plain text beside it."""

    def __init__(self, markup: str, text: str) -> None:
        self._markup, self._text = markup, text

    def _repr_html_(self) -> str:
        return self._markup

    def __repr__(self) -> str:
        return self._text


def runs_table(workspace: Any, experiment: str, limit: int) -> Shown:
    """The newest runs of an experiment."""
    query = RunQuery(experiment=experiment, limit=limit, with_metrics=True)
    rows = []
    for run in workspace.connection.store.runs(query).runs:
        metrics = ", ".join(
            f"{m.name} {html.number(m.last)}" for m in list(run.metrics.values())[:4] if m.last is not None
        )
        rows.append((run.name or run.id, run.status, html.duration(run.started, run.ended), metrics))
    text = "\n".join("  ".join(row) for row in rows) or f"Experiment {experiment!r} has no runs yet."
    return Shown(html.table(["Run", "Status", "Duration", "Metrics"], rows) if rows else html.escape(text), text)
