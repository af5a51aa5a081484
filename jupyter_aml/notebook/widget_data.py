"""`RunDetails.get_widget_data`: the SDK's shape of what its widget shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jupyter_aml.store.records import RunQuery, RunRecord
from jupyter_aml.tracking import html
from jupyter_aml.tracking.run_details import iso


def widget_data(run: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The dict of a run."""
    connection = getattr(run, "_connection", None)
    if connection is None:  # an offline run
        return {"status": run.status, "run_id": run.id, "widget_settings": dict(settings), "loading": False}
    store = connection.store
    record = run._record()
    details = run.get_details_with_logs()
    children = list(store.runs(RunQuery(parent=run.id, limit=500, include_archived=True, with_metrics=True)).runs)
    return {
        "status": record.status,
        "workbench_run_details_uri": run.get_portal_url(),
        "run_id": record.id,
        "run_properties": _properties(record, details),
        "child_runs": [_properties(child, {}) for child in children],
        "children_metrics": {child.id: {m.name: m.last for m in child.metrics.values()} for child in children},
        "run_metrics": [_series(run.id, name, value) for name, value in run.get_metrics().items()],
        "run_logs": "\n".join(str(text) for text in details["logFiles"].values()),
        "graph": {},
        "widget_settings": dict(settings),
        "loading": False,
    }


def _properties(record: RunRecord, details: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "run_id": record.id,
        "run_name": record.name or record.id,
        "run_number": record.number,
        "run_type": record.type,
        "created_utc": iso(record.created),
        "start_time_utc": iso(record.started),
        "end_time_utc": iso(record.ended),
        "status": record.status,
        "run_duration": html.duration(record.started, record.ended),
        "properties": dict(record.properties),
        "tags": dict(record.tags),
        "error": dict(record.error) if record.error else None,
        "log_files": dict.fromkeys(details.get("logFiles", {}), ""),
    }


def _series(run_id: str, name: str, value: Any) -> dict[str, Any]:
    values: Sequence[Any] = value if isinstance(value, list) else [value]
    return {"name": name, "run_id": run_id, "categories": list(range(len(values))), "series": [{"data": list(values)}]}
