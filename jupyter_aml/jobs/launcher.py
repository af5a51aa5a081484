"""The launcher: takes runs from a queue and executes them, so many at once, until there have been none for a while.

    python -m jupyter_aml.jobs.launcher --workspace URL --target local

It is a process of its own: neither the end of the kernel that submitted a run nor that of JupyterLab ends it. One serves a
workspace's queue on a machine (its lock says so). When it is killed, its runs become Failed, or are queued again where their
`max_attempts` lets them: whoever looks at the workspace next notices, and starts another one (launching.py).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import select
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyter_aml.compute.target import name_of
from jupyter_aml.errors import AzureMLException
from jupyter_aml.jobs import launching, place
from jupyter_aml.jobs.execute import Outcome, execute
from jupyter_aml.jobs.processes import end_nursery, nursery
from jupyter_aml.jobs.stop import Stop
from jupyter_aml.jobs.targets import launcher_of
from jupyter_aml.jobs.watch import watch
from jupyter_aml.store.connection import Connection
from jupyter_aml.store.home import folder_name
from jupyter_aml.store.locks import try_lock
from jupyter_aml.store.records import JobRecord
from jupyter_aml.tracking.lifetime import workspace_of

log = logging.getLogger("jupyter_aml")

IDLE = 60.0
"""Seconds without a run after which it ends, or ``$JUPYTER_AML_LAUNCHER_IDLE``."""
POLL = 1.0
"""Seconds between looks at the queue when nobody wakes it (a run submitted on another machine, say)."""
BEAT = 5.0
_PATIENCE = 3.0
"""Seconds that the lock of a launcher that is just ending is waited for."""


class Launcher:
    """Serves one queue.

    Args:
        connection: the workspace.
        queue: name of the queue.
        slots: runs at once.
        idle: seconds without a run after which `serve` returns.
    """

    def __init__(self, connection: Connection, queue: str, *, slots: int, idle: float) -> None:
        self.connection = connection
        self.queue = queue
        self.slots = slots
        self.idle = idle
        self.work: Callable[[Any, JobRecord, Path, Stop], Outcome] = execute
        """What is done with a job."""
        self.where = launching.post(connection.url, queue)
        self.owner = f"{launching.machine()}:{os.getpid()}:{connection.journal_id}"
        self.stopping = ""
        self._active: dict[str, tuple[threading.Thread, Stop]] = {}
        self._lock_file = -1
        self._pipe = -1
        self._own_pipe = os.pipe()
        os.set_blocking(self._own_pipe[0], False)
        os.set_blocking(self._own_pipe[1], False)
        self._beat_at = 0.0
        self._stale_at = time.monotonic()

    # -- being the one -------------------------------------------------------------------------------------------------
    def lock(self) -> bool:
        """Become the launcher of this queue here; False when there is one."""
        end = time.monotonic() + _PATIENCE
        self.where.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            if self._listened_to():
                return False
            file = os.open(self.where.lock, os.O_RDWR | os.O_CREAT, 0o600)
            if try_lock(file):
                if os.fstat(file).st_nlink:
                    break
            elif time.monotonic() > end:
                os.close(file)
                return False
            os.close(file)
            time.sleep(0.02)
        self._lock_file = file
        launching.own_locks.add(self.where.lock)
        about = {"workspace": self.connection.url, "queue": self.queue, "pid": os.getpid()}
        os.ftruncate(file, 0)
        os.pwrite(file, json.dumps(about).encode(), 0)
        self._listen()
        return True

    def _listened_to(self) -> bool:
        return launching.wake(self.where)

    def _listen(self) -> None:
        self.where.pipe.unlink(missing_ok=True)
        os.mkfifo(self.where.pipe, 0o600)
        self._pipe = os.open(self.where.pipe, os.O_RDWR | os.O_NONBLOCK)

    def _deafen(self) -> None:
        self.where.pipe.unlink(missing_ok=True)
        os.close(self._pipe)
        self._pipe = -1

    # -- serving -------------------------------------------------------------------------------------------------------
    def serve(self) -> None:
        """Execute what comes until nothing has come for a while, or `stop` is called."""
        self._take_over()
        busy_at = time.monotonic()
        while not self.stopping:
            if not (self.connection.folder / "workspace.json").exists():
                self.stop("the workspace is gone")
                break
            try:
                self._claim()
                self._look_around()
            except AzureMLException as error:
                log.warning("The queue cannot be looked at now: %s", error)
            if self._active:
                busy_at = time.monotonic()
            elif time.monotonic() - busy_at > self.idle and self._retire():
                return
            self._wait()
        self._end_all()
        self._retire(anyway=True)

    def stop(self, why: str) -> None:
        """End: what is executed is stopped."""
        self.stopping = why
        self._poke()

    def _claim(self) -> None:
        while len(self._active) < self.slots:
            job = self.connection.store.claim_job([self.queue], self.owner)
            if job is None:
                return
            stop = Stop()
            thread = threading.Thread(target=self._execute, args=(job, stop), name=f"jupyter_aml-run-{job.run}")
            self._active[job.run] = thread, stop
            thread.start()

    def _execute(self, job: JobRecord, stop: Stop) -> None:
        folder = self.where.work / f"{folder_name(job.run, 'run')}.{job.attempt}"
        try:
            outcome = self.work(workspace_of(self.connection), job, folder, stop)
            if outcome.again:
                self.connection.flush(10)
                self.connection.store.requeue_job(job.run, self.owner)
            else:
                self.connection.store.end_job(job.run, owner=self.owner)
        except Exception as error:  # the job is still this launcher's: `_look_around` finds it
            log.exception("Run %s could not be executed: %s", job.run, error)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            if (
                self._active.get(job.run, (None,))[0] is threading.current_thread()
            ):  # else it was claimed again just now
                del self._active[job.run]
            self._poke()

    def _look_around(self) -> None:
        now = time.monotonic()
        if now - self._beat_at >= BEAT and self._active:
            self._beat_at = now
            mine = set(self.connection.store.beat(self.owner))
            for run_id, (_, stop) in list(self._active.items()):
                if run_id in mine:
                    continue
                job = self.connection.store.job(run_id)
                if (job is None or job.owner != self.owner) and run_id in self._active:
                    stop.request("taken from this launcher")
            for run_id in mine.difference(self._active):  # the store was away when they were begun or ended
                job = self.connection.store.job(run_id)
                if job is not None and job.owner == self.owner:
                    launching.give_back(self.connection, job, "This run could not be executed; see the launcher's log.")
        if now - self._stale_at >= launching.STALE / 4:
            self._stale_at = now
            launching.end_stale(self.connection)

    def _wait(self) -> None:
        with contextlib.suppress(InterruptedError):
            ready, _, _ = select.select([self._pipe, self._own_pipe[0]], [], [], POLL)
            if ready:
                for fd in ready:
                    with contextlib.suppress(BlockingIOError):
                        os.read(fd, 4096)
                watch(self.connection).look()

    def _poke(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self._own_pipe[1], b"!")

    def _take_over(self) -> None:
        """Whoever had jobs of this queue before is dead: there is one launcher, and this is it."""
        shutil.rmtree(self.where.work, ignore_errors=True)
        self.connection.recover()
        for job in self.connection.store.jobs(self.queue, state="claimed"):
            if job.owner != self.owner:
                launching.give_back(self.connection, job, "The launcher of this run was killed.")

    def _retire(self, anyway: bool = False) -> bool:
        """Give the place up, unless a run was queued while it was done."""
        self._deafen()
        if not anyway and self.connection.store.jobs(self.queue, limit=1):
            self._listen()
            return False
        self.where.lock.unlink(missing_ok=True)
        launching.own_locks.discard(self.where.lock)
        os.close(self._lock_file)
        return True

    def _end_all(self) -> None:
        for _, stop in list(self._active.values()):
            stop.request(self.stopping)
        for thread, _ in list(self._active.values()):
            thread.join(30)


def slots_here() -> int:
    """Runs that this machine executes at once: one for each processor, or ``$JUPYTER_AML_LOCAL_CONCURRENCY``."""
    try:
        return max(1, int(os.environ.get("JUPYTER_AML_LOCAL_CONCURRENCY", "")))
    except ValueError:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def idle_here() -> float:
    """Seconds that a launcher waits for another run."""
    try:
        return float(os.environ.get("JUPYTER_AML_LAUNCHER_IDLE", ""))
    except ValueError:
        return IDLE


def main(arguments: list[str] | None = None) -> int:
    """Serve a queue of this machine. Returns 0 when it has ended, or another launcher serves it."""
    parser = argparse.ArgumentParser(prog="python -m jupyter_aml.jobs.launcher", description=__doc__)
    parser.add_argument("--workspace", required=True, help="URL of the workspace")
    parser.add_argument("--target", default=launching.LOCAL, help="the target whose runs it takes")
    parser.add_argument("--queue", default="", help="name of the queue, where it is not the target's")
    parser.add_argument("--slots", type=int, default=0, help="runs at once")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    queue = given.queue or (launching.local_queue() if given.target == launching.LOCAL else given.target)
    if not name_of(queue) and queue != launching.leaders_queue():  # those start their processes otherwise, or none
        nursery()  # it warms up while the store is opened
    connection = place.connection_to(given.workspace)
    launcher = launcher_of(Launcher, connection, queue, slots=given.slots or slots_here(), idle=idle_here())
    if not launcher.lock():
        return 0
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: launcher.stop("the launcher was stopped"))
    try:
        launcher.serve()
    finally:
        end_nursery()
    return 0


if __name__ == "__main__":
    sys.exit(main())
