"""`aml experiment`."""

from __future__ import annotations

import click

from jupyter_aml.cli import output
from jupyter_aml.cli.base import Aml, Group, confirm, experiment_names, pairs, pass_aml

NAME = click.argument("name", shell_complete=experiment_names)


@click.group(cls=Group)
def experiment() -> None:
    """Experiments: list, show, tag, archive, delete."""


@experiment.command("list")
@click.option("--archived", is_flag=True, help="The archived ones.")
@click.option("--all", "both", is_flag=True, help="Archived ones too.")
@pass_aml
def list_(aml: Aml, archived: bool, both: bool) -> None:
    """The workspace's experiments."""
    found = aml.store.experiments(archived=None if both else archived)

    def show() -> None:
        if not found:
            click.echo(
                f"Workspace {output.clean(aml.workspace.name)!r} has no {'archived ' * archived}experiments yet."
            )
            return
        output.table(
            ["NAME", "RUNS", "LAST ACTIVITY", "TAGS", "ARCHIVED"],
            [[e.name, e.run_count, output.ago(e.last_activity), _tags(e.tags), output.ago(e.archived)] for e in found],
            right=["RUNS"],
        )

    aml.emit({"experiments": found}, show, next="aml run list --experiment NAME" if found else "")


def _tags(tags: object) -> str:
    return ", ".join(k if v is None else f"{k}={v}" for k, v in dict(tags).items())  # type: ignore[call-overload]


@experiment.command("show")
@NAME
@pass_aml
def show(aml: Aml, name: str) -> None:
    """One experiment."""
    record = aml.experiment(name)._record()
    aml.emit(
        record,
        lambda: output.facts(
            {
                "Name": record.name,
                "Id": record.id,
                "Created": output.moment(record.created),
                "Archived": output.moment(record.archived),
                "Description": record.description,
                "Tags": _tags(record.tags),
                "Runs": record.run_count,
                "Last activity": output.moment(record.last_activity),
            }
        ),
        next=f"aml run list --experiment {name!r}",
    )


@experiment.command("tag")
@NAME
@click.argument("tags", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--remove", "drop", multiple=True, metavar="NAME", help="Take a tag away; may be repeated.")
@pass_aml
def tag(aml: Aml, name: str, tags: tuple[str, ...], drop: tuple[str, ...]) -> None:
    """Set or remove tags of an experiment."""
    chosen = aml.experiment(name)
    if tags:
        chosen.set_tags(pairs(tags))
    if drop:
        chosen.remove_tags(list(drop))
    now = chosen.tags
    aml.emit({"name": name, "tags": now}, f"{output.clean(name)}: {output.clean(_tags(now)) or 'no tags'}")


@experiment.command("archive")
@NAME
@pass_aml
def archive(aml: Aml, name: str) -> None:
    """Hide an experiment and its runs from lists."""
    chosen = aml.experiment(name)
    chosen.archive()
    aml.emit(
        chosen._record(), f"Experiment {output.clean(name)!r} is archived.", next=f"aml experiment restore {name!r}"
    )


@experiment.command("restore")
@NAME
@click.option("--rename", metavar="NAME", help="A new name for it.")
@pass_aml
def restore(aml: Aml, name: str, rename: str | None) -> None:
    """Show an archived experiment again."""
    chosen = aml.experiment(name)
    chosen.reactivate(rename)
    aml.emit(chosen._record(), f"Experiment {output.clean(chosen.name)!r} is listed again.")


@experiment.command("delete")
@NAME
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_aml
def delete(aml: Aml, name: str, yes: bool) -> None:
    """Delete an experiment and its runs, for good."""
    from jupyter_aml.tracking.experiment import Experiment

    record = aml.experiment(name)._record()
    if not yes:
        confirm(aml, f"Delete experiment {output.clean(name)!r} with {record.run_count} runs?")
    Experiment.delete(aml.workspace, name)
    aml.emit({"deleted": name}, f"Experiment {output.clean(name)!r} is deleted.")
