"""What a cell's run is. The kernel watcher, the papermill engine and the magics only tell it what they saw.

Ids are derived from the kernel's messages, so that several observers of one execution make one run, without talking.
"""

from __future__ import annotations

import base64
import binascii
import functools
import json
import logging
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from jupyter_aml.store.connection import Connection
from jupyter_aml.store.events import FileLogged, Points, RunChanged, RunCreated, RunStatus, TextLogged
from jupyter_aml.store.records import Json, RunRecord
from jupyter_aml.tracking.context import cell_run_id, session_run_id
from jupyter_aml.tracking.metrics import number, numbers
from jupyter_aml.tracking.names import metric_name, tag_name
from jupyter_aml.tracking.who import user_name

log = logging.getLogger("jupyter_aml")

LOG_MIME = "application/vnd.jupyter-aml.log+json"
"""A message of this MIME type logs from its cell, in any language: see docs/architecture.md."""
MAX_TEXT = 1_000_000
"""Characters of each of a cell's texts that are kept."""
MAX_FIGURES = 100
MAX_FIGURE = 32 * 2**20
FIGURES = {"image/png": "png", "image/jpeg": "jpg", "image/svg+xml": "svg", "image/gif": "gif", "image/webp": "webp"}
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-Z\\-_]")
_IN_HTML = re.compile(rf"<script\s+type=[\"']?{re.escape(LOG_MIME)}[\"']?\s*>(.*?)</script>", re.DOTALL | re.IGNORECASE)
_LATE = 200
"""Executions that have ended whose late outputs are still taken: threads, and kernels that send out of order."""
_PAUSE = 0.25
"""Seconds for which printed text is gathered before it is written."""

Method = TypeVar("Method", bound=Callable[..., Any])


def _never_raises(method: Method) -> Method:
    """Recording must not fail what is recorded: one warning, then silence."""

    @functools.wraps(method)
    def guarded(self: CellRecorder, *args: Any, **kwargs: Any) -> Any:
        try:
            with self._lock:
                return method(self, *args, **kwargs)
        except Exception as error:
            if not self._warned:
                self._warned = True
                log.warning("jupyter_aml could not record a cell (%s: %s).", type(error).__name__, error, exc_info=True)
            return None

    return guarded  # type: ignore[return-value]


