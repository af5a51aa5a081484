"""Runs over REST."""

from __future__ import annotations

import time
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_aml.errors import NotFoundException, RunStateException, UserErrorException
from jupyter_aml.server.base import AmlHandler, answers
from jupyter_aml.store.events import RunChanged, RunDeleted
from jupyter_aml.store.grammar import parse
from jupyter_aml.store.records import TERMINAL, RunQuery, RunRecord
from jupyter_aml.tracking.lifetime import GIT_DIFF
from jupyter_aml.tracking.names import tag_name
from jupyter_aml.tracking.run import Run
from jupyter_aml.tracking.status import NEXT

NUMERIC = ("scalar", "list")


class RunsHandler(AmlHandler):
    """`GET runs`: a page of them."""

    auth_resource = "jupyter_aml:runs"
    parameters = frozenset(
        [
            "experiment",
            "parent",
            "everywhere",
            "type",
            "status",
            "text",
            "filter",
            "order",
            "limit",
            "cursor",
            "metrics",
        ]
    )

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> Any:
        """Filter, sort and page."""
        order = self.get_query_argument("order", "-created")
        statuses = self.get_query_arguments("status")
        unknown = [status for status in statuses if status not in NEXT]
        if unknown:
            raise UserErrorException(f"status is one of {', '.join(NEXT)}; not {unknown[0][:40]!r}.")
        query = RunQuery(
            experiment=self.get_query_argument("experiment", "") or None,
            parent=self.get_query_argument("parent", "") or None,
            everywhere=self.get_query_argument("everywhere", "") in ("1", "true"),
            types=self.get_query_arguments("type"),
            statuses=statuses,
            text=self.get_query_argument("text", ""),
            where=[parse(text) for text in self.get_query_arguments("filter") if text],
            order_by=order.lstrip("-"),
            descending=order.startswith("-"),
            limit=self.number("limit", 100, 1, 1000),
            cursor=self.get_query_argument("cursor", "") or None,
            with_metrics=self.get_query_argument("metrics", "") in ("1", "true"),
        )
        page = await self.store("runs", query)
        return {"runs": page.runs, "next": page.next}


class OneRun(AmlHandler):
    """Base of the routes of one run."""

    auth_resource = "jupyter_aml:runs"
    for_runs = frozenset(["get"])

    async def record(self, run_id: str, metrics: bool = False) -> RunRecord:
        """The run of the route."""
        record = await self.store("run", run_id, with_metrics=metrics)
        if record is None:
            raise NotFoundException.of("run", run_id)
        return record  # type: ignore[no-any-return]


class RunHandler(OneRun):
    """`runs/<id>`: read, change, delete one."""

    conditional = frozenset(["patch", "delete"])
    for_runs = frozenset(["get", "patch"])

    @web.authenticated
    @authorized
    @answers
    async def get(self, run_id: str) -> Any:
        """The run with its metrics' summaries."""
        return await self.record(run_id, metrics=True)

    @web.authenticated
    @authorized
    @answers
    async def patch(self, run_id: str) -> Any:
        """Change its name, description or tags."""
        record = await self.record(run_id)
        given = self.body()
        unknown = set(given) - {"name", "description", "set_tags", "drop_tags"}
        if unknown:
            raise UserErrorException(f"A run has no {sorted(unknown)[0]!r} to change.")
        tags = given.get("set_tags") or {}
        drop = given.get("drop_tags") or []
        if not isinstance(tags, dict) or not isinstance(drop, list):
            raise UserErrorException("set_tags is an object and drop_tags a list.")
        for key in ("name", "description"):
            if key in given and not isinstance(given[key], str):
                raise UserErrorException(f"{key} is text.")
        event = RunChanged(
            run=run_id,
            at=time.time(),
            who=self.who,
            name=given.get("name"),
            description=given.get("description"),
            set_tags={tag_name(k): None if v is None else str(v) for k, v in tags.items()},
            drop_tags=[str(k) for k in drop],
            only_revision=self.expected(record),
        )
        await self.change(event)
        return await self.record(run_id, metrics=True)

    @web.authenticated
    @authorized
    @answers
    async def delete(self, run_id: str) -> Any:
        """Delete it and what is below it."""
        record = await self.record(run_id)
        if record.status not in TERMINAL:
            raise RunStateException(f"Run {run_id} is {record.status}. Cancel it before you delete it.")
        await self.change(
            RunDeleted(run=run_id, at=time.time(), who=self.who, only_revision=self.expected(record), only_ended=True)
        )


class CancelHandler(OneRun):
    """`POST runs/<id>/cancel`."""

    for_runs = frozenset(["post"])

    @web.authenticated
    @authorized
    @answers
    async def post(self, run_id: str) -> Any:
        """Ask for its end; a tracked cell's kernel is interrupted."""
        record = await self.record(run_id)
        workspace, watcher = await self.workspace(), self.services.watcher
        kernel_id = watcher.running(record)
        if kernel_id is None or record.type != "aml.session":  # a session goes on; only what it executes is stopped
            await self.services.call(lambda: Run.get(workspace, run_id).cancel())
        if kernel_id is not None:
            await watcher.interrupt(kernel_id)
        return await self.record(run_id)


class SeriesHandler(OneRun):
    """`GET runs/<id>/series`: numeric metrics as drawn."""

    parameters = frozenset(["name", "width", "start", "stop", "axis"])

    @web.authenticated
    @authorized
    @answers
    async def get(self, run_id: str) -> Any:
        """Buckets for a number of pixels."""
        names = self.get_query_arguments("name", strip=False)
        axis = self.get_query_argument("axis", "step")
        if axis not in ("step", "time"):
            raise UserErrorException(f"axis is step or time, not {axis[:40]!r}.")
        record = await self.record(run_id, metrics=True)
        known = [name for name, metric in record.metrics.items() if metric.kind in NUMERIC]
        wanted = [name for name in (names or known) if name in known][:100]
        series = await self.store(
            "sampled",
            run_id,
            wanted,
            width=self.number("width", 1000, 1, 10_000),
            start=self.real("start"),
            stop=self.real("stop"),
            axis=axis,
        )
        return {"series": series}


class PointsHandler(OneRun):
    """`GET runs/<id>/points`: a series as it was logged."""

    parameters = frozenset(["name", "start", "stop"])

    @web.authenticated
    @authorized
    @answers
    async def get(self, run_id: str) -> Any:
        """At most 100,000 points at once."""
        await self.record(run_id)
        name = self.get_query_argument("name", strip=False)
        start = self.number("start", 0)
        stop = min(self.number("stop", start + 10_000), start + 100_000)
        series = await self.store("series", run_id, name, start=start, stop=stop)
        if series is None:
            raise NotFoundException.of("metric", name)
        return series


class TextHandler(OneRun):
    """`GET runs/<id>/text`: a growing text from a character on."""

    parameters = frozenset(["path", "start"])

    @web.authenticated
    @authorized
    @answers
    async def get(self, run_id: str) -> Any:
        """At most a million characters at once."""
        await self.record(run_id)
        start = self.number("start", 0)
        path = self.get_query_argument("path", strip=False)
        text = await self.store("text", run_id, path, start, 1_000_000)
        return {"text": text, "next": start + len(text)}


class DiffHandler(OneRun):
    """`GET runs/<id>/diff`: what was not committed."""

    @web.authenticated
    @authorized
    @answers
    async def get(self, run_id: str) -> Any:
        """The diff that was kept with the run."""
        await self.record(run_id)
        diff = await self.store("text", run_id, GIT_DIFF, 0, 1_000_001)
        return {"diff": diff[:1_000_000], "truncated": len(diff) > 1_000_000}
