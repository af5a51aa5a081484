"""How an execution learns that it shall stop: a signal, a request in the store, or the end of the process that wants it."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from jupyter_aml.store.connection import Connection

log = logging.getLogger("jupyter_aml")
POLL = 0.7
"""Seconds between looks into the store."""


class Stop:
    """A request to stop, from wherever it came. Thread-safe; the first reason stands."""

    def __init__(self) -> None:
        self.reason = ""
        self.signal: int | None = None
        self.count = 0
        self._calls: list[Callable[[], None]] = []
        self._lock = threading.RLock()

    def request(self, reason: str, number: int | None = None) -> None:
        """Ask to stop. Asked twice, the kernel gets no more time to finish."""
        with self._lock:
            self.count += 1
            if not self.reason:
                self.reason, self.signal = reason, number
            calls = list(self._calls)
        for call in calls:
            with contextlib.suppress(RuntimeError):  # the loop is closed already
                call()

    def on_request(self, call: Callable[[], None]) -> None:
        """Call this at every request (also at one that came before)."""
        with self._lock:
            self._calls.append(call)
            early = bool(self.reason)
        if early:
            call()

    def __bool__(self) -> bool:
        return bool(self.reason)


@contextlib.contextmanager
def signals(stop: Stop) -> Iterator[None]:
    """While this lasts, SIGINT and SIGTERM are requests to stop. Elsewhere than in the main thread they stay as they are."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        stop.request(f"stopped by {signal.Signals(number).name}", number)

    before: dict[int, Any] = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


@contextlib.contextmanager
def requests(connection: Connection, run_id: str, stop: Stop, parent_process: int | None = None) -> Iterator[None]:
    """While this lasts, a cancelled run is a request to stop.

    Args:
        connection: the workspace.
        run_id: the run to look at.
        stop: is told.
        parent_process: stop when this process is not our parent any more.
    """
    over = threading.Event()

    def watch() -> None:
        while not over.wait(POLL):
            if parent_process is not None and os.getppid() != parent_process:
                stop.request("the process that started this ended")
                return
            try:
                run = connection.store.run(run_id)
            except Exception as error:  # a locked store, say: look again later
                log.debug("Run %s could not be looked up: %s", run_id, error)
                continue
            if run is not None and run.status in ("CancelRequested", "Canceled"):
                stop.request("canceled")
                return

    thread = threading.Thread(target=watch, name="jupyter_aml-cancel", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(2)
