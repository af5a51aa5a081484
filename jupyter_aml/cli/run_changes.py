"""`aml run`: what changes runs."""

from __future__ import annotations

import time

import click

from jupyter_aml.cli import output
from jupyter_aml.cli.base import Aml, Command, confirm, pairs, pass_aml, run_argument
from jupyter_aml.errors import UserErrorException


@click.command("cancel", cls=Command)
@run_argument("runs", nargs=-1, required=True, metavar="RUN...")
@pass_aml
def cancel(aml: Aml, runs: tuple[str, ...]) -> None:
    """End runs, or ask their runners to."""
    done = []
    for chosen in [aml.run(name) for name in runs]:
        chosen.cancel()
        done.append({"id": chosen.id, "status": chosen.status})
    text = "\n".join(f"{one['id']}  {output.Status(one['status']).text}" for one in done)
    aml.emit({"runs": done}, text, next=f"aml run show {done[0]['id']}")


@click.command("tag", cls=Command)
@run_argument()
@click.argument("tags", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--remove", "drop", multiple=True, metavar="NAME", help="Take a tag away; may be repeated.")
@click.option("--name", "display_name", help="Set the run's display name.")
@click.option("--description", help="Set the run's description.")
@pass_aml
def tag(
    aml: Aml, run: str, tags: tuple[str, ...], drop: tuple[str, ...], display_name: str | None, description: str | None
) -> None:
    """Set or remove tags; set the name or the description."""
    chosen = aml.run(run)
    if tags:
        chosen.set_tags(pairs(tags))
    if drop:
        chosen.remove_tags(list(drop))
    if display_name is not None:
        chosen.display_name = display_name
    if description is not None:
        chosen.description = description
    now = chosen.tags
    shown = ", ".join(k if v is None else f"{k}={v}" for k, v in now.items())
    aml.emit(
        {"id": chosen.id, "name": chosen.name, "tags": now},
        f"{output.clean(chosen.name)}: {output.clean(shown) or 'no tags'}",
        next=f"aml run show {chosen.id}",
    )


@click.command("delete", cls=Command)
@run_argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_aml
def delete(aml: Aml, runs: tuple[str, ...], yes: bool) -> None:
    """Delete ended runs and their children, for good."""
    from jupyter_aml.store.events import RunDeleted
    from jupyter_aml.store.records import TERMINAL
    from jupyter_aml.tracking.who import actor

    chosen = [aml.run(name) for name in runs]
    for one in chosen:
        if one.status not in TERMINAL:
            raise UserErrorException(f"Run {one.id} is {one.status}. `aml run cancel {one.id}` before you delete it.")
    if not yes:
        confirm(aml, f"Delete {len(chosen)} run{'s' * (len(chosen) > 1)} with all files?")
    who = actor()
    aml.workspace.connection.change(
        *[RunDeleted(run=one.id, at=time.time(), who=who, only_ended=True) for one in chosen]
    )
    aml.emit({"deleted": [one.id for one in chosen]}, f"{len(chosen)} run{'s' * (len(chosen) > 1)} deleted.")
