"""A cluster over several hosts: network namespaces with an SSH server each, the store on PostgreSQL, artifacts on S3."""

import asyncio
import os
import shutil
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import pytest
from conftest_compute import alive, launchers, number_in, until
from test_remote import SSHD

from jupyter_aml import Experiment, Workspace
from jupyter_aml.compute.amlcompute import AmlCompute
from jupyter_aml.compute.target import ComputeTarget
from jupyter_aml.jobs.distributed import PyTorchConfiguration
from jupyter_aml.jobs.script_config import ScriptRunConfig
from jupyter_aml.store import connection

sys.path.append(str(Path(__file__).parents[1] / "store"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not hasattr(os, "geteuid") or os.geteuid() != 0 or not shutil.which("ip") or not Path(SSHD).exists(),
        reason="needs root, iproute2 and sshd",
    ),
]
NET = "10.77.93"
WORKS = """
import os, pathlib, sys, time
from jupyter_aml import Run
run = Run.get_context()
tries = pathlib.Path(sys.argv[1])
with tries.open("a") as file:
    file.write(os.uname().nodename + "\\n")
run.log("tries", len(tries.read_text().split()))
pathlib.Path("outputs/where.txt").write_text(os.uname().nodename)
if len(tries.read_text().split()) == 1:
    tries.with_suffix(".pid").write_text(str(os.getpid()))
    time.sleep(600)
"""


SHARED = """
import os, pathlib, socket, time
rank, place = int(os.environ["RANK"]), (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
pathlib.Path(f"outputs/{rank}.txt").write_text(os.uname().nodename)
if rank == 0:
    with socket.create_server(place) as server:
        peer, _ = server.accept()
        print("with", peer.recv(100).decode())
for _ in range(400 * rank):
    try:
        with socket.create_connection(place) as peer:
            peer.sendall(os.uname().nodename.encode())
        break
    except OSError:
        time.sleep(0.05)
"""


def sh(*words):
    subprocess.run([str(word) for word in words], check=True, capture_output=True)


class Forwarder:
    """Lets the hosts reach a port of this machine's loopback."""

    def __init__(self, host, port):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        listening = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(lambda r, w: self.join(r, w, port), host, 0), self.loop
        ).result(10)
        self.port = listening.sockets[0].getsockname()[1]

    async def join(self, reader, writer, port):
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)

        async def pump(source, sink):
            try:
                while data := await source.read(65536):
                    sink.write(data)
                    await sink.drain()
            except OSError:
                pass
            finally:
                sink.close()

        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))


@pytest.fixture
def net(tmp_path):
    """Two hosts beside this one; `cut` takes one off the network."""
    tag = uuid.uuid4().hex[:5]
    bridge = f"br{tag}"
    made = Net(tmp_path, tag)
    sh("ip", "link", "add", bridge, "type", "bridge")
    try:
        sh("ip", "addr", "add", f"{NET}.1/24", "dev", bridge)
        sh("ip", "link", "set", bridge, "up")
        for number in (11, 12):
            space, out, inside = f"{tag}-{number}", f"v{tag}{number}", f"w{tag}{number}"
            sh("ip", "netns", "add", space)
            sh("ip", "link", "add", out, "type", "veth", "peer", "name", inside)
            sh("ip", "link", "set", out, "master", bridge, "up")
            sh("ip", "link", "set", inside, "netns", space)
            sh("ip", "-n", space, "addr", "add", f"{NET}.{number}/24", "dev", inside)
            sh("ip", "-n", space, "link", "set", inside, "up")
            sh("ip", "-n", space, "link", "set", "lo", "up")
        yield made
    finally:
        for known in list(connection._connections.values()):  # while the network is there
            known.close()
        connection._connections.clear()
        made.stop()
        for number in (11, 12):
            subprocess.run(["ip", "netns", "del", f"{tag}-{number}"], check=False)
        sh("ip", "link", "del", bridge)


class Net:
    def __init__(self, folder, tag):
        self.folder, self.tag = folder, tag
        self.servers = []
        (folder / "tmp").mkdir()
        (folder / "aml-home" / ".remote").mkdir(parents=True, exist_ok=True)
        for name in ("host", "key"):
            sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name)
        Path("/run/sshd").mkdir(exist_ok=True)

    def serve(self, number, variables):
        """An SSH server on a host (this one is 1), with a home of workspaces of its own."""
        home = self.folder / f"home-{number}"
        own = {**variables, "JUPYTER_AML_HOME": home, "HOME": self.folder, "TMPDIR": self.folder / "tmp"}
        own = " ".join(f"{k}={v}" for k, v in own.items())
        config = self.folder / f"sshd-{number}"
        config.write_text(
            f"Port 2222\nListenAddress {NET}.{number}\nHostKey {self.folder}/host\nPidFile none\nUsePAM no\nStrictModes no\n"
            f"AuthorizedKeysFile {self.folder}/key.pub\nPermitRootLogin yes\nSetEnv {own}\n"
        )
        command = [SSHD, "-D", "-f", str(config)]
        if number != 1:
            hidden = [self.folder / "tmp", self.folder / "aml-home" / ".remote"]  # of the others
            mounts = "".join(f"mount -t tmpfs none {path}; " for path in hidden)
            inner = f"hostname node{number}; {mounts}exec {' '.join(command)}"
            command = ["ip", "netns", "exec", f"{self.tag}-{number}", "unshare", "--uts", "--mount", "sh", "-c", inner]
        self.servers.append(subprocess.Popen(command))

    def cut(self, number):
        sh("ip", "link", "set", f"v{self.tag}{number}", "down")

    def stop(self):
        for server in self.servers:
            server.terminate()
        for server in self.servers:
            server.wait(10)


