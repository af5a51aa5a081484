"""What can be submitted: a script (or a command) with its source directory, or a notebook in its place.

Reference: https://learn.microsoft.com/python/api/azureml-core/azureml.core.scriptrunconfig
"""

from __future__ import annotations

import copy
import json
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jupyter_aml.errors import UserErrorException
from jupyter_aml.jobs.run_config import DockerConfiguration, RunConfiguration


class ScriptRunConfig:
    """A script to be run. Nothing is read before it is submitted, and it may be submitted again and again.

    Args:
        source_directory: what is frozen and unpacked where the script runs; the working folder by default.
        script: path of the script in it.
        arguments: its arguments: text, numbers, datasets.
        run_config: where and how; what else is given here is put into a copy of it.
        compute_target: a target or its name ("local" by default).
        environment: an `Environment`.
        distributed_job_config: several processes: an `MpiConfiguration`, `PyTorchConfiguration` or `TensorflowConfiguration`.
        resume_from: data of an earlier run.
        max_run_duration_seconds: seconds after which the run is stopped.
        command: a list or text, instead of a script.
        docker_runtime_config: kept.

    Raises:
        UserErrorException: both a script and a command, or values of the wrong kind.
    """

    MAX_DURATION_SECONDS_DEFAULT = 2592000

    def __init__(
        self,
        source_directory: Any = None,
        script: str | None = None,
        arguments: Sequence[Any] | None = None,
        run_config: RunConfiguration | None = None,
        _telemetry_values: Any = None,
        compute_target: Any = None,
        environment: Any = None,
        distributed_job_config: Any = None,
        resume_from: Any = None,
        max_run_duration_seconds: float | None = None,
        command: Any = None,
        docker_runtime_config: DockerConfiguration | None = None,
    ) -> None:
        if run_config is not None and not isinstance(run_config, RunConfiguration):
            raise UserErrorException(f"run_config is a RunConfiguration, not {run_config!r}.")
        if isinstance(arguments, str) or not (arguments is None or isinstance(arguments, Sequence)):
            raise UserErrorException(f"arguments is a list such as ['--rate', 0.1], not {arguments!r}.")
        if command is not None and not isinstance(command, str | Sequence):
            raise UserErrorException(f"command is a list or text, not {command!r}.")
        self.run_config = _copy(run_config) if run_config is not None else RunConfiguration()
        self.script = script or (None if command else self.run_config.script)
        self.command = command or (None if script else self.run_config.command)
        if bool(self.script) == bool(self.command):
            both = "both of them were" if self.script else "neither of them was"
            raise UserErrorException(f"ScriptRunConfig takes either script= or command=; {both} given.")
        try:
            self.source_directory = os.fspath(source_directory) if source_directory is not None else "."
        except TypeError:
            raise UserErrorException(f"source_directory is a folder's path, not {source_directory!r}.") from None
        self.arguments = list(arguments) if arguments is not None else list(self.run_config.arguments)
        if compute_target is not None:
            self.run_config.target = compute_target
        if environment is not None:
            self.run_config.environment = environment
        if distributed_job_config is not None:
            self.run_config._distribute(distributed_job_config)
        if max_run_duration_seconds is not None:
            self.run_config.max_run_duration_seconds = max_run_duration_seconds
        if docker_runtime_config is not None:
            self.run_config.docker = docker_runtime_config
        self.resume_from = resume_from
        self.run_config.script = self.script
        self.run_config.command = self.command
        self.run_config.arguments = self.arguments

    def _submit(self, workspace: Any, experiment: Any, *, tags: Any = None, **kwargs: Any) -> Any:
        """See `Experiment.submit`."""
        from jupyter_aml.jobs.submit import submit_script

        return submit_script(workspace, experiment, self, tags=tags, **kwargs)

    def __repr__(self) -> str:
        what = f"script={self.script!r}" if self.script else f"command={self.command!r}"
        return f"ScriptRunConfig(source_directory={self.source_directory!r}, {what}, target={self.run_config.target!r})"


class NotebookRunConfig(ScriptRunConfig):
    """A notebook that is executed as the script; its cells are the run's children, the executed notebook is its output.

    Args:
        source_directory: what is frozen and unpacked where the notebook runs.
        notebook: its path in there.
        output_notebook: path of the executed one, by default in ``outputs``, by the notebook's name.
        parameters: values for the cell tagged "parameters".
        handler: (SDK) taken for its `timeout`, `allow_errors` is not.
        run_config: where and how.
    """

    def __init__(
        self,
        source_directory: Any,
        notebook: str,
        output_notebook: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        handler: Any = None,
        run_config: RunConfiguration | None = None,
        _telemetry_values: Any = None,
    ) -> None:
        if not isinstance(notebook, str) or not notebook.endswith(".ipynb"):
            raise UserErrorException(f"notebook is a notebook's path below the source directory, not {notebook!r}.")
        self.notebook = notebook
        self.output_notebook = output_notebook or f"outputs/{Path(notebook).name}"
        self.parameters = dict(parameters or {})
        self.handler = handler
        words = ["python", "-m", "jupyter_aml.jobs.notebook_script", notebook, self.output_notebook]
        command = shlex.join([*words, json.dumps(self.parameters, default=str)])
        super().__init__(source_directory, run_config=_without_script(run_config), command=command)


def get_run_config_from_script_run(script_run_config: ScriptRunConfig) -> RunConfiguration:
    """The run configuration of a script's, with its script and arguments."""
    config = script_run_config.run_config
    config.script, config.command = script_run_config.script, script_run_config.command
    config.arguments = script_run_config.arguments
    return config


def _copy(config: RunConfiguration) -> RunConfiguration:
    """Its own lists and dicts, the same environment and target."""
    made = copy.copy(config)
    for name, value in vars(config).items():
        if isinstance(value, list | dict):
            setattr(made, name, copy.copy(value))
    return made


def _without_script(config: RunConfiguration | None) -> RunConfiguration | None:
    if config is None:
        return None
    made = _copy(config)
    made.script, made.command, made.arguments = None, None, []
    return made
