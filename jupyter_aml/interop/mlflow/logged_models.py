"""MLflow's logged models: what is known of them is an asset, their files are files of the run that made them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from typing import Any

from mlflow.entities import LoggedModel, LoggedModelParameter, LoggedModelStatus, LoggedModelTag, Metric
from mlflow.store.entities.paged_list import PagedList
from mlflow.utils.name_utils import _generate_random_name
from mlflow.utils.search_utils import SearchLoggedModelsUtils

from jupyter_aml.errors import NotFoundException
from jupyter_aml.interop.mlflow.failures import refuse, translated
from jupyter_aml.interop.mlflow.uri import artifacts_of
from jupyter_aml.store.connection import Connection
from jupyter_aml.store.records import AssetQuery, AssetRecord

KIND = "mlflow_model"
_PAGE = 100


class LoggedModelsMixin:
    """The side of the store that knows the models which ``mlflow.<flavor>.log_model`` makes."""

    @property
    def connection(self) -> Connection:
        """This process's connection to the workspace."""
        raise NotImplementedError

    @translated
    def create_logged_model(
        self,
        experiment_id: str,
        name: str | None = None,
        source_run_id: str | None = None,
        tags: list[LoggedModelTag] | None = None,
        params: list[LoggedModelParameter] | None = None,
        model_type: str | None = None,
    ) -> LoggedModel:
        """Begin a model. Its files are the run's, below the model's name (a second model of that name gets a number)."""
        if source_run_id is None:
            refuse("Logging a model outside of a run", "Do it within `with mlflow.start_run():`.")
        name = name or _generate_random_name()
        connection = self.connection
        asked = AssetQuery(kind=KIND, run=source_run_id, archived=True)
        before = sum(one.data["name"] == name for one in connection.store.walk_assets(asked))
        folder = name if not before else f"{name}-{before + 1}"
        now = time.time()
        made = connection.store.put_asset(
            AssetRecord(
                kind=KIND,
                name=f"m-{uuid.uuid4().hex}",
                created=now,
                modified=now,
                run=source_run_id,
                tags={tag.key: tag.value for tag in tags or ()},
                data={
                    "name": name,
                    "experiment_id": experiment_id,
                    "artifact_location": artifacts_of(connection.url, source_run_id, folder),
                    "model_type": model_type,
                    "params": {param.key: param.value for param in params or ()},
                    "status": LoggedModelStatus.PENDING.to_int(),
                    "metrics": [],
                },
            ),
            if_exists="fail",
        )
        return _model_of(made)

    @translated
    def get_logged_model(self, model_id: str, allow_deleted: bool = False) -> LoggedModel:
        """The model of that id."""
        return _model_of(self._asset(model_id, allow_deleted))

    @translated
    def finalize_logged_model(self, model_id: str, status: LoggedModelStatus) -> LoggedModel:
        """Say that it is whole, or that making it failed."""
        return _model_of(self._change_model(model_id, data={"status": status.to_int()}))

    @translated
    def set_logged_model_tags(self, model_id: str, tags: list[LoggedModelTag]) -> None:
        """Set tags of a model."""
        self._change_model(model_id, set_tags={tag.key: tag.value for tag in tags})

    @translated
    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Take a tag of a model away."""
        self._change_model(model_id, drop_tags=[key])

    @translated
    def log_logged_model_params(self, model_id: str, params: list[LoggedModelParameter]) -> None:
        """Add parameters to a model."""
        known = self._asset(model_id).data["params"]
        self._change_model(model_id, data={"params": {**known, **{param.key: param.value for param in params}}})

    @translated
    def delete_logged_model(self, model_id: str) -> None:
        """Hide it; its run keeps the files."""
        self._change_model(model_id, archived=True)

    @translated
    def search_logged_models(
        self,
        experiment_ids: list[str],
        filter_string: str | None = None,
        datasets: list[dict[str, Any]] | None = None,
        max_results: int | None = None,
        order_by: list[dict[str, Any]] | None = None,
        page_token: str | None = None,
    ) -> PagedList[LoggedModel]:
        """A page of models."""
        known = map(_model_of, self.connection.store.walk_assets(AssetQuery(kind=KIND)))
        within = [model for model in known if model.experiment_id in experiment_ids]
        chosen = SearchLoggedModelsUtils.filter_logged_models(within, filter_string, datasets)
        ordered = SearchLoggedModelsUtils.sort(chosen, order_by)
        page, token = SearchLoggedModelsUtils.paginate(ordered, page_token, max_results or _PAGE)
        return PagedList(page, token)

    def record_logged_model(self, run_id: str, mlflow_model: Any) -> None:
        """Nothing: what older clients say with it is known already."""

    def _note_metrics(self, metrics: Sequence[Metric], run_id: str) -> None:
        """Remember which values were said of a model."""
        for model_id in dict.fromkeys(one.model_id for one in metrics if one.model_id is not None):
            mine = [
                [m.key, m.value, m.timestamp, m.step, m.dataset_name, m.dataset_digest, run_id]
                for m in metrics
                if m.model_id == model_id
            ]
            self._change_model(model_id, data={"metrics": [*self._asset(model_id).data["metrics"], *mine]})

    def _asset(self, model_id: str, archived: bool = False) -> AssetRecord:
        found = self.connection.store.asset(KIND, model_id, 1)
        if found is None or (found.archived is not None and not archived):
            raise NotFoundException(f"There is no logged model {model_id!r} in {self.connection.url}.")
        return found

    def _change_model(self, model_id: str, **what: Any) -> AssetRecord:
        return self.connection.store.change_asset(self._asset(model_id, True).id, at=time.time(), **what)


def _model_of(record: AssetRecord) -> LoggedModel:
    data = record.data
    return LoggedModel(
        experiment_id=data["experiment_id"],
        model_id=record.name,
        name=data["name"],
        artifact_location=data["artifact_location"],
        creation_timestamp=round(record.created * 1000),
        last_updated_timestamp=round(record.modified * 1000),
        model_type=data.get("model_type"),
        source_run_id=record.run,
        status=data["status"],
        tags={key: value or "" for key, value in record.tags.items()},
        params=data["params"],
        metrics=[_metric_of(said, record.name) for said in data["metrics"]],
    )


def _metric_of(said: list[Any], model_id: str) -> Metric:
    key, value, timestamp, step, dataset, digest, run_id = said
    return Metric(key, value, timestamp, step, model_id, dataset, digest, run_id)
