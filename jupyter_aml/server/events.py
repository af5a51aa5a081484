"""The change feed as Jupyter events, for whoever subscribes to the server's (``/api/events/subscribe``).

Source of the schemas' form: https://jupyter-events.readthedocs.io
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

from jupyter_aml.server import wire
from jupyter_aml.server.base import Services
from jupyter_aml.store.records import Change
from jupyter_aml.workspace import Workspace

log = logging.getLogger("jupyter_aml")

SCHEMAS = Path(__file__).parent / "event_schemas"
BASE = "https://events.jupyter.org/jupyter_aml/"
PAGE = 5000
"""Changes that are read at once."""


def event_of(change: Change, workspace: str) -> tuple[str, dict[str, Any]] | None:
    """(schema's id, event) of a line of the feed; None for what a run logs.

    Args:
        change: the line.
        workspace: name of the workspace.
    """
    if change.verb == "logged":
        return None
    data, action = change.data, str(change.verb)
    event: dict[str, Any] = {
        "workspace": workspace, "action": action, "who": change.who, "seq": change.seq, "time": change.time,
        "fields": list(data.get("fields", ())),
    }  # fmt: skip
    if change.noun == "experiment":
        event |= {"name": change.id, **({"was": data["was"]} if data.get("was") else {})}
        return f"{BASE}experiment/v1", event
    if change.noun != "run":
        version = {"version": data["version"]} if isinstance(data.get("version"), int) else {}
        return f"{BASE}change/v1", {**event, "noun": change.noun, "id": change.id, **version}
    told = {name: data[name] for name in ("parent", "type", "status") if name in data}
    runs = data.get("status") == "Running"
    if runs and (action == "created" or (action == "changed" and "status" in event["fields"])):
        event["action"] = "started"
    return f"{BASE}run/v1", {**event, "id": change.id, "experiment": change.experiment, "root": change.root, **told}


class Emitter:
    """Follows the feeds of the workspaces that are open, and emits what happened from now on.

    Args:
        services: what the extension holds.
        logger: the server's event logger.
        interval: seconds between two looks; 0 for none.
    """

    def __init__(self, services: Services, logger: Any, interval: float) -> None:
        self._services = services
        self._logger = logger
        self._interval = interval
        self._seen: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None
        self._warned = False
        for schema in sorted(SCHEMAS.glob("*/*.yaml")):
            logger.register_event_schema(schema)

    async def start(self) -> None:
        """Begin to follow: what happens behind this call is told."""
        if self._interval > 0:
            await self._look_at_all()
            self._task = asyncio.ensure_future(self._follow())

    def stop(self) -> None:
        """The server stops."""
        if self._task is not None:
            self._task.cancel()

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            await self._look_at_all()

    async def _look_at_all(self) -> None:
        try:
            for workspace in self._services.opened():
                await self._look(workspace)
            self._warned = False
        except Exception as error:  # the store is busy or away: go on asking
            if not self._warned:
                self._warned = True
                log.warning("jupyter_aml cannot read the change feed for now: %s", error)

    async def _look(self, workspace: Workspace) -> None:
        store = await self._services.call(lambda: workspace.connection.store)
        last = await self._services.call(store.last_change)
        seen = self._seen.setdefault(workspace.id, last)
        if last < seen:  # an older backup
            self._seen[workspace.id] = last
        while seen < last:
            changes = await self._services.call(store.changes, seen, PAGE)
            for change in changes:
                found = event_of(change, workspace.name)
                if found is not None:
                    self._logger.emit(schema_id=found[0], data=wire.plain(found[1]))
            seen = changes[-1].seq if changes else last
            self._seen[workspace.id] = seen
