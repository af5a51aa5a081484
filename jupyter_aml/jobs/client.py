"""The execution itself: papermill's notebook client, telling the recorder what it sees and able to be stopped."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Coroutine
from typing import Any

from jupyter_client.utils import ensure_async, run_sync
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient

from jupyter_aml.jobs.kernel import Guard, ProcessTree
from jupyter_aml.jobs.manager import SAVE_EVERY, Manager
from jupyter_aml.jobs.record import NotebookRun
from jupyter_aml.jobs.secrets import Printed
from jupyter_aml.jobs.stop import Stop

GRACE = 3.0
"""Seconds that an interrupted cell has to end by itself."""


class Stopped(BaseException):
    """The execution was stopped on request; inside of the engine only."""


class Client(PapermillNotebookClient):
    """Executes the cells one after the other.

    Args:
        nb_man: papermill's state of the notebook.
        run: the run that this execution is.
        stop: says when to stop.
        code: index of a cell → what the kernel is sent instead of the cell's source (which is masked).
        skip: index of a cell that is not executed → the cell that stands for it.
    """

    km: Any
    kc: Any

    def __init__(
        self, nb_man: Manager, *, run: NotebookRun, stop: Stop, code: dict[int, str], skip: dict[int, Any], **kw: Any
    ) -> None:
        super().__init__(nb_man, **kw)
        self._run = run
        self._stop = stop
        self._code = code
        self._skip = skip
        self._msg_id = ""
        self._exit = False
        self._printed = Printed(run.mask)
        self._tree = ProcessTree(None)
        self._guard: Guard | None = None

    def execute(self, **kwargs: Any) -> Any:
        """Start the kernel, execute the cells, stop the kernel.

        Raises:
            DeadKernelError: the kernel's process ended.
            CellTimeoutError: a cell took longer than allowed.
            Stopped: on request.
        """
        return run_sync(self._execute)(**kwargs)

    async def _execute(self, **kwargs: Any) -> Any:
        self.reset_execution_trackers()
        loop = asyncio.get_running_loop()
        self._asked = asyncio.Event()

        def wake() -> None:
            loop.call_soon_threadsafe(self._asked.set)

        self._stop.on_request(wake)
        self._asking = asyncio.ensure_future(self._asked.wait())
        saver = asyncio.ensure_future(self._save_now_and_then())
        try:
            if self.km is None:
                self.km = self.create_kernel_manager()
            kwargs.setdefault("stdout", 2)  # what cells' programs print is in the notebook; our own may have to be JSON
            await self._or_stop(self.async_start_new_kernel(env=self._run.environment, **kwargs))
            pid = getattr(getattr(self.km, "provisioner", None), "pid", None)
            self._tree = ProcessTree(pid if isinstance(pid, int) else None)
            self._guard = self._tree.guard()
            await self._or_stop(self.async_start_new_kernel_client())
            self._listen()
            self.log.info(f"Executing notebook with kernel: {self.kernel_name}")
            await self._cells()
            reply = await self._or_stop(self.async_wait_for_reply(self.kc.kernel_info()))
            if reply is not None:
                self.nb.metadata["language_info"] = reply["content"]["language_info"]
            self.set_widgets_metadata()
        finally:
            saver.cancel()
            self._asking.cancel()
            try:
                await self._end_kernel()
            finally:
                if self._guard is not None:
                    self._guard.release()
        return self.nb

    async def _save_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(SAVE_EVERY)
            self.nb_man.save_if_due()

    async def _or_stop(self, work: Coroutine[Any, Any, Any]) -> Any:
        """The result of `work`, unless a request to stop comes first."""
        task = asyncio.ensure_future(work)
        await asyncio.wait([task, self._asking], return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            await self._stop_work(task)
        elif self._stop and task.exception() is not None:  # a terminal's Ctrl-C reaches the kernel, too
            task.exception()
            raise Stopped
        return task.result()

    async def _stop_work(self, task: asyncio.Future[Any]) -> None:
        """Interrupt what executes, give it a moment, then end the kernel with all its processes."""
        self._tree.look()
        if self.kc is not None and self._msg_id:
            self._tree.signal_group(signal.SIGINT)
            end = time.monotonic() + GRACE
            while not task.done() and time.monotonic() < end and self._stop.count < 2:
                await asyncio.wait([task], timeout=0.1)
        self._tree.kill()
        if not task.done():
            task.cancel()
        await asyncio.wait([task], timeout=2)
        if task.done() and not task.cancelled():
            task.exception()  # was seen
        raise Stopped

    # -- cells -----------------------------------------------------------------------------------------------------
    async def _cells(self) -> None:
        for index in range(len(self.nb.cells)):
            if index in self._skip:
                self.nb_man.cell_skipped(index, self._skip[index])
                continue
            if not await self._cell(index):
                return

    async def _cell(self, index: int) -> bool:
        """Execute a cell; whether the next one shall follow."""
        cell = self.nb.cells[index]
        manager, recorder = self.nb_man, self._run.recorder
        self._index, self._msg_id = index, ""
        manager.cell_start(cell, index)
        try:
            await self._or_stop(self.async_execute_cell(cell, index))
        except CellExecutionError as error:
            recorder.finished(self._msg_id, "ok" if self._exit else "error")
            if not self._exit:
                manager.cell_exception(cell, cell_index=index, exception=error)
            manager.cell_complete(cell, cell_index=index)
            return False
        except Stopped:
            self._failed(cell, index, "Canceled", f"The execution was {self._stop.reason}.", "Canceled")
            raise
        except DeadKernelError:
            self._tree.kill()  # what it had started
            self._failed(cell, index, "DeadKernelError", "The kernel died while it executed this cell.", "Failed")
            raise
        except CellTimeoutError:
            text = f"The cell took longer than the {self.timeout} seconds that it was given."
            self._failed(cell, index, "CellTimeoutError", text, "Failed")
            self._tree.kill()
            raise
        except BaseException as error:
            self._failed(cell, index, type(error).__name__, str(error), "Failed")
            raise
        recorder.finished(self._msg_id, "ok")
        manager.cell_complete(cell, cell_index=index)
        return True

    def _failed(self, cell: Any, index: int, name: str, message: str, status: str) -> None:
        """The cell did not end by itself: say so in the notebook and in its run."""
        from nbformat.v4 import new_output

        message = self._run.mask.text(message)
        if cell.cell_type == "code" and self._msg_id:
            self._print_rest(cell, index)
            cell.outputs.append(new_output("error", ename=name, evalue=message, traceback=[f"{name}: {message}"]))
        self._run.recorder.abandoned(message, name, status)
        self.nb_man.cell_exception(cell, cell_index=index)
        self.nb_man.cell_complete(cell, cell_index=index)

    # -- messages --------------------------------------------------------------------------------------------------
    def _listen(self) -> None:
        """Learn the id of each execution as it is sent, and send what the kernel shall really execute."""
        send = self.kc.execute

        def execute(code: str, **kw: Any) -> str:
            index = self._index
            self._msg_id = send(self._code.get(index, code), **kw)
            cell = self.nb.cells[index]
            self._exit = False
            self._run.recorder.started(self._msg_id, code, cell_id=cell.get("id"), index=index)
            return self._msg_id

        self.kc.execute = execute

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        """Tell the recorder, then let papermill and nbclient do theirs."""
        kind, recorder = msg["msg_type"], self._run.recorder
        if kind == "stream":
            text = self._printed.more(msg["content"]["name"], msg["content"]["text"])
            return self._print(msg["content"]["name"], text, cell, cell_index) if text else None
        if self._run.mask:
            msg["content"] = self._run.mask.tree(msg["content"])
        content = msg["content"]
        if kind in ("display_data", "execute_result"):
            recorder.output(self._msg_id, content["data"], content.get("metadata"), result=kind == "execute_result")
        elif kind == "execute_input":
            recorder.counted(self._msg_id, content["execution_count"])
        elif kind == "error":
            self._exit = content["ename"] == "SystemExit" and content["evalue"] in ("", "0")
            if not self._exit:
                recorder.error(self._msg_id, content["ename"], content["evalue"], content["traceback"])
        elif kind == "status" and content["execution_state"] == "idle":
            self._print_rest(cell, cell_index)
        return super().process_message(msg, cell, cell_index)

    def _print(self, name: str, text: str, cell: Any, cell_index: int) -> Any:
        self._run.recorder.stream(self._msg_id, name, text)
        header = {"msg_type": "stream", "msg_id": ""}
        message = {"msg_type": "stream", "header": header, "parent_header": {"msg_id": self._msg_id}, "metadata": {}}
        return super().process_message({**message, "content": {"name": name, "text": text}}, cell, cell_index)

    def _print_rest(self, cell: Any, cell_index: int) -> None:
        for name, text in self._printed.rest().items():
            self._print(name, text, cell, cell_index)

    # -- the end ---------------------------------------------------------------------------------------------------
    async def _end_kernel(self) -> None:
        if self.km is None:
            return
        self._tree.look()
        try:
            if await ensure_async(self.km.is_alive()):
                await ensure_async(self.km.shutdown_kernel(now=bool(self._stop)))
        except RuntimeError as error:
            self.log.debug("The kernel was gone: %s", error)
        finally:
            await ensure_async(self.km.cleanup_resources())
            if self.kc is not None:
                await ensure_async(self.kc.stop_channels())
            self.kc = self.km = None
        if self._stop:
            self._tree.kill_descendants()
