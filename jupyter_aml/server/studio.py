"""What the pages of many runs ask for: slim rows, the names there are, groups, series and sources side by side."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_aml.errors import NotFoundException, UserErrorException
from jupyter_aml.server import wire
from jupyter_aml.server.base import AmlHandler, answers
from jupyter_aml.store.contract import Store
from jupyter_aml.store.grammar import parse, split_metric
from jupyter_aml.store.records import ATTRIBUTE_SPACES, Json, MetricRecord, RunQuery, RunRecord

PAGE = 1000
SAMPLE = 300
"""Runs that are looked at for the names that an experiment uses."""
MOST_FIELDS = 30_000
MOST_VALUES = 20
"""Different values of a field that are offered."""
COUNTED = 20_000
"""Runs that are looked at for groups."""
MOST_GROUPS = 200
MOST_RUNS = 50
"""Runs that are shown side by side."""
BASIC = ("id", "experiment", "parent", "number", "name", "type", "status", "created", "started", "ended", "user", "host",
         "description", "tags", "child_count", "snapshot")  # fmt: skip
QUERY = frozenset(["experiment", "everywhere", "text", "filter", "order"])
Number = (int, float)


def _query(handler: AmlHandler, **more: Any) -> RunQuery:
    """What the request says about which runs are meant."""
    order = handler.get_query_argument("order", "-created")
    return RunQuery(
        experiment=handler.get_query_argument("experiment", "") or None,
        everywhere=handler.get_query_argument("everywhere", "") in ("1", "true"),
        text=handler.get_query_argument("text", ""),
        where=[parse(text) for text in handler.get_query_arguments("filter") if text],
        order_by=order.lstrip("-"),
        descending=order.startswith("-"),
        **more,
    )


def _fields(handler: AmlHandler) -> list[str]:
    """The names of the request's columns, e.g. ``params.lr`` or ``metrics.loss.min``.

    Raises:
        UserErrorException: a name of nothing that rows have.
    """
    wanted = handler.get_query_arguments("field", strip=False)[:200]
    for name in wanted:
        space, dot, rest = name.partition(".")
        if not (dot and rest and space in (*ATTRIBUTE_SPACES, "metrics")):
            raise UserErrorException(
                f"There is no field {name[:60]!r}; write metrics.loss, params.lr, tags.kind or properties.git, for example."
            )
    return wanted


def _value(run: RunRecord, name: str) -> Json:
    """A run's value of such a field; None without one."""
    space, _, rest = name.partition(".")
    if space == "params":
        return run.params.get(rest)
    if space == "tags":
        return run.tags.get(rest)
    if space == "properties":
        return run.properties.get(rest)
    metric, suffix = split_metric(rest)
    found = run.metrics.get(metric)
    return None if found is None else getattr(found, suffix.lstrip(".") or "last")


def _row(run: RunRecord, fields: Sequence[str]) -> dict[str, Json]:
    """A run as a row: what every table shows, and the columns that were asked for."""
    row = {name: getattr(run, name) for name in BASIC}
    row["error"] = None if run.error is None else {key: run.error.get(key) for key in ("code", "message")}
    row["details"] = {key: run.details[key] for key in ("source", "notebook", "cell_id") if key in run.details}
    if isinstance(source := row["details"].get("source"), str):
        row["details"]["source"] = source[:200]
    row["values"] = {name: value for name in fields if (value := _value(run, name)) is not None}
    return row


class TableHandler(AmlHandler):
    """`GET studio/runs`: a page of slim rows."""

    auth_resource = "jupyter_aml:runs"
    parameters = QUERY | {"limit", "cursor", "field"}

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> Any:
        """As `GET runs`, but each run with nothing more than a table shows, and the fields that are asked for."""
        fields = _fields(self)
        query = _query(
            self,
            limit=self.number("limit", 200, 1, PAGE),
            cursor=self.get_query_argument("cursor", "") or None,
            with_metrics=any(name.startswith("metrics.") for name in fields),
        )
        page = await self.store("runs", query)
        return {"rows": [_row(run, fields) for run in page.runs], "next": page.next}


