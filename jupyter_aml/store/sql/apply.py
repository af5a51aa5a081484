"""What each event does to the tables."""

from __future__ import annotations

import json
import time
import uuid
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, and_, delete, select, update

from jupyter_aml.errors import ConflictException, RunStateException
from jupyter_aml.store import events as e
from jupyter_aml.store.records import TERMINAL, RunRecord
from jupyter_aml.store.sql import assets, points
from jupyter_aml.store.sql import schema as t
from jupyter_aml.store.sql.work import Row, Work, dumps, merged, pieces

_SKEW = 3600.0
"""Seconds by which the clocks of machines may differ where it is only about what is looked at."""


def apply_events(work: Work, events: Sequence[e.Event]) -> None:
    """Apply events in order."""
    runs: set[str] = set()
    for event in events:
        if isinstance(event, e.RunCreated):
            runs.add(event.run.id)
            if event.run.parent:
                runs.add(event.run.parent)
        else:
            run = getattr(event, "run", "")
            if run:
                runs.add(run)
    if runs:
        work.gone.load(runs)
        work.runs.load(runs)
    gather = points.Gatherer(work)
    for event in events:
        if type(event) is e.Points:
            if work.gone.get(event.run) is None:
                gather.add(event)
            continue
        if type(event) in (e.RunDeleted, e.ExperimentDeleted):
            gather.flush()
        _HANDLERS[type(event)](work, event)
    gather.flush()


def _check_revision(work: Work, row: Row | None, wanted: int | None, noun: str, name: str) -> None:
    """Refuse the batch when somebody else changed the thing since its sender read it.

    Raises:
        ConflictException: saying what was changed.
    """
    if wanted is None or (row is not None and row["revision"] == wanted):
        return
    c = t.change.c
    since = select(c.who, c.verb, c.data).where(c.seq > wanted, c.noun == noun, c.id == t.clean(name))
    told = []
    for change in work.connection.execute(since.where(c.verb != "logged").order_by(c.seq).limit(20)):
        fields = ", ".join(json.loads(change.data).get("fields", ()))
        told.append(f"{change.verb} by {change.who or 'somebody'}" + (f" ({fields})" if fields else ""))
    shown = name if len(name) <= 100 else name[:100] + "…"
    raise ConflictException(
        f"The {noun} {shown!r} is not what you read (revision {wanted}); since then it was "
        f"{'; '.join(told) or 'replaced'}. Nothing was changed: read it again, then change it."
    )


# -- experiments -------------------------------------------------------------------------------------------------
def _experiment(work: Work, name: str, at: float, who: str = "") -> Row:
    """The experiment of that name, made if absent."""
    k = t.key(name)
    row = work.experiments.get(k)
    if row is None:
        row = work.experiments.add(
            k,
            {
                "id": uuid.uuid4().hex, "key": k, "name": t.clean(name), "created": at, "archived": None,
                "description": "", "tags": "{}", "run_count": 0, "last_number": 0, "last_activity": at, "revision": 0,
            },
        )  # fmt: skip
        work.experiment_by_id[row["id"]] = row
        row["revision"] = work.change(at, who, "created", "experiment", row["name"], row["name"])
    return row


def _experiment_put(work: Work, event: e.ExperimentPut) -> None:
    row = work.experiments.get(t.key(event.name))
    _check_revision(work, row, event.only_revision, "experiment", event.name)
    made = row is None
    row = _experiment(work, event.name, event.at, event.who)
    before = dict(row)
    row["tags"] = merged(row["tags"], event.set_tags, keep=False, drop=event.drop_tags)
    if event.description is not None:
        row["description"] = t.clean(event.description)
    if event.archived is not None and event.archived != (row["archived"] is not None):
        row["archived"] = event.at if event.archived else None
    if event.rename is not None and work.experiments.get(t.key(event.rename)) is None:
        work.experiments.touch(t.key(event.name))
        row["key"], row["name"] = t.key(event.rename), t.clean(event.rename)
    if row != before:
        fields = [k for k in ("name", "tags", "description", "archived") if row[k] != before[k]]
        if row["key"] == before["key"]:
            work.experiments.touch(row["key"])
        data: dict[str, Any] = {"fields": fields}
        if row["name"] != before["name"]:
            data["was"] = before["name"]
        if not made:
            row["revision"] = work.change(
                event.at, event.who, "changed", "experiment", row["name"], row["name"], data=data
            )
        if row["key"] != before["key"]:  # it is known by another key now
            work.flush()
            work.forget()


