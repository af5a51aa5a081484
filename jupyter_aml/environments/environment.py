"""Environment: a description of what a run is executed in. Its surface is that of the AzureML SDK v1.

Reference: https://learn.microsoft.com/python/api/azureml-core/azureml.core.environment.environment
"""

from __future__ import annotations

import builtins
import copy
import hashlib
import json
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from jupyter_aml.environments import curated, ready
from jupyter_aml.environments.conda import CondaDependencies
from jupyter_aml.environments.image import ImageBuildDetails, ImageDetails
from jupyter_aml.environments.prepared import Prepared
from jupyter_aml.environments.sections import ContainerRegistry, DockerSection, PythonSection, RSection, SparkSection
from jupyter_aml.errors import EnvironmentException, NotFoundException, UserErrorException
from jupyter_aml.store.records import AssetQuery, AssetRecord
from jupyter_aml.tracking import html
from jupyter_aml.tracking.names import environment_name, local_path, shown
from jupyter_aml.tracking.who import user_name

KIND = "environment"
_FILE = "azureml_environment.json"
_CONDA_FILE = "conda_dependencies.yml"


class Environment:
    """What a run is executed in: Python and its packages, variables; a container where there is an engine.

    Args:
        name: its name, any text up to 255 characters.

    Raises:
        UserErrorException: a name that cannot be.
    """

    def __init__(self, name: str | None, **kwargs: Any) -> None:
        self.name = None if name is None else environment_name(name)
        self.version: str | None = None
        self.environment_variables: dict[str, str] = {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE"}
        self.python = kwargs.get("python") or PythonSection()
        self.docker = kwargs.get("docker") or DockerSection()
        self.spark = kwargs.get("spark") or SparkSection()
        self.r: RSection | None = kwargs.get("r")
        self.databricks: Any = None
        self.inferencing_stack_version: str | None = None
        self.asset_id: str | None = None

    # -- ways to one ---------------------------------------------------------------------------------------------
    @staticmethod
    def from_pip_requirements(name: str, file_path: Any, pip_version: str | None = None) -> Environment:
        """One of a requirements.txt.

        Raises:
            UserErrorException: the file cannot be read.
        """
        place = Path(local_path(file_path))
        try:
            lines = place.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UserErrorException(f"The requirements {str(place)!r} cannot be read: {error}.") from error
        wanted = [
            line.partition(" #")[0].strip() for line in lines if line.strip() and not line.lstrip().startswith("#")
        ]
        made = Environment(name)
        made.python.conda_dependencies = CondaDependencies.create(
            pip_packages=[*([f"pip=={pip_version}"] if pip_version else [])]
        )
        made.python.conda_dependencies._pip(make=True).extend(line for line in wanted if line)
        return made

    @staticmethod
    def from_conda_specification(name: str, file_path: Any) -> Environment:
        """One of conda's YAML (it may have no name and no channels).

        Raises:
            UserErrorException: the file cannot be read, or is none.
        """
        made = Environment(name)
        made.python.conda_dependencies = CondaDependencies(file_path)
        return made

    @staticmethod
    def from_existing_conda_environment(name: str, conda_environment_name: str) -> Environment | None:
        """One with the packages of a conda environment of this machine; None when conda knows none of that name.

        Raises:
            EnvironmentException: there is no conda here.
        """
        conda = shutil.which("conda") or shutil.which("mamba") or shutil.which("micromamba")
        if conda is None:
            raise EnvironmentException("There is no conda here to ask for its environments.")
        said = subprocess.run(
            [conda, "env", "export", "-n", conda_environment_name, "--no-builds"], capture_output=True, text=True
        )  # fmt: skip
        if said.returncode:
            return None
        spec = {k: v for k, v in (yaml.safe_load(said.stdout) or {}).items() if k != "prefix"}
        made = Environment(name)
        made.python.conda_dependencies = CondaDependencies(_underlying_structure=spec)
        return made

    @staticmethod
    def from_docker_image(
        name: str,
        image: str,
        container_registry: ContainerRegistry | None = None,
        conda_specification: Any = None,
        pip_requirements: Any = None,
    ) -> Environment:
        """One that asks for an image; packages of a conda specification or requirements.txt come on top."""
        made = _with_packages(name, conda_specification, pip_requirements)
        made.docker.base_image = image
        if container_registry is not None:
            made.docker.base_image_registry = container_registry
        return made

    @staticmethod
    def from_dockerfile(
        name: str, dockerfile: Any, conda_specification: Any = None, pip_requirements: Any = None
    ) -> Environment:
        """One that asks for the image of a Dockerfile (a path, or its text)."""
        made = _with_packages(name, conda_specification, pip_requirements)
        text = str(dockerfile)
        made.docker.base_image = None
        made.docker.base_dockerfile = (
            text if "\n" in text or not Path(text).is_file() else Path(text).read_text(encoding="utf-8")
        )
        return made

    @staticmethod
    def from_docker_build_context(name: str, docker_build_context: Any) -> Environment:
        """One that asks for the image of a build context."""
        made = Environment(name)
        made.docker.base_image = None
        made.docker.build_context = getattr(docker_build_context, "location", docker_build_context)
        return made

    # -- the workspace's -----------------------------------------------------------------------------------------
    def register(self, workspace: Any) -> Environment:
        """Keep it under its name as the next version, or as the newest one when that is the same; return it as it is kept.

        Raises:
            UserErrorException: it has no name, or one of the curated ones'.
        """
        if not self.name:
            raise UserErrorException("An environment needs a name to be registered: Environment('name').")
        if curated.is_curated(self.name):
            raise UserErrorException(
                f"{self.name!r} is a curated environment's kind of name (AzureML…); give yours another: env.clone('name')."
            )
        definition = self._definition()
        now = time.time()
        record = workspace.connection.store.put_asset(
            AssetRecord(
                kind=KIND, name=self.name, created=now, modified=now, user=user_name(), data=definition,
                hash=_hash(definition),
            ),
            if_exists="same",
        )  # fmt: skip
        kept = Environment._of(record)
        self.version, self.asset_id = kept.version, kept.asset_id
        return kept

    @staticmethod
    def get(workspace: Any, name: str, version: str | None = None, label: str | None = None) -> Environment:
        """A registered or curated environment.

        Args:
            workspace: where.
            name: its name.
            version: "1", "2" …; the newest by default.
            label: one that `Environment.label` gave ("Latest" always works).

        Raises:
            NotFoundException: there is none.
        """
        if version is not None and label is not None:
            raise UserErrorException("Environment.get() takes a version or a label, not both.")
        number = None if version is None else _number(name, version)
        if curated.is_curated(name):
            found = curated.find(name)
            if found is not None:
                return Environment._from_dict(found)
        store = workspace.connection.store
        if label is not None and label.lower() != "latest":
            for record in store.walk_assets(AssetQuery(kind=KIND, name=name)):
                if label in record.data.get("labels", ()):
                    return Environment._of(record)
            raise NotFoundException(f"The environment {name!r} has no label {label!r}.")
        record = store.asset(KIND, name, number)
        if record is None:
            known = store.asset_names(KIND)
            if name in known:
                raise NotFoundException(
                    f"The environment {name!r} has no version {version}; Environment.get(ws, {name!r}) is the newest of {known[name]}."
                )
            raise NotFoundException.of(
                "environment", name, [*known, *curated.names()], "Environment.list(ws) shows what there is."
            )
        return Environment._of(record)

    @staticmethod
    def named(workspace: Any, text: str) -> Environment:
        """The one that "NAME", or "NAME:VERSION", means.

        Raises:
            NotFoundException: there is none.
        """
        name, _, version = text.rpartition(":") if text.rpartition(":")[2].isdecimal() else (text, "", "")
        return Environment.get(workspace, name, version or None)

    @staticmethod
    def list(workspace: Any) -> dict[str, Environment]:
        """Name → environment: the newest version of those that are registered, and the curated ones."""
        found = _ByName({name: Environment._from_dict(one) for name, one in curated.all_of_them().items()})
        for record in workspace.connection.store.walk_assets(AssetQuery(kind=KIND, latest=True)):
            found[record.name] = Environment._of(record)
        return found

    @staticmethod
    def label(workspace: Any, name: str, version: str, labels: Sequence[str]) -> None:
        """Give labels to a version; each is taken from another version that had it.

        Raises:
            NotFoundException: there is no such version.
        """
        wanted = [str(one) for one in ([labels] if isinstance(labels, str) else labels)]
        store = workspace.connection.store
        chosen = store.asset(KIND, name, _number(name, version))
        if chosen is None:
            raise NotFoundException(f"The environment {name!r} has no version {version}.")
        for record in store.walk_assets(AssetQuery(kind=KIND, name=name, archived=True)):
            had = builtins.list(record.data.get("labels", ()))
            kept = [one for one in had if one not in wanted]
            now = [*kept, *wanted] if record.id == chosen.id else kept
            if now != had:
                store.change_asset(record.id, at=time.time(), who=user_name(), data={"labels": now or None})

    # -- building ------------------------------------------------------------------------------------------------
    def prepare(self, log: ready.Log, strict: bool | None = None) -> Prepared:
        """Get it ready on this machine.

        Args:
            log: is told line by line what is done.
            strict: versions that do not exist any more fail it, instead of being relaxed; by default as
                ``$JUPYTER_AML_STRICT_ENVIRONMENTS`` says.

        Raises:
            EnvironmentException: it cannot be built; with the resolver's words.
        """
        return ready.prepare(self, log, strict)

    def build(self, workspace: Any, image_build_compute: Any = None) -> ImageBuildDetails:
        """Build it on this machine, in the background; the answer's `wait_for_completion` shows the log."""
        return ImageBuildDetails(copy.deepcopy(self))

    def build_local(self, workspace: Any, platform: Any = None, **kwargs: Any) -> ImageBuildDetails:
        """Build it on this machine and wait for it; the log is printed.

        Raises:
            EnvironmentException: it cannot be built.
        """
        details = self.build(workspace)
        details.wait_for_completion(show_output=True)
        return details

    def get_image_details(self, workspace: Any) -> ImageDetails:
        """What it is executed in here."""
        return ImageDetails(self)

    @staticmethod
    def add_private_pip_wheel(workspace: Any, file_path: Any, exist_ok: bool = False) -> str:
        """A wheel of this machine as a requirement.

        Raises:
            UserErrorException: there is no such file.
        """
        place = Path(local_path(file_path)).resolve()
        if not place.is_file():
            raise UserErrorException(f"There is no wheel {str(file_path)!r}.")
        return place.as_uri()

    # -- as data -------------------------------------------------------------------------------------------------
    def clone(self, new_name: str) -> Environment:
        """A copy under another name, not registered."""
        made = copy.deepcopy(self)
        made.name, made.version, made.asset_id = environment_name(new_name), None, None
        return made

    def save_to_directory(self, path: Any, overwrite: bool = False) -> None:
        """Write it into a folder, as two files.

        Raises:
            UserErrorException: they are there already and `overwrite` is not set.
        """
        folder = Path(local_path(path))
        there = [name for name in (_FILE, _CONDA_FILE) if (folder / name).exists()]
        if there and not overwrite:
            raise UserErrorException(f"{str(folder / there[0])!r} is there already; overwrite=True replaces it.")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _FILE).write_text(json.dumps(self._to_dict(), indent=4), encoding="utf-8")
        self.python.conda_dependencies.save(folder / _CONDA_FILE)

    @staticmethod
    def load_from_directory(path: Any) -> Environment:
        """The environment that `save_to_directory` wrote.

        Raises:
            UserErrorException: the folder holds none.
        """
        folder = Path(local_path(path))
        try:
            found = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserErrorException(f"{str(folder)!r} holds no environment: {error}.") from error
        made = Environment._from_dict(found)
        if (folder / _CONDA_FILE).is_file():
            made.python.conda_dependencies = CondaDependencies(folder / _CONDA_FILE)
        return made

    def _definition(self) -> dict[str, Any]:
        return _without_version(self._to_dict())

    def _to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "version": self.version,
            "assetId": self.asset_id,
            "environmentVariables": {str(k): str(v) for k, v in self.environment_variables.items()},
            "python": self.python._to_dict(),
            "docker": self.docker._to_dict(),
            "spark": self.spark._to_dict(),
            "r": None if self.r is None else self.r._to_dict(),
            "databricks": None,
            "inferencingStackVersion": self.inferencing_stack_version,
        }

    @staticmethod
    def _from_dict(found: Mapping[str, Any]) -> Environment:
        made = Environment(found.get("name"))
        made.version, made.asset_id = found.get("version"), found.get("assetId")
        made.environment_variables = dict(found.get("environmentVariables") or {})
        for name in ("python", "docker", "spark"):
            getattr(made, name)._take(found.get(name))
        if found.get("r"):
            made.r = RSection()
            made.r._take(found["r"])
        made.inferencing_stack_version = found.get("inferencingStackVersion")
        return made

    @staticmethod
    def _of(record: AssetRecord) -> Environment:
        made = Environment._from_dict(record.data)
        made.name, made.version, made.asset_id = record.name, str(record.version), record.id
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Environment) and other._to_dict() == self._to_dict()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return json.dumps(self._to_dict(), indent=4)

    def _repr_html_(self) -> str:
        conda = self.python.conda_dependencies
        facts = {
            "Version": self.version or "not registered",
            "Conda": ", ".join(conda.conda_packages),
            "pip": ", ".join(conda.pip_packages),
            "Variables": ", ".join(self.environment_variables),
        }
        return html.facts(f"Environment {self.name}", facts)


