"""`aml workspace`."""

from __future__ import annotations

import click

from jupyter_aml.cli import output
from jupyter_aml.cli.base import Aml, Group, open_workspace, pairs, pass_aml


@click.group(cls=Group)
def workspace() -> None:
    """Workspaces: list, show, create, use."""


@workspace.command("list")
@pass_aml
def list_(aml: Aml) -> None:
    """Your workspaces: those in your home of workspaces, and those elsewhere that you opened."""
    from jupyter_aml.store import home
    from jupyter_aml.store.place import known_workspaces

    found = [{"name": name, "url": url} for name, url in known_workspaces().items()]

    def show() -> None:
        if not found:
            click.echo(f"There is no workspace in {output.clean(home.home())} yet.")
            return
        output.table(["NAME", "PLACE"], [[w["name"], w["url"]] for w in found])

    aml.emit({"workspaces": found}, show, next="aml workspace show" if found else "aml workspace create NAME")


@workspace.command("show")
@pass_aml
def show(aml: Aml) -> None:
    """The workspace that the other commands use: where it is, what it holds."""
    details = aml.workspace.get_details()
    experiments = aml.store.experiments(archived=None)
    runs = sum(e.run_count for e in experiments)

    def print_it() -> None:
        output.facts(
            {
                "Name": details["name"],
                "Place": details["url"],
                "Id": details["id"],
                "Created": details["creationTime"],
                "Description": details["description"],
                "Tags": ", ".join(f"{k}={v}" for k, v in details["tags"].items()),
                "Experiments": len(experiments),
                "Runs": runs,
            }
        )

    aml.emit({**details, "experiments": len(experiments), "runs": runs}, print_it, next="aml experiment list")


@workspace.command("create")
@click.argument("name")
@click.option("--tag", "tags", multiple=True, metavar="NAME=VALUE", help="A tag; may be repeated.")
@click.option("--exist-ok", is_flag=True, help="Do nothing where there is one of that name.")
@click.option(
    "--url",
    help="Make it there: postgresql://user:password@host/database?schema=NAME, or a folder. [default: your home]",
)
@click.option(
    "--artifacts", metavar="URL", help="Where one in PostgreSQL keeps its files: a folder, s3://bucket/prefix, …"
)
@pass_aml
def create(aml: Aml, name: str, tags: tuple[str, ...], exist_ok: bool, url: str | None, artifacts: str | None) -> None:
    """Make a workspace called NAME in your home of workspaces, or where --url says."""
    from jupyter_aml.workspace import Workspace

    with_tags = {k: v or "" for k, v in pairs(tags).items()} or None
    if url or artifacts:
        if not url:
            raise click.UsageError("--artifacts belongs to a workspace in PostgreSQL; say where with --url.")
        made = Workspace.from_url(url, create=True, name=name, artifacts=artifacts)
        if with_tags:
            made.update(tags=with_tags)
    else:
        made = Workspace.create(name, tags=with_tags, exist_ok=exist_ok)
    aml.emit(
        {"name": made.name, "url": made.url, "id": made.id},
        f"Workspace {output.clean(made.name)!r} is at {output.clean(made.url)}.",
        next=f"aml workspace use {name}",
    )


@workspace.command("use")
@click.argument("name", metavar="NAME|URL")
@click.option("--folder", default=".", type=click.Path(file_okay=False), help="Where the config goes. [default: here]")
@pass_aml
def use(aml: Aml, name: str, folder: str) -> None:
    """Use a workspace in this folder and below: write .azureml/config.json."""
    chosen = open_workspace(name)
    chosen.write_config(folder)
    aml.emit(
        {"name": chosen.name, "url": chosen.url},
        f"{output.clean(folder)}/.azureml/config.json names workspace {output.clean(chosen.name)!r} now.",
        next="aml workspace show",
    )
