"""A workspace as one process holds it: the journal that it writes and the store that it reads."""

from __future__ import annotations

import atexit
import json
import logging
import math
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from jupyter_aml.errors import AzureMLException, StoreUnavailableException, UserErrorException, WorkspaceException
from jupyter_aml.store.answers import answer_journal
from jupyter_aml.store.contract import Blobs, Store
from jupyter_aml.store.events import NO_STEP, NOT_HEARD_OF, Batch, Event, Points, RunStatus
from jupyter_aml.store.journal import MARK, OWN, SUFFIX, Journal, part_id, part_number
from jupyter_aml.store.journal_reader import Reader
from jupyter_aml.store.locks import try_lock
from jupyter_aml.store.place import Place, place_of
from jupyter_aml.store.records import RunRecord, SeriesKind
from jupyter_aml.store.shipper import INTERVAL, Shipper, ship

log = logging.getLogger("jupyter_aml")

_INT64 = range(-(2**63), 2**63)
_RECOVER_EVERY = 2.0
LAST_CHANCE = 3.0
"""Seconds that the end of the process waits for room for what the disk did not take."""
_LISTEN_EVERY = 30.0
_PATIENCE = 90.0
SILENCE = "JUPYTER_AML_SILENCE"
_DELIVERY = 10.0
"""Seconds that a run whose birth is known to be on its way is waited for."""
_connections: dict[Path, Connection] = {}
_guard = threading.Lock()

after_recovery: list[Callable[[Connection, list[str]], None]] = []
"""Told which runs of writers that died were failed."""
also_look_after: list[Callable[[Connection], None]] = []
"""Called at each recovery, for what floors above keep alive."""


def connect(
    url: str | Path, *, create: bool = False, name: str | None = None, artifacts: str | None = None
) -> Connection:
    """The connection of this process to a workspace (one each, made at the first call).

    Args:
        url: a folder's path or ``file://``, ``postgresql://`` or ``http(s)://`` URL.
        create: make the workspace when there is none.
        name: its name then (default: the folder's).
        artifacts: where a database's workspace keeps its files then.

    Raises:
        WorkspaceException: there is no workspace, or it cannot be made.
        UserErrorException: a URL that is not served.
    """
    place = place_of(url)
    with _guard:
        known = _connections.get(place.folder)
        if known is None or known.closed:
            about = place.create(name, artifacts) if create else place.about()
            known = _connections[place.folder] = Connection(place, about)
        return known


