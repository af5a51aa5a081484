"""Connections to attached machines by SSH (asyncssh). The host's key is the one that was seen when it was attached."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Mapping
from concurrent.futures import Future
from typing import Any

from jupyter_aml.errors import ComputeTargetException

EXTRA = 'Attached machines need asyncssh: pip install "jupyter_aml[compute]".'
TIMEOUT = 20.0
ALIVE = 15.0
"""Seconds between two signs of life; three that are missing end the connection."""


class Loop:
    """An event loop in a thread of its own, for code that has none (or another)."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="jupyter_aml-ssh", daemon=True).start()

    def run(self, work: Awaitable[Any], timeout: float | None = None) -> Any:
        """The result of what can be awaited; not to be called from the loop's own thread."""
        return self.later(work).result(timeout)

    def later(self, work: Awaitable[Any]) -> Future[Any]:
        """The same, not waited for."""

        async def wait() -> Any:
            return await work

        return asyncio.run_coroutine_threadsafe(wait(), self._loop)

    def soon(self, call: Any, *args: Any) -> None:
        """Call this in the loop."""
        self._loop.call_soon_threadsafe(call, *args)

    def close(self) -> None:
        """End it."""
        self._loop.call_soon_threadsafe(self._loop.stop)


def module() -> Any:
    """asyncssh.

    Raises:
        ComputeTargetException: it is not installed.
    """
    try:
        import asyncssh
    except ImportError as error:
        raise ComputeTargetException(EXTRA) from error
    import logging

    logging.getLogger("asyncssh").setLevel(logging.ERROR)
    return asyncssh


async def host_key(address: str, port: int) -> str:
    """The key by which a host shows who it is, as one line of text.

    Raises:
        ComputeTargetException: no SSH server answers there.
    """
    ssh = module()
    try:
        found = await asyncio.wait_for(ssh.get_server_host_key(address, port, config=None), TIMEOUT)
    except (OSError, ssh.Error, asyncio.TimeoutError) as error:
        raise ComputeTargetException(
            f"No SSH server can be reached at {address}:{port}: {_why(error)}. Check the address and ssh_port."
        ) from error
    if found is None:
        raise ComputeTargetException(f"The SSH server at {address}:{port} shows no host key.")
    return str(found.export_public_key().decode().strip())


async def connect(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> Any:
    """An open connection.

    Args:
        settings: address, port, username, hostKey.
        secrets: password, or key and passphrase; the user's own keys without both.

    Raises:
        ComputeTargetException: refused, out of reach, or it is another host. No credential is in the message.
    """
    ssh = module()
    address, port, username = settings["address"], int(settings["port"]), settings["username"]
    where = f"{username}@{address}:{port}"
    options: dict[str, Any] = {"password": None, "client_keys": None, "agent_path": None}
    if "key" in secrets:
        try:
            options["client_keys"] = [ssh.import_private_key(secrets["key"], secrets.get("passphrase") or None)]
        except (ssh.KeyImportError, ssh.KeyEncryptionError, ValueError) as error:
            if "bcrypt" in str(error):
                raise ComputeTargetException(
                    "A private key of OpenSSH with a passphrase needs: pip install bcrypt."
                ) from error
            raise ComputeTargetException(
                f"The private key for {where} cannot be read: it is none, or private_key_passphrase is not its passphrase."
            ) from error
    elif "password" in secrets:
        options["password"] = secrets["password"]
    else:
        options = {}  # what the user has
    pinned = ssh.import_public_key(settings["hostKey"])
    try:
        return await ssh.connect(
            address, port, username=username, known_hosts=([pinned], [], []), config=None,
            connect_timeout=TIMEOUT, login_timeout=TIMEOUT, keepalive_interval=ALIVE,
            server_host_key_algs=_algorithms(pinned), **options,
        )  # fmt: skip
    except (ssh.HostKeyNotVerifiable, ssh.KeyExchangeFailed) as error:
        raise ComputeTargetException(
            f"The host key of {address}:{port} is not the one that it had when it was attached: it is another machine, or "
            "somebody in between. If that is right, detach the target and attach it again."
        ) from error
    except ssh.PermissionDenied as error:
        raise ComputeTargetException(
            f"{where} refuses to let us in: check the username and the password or key."
        ) from error
    except (OSError, ssh.Error, asyncio.TimeoutError) as error:
        raise ComputeTargetException(f"{where} cannot be reached: {_why(error)}.") from error


def _algorithms(key: Any) -> list[str]:
    name = key.get_algorithm()
    return ["rsa-sha2-512", "rsa-sha2-256"] if name == "ssh-rsa" else [name]


def _why(error: BaseException) -> str:
    return str(getattr(error, "strerror", "") or error or type(error).__name__)
