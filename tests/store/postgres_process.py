"""A PostgreSQL server for the tests: started at the first need, stopped when they end."""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from functools import cache
from pathlib import Path

PASSWORD = "open sesame"


def _binary(name: str) -> str:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    return str(found[-1]) if found else shutil.which(name) or name


class Server:
    """One server, on a port of loopback, in a folder that goes with it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="aml-postgres-", dir="/tmp"))
        self.user: dict = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            self.user = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        password = self.folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        self.data = self.folder / "data"
        self._run(
            _binary("initdb"), "-D", self.data, "-U", "aml", "--auth=scram-sha-256", f"--pwfile={password}", "-E", "UTF8",
            "--locale=C.UTF-8", "--no-sync",
        )  # fmt: skip
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.start()

    def _run(self, *command) -> None:
        subprocess.run([*map(str, command)], check=True, cwd="/", stdout=subprocess.DEVNULL, **self.user)

    def _control(self, *command) -> None:
        self._run(_binary("pg_ctl"), "-D", self.data, "-w", "-t", "60", *command)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories={self.folder}"
        self._control("-l", self.folder / "log", "-o", options, "start")

    def stop(self, how: str = "fast") -> None:
        """Stop it; "immediate" is what a crash does."""
        self._control("-m", how, "stop")

    def remove(self) -> None:
        """Stop it for good."""
        if (self.data / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)


@cache
def server() -> Server:
    """The server."""
    started = Server()
    atexit.register(started.remove)
    return started


def address(schema: str | None = None) -> str:
    """URL of a workspace in the server, credentials included."""
    schema = schema or f"w{uuid.uuid4().hex[:12]}"
    password = PASSWORD.replace(" ", "%20")
    return f"postgresql://aml:{password}@127.0.0.1:{server().port}/postgres?schema={schema}"
