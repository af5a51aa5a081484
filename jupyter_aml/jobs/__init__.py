"""Jobs: a notebook becomes a process and a run.

`run_notebook` executes one notebook, `resume_notebook` goes on where one failed, `run_sweep` executes a batch of parameter
sets in parallel. papermill's own command reaches the same engine by ``--engine aml``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_aml.jobs.notebook import run_notebook
    from jupyter_aml.jobs.resume import resume_notebook
    from jupyter_aml.jobs.sweep import run_sweep

__all__ = ["resume_notebook", "run_notebook", "run_sweep"]

_HOME = {"run_notebook": "notebook", "resume_notebook": "resume", "run_sweep": "sweep"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
