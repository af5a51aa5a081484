"""What the handles on one run share in this process: one of them ends it, and all of them know."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from jupyter_aml.store.connection import Connection, SeriesWriter
from jupyter_aml.store.records import TERMINAL, RunRecord, SeriesKind

if TYPE_CHECKING:
    from jupyter_aml.tracking.lifetime import Lifetime

RECENT = 64
"""Runs that are remembered though nobody has a handle on them now."""


class Shared:
    """See the module. Made by `shared`."""

    __slots__ = ("__weakref__", "born", "clock", "ended", "kinds", "life", "looked", "writers")

    def __init__(self) -> None:
        self.born: RunRecord | None = None
        """As it was born, when that was here."""
        self.clock: float | None = None
        """The monotonic time of its start, likewise."""
        self.life: Lifetime | None = None
        """Its open end, when this process has to end it."""
        self.ended = ""
        """The status that ended it, as far as this process knows."""
        self.looked = False
        """Whether the store need not be asked before the first write if it has ended."""
        self.writers: dict[str, dict[str, SeriesWriter]] = {}
        """Origin → metric → writer."""
        self.kinds: dict[str, SeriesKind] = {}
        """Metric → what was logged to it here."""

    def end(self, status: str) -> None:
        """It has ended so."""
        self.ended = status
        self.looked = True
        self.writers.clear()
        if self.life is not None:
            self.life.end()

    def note(self, record: RunRecord) -> None:
        """The store says this of it."""
        if not self.ended and record.status in TERMINAL:
            self.end(record.status)


_known: WeakValueDictionary[tuple[Connection, str], Shared] = WeakValueDictionary()
_recent: deque[Shared] = deque(maxlen=RECENT)


def shared(connection: Connection, run_id: str) -> Shared:
    """What is shared of this run."""
    found = _known.get((connection, run_id))
    if found is None:
        found = _known.setdefault((connection, run_id), Shared())
        _recent.append(found)
    return found
