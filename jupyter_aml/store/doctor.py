"""Looks a workspace over: what is damaged, what is missing, what is left over, and what to do about it.

Nothing is repaired here. Journals are looked at before the store is opened, because opening it brings in what dead
writers left.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Literal

from jupyter_aml.errors import AzureMLException, NotFoundException, StoreVersionException
from jupyter_aml.store import series as s
from jupyter_aml.store.archive_format import sha256_of
from jupyter_aml.store.archive_import import OWNER
from jupyter_aml.store.connection import Connection
from jupyter_aml.store.contract import Blobs, Store
from jupyter_aml.store.journal import OWN, SUFFIX
from jupyter_aml.store.journal_reader import Reader
from jupyter_aml.store.locks import try_lock
from jupyter_aml.store.records import AssetQuery, MetricRecord, RunQuery, RunRecord
from jupyter_aml.store.verified import DamagedContent

Severity = Literal["ok", "warning", "error"]
ROOM = 2**30
"""Free bytes below which there is a warning."""
_PIECE = 8192
_MOST = 100
"""Findings of one kind that are told singly."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found."""

    severity: Severity
    subject: str
    """``journals``, ``store``, ``runs``, ``points``, ``contents``, ``rights`` or ``room``."""
    what: str
    where: str = ""
    advice: str = ""


def examine(connection: Connection, *, deep: bool = False, room: int = ROOM) -> list[Finding]:
    """Look a workspace over.

    Args:
        connection: to the workspace.
        deep: read every content and recompute its sha256.
        room: free bytes below which there is a warning.

    Returns:
        What was found, by subject; a subject that is in order has one finding, of severity "ok".
    """
    found: list[Finding] = []
    owners: set[str] = set()
    # Of a workspace that is elsewhere this machine has the outbox alone.
    here = "" if connection.place.kind == "folder" else " on this machine"
    found += _subject("journals", lambda: _journals(connection, owners), "no journal is left over or damaged" + here)
    found += _subject("room", lambda: _room(connection.folder, room), "there is room on the disk" + here)
    found += _subject("rights", lambda: _rights(connection.folder), "nobody else can read the files" + here)
    opened: list[Store] = []

    def opening() -> Iterator[Finding]:
        opened.append(connection.store)
        yield from _store(connection.store)

    found += _subject("store", opening, "the tables are whole and agree with one another")
    if opened:
        store = opened[0]
        found += _subject("runs", lambda: _open_runs(store, owners), "every open run has somebody who will end it")
        found += _subject("points", lambda: _points(store), "every series can be read and agrees with its summary")
        good = "every file and snapshot has its contents" + ", with the right sha256" * deep
        found += _subject("contents", lambda: _contents(store, deep), good)
    return found


def _subject(name: str, look: Callable[[], Iterable[Finding]], good: str) -> list[Finding]:
    """The findings of one subject. What keeps it from being looked at is a finding too."""
    found: list[Finding] = []
    kinds: dict[tuple[str, str], int] = {}
    try:
        for one in look():
            kind = (one.severity, one.advice)
            kinds[kind] = kinds.get(kind, 0) + 1
            if kinds[kind] <= _MOST:
                found.append(one)
    except StoreVersionException as error:
        found.append(Finding("error", name, error.message, advice="pip install --upgrade jupyter_aml"))
    except (AzureMLException, OSError) as error:
        said = error.message if isinstance(error, AzureMLException) else str(error)
        found.append(Finding("error", name, f"This could not be looked at to the end: {said}"))
    for (severity, advice), count in kinds.items():
        if count > _MOST:
            more = f"{count - _MOST:,} more like the {_MOST} before."
            found.append(Finding(severity, name, more, advice=advice))  # type: ignore[arg-type]
    return found or [Finding("ok", name, good[0].upper() + good[1:] + ".")]


# -- journals ----------------------------------------------------------------------------------------------------
def _journals(connection: Connection, owners: set[str]) -> Iterator[Finding]:
    """What lies in the journals' folder. `owners` gets the writers that live."""
    folder = connection.folder / "journals"
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    owners.update(path.stem.partition("-")[0] for path in OWN if path.parent == folder)
    dead: list[Path] = []
    living: dict[str, bool] = {}
    for path in paths:
        if path.suffix == SUFFIX and path not in OWN:  # any part's lock tells, be it that the first one is gone
            owner = path.stem.partition("-")[0]
            living[owner] = living.get(owner, False) or folder / (owner + SUFFIX) in OWN or _lives(path)
    for path in paths:
        if path.suffix == ".rejected":
            yield Finding(
                "error", "journals", f"The store refused {path.stat().st_size:,} bytes of events, which are kept here.",
                str(path), "This is a bug in jupyter_aml: report it, with this file.",
            )  # fmt: skip
        elif path.suffix == SUFFIX and path not in OWN:
            owner = path.stem.partition("-")[0]
            if living.get(owner, False):
                owners.add(owner)
                yield from _journal(connection, path, lives=True)
            else:
                dead.append(path)
    for path in dead:
        yield from _journal(connection, path, lives=False)


