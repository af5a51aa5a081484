"""Aliases of models over REST: names such as "production" that are moved from version to version."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_aml.errors import NotFoundException, UserErrorException
from jupyter_aml.models.model import Model
from jupyter_aml.models.names import ALIAS, KIND
from jupyter_aml.server.base import AmlHandler, answers
from jupyter_aml.store.records import AssetQuery


class ModelAliasesHandler(AmlHandler):
    """`GET models/<name>/aliases`."""

    auth_resource = "jupyter_aml:models"
    parameters: frozenset[str] = frozenset()

    @web.authenticated
    @authorized
    @answers
    async def get(self, name: str) -> Any:
        """Alias → version."""
        workspace = await self.workspace()

        def found() -> dict[str, Any]:
            store = workspace.connection.store
            every = store.walk_assets(AssetQuery(kind=ALIAS, text=f"{name}:"))
            known = store.asset_names(KIND)
            if name not in known:
                raise NotFoundException.of("model", name, known)
            return {str(a.data["alias"]): a.data["version"] for a in every if a.data["model"] == name}

        return {"aliases": await self.services.call(found)}


class ModelAliasHandler(AmlHandler):
    """`models/<name>/aliases/<alias>`: let it point at a version; take it away."""

    auth_resource = "jupyter_aml:models"
    parameters: frozenset[str] = frozenset()

    async def _model(self, name: str, version: Any) -> Any:
        workspace = await self.workspace()
        return await self.services.call(lambda: Model(workspace, name, version=version))

    @web.authenticated
    @authorized
    @answers
    async def put(self, name: str, alias: str) -> Any:
        """{version}: the alias is taken from the version that had it."""
        version = self.body().get("version")
        if not isinstance(version, int) or isinstance(version, bool) or not 0 < version < 10**9:
            raise UserErrorException('The body is {"version": number}.')
        model = await self._model(name, version)
        await self.services.call(model.set_alias, alias)
        return {"alias": alias, "version": version}

    @web.authenticated
    @authorized
    @answers
    async def delete(self, name: str, alias: str) -> Any:
        """The version stays."""
        model = await self._model(name, alias)
        await self.services.call(model.remove_alias, alias)


NAME = r"([^/]{1,255})"
ROUTES: list[tuple[str, type]] = [
    (rf"/models/{NAME}/aliases", ModelAliasesHandler),
    (rf"/models/{NAME}/aliases/([^/]{{1,100}})", ModelAliasHandler),
]
