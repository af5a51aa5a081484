"""The processes of a distributed run, and the variables by which they find each other."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jupyter_aml.errors import UserErrorException
from jupyter_aml.jobs.script_log import DRIVER

LOOPBACK = "127.0.0.1"
MOST = 256
"""Processes of one run."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One process of a run."""

    variables: Mapping[str, str]
    log: str = DRIVER
    servant: bool = False
    """It serves the others and ends with them."""
    node: int = 0
    """Which node it is on."""


def plan(definition: Mapping[str, Any], hosts: Sequence[str] = ()) -> list[Plan]:
    """The processes that a definition wants, one for a run that is not distributed.

    Args:
        definition: of the run.
        hosts: where its nodes are, this one first; none: this machine stands for all of them.

    Raises:
        UserErrorException: numbers that do not fit.
    """
    communicator = definition.get("communicator") or "None"
    nodes = int(definition.get("nodeCount") or 1)
    if communicator in ("OpenMpi", "IntelMpi"):
        size = nodes * int((definition.get("mpi") or {}).get("processCountPerNode") or 1)
        first = hosts[0] if hosts else LOOPBACK
        return _several([_mpi(rank, size, nodes, first) for rank in range(_checked(size))], len(hosts))
    if communicator in ("Nccl", "Gloo"):
        wanted = definition.get("pyTorch") or {}
        size = _checked(int(wanted.get("processCount") or nodes))
        if size % nodes:
            raise UserErrorException(f"{size} processes cannot be shared evenly by {nodes} nodes.")
        first = hosts[0] if hosts else LOOPBACK
        port = str(_ports(1, first)[0])
        return _several([_torch(rank, size, nodes, first, port) for rank in range(size)], len(hosts))
    if communicator == "ParameterServer":
        wanted = definition.get("tensorflow") or {}
        return _tensorflow(int(wanted.get("workerCount") or 1), int(wanted.get("parameterServerCount") or 0))
    return [Plan(variables={})]


def _checked(size: int) -> int:
    if not 1 <= size <= MOST:
        raise UserErrorException(f"A run has 1 to {MOST} processes, not {size}.")
    return size


def _several(variables: list[dict[str, str]], nodes: int) -> list[Plan]:
    if len(variables) == 1:
        return [Plan(variables=variables[0])]
    stem, _, end = DRIVER.rpartition(".")
    return [
        Plan(variables=own, log=f"{stem}_{rank}.{end}", node=rank * nodes // len(variables))
        for rank, own in enumerate(variables)
    ]


def _mpi(rank: int, size: int, nodes: int, first: str) -> dict[str, str]:
    local = size // nodes
    return {
        "OMPI_COMM_WORLD_RANK": str(rank),
        "OMPI_COMM_WORLD_SIZE": str(size),
        "OMPI_COMM_WORLD_LOCAL_RANK": str(rank % local),
        "OMPI_COMM_WORLD_LOCAL_SIZE": str(local),
        "AZ_BATCHAI_MPI_MASTER_NODE": first,
        "AZUREML_NODE_COUNT": str(nodes),
    }


def _torch(rank: int, size: int, nodes: int, first: str, port: str) -> dict[str, str]:
    local = size // nodes
    return {
        "MASTER_ADDR": first,
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


def _ports(count: int, host: str = LOOPBACK) -> list[int]:
    """Ports of this machine, by one of its addresses, that nobody listens on now."""
    try:
        held = [socket.create_server((host, 0)) for _ in range(count)]
    except OSError:  # it does not know itself by the address that others have for it
        held = [socket.create_server(("", 0)) for _ in range(count)]
    try:
        return [int(one.getsockname()[1]) for one in held]
    finally:
        for one in held:
            one.close()
