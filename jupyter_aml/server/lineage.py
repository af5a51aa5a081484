"""What a run read, wrote and registered, over REST."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_aml.errors import NotFoundException
from jupyter_aml.server.base import AmlHandler, answers


class RunLinksHandler(AmlHandler):
    """`GET runs/<id>/links`: the versions of named things that the run had to do with."""

    auth_resource = "jupyter_aml:runs"
    for_runs = frozenset(["get"])
    parameters: frozenset[str] = frozenset()

    @web.authenticated
    @authorized
    @answers
    async def get(self, run_id: str) -> Any:
        """Oldest first; those that have been deleted since have no name."""
        if await self.store("run", run_id) is None:
            raise NotFoundException.of("run", run_id)
        return {"links": await self.store("links", run=run_id)}


ROUTES: list[tuple[str, type]] = [(r"/runs/([0-9A-Za-z_.-]{1,128})/links", RunLinksHandler)]
