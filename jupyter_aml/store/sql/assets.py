"""Versions of named things and their lineage, in the tables."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, and_, delete, func, or_, select, update

from jupyter_aml.errors import ConflictException, FilterException, NotFoundException
from jupyter_aml.store.asset_contract import Assets, IfExists
from jupyter_aml.store.records import AssetPage, AssetQuery, AssetRecord, Json, LinkRecord
from jupyter_aml.store.sql import schema as t
from jupyter_aml.store.sql.work import Work, dumps, merged, pieces

MAX_LIMIT = 10_000


class SqlAssets(Assets):
    """See Assets."""

    _reading: Any
    _writing: Any

    def put_asset(self, asset: AssetRecord, *, if_exists: IfExists = "version") -> AssetRecord:
        """See Assets.put_asset."""
        with self._write() as c:
            work = Work(c)  # one writer at a time from here on: versions have no gaps and no doubles
            newest = _newest(c, asset.kind, asset.name)
            if newest is not None and if_exists == "same" and asset.hash and newest.hash == asset.hash:
                return _record(newest)
            if newest is not None and if_exists == "fail":
                raise ConflictException(f"There is a {asset.kind} {asset.name!r} already.")
            if newest is not None and if_exists == "replace":
                return _replace(c, work, newest, asset)
            row = _row(asset, _next_version(c, asset))
            c.execute(t.asset.insert(), [row])
            _refer(c, row["id"], asset.files)
            work.change(asset.created, asset.user, "created", asset.kind, asset.name, data={"version": row["version"]})
            work.flush()
            return _by_id(c, row["id"])

    def asset(self, kind: str, name: str, version: int | None = None) -> AssetRecord | None:
        """See Assets.asset."""
        wanted = select(t.asset).where(t.asset.c.kind == kind, t.asset.c.key == t.key(name))
        if version is not None:
            wanted = wanted.where(t.asset.c.version == version)
        else:
            wanted = wanted.where(t.asset.c.archived.is_(None)).order_by(t.asset.c.version.desc()).limit(1)
        with self._read() as c:
            row = c.execute(wanted).first()
        return None if row is None else _record(row)

    def assets(self, query: AssetQuery) -> AssetPage:
        """See Assets.assets. Tags and properties are looked at row by row: workspaces have thousands of assets, not millions."""
        if not 1 <= query.limit <= MAX_LIMIT:
            raise FilterException(f"limit {query.limit}: a page has 1 to {MAX_LIMIT:,} assets.")
        a = t.asset.c
        held = [a.kind == query.kind] if query.kind else []
        for column, value in ((a.id, query.id), (a.run, query.run), (a.version, query.version)):
            if value is not None:
                held.append(column == value)
        if query.name is not None:
            held.append(a.key == t.key(query.name))
        if not query.archived:
            held.append(a.archived.is_(None))
        if query.text:
            held.append(func.lower(a.name).contains(t.clean(query.text).lower(), autoescape=True))
        if query.latest:
            newer = t.asset.alias("newer")
            later = [newer.c.kind == a.kind, newer.c.key == a.key, newer.c.version > a.version]
            if not query.archived:
                later.append(newer.c.archived.is_(None))
            held.append(~select(newer.c.id).where(*later).exists())
        after = _read_cursor(query.cursor)
        found: list[Any] = []
        with self._read() as c:
            while len(found) <= query.limit:
                where = held if after is None else [*held, _behind(*after)]
                size = query.limit + 1
                rows = c.execute(
                    select(t.asset).where(*where).order_by(a.kind, a.key, a.version.desc()).limit(size)
                ).all()
                found += [row for row in rows if _has(row.tags, query.tags) and _has(row.properties, query.properties)]
                if len(rows) < size:
                    break
                after = (rows[-1].kind, rows[-1].key, rows[-1].version)
        more = len(found) > query.limit
        found = found[: query.limit]
        cursor = json.dumps([found[-1].kind, found[-1].key, found[-1].version]) if more else None
        return AssetPage(assets=[_record(row) for row in found], next=cursor)

    def asset_names(self, kind: str) -> dict[str, int]:
        """See Assets.asset_names."""
        a = t.asset.c
        wanted = select(func.min(a.name), func.count()).where(a.kind == kind, a.archived.is_(None))
        with self._read() as c:
            return {name: int(count) for name, count in c.execute(wanted.group_by(a.key).order_by(a.key))}

    def change_asset(
        self, id: str, *, at: float, who: str = "", revision: int | None = None, description: str | None = None,
        set_tags: Mapping[str, str | None] | None = None, drop_tags: Sequence[str] = (),
        add_properties: Mapping[str, str] | None = None, data: Mapping[str, Json] | None = None,
        archived: bool | None = None,
    ) -> AssetRecord:  # fmt: skip
        """See Assets.change_asset."""
        with self._write() as c:
            work = Work(c)
            row = c.execute(select(t.asset).where(t.asset.c.id == id)).first()
            if row is None:
                raise NotFoundException(f"There is no asset of the id {id!r} (it may have been deleted).")
            _check_revision(row, revision)
            new = {
                "tags": merged(row.tags, set_tags or {}, keep=False, drop=drop_tags),
                "properties": merged(row.properties, add_properties or {}, keep=True),
                "data": _without_nones(merged(row.data, data or {}, keep=False)) if data else row.data,
                "description": row.description if description is None else t.clean(description),
                "archived": row.archived if archived is None or archived == (row.archived is not None)
                else (at if archived else None),
            }  # fmt: skip
            fields = [name for name, value in new.items() if value != getattr(row, name)]
            if fields:
                new |= {"modified": at, "revision": row.revision + 1}
                c.execute(update(t.asset).where(t.asset.c.id == id).values(**new))
                work.change(at, who, "changed", row.kind, row.name, data={"version": row.version, "fields": fields})
                work.flush()
            return _by_id(c, id)

    def delete_asset(self, id: str, *, at: float, who: str = "", revision: int | None = None) -> bool:
        """See Assets.delete_asset."""
        with self._write() as c:
            work = Work(c)
            row = c.execute(select(t.asset).where(t.asset.c.id == id)).first()
            if row is None:
                return False
            _check_revision(row, revision)
            c.execute(delete(t.asset_blob).where(t.asset_blob.c.asset == id))
            c.execute(delete(t.asset).where(t.asset.c.id == id))
            work.change(at, who, "deleted", row.kind, row.name, data={"version": row.version})
            work.flush()
            return True

    def links(
        self, *, run: str | None = None, asset: str | None = None, role: str | None = None, kind: str | None = None
    ) -> list[LinkRecord]:
        """See Assets.links."""
        k = t.link.c
        wanted = (
            select(t.link, t.asset.c.name, t.asset.c.version)
            .join(t.asset, t.asset.c.id == k.asset, isouter=True)
            .order_by(k.id)
        )
        for column, value in ((k.run, run), (k.asset, asset), (k.role, role), (k.kind, kind)):
            if value is not None:
                wanted = wanted.where(column == value)
        with self._read() as c:
            return [
                LinkRecord(
                    run=row.run, role=row.role, kind=row.kind, asset=row.asset, name=row.name or "",
                    version=row.version or 0, label=row.label, time=row.time, data=json.loads(row.data),
                )
                for row in c.execute(wanted)
            ]  # fmt: skip

    def _read(self) -> AbstractContextManager[Connection]:
        return self._reading()  # type: ignore[no-any-return]

    def _write(self) -> AbstractContextManager[Connection]:
        return self._writing()  # type: ignore[no-any-return]


def bring(work: Work, asset: AssetRecord) -> None:
    """Take in a version as it is elsewhere, once; it gets the next number where its own is another's."""
    c = work.connection
    if c.execute(select(t.asset.c.id).where(t.asset.c.id == asset.id)).first() is not None:
        return
    taken = select(t.asset.c.id).where(
        t.asset.c.kind == asset.kind, t.asset.c.key == t.key(asset.name), t.asset.c.version == asset.version
    )
    if c.execute(taken).first() is not None:
        asset = replace(asset, version=0)
    row = _row(asset, _next_version(c, asset))
    c.execute(t.asset.insert(), [row])
    _refer(c, row["id"], asset.files)
    work.change(asset.created, asset.user, "created", asset.kind, asset.name, data={"version": row["version"]})


