"""ComputeInstance: a workstation with limits, on the machine where it is started. Its surface is that of the AzureML SDK v1.

Reference: https://learn.microsoft.com/python/api/azureml-core/azureml.core.compute.computeinstance.computeinstance
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from jupyter_aml.compute import sizes
from jupyter_aml.compute.status import ComputeInstanceStatus, when
from jupyter_aml.compute.target import ComputeTarget, ComputeTargetProvisioningConfiguration, kept, whole
from jupyter_aml.errors import ComputeTargetException, UserErrorException
from jupyter_aml.tracking.who import user_name

RUNNING, STOPPED = "Running", "Stopped"
PATIENCE = 60.0
"""Seconds that starting or stopping may take."""
_POLL = 0.05


class ComputeInstanceProvisioningConfiguration(ComputeTargetProvisioningConfiguration):
    """What an instance shall be; see `ComputeInstance.provisioning_configuration`."""

    def __init__(
        self,
        vm_size: str = "",
        ssh_public_access: bool = False,
        admin_user_ssh_public_key: str | None = None,
        vnet_resourcegroup_name: str | None = None,
        vnet_name: str | None = None,
        subnet_name: str | None = None,
        tags: Mapping[str, str] | None = None,
        description: str | None = None,
        assigned_user_object_id: str | None = None,
        assigned_user_tenant_id: str | None = None,
        idle_seconds_before_shutdown: int | None = None,
        environment: Any = None,
    ) -> None:
        super().__init__(ComputeInstance)
        self.vm_size = vm_size or sizes.DEFAULT
        self.ssh_public_access = ssh_public_access
        self.admin_user_ssh_public_key = admin_user_ssh_public_key
        self.vnet_resourcegroup_name = vnet_resourcegroup_name
        self.vnet_name = vnet_name
        self.subnet_name = subnet_name
        self.tags = tags
        self.description = description
        self.assigned_user_object_id = assigned_user_object_id
        self.assigned_user_tenant_id = assigned_user_tenant_id
        self.idle_seconds_before_shutdown = (
            None
            if idle_seconds_before_shutdown is None
            else whole("idle_seconds_before_shutdown", idle_seconds_before_shutdown, 1)
        )
        self.environment = environment

    def validate_configuration(self) -> None:
        """Raises ComputeTargetException when it cannot be right."""
        if self.environment is not None and not hasattr(self.environment, "_to_dict"):
            raise ComputeTargetException(f"environment is an Environment, not {self.environment!r}.")

    def _settings(self) -> dict[str, Any]:
        return {
            "vmSize": self.vm_size.upper(),
            "idleSeconds": self.idle_seconds_before_shutdown,
            "environment": None if self.environment is None else dict(self.environment._to_dict()),
            "vnetResourceGroup": self.vnet_resourcegroup_name,
            "vnet": self.vnet_name,
            "subnet": self.subnet_name,
            "assignedUser": self.assigned_user_object_id,
            "assignedTenant": self.assigned_user_tenant_id,
            "adminUserSshPublicKey": self.admin_user_ssh_public_key,
        }


class ComputeInstance(ComputeTarget):
    """A workstation: it runs until it is stopped, executes runs within its limits, and offers kernels that have them too."""

    _compute_type = "ComputeInstance"

    @staticmethod
    def provisioning_configuration(
        vm_size: str = "",
        ssh_public_access: bool = False,
        admin_user_ssh_public_key: str | None = None,
        vnet_resourcegroup_name: str | None = None,
        vnet_name: str | None = None,
        subnet_name: str | None = None,
        tags: Mapping[str, str] | None = None,
        description: str | None = None,
        assigned_user_object_id: str | None = None,
        assigned_user_tenant_id: str | None = None,
        idle_seconds_before_shutdown: int | None = None,
        environment: Any = None,
    ) -> ComputeInstanceProvisioningConfiguration:
        """What an instance to be created shall be.

        Args:
            vm_size: a size of `supported_vmsizes`: its limits of processors and memory.
            tags, description: kept with it.
            idle_seconds_before_shutdown: seconds without a run and without a kernel after which it stops; never without.
            environment: of runs that name none.
            ssh_public_access, admin_user_ssh_public_key, vnet_resourcegroup_name, vnet_name, subnet_name,
                assigned_user_object_id, assigned_user_tenant_id: of an instance in a cloud, without effect here.

        Raises:
            UserErrorException: numbers that cannot be.
        """
        return ComputeInstanceProvisioningConfiguration(
            vm_size, ssh_public_access, admin_user_ssh_public_key, vnet_resourcegroup_name, vnet_name, subnet_name, tags,
            description, assigned_user_object_id, assigned_user_tenant_id, idle_seconds_before_shutdown, environment,
        )  # fmt: skip

    @classmethod
    def _create(cls, workspace: Any, name: str, wanted: ComputeInstanceProvisioningConfiguration) -> ComputeTarget:
        sizes.find(workspace, wanted.vm_size)
        made = cls._put(
            workspace, name, wanted._settings(), tags=wanted.tags, description=wanted.description,
            wanted=RUNNING, wanted_at=time.time(),
        )  # fmt: skip
        made._wake()
        return made

    # -- what it is --------------------------------------------------------------------------------------------------
    @property
    def vm_size(self) -> str:
        """Its size."""
        return str(self._settings["vmSize"])

    @property
    def state(self) -> str:
        """Running, Stopped, Starting, Stopping; Unusable when it should run and nobody hears of it."""
        data, live = self._record.data, self._live
        if data.get("wanted") == RUNNING:
            if live:
                return RUNNING
            late = time.time() - float(data.get("wanted_at") or 0) > PATIENCE
            return "Unusable" if late else "Starting"
        return "Stopping" if live else STOPPED

    @property
    def provisioning_state(self) -> str:
        """Succeeded, or Creating until it runs."""
        return "Creating" if self.state == "Starting" else "Succeeded"

    @property
    def status(self) -> ComputeInstanceStatus:
        """As `get_status`, of when it was looked up last."""
        return ComputeInstanceStatus(
            creation_time=when(self.created_on),
            created_by_user_name=self._record.user,
            created_by_user_id=self._record.user,
            created_by_user_org="",
            errors=self.errors,
            modified_time=when(self.modified_on),
            state=self.state,
            vm_size=self.vm_size,
        )

    @property
    def errors(self) -> Any:
        """What went wrong."""
        return list(self._live.get("errors") or []) or None

    @property
    def limits(self) -> dict[str, Any]:
        """What is enforced while it runs, and by what: by, cpus, memory_gb, notes. {} while it does not."""
        return dict(self._live.get("limits") or {})

    admin_user_ssh_public_key = kept("adminUserSshPublicKey")
    assigned_user_object_id = kept("assignedUser")
    assigned_user_tenant_id = kept("assignedTenant")
    vnet_resourcegroup_name = kept("vnetResourceGroup")
    vnet_name = kept("vnet")
    subnet_name = kept("subnet")
    admin_username = instance_resource_id = public_ip_address = private_ip_address = ssh_port = subnet_id = kept("")

    @property
    def instance_location(self) -> str:
        """Where it is."""
        return self.location

    @property
    def applications(self) -> list[dict[str, Any]]:
        """Programs that it offers at addresses of their own: none."""
        return []

    @property
    def ssh_public_access(self) -> bool:
        """Never."""
        return False

    def get_status(self) -> ComputeInstanceStatus:
        """Its state now.

        Raises:
            ComputeTargetException: it was deleted.
        """
        self.refresh_state()
        return self.status

    def _properties(self) -> dict[str, Any]:
        return {"vmSize": self.vm_size, "state": self.state, "limits": self.limits}

    @staticmethod
    def supported_vmsizes(workspace: Any, location: str | None = None) -> list[dict[str, Any]]:
        """The sizes that the workspace knows."""
        return [size._sdk() for size in sizes.table(workspace).values()]

    # -- what it does ------------------------------------------------------------------------------------------------
    def start(self, wait_for_completion: bool = False, show_output: bool = False) -> None:
        """Start it, on this machine.

        Args:
            wait_for_completion: wait until it runs.
            show_output: print its state.

        Raises:
            ComputeTargetException: it was deleted, or does not start.
        """
        self._want(RUNNING)
        if wait_for_completion:
            self._reach(RUNNING, show_output)

    def stop(self, wait_for_completion: bool = False, show_output: bool = False) -> None:
        """Stop it: its runs fail, its kernels end; what waits in its queue waits.

        Args:
            wait_for_completion: wait until it is stopped.
            show_output: print its state.

        Raises:
            ComputeTargetException: it was deleted, or does not stop.
        """
        self._want(STOPPED)
        if wait_for_completion:
            self._reach(STOPPED, show_output)

    def restart(self, wait_for_completion: bool = False, show_output: bool = False) -> None:
        """Stop it and start it again.

        Args:
            wait_for_completion: wait until it runs again.
            show_output: print its state.

        Raises:
            ComputeTargetException: it was deleted, or does not stop or start.
        """
        self.stop(wait_for_completion=True, show_output=show_output)
        self.start(wait_for_completion, show_output)

    def delete(self, wait_for_completion: bool = False, show_output: bool = False, force: bool = False) -> None:
        """Delete it.

        Args:
            wait_for_completion, show_output: it is deleted at once.
            force: cancel its runs.

        Raises:
            ComputeTargetException: runs wait for it or are executed.
        """
        self._remove(force, "delete")
        if show_output:
            print("Deleted")

    def wait_for_completion(self, show_output: bool = False, is_delete_operation: bool = False) -> None:
        """Wait until it runs (or is stopped, when that was asked for).

        Raises:
            ComputeTargetException: it was deleted, or does not get there.
        """
        if is_delete_operation:
            return
        self.refresh_state()
        self._reach(str(self._record.data.get("wanted")), show_output)

    def _want(self, state: str) -> None:
        self.refresh_state()
        now = time.time()
        self._record = self.workspace.connection.store.change_asset(
            self.id, at=now, who=user_name(), data={"wanted": state, "wanted_at": now}
        )
        if self._live or state == RUNNING:
            self._wake()

    def _reach(self, state: str, show_output: bool) -> None:
        end = time.monotonic() + PATIENCE
        shown = ""
        while True:
            self.refresh_state()
            if show_output and self.state != shown:
                shown = self.state
                print(shown)
            if self.state == state:
                return
            if self.errors:
                raise ComputeTargetException(f"The instance {self.name!r} is {self.state}: {self.errors}")
            if time.monotonic() > end:
                raise ComputeTargetException(
                    f"The instance {self.name!r} is {self.state} after {PATIENCE:.0f} seconds, not {state}."
                )
            time.sleep(_POLL)

    def _check_job(self, definition: Mapping[str, Any]) -> None:
        self.refresh_state()
        if self._record.data.get("wanted") != RUNNING:
            raise ComputeTargetException(f"The instance {self.name!r} is stopped. start() starts it.")
        if int(definition.get("nodeCount") or 1) > 1:
            raise ComputeTargetException(f"{self.name!r} is one machine: a run on several nodes needs an AmlCompute.")

    def update_sso_settings(self, value: bool) -> None:
        """Raises UserErrorException: there is no sign-on of a cloud here."""
        raise UserErrorException("There is no single sign-on of a cloud to change.")
