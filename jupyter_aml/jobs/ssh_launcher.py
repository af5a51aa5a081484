"""The launcher of an attached machine: it runs here, and executes runs there over SSH."""

from __future__ import annotations

import logging
import shutil
from typing import Any

from jupyter_aml.errors import AzureMLException
from jupyter_aml.jobs.execute import Outcome, execute
from jupyter_aml.jobs.launcher import Launcher
from jupyter_aml.jobs.ssh_machine import SshMachine
from jupyter_aml.jobs.stop import Stop
from jupyter_aml.store.connection import Connection
from jupyter_aml.store.home import folder_name
from jupyter_aml.store.records import JobRecord
from jupyter_aml.tracking.lifetime import workspace_of

log = logging.getLogger("jupyter_aml")


class SshLauncher(Launcher):
    """Serves the queue of one attached machine.

    Args:
        connection: the workspace.
        queue: its queue.
        target: the `RemoteCompute`.
        idle: seconds without a run after which it ends.
    """

    def __init__(self, connection: Connection, queue: str, target: Any, *, idle: float) -> None:
        super().__init__(connection, queue, slots=int(target._settings.get("slots") or 1), idle=idle)
        self.target = target
        self._machine: SshMachine | None = None

    def machine(self) -> SshMachine:
        """The machine; its credentials are looked up when they are first needed."""
        if self._machine is None:
            self._machine = SshMachine(self.connection, self.target._settings, self.target._secrets())
        return self._machine

    def _execute(self, job: JobRecord, stop: Stop) -> None:
        folder = self.where.work / f"{folder_name(job.run, 'run')}.{job.attempt}"
        try:
            outcome: Outcome = execute(workspace_of(self.connection), job, folder, stop, machine=_Late(self))
            if outcome.again:
                self.connection.flush(10)
                self.connection.store.requeue_job(job.run, self.owner)
            else:
                self.connection.store.end_job(job.run, owner=self.owner)
        except AzureMLException as error:  # its beat ends: it is found as stale
            log.exception("Run %s could not be executed: %s", job.run, error)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            self._active.pop(job.run, None)
            self._poke()

    def serve(self) -> None:
        """Execute what comes; see `Launcher.serve`."""
        try:
            super().serve()
        finally:
            if self._machine is not None:
                self._machine.close()


class _Late:
    """The machine, reached when a run needs it: what fails then is the run."""

    def __init__(self, launcher: SshLauncher) -> None:
        self._launcher = launcher

    def __getattr__(self, name: str) -> Any:
        return getattr(self._launcher.machine(), name)
