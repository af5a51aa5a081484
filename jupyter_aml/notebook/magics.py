"""``%aml`` and ``%%aml_run``."""

from __future__ import annotations

import base64
import logging
import os
import shlex
import sys
import time
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from jupyter_aml.errors import AzureMLException
from jupyter_aml.notebook.capture import Capture
from jupyter_aml.notebook.display import runs_table
from jupyter_aml.notebook.track import Follower
from jupyter_aml.store.events import RunChanged, TextLogged
from jupyter_aml.tracking import cells, context
from jupyter_aml.tracking.experiment import Experiment
from jupyter_aml.tracking.run import Run
from jupyter_aml.workspace import Workspace

log = logging.getLogger("jupyter_aml")
_COMMANDS = ("status", "workspace", "experiment", "log", "tag", "track", "runs", "help")


@magics_class
class AmlMagics(Magics):
    """The magics of one shell."""

    experiment_name = ""
    follower: Follower | None = None

    @line_magic
    def aml(self, line: str) -> Any:
        """Look at and write to the current run.

        %aml status               where this notebook logs to
        %aml workspace            the workspace
        %aml experiment [NAME]    the experiment of the runs that %%aml_run starts
        %aml log NAME VALUE       log a value to the current run (an expression of Python)
        %aml tag KEY [VALUE]      tag the current run
        %aml track on|off         record each cell of this kernel as a run, from the next one on
        %aml runs [N]             the newest runs of the experiment
        """
        command, _, rest = line.strip().partition(" ")
        if command not in _COMMANDS:
            raise UsageError(f"%aml takes one of {', '.join(_COMMANDS)}; not {command!r}. %aml? tells more.")
        return getattr(self, f"_{command}")(rest.strip())

    def _help(self, rest: str) -> None:
        print(self.aml.__doc__)

    def _status(self, rest: str) -> None:
        run = Run.get_context()
        print(f"workspace   {Workspace.from_config().url}")
        print(f"experiment  {self._experiment_name()}")
        print(f"run         {run.id}")

    def _workspace(self, rest: str) -> Any:
        return Workspace.from_config()

    def _experiment(self, rest: str) -> None:
        if rest:
            self.experiment_name = rest
        print(self._experiment_name())

    def _log(self, rest: str) -> None:
        name, _, expression = rest.partition(" ")
        if not name or not expression:
            raise UsageError("%aml log NAME VALUE")
        Run.get_context().log(name, self.shell.ev(expression))

    def _tag(self, rest: str) -> None:
        key, _, value = rest.partition(" ")
        if not key:
            raise UsageError("%aml tag KEY [VALUE]")
        Run.get_context().tag(key, value or None)

    def _track(self, rest: str) -> None:
        marked = context.read_mark(context.kernel_id(getattr(self.shell, "kernel", None)))
        if rest not in ("on", "off", ""):
            raise UsageError(f"%aml track on, or %aml track off; not {rest!r}.")
        if rest == "on" and self.follower is None and marked is None:
            if os.environ.get(context.RUN_ID):
                print("This kernel executes for a run; its cells are recorded already.")
                return
            if getattr(self.shell, "kernel", None) is None:
                raise UsageError(
                    "%aml track needs a notebook's kernel; in a terminal start a run with Experiment.start_logging()."
                )
            self.follower = Follower(self.shell, Workspace.from_config(), self._experiment_name())
        elif rest == "off" and self.follower is not None:
            self.follower.stop()
            self.follower = None
        if marked is not None:
            print(f"The server tracks this notebook (experiment {marked['experiment']}); its toolbar has the switch.")
        elif self.follower is not None:
            print(f"Tracked: each cell becomes a run of experiment {self.follower.recorder.experiment}.")
        else:
            print("Not tracked.")

    def _runs(self, rest: str) -> Any:
        return runs_table(Workspace.from_config(), self._experiment_name(), int(rest or 10))

    def _experiment_name(self) -> str:
        found = context.current()
        return self.experiment_name or (found.experiment if found and found.experiment else "notebook")

    @magic_arguments()
    @argument("--name", default="", help="what people see")
    @argument("--experiment", default="", help="where it belongs")
    @argument("--tag", action="append", default=[], metavar="KEY=VALUE", help="may be repeated")
    @argument("--var", default="", help="variables to record after the cell, by comma")
    @cell_magic
    def aml_run(self, line: str, cell: str) -> None:
        """Make this cell a run: its metrics, figures, printed output, variables, duration and error are kept."""
        args = parse_argstring(self.aml_run, line)
        run = self._begin(args, cell)
        kept = _Kept(run)
        started = time.monotonic()
        if run is not None:
            context.push(run)
        try:
            with Capture(self.shell, said=kept.said, shown=kept.shown):
                result = self.shell.run_cell(cell, store_history=False)
                flush = sys.modules.get("matplotlib_inline.backend_inline")
                if flush is not None:
                    flush.flush_figures()
        finally:
            if run is not None:
                context.pop(run)
        self._end(run, kept, args, result, time.monotonic() - started)
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            # The traceback was shown by the inner execution; cells behind this one still must not run.
            raise _Shown(error)

    def _begin(self, args: Any, cell: str) -> Run | None:
        try:
            found = context.innermost() or context.current()
            workspace = Workspace.from_config() if found is None or isinstance(found, Run) else None
            if isinstance(found, Run):
                experiment, parent = found.experiment, found.id
            elif found is not None:
                experiment, parent = Run.get_context().experiment, found.run_id
            else:
                experiment, parent = Experiment(workspace, args.experiment or self._experiment_name()), None
            tags = dict(shlex_pair(text) for text in args.tag)
            details = {"source": cell, "execution_count": self.shell.execution_count, "language": "python"}
            return Run._create(
                experiment, parent=parent, name=args.name or cells.title(cell), tags=tags, details=details
            )
        except AzureMLException as error:
            log.warning("jupyter_aml could not start a run for this cell: %s", error)
            return None

    def _end(self, run: Run | None, kept: _Kept, args: Any, result: Any, seconds: float) -> None:
        if run is None:
            return
        try:
            kept.write()
            variables = {}
            for name in filter(None, (part.strip() for part in args.var.split(","))):
                if name in self.shell.user_ns:
                    value = self.shell.user_ns[name]
                    variables[name] = value if isinstance(value, (int, float, str, bool)) else repr(value)[:1000]
            properties = {"aml.peak_memory_mb": f"{_peak_memory():.1f}", "aml.seconds": f"{seconds:.6f}"}
            run._connection.write(
                RunChanged(run=run.id, at=time.time(), add_params=variables, add_properties=properties)
            )
            error = result.error_before_exec or result.error_in_exec
            if error is None:
                run.complete()
            else:
                run.fail(error)
        except Exception as error:
            log.warning("jupyter_aml could not record this cell: %s", error)


