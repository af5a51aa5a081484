"""The run of a notebook's execution: born before the kernel, ended after the last save, with both notebooks as files."""

from __future__ import annotations

import getpass
import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_aml.errors import AzureMLException
from jupyter_aml.jobs.secrets import Mask
from jupyter_aml.jobs.source import no_source
from jupyter_aml.store.connection import Connection
from jupyter_aml.store.events import FileLogged, RunChanged, RunCreated, RunStatus, SnapshotTaken
from jupyter_aml.store.records import RunRecord
from jupyter_aml.tracking import context, snapshot
from jupyter_aml.tracking.cells import CellRecorder
from jupyter_aml.tracking.ids import new_id
from jupyter_aml.tracking.lifetime import record_git
from jupyter_aml.tracking.names import experiment_name, tag_name

log = logging.getLogger("jupyter_aml")

INPUT = "input.ipynb"
OUTPUT = "output.ipynb"
"""Names of the two notebooks among the run's files."""
RESUMED_FROM = "aml.resumed_from"
_NOTEBOOK_TYPE = "application/x-ipynb+json"


@dataclass(kw_only=True)
class Wanted:
    """How an execution shall be recorded: what the callers of the engine may say."""

    connection: Connection | None = None
    experiment: str = ""
    name: str = ""
    tags: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    parent: str | None = None
    run_id: str | None = None
    secrets: frozenset[str] = frozenset()
    allow_unknown: bool = False
    take_snapshot: bool = True
    snapshot_id: str | None = None
    notebook: str = ""
    """Its path, when the engine gets a notebook in memory."""
    original: bytes | None = None
    """The input as it was before parameters were put into it."""
    skip: Mapping[int, Any] = field(default_factory=dict)
    """Index of a cell that is not executed → the cell that stands for it, from an earlier execution."""
    choose_skip: Callable[[Any], Mapping[int, Any]] | None = None
    """Given the notebook as it will be executed, says what `skip` is."""
    replayed: int = 0
    """So many cells are only executed again on the way to the one where an earlier execution failed."""
    parent_process: int | None = None
    ended_by_launcher: bool = False
    """The run is a submitted one: how it ends is noted, and its launcher ends it when all is gathered."""
    run: str = ""
    """Filled in by the engine: the run that it made."""


class NotebookRun:
    """The open run of one execution."""

    def __init__(
        self,
        wanted: Wanted,
        *,
        connection: Connection,
        notebook: str,
        output: str,
        kernel: str,
        language: str,
        params: Mapping[str, Any],
        mask: Mask,
    ) -> None:
        self.connection = connection
        self.experiment = experiment_name(wanted.experiment or Path(notebook).stem or "notebook")
        self.id = wanted.run_id or new_id()
        self.mask = mask
        self._ended_by_launcher = wanted.ended_by_launcher
        self._clock = time.monotonic()
        self._background: threading.Thread | None = None
        user = ""
        with suppress(Exception):
            user = getpass.getuser()
        now = time.time()
        details: dict[str, Any] = {"notebook": notebook, "output": output, "kernel": kernel, "language": language}
        with suppress(OSError):  # the folder was deleted
            details["cwd"] = str(Path.cwd())
        if wanted.secrets:
            details["secrets"] = sorted(wanted.secrets)
        if wanted.replayed:
            details["replayed"] = wanted.replayed
        if wanted.skip:
            details["skipped"] = sorted(wanted.skip)
        record = RunRecord(
            id=self.id,
            experiment=self.experiment,
            type="aml.notebook",
            status="Running",
            parent=wanted.parent,
            name=wanted.name or Path(notebook).name or "notebook",
            created=now,
            started=now,
            user=user,
            host=os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", ""),
            owner=connection.journal_id,
            params=jsonable(params),
            tags={tag_name(k): None if v is None else str(v) for k, v in wanted.tags.items()},
            properties={tag_name(k): str(v) for k, v in wanted.properties.items()},
            details=details,
            snapshot=wanted.snapshot_id,
        )
        connection.write(RunCreated(run=record))
        self.recorder = CellRecorder(
            connection,
            experiment=self.experiment,
            parent=self.id,
            notebook=notebook,
            language=language,
            user=user,
            mask=mask.text,
        )

    @property
    def environment(self) -> dict[str, str]:
        """What the kernel's process gets to know."""
        return {**os.environ, **context.environment(self.connection, self.id, self.experiment)}

    def keep(self, path: str, content: bytes) -> None:
        """Keep a notebook as a file of the run."""
        try:
            digest, size = self.connection.blobs.put_bytes(content)
        except AzureMLException as error:
            log.warning("%s could not be kept with run %s: %s", path, self.id, error)
            return
        self.connection.write(
            FileLogged(run=self.id, path=path, digest=digest, size=size, at=time.time(), media_type=_NOTEBOOK_TYPE)
        )

    def look_around(self, folder: Path, *, take_snapshot: bool, outputs: Collection[Path] = ()) -> None:
        """Record the folder's git state and freeze its source, while the kernel starts."""

        def look() -> None:
            try:
                record_git(self.connection, self.id, str(folder))
                if take_snapshot:
                    taken = snapshot.take(self.connection.blobs, folder, no_source(outputs, self.mask))
                    self.connection.write(
                        SnapshotTaken(snapshot=taken), RunChanged(run=self.id, at=time.time(), snapshot=taken.id)
                    )
            except Exception as error:  # the execution goes on without
                self.connection.write(
                    RunChanged(run=self.id, at=time.time(), add_properties={"aml.no_snapshot": str(error)})
                )
                log.warning("No snapshot for run %s: %s", self.id, error)

        self._background = threading.Thread(target=look, name="jupyter_aml-snapshot", daemon=True)
        self._background.start()

    def end(self, status: str, error: Mapping[str, Any] | None = None) -> None:
        """End the run; cells that still seem to run end with it."""
        if self._background is not None:
            self._background.join(60)
        if error is not None:
            error = {key: self.mask.text(str(value)) for key, value in error.items()}
        self.recorder.abandoned(
            (error or {}).get("message", "The execution ended."),
            (error or {}).get("code", "Ended"),
            "Canceled" if status == "Canceled" else "Failed",
        )
        if self._ended_by_launcher:
            said = {"status": status, "error": dict(error) if error is not None else None}
            self.connection.write(RunChanged(run=self.id, at=time.time(), add_details={"said": said}))
        else:
            elapsed = time.monotonic() - self._clock
            self.connection.write(RunStatus(run=self.id, status=status, at=time.time(), elapsed=elapsed, error=error))
        try:
            self.connection.flush(10)
        except AzureMLException as problem:  # the journal has it
            log.warning("The end of run %s will be stored later: %s", self.id, problem)


def jsonable(value: Any) -> Any:
    """A parameter's value as JSON has it; what JSON does not know (a date) as text."""
    if isinstance(value, Mapping):
        return {str(key): jsonable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(inner) for inner in value]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