def _check_revision(row: Any, revision: int | None) -> None:
    if revision is not None and revision != row.revision:
        raise ConflictException(
            f"{row.kind} {row.name!r} version {row.version} has been changed meanwhile: you read revision {revision}, "
            f"it is {row.revision} now. Read it again, then change it."
        )


def referenced(c: Connection, digests: Sequence[str]) -> set[str]:
    """Those of these digests that an asset refers to."""
    found: set[str] = set()
    for some in pieces(digests):
        found |= set(c.execute(select(t.asset_blob.c.digest).where(t.asset_blob.c.digest.in_(some))).scalars())
    return found


def _newest(c: Connection, kind: str, name: str) -> Any:
    """The newest version of the name, archived or not."""
    wanted = select(t.asset).where(t.asset.c.kind == kind, t.asset.c.key == t.key(name))
    return c.execute(wanted.order_by(t.asset.c.version.desc()).limit(1)).first()


def _next_version(c: Connection, asset: AssetRecord) -> int:
    names, k = t.asset_name, t.key(asset.name)
    this = and_(names.c.kind == asset.kind, names.c.key == k)
    last = c.execute(select(names.c.last).where(this)).scalar()
    version = asset.version or (last or 0) + 1
    taken = select(t.asset.c.id).where(t.asset.c.kind == asset.kind, t.asset.c.key == k, t.asset.c.version == version)
    if c.execute(taken).first() is not None:
        raise ConflictException(f"There is a version {version} of the {asset.kind} {asset.name!r} already.")
    if last is None:
        c.execute(names.insert(), [{"kind": asset.kind, "key": k, "last": version}])
    elif version > last:
        c.execute(update(names).where(this).values(last=version))
    return version


