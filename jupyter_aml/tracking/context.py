"""Which run does code log to? The innermost open block, else the process's run, else the tracked notebook's, else none.

A cell of a notebook is the *origin* of what is logged while it executes: see docs/architecture.md.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import threading
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_aml.store.connection import Connection, connect

if TYPE_CHECKING:
    from jupyter_aml.tracking.run import Run

WORKSPACE = "JUPYTER_AML_WORKSPACE"
RUN_ID = "JUPYTER_AML_RUN_ID"
EXPERIMENT = "JUPYTER_AML_EXPERIMENT"
_KERNEL_FILE = re.compile(r"kernel-(.+)\.json\Z")
_ID = re.compile(r"[A-Za-z0-9-]{1,64}\Z")
_BEGUN_BY = "_jupyter_aml_origin"
_POOLS = frozenset({"concurrent.futures.thread", "multiprocessing.pool"})


def cell_run_id(msg_id: str) -> str:
    """Id of the run of the cell that was executed by the `execute_request` of this header id."""
    return hashlib.sha256(f"cell:{msg_id}".encode()).hexdigest()[:32]


def session_run_id(kernel_session: str) -> str:
    """Id of the session run of the kernel whose own messages carry this session in their header."""
    return hashlib.sha256(f"session:{kernel_session}".encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Context:
    """The run that code in this process belongs to."""

    connection: Connection
    run_id: str
    experiment: str


_stack: list[Run] = []
_adopted: Context | None = None
_here: ContextVar[str | None] = ContextVar("jupyter_aml_origin", default=None)
"""The cell's run that this code is of, be it of the kernel's thread, of a task or of a thread that a cell began."""
_executing = ""
"""The run of the cell that executes now."""
_infos: list[Any] = []
"""IPython's names of what executes now: the cell, and what it makes the shell run within it."""
_hooked: Any = None
_start: Any = None
_lock = threading.Lock()


def push(run: Run) -> None:
    """Make `run` the current run until `pop`."""
    _stack.append(run)


def pop(run: Run) -> None:
    """Undo `push`. Blocks need not be left in order."""
    if run in _stack:
        _stack.remove(run)


def innermost() -> Run | None:
    """The run of the innermost open block."""
    return _stack[-1] if _stack else None


def adopt(found: Context | None) -> None:
    """Make this the run of this kernel's notebook: it records its own cells (None: not any more)."""
    global _adopted
    _adopted = found
    if _hooked is not None and found is not None:  # the cell that executes now is recorded, too
        _executes(cell_run_id(message_id()))


def current() -> Context | None:
    """The run of this process or of this kernel's notebook, without the blocks; None when there is none."""
    run_id, url = os.environ.get(RUN_ID), os.environ.get(WORKSPACE)
    if run_id and url:
        return Context(connect(url), run_id, os.environ.get(EXPERIMENT, ""))
    if _adopted is not None:
        return _adopted
    kernel = _kernel()
    mark = read_mark(kernel_id(kernel)) if kernel is not None else None
    if kernel is None or mark is None:
        return None
    session = kernel.session.session + mark.get("life", "")
    return Context(connect(mark["workspace"]), session_run_id(session), mark["experiment"])


def environment(connection: Connection, run_id: str, experiment: str) -> dict[str, str]:
    """The variables that tell a process which run it is, ours and those of the SDK."""
    return {
        WORKSPACE: connection.url,
        RUN_ID: run_id,
        EXPERIMENT: experiment,
        "AZUREML_RUN_ID": run_id,
        "AZUREML_EXPERIMENT_NAME": experiment,
        "AZUREML_ARM_PROJECT_NAME": experiment,
        "AZUREML_ARM_WORKSPACE_NAME": str(connection.about.get("name", "")),
    }


# -- origin --------------------------------------------------------------------------------------------------------
def origin() -> str:
    """The run of the cell that this code is of, or "": the cell that executes now, or the one that began this thread."""
    if _hooked is None:
        if "ipykernel" not in sys.modules:
            return ""
        follow_cells()
    found = _here.get()
    return found if found is not None else _of_thread()


def _of_thread() -> str:
    """The origin of a thread, which knows nothing of the context in which it was begun."""
    begun_by: str | None = getattr(threading.current_thread(), _BEGUN_BY, None)
    if begun_by is None:
        return _executing
    _here.set(begun_by)
    return begun_by


