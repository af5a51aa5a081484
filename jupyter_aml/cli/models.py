"""`aml model`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jupyter_aml.cli import output
from jupyter_aml.cli.base import Aml, Group, completing, confirm, pairs, pass_aml, run_names
from jupyter_aml.errors import UserErrorException

if TYPE_CHECKING:
    from jupyter_aml.models.model import Model


def model_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> Sequence[str]:
    """Shell completion of models."""
    try:
        return [name for name in completing(ctx).store.asset_names("model") if name.startswith(incomplete)]
    except Exception:  # a completion is never an error
        return []


NAME = click.argument("name", metavar="NAME[:VERSION]", shell_complete=model_names)


def _found(aml: Aml, name: str) -> Model:
    """The model that ``NAME``, ``NAME:3`` or ``NAME:production`` means."""
    from jupyter_aml.models.model import Model

    plain, _, version = name.partition(":")
    return Model(aml.workspace, plain, version=version or None)


def _tags(tags: Any) -> str:
    return ", ".join(k if v is None else f"{k}={v}" for k, v in dict(tags).items())


@click.group(cls=Group)
def model() -> None:
    """Models: register, list, show, download, tag, delete. NAME means the newest version; NAME:3 and NAME:ALIAS say which."""


@model.command("list")
@click.option("--name", metavar="NAME", shell_complete=model_names, help="All versions of this one.")
@click.option("--all", "every", is_flag=True, help="All versions of all.")
@click.option("--tag", "tags", multiple=True, metavar="NAME[=VALUE]", help="Only with this tag; may be repeated.")
@click.option("--run", metavar="RUN", shell_complete=run_names, help="Only what this run registered.")
@pass_aml
def list_(aml: Aml, name: str | None, every: bool, tags: tuple[str, ...], run: str | None) -> None:
    """Registered models, the newest version of each."""
    from jupyter_aml.models.model import Model

    found = Model.list(
        aml.workspace, name=name, tags=pairs(tags), run_id=None if run is None else aml.run_id(run),
        latest=not every and name is None and run is None,
    )  # fmt: skip

    def show() -> None:
        if not found:
            click.echo(f"Workspace {output.clean(aml.workspace.name)!r} has no such models.")
            return
        rows = [
            [m.name, m.version, m.model_framework, output.size(m.size), output.ago(m._record.created), _tags(m.tags)]
            for m in found
        ]
        output.table(["NAME", "VERSION", "FRAMEWORK", "SIZE", "REGISTERED", "TAGS"], rows, right=["VERSION", "SIZE"])

    aml.emit({"models": [m.serialize() for m in found]}, show, next="aml model show NAME" if found else "")


@model.command("show")
@NAME
@pass_aml
def show(aml: Aml, name: str) -> None:
    """One version, its files and where it came from."""
    found = _found(aml, name)
    links = aml.store.links(asset=found._record.id)

    def say() -> None:
        output.facts(
            {
                "Name": found.name,
                "Version": found.version,
                "Aliases": ", ".join(found.aliases),
                "Registered": f"{output.moment(found._record.created)} by {found.created_by}",
                "Description": found.description,
                "Framework": " ".join(filter(None, [found.model_framework, found.model_framework_version])),
                "Tags": _tags(found.tags),
                "Properties": _tags(found.properties),
                "Run": found.run_id or "",
                "Used by": ", ".join(link.run for link in links if link.role == "input"),
                "Datasets": ", ".join(f"{key}: {id}" for key, ids in found.datasets.items() for id in ids),
            }
        )
        output.table(
            ["FILE", "SIZE"],
            [[path, output.size(size)] for path, (_, size) in found._record.files.items()],
            right=["SIZE"],
        )

    aml.emit({**found.serialize(), "lineage": links}, say, next=f"aml model download {found.id}")


@model.command("register")
@click.argument("name", shell_complete=model_names)
@click.argument("path", required=False)
@click.option(
    "--run", metavar="RUN", shell_complete=run_names, help="PATH is a file or folder of this run, not of this machine."
)
@click.option("--tag", "tags", multiple=True, metavar="NAME[=VALUE]", help="A tag; may be repeated.")
@click.option("--property", "properties", multiple=True, metavar="NAME=VALUE", help="A property; may be repeated.")
@click.option("--description", metavar="TEXT", help="What it is.")
@click.option("--framework", metavar="NAME", help="What made it (ScikitLearn, TensorFlow, Onnx …).")
@click.option("--framework-version", metavar="VERSION", help="That one's version.")
@click.option(
    "--alias", "aliases", multiple=True, metavar="ALIAS", help="An alias for it, e.g. production; may be repeated."
)
@pass_aml
def register(
    aml: Aml, name: str, path: str | None, run: str | None, tags: tuple[str, ...], properties: tuple[str, ...],
    description: str | None, framework: str | None, framework_version: str | None, aliases: tuple[str, ...],
) -> None:  # fmt: skip
    """Register a file or folder as the next version of NAME."""
    from jupyter_aml.models.model import Model

    about: dict[str, Any] = {
        "tags": pairs(tags), "properties": pairs(properties, "property"), "description": description,
        "model_framework": framework, "model_framework_version": framework_version,
    }  # fmt: skip
    if run is not None:
        made = aml.run(run).register_model(name, path, **about)
    elif path is None:
        raise UserErrorException("Say what to register: a PATH of this machine, or --run RUN with a path of that run.")
    else:
        made = Model.register(aml.workspace, path, name, **about)
    for alias in aliases:
        made.set_alias(alias)
    aml.emit(
        made.serialize(),
        f"Registered {output.clean(made.id)} ({len(made.files)} files, {output.size(made.size)}).",
        next=f"aml model show {made.name}",
    )


@model.command("download")
@NAME
@click.option(
    "--to", "target", default=".", metavar="FOLDER", type=click.Path(path_type=Path), help="Where to. [default: here]"
)
@click.option("--replace", is_flag=True, help="Replace what is there.")
@pass_aml
def download(aml: Aml, name: str, target: Path, replace: bool) -> None:
    """Write a version's files into a folder."""
    place = _found(aml, name).download(target, exist_ok=replace)
    aml.emit({"path": place}, f"Written to {output.clean(place)}.")


