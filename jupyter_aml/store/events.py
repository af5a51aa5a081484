"""What a run says about itself. Every write to a workspace is one of these, appended to a journal.

All are idempotent by design or made so by the store's note of how far each journal was applied.
``only_revision``: the batch is refused as a whole (ConflictException) when the thing has another revision by then; no journal
holds such an event, since its writer has to hear the answer.
``at`` is the writer's time; order is the journal's.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from jupyter_aml.store.records import AssetRecord, Json, RunRecord, SeriesKind, SnapshotRecord

NO_STEP = -(2**63)
"""Step of a point that was logged without one: the store numbers it by its place in the series."""
USER = "user "
"""What the scope of a user's batches begins with; no run's id has a space."""
NOT_HEARD_OF = "NotHeardOf"
"""Code of the error of runs that were failed because their writer on another machine was silent for too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentPut:
    """Create the experiment, or change what is not None. `name` is the key."""

    tag: ClassVar[str] = "exp"
    name: str
    at: float
    who: str = ""
    set_tags: Mapping[str, str | None] = field(default_factory=dict)
    drop_tags: Sequence[str] = ()
    archived: bool | None = None
    rename: str | None = None
    description: str | None = None
    only_revision: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentDeleted:
    """Remove an experiment and its runs."""

    tag: ClassVar[str] = "exp-del"
    name: str
    at: float
    who: str = ""
    only_revision: int | None = None
    only_ended: bool = False
    """Refuse the batch when a run of it has not ended (for what is applied at once)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCreated:
    """A run is born. A second birth of the same id adds what the first lacked (details, params, tags) and no more."""

    tag: ClassVar[str] = "run"
    run: RunRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStatus:
    """The run went to `status`. Ignored once the run has ended."""

    tag: ClassVar[str] = "status"
    run: str
    status: str
    at: float
    error: Mapping[str, Json] | None = None
    elapsed: float | None = None
    """Seconds by the monotonic clock since the start, where the writer knows: `ended` is then started + elapsed."""
    who: str = ""
    only_owner: str | None = None
    """Apply only while the run is owned by this journal (how recovery fails the runs of a dead writer)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChanged:
    """Change what is not None. A property that exists keeps its value."""

    tag: ClassVar[str] = "chg"
    run: str
    at: float
    who: str = ""
    name: str | None = None
    description: str | None = None
    snapshot: str | None = None
    set_tags: Mapping[str, str | None] = field(default_factory=dict)
    drop_tags: Sequence[str] = ()
    add_properties: Mapping[str, str] = field(default_factory=dict)
    add_params: Mapping[str, Json] = field(default_factory=dict)
    add_details: Mapping[str, Json] = field(default_factory=dict)
    owner: str | None = None
    only_revision: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDeleted:
    """Remove a run and its descendants."""

    tag: ClassVar[str] = "run-del"
    run: str
    at: float
    who: str = ""
    only_revision: int | None = None
    only_ended: bool = False
    """Refuse the batch when the run or one below it has not ended (for what is applied at once)."""


@dataclass(slots=True, kw_only=True)
class Points:
    """Points of one series, as columns. `values` is ``array('d')``, ``array('q')`` or a list of anything JSON."""

    tag: ClassVar[str] = "pts"
    run: str
    name: str
    kind: SeriesKind = "scalar"
    origin: str = ""
    description: str = ""
    steps: array[int] | Sequence[int] = ()
    times: array[float] | Sequence[float] = ()
    values: array[Any] | Sequence[Json] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLogged:
    """The run has a file; its content is in the blobs already. The newest of a path counts."""

    tag: ClassVar[str] = "file"
    run: str
    path: str
    digest: str
    size: int
    at: float
    media_type: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLogged:
    """More of a text that grows while the run lives (a log, a cell's printed output)."""

    tag: ClassVar[str] = "text"
    run: str
    path: str
    text: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotTaken:
    """A source tree was frozen; the files are in the blobs already."""

    tag: ClassVar[str] = "snap"
    snapshot: SnapshotRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetPut:
    """A version of a named thing as it is in another store (an import). One whose id is known changes nothing."""

    tag: ClassVar[str] = "asset"
    asset: AssetRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetLinked:
    """The run read, wrote or registered a version of a named thing."""

    tag: ClassVar[str] = "link"
    run: str
    role: str
    """``input``, ``output``, ``registered`` …"""
    kind: str
    asset: str
    """Id of the version."""
    at: float
    label: str = ""
    """What the run calls it (the name of an input)."""
    data: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceCleaned:
    """Contents that nothing refers to were removed: a line in the feed, since the tables know nothing of them."""

    tag: ClassVar[str] = "clean"
    workspace: str
    """Its URL, without credentials."""
    at: float
    who: str = ""
    contents: int = 0
    """How many."""
    bytes: int = 0
    """Their size."""


Event = (
    ExperimentPut | ExperimentDeleted | RunCreated | RunStatus | RunChanged | RunDeleted
    | Points | FileLogged | TextLogged | SnapshotTaken | AssetPut | AssetLinked | WorkspaceCleaned
)  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Batch:
    """Consecutive events of one journal. `first` is the ordinal of its first frame; `count` frames were read.

    Several point frames may have been gathered into one Points event, so len(events) <= count.
    """

    journal: str
    first: int
    count: int
    events: Sequence[Event]
    scope: str = ""
    """The run by whose token it came, or `USER` and the name of who logged in: the journal is then no other's, from its
    first entry on."""
