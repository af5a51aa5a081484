"""One kernel as the watcher knows it: what its messages mean for the runs of its cells."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

from jupyter_aml.server.messages import Seen, load
from jupyter_aml.tracking import cells

UNSEEN = 1.0
"""Seconds without a message after which an execution counts as ended though its idle was lost on the way."""
WAITING = 10_000
"""Messages that are kept for a kernel until it is known whether its notebook is tracked."""
ENDS_LIFE = frozenset({"KernelDied", "KernelRestarted", "KernelShutdown", "ServerStopped"})


class Request:
    """An execution that was asked for and has not ended."""

    def __init__(self, source: str = "", cell_id: str | None = None) -> None:
        self.source, self.cell_id = source, cell_id
        self.notebook: str | None = None
        self.begun = False
        self.held: list[tuple[str, dict[str, Any]]] | None = None
        """What the kernel said while it is found out which notebook asked; None when nobody waits for that."""
        self.reply: dict[str, Any] | None = None
        self.active = 0.0


class Watched:
    """One kernel: the notebooks that it serves, and its life's recorder.

    Args:
        kernel_id: the server's id of the kernel.
        open_recorder: begins the session run for (this, the session's name); None when it cannot.
    """

    def __init__(self, kernel_id: str, open_recorder: Callable[[Watched, str], cells.CellRecorder | None]) -> None:
        self.kernel_id = kernel_id
        self._open_recorder = open_recorder
        self.notebooks: dict[str, bool] = {}
        """Path → tracked. A kernel may serve several notebooks."""
        self.decided = asyncio.Event()
        """Set once it is known whether the kernel's notebook is tracked."""
        self.experiment = ""
        self.path = ""
        """The notebook that the session was opened for."""
        self.user = ""
        self.recorder: cells.CellRecorder | None = None
        self.requests: dict[str, Request] = {}
        self.stream: Any = None
        self.ports: list[int] = []
        self.callbacks: list[tuple[Callable[[], None], str]] = []
        self.tracked_again = 0
        """How many sessions of this kernel's life were closed while the kernel went on."""
        self._session = ""
        self._made_up = ""
        self._past: set[str] = set()
        self._ignored = Seen(1000)
        self._ended = Seen(5000)
        self._seen = Seen()
        self._waiting: list[list[bytes]] = []

    @property
    def tracked(self) -> bool | None:
        """Whether any of its notebooks is; None until that is known."""
        return any(self.notebooks.values()) if self.decided.is_set() else None

    @property
    def life(self) -> str:
        """What the names of this life's further sessions end with."""
        return f"#{self.tracked_again}" if self.tracked_again else ""

    def decide(self) -> None:
        """It is known now which of the notebooks are tracked: what waited for that is read or dropped."""
        self.decided.set()
        waiting, self._waiting = self._waiting, []
        if self.tracked:
            for parts in waiting:
                self.heard(parts)
        else:
            self.requests.clear()

    def renamed(self) -> None:
        """The session's notebook has another path: the session says so, and leads there from its earlier cells."""
        if self.recorder is not None:
            cells.move_session(self.recorder, self.path)

    # -- what comes in -------------------------------------------------------------------------------------------------
    def asked(self, msg_id: str, metadata: dict[str, Any], content: dict[str, Any]) -> Request | None:
        """A browser sent an `execute_request`; None when it is none of a cell. Then `place` has to follow."""
        if content.get("silent") or content.get("store_history") is False:
            self._ignored.again(msg_id)
            return None
        if msg_id in self.requests or msg_id in self._ended:
            return None
        cell_id = metadata.get("cellId")
        request = Request(str(content.get("code") or ""), cell_id if isinstance(cell_id, str) else None)
        request.held = []
        self.requests[msg_id] = request
        return request

    def place(self, msg_id: str, notebook: str | None) -> None:
        """It is known which notebook asked ("": one of several; None: one that is not tracked)."""
        request = self.requests.get(msg_id)
        if request is None or request.held is None:
            return
        held, request.held = request.held, None
        if notebook is None:
            self._ignored.again(msg_id)
            del self.requests[msg_id]
            return
        request.notebook = notebook
        for kind, content in held:
            _READ[kind](self, msg_id, request, content)

    def heard(self, parts: list[Any]) -> None:
        """The kernel said something. `parts`: header, parent header, metadata, content."""
        if not self.decided.is_set():
            if len(self._waiting) < WAITING:
                self._waiting.append([bytes(p) for p in parts[:4]])
            return
        if not self.tracked:
            return
        header = load(parts[0])
        kind = header.get("msg_type")
        if kind not in _READ or self._seen.again(header.get("msg_id", "")):
            return
        parent = load(parts[1])
        msg_id = parent.get("msg_id", "")
        if parent.get("msg_type") != "execute_request" or not msg_id:
            return
        if msg_id in self._ignored or not self._in_life(header, parent):
            return
        content = load(parts[3])
        if msg_id in self._ended:
            if _READ[kind] is Watched._output:  # of a thread that went on, or of a kernel that sends out of order
                self._record(msg_id, content)
            return
        request = self.requests.get(msg_id)
        if request is None:
            if kind not in ("execute_input", "stream", "display_data", "execute_result", "error"):
                return
            request = self.requests[msg_id] = Request()  # not from a browser
        request.active = asyncio.get_running_loop().time()
        if request.held is not None:
            request.held.append((kind, content))
        else:
            _READ[kind](self, msg_id, request, content)

    def _in_life(self, header: dict[str, Any], parent: dict[str, Any]) -> bool:
        """Open the session of the kernel's life that a message is of; False when that life is over."""
        session = str(header.get("session") or "")
        if session in self._past:
            return False
        if not session or session == parent.get("session"):  # a kernel without a name of its own repeats the client's
            session = self._made_up = self._made_up or f"{self.kernel_id}#{uuid.uuid4().hex}"
        if self.recorder is not None and self._session == session:
            return True
        if self.recorder is not None:
            self.close("The kernel was restarted.", "KernelRestarted")
        self.recorder = self._open_recorder(self, session + self.life)
        self._session = session
        return self.recorder is not None

    # -- what it means -------------------------------------------------------------------------------------------------
    def _begin(self, msg_id: str, request: Request, source: str | None = None, count: Any = None) -> None:
        if request.begun or self.recorder is None:
            return
        request.begun = True
        self.recorder.notebook = self._origin(request)
        self.recorder.started(
            msg_id,
            source if source is not None else request.source,
            cell_id=request.cell_id,
            execution_count=count if isinstance(count, int) else None,
        )

    def _origin(self, request: Request) -> str:
        if request.notebook is not None:
            return request.notebook
        return next(iter(self.notebooks)) if len(self.notebooks) == 1 else ""

    def _input(self, msg_id: str, request: Request, content: dict[str, Any]) -> None:
        self._begin(msg_id, request, str(content.get("code") or ""), content.get("execution_count"))

    def _output(self, msg_id: str, request: Request, content: dict[str, Any]) -> None:
        self._begin(msg_id, request)
        self._record(msg_id, content)

    def _record(self, msg_id: str, content: dict[str, Any]) -> None:
        """Printed text has a text, a display its data by MIME type, a result an execution count besides."""
        if self.recorder is None:
            return
        if "text" in content:
            self.recorder.stream(msg_id, content.get("name", "stdout"), str(content["text"] or ""))
        else:
            result = "execution_count" in content
            self.recorder.output(msg_id, content.get("data") or {}, content.get("metadata"), result=result)

    def _error(self, msg_id: str, request: Request, content: dict[str, Any]) -> None:
        self._begin(msg_id, request)
        trace = [str(line) for line in content.get("traceback") or []]
        if self.recorder is not None:
            self.recorder.error(msg_id, str(content.get("ename")), str(content.get("evalue")), trace)

    def _status(self, msg_id: str, request: Request, content: dict[str, Any]) -> None:
        if content.get("execution_state") != "idle":
            return
        if request.begun:
            self._finish(msg_id)
        else:  # aborted (its reply will say so), or its execute_input was lost on the way
            self._later(msg_id)

    def _reply(self, msg_id: str, request: Request, content: dict[str, Any]) -> None:
        if content.get("status") == "aborted":
            if request.begun and self.recorder is not None:
                self.recorder.finished(msg_id, "aborted")
            self._drop(msg_id)
        else:  # it is never lost, as idle may be, but may come before the last output
            request.reply = content
            self._later(msg_id)

    def _later(self, msg_id: str) -> None:
        asyncio.get_running_loop().call_later(UNSEEN, self._late, msg_id)

    def _late(self, msg_id: str) -> None:
        request = self.requests.get(msg_id)
        if request is None:
            return
        if asyncio.get_running_loop().time() - request.active < UNSEEN * 0.9:
            self._later(msg_id)
            return
        reply = request.reply or {}
        self._begin(msg_id, request, count=reply.get("execution_count"))
        if reply.get("status") == "error":
            self._error(msg_id, request, reply)
        self._finish(msg_id)

    def _finish(self, msg_id: str) -> None:
        self._drop(msg_id)
        if self.recorder is not None:
            self.recorder.finished(msg_id)

    def _drop(self, msg_id: str) -> None:
        self.requests.pop(msg_id, None)
        self._ended.again(msg_id)

    # -- ends ----------------------------------------------------------------------------------------------------------
    def close(self, reason: str, code: str, status: str = "Completed") -> None:
        """The kernel's life, or its tracking, ends: what runs is failed, what died unseen is recorded first."""
        for msg_id, request in list(self.requests.items()):
            if request.held is not None:
                self.place(msg_id, self._origin(request))
        recorder, requests, session = self.recorder, self.requests, self._session
        self.recorder, self.requests, self._session = None, {}, ""
        if code in ENDS_LIFE:
            self._made_up = ""
            if session:
                self._past.add(session)
        elif recorder is not None:
            self.tracked_again += 1
        if recorder is None:
            return
        for msg_id in requests:
            self._ended.again(msg_id)
        waiting = [item for item in requests.items() if not item[1].begun]
        if waiting and not recorder.running and code in ("KernelDied", "KernelRestarted"):
            msg_id, request = waiting[0]  # it ended the kernel before its input was announced
            recorder.notebook = self._origin(request)
            recorder.started(msg_id, request.source, cell_id=request.cell_id)
        cells.close_session(recorder, reason=reason, code=code, status=status)


_READ: dict[str, Callable[[Watched, str, Request, dict[str, Any]], None]] = {
    "execute_input": Watched._input,
    "stream": Watched._output,
    "display_data": Watched._output,
    "execute_result": Watched._output,
    "error": Watched._error,
    "status": Watched._status,
    "execute_reply": Watched._reply,
}
