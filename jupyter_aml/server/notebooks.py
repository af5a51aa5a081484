"""The tracking switch of notebooks over REST."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_aml.errors import UserErrorException
from jupyter_aml.server.base import AmlHandler, answers
from jupyter_aml.tracking.names import experiment_name


class TrackingHandler(AmlHandler):
    """`notebooks/tracking`: is this notebook tracked; track it."""

    auth_resource = "jupyter_aml:notebooks"

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
        if not isinstance(path, str) or not path or not isinstance(tracked, bool):
            raise UserErrorException('The body is {"path": text, "tracked": true or false, "experiment"?: text}.')
        path = path.strip("/")
        if experiment:
            experiment_name(experiment)
        watcher = self.services.watcher
        if tracked and self.services.track == "none":
            raise UserErrorException("This server tracks no notebooks (JupyterAML.track is 'none').")
        for kernel_id in await watcher.kernels_of(path):
            await watcher.track(kernel_id, path, tracked, experiment)
        return await self._state(path, tracked, experiment)

    async def _state(self, path: str, tracked: bool | None = None, experiment: str = "") -> Any:
        watcher = self.services.watcher
        kernels = await watcher.kernels_of(path)
        known = watcher.state_of(kernels[0]) if kernels else None
        if known is not None and known.tracked is not None:
            tracked = known.tracked
            experiment = experiment or known.experiment
        if tracked is None or not experiment:
            switch = await watcher.switch_of(path)
            experiment = experiment or str(switch.get("experiment") or "")
            if tracked is None:
                tracked = self.services.track == "all" or (self.services.track != "none" and bool(switch.get("track")))
        recorder = known.recorder if known is not None else None
        return {
            "path": path,
            "tracked": tracked,
            "experiment": experiment or PurePosixPath(path).stem,
            "session_run": recorder.parent if recorder is not None else None,
            "kernel_id": kernels[0] if kernels else None,
        }
