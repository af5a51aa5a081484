"""The truth about a notebook whose runner was killed: from the cells' runs, since the journal has them all."""

from __future__ import annotations

import base64
import datetime
import logging
import time
from pathlib import Path
from typing import Any

from jupyter_aml.errors import NotFoundException, RunStateException, UserErrorException
from jupyter_aml.jobs.output import notebook_bytes, replace
from jupyter_aml.jobs.record import INPUT, OUTPUT
from jupyter_aml.store.connection import Connection
from jupyter_aml.store.events import FileLogged
from jupyter_aml.store.records import TERMINAL, RunQuery, RunRecord
from jupyter_aml.tracking.cells import FIGURES

log = logging.getLogger("jupyter_aml")


def notebook_record(connection: Connection, run_id: str) -> RunRecord:
    """The record of an execution of a notebook that has ended.

    Raises:
        NotFoundException: no such run.
        UserErrorException: a run of another type.
        RunStateException: it has not ended.
    """
    record = connection.store.run(run_id)
    if record is None:
        raise NotFoundException.of("run", run_id, hint="`aml run list` shows what there is.")
    if record.type != "aml.notebook":
        raise UserErrorException(
            f"Run {run_id} is of type {record.type}; only a notebook's execution (aml.notebook) can be meant."
        )
    if record.status not in TERMINAL:
        raise RunStateException(
            f"Run {run_id} is {record.status}: it has not ended. `aml run cancel {run_id}` stops it."
        )
    return record


def cells(connection: Connection, run_id: str) -> dict[int, RunRecord]:
    """Index of a cell → its run."""
    query = RunQuery(parent=run_id, types=["aml.cell"], order_by="created", descending=False, limit=1000)
    found = {}
    for cell in connection.store.walk(query):
        index = cell.details.get("index")
        if isinstance(index, int):
            found[index] = cell
    return found


def kept(connection: Connection, run_id: str, name: str) -> bytes | None:
    """One of the run's two notebooks; None when it is not there."""
    for file in connection.store.files(run_id, name):
        if file.path == name and file.digest:
            with connection.blobs.open(file.digest) as content:
                return content.read()
    return None


def repair_output(connection: Connection, run_id: str) -> bytes:
    """Make the executed notebook of a run say what happened, and keep it with the run.

    Does nothing where the execution could save it itself. Where the file on the disk is still this run's, it is
    replaced too.

    Returns:
        The executed notebook.

    Raises:
        NotFoundException, UserErrorException, RunStateException: as `notebook_record`.
    """
    record = notebook_record(connection, run_id)
    whole = kept(connection, run_id, OUTPUT)
    if whole is not None:
        return whole
    path = Path(str(record.details.get("output") or ""))
    on_disk = _read(path, run_id)
    nb = on_disk or _parse(kept(connection, run_id, INPUT))
    if nb is None:
        raise NotFoundException.of("notebook of run", run_id)
    _tell(nb, record, cells(connection, run_id), connection)
    content = notebook_bytes(nb)
    if on_disk is not None:
        try:
            replace(path, content)
        except UserErrorException as error:
            log.warning("%s", error)
    digest, size = connection.blobs.put_bytes(content)
    connection.write(
        FileLogged(
            run=run_id, path=OUTPUT, digest=digest, size=size, at=time.time(), media_type="application/x-ipynb+json"
        )
    )
    connection.flush()
    return content


def _read(path: Path, run_id: str) -> Any:
    """The notebook on the disk, if this run wrote it."""
    try:
        nb = _parse(path.read_bytes()) if path.name else None
    except OSError:
        return None
    mine = nb is not None and ((nb.metadata.get("jupyter_aml") or {}).get("run") or {}).get("id") == run_id
    return nb if mine else None


def _parse(content: bytes | None) -> Any:
    if content is None:
        return None
    import nbformat

    try:
        return nbformat.reads(content.decode("utf-8-sig"), as_version=4)
    except Exception as error:
        log.warning("A kept notebook cannot be read: %s", error)
        return None


def _tell(nb: Any, record: RunRecord, runs: dict[int, RunRecord], connection: Connection) -> None:
    reached = max(runs, default=-1)
    about = nb.metadata.setdefault("papermill", {})
    about.update(end_time=_iso(record.ended), exception=record.status != "Completed" or None)
    if record.started and record.ended:
        about["duration"] = record.ended - record.started
    for index, cell in enumerate(nb.cells):
        run = runs.get(index)
        was = dict(cell.metadata.get("papermill") or {})
        empty = {"exception": None, "start_time": None, "end_time": None, "duration": None, "status": "pending"}
        if run is None:
            passed = index < reached and (cell.cell_type != "code" or not cell.source.strip() or was.get("skipped"))
            cell.metadata["papermill"] = {**empty, **was, "status": "completed"} if passed else empty
            continue
        failed = run.status != "Completed"
        cell.metadata["papermill"] = {
            "exception": failed,
            "start_time": _iso(run.started),
            "end_time": _iso(run.ended),
            "duration": (run.ended or 0) - (run.started or 0) if run.ended and run.started else None,
            "status": "failed" if failed else "completed",
        }
        if was.get("status") != "completed":
            cell.execution_count = run.details.get("execution_count")
            cell.outputs = _outputs(run, connection)


def _outputs(run: RunRecord, connection: Connection) -> list[Any]:
    """A cell's outputs from what its run kept: text, figures, result, error."""
    from nbformat.v4 import new_output

    store, found = connection.store, []
    texts = {name: store.text(run.id, f"{name}.txt") for name in ("stdout", "stderr", "result")}
    found += [new_output("stream", name=n, text=texts[n]) for n in ("stdout", "stderr") if texts[n]]
    for file in store.files(run.id, "figures/"):
        if file.media_type in FIGURES and file.digest:
            with connection.blobs.open(file.digest) as stream:
                content = stream.read()
            svg = file.media_type == "image/svg+xml"
            data = content.decode("utf-8", "replace") if svg else base64.b64encode(content).decode()
            found.append(new_output("display_data", {file.media_type: data}))
    if texts["result"]:
        count = run.details.get("execution_count")
        found.append(new_output("execute_result", {"text/plain": texts["result"].rstrip("\n")}, execution_count=count))
    if run.error:
        name, message = str(run.error.get("code", "")), str(run.error.get("message", ""))
        trace = str(run.error.get("traceback") or f"{name}: {message}").splitlines()
        found.append(new_output("error", ename=name, evalue=message, traceback=trace))
    return found


def _iso(at: float | None) -> str | None:
    return None if at is None else datetime.datetime.fromtimestamp(at, datetime.timezone.utc).isoformat()
