"""`aml environment`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from jupyter_aml.cli import output
from jupyter_aml.cli.base import Aml, Group, completing, pass_aml
from jupyter_aml.errors import UserErrorException

if TYPE_CHECKING:
    from jupyter_aml.environments.environment import Environment


def environment_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> Sequence[str]:
    """Shell completion of environments."""
    from jupyter_aml.environments import curated

    try:
        known = [*completing(ctx).store.asset_names("environment"), *curated.names()]
        return [name for name in known if name.startswith(incomplete)]
    except Exception:  # a completion is never an error
        return []


NAME = click.argument("name", metavar="NAME[:VERSION]", shell_complete=environment_names)


def _found(aml: Aml, name: str) -> Environment:
    from jupyter_aml.environments.environment import Environment

    return Environment.named(aml.workspace, name)


@click.group(cls=Group)
def environment() -> None:
    """Environments: register, list, show, build."""


@environment.command("list")
@click.option("--curated", is_flag=True, help="Those that every workspace has, too.")
@pass_aml
def list_(aml: Aml, curated: bool) -> None:
    """Registered environments, the newest version of each."""
    from jupyter_aml.environments.environment import Environment

    found = [e for e in Environment.list(aml.workspace).values() if curated or e.asset_id]
    rows = [
        [e.name, e.version, ", ".join([*e.python.conda_dependencies.conda_packages, *e.python.conda_dependencies.pip_packages])]
        for e in found
    ]  # fmt: skip
    aml.emit(
        {"environments": [e._to_dict() for e in found]},
        lambda: output.table(["NAME", "VERSION", "PACKAGES"], rows, right=["VERSION"]) if rows
        else click.echo("There is none yet; --curated lists those that every workspace has."),
        next="aml environment show NAME" if found else "",
    )  # fmt: skip


@environment.command("show")
@NAME
@pass_aml
def show(aml: Aml, name: str) -> None:
    """One version."""
    found = _found(aml, name)
    conda = found.python.conda_dependencies
    aml.emit(
        found._to_dict(),
        lambda: output.facts(
            {
                "Name": found.name,
                "Version": found.version,
                "Conda": ", ".join(conda.conda_packages),
                "pip": ", ".join(conda.pip_packages),
                "Variables": ", ".join(f"{k}={v}" for k, v in found.environment_variables.items()),
                "Image": found.docker.base_image,
            }
        ),
        next=f"aml environment build {name}",
    )


@environment.command("register")
@click.argument("name")
@click.option("--conda", metavar="FILE", type=click.Path(path_type=Path), help="A YAML file of conda.")
@click.option("--pip", "requirements", metavar="FILE", type=click.Path(path_type=Path), help="A requirements.txt.")
@click.option("--folder", metavar="FOLDER", type=click.Path(path_type=Path), help="What save_to_directory wrote.")
@pass_aml
def register(aml: Aml, name: str, conda: Path | None, requirements: Path | None, folder: Path | None) -> None:
    """Register an environment of a file under NAME; the same definition stays the version it is."""
    from jupyter_aml.environments.environment import Environment

    if sum(one is not None for one in (conda, requirements, folder)) != 1:
        raise UserErrorException("Say what to register: --conda FILE, --pip FILE or --folder FOLDER.")
    if conda is not None:
        made = Environment.from_conda_specification(name, conda)
    elif requirements is not None:
        made = Environment.from_pip_requirements(name, requirements)
    else:
        made = Environment.load_from_directory(folder).clone(name)
    kept = made.register(aml.workspace)
    aml.emit(
        kept._to_dict(),
        f"{output.clean(name)} is version {kept.version}.",
        next=f"aml environment build {name}",
    )


@environment.command("build")
@NAME
@pass_aml
def build(aml: Aml, name: str) -> None:
    """Get an environment ready on this machine, and say which interpreter runs will have."""
    found = _found(aml, name)
    ready = found.prepare(lambda line: None if aml.json else click.echo(output.clean(line)))
    ready.release()
    aml.emit({"python": ready.python, "warnings": ready.warnings}, f"Python: {output.clean(ready.python)}")
