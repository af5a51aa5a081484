"""Requests to stop runs, as one thread of this process sees them in the store: cancelled, failed by others, deleted."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from jupyter_aml.errors import AzureMLException
from jupyter_aml.jobs.stop import Stop
from jupyter_aml.store.connection import Connection
from jupyter_aml.store.records import TERMINAL, RunQuery

log = logging.getLogger("jupyter_aml")
EVERY = 0.25
"""Seconds between two looks."""
_SOME = 200


class Watch:
    """Looks after the runs of one workspace that this process executes.

    Args:
        connection: the workspace.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._runs: dict[str, Stop] = {}
        self._lock = threading.Lock()
        self._now = threading.Event()
        self._seen = -1
        self._thread: threading.Thread | None = None

    @contextmanager
    def over(self, run_id: str, stop: Stop) -> Iterator[None]:
        """While this lasts, a request to end this run is one to `stop`."""
        with self._lock:
            self._runs[run_id] = stop
            self._seen = -1
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="jupyter_aml-watch", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                del self._runs[run_id]

    def look(self) -> None:
        """Look now."""
        self._now.set()

    def _loop(self) -> None:
        while True:
            self._now.wait(EVERY)
            self._now.clear()
            with self._lock:
                runs, seen, self._seen = dict(self._runs), self._seen, -1
                if not runs:
                    self._thread = None
                    return
            try:
                last = self._connection.store.last_change()
                if last == seen:
                    self._done(runs, last)
                    continue
                ids = sorted(runs)
                for some in (ids[at : at + _SOME] for at in range(0, len(ids), _SOME)):
                    self._tell(some, runs)
                self._done(runs, last)
            except AzureMLException as error:  # look again later
                log.debug("The runs in execution could not be looked up: %s", error)

    def _done(self, runs: dict[str, Stop], last: int) -> None:
        """All that these runs were told up to this change is known (unless there are others by now)."""
        with self._lock:
            if self._runs.keys() == runs.keys():
                self._seen = last

    def _tell(self, ids: list[str], runs: dict[str, Stop]) -> None:
        query = RunQuery(ids=ids, everywhere=True, include_archived=True, limit=len(ids))
        found = {record.id: record.status for record in self._connection.store.runs(query).runs}
        for run_id in ids:
            status = found.get(run_id, "deleted")
            if status == "CancelRequested":
                runs[run_id].request("canceled")
            elif status in TERMINAL or status == "deleted":
                runs[run_id].request("ended by others" if status in TERMINAL else "deleted")


_watches: dict[Connection, Watch] = {}
_guard = threading.Lock()


def watch(connection: Connection) -> Watch:
    """The watch of a workspace in this process."""
    with _guard:
        return _watches.setdefault(connection, Watch(connection))
