"""`aml notebook`: execute notebooks as runs, in batches, and resume failed ones."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from jupyter_aml.cli import output
from jupyter_aml.cli.base import Aml, Group, experiment_names, pairs, pass_aml, run_argument
from jupyter_aml.errors import UserErrorException

CANCELED = 130
CODES = (
    "Exit codes: 0 completed, 1 a notebook failed, 2 bad input (nothing was executed), 130 canceled, 143 terminated."
)


@click.group(cls=Group)
def notebook() -> None:
    """Execute notebooks as runs; resume failed ones."""


_OPTIONS = [
    click.option(
        "-p", "--parameter", "one", nargs=2, multiple=True, metavar="NAME VALUE",
        help="A parameter's value, read as its declared type.",
    ),
    click.option(
        "-r", "--raw", nargs=2, multiple=True, metavar="NAME TEXT",
        help="A parameter's value as text, whatever it looks like.",
    ),
    click.option(
        "-f", "--parameters-file", "files", multiple=True, type=click.Path(), metavar="FILE",
        help="A YAML or JSON file of parameters.",
    ),
    click.option("-y", "--parameters-yaml", "yamls", multiple=True, metavar="YAML", help="Parameters as YAML text."),
    click.option(
        "--secret", "secrets", multiple=True, metavar="NAME",
        help="A parameter to mask in all that is kept. Its value comes from -p, $NAME, or is asked for.",
    ),
    click.option("-k", "--kernel", metavar="NAME", help="The kernel, instead of the notebook's own."),
    click.option(
        "--cwd", type=click.Path(exists=True, file_okay=False), help="Working folder of the kernel. [default: this one]"
    ),
    click.option(
        "--timeout", type=click.IntRange(1), metavar="SECONDS", help="Time that each cell has. [default: no limit]"
    ),
    click.option(
        "--start-timeout", type=click.IntRange(1), default=60, show_default=True, metavar="SECONDS",
        help="Time that the kernel has to start.",
    ),
    click.option("--log-output", is_flag=True, help="Show what cells print."),
    click.option("--progress/--no-progress", default=None, help="Show a progress bar. [default: on a terminal]"),
]  # fmt: skip


def _common(command: Any) -> Any:
    """The options of `run` and `resume`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@notebook.command(epilog=CODES)
@click.argument("path", metavar="IN", type=click.Path())
@click.argument("out", metavar="[OUT]", required=False, type=click.Path())
@_common
@click.option(
    "-e", "--experiment", metavar="NAME", shell_complete=experiment_names, help="[default: the notebook's name]"
)
@click.option("--name", default="", help="Display name of the run.")
@click.option("--tag", "tags", multiple=True, metavar="NAME[=VALUE]", help="A tag of the run.")
@click.option("--allow-unknown", is_flag=True, help="Let parameters through that the notebook does not declare.")
@click.option("--no-snapshot", is_flag=True, help="Do not freeze the notebook's folder.")
@click.option(
    "--sweep",
    metavar="FILE",
    type=click.Path(),
    help="Execute once for each parameter set of this YAML file: a list of sets, or names with lists of values (all "
    "combinations). OUT is a folder, or a pattern like 'out/{lr}-{index}.ipynb'.",
)
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(1),
    metavar="N",
    help="With --sweep: how many at a time. [default: one a processor]",
)
@pass_aml
@click.pass_context
def run(
    ctx: click.Context,
    aml: Aml,
    path: str,
    out: str | None,
    experiment: str | None,
    name: str,
    tags: tuple[str, ...],
    allow_unknown: bool,
    no_snapshot: bool,
    sweep: str | None,
    jobs: int | None,
    **common: Any,
) -> None:
    """Execute the notebook IN as a run.

    The executed notebook goes to OUT (replaced as a whole) and is kept with the run; without OUT it is kept with the run
    only. Each code cell becomes a run below it. Parameters that the cell tagged `parameters` does not declare, or of
    another type, are refused before anything is executed.
    """
    from jupyter_aml.jobs import run_notebook, run_sweep

    settings, options = _settings(aml, common)
    settings |= {"experiment": experiment, "name": name, "tags": pairs(tags), "allow_unknown": allow_unknown}
    settings |= {"snapshot": not no_snapshot, "kernel": common["kernel"], "secrets": common["secrets"]}
    if sweep is None:
        if jobs is not None:
            raise UserErrorException("-j is for --sweep; one notebook is one process.")
        parameters = _parameters(common, path, ask=True)
        _finish(ctx, aml, run_notebook(path, out, parameters, raise_on_error=False, **settings, **options))
        return
    sets = _yaml(_read(sweep), sweep)
    parameters = _parameters(common, path, ask=False)

    def tell(child: Any) -> None:
        if not aml.json:
            mark = output.Status("Completed" if child.code == 0 else "Failed")
            text = f"{mark.painted(mark.text)}  {child.index}  {child.run}  {output.clean(child.message)}"
            click.echo(text.rstrip(), err=True)

    made = run_sweep(
        path, out, sets, parameters=parameters, jobs=jobs, tell=tell, raise_on_error=False, **settings
    )  # fmt: skip
    _finish(ctx, aml, made)


