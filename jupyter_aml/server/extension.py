"""The Jupyter server extension."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from jupyter_server.extension.application import ExtensionApp
from jupyter_server.utils import url_path_join
from traitlets import Bool, Enum, Float, Int, List, Unicode

import jupyter_aml
from jupyter_aml.errors import NotFoundException
from jupyter_aml.server import (
    activity,
    aliases,
    care,
    compute,
    data,
    datastores,
    environments,
    events,
    experiments,
    files,
    jobs,
    lineage,
    live,
    models,
    notebook_runs,
    notebooks,
    openapi,
    remote,
    run_tokens,
    runs,
    secrets,
    studio,
)
from jupyter_aml.server.base import Services
from jupyter_aml.server.kernels import KernelWatcher
from jupyter_aml.server.overhear import overhearing
from jupyter_aml.store import home
from jupyter_aml.store.connection import connect
from jupyter_aml.tracking.context import WORKSPACE
from jupyter_aml.workspace import Workspace, find_config

RUN = r"/runs/([0-9A-Za-z_.-]{1,128})"
ROUTES: list[tuple[str, type]] = [
    (r"/info", experiments.InfoHandler),
    (r"/workspaces", experiments.WorkspacesHandler),
    (r"/experiments", experiments.ExperimentsHandler),
    (r"/experiments/(.+)", experiments.ExperimentHandler),
    (r"/runs", runs.RunsHandler),
    *jobs.ROUTES,
    (RUN, runs.RunHandler),
    (RUN + r"/cancel", runs.CancelHandler),
    (RUN + r"/token", run_tokens.RunTokenHandler),
    (RUN + r"/series", runs.SeriesHandler),
    (RUN + r"/points", runs.PointsHandler),
    (RUN + r"/text", runs.TextHandler),
    (RUN + r"/diff", runs.DiffHandler),
    (RUN + r"/source", files.SourceHandler),
    (RUN + r"/files", files.FilesHandler),
    (RUN + r"/files/(.+)", files.FileHandler),
    (r"/notebooks/tracking", notebooks.TrackingHandler),
    *studio.ROUTES,
    *models.ROUTES,
    *aliases.ROUTES,
    *lineage.ROUTES,
    *environments.ROUTES,
    *compute.ROUTES,
    *datastores.ROUTES,
    *data.ROUTES,
    *secrets.ROUTES,
    (r"/changes", experiments.ChangesHandler),
    (r"/live", live.LiveHandler),
    (r"/activity", activity.ActivityHandler),
    *care.ROUTES,
    (r"/openapi.json", openapi.DocumentHandler),
    *notebook_runs.ROUTES,
    *remote.ROUTES,
    (r"/.*", experiments.LostHandler),
]
"""Below ``<base_url>aml/api/v1``; docs/rest.md describes them."""
openapi.DocumentHandler.routes = ROUTES
PREFIX = "aml/api/v1"


def _is_url(workspace: str) -> bool:
    return "://" in workspace or os.sep in workspace


class JupyterAML(ExtensionApp):
    """Serves a workspace to JupyterLab and records the cells of tracked notebooks."""

    name = "jupyter_aml"
    description = __doc__ or ""
    load_other_extensions = True

    workspace = Unicode(
        "",
        config=True,
        help="Name or URL of the workspace that is served. Empty: what the server's folder's config.json names, "
        "else the user's default workspace.",
    )
    workspaces = List(
        Unicode(),
        config=True,
        help="Names or URLs of further workspaces that are offered, under ?workspace=NAME; '*' stands for all those in "
        "the user's home of workspaces.",
    )
    track = Enum(
        ["marked", "all", "none"],
        "marked",
        config=True,
        help="Which notebooks' cells are recorded: those whose switch is on ('marked'), 'all', or 'none'.",
    )
    snapshot = Bool(
        True,
        config=True,
        help="Whether the git state and a snapshot of the notebook's folder are kept with each session of a tracked notebook.",
    )
    recover_interval = Float(
        10.0, config=True, help="Seconds between two searches for runs whose process died, which are then failed."
    )
    live_interval = Float(
        0.15, min=0.02, config=True, help="Seconds between two looks for changes, while a page listens for them."
    )
    events_interval = Float(
        1.0,
        min=0,
        config=True,
        help="Seconds between two looks for changes that are told as Jupyter events (/api/events); 0 tells none.",
    )
    max_text = Int(
        1_000_000,
        min=0,
        config=True,
        help="Characters of each of a cell's texts (printed output, errors, result) kept.",
    )
    max_figures = Int(100, min=0, config=True, help="Figures of one execution of a cell that are kept.")
    max_figure_bytes = Int(32 * 2**20, min=0, config=True, help="Size of the largest figure that is kept.")

    def initialize_settings(self) -> None:
        """Hold what the handlers share; nothing is opened yet."""
        services = Services(self._open, self.track)
        services.offered = self.offered
        services.live = live.LiveFeed(services, self.live_interval)
        server: Any = self.serverapp
        self._emitter = events.Emitter(services, server.event_logger, self.events_interval)
        services.watcher = KernelWatcher(
            services,
            self.serverapp,
            {"max_text": self.max_text, "max_figures": self.max_figures, "max_figure": self.max_figure_bytes},
            snapshot=self.snapshot,
        )
        self._services = services
        self._stopped = False
        self._recovery: asyncio.Task[None] | None = None
        self.settings["jupyter_aml"] = services
        base = self.settings.get("kernel_websocket_connection_class")
        if base is not None and self.track != "none":
            self.settings["kernel_websocket_connection_class"] = overhearing(base, lambda: services.watcher)

    def initialize_handlers(self) -> None:
        """Register the routes."""
        self.handlers.extend((url_path_join("/", PREFIX) + pattern, handler) for pattern, handler in ROUTES)

    def offered(self) -> dict[str, str]:
        """Name → URL of the workspaces that are offered beside the server's own."""
        known = home.list_workspaces()
        found: dict[str, str] = {}
        for wanted in self.workspaces:
            if wanted == "*":
                found.update(known)
            elif _is_url(wanted):
                found[str(connect(wanted).about["name"])] = wanted
            else:
                found[wanted] = known.get(wanted, home.workspace_url(wanted))
        return found

    def _open(self, name: str) -> Workspace:
        if name:
            offered = self.offered()
            if name in offered:
                return Workspace._of(connect(offered[name], create="*" not in self.workspaces, name=name))
            own = self._open("")
            if own.name == name:
                return own
            raise NotFoundException.of(
                "workspace", name, [own.name, *offered], "`GET workspaces` lists those that are offered."
            )
        root = getattr(self.serverapp, "root_dir", None) or None
        wanted = self.workspace or os.environ.get(WORKSPACE, "")
        if wanted:
            url = wanted if _is_url(wanted) else home.workspace_url(wanted)
            return Workspace._of(connect(url, create=True, name=None if _is_url(wanted) else wanted))
        if root and find_config(root):
            return Workspace.from_config(root)
        return Workspace.default()

    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        """Begin to watch kernels and to look after the runs of dead processes, once the server's loop runs."""
        try:
            await self._services.watcher.start()
        except Exception as error:
            self.log.error("jupyter_aml cannot open its workspace, so nothing is recorded: %s", error)
            return
        self._recovery = asyncio.ensure_future(self._recover())
        await self._emitter.start()
        workspace = await self._services.workspace()
        self.log.info("jupyter_aml %s serves the workspace %s", jupyter_aml.__version__, workspace.url)

    async def _recover(self) -> None:
        workspace = await self._services.workspace()
        while True:
            try:
                for run_id in await self._services.call(workspace.connection.recover):
                    self.log.info("jupyter_aml: the process of run %s had died; the run is failed now.", run_id)
            except Exception as error:
                self.log.warning("jupyter_aml could not look for runs of dead processes: %s", error)
            await asyncio.sleep(self.recover_interval)

    async def stop_extension(self) -> None:
        """End all sessions and let go of the workspace. Safe twice."""
        if self._stopped:
            return
        self._stopped = True
        if self._recovery is not None:
            self._recovery.cancel()
        self._services.live.stop()
        self._emitter.stop()
        await self._services.watcher.stop()
        for workspace in self._services.opened():
            await self._services.call(workspace.connection.flush)
        self._services.threads.shutdown(wait=False)
