"""The environment of a submitted run, as its configuration describes it and as the target gets it ready."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from jupyter_aml.environments.prepared import Prepared


def describe(environment: Any) -> dict[str, Any] | None:
    """An `Environment` as JSON, None for the interpreter that submits. It says, too, what the submitter set of strictness."""
    if environment is None:
        return None
    from jupyter_aml.environments.ready import is_strict

    return {**environment._to_dict(), **({"strict": True} if is_strict() else {})}


def prepare(workspace: Any, described: Mapping[str, Any] | None, python: str, log: Callable[[str], None]) -> Prepared:
    """Get an environment ready on this machine.

    Args:
        workspace: the workspace.
        described: what `describe` said.
        python: the interpreter that submitted, which is used without an environment (where there is it).
        log: is told line by line what is done.

    Raises:
        EnvironmentException: it cannot be built; the resolver's message says why.
    """
    if described is None:
        return Prepared(python=python if python and os.access(python, os.X_OK) else sys.executable)
    from jupyter_aml.environments.environment import Environment

    return Environment._from_dict(described).prepare(log, strict=bool(described.get("strict")))
