"""From a description to an interpreter: the one that is here when it will do, else one that is built.

1. ``user_managed_dependencies``: the interpreter that is named.
2. All requirements are met by the interpreter that runs us: that one, at once.
3. Else the requirements are resolved for it. Versions of years ago that have no package for it any more are relaxed, each with
   a warning (with $JUPYTER_AML_STRICT_ENVIRONMENTS they are not, and the run fails). If what is left is met here: this interpreter.
4. Else an environment is built, or taken from the cache.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.version import Version

from jupyter_aml.environments import cache, uv
from jupyter_aml.environments.prepared import Prepared
from jupyter_aml.environments.requirements import Requirements, installed, relaxed, requirements_of, unmet
from jupyter_aml.environments.sections import DEFAULT_IMAGE
from jupyter_aml.errors import EnvironmentException

if TYPE_CHECKING:
    from jupyter_aml.environments.environment import Environment

STRICT = "JUPYTER_AML_STRICT_ENVIRONMENTS"
_STANDS = 86_400.0
Log = Callable[[str], None]


def is_strict() -> bool:
    """Whether requirements are never relaxed."""
    return os.environ.get(STRICT, "").lower() in ("1", "true", "yes")


def prepare(environment: Environment, log: Log, strict: bool | None = None) -> Prepared:
    """See the module.

    Args:
        environment: what is wanted.
        log: is told line by line what is done.
        strict: whether nothing is relaxed; what `is_strict` says by default.

    Raises:
        EnvironmentException: it cannot be had.
    """
    found = _prepare(environment, log, is_strict() if strict is None else strict)
    found.variables = {str(name): str(value) for name, value in environment.environment_variables.items()}
    for warning in found.warnings:
        log(f"Warning: {warning}")
    return found


def _prepare(environment: Environment, log: Log, strict: bool) -> Prepared:
    python = environment.python
    if python.user_managed_dependencies:
        return Prepared(python=_interpreter(str(python.interpreter_path or "python")))
    wanted = requirements_of(python.conda_dependencies)
    notes = _notes(environment, wanted)
    have = installed()
    places = [one for one in wanted.options if not one.startswith("-")]
    if strict:
        return _build(wanted, wanted.packages, wanted.python or sys.executable, notes, log)
    if not places and not unmet(wanted.packages, have):
        return Prepared(python=sys.executable, warnings=notes)
    packages = _possible(wanted, have, notes)
    if not places and not unmet(packages, have):
        log("The interpreter that is here has all that is left.")
        return Prepared(python=sys.executable, warnings=notes)
    return _build(wanted, packages, sys.executable, notes, log)


def _notes(environment: Environment, wanted: Requirements) -> list[str]:
    """What is not as it was asked for, whatever is built."""
    notes = []
    here = ".".join(map(str, sys.version_info[:3]))
    if wanted.python and not here.startswith(wanted.python.rstrip(".*")):
        notes.append(f"Python {wanted.python} is asked for; this is {here}.")
    if wanted.left_out:
        notes.append(f"Left out, as pip installs nothing of the kind: {', '.join(wanted.left_out)}.")
    docker = environment.docker
    if docker.base_dockerfile or docker.build_context or docker.base_image not in (None, DEFAULT_IMAGE):
        asked = "a Dockerfile" if docker.base_dockerfile or docker.build_context else f"the image {docker.base_image}"
        notes.append(f"The environment asks for {asked}: runs here start no containers, they use Python directly.")
    elif docker.enabled:
        notes.append("The environment asks for a container: runs here start none, they use Python directly.")
    return notes


def _possible(wanted: Requirements, have: dict[str, Version], notes: list[str]) -> list[Requirement]:
    """The requirements that can be had; those that cannot are without their versions. Found out once a day."""
    facts = [
        wanted.lines(),
        wanted.options,
        sys.version,
        sorted((name, str(version)) for name, version in have.items()),
    ]
    place = cache.folder() / "resolved" / f"{hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:24]}.json"
    with suppress(OSError, ValueError, KeyError):
        if time.time() - place.stat().st_mtime < _STANDS:
            known = json.loads(place.read_text(encoding="utf-8"))
            notes += known["notes"]
            return [Requirement(one) for one in known["packages"]]
    packages, said, sure = _resolved(wanted, have)
    notes += said
    if sure:
        with suppress(OSError):
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            part = place.with_suffix(f".{os.getpid()}")
            part.write_text(json.dumps({"packages": [str(one) for one in packages], "notes": said}), encoding="utf-8")
            part.replace(place)
    return packages


def _resolved(wanted: Requirements, have: dict[str, Version]) -> tuple[list[Requirement], list[str], bool]:
    """(requirements, what was relaxed, whether that will stand: without a network it is a guess)."""
    options, notes, packages, sure = wanted.options, [], [], True
    if uv.resolves(wanted.lines(), options) is None:
        return wanted.packages, [], True
    for one in wanted.packages:
        why = uv.resolves([str(one)], options, alone=True) if one.specifier else None
        if why is None:
            packages.append(one)
            continue
        sure = sure and not why.offline
        packages.append(relaxed(one))
        notes.append(
            f"{one} cannot be looked for without a network: {one.name} of the version that is here is taken." if why.offline
            else f"{one} has no package for this Python any more: {one.name} of another version is taken."
        )  # fmt: skip
    if not unmet(packages, have) or uv.resolves([str(one) for one in packages], options) is None:
        return packages, notes, sure
    for at, one in enumerate(packages):  # together they cannot be had: the pins contradict one another today
        if any(bound.operator in ("==", "<", "<=", "~=", "===") for bound in one.specifier):
            packages[at] = relaxed(one)
            notes.append(f"{one} cannot be had together with the rest: {one.name} of another version is taken.")
    return packages, notes, sure


def _build(wanted: Requirements, packages: list[Requirement], python: str, notes: list[str], log: Log) -> Prepared:
    try:
        held = cache.built(sorted(map(str, packages)), wanted.options, python, log)
    except uv.Refused as error:
        raise EnvironmentException(f"The environment cannot be built. The resolver says:\n{error.message}") from error
    return Prepared(python=str(held.python), warnings=notes, key=held.place.name, release=held.release)


def _interpreter(named: str) -> str:
    """The interpreter that a user manages.

    Raises:
        EnvironmentException: there is none of that path.
    """
    if named in ("python", "python3"):
        return sys.executable
    found = shutil.which(named) or (named if Path(named).is_file() and os.access(named, os.X_OK) else None)
    if found is None:
        raise EnvironmentException(
            f"There is no interpreter {named!r} here (python.interpreter_path of the environment)."
        )
    return found
