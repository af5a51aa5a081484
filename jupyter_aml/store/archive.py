"""Writes runs, experiments or a whole workspace into an archive: one file that any workspace can take in.

A run goes in whole: what it is, its series, files and texts, its snapshot, its experiment, and its descendants. What
a cell's run *shows* of other runs (the points and files that it logged to them) goes with those runs; where they are
not in the archive, `Exported.elsewhere` names them. Nothing is held in memory but the names of runs and contents.

A run that is still open is exported as far as it is; its record is read first, so that a run that had ended is whole.
"""

from __future__ import annotations

import hashlib
import json
import time
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from jupyter_aml.errors import NotFoundException
from jupyter_aml.store import archive_format as form
from jupyter_aml.store.blobs import CHUNK, is_digest, written
from jupyter_aml.store.codec import encode, to_plain
from jupyter_aml.store.contract import Store
from jupyter_aml.store.events import (
    AssetLinked,
    AssetPut,
    Event,
    ExperimentPut,
    FileLogged,
    Points,
    RunChanged,
    RunCreated,
    RunStatus,
    SnapshotTaken,
    TextLogged,
)
from jupyter_aml.store.records import (
    TERMINAL,
    AssetQuery,
    AssetRecord,
    FileRecord,
    Json,
    MetricRecord,
    RunQuery,
    RunRecord,
)

GROUP = 200
"""Births that stand together."""
PIECE = 8192
"""Points read at once."""
TEXT = 256 * 1024
"""Characters of a text in one event."""
LINE = 2**20
"""Bytes above which points are divided among several events."""
_SMALL = 8 * 2**20
_SAMPLE = 64 * 1024
_ALL = RunQuery(everywhere=True, include_archived=True, order_by="created", descending=False, limit=500)


@dataclass(slots=True, kw_only=True)
class Exported:
    """What went into an archive."""

    path: str
    scope: str
    size: int = 0
    """Bytes of the archive."""
    experiments: int = 0
    runs: int = 0
    points: int = 0
    files: int = 0
    texts: int = 0
    snapshots: int = 0
    assets: int = 0
    """Versions of models, datasets, environments …"""
    blobs: int = 0
    blob_bytes: int = 0
    missing: dict[str, str] = field(default_factory=dict)
    """Contents that the workspace has not, or has damaged: sha256 → what refers to it."""
    elsewhere: list[str] = field(default_factory=list)
    """Runs that are not in the archive, to which some of those in it logged."""


def export(
    store: Store, target: Path, *, runs: Sequence[str] | None = None, experiments: Sequence[str] | None = None
) -> Exported:
    """Write an archive.

    Args:
        store: of the workspace.
        target: the file; one that is there is replaced when the archive is whole.
        runs: ids of runs, which go with their descendants.
        experiments: names of experiments, which go with all their runs. Without both: the whole workspace.

    Raises:
        NotFoundException: there is no such run or experiment.
        UserErrorException: the file cannot be written.
    """
    whole = runs is None and experiments is None
    for run in runs or ():
        if store.run(run) is None:
            raise NotFoundException(f"There is no run {run!r}.")
    for name in experiments or ():
        if store.experiment(name) is None:
            raise NotFoundException.of("experiment", name, [x.name for x in store.experiments(archived=None)])
    scope = "workspace" if whole else "runs" if experiments is None else "experiments"
    told = Exported(path=str(target), scope=scope)
    workspace: dict[str, Any] = {"url": store.url}
    if whole:
        workspace["settings"] = {k: v for k, v in store.settings().items() if k in form.SETTINGS}
    with (
        written(target) as file,
        zipfile.ZipFile(file, "w", compression=zipfile.ZIP_DEFLATED, compresslevel=1, allowZip64=True) as archive,
    ):
        writer = _Events(store, told)
        with archive.open(form.EVENTS, "w", force_zip64=True) as out:
            writer.write(out, _selected(store, runs, experiments), sorted(experiments or ()), whole)  # type: ignore[arg-type]
        blobs = _contents(store, archive, writer.contents, told)
        manifest = form.Manifest(
            written=time.time(), written_by=_version(), scope=scope, workspace=workspace,
            counts={name: getattr(told, name) for name in ("experiments", "runs", "points", "files", "texts", "assets")},
            events={"sha256": writer.hasher.hexdigest(), "size": writer.size, "lines": writer.lines},
            blobs=blobs, missing=sorted(told.missing),
        )  # fmt: skip
        archive.compression = zipfile.ZIP_DEFLATED
        plain = {"format": form.FORMAT, "version": form.VERSION, **to_plain(manifest)}
        archive.writestr(form.MANIFEST, json.dumps(plain, indent=1))
    told.size = target.stat().st_size
    return told


def _version() -> str:
    from jupyter_aml import __version__

    return __version__


