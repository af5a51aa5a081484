"""A Jupyter server with the extension, in a process of its own: started at the first need, stopped when the tests end."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from functools import cache
from pathlib import Path

TOKEN = "store-test"


class Server:
    """A server that offers every workspace of its home."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="aml-jupyter-"))
        self.home = self.folder / "home"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/base"
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        arguments = [
            "--no-browser", "--allow-root", f"--ServerApp.port={self.port}", "--ServerApp.port_retries=0",
            "--ServerApp.base_url=/base/", f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={self.folder}",
            "--ServerApp.jpserver_extensions={'jupyter_aml': True}", "--JupyterAML.workspaces=*",
        ]  # fmt: skip
        environment = {
            **os.environ, "JUPYTER_AML_HOME": str(self.home), "JUPYTER_RUNTIME_DIR": str(self.folder / "runtime"),
            "JUPYTER_CONFIG_DIR": str(self.folder / "config"), "JUPYTER_DATA_DIR": str(self.folder / "data"),
        }  # fmt: skip
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyter", "server", *arguments],
                env=environment, cwd=self.folder, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/aml/api/v1/info?token={TOKEN}", timeout=5).read()
                return
            except urllib.error.HTTPError as error:
                raise AssertionError(error.read().decode()) from error
            except OSError:
                assert self.process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def stop(self, how: int = signal.SIGTERM) -> None:
        """Stop it."""
        self.process.send_signal(how)
        self.process.wait(30)

    def remove(self) -> None:
        """Stop it for good."""
        if self.process.poll() is None:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@cache
def server() -> Server:
    """The server."""
    started = Server()
    atexit.register(started.remove)
    return started


def address() -> str:
    """URL of a new workspace on the server, token included."""
    from jupyter_aml.store import home

    name = uuid.uuid4().hex
    home.create(server().home / home.folder_name(name), name)
    return f"{server().url}?workspace={name}&token={TOKEN}"
