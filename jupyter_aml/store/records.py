"""What the store keeps, as plain typed records: the words that all stores and all floors above share.

Times are seconds since the epoch (UTC, float). Ids are made by the client.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from jupyter_aml.store.statuses import TERMINAL as TERMINAL

Json = Any  # whatever json.dumps takes

SeriesKind = Literal[
    "scalar", "list", "table", "image", "confusion_matrix", "accuracy_table", "residuals", "predictions"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentRecord:
    """A named group of runs. Names are unique in a workspace."""

    id: str
    name: str
    created: float
    archived: float | None = None
    description: str = ""
    tags: Mapping[str, str | None] = field(default_factory=dict)
    run_count: int = 0
    """Root runs (a notebook's cells are not counted)."""
    last_activity: float | None = None
    revision: int = field(default=0, compare=False)
    """Number of its last change in the feed, given by the store: an update that names an older one is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One execution of anything: a script, a notebook, a cell, a block of code."""

    id: str
    experiment: str
    """Name of the experiment; the store makes it when it is not there yet."""
    type: str
    """``aml.interactive``, ``aml.notebook`` (papermill), ``aml.session`` (a tracked notebook's kernel life),
    ``aml.cell``, ``aml.sweep``, ``azureml.scriptrun`` …"""
    status: str = "NotStarted"
    parent: str | None = None
    root: str | None = None
    """Id of the topmost ancestor; the run's own id when it has no parent (the store fills it in)."""
    number: int = 0
    """1, 2, 3 … among the experiment's root runs, given by the store."""
    name: str = ""
    """Display name: text, never a path."""
    description: str = ""
    created: float = 0.0
    started: float | None = None
    ended: float | None = None
    user: str = ""
    host: str = ""
    owner: str = ""
    """Id of the journal whose writer is responsible for ending this run."""
    error: Mapping[str, Json] | None = None
    """``{"code", "message", "traceback"?}`` of a failed run."""
    snapshot: str | None = None
    params: Mapping[str, Json] = field(default_factory=dict)
    tags: Mapping[str, str | None] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, Json] = field(default_factory=dict)
    """What only this type has, e.g. a cell's ``{"notebook", "cell_id", "source", "execution_count", "language"}``."""
    child_count: int = 0
    revision: int = field(default=0, compare=False)
    """As of an experiment. What a run logs (points, files, texts) is no change of it."""
    metrics: Mapping[str, MetricRecord] = field(default_factory=dict)
    """Summaries by name; filled in where the query asks for them."""


@dataclass(slots=True, kw_only=True)
class MetricRecord:
    """Summary of one (run, metric): what tables sort by, without reading a point. (Not frozen: a page has a thousand of them, and
    making a frozen one takes three times as long.)"""

    run: str
    name: str
    kind: SeriesKind
    count: int
    last: Json
    """Newest value as it was logged; None for kinds without numbers."""
    min: float | None = None
    max: float | None = None
    """Over the finite values."""
    first_time: float = 0.0
    last_time: float = 0.0
    last_step: int | None = None
    origin: str = ""
    """Where this summary belongs to a cell: the cell's run is `run`, and `origin` names the run that was logged to."""
    description: str = ""


@dataclass(slots=True, kw_only=True)
class Series:
    """Points of one (run, metric), as columns of equal length."""

    name: str
    kind: SeriesKind
    steps: Sequence[int] = ()
    times: Sequence[float] = ()
    values: Sequence[Json] = ()
    """float, int or str for scalars and lists; a dict for a row of a table; as logged for the others."""
    origins: Sequence[str] = ()
    """Cell run by which each point was logged ("" for none)."""


@dataclass(slots=True, kw_only=True)
class Sampled:
    """A series as drawn: per horizontal bucket the extremes, mean and last. NaN where a bucket has no finite value."""

    name: str
    total: int
    steps: Sequence[int] = ()
    times: Sequence[float] = ()
    min: Sequence[float] = ()
    max: Sequence[float] = ()
    last: Sequence[float] = ()
    nonfinite: Sequence[int] = ()
    """Points of each bucket that were NaN or infinite: kept and counted, drawn as gaps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """A file of a run. `path` is a name with slashes, never a place on a disk."""

    run: str
    path: str
    size: int
    digest: str
    """sha256 of the content, hex; "" for a text that is still being appended to."""
    time: float = 0.0
    media_type: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotRecord:
    """A frozen source tree: every file by digest."""

    id: str
    """sha256 of the sorted manifest: the same tree has the same id."""
    files: Mapping[str, tuple[str, int, int]]
    """path → (digest, size, mode)."""
    skipped: Mapping[str, str] = field(default_factory=dict)
    """path → why it was left out."""
    created: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line of the change feed."""

    seq: int
    time: float
    who: str
    verb: Literal["created", "changed", "ended", "deleted", "logged"]
    noun: str
    """``experiment``, ``run``, ``workspace``, or the kind of an asset (``model``, ``dataset`` …)."""
    id: str
    """Run id, or name of the experiment or asset."""
    experiment: str = ""
    root: str = ""
    data: Mapping[str, Json] = field(default_factory=dict)


