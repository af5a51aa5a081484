"""`aml workspace`."""

from __future__ import annotations

import re

import click

from jupyter_aml.cli import output
from jupyter_aml.cli.base import Aml, Group, open_workspace, pairs, pass_aml
from jupyter_aml.cli.care import backup, restore
from jupyter_aml.errors import UserErrorException

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


@click.group(cls=Group)
def workspace() -> None:
    """Workspaces: list, show, create, use, back up, clean up."""


workspace.add_command(backup)
workspace.add_command(restore)


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
    from jupyter_aml.store import home
    from jupyter_aml.workspace import Workspace

    with_tags = {k: v or "" for k, v in pairs(tags).items()} or None
    if url or artifacts:
        if not url:
            raise click.UsageError("--artifacts belongs to a workspace in PostgreSQL; say where with --url.")
        made = Workspace.from_url(url, create=True, name=name, artifacts=artifacts)
        if with_tags:
            made.update(tags=with_tags)
    else:
        if not exist_ok and name in home.list_workspaces():
            raise UserErrorException(
                f"There is a workspace {name!r} already, in {home.workspace_url(name)}. --exist-ok takes it as it is."
            )
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


@workspace.command("gc")
@click.option("--delete", is_flag=True, help="Remove them; without it they are only counted.")
@click.option(
    "--older-than", default="7d", show_default=True, metavar="AGE", help="Keep what was stored later: 12h, 7d, 4w."
)
@pass_aml
def gc(aml: Aml, delete: bool, older_than: str) -> None:
    """Remove file contents that no run, snapshot or named thing refers to any more (those of deleted runs).

    A workspace behind a server is cleaned up by the server; that takes an owner's rights.
    """
    from jupyter_aml.store.gc import collect
    from jupyter_aml.tracking.who import actor

    found = collect(aml.workspace.connection, older_than=_seconds(older_than), dry_run=not delete, who=actor())

    def show() -> None:
        if delete:
            head = "Removed"
        else:
            head = "Would remove" if found.contents else "Nothing to remove"
        output.facts(
            {
                head: f"{found.contents:,} contents ({output.size(found.bytes)})",
                "Still referred to": f"{found.kept:,}",
                f"Stored within {older_than}": f"{found.kept_young:,}" if found.kept_young else "",
                "Left half-written": f"{found.swept:,} removed" if found.swept else "",
                "For example": ", ".join(digest[:12] for digest in found.examples),
            }
        )

    aml.emit(found, show, next="aml workspace show" if delete or not found.contents else "aml workspace gc --delete")


def _seconds(age: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhdw]?)", age.strip().lower())
    if match is None:
        raise UserErrorException(f"{age!r} is no age: write a number and s, m, h, d or w, as in 12h or 7d.")
    return float(match[1]) * _UNITS[match[2]]
