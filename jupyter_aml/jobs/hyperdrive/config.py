"""HyperDriveConfig: a search over the hyperparameters of a script.

Reference: https://learn.microsoft.com/python/api/azureml-train-core/azureml.train.hyperdrive.hyperdriveconfig
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Any

from jupyter_aml.jobs.hyperdrive.errors import HyperDriveConfigException, HyperDriveNotImplementedException
from jupyter_aml.jobs.hyperdrive.policy import EarlyTerminationPolicy, NoTerminationPolicy
from jupyter_aml.jobs.hyperdrive.sampling import HyperParameterSampling
from jupyter_aml.jobs.script_config import ScriptRunConfig

MOST_RUNS = 1000
LONGEST = 10080
"""Minutes that a search takes at most, unless it says so: a week."""
MOST_RESUMED = 5


class PrimaryMetricGoal(enum.Enum):
    """Which values of the primary metric are better."""

    MAXIMIZE = "MAXIMIZE"
    MINIMIZE = "MINIMIZE"

    @staticmethod
    def from_str(goal: str) -> PrimaryMetricGoal:
        """The goal of that name.

        Raises:
            HyperDriveConfigException: there is none.
        """
        try:
            return PrimaryMetricGoal(str(goal).upper())
        except ValueError:
            raise HyperDriveConfigException(f"The goal is MAXIMIZE or MINIMIZE, not {goal!r}.") from None


class HyperDriveConfig:
    """A search over the hyperparameters of a script. It may be submitted again and again.

    Args:
        hyperparameter_sampling: how they are chosen.
        primary_metric_name: the metric that children log and are compared by.
        primary_metric_goal: whether larger or smaller is better.
        max_total_runs: children at most, 1 to 1000.
        max_concurrent_runs: children at once; by default all of them.
        max_duration_minutes: minutes after which what still runs is cancelled.
        policy: when children are ended early; never by default.
        estimator: what is run: an estimator …
        run_config: … or a `ScriptRunConfig`.
        resume_from: earlier searches (`HyperDriveRun`) whose results are built upon, up to 5.
        resume_child_runs: children of earlier searches whose hyperparameters are tried first.
        pipeline: pipelines cannot be searched yet.
        debug_flag: (SDK) without effect.
        custom_run_id: id of the search's run.

    Raises:
        HyperDriveConfigException: what cannot be.
        HyperDriveNotImplementedException: a pipeline.
    """

    def __init__(
        self,
        hyperparameter_sampling: HyperParameterSampling,
        primary_metric_name: str,
        primary_metric_goal: PrimaryMetricGoal,
        max_total_runs: int,
        max_concurrent_runs: int | None = None,
        max_duration_minutes: float = LONGEST,
        policy: EarlyTerminationPolicy | None = None,
        estimator: Any = None,
        run_config: Any = None,
        resume_from: Any = None,
        resume_child_runs: Any = None,
        pipeline: Any = None,
        debug_flag: Any = None,
        custom_run_id: str | None = None,
    ) -> None:
        if pipeline is not None:
            raise HyperDriveNotImplementedException(
                "Pipelines cannot be searched yet; give run_config=ScriptRunConfig(…)."
            )
        self._run_config = _script_of(run_config, estimator)
        self._estimator = estimator
        self._sampling = _of_type("hyperparameter_sampling", hyperparameter_sampling, HyperParameterSampling)
        self._policy = _of_type(
            "policy", policy if policy is not None else NoTerminationPolicy(), EarlyTerminationPolicy
        )
        if not isinstance(primary_metric_name, str) or not primary_metric_name:
            raise HyperDriveConfigException(f"primary_metric_name is a metric's name, not {primary_metric_name!r}.")
        self._metric = primary_metric_name
        self._goal = _of_type("primary_metric_goal", primary_metric_goal, PrimaryMetricGoal)
        self._total = _count("max_total_runs", max_total_runs, MOST_RUNS)
        at_once = self._total if max_concurrent_runs is None else max_concurrent_runs
        self._at_once = min(_count("max_concurrent_runs", at_once, MOST_RUNS), self._total)
        if isinstance(max_duration_minutes, bool) or not isinstance(max_duration_minutes, int | float):
            raise HyperDriveConfigException(
                f"max_duration_minutes is a number of minutes, not {max_duration_minutes!r}."
            )
        if not max_duration_minutes > 0:
            raise HyperDriveConfigException(f"max_duration_minutes is above 0, not {max_duration_minutes!r}.")
        self._minutes = float(max_duration_minutes)
        self._resume_from = _runs("resume_from", resume_from, "get_children_sorted_by_primary_metric")
        if len(self._resume_from) > MOST_RESUMED:
            raise HyperDriveConfigException(
                f"resume_from takes up to {MOST_RESUMED} searches, not {len(self._resume_from)}."
            )
        self._resume_children = _resumed(resume_child_runs)
        self._custom_run_id = custom_run_id

    @property
    def estimator(self) -> Any:
        """The estimator, where it is one that is run."""
        return self._estimator

    @property
    def run_config(self) -> Any:
        """The `ScriptRunConfig` that is run."""
        return self._run_config

    @property
    def pipeline(self) -> Any:
        """None."""
        return None

    @property
    def source_directory(self) -> str:
        """What is frozen for the children."""
        return str(self._run_config.source_directory)

    def _search(self) -> dict[str, Any]:
        """All but the script, as JSON."""
        return {
            "sampling": self._sampling.to_json(),
            "policy": self._policy.to_json(),
            "metric": self._metric,
            "goal": self._goal.value,
            "total": self._total,
            "at_once": self._at_once,
            "minutes": self._minutes,
            "resume_from": [run.id for run in self._resume_from],
            "first": self._resume_children,
        }

    def _submit(self, workspace: Any, experiment: Any, *, tags: Mapping[str, Any] | None = None, **kwargs: Any) -> Any:
        """See `Experiment.submit`."""
        from jupyter_aml.jobs.hyperdrive.submission import submit_search

        return submit_search(workspace, experiment, self, tags=tags, **kwargs)

    def __repr__(self) -> str:
        return (
            f"HyperDriveConfig({self._metric!r}, {self._goal.value}, max_total_runs={self._total}, {self._sampling!r})"
        )


class HyperDriveRunConfig(HyperDriveConfig):
    """The SDK's older name, with the estimator first."""

    def __init__(
        self,
        estimator: Any,
        hyperparameter_sampling: HyperParameterSampling,
        primary_metric_name: str,
        primary_metric_goal: PrimaryMetricGoal,
        max_total_runs: int,
        max_concurrent_runs: int | None = None,
        max_duration_minutes: float = LONGEST,
        policy: EarlyTerminationPolicy | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            hyperparameter_sampling, primary_metric_name, primary_metric_goal, max_total_runs, max_concurrent_runs,
            max_duration_minutes, policy, estimator, **kwargs,
        )  # fmt: skip


