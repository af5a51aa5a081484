"""What the routes of named things with versions share: lists, one version, changes of it. Each kind's module says its routes."""

from __future__ import annotations

import time
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_aml.errors import NotFoundException, UserErrorException
from jupyter_aml.server.base import AmlHandler, answers
from jupyter_aml.store.records import AssetQuery, AssetRecord
from jupyter_aml.tracking.names import tag_name


class AssetHandler(AmlHandler):
    """Base: `kind` is the store's, `noun` what people call it."""

    kind = ""
    noun = ""

    def told(self, record: AssetRecord) -> AssetRecord:
        """The record as it is shown (a kind may leave something out)."""
        return record

    async def version(self, name: str, version: str) -> AssetRecord:
        """The version that a route names ("latest" for the newest).

        Raises:
            NotFoundException: there is none.
        """
        if version != "latest" and not (version.isdecimal() and len(version) < 10):
            raise NotFoundException.of(f"version of {name!r}", version[:60], hint='A version is a number or "latest".')
        found: AssetRecord | None = await self.store(
            "asset", self.kind, name, None if version == "latest" else int(version)
        )
        if found is None:
            known = await self.store("asset_names", self.kind)
            if name in known:
                raise NotFoundException(f"The {self.noun} {name!r} has no version {version}.")
            raise NotFoundException.of(self.noun, name, known)
        return found


class AssetsHandler(AssetHandler):
    """`GET <kind>s`: the newest version of each, or all."""

    parameters = frozenset(["name", "text", "run", "all", "archived", "limit", "cursor"])

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> Any:
        """A page by name, the newest version of each; all versions with all=1, archived ones too with archived=1."""
        query = AssetQuery(
            kind=self.kind,
            name=self.get_query_argument("name", "") or None,
            run=self.get_query_argument("run", "") or None,
            text=self.get_query_argument("text", ""),
            latest=self.get_query_argument("all", "0") not in ("1", "true"),
            archived=self.get_query_argument("archived", "0") in ("1", "true"),
            limit=self.number("limit", 100, 1, 1000),
            cursor=self.get_query_argument("cursor", "") or None,
        )
        page = await self.store("assets", query)
        counts = await self.store("asset_names", self.kind)
        return {"assets": [self.told(a) for a in page.assets], "versions": counts, "next": page.next}


class VersionHandler(AssetHandler):
    """`<kind>s/<name>/versions/<version>`: one version."""

    conditional = frozenset(["patch", "delete"])

    @web.authenticated
    @authorized
    @answers
    async def get(self, name: str, version: str) -> Any:
        """It, as it is now."""
        return self.told(await self.version(name, version))

    @web.authenticated
    @authorized
    @answers
    async def patch(self, name: str, version: str) -> Any:
        """Change its tags, description, or whether it is archived."""
        record = await self.version(name, version)
        given = self.body()
        unknown = set(given) - {"set_tags", "drop_tags", "archived", "description"}
        if unknown:
            raise UserErrorException(f"A {self.noun} has no {sorted(unknown)[0]!r} to change.")
        tags, drop = given.get("set_tags") or {}, given.get("drop_tags") or []
        archived, description = given.get("archived"), given.get("description")
        if not isinstance(tags, dict) or not isinstance(drop, list):
            raise UserErrorException("set_tags is an object and drop_tags a list.")
        if not isinstance(archived, (bool, type(None))) or not isinstance(description, (str, type(None))):
            raise UserErrorException("archived is true or false, and description text.")
        changed = await self.store(
            "change_asset",
            record.id,
            at=time.time(),
            who=self.who,
            revision=self.expected(record),
            description=description,
            set_tags={tag_name(k): None if v is None else str(v) for k, v in tags.items()},
            drop_tags=[str(k) for k in drop],
            archived=archived,
        )
        return self.told(changed)

    @web.authenticated
    @authorized
    @answers
    async def delete(self, name: str, version: str) -> Any:
        """Remove it for good; its number is not given again."""
        record = await self.version(name, version)
        await self.store("delete_asset", record.id, at=time.time(), who=self.who, revision=self.expected(record))


class LineageHandler(AssetHandler):
    """`GET <kind>s/<name>/versions/<version>/lineage`: the runs that had to do with it."""

    parameters: frozenset[str] = frozenset()

    @web.authenticated
    @authorized
    @answers
    async def get(self, name: str, version: str) -> Any:
        """Which run read, wrote or registered it, oldest first."""
        record = await self.version(name, version)
        return {"links": await self.store("links", asset=record.id)}
