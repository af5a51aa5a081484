"""Data drift: a time-stamped dataset against a baseline, window by window; each analysis is a run with metrics and plots."""

from __future__ import annotations

import builtins
import contextlib
import json
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from jupyter_aml.data import drift_analysis, drift_plots
from jupyter_aml.data.dataset import dataset_of, record_by_id
from jupyter_aml.data.drift_settings import (
    AlertConfiguration,
    addresses_of,
    before,
    features_of,
    frequency_of,
    kept,
    name_of,
    threshold_of,
    utc,
    windows,
)
from jupyter_aml.data.tabular_dataset import TabularDataset
from jupyter_aml.errors import ConflictException, DatasetTimestampMissingError, NotFoundException, UserErrorException
from jupyter_aml.store.records import AssetQuery, AssetRecord
from jupyter_aml.tracking.html import facts
from jupyter_aml.tracking.who import user_name

KIND = "drift-monitor"


class DataDriftDetector:
    """A monitor of drift. Made by `create_from_datasets` or `get_by_name`.

    The drift coefficient of a window is the greatest Jensen–Shannon distance of its features from the baseline: 0 when all are
    distributed alike, 1 when one has nothing in common. (The SDK's was made of a classifier's accuracy; both go from 0 to 1.)
    """

    def __init__(
        self,
        workspace: Any,
        name: str | None = None,
        baseline_dataset: TabularDataset | None = None,
        target_dataset: TabularDataset | None = None,
        compute_target: Any = None,
        frequency: str | None = None,
        feature_list: Sequence[str] | None = None,
        alert_config: AlertConfiguration | None = None,
        drift_threshold: float | None = None,
        latency: int | None = None,
    ) -> None:
        if name is None:
            raise UserErrorException("A monitor has a name: DataDriftDetector.get_by_name(workspace, name).")
        self._workspace = workspace
        record = workspace.connection.store.asset(KIND, name)
        if record is None:
            if baseline_dataset is None or target_dataset is None:
                known = workspace.connection.store.asset_names(KIND)
                raise NotFoundException.of(
                    "drift monitor", name, known, "DataDriftDetector.create_from_datasets makes one."
                )
            made = self.create_from_datasets(
                workspace, name, baseline_dataset, target_dataset, compute_target, frequency, feature_list, alert_config,
                drift_threshold, latency,
            )  # fmt: skip
            record = made._record
        self._record: AssetRecord = record

    # -- making and finding --------------------------------------------------------------------------------------
    @staticmethod
    def create_from_datasets(
        workspace: Any,
        name: str,
        baseline_dataset: TabularDataset,
        target_dataset: TabularDataset,
        compute_target: Any = None,
        frequency: str | None = None,
        feature_list: Sequence[str] | None = None,
        alert_config: AlertConfiguration | None = None,
        drift_threshold: float | None = None,
        latency: int | None = None,
    ) -> DataDriftDetector:
        """Make a monitor.

        Args:
            workspace: whose.
            name: its name.
            baseline_dataset: what is normal.
            target_dataset: what is looked at, with a timestamp column.
            compute_target: kept for the SDK's sake: analyses are made in the process that asks for them.
            frequency: "Day", "Week" or "Month": the length of a window, and how often a schedule looks.
            feature_list: columns that are compared; all numbers, texts and truth values that both have, by default.
            alert_config: who is to be told.
            drift_threshold: the coefficient from which on it is drift, 0 to 1 (0.2).
            latency: hours after the end of a window within which its data arrive.

        Raises:
            ConflictException: there is one of that name.
            DatasetTimestampMissingError: the target has no timestamp column.
            UserErrorException: another argument cannot be.
        """
        for word, dataset in (("baseline_dataset", baseline_dataset), ("target_dataset", target_dataset)):
            if not isinstance(dataset, TabularDataset):
                raise UserErrorException(f"{word} is a TabularDataset, not {type(dataset).__name__}.")
        if target_dataset.timestamp_columns[0] is None:
            raise DatasetTimestampMissingError(
                "The target dataset needs a timestamp column: target.with_timestamp_columns('…')."
            )
        if workspace.connection.store.asset(KIND, name) is not None:
            raise ConflictException(
                f"There is a drift monitor {name!r} already: get_by_name(…) and update(…), or delete() it."
            )
        data = {
            "baseline": kept(baseline_dataset, workspace), "target": kept(target_dataset, workspace),
            "compute_target": name_of(compute_target), "frequency": frequency_of(frequency), "features": features_of(feature_list),
            "threshold": threshold_of(drift_threshold), "latency": int(latency or 0), "alerts": addresses_of(alert_config),
            "enabled": False, "schedule_start": None,
        }  # fmt: skip
        record = AssetRecord(kind=KIND, name=name, created=time.time(), user=user_name(), data=data)
        workspace.connection.store.put_asset(record, if_exists="fail")
        return DataDriftDetector(workspace, name)

    @staticmethod
    def get_by_name(workspace: Any, name: str) -> DataDriftDetector:
        """A monitor by its name. Raises NotFoundException."""
        return DataDriftDetector(workspace, name)

    @staticmethod
    def list(
        workspace: Any, baseline_dataset: TabularDataset | None = None, target_dataset: TabularDataset | None = None
    ) -> list[DataDriftDetector]:
        """The workspace's monitors, by name; those of these datasets only, where they are given."""
        found = []
        for record in workspace.connection.store.walk_assets(AssetQuery(kind=KIND)):
            if baseline_dataset is not None and record.data["baseline"] != baseline_dataset.id:
                continue
            if target_dataset is None or record.data["target"] == target_dataset.id:
                found.append(DataDriftDetector(workspace, record.name))
        return found

    # -- what it is ----------------------------------------------------------------------------------------------
    @property
    def workspace(self) -> Any:
        """Its workspace."""
        return self._workspace

    @property
    def name(self) -> str:
        """Its name."""
        return self._record.name

    @property
    def compute_target(self) -> str | None:
        """The name of the compute target that it was given."""
        return self._record.data.get("compute_target")

    @property
    def frequency(self) -> str:
        """ "Day", "Week" or "Month"."""
        return str(self._record.data["frequency"])

    @property
    def interval(self) -> int:
        """A window is so many of `frequency`."""
        return 1

    @property
    def feature_list(self) -> Sequence[str] | None:
        """The columns that are compared; None: all that can be."""
        return self._record.data.get("features")

    @property
    def drift_threshold(self) -> float:
        """The coefficient from which on it is drift."""
        return float(self._record.data["threshold"])

    @property
    def baseline_dataset(self) -> TabularDataset:
        """What is normal."""
        return self._dataset("baseline")

    @property
    def target_dataset(self) -> TabularDataset:
        """What is looked at."""
        return self._dataset("target")

    @property
    def schedule_start(self) -> datetime | None:
        """When the schedule begins (UTC)."""
        said = self._record.data.get("schedule_start")
        return None if said is None else datetime.fromisoformat(said)

    @property
    def alert_config(self) -> AlertConfiguration | None:
        """Who is to be told."""
        addresses = self._record.data.get("alerts")
        return AlertConfiguration(addresses) if addresses else None

    @property
    def state(self) -> str:
        """ "Enabled" or "Disabled": its schedule."""
        return "Enabled" if self.enabled else "Disabled"

    @property
    def enabled(self) -> bool:
        """Whether it has a schedule."""
        return bool(self._record.data.get("enabled"))

    @property
    def latency(self) -> int:
        """Hours within which data arrive."""
        return int(self._record.data.get("latency") or 0)

    @property
    def drift_type(self) -> str:
        """What it compares."""
        return "DatasetBased"

    def _dataset(self, which: str) -> TabularDataset:
        return dataset_of(self._workspace, record_by_id(self._workspace, self._record.data[which]))  # type: ignore[no-any-return]

    # -- changing ------------------------------------------------------------------------------------------------
    def update(
        self,
        compute_target: Any = None,
        feature_list: Sequence[str] | None = None,
        schedule_start: datetime | None = None,
        alert_config: AlertConfiguration | None = None,
        drift_threshold: float | None = None,
        wait_for_completion: bool = True,
    ) -> DataDriftDetector:
        """Change what is not None. Arguments and errors as of `create_from_datasets`."""
        changed: dict[str, Any] = {}
        if compute_target is not None:
            changed["compute_target"] = name_of(compute_target)
        if feature_list is not None:
            changed["features"] = features_of(feature_list)
        if schedule_start is not None:
            changed["schedule_start"] = utc(schedule_start).isoformat()
        if alert_config is not None:
            changed["alerts"] = addresses_of(alert_config)
        if drift_threshold is not None:
            changed["threshold"] = threshold_of(drift_threshold)
        return self._change(changed)

    def _change(self, changed: Mapping[str, Any]) -> DataDriftDetector:
        self._record = self._workspace.connection.store.change_asset(
            self._record.id, at=time.time(), who=user_name(), data=changed
        )
        return self

    def enable_schedule(self, create_compute_target: bool = False, wait_for_completion: bool = True) -> None:
        """Have it look once a `frequency`: `run_due`, which ``aml data monitor`` calls, then analyses the windows that are over."""
        start = self._record.data.get("schedule_start") or utc(datetime.now(timezone.utc)).isoformat()
        self._change({"enabled": True, "schedule_start": start})

    def disable_schedule(self, wait_for_completion: bool = True) -> None:
        """No schedule any more."""
        self._change({"enabled": False})

    def delete(self, wait_for_completion: bool = True) -> None:
        """Remove the monitor; its runs stay."""
        self._workspace.connection.store.delete_asset(self._record.id, at=time.time(), who=user_name())

    # -- looking -------------------------------------------------------------------------------------------------
    def backfill(
        self, start_date: datetime, end_date: datetime, compute_target: Any = None, create_compute_target: bool = False
    ) -> Any:
        """Analyse the windows between two moments, in this process, and return the run.

        Raises:
            UserErrorException: the end is not after the start, or there are no features that both datasets have.
        """
        start, end = utc(start_date), utc(end_date)
        if end <= start:
            raise UserErrorException(f"end_date ({end:%Y-%m-%d}) is not after start_date ({start:%Y-%m-%d}).")
        spans = [(begin, min(until, end)) for begin, until in windows(start, end, self.frequency)]
        return drift_analysis.analyse(self, spans, "backfill", None, None)

    def run(
        self,
        target_date: datetime,
        compute_target: Any = None,
        create_compute_target: bool = False,
        feature_list: Sequence[str] | None = None,
        drift_threshold: float | None = None,
    ) -> Any:
        """Analyse the window that ends with a day, in this process, and return the run. Errors as of `backfill`."""
        end = utc(target_date)
        threshold = None if drift_threshold is None else threshold_of(drift_threshold)
        return drift_analysis.analyse(
            self, [(before(end, self.frequency), end)], "run", features_of(feature_list), threshold
        )

    @staticmethod
    def run_due(workspace: Any, now: datetime | None = None) -> builtins.list[Any]:
        """Analyse what the schedules of the workspace's monitors ask for by now: each window once, when its data can be there."""
        moment = utc(now or datetime.now(timezone.utc))
        runs = []
        for monitor in DataDriftDetector.list(workspace):
            start = monitor.schedule_start
            if not monitor.enabled or start is None:
                continue
            over = moment - timedelta(hours=monitor.latency)
            due = [window for window in windows(start, over, monitor.frequency) if window[1] <= over]
            seen = datetime.fromisoformat(monitor._record.data.get("seen") or datetime.min.isoformat())
            due = [window for window in due if window[1] > seen]
            if due and start <= over:
                runs.append(drift_analysis.analyse(monitor, due, "schedule", None, None))
                monitor._change({"seen": due[-1][1].isoformat()})
        return runs

    # -- what was found ------------------------------------------------------------------------------------------
    def get_output(
        self, start_time: datetime | None = None, end_time: datetime | None = None, run_id: str | None = None
    ) -> tuple[builtins.list[dict[str, Any]], builtins.list[dict[str, Any]]]:
        """What was found: whether there was drift, and the measures, of the windows in a time or of a run.

        Returns:
            ``([{"drift_type", "result": [{"has_drift", …}]}], [{"drift_type", "metrics": [{"dataset_metrics", "column_metrics", …}]}])``;
            ``column_metrics`` is ``[{name of the column: [{"name", "value"}, …]}, …]``.

        Raises:
            UserErrorException: both a run and a time.
        """
        if run_id is not None and (start_time is not None or end_time is not None):
            raise UserErrorException("Give a run_id, or start_time and end_time.")
        return drift_analysis.output_of(drift_analysis.results(self, start_time, end_time, run_id), self.drift_type)

    def show(self, start_time: datetime | None = None, end_time: datetime | None = None) -> dict[str, Any]:
        """Draw the drift over time, and what each feature has of it, with matplotlib.

        Returns:
            The figures by name; none when nothing was analysed in that time.
        """
        found = list(drift_analysis.results(self, start_time, end_time, None))
        if not found:
            print("Nothing was analysed in that time yet.")
            return {}
        return drift_plots.figures(found, self.drift_threshold)

    def __repr__(self) -> str:
        about = {
            "name": self.name, "target_dataset_id": self._record.data["target"], "baseline_dataset_id": self._record.data["baseline"],
            "frequency": self.frequency, "feature_list": self.feature_list, "drift_threshold": self.drift_threshold,
            "latency": self.latency, "compute_target": self.compute_target, "state": self.state,
        }  # fmt: skip
        return f"DataDriftDetector\n{json.dumps(about, indent=2, ensure_ascii=False)}"

    def _repr_html_(self) -> str:
        with contextlib.suppress(Exception):
            features = ", ".join(self.feature_list or ()) or "all"
            return facts(
                f"Drift monitor {self.name}",
                {
                    "Frequency": self.frequency,
                    "Features": features,
                    "Threshold": self.drift_threshold,
                    "Schedule": self.state,
                },
            )
        return "<div>Drift monitor</div>"
