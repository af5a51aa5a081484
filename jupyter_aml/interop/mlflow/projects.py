"""``mlflow.projects.run(…, backend="azureml")``: an MLflow project becomes a submitted run of the workspace.

``backend_config`` says ``COMPUTE`` (a compute target; this machine without) and ``USE_CONDA`` (whether the project's environment is
made ready; the interpreter that is there without). MLflow finds the backend by `mend`, where the alias is on.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from mlflow.projects.backend.abstract_backend import AbstractBackend
from mlflow.projects.submitted_run import SubmittedRun
from mlflow.projects.utils import fetch_and_validate_project, load_project

from jupyter_aml.errors import ActivityFailedException
from jupyter_aml.interop.mlflow.entities import status_of
from jupyter_aml.interop.mlflow.uri import connection_of

BACKEND = "azureml"


class SubmittedProject(SubmittedRun):  # type: ignore[misc]
    """The run of a project.

    Args:
        run: the submitted run.
    """

    def __init__(self, run: Any) -> None:
        self.run = run

    @property
    def run_id(self) -> str:
        """Its id, for MLflow and for us."""
        return str(self.run.id)

    def wait(self) -> bool:
        """Wait for its end: whether it was well."""
        try:
            self.run.wait_for_completion(show_output=True)
        except ActivityFailedException:
            return False
        return bool(self.run.get_status() == "Completed")

    def get_status(self) -> str:
        """Its status in MLflow's words."""
        return status_of(self.run.get_status())

    def cancel(self) -> None:
        """End it."""
        self.run.cancel()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.run_id}: {self.run.get_status()}>"


class ProjectBackend(AbstractBackend):  # type: ignore[misc]
    """What MLflow calls to run a project."""

    def run(
        self, project_uri: str, entry_point: str, params: Mapping[str, Any], version: str | None,
        backend_config: Mapping[str, Any] | None, tracking_uri: str, experiment_id: str,
    ) -> SubmittedProject:  # fmt: skip
        """Submit the project's command, its folder as the source.

        Raises:
            UserErrorException: the tracking URI names no workspace.
            ComputeTargetException: no such compute target.
        """
        from mlflow.tracking import MlflowClient

        from jupyter_aml.environments.environment import Environment
        from jupyter_aml.jobs.script_config import ScriptRunConfig
        from jupyter_aml.tracking.experiment import Experiment
        from jupyter_aml.tracking.lifetime import workspace_of

        folder = fetch_and_validate_project(project_uri, version, entry_point, params)
        project = load_project(folder)
        command = project.get_entry_point(entry_point).compute_command(dict(params or {}), None)
        said = {str(key).upper(): value for key, value in (backend_config or {}).items()}
        conda = getattr(project, "env_config_path", None) or getattr(project, "conda_env_path", None)
        if said.get("USE_CONDA", True) and conda:
            environment = Environment.from_conda_specification(project.name or "project_environment", conda)
        else:
            environment = Environment("project_environment")
            environment.python.user_managed_dependencies = True
        config = ScriptRunConfig(
            folder, command=command, compute_target=said.get("COMPUTE") or "local", environment=environment
        )
        workspace = workspace_of(connection_of(tracking_uri))
        name = MlflowClient(tracking_uri).get_experiment(experiment_id).name
        return SubmittedProject(Experiment(workspace, name).submit(config))


def mend(module: ModuleType) -> list[Callable[[], object]]:
    """Let ``mlflow.projects`` know the backend, and ``use_conda=`` of its earlier releases. Returns what undoes it."""
    backends: dict[str, Any] = module.loader.MLFLOW_BACKENDS
    native = module.run

    @functools.wraps(native)
    def run(*args: Any, **kwargs: Any) -> Any:
        conda = kwargs.pop("use_conda", None)
        if conda is not None and kwargs.get("env_manager") is None:
            kwargs["env_manager"] = "conda" if conda else "local"
        return native(*args, **kwargs)

    backends[BACKEND] = ProjectBackend
    module.run = run  # type: ignore[attr-defined]
    return [lambda: backends.pop(BACKEND, None), lambda: setattr(module, "run", native)]
