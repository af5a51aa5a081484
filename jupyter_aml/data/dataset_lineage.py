"""Which runs read and wrote which version of a dataset."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from jupyter_aml.store.events import AssetLinked
from jupyter_aml.store.records import AssetRecord
from jupyter_aml.tracking import context

_told: set[tuple[str, str, str, str]] = set()


def current_run(workspace: Any) -> str | None:
    """The run of this workspace that the code which asks is part of; None when there is none."""
    inner = context.innermost()
    if inner is not None:
        return str(inner.id) if inner._connection is workspace.connection else None
    found = context.current()
    return found.run_id if found is not None and found.connection is workspace.connection else None


def registered_by(workspace: Any) -> str | None:
    """The run that registers a dataset now."""
    return current_run(workspace)


def note_use(workspace: Any, record: AssetRecord, label: str = "") -> None:
    """The current run, if there is one, reads this version."""
    run = current_run(workspace)
    if run is not None:
        link(workspace, run, "input", record, label or record.name)


def link(
    workspace: Any, run: str, role: str, record: AssetRecord, label: str = "", data: Mapping[str, Any] | None = None
) -> None:
    """Write down that a run read (``input``) or wrote (``output``) a version; the same thing is written once in a process."""
    key = (run, role, record.id, label)
    if key in _told:
        return
    _told.add(key)
    workspace.connection.write(
        AssetLinked(
            run=run, role=role, kind=record.kind, asset=record.id, at=time.time(), label=label, data=dict(data or {})
        )
    )


def lineage_of(workspace: Any, asset: str) -> list[dict[str, Any]]:
    """The runs that used a version, oldest first: ``{"run", "role", "label", "time", "experiment", "status"}``."""
    store = workspace.connection.store
    found = []
    for one in store.links(asset=asset):
        run = store.run(one.run)
        found.append(
            {
                "run": one.run, "role": one.role, "label": one.label, "time": one.time,
                "experiment": run.experiment if run else "", "status": run.status if run else "deleted",
                "name": (run.name or run.id) if run else "",
            }
        )  # fmt: skip
    return found
