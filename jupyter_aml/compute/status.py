"""What compute targets say about themselves. Names are those of the AzureML SDK v1."""

from __future__ import annotations

from typing import Any

from jupyter_aml.tracking.run_details import iso


def _keys(made: Any, names: dict[str, str]) -> dict[str, Any]:
    return {key: getattr(made, attribute) for attribute, key in names.items()}


class _Told:
    """Something that shows itself as what `serialize` says."""

    def serialize(self) -> dict[str, Any]:
        """As JSON."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.serialize()!r})"

    def __str__(self) -> str:
        return str(self.serialize())


class ScaleSettings(_Told):
    """Between how many nodes a cluster scales.

    Args:
        minimum_node_count: nodes that are always there.
        maximum_node_count: nodes at most.
        idle_seconds_before_scaledown: seconds without a run after which a node goes.
    """

    def __init__(self, minimum_node_count: int, maximum_node_count: int, idle_seconds_before_scaledown: int) -> None:
        self.minimum_node_count = minimum_node_count
        self.maximum_node_count = maximum_node_count
        self.idle_seconds_before_scaledown = idle_seconds_before_scaledown

    def serialize(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "minNodeCount": self.minimum_node_count,
            "maxNodeCount": self.maximum_node_count,
            "nodeIdleTimeBeforeScaleDown": f"PT{self.idle_seconds_before_scaledown}S",
        }

    @staticmethod
    def deserialize(object_dict: dict[str, Any] | None) -> ScaleSettings | None:
        """What `serialize` said."""
        if not object_dict:
            return None
        idle = str(object_dict.get("nodeIdleTimeBeforeScaleDown") or "PT0S").removeprefix("PT").removesuffix("S")
        return ScaleSettings(object_dict["minNodeCount"], object_dict["maxNodeCount"], int(float(idle)))


_COUNTS = {
    "idle_node_count": "idleNodeCount",
    "leaving_node_count": "leavingNodeCount",
    "preempted_node_count": "preemptedNodeCount",
    "preparing_node_count": "preparingNodeCount",
    "running_node_count": "runningNodeCount",
    "unusable_node_count": "unusableNodeCount",
}


class AmlComputeNodeStateCounts(_Told):
    """How many nodes do what."""

    def __init__(
        self,
        idle_node_count: int = 0,
        leaving_node_count: int = 0,
        preempted_node_count: int = 0,
        preparing_node_count: int = 0,
        running_node_count: int = 0,
        unusable_node_count: int = 0,
    ) -> None:
        self.idle_node_count = idle_node_count
        self.leaving_node_count = leaving_node_count
        self.preempted_node_count = preempted_node_count
        self.preparing_node_count = preparing_node_count
        self.running_node_count = running_node_count
        self.unusable_node_count = unusable_node_count

    def serialize(self) -> dict[str, Any]:
        """As JSON."""
        return _keys(self, _COUNTS)

    @staticmethod
    def deserialize(object_dict: dict[str, Any] | None) -> AmlComputeNodeStateCounts | None:
        """What `serialize` said."""
        if object_dict is None:
            return None
        return AmlComputeNodeStateCounts(**{name: int(object_dict.get(key) or 0) for name, key in _COUNTS.items()})


class AmlComputeStatus(_Told):
    """The state of a cluster: its nodes, whether they are what is wanted, and what went wrong."""

    _NAMES = {
        "allocation_state": "allocationState",
        "allocation_state_transition_time": "allocationStateTransitionTime",
        "creation_time": "creationTime",
        "current_node_count": "currentNodeCount",
        "errors": "errors",
        "modified_time": "modifiedTime",
        "provisioning_state": "provisioningState",
        "provisioning_state_transition_time": "provisioningStateTransitionTime",
        "target_node_count": "targetNodeCount",
        "vm_priority": "vmPriority",
        "vm_size": "vmSize",
    }

    def __init__(
        self,
        allocation_state: str,
        allocation_state_transition_time: str | None,
        creation_time: str | None,
        current_node_count: int,
        errors: list[dict[str, Any]] | None,
        modified_time: str | None,
        node_state_counts: AmlComputeNodeStateCounts | None,
        provisioning_state: str,
        provisioning_state_transition_time: str | None,
        scale_settings: ScaleSettings | None,
        target_node_count: int,
        vm_priority: str,
        vm_size: str,
    ) -> None:
        self.allocation_state = allocation_state
        self.allocation_state_transition_time = allocation_state_transition_time
        self.creation_time = creation_time
        self.current_node_count = current_node_count
        self.errors = errors
        self.modified_time = modified_time
        self.node_state_counts = node_state_counts
        self.provisioning_state = provisioning_state
        self.provisioning_state_transition_time = provisioning_state_transition_time
        self.scale_settings = scale_settings
        self.target_node_count = target_node_count
        self.vm_priority = vm_priority
        self.vm_size = vm_size

    def serialize(self) -> dict[str, Any]:
        """As JSON."""
        return {
            **_keys(self, self._NAMES),
            "nodeStateCounts": self.node_state_counts.serialize() if self.node_state_counts else None,
            "scaleSettings": self.scale_settings.serialize() if self.scale_settings else None,
        }

    @staticmethod
    def deserialize(object_dict: dict[str, Any]) -> AmlComputeStatus:
        """What `serialize` said."""
        return AmlComputeStatus(
            **{name: object_dict.get(key) for name, key in AmlComputeStatus._NAMES.items()},  # type: ignore[arg-type]
            node_state_counts=AmlComputeNodeStateCounts.deserialize(object_dict.get("nodeStateCounts")),
            scale_settings=ScaleSettings.deserialize(object_dict.get("scaleSettings")),
        )


class ComputeInstanceStatus(_Told):
    """The state of an instance: Creating, Running, Stopped …, and what went wrong."""

    _NAMES = {
        "creation_time": "creationTime",
        "created_by_user_name": "createdByUserName",
        "created_by_user_id": "createdByUserId",
        "created_by_user_org": "createdByUserOrg",
        "errors": "errors",
        "modified_time": "modifiedTime",
        "state": "state",
        "vm_size": "vmSize",
    }

    def __init__(
        self,
        creation_time: str | None,
        created_by_user_name: str,
        created_by_user_id: str,
        created_by_user_org: str,
        errors: list[dict[str, Any]] | None,
        modified_time: str | None,
        state: str,
        vm_size: str,
    ) -> None:
        self.creation_time = creation_time
        self.created_by_user_name = created_by_user_name
        self.created_by_user_id = created_by_user_id
        self.created_by_user_org = created_by_user_org
        self.errors = errors
        self.modified_time = modified_time
        self.state = state
        self.vm_size = vm_size

    def serialize(self) -> dict[str, Any]:
        """As JSON."""
        return _keys(self, self._NAMES)

    @staticmethod
    def deserialize(object_dict: dict[str, Any]) -> ComputeInstanceStatus:
        """What `serialize` said."""
        return ComputeInstanceStatus(
            **{name: object_dict.get(key) for name, key in ComputeInstanceStatus._NAMES.items()}  # type: ignore[arg-type]
        )


def when(at: float | None) -> str | None:
    """A time as the SDK writes it."""
    return iso(at)
