"""The store of a folder: SQLite now; another engine serves the same tables."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, bindparam, func, select, update

from jupyter_aml.errors import FilterException
from jupyter_aml.store import query as q
from jupyter_aml.store import series as s
from jupyter_aml.store.blobs import FolderBlobs
from jupyter_aml.store.contract import Blobs, Store
from jupyter_aml.store.drawing import sample
from jupyter_aml.store.events import USER, Batch
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
from jupyter_aml.store.run_token import RunTokenException
from jupyter_aml.store.sql import apply, assets, migrate, pages, points
from jupyter_aml.store.sql import schema as t
from jupyter_aml.store.sql.answers import SqlAnswers
from jupyter_aml.store.sql.assets import SqlAssets
from jupyter_aml.store.sql.engine import sqlite_engine, translated
from jupyter_aml.store.sql.queue import SqlQueue, clock, now
from jupyter_aml.store.sql.work import MANY, Work, dumps, pieces
from jupyter_aml.store.url import parameters, without_credentials

MOST_DRAWN = 1000
"""Series that are drawn in one request."""
QUIET = 1.0
"""Seconds without a batch after which it is looked whether a writer's runs were failed because nothing was heard of it."""


class _Statements(NamedTuple):
    """What every batch executes about its journal, made once."""

    find: Any
    hear: Any
    go_on: Any


@cache
def _statements(dialect: str) -> _Statements:
    j, now = t.journal.c, clock(dialect)
    this = update(t.journal).where(j.id == bindparam("journal_id"))
    return _Statements(
        find=select(j.applied, now - j.time).where(j.id == bindparam("journal_id")),
        hear=this.values(time=now),
        go_on=this.values(time=now, applied=bindparam("end")),
    )


