"""`aml run`: finding runs and looking at them. What changes them is in run_changes.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from jupyter_aml.cli import output
from jupyter_aml.cli.base import Aml, Group, experiment_names, pairs, pass_aml, run_argument
from jupyter_aml.cli.run_changes import cancel, delete, tag
from jupyter_aml.cli.run_reproduce import reproduce
from jupyter_aml.cli.run_submit import submit
from jupyter_aml.store.statuses import STATUSES

if TYPE_CHECKING:
    from jupyter_aml.store.records import RunRecord

MAIN_METRICS = 4
"""Columns of metrics in a list of runs."""
NARROW = 120
"""Terminals with fewer columns show the end of an id, by which a run can be named too."""
SHORT = 10


@click.group(cls=Group)
def run() -> None:
    """Runs: list, show, metrics, logs, files, diff, cancel."""


@run.command("list")
@click.option("-e", "--experiment", metavar="NAME", shell_complete=experiment_names, help="Of this experiment.")
@click.option(
    "--status", "statuses", multiple=True, type=click.Choice(STATUSES, case_sensitive=False), help="May be repeated."
)
@click.option(
    "--type", "types", multiple=True, metavar="TYPE", help="aml.notebook, aml.session, aml.cell … May be repeated."
)
@click.option("--tag", "tags", multiple=True, metavar="NAME[=VALUE]", help="With this tag; may be repeated.")
@click.option(
    "--where",
    multiple=True,
    metavar="EXPRESSION",
    help="'metrics.acc > 0.9 and not status = Failed', … May be repeated: all must hold.",
)
@click.option("--text", default="", help="Part of the name or id.")
@click.option(
    "--order", default="-created", metavar="FIELD", help="Sort by it, '-' in front for descending. [-created]"
)
@click.option("-n", "--limit", default=20, type=click.IntRange(1, 1000), help="At most so many. [20]")
@click.option("--cursor", help="Where the page before ended (`next` of --json).")
@click.option("--children", "children", metavar="RUN", help="The children of this run.")
@click.option("--everywhere", is_flag=True, help="Children too, not roots alone.")
@click.option("--archived", is_flag=True, help="Runs of archived experiments too.")
@pass_aml
def list_(aml: Aml, experiment: str | None, children: str | None, **how: Any) -> None:
    """Runs, the newest first.

    An EXPRESSION is made of conditions with and, or, not and parentheses. Fields: status, type, name, user, created,
    started, ended, duration, number, metrics.NAME (.min, .max), params.NAME, tags.NAME, properties.NAME. Operators:
    = != < <= > >= contains, in (A, B), is null. Times: 2026-11-01, ago(2d). docs/filters.md tells all of it.
    """
    from jupyter_aml.store.grammar import parse
    from jupyter_aml.store.records import Condition, Filter, RunQuery

    if experiment is not None:
        aml.experiment(experiment)
    wanted: list[Filter] = [
        Condition(f"tags.{key}", *(("!=", None) if value is None else ("=", value)))
        for key, value in pairs(how["tags"]).items()
    ]
    page = aml.store.runs(
        RunQuery(
            experiment=experiment,
            parent=aml.run_id(children) if children else None,
            everywhere=how["everywhere"],
            types=how["types"],
            statuses=how["statuses"],
            where=[*wanted, *map(parse, how["where"])],
            text=how["text"],
            order_by=how["order"].lstrip("-+"),
            descending=how["order"].startswith("-"),
            limit=how["limit"],
            cursor=how["cursor"],
            with_metrics=True,
            include_archived=how["archived"] or children is not None,
        )
    )

    def show() -> None:
        if not page.runs:
            click.echo(
                f"No runs in workspace {output.clean(aml.workspace.name)!r} ({output.clean(aml.workspace.url)}) are like that."
            )
            return
        print_runs(page.runs, ordered_by=how["order"].lstrip("-+"))
        if page.next:
            click.echo(f"The first {len(page.runs)}; --limit shows more.", err=True)

    aml.emit({"runs": page.runs, "next": page.next}, show, next=f"aml run show {page.runs[0].id}" if page.runs else "")


def print_runs(runs: Sequence[RunRecord], ordered_by: str = "") -> None:
    """A table of runs with the metrics that most of them have."""
    counts: dict[str, int] = {}
    for record in runs:
        for name, metric in record.metrics.items():
            if metric.kind in ("scalar", "list") and isinstance(metric.last, (int, float)):
                counts[name] = counts.get(name, 0) + 1
    first = ordered_by.removeprefix("metrics.")
    room = output.columns()
    narrow = room is not None and room < NARROW
    shown = MAIN_METRICS if room is None else max(1, min(MAIN_METRICS, (room - 65) // 12))
    names = sorted(counts, key=lambda name: (name != first, -counts[name]))[:shown]
    from jupyter_aml.tracking.html import duration

    rows = []
    for record in runs:
        metrics = [output.number(record.metrics[name].last) if name in record.metrics else "" for name in names]
        number = f"#{record.number}" if record.number else ""
        what = record.name or (record.details.get("source") or "").strip().split("\n")[0] or record.type
        rows.append(
            [
                record.id[-SHORT:] if narrow else record.id, output.Status(record.status), record.experiment + number, what,
                output.ago(record.started or record.created), duration(record.started, record.ended), *metrics,
            ]
        )  # fmt: skip
    heads = ["RUN", "STATUS", "EXPERIMENT", "NAME", "STARTED", "DURATION", *names]
    output.table(heads, rows, right=["DURATION", *names], keep=["RUN", "STATUS", *names])


@run.command("show")
@run_argument()
@pass_aml
def show(aml: Aml, run: str) -> None:
    """Everything about a run: parameters, metrics, files, tags, git, children, error."""
    from jupyter_aml.cli.run_show import describe, print_run

    found = describe(aml.store, aml.run_id(run))
    aml.emit(found, lambda: print_run(found), next=f"aml run logs {found['id']}")


@run.command("metrics")
@run_argument()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--series", is_flag=True, help="Every point, not the summary.")
@pass_aml
def metrics(aml: Aml, run: str, names: tuple[str, ...], series: bool) -> None:
    """The metrics of a run: last, lowest and highest value, or with --series every point."""
    from jupyter_aml.cli.run_show import print_metrics, print_series, series_of, summaries

    run_id = aml.run_id(run)
    found = summaries(aml.store, run_id, names)
    if series:
        points = series_of(aml.store, run_id, found)
        aml.emit({"run": run_id, "series": points}, lambda: print_series(points))
    else:
        aml.emit(
            {"run": run_id, "metrics": found}, lambda: print_metrics(found), next=f"aml run metrics {run_id} --series"
        )


@run.command("logs")
@run_argument()
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended; exit code 1 if it failed.")
@click.option("--path", metavar="NAME", help="Only this log.")
@pass_aml
def logs(aml: Aml, run: str, follow: bool, path: str | None) -> None:
    """What a run printed, and what its cells did; the error of a failed one (on standard error)."""
    from jupyter_aml.cli.run_logs import collect, stream

    run_id = aml.run_id(run)
    if aml.json and not follow:
        record = aml.store.run(run_id)
        found = collect(aml.store, run_id, path)
        aml.emit({"run": run_id, "logs": found, "error": record.error if record is not None else None})
    elif aml.json:
        raise click.UsageError("--follow writes text as it comes; take --json without it.")
    else:
        click.get_current_context().exit(stream(aml.workspace.connection, run_id, path, follow))


@run.command("files")
@run_argument()
@click.argument("prefix", default="")
@pass_aml
def files(aml: Aml, run: str, prefix: str) -> None:
    """The files of a run whose names begin with PREFIX."""
    from jupyter_aml.cli.run_show import print_files

    run_id = aml.run_id(run)
    found = aml.store.files(run_id, prefix)
    aml.emit({"run": run_id, "files": found}, lambda: print_files(found), next=f"aml run download {run_id}")


@run.command("download")
@run_argument()
@click.argument("names", nargs=-1, metavar="[FILE|FOLDER]...")
@click.option("-o", "--to", metavar="FOLDER", help="Where to. [default: a folder named after the run's id]")
@pass_aml
def download(aml: Aml, run: str, names: tuple[str, ...], to: str | None) -> None:
    """Write files of a run below a folder: all, or those named."""
    from pathlib import Path

    from jupyter_aml.errors import NotFoundException
    from jupyter_aml.store.home import folder_name

    chosen = aml.run(run)
    folder = Path(to or folder_name(chosen.id, "run"))
    known = chosen.get_file_names()
    wanted: list[str] = []
    for name in names or [""]:
        some = [k for k in known if not name or k == name or k.startswith(name.rstrip("/") + "/")]
        if name and not some:
            raise NotFoundException.of("file", name, known, f"`aml run files {chosen.id}` shows what there is.")
        wanted += [k for k in some if k not in wanted]
    chosen._download({name: folder.joinpath(*name.split("/")) for name in wanted})
    aml.emit(
        {"run": chosen.id, "folder": str(folder.absolute()), "files": wanted},
        f"{len(wanted)} file{'s' * (len(wanted) != 1)} written below {output.clean(folder)}.",
    )


@run.command("diff")
@run_argument("first", metavar="RUN1")
@run_argument("second", metavar="RUN2")
@pass_aml
def diff(aml: Aml, first: str, second: str) -> None:
    """What differs between two runs: parameters, metrics, tags, source, files."""
    from jupyter_aml.cli.run_diff import compare, print_diff

    found = compare(aml.workspace, aml.run_id(first), aml.run_id(second))
    aml.emit(found, lambda: print_diff(found))


for _command in (cancel, delete, reproduce, submit, tag):
    run.add_command(_command)
