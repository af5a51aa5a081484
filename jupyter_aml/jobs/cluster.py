"""The manager of a cluster (`AmlCompute`): takes runs from its queue, has as many nodes as they need, and hands them out.

    manager (one a cluster, whichever machine it is on; Dask's scheduler is in it)
      └─ node (a Dask worker; executes one run at a time)
           └─ nursery, keepers, scripts (see nursery.py)

It is a launcher: started when something is submitted or the cluster's settings change, and again by whoever looks when it was
killed; it ends when it has no nodes, and has had nothing to do for a while. It writes into the cluster's definition what its
nodes do (`live`); while that is fresh, no other machine serves the cluster.

What becomes of a run: its node is killed: Failed, or queued again where its `max_attempts` lets it; Dask starts another node.
The manager is killed (and the scheduler with it): the nodes end with it, the next manager deals with their runs in this way.
"""

from __future__ import annotations

import collections
import contextlib
import logging
import os
import shutil
import time
from dataclasses import dataclass, field
from typing import Any

from jupyter_aml.compute.target import FRESH, KIND
from jupyter_aml.errors import AzureMLException, ComputeTargetException, ConflictException
from jupyter_aml.jobs import launching
from jupyter_aml.jobs.dask_nodes import Nodes, warm_up
from jupyter_aml.jobs.dask_task import nodes_of
from jupyter_aml.jobs.launcher import BEAT, Launcher
from jupyter_aml.store.connection import Connection
from jupyter_aml.store.events import RunStatus
from jupyter_aml.store.records import AssetRecord, JobRecord

log = logging.getLogger("jupyter_aml")

SETTINGS_EVERY = 1.0
TELL_EVERY = 0.3
"""Seconds between two notes of what the nodes do, when that changes."""
STREAM = 2.0
"""Seconds for which a node goes on with runs of the queue by itself."""
GONE = 5.0
"""Seconds that a node is waited for which is not there any more."""
MOST = 1000
GIVE_UP = 300.0
"""Seconds that an idle manager goes on when it does not reach the workspace."""
PATIENCE = 120.0
"""Seconds that a node may take to come before its runs are failed."""


@dataclass
class Assigned:
    """Nodes at work: one with runs of the queue, one after the other, or several with one run."""

    first: JobRecord
    nodes: list[str]
    since: float = field(default_factory=time.monotonic)
    future: Any = None
    seen: float = field(default_factory=time.monotonic)
    """When its first node was there last."""


@dataclass
class Scale:
    """Between how many nodes, and for how long they wait."""

    low: int = 0
    high: int = 0
    idle: float = 120.0


@dataclass
class _Told:
    """What was last written of the nodes."""

    at: float = 0.0
    what: Any = None
    since: float = field(default_factory=time.time)
    target: int = 0


