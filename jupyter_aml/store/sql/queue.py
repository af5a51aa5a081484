"""The queue of runs, in its table."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Float, and_, bindparam, delete, func, select, update

from jupyter_aml.store.asset_contract import Queue
from jupyter_aml.store.events import RunStatus
from jupyter_aml.store.records import JobRecord
from jupyter_aml.store.sql import schema as t
from jupyter_aml.store.sql.apply import apply_events
from jupyter_aml.store.sql.work import Work, dumps

_SILENT = {"code": "LauncherDied", "message": "The launcher of this run was not heard of any more."}
_J = t.job.c
# Made once: they are executed for every run, and to make one takes longer than to execute it.
_IS_QUEUED = select(_J.run).where(_J.run == bindparam("id"))
_WAITS = select(_J.run).where(_J.target == bindparam("queue"), _J.state == "queued").limit(1)
_MOST_URGENT = select(func.max(_J.priority)).where(_J.target == bindparam("queue"), _J.state == "queued")
_FIRST = (
    select(t.job)
    .where(_J.target == bindparam("queue"), _J.state == "queued", _J.priority == bindparam("urgency"))
    .order_by(_J.seq)
    .limit(1)
)
_CLAIM = (
    update(t.job)
    .where(_J.run == bindparam("id"))
    .values(state="claimed", owner=bindparam("who"), beat=bindparam("now"))
)
_NOBODYS = update(t.run).where(t.run.c.id == bindparam("run_id"), t.run.c.owner != "").values(owner="")
_END = delete(t.job).where(_J.run == bindparam("id"))
_END_MINE = _END.where(_J.owner == bindparam("who"))


class SqlQueue(Queue):
    """See Queue."""

    _reading: Any
    _writing: Any

    def put_job(self, job: JobRecord) -> None:
        """See Queue.put_job."""
        with self._writing() as c:
            work = Work(c)
            if c.execute(_IS_QUEUED, {"id": job.run}).first() is not None:
                return
            at = _now(c)
            row = {
                "run": job.run, "target": job.target, "state": "queued", "priority": job.priority,
                "seq": work.serial(), "attempt": job.attempt, "owner": "", "queued": at, "beat": at,
                "body": dumps(dict(job.body)),
            }  # fmt: skip
            c.execute(t.job.insert(), [row])
            c.execute(_NOBODYS, {"run_id": job.run})
            work.flush()

    def claim_job(self, targets: Sequence[str], owner: str, *, at_most: int | None = None) -> JobRecord | None:
        """See Queue.claim_job."""
        with self._reading() as c:  # an idle launcher that asks takes no lock
            if all(c.execute(_WAITS, {"queue": target}).first() is None for target in targets):
                return None
        with self._writing() as c:
            Work(c)
            if at_most is not None:
                taken = select(func.count()).where(_J.target.in_(list(targets)), _J.state == "claimed")
                if c.execute(taken).scalar_one() >= at_most:
                    return None
            best: Any = None
            for target in targets:  # each an index's first entry, however long the queue is
                urgency = c.execute(_MOST_URGENT, {"queue": target}).scalar()
                if urgency is None:
                    continue
                row = c.execute(_FIRST, {"queue": target, "urgency": urgency}).one()
                if best is None or (-row.priority, row.seq) < (-best.priority, best.seq):
                    best = row
            if best is None:
                return None
            at = _now(c)
            c.execute(_CLAIM, {"id": best.run, "who": owner, "now": at})
        return replace(_record(best), state="claimed", owner=owner, beat=at)

    def beat(self, owner: str) -> list[str]:
        """See Queue.beat."""
        mine = and_(t.job.c.owner == owner, t.job.c.state == "claimed")
        with self._writing() as c:
            c.execute(update(t.job).where(mine).values(beat=_now(c)))
            return list(c.execute(select(t.job.c.run).where(mine).order_by(t.job.c.seq)).scalars())

    def requeue_job(self, run: str, owner: str) -> bool:
        """See Queue.requeue_job."""
        this = and_(t.job.c.run == run, t.job.c.owner == owner, t.job.c.state == "claimed")
        with self._writing() as c:
            new = {"state": "queued", "owner": "", "attempt": t.job.c.attempt + 1, "beat": _now(c)}
            return bool(c.execute(update(t.job).where(this).values(**new)).rowcount)

    def end_job(self, run: str, *, owner: str | None = None) -> bool:
        """See Queue.end_job."""
        with self._writing() as c:
            if owner is None:
                return bool(c.execute(_END, {"id": run}).rowcount)
            return bool(c.execute(_END_MINE, {"id": run, "who": owner}).rowcount)

    def requeue_stale(self, age: float, *, most_attempts: int = 1) -> list[JobRecord]:
        """See Queue.requeue_stale."""
        j = t.job.c
        with self._reading() as c:
            if c.execute(select(j.run).where(j.state == "claimed", j.beat < _now(c) - age).limit(1)).first() is None:
                return []
        with self._writing() as c:
            work = Work(c)
            old = c.execute(select(t.job).where(j.state == "claimed", j.beat < _now(c) - age).order_by(j.seq)).all()
            again = [row.run for row in old if row.attempt < most_attempts]
            for row in old:
                if row.run in again:
                    new = {"state": "queued", "owner": "", "attempt": row.attempt + 1, "beat": _now(c)}
                    c.execute(update(t.job).where(j.run == row.run).values(**new))
                else:
                    c.execute(delete(t.job).where(j.run == row.run))
            queued = {row.run: row for row in c.execute(select(t.job).where(j.run.in_(again)))} if again else {}
            jobs = [_record(queued.get(row.run, row)) for row in old]
            # Whoever takes one next writes its status after this one, never before.
            waits = [
                one.run for one in jobs if one.state == "queued" and one.attempt <= int(one.body.get("max_attempts", 1))
            ]
            apply_events(work, [RunStatus(run=run, status="Queued", at=time.time(), error=_SILENT) for run in waits])
            work.flush()
            return jobs

    def job(self, run: str) -> JobRecord | None:
        """See Queue.job."""
        with self._reading() as c:
            row = c.execute(select(t.job).where(t.job.c.run == run)).first()
        return None if row is None else _record(row)

    def jobs(self, target: str | None = None, *, state: str | None = None, limit: int = 1000) -> list[JobRecord]:
        """See Queue.jobs."""
        wanted = select(t.job).order_by(t.job.c.priority.desc(), t.job.c.seq).limit(limit)
        if target is not None:
            wanted = wanted.where(t.job.c.target == target)
        if state is not None:
            wanted = wanted.where(t.job.c.state == state)
        with self._reading() as c:
            return [_record(row) for row in c.execute(wanted)]


def clock(dialect: str) -> Any:
    """The time by the store's own clock, to be used in statements, executed with `now`: it costs no question of its own."""
    if dialect == "postgresql":
        return func.extract("epoch", func.clock_timestamp()).cast(Float)
    return bindparam("now", type_=Float)


def now(c: Connection) -> dict[str, float]:
    """What a statement with `clock` is executed with."""
    return {} if c.dialect.name == "postgresql" else {"now": time.time()}


def _now(c: Connection) -> float:
    if c.dialect.name == "postgresql":
        return float(c.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar_one())
    return time.time()


def _record(row: Any) -> JobRecord:
    return JobRecord(
        run=row.run, target=row.target, state=row.state, priority=row.priority, attempt=row.attempt, owner=row.owner,
        queued=row.queued, beat=row.beat, body=json.loads(row.body),
    )  # fmt: skip
