"""Estimators, the older way to describe a script: each makes a `ScriptRunConfig`.

Reference: https://learn.microsoft.com/python/api/azureml-train-core/azureml.train.estimator.estimator
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from jupyter_aml.errors import UserErrorException
from jupyter_aml.jobs.distributed import MpiConfiguration, PyTorchConfiguration, TensorflowConfiguration
from jupyter_aml.jobs.run_config import RunConfiguration
from jupyter_aml.jobs.script_config import ScriptRunConfig


class Mpi(MpiConfiguration):
    """`distributed_training` by MPI."""

    def __init__(self, process_count_per_node: int = 1) -> None:
        super().__init__(process_count_per_node)


class Gloo(PyTorchConfiguration):
    """`distributed_training` of PyTorch by Gloo."""

    def __init__(self) -> None:
        super().__init__("Gloo")


class Nccl(PyTorchConfiguration):
    """`distributed_training` of PyTorch by NCCL."""

    def __init__(self) -> None:
        super().__init__("Nccl")


class ParameterServer(TensorflowConfiguration):
    """`distributed_training` of TensorFlow by parameter servers."""

    def __init__(self, worker_count: int = 1, parameter_server_count: int = 1) -> None:
        super().__init__(worker_count, parameter_server_count)


class Estimator(ScriptRunConfig):
    """A script with the packages that it needs.

    Args:
        source_directory: its folder.
        compute_target: where it runs.
        entry_script: its path in the folder.
        script_params: argument → value ("" for a flag).
        node_count, process_count_per_node, distributed_backend, distributed_training: several processes.
        conda_packages, pip_packages: what the environment shall have.
        conda_dependencies_file, pip_requirements_file: files below the source directory that say so.
        environment_variables: for the script.
        environment_definition: an `Environment`, instead of all that.
        inputs: datasets that the script is given.
        max_run_duration_seconds: seconds after which the run is stopped.
        user_managed: use the interpreter that submits as it is.
        vm_size, vm_priority, use_gpu, use_docker, custom_docker_base_image, custom_docker_image, image_registry_details,
            source_directory_data_store, shm_size, resume_from: taken, and without effect here.

    Raises:
        UserErrorException: no entry script.
    """

    FRAMEWORK_NAME: ClassVar[str] = ""
    DEFAULT_VERSION: ClassVar[str] = ""
    PACKAGES: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        source_directory: Any,
        compute_target: Any = None,
        vm_size: str | None = None,
        vm_priority: str | None = None,
        entry_script: str | None = None,
        script_params: Mapping[str, Any] | None = None,
        node_count: int = 1,
        process_count_per_node: int = 1,
        distributed_backend: str | None = None,
        distributed_training: Any = None,
        use_gpu: bool = False,
        use_docker: bool = True,
        custom_docker_base_image: str | None = None,
        custom_docker_image: str | None = None,
        image_registry_details: Any = None,
        user_managed: bool = False,
        conda_packages: Sequence[str] | None = None,
        pip_packages: Sequence[str] | None = None,
        conda_dependencies_file_path: str | None = None,
        pip_requirements_file_path: str | None = None,
        conda_dependencies_file: str | None = None,
        pip_requirements_file: str | None = None,
        environment_variables: Mapping[str, Any] | None = None,
        environment_definition: Any = None,
        inputs: Sequence[Any] | None = None,
        source_directory_data_store: Any = None,
        shm_size: str | None = None,
        resume_from: Any = None,
        max_run_duration_seconds: float | None = None,
        _disable_validation: bool = True,
        _show_lint_warnings: bool = False,
        _show_package_warnings: bool = False,
    ) -> None:
        if not entry_script:
            raise UserErrorException("An estimator needs entry_script=, the script's path in the source directory.")
        config = RunConfiguration()
        config.environment_variables = environment_variables
        config.node_count = node_count
        how = distributed_training or _by_backend(distributed_backend, process_count_per_node)
        if how is not None:
            config._distribute(how)
            config.node_count = max(node_count, how.node_count)
        arguments: list[Any] = []
        for name, value in (script_params or {}).items():
            arguments += [name] if value is None or value == "" else [name, value]
        arguments += list(inputs or [])
        super().__init__(
            source_directory, entry_script, arguments, run_config=config, compute_target=compute_target,
            max_run_duration_seconds=max_run_duration_seconds, resume_from=resume_from,
        )  # fmt: skip
        conda_file = conda_dependencies_file or conda_dependencies_file_path
        pip_file = pip_requirements_file or pip_requirements_file_path
        if environment_definition is not None:
            self.run_config.environment = environment_definition
        elif not user_managed and (conda_packages or pip_packages or conda_file or pip_file or self.PACKAGES):
            self.run_config.environment = _environment(
                Path(self.source_directory),
                conda_packages,
                [*self.PACKAGES, *(pip_packages or [])],
                conda_file,
                pip_file,
            )

    @property
    def conda_dependencies(self) -> Any:
        """The packages of its environment."""
        return self.run_config.environment.python.conda_dependencies

    @property
    def framework_version(self) -> str:
        """Version of the framework: the one that is installed or resolved here."""
        return self._framework_version

    _framework_version = ""

    @classmethod
    def get_supported_versions(cls) -> list[str]:
        """Versions of the framework that may be named."""
        return [cls.DEFAULT_VERSION] if cls.DEFAULT_VERSION else []


class _Framework(Estimator):
    def __init__(self, source_directory: Any, *args: Any, framework_version: str | None = None, **kwargs: Any) -> None:
        kwargs.pop("_enable_optimized_mode", None)
        super().__init__(source_directory, *args, **kwargs)
        self._framework_version = framework_version or self.DEFAULT_VERSION


class SKLearn(_Framework):
    """A script that uses scikit-learn. Parameters as `Estimator`'s, and `framework_version`, which is kept."""

    FRAMEWORK_NAME = "SKLearn"
    DEFAULT_VERSION = "0.20.3"
    PACKAGES = ("scikit-learn",)


