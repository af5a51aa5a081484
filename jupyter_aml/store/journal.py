"""The journal: an append-only file to which a process says what its runs do, one ``write(2)`` an event.

Frame: ``magic (2) · u32 length of the payload · payload · u32 crc32 of all before``, little endian.
Payload: a kind byte and a body::

    P  u32 series · i64 step · f64 time · f64 value     a point
    I  u32 series · i64 step · f64 time · i64 value     a point whose value is an integer
    S  JSON                                             names a series: its number and what it belongs to
    E  JSON                                             an event (codec.py)

A writer's file is locked while it lives; a large one is continued in further parts (``<id>-0001.aml`` …). What
write(2) has taken survives kill -9 of the process; a power cut may take the last seconds unless
``durability="full"`` (each append is then followed by fdatasync).
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import struct
import threading
import time
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

from jupyter_aml.errors import StoreUnavailableException
from jupyter_aml.store.codec import decode, encode
from jupyter_aml.store.events import NO_STEP, Batch, Event, Points
from jupyter_aml.store.locks import try_lock

log = logging.getLogger("jupyter_aml")

MAGIC = b"\xa7L"
SUFFIX = ".aml"
_HEAD = struct.Struct("<2sI")
_POINT = struct.Struct("<2sIBIqdd")
_COUNT = struct.Struct("<2sIBIqdq")
_POINT_SIZE = _POINT.size + 4
_BODY = _POINT.size - _HEAD.size
_P, _I, _S, _E = b"PISE"
MAX_FRAME = 256 * 2**20
HELD_LIMIT = 64 * 2**20
"""Bytes kept in memory while the disk refuses the journal."""


def frame(kind: int, body: bytes) -> bytes:
    """A whole frame around a body."""
    if len(body) >= MAX_FRAME:
        raise ValueError(f"{len(body):,} bytes are too many for one event; store it as a file instead")
    head = _HEAD.pack(MAGIC, len(body) + 1) + bytes((kind,)) + body
    return head + crc32(head).to_bytes(4, "little")


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
        self._held: list[bytes] = []
        self._held_size = 0
        self._lost = 0
        self._retry_at = 0.0
        self._slow = threading.Lock()
        self._refs = 0
        self.part: int = after.part + 1 if after else 0
        while True:
            self.owner = after.owner if after else secrets.token_hex(12)
            self.id = f"{self.owner}-{self.part:04d}" if after else self.owner
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
        self._append(b"".join([frame(_E, encode(event)) for event in events]))

    def name_series(self, about: dict[str, Any]) -> int:
        """Give a series a number for this journal's points."""
        with self._slow:
            self._refs += 1
            ref = self._refs
        self._append(frame(_S, json.dumps({"ref": ref, **about}, separators=(",", ":")).encode("ascii")))
        return ref

    def point(self, ref: int, step: int, value: float) -> None:
        """Append a point with a float value: the hot path."""
        head = _POINT.pack(MAGIC, _BODY, _P, ref, step, time.time(), value)
        data = head + crc32(head).to_bytes(4, "little")
        if self._held or self._full:
            return self._append(data)
        try:
            if os.write(self.fd, data) != _POINT_SIZE:
                self._hold(data, None)
        except OSError as error:
            self._hold(data, error)
        return None

    def count(self, ref: int, step: int, value: int) -> None:
        """Append a point with an integer value that fits 64 bits."""
        head = _COUNT.pack(MAGIC, _BODY, _I, ref, step, time.time(), value)
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
            if self._full:
                os.fdatasync(self.fd)
        except OSError as error:
            self._hold(data, error)
        return None

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
            self._held_size -= len(self._held.pop(0))
        if self._lost:
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
            os.ftruncate(self.fd, 0)
        else:
            self.close(remove=True)

    def close(self, remove: bool) -> None:
        """Let go of the file; `remove` it when all of it is in the store."""
        if remove:
            self.path.unlink(missing_ok=True)
        OWN.discard(self.path)
        os.close(self.fd)


OWN: set[Path] = set()
"""Journals of this process: opening one of them a second time would drop its lock (locks.py)."""


