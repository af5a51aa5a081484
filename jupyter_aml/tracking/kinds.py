"""Which class stands for a run of which type: what lies above this floor brings its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import Any

PROVIDERS: dict[str, str | Callable[[Any, Any], Any]] = {
    "azureml.scriptrun": "jupyter_aml.jobs.script_run:ScriptRun",
    "hyperdrive": "jupyter_aml.jobs.hyperdrive.run:HyperDriveRun",
}
"""Type of a run → ``module:Class`` (loaded when there is such a run), or what `Run.add_type_provider` was given."""


def made(plain: type, experiment: Any, run_id: str, type: str) -> Any:
    """A handle on a run.

    Args:
        plain: the class for types that nobody brought one for.
        type: of the run ("" when it is not known).
    """
    provider = PROVIDERS.get(type)
    if provider is None:
        return plain(experiment, run_id)
    if not isinstance(provider, str):
        return provider(experiment, {"run_id": run_id, "run_type": type})
    module, _, name = provider.partition(":")
    return getattr(import_module(module), name)(experiment, run_id)


def here(run_id: str) -> str:
    """Type of the run that this process was launched for, when it is this one."""
    return os.environ.get("JUPYTER_AML_RUN_TYPE", "") if os.environ.get("JUPYTER_AML_RUN_ID") == run_id else ""
