"""What a model needs when it is deployed.

Reference: https://learn.microsoft.com/python/api/azureml-core/azureml.core.resource_configuration.resourceconfiguration
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jupyter_aml.errors import UserErrorException
from jupyter_aml.tracking.names import shown


class ResourceConfiguration:
    """Resources of a deployed model.

    Args:
        cpu: cores, also parts of one.
        memory_in_gb: GB of memory.
        gpu: how many.

    Raises:
        UserErrorException: no number above 0.
    """

    def __init__(self, cpu: float | None = None, memory_in_gb: float | None = None, gpu: int | None = None) -> None:
        for name, value in (("cpu", cpu), ("memory_in_gb", memory_in_gb), ("gpu", gpu)):
            good = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
            if value is not None and (not good or (not value and name != "gpu")):
                raise UserErrorException(f"{name} is a number above 0, not {shown(value)}.")
        self.cpu, self.memory_in_gb, self.gpu = cpu, memory_in_gb, gpu

    def serialize(self) -> dict[str, Any]:
        """As a dict, in the SDK's words."""
        return {"cpu": self.cpu, "memoryInGB": self.memory_in_gb, "gpu": self.gpu}

    @staticmethod
    def deserialize(payload_obj: Mapping[str, Any] | None) -> ResourceConfiguration | None:
        """What `serialize` gave; None of None."""
        if payload_obj is None:
            return None
        return ResourceConfiguration(payload_obj.get("cpu"), payload_obj.get("memoryInGB"), payload_obj.get("gpu"))

    @staticmethod
    def of(kept: Mapping[str, Any] | None) -> ResourceConfiguration | None:
        """What `kept_resources` gave; None of None."""
        if kept is None:
            return None
        return ResourceConfiguration(kept.get("cpu"), kept.get("memory_in_gb"), kept.get("gpu"))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ResourceConfiguration) and other.serialize() == self.serialize()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"ResourceConfiguration(cpu={self.cpu}, memory_in_gb={self.memory_in_gb}, gpu={self.gpu})"


def kept_resources(configuration: Any) -> dict[str, Any] | None:
    """A resource configuration (or what looks like one) as it is kept with the model.

    Raises:
        UserErrorException: it has none of cpu, memory_in_gb and gpu, or no numbers in them.
    """
    if configuration is None:
        return None
    names = ("cpu", "memory_in_gb", "gpu")
    given = (
        configuration
        if isinstance(configuration, Mapping)
        else vars(configuration)
        if hasattr(configuration, "__dict__")
        else {}
    )
    found = {name: given[name] for name in names if given.get(name) is not None}
    ResourceConfiguration(**found)
    if not found and not isinstance(configuration, ResourceConfiguration):
        raise UserErrorException(
            f"resource_configuration is a ResourceConfiguration(cpu=, memory_in_gb=, gpu=), not {shown(configuration)}."
        )
    return found or None
