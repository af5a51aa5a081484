"""`aml activity`."""

from __future__ import annotations

import click

from jupyter_aml.cli import output
from jupyter_aml.cli.base import Aml, Command, experiment_names, pass_aml
from jupyter_aml.store.records import Change


@click.command(cls=Command)
@click.option("--who", metavar="USER", help="Only what this user did.")
@click.option("--experiment", "-e", shell_complete=experiment_names, help="Only this experiment and its runs.")
@click.option("--noun", type=click.Choice(["experiment", "run", "workspace"]), help="Only of these things.")
@click.option(
    "--logged", is_flag=True, help="Also what runs logged, not only what was made, changed, ended and deleted."
)
@click.option("--limit", "-n", default=50, type=click.IntRange(1, 10_000), help="How many. [default: 50]")
@click.option(
    "--before", type=int, metavar="SEQ", help="What came before this one: the SEQ of the last line of a page."
)
@pass_aml
def activity(
    aml: Aml, who: str | None, experiment: str | None, noun: str | None, logged: bool, limit: int, before: int | None
) -> None:
    """Who did what when, newest first."""
    verbs = () if logged else ("created", "changed", "ended", "deleted")
    found = aml.store.activity(before=before, limit=limit, who=who, noun=noun, experiment=experiment, verbs=verbs)

    def show() -> None:
        if not found:
            click.echo("Nothing has happened there.")
            return
        output.table(
            ["SEQ", "WHEN", "WHO", "WHAT", "OF", "EXPERIMENT"],
            [[c.seq, output.moment(c.time), c.who, _what(c), f"{c.noun} {c.id}", c.experiment] for c in found],
            right=["SEQ"],
        )

    more = f"aml activity --before {found[-1].seq}" if len(found) == limit else ""
    aml.emit({"activity": found, "before": found[-1].seq if len(found) == limit else None}, show, next=more)


def _what(change: Change) -> str:
    data = change.data
    if change.verb == "ended" and data.get("status"):
        return f"ended: {data['status']}"
    if "removed" in data:
        return f"removed {data['removed']:,} contents ({output.size(data.get('bytes', 0))})"
    for key in ("fields", "metrics", "files", "texts"):
        if data.get(key):
            return f"{change.verb} {', '.join(map(str, data[key]))}"
    return change.verb
