"""`aml doctor`, `aml export`, `aml import`, `aml workspace backup` and `restore`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from jupyter_aml.cli import output
from jupyter_aml.cli.base import Aml, Command, experiment_names, pass_aml, run_names

MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "error": ("✗", "red")}
FILE = click.Path(dir_okay=False, path_type=Path)
PLACE = click.Path(path_type=Path)


@click.command("doctor", cls=Command)
@click.option("--deep", is_flag=True, help="Read every content and recompute its sha256.")
@pass_aml
def doctor(aml: Aml, deep: bool) -> None:
    """Look the workspace over: what is damaged, missing or left over, and what to do about it.

    Nothing is repaired; opening a workspace brings in what processes that died had logged. The exit code is 1 when
    there are errors.
    """
    from jupyter_aml.store.doctor import examine

    found = examine(aml.workspace.connection, deep=deep)
    counts = {severity: sum(one.severity == severity for one in found) for severity in MARKS}

    def show() -> None:
        for one in found:  # a finding is never cut to the terminal's width
            click.echo(f"{_mark(one.severity)}  {one.subject.ljust(8)}  {output.clean(one.what)}")
            if one.where:
                click.echo(f"{'':21}{output.paint(output.clean(one.where), dim=True)}")
        advice = dict.fromkeys((one.subject, one.advice) for one in found if one.advice)
        if advice:
            output.title("What to do")
            for subject, text in advice:
                click.echo(f"{subject}: {output.clean(text)}")

    aml.emit({"workspace": aml.workspace.url, "deep": deep, "counts": counts, "findings": found}, show)
    if counts["error"]:
        click.get_current_context().exit(1)


def _mark(severity: str) -> str:
    sign, colour = MARKS[severity]
    text = f"{sign} {severity}" if output._speaks(sign) else severity
    return output.paint(text.ljust(9), colour)


@click.command("export", cls=Command)
@click.argument("file", type=FILE)
@click.option(
    "--run", "runs", multiple=True, metavar="RUN", shell_complete=run_names,
    help="A run, with its descendants; may be repeated.",
)  # fmt: skip
@click.option(
    "--experiment", "experiments", multiple=True, metavar="NAME", shell_complete=experiment_names,
    help="An experiment, with its runs; may be repeated.",
)  # fmt: skip
@pass_aml
def export(aml: Aml, file: Path, runs: tuple[str, ...], experiments: tuple[str, ...]) -> None:
    """Write runs, experiments or the whole workspace into FILE, an archive that `aml import` takes in anywhere.

    Metrics and files that a cell logged to another run go with that run.
    """
    from jupyter_aml.store import archive

    for name in experiments:
        aml.experiment(name)
    told = archive.export(
        aml.store, file, runs=[aml.run_id(name) for name in runs] or None, experiments=list(experiments) or None
    )

    def show() -> None:
        click.echo(
            f"{output.clean(file)} holds {_count(told.runs, 'run')} of {_count(told.experiments, 'experiment')}, "
            f"{_count(told.points, 'point')} and {_count(told.blobs, 'content')} ({output.size(told.size)})."
        )
        _list("Not in it, because the workspace has them not or damaged", told.missing.items())
        _list("Runs to which some of these logged, which are not in it", told.elsewhere)

    aml.emit(told, show, next=f"aml -w WORKSPACE import {file}")


@click.command("import", cls=Command)
@click.argument("file", type=FILE)
@pass_aml
def import_(aml: Aml, file: Path) -> None:
    """Take an archive in that `aml export` wrote.

    What is there stays: a run that the workspace has keeps what it has. Repeating an import doubles nothing, and
    completes one that was broken off. A damaged archive is refused before anything is written.
    """
    from jupyter_aml.store.archive_import import import_archive

    told = import_archive(aml.store, file)

    def show() -> None:
        click.echo(
            f"{_count(told.runs, 'run')}, {_count(told.points, 'point')} and {_count(told.blobs, 'content')} came in."
        )
        if told.before:
            click.echo(f"{_count(told.before, 'run')} of this archive had come in before.")
        _list("There already, and left as they were", told.skipped)
        _list("Deleted here, and left so", told.deleted)
        _list("Contents that the archive lacks", told.missing)

    aml.emit(told, show, next="aml run list")


@click.command("backup", cls=Command)
@click.argument("target", type=PLACE)
@click.option("--link", is_flag=True, help="Hard-link contents on the same disk: fast, but a damaged disk hits both.")
@pass_aml
def backup(aml: Aml, target: Path, link: bool) -> None:
    """Copy the workspace, which may be in use, into TARGET: a new folder, or a file called NAME.zip.

    The files of its own datastores come along; of a workspace that is no folder, TARGET gets an archive without them.
    Everything that was logged before is in it, also what running processes logged a moment ago.
    """
    from jupyter_aml.store import backup as backups

    told = backups.backup(aml.workspace.connection, target, link=link)

    def show() -> None:
        click.echo(
            f"{output.clean(target)} holds the workspace with {_count(told.blobs, 'content')} and "
            f"{_count(told.datastore_files, 'file')} of its datastores ({output.size(told.size)})."
        )
        _list("Damaged contents that were left out", told.damaged)
        _list("Left out of the datastores: no plain files, or not to be read", told.left_out)

    aml.emit(told, show, next=f"aml workspace restore {target} FOLDER")


@click.command("restore", cls=Command)
@click.argument("source", type=PLACE)
@click.argument("folder", type=PLACE)
@click.option("--name", help="Another name for the workspace.")
@pass_aml
def restore(aml: Aml, source: Path, folder: Path, name: str | None) -> None:
    """Lay a backup (or an archive) out as a workspace in FOLDER, which must not be there yet.

    A run that was open becomes failed: in the copy nobody runs it.
    """
    from jupyter_aml.store import backup as backups

    told = backups.restore(source, folder, name=name)
    place = f"./{folder}" if not folder.is_absolute() else str(folder)
    aml.emit(
        told,
        f"Workspace {output.clean(told.name)!r} is in {output.clean(folder)}.",
        next=f"aml -w {place} workspace show",
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _list(title: str, items: Sequence[Any] | Any) -> None:
    """A title and at most 20 lines below it; nothing for nothing."""
    lines = list(items)
    if lines:
        output.title(title, str(len(lines)))
        for line in lines[:20]:
            click.echo("  " + output.clean("  ".join(line) if isinstance(line, tuple) else line))
        if len(lines) > 20:
            click.echo(f"  and {len(lines) - 20} more (--json has all)")


__all__ = ["backup", "doctor", "export", "import_", "restore"]
