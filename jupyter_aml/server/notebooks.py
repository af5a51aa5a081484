"""The tracking switch of notebooks over REST."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_aml.errors import ConflictException, UserErrorException
from jupyter_aml.server import wire
from jupyter_aml.server.base import AmlHandler, answers
from jupyter_aml.tracking.names import experiment_name


class TrackingHandler(AmlHandler):
    """`notebooks/tracking`: is this notebook tracked; track it."""

    auth_resource = "jupyter_aml:notebooks"
    by_content = True
    conditional = frozenset(["put"])
    parameters = frozenset(["path"])

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> Any:
        """As it stands."""
        return await self._state(self.get_query_argument("path").strip("/"))

    @web.authenticated
    @authorized
    @answers
    async def put(self) -> Any:
        """Switch; takes effect at once for the notebook's running kernels. The client keeps the switch in the metadata."""
        given = self.body()
        path, tracked, experiment = given.get("path"), given.get("tracked"), given.get("experiment") or ""
        if not isinstance(path, str) or not path.strip("/") or not isinstance(tracked, bool):
            raise UserErrorException('The body is {"path": text, "tracked": true or false, "experiment"?: text}.')
        if experiment:
            experiment_name(experiment)
        if tracked and self.services.track == "none":
            raise UserErrorException("This server tracks no notebooks (JupyterAML.track is 'none').")
        await self.workspace()
        path = path.strip("/")
        async with self.services.switching:  # the switch is this server's own: nobody else changes it
            if "If-Match" in self.request.headers:
                self._check(await self._state(path))
            await self.services.watcher.switch(path, tracked, experiment)
        return await self._state(path)

    def _check(self, state: Any) -> None:
        """Refuse a switch that was thrown by somebody else meanwhile."""
        present, given = self.tag_of(state, wire.text(state)), self.request.headers["If-Match"]
        if given.strip() != "*" and present not in [tag.strip() for tag in given.split(",")]:
            raise ConflictException(
                f"The switch of {state['path']!r} is not what you read: it is {'on' if state['tracked'] else 'off'} now, "
                f"experiment {state['experiment']!r}. Nothing was changed: read it again, then change it."
            )

    async def _state(self, path: str) -> Any:
        watcher = self.services.watcher
        watched = await watcher.refresh(path)
        tracked, experiment = await watcher.notebooks.tracking(path)
        if watched is not None and path in watched.notebooks:
            tracked = watched.notebooks[path]
            experiment = watched.experiment if tracked else experiment
        recorder = watched.recorder if watched is not None and tracked else None
        return {
            "path": path,
            "tracked": bool(tracked),
            "experiment": experiment or PurePosixPath(path).stem,
            "session_run": recorder.parent if recorder is not None else None,
            "kernel_id": watched.kernel_id if watched is not None else None,
        }
