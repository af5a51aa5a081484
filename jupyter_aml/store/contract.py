"""The one interface of the store. SqlStore and HttpStore implement it; everything above speaks only this."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from jupyter_aml.store.answers import Answers
from jupyter_aml.store.asset_contract import Assets, Queue
from jupyter_aml.store.events import Batch
from jupyter_aml.store.records import (
    Change,
    ExperimentRecord,
    FileRecord,
    Json,
    MetricRecord,
    Page,
    RunQuery,
    RunRecord,
    Sampled,
    Series,
    SnapshotRecord,
)


class BlobInfo(NamedTuple):
    """One content of the blobs."""

    digest: str
    size: int
    time: float
    """When it was last put (again)."""


class Blobs(ABC):
    """Content by its sha256. A content is written once, whole, and never changes."""

    @abstractmethod
    def put_file(self, path: Path | str, limit: int | None = None) -> tuple[str, int]:
        """Store a file's content; return (digest, size). Only regular files (links are followed by the caller's
        choice, never here); a file that grows while it is read is stored as far as it was at the start.

        Raises:
            UserErrorException: not a regular file, unreadable, or larger than `limit` bytes.
            StoreUnavailableException: no room.
        """

    @abstractmethod
    def put_files(self, paths: Sequence[Path | str]) -> list[tuple[str, int]]:
        """As put_file for many, faster than one by one."""

    @abstractmethod
    def put_stream(self, stream: BinaryIO) -> tuple[str, int]:
        """Store what the stream still gives, in bounded memory."""

    @abstractmethod
    def put_bytes(self, data: bytes) -> tuple[str, int]:
        """Store these bytes."""

    @abstractmethod
    def open(self, digest: str) -> BinaryIO:
        """Open a content for reading (seekable). Raises NotFoundException."""

    @abstractmethod
    def has(self, digest: str) -> bool:
        """Whether the content is here."""

    @abstractmethod
    def keep(self, digest: str, size: int) -> bool:
        """Whether the content is here, whole. It then counts as put again now, so that garbage collection leaves it alone
        until somebody refers to it: whoever does not send what is here asks this, not `has`."""

    @abstractmethod
    def fetch(self, digest: str, target: Path | str) -> None:
        """Write a content to a local file, atomically; parent folders are made."""

    @abstractmethod
    def walk(self) -> Iterator[BlobInfo]:
        """All contents that are here, in any order."""

    @abstractmethod
    def remove(self, digest: str) -> None:
        """Remove a content; none of that digest is no error. Only garbage collection does this."""


class Store(Assets, Queue, Answers, ABC):
    """A workspace's written memory. Thread-safe. Reads see all batches applied before."""

    url: str
    """Where it is, without credentials."""
    blobs: Blobs

    # -- writing -------------------------------------------------------------------------------------------------
    @abstractmethod
    def apply(self, batch: Batch) -> int:
        """Apply a batch in one transaction and return how many frames of this journal are applied now.

        Frames that were applied before are skipped, so a batch may be sent again. A gap is refused (ValueError).
        Events that no longer make sense (a status for a run that has ended, a property that exists) change nothing.
        A batch without entries says that the journal's writer lives. Runs of a writer that is heard of again after they
        were failed because it was not (`silent`) are running again.

        Raises:
            ConflictException: an event is for another revision; nothing of the batch was applied.
            StoreUnavailableException: try again later; nothing of the batch was applied.
        """

    @abstractmethod
    def applied(self, journal: str) -> int:
        """How many frames of this journal are applied (0 for one never seen)."""

    # -- experiments ---------------------------------------------------------------------------------------------
    @abstractmethod
    def experiments(self, *, archived: bool | None = False, name: str | None = None) -> list[ExperimentRecord]:
        """All experiments by name; `archived`: None for both kinds."""

    @abstractmethod
    def experiment(self, name: str) -> ExperimentRecord | None:
        """One experiment, archived or not; None when there is none of that name."""

    # -- runs ----------------------------------------------------------------------------------------------------
    @abstractmethod
    def run(self, run_id: str, *, with_metrics: bool = False) -> RunRecord | None:
        """One run; None when there is none of that id."""

    @abstractmethod
    def runs(self, query: RunQuery) -> Page:
        """A page of runs. Raises FilterException for a field, operator or cursor that cannot be."""

    @abstractmethod
    def open_runs(self, owner: str | None = None) -> list[RunRecord]:
        """Runs that have not ended, of one owner or of all."""

    @abstractmethod
    def silent(self, seconds: float) -> list[str]:
        """Owners of open runs whose journals were not heard of for so long, by the store's own clock."""

    # -- metrics -------------------------------------------------------------------------------------------------
    @abstractmethod
    def metrics(self, run_ids: Sequence[str]) -> dict[str, dict[str, MetricRecord]]:
        """run id → name → summary. A cell's run has the metrics that it logged to the runs above it."""

    @abstractmethod
    def series(self, run_id: str, name: str, *, start: int = 0, stop: int | None = None) -> Series | None:
        """Points start..stop in the order of their arrival; None when there is no such metric."""

    @abstractmethod
    def sampled(
        self,
        run_id: str,
        names: Sequence[str],
        *,
        width: int = 1000,
        start: float | None = None,
        stop: float | None = None,
        axis: str = "step",
    ) -> list[Sampled]:
        """Numeric series as drawn on `width` pixels between two positions of the axis ("step" or "time").

        Raises:
            FilterException: another axis, or more than 1,000 names.
        """

    # -- files, texts, snapshots ---------------------------------------------------------------------------------
    @abstractmethod
    def files(self, run_id: str, prefix: str = "") -> list[FileRecord]:
        """Files and texts of a run by path."""

    @abstractmethod
    def text(self, run_id: str, path: str, start: int = 0, limit: int | None = None) -> str:
        """A growing text from character `start` on ("" when there is none)."""

    @abstractmethod
    def snapshot(self, snapshot_id: str) -> SnapshotRecord | None:
        """A snapshot's list of files; None when there is none of that id."""

    @abstractmethod
    def referenced(self, digests: Sequence[str]) -> set[str]:
        """Those of these digests that a file of a run, a snapshot or an asset refers to."""

    # -- the feed ------------------------------------------------------------------------------------------------
    @abstractmethod
    def changes(self, after: int = 0, limit: int = 1000, *, noun: str | None = None) -> list[Change]:
        """The change feed after a sequence number, oldest first."""

    @abstractmethod
    def activity(
        self,
        *,
        before: int | None = None,
        limit: int = 100,
        who: str | None = None,
        noun: str | None = None,
        experiment: str | None = None,
        verbs: Sequence[str] = (),
    ) -> list[Change]:
        """The change feed as people read it, newest first.

        Args:
            before: only what came before this sequence number (the last one's of the page before).
            limit: how many at most.
            who: only this user's.
            noun: only of experiments, runs or the workspace.
            experiment: only of this experiment and its runs.
            verbs: only these.
        """  # fmt: skip

    @abstractmethod
    def last_change(self) -> int:
        """Sequence number of the newest change: cheap, made to be polled."""

    # -- settings ------------------------------------------------------------------------------------------------
    @abstractmethod
    def settings(self) -> Mapping[str, Json]:
        """Facts of the workspace itself: id, name, created, description, tags …"""

    def about(self) -> Mapping[str, Json]:
        """What makes it a workspace: name, id, created …; empty where it is none yet."""
        settings = self.settings()
        if "id" not in settings:
            return {}
        return {name: value for name, value in settings.items() if name not in ("tags", "description", "friendly_name")}

    @abstractmethod
    def put_settings(self, values: Mapping[str, Json], *, keep: bool = False, who: str = "") -> None:
        """Add or replace settings; `keep`: those that are there stay; `who` changes them."""

    @abstractmethod
    def check(self) -> list[str]:
        """Whether what is kept agrees with itself: what is wrong, a sentence each. Reads everything but contents."""

    @abstractmethod
    def close(self) -> None:
        """Let go of files and connections. Safe twice."""

    def walk(self, query: RunQuery) -> Iterator[RunRecord]:
        """All runs of a query, page after page."""
        from dataclasses import replace

        while True:
            page = self.runs(query)
            yield from page.runs
            if page.next is None:
                return
            query = replace(query, cursor=page.next)
