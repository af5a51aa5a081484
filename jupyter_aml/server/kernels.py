"""The watcher: records every execution of a tracked notebook's cells, whatever the kernel's language.

It sees a kernel's messages on two ways: its own subscription to the kernel's iopub socket (which goes on when the browser
tab is closed), and the browsers' websockets (which know cell ids, and never miss a message to a slow subscription). What
arrives twice is recorded once. Nothing here may touch the messages themselves or fail them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from jupyter_core.utils import ensure_async

from jupyter_aml.server.base import Services
from jupyter_aml.server.messages import Seen, after_identities, load
from jupyter_aml.store.records import RunRecord
from jupyter_aml.tracking import cells, context
from jupyter_aml.workspace import Workspace

log = logging.getLogger("jupyter_aml")

KERNEL_ACTIONS = "https://events.jupyter.org/jupyter_server/kernel_actions/v1"
METADATA = "jupyter_aml"
"""Key of a notebook's metadata: ``{"track": true, "experiment": "name"}``."""
_UNSEEN_INPUT = 0.5
"""Seconds to wait for an `execute_input` that idle overtook, before the cell is recorded without it."""


class Watched:
    """One kernel as the watcher knows it."""

    def __init__(self, kernel_id: str) -> None:
        self.kernel_id = kernel_id
        self.path = ""
        self.tracked: bool | None = None
        """None until the notebook's metadata was read."""
        self.experiment = ""
        self.session = ""
        self.recorder: cells.CellRecorder | None = None
        self.requests: dict[str, dict[str, Any]] = {}
        """Executions that were asked for and have not ended: message id → what the request said."""
        self.ignored = Seen(1000)
        self.seen = Seen()
        self.stream: Any = None
        self.waiting: list[tuple[list[Any], str]] = []
        """Messages that came before it was known whether the notebook is tracked."""


