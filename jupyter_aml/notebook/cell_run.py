"""``%%aml_run``: a cell as a run, from its begin to its end."""

from __future__ import annotations

import base64
import logging
import shlex
import sys
import time
from collections.abc import Sequence
from typing import Any

from jupyter_aml.errors import AzureMLException, UserErrorException
from jupyter_aml.notebook.track import source_of
from jupyter_aml.store.events import RunChanged, TextLogged
from jupyter_aml.tracking import cells, context, html, lifetime
from jupyter_aml.tracking.experiment import Experiment
from jupyter_aml.tracking.run import Run
from jupyter_aml.workspace import Workspace

log = logging.getLogger("jupyter_aml")


class CellRun:
    """The run of one execution of one cell; a workspace that cannot be written never stops the cell.

    Args:
        shell: the IPython shell.
        source: the cell.
        experiment: where it belongs; "" for the enclosing run's, or `default`.
        default: the experiment where there is no enclosing run.
        name: what people see; "" for the cell's first line.
        tags: ``KEY=VALUE`` texts.

    Raises:
        UserErrorException: a name that cannot be.
    """

    def __init__(
        self, shell: Any, source: str, *, experiment: str, default: str, name: str, tags: Sequence[str]
    ) -> None:
        self._shell = shell
        self._kept: dict[str, list[str]] = {"stdout.txt": [], "stderr.txt": [], "result.txt": []}
        self._size = 0
        self._figures: list[tuple[str, Any]] = []
        self._clock = time.monotonic()
        self.run: Run | None = None
        try:
            above, parent = _place(experiment, default)
            self.run = Run._create(
                above,
                parent=parent,
                name=name or cells.title(source),
                tags=dict(map(pair, tags)),
                details={
                    "source": source,
                    "execution_count": shell.displayhook.prompt_count,
                    "language": "python",
                },
            )
            context.push(self.run)
            lifetime.look_around(self.run._connection, self.run.id, *source_of(shell))
        except UserErrorException:
            raise
        except AzureMLException as error:
            log.warning("jupyter_aml could not start a run for this cell: %s", error)

    def said(self, path: str, text: str) -> None:
        """Something was printed."""
        if self._size < cells.MAX_TEXT:
            self._kept[path].append(text)
            self._size += len(text)

    def shown(self, data: Any, result: bool) -> None:
        """Something was displayed, or is the cell's result."""
        if not isinstance(data, dict):
            return
        for media_type, suffix in cells.FIGURES.items():
            if media_type in data:
                self._figures.append((suffix, data[media_type]))
                return
        if result and isinstance(data.get("text/plain"), str):
            self.said("result.txt", data["text/plain"] + "\n")

    def end(self, variables: Sequence[str], error: BaseException | None, lines: Sequence[str]) -> None:
        """The cell has ended: keep what it gave.

        Args:
            variables: names of what to record.
            error: what it raised.
            lines: its traceback as the shell writes it.
        """
        if self.run is None:
            return
        context.pop(self.run)
        seconds = time.monotonic() - self._clock
        try:
            self._write(variables, seconds)
            if error is None:
                self.run.complete()
            else:
                what = {"code": type(error).__name__, "message": str(error)}
                what["traceback"] = html.plain_text("\n".join(lines))
                self.run._move("Canceled" if isinstance(error, KeyboardInterrupt) else "Failed", what)
        except Exception as problem:
            log.warning("jupyter_aml could not record this cell: %s", problem)

    def _write(self, names: Sequence[str], seconds: float) -> None:
        assert self.run is not None
        space = self._shell.user_ns
        missing = [name for name in names if name not in space]
        if missing:
            log.warning("--var: there is no variable %s.", ", ".join(missing))
        variables = {name: _plain(space[name]) for name in names if name in space}
        properties = {"aml.peak_memory_mb": f"{_peak_memory():.1f}", "aml.seconds": f"{seconds:.6f}"}
        write = self.run._connection.write
        write(RunChanged(run=self.run.id, at=time.time(), add_params=variables, add_properties=properties))
        for path, parts in self._kept.items():
            if parts:
                write(TextLogged(run=self.run.id, path=path, text="".join(parts), at=time.time()))
        for number, (suffix, content) in enumerate(self._figures[: cells.MAX_FIGURES], 1):
            if isinstance(content, str):
                content = content.encode() if suffix == "svg" else base64.b64decode(content)
            self.run._upload_bytes(f"figures/{number}.{suffix}", bytes(content))


def _place(wanted: str, default: str) -> tuple[Experiment, str | None]:
    """The experiment and the parent of a cell's run. An experiment that is asked for and is another one has no parent."""
    inner = context.innermost()
    found = context.current() if inner is None else None
    above = inner if inner is not None else Run.get_context() if found is not None else None
    if above is None:
        return Experiment(Workspace.from_config(), wanted or default), None
    if wanted and wanted != above.experiment.name:
        return Experiment(above.experiment.workspace, wanted), None
    return above.experiment, above.id


def bare(text: str) -> str:
    """A flag's value without its quotes, which IPython leaves there."""
    try:
        return " ".join(shlex.split(text))
    except ValueError:  # a quote alone
        return text


def pair(text: str) -> tuple[str, str | None]:
    """``key=value`` as a pair; a key alone has no value."""
    key, sign, value = bare(text).partition("=")
    return key, value if sign else None


def _plain(value: Any) -> Any:
    """A variable as it is recorded: numbers, truth and texts as they are, numpy's too, anything else as Python writes it."""
    if isinstance(value, (int, float, str, bool)):
        return value if not isinstance(value, str) else value[:10_000]
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", None) == 0:
        return _plain(item())
    return repr(value)[:1000]


def _peak_memory() -> float:
    try:
        import resource
    except ImportError:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3
