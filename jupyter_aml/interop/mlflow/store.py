"""The tracking store that MLflow's client talks to when its tracking URI has the scheme ``aml``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

from mlflow.entities import (
    DatasetInput,
    Experiment,
    ExperimentTag,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    Param,
    RunInfo,
    RunStatus,
    RunTag,
    ViewType,
)
from mlflow.entities import Run as MlflowRun
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_ALREADY_EXISTS
from mlflow.store.entities.paged_list import PagedList
from mlflow.store.tracking import SEARCH_MAX_RESULTS_DEFAULT
from mlflow.store.tracking.abstract_store import AbstractStore
from mlflow.utils.name_utils import _generate_random_name
from mlflow.utils.search_utils import SearchExperimentsUtils, SearchUtils

from jupyter_aml.errors import NotFoundException, RunStateException
from jupyter_aml.interop.mlflow import entities
from jupyter_aml.interop.mlflow.failures import refuse, translated
from jupyter_aml.interop.mlflow.filters import query_of
from jupyter_aml.interop.mlflow.log import Log
from jupyter_aml.interop.mlflow.logged_models import LoggedModelsMixin
from jupyter_aml.interop.mlflow.uri import connection_of
from jupyter_aml.store.connection import Connection
from jupyter_aml.store.records import TERMINAL, ExperimentRecord, RunRecord
from jupyter_aml.tracking import context, lifetime
from jupyter_aml.tracking.experiment import Experiment as OurExperiment
from jupyter_aml.tracking.run import Run
from jupyter_aml.tracking.run_states import WATCHED

DEFAULT = "Default"
"""The experiment of MLflow's id "0": where runs go when nobody set one."""
_DEFAULT_ID = "0"
_SEARCHED_MOST = 10_000


