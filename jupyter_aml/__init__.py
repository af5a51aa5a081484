"""Azure Machine Learning's workspace, rebuilt as open software inside Jupyter.

``from jupyter_aml import Workspace, Experiment, Run`` is the only door; everything is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "AzureMLException": "jupyter_aml.errors",
    "Experiment": "jupyter_aml.tracking.experiment",
    "Run": "jupyter_aml.tracking.run",
    "RunDetails": "jupyter_aml.notebook.widgets",
    "UserErrorException": "jupyter_aml.errors",
    "Workspace": "jupyter_aml.workspace",
}

__all__ = ["AzureMLException", "Experiment", "Run", "RunDetails", "UserErrorException", "Workspace", "__version__"]

if TYPE_CHECKING:
    from jupyter_aml.errors import AzureMLException, UserErrorException
    from jupyter_aml.notebook.widgets import RunDetails
    from jupyter_aml.tracking.experiment import Experiment
    from jupyter_aml.tracking.run import Run
    from jupyter_aml.workspace import Workspace


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext jupyter_aml``: magics, and the azureml alias for this kernel."""
    from jupyter_aml import interop
    from jupyter_aml.notebook import magics

    magics.load(shell)
    interop.load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """``%unload_ext jupyter_aml``: take all of it back."""
    from jupyter_aml import interop
    from jupyter_aml.notebook import magics

    interop.unload(shell)
    magics.unload(shell)


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from jupyter_aml.server.extension import JupyterAML

    return [{"module": "jupyter_aml", "app": JupyterAML}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "jupyter-aml"}]
