"""Environments over REST."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_aml.environments import curated
from jupyter_aml.environments.environment import KIND
from jupyter_aml.server.assets import AssetsHandler, LineageHandler, VersionHandler
from jupyter_aml.server.base import AmlHandler, answers


class EnvironmentsHandler(AssetsHandler):
    """`environments`."""

    kind, noun, auth_resource = KIND, "environment", "jupyter_aml:environments"


class EnvironmentHandler(VersionHandler):
    """`environments/<name>/versions/<version>`."""

    kind, noun, auth_resource = KIND, "environment", "jupyter_aml:environments"


class EnvironmentLineageHandler(LineageHandler):
    """`environments/<name>/versions/<version>/lineage`."""

    kind, noun, auth_resource = KIND, "environment", "jupyter_aml:environments"


class CuratedHandler(AmlHandler):
    """`GET curated-environments`."""

    auth_resource = "jupyter_aml:environments"
    parameters: frozenset[str] = frozenset()

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> Any:
        """Those that every workspace has: name → description."""
        return {"environments": curated.all_of_them()}


ROUTES: list[tuple[str, type]] = [
    (r"/environments", EnvironmentsHandler),
    (r"/environments/([^/]{1,255})/versions/([^/]{1,20})", EnvironmentHandler),
    (r"/environments/([^/]{1,255})/versions/([^/]{1,20})/lineage", EnvironmentLineageHandler),
    (r"/curated-environments", CuratedHandler),
]
