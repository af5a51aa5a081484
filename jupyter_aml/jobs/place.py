"""Which workspace an execution is recorded in."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from pathlib import Path
from typing import Any

from jupyter_aml.jobs import aftermath  # noqa: F401 - completes notebooks whose process was killed
from jupyter_aml.store.connection import Connection, connect
from jupyter_aml.store.place import known_workspaces
from jupyter_aml.tracking.context import WORKSPACE


def connection_to(workspace: Any) -> Connection:
    """The connection of a workspace object, a workspace's URL, or the name of one in the user's home."""
    if isinstance(workspace, Connection):
        return workspace
    if hasattr(workspace, "connection"):
        found = workspace.connection
        assert isinstance(found, Connection)
        return found
    return connect(known_workspaces().get(str(workspace), workspace))


def connection(folder: Path) -> Connection:
    """``$JUPYTER_AML_WORKSPACE``, else what a config in the notebook's folder (or the working folder, or above) names,
    else the default workspace."""
    configured = os.environ.get(WORKSPACE)
    if configured:
        return connection_to(configured)
    above: Any = importlib.import_module("jupyter_aml.workspace")  # a floor above, where configs are understood
    with contextlib.redirect_stdout(sys.stderr):
        for start in (folder, None):
            found = above.find_config(start)
            if found is not None:
                return connection_to(above.Workspace.from_config(found))
        return connection_to(above.Workspace.default())
