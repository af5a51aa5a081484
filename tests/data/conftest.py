"""Real places for datastores: S3, a web server, an SSH server, PostgreSQL."""

import functools
import http.server
import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest
from places import PASSWORD, listens, start_s3

sys.path.append(str(Path(__file__).parents[1] / "store"))  # postgres_process, jupyter_server_process


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch):
    monkeypatch.setenv("JUPYTER_AML_KEYRING", "off")


@pytest.fixture
def ws(tmp_path):
    from jupyter_aml import Workspace

    return Workspace.from_url(tmp_path / "ws", create=True)


@pytest.fixture
def source(tmp_path):
    """A folder with files: small, empty, larger than one piece, and of awkward names."""
    folder = tmp_path / "source"
    for name, data in {
        "a.csv": b"x,y\n1,2\n", "sub/b.csv": b"3,4\n", "sub/deep/empty": b"", "sub/big.bin": os.urandom(5_000_000),
        "od d/100% ü#?.txt": "ünïcode".encode(),
    }.items():  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture(scope="session")
def s3_server():
    server, url = start_s3()
    yield url
    server.stop()


class Web(http.server.SimpleHTTPRequestHandler):
    """A folder behind a password (user/PASSWORD), or open; /cut/… stops in the middle."""

    protected = False

    def do_GET(self):
        import base64

        wanted = "Basic " + base64.b64encode(f"user:{PASSWORD}".encode()).decode()
        if self.protected and self.headers.get("Authorization") != wanted:
            self.send_error(401)
            return
        if self.path.startswith("/cut/"):
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(b"x" * 1000)
            self.close_connection = True
            return
        super().do_GET()

    def log_message(self, *args):
        pass


@pytest.fixture
def web(tmp_path):
    """Call it to start a web server on a folder: its URL."""
    servers = []

    def start(folder, protected=False):
        handler = functools.partial(type("Of", (Web,), {"protected": protected}), directory=str(folder))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


class Ssh:
    """An sshd on loopback for the user of the tests, opened by a key."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
        shutil.copy(folder / "user.pub", folder / "authorized_keys")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        lines = [
            f"Port {self.port}", "ListenAddress 127.0.0.1", f"HostKey {folder}/host", "UsePAM no", "StrictModes no",
            f"AuthorizedKeysFile {folder}/authorized_keys", f"PidFile {folder}/pid", "Subsystem sftp internal-sftp",
            "PasswordAuthentication no", "PermitRootLogin yes",
        ]  # fmt: skip
        (folder / "config").write_text("\n".join(lines) + "\n")
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        self.start()

    def start(self):
        command = ["/usr/sbin/sshd", "-D", "-e", "-f", self.folder / "config"]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen([*map(str, command)], stderr=log)
        listens(self.process, self.port, self.folder / "log", 20)

    @property
    def host_key(self):
        return " ".join((self.folder / "host.pub").read_text().split()[:2])

    @property
    def private_key(self):
        return (self.folder / "user").read_text()

    def stop(self):
        if self.process.poll() is not None:
            return
        for session in psutil.Process(self.process.pid).children(recursive=True):
            session.kill()
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture
def ssh(tmp_path):
    if not Path("/usr/sbin/sshd").exists():
        pytest.skip("there is no sshd here")
    folder = tmp_path / "ssh"
    folder.mkdir(0o700)
    server = Ssh(folder)
    yield server
    server.stop()
