"""Takes an archive into a workspace: all of it, once, whatever happens meanwhile.

Every line of the archive's events is one frame of a journal whose id is the events' sha256. So an import that was
killed is completed by repeating it, and one that was complete changes nothing.

**What is there stays.** A run that the workspace has already, ended or not, keeps what it has: nothing of the archive
is added to it (its points would be doubled), and `Imported.skipped` names it. Its descendants that are not there come
in below it. A run that was deleted here stays deleted. An experiment that is there gets the tags and the description
that it lacked. A run whose parent is neither in the archive nor here becomes a root.

While a run is taken in it is Running and owned by the import's journal; its last events end it and give it back to its
owner. That tells, after a kill, which of the runs that are there are this import's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from jupyter_aml.errors import AzureMLException, UserErrorException
from jupyter_aml.store.archive_format import SETTINGS, Archive, Lines, damaged
from jupyter_aml.store.contract import Store
from jupyter_aml.store.events import AssetPut, Batch, Event, ExperimentPut, Points, RunCreated, SnapshotTaken
from jupyter_aml.store.records import AssetQuery, RunQuery

BATCH = 4 * 2**20
"""Bytes of events from which a batch is full."""
OWNER = "import-"
"""What the ids of imports' journals begin with."""
_MANY = 500


@dataclass(slots=True, kw_only=True)
class Imported:
    """What became of an archive."""

    path: str
    runs: int = 0
    """Runs that came in."""
    points: int = 0
    assets: int = 0
    """Models, datasets, environments … that came in."""
    blobs: int = 0
    """Contents that were brought."""
    before: int = 0
    """Runs that an earlier import of this very archive brought."""
    skipped: list[str] = field(default_factory=list)
    """Runs that were here already, which stay as they were."""
    deleted: list[str] = field(default_factory=list)
    """Runs that were deleted here, which stay away."""
    missing: list[str] = field(default_factory=list)
    """Contents that files refer to, which neither the archive nor the workspace has."""


def import_archive(store: Store, source: Path) -> Imported:
    """Take an archive in.

    Args:
        store: of the workspace that gets it.
        source: the file.

    Raises:
        NotFoundException: there is no such file.
        UserErrorException: it is no archive, or damaged (nothing was written), or of a newer version.
        StoreUnavailableException: the workspace cannot be written now. Repeat it: what is in will not come twice.
    """
    with Archive(source) as archive:
        runs = archive.verify()
        told = Imported(path=str(source))
        events = archive.about.events
        journal = OWNER + str(events["sha256"])
        done = store.applied(journal)
        _bring_contents(store, archive, told, only_lacking=done >= events["lines"])
        if done < events["lines"]:
            settings = archive.about.workspace.get("settings")
            if isinstance(settings, dict):
                store.put_settings({k: v for k, v in settings.items() if k in SETTINGS}, keep=True)
            _Import(store, archive, journal, runs, told).events(done)
        else:
            told.before = len(runs)
        told.missing = [digest for digest in archive.about.missing if not store.blobs.has(digest)]
        return told


def _bring_contents(store: Store, archive: Archive, told: Imported, only_lacking: bool) -> None:
    """Contents come before what refers to them. One that is here is put again, which keeps it from being collected."""
    for digest in archive.about.blobs:
        if only_lacking and store.blobs.has(digest):
            continue
        with archive.blob(digest) as content:
            put, _ = store.blobs.put_stream(content)
        if put != digest:
            raise damaged(archive.source, f"the content {digest} changed while it was read")
        told.blobs += 1