@model.command("tag")
@NAME
@click.argument("tags", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--remove", "drop", multiple=True, metavar="NAME", help="Take a tag away; may be repeated.")
@pass_aml
def tag(aml: Aml, name: str, tags: tuple[str, ...], drop: tuple[str, ...]) -> None:
    """Set or remove tags of a version."""
    found = _found(aml, name)
    found.update_tags_properties(pairs(tags), list(drop))  # type: ignore[arg-type]
    aml.emit(
        {"id": found.id, "tags": found.tags},
        f"{output.clean(found.id)}: {output.clean(_tags(found.tags)) or 'no tags'}",
    )


@model.command("alias")
@NAME
@click.argument("alias")
@click.option("--remove", is_flag=True, help="Take it away instead.")
@pass_aml
def alias(aml: Aml, name: str, alias: str, remove: bool) -> None:
    """Let ALIAS ("production") point at a version; it is moved from the one that had it."""
    found = _found(aml, name)
    (found.remove_alias if remove else found.set_alias)(alias)
    aml.emit(
        {"id": found.id, "aliases": found.aliases},
        f"{output.clean(found.id)}: {', '.join(found.aliases) or 'no aliases'}",
    )


@model.command("delete")
@NAME
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_aml
def delete(aml: Aml, name: str, yes: bool) -> None:
    """Delete a version, for good (the newest, when none is named)."""
    found = _found(aml, name)
    if not yes:
        confirm(aml, f"Delete version {found.version} of the model {output.clean(found.name)!r}?")
    found.delete()
    aml.emit({"deleted": found.id}, f"{output.clean(found.id)} is deleted.")
