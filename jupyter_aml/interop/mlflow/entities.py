"""Our records as MLflow's entities."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from mlflow.entities import (
    Dataset,
    DatasetInput,
    Experiment,
    ExperimentTag,
    InputTag,
    LifecycleStage,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    Param,
    Run,
    RunData,
    RunInfo,
    RunInputs,
    RunOutputs,
    RunStatus,
    RunTag,
)
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME, MLFLOW_RUN_NOTE, MLFLOW_USER

from jupyter_aml.interop.mlflow.uri import SCHEME, artifacts_of
from jupyter_aml.store.records import ExperimentRecord, MetricRecord, RunRecord, Series

DATASET = "mlflow.dataset:"
MODEL_INPUT = "mlflow.model_input:"
MODEL_OUTPUT = "mlflow.model_output:"
"""How the entries of a run's details begin that say what it read and made."""
NAME, NOTE, PARENT = MLFLOW_RUN_NAME, MLFLOW_RUN_NOTE, MLFLOW_PARENT_RUN_ID
"""MLflow's tags for what a run of ours has as fields."""
ENDS = {RunStatus.FINISHED: "Completed", RunStatus.FAILED: "Failed", RunStatus.KILLED: "Canceled"}
_STATUSES = {
    **{ours: theirs for theirs, ours in ENDS.items()},
    **dict.fromkeys(("NotStarted", "Queued", "Provisioning", "Preparing", "Starting"), RunStatus.SCHEDULED),
}


def status_of(status: str) -> str:
    """Our word for a run's status in MLflow's."""
    return str(RunStatus.to_string(_STATUSES.get(status, RunStatus.RUNNING)))


def experiment_of(record: ExperimentRecord, url: str) -> Experiment:
    """An experiment; MLflow calls an archived one deleted."""
    return Experiment(
        experiment_id=record.id,
        name=record.name,
        artifact_location=f"{SCHEME}:{url}",
        lifecycle_stage=LifecycleStage.ACTIVE if record.archived is None else LifecycleStage.DELETED,
        tags=[ExperimentTag(key, value or "") for key, value in record.tags.items()],
        creation_time=_ms(record.created),
        last_update_time=_ms(record.last_activity or record.created),
    )


def info_of(record: RunRecord, experiment_id: str, url: str) -> RunInfo:
    """Who a run is and where it stands."""
    return RunInfo(
        run_id=record.id,
        experiment_id=experiment_id,
        user_id=record.user,
        status=status_of(record.status),
        start_time=math.floor((record.started or record.created) * 1000),
        end_time=None if record.ended is None else math.floor(record.ended * 1000),
        lifecycle_stage=LifecycleStage.ACTIVE,
        artifact_uri=artifacts_of(url, record.id),
        run_name=record.name or record.id,
    )


def run_of(record: RunRecord, metrics: Iterable[MetricRecord], experiment_id: str, url: str) -> Run:
    """A run with the last value of each metric."""
    tags = {key: value or "" for key, value in record.tags.items()}
    tags[NAME] = record.name or record.id
    tags.setdefault(MLFLOW_USER, record.user)
    if record.description:
        tags[NOTE] = record.description
    if record.parent:
        tags[PARENT] = record.parent
    return Run(
        info_of(record, experiment_id, url),
        RunData(
            metrics=[one for one in map(_last, metrics) if one is not None],
            params=[Param(key, text_of(value)) for key, value in record.params.items()],
            tags=[RunTag(key, value) for key, value in tags.items()],
        ),
        RunInputs(
            dataset_inputs=[_dataset(said) for said in _details(record, DATASET).values()],
            model_inputs=[LoggedModelInput(model_id) for model_id in _details(record, MODEL_INPUT)],
        ),
        RunOutputs([LoggedModelOutput(model_id, step) for model_id, step in _details(record, MODEL_OUTPUT).items()]),
    )


def points_of(series: Series, run_id: str) -> list[Metric]:
    """The numbers of a series; what is no number is none of MLflow's metrics."""
    points = zip(series.steps, series.times, series.values, strict=True)
    return [
        Metric(series.name, float(value), _ms(at), step, run_id=run_id)
        for step, at, value in points
        if _is_number(value)
    ]


def text_of(value: Any) -> str:
    """A parameter as MLflow has it: text."""
    return value if isinstance(value, str) else str(value) if _is_number(value) else json.dumps(value)


def dataset_said(one: DatasetInput) -> dict[str, Any]:
    """A dataset that a run read, as JSON."""
    said: dict[str, Any] = one.to_dictionary()
    return said


def _dataset(said: Mapping[str, Any]) -> DatasetInput:
    return DatasetInput(Dataset(**said["dataset"]), [InputTag(key, value) for key, value in said["tags"].items()])


def _details(record: RunRecord, prefix: str) -> dict[str, Any]:
    return {key[len(prefix) :]: value for key, value in record.details.items() if key.startswith(prefix)}


def _last(metric: MetricRecord) -> Metric | None:
    if metric.kind not in ("scalar", "list") or not _is_number(metric.last):
        return None
    return Metric(metric.name, float(metric.last), _ms(metric.last_time), metric.last_step or 0)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
