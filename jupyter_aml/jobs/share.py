"""What a node does of a run that it shares with others: its processes, their logs, what they leave. See spread.py.

It prepares the environment as the first node does. Where that one's folder is reached under its own path (the same machine, a
shared disk), it works in there. Else it has a folder of its own, with the code and the data, and keeps what is in its outputs/ and
logs/ with the run.
"""

from __future__ import annotations

import math
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jupyter_aml.environments import patience
from jupyter_aml.environments.prepared import Prepared
from jupyter_aml.errors import AzureMLException, SnapshotException
from jupyter_aml.jobs import credentials, place
from jupyter_aml.jobs.gather import FOLDERS, Gathering, gather
from jupyter_aml.jobs.prepare import prepare
from jupyter_aml.jobs.processes import Ended, Rank, nursery, same_interpreter
from jupyter_aml.jobs.script_log import BUILD, CONTROL, ScriptLog
from jupyter_aml.jobs.stop import Stop
from jupyter_aml.jobs.variables import inherited
from jupyter_aml.jobs.watch import watch
from jupyter_aml.store.hidden import Mask
from jupyter_aml.store.home import folder_name
from jupyter_aml.store.records import JobRecord
from jupyter_aml.tracking import snapshot
from jupyter_aml.tracking.lifetime import workspace_of

GRACE = 5.0
"""Seconds that the other nodes' processes have to end when one has failed."""
TICK = 0.1


def key_of(job: JobRecord) -> str:
    """What the shares of a job are known by on every node."""
    return f"{job.run}-{job.attempt}"


