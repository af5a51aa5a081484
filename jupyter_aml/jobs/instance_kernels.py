"""Kernels of instances: kernel specifications that JupyterLab's launcher shows, and the provisioner that starts such kernels
within their instance's limits (entry point ``jupyter-aml-instance`` of ``jupyter_client.kernel_provisioners``)."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from jupyter_client.provisioning import LocalProvisioner
from traitlets import Unicode

from jupyter_aml.compute import limits, sizes
from jupyter_aml.compute.instance import RUNNING, ComputeInstance
from jupyter_aml.compute.target import queue_of
from jupyter_aml.errors import ComputeTargetException
from jupyter_aml.jobs import launching, place
from jupyter_aml.store.records import AssetRecord
from jupyter_aml.tracking.lifetime import workspace_of

PROVISIONER = "jupyter-aml-instance"
_KERNELS = "kernels"


def offer(url: str, asset: AssetRecord, size: sizes.Size) -> Path:
    """Put the kernel specification of an instance where JupyterLab finds it."""
    folder = _spec(asset.id)
    folder.mkdir(parents=True, exist_ok=True)
    spec = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": f"Python 3 ({asset.name}: {size.cpus} processors, {size.memory_gb:g} GB)",
        "language": "python",
        "metadata": {
            "kernel_provisioner": {
                "provisioner_name": PROVISIONER,
                "config": {"instance": asset.name, "workspace_url": url},
            }
        },
    }
    (folder / "kernel.json").write_text(json.dumps(spec, indent=1), encoding="utf-8")
    return folder


def forget(asset_id: str) -> None:
    """Remove the kernel specification of an instance."""
    shutil.rmtree(_spec(asset_id), ignore_errors=True)


def alive(folder: Path) -> list[int]:
    """Processes of the kernels of an instance.

    Args:
        folder: of its launcher.
    """
    found = []
    for path in (folder / _KERNELS).glob("*"):
        try:
            os.kill(int(path.name), 0)
            found.append(int(path.name))
        except (OSError, ValueError):
            path.unlink(missing_ok=True)
    return found


def end(folder: Path) -> None:
    """End the kernels of an instance."""
    for pid in alive(folder):
        with contextlib.suppress(OSError):
            os.killpg(os.getpgid(pid), signal.SIGTERM)
        (folder / _KERNELS / str(pid)).unlink(missing_ok=True)


def _spec(asset_id: str) -> Path:
    from jupyter_core.paths import jupyter_data_dir

    return Path(jupyter_data_dir()) / "kernels" / f"aml-instance-{asset_id[:16].lower()}"


class InstanceProvisioner(LocalProvisioner):
    """Starts a kernel on this machine within the limits of an instance that runs here."""

    instance = Unicode("", config=True, help="Name of the instance.")
    workspace_url = Unicode("", config=True, help="URL of the workspace that has it.")

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """The command within the limits.

        Raises:
            ComputeTargetException: the instance is stopped, deleted, or on another machine.
        """
        told: dict[str, Any] = await super().pre_launch(**kwargs)
        workspace = workspace_of(place.connection_to(self.workspace_url))
        found = ComputeInstance(workspace, self.instance)
        if found.state != RUNNING:
            raise ComputeTargetException(f"The instance {self.instance!r} is {found.state}. Start it first.")
        if found._live.get("machine") != launching.machine():
            raise ComputeTargetException(f"The instance {self.instance!r} runs on another machine.")
        size = sizes.find(workspace, found.vm_size)
        own = f"{workspace.connection.url}/{found.id}"
        told["cmd"] = limits.command(own, size.cpus, size.memory_gb, list(told["cmd"]))
        self._folder = launching.post(workspace.connection.url, queue_of(self.instance)).folder / _KERNELS
        return told

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Start it, and note that the instance is used."""
        info = await super().launch_kernel(cmd, **kwargs)
        if self.pid is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / str(self.pid)).touch()
        return info
