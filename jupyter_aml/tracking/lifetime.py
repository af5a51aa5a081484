"""What happens around a run that lives in this process: its outputs folder, its git state, and how it ends with us."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyter_aml.errors import AzureMLException, SnapshotException
from jupyter_aml.store.connection import Connection, close_with_child, made_by_multiprocessing
from jupyter_aml.store.events import RunChanged, SnapshotTaken, TextLogged
from jupyter_aml.store.records import TERMINAL
from jupyter_aml.tracking import git, leaving, snapshot

log = logging.getLogger("jupyter_aml")

GIT_DIFF = "logs/git.diff"
"""The text of a run that holds what was not committed."""
LOOKS = 3.0
"""Seconds that the end of a process waits for what is recorded in the background."""
_open: dict[Lifetime, None] = {}
"""Those that nobody ended yet, whether or not somebody still holds their runs, in the order of their begin."""
_looking: set[threading.Thread] = set()
_SERVANTS = frozenset(
    ["IPython", "_pydevd_bundle", "debugpy", "ipykernel", "pydevd", "tornado", "tqdm", "traitlets", "zmq"]
)
"""Packages whose threads never run a user's code of their own accord."""
_workspace_maker: Callable[[Connection], Any] | None = None


class Lifetime:
    """The open end of an interactive run.

    Args:
        run: the run.
        outputs: folder whose new and changed files are kept when the run ends (None: none).
        source: folder whose git state is recorded (None: none).
    """

    def __init__(self, run: Any, *, outputs: str | None = None, source: str | None = None) -> None:
        self.run = run
        self._folders = [Path(outputs)] if outputs else []
        self._before = {path: _stamp(path) for folder in self._folders for path in _files(folder)}
        self._bases = {folder: folder.absolute() for folder in self._folders}
        self._pid = os.getpid()
        self._thread: threading.Thread | None = None
        _open[self] = None
        if not _in_kernel():
            leaving.watch()
            close_with_child(_end_with_process, before=1)
        if source is not None:
            folder = os.path.abspath(source)  # noqa: PTH100
            self._thread = threading.Thread(
                target=self._record_git, args=(folder,), name="jupyter_aml-git", daemon=True
            )
            self._thread.start()

    def _record_git(self, folder: str) -> None:
        try:
            record_git(self.run._connection, self.run.id, folder)
        except Exception as error:  # git is a courtesy; the run goes on
            log.debug("The git state of %s could not be recorded: %s", folder, error)

    def join(self) -> None:
        """Wait for what is recorded in the background."""
        if self._thread is not None:
            self._thread.join(30)
            self._thread = None

    def capture(self) -> None:
        """Keep what the outputs folder got since the start."""
        self.join()
        if self._pid != os.getpid():
            return
        for folder, base in self._bases.items():
            names, paths = [], []
            for path in _files(base):
                relative = path.relative_to(base)
                if self._before.get(folder / relative) != _stamp(path):
                    names.append(f"{folder.name}/{relative.as_posix()}")
                    paths.append(path)
            if not paths:
                continue
            try:
                self.run.upload_files(names, paths)
            except AzureMLException as error:
                log.warning("Not all of %s could be kept with run %s: %s", base, self.run.id, error)

    def end(self) -> None:
        """The run has ended."""
        _open.pop(self, None)

    def close_with_process(self) -> None:
        """The process ends and nobody ended the run, here or elsewhere: it completed, unless an exception ended the process."""
        if self._pid != os.getpid() or self.run._ended or self.run._connection.closed:
            return
        if self.run.status in TERMINAL:
            return
        error = leaving.error()
        self.run._change(add_properties={"aml.ended_by": "process exit"})
        if error is not None and not _in_kernel():
            self.run.fail(error)
        else:
            self.run.complete()


def record_git(connection: Connection, run_id: str, folder: str) -> None:
    """Record the git state of a folder with a run; nothing where there is none."""
    state = git.read(folder)
    if state is None:
        return
    connection.write(RunChanged(run=run_id, at=time.time(), add_properties=state.properties))
    if state.untracked:
        connection.write(RunChanged(run=run_id, at=time.time(), add_details={"untracked": state.untracked[:1000]}))
    if state.diff:
        connection.write(TextLogged(run=run_id, path=GIT_DIFF, text=state.diff, at=time.time()))


def look_around(connection: Connection, run_id: str, folder: Path, notebook: Path | None = None) -> None:
    """Record a folder's git state with a run and freeze its source, while the run goes on.

    Args:
        notebook: what is frozen alone where the folder exceeds the limits of a snapshot.
    """
    folder = folder.absolute()

    def look() -> None:
        try:
            if folder.is_dir():
                record_git(connection, run_id, str(folder))
                _freeze(connection, run_id, folder, notebook)
        except Exception as error:  # a courtesy; the run goes on
            log.debug("The source of run %s could not be recorded: %s", run_id, error)
        finally:
            _looking.discard(thread)

    thread = threading.Thread(target=look, name="jupyter_aml-source", daemon=True)
    _looking.add(thread)
    thread.start()


def _freeze(connection: Connection, run_id: str, folder: Path, notebook: Path | None) -> None:
    said = {}
    try:
        taken = snapshot.take(connection.blobs, folder)
    except SnapshotException as error:
        if notebook is None or not notebook.is_file():
            connection.write(RunChanged(run=run_id, at=time.time(), add_details={"snapshot": error.message}))
            return
        taken = snapshot.take(connection.blobs, notebook)
        said = {"snapshot": f"Only the notebook itself was kept. {error.message}"}
    connection.write(
        SnapshotTaken(snapshot=taken),
        RunChanged(run=run_id, at=time.time(), snapshot=taken.id, add_details=said),
    )


def finish_looking(seconds: float = LOOKS) -> None:
    """Wait for what `look_around` began, but no longer than that."""
    until = time.monotonic() + seconds
    for thread in list(_looking):
        thread.join(max(0.0, until - time.monotonic()))


def others_work() -> bool:
    """Whether threads besides this one may run what the user wrote: those of Jupyter, its libraries and ours do not."""
    return any(
        thread is not threading.current_thread()
        and not thread.name.startswith("jupyter_aml")
        and not _SERVANTS.intersection({_package(type(thread)), _package(getattr(thread, "_target", None))})
        for thread in threading.enumerate()
    )


def _package(thing: Any) -> str:
    return str(getattr(thing, "__module__", "") or "").partition(".")[0]


def make_workspaces_by(maker: Callable[[Connection], Any]) -> None:
    """Tell how a workspace is made of a connection (the workspace lies above this floor)."""
    global _workspace_maker
    _workspace_maker = maker


def workspace_of(connection: Connection) -> Any:
    """The workspace object of a connection."""
    if _workspace_maker is None:
        import importlib

        importlib.import_module("jupyter_aml.workspace")  # which registers itself
    assert _workspace_maker is not None
    return _workspace_maker(connection)


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size, state.st_ino


def _in_kernel() -> bool:
    """Whether this process is a kernel, which ends well whatever its cells did. A child that one made is none."""
    return "ipykernel" in sys.modules and not made_by_multiprocessing()


@atexit.register
def _end_with_process() -> None:
    finish_looking()
    for life in reversed(list(_open)):  # children before their parents
        try:
            life.close_with_process()
        except Exception as error:  # the journal recovery will fail it
            log.warning("Run %s could not be ended: %s", life.run.id, error)
