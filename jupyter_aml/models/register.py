"""Registering: contents first, then the version in one step, so that no half model is ever seen."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from jupyter_aml.errors import NotFoundException, UserErrorException
from jupyter_aml.models.names import KIND, model_name
from jupyter_aml.models.resources import kept_resources
from jupyter_aml.store.events import AssetLinked
from jupyter_aml.store.records import AssetRecord
from jupyter_aml.tracking import transfer
from jupyter_aml.tracking.names import file_path, local_path, shown, tags_of
from jupyter_aml.tracking.who import user_name

if TYPE_CHECKING:
    from jupyter_aml.models.model import Model

Files = dict[str, tuple[str, int]]


def register_of_path(
    workspace: Any, path: Any, name: str, *, child_paths: Sequence[Any] | None = None, **about: Any
) -> Model:
    """Register a file or folder of this machine; see `Model.register`."""
    name = model_name(name)
    root = Path(local_path(path, "model_path"))
    chosen = _inside(root, child_paths)
    blobs = workspace.connection.blobs
    contents = [one for stored in transfer.put_files(blobs, [str(p) for p in chosen.values()]) for one in stored]
    return put(workspace, name, dict(zip(chosen, contents, strict=True)), run=None, **about)


def register_of_run(workspace: Any, run: Any, name: str, model_path: str | None = None, **about: Any) -> Model:
    """Register files of a run; see `Run.register_model`. What the run's outputs folder has by now is kept first."""
    if model_path is None:
        model_path, name = name, PurePosixPath(str(name)).name
    name = model_name(name)
    wanted = file_path(model_path)
    life = getattr(run, "_life", None)
    if life is not None:
        life.capture()
    records = [r for r in workspace.connection.store.files(run.id, wanted) if r.digest]
    top = PurePosixPath(wanted)
    found: Files = {}
    for record in records:
        if record.path == wanted or record.path.startswith(wanted + "/"):
            found[PurePosixPath(record.path).relative_to(top.parent).as_posix()] = (record.digest, record.size)
    if not found:
        names = [r.path for r in workspace.connection.store.files(run.id)]
        raise NotFoundException.of(
            "file",
            wanted,
            names,
            f"Run {run.id} has {len(names)} files; upload it first, or write it into its outputs folder.",
        )
    model = put(workspace, name, found, run=run, **about)
    workspace.connection.write(
        AssetLinked(run=run.id, role="registered", kind=KIND, asset=model._record.id, at=time.time(), label=wanted)
    )
    return model


def put(
    workspace: Any,
    name: str,
    files: Files,
    *,
    run: Any,
    tags: Mapping[str, str] | None = None,
    properties: Mapping[str, str] | None = None,
    description: str | None = None,
    datasets: Sequence[tuple[str, Any]] | None = None,
    model_framework: str | None = None,
    model_framework_version: str | None = None,
    sample_input_dataset: Any = None,
    sample_output_dataset: Any = None,
    resource_configuration: Any = None,
) -> Model:
    """Write the next version down."""
    from jupyter_aml.models.model import Model

    record = None if run is None else workspace.connection.store.run(run.id)
    data: dict[str, Any] = {
        "framework": _text(model_framework, "model_framework") or "Custom",
        "framework_version": _text(model_framework_version, "model_framework_version"),
        "datasets": references(datasets),
        "sample_input": dataset_id(sample_input_dataset),
        "sample_output": dataset_id(sample_output_dataset),
        "resources": kept_resources(resource_configuration),
        "experiment": None if record is None else record.experiment,
        "snapshot": None if record is None else record.snapshot,
    }
    now = time.time()
    asset = AssetRecord(
        kind=KIND, name=name, created=now, modified=now, user=user_name(), run=None if run is None else run.id,
        description=_text(description, "description") or "", tags=tags_of(tags or {}),
        properties={k: "" if v is None else v for k, v in tags_of(properties or {}, "Properties").items()},
        data={k: v for k, v in data.items() if v not in (None, [])}, files=files,
    )  # fmt: skip
    return Model._of(workspace, workspace.connection.store.put_asset(asset))


def references(datasets: Sequence[tuple[str, Any]] | None) -> list[dict[str, str]]:
    """``[("training data", dataset)]`` as it is kept.

    Raises:
        UserErrorException: not pairs of a name and a registered dataset.
    """
    if not datasets:
        return []
    try:
        return [{"name": str(name), "id": str(dataset_id(dataset))} for name, dataset in datasets]
    except (TypeError, ValueError):
        raise UserErrorException(
            f"datasets are pairs like [('training data', dataset)], not {shown(datasets)}."
        ) from None


def dataset_id(dataset: Any) -> str | None:
    """A dataset's id, where there is one.

    Raises:
        UserErrorException: nothing that has an id.
    """
    if dataset is None or isinstance(dataset, str):
        return dataset
    id = getattr(dataset, "id", None) or getattr(dataset, "_id", None)
    if id is None:
        raise UserErrorException(f"{shown(dataset)} is no registered dataset; register it first: dataset.register(…).")
    return str(id)


def _text(value: Any, noun: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise UserErrorException(f"{noun} is text, not {shown(value)} of type {type(value).__name__}.")
    return value


def _inside(root: Path, child_paths: Sequence[Any] | None) -> dict[str, Path]:
    """Name in the model → local file."""
    if not root.exists():
        raise UserErrorException(f"There is no file or folder {str(root)!r} to register (from {Path.cwd()}).")
    if root.is_file():
        if child_paths:
            raise UserErrorException(f"child_paths choose files of a folder; {str(root)!r} is a file.")
        return {root.name: root}
    name = root.resolve().name or "model"
    found = {f"{name}/{p.relative_to(root).as_posix()}": p for p in _files(root)}
    if child_paths:
        wanted = [file_path(os.fspath(child)) for child in child_paths]
        kept: dict[str, Path] = {}
        for child in wanted:
            below = {
                path: p for path, p in found.items() if path == f"{name}/{child}" or path.startswith(f"{name}/{child}/")
            }
            if not below:
                raise UserErrorException(f"The folder {str(root)!r} has nothing called {child!r} (of child_paths).")
            kept |= below
        found = kept
    if not found:
        raise UserErrorException(f"The folder {str(root)!r} has no files to register.")
    return found


def _files(root: Path) -> list[Path]:
    """All files below; links to files count as files, links to folders are not followed (they may be circles)."""
    return sorted(
        Path(where) / name for where, _, names in os.walk(root) for name in names if (Path(where) / name).is_file()
    )