def _selected(store: Store, runs: Sequence[str] | None, experiments: Sequence[str] | None) -> Iterator[RunRecord]:
    """The runs to be written, each once."""
    if runs is None and experiments is None:
        yield from store.walk(_ALL)
        return
    seen: set[str] = set()

    def new(found: Iterator[RunRecord]) -> Iterator[RunRecord]:
        for record in found:
            if record.id not in seen:
                seen.add(record.id)
                yield record

    for run in runs or ():
        yield from new(record for record in (store.run(run),) if record is not None)
        yield from new(store.walk(replace(_ALL, under=run)))
    for name in experiments or ():
        for record in new(store.walk(replace(_ALL, experiment=name))):
            yield record
            if record.child_count and record.parent not in seen:  # descendants may belong to another experiment
                yield from new(store.walk(replace(_ALL, under=record.id)))


# -- events ------------------------------------------------------------------------------------------------------
class _Events:
    """Writes events, and notes which contents they refer to."""

    def __init__(self, store: Store, told: Exported) -> None:
        self.store = store
        self.told = told
        self.hasher = hashlib.sha256()
        self.size = self.lines = 0
        self.contents: dict[str, str] = {}
        """sha256 → what refers to it."""
        self._experiments: set[str] = set()
        self._snapshots: set[str] = set()
        self._runs: set[str] = set()
        self._assets: set[str] = set()
        self._owners: set[str] = set()
        self._begun: set[tuple[str, str]] = set()
        self._summaries: dict[str, dict[str, MetricRecord]] = {}

    def write(self, out: BinaryIO, runs: Iterator[RunRecord], experiments: Sequence[str], whole: bool) -> None:
        """Write everything."""
        self._out = out
        names = [x.name for x in self.store.experiments(archived=None)] if whole else experiments
        for name in names:
            self._experiment(name)
        while group := list(islice(runs, GROUP)):
            self._group(group)
        if whole:
            for asset in self.store.walk_assets(AssetQuery(kind="", archived=True)):
                self._asset(asset)
        self.told.elsewhere = sorted(self._owners - self._runs)

    def _event(self, event: Event) -> None:
        self._line(encode(event))

    def _line(self, data: bytes) -> None:
        data += b"\n"
        self._out.write(data)
        self.hasher.update(data)
        self.size += len(data)
        self.lines += 1

    def _experiment(self, name: str) -> None:
        if name in self._experiments:
            return
        self._experiments.add(name)
        record = self.store.experiment(name)
        if record is None:  # renamed or deleted meanwhile
            return
        self.told.experiments += 1
        self._event(
            ExperimentPut(
                name=name, at=record.created, set_tags=record.tags, description=record.description or None
            )
        )  # fmt: skip
        if record.archived is not None:
            self._event(ExperimentPut(name=name, at=record.archived, archived=True))

    def _snapshot(self, snapshot_id: str) -> None:
        record = None if snapshot_id in self._snapshots else self.store.snapshot(snapshot_id)
        if record is not None:
            self._snapshots.add(snapshot_id)
            self.told.snapshots += 1
            for path, (digest, _, _) in record.files.items():
                self.contents.setdefault(digest, f"{path!r} of snapshot {snapshot_id}")
            self._event(SnapshotTaken(snapshot=record))

    def _group(self, group: list[RunRecord]) -> None:
        """Births first, then what each run has: so one look tells who took them in (archive_import.py)."""
        self._summaries = self.store.metrics([run.id for run in group])
        for run in group:
            self._experiment(run.experiment)
            if run.snapshot:
                self._snapshot(run.snapshot)
        for run in group:
            self._runs.add(run.id)
            self.told.runs += 1
            born = replace(run, root=None, number=0, child_count=0, revision=0, metrics={})
            if run.status in TERMINAL:
                born = replace(born, status="Running", ended=None, error=None)
            self._event(RunCreated(run=born))
        for run in group:
            for metric in list(self._summaries.get(run.id, {}).values()):
                self._series(run.id, metric)
            for file in self.store.files(run.id):
                self._file(run.id, file)
            self._lineage(run.id)
            at = run.ended if run.ended is not None else run.created
            if run.status in TERMINAL:
                self._event(RunStatus(run=run.id, status=run.status, at=at, error=run.error))
            self._event(RunChanged(run=run.id, at=at, owner=run.owner))

    # -- named things --------------------------------------------------------------------------------------------
    def _lineage(self, run: str) -> None:
        """What the run made, read and wrote goes with it."""
        for asset in self.store.walk_assets(AssetQuery(kind="", run=run, archived=True)):
            self._asset(asset)
        for link in self.store.links(run=run):
            for asset in self.store.walk_assets(AssetQuery(kind="", id=link.asset, archived=True)):
                self._asset(asset)
            self._event(
                AssetLinked(
                    run=run, role=link.role, kind=link.kind, asset=link.asset, at=link.time, label=link.label, data=link.data
                )
            )  # fmt: skip

    def _asset(self, asset: AssetRecord) -> None:
        if asset.id in self._assets or asset.kind in form.LEFT_OUT:
            return
        self._assets.add(asset.id)
        self.told.assets += 1
        for path, (digest, _) in asset.files.items():
            self.contents.setdefault(digest, f"{path!r} of the {asset.kind} {asset.name}")
        self._event(AssetPut(asset=asset))

    # -- series --------------------------------------------------------------------------------------------------
    def _series(self, run: str, metric: MetricRecord) -> None:
        if metric.origin:
            self._owners.add(metric.origin)
        start = 0
        while start < metric.count:
            piece = self.store.series(run, metric.name, start=start, stop=min(start + PIECE, metric.count))
            if piece is None or not len(piece.values):  # deleted meanwhile
                return
            i, count = 0, len(piece.values)
            while i < count:
                j = i + 1
                while j < count and piece.origins[j] == piece.origins[i]:
                    j += 1
                if piece.origins[i] != run:  # what a cell shows of another run goes with that run
                    columns = (piece.steps[i:j], piece.times[i:j], piece.values[i:j])
                    self._points(run, metric, piece.origins[i], *columns)
                i = j
            start += count

    def _points(self, run: str, metric: MetricRecord, origin: str,
                steps: Sequence[int], times: Sequence[float], values: Sequence[Json]) -> None:  # fmt: skip
        shown = self._summary(origin, metric.name) if origin else metric
        times = [t if t >= 0 else t - 1e-6 for t in times]  # the store rounds towards zero
        for one in (metric, shown):  # a summary keeps its first time as it was given, the points to the microsecond
            if one is not None and (one.run, one.name) not in self._begun:
                self._begun.add((one.run, one.name))
                if _micros(one.first_time) == _micros(times[0]):
                    times[0] = one.first_time
        self.told.points += len(values)
        about = {"run": run, "name": metric.name, "kind": metric.kind, "origin": origin}
        self._divided({**about, "description": (shown or metric).description}, steps, times, values)

    def _divided(self, about: dict[str, Any], steps: Sequence[int], times: Sequence[float],
                 values: Sequence[Json]) -> None:  # fmt: skip
        data = encode(Points(**about, steps=steps, times=times, values=values))
        half = len(values) // 2
        if len(data) <= LINE or not half:
            self._line(data)
            return
        self._divided(about, steps[:half], times[:half], values[:half])
        self._divided(about, steps[half:], times[half:], values[half:])

    def _summary(self, run: str, name: str) -> MetricRecord | None:
        if run not in self._summaries:
            self._summaries.update(self.store.metrics([run]))
        return self._summaries[run].get(name)

    # -- files and texts -----------------------------------------------------------------------------------------
    def _file(self, run: str, file: FileRecord) -> None:
        if file.run != run:
            self._owners.add(file.run)
        elif file.digest:
            self.told.files += 1
            self.contents.setdefault(file.digest, f"{file.path!r} of run {run}")
            self._event(
                FileLogged(
                    run=run, path=file.path, digest=file.digest, size=file.size, at=file.time,
                    media_type=file.media_type, origin=file.origin,
                )
            )  # fmt: skip
        self._text(run, file)  # one may stand behind a file of the same name

    def _text(self, run: str, file: FileRecord) -> None:
        start = 0
        while text := self.store.text(run, file.path, start, TEXT if start or not file.digest else 1):
            self.told.texts += int(start == 0)
            self._event(TextLogged(run=run, path=file.path, text=text, at=file.time))
            start += len(text)


