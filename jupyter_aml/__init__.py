"""Azure Machine Learning's workspace, rebuilt as open software inside Jupyter.

``from jupyter_aml import Workspace, Experiment, Run`` is the only door; everything is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "AmlCompute": "jupyter_aml.compute.amlcompute",
    "AzureMLException": "jupyter_aml.errors",
    "BanditPolicy": "jupyter_aml.jobs.hyperdrive.policy",
    "BayesianParameterSampling": "jupyter_aml.jobs.hyperdrive.sampling",
    "ComputeInstance": "jupyter_aml.compute.instance",
    "ComputeTarget": "jupyter_aml.compute.target",
    "CondaDependencies": "jupyter_aml.environments.conda",
    "Dataset": "jupyter_aml.data.dataset",
    "Datastore": "jupyter_aml.data.datastore",
    "Environment": "jupyter_aml.environments.environment",
    "Experiment": "jupyter_aml.tracking.experiment",
    "GridParameterSampling": "jupyter_aml.jobs.hyperdrive.sampling",
    "HyperDriveConfig": "jupyter_aml.jobs.hyperdrive.config",
    "Keyvault": "jupyter_aml.data.keyvault",
    "MedianStoppingPolicy": "jupyter_aml.jobs.hyperdrive.policy",
    "Model": "jupyter_aml.models.model",
    "NotebookRunConfig": "jupyter_aml.jobs.script_config",
    "OutputFileDatasetConfig": "jupyter_aml.data.output",
    "PrimaryMetricGoal": "jupyter_aml.jobs.hyperdrive.config",
    "RandomParameterSampling": "jupyter_aml.jobs.hyperdrive.sampling",
    "RemoteCompute": "jupyter_aml.compute.remote",
    "Run": "jupyter_aml.tracking.run",
    "RunConfiguration": "jupyter_aml.jobs.run_config",
    "RunDetails": "jupyter_aml.notebook.widgets",
    "ScriptRunConfig": "jupyter_aml.jobs.script_config",
    "TruncationSelectionPolicy": "jupyter_aml.jobs.hyperdrive.policy",
    "UserErrorException": "jupyter_aml.errors",
    "Workspace": "jupyter_aml.workspace",
    "choice": "jupyter_aml.jobs.hyperdrive.expressions",
    "loguniform": "jupyter_aml.jobs.hyperdrive.expressions",
    "normal": "jupyter_aml.jobs.hyperdrive.expressions",
    "quniform": "jupyter_aml.jobs.hyperdrive.expressions",
    "randint": "jupyter_aml.jobs.hyperdrive.expressions",
    "uniform": "jupyter_aml.jobs.hyperdrive.expressions",
}

__all__ = [
    "AmlCompute",
    "AzureMLException",
    "BanditPolicy",
    "BayesianParameterSampling",
    "ComputeInstance",
    "ComputeTarget",
    "CondaDependencies",
    "Dataset",
    "Datastore",
    "Environment",
    "Experiment",
    "GridParameterSampling",
    "HyperDriveConfig",
    "Keyvault",
    "MedianStoppingPolicy",
    "Model",
    "NotebookRunConfig",
    "OutputFileDatasetConfig",
    "PrimaryMetricGoal",
    "RandomParameterSampling",
    "RemoteCompute",
    "Run",
    "RunConfiguration",
    "RunDetails",
    "ScriptRunConfig",
    "TruncationSelectionPolicy",
    "UserErrorException",
    "Workspace",
    "__version__",
    "choice",
    "loguniform",
    "normal",
    "quniform",
    "randint",
    "uniform",
]

if TYPE_CHECKING:
    from jupyter_aml.compute.amlcompute import AmlCompute
    from jupyter_aml.compute.instance import ComputeInstance
    from jupyter_aml.compute.remote import RemoteCompute
    from jupyter_aml.compute.target import ComputeTarget
    from jupyter_aml.data.dataset import Dataset
    from jupyter_aml.data.datastore import Datastore
    from jupyter_aml.data.keyvault import Keyvault
    from jupyter_aml.data.output import OutputFileDatasetConfig
    from jupyter_aml.environments.conda import CondaDependencies
    from jupyter_aml.environments.environment import Environment
    from jupyter_aml.errors import AzureMLException, UserErrorException
    from jupyter_aml.jobs.hyperdrive.config import HyperDriveConfig, PrimaryMetricGoal
    from jupyter_aml.jobs.hyperdrive.expressions import choice, loguniform, normal, quniform, randint, uniform
    from jupyter_aml.jobs.hyperdrive.policy import BanditPolicy, MedianStoppingPolicy, TruncationSelectionPolicy
    from jupyter_aml.jobs.hyperdrive.sampling import (
        BayesianParameterSampling,
        GridParameterSampling,
        RandomParameterSampling,
    )
    from jupyter_aml.jobs.run_config import RunConfiguration
    from jupyter_aml.jobs.script_config import NotebookRunConfig, ScriptRunConfig
    from jupyter_aml.models.model import Model
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
