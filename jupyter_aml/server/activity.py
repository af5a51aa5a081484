"""Who did what when, for people who look after a workspace."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_aml.server.base import AmlHandler, answers


class ActivityHandler(AmlHandler):
    """`GET activity`: the change feed as people read it."""

    auth_resource = "jupyter_aml:activity"
    parameters = frozenset(["before", "limit", "who", "noun", "experiment", "verb"])

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> Any:
        """Newest first; ``before`` is the last sequence number of the page before."""
        limit = self.number("limit", 100, 1, 10_000)
        found = await self.store(
            "activity",
            before=self.number("before", 0) or None,
            limit=limit,
            who=self.get_query_argument("who", None),
            noun=self.get_query_argument("noun", None),
            experiment=self.get_query_argument("experiment", None),
            verbs=self.get_query_arguments("verb"),
        )
        return {"activity": found, "before": found[-1].seq if len(found) == limit else None}