def test_a_host_that_is_cut_off_loses_its_run_to_another(net, tmp_path, monkeypatch, home):
    moto = pytest.importorskip("moto.server")
    boto3 = pytest.importorskip("boto3")
    from distributed.security import Security
    from postgres_process import address

    s3 = moto.ThreadedMotoServer(ip_address=f"{NET}.1", port=0, verbose=False)
    s3.start()
    where = f"http://{NET}.1:{s3._server.socket.getsockname()[1]}"
    variables = {
        "AWS_ENDPOINT_URL": where, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_DEFAULT_REGION": "us-east-1",
    }  # fmt: skip
    monkeypatch.setenv("JUPYTER_AML_LAUNCHER_IDLE", "5")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    boto3.client("s3").create_bucket(Bucket="artifacts")
    url = address()
    port = url.split("@127.0.0.1:")[1].split("/")[0]
    url = url.replace(f"127.0.0.1:{port}", f"{NET}.1:{Forwarder(f'{NET}.1', int(port)).port}")
    workspace = Workspace.from_url(url, create=True, artifacts="s3://artifacts/w")

    for number in (1, 11, 12):
        net.serve(number, variables)
    keys = Security.temporary()
    for name, text in (("ca", keys.tls_ca_file), ("cert", keys.tls_client_cert), ("tls_key", keys.tls_client_key)):
        (tmp_path / name).write_text(text)
    connect = {"port": 2222, "username": "root", "client_keys": [str(tmp_path / "key")], "known_hosts": None}
    nodes = {
        "backend": "ssh", "hosts": [f"{NET}.{n}" for n in (1, 11, 12)], "python": sys.executable, "connect_options": connect,
        "tls": {"ca_file": str(tmp_path / "ca"), "cert": str(tmp_path / "cert"), "key": str(tmp_path / "tls_key")},
        "scheduler_options": {"host": f"{NET}.1"},
    }  # fmt: skip
    target = ComputeTarget.create(
        workspace,
        "hosts",
        AmlCompute.provisioning_configuration(max_nodes=2, idle_seconds_before_scaledown=3, nodes=nodes),
    )
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "both.py").write_text(SHARED)
    both = ScriptRunConfig(
        tmp_path / "src", "both.py", compute_target=target, distributed_job_config=PyTorchConfiguration("Gloo", 2, 2)
    )
    run = Experiment(workspace, "x").submit(both)
    until(lambda: run.get_status() in ("Completed", "Failed"), 240)
    for rank in (0, 1):
        run.download_file(f"outputs/{rank}.txt", str(tmp_path / f"rank{rank}"))
    assert run.get_status() == "Completed"
    assert {(tmp_path / f"rank{rank}").read_text() for rank in (0, 1)} == {"node11", "node12"}
    said = workspace.connection.store.text(run.id, "azureml-logs/70_driver_log_0.txt")
    assert said == f"with {(tmp_path / 'rank1').read_text()}\n"

    (tmp_path / "src" / "a.py").write_text(WORKS)
    config = ScriptRunConfig(tmp_path / "src", "a.py", [tmp_path / "tries"], compute_target=target)
    config.run_config.max_attempts = 2
    run = Experiment(workspace, "x").submit(config)
    tries = tmp_path / "tries"
    first = until(lambda: (tries.exists() and tries.read_text().split()) or run.get_status() == "Failed", 120)
    assert first is not True, run._record().error
    first = first[0]
    assert first in ("node11", "node12")
    until(lambda: run.get_status() == "Running")
    script = number_in(tmp_path / "tries.pid")
    net.cut(int(first[-2:]))
    began = time.monotonic()
    until(lambda: run.get_status() == "Completed", 240)
    assert tries.read_text().split() == [first, "node12" if first == "node11" else "node11"]
    assert time.monotonic() - began < 180
    run.download_file("outputs/where.txt", str(tmp_path / "where.txt"))
    assert (tmp_path / "where.txt").read_text() == tries.read_text().split()[1]
    assert boto3.client("s3").list_objects_v2(Bucket="artifacts")["KeyCount"] > 0
    until(lambda: not alive(script), 120)
    target.delete(force=True)
    until(lambda: not launchers(home))
    s3.stop()