@dataclass
class _Seen:
    """What the looked-at runs have under one name."""

    runs: int = 0
    numeric: bool = True
    values: dict[str, None] = field(default_factory=dict)

    def add(self, value: Json) -> None:
        self.runs += 1
        self.numeric = self.numeric and isinstance(value, Number) and not isinstance(value, bool)
        if len(self.values) < MOST_VALUES and isinstance(value, (str, *Number)):
            self.values[str(value)[:100]] = None


def names(runs: Iterable[RunRecord]) -> dict[str, _Seen]:
    """Field → what these runs have under it."""
    found: dict[str, _Seen] = {}
    for run in runs:
        for space, values in (("params", run.params), ("tags", run.tags), ("properties", run.properties)):
            for name, value in values.items():
                found.setdefault(f"{space}.{name}", _Seen()).add(value)
        for name, metric in run.metrics.items():
            if metric.kind in ("scalar", "list"):
                _add_metric(found.setdefault(f"metrics.{name}", _Seen()), metric)
    return found


def _add_metric(seen: _Seen, metric: MetricRecord) -> None:
    seen.runs += 1
    seen.numeric = seen.numeric and not isinstance(metric.last, str)


class FieldsHandler(AmlHandler):
    """`GET studio/fields`."""

    auth_resource = "jupyter_aml:runs"
    parameters = QUERY

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> Any:
        """The parameters, metrics, tags and properties that the newest runs have, the most frequent first."""
        page = await self.store("runs", replace(_query(self), limit=SAMPLE, with_metrics=True))
        found = await self.services.call(names, page.runs)
        ordered = sorted(found.items(), key=lambda item: (-item[1].runs, item[0]))[:MOST_FIELDS]
        return {
            "fields": [
                {"field": name, "runs": seen.runs, "numeric": seen.numeric, "values": list(seen.values)}
                for name, seen in ordered
            ],
            "total": len(found),
            "looked_at": len(page.runs),
            "more_runs": page.next is not None,
        }


def _grouped(store: Store, query: RunQuery, by: str) -> dict[str, Any]:
    """How many runs there are of each value."""
    counts: Counter[tuple[str, str | None]] = Counter()
    shown: dict[tuple[str, str | None], Json] = {}
    looked_at, whole = 0, True
    query = replace(query, limit=10_000, with_metrics=by.startswith("metrics."))
    for run in store.walk(query):
        if looked_at >= COUNTED:
            whole = False
            break
        looked_at += 1
        value = getattr(run, by) if "." not in by else _value(run, by)
        key = (type(value).__name__, None if value is None else str(value))
        counts[key] += 1
        shown[key] = value
    most = counts.most_common(MOST_GROUPS)
    groups = [{"value": shown[key], "count": count} for key, count in most]
    return {"groups": groups, "others": len(counts) - len(most), "looked_at": looked_at, "whole": whole}


class GroupsHandler(AmlHandler):
    """`GET studio/groups`."""

    auth_resource = "jupyter_aml:runs"
    parameters = QUERY | {"by"}

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> Any:
        """The values of a field and how many runs have each, the most frequent first."""
        by = self.get_query_argument("by", strip=False)
        space, dot, rest = by.partition(".")
        if by not in ("status", "type", "user", "host", "name") and not (dot and rest and space in ATTRIBUTE_SPACES):
            raise UserErrorException(
                f"Runs are not grouped by {by[:60]!r}; by status, type, user, host, name, params.…, tags.… or properties.…."
            )
        workspace, query = await self.workspace(), _query(self)
        return await self.services.call(lambda: _grouped(workspace.connection.store, query, by))


class ExportHandler(AmlHandler):
    """`GET studio/runs.csv`."""

    auth_resource = "jupyter_aml:runs"
    parameters = QUERY | {"field"}

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> Any:
        """All runs that are meant as a CSV file with the fields that are asked for."""
        fields = _fields(self)
        query = _query(self, limit=PAGE, with_metrics=any(name.startswith("metrics.") for name in fields))
        page = await self.store("runs", query)  # what cannot be asked is refused before the first byte is sent
        self.set_header("Content-Type", "text/csv; charset=utf-8")
        self.set_header("Content-Disposition", 'attachment; filename="runs.csv"')
        self.set_header("Cache-Control", "no-store")
        self.write("\ufeff" + _lines([[*BASIC[:13], *fields]]))
        while True:
            self.write(await self.services.call(lambda runs=page.runs: _lines(_cells(run, fields) for run in runs)))
            await self.flush()
            if page.next is None:
                break
            page = await self.store("runs", replace(query, cursor=page.next))
        await self.finish()


