"""What a run logs: numbers, lists, rows, tables, images and documents."""

from __future__ import annotations

import io
import logging
import struct
import time
from typing import Any

from jupyter_aml.errors import UserErrorException
from jupyter_aml.store.connection import Connection, SeriesWriter
from jupyter_aml.store.events import NO_STEP, Points
from jupyter_aml.store.records import Json, RunQuery, SeriesKind
from jupyter_aml.tracking import context, metrics
from jupyter_aml.tracking.handles import Shared
from jupyter_aml.tracking.names import metric_name, shown

log = logging.getLogger("jupyter_aml")

ORIGINS = 20
"""Cells (and threads that cells began) whose writers a run has ready."""


class MetricsMixin:
    """The logging side of `Run`. What was logged is durable against the death of the process when a call returns."""

    _id: str
    _connection: Connection
    _shared: Shared
    _writers: dict[str, dict[str, SeriesWriter]]
    """Origin → metric → writer."""

    def _check_open(self, what: str) -> None:
        raise NotImplementedError

    def log(self, name: str, value: Any, description: str = "", step: int | None = None) -> None:
        """Log one value. Logged again under the same name, it becomes a series.

        Args:
            name: any text of 1 to 255 characters.
            value: a number (numpy and torch scalars too; NaN and infinities are kept) or text.
            description: what it is.
            step: its place on the x axis; by default 0, 1, 2 …

        Raises:
            UserErrorException: the value is neither a number nor text, or something else was logged under this name.
            RunStateException: the run has ended.
        """
        origin = context.origin()
        writers = self._writers.get(origin)
        if writers is None:
            if len(self._writers) >= ORIGINS:
                self._writers.clear()
            writers = self._writers[origin] = {}
        try:
            writer = writers.get(name)
        except TypeError:  # no text: refused below
            writer = None
        if writer is None:
            self._check_open(f"log {shown(name)}")
            self._check_kind(metric_name(name), "scalar")
            metrics.number(name, value)
            writer = self._connection.series(self._id, name, origin=origin, description=description)
            writers[name], self._shared.kinds[name] = writer, "scalar"
        if type(value) is not float:
            value = metrics.number(name, value)
            step = None if step is None else metrics.step(name, step)
            if type(value) is str:
                self._points(name, "scalar", [value], description, step)
                return
        try:
            writer.point(value, step)
        except struct.error:  # the step is no whole number, or too large a one
            writer.point(value, metrics.step(name, step))

    def log_list(self, name: str, value: Any, description: str = "") -> None:
        """Log a list of values (any iterable, generators and arrays included)."""
        self._points(name, "list", metrics.numbers(name, value), description)

    def log_row(self, name: str, description: str = "", **kwargs: Any) -> None:
        """Log one row of a table: ``run.log_row("scores", fold=1, auc=0.8)``."""
        if not kwargs:
            raise UserErrorException(f"log_row({name!r}) needs at least one column=value.")
        self._points(name, "table", [{k: metrics.number(name, v) for k, v in kwargs.items()}], description)

    def log_table(self, name: str, value: Any, description: str = "") -> None:
        """Log a table given as a dict of columns, each a list or one value."""
        self._points(name, "table", metrics.rows(name, value), description)

    def log_image(self, name: str, path: Any = None, plot: Any = None, description: str = "") -> None:
        """Log an image: a file's `path`, or a matplotlib figure (or the pyplot module) as `plot`.

        Raises:
            UserErrorException: neither, both, or a plot that cannot be drawn.
        """
        self._check_open(f"log {shown(name)}")
        self._check_kind(metric_name(name), "image")
        if (path is None) == (plot is None):
            raise UserErrorException("log_image() takes either path= (a file) or plot= (a matplotlib figure).")
        target = f"{_file_stem(name)}_{time.time_ns() // 1000}"
        if plot is not None:
            saved = self._upload_bytes(f"{target}.png", _png(name, plot), "image/png")
        else:
            suffix = "." + str(path).rsplit(".", 1)[-1] if "." in str(path) else ""
            saved = self._upload_path(f"{target}{suffix}", path)
        self._points(name, "image", [{"path": saved}], description)

    def log_confusion_matrix(self, name: str, value: Any, description: str = "") -> None:
        """Log a confusion matrix: ``{"schema_type": "confusion_matrix", "data": {"class_labels", "matrix"}}``."""
        self._points(name, "confusion_matrix", [metrics.document(name, "confusion_matrix", value)], description)

    def log_accuracy_table(self, name: str, value: Any, description: str = "") -> None:
        """Log an accuracy table, a dict or JSON of the SDK's schema."""
        self._points(name, "accuracy_table", [metrics.document(name, "accuracy_table", value)], description)

    def log_residuals(self, name: str, value: Any, description: str = "") -> None:
        """Log residuals, a dict or JSON of the SDK's schema."""
        self._points(name, "residuals", [metrics.document(name, "residuals", value)], description)

    def log_predictions(self, name: str, value: Any, description: str = "") -> None:
        """Log predictions, a dict or JSON of the SDK's schema."""
        self._points(name, "predictions", [metrics.document(name, "predictions", value)], description)

    def get_metrics(
        self, name: str | None = None, recursive: bool = False, run_type: str | None = None, populate: bool = False
    ) -> dict[str, Any]:
        """What was logged: one value alone, several as a list, a table as a dict of columns.

        Args:
            name: only this metric.
            recursive: of all descendants too; the result is then ``{run id: {name: value}}``.
            run_type: only of runs of this type.
            populate: confusion matrices and their like whole, instead of their ``aml://`` names.

        Returns:
            ``{name: value}``.
        """
        store = self._connection.store
        if not recursive:
            run = store.run(self._id) if run_type else None
            if run_type and (run is None or run.type != run_type):
                return {}
            return _read(store, self._id, name, populate)
        query = RunQuery(under=self._id, types=[run_type] if run_type else (), limit=1000, include_archived=True)
        ids = [run.id for run in store.walk(query)]
        found = {run_id: _read(store, run_id, name, populate) for run_id in [self._id, *ids]}
        return {run_id: values for run_id, values in found.items() if values}

    def _points(
        self, name: str, kind: SeriesKind, values: list[Json], description: str, step: int | None = None
    ) -> None:
        self._check_open(f"log {shown(name)}")
        self._check_kind(metric_name(name), kind)
        if not values:
            log.warning("Metric %r of run %s got no values; there is nothing to keep of it.", name, self._id)
            return
        self._shared.kinds[name] = kind
        self._connection.write(
            Points(
                run=self._id,
                name=name,
                kind=kind,
                origin=context.origin(),
                description=description,
                values=values,
                steps=[NO_STEP if step is None else step] * len(values),
                times=[time.time()] * len(values),
            )
        )

    def _check_kind(self, name: str, kind: SeriesKind) -> None:
        """Refuse to mix what cannot be read together, as far as this process knows what the name stands for."""
        known = self._shared.kinds.get(name, kind)
        if known != kind:
            raise UserErrorException(
                f"Metric {name!r} of run {self._id} is {metrics.called(known)}; {metrics.called(kind)} cannot be logged "
                "under the same name. Choose another one."
            )

    def _upload_bytes(self, target: str, content: bytes, media_type: str = "") -> str:
        raise NotImplementedError

    def _upload_path(self, target: str, path: Any) -> str:
        raise NotImplementedError


def _read(store: Any, run_id: str, name: str | None, populate: bool) -> dict[str, Any]:
    values = {}
    for metric in store.metrics([run_id]).get(run_id, {}):
        if name is None or metric == name:
            series = store.series(run_id, metric)
            if series is not None:
                values[metric] = metrics.shape(run_id, series, populate)
    return values


def _file_stem(name: str) -> str:
    """A metric's name as part of a file's name: slashes and dots in front would change what it means."""
    return name.replace("/", "_").replace("\\", "_").lstrip(".") or "image"


def _png(name: str, plot: Any) -> bytes:
    figure = plot.gcf() if hasattr(plot, "gcf") else plot
    if not hasattr(figure, "savefig"):
        figure = getattr(figure, "figure", figure)  # an Axes, or a seaborn grid
    if not hasattr(figure, "savefig"):
        raise UserErrorException(f"Image {name!r}: plot= takes a matplotlib figure, not {type(plot).__name__}.")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight")
    return buffer.getvalue()
