"""A batch of parameter sets: one notebook, many processes, children of one run."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from jupyter_aml.errors import ActivityFailedException, ParameterException, UserErrorException
from jupyter_aml.jobs import place, stop
from jupyter_aml.jobs.notebook import inspect
from jupyter_aml.jobs.record import jsonable
from jupyter_aml.jobs.secrets import Mask, masked
from jupyter_aml.jobs.source import no_source
from jupyter_aml.store.events import RunChanged, RunStatus, SnapshotTaken
from jupyter_aml.tracking import snapshot as snapshots
from jupyter_aml.tracking.ids import new_id

if TYPE_CHECKING:
    from jupyter_aml.tracking.run import Run

PATIENCE = 15.0
"""Seconds that a child has to end after it was asked to."""
MOST = 10_000


@dataclass
class Child:
    """One execution of a sweep."""

    index: int
    params: dict[str, Any]
    output: str | None
    run: str
    name: str = ""
    process: subprocess.Popen[bytes] | None = None
    log: IO[bytes] | None = None
    code: int | None = None
    message: str = ""


def read_sets(content: Any) -> list[dict[str, Any]]:
    """The parameter sets of a file's content: a list of mappings, or a mapping of name → list of values (all combinations).

    Raises:
        ParameterException: neither.
    """
    if isinstance(content, Mapping) and content:
        names = list(content)
        columns = [value if isinstance(value, list) else [value] for value in content.values()]
        empty = [name for name, column in zip(names, columns, strict=True) if not column]
        if empty:
            raise ParameterException(f"Parameter {empty[0]!r} of the sweep has an empty list of values.")
        count = 1
        for column in columns:
            count *= len(column)
        if count > MOST:
            raise ParameterException(f"These values combine to {count:,} sets; {MOST:,} are the most.")
        return [dict(zip(names, values, strict=True)) for values in itertools.product(*columns)]
    if isinstance(content, list) and content and all(isinstance(item, Mapping) for item in content):
        return [dict(item) for item in content]
    raise ParameterException(
        "A sweep is a list of parameter sets ([{lr: 0.1}, {lr: 0.2}]), or a mapping of names to lists ({lr: [0.1, 0.2]})."
    )


def run_sweep(
    notebook: str | os.PathLike[str],
    output: str | os.PathLike[str] | None,
    sets: Any,
    *,
    parameters: Mapping[str, Any] | None = None,
    jobs: int | None = None,
    workspace: Any = None,
    experiment: str | None = None,
    name: str = "",
    tags: Mapping[str, Any] | None = None,
    secrets: Iterable[str] = (),
    allow_unknown: bool = False,
    kernel: str | None = None,
    cwd: str | os.PathLike[str] | None = None,
    timeout: int | None = None,
    start_timeout: int = 60,
    snapshot: bool = True,
    tell: Callable[[Child], None] | None = None,
    raise_on_error: bool = True,
) -> Run:
    """Execute a notebook once for each parameter set, several at a time, each in a process of its own.

    Args:
        notebook: the input.
        output: a folder (``<name>-<number>.ipynb`` in it) or a pattern (``out/{lr}-{index}.ipynb``); None: the outputs are
            kept with the runs only.
        sets: see `read_sets`.
        parameters: for all sets; a set's own values win.
        jobs: how many at a time; by default as many as there are processors.
        tell: is told of each child that ended.
        others: as in `run_notebook`.

    Returns:
        The sweep's run, ended; `get_children` has the executions.

    Raises:
        ParameterException: a set does not fit the notebook; nothing was executed.
        ActivityFailedException: some failed, or all were cancelled.
    """
    from jupyter_aml.tracking.experiment import Experiment
    from jupyter_aml.tracking.lifetime import workspace_of
    from jupyter_aml.tracking.run import Run

    source = Path(os.fspath(notebook)).absolute()
    whole = [{**(parameters or {}), **one} for one in (sets if _is_sets(sets) else read_sets(sets))]
    hidden = inspect(source, whole, secrets=secrets, allow_unknown=allow_unknown, kernel=kernel)
    outputs = _outputs(source, output, whole, hidden)
    connection = place.connection_to(workspace) if workspace is not None else place.connection(source.parent)
    above = Experiment(workspace_of(connection), experiment or source.stem)
    sweep = Run._create(
        above,
        type="aml.sweep",
        name=name or f"{source.name} × {len(whole)}",
        tags=tags,
        details={
            "notebook": str(source),
            "output": str(output or ""),
            "sets": [jsonable(masked(one, hidden)) for one in whole],
        },
    )
    children = [
        Child(i, one, outputs[i], new_id(), called)
        for i, (one, called) in enumerate(zip(whole, names_of(whole, hidden), strict=True))
    ]
    secrecy = Mask(value for one in whole for name, value in one.items() if name in hidden)
    common = {
        "notebook": str(source),
        "workspace": connection.url,
        "experiment": above.name,
        "parent": sweep.id,
        "parent_process": os.getpid(),
        "secrets": sorted(hidden),
        "allow_unknown": allow_unknown,
        "kernel": kernel,
        "snapshot_id": _snapshot(sweep, source, no_source([Path(o) for o in outputs if o], secrecy))
        if snapshot
        else "",
        "cwd": os.fspath(cwd) if cwd is not None else None,
        "timeout": timeout,
        "start_timeout": start_timeout,
        "tags": {k: None if v is None else str(v) for k, v in (tags or {}).items()},
    }
    began, asked = time.monotonic(), stop.Stop()
    with stop.signals(asked), stop.requests(connection, sweep.id, asked):
        _drive(children, common, max(1, jobs or os.cpu_count() or 1), asked, Mask, hidden, tell)
        failed = [child for child in children if child.code != 0]
        error: dict[str, Any] | None = None
        if asked:
            error = {"code": "Canceled", "message": f"The sweep was {asked.reason}."}
        elif failed:
            first = failed[0]
            error = {
                "code": "ChildrenFailed",
                "message": f"{len(failed)} of {len(children)} executions failed; the first: number {first.index} "
                f"({masked(first.params, hidden)}): {first.message}",
            }
        status = "Canceled" if asked else "Failed" if failed else "Completed"
        elapsed = time.monotonic() - began
        connection.write(RunStatus(run=sweep.id, status=status, at=time.time(), elapsed=elapsed, error=error))
        connection.flush()
    if asked.signal is not None and asked.signal == 2:
        raise KeyboardInterrupt
    if asked.signal is not None:
        sys.exit(128 + asked.signal)
    if error is not None and raise_on_error:
        raise ActivityFailedException(
            f"Sweep {sweep.id}: {error['message']}", error_details={"run": sweep.id, "status": sweep.status, **error}
        )
    return sweep


def names_of(sets: Sequence[Mapping[str, Any]], hidden: Iterable[str] = ()) -> list[str]:
    """What tells the executions of a sweep apart: the parameters in which they differ; "" where that leaves several alike."""
    secret = set(hidden)
    known = [name for name in dict.fromkeys(key for one in sets for key in one) if name not in secret]
    different = [name for name in known if any(one.get(name, ...) != sets[0].get(name, ...) for one in sets)]
    found = [", ".join(f"{name}={_brief(one[name])}" for name in different if name in one) for one in sets]
    count = Counter(found)
    return [text if count[text] == 1 else "" for text in found]


def _brief(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(jsonable(value), ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _is_sets(sets: Any) -> bool:
    return isinstance(sets, list) and bool(sets) and all(isinstance(one, dict) for one in sets)


def _snapshot(sweep: Any, source: Path, leave_out: Callable[[Path], str]) -> str:
    connection = sweep.experiment.workspace.connection
    try:
        taken = snapshots.take(connection.blobs, source.parent, leave_out)
        connection.write(SnapshotTaken(snapshot=taken), RunChanged(run=sweep.id, at=time.time(), snapshot=taken.id))
        return taken.id
    except Exception as error:  # too large, say: the executions go on without
        sweep._change(add_properties={"aml.no_snapshot": str(error)})
        return ""


def _outputs(
    source: Path, output: str | os.PathLike[str] | None, sets: Sequence[Mapping[str, Any]], hidden: Iterable[str]
) -> list[str | None]:
    """Where each execution's notebook goes."""
    if output is None:
        return [None] * len(sets)
    text = os.fspath(output)
    if "{" not in text:
        if text.endswith(".ipynb"):
            raise UserErrorException(
                f"A sweep has many outputs; {text!r} names one. Give a folder, or a pattern like 'out/{{index}}.ipynb'."
            )
        width = len(str(len(sets) - 1))
        text = os.path.join(text.replace("{", "{{"), f"{_braces(source.stem)}-{{index:0{width}d}}.ipynb")  # noqa: PTH118
    found: list[str | None] = []
    for index, one in enumerate(sets):
        values = {k: _path_part(v) for k, v in masked(one, hidden).items()}
        try:
            path = Path(text.format(**{**values, "index": index})).absolute()
        except (KeyError, IndexError, ValueError, AttributeError) as error:
            raise ParameterException(
                f"The output pattern {text!r} asks for {error}, which set {index} does not have."
            ) from None
        if path.suffix != ".ipynb":
            raise UserErrorException(f"The output {str(path)!r} does not end in .ipynb.")
        if str(path) in found:
            raise UserErrorException(f"Two sets would be written to {str(path)!r}. Put {{index}} into the pattern.")
        found.append(str(path))
    for each in {str(Path(str(path)).parent) for path in found}:
        try:
            Path(each).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserErrorException(f"The output's folder {each!r} cannot be made: {error.strerror}.") from error
    return found


