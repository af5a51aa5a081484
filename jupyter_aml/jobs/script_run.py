"""ScriptRun: the run of a submitted script, from outside and from inside.

Reference: https://learn.microsoft.com/python/api/azureml-core/azureml.core.scriptrun
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

from jupyter_aml.errors import ActivityFailedException
from jupyter_aml.store.events import RunChanged, RunStatus
from jupyter_aml.store.records import TERMINAL, RunRecord
from jupyter_aml.tracking import kinds, status
from jupyter_aml.tracking.run import Run
from jupyter_aml.tracking.run_details import details
from jupyter_aml.tracking.run_files import LOGS

SYSTEM = "system/"
"""Metrics of the machine begin so; they are asked for by name."""
_FIRST, _LAST = 0.005, 0.25
"""Seconds between two looks at a run that is waited for: at its begin, and later."""


class ScriptRun(Run):
    """The run of a submitted script.

    Args:
        experiment: the experiment that it belongs to.
        run_id: its id.
        directory, _run_config: (SDK) not needed.
    """

    RUN_TYPE = "azureml.scriptrun"
    _create = Run._create  # a child of it is a plain run

    def __init__(
        self, experiment: Any, run_id: str, directory: Any = None, _run_config: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(experiment, run_id, **kwargs)

    @property
    def _inside(self) -> bool:
        """Whether this process is the script's."""
        return bool(kinds.here(self._id))

    # -- how it ends -------------------------------------------------------------------------------------------------
    def cancel(self) -> None:
        """End it: at once while it waits in the queue; else its processes are asked to (SIGTERM) and killed after a while.

        Raises:
            RunStateException: it has ended already.
        """
        from jupyter_aml.jobs import launching

        record = self._record()
        status.check(self._id, record.status, "CancelRequested")
        store = self._connection.store
        if record.status in ("NotStarted", "Queued") and store.end_job(self._id, owner=""):
            self._say("Canceled")
            return
        self._say("CancelRequested")
        job = store.job(self._id)
        if job is None:
            if self._record().status == "CancelRequested":  # nobody has it who could end it
                self._say("Canceled")
            return
        launching.wake(launching.post(self._connection.url, job.target))

    def _move(self, to: str, error: Mapping[str, Any] | None = None) -> None:
        """From inside, what the script says of its end is noted: the run ends when its process has, its outputs gathered."""
        if not self._inside:
            super()._move(to, error)
        elif to == "Canceled":
            self._say("CancelRequested")
        elif to in TERMINAL:
            said = {"status": to, "error": dict(error) if error is not None else None}
            self._connection.write(RunChanged(run=self._id, at=time.time(), add_details={"said": said}))

    def _say(self, to: str) -> None:
        self._connection.write(RunStatus(run=self._id, status=to, at=time.time()))
        self._connection.flush(10)

    # -- what it is --------------------------------------------------------------------------------------------------
    def get_metrics(
        self, name: str | None = None, recursive: bool = False, run_type: str | None = None, populate: bool = False
    ) -> dict[str, Any]:
        """Its metrics, as of any run. Those of the machine ("system/…") come when one is named."""
        found = super().get_metrics(name, recursive, run_type, populate)
        if name:
            return found
        if recursive:
            return {run: _without_system(metrics) for run, metrics in found.items()}
        return _without_system(found)

    def wait_for_completion(
        self, show_output: bool = False, wait_post_processing: bool = False, raise_on_error: bool = True
    ) -> dict[str, Any]:
        """Wait until it has ended.

        Args:
            show_output: print its logs as they come.
            wait_post_processing: nothing more is done after the end.
            raise_on_error: a failed run raises.

        Returns:
            As `get_details`.

        Raises:
            ActivityFailedException: it failed.
        """
        shown = _Shown(self) if show_output else None
        pause, seen, began = _FIRST, -1, time.monotonic()
        while True:
            last = self._connection.store.last_change()
            if last != seen or pause >= _LAST:
                seen = last
                record = self._record()
                if shown is not None:
                    shown.more()
                if record.status in TERMINAL:
                    break
            elif shown is not None:
                shown.more()
            time.sleep(pause)
            pause = min(max(_FIRST, (time.monotonic() - began) / 20), _LAST)
        if shown is not None:
            shown.summary(record)
        if record.status == "Failed" and raise_on_error:
            error = dict(record.error or {})
            text = f"{error.get('code', '')}: {error.get('message', '')}"
            raise ActivityFailedException(f"Run {self._id} failed: {text}", error_details={"error": error, **error})
        return details(self, record)


def get_run(experiment: Any, run_id: str, rehydrate: bool = True, clean_up: bool = True) -> Run:
    """The run of that id (SDK); see `Run.get`."""
    return Run.get(experiment.workspace, run_id)


def _without_system(metrics: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metrics.items() if not name.startswith(SYSTEM)}


class _Shown:
    """The logs of a run as they are printed, each under its name."""

    def __init__(self, run: ScriptRun) -> None:
        self.run = run
        self.printed: dict[str, int] = {}
        self.last = ""
        print(f"RunId: {run.id}\nWeb View: {run.get_portal_url()}")

    def more(self) -> None:
        store = self.run._connection.store
        for file in store.files(self.run.id):
            if file.digest or not file.path.startswith(LOGS) or file.path.endswith("git.diff"):
                continue
            text = store.text(self.run.id, file.path, self.printed.get(file.path, 0))
            if not text:
                continue
            if self.last != file.path:
                self.last = file.path
                title = f"Streaming {file.path}"
                print(f"\n{title}\n{'=' * len(title)}\n")
            self.printed[file.path] = self.printed.get(file.path, 0) + len(text)
            print(text, end="", file=sys.stdout)
        sys.stdout.flush()

    def summary(self, record: RunRecord) -> None:
        print(f"\nExecution Summary\n=================\nRunId: {self.run.id}\nStatus: {record.status}")
        for warning in record.details.get("warnings", ()):
            print(f"Warning: {warning}")
