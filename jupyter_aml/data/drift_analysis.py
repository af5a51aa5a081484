"""What a drift monitor does: windows of the target against the baseline, kept as a run, and found again."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from jupyter_aml.data import drift_measures, drift_plots
from jupyter_aml.data.dataset_lineage import link
from jupyter_aml.data.drift_settings import utc
from jupyter_aml.data.tabular_dataset import TabularDataset
from jupyter_aml.errors import NotFoundException, UserErrorException

RUN_TYPE = "aml.drift"
RESULT = "outputs/drift.json"


def analyse(
    monitor: Any,
    spans: Sequence[tuple[datetime, datetime]],
    why: str,
    features: Sequence[str] | None,
    threshold: float | None,
) -> Any:
    """Compare the windows with the baseline, in this process, and return the run that has what was found.

    Args:
        monitor: the detector.
        spans: the windows.
        why: what asked for it, kept with the run.
        features: columns, instead of the monitor's own.
        threshold: likewise.
    """
    from jupyter_aml.tracking.experiment import Experiment
    from jupyter_aml.tracking.run import Run

    baseline, target = monitor.baseline_dataset, monitor.target_dataset
    names = _compared(baseline, target, features or monitor.feature_list)
    limit = monitor.drift_threshold if threshold is None else threshold
    run = Run._create(
        Experiment(monitor._workspace, f"{monitor.name}-Monitor-Runs"), type=RUN_TYPE, name=f"Drift of {target.name or 'the target'}",
        details={"monitor": monitor.name, "why": why},
    )  # fmt: skip
    try:
        for word, dataset in (("baseline", baseline), ("target", target)):
            assert dataset._record is not None  # it came by its id
            link(monitor._workspace, run.id, "input", dataset._record, word)
        link(monitor._workspace, run.id, "drift", monitor._record, monitor.name)
        base = baseline.keep_columns(names)._table()
        found = []
        for start, end in spans:
            # The last moment belongs to the next window.
            part = target.time_after(start).time_before(end, include_boundary=False).keep_columns(names)._table()
            if part.num_rows:
                compared = drift_measures.compare_tables(base, part.cast(base.schema, safe=False), names)
                found.append({"start": start.isoformat(), "end": end.isoformat(), "rows": part.num_rows, **compared})
        _write(run, monitor, spans, found, limit)
    except BaseException as error:
        run.fail(error_details=str(error))
        raise
    run.complete()
    return run


def _compared(baseline: TabularDataset, target: TabularDataset, wanted: Sequence[str] | None) -> list[str]:
    base, other = baseline._schema(), target._schema()
    times = {name for dataset in (baseline, target) for name in dataset.timestamp_columns if name}
    fits = [
        name
        for name in base.names
        if name in other.names and name not in times
        and any(f(base.field(name).type) and f(other.field(name).type) for f in (drift_measures.is_number, drift_measures.is_category))
    ]  # fmt: skip
    lost = [name for name in wanted or () if name not in base.names or name not in other.names]
    if lost:
        raise UserErrorException(
            f"The datasets do not both have the column {lost[0]!r}; both have {', '.join(map(repr, fits))}."
        )
    names = [name for name in fits if wanted is None or name in wanted]
    if not names:
        raise UserErrorException("There is no column of numbers, texts or truth values that both datasets have.")
    return names


def _write(
    run: Any, monitor: Any, spans: Sequence[tuple[datetime, datetime]], found: Sequence[Mapping[str, Any]], limit: float
) -> None:
    start, end = spans[0][0], spans[-1][1]
    run.log("start_date", start.strftime("%Y-%m-%d"))
    run.log("end_date", end.strftime("%Y-%m-%d"))
    run.log("frequency", monitor.frequency)
    for window in found:
        days = (datetime.fromisoformat(window["start"]) - start).days
        run.log_row("Datadrift percentage", days_from_start=days, drift_percentage=100 * window["coefficient"])
        for name, measures in window["columns"].items():
            shown = {k: v for k, v in measures.items() if k in ("js_distance", "wasserstein_distance", "ks_statistic")}
            run.log_row(f"Drift of {name}", days_from_start=days, **shown)
    drift = any(window["coefficient"] >= limit for window in found)
    run.tag("has_drift", str(drift).lower())
    result = {
        "monitor": monitor.name, "threshold": limit, "baseline": monitor._record.data["baseline"],
        "target": monitor._record.data["target"], "windows": list(found),
    }  # fmt: skip
    run._upload_bytes(RESULT, json.dumps(result, indent=1).encode(), "application/json")
    if found:
        for name, picture in drift_plots.pictures(found, limit).items():
            run._upload_bytes(f"outputs/{name}.svg", picture, "image/svg+xml")


def results(monitor: Any, start: datetime | None, end: datetime | None, run_id: str | None) -> Iterator[dict[str, Any]]:
    """The windows that were analysed, by time; of two analyses of a window the newest."""
    from jupyter_aml.tracking.run import Run

    latest: dict[str, dict[str, Any]] = {}
    for one in monitor._workspace.connection.store.links(asset=monitor._record.id, role="drift"):
        if run_id is not None and one.run != run_id:
            continue
        with contextlib.suppress(NotFoundException):
            run = Run.get(monitor._workspace, one.run)
            with run._connection.blobs.open(run._file(RESULT).digest) as file:
                result = json.loads(file.read())
            for window in result.pop("windows"):
                latest[window["start"]] = {**result, **window, "run": one.run}
    for key in sorted(latest):
        begins, ends = (datetime.fromisoformat(latest[key][word]) for word in ("start", "end"))
        if (start is None or ends > utc(start)) and (end is None or begins < utc(end)):
            yield latest[key]


def output_of(found: Iterable[Mapping[str, Any]], drift_type: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Windows that were analysed, as `DataDriftDetector.get_output` gives them."""
    outcome, metrics = [], []
    for one in found:
        days = {"start_date": one["start"][:10], "end_date": one["end"][:10]}
        outcome.append(
            {
                "has_drift": one["coefficient"] >= one["threshold"], "drift_threshold": one["threshold"], **days,
                "base_dataset_id": one["baseline"], "target_dataset_id": one["target"],
            }
        )  # fmt: skip
        columns = [
            {
                name: [
                    {"name": "datadrift_contribution", "value": one["contribution"][name]},
                    *({"name": k, "value": v} for k, v in measures.items()),
                ]
            }
            for name, measures in one["columns"].items()
        ]
        metrics.append(
            {
                "schema_version": "0.1", **days, "baseline_dataset_id": one["baseline"], "target_dataset_id": one["target"],
                "dataset_metrics": [{"name": "datadrift_coefficient", "value": one["coefficient"]}],
                "column_metrics": columns,
            }
        )  # fmt: skip
    kind = {"drift_type": drift_type}
    return [{**kind, "result": outcome}], [{**kind, "metrics": metrics}]