class Connection:
    """See the module. Made by `connect`. Thread-safe; a forked child gets a journal of its own."""

    def __init__(self, place: Place, about: dict[str, Any]) -> None:
        self.place = place
        self.folder = place.folder
        """Where this machine keeps the journals: the workspace's folder, or its spool."""
        self.url = place.url
        self.about = about
        """``{"name", "id", "created", …}`` of the workspace."""
        self.closed = False
        self._lock = threading.RLock()
        self._opening = threading.RLock()
        self._reset()

    def _reset(self) -> None:
        self._journal: Journal | None = None
        self._first: Journal | None = None
        self._shipper: Shipper | None = None
        self._store: Store | None = None
        self._blobs: Blobs | None = None
        self._looked = 0.0
        self._listen_from = time.monotonic()
        self._listened = -math.inf
        self._changing = threading.Lock()
        self._changes: tuple[str, int] | None = None
        """Journal of what `change` applies, and how much it has."""

    # -- writing -------------------------------------------------------------------------------------------------
    @property
    def journal(self) -> Journal:
        """This process's journal, made at first use."""
        journal = self._journal
        if journal is None:
            with self._lock:
                if self._journal is None:
                    if self.closed:
                        raise WorkspaceException(f"The connection to {self.url} is closed.")
                    self._journal = Journal(
                        self.folder / "journals", os.environ.get("JUPYTER_AML_DURABILITY", "process")
                    )
                    self._first = self._journal
                    close_with_child(_close_all)
                    self._shipper = Shipper(
                        self._journal, self._open_store, self._continue_in, beats=self.place.kind != "folder"
                    )
                journal = self._journal
        return journal

    @property
    def journal_id(self) -> str:
        """Id of this process's journal: the `owner` of the runs that it must end."""
        return self.journal.owner

    def _continue_in(self, part: Journal) -> None:
        self._journal = part

    def write(self, *events: Event) -> None:
        """Append events to the journal; killing the process afterwards loses none.

        Raises:
            StoreUnavailableException: no journal can be made at all.
            TypeError: an event holds what JSON cannot say.
        """
        self.journal.write(*events)

    def series(
        self, run: str, name: str, kind: SeriesKind = "scalar", *, origin: str = "", description: str = ""
    ) -> SeriesWriter:
        """A writer for the points of one metric of a run."""
        return SeriesWriter(
            self, {"run": run, "name": name, "kind": kind, "origin": origin, "description": description}
        )

    def flush(self, timeout: float | None = None) -> None:
        """Bring everything written so far into the store.

        Raises:
            StoreUnavailableException: the store did not take it within `timeout` seconds (None: one try);
                nothing is lost.
        """
        if self._shipper is not None:
            self._shipper.ship(timeout)

    def change(self, *events: Event, once: str = "") -> None:
        """Apply events at once, in one transaction, behind everything that this process wrote before: for whoever has to
        hear whether they hold (`only_revision`, `only_ended`).

        Args:
            events: what is to be done.
            once: name of the request that asks for it, where it may come again; its events are applied at most once.

        Raises:
            ConflictException: an event is for another revision; nothing was changed.
            RunStateException: a run has not ended; nothing was changed.
            StoreUnavailableException: nothing was changed, or (behind a server) the answer was lost.
        """
        store = self.store
        if once:
            store.apply(Batch(journal=answer_journal(once), first=0, count=len(events), events=events))
            return
        with self._changing:
            journal, first = self._changes or (f"now.{uuid.uuid4().hex}", 0)
            self._changes = None  # after a failure nobody knows where it stands
            store.apply(Batch(journal=journal, first=first, count=len(events), events=events))
            self._changes = (journal, first + len(events))

    # -- reading -------------------------------------------------------------------------------------------------
    @property
    def store(self) -> Store:
        """The store, which has all that this process wrote, and what dead writers left behind."""
        if self._shipper is not None and self._shipper.pending:
            self._shipper.ship()
        store = self._open_store()
        if time.monotonic() - self._looked > _RECOVER_EVERY:
            self.recover()
        return store

    def find_run(self, run_id: str) -> RunRecord | None:
        """The run of that id; None when there is none.

        A birth that lies in another process's journal is on its way to the store, and waited for. Journals on other
        machines cannot be looked at: where there may be some, two intervals of delivery pass before the answer is None.
        """
        began = time.monotonic()
        found = self.store.run(run_id)
        while found is None:
            patience = _DELIVERY if self._told_of(run_id) else 0.0 if self.place.kind == "folder" else 2 * INTERVAL
            found = self.store.run(run_id)  # it may have come while the journals were looked at
            if found is not None or time.monotonic() - began >= patience:
                break
            time.sleep(INTERVAL / 8)
        return found

    def _told_of(self, run_id: str) -> bool:
        """Whether the journal of another process speaks of this run."""
        wanted = json.dumps(run_id).encode("ascii")
        for path in self._journals():
            if path not in OWN:
                with suppress(OSError):
                    if wanted in path.read_bytes():
                        return True
        return False

    @property
    def blobs(self) -> Blobs:
        """Contents by hash; for a folder no database is needed."""
        with self._lock:
            if self._blobs is None:
                self._blobs = self.place.open_blobs()
            return self._blobs

    def _open_store(self) -> Store:
        store = self._store
        if store is None:
            with self._opening:  # not _lock: close() holds that while the shipper may be opening
                if self._store is None:
                    try:
                        self._store = self.place.open_store()
                    except OSError as error:
                        raise StoreUnavailableException(
                            f"The store {self.url} cannot be opened now: {error.strerror}. "
                            "Look at the disk of its folder, and at its rights. Nothing that was logged is lost."
                        ) from error
                store = self._store
        return store

    # -- recovery ------------------------------------------------------------------------------------------------
    def recover(self) -> list[str]:
        """Ship the journals of writers that died, and fail the runs that they still had to end.

        Returns:
            Ids of the runs that were failed.
        """
        self._looked = time.monotonic()
        failed: list[str] = []
        parts: dict[str, list[Path]] = {}
        for path in self._journals():
            parts.setdefault(path.stem.partition("-")[0], []).append(path)
        for owner in parts:
            first = self.folder / "journals" / (owner + SUFFIX)
            if first not in OWN:
                failed += self._recover_writer(owner, first, [p for p in parts[owner] if p != first])
        if failed:
            for tell in after_recovery:
                tell(self, failed)
        failed += self._fail_silent(set(parts))
        for look in also_look_after:
            look(self)
        return failed

    def _fail_silent(self, here: set[str]) -> list[str]:
        """Fail the runs of writers on other machines that were not heard of for too long. `here`: those of this machine,
        whose locks tell. What is reached through a server is looked after there."""
        seconds = silence()
        kind, now = self.place.kind, time.monotonic()
        # Those who wrote to a server that was away for a while are given time to be heard of.
        if not seconds or kind == "http" or now < self._listen_from + (_PATIENCE if kind == "folder" else 0.0):
            return []
        if now < self._listened + min(_LISTEN_EVERY, seconds / 4):
            return []
        self._listened = now
        failed: list[str] = []
        try:
            for owner in self._open_store().silent(seconds):
                runs = [] if owner in here else self._open_store().open_runs(owner=owner)
                if runs:
                    error = {
                        "code": NOT_HEARD_OF,
                        "message": f"Nothing was heard for {seconds / 60:g} minutes of the process that runs this, on "
                        f"{runs[0].host or 'another machine'}. If it is heard of again, the run goes on.",
                    }
                    status = [
                        RunStatus(run=r.id, status="Failed", at=time.time(), error=error, only_owner=owner)
                        for r in runs
                    ]
                    self.write(*status)
                    failed += [run.id for run in runs]
            if failed:
                self.flush()
        except AzureMLException as error:
            log.warning("It could not be looked which writers elsewhere are silent (%s).", error)
        return failed

    def _journals(self) -> list[Path]:
        try:
            found = [entry.path for entry in os.scandir(self.folder / "journals") if entry.name.endswith(SUFFIX)]
        except FileNotFoundError:
            return []
        return sorted(map(Path, found))

    def _recover_writer(self, owner: str, first: Path, more: list[Path]) -> list[str]:
        opened: list[int] = []
        try:
            parts = _lock_parts(first, more, opened)
            if parts is None:
                return []
            self._tell_missing(owner, [first, *more])
            for path, fd in parts:
                self._recover_part(path, fd)
                if path != first:
                    _remove(path)
            failed = self._open_store().open_runs(owner=owner)
            if failed:
                gone = {"code": "ProcessDied", "message": "The process that ran this ended without completing it."}
                self.write(
                    *[
                        RunStatus(run=r.id, status="Failed", at=time.time(), error=gone, only_owner=owner)
                        for r in failed
                    ]
                )
                self.flush()
            _remove(first)  # while the lock is held, so that nobody recovers it again
            return [run.id for run in failed]
        except (AzureMLException, OSError) as error:
            log.warning("The journal %s of a process that died could not be brought in yet (%s).", first, error)
            return []
        finally:
            for fd in opened:
                os.close(fd)

    def _tell_missing(self, owner: str, parts: list[Path]) -> None:
        """Say which parts of a journal are gone though nothing of them is in the store. (Parts that are in the store
        are removed, the first one is emptied: a journal is continued in a new part when it has grown large.)"""
        there = {part_number(path): path for path in parts if path.exists() and path.stat().st_size}
        for number in range(max(there, default=0)):
            name = part_id(owner, number)
            if number not in there and not self._open_store().applied(name):
                log.error(
                    "Part %d of the journal %s is gone, and nothing of it is in %s: what it said is lost. "
                    "What the later parts say is brought in.",
                    number, owner, self.url,
                )  # fmt: skip

    def _recover_part(self, path: Path, fd: int) -> None:
        reader = Reader(fd, path.stem)
        reader.resume(path, self._open_store().applied(path.stem))
        ship(reader, self._open_store(), path.with_suffix(".rejected"))
        left = os.fstat(fd).st_size - reader.offset
        if left:
            log.warning("The last %d bytes of journal %s were cut off when its writer died.", left, path.stem)

    # -- the end -------------------------------------------------------------------------------------------------
    def close(self) -> None:
        """Ship what is pending and let go. A journal that could not be shipped stays for the next opener."""
        with self._lock:
            if self.closed:
                return
            first, last, shipper = self._first, self._journal, self._shipper
            if first is not None and last is not None and shipper is not None:
                shipped = False
                try:
                    shipper.finish()
                    # Runs that nobody ended stay with the file: the next opener fails them.
                    shipped = not shipper.pending and not self._open_store().open_runs(owner=first.owner)
                except Exception as error:
                    deadline = time.monotonic() + LAST_CHANCE
                    while last.held and time.monotonic() < deadline:
                        time.sleep(0.1)
                        last.retry_held()
                    log.warning("jupyter_aml kept what it could not store yet in %s (%s).", last.path, error)
                shipper.stop()
                if last.held:
                    log.error(
                        "jupyter_aml lost the last %d entries: they waited in memory for room at %s.",
                        last.held,
                        last.path,
                    )
                for part in dict.fromkeys([last, first]):  # the first one last: it stands for all
                    part.close(remove=shipped)
            if self._store is not None:
                self._store.close()
            self.closed = True
            self._reset()

    def __repr__(self) -> str:
        return f"Connection({self.url!r})"