@notebook.command(epilog=CODES)
@run_argument()
@_common
@click.option("--replay", is_flag=True, help="Execute the earlier cells again in the new kernel. (The default.)")
@click.option(
    "--skip-completed",
    is_flag=True,
    help="Do not: begin at the failed cell. The new kernel then lacks their variables.",
)
@click.option("--skip", metavar="CELLS", help="Do not execute these cells, e.g. 0-3,5.")
@click.option(
    "--notebook",
    "corrected",
    type=click.Path(),
    metavar="FILE",
    help="A corrected notebook, instead of the one kept with the run.",
)
@click.option(
    "-o", "--output", "out", type=click.Path(), metavar="OUT", help="[default: the failed run's, which is replaced]"
)
@pass_aml
@click.pass_context
def resume(
    ctx: click.Context,
    aml: Aml,
    run: str,
    replay: bool,
    skip_completed: bool,
    skip: str | None,
    corrected: str | None,
    out: str | None,
    **common: Any,
) -> None:
    """Go on where the failed or canceled execution RUN ended, as a new run.

    A kernel's state cannot be kept. So the cells before are executed again first, unless they are skipped.
    Secret parameters were not kept either and are needed again.
    """
    from jupyter_aml.jobs import resume_notebook
    from jupyter_aml.jobs.resume import read_ranges

    if replay + skip_completed + (skip is not None) > 1:
        raise UserErrorException("Choose one of --replay, --skip-completed and --skip.")
    failed = aml.run(run)
    settings, options = _settings(aml, common)
    old = dict(failed._record().details)
    secrets = [*common["secrets"], *(s for s in old.get("secrets") or () if s not in common["secrets"])]
    parameters = _parameters({**common, "secrets": secrets}, corrected or None, ask=True)
    _finish(
        ctx,
        aml,
        resume_notebook(
            failed,
            workspace=aml.workspace,
            skip="completed" if skip_completed else read_ranges(skip) if skip else (),
            notebook=corrected,
            output=out,
            parameters=parameters,
            kernel=common["kernel"],
            say=lambda text: click.echo(text, err=True),
            raise_on_error=False,
            progress_bar=options["progress"],
            log_output=options["log_output"],
            start_timeout=settings["start_timeout"],
            execution_timeout=settings["timeout"],
            **({"cwd": settings["cwd"]} if settings["cwd"] else {}),
        ),
    )


