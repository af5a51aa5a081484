"""How a launcher is found, woken and started, on the side of whoever wants something run.

Each machine and user has at most one launcher for a workspace and a target. Its folder, below the user's home of workspaces,
holds its lock (a file that says what it serves, locked while it lives) and a named pipe: a byte in it wakes the launcher.
A lock file that nobody holds is what a killed launcher left: `look_after` starts another then.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jupyter_aml.errors import AzureMLException, ComputeTargetException
from jupyter_aml.store import home
from jupyter_aml.store.connection import Connection
from jupyter_aml.store.events import RunStatus
from jupyter_aml.store.home import folder_name
from jupyter_aml.store.locks import try_lock
from jupyter_aml.store.records import JobRecord

log = logging.getLogger("jupyter_aml")

LOCAL = "local"
LEADERS = "leaders"
STALE = 60.0
"""Seconds without a beat after which a launcher counts as dead, wherever it is."""
LOOK_EVERY = 2.0
STARTING = 5.0
"""Seconds that a launcher has from its start until it holds its lock."""
_ANY = 2**31 - 1
_INSIDE = (
    "JUPYTER_AML_RUN_ID",
    "JUPYTER_AML_RUN_TYPE",
    "AZUREML_RUN_ID",
    "JUPYTER_AML_EXPERIMENT",
    "AZUREML_RUN_TOKEN",
)


def machine() -> str:
    """This machine and this user's home on it, as part of a name."""
    node = os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")
    return f"{node}-{hashlib.sha256(str(home.home()).encode()).hexdigest()[:8]}"


def local_queue() -> str:
    """Name of the queue of the local target: a queue belongs to the machine where the script shall run."""
    return f"{LOCAL}/{machine()}"


def leaders_queue() -> str:
    """Name of the queue of what leads other runs on this machine (leaders.py)."""
    return f"{LEADERS}/{machine()}"


@dataclass(frozen=True)
class Post:
    """Where a launcher of a workspace and a queue is on this machine."""

    url: str
    queue: str
    folder: Path

    @property
    def lock(self) -> Path:
        """Locked while the launcher lives; says what it serves."""
        return self.folder / "launcher.json"

    @property
    def pipe(self) -> Path:
        """A byte in it wakes the launcher."""
        return self.folder / "wake"

    @property
    def said(self) -> Path:
        """What the launcher's process prints."""
        return self.folder / "launcher.log"

    @property
    def work(self) -> Path:
        """Where runs are unpacked."""
        return self.folder / "work"


def posts_of(url: str) -> Path:
    """The folder of a workspace's launchers on this machine."""
    key = hashlib.sha256(f"{url}\0{machine()}".encode()).hexdigest()[:24]
    return home.home() / ".remote" / "launchers" / key


def post(url: str, queue: str) -> Post:
    """The place of the launcher of a workspace's queue on this machine."""
    return Post(url, queue, posts_of(url) / folder_name(queue, "target"))


