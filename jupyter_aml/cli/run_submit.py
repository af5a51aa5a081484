"""`aml run submit`: a script, or a command, becomes a run of its own on a compute target."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jupyter_aml.cli import output
from jupyter_aml.cli.base import Aml, Command, experiment_names, pairs, pass_aml
from jupyter_aml.errors import UserErrorException

if TYPE_CHECKING:
    from jupyter_aml.jobs.script_config import ScriptRunConfig

CODES = "Exit codes: 0 queued (with --wait or --follow: completed), 1 failed, 2 bad input (nothing was queued), 130 canceled."


@click.command("submit", cls=Command, epilog=CODES, context_settings={"ignore_unknown_options": True})
@click.argument("script", required=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option("-e", "--experiment", metavar="NAME", shell_complete=experiment_names, help="[the source folder's name]")
@click.option("-s", "--source", default=".", type=click.Path(), metavar="FOLDER", help="What is frozen and sent. [.]")
@click.option("-c", "--config", metavar="FILE", help="A .runconfig, or the name of one in the folder's .azureml.")
@click.option("--command", metavar="TEXT", help="A command instead of a script.")
@click.option("-t", "--target", metavar="NAME", help="The compute target. [local]")
@click.option(
    "--environment", metavar="NAME[:VERSION]", help="A registered environment. [the interpreter that submits]"
)
@click.option("--variable", "variables", multiple=True, metavar="NAME=VALUE", help="For the script; may be repeated.")
@click.option("--name", default="", help="What people see.")
@click.option("--tag", "tags", multiple=True, metavar="NAME[=VALUE]", help="May be repeated.")
@click.option("--priority", type=int, help="Higher ones come first.")
@click.option("--attempts", type=click.IntRange(1, 100), help="Begin again so often when it fails. [1]")
@click.option("--max-seconds", type=float, help="Stop it after so many seconds.")
@click.option("--wait", is_flag=True, help="Wait for its end.")
@click.option("-f", "--follow", is_flag=True, help="Print its logs until its end.")
@pass_aml
@click.pass_context
def submit(ctx: click.Context, aml: Aml, script: str | None, arguments: tuple[str, ...], **how: Any) -> None:
    """Submit SCRIPT of the source folder with ARGUMENTS; options of `aml` come before it.

    The folder is frozen as it is now (.amlignore, else .gitignore, is heeded), and the script runs in a copy of it, also
    when this terminal is closed. What it leaves in outputs/ and logs/ is kept with the run.
    """
    if how["follow"] and aml.json:
        raise click.UsageError("--follow writes text as it comes; take --json with --wait.")
    config = _config(aml, script, list(arguments), how)
    from jupyter_aml.tracking.experiment import Experiment

    name = how["experiment"] or Path(how["source"]).absolute().name or "default"
    run = Experiment(aml.workspace, name).submit(config, tags=pairs(how["tags"]), name=how["name"])
    if how["follow"]:
        from jupyter_aml.cli.run_logs import stream

        click.echo(f"Run {run.id} of {output.clean(name)!r} is queued.", err=True)
        stream(aml.workspace.connection, run.id, follow=True)
    elif how["wait"]:
        run.wait_for_completion(raise_on_error=False)
    record = aml.store.run(run.id)
    if record is None:
        raise UserErrorException(f"Run {run.id} was deleted meanwhile.")
    if not how["follow"]:

        def show() -> None:
            error = record.error or {}
            text = f"{error.get('code', '')}: {error.get('message', '')}" if error else ""
            facts = {
                "Run": record.id,
                "Experiment": record.experiment,
                "Status": output.Status(record.status),
                "Target": record.details.get("target", ""),
            }
            output.facts({**facts, "Error": text} if text else facts)

        aml.emit(record, show, next=f"aml run logs --follow {record.id}")
    if how["wait"] or how["follow"]:
        ctx.exit({"Completed": 0, "Canceled": 130}.get(record.status, 1))


def _config(aml: Aml, script: str | None, arguments: list[str], how: dict[str, Any]) -> ScriptRunConfig:
    from jupyter_aml.jobs.run_config import RunConfiguration
    from jupyter_aml.jobs.script_config import ScriptRunConfig

    source, given = Path(how["source"]), how["config"]
    if given is None:
        base = RunConfiguration()
    elif Path(given).is_file():
        base = RunConfiguration.load(given)
    else:
        base = RunConfiguration.load(source, given)
    if script or how["command"]:
        base.script, base.command = script, how["command"]
    if script and how["command"]:
        raise UserErrorException("Give a script or --command, not both.")
    if not base.script and not base.command:
        raise UserErrorException(
            "There is nothing to run: name a script, or give --command or a --config that has one."
        )
    base.environment_variables = {**base.environment_variables, **pairs(how["variables"], "variable")}
    for option, attribute in (
        ("target", "target"), ("priority", "priority"), ("attempts", "max_attempts"),
        ("max_seconds", "max_run_duration_seconds"),
    ):  # fmt: skip
        if how[option] is not None:
            setattr(base, attribute, how[option])
    if how["environment"]:
        from jupyter_aml.environments.environment import Environment

        base.environment = Environment.named(aml.workspace, how["environment"])
    return ScriptRunConfig(source, arguments=arguments or None, run_config=base)
