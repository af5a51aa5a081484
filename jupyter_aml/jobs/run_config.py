"""RunConfiguration: where and how a script runs, in memory and as a file beside it.

Reference: https://learn.microsoft.com/python/api/azureml-core/azureml.core.runconfig.runconfiguration
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jupyter_aml.errors import UserErrorException
from jupyter_aml.jobs.distributed import (
    MpiConfiguration,
    ParallelTaskConfiguration,
    PyTorchConfiguration,
    TensorflowConfiguration,
)
from jupyter_aml.jobs.prepare import describe

LOCAL = "local"
FOLDERS = (".azureml", "aml_config", "")
EXTENSION = ".runconfig"
_FRAMEWORKS = ("Python", "PySpark", "Cntk", "TensorFlow", "PyTorch")
_COMMUNICATORS = ("None", "ParameterServer", "OpenMpi", "IntelMpi", "Nccl", "Gloo")


class HistoryConfiguration:
    """What is kept of a run."""

    def __init__(self) -> None:
        self.output_collection = True
        """Its outputs and logs folders."""
        self.directories_to_watch: list[str] | None = ["logs"]
        self.snapshot_project = True


class DockerConfiguration:
    """Kept with a configuration; runs are executed in an environment of this machine, not in a container.

    Args:
        use_docker: whether a container is wished for.
        shared_volumes: for a container.
        arguments: of ``docker run``.
        shm_size: for a container.
    """

    def __init__(
        self,
        use_docker: bool = False,
        shared_volumes: bool = True,
        arguments: list[str] | None = None,
        shm_size: str | None = None,
    ) -> None:
        self.use_docker = use_docker
        self.shared_volumes = shared_volumes
        self.arguments = arguments or []
        self.shm_size = shm_size


class AmlComputeConfiguration:
    """Of a cluster that would be made for one run; clusters are made by `AmlCompute` here."""

    def __init__(self) -> None:
        self.vm_size: str | None = None
        self.vm_priority: str | None = None


class SparkConfiguration:
    """Kept with a configuration."""

    def __init__(self) -> None:
        self.configuration: dict[str, str] = {}


class HdiConfiguration:
    """Kept with a configuration."""

    def __init__(self) -> None:
        self.yarn_deploy_mode = "cluster"


class RunConfiguration:
    """Where and how a script runs.

    Args:
        script: path of the script in the source directory.
        arguments: of the script.
        framework: "Python", "TensorFlow", "PyTorch" …
        communicator: "None", "OpenMpi", "Nccl", "Gloo" or "ParameterServer".
        conda_dependencies: what the environment shall have.
        command: instead of a script.

    Raises:
        UserErrorException: a framework or communicator that there is not.
    """

    def __init__(
        self,
        script: str | None = None,
        arguments: Sequence[Any] | None = None,
        framework: str | None = None,
        communicator: str | None = None,
        conda_dependencies: Any = None,
        _history_enabled: bool | None = None,
        _path: Any = None,
        _name: str | None = None,
        command: Any = None,
    ) -> None:
        self._path, self._name = _path, _name
        self.script = script
        self.arguments: list[Any] = list(arguments or [])
        self.command = command
        self.framework = _one_of("framework", framework or "Python", _FRAMEWORKS)
        self.communicator = _one_of("communicator", communicator or "None", _COMMUNICATORS)
        self._target = LOCAL
        self._target_object: Any = None
        self._environment: Any = None
        self._variables: dict[str, str] = {}
        self.auto_prepare_environment = True
        self.max_run_duration_seconds: float | None = None
        self.max_attempts = 1
        """Of ours: how often the run is begun at most, when its script fails or its machine dies."""
        self.node_count = 1
        self.priority: int | None = None
        self.history = HistoryConfiguration()
        if _history_enabled is not None:
            self.history.output_collection = bool(_history_enabled)
        self.docker = DockerConfiguration()
        self.mpi = MpiConfiguration()
        self.pytorch = PyTorchConfiguration()
        self.tensorflow = TensorflowConfiguration()
        self.paralleltask = ParallelTaskConfiguration()
        self.amlcompute = AmlComputeConfiguration()
        self.spark = SparkConfiguration()
        self.hdi = HdiConfiguration()
        self.kubernetescompute: Any = None
        self.auto_cluster_compute_specification: Any = None
        self.credential_passthrough = False
        self.data: dict[str, Any] = {}
        self.data_references: dict[str, Any] = {}
        self.output_data: dict[str, Any] = {}
        self.datacaches: list[Any] = []
        self.services: dict[str, Any] = {}
        self.source_directory_data_store: str | None = None
        if conda_dependencies is not None:
            self.environment.python.conda_dependencies = conda_dependencies

    @property
    def target(self) -> str:
        """Name of the compute target; may be set to a name or to the target itself."""
        return self._target

    @target.setter
    def target(self, value: Any) -> None:
        name = getattr(value, "name", value)
        if value is None:
            name = LOCAL
        if not isinstance(name, str) or not name:
            raise UserErrorException(
                f"A compute target is one of the workspace's, or a name, not {value!r} of type {type(value).__name__}."
            )
        self._target = name
        self._target_object = None if isinstance(value, str) else value

    @property
    def environment(self) -> Any:
        """The environment; made when it is first asked for. Never touched, it is that of whoever submits."""
        if self._environment is None:
            from jupyter_aml.environments.environment import Environment

            self._environment = Environment("project_environment")
        return self._environment

    @environment.setter
    def environment(self, value: Any) -> None:
        if value is not None and not hasattr(value, "_to_dict"):
            raise UserErrorException(f"An environment is an Environment, not {value!r} of type {type(value).__name__}.")
        self._environment = value

    @property
    def environment_variables(self) -> dict[str, str]:
        """Variables for the script."""
        return self._variables

    @environment_variables.setter
    def environment_variables(self, value: Mapping[str, Any] | None) -> None:
        self._variables = {str(k): str(v) for k, v in (value or {}).items()}

    def _distribute(self, how: Any) -> None:
        """Take over what a distributed_job_config says."""
        if isinstance(how, MpiConfiguration):
            self.mpi = how
        elif isinstance(how, PyTorchConfiguration):
            self.pytorch, self.framework = how, "PyTorch"
        elif isinstance(how, TensorflowConfiguration):
            self.tensorflow, self.framework = how, "TensorFlow"
        elif isinstance(how, ParallelTaskConfiguration):
            self.paralleltask = how
            return
        else:
            raise UserErrorException(
                "distributed_job_config is an MpiConfiguration, a PyTorchConfiguration or a TensorflowConfiguration, "
                f"not {how!r} of type {type(how).__name__}."
            )
        self.communicator, self.node_count = how.communicator, how.node_count

    def _definition(self) -> dict[str, Any]:
        """As the SDK's `runDefinition` has it."""
        return {
            "script": self.script,
            "command": self.command if self.command else "",
            "arguments": [str(one) for one in self.arguments],
            "framework": self.framework,
            "communicator": self.communicator,
            "target": self.target,
            "maxRunDurationSeconds": self.max_run_duration_seconds,
            "maxAttempts": self.max_attempts,
            "nodeCount": int(self.node_count),
            "priority": self.priority,
            "environment": describe(self._environment),
            "environmentVariables": dict(self._variables),
            "history": {
                "outputCollection": self.history.output_collection,
                "directoriesToWatch": self.history.directories_to_watch,
                "snapshotProject": self.history.snapshot_project,
            },
            "docker": {
                "useDocker": self.docker.use_docker, "sharedVolumes": self.docker.shared_volumes,
                "shmSize": self.docker.shm_size, "arguments": list(self.docker.arguments),
            },
            "mpi": self.mpi._definition(),
            "pyTorch": self.pytorch._definition(),
            "tensorflow": self.tensorflow._definition(),
        }  # fmt: skip

    # -- files -------------------------------------------------------------------------------------------------------
    def save(self, path: Any = None, name: str | None = None, separate_environment_yaml: bool = False) -> None:
        """Write it as YAML.

        Args:
            path: the folder whose ``.azureml`` gets it (the working folder by default), or the file itself.
            name: of the file, without ".runconfig"; the target's by default.
            separate_environment_yaml: write the environment to ``<name>.environment.yml`` beside it.

        Raises:
            UserErrorException: the file cannot be written.
        """
        import yaml

        where = Path(path if path is not None else self._path or ".")
        if where.suffix not in (EXTENSION, ".yml", ".yaml"):
            where = where / FOLDERS[0] / f"{name or self._name or self.target}{EXTENSION}"
        definition = self._definition()
        try:
            where.parent.mkdir(parents=True, exist_ok=True)
            if separate_environment_yaml and definition["environment"] is not None:
                beside = where.with_name(where.name.removesuffix(EXTENSION) + ".environment.yml")
                beside.write_text(yaml.safe_dump(definition["environment"], sort_keys=False), encoding="utf-8")
                definition["environment"] = {"file": beside.name}
            where.write_text(yaml.safe_dump(definition, sort_keys=False, allow_unicode=True), encoding="utf-8")
        except OSError as error:
            raise UserErrorException(
                f"The run configuration cannot be written to {where}: {error.strerror}."
            ) from error

    @staticmethod
    def load(path: Any, name: str | None = None) -> RunConfiguration:
        """Read one.

        Args:
            path: its file, or the folder in whose ``.azureml`` (or ``aml_config``) it lies.
            name: of the file, without ".runconfig"; may be left out where there is one alone.

        Raises:
            UserErrorException: there is none, or it cannot be read.
        """
        file = _find(Path(path), name)
        facts = _read(file)
        environment = facts.get("environment")
        if isinstance(environment, Mapping) and set(environment) == {"file"}:
            environment = _read(file.with_name(str(environment["file"])))
        made = RunConfiguration(
            script=facts.get("script"),
            arguments=_words(file, facts.get("arguments")),
            framework=facts.get("framework"),
            communicator=facts.get("communicator"),
            command=facts.get("command") or None,
            _path=str(file.parent.parent if file.parent.name in FOLDERS[:2] else file.parent),
            _name=file.name.removesuffix(EXTENSION),
        )
        made.target = facts.get("target")
        made.max_run_duration_seconds = facts.get("maxRunDurationSeconds")
        made.max_attempts = int(facts.get("maxAttempts") or 1)
        made.node_count = int(facts.get("nodeCount") or 1)
        made.priority = facts.get("priority")
        made.environment_variables = facts.get("environmentVariables")
        if environment:
            from jupyter_aml.environments.environment import Environment

            made._environment = Environment._from_dict(_with_conda_file(environment, Path(made._path)))
        history = facts.get("history") or {}
        made.history.output_collection = bool(history.get("outputCollection", True))
        made.history.directories_to_watch = history.get("directoriesToWatch", ["logs"])
        docker = facts.get("docker") or {}
        made.docker = DockerConfiguration(
            bool(docker.get("useDocker", False)), bool(docker.get("sharedVolumes", True)),
            docker.get("arguments"), docker.get("shmSize"),
        )  # fmt: skip
        made.mpi = MpiConfiguration((facts.get("mpi") or {}).get("processCountPerNode") or 1, made.node_count)
        torch = facts.get("pyTorch") or {}
        made.pytorch = PyTorchConfiguration(
            torch.get("communicationBackend") or "Nccl", torch.get("processCount"), made.node_count
        )
        flow = facts.get("tensorflow") or {}
        made.tensorflow = TensorflowConfiguration(flow.get("workerCount") or 1, flow.get("parameterServerCount") or 0)
        return made

    @staticmethod
    def delete(path: Any, name: str) -> None:
        """Delete a file that `save` wrote.

        Raises:
            UserErrorException: there is none.
        """
        _find(Path(path), name).unlink()

    def __repr__(self) -> str:
        what = self.script or self.command
        return f"RunConfiguration(script={what!r}, target={self.target!r})"


