"""Which notebooks a kernel belongs to, and what they say of tracking. Asked of the server's own managers, when needed."""

from __future__ import annotations

import logging
import time
from typing import Any

from jupyter_core.utils import ensure_async

log = logging.getLogger("jupyter_aml")

METADATA = "jupyter_aml"
"""Key of a notebook's metadata: ``{"track": true, "experiment": "name"}``."""
REMEMBERED = 1000


class Notebooks:
    """The notebooks of one server.

    Args:
        server: the ServerApp.
        track: the rule of the server ("marked", "all", "none").
    """

    def __init__(self, server: Any, track: str) -> None:
        self._server = server
        self._track = track
        self._switched: dict[str, tuple[float, bool, str]] = {}
        """Path → (when, tracked, experiment) of switches that the notebook's file may not have yet."""
        self._cells: dict[str, tuple[Any, frozenset[str]]] = {}

    async def of_kernel(self, kernel_id: str) -> list[str]:
        """Paths of a kernel's notebooks as they are called now."""
        return [
            str(s.get("path") or "")
            for s in await self._sessions()
            if s.get("type") == "notebook" and (s.get("kernel") or {}).get("id") == kernel_id
        ]

    async def kernels_of(self, path: str) -> list[str]:
        """Ids of the kernels of a notebook."""
        return [
            s["kernel"]["id"]
            for s in await self._sessions()
            if s.get("type") == "notebook" and s.get("path") == path and s.get("kernel")
        ]

    async def _sessions(self) -> list[dict[str, Any]]:
        return list(await ensure_async(self._server.session_manager.list_sessions()))

    def switch(self, path: str, tracked: bool, experiment: str) -> None:
        """Remember a switch until the notebook is saved after it."""
        if len(self._switched) >= REMEMBERED:
            self._switched.pop(next(iter(self._switched)))
        self._switched[path] = (time.time(), tracked, experiment)

    async def tracking(self, path: str) -> tuple[bool | None, str]:
        """Whether a notebook is to be tracked, and the experiment that it names ("" for none).

        None where there is no such notebook (yet): JupyterLab starts a session under a name that it makes up, and gives
        it the notebook's own a moment later.
        """
        model = await self._model(path, content=True)
        metadata = model.get("content", {}).get("metadata", {}) if model else {}
        given = metadata.get(METADATA) if isinstance(metadata, dict) else None
        given = given if isinstance(given, dict) else {}
        tracked, experiment = given.get("track") is True, str(given.get("experiment") or "")
        told = self._switched.get(path)
        if told is not None:
            saved = model.get("last_modified") if model else None
            if saved is not None and saved.timestamp() > told[0]:
                del self._switched[path]
            else:
                tracked, experiment = told[1], told[2] or experiment
        elif self._track == "all":
            tracked = True
        elif not model:
            return None, ""
        return tracked and self._track != "none", experiment

    async def cell_ids(self, path: str) -> frozenset[str]:
        """Ids of a saved notebook's cells."""
        about = await self._model(path, content=False)
        stamp = about.get("last_modified")
        known = self._cells.get(path)
        if known is not None and stamp is not None and known[0] == stamp:
            return known[1]
        model = await self._model(path, content=True)
        ids = frozenset(str(c.get("id")) for c in model.get("content", {}).get("cells", ()) if c.get("id"))
        if len(self._cells) >= REMEMBERED:
            self._cells.clear()
        self._cells[path] = (stamp, ids)
        return ids

    async def _model(self, path: str, *, content: bool) -> dict[str, Any]:
        try:
            model = await ensure_async(self._server.contents_manager.get(path, content=content, type="notebook"))
            return dict(model)
        except Exception as error:
            log.debug("The notebook %s could not be read: %s", path, error)
            return {}
