"""The parts of an environment: Python, Docker, Spark, R. All are kept; what is not used says so when a run starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_aml.environments.conda import CondaDependencies
from jupyter_aml.errors import UserErrorException

DEFAULT_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04:latest"
DEFAULT_GPU_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-cuda11.1-cudnn8-ubuntu20.04:latest"


class Section:
    """Named settings with defaults. Setting another name is refused, since it would be lost."""

    _defaults: dict[str, Any] = {}

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def __init__(self, **given: Any) -> None:
        for name, value in self._defaults.items():
            object.__setattr__(self, name, value.copy() if isinstance(value, (dict, list)) else value)
        for name, value in given.items():
            if not name.startswith("_"):
                setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._defaults and not name.startswith("_") and not hasattr(type(self), name):
            raise UserErrorException(
                f"{type(self).__name__} has no {name!r}; there are {', '.join(sorted(self._defaults))}."
            )
        object.__setattr__(self, name, value)

    def _to_dict(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in self._defaults:
            value = getattr(self, name)
            found[_camel(name)] = value._to_dict() if isinstance(value, Section) else value
        return found

    def _take(self, found: Any) -> None:
        """Take over what a dict says."""
        for name in self._defaults:
            if not isinstance(found, dict) or _camel(name) not in found:
                continue
            value = found[_camel(name)]
            if isinstance(getattr(self, name), Section):
                getattr(self, name)._take(value)
            else:
                setattr(self, name, value)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._to_dict() == self._to_dict()  # type: ignore[attr-defined]

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self._defaults)})"


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


class ContainerRegistry(Section):
    """Where an image is pulled from."""

    _defaults = {"address": None, "username": None, "password": None, "registry_identity": None}

    def _to_dict(self) -> dict[str, Any]:
        """Without the password: it is kept nowhere."""
        return {**super()._to_dict(), "password": None}

    def __repr__(self) -> str:
        return f"ContainerRegistry(address={self.address!r}, username={self.username!r})"  # type: ignore[attr-defined]


class DockerSection(Section):
    """The container that is asked for. Kept; used only where a container engine answers."""

    _defaults = {
        "enabled": False,
        "base_image": DEFAULT_IMAGE,
        "base_dockerfile": None,
        "base_image_registry": None,
        "build_context": None,
        "platform": None,
        "shared_volumes": True,
        "shm_size": "2g",
        "arguments": [],
        "gpu_support": False,
    }

    def __init__(self, **given: Any) -> None:
        super().__init__(**{"base_image_registry": ContainerRegistry(), **given})


class PythonSection(Section):
    """The Python that is asked for.

    `conda_dependencies` is never None. With `user_managed_dependencies` the interpreter at `interpreter_path` is used as it is.
    """

    _defaults = {
        "interpreter_path": "python",
        "user_managed_dependencies": False,
        "base_conda_environment": None,
        "conda_dependencies_file": None,
        "conda_dependencies": None,
    }

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        if getattr(self, "conda_dependencies", None) is None:
            self.conda_dependencies = CondaDependencies()

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "conda_dependencies_file" and value is not None:
            object.__setattr__(self, "conda_dependencies", CondaDependencies(value))
        if name == "conda_dependencies" and value is not None and not isinstance(value, CondaDependencies):
            value = CondaDependencies(_underlying_structure=value)
        super().__setattr__(name, value)

    def _to_dict(self) -> dict[str, Any]:
        found = super()._to_dict()
        found["condaDependencies"] = self.conda_dependencies.as_dict()
        found["condaDependenciesFile"] = None  # its content is the dependencies
        return found


class SparkSection(Section):
    """Spark settings. Kept for notebooks that set them; runs start no Spark."""

    _defaults = {"repositories": [], "packages": [], "precache_packages": True}


class RSection(Section):
    """R settings. Kept for notebooks that set them; runs start no R."""

    _defaults = {
        "r_version": None,
        "user_managed": False,
        "rscript_path": None,
        "snapshot_date": None,
        "cran_packages": None,
        "github_packages": None,
        "custom_url_packages": None,
        "bioconductor_packages": None,
    }