def _lives(path: Path) -> bool:
    """Whether the journal's writer does."""
    try:
        fd = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        return not try_lock(fd)
    finally:
        os.close(fd)


def _journal(connection: Connection, path: Path, lives: bool) -> Iterator[Finding]:
    try:
        with open(path, "rb") as file:
            reader = Reader(file.fileno(), path.stem)
            reader.resume(path, 2**63)
            while reader.batch() is not None:
                pass
            left = os.fstat(file.fileno()).st_size - reader.offset
    except FileNotFoundError:  # its writer ended meanwhile
        return
    if reader.skipped:
        yield Finding(
            "error", "journals", f"{reader.skipped:,} bytes between whole entries are damaged and were passed over.",
            str(path), "Look at the disk; what these bytes said is lost.",
        )  # fmt: skip
    if lives:
        return
    try:
        unshipped = reader.ordinal - connection._open_store().applied(path.stem)
    except AzureMLException:
        unshipped = reader.ordinal
    if left:
        yield Finding(
            "warning", "journals", f"The last {left:,} bytes were cut off when the writer died.", str(path),
            "Nothing: what came before them is whole.",
        )  # fmt: skip
    if unshipped > 0:
        yield Finding(
            "warning", "journals", f"A writer that died left {unshipped:,} entries that the store did not have.",
            str(path), "They are brought in when the workspace is opened, which this look did; look again.",
        )  # fmt: skip
    if not (path.parent / (path.stem.partition("-")[0] + SUFFIX)).exists():
        yield Finding(
            "error", "journals", "The first part of this journal is gone. What it said and the store did not have is lost.",
            str(path), "This part is brought in when the workspace is opened, which this look did; look again.",
        )  # fmt: skip


# -- the folder --------------------------------------------------------------------------------------------------
def _room(folder: Path, room: int) -> Iterator[Finding]:
    if folder.is_dir():
        free = shutil.disk_usage(folder).free
        if free < room:
            severity: Severity = "error" if free < room // 20 else "warning"
            yield Finding(
                severity, "room", f"Only {free / 1e6:,.0f} MB are free on this disk.", str(folder),
                "Make room: delete runs that nobody needs, then aml workspace gc --delete",
            )  # fmt: skip


def _rights(folder: Path) -> Iterator[Finding]:
    """Files and folders that others may read or write. (Windows has other rights.)"""
    if os.name != "posix" or not folder.is_dir():
        return
    pending = [folder]
    while pending:
        here = pending.pop()
        yield from _right(here, here.lstat())
        for entry in os.scandir(here):
            if entry.is_dir(follow_symlinks=False):
                pending.append(Path(entry.path))
            else:
                try:
                    yield from _right(Path(entry.path), entry.stat(follow_symlinks=False))
                except FileNotFoundError:  # in use
                    continue


def _right(path: Path, about: os.stat_result) -> Iterator[Finding]:
    if about.st_mode & 0o077 and not stat.S_ISLNK(about.st_mode):
        yield Finding(
            "warning", "rights", f"Others may use it: its rights are {stat.S_IMODE(about.st_mode):o}.", str(path),
            "chmod -R go= on the workspace's folder, unless you share it on purpose.",
        )  # fmt: skip


# -- the store ---------------------------------------------------------------------------------------------------
def _store(store: Store) -> Iterator[Finding]:
    for wrong in store.check():
        yield Finding(
            "error", "store", wrong, store.url,
            "Restore the workspace from a backup, or save what can be read: aml export FILE.zip",
        )  # fmt: skip


def _open_runs(store: Store, owners: set[str]) -> Iterator[Finding]:
    for run in store.open_runs():
        if run.owner in owners:
            continue
        if run.owner.startswith(OWNER):
            yield Finding(
                "warning", "runs", f"Run {run.id} is only half imported.", run.experiment, "Repeat the aml import."
            )
        else:
            yield Finding(
                "warning", "runs", f"Run {run.id} is {run.status}, and no process on this machine will end it.",
                run.experiment, "If it is not running on another machine: aml run cancel ID",
            )  # fmt: skip


def _everything(store: Store, metrics: bool) -> Iterator[RunRecord]:
    return store.walk(
        RunQuery(
            everywhere=True, include_archived=True, order_by="id", descending=False, limit=500, with_metrics=metrics
        )
    )


