"""What MLflow logs to one run, as entries of our journal."""

from __future__ import annotations

import time
from array import array
from collections.abc import Mapping, Sequence
from typing import Any

from mlflow.entities import Metric

from jupyter_aml.errors import UserErrorException
from jupyter_aml.interop.mlflow.entities import NAME, NOTE, points_of, text_of
from jupyter_aml.store.events import Points
from jupyter_aml.tracking import context
from jupyter_aml.tracking.names import metric_name, shown
from jupyter_aml.tracking.run import Run


class Log:
    """The pen of one run.

    Args:
        run: the run that is logged to.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self._known: dict[str, str] | None = None

    def parameters(self, said: Mapping[str, str]) -> None:
        """Add parameters.

        Raises:
            UserErrorException: one of them has another value already.
            RunStateException: the run has ended.
        """
        if not said:
            return
        self.run._check_open("take parameters")
        if self._known is None:
            self._known = {key: text_of(value) for key, value in self.run._record().params.items()}
        for key, value in said.items():
            before = self._known.get(key, value)
            if before != value:
                raise UserErrorException(
                    f"Parameter {key!r} of run {self.run.id} is {shown(before)}; it cannot become {shown(value)}. "
                    "Use a tag, or a run for each value."
                )
        self.run._change(add_params=dict(said))
        self._known.update(said)

    def tags(self, said: Mapping[str, str]) -> None:
        """Set tags; those that MLflow has for a name and a description are what they mean."""
        rest = dict(said)
        name, note = rest.pop(NAME, None), rest.pop(NOTE, None)
        if name is not None:
            self.run.display_name = name
        if note is not None:
            self.run.description = note
        if rest:
            self.run.set_tags(rest)

    def points(self, metrics: Sequence[Metric]) -> None:
        """Log values, each with its own time and step.

        Raises:
            UserErrorException: a name that cannot be, or one under which something else was logged.
            RunStateException: the run has ended.
        """
        if not metrics:
            return
        self.run._check_open(f"log {shown(metrics[0].key)}")
        by_name: dict[str, list[Metric]] = {}
        for one in self._new(metrics):
            self.run._check_kind(metric_name(one.key), "scalar")
            by_name.setdefault(one.key, []).append(one)
        origin = context.origin()
        for name, points in by_name.items():
            self.run._shared.kinds[name] = "scalar"
            self.run._connection.write(
                Points(
                    run=self.run.id,
                    name=name,
                    origin=origin,
                    steps=array("q", [one.step or 0 for one in points]),
                    times=array("d", [one.timestamp / 1000 if one.timestamp else time.time() for one in points]),
                    values=array("d", [float(one.value) for one in points]),
                )
            )

    def details(self, said: Mapping[str, Any]) -> None:
        """Note facts that only MLflow knows of."""
        if said:
            self.run._change(add_details=dict(said))

    def _new(self, metrics: Sequence[Metric]) -> list[Metric]:
        """All but those that tell again, for a model, what the run was told before."""
        known: dict[str, set[tuple[int, int]]] = {}
        found = []
        for one in metrics:
            if one.model_id is not None:
                if one.key not in known:
                    series = self.run._connection.store.series(self.run.id, one.key)
                    points = points_of(series, self.run.id) if series is not None else []
                    known[one.key] = {(point.step, point.timestamp) for point in points}
                if (one.step, one.timestamp) in known[one.key]:
                    continue
            found.append(one)
        return found