def _remove(journal: Path) -> None:
    """Remove a journal, all of which is in the store."""
    journal.with_suffix(MARK).unlink(missing_ok=True)
    journal.unlink(missing_ok=True)


def _lock_parts(first: Path, more: list[Path], opened: list[int]) -> list[tuple[Path, int]] | None:
    """Lock the journal of a writer that died: its parts, open, in order; None when it lives or somebody else recovers it.

    The lock of the first part tells. One that was deleted behind our back is put there again, empty, and the locks of the
    others tell, too. `opened` gets every descriptor.
    """
    try:
        fd = os.open(first, os.O_RDWR | (os.O_CREAT if more else 0), 0o600)
    except FileNotFoundError:  # recovered meanwhile
        return None
    opened.append(fd)
    if not try_lock(fd) or not os.fstat(fd).st_nlink:
        return None
    parts = [(first, fd)]
    for path in more:
        try:
            fd = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            continue
        opened.append(fd)
        if not try_lock(fd):
            return None
        parts.append((path, fd))
    return parts


class SeriesWriter:
    """Appends the points of one series. Made by `Connection.series`."""

    __slots__ = ("_about", "_connection", "_journal", "_ref")

    def __init__(self, connection: Connection, about: dict[str, Any]) -> None:
        self._connection = connection
        self._about = about
        self._journal: Journal | None = None
        self._ref = 0

    def point(self, value: float | int, step: int | None = None) -> None:
        """Append a number; `step` None numbers it by its place. Ints stay ints, NaN and infinities are kept."""
        journal = self._journal
        if journal is None or journal is not self._connection._journal:  # the first time, and in a forked child
            journal = self._bind()
        at = NO_STEP if step is None else step
        if type(value) is float:
            journal.point(self._ref, at, value)
        elif value in _INT64:
            journal.count(self._ref, at, int(value))
        else:
            journal.write(Points(**self._about, steps=[at], times=[time.time()], values=[value]))

    def _bind(self) -> Journal:
        journal = self._connection.journal
        self._ref = journal.name_series(self._about)
        self._journal = journal
        return journal


