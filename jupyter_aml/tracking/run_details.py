"""`Run.get_details`: the SDK's shape of what is known of a run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from jupyter_aml.store.records import RunRecord
from jupyter_aml.tracking.run_files import LOGS


def iso(at: float | None) -> str | None:
    """A time as the SDK writes it."""
    return None if at is None else datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def details(run: Any, record: RunRecord) -> dict[str, Any]:
    """The dict that `Run.get_details` returns."""
    properties = dict(record.properties)
    if record.snapshot:
        properties["ContentSnapshotId"] = record.snapshot
    found: dict[str, Any] = {
        "runId": record.id,
        "target": record.details.get("target", "local"),
        "status": record.status,
        "startTimeUtc": iso(record.started),
        "endTimeUtc": iso(record.ended),
        "services": {},
        "properties": properties,
        **_datasets(run),
        "runDefinition": Definition(record.details.get("definition", {})),
        "logFiles": {name: f"{run.get_portal_url()}/{name}" for name in _logs(run)},
        "submittedBy": record.user,
    }
    if record.details.get("warnings"):
        found["warnings"] = [{"source": "jupyter_aml", "message": str(text)} for text in record.details["warnings"]]
    if record.error:
        found["error"] = {"error": {"code": record.error.get("code"), "message": record.error.get("message")}}
    return found


class Definition(dict[str, Any]):
    """What was submitted. A key is found with a capital letter, too: the SDK's first releases gave ``["Arguments"]``."""

    def __missing__(self, key: str) -> Any:
        small = key[:1].lower() + key[1:]
        if small in self:
            return self[small]
        raise KeyError(key)


class LinkedDataset(dict[str, Any]):
    """A dataset that a run read or wrote: its id, name and version, and by attribute all that the dataset itself has.

    Args:
        workspace: where it is.
        about: id, name and version.
    """

    def __init__(self, workspace: Any, about: Mapping[str, Any]) -> None:
        super().__init__(about)
        self._load = lambda: workspace._dataset_of_id(about["id"])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._load(), name)

    def __reduce__(self) -> Any:
        return dict, (dict(self),)  # a copy elsewhere is what it says


def _datasets(run: Any) -> dict[str, list[dict[str, Any]]]:
    """The datasets that it read and wrote, by the lineage that the store keeps."""
    found: dict[str, list[dict[str, Any]]] = {"inputDatasets": [], "outputDatasets": []}
    for link in run._connection.store.links(run=run.id):
        if link.kind not in ("dataset", "saved-dataset") or link.role not in ("input", "output"):
            continue
        named = link.kind == "dataset"
        about = {"id": link.asset, "name": link.name if named else None, "version": link.version if named else None}
        dataset = LinkedDataset(run.experiment.workspace, about)
        mechanism = str(link.data.get("mode", "direct")).capitalize()
        if link.role == "input":
            how = {"type": "RunInput", "inputName": link.label, "mechanism": mechanism}
            found["inputDatasets"].append({"dataset": dataset, "consumptionDetails": how})
        else:
            how = {"type": "RunOutput", "outputName": link.label, "mechanism": mechanism}
            found["outputDatasets"].append({"dataset": dataset, "outputDetails": how})
    return found


def details_with_logs(run: Any, record: RunRecord) -> dict[str, Any]:
    """As `details`, each log's text in place of its address."""
    found = details(run, record)
    found["logFiles"] = {name: _text(run, name) for name in _logs(run)}
    return found


def _logs(run: Any) -> list[str]:
    return [f.path for f in run._connection.store.files(run.id) if f.path.startswith(LOGS) or not f.digest]


def _text(run: Any, name: str) -> str:
    record = run._file(name)
    if not record.digest:
        return str(run._connection.store.text(run.id, name))
    with run._connection.blobs.open(record.digest) as file:
        return str(file.read().decode("utf-8", "replace"))
