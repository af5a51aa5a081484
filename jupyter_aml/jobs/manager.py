"""What the notebook says about its own execution (papermill's metadata), and when it is saved."""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

from papermill.engines import NotebookExecutionManager

from jupyter_aml.errors import AzureMLException

log = logging.getLogger("jupyter_aml")

SAVE_EVERY = 0.25
"""Seconds between two saves, at least; saving takes a tenth of the time at most. papermill saves twice a cell; here what
a cell gave is in the journal as it comes."""


class Manager(NotebookExecutionManager):
    """papermill's manager, with fewer saves and true statuses."""

    def __init__(self, nb: Any, **kw: Any) -> None:
        self._changed = False
        self._saved = 0.0
        self._pause = SAVE_EVERY
        self.unsaved = ""
        """Why the last save failed."""
        super().__init__(nb, **kw)

    def save(self, **kwargs: Any) -> None:
        """Save when it is time to; see `save_now`."""
        self._changed = True
        self.save_if_due()

    def save_if_due(self) -> None:
        """Save if there is something new and the last save is long enough ago."""
        if self._changed and time.monotonic() - self._saved >= self._pause:
            self.save_now()

    def save_now(self) -> None:
        """Save. A large notebook takes its time, and is then saved more rarely; a full disk does not end the execution."""
        began = time.monotonic()
        try:
            super().save()
            self.unsaved = ""
        except (AzureMLException, OSError) as error:
            if not self.unsaved:
                log.warning("The output notebook could not be saved for now: %s", error)
            self.unsaved = str(error)
        self._saved = time.monotonic()
        self._pause = max(SAVE_EVERY, 10 * (self._saved - began))
        self._changed = False

    def autosave_cell(self) -> None:
        """papermill's: --autosave-cell-every 0 turns saves within a cell off, and other numbers are upper bounds."""
        self._changed = self._changed or self.autosave_cell_every != 0

    def cell_skipped(self, index: int, earlier: Any) -> None:
        """The cell is not executed: what an earlier execution of it gave stands in its place."""
        cell = self.nb.cells[index]
        if cell.cell_type == "code":
            cell.outputs = earlier.get("outputs", [])
            cell.execution_count = earlier.get("execution_count")
        was = earlier.metadata.get("papermill") or {}
        cell.metadata.papermill = {**cell.metadata.papermill, **was, "status": self.COMPLETED, "skipped": True}
        if self.pbar:
            self.pbar.update(1)
        self.save()

    def notebook_complete(self, **kwargs: Any) -> None:
        """The last save. A cell that was never reached stays pending, whatever the reason."""
        self.end_time = self.now()
        about = self.nb.metadata.papermill
        about["end_time"] = self.end_time.isoformat()
        if self.start_time is not None:
            about["duration"] = (self.end_time - self.start_time).total_seconds()
        for cell in self.nb.cells:
            if cell.metadata.papermill["status"] == self.RUNNING:
                cell.metadata.papermill.update(status=self.FAILED, exception=True)
                about["exception"] = True
        if self.pbar:
            self.pbar.refresh()
        self.cleanup_pbar()
        sys.stdout.flush()
        self.save_now()