def _experiment_deleted(work: Work, event: e.ExperimentDeleted) -> None:
    row = work.experiments.get(t.key(event.name))
    _check_revision(work, row, event.only_revision, "experiment", event.name)
    if row is None:
        return
    work.flush()
    c = work.connection
    ids = list(c.execute(select(t.run.c.id).where(t.run.c.experiment == row["id"])).scalars())
    ids = _with_descendants(work, ids)
    if event.only_ended:
        _check_ended(work, ids, f"of experiment {row['name'][:100]!r}")
    _delete_runs(work, ids)
    c.execute(delete(t.experiment).where(t.experiment.c.id == row["id"]))
    work.forget()
    work.change(event.at, event.who, "deleted", "experiment", row["name"], row["name"])


# -- runs --------------------------------------------------------------------------------------------------------
def _ghost(work: Work, run_id: str) -> Row:
    """A place for a run that is spoken of before it is born: its birth is in a journal that comes later."""
    work.fresh.add(run_id)
    return work.runs.add(
        run_id,
        {
            "id": run_id, "experiment": "", "ghost": True, "type": "", "status": "", "parent": None, "root": run_id,
            "number": 0, "name": "", "description": "", "created": 0.0, "started": None, "ended": None,
            "duration": None, "user": "", "host": "", "owner": "", "error": None, "snapshot": None, "params": "{}",
            "tags": "{}", "properties": "{}", "details": "{}", "child_count": 0, "revision": 0,
        },
    )  # fmt: skip


def _existing(work: Work, run_id: str) -> Row | None:
    """The run's row to be changed, None when it was deleted."""
    if work.gone.get(run_id) is not None:
        return None
    row = work.runs.get(run_id)
    if row is None:
        return _ghost(work, run_id)
    work.runs.touch(run_id)
    return row


def _run_created(work: Work, event: e.RunCreated) -> None:
    run = event.run
    if run.parent and work.gone.get(run.parent) is not None and work.gone.get(run.id) is None:
        work.gone.add(run.id, {"run": run.id})  # the child of a deleted run is deleted
    row = _existing(work, run.id)
    if row is None:
        return
    if row["ghost"]:
        _birth(work, row, run)
        return
    before = dict(row)
    _add_what_lacks(row, run)
    if row != before:
        if any(row[k] != before[k] for k in ("params", "tags", "properties")):
            work.attributes.add(run.id)
        _changed(work, row, before, run.created or row["created"], run.user)


def _add_what_lacks(row: Row, run: RunRecord) -> None:
    for name in ("params", "tags", "properties", "details"):
        row[name] = merged(row[name], getattr(run, name), keep=True)
    for name in ("name", "description", "user", "host", "owner"):
        row[name] = row[name] or t.clean(getattr(run, name))
    if row["snapshot"] is None:
        row["snapshot"] = run.snapshot


