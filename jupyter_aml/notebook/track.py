"""``%aml track on``: a kernel that records its own cells, where no server does it."""

from __future__ import annotations

import contextlib
import getpass
import itertools
from pathlib import PurePath
from typing import Any

from jupyter_aml.tracking import cells, context

_lives = itertools.count(1)


class Follower:
    """Records the cells of this kernel as runs of one session, from the next cell on.

    Args:
        shell: the IPython shell of a kernel.
        workspace: where to.
        experiment: name of the experiment.
    """

    def __init__(self, shell: Any, workspace: Any, experiment: str) -> None:
        self._shell = shell
        self._message = ""
        kernel = shell.kernel
        session = f"{kernel.session.session}#kernel{next(_lives)}"
        self.recorder = cells.open_session(
            workspace.connection,
            kernel_session=session,
            experiment=experiment,
            notebook=notebook_name(shell),
            kernel_name=kernel.implementation,
        )
        self._kept: Any = None
        context.adopt(context.Context(workspace.connection, self.recorder.parent, experiment))
        shell.events.register("pre_run_cell", self._before)
        shell.events.register("post_run_cell", self._after)

    def stop(self) -> None:
        """End the session; the cell that says so is not recorded any more."""
        for event, function in (("pre_run_cell", self._before), ("post_run_cell", self._after)):
            with contextlib.suppress(ValueError):
                self._shell.events.unregister(event, function)
        self._leave()
        context.adopt(None)
        cells.close_session(self.recorder, reason="Tracking was switched off.", code="TrackingOff")

    def _before(self, info: Any) -> None:
        from jupyter_aml.notebook.capture import Capture

        self._message = context.message_id()
        self.recorder.started(
            self._message, info.raw_cell or "", cell_id=info.cell_id, execution_count=self._shell.execution_count
        )
        self._kept = Capture(self._shell, said=self._said, shown=self._shown)
        self._kept.__enter__()

    def _after(self, result: Any) -> None:
        if not self._message:  # the cell that switched tracking on
            return
        self._leave()
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            import traceback

            lines = traceback.format_exception(type(error), error, error.__traceback__)
            self.recorder.error(self._message, type(error).__name__, str(error), lines)
        self.recorder.finished(self._message, "ok" if error is None else "error")
        self._message = ""

    def _leave(self) -> None:
        if self._kept is not None:
            self._kept.__exit__(None, None, None)
            self._kept = None

    def _said(self, path: str, text: str) -> None:
        self.recorder.stream(self._message, path.removesuffix(".txt"), text)

    def _shown(self, data: Any) -> None:
        if isinstance(data, dict):
            self.recorder.output(self._message, data)


def notebook_name(shell: Any) -> str:
    """What is known of the notebook's name in this kernel."""
    import os

    known = os.environ.get("JPY_SESSION_NAME") or shell.user_ns.get("__vsc_ipynb_file__") or ""
    if known:
        return PurePath(str(known)).name
    with contextlib.suppress(Exception):
        return f"{getpass.getuser()}'s notebook"
    return "notebook"