def _row(asset: AssetRecord, version: int) -> dict[str, Any]:
    return {
        "id": asset.id or uuid.uuid4().hex, "kind": asset.kind, "key": t.key(asset.name), "name": t.clean(asset.name),
        "version": version, "hash": asset.hash, "created": asset.created, "modified": asset.modified or asset.created,
        "archived": asset.archived, "user": t.clean(asset.user), "run": asset.run, "revision": asset.revision,
        **_definition(asset),
    }  # fmt: skip


def _definition(asset: AssetRecord) -> dict[str, Any]:
    return {
        "description": t.clean(asset.description), "tags": dumps(dict(asset.tags)),
        "properties": dumps(dict(asset.properties)), "data": dumps(dict(asset.data)),
        "files": dumps({path: list(about) for path, about in asset.files.items()}),
    }  # fmt: skip


def _replace(c: Connection, work: Work, old: Any, asset: AssetRecord) -> AssetRecord:
    at = asset.modified or asset.created
    new = {**_definition(asset), "hash": asset.hash, "archived": asset.archived, "run": asset.run}
    c.execute(update(t.asset).where(t.asset.c.id == old.id).values(**new, modified=at, revision=old.revision + 1))
    c.execute(delete(t.asset_blob).where(t.asset_blob.c.asset == old.id))
    _refer(c, old.id, asset.files)
    work.change(at, asset.user, "changed", asset.kind, asset.name, data={"version": old.version, "fields": ["data"]})
    work.flush()
    return _by_id(c, old.id)


def _refer(c: Connection, id: str, files: Mapping[str, tuple[str, int]]) -> None:
    digests = sorted({digest for digest, _ in files.values()})
    if digests:
        c.execute(t.asset_blob.insert(), [{"asset": id, "digest": digest} for digest in digests])


def _by_id(c: Connection, id: str) -> AssetRecord:
    return _record(c.execute(select(t.asset).where(t.asset.c.id == id)).one())


def _record(row: Any) -> AssetRecord:
    return AssetRecord(
        kind=row.kind, name=row.name, version=row.version, id=row.id, hash=row.hash, created=row.created,
        modified=row.modified, archived=row.archived, user=row.user, run=row.run, revision=row.revision,
        description=row.description, tags=json.loads(row.tags), properties=json.loads(row.properties),
        data=json.loads(row.data),
        files={path: (digest, size) for path, (digest, size) in json.loads(row.files).items()},
    )  # fmt: skip


def _without_nones(written: str) -> str:
    return dumps({name: value for name, value in json.loads(written).items() if value is not None})


def _has(written: str, wanted: Mapping[str, str | None]) -> bool:
    if not wanted:
        return True
    found = json.loads(written)
    return all(name in found and (value is None or found[name] == value) for name, value in wanted.items())


def _behind(kind: str, key: str, version: int) -> Any:
    a = t.asset.c
    return or_(a.kind > kind, and_(a.kind == kind, or_(a.key > key, and_(a.key == key, a.version < version))))


def _read_cursor(cursor: str | None) -> tuple[str, str, int] | None:
    if cursor is None:
        return None
    try:
        kind, key, version = json.loads(cursor)
        return str(kind), str(key), int(version)
    except (ValueError, TypeError):
        raise FilterException(f"{cursor!r} is no cursor of a page of assets.") from None