class SqlStore(SqlAssets, SqlQueue, SqlAnswers, Store):
    """The store in a database; its tables are made or upgraded when it is opened. See `in_folder` and `on_postgresql`.

    Args:
        engine: of the database.
        url: what it is called, without credentials.
        blobs: opens the contents, at first use.
        lock: keeps other processes from changing the tables at the same time.
        statistics: keeps the planner of the database informed, where that is needed.

    Raises:
        StoreVersionException: a newer jupyter_aml wrote it.
        StoreUnavailableException: it cannot be opened now.
    """

    def __init__(
        self,
        engine: Engine,
        url: str,
        blobs: Callable[[SqlStore], Blobs],
        lock: Callable[[], AbstractContextManager[None]],
        statistics: Any = None,
    ) -> None:
        self.url = url
        self._statistics = statistics
        self._open_blobs = blobs
        with translated(url):
            self._engine = engine
            try:
                migrate.prepare(engine, url, lock)
            except BaseException:
                engine.dispose()
                raise

    @cached_property
    def blobs(self) -> Blobs:  # type: ignore[override]
        """See Store.blobs."""
        return self._open_blobs(self)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with translated(self.url), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with (
            translated(self.url),
            self._engine.connect().execution_options(writes=True) as connection,
            connection.begin(),
        ):
            yield connection

    # -- writing -------------------------------------------------------------------------------------------------
    def apply(self, batch: Batch) -> int:
        """See Store.apply.

        A batch counts as a whole: points of several frames may have been gathered in it, so it cannot be cut. It is
        applied when it begins where the journal stands, skipped when all of it was applied, and refused otherwise;
        the sender then asks `applied` and sends from there.
        """
        end = batch.first + batch.count
        with self._writing() as c:
            statements, this = _statements(c.dialect.name), {"journal_id": batch.journal, **now(c)}
            found = c.execute(statements.find, this).first()
            known, done = found is not None, found[0] if found is not None else 0
            if batch.scope:
                _check_scope(c, batch)
            if found is not None and found[1] > QUIET:
                self._heard_again(c, batch.journal.partition("-")[0], found[1])
            if end <= done:
                if known:  # it has nothing new to say, but it lives
                    c.execute(statements.hear, this)
                return done
            if batch.first != done:
                raise ValueError(
                    f"journal {batch.journal}: {done} entries are applied; a batch of entries {batch.first} to {end} "
                    "does not follow. Send again from what applied() says."
                )
            if batch.events:
                work = Work(c)
                apply.apply_events(work, batch.events)
                work.flush()
            if known:
                c.execute(statements.go_on, {**this, "end": end})
            else:
                new = {"id": batch.journal, "applied": end, "scope": batch.scope}
                c.execute(t.journal.insert().values(**new, time=clock(c.dialect.name)), now(c))
        if self._statistics is not None:
            self._statistics.written()
        return end

    @staticmethod
    def _heard_again(c: Connection, owner: str, seconds: float) -> None:
        """Let the runs go on that were failed while nothing was heard of their writer for so long."""
        lost = apply.unheard(c, owner, seconds)
        if lost:
            work = Work(c)
            apply.revive(work, lost, time.time())
            work.flush()

    def applied(self, journal: str) -> int:
        """See Store.applied."""
        with self._reading() as c:
            return c.execute(select(t.journal.c.applied).where(t.journal.c.id == journal)).scalar() or 0

    # -- experiments ---------------------------------------------------------------------------------------------
    def experiments(self, *, archived: bool | None = False, name: str | None = None) -> list[ExperimentRecord]:
        """See Store.experiments."""
        wanted = select(t.experiment).order_by(t.experiment.c.name, t.experiment.c.id)
        if archived is not None:
            wanted = wanted.where(
                t.experiment.c.archived.is_not(None) if archived else t.experiment.c.archived.is_(None)
            )
        if name is not None:
            wanted = wanted.where(t.experiment.c.key == t.key(name))
        with self._reading() as c:
            return [
                ExperimentRecord(
                    id=row.id, name=row.name, created=row.created, archived=row.archived, description=row.description,
                    tags=json.loads(row.tags), run_count=row.run_count, last_activity=row.last_activity,
                    revision=row.revision,
                )
                for row in c.execute(wanted)
            ]  # fmt: skip

    def experiment(self, name: str) -> ExperimentRecord | None:
        """See Store.experiment."""
        found = self.experiments(archived=None, name=name)
        return found[0] if found else None

    # -- runs ----------------------------------------------------------------------------------------------------
    def run(self, run_id: str, *, with_metrics: bool = False) -> RunRecord | None:
        """See Store.run."""
        with self._reading() as c:
            return pages.one(c, run_id, with_metrics)

    def runs(self, query: RunQuery) -> Page:
        """See Store.runs."""
        if self._statistics is not None:
            self._statistics.look()
        with self._reading() as c:
            return pages.read(c, query)

    def open_runs(self, owner: str | None = None) -> list[RunRecord]:
        """See Store.open_runs."""
        held: list[Any] = [t.run.c.ghost.is_(False), t.run.c.ended.is_(None)]
        if owner is not None:
            held.append(t.run.c.owner == owner)
        with self._reading() as c:
            return pages.everything(c, held)

    def silent(self, seconds: float) -> list[str]:
        """See Store.silent."""
        owners = select(t.run.c.owner).where(t.run.c.ended.is_(None), t.run.c.ghost.is_(False)).distinct()
        with self._reading() as c:
            old = t.journal.c.time < clock(c.dialect.name) - seconds
            found = select(t.journal.c.id).where(t.journal.c.id.in_(owners), old)
            return sorted(c.execute(found, now(c)).scalars())

    # -- metrics -------------------------------------------------------------------------------------------------
    def metrics(self, run_ids: Sequence[str]) -> dict[str, dict[str, MetricRecord]]:
        """See Store.metrics."""
        with self._reading() as c:
            return pages.summaries(c, run_ids)

    @staticmethod
    def _metric(c: Connection, run_id: str, name: str) -> Any:
        return c.execute(select(t.metric).where(t.metric.c.run == run_id, t.metric.c.key == t.key(name))).first()

    def series(self, run_id: str, name: str, *, start: int = 0, stop: int | None = None) -> Series | None:
        """See Store.series."""
        with self._reading() as c:
            row = self._metric(c, run_id, name)
            if row is None:
                return None
            wanted, at = [], 0
            end = row.count if stop is None else stop
            for part in points.blocks_of(c, row.id):
                low, high = max(start - at, 0), min(end - at, part.count)
                at += part.count
                if low < high:
                    wanted.append((part.id, low, high))
            loaded = points.load(c, [id for id, _, _ in wanted])
            views = {row.view for row in loaded.values()} - {0}
            origins = {0: ""}
            for some in pieces(views):
                rows = c.execute(select(t.metric.c.id, t.metric.c.run).where(t.metric.c.id.in_(some)))
                origins.update((view.id, view.run) for view in rows)
        steps, times, values = s.gathered([s.decode(loaded[id].data).slice(low, high) for id, low, high in wanted])
        told: list[str] = []
        for id, low, high in wanted:
            told += [origins[loaded[id].view]] * (high - low)
        return Series(name=row.name, kind=row.kind, steps=steps, times=times, values=values, origins=told)

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
        """See Store.sampled. Names that the run has no numbers of are left out."""
        if axis not in ("step", "time"):
            raise FilterException(f"The axis {axis!r} cannot be drawn; there is: step, time.")
        if len(names) > MOST_DRAWN:
            raise FilterException(f"{len(names):,} series are asked for; at most {MOST_DRAWN:,} are drawn at once.")
        found = []
        with self._reading() as c:
            for name in names:
                row = self._metric(c, run_id, name)
                if row is None or row.kind not in ("scalar", "list"):
                    continue

                def load(part: s.Block) -> s.Columns:
                    return s.decode(c.execute(select(t.block.c.data).where(t.block.c.id == part.id)).scalar_one())

                drawn = sample(row.name, points.blocks_of(c, row.id, groups=True), load, width, start, stop, axis)
                if drawn is not None:
                    found.append(drawn)
        return found

    # -- files, texts, snapshots ---------------------------------------------------------------------------------
    def files(self, run_id: str, prefix: str = "") -> list[FileRecord]:
        """See Store.files. What a cell's run logged to another run is listed too, as that run's."""
        found: dict[str, FileRecord] = {}
        with self._reading() as c:
            for row in c.execute(select(t.text).where(t.text.c.run == run_id)):
                found[row.path] = FileRecord(
                    run=run_id, path=row.path, size=row.bytes, digest="", time=row.time, media_type="text/plain"
                )
            for column in (t.file.c.origin, t.file.c.run):  # its own come last: they count
                for row in c.execute(select(t.file).where(column == run_id).order_by(t.file.c.id)):
                    found[row.path] = FileRecord(
                        run=row.run, path=row.path, size=row.size, digest=row.digest, time=row.time,
                        media_type=row.media_type, origin=row.origin,
                    )  # fmt: skip
        prefix = t.clean(prefix)
        return [found[path] for path in sorted(found) if path.startswith(prefix)]

    def text(self, run_id: str, path: str, start: int = 0, limit: int | None = None) -> str:
        """See Store.text."""
        start = max(0, start)
        chunks = (
            select(t.chunk.c.start, t.chunk.c.data)
            .join(t.text, t.text.c.id == t.chunk.c.text)
            .where(t.text.c.run == run_id, t.text.c.key == t.key(path), t.chunk.c.start + t.chunk.c.chars > start)
            .order_by(t.chunk.c.start)
        )
        if limit is not None:
            chunks = chunks.where(t.chunk.c.start < start + limit)
        with self._reading() as c:
            rows = c.execute(chunks).all()
        if not rows:
            return ""
        whole = "".join(row.data.decode("utf-8", "surrogatepass") for row in rows)
        start -= rows[0].start
        return whole[start:] if limit is None else whole[start : start + limit]

    def snapshot(self, snapshot_id: str) -> SnapshotRecord | None:
        """See Store.snapshot."""
        with self._reading() as c:
            row = c.execute(select(t.snapshot).where(t.snapshot.c.id == snapshot_id)).first()
        if row is None:
            return None
        manifest = json.loads(zlib.decompress(row.manifest))
        files = {path: (digest, size, mode) for path, (digest, size, mode) in manifest["files"].items()}
        return SnapshotRecord(id=row.id, files=files, skipped=manifest["skipped"], created=row.created)

    def referenced(self, digests: Sequence[str]) -> set[str]:
        """See Store.referenced."""
        wanted = set(digests)
        with self._reading() as c:
            found = assets.referenced(c, digests)
        rows = select(t.file.c.digest).execution_options(yield_per=1000)
        if len(wanted) <= MANY:
            rows = rows.where(t.file.c.digest.in_(list(wanted))).distinct()
        with self._reading() as c:
            found |= wanted.intersection(c.execute(rows).scalars())
            manifests = select(t.snapshot.c.manifest).execution_options(yield_per=50)
            for manifest in c.execute(manifests).scalars():
                if len(found) == len(wanted):
                    break
                files = json.loads(zlib.decompress(manifest))["files"]
                found |= wanted.intersection(about[0] for about in files.values())
        return found

    # -- the feed ------------------------------------------------------------------------------------------------
    def changes(self, after: int = 0, limit: int = 1000, *, noun: str | None = None) -> list[Change]:
        """See Store.changes."""
        wanted = select(t.change).where(t.change.c.seq > after).order_by(t.change.c.seq).limit(_page(limit))
        if noun is not None:
            wanted = wanted.where(t.change.c.noun == noun)
        with self._reading() as c:
            return [_change(row) for row in c.execute(wanted)]

    def activity(
        self, *, before: int | None = None, limit: int = 100, who: str | None = None, noun: str | None = None,
        experiment: str | None = None, verbs: Sequence[str] = (),
    ) -> list[Change]:  # fmt: skip
        """See Store.activity."""
        wanted = select(t.change).order_by(t.change.c.seq.desc()).limit(_page(limit))
        if before is not None:
            wanted = wanted.where(t.change.c.seq < before)
        for column, value in ((t.change.c.who, who), (t.change.c.noun, noun), (t.change.c.experiment, experiment)):
            if value is not None:
                wanted = wanted.where(column == t.clean(value))
        if verbs:
            wanted = wanted.where(t.change.c.verb.in_(list(verbs)))
        with self._reading() as c:
            return [_change(row) for row in c.execute(wanted)]

    def last_change(self) -> int:
        """See Store.last_change."""
        with self._reading() as c:
            return c.execute(select(func.max(t.change.c.seq))).scalar() or 0

    # -- settings ------------------------------------------------------------------------------------------------
    def settings(self) -> Mapping[str, Json]:
        """See Store.settings."""
        with self._reading() as c:
            return {row.name: json.loads(row.value) for row in c.execute(select(t.setting))}

    def put_settings(self, values: Mapping[str, Json], *, keep: bool = False, who: str = "") -> None:
        """See Store.put_settings."""
        with self._writing() as c:
            work = Work(c)
            if keep:
                known = set(c.execute(select(t.setting.c.name)).scalars())
                values = {name: value for name, value in values.items() if name not in known}
            if not values:
                return
            c.execute(t.setting.delete().where(t.setting.c.name.in_(list(values))))
            c.execute(t.setting.insert(), [{"name": name, "value": dumps(value)} for name, value in values.items()])
            work.change(time.time(), who, "changed", "workspace", self.url, data={"fields": sorted(values)})
            work.flush()

    def check(self) -> list[str]:
        """See Store.check."""
        from jupyter_aml.store.sql.check import check

        with self._reading() as c:
            return list(check(c))

    def close(self) -> None:
        """See Store.close."""
        self._engine.dispose()