Operator = Literal["=", "!=", "<", "<=", ">", ">=", "contains", "in"]
TEXT_FIELDS = ("status", "type", "name", "user", "host", "description", "id", "parent", "experiment")
TIME_FIELDS = ("created", "started", "ended")
NUMBER_FIELDS = ("duration", "number")
ATTRIBUTE_SPACES = ("params", "tags", "properties")


@dataclass(frozen=True, slots=True)
class Condition:
    """``field op value``; field is one of those above, ``metrics.<name>`` (its last value; ``.last``, ``.min`` and ``.max``
    behind it say which), ``params.<name>``, ``tags.<name>`` or ``properties.<name>``. None, with = and !=, is what a run
    without it has. A run that lacks the field meets no other condition, and so all their negations."""

    field: str
    op: Operator
    value: Json


@dataclass(frozen=True, slots=True)
class Not:
    """Holds where `part` does not."""

    part: Filter


@dataclass(frozen=True, slots=True)
class And:
    """Holds where all `parts` do."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Holds where one of `parts` does."""

    parts: tuple[Filter, ...]


Filter = Condition | Not | And | Or
"""What runs are asked for. grammar.py reads it from text and writes it as text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunQuery:
    """Which runs, in which order. A cursor is what the previous page returned; it holds under concurrent writes."""

    experiment: str | None = None
    parent: str | None = None
    """Children of this run; None: only roots, unless `everywhere`."""
    everywhere: bool = False
    """Roots and descendants alike."""
    ids: Sequence[str] | None = None
    under: str | None = None
    """All descendants of this run (recursive children), not the run itself."""
    types: Sequence[str] = ()
    statuses: Sequence[str] = ()
    where: Sequence[Filter] = ()
    """All must hold."""
    text: str = ""
    """Part of the name or id."""
    order_by: str = "created"
    """A field as in Condition; runs without it come last. Ties are broken by id."""
    descending: bool = True
    limit: int = 100
    cursor: str | None = None
    with_metrics: bool = False
    include_archived: bool = False
    """Runs of archived experiments too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some runs and how to go on (`next` is None on the last page)."""

    runs: Sequence[RunRecord]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetRecord:
    """A version of a named thing: a model, dataset, environment; or a thing without versions (a datastore, a compute target),
    which stays version 1."""

    kind: str
    """``model``, ``dataset``, ``environment``, ``datastore``, ``compute``, ``secret`` …"""
    name: str
    """Text, never a path; unique with kind and version."""
    version: int = 0
    """1, 2, 3 …; 0 lets the store give the next one."""
    id: str = ""
    """Given by the store where it is empty."""
    hash: str = ""
    """Of the definition: what has the same one is the same (``if_exists="same"``)."""
    created: float = 0.0
    modified: float = 0.0
    archived: float | None = None
    user: str = ""
    run: str | None = None
    """The run that made it."""
    revision: int = 1
    """Counts its changes: an update that names the one it read is refused when there is a newer."""
    description: str = ""
    tags: Mapping[str, str | None] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, Json] = field(default_factory=dict)
    """The definition: what only this kind has."""
    files: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    """path → (digest, size) of the contents that belong to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetQuery:
    """Which assets: by kind and name, then the newest version first. `cursor` is what `AssetPage.next` of the page before said."""

    kind: str
    """"" for all kinds."""
    name: str | None = None
    id: str | None = None
    run: str | None = None
    version: int | None = None
    latest: bool = False
    """Only the newest version (that is not archived, unless `archived`) of each name."""
    archived: bool = False
    """Archived ones too."""
    text: str = ""
    """Part of the name."""
    tags: Mapping[str, str | None] = field(default_factory=dict)
    """It has all of these; None: the tag, whatever its value."""
    properties: Mapping[str, str | None] = field(default_factory=dict)
    limit: int = 1000
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetPage:
    """Some assets and how to go on (`next` is None on the last page)."""

    assets: Sequence[AssetRecord]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRecord:
    """Lineage: the run read (``input``), wrote (``output``) or ``registered`` this version of a named thing."""

    run: str
    role: str
    kind: str
    asset: str
    """Id of the version; `name` and `version` are empty when it has been deleted since."""
    name: str = ""
    version: int = 0
    label: str = ""
    time: float = 0.0
    data: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """A run in the queue of a target."""

    run: str
    target: str
    state: Literal["queued", "claimed"] = "queued"
    priority: int = 0
    """Higher ones first; among equals who came first."""
    attempt: int = 1
    owner: str = ""
    """The launcher that has it."""
    queued: float = 0.0
    beat: float = 0.0
    """When its launcher was last heard of, by the store's clock."""
    body: Mapping[str, Json] = field(default_factory=dict)
    """What the launcher needs to know."""


@dataclass(kw_only=True)
class Collected:
    """What a garbage collection removed, or would remove."""

    dry_run: bool
    older_than: float
    """Seconds."""
    contents: int = 0
    """Contents removed, or to be removed."""
    bytes: int = 0
    """Their size."""
    kept: int = 0
    """Contents that something refers to."""
    kept_young: int = 0
    """Contents that nothing refers to, but that were put too lately."""
    swept: int = 0
    """Half-written files and uploads of writers that died."""
    examples: list[str] = field(default_factory=list)
    """Digests of some contents that were removed, or would be."""
