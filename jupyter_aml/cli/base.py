"""What all commands share: the workspace that was chosen, the form of the answer, and how runs are named."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from jupyter_aml.cli import output
from jupyter_aml.errors import NotFoundException, UserErrorException

if TYPE_CHECKING:
    from jupyter_aml.store.contract import Store
    from jupyter_aml.tracking.run import Run
    from jupyter_aml.workspace import Workspace

CLOSE = 200
"""Names of so many of the newest runs are looked through for a suggestion."""


class Aml:
    """One invocation of `aml`: the global options, and the workspace behind them (opened at first use)."""

    def __init__(self) -> None:
        self.json = False
        self.where: str | None = None
        self._workspace: Workspace | None = None

    @property
    def workspace(self) -> Workspace:
        """The workspace of --workspace, else of $JUPYTER_AML_WORKSPACE, else of the config, else the default one."""
        if self._workspace is None:
            self._workspace = open_workspace(self.where)
        return self._workspace

    @property
    def store(self) -> Store:
        """The workspace's store."""
        return self.workspace.connection.store

    def emit(self, value: Any, show: Callable[[], None] | str | None = None, *, next: str = "") -> None:
        """Print the answer.

        Args:
            value: for --json.
            show: for people: a text, or a function that prints.
            next: the command that one would type next.
        """
        if self.json:
            output.write_json(value)
            return
        if callable(show):
            show()
        elif show:
            click.echo(show)
        if next:
            output.hint(next)

    def run(self, name: str) -> Run:
        """The run that `name` means: its id, the beginning or the end of it if that is unique, or EXPERIMENT#NUMBER.

        Raises:
            NotFoundException: there is none.
            UserErrorException: several begin or end so.
        """
        return self.workspace.get_run(self.run_id(name))

    def run_id(self, name: str) -> str:
        """The id of the run that `name` means; see `run`."""
        from jupyter_aml.store.records import Condition, RunQuery

        store = self.store
        if store.run(name) is not None:
            return name
        experiment, mark, number = name.rpartition("#")
        if mark and number.isdigit():
            query = RunQuery(
                experiment=experiment, where=[Condition("number", "=", int(number))], include_archived=True
            )
            found = [record.id for record in store.runs(query).runs]
        else:
            query = RunQuery(text=name, everywhere=True, include_archived=True, limit=500)
            found = [r.id for r in store.runs(query).runs if name and (r.id.startswith(name) or r.id.endswith(name))]
        if len(found) == 1:
            return found[0]
        if found:
            some = ", ".join(found[:4]) + (", …" if len(found) > 4 else "")
            raise UserErrorException(
                f"{name!r} is the beginning or end of {len(found)} runs: {some}. Give more of the id."
            )
        newest = store.runs(RunQuery(everywhere=True, limit=CLOSE)).runs
        known = [record.id for record in newest] + [record.name for record in newest if record.name]
        raise NotFoundException.of("run", name, known, "`aml run list` shows what there is.")

    def experiment(self, name: str, *, archived: bool = True) -> Any:
        """The experiment of that name, which must exist.

        Raises:
            NotFoundException: it does not.
        """
        from jupyter_aml.tracking.experiment import Experiment

        known = self.store.experiments(archived=None if archived else False)
        if name not in {record.name for record in known}:
            raise NotFoundException.of(
                "experiment", name, [record.name for record in known], "`aml experiment list` shows what there is."
            )
        return Experiment(self.workspace, name, _create_in_cloud=False)


def open_workspace(where: str | None) -> Workspace:
    """The workspace of a name or URL; None for the config's or the default one. Nothing is printed."""
    from jupyter_aml.store import home
    from jupyter_aml.store.place import known_workspaces
    from jupyter_aml.workspace import Workspace, find_config

    if where:
        if "://" in where or "/" in where or os.sep in where or where.startswith((".", "~")):
            return Workspace.from_url(where)
        known = known_workspaces()
        if where not in known:
            raise NotFoundException.of(
                "workspace", where, known, f"`aml workspace list` shows those in {home.home()}; a path needs a slash."
            )
        return Workspace.from_url(known[where])
    return Workspace.default() if find_config() is None else Workspace.from_config()


pass_aml = click.make_pass_decorator(Aml, ensure=True)


def _take_json(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(Aml).json = True


def _take_workspace(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value:
        ctx.ensure_object(Aml).where = value


def _complete_workspace(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from jupyter_aml.store.place import known_workspaces

    try:
        return [name for name in known_workspaces() if name.startswith(incomplete)]
    except Exception:  # a completion is never an error
        return []


def global_options() -> list[click.Option]:
    """--workspace and --json: taken before and after the command alike."""
    return [
        click.Option(
            ["-w", "--workspace"],
            metavar="NAME|URL",
            expose_value=False,
            callback=_take_workspace,
            shell_complete=_complete_workspace,
            help="The workspace: a name, or a folder's path. [default: $JUPYTER_AML_WORKSPACE, the config, or 'default']",
        ),
        click.Option(
            ["--json"], is_flag=True, expose_value=False, callback=_take_json, help="Answer with one JSON document."
        ),
    ]


class Command(click.Command):
    """A command that takes the global options too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = {param.name for param in self.params}
        self.params += [option for option in global_options() if option.name not in known]


class Group(click.Group):
    """A group of such commands; an unknown name gets suggestions."""

    command_class = Command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, with close names in the error."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            text = NotFoundException.of("command", args[0], self.list_commands(ctx)).message
            raise click.UsageError(text, ctx)
        return super().resolve_command(ctx, args)


def run_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> Sequence[Any]:
    """Shell completion of runs: the newest, with what they are."""
    from click.shell_completion import CompletionItem

    from jupyter_aml.store.records import RunQuery

    try:
        found = completing(ctx).store.runs(RunQuery(everywhere=bool(incomplete), text=incomplete, limit=50)).runs
        return [
            CompletionItem(r.id, help=f"{r.experiment}#{r.number} {r.name} {r.status}")
            for r in found
            if r.id.startswith(incomplete)
        ]
    except Exception:  # a completion is never an error
        return []


def experiment_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> Sequence[str]:
    """Shell completion of experiments."""
    try:
        return [e.name for e in completing(ctx).store.experiments(archived=None) if e.name.startswith(incomplete)]
    except Exception:  # a completion is never an error
        return []


def completing(ctx: click.Context) -> Aml:
    """The invocation that a word is completed for."""
    found = ctx.find_object(Aml) or Aml()
    found.where = found.where or os.environ.get("JUPYTER_AML_WORKSPACE")
    return found


def run_argument(name: str = "run", **attrs: Any) -> Any:
    """An argument that names a run."""
    return click.argument(name, metavar=attrs.pop("metavar", "RUN"), shell_complete=run_names, **attrs)


def confirm(aml: Aml, question: str) -> None:
    """Ask before something is gone for good.

    Raises:
        UserErrorException: nobody can be asked.
        click.Abort: the answer is no.
    """
    nobody = UserErrorException(f"{question} There is nobody to ask here: this needs --yes.")
    if aml.json:
        raise nobody
    try:
        click.confirm(question, abort=True, err=True)
    except click.Abort as no:
        if isinstance(no.__context__, EOFError):
            raise nobody from None
        raise


def pairs(given: Sequence[str], what: str = "tag") -> dict[str, str | None]:
    """``k=v`` and ``k`` as a dict.

    Raises:
        UserErrorException: one has no name.
    """
    found: dict[str, str | None] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not key:
            raise UserErrorException(f"{text!r} is no {what}: write NAME=VALUE, or NAME alone.")
        found[key] = value if equals else None
    return found
