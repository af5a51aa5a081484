"""The processes of a distributed run, and the variables by which they find each other."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jupyter_aml.errors import UserErrorException
from jupyter_aml.jobs.script_log import DRIVER

MOST = 256
"""Processes of one run."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One process of a run."""

    variables: Mapping[str, str]
    log: str = DRIVER
    servant: bool = False
    """It serves the others and ends with them."""


def plan(definition: Mapping[str, Any]) -> list[Plan]:
    """The processes that a definition wants on this machine, one for a run that is not distributed.

    Raises:
        UserErrorException: numbers that do not fit.
    """
    communicator = definition.get("communicator") or "None"
    nodes = int(definition.get("nodeCount") or 1)
    if communicator in ("OpenMpi", "IntelMpi"):
        size = nodes * int((definition.get("mpi") or {}).get("processCountPerNode") or 1)
        return _several([_mpi(rank, _checked(size), nodes) for rank in range(_checked(size))])
    if communicator in ("Nccl", "Gloo"):
        wanted = definition.get("pyTorch") or {}
        size = _checked(int(wanted.get("processCount") or nodes))
        if size % nodes:
            raise UserErrorException(f"{size} processes cannot be shared evenly by {nodes} nodes.")
        port = str(_ports(1)[0])
        return _several([_torch(rank, size, nodes, port) for rank in range(size)])
    if communicator == "ParameterServer":
        wanted = definition.get("tensorflow") or {}
        return _tensorflow(int(wanted.get("workerCount") or 1), int(wanted.get("parameterServerCount") or 0))
    return [Plan(variables={})]


def _checked(size: int) -> int:
    if not 1 <= size <= MOST:
        raise UserErrorException(f"A run has 1 to {MOST} processes, not {size}.")
    return size


def _several(variables: list[dict[str, str]]) -> list[Plan]:
    if len(variables) == 1:
        return [Plan(variables=variables[0])]
    stem, _, end = DRIVER.rpartition(".")
    return [Plan(variables=own, log=f"{stem}_{rank}.{end}") for rank, own in enumerate(variables)]


def _mpi(rank: int, size: int, nodes: int) -> dict[str, str]:
    local = size // nodes
    return {
        "OMPI_COMM_WORLD_RANK": str(rank),
        "OMPI_COMM_WORLD_SIZE": str(size),
        "OMPI_COMM_WORLD_LOCAL_RANK": str(rank % local),
        "OMPI_COMM_WORLD_LOCAL_SIZE": str(local),
        "AZ_BATCHAI_MPI_MASTER_NODE": "127.0.0.1",
        "AZUREML_NODE_COUNT": str(nodes),
    }


def _torch(rank: int, size: int, nodes: int, port: str) -> dict[str, str]:
    local = size // nodes
    return {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
        "WORLD_SIZE": str(size),
        "RANK": str(rank),
        "LOCAL_RANK": str(rank % local),
        "LOCAL_WORLD_SIZE": str(local),
        "NODE_RANK": str(rank // local),
        "GROUP_RANK": str(rank // local),
        "AZUREML_NODE_COUNT": str(nodes),
    }


def _tensorflow(workers: int, servers: int) -> list[Plan]:
    ports = _ports(_checked(workers + servers))
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports[:workers]]}
    if servers:
        cluster["ps"] = [f"127.0.0.1:{port}" for port in ports[workers:]]
    found = []
    stem, _, end = DRIVER.rpartition(".")
    for kind, addresses in cluster.items():
        for index in range(len(addresses)):
            told = {"cluster": cluster, "task": {"type": kind, "index": index}, "environment": "cloud"}
            log = DRIVER if workers + servers == 1 else f"{stem}_{kind}_{index}.{end}"
            found.append(Plan(variables={"TF_CONFIG": json.dumps(told)}, log=log, servant=kind == "ps"))
    return found


def _ports(count: int) -> list[int]:
    """Ports of the loopback that nobody listens on now."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [int(one.getsockname()[1]) for one in held]
    finally:
        for one in held:
            one.close()