def _micros(at: float) -> int:
    """A time as the store keeps it with a point."""
    return int(at * 1e6 + 0.5) if -1e12 < at < 1e12 else 0


# -- contents ----------------------------------------------------------------------------------------------------
def _contents(store: Store, archive: zipfile.ZipFile, wanted: dict[str, str], told: Exported) -> dict[str, int]:
    """Write the contents; return their sizes."""
    found: dict[str, int] = {}
    for digest in sorted(wanted):
        try:
            if not is_digest(digest):
                raise NotFoundException(f"{digest!r} is no sha256.")
            with store.blobs.open(digest) as content:
                size = _content(archive, digest, content)
        except NotFoundException:
            size = None
        if size is None:
            told.missing[digest] = wanted[digest]
        else:
            found[digest] = size
            told.blob_bytes += size
    told.blobs = len(found)
    return found


def _content(archive: zipfile.ZipFile, digest: str, content: BinaryIO) -> int | None:
    """Write one content; None when it is damaged. A member cannot be taken back, so it is looked at first."""
    first = content.read(_SMALL)
    hasher = hashlib.sha256(first)
    size = len(first)
    if size == _SMALL:
        while chunk := content.read(CHUNK):
            hasher.update(chunk)
            size += len(chunk)
    if hasher.hexdigest() != digest:
        return None
    sample = first[:_SAMPLE]
    shrinks = len(zlib.compress(sample, 1)) < len(sample) * 0.9
    archive.compression = zipfile.ZIP_DEFLATED if shrinks else zipfile.ZIP_STORED
    with archive.open(form.BLOBS + digest, "w", force_zip64=size > 2**30) as out:
        out.write(first)
        if size > len(first):
            content.seek(len(first))
            while chunk := content.read(CHUNK):
                out.write(chunk)
    return size


__all__ = ["Exported", "export"]
