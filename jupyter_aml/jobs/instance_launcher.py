"""An instance while it runs: the launcher of its queue, within its limits; kernels that have them are offered to JupyterLab."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from jupyter_aml.compute import limits, sizes
from jupyter_aml.compute.instance import RUNNING, STOPPED
from jupyter_aml.compute.target import FRESH, KIND
from jupyter_aml.errors import AzureMLException
from jupyter_aml.jobs import instance_kernels, launching
from jupyter_aml.jobs.launcher import Launcher
from jupyter_aml.jobs.processes import nursery
from jupyter_aml.jobs.stop import Stop
from jupyter_aml.store.connection import Connection
from jupyter_aml.store.records import AssetRecord, JobRecord
from jupyter_aml.tracking.lifetime import workspace_of

log = logging.getLogger("jupyter_aml")
LOOK_EVERY = 1.0


class InstanceLauncher(Launcher):
    """Serves the queue of one instance until that is stopped.

    Args:
        connection: the workspace.
        queue: its queue.
        asset: the instance.
    """

    def __init__(self, connection: Connection, queue: str, asset: AssetRecord) -> None:
        self.asset = asset
        self.size = sizes.find(workspace_of(connection), asset.data["settings"]["vmSize"])
        super().__init__(connection, queue, slots=self.size.cpus, idle=float("inf"))
        self._limits: Mapping[str, Any] = {}
        self._looked_at = 0.0
        self._told_at = 0.0
        self._used_at = time.monotonic()

    def serve(self) -> None:
        """Be the instance; see `Launcher.serve`."""
        live = self.asset.data.get("live") or {}
        elsewhere = live.get("machine") not in (None, launching.machine()) and time.time() - live["at"] < FRESH
        if elsewhere or self.asset.data.get("wanted") != RUNNING:
            self._retire(anyway=True)
            return
        own = f"{self.connection.url}/{self.asset.id}"
        self._limits = limits.apply(own, self.size.cpus, self.size.memory_gb)
        nursery()
        instance_kernels.offer(self.connection.url, self.asset, self.size)
        self._tell()
        try:
            super().serve()
        finally:
            instance_kernels.forget(self.asset.id)
            instance_kernels.end(self.where.folder)
            self._say_stopped()

    def _execute(self, job: JobRecord, stop: Stop) -> None:
        """Runs that name no environment get the instance's."""
        own = self.asset.data["settings"].get("environment")
        definition = job.body["definition"]
        if own and not definition.get("environment"):
            job = replace(job, body={**job.body, "definition": {**definition, "environment": own}})
        super()._execute(job, stop)

    def _look_around(self) -> None:
        super()._look_around()
        now = time.monotonic()
        if self._active or instance_kernels.alive(self.where.folder):
            self._used_at = now
        if now - self._looked_at < LOOK_EVERY:
            return
        self._looked_at = now
        found = self.connection.store.asset(KIND, self.asset.name)
        if found is None or found.id != self.asset.id:
            self.stop("the instance was deleted")
            return
        self.asset = found
        idle = found.data["settings"].get("idleSeconds")
        if found.data.get("wanted") != RUNNING:
            self.stop("the instance was stopped")
        elif idle and now - self._used_at > float(idle):
            self._want_stopped()
            self.stop("the instance was idle")
        elif now - self._told_at > FRESH / 4:
            self._tell()

    def _tell(self) -> None:
        self._told_at = time.monotonic()
        live = {"machine": launching.machine(), "at": time.time(), "pid": os.getpid(), "limits": dict(self._limits)}
        self.connection.store.change_asset(self.asset.id, at=time.time(), data={"live": live})

    def _want_stopped(self) -> None:
        now = time.time()
        self.connection.store.change_asset(self.asset.id, at=now, data={"wanted": STOPPED, "wanted_at": now})

    def _say_stopped(self) -> None:
        try:
            self.connection.store.change_asset(self.asset.id, at=time.time(), data={"live": None})
        except AzureMLException as error:  # it was deleted
            log.debug("The end of the instance %s could not be noted: %s", self.asset.name, error)