# -- points ------------------------------------------------------------------------------------------------------
def _points(store: Store) -> Iterator[Finding]:
    for run in _everything(store, metrics=True):
        for name, metric in run.metrics.items():
            try:
                wrong = _series(store, metric)
            except (ValueError, TypeError, IndexError) as error:
                wrong = f"cannot be read ({error})"
            if wrong and _stands(store, metric):
                yield Finding(
                    "error", "points", f"Series {name!r} {wrong}.", f"run {run.id}",
                    "Restore the workspace from a backup; aml run metrics shows what can still be read.",
                )  # fmt: skip


def _stands(store: Store, metric: MetricRecord) -> bool:
    """Whether the summary is still as it was; it shrinks when a run that logged to it is deleted meanwhile."""
    now = store.metrics([metric.run])[metric.run].get(metric.name)
    return now is not None and now.count >= metric.count


def _series(store: Store, metric: MetricRecord) -> str:
    """What is wrong with a series; "" for nothing. Its first `count` points are those that the summary is of."""
    count, low, high, last = 0, None, None, None
    while count < metric.count:
        piece = store.series(metric.run, metric.name, start=count, stop=min(count + _PIECE, metric.count))
        if piece is None or not len(piece.values):
            return f"has {count:,} points, not {metric.count:,} as its summary says"
        if not len(piece.steps) == len(piece.times) == len(piece.values) == len(piece.origins):
            return "has columns of unequal length"
        least, most, _, _, _ = s.statistics(piece.values)
        low = least if low is None or (least is not None and least < low) else low
        high = most if high is None or (most is not None and most > high) else high
        count, last = count + len(piece.values), piece.values[-1]
    if (low, high) != (metric.min, metric.max):
        return f"goes from {low} to {high}, not from {metric.min} to {metric.max} as its summary says"
    # What a cell shows of several runs may come in another order than it was logged in.
    plain = metric.kind in ("scalar", "list") and not metric.origin and not isinstance(last, (dict, list))
    if plain and repr(last) != repr(metric.last) and not (isinstance(last, float) and not isfinite(last)):
        return f"ends with {last!r}, not with {metric.last!r} as its summary says"
    return ""


# -- contents ----------------------------------------------------------------------------------------------------
def _contents(store: Store, deep: bool) -> Iterator[Finding]:
    sizes = _sizes(store.blobs)
    seen: set[str] = set()
    snapshots: set[str] = set()
    for digest, size, where in _references(store, snapshots):
        if digest in seen:
            continue
        seen.add(digest)
        wrong = _content(store.blobs, digest, size, sizes, deep)
        if wrong:
            yield Finding(
                "error", "contents", f"The content {digest} {wrong}.", where,
                "Import an archive that has it once more, or restore it from a backup, or log the file again.",
            )  # fmt: skip
    for lost in sorted(snapshot for snapshot in snapshots if store.snapshot(snapshot) is None):
        yield Finding(
            "warning", "contents", f"The list of the snapshot {lost} is not there.", "", "Nothing can be done."
        )


def _references(store: Store, snapshots: set[str]) -> Iterator[tuple[str, int, str]]:
    """(sha256, size, what refers to it). `snapshots` gets the ids of those that runs have."""
    for run in _everything(store, metrics=False):
        for file in store.files(run.id):
            if file.digest and file.run == run.id:
                yield file.digest, file.size, f"{file.path!r} of run {run.id}"
        if run.snapshot and run.snapshot not in snapshots:
            snapshots.add(run.snapshot)
            record = store.snapshot(run.snapshot)
            for path, (digest, size, _) in record.files.items() if record else ():
                yield digest, size, f"{path!r} of the snapshot of run {run.id}"
    for asset in store.walk_assets(AssetQuery(kind="", archived=True)):
        for path, (digest, size) in asset.files.items():
            yield digest, size, f"{path!r} of the {asset.kind} {asset.name}:{asset.version}"


def _sizes(blobs: Blobs) -> dict[str, int]:
    """Sizes of all contents."""
    return {one.digest: one.size for one in blobs.walk()}


def _content(blobs: Blobs, digest: str, size: int, sizes: dict[str, int], deep: bool) -> str:
    if digest not in sizes and not blobs.has(digest):
        return "is not there"
    have = sizes.get(digest, size)
    if have != size:
        return f"has {have:,} bytes, not {size:,}"
    if deep:
        try:
            with blobs.open(digest) as content:
                if sha256_of(content) != digest:
                    return "is damaged: it has another sha256"
        except DamagedContent:
            return "is damaged: it has another sha256"
        except NotFoundException:
            return "is not there"
    return ""


__all__ = ["Finding", "examine"]
