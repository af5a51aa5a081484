"""How many nodes of each size a workspace's clusters have and may have, in the words of the SDK's usages and quotas."""

from __future__ import annotations

from typing import Any

from jupyter_aml.compute import sizes
from jupyter_aml.compute.target import KIND
from jupyter_aml.errors import ComputeTargetException
from jupyter_aml.store.records import AssetQuery

NO_LIMIT = -1


def usages(workspace: Any, show_all: bool) -> list[dict[str, Any]]:
    """Nodes by size: how many there are now, and how many the clusters may have together.

    Args:
        workspace: the workspace.
        show_all: also the sizes that no cluster has.
    """
    found: dict[str, list[int]] = {name: [0, 0] for name in sizes.table(workspace)} if show_all else {}
    for record in workspace.connection.store.walk_assets(AssetQuery(kind=KIND)):
        settings = record.data.get("settings") or {}
        if "maxNodes" in settings:
            now = found.setdefault(settings["vmSize"], [0, 0])
            now[0] += sum(node["state"] != "preparing" for node in (record.data.get("live") or {}).get("nodes") or [])
            now[1] += int(settings["maxNodes"])
    return [
        {
            "id": size, "type": "nodes", "unit": "Count", "currentValue": there, "limit": most,
            "name": {"value": size, "localizedValue": f"Nodes of {size}"},
        }
        for size, (there, most) in sorted(found.items())
    ]  # fmt: skip


def quotas(workspace: Any) -> list[dict[str, Any]]:
    """Limits by size: there are none but each cluster's own."""
    return [
        {"id": one["id"], "type": "nodes", "unit": "Count", "limit": NO_LIMIT, "name": one["name"]}
        for one in usages(workspace, show_all=True)
    ]


def refuse_quota(vm_family: str) -> None:
    """Raises ComputeTargetException: nothing would hold clusters to it."""
    raise ComputeTargetException(
        f"There are no quotas of {vm_family!r} here: a cluster is held to its own max_nodes, which update(max_nodes=…) changes."
    )
