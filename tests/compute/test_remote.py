"""An attached machine, with a real SSH server on the loopback."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from conftest_compute import alive, number_in, until

from jupyter_aml.compute.remote import RemoteCompute
from jupyter_aml.compute.target import ComputeTarget
from jupyter_aml.environments.environment import Environment
from jupyter_aml.errors import ActivityFailedException, ComputeTargetException
from jupyter_aml.jobs.ssh_machine import unpack

pytest.importorskip("asyncssh")
SSHD = shutil.which("sshd") or "/usr/sbin/sshd"


class Server:
    """An SSH server of this user, who comes in with one key."""

    def __init__(self, folder):
        if not Path(SSHD).exists() or not shutil.which("ssh-keygen"):
            pytest.skip("there is no sshd")
        self.folder = folder
        folder.mkdir()
        with socket.create_server(("127.0.0.1", 0)) as held:
            self.port = held.getsockname()[1]
        self.key = folder / "key"
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ecdsa", "-m", "PKCS8", "-N", "open sesame", "-f", self.key], check=True
        )
        shutil.copy(f"{self.key}.pub", folder / "authorized_keys")
        self.new_host_key()
        (folder / "config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\nUsePAM no\n"
            f"AuthorizedKeysFile {folder}/authorized_keys\nStrictModes no\nPermitRootLogin yes\nPasswordAuthentication yes\n"
            f"SetEnv HOME={folder}\nMaxSessions 40\n"
        )
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        self.start()

    def new_host_key(self):
        for old in self.folder.glob("host*"):
            old.unlink()
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / "host"], check=True)

    def start(self):
        self.process = subprocess.Popen([SSHD, "-D", "-f", self.folder / "config"])
        until(self.answers)

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait(10)

    def configuration(self, **kw):
        good = kw or {"private_key_file": str(self.key), "private_key_passphrase": "open sesame"}
        return RemoteCompute.attach_configuration(
            username=getpass.getuser(), address="127.0.0.1", ssh_port=self.port, python="/usr/bin/python3", **good
        )


@pytest.fixture
def server(tmp_path):
    made = Server(tmp_path / "sshd")
    yield made
    made.stop()


def test_a_wrong_credential_is_refused_and_shown_nowhere(bench, server):
    wrong = (
        {"password": "hunter2-wrong"},
        {"private_key_file": str(server.key), "private_key_passphrase": "hunter2-wrong"},
    )
    for one in wrong:
        with pytest.raises(
            ComputeTargetException, match=r"refuses to let us in|private key .* cannot be read"
        ) as raised:
            ComputeTarget.attach(bench.workspace, "far", server.configuration(**one))
        told = f"{raised.value!r} {raised.value.__cause__!r} {server.configuration(**one)!r}"
        assert "hunter2" not in told
    assert bench.workspace.compute_targets == {} and bench.workspace.get_default_keyvault().list_secrets() == []
    with pytest.raises(ComputeTargetException, match="address="):
        ComputeTarget.attach(
            bench.workspace, "far", RemoteCompute.attach_configuration("me", resource_id="/subscriptions/x")
        )
    with pytest.raises(ComputeTargetException, match="No SSH server can be reached"):
        nowhere = RemoteCompute.attach_configuration("me", address="127.0.0.1", ssh_port=1)
        ComputeTarget.attach(bench.workspace, "far", nowhere)


WORKS = """
import os, pathlib, sys
from azureml.core import Run
run = Run.get_context()
run.log("accuracy", 0.5)
print("working in", os.getcwd(), sys.argv[1:], flush=True)
pathlib.Path("outputs/model.txt").write_text("a model")
os._exit(0)
"""
STAYS = "import os, subprocess, sys, time\np = subprocess.Popen(['sleep', '600'])\nopen(sys.argv[1], 'w').write(str(p.pid))\ntime.sleep(600)\n"


def test_a_run_is_executed_there_and_what_it_leaves_comes_back(bench, server, tmp_path):
    target = ComputeTarget.attach(bench.workspace, "far", server.configuration())
    found = RemoteCompute(bench.workspace, "far")
    assert found.type == "VirtualMachine" and found.is_attached and found.provisioning_state == "Succeeded"
    found.wait_for_completion(show_output=True)
    kept = repr(bench.store.asset("compute", "far").data)
    assert "open sesame" not in kept and "PRIVATE" not in kept
    run = bench.submit(WORKS, target, arguments=["--alpha", "1"])
    run.wait_for_completion()
    assert run.get_metrics() == {"accuracy": 0.5} and "outputs/model.txt" in run.get_file_names()
    said = bench.log(run)
    assert "['--alpha', '1']" in said and ".jupyter_aml/runs/" in said
    fails = bench.submit("raise ValueError('not there')\n", "far")
    with pytest.raises(ActivityFailedException, match="ValueError"):
        fails.wait_for_completion()
    stays = bench.submit(STAYS, "far", arguments=[tmp_path / "pid"])
    child = number_in(tmp_path / "pid")
    stays.cancel()
    stays.wait_for_completion()
    assert stays.get_status() == "Canceled" and not alive(child)

    stays = bench.submit(STAYS, "far", arguments=[tmp_path / "pid2"])
    child = number_in(tmp_path / "pid2")
    with pytest.raises(ComputeTargetException, match="have not ended"):
        found.detach()
    launcher = bench.launchers()["compute/far"]
    os.kill(launcher, signal.SIGKILL)
    until(lambda: not alive(launcher) and not alive(child))
    stays.wait_for_completion(raise_on_error=False)
    assert stays.get_status() == "Failed"
    assert (server.folder / ".jupyter_aml" / "runs").is_dir()
    until(lambda: not list(server.folder.glob(".jupyter_aml/runs/*")))


HAS = """
import importlib.metadata, os, shutil, sys
import tomli_w, jupyter_aml
print(sys.prefix, importlib.metadata.version("tomli-w"), shutil.which("python") == os.path.join(sys.prefix, "bin", "python"))
"""


@pytest.mark.slow
def test_an_environment_is_built_there_once_one_that_cannot_be_fails_the_run_and_a_cancel_ends_it(bench, server):
    target = ComputeTarget.attach(bench.workspace, "far", server.configuration())

    def described(*packages):
        made = Environment("there")
        for package in packages:
            made.python.conda_dependencies.add_pip_package(package)
        return made

    at_once = bench.submit("import sys\nprint(sys.prefix)\n", target, environment=described("jupyter_aml"))
    at_once.wait_for_completion()
    assert bench.log(at_once) == "/usr\n", "all that is asked for is there"
    runs = [bench.submit(HAS, target, environment=described("tomli-w")) for _ in range(2)]
    for run in runs:
        run.wait_for_completion()
        prefix, version, first = bench.log(run).split()
        assert prefix.startswith(str(server.folder / ".cache" / "jupyter_aml" / "environments")) and first == "True"
        assert version[0].isdigit()
    built = [bench.log(run, "azureml-logs/20_image_build_log.txt") or "" for run in runs]
    assert sum("Built in" in text for text in built) == 1
    cannot = bench.submit("pass\n", target, environment=described("no-such-package-of-that-name==1"))
    cannot.wait_for_completion(raise_on_error=False)
    error = cannot._record().error
    assert cannot.get_status() == "Failed" and error["code"] == "EnvironmentException"
    assert "no-such-package-of-that-name" in error["message"]

    slow = server.folder / ".local" / "bin" / "uv"
    slow.parent.mkdir(parents=True)
    slow.write_text(f"#!/bin/sh\nsleep 600 &\necho $! > {server.folder}/pid\nwait\n")
    slow.chmod(0o755)
    canceled = bench.submit("pass\n", target, environment=described("tomli-w", "another-package"))
    pid = number_in(server.folder / "pid")
    canceled.cancel()
    canceled.wait_for_completion()
    assert canceled.get_status() == "Canceled"
    until(lambda: not alive(pid))


def test_a_machine_with_another_host_key_is_refused(bench, server):
    target = ComputeTarget.attach(bench.workspace, "far", server.configuration())
    server.stop()
    server.new_host_key()
    server.start()
    run = bench.submit("pass\n", target)
    run.wait_for_completion(raise_on_error=False)
    assert run.get_status() == "Failed" and "host key" in run._record().error["message"]
    target.detach()
    assert bench.workspace.compute_targets == {} and bench.workspace.get_default_keyvault().list_secrets() == []


def test_what_a_machine_sends_stays_in_the_runs_folder(tmp_path):
    import io
    import tarfile

    for name, link in (("../out", None), ("/etc/out", None), ("link/out", "/tmp")):
        held = io.BytesIO()
        with tarfile.open(fileobj=held, mode="w") as tar:
            if link:
                about = tarfile.TarInfo("link")
                about.type, about.linkname = tarfile.SYMTYPE, str(tmp_path)
                tar.addfile(about)
            about = tarfile.TarInfo(name)
            about.size = 1
            tar.addfile(about, io.BytesIO(b"x"))
        folder = tmp_path / "into" / name.replace("/", "-")
        folder.mkdir(parents=True)
        if link:
            unpack(held.getvalue(), folder)
        else:
            with pytest.raises(ActivityFailedException, match="path"):
                unpack(held.getvalue(), folder)
        assert not (tmp_path / "out").exists() and not any(p.is_symlink() for p in folder.rglob("*"))