def wake(where: Post) -> bool:
    """Wake the launcher; False when none listens."""
    try:
        pipe = os.open(where.pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        with contextlib.suppress(BlockingIOError):  # full of bytes that it has not read yet
            os.write(pipe, b"!")
    except OSError:
        return False
    finally:
        os.close(pipe)
    return True


def ensure(connection: Connection, queue: str) -> None:
    """Have the launcher of a queue on this machine look at it now; it is started where there is none.

    Raises:
        ComputeTargetException: it cannot be started.
    """
    where = post(connection.url, queue)
    if not wake(where):
        _start(where)


def _start(where: Post) -> None:
    if sys.platform == "win32":
        raise ComputeTargetException("Scripts can be submitted on Linux and macOS; Windows has no launcher yet.")
    try:
        where.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _announce(where)
        with open(os.open(where.said, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "jupyter_aml.jobs.launcher", "--workspace", where.url, "--queue", where.queue],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,  # neither a Ctrl-C nor the end of whoever asks ends it
                env={k: v for k, v in os.environ.items() if k not in _INSIDE},
                cwd="/",
            )
    except OSError as error:
        raise ComputeTargetException(f"The launcher of runs cannot be started: {error.strerror or error}.") from error
    threading.Thread(target=process.wait, name="jupyter_aml-reaper", daemon=True).start()


def _announce(where: Post) -> None:
    """Leave word that a launcher is wanted here: one that dies before it can say so itself is started again."""
    try:
        file = os.open(where.lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        with contextlib.suppress(FileNotFoundError):
            os.utime(where.lock)
        return
    try:
        os.write(file, json.dumps({"workspace": where.url, "queue": where.queue}).encode())
    finally:
        os.close(file)


# -- what dead launchers left ------------------------------------------------------------------------------------------
own_locks: set[Path] = set()
"""Locks of this process: opening one of them a second time would drop it (store/locks.py)."""
_looked: dict[str, float] = {}


def look_after(connection: Connection) -> None:
    """Start the launchers of this machine that were killed, and end the runs of those elsewhere that are silent.

    Called by whoever looks at runs: it costs next to nothing, and does something every LOOK_EVERY seconds at most.
    """
    now = time.monotonic()
    if now - _looked.get(connection.url, -LOOK_EVERY) < LOOK_EVERY:
        return
    _looked[connection.url] = now
    try:
        for path in posts_of(connection.url).glob("*/launcher.json"):
            where = _left_behind(path, connection.url)
            if where is not None:
                log.info("The launcher of %s was killed; another one is started.", where.queue)
                _start(where)
        end_stale(connection)
    except (AzureMLException, OSError) as error:
        log.debug("The launchers of %s could not be looked after: %s", connection.url, error)


def _left_behind(path: Path, url: str) -> Post | None:
    """The place of a launcher that was killed; None when it lives or never said what it serves."""
    if path in own_locks:
        return None
    try:
        file = os.open(path, os.O_RDWR)
    except OSError:
        return None
    try:
        about = os.fstat(file)
        if not about.st_nlink or time.time() - about.st_mtime < STARTING or not try_lock(file):
            return None
        return post(url, json.loads(path.read_text(encoding="utf-8"))["queue"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    finally:
        os.close(file)


def end_stale(connection: Connection) -> None:
    """Give jobs whose launcher was not heard of for STALE seconds back to the queue, or fail their runs.

    All of them are queued first, also those without attempts left: whoever is killed in here leaves no run that nobody ends,
    since `execute` fails what was tried often enough.
    """
    for job in connection.store.requeue_stale(STALE, most_attempts=_ANY):
        give_back(
            connection, replace(job, attempt=job.attempt - 1), "The launcher of this run was not heard of any more."
        )


def give_back(connection: Connection, job: JobRecord, why: str) -> bool:
    """A job of a dead launcher: queued again if its run has attempts left, else the run is failed. Returns whether it is queued.

    It may be in the queue still, as that launcher's: then whoever is killed in here leaves it there for the next one.
    """
    record = connection.store.run(job.run)
    tries = int(job.body.get("max_attempts", 1))
    canceled = record is not None and record.status == "CancelRequested"
    open_ = record is None or record.status not in ("Completed", "Failed", "Canceled")
    again = open_ and not canceled and job.attempt < tries
    error: dict[str, Any] | None = None if canceled else {"code": "LauncherDied", "message": why}
    if open_ and not (again and job.state == "queued"):  # those are Queued already, if not further
        status = "Queued" if again else "Canceled" if canceled else "Failed"
        connection.write(RunStatus(run=job.run, status=status, at=time.time(), error=error))
        connection.flush()
    if again and not (job.state == "queued" or connection.store.requeue_job(job.run, job.owner)):
        connection.store.put_job(replace(job, state="queued", owner="", attempt=job.attempt + 1))
    if not again:
        connection.store.end_job(job.run, owner=job.owner)
    return again
