"""The journal: an append-only file to which a process says what its runs do, one ``write(2)`` an event (frames.py).

A writer's file is locked while it lives; a large one is continued in further parts (``<id>-0001.aml`` …). What
write(2) has taken survives kill -9 of the process; a power cut may take the last seconds unless
``durability="full"`` (each append is then followed by fdatasync).
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import threading
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any
from zlib import crc32

from jupyter_aml.errors import StoreUnavailableException
from jupyter_aml.store.codec import encode
from jupyter_aml.store.events import Event
from jupyter_aml.store.frames import BODY, COUNT, MAGIC, POINT, POINT_SIZE, E, I, P, S, frame
from jupyter_aml.store.hidden import without_secrets
from jupyter_aml.store.locks import try_lock

log = logging.getLogger("jupyter_aml")

SUFFIX = ".aml"
MARK = ".mark"
"""Suffix of the note beside a journal that says up to where it was delivered (journal_reader.py)."""
HELD_LIMIT = 64 * 2**20
"""Bytes kept in memory while the disk refuses the journal."""


class Journal:
    """This process's own journal, locked and open for appending. Thread-safe.

    Args:
        folder: where journals of the workspace lie.
        durability: "process" (survives kill -9) or "full" (survives a power cut).
        after: the journal that this one continues, when that has grown large.

    Raises:
        StoreUnavailableException: the folder cannot be written.
    """

    def __init__(self, folder: Path, durability: str = "process", after: Journal | None = None) -> None:
        self.owner: str
        self._durability = durability
        self._full = durability == "full"
        self._held: deque[bytes] = deque()
        self._held_size = 0
        self._lost = 0
        self._told_lost = 0
        self._unsynced = False
        self._retry_at = 0.0
        self._slow = threading.Lock()
        self._refs = 0
        self.part: int = after.part + 1 if after else 0
        while True:
            self.owner = after.owner if after else secrets.token_hex(12)
            self.id = part_id(self.owner, self.part)
            self.path = folder / (self.id + SUFFIX)
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self.fd = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
            except OSError as error:
                raise StoreUnavailableException(
                    f"Cannot write the journal {self.path}: {error.strerror}. "
                    "Make the folder writable, or set JUPYTER_AML_HOME to one that is."
                ) from error
            # Between open and lock a recovering process may take the empty file for a dead writer's.
            if try_lock(self.fd) and os.fstat(self.fd).st_nlink:
                OWN.add(self.path)
                return
            os.close(self.fd)

    def write(self, *events: Event) -> None:
        """Append events. When this returns, killing the process loses none of them."""
        self._append(b"".join([frame(E, encode(without_secrets(event))) for event in events]))

    def name_series(self, about: dict[str, Any]) -> int:
        """Give a series a number for this journal's points."""
        with self._slow:
            self._refs += 1
            ref = self._refs
        self._append(frame(S, json.dumps({"ref": ref, **about}, separators=(",", ":")).encode("ascii")))
        return ref

    def point(self, ref: int, step: int, value: float) -> None:
        """Append a point with a float value: the hot path."""
        head = POINT.pack(MAGIC, BODY, P, ref, step, time.time(), value)
        data = head + crc32(head).to_bytes(4, "little")
        if self._held or self._full:
            return self._append(data)
        try:
            if os.write(self.fd, data) != POINT_SIZE:
                self._hold(data, None)
        except OSError as error:
            self._hold(data, error)
        return None

    def count(self, ref: int, step: int, value: int) -> None:
        """Append a point with an integer value that fits 64 bits."""
        head = COUNT.pack(MAGIC, BODY, I, ref, step, time.time(), value)
        self._append(head + crc32(head).to_bytes(4, "little"))

    @property
    def lost(self) -> int:
        """Frames given up because neither disk nor memory could take them."""
        return self._lost

    @property
    def held(self) -> int:
        """Frames that wait in memory for the disk."""
        return len(self._held)

    def retry_held(self) -> None:
        """Try to write what the disk refused before."""
        with self._slow:
            self._write_held()

    def _append(self, data: bytes) -> None:
        if self._held:
            return self._hold(data, None, written=False)
        try:
            if os.write(self.fd, data) != len(data):
                return self._hold(data, None)
        except OSError as error:
            return self._hold(data, error)
        if self._full:
            self._sync()
        return None

    def _sync(self) -> None:
        """Bring the file to the disk. What write(2) took stands in it even if that fails: it is not written again."""
        try:
            os.fdatasync(self.fd)
            self._unsynced = False
        except OSError as error:
            if not self._unsynced:
                self._unsynced = True
                log.warning(
                    "jupyter_aml cannot bring %s to the disk (%s). Your code goes on; what it logs now survives the end of "
                    "this process, but perhaps no power cut.",
                    self.path, error.strerror,
                )  # fmt: skip

    def _hold(self, data: bytes, error: OSError | None, written: bool = True) -> None:
        """The disk did not take a frame (or only part, which readers skip): keep it and its successors in memory."""
        with self._slow:
            first = not self._held
            if self._held_size + len(data) <= HELD_LIMIT:
                self._held.append(data)
                self._held_size += len(data)
            else:
                self._lost += 1
            if first and written:
                reason = error.strerror if error else "no room left for the whole entry"
                log.warning(
                    "jupyter_aml cannot write %s (%s). Your code goes on; "
                    "what it logs is kept in memory until there is room.",
                    self.path, reason,
                )  # fmt: skip
                self._retry_at = time.monotonic() + 0.5
            elif time.monotonic() >= self._retry_at:
                self._write_held()

    def _write_held(self) -> None:
        while self._held:
            try:
                done = os.write(self.fd, self._held[0]) == len(self._held[0])
            except OSError:
                done = False
            if not done:
                self._retry_at = time.monotonic() + 0.5
                return
            self._held_size -= len(self._held.popleft())
        if self._full:
            self._sync()
        if self._lost > self._told_lost:
            self._told_lost = self._lost
            log.error("jupyter_aml lost %d entries while %s could not be written.", self._lost, self.path)

    def size(self) -> int:
        """Bytes written so far."""
        return os.fstat(self.fd).st_size

    def successor(self) -> Journal:
        """A new part, to write to from now on. The first part stays, as the lock that says that the writer lives."""
        return Journal(self.path.parent, self._durability, after=self)

    def retire(self) -> None:
        """All of this part is in the store and nobody writes to it any more."""
        if self.part == 0:
            self.path.with_suffix(MARK).unlink(missing_ok=True)
            os.ftruncate(self.fd, 0)
        else:
            self.close(remove=True)

    def close(self, remove: bool) -> None:
        """Let go of the file; `remove` it when all of it is in the store."""
        if remove:
            with suppress(OSError):  # one that stays is removed by the next opener
                self.path.with_suffix(MARK).unlink(missing_ok=True)
                self.path.unlink(missing_ok=True)
        OWN.discard(self.path)
        os.close(self.fd)


def part_id(owner: str, part: int) -> str:
    """The id under which a part of a writer's journal is shipped."""
    return f"{owner}-{part:04d}" if part else owner


def part_number(path: Path) -> int:
    """Which part of its writer's journal a file is."""
    number = path.stem.partition("-")[2]
    return int(number) if number.isdigit() else 0


OWN: set[Path] = set()
"""Journals of this process: opening one of them a second time would drop its lock (locks.py)."""