def _script_of(run_config: Any, estimator: Any) -> ScriptRunConfig:
    if (run_config is None) == (estimator is None):
        raise HyperDriveConfigException("HyperDriveConfig takes either run_config= or estimator=.")
    given = run_config if estimator is None else estimator
    if not isinstance(given, ScriptRunConfig):
        raise HyperDriveConfigException(
            f"run_config is a ScriptRunConfig, not {given!r} of type {type(given).__name__}."
        )
    return given


def _of_type(name: str, value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise HyperDriveConfigException(f"{name} is a {kind.__name__}, not {value!r} of type {type(value).__name__}.")
    return value


def _count(name: str, value: Any, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise HyperDriveConfigException(f"{name} is a whole number from 1 to {most}, not {value!r}.")
    return value


def _runs(name: str, given: Any, needed: str) -> Sequence[Any]:
    if given is None:
        return []
    found = list(given) if isinstance(given, list | tuple) else [given]
    for one in found:
        if not hasattr(one, needed):
            raise HyperDriveConfigException(f"{name} takes runs of searches, not {one!r} of type {type(one).__name__}.")
    if len({one.id for one in found}) < len(found):
        raise HyperDriveConfigException(f"{name} names a run twice.")
    return found


def _resumed(given: Any) -> list[dict[str, Any]]:
    """Hyperparameters of children that are tried again."""
    found = []
    for run in _runs("resume_child_runs", given, "get_metrics"):
        record = run._record()
        if record.details.get("search") != record.parent or not record.parent:
            raise HyperDriveConfigException(f"resume_child_runs takes children of searches; run {run.id} is none.")
        if record.status not in ("Completed", "Failed", "Canceled"):
            raise HyperDriveConfigException(
                f"The run {run.id} in resume_child_runs is {record.status}: it has not ended."
            )
        found.append(dict(record.params))
    return found
