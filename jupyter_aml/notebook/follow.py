"""Following a run: a thread that reads the change feed and tells a screen what to show."""

from __future__ import annotations

import atexit
import logging
import threading
import time
from typing import Protocol

from jupyter_aml.errors import NotFoundException
from jupyter_aml.notebook.details import Details
from jupyter_aml.store.records import Change

log = logging.getLogger("jupyter_aml")

QUICK, SLOW = 0.2, 1.0
"""Seconds between two looks at the feed: while it moves, and when it has been still."""
PACE = 0.4
"""Seconds that a screen is left alone after it was told something."""
PATIENCE = 30.0
"""Longest pause while the store cannot be read."""
MOST = 4
"""Screens that follow one run; with more, the oldest ends: its cell was executed again, as a rule."""
_following: list[Follower] = []
_lock = threading.Lock()


class Screen(Protocol):
    """Where a run is shown."""

    def put(self, changed: dict[str, str]) -> None:
        """Show these sections anew."""

    def end(self, sections: dict[str, str], text: str, over: bool) -> None:
        """Show all of them for good; `over`: the run has ended, too."""


class Follower(threading.Thread):
    """Keeps a screen true until the run ends.

    Args:
        details: what reads the run.
        screen: where it is shown.
        sections: what it shows now.
        seen: number of the newest change that they are of.
    """

    def __init__(self, details: Details, screen: Screen, sections: dict[str, str], seen: int) -> None:
        super().__init__(name=f"jupyter_aml follows {details.run_id[:12]}", daemon=True)
        self._details = details
        self._screen = screen
        self._sections = sections
        self._seen = seen
        self._stopped = threading.Event()
        self._telling = threading.Lock()
        self._over = False

    def start(self) -> None:
        """Begin, and end the oldest of too many that follow the same run."""
        with _lock:
            _following[:] = [f for f in _following if f.is_alive()]
            same = [f for f in _following if f._details.run_id == self._details.run_id]
            _following.append(self)
        for old in same[: max(0, len(same) - MOST + 1)]:
            old.stop()
        super().start()

    def stop(self) -> None:
        """Follow no more: the screen keeps what it shows."""
        self._stopped.set()
        self._end()

    def run(self) -> None:
        """Look, tell, wait; until the run ends."""
        pause, failures, ticked = QUICK, 0, time.monotonic()
        while not self._stopped.wait(pause):
            if self._details.connection.closed:
                return
            began = time.monotonic()
            try:
                if self._moved():
                    self._refresh()
                    if self._details.ended:
                        self._end()
                        return
                    pause, ticked = max(PACE, 3 * (time.monotonic() - began)), time.monotonic()
                else:
                    pause = min(SLOW, pause * 1.2)
                    if time.monotonic() - ticked >= self._tick():
                        ticked = time.monotonic()
                        self._tell({"head": self._details.head()})
                failures = 0
            except NotFoundException:
                self._details.ended = True
                self._tell({"head": "<i>This run was deleted.</i>"})
                self._end()
                return
            except Exception as error:  # the store is busy or away, the kernel shuts down: try again later
                failures += 1
                log.debug("Run %s cannot be followed for now: %s", self._details.run_id, error)
                pause = min(PATIENCE, 0.5 * 2 ** min(failures, 8))

    def _moved(self) -> bool:
        """Whether something happened to the run, or below the same root."""
        store = self._details.connection.store
        last = store.last_change()
        if last == self._seen:
            return False
        changes = store.changes(self._seen, 1000)
        self._seen = changes[-1].seq if 0 < len(changes) < 1000 else last
        return len(changes) >= 1000 or any(map(self._concerns, changes))

    def _concerns(self, change: Change) -> bool:
        if change.noun == "experiment":
            return change.verb == "deleted"  # its runs are gone without a word
        return change.id == self._details.run_id or (bool(change.root) and change.root == self._details.root)

    def _tick(self) -> float:
        """Seconds after which the duration reads differently enough."""
        run = self._details.record
        age = time.time() - (run.started or time.time()) if run is not None else 0.0
        return 1.0 if age < 60 else 5.0 if age < 3600 else 60.0

    def _refresh(self) -> None:
        self._tell(self._details.read())

    def _tell(self, sections: dict[str, str]) -> None:
        changed = {name: part for name, part in sections.items() if part != self._sections.get(name)}
        with self._telling:
            if changed and not self._over:
                self._sections |= changed
                self._screen.put(changed)

    def _end(self) -> None:
        with self._telling:
            if self._over:
                return
            self._over = True
            try:
                self._screen.end(dict(self._sections), self._details.text(), self._details.ended)
            except Exception as error:
                log.debug("The display of run %s could not be completed: %s", self._details.run_id, error)


def stop_all() -> None:
    """End all followers: their screens stay as they are."""
    with _lock:
        known, _following[:] = list(_following), []
    for follower in known:
        if follower.is_alive():
            follower.stop()


atexit.register(stop_all)