def _braces(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _path_part(value: Any) -> Any:
    """A value as part of a file's name: it never leads into another folder."""
    if isinstance(value, int | float):
        return value
    return re.sub(r"[/\\\0]|^\.+", "_", str(value))[:100]


def _drive(
    children: list[Child],
    common: dict[str, Any],
    jobs: int,
    asked: stop.Stop,
    mask: type[Mask],
    hidden: set[str],
    tell: Callable[[Child], None] | None,
) -> None:
    waiting = list(children)
    running: list[Child] = []
    while (waiting and not asked) or running:
        while waiting and len(running) < jobs and not asked:
            child = waiting.pop(0)
            _start(child, common)
            running.append(child)
        for child in list(running):
            if child.process is not None and child.process.poll() is not None:
                running.remove(child)
                _ended(child, mask(v for k, v in child.params.items() if k in hidden))
                if tell is not None:
                    tell(child)
        if asked and running:
            _stop_all(running)
        time.sleep(0.03)
    for child in waiting:
        child.message = "never started"


def _start(child: Child, common: dict[str, Any]) -> None:
    task = {**common, "parameters": child.params, "output": child.output, "run_id": child.run}
    task |= {"name": child.name, "index": child.index}
    child.log = tempfile.TemporaryFile()  # noqa: SIM115  (closed when the child has ended)
    child.process = subprocess.Popen(
        [sys.executable, "-m", "jupyter_aml.jobs.child"],
        stdin=subprocess.PIPE,
        stdout=child.log,
        stderr=child.log,
        start_new_session=True,  # a terminal's Ctrl-C is ours to pass on
        env={k: v for k, v in os.environ.items() if k not in ("JUPYTER_AML_RUN_ID", "AZUREML_RUN_ID")},
    )
    assert child.process.stdin is not None
    with suppress(BrokenPipeError), child.process.stdin as pipe:  # secrets go this way, not by argv
        pipe.write(json.dumps(task, default=str).encode())


def _ended(child: Child, mask: Mask) -> None:
    assert child.process is not None and child.log is not None
    child.code = child.process.returncode
    if child.code != 0:
        child.log.seek(0, os.SEEK_END)
        child.log.seek(max(0, child.log.tell() - 4000))
        lines = [line for line in child.log.read().decode("utf-8", "replace").splitlines() if line.strip()]
        child.message = mask.text(lines[-1] if lines else f"its process ended with {child.code}")
    child.log.close()


def _stop_all(running: list[Child]) -> None:
    for child in running:
        if child.process is not None:
            child.process.terminate()
    end = time.monotonic() + PATIENCE
    for child in running:
        if child.process is not None:
            try:
                child.process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
