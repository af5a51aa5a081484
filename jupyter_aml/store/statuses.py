"""The statuses of a run and the ways between them, in one table.

Names are the SDK's: https://learn.microsoft.com/python/api/azureml-core/azureml.core.run.run#azureml-core-run-run-get-status
"""

from __future__ import annotations

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
STATUSES = tuple(NEXT)
"""All of them, in the order in which a run may have them."""
TERMINAL = frozenset(_END)
"""Those that end a run. The store keeps the first one that arrives."""
_BY_LOWER = {name.lower(): name for name in STATUSES}


def spelt(text: str) -> str:
    """A status as it is spelt, whatever its capitals; any other text as it is."""
    return _BY_LOWER.get(text.lower(), text)