class _Shown(Exception):
    """An error that the user has seen already: it ends the cell without a second traceback."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(f"{type(error).__name__}: {error}")

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class _Kept:
    """What a cell prints and shows, for its run."""

    def __init__(self, run: Run | None) -> None:
        self.run = run
        self.texts: dict[str, list[str]] = {"stdout.txt": [], "stderr.txt": []}
        self.size = 0
        self.figures: list[tuple[str, Any]] = []

    def shown(self, data: Any) -> None:
        """A display: remember it if it is a figure."""
        for media_type, suffix in cells.FIGURES.items():
            if isinstance(data, dict) and media_type in data:
                self.figures.append((suffix, data[media_type]))
                return

    def said(self, path: str, text: str) -> None:
        """Something printed."""
        if self.size < cells.MAX_TEXT:
            self.texts[path].append(text)
            self.size += len(text)

    def write(self) -> None:
        """Keep it with the run."""
        if self.run is None:
            return
        for path, parts in self.texts.items():
            if parts:
                text = "".join(parts)
                self.run._connection.write(TextLogged(run=self.run.id, path=path, text=text, at=time.time()))
        for number, (suffix, content) in enumerate(self.figures[: cells.MAX_FIGURES], 1):
            if isinstance(content, str) and suffix != "svg":
                content = base64.b64decode(content)
            data = content.encode() if isinstance(content, str) else bytes(content)
            self.run._upload_bytes(f"figures/{number}.{suffix}", data)


def shlex_pair(text: str) -> tuple[str, str | None]:
    """``key=value`` as a pair; a key alone has no value."""
    text = " ".join(shlex.split(text))
    key, sign, value = text.partition("=")
    return key, value if sign else None


def _peak_memory() -> float:
    try:
        import resource
    except ImportError:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def complete(shell: Any, event: Any) -> list[str]:
    """Completions for a line that begins with ``%aml`` or ``%%aml_run``."""
    line = event.line
    words = line.split()
    if line[-1:].isspace() or not words:
        words.append("")
    if words[0] == "%%aml_run":
        options = ["--name", "--experiment", "--tag", "--var"]
        return [o for o in options if o.startswith(words[-1])] if words[-2] not in options else _names(words)
    if len(words) == 2:
        return [c for c in _COMMANDS if c.startswith(words[1])]
    if len(words) == 3 and words[1] == "track":
        return [c for c in ("on", "off") if c.startswith(words[2])]
    if len(words) == 3 and words[1] in ("experiment", "log"):
        return _names(words)
    return []


def _names(words: list[str]) -> list[str]:
    """Experiments, or the metrics of the current run."""
    if "log" in words[1:2]:
        names = list(Run.get_context().get_metrics())
    elif words[-2] in ("--experiment", "experiment"):
        names = list(Workspace.from_config().experiments)
    else:
        return []
    return [name for name in names if name.startswith(words[-1])]


def load(shell: Any) -> None:
    """Register the magics."""
    shell.register_magics(AmlMagics)
    for key in ("%aml", "%%aml_run"):
        shell.set_hook("complete_command", complete, str_key=key)


def unload(shell: Any) -> None:
    """Take them back."""
    registered = shell.magics_manager.registry.get("AmlMagics")
    if registered is not None and registered.follower is not None:
        registered.follower.stop()
        registered.follower = None
    for kind, name in (("line", "aml"), ("cell", "aml_run")):
        shell.magics_manager.magics[kind].pop(name, None)
    context.stop_following()


__all__ = ["AmlMagics", "load", "unload"]
