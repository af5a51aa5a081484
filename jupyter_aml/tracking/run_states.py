"""The states of a run: where it stands, how it ends, and what only an open one can do."""

from __future__ import annotations

import time
import traceback as tracebacks
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from jupyter_aml.errors import (
    ActivityFailedException,
    RunStateException,
    StoreUnavailableException,
    WorkspaceException,
)
from jupyter_aml.store.connection import Connection
from jupyter_aml.store.events import RunStatus
from jupyter_aml.store.records import TERMINAL, RunRecord
from jupyter_aml.tracking import lifetime, status
from jupyter_aml.tracking.handles import Shared
from jupyter_aml.tracking.run_details import details, iso
from jupyter_aml.tracking.run_files import LOGS
from jupyter_aml.tracking.who import actor

WATCHED = frozenset({"aml.notebook", "aml.sweep", "aml.session", "aml.cell", "azureml.scriptrun"})
"""Types whose runner looks for a request to cancel; others are cancelled at once."""


class StatesMixin:
    """The side of `Run` that begins and ends."""

    _id: str
    _connection: Connection
    _shared: Shared

    def _record(self) -> RunRecord:
        raise NotImplementedError

    @property
    def status(self) -> str:
        """Where it stands."""
        return self._record().status

    def get_status(self) -> str:
        """Where it stands; see `tracking.status`."""
        return self.status

    def get_detailed_status(self) -> dict[str, Any]:
        """Status and times."""
        record = self._record()
        return {
            "status": record.status,
            "details": (record.error or {}).get("message", ""),
            "startTime": iso(record.started),
        }

    def start(self) -> None:
        """Say that it runs now."""
        self._move("Running")

    def complete(self, _set_status: bool = True) -> None:
        """End it well. What the outputs folder got since the start is kept first.

        Raises:
            RunStateException: it has ended already.
        """
        self._move("Completed")

    def fail(self, error_details: Any = None, error_code: str | None = None, _set_status: bool = True) -> None:
        """End it as failed.

        Args:
            error_details: text or an exception.
            error_code: a short word for the kind of error.
        """
        if isinstance(error_details, BaseException):
            text = "".join(tracebacks.format_exception(error_details))
            error = {
                "code": error_code or type(error_details).__name__,
                "message": str(error_details),
                "traceback": text,
            }
        else:
            error = {"code": error_code or "UserError", "message": "" if error_details is None else str(error_details)}
        self._move("Failed", error)

    def cancel(self) -> None:
        """End it, or ask its runner to: the status is CancelRequested until the runner in another process has stopped it."""
        record = self._record()
        if record.type in WATCHED and record.status not in ("NotStarted", "Queued"):
            self._move("CancelRequested")
        else:
            self._move("Canceled")

    def flush(self, timeout_seconds: float = 300) -> None:
        """Wait until everything logged so far is in the store."""
        if self._life is not None:
            self._life.join()
        self._connection.flush(timeout_seconds)

    def wait_for_completion(
        self, show_output: bool = False, wait_post_processing: bool = False, raise_on_error: bool = True
    ) -> dict[str, Any]:
        """Wait until it has ended.

        Args:
            show_output: print its logs as they come.
            raise_on_error: a failed run raises.

        Returns:
            As `get_details`.

        Raises:
            ActivityFailedException: it failed.
            RunStateException: it is an open run of this very process, and no other thread of it is left to end it.
        """
        printed: dict[str, int] = {}
        pause = 0.05
        while True:
            alone = self._life is not None and not lifetime.others_work()
            record = self._record()
            if show_output:
                for file in self._connection.store.files(self._id):
                    if not file.digest and (file.path.startswith(LOGS) or file.path.endswith(".txt")):
                        text = self._connection.store.text(self._id, file.path, printed.get(file.path, 0))
                        printed[file.path] = printed.get(file.path, 0) + len(text)
                        print(text, end="")
            if record.status in TERMINAL:
                break
            if alone and not self._ended:
                raise RunStateException(
                    f"Run {self._id} is open in this process: call complete() to end it, not wait_for_completion()."
                )
            time.sleep(pause)
            pause = min(pause * 1.5, 1.0)
        if record.status == "Failed" and raise_on_error:
            error = record.error or {}
            raise ActivityFailedException(
                f"Run {self._id} failed: {error.get('code', '')}: {error.get('message', '')}", error_details=dict(error)
            )
        return details(self, record)

    def _move(self, to: str, error: Mapping[str, Any] | None = None) -> None:
        try:
            now = self._ended or self._record().status
        except StoreUnavailableException:
            if self._life is None:  # somebody else's run: who knows where it stands
                raise
            now = "Running"
        status.check(self._id, now, to)
        elapsed = None
        if to in TERMINAL:
            if self._life is not None:
                self._life.capture()
            if self._shared.clock is not None:
                elapsed = time.monotonic() - self._shared.clock
        self._connection.write(
            RunStatus(run=self._id, status=to, at=time.time(), error=error, elapsed=elapsed, who=actor())
        )
        if to in TERMINAL:
            self._shared.end(to)
            try:
                stands = self._record().status
            except StoreUnavailableException:  # the end is in the journal, and comes to the store with the rest
                return
            if stands != to:
                self._shared.end(stands)
                raise RunStateException(f"Run {self._id} became {stands} meanwhile and cannot become {to}.")

    @property
    def _ended(self) -> str:
        return self._shared.ended

    @property
    def _life(self) -> lifetime.Lifetime | None:
        return self._shared.life

    @_life.setter
    def _life(self, life: lifetime.Lifetime) -> None:
        self._shared.life = life

    def _check_open(self, what: str) -> None:
        """Refuse what only an open run can do. A handle on a run that others began asks the store once."""
        if not self._shared.looked:
            self._shared.looked = True
            with suppress(WorkspaceException):  # out of reach for now: what is written is kept
                record = self._connection.store.run(self._id)
                if record is not None:
                    self._shared.note(record)
        if self._ended:
            raise RunStateException(f"Run {self._id} is {self._ended}; it cannot {what}. Start a new run.")
