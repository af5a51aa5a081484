"""What is shown of a run, read from the store: only what changed is read and drawn again."""

from __future__ import annotations

import base64
from typing import Any

from jupyter_aml.errors import NotFoundException
from jupyter_aml.notebook import chart, sections
from jupyter_aml.store.connection import Connection
from jupyter_aml.store.contract import Store
from jupyter_aml.store.records import TERMINAL, FileRecord, MetricRecord, RunQuery, RunRecord
from jupyter_aml.tracking.lifetime import GIT_DIFF

CHARTS = 24
VALUES = 40
IMAGES = 6
IMAGE = 1_000_000
"""Bytes up to which an image is shown: it becomes a part of the notebook."""
TAIL = 6_000
"""Characters of a log that are shown."""
CHILDREN = 25
COUNTED = 500
"""Children that are counted by status."""
_MEDIA = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "svg": "image/svg+xml",
}


class Details:
    """The sections of one run's display.

    Args:
        connection: the workspace.
        run_id: the run.
    """

    def __init__(self, connection: Connection, run_id: str) -> None:
        self.connection = connection
        self.run_id = run_id
        self.root = ""
        """Id of the topmost run above: changes below it are of interest."""
        self.ended = False
        self.record: RunRecord | None = None
        self._children: list[RunRecord] = []
        self._figures: dict[str, tuple[Any, str]] = {}
        self._images: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._logged: dict[str, int] = {}
        self._lengths: dict[tuple[str, str], int] = {}

    def read(self) -> dict[str, str]:
        """All sections as they are now.

        Raises:
            NotFoundException: the run is not there (any more).
        """
        store = self.connection.store
        run = store.run(self.run_id, with_metrics=True)
        if run is None:
            raise NotFoundException.of("run", self.run_id, hint=f"The workspace is {self.connection.url}.")
        self.record, self.root, self.ended = run, run.root or run.id, run.status in TERMINAL
        self._children = self._read_children(store, run)
        files = store.files(run.id)
        return {
            "head": self.head(),
            "search": self._search(store, run),
            "metrics": self._metrics(store, run),
            "images": self._show_images(store, run, files),
            "log": self._log(store, run, files),
            "children": self._show_children(store, run),
        }

    def head(self) -> str:
        """The head alone: its duration goes on while nothing else changes."""
        return sections.head(self.record, self._children) if self.record is not None else ""

    def text(self) -> str:
        """The run in one line, for where no HTML is shown."""
        run = self.record
        return f"RunDetails({run.name or run.id}: {run.status})" if run is not None else f"RunDetails({self.run_id})"

    @staticmethod
    def _search(store: Store, run: RunRecord) -> str:
        if "search" not in run.details or not run.child_count:
            return ""
        from jupyter_aml.notebook import search_view

        return search_view.section(store, run)

    # -- metrics -----------------------------------------------------------------------------------------------------
    def _metrics(self, store: Store, run: RunRecord) -> str:
        found = [m for m in run.metrics.values() if m.kind != "image"]
        values = [m for m in found if m.kind == "scalar" and (m.count == 1 or _is_text(m))]
        drawn = [m for m in found if m not in values]
        figures = [self._figure(store, run, metric) for metric in drawn[:CHARTS]]
        more = max(0, len(drawn) - CHARTS) + max(0, len(values) - VALUES)
        return sections.metrics(figures, values[:VALUES], more)

    def _figure(self, store: Store, run: RunRecord, metric: MetricRecord) -> str:
        state = (metric.kind, metric.count, metric.last_time)
        known = self._figures.get(metric.name)
        if known is None or known[0] != state:
            known = self._figures[metric.name] = (state, _draw(store, run.id, metric))
        return known[1]

    # -- files -------------------------------------------------------------------------------------------------------
    def _show_images(self, store: Store, run: RunRecord, files: list[FileRecord]) -> str:
        pictures = sorted((f for f in files if f.digest and _media_type(f)), key=lambda f: f.time, reverse=True)
        captions = self._captions(store, run) if pictures else {}
        shown: list[str] = []
        named: list[str] = []
        for file in pictures:
            caption = captions.get(file.path, file.path)
            if len(shown) < IMAGES and file.size <= IMAGE:
                key = f"{file.digest} {caption}"
                if key not in self._images:
                    with self.connection.blobs.open(file.digest) as content:
                        data = base64.b64encode(content.read()).decode()
                    self._images[key] = sections.image(caption, f"data:{_media_type(file)};base64,{data}")
                shown.append(self._images[key])
            else:
                named.append(caption)
        return sections.images(shown, named)

    def _captions(self, store: Store, run: RunRecord) -> dict[str, str]:
        """Logged images are known by their metric's name; their files' names are made up."""
        for metric in run.metrics.values():
            known = self._logged.get(metric.name, 0)
            if metric.kind == "image" and metric.count > known:
                start = max(known, metric.count - 100)
                series = store.series(run.id, metric.name, start=start)
                for number, value in enumerate(series.values if series is not None else (), start + 1):
                    if isinstance(value, dict) and "path" in value:
                        self._names[str(value["path"])] = (
                            metric.name if metric.count == 1 else f"{metric.name} {number}"
                        )
                self._logged[metric.name] = metric.count
        return self._names

    def _log(self, store: Store, run: RunRecord, files: list[FileRecord]) -> str:
        newest, of = _newest_text(files), ""
        if newest is None:  # a notebook's cells have the texts
            for child in sorted(self._children, key=lambda c: c.status in TERMINAL)[:3]:
                newest = _newest_text(store.files(child.id))
                if newest is not None:
                    of = child.name or child.id
                    break
        if newest is None:
            return ""
        return sections.log(newest.path, self._tail(store, newest), of)

    def _tail(self, store: Store, file: FileRecord) -> str:
        key = (file.run, file.path)
        start = max(0, self._lengths.get(key, file.size) - TAIL)  # its size is in bytes: as many characters, or fewer
        text = store.text(file.run, file.path, start)
        if start and len(text) < TAIL // 2:
            start, text = 0, store.text(file.run, file.path)
        self._lengths[key] = start + len(text)
        if start + len(text) <= TAIL:
            return text
        return "…" + text[-TAIL:].partition("\n")[2] if "\n" in text[-TAIL:-1] else text[-TAIL:]

    # -- children ----------------------------------------------------------------------------------------------------
    @staticmethod
    def _read_children(store: Store, run: RunRecord) -> list[RunRecord]:
        if not run.child_count:
            return []
        return list(store.runs(RunQuery(parent=run.id, limit=COUNTED, include_archived=True)).runs)

    def _show_children(self, store: Store, run: RunRecord) -> str:
        shown = self._children[:CHILDREN]
        values = store.metrics([child.id for child in shown]) if shown else {}
        return sections.children(shown, values, max(run.child_count, len(self._children)))


def _draw(store: Store, run_id: str, metric: MetricRecord) -> str:
    if metric.kind in ("scalar", "list"):
        found = store.sampled(run_id, [metric.name], width=chart.BUCKETS)
        return sections.chart(metric, chart.svg(found[0]) if found else "", found[0] if found else None)
    start = max(0, metric.count - (20 if metric.kind == "table" else 1))
    series = store.series(run_id, metric.name, start=start)
    values = list(series.values) if series is not None else []
    if metric.kind == "table":
        return sections.rows(metric, values)
    if metric.kind == "confusion_matrix" and values:
        return sections.matrix(metric, values[-1])
    return sections.other(metric)


def _is_text(metric: MetricRecord) -> bool:
    return isinstance(metric.last, str)


def _media_type(file: FileRecord) -> str:
    """The type of an image that can be shown; "" for anything else."""
    if file.media_type in _MEDIA.values():
        return file.media_type
    return _MEDIA.get(file.path.rsplit(".", 1)[-1].lower(), "")


def _newest_text(files: list[FileRecord]) -> FileRecord | None:
    texts = [file for file in files if not file.digest and file.size and file.path != GIT_DIFF]
    return max(texts, key=lambda file: file.time) if texts else None
