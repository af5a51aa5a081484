"""The change feed as it happens: one websocket for each page, one poller for all of them."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Iterable
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado import web, websocket

from jupyter_aml.server import wire
from jupyter_aml.server.base import Services
from jupyter_aml.store.records import Change

log = logging.getLogger("jupyter_aml")

_SEQ = re.compile(r"[0-9]{1,15}\Z")
TOO_FAR = 5000
"""Changes behind which a listener had better load everything anew."""


class LiveFeed:
    """Polls the feed while there are listeners: one poller for all.

    Args:
        services: what the extension holds.
        interval: seconds between two looks.
    """

    def __init__(self, services: Services, interval: float = 0.15) -> None:
        self._services = services
        self._interval = interval
        self._listeners: set[LiveHandler] = set()
        self._task: asyncio.Task[None] | None = None

    async def last(self) -> int:
        """The newest change."""
        workspace = await self._services.workspace()
        return await self._services.call(lambda: workspace.connection.store.last_change())

    async def since(self, after: int) -> list[Change]:
        """What changed after a sequence number."""
        workspace = await self._services.workspace()
        return await self._services.call(lambda: workspace.connection.store.changes(after, TOO_FAR))

    async def join(self, listener: LiveHandler, after: int | None) -> None:
        """A page opened: tell it where the feed is; what it missed and what happens follow."""
        last = await self.last()
        listener.tell({"type": "hello", "last": last})
        if after is not None and after > last:  # another workspace, or an older backup
            listener.tell({"type": "reset", "last": last})
            after = last
        listener.seen = last if after is None else after
        if listener.ws_connection is None:
            return  # it went away meanwhile
        self._listeners.add(listener)
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._poll())

    def leave(self, listener: LiveHandler) -> None:
        """A page went away."""
        self._listeners.discard(listener)

    def stop(self) -> None:
        """The server stops."""
        if self._task is not None:
            self._task.cancel()

    async def _poll(self) -> None:
        warned = False
        while self._listeners:
            try:
                await self._look()
                warned = False
            except Exception as error:  # the store is busy or away: go on asking
                if not warned:
                    warned = True
                    log.warning("jupyter_aml cannot read the change feed for now: %s", error)
                await asyncio.sleep(1)
            await asyncio.sleep(self._interval)

    async def _look(self) -> None:
        last = await self.last()
        behind = [x for x in self._listeners if x.seen < last and not x.busy]  # a slow page is told later, and less
        for listener in [x for x in behind if last - x.seen > TOO_FAR]:
            behind.remove(listener)
            listener.seen = last
            listener.tell({"type": "reset", "last": last})
        if not behind:
            return
        changes = await self.since(min(x.seen for x in behind))
        for listener in behind:
            mine = [c for c in changes if c.seq > listener.seen]
            if mine:
                listener.seen = mine[-1].seq
                listener.tell({"type": "changes", "changes": coalesced(mine), "last": listener.seen})
            else:
                listener.seen = last  # the lines between are gone


def coalesced(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """A burst as one line for each thing that changed: the newest, with the names of all that was logged."""
    lines: dict[tuple[str, str], dict[str, Any]] = {}
    for change in changes:
        line = wire.plain(change)
        before = lines.pop((change.noun, change.id), None)
        if before is not None:
            for key, value in before["data"].items():
                mine = line["data"].get(key)
                if isinstance(value, list):
                    line["data"][key] = [*value, *(x for x in mine or [] if x not in value)]
                elif mine is None:
                    line["data"][key] = value
            if before["verb"] == "created" and line["verb"] != "deleted":
                line["verb"] = "created"
        lines[change.noun, change.id] = line
    return list(lines.values())


class LiveHandler(WebSocketMixin, websocket.WebSocketHandler, JupyterHandler):
    """The websocket: see docs/rest.md."""

    auth_resource = "jupyter_aml:changes"
    seen = 0
    """The change that this page was told last."""
    _sending: asyncio.Future[None] | None = None

    @property
    def feed(self) -> LiveFeed:
        """The server's one feed."""
        return self.settings["jupyter_aml"].live  # type: ignore[no-any-return]

    @ws_authenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Check the right to read, then upgrade."""
        allowed = await ensure_async(
            self.authorizer.is_authorized(self, self.current_user, "read", self.auth_resource)  # type: ignore[arg-type]
        )
        if not allowed:
            raise web.HTTPError(403)
        after = self.get_query_argument("after", "")
        if after and not _SEQ.match(after):
            raise web.HTTPError(400, f"after is the number of a change, not {after[:40]!r}.")
        await super().get(*args, **kwargs)

    def set_default_headers(self) -> None:
        """None for a websocket."""

    async def open(self, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
        """Begin to tell."""
        super().open()
        given = self.get_query_argument("after", "")
        await self.feed.join(self, int(given) if given else None)

    def on_message(self, message: str | bytes) -> None:
        """Only a ping is understood."""
        try:
            if json.loads(message).get("type") == "ping":
                self.tell({"type": "pong"})
        except (ValueError, AttributeError):
            pass

    def on_close(self) -> None:
        """The page went away."""
        self.feed.leave(self)
        super().on_close()

    @property
    def busy(self) -> bool:
        """Whether the page has not taken the last message yet."""
        return self._sending is not None and not self._sending.done()

    def tell(self, message: dict[str, Any]) -> None:
        """Send, unless the page is gone."""
        try:
            sending = asyncio.ensure_future(self.write_message(wire.text(message)))
            sending.add_done_callback(_looked_at)
            self._sending = sending
        except websocket.WebSocketClosedError:
            self.feed.leave(self)


def _looked_at(sending: asyncio.Future[None]) -> None:
    """A page that goes away while it is told something is no error."""
    if not sending.cancelled():
        sending.exception()
