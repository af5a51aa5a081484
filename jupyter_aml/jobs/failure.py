"""Why a script failed, from its exit code and the last that it printed."""

from __future__ import annotations

import re
import signal
import traceback
from typing import Any

_RAISED = re.compile(r"^(?:[A-Za-z_]\w*\.)*([A-Za-z_]\w*)(?:: (.*))?$")
_BEGINS = "Traceback (most recent call last):"
LINES = 200
"""Lines of a traceback that are kept."""


def failure_of(code: int, end: str, rank: int | None = None) -> dict[str, Any]:
    """The error of a run whose script ended with this exit code.

    Args:
        code: as `subprocess` has it, negative for a signal.
        end: the last of what it printed.
        rank: which process of a distributed run it was.
    """
    who = "The script" if rank is None else f"Rank {rank}"
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        hint = " The machine may have run out of memory." if -code == signal.SIGKILL else ""
        return {"code": "Signaled", "message": f"{who} was ended by {name} (exit code {code}).{hint}"}
    raised, trace = _raised(end)
    if raised:
        return {"code": "UserError", "message": f"{who} failed with {raised} (exit code {code})", "traceback": trace}
    lines = [line for line in end.splitlines() if line.strip()]
    last = f" Its last line: {lines[-1][:500]}" if lines else ""
    return {"code": "UserError", "message": f"{who} ended with exit code {code}.{last}"}


def told(error: BaseException) -> dict[str, Any]:
    """The error of a run that could not be executed because of an exception of ours."""
    trace = "".join(traceback.format_exception(error))
    return {"code": type(error).__name__, "message": str(error), "traceback": trace}


def _raised(end: str) -> tuple[str, str]:
    """The exception that ended a Python script, and its traceback; "" when there is none at the end."""
    at = end.rfind(_BEGINS)
    if at < 0:
        return "", ""
    lines = end[at:].rstrip().splitlines()
    for index, line in enumerate(lines[1:], 1):
        if line and not line[0].isspace() and _RAISED.match(line):
            message = "\n".join(lines[index:])
            return message[:4000], "\n".join(lines[-LINES:])
    return "", ""
