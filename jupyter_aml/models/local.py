"""A model's files on this machine."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from jupyter_aml.errors import ModelNotFoundException, UserErrorException
from jupyter_aml.models.names import KIND, model_name
from jupyter_aml.store.events import AssetLinked
from jupyter_aml.store.home import folder_name
from jupyter_aml.store.records import AssetRecord
from jupyter_aml.tracking import context, transfer
from jupyter_aml.tracking.lifetime import workspace_of
from jupyter_aml.tracking.names import file_path, local_path

if TYPE_CHECKING:
    from jupyter_aml.models.model import Model

DEPLOYED = "AZUREML_MODEL_DIR"
"""The variable that says where a scoring service has its models: one model's files are directly there, several in
``<name>/<version>``."""
CACHE = "azureml-models"


def download(workspace: Any, record: AssetRecord, target_dir: Any, exist_ok: bool) -> str:
    """Write the model's files below a folder; see `Model.download`."""
    root = Path(local_path(target_dir, "target_dir"))
    place = root / top_of(record)
    if not exist_ok and place.exists():
        raise UserErrorException(f"{str(place)!r} exists. Give another target_dir, or exist_ok=True to replace it.")
    with transfer.progress("downloading", [size for _, size in record.files.values()]) as moved:
        for path, (digest, size) in record.files.items():
            target = root.joinpath(*file_path(path).split("/"))
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise UserErrorException(
                    f"The folder {str(target.parent)!r} cannot be made: {error.strerror}."
                ) from error
            transfer.fetch(workspace.connection.blobs, digest, size, target, moved)
    return str(place)


def top_of(record: AssetRecord) -> str:
    """The one file or folder that all of a model's files are of."""
    return PurePosixPath(file_path(next(iter(record.files)))).parts[0] if record.files else ""


def model_path(model: type[Model], name: str, version: int | str | None, workspace: Any) -> str:
    """See `Model.get_model_path`."""
    name = model_name(name)
    deployed = os.environ.get(DEPLOYED)
    if deployed and workspace is None:
        return _deployed(Path(deployed), name, version)
    if workspace is None:
        found = context.innermost()
        if found is not None:
            workspace = found.experiment.workspace
        else:
            here = context.current()
            if here is None:
                return _in_cache(name, version)
            workspace = workspace_of(here.connection)
    chosen = model(workspace, name, version=version)
    place = Path(CACHE) / folder_name(name, "model") / str(chosen.version)
    if not (place / top_of(chosen._record)).exists():
        part = place.with_name(f".{place.name}.{os.getpid()}")
        chosen.download(part, exist_ok=True)
        try:
            part.rename(place)
        except OSError:  # another process was first
            shutil.rmtree(part, ignore_errors=True)
    return str(place / top_of(chosen._record))


def _deployed(root: Path, name: str, version: int | str | None) -> str:
    place = root / folder_name(name, "model")
    versions = (
        sorted((int(p.name) for p in place.iterdir() if p.name.isdecimal()), reverse=True) if place.is_dir() else []
    )
    if versions:
        place = place / str(versions[0] if version is None else version)
    else:
        place = root  # the only model
    inside = sorted(place.iterdir()) if place.is_dir() else []
    if not inside:
        raise ModelNotFoundException(
            f"ModelNotFound: this service has no model {name!r}" + (f" of version {version}." if version else ".")
        )
    return str(inside[0] if len(inside) == 1 else place)


def _in_cache(name: str, version: int | str | None) -> str:
    """A model that was fetched into the working folder before."""
    place = Path(CACHE) / folder_name(name, "model")
    versions = (
        sorted((int(p.name) for p in place.iterdir() if p.name.isdecimal()), reverse=True) if place.is_dir() else []
    )
    wanted = versions[0] if version is None and versions else version
    if wanted not in versions:
        raise ModelNotFoundException(
            f"ModelNotFound: outside a run, a notebook that is tracked and a scoring service there is no workspace to look for the "
            f"model {name!r}. Give one: Model.get_model_path({name!r}, _workspace=ws)."
        )
    inside = sorted((place / str(wanted)).iterdir())
    return str(inside[0] if len(inside) == 1 else place / str(wanted))


def used(workspace: Any, record: AssetRecord) -> None:
    """A run that looks a model up has it as an input."""
    run = context.innermost()
    here = None if run is not None else context.current()
    run_id = run.id if run is not None else here.run_id if here is not None else None
    connection = (
        run.experiment.workspace.connection if run is not None else here.connection if here is not None else None
    )
    if run_id is None or connection is not workspace.connection or record.run == run_id:
        return
    told = _told.setdefault(run_id, set())
    if record.id not in told:
        told.add(record.id)
        connection.write(AssetLinked(run=run_id, role="input", kind=KIND, asset=record.id, at=time.time()))


_told: dict[str, set[str]] = {}
