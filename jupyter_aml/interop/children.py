"""The alias and the compat pack in the processes that this one starts: ``!python train.py``, process pools, later runs.

They travel by PYTHONPATH: `startup/` holds a ``sitecustomize`` that every Python runs at its start. Nothing is installed, and
with the variable gone it is over.
"""

from __future__ import annotations

import os

VARIABLE = "PYTHONPATH"
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "startup")  # noqa: PTH100, PTH118, PTH120


def enable() -> None:
    """Processes started from now on have alias and pack."""
    entries = os.environ.get(VARIABLE, "").split(os.pathsep) if os.environ.get(VARIABLE) else []
    if FOLDER not in entries:
        os.environ[VARIABLE] = os.pathsep.join([FOLDER, *entries])


def disable() -> None:
    """Processes started from now on are as others."""
    if VARIABLE not in os.environ:
        return
    entries = [entry for entry in os.environ[VARIABLE].split(os.pathsep) if entry != FOLDER]
    if entries:
        os.environ[VARIABLE] = os.pathsep.join(entries)
    else:
        del os.environ[VARIABLE]
