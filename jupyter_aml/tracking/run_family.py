"""The family of a run: what it is a part of, and what its parts are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

from jupyter_aml.errors import UserErrorException, WorkspaceException
from jupyter_aml.store.connection import Connection
from jupyter_aml.store.records import RunQuery, RunRecord
from jupyter_aml.tracking import lifetime, names
from jupyter_aml.tracking.handles import Shared
from jupyter_aml.tracking.names import shown

if TYPE_CHECKING:
    from jupyter_aml.tracking.run import Run


class FamilyMixin:
    """The side of `Run` that has parents and children."""

    _id: str
    _experiment: Any
    _connection: Connection
    _shared: Shared
    _create: ClassVar[Any]
    _of: ClassVar[Any]

    def _record(self) -> RunRecord:
        raise NotImplementedError

    def _check_open(self, what: str) -> None:
        raise NotImplementedError

    @property
    def parent(self) -> Run | None:
        """The run that it is a child of; None at the top."""
        parent = (self._shared.born or self._record()).parent
        found = self._find(parent) if parent else None
        if found is not None:
            return self._of(self._experiment, found)  # type: ignore[no-any-return]
        return type(self)(self._experiment, parent) if parent else None  # type: ignore[call-arg, return-value]

    def child_run(self, name: str | None = None, run_id: str | None = None, outputs: str | None = None) -> Run:
        """Start a run below this one; it lives in this process and ends by `complete`, or as a context manager.

        Args:
            name: what people see.
            run_id: its id, which no run may have had before; one is made without.
            outputs: folder whose new files are kept with it.

        Raises:
            UserErrorException: an id that cannot be, or that is taken.
            RunStateException: this run has ended.
        """
        self._check_open("have a child")
        if run_id is not None and self._find(names.run_id(run_id)) is not None:
            raise UserErrorException(
                f"There is a run {run_id!r} already; Run.get() finds it. A child takes an id of its own."
            )
        folder = None if outputs is None else names.local_path(outputs)
        child: Run = self._create(self._experiment, parent=self._id, name=str(name or ""), run_id=run_id)
        if run_id is not None:
            self._check_born(child)
        child._life = lifetime.Lifetime(child, outputs=folder)
        return child

    def _find(self, run_id: str) -> RunRecord | None:
        with suppress(WorkspaceException):  # out of reach for now: nobody can tell
            return self._connection.store.run(run_id)
        return None

    def _check_born(self, child: Run) -> None:
        """An id that a deleted run had does not live again; of two processes that chose the same one, the first has it."""
        with suppress(WorkspaceException):
            found = self._connection.store.run(child.id)
            born = child._shared.born
            if found is None or born is None or (found.owner, found.created) != (born.owner, born.created):
                child._shared.born, child._shared.looked = None, False
                raise UserErrorException(f"The id {child.id!r} was that of another run. Choose a new one.")

    def create_children(
        self, count: int | None = None, tag_key: str | None = None, tag_values: Sequence[Any] | None = None
    ) -> list[Run]:
        """Start several runs below this one: `count` of them, or one for each of `tag_values` under `tag_key`.

        Raises:
            UserErrorException: neither or both of them, or a count that is none.
        """
        if (count is None) == (tag_values is None) or (tag_key is None) != (tag_values is None):
            raise UserErrorException("create_children() takes either count=, or tag_key= and tag_values=.")
        if count is not None and (not isinstance(count, Integral) or count < 0):
            raise UserErrorException(f"create_children() takes a count of 0 or more, not {shown(count)}.")
        if tag_values is not None and (isinstance(tag_values, str) or not hasattr(tag_values, "__iter__")):
            raise UserErrorException(f"create_children() takes a list of tag_values, not {shown(tag_values)}.")
        children = []
        for value in tag_values if tag_values is not None else [None] * int(count or 0):
            child = self.child_run()
            if tag_key is not None:
                child.tag(tag_key, value)
            children.append(child)
        return children

    def submit_child(self, config: Any, tags: Mapping[str, Any] | None = None, **kwargs: Any) -> Any:
        """Run what a configuration describes, as a run below this one; see `Experiment.submit`."""
        return self._experiment.submit(config, tags=tags, parent=self._id, **kwargs)

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
                yield self._of(self._experiment, record)


def matches(have: Mapping[str, Any], wanted: Any) -> bool:
    """Whether tags or properties are as asked: None (anything), text (has it), or a dict of values."""
    if wanted is None:
        return True
    if isinstance(wanted, str):
        return wanted in have
    return all(key in have and (value is None or have[key] == str(value)) for key, value in wanted.items())