class KernelWatcher:
    """Watches the kernels of one server.

    Args:
        services: what the extension holds.
        server: the ServerApp.
    """

    def __init__(self, services: Services, server: Any) -> None:
        self._services = services
        self._server = server
        self._kernels: dict[str, Watched] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._workspace: Workspace | None = None
        self._warned = False

    # -- beginning and end ---------------------------------------------------------------------------------------------
    async def start(self) -> None:
        """Begin to watch: kernels that start, and those that run already."""
        self._workspace = await self._services.workspace()
        await self._services.call(lambda: self._workspace.connection.journal_id)  # type: ignore[union-attr]
        self._server.event_logger.add_listener(schema_id=KERNEL_ACTIONS, listener=self._on_action)
        for kernel_id in list(self._server.kernel_manager.list_kernel_ids()):
            self._spawn(self._meet(kernel_id))

    async def stop(self) -> None:
        """The server stops: every session ends, and says why."""
        for task in list(self._tasks):
            task.cancel()
        for watched in list(self._kernels.values()):
            self._close(watched, "The Jupyter server stopped.", "ServerStopped")
            self._forget(watched)

    async def _on_action(self, logger: Any, schema_id: str, data: dict[str, Any]) -> None:
        kernel_id, action = data.get("kernel_id", ""), data.get("action")
        if data.get("status") != "success" or not kernel_id:
            return
        watched = self._kernels.get(kernel_id)
        if action == "start":
            self._spawn(self._meet(kernel_id))
        elif action == "restart" and watched is not None:
            self._close(watched, "The kernel was restarted.", "KernelRestarted")
        elif action == "shutdown" and watched is not None:
            self._close(watched, "The kernel was shut down.", "KernelShutdown")
            self._forget(watched)

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- which kernels -------------------------------------------------------------------------------------------------
    async def _meet(self, kernel_id: str) -> None:
        """A kernel is there: find out whether its notebook is tracked. Its session is registered a little later."""
        if self._services.track == "none":
            return
        watched = self._kernels.setdefault(kernel_id, Watched(kernel_id))
        for _ in range(100):
            path = await self.path_of(kernel_id)
            if path:
                await self._decide(watched, path)
                return
            if kernel_id not in self._server.kernel_manager:
                break
            await asyncio.sleep(0.1)
        watched.tracked = False  # a console or a bare kernel, unless it is asked for
        watched.waiting.clear()

    async def path_of(self, kernel_id: str) -> str:
        """The notebook of a kernel as it is called now ("" when none is known)."""
        for session in await self._sessions():
            if (session.get("kernel") or {}).get("id") == kernel_id and session.get("type") == "notebook":
                return str(session.get("path") or "")
        return ""

    async def kernels_of(self, path: str) -> list[str]:
        """Ids of the kernels of a notebook."""
        found = [s for s in await self._sessions() if s.get("path") == path and s.get("kernel")]
        return [s["kernel"]["id"] for s in found]

    async def _sessions(self) -> list[dict[str, Any]]:
        return list(await ensure_async(self._server.session_manager.list_sessions()))

    async def switch_of(self, path: str) -> dict[str, Any]:
        """What a notebook's metadata says of tracking ({} when it says nothing or cannot be read)."""
        try:
            model = await ensure_async(self._server.contents_manager.get(path, content=True, type="notebook"))
            switch = model["content"]["metadata"].get(METADATA)
            return dict(switch) if isinstance(switch, dict) else {}
        except Exception as error:
            log.debug("The tracking switch of %s could not be read: %s", path, error)
            return {}

    async def _decide(self, watched: Watched, path: str) -> None:
        switch = await self.switch_of(path)
        tracked = self._services.track == "all" or bool(switch.get("track"))
        if watched.tracked is None:
            await self.track(watched.kernel_id, path, tracked, str(switch.get("experiment") or ""))

    async def track(self, kernel_id: str, path: str, tracked: bool, experiment: str = "") -> Watched:
        """Track a kernel's notebook, or stop doing so; takes effect at once."""
        watched = self._kernels.setdefault(kernel_id, Watched(kernel_id))
        if tracked and self._workspace is not None:
            wanted = experiment or PurePosixPath(path).stem or "notebook"
            if watched.recorder is not None and (wanted != watched.experiment):
                self._close(watched, "", "")
            watched.path, watched.experiment = path, wanted
            context.write_mark(
                kernel_id, workspace=self._workspace.url, experiment=watched.experiment, notebook=watched.path
            )
            if watched.stream is None:
                self._subscribe(watched)
            watched.tracked = True
            waiting, watched.waiting = watched.waiting, []
            for parts, channel in waiting:
                self._guarded(self._message, watched, parts, channel)
        else:
            watched.tracked = False
            watched.waiting.clear()
            self._close(watched, "Tracking was switched off.", "TrackingOff")
            context.clear_mark(kernel_id)
        return watched

    def state_of(self, kernel_id: str) -> Watched | None:
        """What is known of a kernel."""
        return self._kernels.get(kernel_id)

    def _subscribe(self, watched: Watched) -> None:
        kernel = self._server.kernel_manager.get_kernel(watched.kernel_id)
        watched.stream = kernel.connect_iopub()
        watched.stream.on_recv(lambda parts: self._guarded(self._from_socket, watched, kernel, parts))
        kernel.add_restart_callback(lambda: self._died(watched), "dead")

    def _died(self, watched: Watched) -> None:
        self._close(watched, "The kernel died.", "KernelDied")

    # -- messages ------------------------------------------------------------------------------------------------------
    def _guarded(self, function: Callable[..., None], *args: Any) -> None:
        """Whatever goes wrong here, the kernel's messages go on."""
        try:
            function(*args)
        except Exception as error:
            if not self._warned:
                self._warned = True
                log.warning("jupyter_aml could not record a kernel's message (%s).", error, exc_info=True)

    def _from_socket(self, watched: Watched, kernel: Any, parts: list[Any]) -> None:
        if watched.tracked is False:
            return
        parts = after_identities(parts)
        if len(parts) >= 5 and kernel.session.sign(parts[1:5]) == bytes(parts[0]):
            self._message(watched, parts[1:], "iopub")

    def from_browser(self, kernel_id: str, message: dict[str, Any]) -> None:
        """A browser asked for something: an execution is remembered with its cell's id."""
        watched = self._kernels.get(kernel_id)
        if watched is None or watched.tracked is False or message["header"].get("msg_type") != "execute_request":
            return
        self._guarded(self._asked, watched, message)

    def _asked(self, watched: Watched, message: dict[str, Any]) -> None:
        content, msg_id = message.get("content") or {}, message["header"]["msg_id"]
        if content.get("silent") or content.get("store_history") is False:
            watched.ignored.again(msg_id)
            return
        cell_id = (message.get("metadata") or {}).get("cellId")
        watched.requests[msg_id] = {"source": str(content.get("code") or ""), "cell_id": cell_id, "begun": False}

    def from_kernel(self, kernel_id: str, channel: str, parts: list[Any]) -> None:
        """A kernel's message on its way to a browser."""
        watched = self._kernels.get(kernel_id)
        if watched is not None and watched.tracked is not False and channel in ("iopub", "shell"):
            self._guarded(self._message, watched, parts, channel)

    def _message(self, watched: Watched, parts: list[Any], channel: str) -> None:
        """`parts`: header, parent header, metadata, content."""
        if watched.tracked is None:
            if len(watched.waiting) < 10_000:
                watched.waiting.append(([bytes(p) for p in parts[:4]], channel))
            return
        header = load(parts[0])
        kind = header.get("msg_type")
        if kind not in _READ or watched.seen.again(header.get("msg_id", "")):
            return
        parent = load(parts[1])
        msg_id = parent.get("msg_id", "")
        if parent.get("msg_type") != "execute_request" or not msg_id or msg_id in watched.ignored._ids:
            return
        if channel == "iopub":
            self._session(watched, header.get("session", ""))
        _READ[kind](self, watched, msg_id, load(parts[3]))

    def _session(self, watched: Watched, kernel_session: str) -> None:
        """Messages of another kernel session: the kernel begins another life."""
        if watched.session == kernel_session and watched.recorder is not None:
            return
        if watched.recorder is not None:
            self._close(watched, "The kernel was restarted.", "KernelRestarted")
        assert self._workspace is not None
        watched.session = kernel_session
        watched.recorder = cells.open_session(
            self._workspace.connection,
            kernel_session=kernel_session,
            experiment=watched.experiment,
            notebook=watched.path,
            kernel_name=self._kernel_name(watched.kernel_id),
            language=self._language(watched.kernel_id),
        )
        self._spawn(self._refresh_path(watched))

    async def _refresh_path(self, watched: Watched) -> None:
        """The notebook may have been renamed since the kernel started."""
        path = await self.path_of(watched.kernel_id)
        if path and path != watched.path:
            watched.path = path
            if watched.recorder is not None:
                watched.recorder.notebook = path

    def _kernel_name(self, kernel_id: str) -> str:
        try:
            return str(self._server.kernel_manager.get_kernel(kernel_id).kernel_name)
        except Exception:
            return ""

    def _language(self, kernel_id: str) -> str:
        try:
            return str(self._server.kernel_manager.get_kernel(kernel_id).kernel_spec.language)
        except Exception:
            return ""

    # -- what messages mean --------------------------------------------------------------------------------------------
    def _begin(self, watched: Watched, msg_id: str, source: str | None = None, count: int | None = None) -> None:
        request = watched.requests.setdefault(msg_id, {"source": source or "", "cell_id": None, "begun": False})
        if request["begun"] or watched.recorder is None:
            return
        request["begun"] = True
        watched.recorder.started(
            msg_id,
            source if source is not None else request["source"],
            cell_id=request["cell_id"],
            execution_count=count,
        )

    def _execute_input(self, watched: Watched, msg_id: str, content: dict[str, Any]) -> None:
        self._begin(watched, msg_id, str(content.get("code") or ""), content.get("execution_count"))

    def _stream(self, watched: Watched, msg_id: str, content: dict[str, Any]) -> None:
        self._begin(watched, msg_id)
        watched.recorder.stream(msg_id, content.get("name", "stdout"), str(content.get("text") or ""))  # type: ignore[union-attr]

    def _display(self, watched: Watched, msg_id: str, content: dict[str, Any]) -> None:
        self._begin(watched, msg_id)
        watched.recorder.output(msg_id, content.get("data") or {}, content.get("metadata"))  # type: ignore[union-attr]

    def _result(self, watched: Watched, msg_id: str, content: dict[str, Any]) -> None:
        self._begin(watched, msg_id)
        watched.recorder.output(msg_id, content.get("data") or {}, content.get("metadata"), result=True)  # type: ignore[union-attr]

    def _error(self, watched: Watched, msg_id: str, content: dict[str, Any]) -> None:
        self._begin(watched, msg_id)
        trace = [str(line) for line in content.get("traceback") or []]
        watched.recorder.error(msg_id, str(content.get("ename")), str(content.get("evalue")), trace)  # type: ignore[union-attr]

    def _status(self, watched: Watched, msg_id: str, content: dict[str, Any]) -> None:
        if content.get("execution_state") != "idle":
            return
        request = watched.requests.get(msg_id)
        if request is None:
            return
        if request["begun"]:
            self._finish(watched, msg_id)
        else:
            # Either it was aborted (its reply will say so), or its execute_input was lost on the way.
            asyncio.get_running_loop().call_later(_UNSEEN_INPUT, self._guarded, self._late, watched, msg_id)

    def _late(self, watched: Watched, msg_id: str) -> None:
        if msg_id in watched.requests:
            self._begin(watched, msg_id)
            self._finish(watched, msg_id)

    def _reply(self, watched: Watched, msg_id: str, content: dict[str, Any]) -> None:
        if content.get("status") == "aborted":
            request = watched.requests.pop(msg_id, None)
            if request is not None and request["begun"] and watched.recorder is not None:
                watched.recorder.finished(msg_id, "aborted")

    def _finish(self, watched: Watched, msg_id: str) -> None:
        watched.requests.pop(msg_id, None)
        if watched.recorder is not None:
            watched.recorder.finished(msg_id)

    # -- ends ----------------------------------------------------------------------------------------------------------
    def _close(self, watched: Watched, reason: str, code: str) -> None:
        """A kernel's life, or its tracking, ends: what runs is failed, what died unseen is recorded first."""
        recorder, requests = watched.recorder, watched.requests
        watched.recorder, watched.session, watched.requests = None, "", {}
        if recorder is None:
            return
        waiting = [item for item in requests.items() if not item[1]["begun"]]
        if waiting and not recorder.running and code in ("KernelDied", "KernelRestarted"):
            msg_id, request = waiting[0]  # it ended the kernel before its input was announced
            recorder.started(msg_id, request["source"], cell_id=request["cell_id"])
        cells.close_session(recorder, reason=reason, code=code)

    def _forget(self, watched: Watched) -> None:
        if watched.stream is not None:
            watched.stream.on_recv(None)
            watched.stream.close()
            watched.stream = None
        context.clear_mark(watched.kernel_id)
        self._kernels.pop(watched.kernel_id, None)

    async def interrupt(self, record: RunRecord) -> bool:
        """Interrupt the kernel that runs a cell or session; False when this server does not run it."""
        for watched in self._kernels.values():
            recorder = watched.recorder
            if recorder is None or record.id not in (recorder.parent, *map(context.cell_run_id, recorder.running)):
                continue
            await ensure_async(self._server.kernel_manager.interrupt_kernel(watched.kernel_id))
            return True
        return False


