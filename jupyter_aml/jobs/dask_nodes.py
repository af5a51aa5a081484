"""The nodes of a cluster are workers of a Dask cluster; which kind of cluster, its settings say.

Connections are encrypted and both ends known to each other (keys that exist for this cluster's life only): whoever else is on
the machine or in the network can hand the workers nothing to execute.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jupyter_aml.errors import ComputeTargetException
from jupyter_aml.store.records import JobRecord

log = logging.getLogger("jupyter_aml")

EXTRA = 'A cluster needs Dask: pip install "jupyter_aml[compute]".'
RESOURCE = "node"
_ENDS = ("scheduler", "worker", "client")
PRELOAD = "jupyter_aml.jobs.dask_task"
_WARM = ("distributed", "jupyter_aml.jobs.dask_task", "jupyter_aml.workspace", "jupyter_aml.store.sql.store")
"""What every node needs; loaded once in the process that local nodes are forked from."""
_THERE = ("init", "running", "paused")
"""States of a worker that takes tasks, or does at once: it is known to the scheduler a moment before it says "running"."""
_SETTINGS = {
    "distributed.worker.multiprocessing-method": "forkserver",
    "distributed.scheduler.allowed-failures": 0,  # what becomes of a run whose node died is decided by us
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.worker-ttl": "60s",
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.worker.profile.enabled": False,
    "distributed.nanny.pre-spawn-environ": {},  # scripts have the variables that they were submitted with
}


def warm_up() -> None:
    """Start the process that local nodes are forked from, which loads what they need meanwhile. Safe twice."""
    import multiprocessing
    from multiprocessing import forkserver

    multiprocessing.get_context("forkserver").set_forkserver_preload(list(_WARM))
    forkserver.ensure_running()


class Nodes:
    """The nodes of one cluster.

    Args:
        settings: the `nodes` of its configuration.
        changed: called (in any thread) when a node has come or gone.

    Raises:
        ComputeTargetException: what it needs is not installed, or cannot be started.
    """

    def __init__(self, settings: Mapping[str, Any], changed: Callable[[], None]) -> None:
        try:
            import dask

            dask.config.set(_SETTINGS)
            from distributed import Client
        except ImportError as error:
            raise ComputeTargetException(EXTRA) from error
        logging.getLogger("distributed").setLevel(logging.ERROR)
        self._settings = dict(settings)
        self.fixed: int | None = None
        """How many nodes there are, where that cannot be chosen."""
        self.backend = str(settings.get("backend", "local"))
        self._cluster = self._start()
        self._client = Client(self._cluster, set_as_default=False)
        self._seen: dict[str, dict[str, Any]] = {}
        scheduler = getattr(self._cluster, "scheduler", None)
        self._scheduler = scheduler if hasattr(scheduler, "workers") else None
        if self._scheduler is not None:
            self._scheduler.add_plugin(_listener(changed), name="jupyter_aml", idempotent=True)

    def _start(self) -> Any:
        options = dict(self._settings.get("options") or {})
        try:
            if self.backend == "local":
                from distributed import LocalCluster

                return LocalCluster(
                    n_workers=0, processes=True, threads_per_worker=1, dashboard_address=None, host="127.0.0.1",
                    security=True, memory_limit=0, resources={RESOURCE: 1}, preload=[PRELOAD], silence_logs=False,
                )  # fmt: skip
            if self.backend == "ssh":
                return self._by_ssh()
            if self.backend == "jobqueue":
                import dask_jobqueue

                kind = getattr(dask_jobqueue, str(self._settings.get("class", "SLURMCluster")))
                extra = ["--resources", f"{RESOURCE}=1", "--preload", PRELOAD, "--nthreads", "1"]
                return kind(**{"cores": 1, "processes": 1, "worker_extra_args": extra, **options})
            from dask_kubernetes.operator import KubeCluster

            return KubeCluster(**{"n_workers": 0, "resources": {}, **options})
        except ImportError as error:
            package = {"jobqueue": "dask-jobqueue", "kubernetes": "dask-kubernetes"}.get(self.backend, "distributed")
            raise ComputeTargetException(
                f"Nodes of the backend {self.backend!r} need {package}: pip install {package}."
            ) from error
        except Exception as error:
            raise ComputeTargetException(f"The cluster's scheduler cannot be started: {error}") from error

    def _by_ssh(self) -> Any:
        """Dask's SSHCluster: all of its nodes at once. Its processes find keys in files that each host has."""
        import dask
        from distributed import SSHCluster
        from distributed.security import Security

        settings, tls = self._settings, self._settings.get("tls") or {}
        scheduler = {"dashboard": False, **(settings.get("scheduler_options") or {})}
        if tls:
            parts = {
                "ca-file": tls["ca_file"],
                **{f"{who}.{what}": tls[what] for who in _ENDS for what in ("cert", "key")},
            }
            dask.config.set({f"distributed.comm.tls.{key}": str(value) for key, value in parts.items()})
            dask.config.set({"distributed.comm.require-encryption": True})
            scheduler["protocol"] = "tls://"
        self.fixed = len(settings["hosts"]) - 1
        return SSHCluster(
            list(settings["hosts"]),
            connect_options=dict(settings.get("connect_options") or {}),
            worker_options={
                "nthreads": 1, "memory_limit": 0, "resources": {RESOURCE: 1}, "preload": [PRELOAD],
                **(settings.get("worker_options") or {}),
            },
            scheduler_options=scheduler,
            remote_python=settings.get("python"),
            security=Security() if tls else None,
        )  # fmt: skip

    # -- how many ----------------------------------------------------------------------------------------------------
    def grow(self, count: int) -> int:
        """Have so many nodes, soon; returns how many there will be."""
        if self.fixed is not None:
            return self.fixed
        self._cluster.scale(count)
        return count

    def retire(self, addresses: list[str], left: int) -> None:
        """Let these nodes go; `left` others stay."""
        names = [self._seen[a]["name"] for a in addresses if a in self._seen]
        if self._scheduler is not None and hasattr(self._cluster, "scale_down"):
            self._cluster.sync(self._cluster.scale_down, names)
        else:
            self._client.retire_workers(addresses)
            self._cluster.scale(left)

    def there(self) -> dict[str, dict[str, Any]]:
        """address → {"name", "host", "port", "pid"} of the nodes that are there."""
        if self._scheduler is not None:
            found = {
                address: {"name": state.name, "host": state.host, "pid": state.extra.get("pid")}
                for address, state in list(self._scheduler.workers.items())
                if state.status.name in _THERE
            }
        else:
            told = self._client.scheduler_info(n_workers=-1)["workers"]
            found = {a: {"name": one["name"], "host": one["host"], "pid": None} for a, one in told.items()}
        for address, about in found.items():
            about["port"] = int(address.rsplit(":", 1)[1])
        self._seen = found
        return found

    # -- work --------------------------------------------------------------------------------------------------------
    def serve(
        self, nodes: Sequence[str], url: str, job: JobRecord, work: str, seconds: float, done: Callable[[Any], None]
    ) -> Any:
        """Execute a run on a node, or on several of which the first one leads (spread.py), and others after it (see
        dask_task.py). Returns the future, with which `done` is called in any thread."""
        from jupyter_aml.jobs.dask_task import serve

        fields = {name: getattr(job, name) for name in JobRecord.__slots__}
        future = self._client.submit(
            serve, url, fields, work, seconds, [(one, self._seen[one]["host"]) for one in nodes],
            key=f"{job.owner}-{job.run}-{job.attempt}", workers=[nodes[0]], allow_other_workers=False, resources={RESOURCE: 1},
            pure=False, retries=0,
        )  # fmt: skip
        future.add_done_callback(done)
        return future

    def end_shares(self, job: JobRecord, nodes: Sequence[str]) -> None:
        """The node that led a run is gone: the others end what they have of it."""
        from jupyter_aml.jobs.share import GRACE, key_of
        from jupyter_aml.jobs.spread import ask_all

        ask_all(self._client, key_of(job), GRACE, nodes)

    def close(self) -> None:
        """End all nodes, and what they execute."""
        for end in (self._client.close, self._cluster.close):
            with contextlib.suppress(Exception):
                end(timeout=10)


def _listener(changed: Callable[[], None]) -> Any:
    """A plugin of the scheduler that tells when workers come and go."""
    from distributed.diagnostics.plugin import SchedulerPlugin

    class Listener(SchedulerPlugin):  # type: ignore[misc]
        def add_worker(self, *args: Any, **kwargs: Any) -> None:
            changed()

        def remove_worker(self, *args: Any, **kwargs: Any) -> None:
            changed()

    return Listener()