class PyTorch(_Framework):
    """A script that uses PyTorch. Parameters as `Estimator`'s, and `framework_version`, which is kept."""

    FRAMEWORK_NAME = "PyTorch"
    DEFAULT_VERSION = "1.4"
    PACKAGES = ("torch",)


class TensorFlow(_Framework):
    """A script that uses TensorFlow. Parameters as `Estimator`'s, and `framework_version`, which is kept."""

    FRAMEWORK_NAME = "TensorFlow"
    DEFAULT_VERSION = "2.0"
    PACKAGES = ("tensorflow",)


class Chainer(_Framework):
    """A script that uses Chainer. Parameters as `Estimator`'s, and `framework_version`, which is kept."""

    FRAMEWORK_NAME = "Chainer"
    DEFAULT_VERSION = "7.0.0"
    PACKAGES = ("chainer",)


def _by_backend(backend: str | None, processes: int) -> Any:
    if backend is None:
        return MpiConfiguration(processes) if processes > 1 else None
    known = {"mpi": lambda: MpiConfiguration(processes), "gloo": Gloo, "nccl": Nccl, "ps": ParameterServer}
    if backend.lower() not in known:
        raise UserErrorException(f"distributed_backend is one of {', '.join(known)}, not {backend!r}.")
    return known[backend.lower()]()


def _environment(
    source: Path, conda: Sequence[str] | None, pip: Sequence[str], conda_file: str | None, pip_file: str | None
) -> Any:
    from jupyter_aml.environments.environment import CondaDependencies, Environment

    if conda_file:
        made = Environment.from_conda_specification("project_environment", str(source / conda_file))
    elif pip_file:
        made = Environment.from_pip_requirements("project_environment", str(source / pip_file))
    else:
        made = Environment("project_environment")
        made.python.conda_dependencies = CondaDependencies.create()
    for name in conda or ():
        made.python.conda_dependencies.add_conda_package(name)
    for name in pip:
        made.python.conda_dependencies.add_pip_package(name)
    return made