class _Cell:
    """An execution that has not ended."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.clock = time.monotonic()
        self.sizes: dict[str, int] = {}
        self.buffers: dict[str, list[str]] = {}
        self.written = 0.0
        self.timer: threading.Timer | None = None
        self.figures = 0
        self.error: dict[str, str] | None = None


class CellRecorder:
    """Records the executions of one kernel life or one batch execution.

    Args:
        connection: the workspace.
        experiment: name of the experiment.
        parent: id of the session's or the notebook's run.
        notebook: the notebook's path, as data.
        language: of the kernel.
        user: who runs it.
        mask: applied to every text before it is written (secrets).
    """

    def __init__(
        self,
        connection: Connection,
        *,
        experiment: str,
        parent: str,
        notebook: str,
        language: str = "python",
        user: str = "",
        mask: Callable[[str], str] | None = None,
    ) -> None:
        self.connection = connection
        self.experiment = experiment
        self.parent = parent
        self.notebook = notebook
        self.language = language
        self.user = user
        self.max_text = MAX_TEXT
        self.max_figures = MAX_FIGURES
        self.max_figure = MAX_FIGURE
        self._mask = mask or (lambda text: text)
        self._lock = threading.RLock()
        self._cells: dict[str, _Cell] = {}
        self._past: OrderedDict[str, _Cell] = OrderedDict()
        self._warned = False

    @_never_raises
    def started(
        self,
        msg_id: str,
        source: str,
        *,
        cell_id: str | None = None,
        index: int | None = None,
        execution_count: int | None = None,
        at: float | None = None,
    ) -> str:
        """A cell began to execute. Telling it again adds what was not known before.

        Returns:
            The id of its run.
        """
        run_id = cell_run_id(msg_id)
        known = {
            "notebook": self.notebook,
            "cell_id": cell_id,
            "index": index,
            "source": self._mask(source),
            "execution_count": execution_count,
            "language": self.language,
        }
        details = {key: value for key, value in known.items() if value is not None}
        if msg_id in self._cells:
            more = {k: v for k, v in details.items() if k in ("cell_id", "index", "execution_count")}
            if more:
                self.connection.write(RunChanged(run=run_id, at=time.time(), add_details=more))
            return run_id
        self._cells[msg_id] = _Cell(run_id)
        now = at if at is not None else time.time()
        self.connection.write(
            RunCreated(
                run=RunRecord(
                    id=run_id,
                    experiment=self.experiment,
                    type="aml.cell",
                    status="Running",
                    parent=self.parent,
                    name=title(source),
                    created=now,
                    started=now,
                    user=self.user,
                    owner=self.connection.journal_id,
                    details=details,
                )
            )
        )
        return run_id

    @_never_raises
    def counted(self, msg_id: str, execution_count: int) -> None:
        """The kernel gave the cell its execution count."""
        cell = self._cells.get(msg_id)
        if cell is not None:
            self.connection.write(
                RunChanged(run=cell.run_id, at=time.time(), add_details={"execution_count": execution_count})
            )

    @_never_raises
    def stream(self, msg_id: str, name: str, text: str) -> None:
        """The cell printed to "stdout" or "stderr"."""
        self._text(msg_id, "stderr.txt" if name == "stderr" else "stdout.txt", text)

    @_never_raises
    def output(
        self, msg_id: str, data: Mapping[str, Any], metadata: Mapping[str, Any] | None = None, *, result: bool = False
    ) -> None:
        """The cell displayed something: figures become files, its result a text, our own MIME type metrics."""
        cell = self._cell(msg_id)
        if cell is None:
            return
        if LOG_MIME in data:
            self._logged(cell, data[LOG_MIME])
        elif LOG_MIME in (html := _joined(data.get("text/html"))):  # from a kernel that can display nothing but HTML
            for logged in _IN_HTML.finditer(html):
                self._logged(cell, logged[1])
        for media_type, suffix in FIGURES.items():
            if media_type in data:
                self._figure(cell, media_type, suffix, data[media_type])
                return
        if isinstance(data.get("text/plain"), (str, list)) and LOG_MIME not in data:
            text = _ANSI.sub("", _joined(data["text/plain"]))
            self._text(msg_id, "result.txt" if result else "stdout.txt", text + "\n")

    @_never_raises
    def error(self, msg_id: str, ename: str, evalue: str, traceback: list[str]) -> None:
        """The cell raised."""
        cell = self._cells.get(msg_id)
        if cell is not None:
            text = _ANSI.sub("", "\n".join(traceback))[-self.max_text :]
            cell.error = {"code": ename, "message": self._mask(evalue), "traceback": self._mask(text)}

    @_never_raises
    def finished(self, msg_id: str, status: str = "ok", at: float | None = None) -> None:
        """The execution ended: "ok", "error" or "aborted" (never begun, after an error before it)."""
        cell = self._cells.pop(msg_id, None)
        if cell is None:
            return
        self._write_texts(cell)
        self._past[msg_id] = cell
        if len(self._past) > _LATE:
            self._past.popitem(last=False)
        end, error = "Completed", cell.error
        if error is not None or status == "error":
            end = "Canceled" if error and error["code"] == "KeyboardInterrupt" else "Failed"
            error = error or {"code": "Error", "message": "The kernel reported an error without saying which."}
        elif status == "aborted":
            end, error = (
                "Canceled",
                {"code": "Aborted", "message": "An earlier cell failed; this one was not executed."},
            )
        self._end(cell, end, error, at)

    @_never_raises
    def abandoned(self, reason: str, code: str, status: str = "Failed") -> None:
        """The kernel or its observer goes away: ends every cell that still runs."""
        for cell in self._cells.values():
            self._write_texts(cell)
            self._end(cell, status, cell.error or {"code": code, "message": reason}, None)
        for cell in self._past.values():
            self._write_texts(cell)
        self._cells.clear()
        self._past.clear()

    @property
    def running(self) -> list[str]:
        """Message ids of the executions that have not ended."""
        return list(self._cells)

    # -- inside ----------------------------------------------------------------------------------------------------
    def _end(self, cell: _Cell, status: str, error: Mapping[str, Json] | None, at: float | None) -> None:
        self.connection.write(
            RunStatus(
                run=cell.run_id,
                status=status,
                at=at if at is not None else time.time(),
                elapsed=time.monotonic() - cell.clock,
                error=error,
                who=self.user,
            )
        )

    def _cell(self, msg_id: str) -> _Cell | None:
        return self._cells.get(msg_id) or self._past.get(msg_id)

    def _text(self, msg_id: str, path: str, text: str) -> None:
        cell = self._cell(msg_id)
        if cell is None or not text:
            return
        size = cell.sizes.get(path, 0)
        cell.sizes[path] = size + len(text)
        if size >= self.max_text:
            return
        if size + len(text) > self.max_text:
            text = text[: self.max_text - size] + f"\n… only the first {self.max_text:,} characters are kept.\n"
        cell.buffers.setdefault(path, []).append(text)
        since = time.monotonic() - cell.written
        if since >= _PAUSE:
            self._write_texts(cell)
        elif cell.timer is None:
            cell.timer = threading.Timer(_PAUSE - since, self._write_later, (cell,))
            cell.timer.daemon, cell.timer.name = True, "jupyter_aml-text"
            cell.timer.start()

    @_never_raises
    def _write_later(self, cell: _Cell) -> None:
        cell.timer = None
        self._write_texts(cell)

    def _write_texts(self, cell: _Cell) -> None:
        if cell.timer is not None:
            cell.timer.cancel()
            cell.timer = None
        buffers, cell.buffers = cell.buffers, {}
        cell.written = time.monotonic()
        for path, parts in buffers.items():
            text = self._mask("".join(parts))
            self.connection.write(TextLogged(run=cell.run_id, path=path, text=text, at=time.time()))

    def _figure(self, cell: _Cell, media_type: str, suffix: str, value: Any) -> None:
        if isinstance(value, list):
            value = "".join(value)
        if not isinstance(value, str) or cell.figures >= self.max_figures or len(value) > self.max_figure * 4 // 3:
            return
        try:
            content = value.encode() if suffix == "svg" else base64.b64decode(value)
        except (binascii.Error, ValueError):
            return
        cell.figures += 1
        digest, size = self.connection.blobs.put_bytes(content)
        self.connection.write(
            FileLogged(
                run=cell.run_id,
                path=f"figures/{cell.figures}.{suffix}",
                digest=digest,
                size=size,
                at=time.time(),
                media_type=media_type,
            )
        )

    def _logged(self, cell: _Cell, message: Any) -> None:
        """A message of LOG_MIME: logged to the parent's run, with the cell as origin."""
        if isinstance(message, str):
            message = json.loads(message)
        step = message.get("step")
        common: dict[str, Any] = {"run": self.parent, "origin": cell.run_id}
        for name, value in (message.get("metrics") or {}).items():
            values = numbers(name, value) if isinstance(value, list) else [number(name, value)]
            steps = [int(step)] if step is not None and len(values) == 1 else []
            self._points(common, metric_name(name), "scalar", values, steps)
        for name, row in (message.get("rows") or {}).items():
            self._points(common, metric_name(name), "table", [dict(row)], [])
        tags = {tag_name(k): None if v is None else str(v) for k, v in (message.get("tags") or {}).items()}
        params = dict(message.get("params") or {})
        if tags or params:
            self.connection.write(RunChanged(run=cell.run_id, at=time.time(), set_tags=tags, add_params=params))

    def _points(self, common: dict[str, Any], name: str, kind: Any, values: list[Any], steps: list[int]) -> None:
        from jupyter_aml.store.events import NO_STEP

        self.connection.write(
            Points(
                **common,
                name=name,
                kind=kind,
                values=values,
                steps=steps or [NO_STEP] * len(values),
                times=[time.time()] * len(values),
            )
        )


