"""CondaDependencies: conda and pip requirements of an environment. Its surface is that of the AzureML SDK v1.

Reference: https://learn.microsoft.com/python/api/azureml-core/azureml.core.conda_dependencies.condadependencies
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from jupyter_aml.errors import UserErrorException
from jupyter_aml.tracking.names import local_path, shown

DEFAULT_PYTHON = "3.8.13"
"""What the SDK's default says. As it is nobody's choice, another Python is no deviation from it."""
_CHANNELS = ("anaconda", "conda-forge")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class CondaDependencies:
    """Requirements as a conda specification says them.

    Args:
        conda_dependencies_file_path: a YAML file of conda; by default the SDK's own (a Python and azureml-defaults).

    Raises:
        UserErrorException: the file cannot be read, or is none.
    """

    def __init__(self, conda_dependencies_file_path: Any = None, _underlying_structure: Any = None) -> None:
        if _underlying_structure is not None:
            self._spec = _checked(copy.deepcopy(_underlying_structure), "the given structure")
        elif conda_dependencies_file_path is not None:
            self._spec = _read(conda_dependencies_file_path)
        else:
            self._spec = {
                "name": "project_environment",
                "dependencies": [f"python={DEFAULT_PYTHON}", {"pip": ["azureml-defaults"]}],
                "channels": list(_CHANNELS),
            }

    @staticmethod
    def create(
        pip_indexurl: str | None = None,
        pip_packages: Sequence[str] | None = None,
        conda_packages: Sequence[str] | None = None,
        python_version: str | None = None,
        pin_sdk_version: bool = True,
    ) -> CondaDependencies:
        """Dependencies of these packages.

        Args:
            pip_indexurl: an index to be asked instead of the usual one.
            pip_packages: pip requirements.
            conda_packages: conda ones.
            python_version: "3.10", for instance.
            pin_sdk_version: (SDK) no meaning here: a run always has the jupyter_aml that submitted it.
        """
        made = CondaDependencies()
        made._spec["dependencies"] = [f"python={python_version or DEFAULT_PYTHON}"]
        for package in _several(conda_packages):
            made.add_conda_package(package)
        if pip_indexurl:
            made.set_pip_index_url(pip_indexurl)
        for package in _several(pip_packages):
            made.add_pip_package(package)
        return made

    @staticmethod
    def merge_requirements(requirements: Iterable[str]) -> list[str]:
        """The requirements, each package once (the last one that names it stands)."""
        found: dict[str, str] = {}
        for one in requirements:
            found[package_name(one)] = one
        return list(found.values())

    # -- what is in it -------------------------------------------------------------------------------------------
    @property
    def conda_channels(self) -> Iterable[str]:
        """Its channels."""
        return iter(list(self._spec.get("channels", [])))

    @property
    def conda_packages(self) -> Iterable[str]:
        """Its conda requirements, Python's among them."""
        return iter([one for one in self._spec["dependencies"] if isinstance(one, str)])

    @property
    def pip_packages(self) -> Iterable[str]:
        """Its pip requirements."""
        return iter([one for one in self._pip() if not one.startswith("-")])

    @property
    def pip_options(self) -> Iterable[str]:
        """Its options for pip."""
        return iter([one for one in self._pip() if one.startswith("-")])

    def get_python_version(self) -> str | None:
        """The Python that is asked for; None for any."""
        for one in self.conda_packages:
            if package_name(one) == "python":
                return one[len("python") :].strip().lstrip("=<>!~ ") or None
        return None

    def get_default_number_of_packages(self) -> int:
        """Packages that the SDK's default has."""
        return self.DEFAULT_NUMBER_OF_CONDA_PACKAGES + self.DEFAULT_NUMBER_OF_PIP_PACKAGES

    DEFAULT_NUMBER_OF_CONDA_PACKAGES = 1
    DEFAULT_NUMBER_OF_PIP_PACKAGES = 1

    @staticmethod
    def sdk_origin_url() -> str:
        """Where the SDK's own packages come from: "", as jupyter_aml stands for them and no index is asked."""
        return ""

    # -- changing it ---------------------------------------------------------------------------------------------
    def add_channel(self, channel: str) -> None:
        """Add a conda channel."""
        channels = self._spec.setdefault("channels", [])
        if channel not in channels:
            channels.append(channel)

    def remove_channel(self, channel: str) -> None:
        """Remove a channel."""
        self._spec["channels"] = [one for one in self._spec.get("channels", []) if one != channel]

    def add_conda_package(self, conda_package: str) -> None:
        """Add a conda requirement; it takes the place of one of the same package."""
        wanted = package_name(conda_package)
        kept = [one for one in self._spec["dependencies"] if not isinstance(one, str) or package_name(one) != wanted]
        at = next((i for i, one in enumerate(kept) if not isinstance(one, str)), len(kept))
        self._spec["dependencies"] = [*kept[:at], conda_package, *kept[at:]]

    def remove_conda_package(self, conda_package: str) -> None:
        """Remove a conda requirement by its package's name."""
        wanted = package_name(conda_package)
        self._spec["dependencies"] = [
            one for one in self._spec["dependencies"] if not isinstance(one, str) or package_name(one) != wanted
        ]

    def add_pip_package(self, pip_package: str) -> None:
        """Add a pip requirement; it takes the place of one of the same package."""
        wanted = package_name(pip_package)
        pip = self._pip(make=True)
        pip[:] = [one for one in pip if one.startswith("-") or package_name(one) != wanted] + [pip_package]

    def remove_pip_package(self, pip_package: str) -> None:
        """Remove a pip requirement by its package's name."""
        wanted = package_name(pip_package)
        pip = self._pip()
        pip[:] = [one for one in pip if one.startswith("-") or package_name(one) != wanted]

    def set_pip_requirements(self, pip_requirements: Sequence[str]) -> None:
        """Have these pip requirements instead of those that there are."""
        pip = self._pip(make=True)
        pip[:] = [one for one in pip if one.startswith("-")] + list(pip_requirements)

    def set_pip_option(self, pip_option: str) -> None:
        """Add an option for pip, e.g. ``--pre``."""
        pip = self._pip(make=True)
        name = pip_option.split(maxsplit=1)[0]
        pip[:] = [pip_option, *(one for one in pip if one.split(maxsplit=1)[0] != name)]

    def remove_pip_option(self, pip_option: str) -> None:
        """Remove an option for pip by its name."""
        pip = self._pip()
        pip[:] = [one for one in pip if one.split(maxsplit=1)[0] != pip_option.split(maxsplit=1)[0]]

    def set_pip_index_url(self, index_url: str) -> None:
        """Ask this index: a URL, or ``--index-url URL``."""
        self.set_pip_option(index_url if index_url.startswith("-") else f"--index-url {index_url}")

    def set_python_version(self, version: str) -> None:
        """Ask for a Python."""
        self.add_conda_package(f"python={version}")

    def add_tensorflow_conda_package(self, core_type: str = "cpu", version: str | None = None) -> None:
        """Add TensorFlow of conda ("cpu" or "gpu")."""
        name = "tensorflow-gpu" if core_type == "gpu" else "tensorflow"
        self.add_conda_package(f"{name}={version}" if version else name)

    def add_tensorflow_pip_package(self, core_type: str = "cpu", version: str | None = None) -> None:
        """Add TensorFlow of pip ("cpu" or "gpu")."""
        name = "tensorflow-gpu" if core_type == "gpu" else "tensorflow"
        self.add_pip_package(f"{name}=={version}" if version else name)

    def add_cntk_package(self, core_type: str = "cpu") -> None:
        """Add CNTK.

        Raises:
            UserErrorException: always; it ended in 2019 and has no package for a Python of today.
        """
        raise UserErrorException("CNTK ended in 2019: there is no package of it for a Python of today.")

    # -- as text -------------------------------------------------------------------------------------------------
    def as_dict(self) -> dict[str, Any]:
        """The specification."""
        return copy.deepcopy(self._spec)

    def serialize_to_string(self) -> str:
        """The specification as YAML."""
        return "# Conda environment specification, kept by jupyter_aml.\n" + yaml.safe_dump(self._spec, sort_keys=False)

    def save(self, path: Any = None) -> str:
        """Write the YAML to a file (``conda_dependencies.yml`` here, or in a folder); return its path."""
        target = Path(local_path(path)) if path is not None else Path("conda_dependencies.yml")
        if target.is_dir():
            target = target / "conda_dependencies.yml"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(self.serialize_to_string(), encoding="utf-8")
        return str(target)

    def save_to_file(self, base_directory: Any, conda_file_path: Any = None) -> str:
        """Write the YAML to a file below a folder; return its path below it."""
        name = local_path(conda_file_path) if conda_file_path is not None else "conda_dependencies.yml"
        self.save(Path(local_path(base_directory)) / name)
        return name

    def _pip(self, make: bool = False) -> list[str]:
        for one in self._spec["dependencies"]:
            if isinstance(one, dict) and isinstance(one.get("pip"), list):
                return one["pip"]
        fresh: list[str] = []
        if make:
            self._spec["dependencies"].append({"pip": fresh})
        return fresh

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CondaDependencies) and other._spec == self._spec

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"CondaDependencies({self._spec!r})"