def _birth(work: Work, row: Row, run: RunRecord) -> None:
    row["ghost"] = False
    row["type"] = t.clean(run.type)
    row["created"] = run.created
    _add_what_lacks(row, run)
    if not row["status"]:
        row["status"] = t.clean(run.status)
        row["error"] = dumps(run.error) if run.error is not None else None
        row["ended"] = run.ended
    if row["started"] is None or run.started is not None:
        row["started"] = run.started
    if row["status"] in TERMINAL:
        start = row["started"] if row["started"] is not None else row["created"]
        row["ended"] = max(row["ended"] if row["ended"] is not None else start, start)
        row["duration"] = row["ended"] - start
    experiment = _experiment(work, run.experiment, run.created, run.user)
    row["experiment"] = experiment["id"]
    work.experiments.touch(experiment["key"])
    experiment["last_activity"] = max(experiment["last_activity"] or 0.0, run.created)
    if run.parent and run.parent != run.id:
        row["parent"] = run.parent
        parent = _existing(work, run.parent)
        assert parent is not None
        parent["child_count"] += 1
        if parent["root"] != run.id:
            if row["child_count"]:  # children came before their parent did
                work.flush()
                work.connection.execute(update(t.run).where(t.run.c.root == run.id).values(root=parent["root"]))
                for known in work.runs.known():
                    if known["root"] == run.id:
                        known["root"] = parent["root"]
            row["root"] = parent["root"]
    else:
        experiment["run_count"] += 1
        experiment["last_number"] += 1
        row["number"] = experiment["last_number"]
    work.attributes.add(run.id)
    data = {"type": row["type"], "status": row["status"], "parent": row["parent"], "name": row["name"]}
    row["revision"] = work.change(
        run.created, run.user, "created", "run", run.id, experiment["name"], row["root"], data
    )


def _changed(work: Work, row: Row, before: Row, at: float, who: str) -> None:
    if row["ghost"]:
        return  # the birth will tell
    fields = [k for k in row if row[k] != before[k] and k not in ("duration", "child_count")]
    if fields:
        data = {"fields": fields, "status": row["status"]}
        row["revision"] = work.change(
            at, who or row["user"], "changed", "run", row["id"], work.name_of(row["experiment"]), row["root"], data
        )


def _run_status(work: Work, event: e.RunStatus) -> None:
    if event.only_owner is not None:
        known = work.runs.get(event.run)
        if known is None or known["owner"] != event.only_owner:
            return
    row = _existing(work, event.run)
    if row is None or row["status"] in TERMINAL:
        return
    before = dict(row)
    if (
        row["status"] != "CancelRequested" or event.status in TERMINAL
    ):  # the request stands, wherever the run has got to
        row["status"] = t.clean(event.status)
    if event.error is not None:
        row["error"] = dumps(event.error)
    if event.status not in TERMINAL:
        if event.status == "Running" and row["started"] is None:
            row["started"] = event.at
        if row != before:
            _changed(work, row, before, event.at, event.who)
        return
    start = row["started"] if row["started"] is not None else row["created"]
    if event.elapsed is not None and row["started"] is not None:
        row["ended"] = row["started"] + max(0.0, event.elapsed)
    else:
        row["ended"] = max(event.at, start)
    row["duration"] = row["ended"] - start
    if row["ghost"]:
        return
    experiment = work.experiment_of(row["experiment"])
    if experiment is not None:
        experiment["last_activity"] = max(experiment["last_activity"] or 0.0, row["ended"])
        work.experiments.touch(experiment["key"])
    data = {"status": row["status"], "type": row["type"], "parent": row["parent"]}
    row["revision"] = work.change(
        event.at,
        event.who or row["user"],
        "ended",
        "run",
        event.run,
        work.name_of(row["experiment"]),
        row["root"],
        data,
    )


def unheard(c: Connection, owner: str, seconds: float) -> list[str]:
    """Runs of a writer that were failed because nothing was heard of it, which was so for that many seconds."""
    r = t.run.c
    lately = r.ended > time.time() - seconds - _SKEW
    held = (lately, r.owner == owner, r.status == "Failed", r.error.like(f'%"{e.NOT_HEARD_OF}"%'))
    return list(c.execute(select(r.id).where(*held)).scalars())


def revive(work: Work, ids: Sequence[str], at: float) -> None:
    """Let these runs go on: their writer is heard of again."""
    work.runs.load(ids)
    for id in ids:
        row = work.runs.get(id)
        if row is not None and json.loads(row["error"] or "{}").get("code") == e.NOT_HEARD_OF:
            before = dict(row)
            work.runs.touch(id)
            row.update(status="Running", error=None, ended=None, duration=None)
            _changed(work, row, before, at, "")