def follow_cells() -> None:
    """In a kernel whose cells are recorded, keep `origin` true from now on. Idempotent; nothing elsewhere."""
    global _hooked, _start
    kernel = _kernel()
    with _lock:
        if kernel is None or _hooked is not None:
            return
        _hooked = kernel.shell
        kernel.shell.events.register("pre_run_cell", _before_cell)
        kernel.shell.events.register("post_run_cell", _after_cell)
        # A thread has an empty context (before Python 3.14), and when it first logs its cell may have ended long ago.
        if _start is None:
            _start, threading.Thread.start = threading.Thread.start, _starting  # type: ignore[assignment,method-assign]
    _before_cell()


def stop_following() -> None:
    """Take back `follow_cells`."""
    global _hooked, _start
    with _lock:
        if _hooked is not None:
            _hooked.events.unregister("pre_run_cell", _before_cell)
            _hooked.events.unregister("post_run_cell", _after_cell)
            _hooked = None
            if threading.Thread.start is _starting:
                threading.Thread.start, _start = _start, None  # type: ignore[method-assign]
    _after_cell()


def _before_cell(info: Any = None) -> None:
    """A cell begins, or what it makes the shell run within it."""
    try:
        recorded = bool(os.environ.get(RUN_ID)) or _adopted is not None or read_mark(kernel_id(_kernel())) is not None
        asked = message_id()
        found = cell_run_id(asked) if recorded and asked else ""
    except Exception:  # never into the user's cell
        found = ""
    if found != _executing or not found:
        _infos.clear()
    _infos.append(info)
    _executes(found)


def _after_cell(result: Any = None) -> None:
    """It ended. What is logged from now on is no cell's, but for the threads that it began."""
    info = getattr(result, "info", None)
    within = next((i for i, known in enumerate(_infos) if info is not None and known is info), 0)
    del _infos[within:]
    if not _infos:
        _executes("")


def _executes(run_id: str) -> None:
    global _executing
    _executing = run_id
    _here.set(run_id)


def _starting(thread: threading.Thread) -> None:
    """`Thread.start`, which notes the cell that began the thread. Those of pools work for whoever asks them next."""
    start = _start
    if _hooked is not None and getattr(getattr(thread, "_target", None), "__module__", "") not in _POOLS:
        setattr(thread, _BEGUN_BY, origin())
    start(thread)


def message_id() -> str:
    """Header id of the `execute_request` that this kernel is executing ("" outside a kernel)."""
    kernel = _kernel()
    if kernel is None:
        return ""
    parent = kernel.get_parent() if hasattr(kernel, "get_parent") else kernel._parent_header
    return str((parent or {}).get("header", {}).get("msg_id", ""))


def _kernel() -> Any:
    """The ipykernel of this process, or None. Never imports IPython."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    return getattr(shell, "kernel", None)


# -- marks: how a kernel knows that its notebook is tracked ----------------------------------------------------------
def kernel_id(kernel: Any) -> str:
    """The id that the server gave this kernel, from its connection file's name ("" when unknown)."""
    if kernel is None:
        return ""
    found = _KERNEL_FILE.search(str(getattr(kernel.parent, "connection_file", "") or ""))
    return found.group(1) if found else ""


def _mark_path(kernel: str) -> Path | None:
    if not _ID.match(kernel):
        return None
    from jupyter_core.paths import jupyter_runtime_dir

    return Path(jupyter_runtime_dir()) / "jupyter_aml" / f"{kernel}.json"


def write_mark(kernel: str, *, workspace: str, experiment: str, notebook: str, life: str = "") -> None:
    """Tell the kernel of this id that its notebook is tracked, and into which workspace.

    Args:
        life: ends the session's name when this kernel's life has had a session before (tracking was switched off
            and on again): a session that has ended is not opened anew.
    """
    path = _mark_path(kernel)
    if path is None:
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    scratch = path.with_suffix(".tmp")
    fd = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        json.dump({"workspace": workspace, "experiment": experiment, "notebook": notebook, "life": life}, file)
    scratch.replace(path)


def read_mark(kernel: str) -> dict[str, str] | None:
    """What was written for this kernel; None when its notebook is not tracked."""
    path = _mark_path(kernel)
    if path is None:
        return None
    try:
        mark = json.loads(path.read_text(encoding="utf-8"))
        return mark if isinstance(mark["workspace"], str) and isinstance(mark["experiment"], str) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def clear_mark(kernel: str) -> None:
    """The kernel's notebook is not tracked any more, or the kernel is gone."""
    path = _mark_path(kernel)
    if path is not None:
        path.unlink(missing_ok=True)