def _with_packages(name: str, conda_specification: Any, pip_requirements: Any) -> Environment:
    if conda_specification is not None and pip_requirements is not None:
        raise UserErrorException("Give a conda specification or pip requirements, not both.")
    if conda_specification is not None:
        return Environment.from_conda_specification(name, conda_specification)
    if pip_requirements is not None:
        return Environment.from_pip_requirements(name, pip_requirements)
    return Environment(name)


def registered(store: Any, described: Mapping[str, Any]) -> AssetRecord | None:
    """The version that a described environment is; None when it was never registered, or was changed since."""
    if not described.get("assetId") or not described.get("version"):
        return None
    record: AssetRecord | None = store.asset(KIND, described["name"], int(described["version"]))
    same = (
        record is not None and record.id == described["assetId"] and record.hash == _hash(_without_version(described))
    )
    return record if same else None


def _without_version(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name not in ("version", "assetId")}


def _hash(definition: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()


def _number(name: str, version: object) -> int:
    text = str(version)
    if not text.isdecimal():
        raise NotFoundException(f"The environment {name!r} has no version {shown(version)}: versions are '1', '2' …")
    return int(text)


class _ByName(dict[str, Environment]):
    """The curated ones that are not listed are found, too."""

    def __missing__(self, name: str) -> Environment:
        described = curated.find(name)
        if described is None:
            raise KeyError(name)
        return Environment._from_dict(described)