def _run_changed(work: Work, event: e.RunChanged) -> None:
    if event.only_revision is not None:
        _check_revision(work, work.runs.get(event.run), event.only_revision, "run", event.run)
    row = _existing(work, event.run)
    if row is None:
        return
    before = dict(row)
    for name in ("name", "description", "owner"):
        value = getattr(event, name)
        if value is not None:
            row[name] = t.clean(value)
    if event.snapshot is not None:
        row["snapshot"] = event.snapshot
    row["tags"] = merged(row["tags"], event.set_tags, keep=False, drop=event.drop_tags)
    row["properties"] = merged(row["properties"], event.add_properties, keep=True)
    row["params"] = merged(row["params"], event.add_params, keep=False)
    row["details"] = merged(row["details"], event.add_details, keep=False)
    if any(row[k] != before[k] for k in ("params", "tags", "properties")):
        work.attributes.add(event.run)
    _changed(work, row, before, event.at, event.who)


def _run_deleted(work: Work, event: e.RunDeleted) -> None:
    row = work.runs.get(event.run)
    _check_revision(work, row, event.only_revision, "run", event.run)
    if row is None:
        return
    work.flush()
    row = dict(row)
    experiment = work.name_of(row["experiment"])
    ids = _with_descendants(work, [event.run])
    if event.only_ended:
        _check_ended(work, ids, f"of run {event.run} and those below it")
    _delete_runs(work, ids)
    work.forget()
    if not row["ghost"]:
        work.change(
            event.at, event.who, "deleted", "run", event.run, experiment, row["root"], {"parent": row["parent"]}
        )


def _check_ended(work: Work, ids: list[str], which: str) -> None:
    """Refuse the batch when some of these runs are still open.

    Raises:
        RunStateException: naming one.
    """
    r = t.run.c
    running: list[str] = []
    for some in pieces(ids):
        held = (r.id.in_(some), r.ended.is_(None), r.ghost.is_(False))
        running += work.connection.execute(select(r.id).where(*held)).scalars()
    if running:
        raise RunStateException(
            f"{len(running)} {which} {'has' if len(running) == 1 else 'have'} not ended, {running[0]} for one. "
            "Cancel what is running first; nothing was deleted."
        )


def _with_descendants(work: Work, ids: list[str]) -> list[str]:
    found = dict.fromkeys(ids)
    level = ids
    while level:
        below: list[str] = []
        for some in pieces(level):
            below += work.connection.execute(select(t.run.c.id).where(t.run.c.parent.in_(some))).scalars()
        level = [run for run in below if run not in found]
        found.update(dict.fromkeys(level))
    return list(found)


def _delete_runs(work: Work, ids: list[str]) -> None:
    """Remove runs and all that is theirs. Everything gathered must be written before."""
    c = work.connection
    inside = set(ids)
    for some in pieces(ids):
        rows = c.execute(
            select(t.run.c.id, t.run.c.parent, t.run.c.experiment, t.run.c.ghost).where(t.run.c.id.in_(some))
        ).all()
        for row in rows:
            if row.parent and row.parent not in inside:
                c.execute(update(t.run).where(t.run.c.id == row.parent).values(child_count=t.run.c.child_count - 1))
            if not row.parent and not row.ghost:
                c.execute(
                    update(t.experiment)
                    .where(t.experiment.c.id == row.experiment)
                    .values(run_count=t.experiment.c.run_count - 1)
                )
    for some in pieces(ids):
        c.execute(delete(t.run).where(t.run.c.id.in_(some)))
        known = set(c.execute(select(t.gone.c.run).where(t.gone.c.run.in_(some))).scalars())
        new = [{"run": run} for run in some if run not in known]
        if new:
            c.execute(t.gone.insert(), new)
        c.execute(delete(t.attribute).where(t.attribute.c.run.in_(some)))
        texts = select(t.text.c.id).where(t.text.c.run.in_(some))
        c.execute(delete(t.chunk).where(t.chunk.c.text.in_(texts)))
        c.execute(delete(t.text).where(t.text.c.run.in_(some)))
        c.execute(delete(t.file).where(t.file.c.run.in_(some)))
        c.execute(delete(t.link).where(t.link.c.run.in_(some)))
        c.execute(update(t.file).where(t.file.c.origin.in_(some)).values(origin=""))
    points.delete_of(work, ids)


