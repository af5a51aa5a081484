"""Help for tests of stores: a sender of events, and every store there is."""

from __future__ import annotations

from pathlib import Path

from jupyter_aml.store.contract import Store
from jupyter_aml.store.events import Batch, Event, Points, RunCreated, RunStatus
from jupyter_aml.store.records import RunRecord


def sqlite(folder: Path) -> Store:
    from jupyter_aml.store.sql.store import in_folder

    return in_folder(folder)


def postgresql(folder: Path) -> Store:
    """A schema of its own in the tests' server."""
    from postgres_process import address

    from jupyter_aml.store.place import place_of

    return place_of(address()).open_store(create=True)


def http(folder: Path) -> Store:
    """A workspace of the tests' Jupyter server."""
    from jupyter_server_process import address

    from jupyter_aml.store.place import place_of

    return place_of(address()).open_store()


STORES = {"sqlite": sqlite, "postgresql": postgresql, "http": http}


class Sender:
    """Sends events as a journal's shipper does."""

    def __init__(self, store: Store, journal: str = "j") -> None:
        self.store = store
        self.journal = journal
        self.at = store.applied(journal)

    def __call__(self, *events: Event) -> None:
        batch = Batch(journal=self.journal, first=self.at, count=len(events), events=events)
        self.at = self.store.apply(batch)


def born(id: str, experiment: str = "e", **more) -> RunCreated:
    known = {"type": "aml.interactive", "created": 100.0, "started": 100.0, "status": "Running"}
    return RunCreated(run=RunRecord(id=id, experiment=experiment, **{**known, **more}))


def ended(id: str, status: str = "Completed", at: float = 110.0, **more) -> RunStatus:
    return RunStatus(run=id, status=status, at=at, **more)


def points(run: str, name: str, values, steps=None, times=None, **more) -> Points:
    values = list(values)
    return Points(
        run=run, name=name, values=values,
        steps=list(range(len(values))) if steps is None else steps,
        times=[100.0 + i for i in range(len(values))] if times is None else times, **more,
    )  # fmt: skip


def ids(store: Store, **query) -> list[str]:
    """Ids of the runs on a page."""
    from jupyter_aml.store.records import RunQuery

    return [run.id for run in store.runs(RunQuery(**query)).runs]


def dump(store: Store) -> dict:
    """Everything that can be read of a store."""
    from dataclasses import asdict, replace

    from jupyter_aml.store.records import AssetQuery, RunQuery

    found: dict = {"experiments": [asdict(replace(x, id="")) for x in store.experiments(archived=None)], "runs": {}}
    for run in store.walk(RunQuery(everywhere=True, include_archived=True, with_metrics=True, order_by="id")):
        files = store.files(run.id)
        found["runs"][run.id] = {
            "run": asdict(run),
            "series": {name: repr(store.series(run.id, name)) for name in run.metrics},
            "files": [asdict(file) for file in files],
            "texts": {file.path: store.text(run.id, file.path) for file in files if not file.digest},
        }
    found["assets"] = [
        asdict(a) for a in store.walk_assets(AssetQuery(kind="", archived=True)) if a.kind not in ("secret", "compute")
    ]
    found["links"] = {run: [asdict(link) for link in store.links(run=run)] for run in found["runs"]}
    found["changes"] = [asdict(change) for change in store.changes()]
    return found
