"""RemoteCompute: a machine that is there, attached by SSH. Its surface is that of the AzureML SDK v1.

Its credentials are in the workspace's key vault; its settings hold the host key that was seen when it was attached.

Reference: https://learn.microsoft.com/python/api/azureml-core/azureml.core.compute.remote.remotecompute
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyter_aml.compute import ssh
from jupyter_aml.compute.target import KIND, ComputeTarget, ComputeTargetAttachConfiguration, whole
from jupyter_aml.errors import ComputeTargetException, UserErrorException

_PARTS = ("password", "key", "passphrase")


class RemoteComputeAttachConfiguration(ComputeTargetAttachConfiguration):
    """How a machine is reached; see `RemoteCompute.attach_configuration`."""

    def __init__(
        self,
        username: str,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        vm_name: str | None = None,
        resource_id: str | None = None,
        address: str | None = None,
        ssh_port: int = 22,
        password: str = "",
        private_key_file: str = "",
        private_key_passphrase: str = "",
        python: str = "python3",
    ) -> None:
        super().__init__(RemoteCompute)
        self.username = username
        self.subscription_id = subscription_id
        self.resource_group = resource_group
        self.vm_name = vm_name
        self.resource_id = resource_id
        self.address = address
        self.ssh_port = whole("ssh_port", ssh_port, 1)
        self.password = password
        self.private_key_file = private_key_file
        self.private_key_passphrase = private_key_passphrase
        self.python = python

    def __repr__(self) -> str:
        return f"RemoteComputeAttachConfiguration(username={self.username!r}, address={self.address!r})"

    def validate_configuration(self) -> None:
        """Raises ComputeTargetException when it cannot be right."""
        if not self.address:
            raise ComputeTargetException(
                "A machine is attached by its address: attach_configuration(address='host', username=…). "
                "resource_id and vm_name name machines of a cloud, which cannot be looked up here."
            )
        if not self.username:
            raise ComputeTargetException("A machine is attached with a username.")
        if self.password and self.private_key_file:
            raise ComputeTargetException("Give a password or a private_key_file, not both.")
        if self.private_key_file and not Path(self.private_key_file).expanduser().is_file():
            raise ComputeTargetException(f"There is no private key file {self.private_key_file!r}.")

    def _secrets(self) -> dict[str, str]:
        if self.password:
            return {"password": self.password}
        if not self.private_key_file:
            return {}
        try:
            key = Path(self.private_key_file).expanduser().read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise ComputeTargetException(f"The private key file {self.private_key_file!r} cannot be read.") from error
        return {"key": key, **({"passphrase": self.private_key_passphrase} if self.private_key_passphrase else {})}


class RemoteCompute(ComputeTarget):
    """A machine attached by SSH. Runs are executed below ``~/.jupyter_aml`` of the user there."""

    _compute_type = "VirtualMachine"

    @staticmethod
    def attach_configuration(
        username: str,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        vm_name: str | None = None,
        resource_id: str | None = None,
        address: str | None = None,
        ssh_port: int = 22,
        password: str = "",
        private_key_file: str = "",
        private_key_passphrase: str = "",
        python: str = "python3",
    ) -> RemoteComputeAttachConfiguration:
        """How a machine is reached.

        Args:
            username: the user there.
            address: its name or IP address.
            ssh_port: where its SSH server listens.
            password: of the user; or
            private_key_file, private_key_passphrase: the user's key. Without both this user's own keys and agent are used.
            python: the Python there (3.10 or newer) for runs whose environment names none.
            subscription_id, resource_group, vm_name, resource_id: of a machine in a cloud; `address` is needed here.
        """
        return RemoteComputeAttachConfiguration(
            username, subscription_id, resource_group, vm_name, resource_id, address, ssh_port, password, private_key_file,
            private_key_passphrase, python,
        )  # fmt: skip

    @staticmethod
    def attach(workspace: Any, name: str, *args: Any, **kwargs: Any) -> ComputeTarget:  # type: ignore[override]
        """Attach a machine: with a configuration, or (as early SDKs had it) with username, address, ssh_port, password,
        private_key_file, private_key_passphrase.

        Raises:
            ComputeTargetException: see `ComputeTarget.attach`.
        """
        wanted = args[0] if args else kwargs.get("attach_configuration")
        if not isinstance(wanted, ComputeTargetAttachConfiguration):
            order = ("username", "address", "ssh_port", "password", "private_key_file", "private_key_passphrase")
            wanted = RemoteComputeAttachConfiguration(**dict(zip(order, args, strict=False)), **kwargs)
        return ComputeTarget.attach(workspace, name, wanted)

    @classmethod
    def _attach(cls, workspace: Any, name: str, wanted: RemoteComputeAttachConfiguration) -> ComputeTarget:
        if workspace.connection.store.asset(KIND, name) is not None:
            raise ComputeTargetException(
                f"There is a compute target {name!r} already. Choose another name, or detach it."
            )
        secrets = wanted._secrets()
        settings = {
            "address": wanted.address, "port": wanted.ssh_port, "username": wanted.username, "python": wanted.python,
            "auth": "key" if "key" in secrets else "password" if secrets else "own", "slots": 4,
        }  # fmt: skip
        settings["hostKey"] = _checked(settings, secrets, wanted.python)
        for part, value in secrets.items():
            workspace.get_default_keyvault().set_secret(_secret(name, part), value)
        return cls._put(workspace, name, settings)

    # -- what it is --------------------------------------------------------------------------------------------------
    @property
    def is_attached(self) -> bool:
        """Always."""
        return True

    @property
    def address(self) -> str:
        """Where it is."""
        return str(self._settings["address"])

    @property
    def ssh_port(self) -> int:
        """Where its SSH server listens."""
        return int(self._settings["port"])

    @property
    def username(self) -> str:
        """The user there."""
        return str(self._settings["username"])

    @property
    def vm_size(self) -> str | None:
        """Nobody knows."""
        return None

    def get_credentials(self) -> dict[str, Any]:
        """What it is reached with: administratorAccount (username, password, privateKeyData), from the key vault.

        Raises:
            ComputeTargetException: the vault has it no more.
        """
        secrets = self._secrets()
        account = {"username": self.username, "password": secrets.get("password"), "privateKeyData": secrets.get("key")}
        return {"administratorAccount": account}

    def _secrets(self) -> dict[str, str]:
        wanted = {"password": ["password"], "key": ["key", "passphrase"]}.get(self._settings["auth"], [])
        vault = self.workspace.get_default_keyvault()
        found = {}
        for part in wanted:
            value = vault.get_secret(_secret(self.name, part))
            if value is not None:
                found[part] = value
        if wanted and wanted[0] not in found:
            raise ComputeTargetException(
                f"The key vault has no credentials of {self.name!r} any more. Attach it again."
            )
        return found

    def detach(self, force: bool = False) -> None:
        """Forget it, and its credentials.

        Args:
            force: cancel its runs.

        Raises:
            ComputeTargetException: runs wait for it or are executed.
        """
        self._remove(force, "detach")
        vault = self.workspace.get_default_keyvault()
        for part in _PARTS:
            try:
                vault.delete_secret(_secret(self.name, part))
            except UserErrorException:  # it has none such
                continue

    def delete(self) -> None:
        """Raises ComputeTargetException: an attached machine is detached."""
        raise ComputeTargetException("An attached machine is not deleted. Use detach().")

    def _properties(self) -> dict[str, Any]:
        return {"address": self.address, "sshPort": self.ssh_port, "username": self.username}

    def _check_job(self, definition: Mapping[str, Any]) -> None:
        self.refresh_state()
        if int(definition.get("nodeCount") or 1) > 1:
            raise ComputeTargetException(f"{self.name!r} is one machine: a run on several nodes needs an AmlCompute.")


def _checked(settings: Mapping[str, Any], secrets: Mapping[str, str], python: str) -> str:
    """The host's key, after one visit that shows that it lets us in and has a Python."""

    async def visit() -> str:
        key = await ssh.host_key(settings["address"], settings["port"])
        connection = await ssh.connect({**settings, "hostKey": key}, secrets)
        async with connection:
            done = await connection.run(f'{python} -c "import sys; print(sys.version_info >= (3, 10))"', check=False)
            if "True" not in str(done.stdout):
                raise ComputeTargetException(
                    f"{settings['address']} has no Python 3.10 or newer as {python!r}; python= names one."
                )
        return key

    loop = ssh.Loop()
    try:
        return str(loop.run(visit(), 4 * ssh.TIMEOUT))
    finally:
        loop.close()


def _secret(name: str, part: str) -> str:
    return f"compute.{name}.{part}"
