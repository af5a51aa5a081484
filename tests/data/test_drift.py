"""Drift of a time-stamped set against a baseline."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from jupyter_aml.data.dataset import Dataset
from jupyter_aml.data.drift import DataDriftDetector
from jupyter_aml.data.drift_settings import AlertConfiguration, windows
from jupyter_aml.errors import ConflictException, DatasetTimestampMissingError, NotFoundException, UserErrorException
from jupyter_aml.workspace import Workspace

START = datetime(2020, 1, 1)


@pytest.fixture
def ws():
    return Workspace.default()


@pytest.fixture
def sets(ws):
    rng, store = np.random.default_rng(0), ws.get_default_datastore()

    def rows(count, shift):
        return {
            "age": rng.normal(50 + shift, 10, count),
            "same": rng.normal(0, 1, count),
            "kind": rng.choice(["a", "b"], count),
        }

    parts = [pd.DataFrame({**rows(400, 15 * week), "t": START + timedelta(weeks=week, days=1)}) for week in range(3)]
    baseline = Dataset.Tabular.register_pandas_dataframe(pd.DataFrame(rows(2000, 0)), store, "base")
    target = Dataset.Tabular.register_pandas_dataframe(pd.concat(parts), store, "target")
    return baseline, target.with_timestamp_columns("t").register(ws, "target", create_new_version=True)


def test_drift_is_found_where_it_is_and_kept_as_a_run(ws, sets):
    monitor = DataDriftDetector.create_from_datasets(
        ws, "m", *sets, compute_target="local", frequency="Week", drift_threshold=0.3, latency=24,
        alert_config=AlertConfiguration(["a@b.c"]),
    )  # fmt: skip
    run = monitor.backfill(START, START + timedelta(weeks=4))
    run.wait_for_completion(wait_post_processing=True)
    drift = run.get_metrics()["Datadrift percentage"]
    assert drift["days_from_start"] == [0, 7, 14]  # the fourth week has no rows
    assert drift["drift_percentage"][0] < 15 < 30 < drift["drift_percentage"][1] < drift["drift_percentage"][2]
    assert run.tags["has_drift"] == "true" and "outputs/drift.svg" in run.get_file_names()
    results, metrics = DataDriftDetector.get_by_name(ws, "m").get_output(start_time=START)
    assert [one["has_drift"] for one in results[0]["result"]] == [False, True, True]
    columns = {
        name: {m["name"]: m["value"] for m in found}
        for column in metrics[0]["metrics"][2]["column_metrics"]
        for name, found in column.items()
    }
    assert set(columns) == {"age", "same", "kind"} and columns["age"]["wasserstein_distance"] == pytest.approx(
        3, abs=0.2
    )
    assert columns["age"]["ks_statistic"] > 0.8 > 0.15 > columns["same"]["ks_statistic"]
    assert columns["kind"]["population_stability_index"] < 0.1 and columns["age"]["datadrift_contribution"] > 0.6
    assert [d["dataset"]["name"] for d in run.get_details()["inputDatasets"]] == ["base", "target"]
    assert monitor.get_output(end_time=START)[0][0]["result"] == []
    assert set(monitor.show(START)) == {"drift", "features"} and monitor._repr_html_().startswith("<div")


def test_a_monitor_is_changed_scheduled_and_removed(ws, sets):
    base, target = sets
    with pytest.raises(NotFoundException):
        DataDriftDetector.get_by_name(ws, "m")
    with pytest.raises(DatasetTimestampMissingError):
        DataDriftDetector.create_from_datasets(ws, "m", base, base)
    monitor = DataDriftDetector.create_from_datasets(ws, "m", base, target, frequency="Week")
    with pytest.raises(ConflictException):
        DataDriftDetector.create_from_datasets(ws, "m", base, target)
    for wrong in ({"feature_list": ["age", "none"]}, {"drift_threshold": 3}):
        with pytest.raises(UserErrorException):
            monitor.update(**wrong).backfill(START, START + timedelta(days=7))
    monitor = monitor.update(feature_list=["age"], drift_threshold=0.9, schedule_start=START)
    assert DataDriftDetector.run_due(ws, START + timedelta(days=15)) == []  # no schedule yet
    monitor.enable_schedule()
    (run,) = DataDriftDetector.run_due(ws, START + timedelta(days=15))
    assert run.get_metrics()["Datadrift percentage"]["days_from_start"] == [0, 7]
    assert DataDriftDetector.run_due(ws, START + timedelta(days=20)) == []
    assert len(DataDriftDetector.run_due(ws, START + timedelta(days=21))) == 1
    assert DataDriftDetector.list(ws, target_dataset=target)[0].state == "Enabled"
    monitor.delete()
    assert DataDriftDetector.list(ws) == []


def test_windows_of_months_keep_their_day():
    found = list(windows(datetime(2020, 1, 31), datetime(2020, 4, 1), "Month"))
    assert [end for _, end in found] == [datetime(2020, 2, 29), datetime(2020, 3, 31), datetime(2020, 4, 30)]
