"""A MariaDB server for the tests: started at the first need, stopped when they end."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest
from places import listens

PASSWORD = "open: sesame/@ of MySQL"
USER = "aml"


def _binary(*names: str) -> str:
    """One of Debian's, which an ordinary user's PATH may lack."""
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"
    found = next(filter(None, (shutil.which(name, path=path) for name in names)), None)
    if found is None:
        pytest.skip(f"there is no {names[0]} here (Debian: mariadb-server)")
    return found


class Server:
    """One server, on a port of loopback, in a folder that goes with it."""

    def __init__(self) -> None:
        install, daemon = _binary("mariadb-install-db", "mysql_install_db"), _binary("mariadbd", "mysqld")
        self.folder = Path(tempfile.mkdtemp(prefix="aml-mysql-"))
        data, start = self.folder / "data", self.folder / "start.sql"
        who = ["--user=root"] if os.geteuid() == 0 else []
        subprocess.run(
            [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", "--skip-test-db", *who],
            check=True, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        start.write_text(  # a line each
            f"CREATE DATABASE aml;\nCREATE USER {USER} IDENTIFIED BY '{PASSWORD}';\nGRANT ALL ON aml.* TO {USER};\n"
        )
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                [daemon, "--no-defaults", f"--datadir={data}", "--bind-address=127.0.0.1", f"--port={self.port}",
                 f"--socket={self.folder / 'socket'}", f"--init-file={start}", "--skip-log-bin", "--skip-name-resolve", *who],
                cwd=self.folder, stdout=log, stderr=log,
            )  # fmt: skip
        listens(self.process, self.port, self.folder / "log", 60)

    def remove(self) -> None:
        """Stop it for good."""
        self.process.kill()
        self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)


@cache
def server() -> Server:
    """The server. The test is skipped where there is none to be started."""
    started = Server()
    atexit.register(started.remove)
    return started