def silence() -> float:
    """Seconds after which a writer on another machine of which nothing is heard counts as dead; 0: never.

    Raises:
        UserErrorException: the setting is no number.
    """
    given = os.environ.get(SILENCE, "600")
    try:
        return max(0.0, float(given))
    except ValueError:
        raise UserErrorException(f"{SILENCE} is a number of seconds (0: for ever), not {given[:40]!r}.") from None


@atexit.register
def _close_all() -> None:
    for connection in list(_connections.values()):
        connection.close()


def _after_fork() -> None:
    """A child owns none of its parent's journals or database connections; it begins anew at its first write."""
    global _guard
    _guard = threading.Lock()
    OWN.clear()
    for connection in _connections.values():
        connection._lock = threading.RLock()
        connection._opening = threading.RLock()
        connection._reset()


def close_with_child(close: Callable[[], None], before: int = 0) -> None:
    """Children of multiprocessing leave by os._exit, without atexit: there `close` is called at their end.

    Args:
        close: what is to be called. It may be called twice.
        before: the higher, the earlier.
    """
    if made_by_multiprocessing():
        from multiprocessing.util import Finalize

        Finalize(None, close, exitpriority=before - 100)


def made_by_multiprocessing() -> bool:
    """Whether this process is a child of multiprocessing."""
    process = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
