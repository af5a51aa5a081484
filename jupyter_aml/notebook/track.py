"""``%aml track on``: a kernel that records its own cells, where no server does it.

It overhears the messages that the kernel sends to its front ends, as the server's watcher does from outside: both make the
same runs of the same cells.
"""

from __future__ import annotations

import atexit
import itertools
import os
from pathlib import Path, PurePath
from typing import Any

from jupyter_aml.tracking import cells, context, lifetime

_sessions = itertools.count(1)


class Tracking:
    """Records the cells of this kernel as runs of one session, the one that executes now included.

    Args:
        shell: the IPython shell of a kernel.
        workspace: where to.
        experiment: name of the experiment.
    """

    def __init__(self, shell: Any, workspace: Any, experiment: str) -> None:
        self.experiment = experiment
        self.active = True
        self._kernel = shell.kernel
        self._pid = os.getpid()
        self.recorder = cells.open_session(
            workspace.connection,
            kernel_session=f"{self._kernel.session.session}#kernel{next(_sessions)}",
            experiment=experiment,
            notebook=notebook_path(shell),
            kernel_name=self._kernel.implementation,
        )
        context.adopt(context.Context(workspace.connection, self.recorder.parent, experiment))
        lifetime.look_around(workspace.connection, self.recorder.parent, *source_of(shell))
        self._send = self._kernel.session.send
        self._kernel.session.send = self._overheard
        atexit.register(self.stop, "The kernel was shut down.", "KernelShutdown")
        self._started(context.message_id(), self._request().get("content", {}), shell.displayhook.prompt_count)

    def stop(self, reason: str = "Tracking was switched off.", code: str = "TrackingOff") -> None:
        """End the session. The cell that executes now ends with it, well."""
        if not self.active or self._pid != os.getpid():
            return
        self.active = False
        if self._kernel.session.__dict__.get("send") == self._overheard:
            del self._kernel.session.send
        context.adopt(None)
        atexit.unregister(self.stop)
        for msg_id in self.recorder.running:
            self.recorder.finished(msg_id)
        cells.close_session(self.recorder, reason=reason, code=code)

    def _request(self) -> dict[str, Any]:
        return self._kernel.get_parent("shell") or {}

    def _overheard(self, *args: Any, **kwargs: Any) -> Any:
        message = self._send(*args, **kwargs)
        if self.active and isinstance(message, dict):
            try:
                self._heard(message)
            except Exception as error:  # never into the user's cell
                cells.log.debug("jupyter_aml did not understand a message of its kernel: %s", error)
        return message

    def _heard(self, message: dict[str, Any]) -> None:
        kind, parent = message["header"]["msg_type"], message.get("parent_header") or {}
        msg_id, content = parent.get("msg_id", ""), message.get("content") or {}
        if parent.get("msg_type") != "execute_request" or not msg_id:
            return
        if kind == "execute_input":
            if context.read_mark(context.kernel_id(self._kernel)) is not None:
                self.stop("The Jupyter server tracks the notebook now.")
            else:
                self._started(msg_id, content, content.get("execution_count"))
        elif kind == "stream":
            self.recorder.stream(msg_id, content.get("name", "stdout"), str(content.get("text") or ""))
        elif kind in ("display_data", "execute_result"):
            result = kind == "execute_result"
            self.recorder.output(msg_id, content.get("data") or {}, content.get("metadata"), result=result)
        elif kind == "error":
            lines = [str(line) for line in content.get("traceback") or []]
            self.recorder.error(msg_id, str(content.get("ename")), str(content.get("evalue")), lines)
        elif kind == "status" and content.get("execution_state") == "idle":
            self.recorder.finished(msg_id)

    def _started(self, msg_id: str, content: dict[str, Any], count: Any) -> None:
        cell_id = (self._request().get("metadata") or {}).get("cellId")
        self.recorder.started(
            msg_id,
            str(content.get("code") or ""),
            cell_id=cell_id if isinstance(cell_id, str) else None,
            execution_count=count if isinstance(count, int) else None,
        )


def notebook_path(shell: Any) -> str:
    """The notebook's path as far as its kernel knows it; "" where it does not."""
    known = shell.user_ns.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME") or ""
    return PurePath(str(known)).as_posix() if str(known).endswith(".ipynb") else ""


def source_of(shell: Any) -> tuple[Path, Path | None]:
    """The folder of the notebook's source, and the notebook where its kernel knows it."""
    notebook = Path(notebook_path(shell))
    return (notebook.parent, notebook) if notebook.is_file() else (Path.cwd(), None)
