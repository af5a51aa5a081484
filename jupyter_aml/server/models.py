"""The model registry over REST. Nothing of a model is opened here; its files are only passed on."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_aml.errors import NotFoundException, UserErrorException
from jupyter_aml.models.names import KIND
from jupyter_aml.server.assets import AssetHandler, AssetsHandler, LineageHandler, VersionHandler
from jupyter_aml.server.base import answers
from jupyter_aml.server.files import SANDBOX
from jupyter_aml.server.streams import send_content
from jupyter_aml.tracking.names import file_path

TAKEN = frozenset({"run", "name", "path", "tags", "properties", "description", "framework", "framework_version"})


class ModelsHandler(AssetsHandler):
    """`models`."""

    kind, noun, auth_resource = KIND, "model", "jupyter_aml:models"

    @web.authenticated
    @authorized
    @answers
    async def post(self) -> Any:
        """Register files of a run as the next version of a model: {run, name, path?, tags?, properties?, description?, framework?}."""
        given = self.body()
        unknown = sorted(set(given) - TAKEN)
        if unknown or not all(isinstance(given.get(key), str) for key in ("run", "name")):
            raise UserErrorException(
                f"A model is registered by run and name, {'not ' + repr(unknown[0]) if unknown else 'two texts'}; "
                f"there are {', '.join(sorted(TAKEN))}."
            )
        workspace = await self.workspace()

        def register() -> Any:
            run = workspace.get_run(given["run"])
            return run.register_model(
                given["name"], given.get("path"), tags=given.get("tags"), properties=given.get("properties"),
                description=given.get("description"), model_framework=given.get("framework"),
                model_framework_version=given.get("framework_version"),
            )._record  # fmt: skip

        return self.told(await self.services.call(register))


class ModelHandler(VersionHandler):
    """`models/<name>/versions/<version>`."""

    kind, noun, auth_resource = KIND, "model", "jupyter_aml:models"


class ModelLineageHandler(LineageHandler):
    """`models/<name>/versions/<version>/lineage`."""

    kind, noun, auth_resource = KIND, "model", "jupyter_aml:models"


class ModelFileHandler(AssetHandler):
    """`GET models/<name>/versions/<version>/files/<path>`: a content."""

    kind, noun, auth_resource = KIND, "model", "jupyter_aml:models"
    parameters: frozenset[str] = frozenset()

    @web.authenticated
    @authorized
    @answers
    async def get(self, name: str, version: str, path: str) -> Any:
        """Streamed, to be saved."""
        record = await self.version(name, version)
        wanted = file_path(path)
        if wanted not in record.files:
            raise NotFoundException.of(
                "file", wanted, record.files, f"The model {name!r} has {len(record.files)} files."
            )
        digest, size = record.files[wanted]
        kind = "application/octet-stream"
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Content-Security-Policy", SANDBOX)
        self.set_header("Content-Type", kind)
        self.set_header("Content-Disposition", f"attachment; filename*=UTF-8''{quote(wanted.rsplit('/', 1)[-1])}")
        self.set_header("Etag", f'"{digest}"')
        self.set_header("Content-Length", str(size))
        await send_content(self, digest, kind)


ROUTES: list[tuple[str, type]] = [
    (r"/models", ModelsHandler),
    (r"/models/([^/]{1,255})/versions/([^/]{1,20})", ModelHandler),
    (r"/models/([^/]{1,255})/versions/([^/]{1,20})/lineage", ModelLineageHandler),
    (r"/models/([^/]{1,255})/versions/([^/]{1,20})/files/(.+)", ModelFileHandler),
]