class ClusterLauncher(Launcher):
    """Serves the queue of one cluster.

    Args:
        connection: the workspace.
        queue: the cluster's queue.
        name: the cluster.
        idle: seconds without nodes and runs after which `serve` returns.
    """

    def __init__(self, connection: Connection, queue: str, name: str, *, idle: float) -> None:
        super().__init__(connection, queue, slots=1, idle=idle)
        self.name = name
        self.scale = Scale()
        self.nodes: Nodes | None = None
        self.errors: list[dict[str, Any]] = []
        self._asset: AssetRecord | None = None
        self._looked_at = -SETTINGS_EVERY
        self._assigned: dict[str, Assigned] = {}
        self._waiting: JobRecord | None = None  # claimed; needs more nodes than are free
        self._done: collections.deque[tuple[str, Any]] = collections.deque()
        self._idle_since: dict[str, float] = {}
        self._owners = 0
        self._planned = 0
        self._asked_at = 0.0
        self._told = _Told()

    # -- serving -----------------------------------------------------------------------------------------------------
    def serve(self) -> None:
        """Execute what comes until there are no nodes, and nothing has come for a while."""
        if not self._lease():
            self._retire(anyway=True)
            return
        try:
            assert self._asset is not None
            if (self._asset.data["settings"].get("nodes") or {}).get("backend", "local") == "local":
                warm_up()
            self._take_over()
            self._serve()
        finally:
            self._close()
            self._retire(anyway=True)
            self._hand_over()

    def _hand_over(self) -> None:
        """Whoever queued a run while this manager was closing woke it for nothing: start the next one."""
        with contextlib.suppress(AzureMLException):
            waits = self._asset is not None and not self.stopping
            if waits and self.connection.store.jobs(self.queue, state="queued", limit=1):
                launching.ensure(self.connection, self.queue)

    def _serve(self) -> None:
        busy_at = reached_at = time.monotonic()
        while not self.stopping:
            if not (self.connection.folder / "workspace.json").exists():
                self.stop("the workspace is gone")
                break
            try:
                self._step()
                reached_at = time.monotonic()
            except AzureMLException as error:
                log.warning("The cluster %s cannot be served now: %s", self.name, error)
                if time.monotonic() - reached_at > GIVE_UP and not self._assigned:
                    break
            if self._asset is None and not self._assigned:
                break
            if self._assigned or self._waiting or self._planned or self.scale.low:
                busy_at = time.monotonic()
            elif time.monotonic() - busy_at > self.idle and not self.connection.store.jobs(self.queue, limit=1):
                break
            self._wait()

    def _step(self) -> None:
        self._settings()
        self._finish()
        there = self.nodes.there() if self.nodes is not None else {}
        self._miss(there)
        free = self._free(there)
        free = self._hand_out(free)
        self._resize(there, free)
        self._look_around()
        self._tell(there)

    def _lease(self) -> bool:
        """Become the manager of this cluster, wherever it is; False when another machine has one."""
        for _ in range(3):
            asset = self.connection.store.asset(KIND, self.name)
            if asset is None:
                return False
            live = asset.data.get("live") or {}
            elsewhere = live.get("machine") not in (None, launching.machine())
            if elsewhere and time.time() - float(live.get("at") or 0) < FRESH:
                return False
            mine = {"machine": launching.machine(), "at": time.time(), "pid": os.getpid(), "nodes": [], "target": 0}
            try:
                self._asset = self.connection.store.change_asset(
                    asset.id, at=time.time(), revision=asset.revision, data={"live": mine}
                )
                return True
            except ConflictException:
                continue
        return False

    def _settings(self) -> None:
        now = time.monotonic()
        if now - self._looked_at < SETTINGS_EVERY:
            return
        self._looked_at = now
        found = self.connection.store.asset(KIND, self.name)
        if found is None or (self._asset is not None and found.id != self._asset.id):
            self._asset = None
            self.scale = Scale()
            return
        self._asset = found
        kept = found.data["settings"]
        self.scale = Scale(int(kept["minNodes"]), int(kept["maxNodes"]), float(kept["idleSeconds"]))

    # -- runs --------------------------------------------------------------------------------------------------------
    def _free(self, there: dict[str, Any]) -> list[str]:
        busy = {node for one in self._assigned.values() for node in one.nodes}
        now = time.monotonic()
        self._idle_since = {a: self._idle_since.get(a, now) for a in there if a not in busy}
        return [address for address in there if address not in busy]

    def _hand_out(self, free: list[str]) -> list[str]:
        while free and self.nodes is not None:
            job, self._waiting = self._waiting, None
            if job is None:
                self._owners += 1
                job = self.connection.store.claim_job([self.queue], f"{self.owner}/{self._owners}")
            if job is None:
                break
            wanted = nodes_of(job)
            if wanted > self.scale.high:
                self._fail(job, f"The run needs {wanted} nodes, and the cluster has {self.scale.high} at most by now.")
                continue
            if wanted > len(free):
                self._waiting = job
                break
            self._assign(job, free[:wanted])
            free = free[wanted:]
        return free

    def _assign(self, job: JobRecord, nodes: list[str]) -> None:
        assert self.nodes is not None
        self._assigned[job.owner] = Assigned(job, nodes)

        def done(future: Any) -> None:
            self._done.append((job.owner, future))
            self._poke()

        seconds = STREAM if len(nodes) == 1 else 0.0
        future = self.nodes.serve(nodes, self._address(), job, str(self.where.work), seconds, done)
        self._assigned[job.owner].future = future

    def _address(self) -> str:
        """The workspace for a node; one on another machine has never been told its credentials."""
        return self.connection.place.address or self.connection.url

    def _finish(self) -> None:
        while self._done:
            owner, future = self._done.popleft()
            assigned = self._assigned.pop(owner)
            good = future.status == "finished"
            if not good and len(assigned.nodes) > 1 and self.nodes is not None:
                self.nodes.end_shares(assigned.first, assigned.nodes[1:])
            why = ""
            if not good:
                problem = future.exception() if future.status == "error" else None
                killed = problem is None or type(problem).__name__ == "KilledWorker"
                why = (
                    "The node that executed this run was killed." if killed else f"It could not be executed: {problem}"
                )
                log.warning("Runs of %s are lost: %s", self.name, why)
            for job in self._claimed(owner):
                if good and self._waiting is None and nodes_of(job) > 1:
                    self._waiting = job
                elif good:
                    self.connection.store.requeue_job(job.run, owner)
                else:
                    self._lost(job, why)

    def _miss(self, there: dict[str, Any]) -> None:
        """A node that died before it was handed its run will never say anything of it."""
        now = time.monotonic()
        for one in self._assigned.values():
            if one.nodes[0] in there:
                one.seen = now
            elif now - one.seen > GONE and one.future is not None:
                gone, one.future = one.future, None
                gone.cancel()  # it is done then, as lost

    def _claimed(self, owner: str) -> list[JobRecord]:
        return [job for job in self.connection.store.jobs(self.queue, state="claimed") if job.owner == owner]

    def _lost(self, job: JobRecord, why: str) -> None:
        self.connection.recover()
        now = self.connection.store.job(job.run)
        if now is not None and now.owner == job.owner:  # it leaves the queue last: this process, too, may be killed
            launching.give_back(self.connection, job, why)

    def _fail(self, job: JobRecord, why: str) -> None:
        error = {"code": "ComputeTargetException", "message": why}
        self.connection.write(RunStatus(run=job.run, status="Failed", at=time.time(), error=error))
        self.connection.flush(10)
        self.connection.store.end_job(job.run, owner=job.owner)

    def _look_around(self) -> None:
        now = time.monotonic()
        if now - self._beat_at >= BEAT and (self._assigned or self._waiting):
            self._beat_at = now
            for owner in {*self._assigned, *([self._waiting.owner] if self._waiting else [])}:
                self.connection.store.beat(owner)
        if now - self._stale_at >= launching.STALE / 4:
            self._stale_at = now
            launching.end_stale(self.connection)

    # -- nodes -------------------------------------------------------------------------------------------------------
    def _resize(self, there: dict[str, Any], free: list[str]) -> None:
        if not free and self._planned >= self.scale.high:
            wanted = self.scale.high  # whatever waits
        else:
            queued = nodes_of(self._waiting) if self._waiting is not None else 0
            jobs = self.connection.store.jobs(self.queue, state="queued", limit=max(1, self.scale.high))
            queued += sum(nodes_of(job) for job in jobs)
            wanted = min(max(len(there) - len(free) + queued, self.scale.low), self.scale.high)
        now = time.monotonic()
        if wanted > self._planned:
            self._grow(wanted)
        elif wanted < self._planned:
            old = [
                a
                for a in free
                if now - self._idle_since.get(a, now) >= self.scale.idle or self._planned > self.scale.high
            ]
            going = old[: len(there) - wanted]
            if self.nodes is not None and self.nodes.fixed is not None:  # all or none
                if len(old) == len(there) and not wanted:
                    self._close_nodes()
                return
            if going and self.nodes is not None:
                self._planned = max(wanted, self._planned - len(going))
                self.nodes.retire(going, self._planned)
                for address in going:
                    self._idle_since.pop(address, None)
        if there or not self._planned:
            self._asked_at = now
        elif now - self._asked_at > PATIENCE:
            self._no_nodes(f"No node has come within {PATIENCE:.0f} seconds.")

    def _grow(self, count: int) -> None:
        try:
            if self.nodes is None:
                self.where.work.mkdir(mode=0o700, exist_ok=True)
                assert self._asset is not None
                self.nodes = Nodes(self._asset.data["settings"].get("nodes") or {}, self._poke)
            count = self.nodes.grow(count)
        except ComputeTargetException as error:
            self._no_nodes(error.message)
            return
        if count > self._planned:
            self._asked_at = time.monotonic()
        self._planned = count

    def _no_nodes(self, why: str) -> None:
        """What waits fails: it would wait for ever."""
        self.errors = [{"code": "NodesUnavailable", "message": why}]
        log.warning("The cluster %s gets no nodes: %s", self.name, why)
        if self._waiting is not None:
            self._fail(self._waiting, why)
            self._waiting = None
        while (job := self.connection.store.claim_job([self.queue], self.owner)) is not None:
            self._fail(job, why)
        self._close_nodes()
        if self.scale.low:
            self.stop(why)

    def _tell(self, there: dict[str, Any], over: bool = False) -> None:
        """Write down what the nodes do, when that has changed or is long ago."""
        now = time.time()
        if self._asset is None or now - self._told.at < TELL_EVERY:
            return
        runs = {node: "" for one in self._assigned.values() for node in one.nodes}
        if runs:
            for job in self.connection.store.jobs(self.queue, state="claimed", limit=MOST):
                for node in self._assigned[job.owner].nodes if job.owner in self._assigned else ():
                    runs[node] = job.run
        nodes: list[dict[str, Any]] = [
            {
                "id": f"node-{about['name']}", "state": "running" if address in runs else "idle", "run": runs.get(address),
                "host": about["host"], "port": about["port"], "pid": about["pid"],
            }
            for address, about in there.items()
        ]  # fmt: skip
        nodes += [{"id": "", "state": "preparing"} for _ in range(self._planned - len(nodes))]
        what = [nodes, self._planned, self.errors]
        if what == self._told.what and now - self._told.at < FRESH / 4:
            return
        if self._planned != self._told.target:
            self._told.target, self._told.since = self._planned, now
        live = {
            "machine": launching.machine(), "at": now, "pid": os.getpid(), "nodes": nodes, "target": self._planned,
            "since": self._told.since, "errors": self.errors,
        }  # fmt: skip
        self._told.at, self._told.what = now, what
        self.connection.store.change_asset(self._asset.id, at=now, data={"live": None if over else live})

    # -- the end -----------------------------------------------------------------------------------------------------
    def _close_nodes(self) -> None:
        if self.nodes is not None:
            self.nodes.close()
        self.nodes = None
        self._planned = 0

    def _close(self) -> None:
        self._close_nodes()
        try:
            for job in self.connection.store.jobs(self.queue, state="claimed"):
                if job.owner.startswith(f"{self.owner}/"):
                    self._lost(job, "The cluster was stopped.")
            self._told.at = 0.0
            self._tell({}, over=True)
        except AzureMLException as error:  # its silence will tell
            log.warning("The end of the cluster %s could not be noted: %s", self.name, error)
        shutil.rmtree(self.where.work, ignore_errors=True)