class Reader:
    """Reads frames of a journal in order and gathers them into batches.

    Args:
        fd: descriptor of the file.
        journal: its id.
    """

    def __init__(self, fd: int, journal: str) -> None:
        self.fd = fd
        self.journal = journal
        self.offset = 0
        self.ordinal = 0
        """Frames read so far."""
        self.skipped = 0
        """Bytes that belonged to no whole frame."""
        self._series: dict[int, dict[str, Any]] = {}

    def state(self) -> tuple[int, int, int]:
        """Where it is, to go back to after a batch could not be delivered."""
        return self.offset, self.ordinal, self.skipped

    def restore(self, state: tuple[int, int, int]) -> None:
        """Go back."""
        self.offset, self.ordinal, self.skipped = state

    def batch(self, *, max_bytes: int = 8 * 2**20, max_frames: int = 2**62) -> Batch | None:
        """The next frames as one batch; None when no whole frame is there yet."""
        data = os.pread(self.fd, max_bytes, self.offset)
        first = self.ordinal
        events: list[Event] = []
        gathered: dict[int, tuple[array[int], array[float], array[Any]]] = {}
        last = 0
        for kind, body, end in self._frames(data, max_frames):
            self.ordinal += 1
            last = end
            if kind in (_P, _I):
                ref, step, at, value = body
                typecode = "d" if kind == _P else "q"
                columns = gathered.get(ref)
                if columns is None or columns[2].typecode != typecode:
                    about = self._series.get(ref)
                    if about is None:
                        log.error("A point in journal %s names series %d, which its journal lost.", self.journal, ref)
                        continue
                    columns = gathered[ref] = (array("q"), array("d"), array(typecode))
                    events.append(Points(**about, steps=columns[0], times=columns[1], values=columns[2]))
                columns[0].append(step)
                columns[1].append(at)
                columns[2].append(value)
            elif kind == _S:
                about = json.loads(body)
                self._series[about.pop("ref")] = about
            else:
                try:
                    event = decode(body)
                except ValueError as error:
                    log.error("Journal %s holds an entry that cannot be read (%s).", self.journal, error)
                    continue
                if type(event) is not Points:
                    gathered.clear()  # points logged after this must not move before it
                events.append(event)
        self.offset += last
        if self.ordinal == first:
            if len(data) == max_bytes:  # one frame longer than the window
                return self.batch(max_bytes=max_bytes * 4, max_frames=max_frames) if max_bytes < MAX_FRAME else None
            return None
        return Batch(journal=self.journal, first=first, count=self.ordinal - first, events=events)

    def _frames(self, data: bytes, max_frames: int) -> Iterator[tuple[int, Any, int]]:
        """(kind, body, end) of each whole frame; a broken one is stepped over only when a whole one follows."""
        position, size = 0, len(data)
        unpack, head = _POINT.unpack_from, _HEAD.unpack_from
        view = memoryview(data)
        while max_frames and position + _HEAD.size + 5 <= size:
            magic, length = head(data, position)
            end = position + _HEAD.size + length + 4
            if (
                magic != MAGIC
                or length == 0
                or end > size
                or crc32(view[position : end - 4]) != int.from_bytes(data[end - 4 : end], "little")
            ):
                following = self._next_whole(data, position + 1)
                if following is None:
                    return
                self.skipped += following - position
                log.warning("Skipped %d broken bytes in journal %s.", following - position, self.journal)
                position = following
                continue
            kind = data[position + _HEAD.size]
            if kind == _P:
                yield kind, unpack(data, position)[3:], end
            elif kind == _I:
                yield kind, _COUNT.unpack_from(data, position)[3:], end
            else:
                yield kind, data[position + _HEAD.size + 1 : end - 4], end
            position = end
            max_frames -= 1

    @staticmethod
    def _next_whole(data: bytes, start: int) -> int | None:
        while (start := data.find(MAGIC, start)) >= 0:
            if start + _HEAD.size + 5 > len(data):
                return None
            length = _HEAD.unpack_from(data, start)[1]
            end = start + _HEAD.size + length + 4
            if (
                length > 0
                and end <= len(data)
                and crc32(data[start : end - 4]) == int.from_bytes(data[end - 4 : end], "little")
            ):
                return start
            start += 1
        return None


__all__ = ["NO_STEP", "OWN", "SUFFIX", "Journal", "Reader", "frame"]
