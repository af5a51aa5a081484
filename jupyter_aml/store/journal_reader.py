"""Reads a journal back, as batches for the store."""

from __future__ import annotations

import json
import logging
import os
import struct
from array import array
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from zlib import crc32

from jupyter_aml.store import frames
from jupyter_aml.store.codec import decode
from jupyter_aml.store.events import Batch, Event, Points
from jupyter_aml.store.journal import MARK

log = logging.getLogger("jupyter_aml")

_MARK = struct.Struct("<QQ")


def marked(path: Path) -> tuple[int, int]:
    """(bytes, entries) of a journal that were delivered, as its writer noted it last; zeros where it did not."""
    try:
        noted = path.with_suffix(MARK).read_bytes()
    except OSError:
        return 0, 0
    if len(noted) != _MARK.size + 4 or crc32(noted[:-4]) != int.from_bytes(noted[-4:], "little"):
        return 0, 0
    offset, ordinal = _MARK.unpack_from(noted)
    return offset, ordinal


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

    def mark(self, path: Path) -> None:
        """Note beside the journal that all before this place was delivered."""
        noted = _MARK.pack(self.offset, self.ordinal)
        with suppress(OSError):  # no room: an older note does as well
            fd = os.open(path.with_suffix(MARK), os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.write(fd, noted + crc32(noted).to_bytes(4, "little"))
            finally:
                os.close(fd)

    def resume(self, path: Path, applied: int) -> None:
        """Go to the place that the writer marked, so that what is damaged before it does not shift the numbers of the
        entries that follow. What the store has not, though it is marked, is delivered again.

        Args:
            path: of the journal.
            applied: how many entries the store has.
        """
        offset, ordinal = marked(path)
        if ordinal > applied or offset > os.fstat(self.fd).st_size:
            return
        while self.offset < offset and self.batch(max_bytes=min(offset - self.offset, 8 * 2**20)) is not None:
            pass  # the names of series are taken in
        if ordinal:
            self.offset, self.ordinal = offset, ordinal

    def batch(self, *, max_bytes: int = 8 * 2**20, max_frames: int = 2**62) -> Batch | None:
        """The next frames as one batch; None when no whole frame is there yet."""
        data = os.pread(self.fd, max_bytes, self.offset)
        first, end = self.ordinal, 0
        gathered = _Gathered(self.journal, self._series)
        for body, kind, count, end, skipped in frames.read(data, max_frames, self.journal):  # noqa: B007
            self.ordinal += count
            self.skipped += skipped
            if isinstance(body, frames.Points):
                gathered.points(body)
            elif kind == frames.S:
                about = json.loads(body)
                self._series[about.pop("ref")] = about
            else:
                try:
                    gathered.event(decode(body))
                except ValueError as error:
                    log.error("Journal %s holds an entry that cannot be read (%s).", self.journal, error)
        self.offset += end
        if self.ordinal == first:
            if len(data) == max_bytes < frames.MAX_FRAME:  # one frame longer than the window
                return self.batch(max_bytes=max_bytes * 4, max_frames=max_frames)
            return None
        return Batch(journal=self.journal, first=first, count=self.ordinal - first, events=gathered.events)


class _Gathered:
    """The events of a batch. Points of a series become one event where nothing comes between that would notice."""

    def __init__(self, journal: str, series: dict[int, dict[str, Any]]) -> None:
        self.events: list[Event] = []
        self._journal = journal
        self._series = series
        self._open: dict[int, Any] = {}
        """The event that takes a series's next points, by the series's number."""
        self._numbers: dict[tuple[str, str], int] = {}
        """The number under which a metric of a run was written last."""
        self._adders: dict[tuple[int, int], tuple[Callable[[Any], None], ...]] = {}

    def event(self, event: Event) -> None:
        """Take an event."""
        if type(event) is Points:
            self._end(event.run, event.name)
        else:  # points logged after this must not move before it
            self._open, self._numbers, self._adders = {}, {}, {}
        self.events.append(event)

    def points(self, points: frames.Points) -> None:
        """Take points."""
        refs, kinds = points.refs, points.kinds
        values: Any = points.ints if kinds[0] == frames.I else points.floats
        if kinds.count(kinds[0]) != len(kinds):
            pairs = zip(kinds, points.floats, points.ints, strict=True)
            values = [whole if kind == frames.I else number for kind, number, whole in pairs]
        elif refs.count(refs[0]) == len(refs):
            event = self._event(refs[0], kinds[0])
            event.steps.extend(points.steps)
            event.times.extend(points.times)
            event.values.extend(values)
            return
        adders = self._adders
        for which, step, at, value in zip(
            zip(refs, kinds, strict=True), points.steps, points.times, values, strict=True
        ):
            add_step, add_time, add_value = adders.get(which) or self._adder(*which)
            add_step(step)
            add_time(at)
            add_value(value)

    def _adder(self, ref: int, kind: int) -> tuple[Callable[[Any], None], ...]:
        event = self._event(ref, kind)
        found = self._adders[ref, kind] = (event.steps.append, event.times.append, event.values.append)
        return found

    def _event(self, ref: int, kind: int) -> Any:
        """The event to which points of this series and kind are to be added."""
        typecode = "q" if kind == frames.I else "d"
        event = self._open.get(ref)
        if event is None:
            about = self._series.get(ref)
            event = Points(
                **about or {"run": "", "name": ""}, steps=array("q"), times=array("d"), values=array(typecode)
            )
            if about is None:
                log.error("Points in journal %s name series %d, which its journal lost.", self._journal, ref)
            else:
                self._end(event.run, event.name)
                self._numbers[event.run, event.name] = ref
                self.events.append(event)
            self._open[ref] = event
        elif isinstance(event.values, array) and event.values.typecode != typecode:
            event.values = event.values.tolist()
            self._forget(ref)
        return event

    def _end(self, run: str, name: str) -> None:
        """What a metric gets from now on must come after what stands in the events now."""
        ref = self._numbers.pop((run, name), 0)
        self._open.pop(ref, None)
        self._forget(ref)

    def _forget(self, ref: int) -> None:
        for kind in (frames.P, frames.I):
            self._adders.pop((ref, kind), None)
