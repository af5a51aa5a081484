"""Run: one execution of anything, with the surface of the AzureML SDK v1.

Reference: https://learn.microsoft.com/python/api/azureml-core/azureml.core.run.run
"""

from __future__ import annotations

import getpass
import os
import time
import traceback as tracebacks
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from jupyter_aml.errors import (
    ActivityFailedException,
    NotFoundException,
    RunEnvironmentException,
    RunStateException,
    UserErrorException,
)
from jupyter_aml.store.connection import SeriesWriter
from jupyter_aml.store.events import RunChanged, RunCreated, RunStatus
from jupyter_aml.store.records import TERMINAL, RunQuery, RunRecord
from jupyter_aml.tracking import context, html, lifetime, status
from jupyter_aml.tracking.ids import new_id
from jupyter_aml.tracking.names import experiment_name, shown, tag_name
from jupyter_aml.tracking.offline import OfflineRun
from jupyter_aml.tracking.run_details import details, details_with_logs, iso
from jupyter_aml.tracking.run_files import LOGS, FilesMixin
from jupyter_aml.tracking.run_metrics import MetricsMixin

WATCHED = frozenset({"aml.notebook", "aml.sweep", "aml.session", "aml.cell", "azureml.scriptrun"})
"""Types whose runner looks for a request to cancel; others are cancelled at once."""


