"""The part of the store's contract whose callers need the answer at once: versions of named things, and the queue of runs.

Everything else that is written goes through the journal.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from jupyter_aml.store.records import AssetPage, AssetQuery, AssetRecord, JobRecord, Json, LinkRecord

IfExists = Literal["version", "same", "replace", "fail"]


class Assets(ABC):
    """Versions of named things (models, datasets, environments, datastores, compute targets …) and their lineage."""

    @abstractmethod
    def put_asset(self, asset: AssetRecord, *, if_exists: IfExists = "version") -> AssetRecord:
        """Write down a version and return it as it stands now.

        Args:
            asset: what is to be kept. `id` and `version` may be left to the store; a `version` that is given is taken as it is.
            if_exists: when the name exists: ``version`` adds the next version; ``same`` returns the newest one if its `hash`
                is this one's, and adds a version otherwise; ``replace`` is for things without versions (the one that there is
                gets this definition and a new revision); ``fail`` refuses.

        Raises:
            ConflictException: the name (``fail``) or the very version exists.
            StoreUnavailableException: nothing was written.
        """

    @abstractmethod
    def asset(self, kind: str, name: str, version: int | None = None) -> AssetRecord | None:
        """That version, by default the newest that is not archived; None when there is none."""

    @abstractmethod
    def assets(self, query: AssetQuery) -> AssetPage:
        """A page of assets, by name, newest version first. Raises FilterException for a cursor that is none."""

    @abstractmethod
    def asset_names(self, kind: str) -> dict[str, int]:
        """name → number of versions."""

    @abstractmethod
    def change_asset(
        self,
        id: str,
        *,
        at: float,
        who: str = "",
        revision: int | None = None,
        description: str | None = None,
        set_tags: Mapping[str, str | None] | None = None,
        drop_tags: Sequence[str] = (),
        add_properties: Mapping[str, str] | None = None,
        data: Mapping[str, Json] | None = None,
        archived: bool | None = None,
    ) -> AssetRecord:
        """Change what is not None and return the asset as it stands then. `data` is merged into the definition (a None in it
        removes the entry); a property that exists keeps its value.

        Raises:
            NotFoundException: there is none of that id.
            ConflictException: `revision` is not the present one.
        """

    @abstractmethod
    def delete_asset(self, id: str, *, at: float, who: str = "", revision: int | None = None) -> bool:
        """Remove a version; its number is not given again. False when there was none.

        Raises:
            ConflictException: `revision` is not the present one.
        """

    @abstractmethod
    def links(
        self, *, run: str | None = None, asset: str | None = None, role: str | None = None, kind: str | None = None
    ) -> list[LinkRecord]:
        """Lineage of a run or of an asset (by id), oldest first."""

    def walk_assets(self, query: AssetQuery) -> Iterator[AssetRecord]:
        """All assets of a query, page after page."""
        while True:
            page = self.assets(query)
            yield from page.assets
            if page.next is None:
                return
            query = replace(query, cursor=page.next)


class Queue(ABC):
    """Runs that wait for a launcher. Times are the store's own clock, so that machines need not agree on the hour."""

    @abstractmethod
    def put_job(self, job: JobRecord) -> None:
        """Queue a run: whoever submitted it needs not end it from now on (its owner is nobody, until a launcher begins it).
        Queueing it again changes nothing.

        Raises:
            StoreUnavailableException: it is not queued.
        """

    @abstractmethod
    def claim_job(self, targets: Sequence[str], owner: str, *, at_most: int | None = None) -> JobRecord | None:
        """Take the next job of these targets for a launcher: no other gets it. None when there is none, or when `at_most`
        jobs of these targets are taken already."""

    @abstractmethod
    def beat(self, owner: str) -> list[str]:
        """The launcher lives: note it on all its jobs and return their runs (one that is missing was taken away)."""

    @abstractmethod
    def requeue_job(self, run: str, owner: str) -> bool:
        """Give a claimed job back to the queue, its attempts counted; False when it is not this owner's."""

    @abstractmethod
    def end_job(self, run: str, *, owner: str | None = None) -> bool:
        """Take a job out of the queue: it has ended, or is cancelled. `owner`: only if it is this launcher's (``""``: only
        while nobody has it). False when it was not there or is another's."""

    @abstractmethod
    def requeue_stale(self, age: float, *, most_attempts: int = 1) -> list[JobRecord]:
        """Take jobs from launchers that were not heard of for `age` seconds. Those with attempts left are queued again,
        the others leave the queue; all are returned as they stand now (state ``claimed``: left). In the same transaction a
        run that has attempts left by its own job's `max_attempts` becomes Queued, unless its cancel was asked for."""

    @abstractmethod
    def job(self, run: str) -> JobRecord | None:
        """The job of a run; None when it is not in the queue."""

    @abstractmethod
    def jobs(self, target: str | None = None, *, state: str | None = None, limit: int = 1000) -> list[JobRecord]:
        """Jobs in the order of the queue."""