@notebook.command()
@run_argument()
@click.option("-o", "--output", "out", type=click.Path(), metavar="OUT", help="Write the notebook there, too.")
@pass_aml
def repair(aml: Aml, run: str, out: str | None) -> None:
    """Complete the output notebook of an execution whose process was killed.

    What each cell gave until then is in the workspace: the notebook then says which cells completed, failed, never ran.
    """
    from pathlib import Path

    from jupyter_aml.jobs.output import replace
    from jupyter_aml.jobs.repair import repair_output

    run_id = aml.run_id(run)
    content = repair_output(aml.workspace.connection, run_id)
    if out is not None:
        replace(Path(out), content)
    aml.emit({"run": run_id, "output": out}, f"The output notebook of run {run_id} says what happened.")


# -- inside ------------------------------------------------------------------------------------------------------------
def _settings(aml: Aml, common: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    settings: dict[str, Any] = {key: common[key] for key in ("cwd", "timeout", "start_timeout")}
    settings["workspace"] = aml.workspace if aml.where and not os.environ.get("JUPYTER_AML_RUN_ID") else None
    progress = sys.stderr.isatty() and not aml.json if common["progress"] is None else common["progress"]
    if common["log_output"]:
        import logging

        logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    return settings, {"progress": progress and not common["log_output"], "log_output": common["log_output"]}


def _parameters(common: dict[str, Any], path: str | None, *, ask: bool) -> dict[str, Any]:
    """The given parameters, later ones winning: files, YAML texts, -p, -r, secrets."""
    from jupyter_aml.jobs.notebook import declarations
    from jupyter_aml.jobs.parameters import read_value

    found: dict[str, Any] = {}
    for file in common["files"]:
        found |= _mapping(_yaml(_read(file), file), file)
    for text in common["yamls"]:
        found |= _mapping(_yaml(text, "--parameters-yaml"), "--parameters-yaml")
    if common["one"]:
        known = (declarations(path, common["kernel"]) or {}) if path is not None else {}
        found |= {name: read_value(value, known.get(name)) for name, value in common["one"]}
    found |= dict(common["raw"])
    for name in common["secrets"]:
        if name in found:
            continue
        if name in os.environ:
            found[name] = os.environ[name]
        elif ask and sys.stdin.isatty():
            found[name] = click.prompt(name, hide_input=True, err=True)
        elif ask:
            raise UserErrorException(f"There is no value for the secret {name!r}: set ${name}, or give it with -p.")
    return found


def _mapping(content: Any, what: str) -> dict[str, Any]:
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UserErrorException(f"{what} holds no mapping of names to values, but {type(content).__name__}.")
    return {str(name): value for name, value in content.items()}


def _read(file: str) -> str:
    from pathlib import Path

    try:
        return Path(file).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UserErrorException(f"The parameters file {file!r} cannot be read: {reason}.") from error


def _yaml(text: str, what: str) -> Any:
    import yaml
    from papermill.iorw import NoDatesSafeLoader

    try:
        return yaml.load(text, Loader=NoDatesSafeLoader)
    except yaml.YAMLError as error:
        raise UserErrorException(f"{what} is not YAML: {' '.join(str(error).split())}") from error


def _finish(ctx: click.Context, aml: Aml, run: Any) -> None:
    """Show the run, and leave with what it came to."""
    record = run.experiment.workspace.connection.store.run(run.id, with_metrics=True)

    def show() -> None:
        error = dict(record.error or {})
        output.facts(
            {
                "Run": record.id,
                "Experiment": record.experiment,
                "Status": output.Status(record.status),
                "Output": record.details.get("output") or "kept with the run",
                "Error": f"{error.get('code', '')}: {error.get('message', '')}" if error else "",
            }
        )

    again = (
        f"aml notebook resume {record.id}" if record.type == "aml.notebook" else f"aml run list --children {record.id}"
    )
    aml.emit(record, show, next=again if record.status != "Completed" else f"aml run show {record.id}")
    ctx.exit({"Completed": 0, "Canceled": CANCELED}.get(record.status, 1))