def _page(limit: int) -> int:
    return max(1, min(limit, q.MAX_LIMIT))


def _check_scope(c: Connection, batch: Batch) -> None:
    """Nobody writes to the journal of another: an entry smuggled into it would make the store skip the other's own.

    A run's token writes to the journals that it began, and to their further parts (``<id>-1`` …). So does a user by name, who
    may bring in what runs have left, too.

    Raises:
        RunTokenException: the journal is another's.
    """
    ids = {batch.journal, batch.journal.partition("-")[0]}
    others = set(c.execute(select(t.journal.c.scope).where(t.journal.c.id.in_(ids))).scalars()) - {batch.scope}
    if batch.scope.startswith(USER):
        if any(scope.startswith(USER) for scope in others):
            raise RunTokenException(f"The journal {batch.journal[:80]!r} is another user's.")
    elif others:
        raise RunTokenException(f"The journal {batch.journal[:80]!r} is not one of this run's token.")


def in_folder(folder: Path | str) -> SqlStore:
    """The store in ``<folder>/workspace.db``, its contents in ``<folder>/blobs``."""
    folder = Path(folder)
    with translated(folder):
        engine = sqlite_engine(folder / "workspace.db")
    return SqlStore(engine, str(folder), lambda _: FolderBlobs(folder / "blobs"), migrate.folder_lock(folder))


def on_postgresql(address: str, *, create: bool = False) -> SqlStore:
    """The store in a PostgreSQL database, its contents where the workspace's setting ``artifacts`` says.

    Args:
        address: ``postgresql://user:password@host/database?schema=NAME``.
        create: make the schema where there is none.
    """
    from jupyter_aml.store.sql.postgres import Statistics, postgres_engine, schema_lock

    def blobs(store: SqlStore) -> Blobs:
        from jupyter_aml.store.fs_blobs import open_blobs

        return open_blobs(store.settings()["artifacts"])

    engine = postgres_engine(address, create=create)
    lock = schema_lock(engine, parameters(address).get("schema", "public"))
    return SqlStore(engine, without_credentials(address), blobs, lock, Statistics(engine))


def _change(row: Any) -> Change:
    return Change(
        seq=row.seq, time=row.time, who=row.who, verb=row.verb, noun=row.noun, id=row.id,
        experiment=row.experiment, root=row.root, data=_object(row.data),
    )  # fmt: skip


def _object(written: str) -> dict[str, Json]:
    return {} if written == "{}" else json.loads(written)  # type: ignore[no-any-return]


__all__ = ["SqlStore", "in_folder", "on_postgresql"]
