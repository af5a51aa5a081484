"""`aml run reproduce`: a notebook's run once more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from jupyter_aml.cli import output
from jupyter_aml.cli.base import Aml, Command, pass_aml, run_argument
from jupyter_aml.errors import UserErrorException

CODES = "Exit codes: 0 completed, 1 the notebook failed, 2 bad input (nothing was executed), 130 canceled."


@click.command("reproduce", cls=Command, epilog=CODES)
@run_argument()
@click.option(
    "-p", "--parameter", "parameters", nargs=2, multiple=True, metavar="NAME VALUE",
    help="Change a parameter; the new run is then tagged `resubmits`.",
)  # fmt: skip
@click.option("-k", "--kernel", metavar="NAME", help="The kernel, instead of the one used then.")
@click.option(
    "--into", type=click.Path(), metavar="FOLDER", help="A new folder. [default: NOTEBOOK-ID in the working folder]"
)
@click.option("--plan", "only_plan", is_flag=True, help="Say what would be done, and do nothing.")
@pass_aml
@click.pass_context
def reproduce(
    ctx: click.Context,
    aml: Aml,
    run: str,
    parameters: tuple[tuple[str, str], ...],
    kernel: str | None,
    into: str | None,
    only_plan: bool,
) -> None:
    """Run a notebook's execution or session RUN once more, from what was kept of it.

    Its snapshot is restored into a new folder, and its notebook executed there with the same parameters. A session's
    notebook is made of the cells as they ran, in their order. Files that the snapshot left out are not there.
    """
    from jupyter_aml.jobs import as_it_ran
    from jupyter_aml.jobs import reproduce as rules
    from jupyter_aml.jobs.parameters import read_value

    connection, run_id = aml.workspace.connection, aml.run_id(run)
    _, keeper = as_it_ran.keeper_of(connection.store, run_id)
    known = {p.name: p for p in as_it_ran.parameters_of(connection, keeper)}
    changed = {name: read_value(text, known.get(name)) for name, text in parameters}
    folder = Path(into) if into else rules.new_folder(Path.cwd(), str(keeper.details.get("notebook") or ""), keeper.id)
    made = rules.plan(connection, run_id, folder, changed, kernel)
    if only_plan:
        facts: dict[str, Any] = {
            "repeats": made.run, "folder": str(made.folder), "notebook": str(made.notebook), "kernel": made.kernel,
            "parameters": dict(made.parameters), "files": len(made.snapshot.files), "left_out": list(made.left_out),
        }  # fmt: skip
        aml.emit(facts, lambda: output.facts({k.replace("_", " ").capitalize(): v for k, v in facts.items()}))
        return
    if made.left_out and not aml.json:
        click.echo(f"Not in the snapshot: {', '.join(made.left_out[:5])}", err=True)
    done = rules.reproduce(
        run_id, folder, workspace=aml.workspace, parameters=changed, kernel=kernel, raise_on_error=False
    )
    record = done.experiment.workspace.connection.store.run(done.id, with_metrics=True)
    if record is None:
        raise UserErrorException(f"Run {done.id} was deleted while it ran.")
    error = dict(record.error or {})

    def show() -> None:
        output.facts(
            {
                "Run": record.id,
                "Repeats": made.run,
                "Status": output.Status(record.status),
                "Folder": str(made.folder),
                "Output": record.details.get("output") or "",
                "Error": f"{error.get('code', '')}: {error.get('message', '')}" if error else "",
            }
        )

    aml.emit(record, show, next=f"aml run diff {made.run} {record.id}")
    ctx.exit({"Completed": 0, "Canceled": 130}.get(record.status, 1))
