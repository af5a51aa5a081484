"""AmlCompute: a cluster whose nodes come and go with its queue. Its surface is that of the AzureML SDK v1.

Reference: https://learn.microsoft.com/python/api/azureml-core/azureml.core.compute.amlcompute.amlcompute
"""

from __future__ import annotations

import builtins
import time
from collections.abc import Mapping
from typing import Any

from jupyter_aml.compute import sizes, usage
from jupyter_aml.compute.status import AmlComputeNodeStateCounts, AmlComputeStatus, ScaleSettings, when
from jupyter_aml.compute.target import ComputeTarget, ComputeTargetProvisioningConfiguration, kept, whole
from jupyter_aml.errors import ComputeTargetException, UserErrorException
from jupyter_aml.tracking.who import user_name

BACKENDS = ("local", "ssh", "jobqueue", "kubernetes")
MOST = 1000
"""Nodes of a cluster."""
_POLL = 0.1


class AmlComputeProvisioningConfiguration(ComputeTargetProvisioningConfiguration):
    """What a cluster shall be; see `AmlCompute.provisioning_configuration`."""

    def __init__(
        self,
        vm_size: str = "",
        vm_priority: str = "dedicated",
        min_nodes: int = 0,
        max_nodes: int | None = None,
        idle_seconds_before_scaledown: int | None = None,
        admin_username: str | None = None,
        admin_user_password: str | None = None,
        admin_user_ssh_key: str | None = None,
        vnet_resourcegroup_name: str | None = None,
        vnet_name: str | None = None,
        subnet_name: str | None = None,
        tags: Mapping[str, str] | None = None,
        description: str | None = None,
        remote_login_port_public_access: str = "NotSpecified",
        identity_type: Any = None,
        identity_id: Any = None,
        compute_location: str | None = None,
        enable_node_public_ip: bool = True,
        nodes: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(AmlCompute, compute_location)
        self.compute_location = compute_location
        self.vm_size = vm_size or sizes.DEFAULT
        self.vm_priority = vm_priority or "dedicated"
        self.scale_settings = _scale(min_nodes, 4 if max_nodes is None else max_nodes, idle_seconds_before_scaledown)
        self.admin_username = admin_username
        self.admin_user_password = admin_user_password
        self.admin_user_ssh_key = admin_user_ssh_key
        self.vnet_resourcegroup_name = vnet_resourcegroup_name
        self.vnet_name = vnet_name
        self.subnet_name = subnet_name
        self.tags = tags
        self.description = description
        self.remote_login_port_public_access = remote_login_port_public_access
        self.identity_type = identity_type
        self.identity_id = identity_id
        self.enable_node_public_ip = enable_node_public_ip
        self.nodes = dict(nodes or {"backend": "local"})

    def validate_configuration(self) -> None:
        """Raises ComputeTargetException when it cannot be right."""
        if str(self.vm_priority).lower() not in ("dedicated", "lowpriority"):
            raise ComputeTargetException(f"vm_priority is 'dedicated' or 'lowpriority', not {self.vm_priority!r}.")
        backend = self.nodes.get("backend", "local")
        if backend not in BACKENDS:
            raise ComputeTargetException(
                f"A cluster's nodes have one of the backends {', '.join(BACKENDS)}, not {backend!r}."
            )
        if backend == "ssh":
            if len(self.nodes.get("hosts") or []) < 2:
                raise ComputeTargetException(
                    "The backend 'ssh' needs hosts=[…]: the first runs the scheduler, the others are nodes."
                )
            if not self.nodes.get("tls") and self.nodes.get("insecure") is not True:
                raise ComputeTargetException(
                    "Whoever reaches the scheduler of a cluster can have the nodes execute anything. The backend 'ssh' needs "
                    "tls={'ca_file': …, 'cert': …, 'key': …} (files that each host has), or insecure=True on a network where "
                    "everybody is trusted."
                )

    def _settings(self) -> dict[str, Any]:
        scale = self.scale_settings
        return {
            "vmSize": self.vm_size.upper(),
            "vmPriority": "LowPriority" if str(self.vm_priority).lower() == "lowpriority" else "Dedicated",
            "minNodes": scale.minimum_node_count,
            "maxNodes": scale.maximum_node_count,
            "idleSeconds": scale.idle_seconds_before_scaledown,
            "adminUsername": self.admin_username,
            "vnetResourceGroup": self.vnet_resourcegroup_name,
            "vnet": self.vnet_name,
            "subnet": self.subnet_name,
            "identityType": None if self.identity_type is None else str(self.identity_type),
            "identityId": _ids(self.identity_id) or None,
            "remoteLogin": self.remote_login_port_public_access,
            "nodes": self.nodes,
        }


class AmlCompute(ComputeTarget):
    """A cluster: between `min_nodes` and `max_nodes` nodes, each of which executes one run at a time."""

    _compute_type = "AmlCompute"

    @staticmethod
    def provisioning_configuration(
        vm_size: str = "",
        vm_priority: str = "dedicated",
        min_nodes: int = 0,
        max_nodes: int | None = None,
        idle_seconds_before_scaledown: int | None = None,
        admin_username: str | None = None,
        admin_user_password: str | None = None,
        admin_user_ssh_key: str | None = None,
        vnet_resourcegroup_name: str | None = None,
        vnet_name: str | None = None,
        subnet_name: str | None = None,
        tags: Mapping[str, str] | None = None,
        description: str | None = None,
        remote_login_port_public_access: str = "NotSpecified",
        identity_type: Any = None,
        identity_id: Any = None,
        location: str | None = None,
        enable_node_public_ip: bool = True,
        nodes: Mapping[str, Any] | None = None,
    ) -> AmlComputeProvisioningConfiguration:
        """What a cluster to be created shall be.

        Args:
            vm_size: a size of `supported_vmsizes`.
            vm_priority: "dedicated" or "lowpriority"; kept, nodes are the same.
            min_nodes, max_nodes: how many nodes there are (numbers, or text of numbers).
            idle_seconds_before_scaledown: seconds without a run after which a node goes; 120 by default.
            tags, description: kept with it.
            nodes: where nodes come from: ``{"backend": "local"}`` (processes of this machine), ``{"backend": "ssh",
                "hosts": […], "connect_options": {…}}``, ``{"backend": "jobqueue", "class": "SLURMCluster", "options":
                {…}}``, ``{"backend": "kubernetes", "options": {…}}``.
            admin_username, admin_user_password, admin_user_ssh_key, vnet_resourcegroup_name, vnet_name, subnet_name,
                remote_login_port_public_access, identity_type, identity_id, location, enable_node_public_ip: of a cluster in
                a cloud, without effect here.

        Raises:
            UserErrorException: numbers that cannot be.
            ComputeTargetException: something else that cannot be.
        """
        made = AmlComputeProvisioningConfiguration(
            vm_size, vm_priority, min_nodes, max_nodes, idle_seconds_before_scaledown, admin_username, admin_user_password,
            admin_user_ssh_key, vnet_resourcegroup_name, vnet_name, subnet_name, tags, description,
            remote_login_port_public_access, identity_type, identity_id, location, enable_node_public_ip, nodes,
        )  # fmt: skip
        made.validate_configuration()
        return made

    @classmethod
    def _create(cls, workspace: Any, name: str, wanted: AmlComputeProvisioningConfiguration) -> ComputeTarget:
        sizes.find(workspace, wanted.vm_size)
        made = cls._put(workspace, name, wanted._settings(), tags=wanted.tags, description=wanted.description)
        if wanted.scale_settings.minimum_node_count:
            made._wake()
        return made

    # -- what it is --------------------------------------------------------------------------------------------------
    @property
    def vm_size(self) -> str:
        """Size of its nodes."""
        return str(self._settings["vmSize"])

    @property
    def vm_priority(self) -> str:
        """Dedicated or LowPriority."""
        return str(self._settings["vmPriority"])

    @property
    def scale_settings(self) -> ScaleSettings:
        """Between how many nodes it scales."""
        now = self._settings
        return ScaleSettings(int(now["minNodes"]), int(now["maxNodes"]), int(now["idleSeconds"]))

    @property
    def status(self) -> AmlComputeStatus:
        """As `get_status`, of when it was looked up last."""
        return self._status()

    admin_username = kept("adminUsername")
    vnet_resourcegroup_name = kept("vnetResourceGroup")
    vnet_name = kept("vnet")
    subnet_name = kept("subnet")
    identity_type = kept("identityType")
    identity_id = kept("identityId")
    remote_login_port_public_access = kept("remoteLogin")
    admin_user_password = admin_user_ssh_key = kept("")  # no credentials are kept

    @property
    def provisioning_errors(self) -> list[dict[str, Any]] | None:
        """What went wrong with its nodes."""
        return list(self._live.get("errors") or []) or None

    def get_status(self) -> AmlComputeStatus:
        """Its nodes now, and what is wanted.

        Raises:
            ComputeTargetException: it was deleted.
        """
        self.refresh_state()
        return self._status()

    def _status(self) -> AmlComputeStatus:
        live, scale = self._live, self.scale_settings
        states = [node["state"] for node in live.get("nodes") or []]
        counts = AmlComputeNodeStateCounts(
            idle_node_count=states.count("idle"), leaving_node_count=states.count("leaving"),
            preparing_node_count=states.count("preparing"), running_node_count=states.count("running"),
            unusable_node_count=states.count("unusable"),
        )  # fmt: skip
        wanted = int(live.get("target", scale.minimum_node_count))
        there = len(states) - states.count("preparing")
        return AmlComputeStatus(
            allocation_state="Steady" if there == wanted else "Resizing",
            allocation_state_transition_time=when(live.get("since") or self.modified_on),
            creation_time=when(self.created_on),
            current_node_count=there,
            errors=self.provisioning_errors,
            modified_time=when(self.modified_on),
            node_state_counts=counts,
            provisioning_state=self.provisioning_state,
            provisioning_state_transition_time=None,
            scale_settings=scale,
            target_node_count=wanted,
            vm_priority=self.vm_priority,
            vm_size=self.vm_size,
        )

    def list_nodes(self) -> builtins.list[dict[str, Any]]:
        """Its nodes: id, state, where they are, the run that each executes.

        Raises:
            ComputeTargetException: it was deleted.
        """
        self.refresh_state()
        return [
            {
                "nodeId": node["id"],
                "port": node.get("port"),
                "privateIpAddress": node.get("host"),
                "publicIpAddress": None,
                "nodeState": node["state"],
                "runId": node.get("run"),
            }
            for node in self._live.get("nodes") or []
        ]

    def _properties(self) -> dict[str, Any]:
        return {
            "vmPriority": self.vm_priority,
            "vmSize": self.vm_size,
            "scaleSettings": self.scale_settings.serialize(),
            "status": self._status().serialize(),
        }

    @staticmethod
    def supported_vmsizes(workspace: Any, location: str | None = None) -> builtins.list[dict[str, Any]]:
        """The sizes that the workspace knows: name, vCPUs, gpus, memoryGB, vmFamily."""
        return [size._sdk() for size in sizes.table(workspace).values()]

    # -- what it does ------------------------------------------------------------------------------------------------
    def wait_for_completion(  # type: ignore[override]
        self,
        show_output: bool = False,
        min_node_count: int | None = None,
        timeout_in_minutes: float = 25,
        is_delete_operation: bool = False,
    ) -> None:
        """Wait until it is provisioned, and has so many nodes.

        Args:
            show_output: print how that goes.
            min_node_count: nodes to wait for; never more than its min_nodes, for the others come with runs.
            timeout_in_minutes: how long that may take.
            is_delete_operation: it was deleted; there is nothing to wait for.

        Raises:
            ComputeTargetException: it was deleted, or its nodes cannot be started.
        """
        if is_delete_operation:
            return
        self.refresh_state()
        wanted = min(int(min_node_count or 0), self.scale_settings.minimum_node_count)
        if show_output:
            print(self.provisioning_state)
        end = time.monotonic() + 60 * float(timeout_in_minutes)
        there = self._status().current_node_count
        if there < wanted:
            self._wake()
        while there < wanted and time.monotonic() < end:
            time.sleep(_POLL)
            there = self.get_status().current_node_count
            if self.provisioning_errors:
                raise ComputeTargetException(
                    f"The nodes of {self.name!r} cannot be started: {self.provisioning_errors}"
                )
        if show_output:
            print("AmlCompute wait for completion finished\n")
            if there >= wanted:
                print("Minimum number of nodes requested have been provisioned")
            else:
                print(f"{there} of {wanted} nodes are there after {timeout_in_minutes} minutes")

    def update(
        self,
        min_nodes: int | None = None,
        max_nodes: int | None = None,
        idle_seconds_before_scaledown: int | None = None,
    ) -> None:
        """Change between how many nodes it scales; what is None stays.

        Raises:
            UserErrorException: numbers that cannot be.
            ComputeTargetException: it was deleted.
        """
        self.refresh_state()
        now = self.scale_settings
        scale = _scale(
            now.minimum_node_count if min_nodes is None else min_nodes,
            now.maximum_node_count if max_nodes is None else max_nodes,
            now.idle_seconds_before_scaledown
            if idle_seconds_before_scaledown is None
            else idle_seconds_before_scaledown,
        )
        self._set(
            minNodes=scale.minimum_node_count,
            maxNodes=scale.maximum_node_count,
            idleSeconds=scale.idle_seconds_before_scaledown,
        )
        if self._live or scale.minimum_node_count:
            self._wake()

    def _set(self, **settings: Any) -> None:
        self._record = self.workspace.connection.store.change_asset(
            self.id, at=time.time(), who=user_name(), data={"settings": {**self._settings, **settings}}
        )

    def add_identity(self, identity_type: Any, identity_id: Any = None) -> None:
        """Keep a managed identity with it; its nodes are processes of whoever starts them.

        Raises:
            ComputeTargetException: it was deleted.
        """
        self.refresh_state()
        self._set(identityType=str(identity_type), identityId=[*_ids(self.identity_id), *_ids(identity_id)] or None)

    def remove_identity(self, identity_id: Any = None) -> None:
        """Forget identities of its: these, or all.

        Raises:
            ComputeTargetException: it was deleted.
        """
        self.refresh_state()
        gone = _ids(identity_id or self.identity_id)
        left = [one for one in _ids(self.identity_id) if one not in gone]
        self._set(identityType=self.identity_type if left else None, identityId=left or None)

    @staticmethod
    def list_usages(
        workspace: Any, show_all: bool = False, location: str | None = None
    ) -> builtins.list[dict[str, Any]]:
        """Nodes of the workspace's clusters by size: currentValue, limit (of all their max_nodes), name …

        Args:
            workspace: the workspace.
            show_all: also the sizes that no cluster has.
            location: has no meaning here.
        """
        return usage.usages(workspace, show_all)

    @staticmethod
    def list_quotas(workspace: Any, location: str | None = None) -> builtins.list[dict[str, Any]]:
        """Limits of nodes by size: -1, none."""
        return usage.quotas(workspace)

    @staticmethod
    def update_quotas(workspace: Any, vm_family: str, limit: int | None = None, location: str | None = None) -> Any:
        """Raises ComputeTargetException: there are no quotas, each cluster has its own bounds."""
        usage.refuse_quota(vm_family)

    def delete(self, force: bool = False) -> None:
        """Delete it; its nodes end.

        Args:
            force: cancel its runs.

        Raises:
            ComputeTargetException: runs wait for it or are executed.
        """
        self._remove(force, "delete")

    def _check_job(self, definition: Mapping[str, Any]) -> None:
        self.refresh_state()
        now = self._settings
        wanted = int(definition.get("nodeCount") or 1)
        if wanted > int(now["maxNodes"]):
            raise ComputeTargetException(
                f"The run needs {wanted} nodes, and the cluster {self.name!r} has {now['maxNodes']} at most. "
                f"update(max_nodes={wanted}) lets it have more."
            )


def _ids(given: Any) -> list[str]:
    return [given] if isinstance(given, str) else [str(one) for one in given or []]


def _scale(least: Any, most: Any, idle: Any) -> ScaleSettings:
    low, high = whole("min_nodes", least), whole("max_nodes", most)
    seconds = whole("idle_seconds_before_scaledown", 120 if idle is None else idle)
    if low > high:
        raise UserErrorException(f"min_nodes={low} is more than max_nodes={high}.")
    if high > MOST:
        raise UserErrorException(f"A cluster has {MOST} nodes at most, not {high}.")
    return ScaleSettings(low, high, seconds)
