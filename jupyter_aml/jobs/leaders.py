"""Runs that lead others, such as searches: they wait, mostly, and take no place from those that they lead.

Their jobs are in a queue of their own (`launching.leaders_queue`), whose launcher calls `lead` where others call `execute`.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from jupyter_aml.errors import UserErrorException
from jupyter_aml.jobs.execute import Outcome
from jupyter_aml.jobs.stop import Stop
from jupyter_aml.store.records import JobRecord

MOST = 64
"""Of them at once."""
LEADERS = {"hyperdrive": "jupyter_aml.jobs.hyperdrive.lead:lead"}
"""What a job's body says as ``leader`` → ``module:function``."""


def lead(workspace: Any, job: JobRecord, workdir: Path, stop: Stop) -> Outcome:
    """Lead what a job describes to its end; called as `execute` is.

    Raises:
        UserErrorException: nobody knows how.
        StoreUnavailableException: the run cannot be looked up at all.
    """
    name = str(job.body.get("leader"))
    if name not in LEADERS:
        raise UserErrorException(
            f"The job of run {job.run} is to be led as {name!r}, which this version does not know."
        )
    module, _, function = LEADERS[name].partition(":")
    outcome: Outcome = getattr(import_module(module), function)(workspace, job, workdir, stop)
    return outcome
