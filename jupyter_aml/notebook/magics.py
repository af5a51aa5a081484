"""``%aml`` and ``%%aml_run``."""

from __future__ import annotations

import os
import sys
from pathlib import PurePath
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from jupyter_aml.notebook import completion, one_error
from jupyter_aml.notebook.capture import Capture
from jupyter_aml.notebook.cell_run import CellRun, bare
from jupyter_aml.notebook.completion import COMMANDS
from jupyter_aml.notebook.display import runs_table
from jupyter_aml.notebook.track import Tracking, notebook_path
from jupyter_aml.tracking import context
from jupyter_aml.tracking.names import experiment_name
from jupyter_aml.tracking.offline import OfflineRun
from jupyter_aml.tracking.run import Run
from jupyter_aml.workspace import Workspace


@magics_class
class AmlMagics(Magics):
    """The magics of one shell."""

    experiment_name = ""
    tracking: Tracking | None = None

    @line_magic
    def aml(self, line: str) -> Any:
        """Look at and write to the current run.

        %aml status                  where this notebook logs to
        %aml workspace               the workspace
        %aml experiment [NAME]       the experiment of the runs that %%aml_run starts
        %aml log NAME VALUE          log a value to the current run (an expression of Python)
        %aml tag KEY [VALUE]         tag the current run
        %aml track on [EXPERIMENT]   record each cell of this notebook as a run, this one included
        %aml track off               end that
        %aml track                   whether cells are recorded
        %aml runs [N]                the newest runs of the experiment (10)
        %aml data [NAME [ROWS]]      a registered dataset as a DataFrame (its first rows); which there are
        %aml help                    this text

        %%aml_run makes one cell a run; %%aml_run? tells more.
        """
        command, _, rest = line.strip().partition(" ")
        if command not in COMMANDS:
            raise UsageError(f"%aml takes one of {', '.join(COMMANDS)}; not {command!r}. %aml? tells more.")
        return getattr(self, f"_{command}")(rest.strip())

    # -- %aml ----------------------------------------------------------------------------------------------------------
    def _help(self, rest: str) -> None:
        print(self.aml.__doc__)

    def _status(self, rest: str) -> None:
        run = Run.get_context()
        where = "none: what is logged is printed, not kept" if isinstance(run, OfflineRun) else run.id
        print(f"workspace   {self._workspace('').url}")
        print(f"experiment  {self._experiment_name()}")
        print(f"run         {where}")
        print(f"tracking    {self._tracked_by()}")

    def _workspace(self, rest: str) -> Any:
        found = context.innermost() or context.current()
        if found is None:
            return Workspace.from_config()
        return Run.get_context().experiment.workspace

    def _experiment(self, rest: str) -> None:
        if rest:
            self.experiment_name = experiment_name(rest)
        print(self._experiment_name())

    def _log(self, rest: str) -> None:
        name, expression = first_word(rest)
        if not name or not expression:
            raise UsageError(
                "%aml log NAME VALUE: the value is an expression of Python; a name with spaces stands in quotes."
            )
        Run.get_context().log(name, self.shell.ev(expression))

    def _tag(self, rest: str) -> None:
        key, value = first_word(rest)
        if not key:
            raise UsageError("%aml tag KEY [VALUE]: a key with spaces stands in quotes.")
        run = Run.get_context()
        if isinstance(run, OfflineRun):
            raise UsageError("There is no run to tag here: %aml track on, or %%aml_run, begins one.")
        run.tag(key, value or None)

    def _data(self, rest: str) -> Any:
        from jupyter_aml.notebook.data import data

        return data(self._workspace(""), rest)

    def _track(self, rest: str) -> None:
        word, _, name = rest.partition(" ")
        if word not in ("", "on", "off") or (name and word != "on"):
            raise UsageError(f"%aml track on [EXPERIMENT], or %aml track off; not {rest!r}.")
        own = self._own_tracking()
        if word == "on" and not self._tracked_from_outside():
            name = experiment_name(name.strip()) if name.strip() else ""
            if own is None or (name and name != own.experiment):
                if getattr(self.shell, "kernel", None) is None:
                    raise UsageError("%aml track needs a kernel. In a terminal use Experiment.start_logging().")
                if own is not None:
                    own.stop("The experiment was changed.")
                self.tracking = Tracking(self.shell, self._workspace(""), name or self._experiment_name())
        elif word == "off" and own is not None:
            own.stop()
        print(self._tracked_by())

    def _own_tracking(self) -> Tracking | None:
        return self.tracking if self.tracking is not None and self.tracking.active else None

    def _tracked_from_outside(self) -> str:
        """Who records the cells of this kernel from outside of it; "" for nobody."""
        if os.environ.get(context.RUN_ID):
            return f"on: the notebook is executed as run {os.environ[context.RUN_ID]}, and so are its cells."
        mark = context.read_mark(context.kernel_id(getattr(self.shell, "kernel", None)))
        if mark is not None:
            return (
                f"on: the Jupyter server records the cells in experiment {mark['experiment']!r}; "
                "the switch is in the notebook's toolbar."
            )
        return ""

    def _tracked_by(self) -> str:
        own = self._own_tracking()
        if own is not None:
            return f"on: the kernel records its cells in experiment {own.experiment!r}, run {own.recorder.parent}."
        return self._tracked_from_outside() or "off"

    def _runs(self, rest: str) -> Any:
        if rest and not (rest.isdigit() and 0 < int(rest) <= 1000):
            raise UsageError(f"%aml runs takes a number from 1 to 1000, not {rest!r}.")
        return runs_table(self._workspace(""), self._experiment_name(), int(rest or 10))

    def _experiment_name(self) -> str:
        found = context.current()
        if self.experiment_name:
            return self.experiment_name
        return (found.experiment if found is not None else "") or PurePath(notebook_path(self.shell)).stem or "notebook"

    # -- %%aml_run -----------------------------------------------------------------------------------------------------
    @magic_arguments("%aml_run")  # IPython puts one % before it
    @argument("--name", default="", help="What people see. By default the cell's first line.")
    @argument(
        "--experiment",
        default="",
        help="Where the run belongs. By default where the enclosing run does, else what %%aml experiment says.",
    )
    @argument("--tag", action="append", default=[], metavar="KEY=VALUE", help="A tag of the run; may be repeated.")
    @argument("--var", default="", metavar="NAMES", help="Variables to record after the cell: names between commas.")
    @cell_magic
    def aml_run(self, line: str, cell: str) -> None:
        """Make this cell a run.

        What it logs (by `Run.get_context()` or %aml log), shows and prints is kept with the run, and so are its result,
        its duration, the process's peak memory, and an error with its traceback.
        """
        args = parse_argstring(self.aml_run, line)
        run = CellRun(
            self.shell,
            cell,
            experiment=bare(args.experiment),
            default=self._experiment_name(),
            name=bare(args.name),
            tags=args.tag,
        )
        error: BaseException | None = None
        lines: list[str] = []
        try:
            with one_error.unshown(self.shell) as lines, Capture(self.shell, said=run.said, shown=run.shown):
                result = self.shell.run_cell(cell, store_history=False)
                flush = sys.modules.get("matplotlib_inline.backend_inline")
                if flush is not None:
                    flush.flush_figures()
            error = result.error_before_exec or result.error_in_exec
        except BaseException as unusual:  # an interrupt between two lines of the shell's own
            error = unusual
        run.end([name for name in map(str.strip, bare(args.var).split(",")) if name], error, lines)
        if error is not None:
            one_error.show_as(self.shell, error, list(lines))
            raise error


def first_word(line: str) -> tuple[str, str]:
    """The first word of a line, which may stand in quotes, and what follows it. Without its last quote it is no word."""
    if line[:1] in completion.QUOTES:
        word, _, rest = line[1:].partition(line[0]) if line[0] in line[1:] else ("", "", "")
    else:
        word, _, rest = line.partition(" ")
    return word, rest.strip()


def load(shell: Any) -> None:
    """Register the magics."""
    shell.register_magics(AmlMagics)
    completion.install(shell)
    context.follow_cells()


def unload(shell: Any) -> None:
    """Take them back."""
    registered = shell.magics_manager.registry.get("AmlMagics")
    if registered is not None and registered.tracking is not None:
        registered.tracking.stop()
    for kind, name in (("line", "aml"), ("cell", "aml_run")):
        shell.magics_manager.magics[kind].pop(name, None)
    completion.remove(shell)
    context.stop_following()


__all__ = ["AmlMagics", "load", "unload"]
