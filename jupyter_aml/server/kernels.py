"""The watcher: records every execution of a tracked notebook's cells, whatever the kernel's language.

It sees a kernel's messages on two ways: its own subscription to the kernel's iopub socket (which goes on when the browser
tab is closed), and the browsers' websockets (which know cell ids, and never miss a message to a slow subscription). What
arrives twice is recorded once. Nothing here may touch the messages themselves or fail them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.utils import ApiPath, to_os_path

from jupyter_aml.server.base import Services, is_anonymous, name_of
from jupyter_aml.server.messages import after_identities
from jupyter_aml.server.sources import Notebooks
from jupyter_aml.server.watched import Watched
from jupyter_aml.store.records import RunRecord
from jupyter_aml.tracking import cells, context, lifetime
from jupyter_aml.workspace import Workspace

log = logging.getLogger("jupyter_aml")

KERNEL_ACTIONS = "https://events.jupyter.org/jupyter_server/kernel_actions/v1"


class KernelWatcher:
    """Watches the kernels of one server.

    Args:
        services: what the extension holds.
        server: the ServerApp.
        limits: how much of a cell's output is kept: attributes of its CellRecorder.
        snapshot: whether a session gets the git state and the source of its notebook's folder.
    """

    def __init__(
        self, services: Services, server: Any, limits: dict[str, int] | None = None, *, snapshot: bool = True
    ) -> None:
        self._services = services
        self._server = server
        self._limits = limits or {}
        self._snapshot = snapshot
        self.notebooks = Notebooks(server, services.track)
        self._kernels: dict[str, Watched] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._workspace: Workspace | None = None
        self._warned = False
        self._stopped = False

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
        self._stopped = True
        for task in list(self._tasks):
            task.cancel()
        for watched in list(self._kernels.values()):
            self.guarded(watched.close, "The Jupyter server stopped.", "ServerStopped")
            self._forget(watched)
        await self._services.call(lifetime.finish_looking)

    async def _on_action(self, logger: Any, schema_id: str, data: dict[str, Any]) -> None:
        kernel_id, action = data.get("kernel_id", ""), data.get("action")
        if self._stopped or data.get("status") != "success" or not kernel_id:
            return
        watched = self._kernels.get(kernel_id)
        if action == "start":
            self._spawn(self._meet(kernel_id))
        elif action == "restart" and watched is not None:
            self.guarded(watched.close, "The kernel was restarted.", "KernelRestarted")
            self.guarded(self._subscribe, watched)
        elif action == "shutdown" and watched is not None:
            self.guarded(watched.close, "The kernel was shut down.", "KernelShutdown")
            self._forget(watched)

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def guarded(self, function: Callable[..., Any], *args: Any) -> None:
        """Whatever goes wrong here, the kernel's messages go on: one warning, then silence."""
        try:
            function(*args)
        except Exception as error:
            if not self._warned:
                self._warned = True
                log.warning("jupyter_aml could not record a kernel's message (%s).", error, exc_info=True)

    # -- which kernels -------------------------------------------------------------------------------------------------
    async def _meet(self, kernel_id: str) -> None:
        """A kernel is there: find out whether its notebook is tracked. Its session is registered a little later."""
        if self._services.track == "none":
            return
        watched = self._watched(kernel_id)
        try:
            for _ in range(200):
                for path in await self.notebooks.of_kernel(kernel_id):
                    await self.decide(watched, path)
                if watched.notebooks or kernel_id not in self._server.kernel_manager:
                    break
                await asyncio.sleep(0.05)
        except Exception as error:
            log.warning("jupyter_aml could not find out whether kernel %s is tracked (%s).", kernel_id, error)
        self.guarded(watched.decide)  # a console or a bare kernel is not tracked, unless it is asked for

    def _watched(self, kernel_id: str) -> Watched:
        if kernel_id not in self._kernels:
            self._kernels[kernel_id] = Watched(kernel_id, self._open_session)
        return self._kernels[kernel_id]

    async def decide(self, watched: Watched, path: str) -> None:
        """Learn from the notebook itself whether it is tracked, unless that is known."""
        if path not in watched.notebooks:
            tracked, experiment = await self.notebooks.tracking(path)
            if tracked is not None and path not in watched.notebooks:
                self._track(watched, path, tracked, experiment)

    async def refresh(self, path: str) -> Watched | None:
        """The kernel of a notebook, if it runs; a notebook that joined a running kernel is taken up."""
        for kernel_id in await self.notebooks.kernels_of(path):
            watched = self._kernels.get(kernel_id)
            if watched is not None:
                if watched.decided.is_set():
                    await self._renamed(watched)
                    await self.decide(watched, path)
                return watched
        return None

    async def switch(self, path: str, tracked: bool, experiment: str = "") -> None:
        """Track a notebook, or stop doing so; takes effect at once."""
        self.notebooks.switch(path, tracked, experiment)
        for kernel_id in await self.notebooks.kernels_of(path):
            watched = self._watched(kernel_id)
            await self._renamed(watched)
            self._track(watched, path, tracked, experiment)
            watched.decide()

    def _track(self, watched: Watched, path: str, tracked: bool, experiment: str) -> None:
        watched.notebooks[path] = tracked
        if tracked and self._workspace is not None:
            others = [p for p, on in watched.notebooks.items() if on and p != path]
            wanted = experiment or (watched.experiment if path == watched.path else "") or PurePosixPath(path).stem
            if watched.recorder is not None and wanted != watched.experiment and not others:
                watched.close("The notebook's experiment was changed.", "TrackingOff")
            if not others or not watched.experiment:
                watched.path, watched.experiment = path, wanted or "notebook"
            context.write_mark(
                watched.kernel_id,
                workspace=self._workspace.url,
                experiment=watched.experiment,
                notebook=watched.path,
                life=watched.life,
            )
            self._subscribe(watched)
        elif not any(watched.notebooks.values()):
            watched.close("Tracking was switched off.", "TrackingOff")
            watched.path = watched.experiment = ""
            context.clear_mark(watched.kernel_id)

    def state_of(self, kernel_id: str) -> Watched | None:
        """What is known of a kernel."""
        return self._kernels.get(kernel_id)

    def watches(self, kernel_id: str) -> bool:
        """Whether a kernel's messages are of interest."""
        watched = self._kernels.get(kernel_id)
        return watched is not None and watched.tracked is not False

    def _subscribe(self, watched: Watched) -> None:
        """Listen to the kernel's iopub socket; anew when the kernel was restarted on other ports."""
        if not any(watched.notebooks.values()):
            return
        kernel = self._server.kernel_manager.get_kernel(watched.kernel_id)
        ports = list(kernel.ports)
        if watched.stream is not None:
            if ports == watched.ports:
                return
            watched.stream.on_recv(None)
            watched.stream.close()
        watched.ports = ports
        watched.stream = kernel.connect_iopub()
        watched.stream.on_recv(lambda parts: self.guarded(self._from_socket, watched, kernel, parts))
        if not watched.callbacks:
            died = lambda: self.guarded(watched.close, "The kernel died.", "KernelDied", "Failed")  # noqa: E731
            watched.callbacks = [(died, "restart"), (died, "dead")]  # "restart": by the server, after a death
            for callback, event in watched.callbacks:
                kernel.add_restart_callback(callback, event)

    # -- messages ------------------------------------------------------------------------------------------------------
    def _from_socket(self, watched: Watched, kernel: Any, parts: list[Any]) -> None:
        if watched.tracked is False:
            return
        parts = after_identities(parts)
        if len(parts) >= 5 and kernel.session.sign(parts[1:5]) == bytes(parts[0]):
            watched.heard(parts[1:])

    def from_kernel(self, kernel_id: str, parts: list[Any]) -> None:
        """A kernel's message on its way to a browser."""
        self._kernels[kernel_id].heard(parts)

    def from_browser(self, kernel_id: str, message: dict[str, Any], user: Any = None) -> None:
        """A browser asked for an execution: it is remembered with its cell's id, and placed in its notebook."""
        watched = self._kernels[kernel_id]
        msg_id = str(message["header"]["msg_id"])
        if user is not None and not is_anonymous(user):
            watched.user = name_of(user)
        request = watched.asked(msg_id, message.get("metadata") or {}, message.get("content") or {})
        if request is not None:
            self._spawn(self._place(watched, msg_id, request.cell_id))

    async def _place(self, watched: Watched, msg_id: str, cell_id: str | None) -> None:
        """Find the notebook that a request is of: it may have been renamed, or share its kernel with others."""
        try:
            await watched.decided.wait()
            paths = await self._renamed(watched)
            notebook: str | None = await self._asker(watched, paths, cell_id)
        except Exception as error:
            log.debug("The notebook of a request could not be found: %s", error)
            notebook = watched.path
        self.guarded(watched.place, msg_id, notebook)

    async def _renamed(self, watched: Watched) -> list[str]:
        """The kernel's notebooks as they are called now; what was known of a renamed one goes on under its new name."""
        paths = await self.notebooks.of_kernel(watched.kernel_id)
        gone = [p for p in watched.notebooks if p not in paths]
        new = [p for p in paths if p not in watched.notebooks]
        if len(gone) == 1 and len(new) == 1:
            watched.notebooks[new[0]] = watched.notebooks.pop(gone[0])
            if watched.path == gone[0]:
                watched.path = new[0]
                self.guarded(watched.renamed)
        elif paths and len(watched.notebooks) > 1:  # the others' tabs were closed
            for path in gone:
                del watched.notebooks[path]
        return paths

    async def _asker(self, watched: Watched, paths: list[str], cell_id: str | None) -> str | None:
        """Path of the notebook of a cell; "" for one that cannot be told from others; None for an untracked one."""
        for path in paths:
            await self.decide(watched, path)
        if not paths:
            return watched.path
        found = paths
        if len(paths) > 1 and cell_id:
            having = [p for p in paths if cell_id in await self.notebooks.cell_ids(p)]
            found = having or paths
        tracked = [watched.notebooks.get(p, False) for p in found]
        if not all(tracked):
            return None  # perhaps of a notebook that must leave no trace
        return found[0] if len(found) == 1 else ""

    # -- sessions ------------------------------------------------------------------------------------------------------
    def _open_session(self, watched: Watched, session: str) -> cells.CellRecorder | None:
        if self._workspace is None:
            return None
        recorder = cells.open_session(
            self._workspace.connection,
            kernel_session=session,
            experiment=watched.experiment,
            notebook=watched.path,
            kernel_name=self._of_kernel(watched, lambda kernel: kernel.kernel_name),
            language=self._of_kernel(watched, lambda kernel: kernel.kernel_spec.language),
            user=watched.user,
        )
        for name, value in self._limits.items():
            setattr(recorder, name, value)
        self.guarded(self._look_around, recorder)
        return recorder

    def _look_around(self, recorder: cells.CellRecorder) -> None:
        root = getattr(self._server.contents_manager, "root_dir", "")
        if self._snapshot and root and recorder.notebook:
            path = Path(to_os_path(ApiPath(recorder.notebook), root))
            lifetime.look_around(recorder.connection, recorder.parent, path.parent, path)

    def _of_kernel(self, watched: Watched, what: Callable[[Any], Any]) -> str:
        try:
            return str(what(self._server.kernel_manager.get_kernel(watched.kernel_id)))
        except Exception:
            return ""

    def _forget(self, watched: Watched) -> None:
        if watched.stream is not None:
            watched.stream.on_recv(None)
            watched.stream.close()
            watched.stream = None
        for callback, event in watched.callbacks:
            try:
                self._server.kernel_manager.get_kernel(watched.kernel_id).remove_restart_callback(callback, event)
            except Exception:  # the kernel is gone already
                break
        context.clear_mark(watched.kernel_id)
        self._kernels.pop(watched.kernel_id, None)

    def running(self, record: RunRecord) -> str | None:
        """Id of the kernel that is executing this cell or living this session, when it is one of ours."""
        for watched in self._kernels.values():
            if watched.recorder is not None and record.id in _runs(watched.recorder):
                return watched.kernel_id
        return None

    async def interrupt(self, kernel_id: str) -> None:
        """Interrupt a kernel, as its notebook's stop button does."""
        await ensure_async(self._server.kernel_manager.interrupt_kernel(kernel_id))


def _runs(recorder: cells.CellRecorder) -> Iterable[str]:
    yield recorder.parent
    yield from map(context.cell_run_id, recorder.running)
