"""Run: one execution of anything, with the surface of the AzureML SDK v1.

Reference: https://learn.microsoft.com/python/api/azureml-core/azureml.core.run.run
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jupyter_aml.errors import (
    NotFoundException,
    RunEnvironmentException,
    UserErrorException,
)
from jupyter_aml.store.events import RunChanged, RunCreated
from jupyter_aml.store.records import RunQuery, RunRecord
from jupyter_aml.tracking import context, html, kinds, leaving, lifetime
from jupyter_aml.tracking.handles import shared
from jupyter_aml.tracking.ids import new_id
from jupyter_aml.tracking.names import experiment_name, shown, tags_of
from jupyter_aml.tracking.offline import OfflineRun
from jupyter_aml.tracking.run_details import details, details_with_logs
from jupyter_aml.tracking.run_family import FamilyMixin, matches
from jupyter_aml.tracking.run_files import FilesMixin
from jupyter_aml.tracking.run_metrics import MetricsMixin
from jupyter_aml.tracking.run_states import StatesMixin
from jupyter_aml.tracking.run_tags import TagsMixin
from jupyter_aml.tracking.run_things import ThingsMixin
from jupyter_aml.tracking.who import actor, user_name


class Run(StatesMixin, FamilyMixin, FilesMixin, MetricsMixin, TagsMixin, ThingsMixin):
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
        self._shared = shared(self._connection, run_id)
        self._writers = self._shared.writers

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
        """Bring a run into the world: one entry of the journal. Several may say so of the same run (a cell's, a session's)."""
        context.follow_cells()
        run = cls(experiment, run_id or new_id())
        now = time.time()
        user = user_name()
        born = RunRecord(
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
            tags=tags_of(tags or {}),
            properties={name: str(value) for name, value in tags_of(properties or {}, "Properties").items()},
        )
        run._connection.write(RunCreated(run=born))
        run._shared.born, run._shared.looked = born, True
        run._shared.clock = time.monotonic() if status == "Running" else None
        return run

    @classmethod
    def _of(cls, experiment: Any, record: RunRecord) -> Run:
        """The run that the store tells of."""
        run: Run = kinds.made(cls, experiment, record.id, record.type)
        run._shared.note(record)
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
        return (self._shared.born or self._record()).type

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

    # -- finding runs --------------------------------------------------------------------------------------------------
    @staticmethod
    def get(workspace: Any, run_id: str) -> Run:
        """The run of that id in a workspace.

        Raises:
            NotFoundException: there is none.
        """
        record = workspace.connection.find_run(run_id)
        if record is None:
            raise NotFoundException.of("run", run_id, hint="`aml run list` shows what there is.")
        from jupyter_aml.tracking.experiment import Experiment

        return Run._of(Experiment(workspace, record.experiment, _create_in_cloud=False), record)

    @staticmethod
    def add_type_provider(runtype: str, run_factory: Any) -> None:
        """Let runs of a type be made by ``run_factory(experiment, {"run_id", "run_type"})`` where they are looked up."""
        kinds.PROVIDERS[runtype] = run_factory

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
                yield Run._of(experiment, record)

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
        experiment = Experiment(workspace, name, _create_in_cloud=False)
        run: Run = kinds.made(cls, experiment, found.run_id, kinds.here(found.run_id))
        run._shared.looked = True  # this code is part of it: it goes on
        return run

    @classmethod
    def get_submitted_run(cls, **kwargs: Any) -> Any:
        """As `get_context` (SDK, its first name)."""
        return cls.get_context(**kwargs)

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
        self._shared.note(record)
        return record

    def _change(self, **what: Any) -> None:
        self._connection.write(RunChanged(run=self._id, at=time.time(), who=actor(), **what))

    # -- blocks and displays -------------------------------------------------------------------------------------------
    def __enter__(self) -> Run:
        context.push(self)
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        context.pop(self)
        if self._ended:
            return
        if error is None or (isinstance(error, SystemExit) and leaving.is_well(error.code)):
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
