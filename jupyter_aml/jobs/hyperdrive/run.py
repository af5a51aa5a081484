"""HyperDriveRun: a search, seen from outside.

Reference: https://learn.microsoft.com/python/api/azureml-train-core/azureml.train.hyperdrive.hyperdriverun
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from jupyter_aml.errors import RunStateException
from jupyter_aml.jobs.hyperdrive.submission import RUN_TYPE
from jupyter_aml.jobs.script_run import SYSTEM, ScriptRun
from jupyter_aml.store.contract import Store
from jupyter_aml.store.home import folder_name
from jupyter_aml.store.records import TERMINAL, MetricRecord, RunQuery, RunRecord
from jupyter_aml.tracking.metrics import shape

_SOME = 200


class HyperDriveRun(ScriptRun):
    """The run of a search; its children are the runs of the script.

    Args:
        experiment: the experiment that it belongs to.
        run_id: its id.
        hyperdrive_config: (SDK) what was submitted, where it is known.
    """

    RUN_TYPE = RUN_TYPE
    HYPER_DRIVE_RUN_USER_AGENT = "sdk_run"

    def __init__(self, experiment: Any, run_id: str, hyperdrive_config: Any = None, **kwargs: Any) -> None:
        super().__init__(experiment, run_id, **kwargs)
        self._config = hyperdrive_config

    @property
    def hyperdrive_config(self) -> Any:
        """What was submitted; None where this process did not."""
        return self._config

    # -- how it ends -------------------------------------------------------------------------------------------------
    def cancel(self) -> None:
        """End it and all of its children.

        Raises:
            RunStateException: it has ended already.
        """
        super().cancel()
        self._cancel_children()

    def fail(self, error_details: Any = None, error_code: str | None = None, _set_status: bool = True) -> None:
        """End it as failed, and cancel its children.

        Raises:
            RunStateException: it has ended already.
        """
        super().fail(error_details, error_code, _set_status)
        self._cancel_children()

    def _cancel_children(self) -> None:
        """Its leader does so as well; here for the case that there is none any more."""
        for record in children_of(self._connection.store, self._id):
            if record.status not in TERMINAL:
                with suppress(RunStateException):  # it has just ended
                    ScriptRun(self._experiment, record.id).cancel()

    # -- what came of it ---------------------------------------------------------------------------------------------
    def get_best_run_by_primary_metric(
        self, include_failed: bool = True, include_canceled: bool = True, include_resume_from_runs: bool = True
    ) -> Any:
        """The child with the best value of the primary metric; None when none has logged it.

        Args:
            include_failed: failed children count as well.
            include_canceled: so do cancelled ones, those that the policy ended among them.
            include_resume_from_runs: so do those of the searches that this one builds upon.
        """
        left_out = {*([] if include_failed else ["Failed"]), *([] if include_canceled else ["Canceled"])}
        searches = [self._id, *(self._plan()["resume_from"] if include_resume_from_runs else [])]
        for record, best in results(self._connection.store, searches, self._plan()):
            if best is not None and record.status not in left_out:
                return self._of(self._experiment, record)
        return None

    def get_children_sorted_by_primary_metric(
        self, top: int = 0, reverse: bool = False, discard_no_metric: bool = False
    ) -> list[dict[str, Any]]:
        """Its children, the best first, those without the metric last.

        Args:
            top: only so many; 0: all.
            reverse: the worst first.
            discard_no_metric: leave those without the metric out.

        Returns:
            Dicts of ``run_id``, ``hyperparameters`` (JSON), ``best_primary_metric``, ``status``.
        """
        found = self._sorted()
        lines = [_line(record, best) for record, best in found if best is not None]
        if reverse:
            lines.reverse()
        if not discard_no_metric:
            lines += [_line(record, None) for record, best in found if best is None]
        return lines[:top] if top > 0 else lines

    def get_hyperparameters(self) -> dict[str, Any]:
        """Run id → hyperparameters (JSON) of its children."""
        return {record.id: _hyperparameters(record) for record in children_of(self._connection.store, self._id)}

    def get_metrics(
        self, name: str | None = None, recursive: bool = False, run_type: str | None = None, populate: bool = False
    ) -> dict[str, Any]:
        """Run id → metrics of its children, those that logged any.

        Args:
            name: only this metric.
            recursive, run_type: without effect: it is the children's in any case.
            populate: as `Run.get_metrics`.
        """
        store = self._connection.store
        ids = [record.id for record in children_of(store, self._id)]
        found = {}
        for some in (ids[at : at + _SOME] for at in range(0, len(ids), _SOME)):
            for run_id, summaries in store.metrics(some).items():
                found[run_id] = self._values(run_id, summaries, name, populate)
        return {run_id: found[run_id] for run_id in ids if found.get(run_id)}

    def _values(
        self, run_id: str, summaries: Mapping[str, MetricRecord], name: str | None, populate: bool
    ) -> dict[str, Any]:
        """Metrics of a child. What was logged once is in its summary."""
        found: dict[str, Any] = {}
        for metric, summary in summaries.items():
            if metric != name if name is not None else metric.startswith(SYSTEM):
                continue
            if summary.kind == "scalar" and summary.count == 1:
                found[metric] = summary.last
            else:
                series = self._connection.store.series(run_id, metric)
                if series is not None:
                    found[metric] = shape(run_id, series, populate)
        return found

    def get_diagnostics(self) -> str:
        """Write what is known of the search into a ZIP archive in the working folder.

        Returns:
            Path of the archive: the leader's log, the logs of failed children, and all children with their results.
        """
        store = self._connection.store
        path = Path(f"{folder_name(self._id, 'search')}_diagnostics.zip").absolute()
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("children.json", json.dumps(self.get_children_sorted_by_primary_metric(), indent=1))
            archive.writestr("search.json", json.dumps(self._plan(), indent=1))
            failed = [
                record.id for record in children_of(self._connection.store, self._id) if record.status == "Failed"
            ]
            for run_id in [self._id, *failed]:
                for file in store.files(run_id):
                    if not file.digest:
                        place = "" if run_id == self._id else f"{folder_name(run_id, 'run')}/"
                        archive.writestr(place + file.path.replace("..", "_"), store.text(run_id, file.path))
        return str(path)

    # -- what is known of it -----------------------------------------------------------------------------------------
    def _plan(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._record().details["search"]
        return found

    def _sorted(self) -> list[tuple[RunRecord, float | None]]:
        return results(self._connection.store, [self._id], self._plan())


def results(store: Store, searches: Sequence[str], plan: Mapping[str, Any]) -> list[tuple[RunRecord, float | None]]:
    """Children of searches with their best values of the primary metric: the best first, those without it last.

    Args:
        store: of the workspace.
        searches: ids of the searches' runs.
        plan: what is searched: the detail ``search`` of a search's run.
    """
    maximize, metric = plan["goal"] == "MAXIMIZE", str(plan["metric"])
    records = [record for search in searches for record in children_of(store, search)]
    found: list[tuple[RunRecord, float | None]] = []
    for some in (records[at : at + _SOME] for at in range(0, len(records), _SOME)):
        metrics = store.metrics([record.id for record in some])
        found += [(record, best_of(metrics.get(record.id, {}).get(metric), maximize)) for record in some]
    sign = -1 if maximize else 1
    return sorted(found, key=lambda one: (one[1] is None, sign * (one[1] or 0.0)))


def children_of(store: Store, search: str) -> Iterator[RunRecord]:
    """The children of a search, in the order in which they were begun."""
    query = RunQuery(parent=search, order_by="created", descending=False, limit=500, include_archived=True)
    for record in store.walk(query):
        if record.details.get("search") == search:
            yield record


def best_of(metric: MetricRecord | None, maximize: bool) -> float | None:
    """The best finite value of a metric; None without any."""
    if metric is None:
        return None
    return metric.max if maximize else metric.min


def _hyperparameters(record: RunRecord) -> str:
    return str(record.tags.get("hyperparameters") or json.dumps(dict(record.params), default=str))


def _line(record: RunRecord, best: float | None) -> dict[str, Any]:
    return {
        "run_id": record.id,
        "hyperparameters": _hyperparameters(record),
        "best_primary_metric": best,
        "status": record.status,
    }
