"""Which launcher serves a queue: that of the machine itself, or that of a compute target's type."""

from __future__ import annotations

from typing import Any

from jupyter_aml.compute.target import KIND, name_of
from jupyter_aml.jobs import launching, leaders
from jupyter_aml.store.connection import Connection
from jupyter_aml.tracking.lifetime import workspace_of


def launcher_of(plain: Any, connection: Connection, queue: str, *, slots: int, idle: float) -> Any:
    """The launcher of a queue.

    Args:
        plain: the class that executes runs on this machine.
        connection: the workspace.
        queue: name of the queue.
        slots: runs at once, where that is for the machine to say.
        idle: seconds without a run after which it ends.
    """
    if queue == launching.leaders_queue():
        leading = plain(connection, queue, slots=leaders.MOST, idle=idle)
        leading.work = leaders.lead
        return leading
    name = name_of(queue)
    asset = connection.store.asset(KIND, name) if name else None
    kind = asset.data.get("type") if asset is not None else None
    if kind == "AmlCompute":
        from jupyter_aml.jobs.cluster import ClusterLauncher

        return ClusterLauncher(connection, queue, name, idle=idle)
    if asset is not None and kind == "ComputeInstance":
        from jupyter_aml.jobs.instance_launcher import InstanceLauncher

        return InstanceLauncher(connection, queue, asset)
    if kind == "VirtualMachine":
        from jupyter_aml.compute.remote import RemoteCompute
        from jupyter_aml.jobs.ssh_launcher import SshLauncher

        return SshLauncher(connection, queue, RemoteCompute(workspace_of(connection), name), idle=idle)
    return plain(connection, queue, slots=slots, idle=idle)
