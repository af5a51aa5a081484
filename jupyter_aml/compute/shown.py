"""A target as the faces show it."""

from __future__ import annotations

from typing import Any

from jupyter_aml.compute.amlcompute import AmlCompute
from jupyter_aml.compute.instance import ComputeInstance
from jupyter_aml.compute.remote import RemoteCompute
from jupyter_aml.compute.target import ComputeTarget


def about(target: ComputeTarget) -> dict[str, Any]:
    """What it is, its state, nodes and queue, as JSON. Of credentials nothing."""
    jobs = target.workspace.connection.store.jobs(target._queue())
    found: dict[str, Any] = {
        "name": target.name,
        "type": target.type,
        "state": target.provisioning_state,
        "description": target.description,
        "tags": target.tags,
        "created": target.created_on,
        "modified": target.modified_on,
        "user": target._record.user,
        "runs": [{"run": job.run, "state": job.state, "since": job.queued} for job in jobs],
        "queued": sum(job.state == "queued" for job in jobs),
        "running": sum(job.state == "claimed" for job in jobs),
    }
    if isinstance(target, AmlCompute):
        status = target.status
        scale = target.scale_settings
        found |= {
            "state": status.allocation_state,
            "vm_size": target.vm_size,
            "min_nodes": scale.minimum_node_count,
            "max_nodes": scale.maximum_node_count,
            "idle_seconds": scale.idle_seconds_before_scaledown,
            "current_nodes": status.current_node_count,
            "target_nodes": status.target_node_count,
            "nodes": target.list_nodes(),
            "backend": target._settings["nodes"].get("backend", "local"),
            "errors": status.errors,
        }
    elif isinstance(target, ComputeInstance):
        found |= {
            "state": target.state,
            "vm_size": target.vm_size,
            "idle_seconds": target._settings.get("idleSeconds"),
            "limits": target.limits,
            "errors": target.errors,
        }
    elif isinstance(target, RemoteCompute):
        found |= {
            "state": "Attached",
            "address": target.address,
            "ssh_port": target.ssh_port,
            "username": target.username,
        }
    return found