def _joined(text: Any) -> str:
    """Text of a display, which may come line by line."""
    return "".join(text) if isinstance(text, list) else text if isinstance(text, str) else ""


def title(source: str) -> str:
    """A cell's name: its first line that says something."""
    for line in source.splitlines():
        text = line.strip()
        if text and not text.startswith("%%"):
            return text if len(text) <= 80 else text[:79] + "…"
    return source.strip()[:80] or "(empty cell)"


def open_session(
    connection: Connection,
    *,
    kernel_session: str,
    experiment: str,
    notebook: str,
    kernel_name: str = "",
    language: str = "python",
    user: str = "",
) -> CellRecorder:
    """Begin (or continue) the session run of a kernel's life.

    Args:
        kernel_session: `header.session` of the kernel's own messages.

    Returns:
        The recorder of its cells; its `parent` is the session's run.
    """
    run_id = session_run_id(kernel_session)
    now = time.time()
    user = user or user_name()
    connection.write(
        RunCreated(
            run=RunRecord(
                id=run_id,
                experiment=experiment,
                type="aml.session",
                status="Running",
                name=notebook.rsplit("/", 1)[-1],
                created=now,
                started=now,
                user=user,
                owner=connection.journal_id,
                details={"notebook": notebook, "kernel": kernel_name, "language": language},
            )
        )
    )
    return CellRecorder(
        connection, experiment=experiment, parent=run_id, notebook=notebook, language=language, user=user
    )


def move_session(recorder: CellRecorder, notebook: str) -> None:
    """The notebook of a session was given another path."""
    recorder.connection.write(
        RunChanged(run=recorder.parent, at=time.time(), add_details={"notebook": notebook}),
    )


def close_session(recorder: CellRecorder, *, status: str = "Completed", reason: str = "", code: str = "") -> None:
    """End a session: its running cells first, then its run, which says in its details what ended it."""
    reason, code, now = reason or "The kernel was shut down.", code or "KernelShutdown", time.time()
    recorder.abandoned(reason, code)
    error = {"code": code, "message": reason} if status == "Failed" else None
    recorder.connection.write(
        RunChanged(run=recorder.parent, at=now, add_details={"end": code}),
        RunStatus(run=recorder.parent, status=status, at=now, error=error),
    )