class AmlStore(LoggedModelsMixin, AbstractStore):  # type: ignore[misc]
    """Experiments and runs of a workspace of ours, as MLflow's client asks for them.

    Args:
        store_uri: ``aml:<workspace URL>``, or ``aml:`` in a submitted run.
        artifact_uri: (MLflow) not used: artifacts are files of their run.
    """

    def __init__(self, store_uri: str, artifact_uri: str | None = None) -> None:
        self._uri = store_uri
        self._logs: dict[str, Log] = {}
        super().__init__()

    @property
    def connection(self) -> Connection:
        """This process's connection to the workspace."""
        return connection_of(self._uri)

    # -- experiments -------------------------------------------------------------------------------------------------
    @translated
    def search_experiments(
        self,
        view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int = SEARCH_MAX_RESULTS_DEFAULT,
        filter_string: str | None = None,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Experiment]:
        """A page of the experiments; those that are archived are MLflow's deleted ones."""
        archived = {ViewType.ACTIVE_ONLY: False, ViewType.DELETED_ONLY: True}.get(view_type)
        connection = self.connection
        known = [entities.experiment_of(r, connection.url) for r in connection.store.experiments(archived=archived)]
        chosen = SearchExperimentsUtils.filter(known, filter_string)
        ordered = SearchExperimentsUtils.sort(chosen, order_by or ["creation_time DESC", "experiment_id ASC"])
        page, token = SearchUtils.paginate(ordered, page_token, max_results)
        return PagedList(page, token)

    @translated
    def create_experiment(
        self, name: str, artifact_location: str | None = None, tags: Sequence[ExperimentTag] | None = None
    ) -> str:
        """Make an experiment and return its id."""
        if artifact_location:
            refuse(f"A place of its own for artifacts ({artifact_location!r})", "Leave artifact_location out.")
        if self.connection.store.experiment(name) is not None:
            raise MlflowException(f"There is an experiment {name!r} already.", RESOURCE_ALREADY_EXISTS)
        made = OurExperiment(self._workspace, name)
        if tags:
            made.set_tags({tag.key: tag.value for tag in tags})
        return made.id

    @translated
    def get_experiment(self, experiment_id: str) -> Experiment:
        """The experiment of that id."""
        return entities.experiment_of(self._experiment_record(experiment_id), self.connection.url)

    @translated
    def get_experiment_by_name(self, experiment_name: str) -> Experiment | None:
        """The experiment of that name; None when there is none."""
        record = self.connection.store.experiment(experiment_name)
        return None if record is None else entities.experiment_of(record, self.connection.url)

    @translated
    def delete_experiment(self, experiment_id: str) -> None:
        """Archive it: MLflow's deleted experiments can be restored, and so can ours that are archived."""
        self._experiment(experiment_id).archive()

    @translated
    def restore_experiment(self, experiment_id: str) -> None:
        """Take it out of the archive."""
        self._experiment(experiment_id).reactivate()

    @translated
    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        """Give it another name."""
        self._experiment(experiment_id).reactivate(new_name)

    @translated
    def set_experiment_tag(self, experiment_id: str, tag: ExperimentTag) -> None:
        """Set a tag of an experiment."""
        self._experiment(experiment_id).tag(tag.key, tag.value)

    @translated
    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        """Take a tag of an experiment away."""
        self._experiment(experiment_id).remove_tags(key)

    # -- runs --------------------------------------------------------------------------------------------------------
    @translated
    def create_run(
        self, experiment_id: str, user_id: str, start_time: int, tags: Sequence[RunTag] | None, run_name: str | None
    ) -> MlflowRun:
        """Begin a run. It starts now, whatever `start_time` says; it ends with this process at the latest."""
        said = {tag.key: tag.value for tag in tags or ()}
        name = said.pop(entities.NAME, None)
        run = Run._create(
            self._experiment(experiment_id),
            name=run_name or name or _generate_random_name(),
            parent=said.pop(entities.PARENT, None),
            description=said.pop(entities.NOTE, ""),
            tags=said,
        )
        run._life = lifetime.Lifetime(run)
        self._logs[run.id] = Log(run)
        return self._shown(run._record())

    @translated
    def get_run(self, run_id: str) -> MlflowRun:
        """The run of that id, whatever made it."""
        return self._shown(self._record(run_id))

    @translated
    def update_run_info(
        self, run_id: str, run_status: int | None, end_time: int | None, run_name: str | None
    ) -> RunInfo:
        """Rename a run, or say that it goes on or has ended (now). The run that a script or notebook was submitted as is
        ended by whoever runs it, when all of it has ended."""
        record = self._record(run_id)
        run = self._log(run_id).run
        if run_name:
            run.display_name = run_name
        ended = record.status in TERMINAL
        if run_status in entities.ENDS:
            if not ended and record.type not in WATCHED and run_id != os.environ.get(context.RUN_ID):
                self._end(run, entities.ENDS[run_status])
        elif ended and run_status is not None:
            raise RunStateException(
                f"Run {run_id} is {record.status} and does not begin again. Start a new run; "
                f"mlflow.start_run(parent_run_id={run_id!r}) makes it a child of this one."
            )
        elif run_status == RunStatus.RUNNING and record.status == "NotStarted":
            run.start()
        return self._shown(self._record(run_id)).info

    def _end(self, run: Run, status: str) -> None:
        if status == "Completed":
            run.complete()
        elif status == "Canceled":
            run.cancel()
        else:  # ``with mlflow.start_run()`` says no more than that, but it says so while the error is on its way
            run.fail(sys.exc_info()[1] or "It was ended as failed.")

    @translated
    def delete_run(self, run_id: str) -> None:
        """Refused: MLflow's deleted runs can be restored, ours could not."""
        refuse(f"Deleting run {run_id} so that it can be restored", "`aml run delete` removes a run for good.")

    @translated
    def restore_run(self, run_id: str) -> None:
        """Refused, as `delete_run`."""
        refuse(f"Restoring run {run_id}", "Runs that were deleted are gone.")

    @translated
    def _search_runs(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None,
        run_view_type: int,
        max_results: int,
        order_by: list[str] | None,
        page_token: str | None,
    ) -> tuple[list[MlflowRun], str | None]:
        if not 1 <= max_results <= _SEARCHED_MOST:
            raise MlflowException(
                f"max_results is 1 to {_SEARCHED_MOST:,}, not {max_results}.", INVALID_PARAMETER_VALUE
            )
        if run_view_type == ViewType.DELETED_ONLY:
            return [], None
        known = {record.name: record.id for record in map(self._experiment_record, experiment_ids)}
        if not known:
            return [], None
        store, url = self.connection.store, self.connection.url
        page = store.runs(query_of([*known], filter_string, order_by, max_results, page_token or None))
        shown = [entities.run_of(r, r.metrics.values(), known.get(r.experiment, ""), url) for r in page.runs]
        return shown, page.next

    # -- what runs log -----------------------------------------------------------------------------------------------
    @translated
    def log_batch(
        self, run_id: str, metrics: Sequence[Metric], params: Sequence[Param], tags: Sequence[RunTag]
    ) -> None:
        """Log several things at once; a parameter that has another value already refuses all of them."""
        log = self._log(run_id)
        log.parameters({one.key: one.value for one in params})
        log.tags({one.key: one.value for one in tags})
        log.points(metrics)
        self._note_metrics(metrics, run_id)

    @translated
    def delete_tag(self, run_id: str, key: str) -> None:
        """Take a tag away."""
        if key not in self._record(run_id).tags:
            raise NotFoundException(f"Run {run_id} has no tag {key!r}.")
        self._log(run_id).run.remove_tags(key)

    @translated
    def get_metric_history(
        self, run_id: str, metric_key: str, max_results: int | None = None, page_token: str | None = None
    ) -> PagedList[Metric]:
        """The values of a metric in the order in which they were logged."""
        start = int(page_token or 0)
        series = self.connection.store.series(
            run_id, metric_key, start=start, stop=None if max_results is None else start + max_results
        )
        if series is None:
            return PagedList([], None)
        more = max_results is not None and len(series.values) == max_results
        return PagedList(entities.points_of(series, run_id), str(start + len(series.values)) if more else None)

    @translated
    def log_inputs(
        self,
        run_id: str,
        datasets: list[DatasetInput] | None = None,
        models: list[LoggedModelInput] | None = None,
    ) -> None:
        """Note what a run reads."""
        said: dict[str, Any] = {
            f"{entities.DATASET}{one.dataset.name}:{one.dataset.digest}": entities.dataset_said(one)
            for one in datasets or ()
        }
        said |= {f"{entities.MODEL_INPUT}{model.model_id}": True for model in models or ()}
        self._log(run_id).details(said)

    @translated
    def log_outputs(self, run_id: str, models: list[LoggedModelOutput]) -> None:
        """Note which models a run made."""
        self._log(run_id).details({f"{entities.MODEL_OUTPUT}{model.model_id}": model.step for model in models})

    # -- inside ------------------------------------------------------------------------------------------------------
    @property
    def _workspace(self) -> Any:
        return lifetime.workspace_of(self.connection)

    def _experiment_record(self, experiment_id: str) -> ExperimentRecord:
        store = self.connection.store
        if str(experiment_id) == _DEFAULT_ID:
            found = store.experiment(DEFAULT)
            if found is None:
                found = OurExperiment(self._workspace, DEFAULT)._record()
            return found
        known = store.experiments(archived=None)
        for record in known:
            if record.id == experiment_id:
                return record
        raise NotFoundException.of("experiment", experiment_id, [record.id for record in known])

    def _experiment(self, experiment_id: str) -> OurExperiment:
        name = self._experiment_record(experiment_id).name
        return OurExperiment(self._workspace, name, _create_in_cloud=False)

    def _record(self, run_id: str) -> RunRecord:
        record = self.connection.find_run(run_id)
        if record is None:
            raise NotFoundException.of("run", run_id)
        return record

    def _log(self, run_id: str) -> Log:
        log = self._logs.get(run_id)
        if log is None or log.run._connection.closed:
            if len(self._logs) >= 1000:
                self._logs.clear()
            log = self._logs[run_id] = Log(Run.get(self._workspace, run_id))
        return log

    def _shown(self, record: RunRecord) -> MlflowRun:
        store = self.connection.store
        experiment = store.experiment(record.experiment)
        metrics = store.metrics([record.id]).get(record.id, {}).values()
        return entities.run_of(record, metrics, experiment.id if experiment else "", self.connection.url)