# -- files, texts, snapshots -------------------------------------------------------------------------------------
def _file(work: Work, event: e.FileLogged) -> None:
    if work.gone.get(event.run) is not None:
        return
    path = t.clean(event.path)
    work.files.append(
        {
            "id": work.serial(), "run": event.run, "path": path, "digest": event.digest, "size": event.size,
            "time": event.at, "media_type": t.clean(event.media_type), "origin": event.origin,
        }
    )  # fmt: skip
    work.logged(event.at, event.run, "files", path)
    if event.origin and event.origin != event.run:
        work.logged(event.at, event.origin, "files", path)


CHUNK = 64 * 1024
"""Characters up to which a chunk of a text is filled."""


def _text(work: Work, event: e.TextLogged) -> None:
    if work.gone.get(event.run) is not None or not event.text:
        return
    k = (event.run, t.key(event.path))
    row = work.texts.get(k)
    if row is None:
        row = work.texts.add(
            k,
            {
                "id": work.serial(), "run": k[0], "key": k[1], "path": t.clean(event.path),
                "chars": 0, "bytes": 0, "time": event.at,
            },
        )  # fmt: skip
    else:
        work.texts.touch(k)
    c = work.connection
    data = event.text.encode("utf-8", "surrogatepass")
    last = None
    if row["chars"]:
        last = c.execute(
            select(t.chunk.c.start, t.chunk.c.chars)
            .where(t.chunk.c.text == row["id"]).order_by(t.chunk.c.start.desc()).limit(1)
        ).first()  # fmt: skip
    if last is not None and last.chars + len(event.text) <= CHUNK:
        at = and_(t.chunk.c.text == row["id"], t.chunk.c.start == last.start)
        before: bytes = c.execute(select(t.chunk.c.data).where(at)).scalar_one()
        c.execute(update(t.chunk).where(at).values(chars=last.chars + len(event.text), data=before + data))
    else:
        c.execute(t.chunk.insert(), {"text": row["id"], "start": row["chars"], "chars": len(event.text), "data": data})
    row["chars"] += len(event.text)
    row["bytes"] += len(data)
    row["time"] = event.at
    work.logged(event.at, event.run, "texts", row["path"])


def _snapshot(work: Work, event: e.SnapshotTaken) -> None:
    taken = event.snapshot
    if work.snapshots.get(taken.id) is None:
        manifest = {"files": {p: list(f) for p, f in taken.files.items()}, "skipped": dict(taken.skipped)}
        work.snapshots.add(
            taken.id,
            {"id": taken.id, "created": taken.created, "manifest": zlib.compress(dumps(manifest).encode("ascii"), 1)},
        )


def _asset(work: Work, event: e.AssetPut) -> None:
    assets.bring(work, event.asset)


def _linked(work: Work, event: e.AssetLinked) -> None:
    if work.gone.get(event.run) is not None:
        return
    row = {
        "id": work.serial(), "run": event.run, "role": event.role, "kind": event.kind, "asset": event.asset,
        "label": t.clean(event.label), "time": event.at, "data": dumps(dict(event.data)),
    }  # fmt: skip
    work.connection.execute(t.link.insert(), [row])
    work.logged(event.at, event.run, "links", event.kind)


def _cleaned(work: Work, event: e.WorkspaceCleaned) -> None:
    data = {"fields": ["contents"], "removed": event.contents, "bytes": event.bytes}
    work.change(event.at, event.who, "changed", "workspace", event.workspace, data=data)


_HANDLERS: dict[type, Callable[[Work, Any], None]] = {
    e.ExperimentPut: _experiment_put,
    e.ExperimentDeleted: _experiment_deleted,
    e.RunCreated: _run_created,
    e.RunStatus: _run_status,
    e.RunChanged: _run_changed,
    e.RunDeleted: _run_deleted,
    e.FileLogged: _file,
    e.TextLogged: _text,
    e.SnapshotTaken: _snapshot,
    e.AssetPut: _asset,
    e.AssetLinked: _linked,
    e.WorkspaceCleaned: _cleaned,
}

__all__ = ["apply_events"]