def _lines(rows: Iterable[Iterable[Json]]) -> str:
    held = io.StringIO()
    csv.writer(held, lineterminator="\r\n").writerows(rows)
    return held.getvalue()


def _cells(run: RunRecord, fields: Sequence[str]) -> list[Json]:
    return [_cell(value) for value in (*(getattr(run, n) for n in BASIC[:13]), *(_value(run, n) for n in fields))]


def _cell(value: Json) -> Json:
    """A value as spreadsheets take it: a text that they would execute is marked as a text."""
    if value is None or isinstance(value, (*Number, bool)):
        return value
    text = value if isinstance(value, str) else wire.text(value)
    return f"'{text}" if text[:1] in "=+-@\t\r" and text else text


def _runs_asked(handler: AmlHandler) -> list[str]:
    """Ids of the request, each once.

    Raises:
        UserErrorException: none, or too many.
    """
    ids = list(dict.fromkeys(handler.get_query_arguments("run")))
    if not 1 <= len(ids) <= MOST_RUNS:
        raise UserErrorException(f"Ask for 1 to {MOST_RUNS} runs (run=…, repeated), not for {len(ids)}.")
    return ids


class ManySeriesHandler(AmlHandler):
    """`GET studio/series`."""

    auth_resource = "jupyter_aml:runs"
    parameters = frozenset(["run", "name", "width", "start", "stop", "axis"])

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> Any:
        """One metric of several runs as drawn; runs that are gone or have no such numbers are left out."""
        ids, name = _runs_asked(self), self.get_query_argument("name", strip=False)
        axis = self.get_query_argument("axis", "step")
        if axis not in ("step", "time"):
            raise UserErrorException(f"axis is step or time, not {axis[:40]!r}.")
        width, start, stop = self.number("width", 500, 1, 5000), self.real("start"), self.real("stop")
        workspace = await self.workspace()

        def draw() -> dict[str, Any]:
            store = workspace.connection.store
            known = store.metrics(ids)
            drawn = {}
            for run in ids:
                metric = known.get(run, {}).get(name)
                if metric is not None and metric.kind in ("scalar", "list"):
                    drawn[run] = store.sampled(run, [name], width=width, start=start, stop=stop, axis=axis)[0]
            return drawn

        return {"series": await self.services.call(draw)}


class SourcesHandler(AmlHandler):
    """`GET studio/sources`."""

    auth_resource = "jupyter_aml:files"
    parameters = frozenset(["run"])

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> Any:
        """Which files each run's snapshot (its own, or that of a run above it) has, with what content."""
        ids = _runs_asked(self)
        workspace = await self.workspace()
        kept = await self.services.call(lambda: [_kept(workspace.connection.store, run) for run in ids])
        held: dict[str, dict[str, tuple[str, int, int]]] = {}
        for run, (_, files) in zip(ids, kept, strict=True):
            held[run] = dict(files)
        paths = sorted({path for files in held.values() for path in files})
        return {
            "keepers": {run: keeper for run, (keeper, _) in zip(ids, kept, strict=True)},
            "files": [
                {"path": path, "digests": {run: files[path][0] for run, files in held.items() if path in files}}
                for path in paths
            ],
        }


def _kept(store: Store, run_id: str) -> tuple[str | None, Mapping[str, tuple[str, int, int]]]:
    """(the run whose snapshot this run's source is, the snapshot's files)"""
    run = store.run(run_id)
    if run is None:
        raise NotFoundException.of("run", run_id)
    while run is not None:
        snapshot = store.snapshot(run.snapshot) if run.snapshot else None
        if snapshot is not None:
            return run.id, snapshot.files
        run = store.run(run.parent) if run.parent else None
    return None, {}


ROUTES: list[tuple[str, type]] = [
    (r"/studio/runs", TableHandler),
    (r"/studio/runs\.csv", ExportHandler),
    (r"/studio/fields", FieldsHandler),
    (r"/studio/groups", GroupsHandler),
    (r"/studio/series", ManySeriesHandler),
    (r"/studio/sources", SourcesHandler),
]
