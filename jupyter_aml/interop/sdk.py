"""What the AzureML SDK v1 had: module names, names in them, parameters, and in how many public notebooks each occurs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = "azureml"


@dataclass(frozen=True)
class Member:
    """A member of an SDK class: notebooks and scripts beside them that use it, and its parameters (``name=``: optional)."""

    notebooks: int
    scripts: int
    params: tuple[str, ...]


@dataclass(frozen=True)
class Thing:
    """A class, function or constant of the SDK: ``azureml.core.run.Run`` is called ``Run`` in all of `modules`."""

    module: str
    name: str
    modules: tuple[str, ...]
    notebooks: int
    made: int
    params: tuple[str, ...]
    members: dict[str, Member] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Where it is defined, as a dotted name."""
        return f"{self.module}.{self.name}"


@dataclass(frozen=True)
class Sdk:
    """The whole surface."""

    version: str
    modules: frozenset[str]
    things: dict[str, Thing]
    names: dict[str, dict[str, str]]
    """module -> name in it -> path of the thing."""


def _full(module: str) -> str:
    return f"{ROOT}.{module}" if module else ROOT


@cache
def sdk() -> Sdk:
    """Read the surface (once a process)."""
    raw = json.loads(Path(__file__).with_name("sdk.json").read_text(encoding="utf-8"))
    modules = [_full(m) for m in raw["modules"]]
    things: dict[str, Thing] = {}
    names: dict[str, dict[str, str]] = {module: {} for module in modules}
    for short, inside in raw["things"].items():
        module = _full(short)
        for name, row in inside.items():
            exports, used, made, params, members = [*row, *(0, 0, 0, "", {})[len(row) :]]
            thing = Thing(
                module,
                name,
                tuple(modules[i] for i in exports) if exports else (module,),
                used,
                made,
                tuple(params.split()),
                {member: Member(n, s, tuple(p.split())) for member, (n, s, p) in members.items()},
            )
            things[thing.path] = thing
            for where in thing.modules:
                names[where][name] = thing.path
    return Sdk(raw["version"], frozenset(modules), things, names)
