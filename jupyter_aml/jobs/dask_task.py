"""What a node of a cluster does: a Dask worker's preload, and the task that executes runs (`serve`).

One task goes on with the next run of the queue as long as there is one, for some seconds: between two short runs there is
then nothing but the queue. Which runs it has is seen by their jobs' owner.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jupyter_aml.jobs import place
from jupyter_aml.jobs.execute import execute
from jupyter_aml.jobs.processes import nursery
from jupyter_aml.jobs.spread import Spread
from jupyter_aml.jobs.stop import Stop
from jupyter_aml.store.connection import Connection
from jupyter_aml.store.home import folder_name
from jupyter_aml.store.records import JobRecord
from jupyter_aml.tracking.lifetime import workspace_of


def nodes_of(job: JobRecord) -> int:
    """How many nodes a run needs."""
    return int((job.body.get("definition") or {}).get("nodeCount") or 1)


def serve(url: str, fields: dict[str, Any], work: str, seconds: float, nodes: Sequence[tuple[str, str]] = ()) -> int:
    """Execute runs on this node.

    Args:
        url: of the workspace.
        fields: of the first job's record; the others are claimed for its owner.
        work: a folder for what runs unpack; a temporary one where there is none such here.
        seconds: how long to go on with others. One that needs several nodes is left claimed for the manager.
        nodes: address and host of the nodes that the first run has, where those are several; this one first.

    Returns:
        How many runs were executed.
    """
    connection = place.connection_to(url)
    job = JobRecord(**fields)
    end = time.monotonic() + seconds
    count = 0
    spread = Spread(url, job, work, nodes) if len(nodes) > 1 else None
    while True:
        _execute(connection, job, Path(work), spread)
        spread = None
        count += 1
        if time.monotonic() >= end:
            return count
        following = connection.store.claim_job([job.target], job.owner)
        if following is None or nodes_of(following) > 1:
            return count
        job = following


def _execute(connection: Connection, job: JobRecord, above: Path, spread: Spread | None) -> None:
    if not above.is_dir():
        above = Path(tempfile.gettempdir())
    folder = Path(tempfile.mkdtemp(prefix=f"{folder_name(job.run, 'run')}.{job.attempt}.", dir=above))
    try:
        outcome = execute(workspace_of(connection), job, folder, Stop(), spread=spread)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if outcome.again:
        connection.store.requeue_job(job.run, job.owner)
    else:
        connection.store.end_job(job.run, owner=job.owner)


def dask_setup(worker: Any) -> None:
    """Called by Dask when the worker starts: what starts scripts warms up meanwhile."""
    threading.Thread(target=nursery, name="jupyter_aml-nursery", daemon=True).start()
