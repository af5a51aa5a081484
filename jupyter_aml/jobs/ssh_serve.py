"""A Jupyter server of this machine that offers a workspace to scripts elsewhere, which have their run's token."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time

from jupyter_aml.errors import ComputeTargetException
from jupyter_aml.store.connection import Connection

PATIENCE = 60.0
_CODE = (  # it ends with whoever started it
    "import os, sys, threading, time\n"
    "parent = os.getppid()\n"
    "def watch():\n"
    "    while os.getppid() == parent:\n"
    "        time.sleep(1)\n"
    "    os._exit(0)\n"
    "threading.Thread(target=watch, daemon=True).start()\n"
    "from jupyter_aml.server.extension import JupyterAML\n"
    "JupyterAML.load_other_extensions = False\n"
    "JupyterAML.launch_instance(sys.argv[1:])\n"
)


class Served:
    """The server, on the loopback; its own token is known to nobody.

    Args:
        connection: the workspace.

    Raises:
        ComputeTargetException: it does not start.
    """

    def __init__(self, connection: Connection) -> None:
        with socket.create_server(("127.0.0.1", 0)) as held:
            self.port = int(held.getsockname()[1])
        self._folder = tempfile.TemporaryDirectory(prefix="jupyter_aml-")
        variables = {
            **os.environ,
            "JUPYTER_TOKEN": secrets.token_urlsafe(32),
            "JUPYTER_NO_CONFIG": "1",
            "JUPYTER_AML_WORKSPACE": connection.url,
        }
        options = [
            "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={self.port}", "--ServerApp.port_retries=0", "--no-browser",
            "--allow-root", "--ServerApp.log_level=40", "--ServerApp.terminals_enabled=False", "--JupyterAML.track=none",
        ]  # fmt: skip
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CODE, *options], env=variables, cwd=self._folder.name, stdin=subprocess.DEVNULL
        )
        end = time.monotonic() + PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                self.close()
                raise ComputeTargetException("The server by which runs elsewhere reach the workspace does not start.")
            time.sleep(0.03)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        return False

    @property
    def alive(self) -> bool:
        """Whether it serves."""
        return self._process.poll() is None

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()