def _one_of(name: str, value: str, known: Sequence[str]) -> str:
    for one in known:
        if str(value).lower() == one.lower():
            return one
    raise UserErrorException(f"{name} is one of {', '.join(known)}, not {value!r}.")


def _find(path: Path, name: str | None) -> Path:
    if path.is_file():
        return path
    folders = [path / folder for folder in FOLDERS]
    if name is not None:
        wanted = name.removesuffix(EXTENSION) + EXTENSION
        found = [folder / wanted for folder in folders if (folder / wanted).is_file()]
    else:
        found = next((some for folder in folders if (some := sorted(folder.glob(f"*{EXTENSION}")))), [])
        if len(found) > 1:
            names = ", ".join(one.name.removesuffix(EXTENSION) for one in found)
            raise UserErrorException(f"There are several run configurations below {path}: {names}. Give name=.")
    if not found:
        raise UserErrorException(
            f"There is no run configuration{f' {name!r}' if name else ''} at {path} or in its .azureml folder."
        )
    return found[0]


def _read(file: Path) -> dict[str, Any]:
    import yaml

    try:
        facts = yaml.safe_load(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserErrorException(f"The run configuration {file} cannot be read: {error}.") from error
    if not isinstance(facts, dict):
        raise UserErrorException(f"The run configuration {file} is no mapping of names to values.")
    return facts


def _with_conda_file(environment: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """The environment, its conda file said from the folder that the configuration is of."""
    python = environment.get("python")
    named = python.get("condaDependenciesFile") if isinstance(python, Mapping) else None
    if not named or not (folder / str(named)).is_file():
        return environment
    return {**environment, "python": {**python, "condaDependenciesFile": str(folder / str(named))}}  # type: ignore[dict-item]


def _words(file: Path, given: Any) -> list[Any]:
    if given is None or isinstance(given, list):
        return given or []
    raise UserErrorException(f"arguments in {file} is a list, not {given!r}.")
