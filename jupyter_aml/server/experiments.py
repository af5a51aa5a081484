"""Experiments, the workspace itself, and the change feed over REST."""

from __future__ import annotations

import time
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

import jupyter_aml
from jupyter_aml.errors import NotFoundException, UserErrorException
from jupyter_aml.server.base import AmlHandler, answers
from jupyter_aml.store.events import ExperimentDeleted, ExperimentPut
from jupyter_aml.tracking.names import tag_name


class InfoHandler(AmlHandler):
    """`GET info`: what is served."""

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> Any:
        """Version, workspace, tracking rule, place in the change feed."""
        workspace = await self.workspace()
        return {
            "version": jupyter_aml.__version__,
            "workspace": {"name": workspace.name, "url": workspace.url, "id": workspace.id},
            "track": self.services.track,
            "last_change": await self.store("last_change"),
        }


class WorkspacesHandler(AmlHandler):
    """`GET workspaces`."""

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> Any:
        """The workspaces that are offered, and which one is meant without ``?workspace=``."""
        workspace = await self.services.workspace()
        known = {workspace.name: workspace.url, **await self.services.call(self.services.offered)}
        return {"workspaces": [{"name": n, "url": u, "current": u == workspace.url} for n, u in known.items()]}


class ExperimentsHandler(AmlHandler):
    """`GET experiments`."""

    auth_resource = "jupyter_aml:experiments"
    parameters = frozenset(["archived", "limit", "cursor"])

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> Any:
        """A page by name of the active ones, or of the archived ones with archived=1."""
        archived = self.get_query_argument("archived", "0") in ("1", "true")
        some, following = self.page(await self.store("experiments", archived=archived), lambda one: one.name)
        return {"experiments": some, "next": following}


class ExperimentHandler(AmlHandler):
    """`experiments/<name>`: change or delete one."""

    auth_resource = "jupyter_aml:experiments"
    conditional = frozenset(["patch", "delete"])

    async def _known(self, name: str) -> Any:
        record = await self.store("experiment", name)
        if record is None:
            raise NotFoundException.of("experiment", name)
        return record

    @web.authenticated
    @authorized
    @answers
    async def get(self, name: str) -> Any:
        """The experiment."""
        return await self._known(name)

    @web.authenticated
    @authorized
    @answers
    async def patch(self, name: str) -> Any:
        """Tags, description, archived."""
        record = await self._known(name)
        given = self.body()
        unknown = set(given) - {"set_tags", "drop_tags", "archived", "description"}
        if unknown:
            raise UserErrorException(f"An experiment has no {sorted(unknown)[0]!r} to change.")
        tags, drop = given.get("set_tags") or {}, given.get("drop_tags") or []
        archived, description = given.get("archived"), given.get("description")
        if not isinstance(tags, dict) or not isinstance(drop, list):
            raise UserErrorException("set_tags is an object and drop_tags a list.")
        if not isinstance(archived, (bool, type(None))) or not isinstance(description, (str, type(None))):
            raise UserErrorException("archived is true or false, and description text.")
        event = ExperimentPut(
            name=name,
            at=time.time(),
            who=self.who,
            set_tags={tag_name(k): None if v is None else str(v) for k, v in tags.items()},
            drop_tags=[str(k) for k in drop],
            archived=archived,
            description=description,
            only_revision=self.expected(record),
        )
        await self.change(event)
        return await self._known(name)

    @web.authenticated
    @authorized
    @answers
    async def delete(self, name: str) -> Any:
        """Delete it and its runs, when all of them have ended."""
        record = await self._known(name)
        await self.change(
            ExperimentDeleted(
                name=name, at=time.time(), who=self.who, only_revision=self.expected(record), only_ended=True
            )
        )


class ChangesHandler(AmlHandler):
    """`GET changes`: the change feed."""

    auth_resource = "jupyter_aml:changes"
    parameters = frozenset(["after", "limit"])

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> Any:
        """After a sequence number, oldest first."""
        after = self.number("after", 0)
        changes = await self.store("changes", after, self.number("limit", 1000, 1, 10_000))
        return {"changes": changes, "last": changes[-1].seq if changes else after}


class LostHandler(AmlHandler):
    """Anything else below our prefix: a 404 in our own shape, behind the same checks."""

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> Any:
        """There is nothing."""
        raise NotFoundException(f"There is nothing at {self.request.path[:200]!r}; docs/rest.md lists the routes.")
