"""How many processes a script is run in, and what connects them; the parts of a configuration that say so."""

from __future__ import annotations

from typing import Any

from jupyter_aml.errors import UserErrorException


def _count(name: str, value: Any, least: int = 1) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = least - 1
    if number < least or isinstance(value, bool):
        raise UserErrorException(f"{name} is a whole number from {least} on, not {value!r}.")
    return number


class MpiConfiguration:
    """Processes that are numbered as Open MPI does.

    Args:
        process_count_per_node: processes on each node.
        node_count: nodes.
    """

    communicator = "OpenMpi"

    def __init__(self, process_count_per_node: int = 1, node_count: int = 1) -> None:
        self.process_count_per_node = _count("process_count_per_node", process_count_per_node)
        self.node_count = _count("node_count", node_count)

    def _definition(self) -> dict[str, Any]:
        return {"processCountPerNode": self.process_count_per_node}


class PyTorchConfiguration:
    """Processes that find each other as torchrun's do.

    Args:
        communication_backend: "Nccl" or "Gloo".
        process_count: processes in all; by default one a node.
        node_count: nodes.
    """

    def __init__(
        self, communication_backend: str = "Nccl", process_count: int | None = None, node_count: int = 1
    ) -> None:
        known = {"nccl": "Nccl", "gloo": "Gloo"}
        if str(communication_backend).lower() not in known:
            raise UserErrorException(f"communication_backend is Nccl or Gloo, not {communication_backend!r}.")
        self.communication_backend = known[str(communication_backend).lower()]
        self.node_count = _count("node_count", node_count)
        self.process_count = None if process_count is None else _count("process_count", process_count)

    @property
    def communicator(self) -> str:
        """What connects the processes."""
        return self.communication_backend

    def _definition(self) -> dict[str, Any]:
        return {"communicationBackend": self.communication_backend, "processCount": self.process_count}


class TensorflowConfiguration:
    """Workers and parameter servers that find each other by ``TF_CONFIG``.

    Args:
        worker_count: workers.
        parameter_server_count: parameter servers; they end with the workers.
    """

    communicator = "ParameterServer"

    def __init__(self, worker_count: int = 1, parameter_server_count: int = 1) -> None:
        self.worker_count = _count("worker_count", worker_count)
        self.parameter_server_count = _count("parameter_server_count", parameter_server_count, 0)

    @property
    def node_count(self) -> int:
        """Each is a node, as the SDK counts."""
        return 1

    def _definition(self) -> dict[str, Any]:
        return {"workerCount": self.worker_count, "parameterServerCount": self.parameter_server_count}


class ParallelTaskConfiguration:
    """Kept with a configuration; the tasks of a parallel run are shared out by its own kind of run."""

    def __init__(self) -> None:
        self.max_retries_per_worker = 0
        self.worker_count_per_node = 1
        self.terminal_exit_codes: list[int] | None = None