class _Import:
    """The events of one archive on their way into a store."""

    def __init__(self, store: Store, archive: Archive, journal: str, runs: dict[str, Lines], told: Imported) -> None:
        self.store = store
        self.archive = archive
        self.journal = journal
        self.runs = runs
        self.told = told
        self._mine: set[str] = set()
        """Runs that this import brings."""
        self._there: set[str] = set()
        """Runs that were here before."""
        self._parents: set[str] = set()
        """Runs outside the archive that are here."""
        self._made = ""
        """The experiment that was just made."""

    def events(self, done: int) -> None:
        """Bring what follows the first `done` lines."""
        begun = [run for run, lines in self.runs.items() if lines.birth < done]
        half = [run for run in begun if self.runs[run].last >= done]
        self._mine = {run for run, owner in self._owners(half).items() if owner == self.journal}
        self.told.runs, self.told.before = len(self._mine), len(begun) - len(self._mine)
        coming = [run for run, lines in self.runs.items() if lines.birth >= done]
        # One that has this import's journal as its owner is being brought by another process: both send the same.
        self._there = {run for run, owner in self._owners(coming).items() if owner != self.journal}
        parents = {lines.parent for lines in self.runs.values() if lines.parent and lines.parent not in self.runs}
        self._parents = set(self._owners(sorted(parents)))
        births: list[str] = []
        events: list[Event] = []
        first, next_, size = done, done, 0
        for number, event, length in self.archive.events(done):
            born = isinstance(event, RunCreated)
            # A pair that makes an experiment and archives it stays together: the second is only for one that is new.
            full = size >= BATCH and not (isinstance(event, ExperimentPut) and event.archived is not None)
            if full or (births and not born):
                self._apply(first, next_, events)
                self._confirm(births)
                first, events, births, size = number, [], [], 0
            if isinstance(event, RunCreated):
                births.append(event.run.id)
            fitted = self._fitted(event)
            if fitted is not None:
                events.append(fitted)
            next_, size = number + 1, size + length
        self._apply(first, next_, events)
        self._confirm(births)
        self.told.skipped.sort()
        self.told.deleted.sort()

    def _apply(self, first: int, end: int, events: list[Event]) -> None:
        if end == first:
            return
        try:
            self.store.apply(Batch(journal=self.journal, first=first, count=end - first, events=events))
        except AzureMLException:
            raise
        except Exception as error:
            if self.store.applied(self.journal) > first:
                raise UserErrorException(
                    f"{self.told.path!r} is being imported by another process too. Repeat it when that is done."
                ) from error
            raise UserErrorException(
                f"The workspace cannot take events {first + 1} to {end} of {self.told.path!r} ({error}). "
                "What came before them is in; repeating the import goes on from there."
            ) from error

    def _confirm(self, births: list[str]) -> None:
        """Look which runs of a batch are this import's: one may have been deleted here, or just come by another way."""
        owners = self._owners(births)
        for run in births:
            if owners.get(run) == self.journal:
                self._mine.add(run)
                self.told.runs += 1
            else:
                (self.told.skipped if run in owners else self.told.deleted).append(run)

    def _owners(self, runs: Iterable[str]) -> dict[str, str]:
        """Owners of those of these runs that are here."""
        wanted = list(runs)
        found: dict[str, str] = {}
        for start in range(0, len(wanted), _MANY):
            ids = wanted[start : start + _MANY]
            query = RunQuery(ids=ids, everywhere=True, include_archived=True, order_by="id", limit=_MANY)
            found.update((run.id, run.owner) for run in self.store.runs(query).runs)
        return found

    def _fitted(self, event: Event) -> Event | None:
        """The event as this workspace is to get it; None for one that it does not get."""
        if isinstance(event, SnapshotTaken):
            return event
        if isinstance(event, AssetPut):
            there = self.store.assets(AssetQuery(kind=event.asset.kind, id=event.asset.id, archived=True)).assets
            self.told.assets += not there
            return event
        if isinstance(event, ExperimentPut):
            return self._experiment(event)
        if isinstance(event, RunCreated):
            run = event.run
            if run.id in self._there:
                return None
            known = not run.parent or run.parent in self.runs or run.parent in self._parents
            return RunCreated(run=replace(run, owner=self.journal, parent=run.parent if known else None))
        if getattr(event, "run", "") not in self._mine:
            return None
        if isinstance(event, Points):
            self.told.points += len(event.values)
        return event

    def _experiment(self, event: ExperimentPut) -> ExperimentPut | None:
        if event.archived is not None:
            return event if event.name == self._made else None
        known = self.store.experiment(event.name)
        self._made = event.name if known is None else ""
        if known is None:
            return event
        lacking = {name: value for name, value in event.set_tags.items() if name not in known.tags}
        return replace(event, set_tags=lacking, description=None if known.description else event.description)


__all__ = ["OWNER", "Imported", "import_archive"]
