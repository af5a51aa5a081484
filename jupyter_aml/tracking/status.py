"""Whether a run may go from one status to another; the table is the store's (store/statuses.py)."""

from __future__ import annotations

from jupyter_aml.errors import RunStateException
from jupyter_aml.store.statuses import NEXT, TERMINAL


def check(run_id: str, now: str, then: str) -> None:
    """Refuse a change that the table does not have.

    Raises:
        RunStateException: naming both states.
    """
    if then not in NEXT.get(now, frozenset()):
        known = ", ".join(sorted(NEXT.get(now, ()))) or "nothing: it has ended"
        raise RunStateException(f"Run {run_id} is {now} and cannot become {then}. From {now} it can become {known}.")


__all__ = ["NEXT", "TERMINAL", "check"]
