"""What happens around a run that lives in this process: its outputs folder, its git state, and how it ends with us."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyter_aml.errors import AzureMLException
from jupyter_aml.store.connection import Connection
from jupyter_aml.store.events import RunChanged, TextLogged
from jupyter_aml.tracking import git

log = logging.getLogger("jupyter_aml")

GIT_DIFF = "logs/git.diff"
"""The text of a run that holds what was not committed."""
_open: weakref.WeakSet[Lifetime] = weakref.WeakSet()
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
        _open.add(self)
        if source is not None:
            self._thread = threading.Thread(target=self._record_git, args=(os.path.abspath(source),), daemon=True)  # noqa: PTH100
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
        _open.discard(self)

    def close_with_process(self) -> None:
        """The process ends and nobody ended the run: it completed, unless an exception ended the process."""
        if self._pid != os.getpid() or self.run._ended:
            return
        error = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
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
    return "ipykernel" in sys.modules


@atexit.register
def _end_with_process() -> None:
    for life in list(_open):
        try:
            life.close_with_process()
        except Exception as error:  # the journal recovery will fail it
            log.warning("Run %s could not be ended: %s", life.run.id, error)