class Run(FilesMixin, MetricsMixin):
    """A run of an experiment, by its id.

    Args:
        experiment: the experiment that it belongs to.
        run_id: its id.
        outputs: (SDK) ignored here; see `Experiment.start_logging`.
    """

    def __init__(self, experiment: Any, run_id: str, outputs: str | None = None, **kwargs: Any) -> None:
        if not isinstance(run_id, str) or not run_id:
            raise UserErrorException(f"A run's id is text, not {shown(run_id)}.")
        self._experiment = experiment
        self._connection = experiment.workspace.connection
        self._id = run_id
        self._writers: dict[str, SeriesWriter] = {}
        self._writers_origin = ""
        self._ended = ""
        self._clock: float | None = None
        self._life: lifetime.Lifetime | None = None
        self._born: RunRecord | None = None

    @classmethod
    def _create(
        cls,
        experiment: Any,
        *,
        type: str = "aml.interactive",
        parent: str | None = None,
        run_id: str | None = None,
        name: str = "",
        description: str = "",
        params: Mapping[str, Any] | None = None,
        details: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
        properties: Mapping[str, str] | None = None,
        status: str = "Running",
    ) -> Run:
        """Bring a run into the world: one entry of the journal."""
        run = cls(experiment, run_id or new_id())
        now = time.time()
        user = ""
        with suppress(Exception):
            user = getpass.getuser()
        run._born = RunRecord(
            id=run._id,
            experiment=experiment_name(experiment.name),
            type=type,
            status=status,
            parent=parent,
            name=name,
            description=description,
            created=now,
            started=now if status == "Running" else None,
            user=user,
            host=os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", ""),
            owner=run._connection.journal_id,
            params=dict(params or {}),
            details=dict(details or {}),
            tags={tag_name(k): None if v is None else str(v) for k, v in (tags or {}).items()},
            properties={tag_name(k): str(v) for k, v in (properties or {}).items()},
        )
        run._clock = time.monotonic() if status == "Running" else None
        run._connection.write(RunCreated(run=run._born))
        return run

    # -- identity ----------------------------------------------------------------------------------------------------
    @property
    def id(self) -> str:
        """The run's id."""
        return self._id

    @property
    def identity(self) -> str:
        """The run's id (SDK)."""
        return self._id

    @property
    def experiment(self) -> Any:
        """The experiment that it belongs to."""
        return self._experiment

    @property
    def type(self) -> str:
        """What kind of run it is."""
        return self._born.type if self._born else self._record().type

    @property
    def number(self) -> int:
        """Its number among the experiment's runs: 1, 2, 3 …"""
        return self._record().number

    @property
    def name(self) -> str:
        """Its display name, or its id."""
        return self._record().name or self._id

    @property
    def display_name(self) -> str:
        """What people see; may be set."""
        return self._record().name or self._id

    @display_name.setter
    def display_name(self, value: str) -> None:
        self._change(name=str(value))

    @property
    def description(self) -> str:
        """Free text; may be set."""
        return self._record().description

    @description.setter
    def description(self, value: str) -> None:
        self._change(description=str(value))

    @property
    def parent(self) -> Run | None:
        """The run that it is a child of; None at the top."""
        record = self._born or self._record()
        return Run(self._experiment, record.parent) if record.parent else None

    # -- tags and properties -------------------------------------------------------------------------------------------
    @property
    def tags(self) -> dict[str, str | None]:
        """Its tags."""
        return dict(self._record().tags)

    def get_tags(self) -> dict[str, str | None]:
        """Its tags."""
        return self.tags

    def tag(self, key: str, value: Any = None) -> None:
        """Set a tag; values are kept as text, None stays None."""
        self.set_tags({key: value})

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set several tags."""
        self._change(set_tags={tag_name(k): None if v is None else str(v) for k, v in tags.items()})

    def remove_tags(self, tags: Sequence[str] | str) -> None:
        """Take tags away."""
        self._change(drop_tags=[tags] if isinstance(tags, str) else [*tags])

    @property
    def properties(self) -> dict[str, str]:
        """Its properties: facts that stay."""
        return dict(self._record().properties)

    def get_properties(self) -> dict[str, str]:
        """Its properties."""
        return self.properties

    def add_properties(self, properties: Mapping[str, Any]) -> None:
        """Add facts.

        Raises:
            UserErrorException: one of them is there already; properties never change.
        """
        known = self.properties
        again = sorted(set(known) & set(properties))
        if again:
            raise UserErrorException(
                f"Property {again[0]!r} of run {self._id} is {known[again[0]]!r} and cannot be changed. Use a tag for what changes."
            )
        self._change(add_properties={tag_name(k): str(v) for k, v in properties.items()})

    # -- states ------------------------------------------------------------------------------------------------------
    @property
    def status(self) -> str:
        """Where it stands."""
        return self._record().status

    def get_status(self) -> str:
        """Where it stands; see `tracking.status`."""
        return self.status

    def get_detailed_status(self) -> dict[str, Any]:
        """Status and times."""
        record = self._record()
        return {
            "status": record.status,
            "details": (record.error or {}).get("message", ""),
            "startTime": iso(record.started),
        }

    def start(self) -> None:
        """Say that it runs now."""
        self._move("Running")

    def complete(self, _set_status: bool = True) -> None:
        """End it well. What the outputs folder got since the start is kept first.

        Raises:
            RunStateException: it has ended already.
        """
        self._move("Completed")

    def fail(self, error_details: Any = None, error_code: str | None = None, _set_status: bool = True) -> None:
        """End it as failed.

        Args:
            error_details: text or an exception.
            error_code: a short word for the kind of error.
        """
        if isinstance(error_details, BaseException):
            text = "".join(tracebacks.format_exception(error_details))
            error = {
                "code": error_code or type(error_details).__name__,
                "message": str(error_details),
                "traceback": text,
            }
        else:
            error = {"code": error_code or "UserError", "message": "" if error_details is None else str(error_details)}
        self._move("Failed", error)

    def cancel(self) -> None:
        """End it, or ask its runner to: the status is CancelRequested until the runner in another process has stopped it."""
        record = self._record()
        if record.type in WATCHED and record.status not in ("NotStarted", "Queued"):
            self._move("CancelRequested")
        else:
            self._move("Canceled")

    def flush(self, timeout_seconds: float = 300) -> None:
        """Wait until everything logged so far is in the store."""
        if self._life is not None:
            self._life.join()
        self._connection.flush(timeout_seconds)

    def wait_for_completion(
        self, show_output: bool = False, wait_post_processing: bool = False, raise_on_error: bool = True
    ) -> dict[str, Any]:
        """Wait until it has ended.

        Args:
            show_output: print its logs as they come.
            raise_on_error: a failed run raises.

        Returns:
            As `get_details`.

        Raises:
            ActivityFailedException: it failed.
            RunStateException: it is an open run of this very process, which nobody else would end.
        """
        if self._life is not None and not self._ended:
            raise RunStateException(
                f"Run {self._id} is open in this process: call complete() to end it, not wait_for_completion()."
            )
        printed: dict[str, int] = {}
        pause = 0.05
        while True:
            record = self._record()
            if show_output:
                for file in self._connection.store.files(self._id):
                    if not file.digest and (file.path.startswith(LOGS) or file.path.endswith(".txt")):
                        text = self._connection.store.text(self._id, file.path, printed.get(file.path, 0))
                        printed[file.path] = printed.get(file.path, 0) + len(text)
                        print(text, end="")
            if record.status in TERMINAL:
                break
            time.sleep(pause)
            pause = min(pause * 1.5, 1.0)
        if record.status == "Failed" and raise_on_error:
            error = record.error or {}
            raise ActivityFailedException(
                f"Run {self._id} failed: {error.get('code', '')}: {error.get('message', '')}", error_details=dict(error)
            )
        return self.get_details()

    def _move(self, to: str, error: Mapping[str, Any] | None = None) -> None:
        now = self._ended or self._record().status
        status.check(self._id, now, to)
        elapsed = None
        if to in TERMINAL:
            if self._life is not None:
                self._life.capture()
            if self._clock is not None:
                elapsed = time.monotonic() - self._clock
        self._connection.write(RunStatus(run=self._id, status=to, at=time.time(), error=error, elapsed=elapsed))
        if to in TERMINAL:
            self._ended = to
            self._writers.clear()
            if self._life is not None:
                self._life.end()
            stands = self._record().status
            if stands != to:
                self._ended = stands
                raise RunStateException(f"Run {self._id} became {stands} meanwhile and cannot become {to}.")

    def _check_open(self, what: str) -> None:
        if self._ended:
            raise RunStateException(f"Run {self._id} is {self._ended}; it cannot {what}. Start a new run.")

    # -- family ------------------------------------------------------------------------------------------------------
    def child_run(self, name: str | None = None, run_id: str | None = None, outputs: str | None = None) -> Run:
        """Start a run below this one; it lives in this process and ends by `complete`, or as a context manager."""
        self._check_open("have a child")
        child = Run._create(self._experiment, parent=self._id, name=name or "", run_id=run_id)
        child._life = lifetime.Lifetime(child, outputs=outputs)
        return child

    def create_children(
        self, count: int | None = None, tag_key: str | None = None, tag_values: Sequence[Any] | None = None
    ) -> list[Run]:
        """Start several runs below this one: `count` of them, or one for each of `tag_values` under `tag_key`."""
        if (count is None) == (tag_values is None) or (tag_key is None) != (tag_values is None):
            raise UserErrorException("create_children() takes either count=, or tag_key= and tag_values=.")
        values = list(tag_values) if tag_values is not None else [None] * int(count or 0)
        children = []
        for value in values:
            child = self.child_run()
            if tag_key is not None:
                child.tag(tag_key, value)
            children.append(child)
        return children

    def get_children(
        self,
        recursive: bool = False,
        tags: Any = None,
        properties: Any = None,
        type: str | None = None,
        status: str | None = None,
        _rehydrate_runs: bool = True,
    ) -> Iterator[Run]:
        """The runs below it, newest first.

        Args:
            recursive: their children too.
            tags: text (has the tag) or a dict of what they have to be.
            properties: likewise.
            type: only of this type.
            status: only of this status.
        """
        place = {"under": self._id} if recursive else {"parent": self._id}
        query = RunQuery(
            **place,  # type: ignore[arg-type]
            types=[type] if type else (),
            statuses=[status] if status else (),
            limit=500,
            include_archived=True,
        )
        for record in self._connection.store.walk(query):
            if matches(record.tags, tags) and matches(record.properties, properties):
                yield Run(self._experiment, record.id)

    # -- finding runs --------------------------------------------------------------------------------------------------
    @staticmethod
    def get(workspace: Any, run_id: str) -> Run:
        """The run of that id in a workspace.

        Raises:
            NotFoundException: there is none.
        """
        record = workspace.connection.store.run(run_id)
        if record is None:
            raise NotFoundException.of("run", run_id, hint="`aml run list` shows what there is.")
        from jupyter_aml.tracking.experiment import Experiment

        return Run(Experiment(workspace, record.experiment, _create_in_cloud=False), run_id)

    @staticmethod
    def list(
        experiment: Any,
        type: str | None = None,
        tags: Any = None,
        properties: Any = None,
        status: str | None = None,
        include_children: bool = False,
        _rehydrate_runs: bool = True,
    ) -> Iterator[Run]:
        """Runs of an experiment, newest first; filters as in `get_children`."""
        query = RunQuery(
            experiment=experiment.name,
            everywhere=include_children,
            types=[type] if type else (),
            statuses=[status] if status else (),
            limit=500,
            include_archived=True,
        )
        for record in experiment.workspace.connection.store.walk(query):
            if matches(record.tags, tags) and matches(record.properties, properties):
                yield Run(experiment, record.id)

    @classmethod
    def get_context(cls, allow_offline: bool = True, used_for_context_manager: bool = False, **kwargs: Any) -> Any:
        """The run that this code belongs to.

        In a submitted script or a batch notebook it is that run, inside ``%%aml_run`` the cell's, in a tracked notebook
        the session's (each point is then found on the cell that logged it, too), elsewhere the SDK's offline run, which
        prints what it is told.

        Raises:
            RunEnvironmentException: there is none and `allow_offline` is False.
        """
        inner = context.innermost()
        if inner is not None:
            return inner
        found = context.current()
        if found is None:
            if not allow_offline:
                raise RunEnvironmentException
            return OfflineRun()
        from jupyter_aml.tracking.experiment import Experiment

        context.follow_cells()
        workspace = lifetime.workspace_of(found.connection)
        name = found.experiment
        if not name:
            record = found.connection.store.run(found.run_id)
            name = record.experiment if record else "default"
        return cls(Experiment(workspace, name, _create_in_cloud=False), found.run_id)

    # -- details -----------------------------------------------------------------------------------------------------
    def get_details(self) -> dict[str, Any]:
        """What the SDK tells of a run: runId, status, times, properties, error, logFiles …"""
        return details(self, self._record())

    def get_details_with_logs(self) -> dict[str, Any]:
        """As `get_details`, with the text of the logs."""
        return details_with_logs(self, self._record())

    def get_portal_url(self) -> str:
        """Where to look at it: a link that the AML sidebar opens."""
        return f"{self._connection.url}#run/{self._id}"

    @property
    def portal_url(self) -> str:
        """As `get_portal_url`."""
        return self.get_portal_url()

    def clean(self) -> Sequence[str]:
        """Nothing is left behind by local runs."""
        return []

    def _record(self) -> RunRecord:
        record = self._connection.store.run(self._id)
        if record is None:
            raise NotFoundException.of("run", self._id, hint=f"The workspace is {self._connection.url}.")
        return record

    def _change(self, **what: Any) -> None:
        self._connection.write(RunChanged(run=self._id, at=time.time(), **what))

    # -- blocks and displays -------------------------------------------------------------------------------------------
    def __enter__(self) -> Run:
        context.push(self)
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        context.pop(self)
        if self._ended:
            return
        if error is None:
            self.complete()
        elif isinstance(error, KeyboardInterrupt):
            self._move("Canceled", {"code": "KeyboardInterrupt", "message": "Interrupted."})
        else:
            self.fail(error)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Run) and other._id == self._id

    def __hash__(self) -> int:
        return hash(self._id)

    def __repr__(self) -> str:
        try:
            record = self._record()
            return (
                f"Run(Experiment: {record.experiment},\nId: {self._id},\nType: {record.type},\nStatus: {record.status})"
            )
        except Exception:  # a repr never raises
            return f"Run(Id: {self._id})"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        try:
            record = self._record()
            metrics = self._connection.store.metrics([self._id]).get(self._id, {})
            last = {m.name: html.number(m.last) for m in list(metrics.values())[:8] if m.last is not None}
            return html.facts(
                record.name or "Run",
                {
                    "Experiment": record.experiment,
                    "Id": self._id,
                    "Type": record.type,
                    "Status": html.Safe(html.status(record.status)),
                    "Started": html.moment(record.started),
                    "Duration": html.duration(record.started, record.ended),
                    **({"Error": (record.error or {}).get("message", "")} if record.error else {}),
                    **last,
                },
            )
        except Exception:
            return f"<code>{html.escape(repr(self))}</code>"


def matches(have: Mapping[str, Any], wanted: Any) -> bool:
    """Whether tags or properties are as asked: None (anything), text (has it), or a dict of values."""
    if wanted is None:
        return True
    if isinstance(wanted, str):
        return wanted in have
    return all(key in have and (value is None or have[key] == str(value)) for key, value in wanted.items())