_READ: dict[str, Callable[[KernelWatcher, Watched, str, dict[str, Any]], None]] = {
    "execute_input": KernelWatcher._execute_input,
    "stream": KernelWatcher._stream,
    "display_data": KernelWatcher._display,
    "execute_result": KernelWatcher._result,
    "error": KernelWatcher._error,
    "status": KernelWatcher._status,
    "execute_reply": KernelWatcher._reply,
}


def overhearing(base: type, watcher: Callable[[], KernelWatcher | None]) -> type:
    """A websocket connection class like `base` that lets the watcher listen. Messages pass unchanged, whatever happens."""

    class Overhearing(base):  # type: ignore[misc]
        def handle_incoming_message(self, incoming_msg: Any) -> None:
            listener = watcher()
            if listener is not None:
                listener._guarded(_hear_browser, self, listener, incoming_msg)
            super().handle_incoming_message(incoming_msg)

        def handle_outgoing_message(self, stream: Any, outgoing_msg: list[Any]) -> None:
            listener = watcher()
            if listener is not None:
                listener._guarded(_hear_kernel, self, listener, stream, list(outgoing_msg))
            super().handle_outgoing_message(stream, outgoing_msg)

    Overhearing.__name__ = base.__name__
    return Overhearing


def _hear_browser(connection: Any, listener: KernelWatcher, incoming: Any) -> None:
    from jupyter_server.services.kernels.connection.base import deserialize_binary_message, deserialize_msg_from_ws_v1

    if connection.subprotocol == "v1.kernel.websocket.jupyter.org":
        channel, parts = deserialize_msg_from_ws_v1(incoming)
        if channel != "shell":
            return
        message = {"header": load(parts[0])}
        if message["header"].get("msg_type") == "execute_request":
            message |= {"metadata": load(parts[2]), "content": load(parts[3])}
    else:
        import json

        message = deserialize_binary_message(incoming) if isinstance(incoming, bytes) else json.loads(incoming)
    listener.from_browser(connection.kernel_id, message)


def _hear_kernel(connection: Any, listener: KernelWatcher, stream: Any, outgoing: list[Any]) -> None:
    channel = stream if isinstance(stream, str) else getattr(stream, "channel", "")
    parts = after_identities(outgoing)
    if len(parts) >= 5:
        listener.from_kernel(connection.kernel_id, channel, parts[1:])
