"""Carries a journal to the store, in the background or at once."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from jupyter_aml.errors import AzureMLException, StoreUnavailableException
from jupyter_aml.store.contract import Store
from jupyter_aml.store.events import Batch
from jupyter_aml.store.journal import Journal
from jupyter_aml.store.journal_reader import Reader

log = logging.getLogger("jupyter_aml")

INTERVAL = 0.4
"""Seconds between two looks at the journal."""
PART_SIZE = 32 * 2**20
"""A journal is continued in a new part when it has more bytes than this."""
BEAT = 30.0
"""Seconds between two words of a writer elsewhere that it lives."""
RETIRE_AFTER = 5.0
"""Seconds that a part is kept after the last write could have begun."""


def ship(reader: Reader, store: Store, rejected: Path) -> int:
    """Deliver all whole frames of a journal; return how many.

    A frame that the store cannot digest (a defect) must not hold up the others: it is put aside in `rejected`.

    Raises:
        StoreUnavailableException: the store does not answer now; the reader stands where it stood.
    """
    delivered = 0
    while True:
        start = reader.state()
        try:
            batch = reader.batch()
        except OSError as error:
            raise StoreUnavailableException(
                f"The journal {reader.journal} cannot be read now: {error.strerror}. Look at its disk and its rights."
            ) from error
        if batch is None:
            return delivered
        try:
            _apply(store, batch, reader, start)
        except StoreUnavailableException:
            reader.restore(start)
            raise
        except Exception:
            log.exception("The store refused a batch of journal %s; delivering it entry by entry.", batch.journal)
            end = reader.ordinal
            reader.restore(start)
            _one_by_one(reader, store, end, rejected)
        delivered += reader.ordinal - start[1]


def _apply(store: Store, batch: Batch, reader: Reader, start: tuple[int, int, int]) -> None:
    """Apply a batch; where part of it was applied already (a lost answer), send only what follows."""
    done = store.applied(batch.journal) if batch.first == 0 else None
    if done is None or done == batch.first:
        try:
            store.apply(batch)
            return
        except ValueError:
            done = store.applied(batch.journal)
            if done == batch.first:
                raise
    if done >= batch.first + batch.count:
        return
    if done < batch.first:
        raise ValueError(f"journal {batch.journal}: the store has {done} entries, the next one is {batch.first}")
    end = reader.ordinal
    reader.restore(start)
    reader.batch(max_frames=done - batch.first)
    while reader.ordinal < end:
        rest = reader.batch(max_frames=end - reader.ordinal)
        if rest is None:
            return
        store.apply(rest)


def _one_by_one(reader: Reader, store: Store, end: int, rejected: Path) -> None:
    while reader.ordinal < end:
        before = reader.offset
        start = reader.state()
        batch = reader.batch(max_frames=1)
        if batch is None:
            return
        try:
            if store.applied(batch.journal) <= batch.first:
                store.apply(batch)
        except StoreUnavailableException:
            reader.restore(start)
            raise
        except Exception:
            log.exception(
                "Entry %d of journal %s could not be stored; it is kept in %s.", batch.first, batch.journal, rejected
            )
            try:
                with open(os.open(rejected, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as aside:
                    aside.write(os.pread(reader.fd, reader.offset - before, before))
                store.apply(Batch(journal=batch.journal, first=batch.first, count=batch.count, events=()))
            except OSError as error:
                reader.restore(start)
                raise StoreUnavailableException(
                    f"Cannot write {rejected}: {error.strerror}. Make room there."
                ) from error
            except BaseException:
                reader.restore(start)
                raise


class Shipper:
    """Ships this process's journal: by a daemon thread every INTERVAL, and whenever `ship` is called.

    Args:
        journal: the journal.
        open_store: gives the store; called at the first delivery, never before.
        continued: told the journal's next part, when it is to be written to.
        beats: say again and again that the writer lives, to those who cannot see the lock of its journal.
    """

    def __init__(
        self,
        journal: Journal,
        open_store: Callable[[], Store],
        continued: Callable[[Journal], None],
        *,
        beats: bool = False,
    ) -> None:
        self._beats = beats
        self._beat_at = time.time() + BEAT
        self._journal = journal
        self._open_store = open_store
        self._continued = continued
        self._reader, self._delivered = Reader(journal.fd, journal.id), 0
        self._old: list[tuple[float, Journal, Reader]] = []
        self._lock = threading.RLock()  # `pending` is asked with and without it
        self._stop = threading.Event()
        self._warned = False
        self._thread = threading.Thread(target=self._loop, name="jupyter_aml-shipper", daemon=True)
        self._thread.start()

    @property
    def pending(self) -> bool:
        """Whether something was written that the store does not have, be it on its way there."""
        if self._old:  # rarely; a part that is retired meanwhile is closed
            with self._lock:
                if any(journal.size() > reader.offset for _, journal, reader in self._old):
                    return True
        return self._journal.held > 0 or self._journal.size() > self._delivered

    def ship(self, timeout: float | None = None) -> None:
        """Deliver everything written so far.

        Raises:
            StoreUnavailableException: the store did not take it within `timeout` seconds (None: one try).
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            try:
                self._ship()
                if held := self._journal.held:
                    raise StoreUnavailableException(
                        f"{held:,} entries wait in memory, because {self._journal.path} cannot be written. "
                        "Make room on that disk; they are written as soon as there is some."
                    )
                return
            except AzureMLException:
                if deadline is None or time.monotonic() >= deadline:
                    raise
            self._stop.wait(0.1)

    def _ship(self) -> None:
        with self._lock:
            if self._journal.held:
                self._journal.retry_held()
            for _, journal, reader in self._old:  # what was written while the part was left comes before the next part
                if journal.size() > reader.offset:
                    self._deliver(journal, reader)
            if self.pending:
                self._deliver(self._journal, self._reader)
        self._warned = False

    def _deliver(self, journal: Journal, reader: Reader) -> None:
        if ship(reader, self._open_store(), journal.path.with_suffix(".rejected")):
            reader.mark(journal.path)
        if reader is self._reader:
            self._delivered = reader.offset

    def _continue(self) -> None:
        """Go on in a new part when this one is large, and retire the parts that are done with."""
        with self._lock:
            if self._journal.size() > PART_SIZE and not self.pending:
                old, reader = self._journal, self._reader
                self._journal = old.successor()
                self._reader, self._delivered = Reader(self._journal.fd, self._journal.id), 0
                self._old.append((time.monotonic(), old, reader))
                self._continued(self._journal)
            while self._old and time.monotonic() - self._old[0][0] > RETIRE_AFTER:
                # A thread may have been inside write(2) when the part was left.
                self._retire_oldest()

    def _beat(self) -> None:
        """Say that the writer lives. By the clock on the wall, which goes on while a machine sleeps."""
        now = time.time()
        if self._beats and (self._delivered or self._old) and not 0 < self._beat_at - now <= BEAT:
            self._beat_at = now + BEAT
            self._open_store().apply(Batch(journal=self._journal.owner, first=0, count=0, events=()))

    def _retire_oldest(self) -> None:
        _, journal, reader = self._old[0]
        self._deliver(journal, reader)
        self._old.pop(0)
        journal.retire()

    def finish(self) -> None:
        """Deliver what is left of older parts too (the end of the process)."""
        self.ship()
        with self._lock:
            while self._old:
                self._retire_oldest()

    def stop(self) -> None:
        """End the thread, which reads the journal's file until then; what is pending stays in the journal."""
        self._stop.set()
        if threading.current_thread() is not self._thread:
            self._thread.join(10)

    def _loop(self) -> None:
        pause = INTERVAL
        while not self._stop.wait(pause):
            try:
                if self.pending:
                    self._ship()  # that entries wait in memory was said when the first one had to
                self._continue()
                self._beat()
                pause = INTERVAL
            except Exception as error:
                # Nothing is lost: it stays in the journal, and the next round tries again.
                if not self._warned:
                    self._warned = True
                    log.warning(
                        "jupyter_aml cannot reach its store for now (%s); what you log is kept and sent later.", error
                    )
                pause = min(pause * 2, 30.0)
