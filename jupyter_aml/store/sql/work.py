"""What one batch changes, gathered in memory and written with few statements."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table, and_, bindparam, delete, select, update

from jupyter_aml.store.records import Json
from jupyter_aml.store.sql import schema as t

MANY = 500
"""Values in one IN list."""

Row = dict[str, Any]


def pieces(values: Iterable[Any], size: int = MANY) -> Iterator[list[Any]]:
    """Lists of at most `size` of them."""
    everything = list(values)
    for start in range(0, len(everything), size):
        yield everything[start : start + size]


def dumps(value: Json) -> str:
    """JSON in ASCII."""
    return json.dumps(value, separators=(",", ":"))


# Statements that every small batch needs are made once: to make one takes longer than SQLite takes to execute it.
_SERIAL = select(t.counter.c.value).where(t.counter.c.name == "serial").with_for_update()
_SET_SERIAL = update(t.counter).where(t.counter.c.name == "serial").values(value=bindparam("serial"))
_KEY_OF_EXPERIMENT = select(t.experiment.c.key).where(t.experiment.c.id == bindparam("experiment"))


@cache
def _by_key(table: Table, key: str) -> Any:
    return select(table).where(table.c[key] == bindparam("k"))


@cache
def _rewrite(table: Table) -> Any:
    primary = table.primary_key.columns.keys()
    names = [c.name for c in table.columns if c.name not in primary]
    found = update(table).where(*[table.c[p] == bindparam(f"_{p}") for p in primary])
    return found.values({n: bindparam(f"v_{n}") for n in names})


class Rows:
    """Rows of a table by key: read when asked for, written together by `flush`."""

    def __init__(self, connection: Connection, table: Table, *keys: str) -> None:
        self._connection = connection
        self._table = table
        self._keys = [table.c[k] for k in keys]
        self._primary = [c.name for c in table.primary_key.columns]
        self._known: dict[Any, Row | None] = {}
        self._new: dict[Any, Row] = {}
        self._changed: dict[Any, Row] = {}

    def load(self, wanted: Iterable[Any]) -> None:
        """Read the rows of these keys, those not yet known, in one go."""
        missing = {k for k in wanted if k not in self._known}
        if not missing:
            return
        for k in missing:
            self._known[k] = None
        if len(self._keys) == 1 and len(missing) == 1:
            self._read(_by_key(self._table, self._keys[0].name), {"k": next(iter(missing))})
        elif len(self._keys) == 1:
            for some in pieces(missing):
                self._read(select(self._table).where(self._keys[0].in_(some)))
        else:
            # By the first column; a run's other rows come along only where several of them are wanted.
            by_first: dict[Any, list[Any]] = {}
            for first, second in missing:
                by_first.setdefault(first, []).append(second)
            seconds = {second for _, second in missing}
            if len(seconds) <= MANY:
                for some in pieces(by_first):
                    both = and_(self._keys[0].in_(some), self._keys[1].in_(list(seconds)))
                    self._read(select(self._table).where(both))
            else:
                for first, some_seconds in by_first.items():
                    for some in pieces(some_seconds):
                        both = and_(self._keys[0] == first, self._keys[1].in_(some))
                        self._read(select(self._table).where(both))

    def _read(self, wanted: Any, values: Mapping[str, Any] | None = None) -> None:
        for row in self._connection.execute(wanted, values).mappings():
            found = dict(row)
            k = found[self._keys[0].name] if len(self._keys) == 1 else tuple(found[c.name] for c in self._keys)
            if k not in self._new and self._known.get(k) is None:
                self._known[k] = found

    def get(self, k: Any) -> Row | None:
        """The row, or None."""
        if k not in self._known:
            self.load([k])
        return self._known[k]

    def add(self, k: Any, row: Row) -> Row:
        """A new row."""
        self._known[k] = self._new[k] = row
        return row

    def touch(self, k: Any) -> None:
        """The row was changed in place."""
        if k not in self._new:
            row = self._known[k]
            assert row is not None
            self._changed[k] = row

    def known(self) -> list[Row]:
        """Rows in memory."""
        return [row for row in self._known.values() if row is not None]

    def flush(self) -> None:
        """Write what is new and what was changed."""
        if self._new:
            self._connection.execute(self._table.insert(), list(self._new.values()))
            self._new = {}
        if self._changed:
            self._connection.execute(
                _rewrite(self._table),
                [
                    {f"_{n}" if n in self._primary else f"v_{n}": value for n, value in row.items()}
                    for row in self._changed.values()
                ],
            )
            self._changed = {}

    def forget(self) -> None:
        """Know nothing any more (after a deletion behind its back)."""
        assert not self._new and not self._changed
        self._known = {}


class Work:
    """The state of one transaction of writing."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._serial = self._serial_before = int(connection.execute(_SERIAL).scalar_one())
        self.experiments = Rows(connection, t.experiment, "key")
        self.experiment_by_id: dict[str, Row] = {}
        self.runs = Rows(connection, t.run, "id")
        self.gone = Rows(connection, t.gone, "run")
        self.metrics = Rows(connection, t.metric, "run", "key")
        self.texts = Rows(connection, t.text, "run", "key")
        self.snapshots = Rows(connection, t.snapshot, "id")
        self.attributes: set[str] = set()
        """Runs whose attributes are to be written again."""
        self.fresh: set[str] = set()
        """Runs made by this batch, which have no attributes yet."""
        self.files: list[Row] = []
        self._changes: list[Row] = []
        self._logged: dict[str, dict[str, dict[str, None]]] = {}

    def serial(self) -> int:
        """The next number."""
        self._serial += 1
        return self._serial

    # -- the feed ------------------------------------------------------------------------------------------------
    def change(self, at: float, who: str, verb: str, noun: str, id: str, experiment: str = "", root: str = "",
               data: Mapping[str, Json] | None = None) -> int:  # fmt: skip
        """Note a change in the feed, and return its number."""
        self._changes.append(
            {
                "seq": self.serial(), "time": at, "who": t.clean(who), "verb": verb, "noun": noun, "id": t.clean(id),
                "experiment": experiment, "root": root, "data": {} if data is None else data,
            }
        )  # fmt: skip
        return self._serial

    def logged(self, at: float, run: str, what: str, name: str) -> None:
        """Note that a run logged; one line a run and batch."""
        entry = self._logged.get(run)
        if entry is None:
            entry = self._logged[run] = {}
            row = self.runs.get(run)
            self.change(
                at, row["user"] if row else "", "logged", "run", run,
                self.name_of(row["experiment"]) if row else "", row["root"] if row else "", entry,
            )  # fmt: skip
        entry.setdefault(what, {})[name] = None

    def name_of(self, experiment_id: str) -> str:
        """Name of an experiment by its id."""
        row = self.experiment_of(experiment_id)
        return row["name"] if row else ""

    def experiment_of(self, experiment_id: str) -> Row | None:
        """Row of an experiment by its id."""
        if not experiment_id:
            return None
        row = self.experiment_by_id.get(experiment_id)
        if row is None:
            k = self.connection.execute(_KEY_OF_EXPERIMENT, {"experiment": experiment_id}).scalar()
            row = self.experiments.get(k) if k is not None else None
            if row is not None:
                self.experiment_by_id[experiment_id] = row
        return row

    # -- writing -------------------------------------------------------------------------------------------------
    def flush(self) -> None:
        """Write everything gathered so far."""
        for rows in (self.experiments, self.runs, self.gone, self.metrics, self.texts, self.snapshots):
            rows.flush()
        if self.files:
            self.connection.execute(t.file.insert(), self.files)
            self.files = []
        if self.attributes:
            self._write_attributes()
        if self._changes:
            for row in self._changes:
                row["data"] = dumps({k: list(v) if isinstance(v, dict) else v for k, v in row["data"].items()})
            self.connection.execute(t.change.insert(), self._changes)
            self._changes = []
            self._logged = {}
        if self._serial != self._serial_before:
            self.connection.execute(_SET_SERIAL, {"serial": self._serial})
            self._serial_before = self._serial

    def _write_attributes(self) -> None:
        for some in pieces(self.attributes - self.fresh):
            self.connection.execute(delete(t.attribute).where(t.attribute.c.run.in_(some)))
        rows: list[Row] = []
        for run_id in self.attributes:
            row = self.runs.get(run_id)
            assert row is not None
            for space in ("params", "tags", "properties"):
                if row[space] != "{}":
                    found: dict[str, Row] = {}
                    for name, value in json.loads(row[space]).items():
                        num, txt = searchable(value)
                        k = t.key(name)
                        found[k] = {"run": run_id, "space": space, "key": k, "num": num, "txt": txt}
                    rows += found.values()
        if rows:
            self.connection.execute(t.attribute.insert(), rows)
        self.attributes = set()
        self.fresh = set()

    def forget(self) -> None:
        """After deletions: know nothing any more. Everything must be written."""
        for rows in (self.experiments, self.runs, self.gone, self.metrics, self.texts, self.snapshots):
            rows.forget()
        self.experiment_by_id = {}


def searchable(value: Json) -> tuple[float | None, str | None]:
    """(as a number, as a text) of a parameter, tag or property: ``"0.1"`` is found as a number too."""
    if value is None:
        return None, None
    txt = value if isinstance(value, str) else dumps(value)
    num: float | None = None
    if isinstance(value, (int, float, str)):
        try:
            num = float(value)
        except (ValueError, OverflowError):
            num = None
        if num is not None and num != num:
            num = None
    return num, t.key(txt)


def merged(stored: str, added: Mapping[str, Any], *, keep: bool, drop: Sequence[str] = ()) -> str:
    """A JSON object with more in it; `keep`: what is there stays."""
    if not added and not drop:
        return stored
    found = json.loads(stored)
    for name in drop:
        found.pop(name, None)
    for name, value in added.items():
        if not keep or name not in found:
            found[name] = value
    return dumps(found)
