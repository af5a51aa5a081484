"""The states of a run and the ways between them, in one table.

Names are the SDK's: https://learn.microsoft.com/python/api/azureml-core/azureml.core.run.run#azureml-core-run-run-get-status
"""

from __future__ import annotations

from jupyter_aml.errors import RunStateException
from jupyter_aml.store.records import TERMINAL

_END = {"Completed", "Failed", "Canceled"}
_BEFORE = {"Queued", "Provisioning", "Preparing", "Starting", "Running", "Finalizing", "CancelRequested", *_END}

NEXT: dict[str, frozenset[str]] = {
    "NotStarted": frozenset(_BEFORE),
    "Queued": frozenset(_BEFORE - {"Queued"}),
    "Provisioning": frozenset(_BEFORE - {"Provisioning"}),
    "Preparing": frozenset(_BEFORE - {"Preparing", "Provisioning"}),
    "Starting": frozenset({"Running", "Finalizing", "CancelRequested", *_END}),
    "Running": frozenset({"Paused", "NotResponding", "Finalizing", "CancelRequested", "Queued", *_END}),
    "Paused": frozenset({"Running", "CancelRequested", *_END}),
    "NotResponding": frozenset({"Running", "Finalizing", "CancelRequested", *_END}),
    "Finalizing": frozenset({"CancelRequested", *_END}),
    "CancelRequested": frozenset(_END),
    "Completed": frozenset(),
    "Failed": frozenset(),
    "Canceled": frozenset(),
}
"""From each status, where a run may go. (Running → Queued: a node died and the run is tried again.)"""


def check(run_id: str, now: str, then: str) -> None:
    """Refuse a change that the table does not have.

    Raises:
        RunStateException: naming both states.
    """
    if then not in NEXT.get(now, frozenset()):
        known = ", ".join(sorted(NEXT.get(now, ()))) or "nothing: it has ended"
        raise RunStateException(f"Run {run_id} is {now} and cannot become {then}. From {now} it can become {known}.")


__all__ = ["NEXT", "TERMINAL", "check"]
