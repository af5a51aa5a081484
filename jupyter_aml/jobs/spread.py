"""One run on several nodes of a cluster: each has its share of the processes, and a log for each of them.

The run is executed by its first node (`execute`), which hands the others their shares (`Spread.start`; what they do then is in
share.py). The first process that fails, a node that is killed, and a request to stop end all shares. When the first node itself is
killed, the cluster's manager asks the others to end (`ask_all`); so does the end of the run, which each of them watches.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_aml.errors import ActivityFailedException, AzureMLException
from jupyter_aml.jobs.processes import Ended, Group, Rank, nursery
from jupyter_aml.jobs.ranks import Plan
from jupyter_aml.jobs.share import GRACE, Share, Told, ask, key_of, share
from jupyter_aml.store.records import JobRecord

LOOK_EVERY = 2.0
"""Seconds between two looks at whether all nodes are there."""


class Spread:
    """The nodes of one run, as its first one sees them.

    Args:
        url: of the workspace, for the others.
        job: the run's.
        above: a folder for what they unpack.
        nodes: address (Dask's) and host of each, this one first.
    """

    def __init__(self, url: str, job: JobRecord, above: str, nodes: Sequence[tuple[str, str]]) -> None:
        self._url, self._job, self._above = url, job, above
        self._nodes = list(nodes)

    @property
    def hosts(self) -> list[str]:
        """Where the nodes are."""
        return [host for _, host in self._nodes]

    def start(
        self,
        ranks: Sequence[Rank],
        plans: Sequence[Plan],
        *,
        workdir: Path,
        python: str,
        secret: str,
        inherited: Mapping[str, str],
    ) -> SpreadGroup:
        """Start the processes, each on its node.

        Args:
            ranks: all of them.
            plans: theirs.
            workdir: this node's folder of the run.
            python: this node's interpreter for it.
            secret: the run's token.
            inherited: variables that they have of this machine.
        """
        from distributed import get_client

        from jupyter_aml.jobs.dask_nodes import RESOURCE

        client = get_client()
        fields = {name: getattr(self._job, name) for name in JobRecord.__slots__}
        mine = [index for index, one in enumerate(plans) if one.node == 0]
        local = nursery().start([ranks[index] for index in mine])
        others = []
        for node, (address, host) in enumerate(self._nodes[1:], 1):
            numbers = [index for index, one in enumerate(plans) if one.node == node]
            part = Share(
                node=node, ranks=[ranks[i] for i in numbers], logs=[plans[i].log for i in numbers], workdir=str(workdir),
                python=python, secret=secret, inherited=inherited,
            )  # fmt: skip
            future = client.submit(
                share, self._url, fields, self._above, part,
                key=f"{key_of(self._job)}-{node}", workers=[address], allow_other_workers=False, resources={RESOURCE: 1},
                pure=False, retries=0,
            )  # fmt: skip
            others.append(_Other(node, address, host, numbers, future))
        return SpreadGroup(client, key_of(self._job), local, mine, others)


@dataclass
class _Other:
    node: int
    address: str
    host: str
    numbers: list[int]
    future: Any
    over: bool = False


class SpreadGroup:
    """The processes of a run on all of its nodes; the same doors as `processes.Group`."""

    def __init__(self, client: Any, key: str, local: Group, mine: Sequence[int], others: Sequence[_Other]) -> None:
        self._client, self._key = client, key
        self._local, self._mine, self._others = local, list(mine), list(others)
        self._woken = threading.Event()
        self._failed_at = math.inf
        self._looked_at = time.monotonic()
        self._problem: AzureMLException | None = None
        self._ending = False
        self.pids = local.pids
        """Of this node."""
        self.keeper = 0
        self.ended = Ended(codes=[0] * (len(mine) + sum(len(one.numbers) for one in others)))
        self.over = False
        for one in others:
            one.future.add_done_callback(lambda _: self.poke())

    def poke(self) -> None:
        """Make `events` yield now."""
        self._woken.set()
        self._local.poke()

    def stop(self, grace: float) -> None:
        """Ask the processes to end (SIGTERM); after `grace` seconds they and all that they started are killed."""
        self._ending = True
        self._local.stop(grace)
        self._ask(grace)

    def events(self, pause: float) -> Iterator[tuple[int, bytes]]:
        """(rank, what it printed) of this node as it comes, until all is over on all nodes.

        Raises:
            AzureMLException: a node could not do its share; all have ended.
        """
        for index, data in self._local.events(pause):
            if index >= 0:
                yield self._mine[index], data
                continue
            self._look()
            yield -1, b""
        self._look()
        while not all(one.over for one in self._others):
            self._woken.wait(pause)
            self._woken.clear()
            self._look()
            yield -1, b""
        self._add(self._local.ended, self._mine)
        self.over = True
        if self._problem is not None:
            raise self._problem

    def close(self) -> None:
        """Let go: what still runs is ended."""
        self._local.close()
        if not self.over:
            self._ask(0.0)

    def _look(self) -> None:
        """See whether one has failed, here or elsewhere: then all end."""
        if any(self._local.ended.codes) or self._local.ended.lost:
            self._fail(time.time(), self._mine[self._local.ended.first])
        for one in self._others:
            if not one.over and one.future.done():
                one.over = True
                self._hear(one)
        now = time.monotonic()
        if now - self._looked_at > LOOK_EVERY:
            self._looked_at = now
            there = self._client.scheduler_info(n_workers=-1)["workers"]
            for one in self._others:
                if not one.over and one.address not in there:
                    one.over = True
                    one.future.cancel()
                    self._gone(one)

    def _hear(self, one: _Other) -> None:
        if one.future.status == "finished":
            told: Told = one.future.result()
            if told.failed_at < math.inf:
                self._fail(told.failed_at, one.numbers[told.ended.first])
            self._add(told.ended, one.numbers)
            self.ended.said[one.numbers[told.ended.first]] = told.end
            return
        problem = one.future.exception() if one.future.status == "error" else None
        if problem is None or type(problem).__name__ == "KilledWorker":
            self._gone(one)
            return
        if not isinstance(problem, AzureMLException):
            problem = ActivityFailedException(f"Node {one.node} of the run: {type(problem).__name__}: {problem}")
        self._problem = self._problem or problem
        self._fail(time.time(), one.numbers[0])

    def _gone(self, one: _Other) -> None:
        self.ended.lost = True
        self.ended.why = f"Node {one.node} of the run ({one.host}) was killed."
        self._fail(time.time(), one.numbers[0])

    def _fail(self, at: float, rank: int) -> None:
        if at < self._failed_at:  # what ends later ends because of that
            self._failed_at, self.ended.first = at, rank
        if not self._ending:
            self.stop(GRACE)

    def _add(self, ended: Ended, numbers: Sequence[int]) -> None:
        for number, code in zip(numbers, ended.codes, strict=True):
            self.ended.codes[number] = code
        self.ended.lost = self.ended.lost or ended.lost
        self.ended.left += ended.left
        self.ended.memory = max(self.ended.memory, ended.memory)
        self.ended.seconds += ended.seconds

    def _ask(self, grace: float) -> None:
        addresses = [one.address for one in self._others if not one.over]
        if addresses:
            ask_all(self._client, self._key, grace, addresses)


def ask_all(client: Any, key: str, grace: float, addresses: Sequence[str]) -> None:
    """Ask these nodes to end what they have of a run; nobody waits for those that do not answer."""

    def one(address: str) -> None:
        with suppress(Exception):  # it is gone
            client.run(ask, key, grace, workers=[address])

    for address in addresses:
        threading.Thread(target=one, args=(address,), name="jupyter_aml-ask", daemon=True).start()