def package_name(requirement: object) -> str:
    """The package of a requirement, as names are compared.

    Raises:
        UserErrorException: it names none.
    """
    text = str(requirement).rpartition("::")[2].strip()
    found = _NAME.match(text)
    if found is None:
        raise UserErrorException(f"{shown(requirement)} names no package.")
    return re.sub(r"[-_.]+", "-", found[0].rstrip("-._")).lower()


def _several(packages: Any) -> list[str]:
    if packages is None:
        return []
    if isinstance(packages, str) or not all(isinstance(one, str) for one in packages):
        raise UserErrorException(f"Packages are a list of texts, not {shown(packages)}.")
    return list(packages)


def _read(path: Any) -> dict[str, Any]:
    place = Path(local_path(path))
    try:
        found = yaml.safe_load(place.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserErrorException(f"The conda specification {str(place)!r} cannot be read: {error}.") from error
    return _checked(found, repr(str(place)))


def _checked(found: Any, where: str) -> dict[str, Any]:
    """A specification with all that the rest counts on; a file may have no name and no channels."""
    dependencies = found.get("dependencies") if isinstance(found, Mapping) else None
    if not isinstance(dependencies, list):
        raise UserErrorException(f"{where} is no conda specification: it has no list of dependencies.")
    for one in dependencies:
        nested = one.get("pip") if isinstance(one, Mapping) else None
        if not isinstance(one, str) and not (isinstance(nested, list) and all(isinstance(p, str) for p in nested)):
            raise UserErrorException(f"{where}: {shown(one)} is neither a conda requirement nor a list for pip.")
    return {"name": "project_environment", **found}
