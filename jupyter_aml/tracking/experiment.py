"""Experiment: a named group of runs, with the surface of the AzureML SDK v1.

Reference: https://learn.microsoft.com/python/api/azureml-core/azureml.core.experiment.experiment
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jupyter_aml.errors import NotFoundException, SnapshotException, UserErrorException
from jupyter_aml.store.events import ExperimentDeleted, ExperimentPut
from jupyter_aml.store.grammar import parse
from jupyter_aml.store.records import ExperimentRecord, RunQuery
from jupyter_aml.tracking import html, lifetime
from jupyter_aml.tracking.names import experiment_name, local_path, tag_names, tags_of
from jupyter_aml.tracking.run import Run
from jupyter_aml.tracking.run_family import matches
from jupyter_aml.tracking.who import actor

log = logging.getLogger("jupyter_aml")
_DEFAULT = object()


class Experiment:
    """A named group of runs; made in the workspace when it is not there yet.

    Args:
        workspace: where it lives.
        name: any text of 1 to 255 characters.

    Raises:
        UserErrorException: a name that cannot be.
    """

    def __init__(
        self,
        workspace: Any,
        name: str,
        _skip_name_validation: bool = False,
        _id: str | None = None,
        _archived_time: Any = None,
        _create_in_cloud: bool = True,
        _experiment_dto: Any = None,
        **kwargs: Any,
    ) -> None:
        self._workspace = workspace
        self._name = experiment_name(name)
        self._connection = workspace.connection
        if _create_in_cloud:
            self._connection.write(ExperimentPut(name=self._name, at=time.time(), who=actor()))

    @property
    def workspace(self) -> Any:
        """The workspace it lives in."""
        return self._workspace

    @property
    def workspace_object(self) -> Any:
        """The workspace it lives in (SDK)."""
        return self._workspace

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @property
    def id(self) -> str:
        """Its id."""
        return self._record().id

    @property
    def identity(self) -> str:
        """Its id (SDK)."""
        return self.id

    @property
    def archived_time(self) -> str | None:
        """When it was archived; None while it is not."""
        from jupyter_aml.tracking.run_details import iso

        return iso(self._record().archived)

    @property
    def tags(self) -> dict[str, str | None]:
        """Its tags."""
        return dict(self._record().tags)

    def tag(self, key: str, value: Any = None) -> None:
        """Set a tag."""
        self.set_tags({key: value})

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set several tags."""
        self._put(set_tags=tags_of(tags))

    def remove_tags(self, tags: Sequence[str] | str) -> None:
        """Take tags away."""
        self._put(drop_tags=tag_names(tags))

    def archive(self) -> None:
        """Hide it and its runs from lists."""
        self._put(archived=True)

    def reactivate(self, new_name: str | None = None) -> None:
        """Show it again, under a new name if one is given.

        Raises:
            UserErrorException: another experiment has that name.
        """
        if not new_name or experiment_name(new_name) == self._name:
            self._put(archived=False)
            return
        own = self.id
        self._check_name(new_name, own)
        self._put(archived=False, rename=new_name)
        self._check_name(new_name, own, renamed=True)
        self._name = new_name

    def refresh(self) -> None:
        """Nothing is cached: reads are always fresh."""

    @staticmethod
    def delete(workspace: Any, experiment_id: str) -> None:
        """Delete an experiment and its runs for good.

        Args:
            experiment_id: its id or its name.

        Raises:
            NotFoundException: there is none.
            RunStateException: one of its runs has not ended; nothing was deleted.
        """
        store = workspace.connection.store
        known = store.experiments(archived=None)
        found = [e for e in known if experiment_id in (e.id, e.name)]
        if not found:
            raise NotFoundException.of("experiment", experiment_id, [e.name for e in known])
        workspace.connection.change(ExperimentDeleted(name=found[0].name, at=time.time(), who=actor(), only_ended=True))

    @staticmethod
    def list(
        workspace: Any, experiment_name: str | None = None, view_type: str = "ActiveOnly", tags: Any = None
    ) -> list[Experiment]:
        """The experiments of a workspace.

        Args:
            experiment_name: only this one.
            view_type: "ActiveOnly", "ArchivedOnly" or "All".
            tags: text (has the tag) or a dict of values.
        """
        kinds = {"ActiveOnly": False, "ArchivedOnly": True, "All": None}
        if view_type not in kinds:
            raise UserErrorException(f"view_type is one of {', '.join(kinds)}, not {view_type!r}.")
        records = workspace.connection.store.experiments(archived=kinds[view_type], name=experiment_name)
        return [Experiment(workspace, r.name, _create_in_cloud=False) for r in records if matches(r.tags, tags)]

    def get_runs(
        self,
        type: str | None = None,
        tags: Any = None,
        properties: Any = None,
        include_children: bool = False,
        *,
        filter: str | None = None,
    ) -> Iterator[Run]:
        """Its runs, newest first.

        Args:
            type: only of this type.
            tags: text (has the tag) or a dict of values.
            properties: likewise.
            include_children: children too.
            filter: only those that it holds of, e.g. ``metrics.accuracy > 0.9 and params.lr <= 1e-3`` (docs/filters.md).

        Raises:
            FilterException: the filter cannot be read.
        """
        if filter is None:
            return Run.list(self, type=type, tags=tags, properties=properties, include_children=include_children)
        query = RunQuery(
            experiment=self._name,
            everywhere=include_children,
            types=[type] if type else (),
            where=[parse(filter)],
            limit=500,
            include_archived=True,
        )
        records = self._connection.store.walk(query)
        return (Run._of(self, r) for r in records if matches(r.tags, tags) and matches(r.properties, properties))

    def submit(self, config: Any, tags: Mapping[str, Any] | None = None, **kwargs: Any) -> Any:
        """Run what a configuration describes (a `ScriptRunConfig`, `HyperDriveConfig`, `NotebookRunConfig` …) and return its run
        at once; the run goes on when this kernel or JupyterLab ends.

        Args:
            config: what is to run, and on which target.
            tags: for the run.
            kwargs: what this kind of configuration takes besides (`show_output` …).

        Raises:
            UserErrorException: nothing that can be submitted, or a configuration that cannot be right.
            ComputeTargetException: there is no such target, or it takes no runs now.
            SnapshotException: the source directory cannot be frozen.
        """
        return self.workspace.submit(self, config, tags=tags, **kwargs)

    def start_logging(self, *args: Any, **kwargs: Any) -> Run:
        """Start a run that lives in this process. It ends by `complete`, as a context manager, or with the process.

        Args:
            snapshot_directory: source tree to freeze; the working folder by default (a default that is too large is left
                out with a warning), None for none.
            outputs: folder whose new files are kept with the run ("outputs" by default; it is made).
            display_name: what people see.
            tags: a dict of tags.

        Raises:
            SnapshotException: a folder was given and no snapshot of it can be taken.
            UserErrorException: tags that are no dict, or folders that are no paths.
        """
        names = ["outputs", "snapshot_directory"]
        given = dict(zip(names, args, strict=False)) | kwargs
        source = given.get("snapshot_directory", _DEFAULT)
        outputs = local_path(given.get("outputs") or "outputs")
        folder = "." if source is _DEFAULT else None if source is None else local_path(source)
        run = Run._create(self, name=str(given.get("display_name") or ""), tags=given.get("tags"))
        try:
            Path(outputs).mkdir(exist_ok=True, parents=True)
        except OSError as error:
            log.warning("The outputs folder %s could not be made: %s", outputs, error.strerror)
        run._life = lifetime.Lifetime(run, outputs=outputs, source=folder)
        if folder is not None:
            try:
                run.take_snapshot(folder)
            except SnapshotException as error:
                if source is not _DEFAULT:
                    run.fail(error)
                    raise
                log.warning("No snapshot was taken: %s", error)
            except OSError as error:
                log.warning("No snapshot was taken: %s", error)
        return run

    def get_portal_url(self) -> str:
        """Where to look at it: a link that the AML sidebar opens."""
        return f"{self._connection.url}#experiment/{self._name}"

    @property
    def portal_url(self) -> str:
        """As `get_portal_url`."""
        return self.get_portal_url()

    def _put(self, **what: Any) -> None:
        self._connection.write(ExperimentPut(name=self._name, at=time.time(), who=actor(), **what))

    def _check_name(self, name: str, own: str, renamed: bool = False) -> None:
        """Refuse a name that another experiment has, or that it got before this one did."""
        has = self._connection.store.experiment(name)
        if renamed if has is None else has.id != own:
            raise UserErrorException(
                f"Experiment {self._name!r} cannot be called {name!r}: there is another of that name. Choose a new one."
            )

    def _record(self) -> ExperimentRecord:
        record = self._connection.store.experiment(self._name)
        if record is None:
            raise NotFoundException.of("experiment", self._name)
        return record

    def __repr__(self) -> str:
        return f"Experiment(Name: {self._name},\nWorkspace: {self._workspace.name})"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        try:
            record = self._record()
            return html.facts(
                "Experiment",
                {
                    "Name": self._name,
                    "Workspace": self._workspace.name,
                    "Runs": record.run_count,
                    "Last activity": html.moment(record.last_activity),
                    **{f"Tag {k}": "" if v is None else v for k, v in record.tags.items()},
                },
            )
        except Exception:
            return f"<code>{html.escape(repr(self))}</code>"