@dataclass(frozen=True, kw_only=True)
class Share:
    """What a node has to do of a run."""

    node: int
    ranks: Sequence[Rank]
    logs: Sequence[str]
    workdir: str
    """The run's folder on the first node."""
    python: str
    """The interpreter there."""
    secret: str
    inherited: Mapping[str, str]
    """Variables that the first node's processes have of the machine."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """How a share ended."""

    ended: Ended
    failed_at: float
    """When the first of its processes failed, in seconds since the epoch; infinite when they were asked to end before."""
    end: str
    """The last that this one printed."""


class _Asked(Exception):
    """The share is not wanted any more."""


_stops: dict[str, tuple[Stop, list[float]]] = {}
_guard = threading.Lock()


def _stop_of(key: str) -> tuple[Stop, list[float]]:
    with _guard:
        while len(_stops) > 100:  # of shares that never began
            del _stops[next(iter(_stops))]
        return _stops.setdefault(key, (Stop(), [GRACE]))


def ask(key: str, grace: float) -> None:
    """End what this node has of a run.

    Args:
        key: of the run's shares.
        grace: seconds between SIGTERM and SIGKILL.
    """
    stop, seconds = _stop_of(key)
    seconds[0] = grace
    stop.request("the other nodes of the run end")


def share(url: str, fields: dict[str, Any], above: str, given: Share) -> Told:
    """Do a node's share of a run.

    Args:
        url: of the workspace.
        fields: of the job's record.
        above: a folder for what is unpacked; a temporary one where there is none such.
        given: the share.

    Raises:
        AzureMLException: the environment, the code or the data cannot be had here.
    """
    job = JobRecord(**fields)
    stop, seconds = _stop_of(key_of(job))
    shared = Path(given.workdir).is_dir()
    base = above if Path(above).is_dir() else tempfile.gettempdir()
    folder = Path(given.workdir) if shared else Path(tempfile.mkdtemp(prefix=folder_name(job.run, "run"), dir=base))
    try:
        return _Part(place.connection_to(url), job, folder, given, shared, stop, seconds).run()
    finally:
        with _guard:
            _stops.pop(key_of(job), None)
        if not shared:
            shutil.rmtree(folder, ignore_errors=True)


class _Part:
    def __init__(
        self, connection: Any, job: JobRecord, folder: Path, given: Share, shared: bool, stop: Stop, grace: list[float]
    ) -> None:
        self.connection, self.job, self.folder = connection, job, folder
        self.given, self.shared, self.stop, self.grace = given, shared, stop, grace
        self.workspace = workspace_of(connection)
        self.code = folder / "code"
        self.control = ScriptLog(connection, job.run, _numbered(CONTROL, given.node))
        self.logs = [self.control]
        self.data: dict[str, str] = {}
        self.way: dict[str, str] = {}  # to the workspace, from here

    def run(self) -> Told:
        ready = Prepared(python="")
        try:
            with watch(self.connection).over(self.job.run, self.stop):
                with patience.until(self._check):
                    self._check()
                    ready = prepare(
                        self.workspace, self.job.body["definition"].get("environment"),
                        str(self.job.body.get("python") or ""), self._builder(),
                    )  # fmt: skip
                if not self.shared:
                    self._unpack()
                self._check()
                token = credentials.Token(self.given.secret)
                self.way = credentials.own_home(self.connection, token, self.folder / "home")
                told = self._processes([self._here(rank, ready.python) for rank in self.given.ranks])
                if not self.shared:
                    self._keep()
                return told
        except _Asked:
            count = len(self.given.ranks)
            return Told(ended=Ended(codes=[-15] * count), failed_at=math.inf, end="")
        finally:
            for one in self.logs:
                with suppress(AzureMLException):
                    one.close()
            ready.release()
            with suppress(AzureMLException):
                self.connection.flush(10)

    def _check(self) -> None:
        if self.stop:
            raise _Asked

    def _builder(self) -> Callable[[str], None]:
        built = ScriptLog(self.connection, self.job.run, _numbered(BUILD, self.given.node))
        self.logs.append(built)

        def say(line: str) -> None:
            built.feed(line.encode("utf-8", "replace") + b"\n" * (not line.endswith("\n")))
            built.flush()
            self._check()

        return say

    def _unpack(self) -> None:
        body = self.job.body
        found = self.connection.store.snapshot(str(body["snapshot"]))
        if found is None:
            raise SnapshotException(f"The snapshot {body['snapshot']} of run {self.job.run} is not in the workspace.")
        snapshot.restore(self.connection.blobs, found, self.code)
        for name in FOLDERS:
            (self.code / name).mkdir(exist_ok=True)
        given = [*(body.get("arguments") or []), *(body.get("data") or [])]
        if not all(isinstance(one, str) for one in given):
            from jupyter_aml.data import inputs

            self.data = inputs.resolve_arguments(
                self.workspace, given, self.job.run, str(self.folder / "data")
            ).variables

    def _here(self, rank: Rank, python: str) -> Rank:
        """A process as it is to be started on this node."""

        def moved(text: str) -> str:
            return text.replace(self.given.workdir, str(self.folder))

        variables = {name: moved(value) for name, value in rank.variables.items()} | self.data
        if not self.shared:  # another machine: its own folders and devices, but what was chosen for the run
            theirs = self.given.inherited
            chosen = {name: value for name, value in variables.items() if theirs.get(name) != value}
            variables = {**inherited(), **chosen}
        variables |= self.way
        there, here = (str(Path(one).parent) + os.pathsep for one in (self.given.python, python))
        if variables.get("PATH", "").startswith(there):
            variables["PATH"] = here + variables["PATH"].removeprefix(there)
        command = [python if word == self.given.python else moved(word) for word in rank.command]
        return replace(
            rank, command=command, variables=variables, folder=moved(rank.folder),
            script=rank.script if same_interpreter(python) else "", arguments=[moved(word) for word in rank.arguments],
        )  # fmt: skip

    def _processes(self, ranks: Sequence[Rank]) -> Told:
        mask = Mask([self.given.secret] if self.given.secret else [])
        printed = [ScriptLog(self.connection, self.job.run, name, mask) for name in self.given.logs]
        self.logs += printed
        group = nursery().start(ranks)
        self.stop.on_request(group.poke)
        stopping, failed_at = False, math.inf
        self.gathering = Gathering(self.connection, self.job.run, self.code)
        with ExitStack() as stack:
            if not self.shared:
                stack.enter_context(self.gathering)
            for rank, data in group.events(TICK):
                if rank >= 0:
                    printed[rank].feed(data)
                    continue
                for one in printed:
                    one.flush(due=True)
                if not self.shared:
                    self.gathering.tick()
                if not stopping and (any(group.ended.codes) or group.ended.lost):
                    failed_at = min(failed_at, time.time())
                if self.stop and not stopping:
                    stopping = True
                    group.stop(self.grace[0])
        if group.ended.left:
            self.control.say(f"Left behind and ended: {', '.join(group.ended.left[:10])}.")
        return Told(ended=group.ended, failed_at=failed_at, end=printed[group.ended.first].end())

    def _keep(self) -> None:
        gather(self.connection, self.job.run, self.code, self.control.say, self.gathering.known)
        credentials.take_over(self.connection, self.folder / "home")
        if self.data:
            from jupyter_aml.data import inputs

            # Sent, not registered: that is done once, by the first node.
            inputs.gather_outputs(self.workspace, self.job.run, self.data, succeeded=False)


def _numbered(name: str, node: int) -> str:
    stem, _, end = name.rpartition(".")
    return f"{stem}_node{node}.{end}"
