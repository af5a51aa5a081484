"""Scripts that are submitted to launchers of their own, which end with the test."""

import json
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from jupyter_aml import Experiment, Workspace
from jupyter_aml.jobs import launching
from jupyter_aml.jobs.script_config import ScriptRunConfig

OPEN = ("NotStarted", "Queued", "Preparing", "Running", "Finalizing", "CancelRequested")


def until(condition, seconds=30, pause=0.03):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(pause)
    raise AssertionError(f"{condition} did not become true in {seconds} s")


class Bench:
    """A source folder, a workspace, an experiment."""

    def __init__(self, folder):
        self.source = folder
        self.workspace = Workspace.default()
        self.experiment = Experiment(self.workspace, "jobs")
        self.store = self.workspace.connection.store

    def script(self, name, code):
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
        return name

    def config(self, code, *, name="script.py", **kw):
        return ScriptRunConfig(self.source, self.script(name, code), **kw)

    def submit(self, code, *, tags=None, run_id=None, attempts=1, **kw):
        config = self.config(code, **kw)
        config.run_config.max_attempts = attempts
        extra = {"run_id": run_id} if run_id else {}
        return self.experiment.submit(config, tags=tags, **extra)

    def log(self, run, name="azureml-logs/70_driver_log.txt"):
        return self.workspace.connection.store.text(run.id, name)

    def launcher(self):
        """The process of the launcher, None when there is none. Not one that has found itself to be a second one."""
        where = launching.post(self.workspace.url, launching.local_queue())
        try:
            return psutil.Process(json.loads(where.lock.read_text())["pid"])
        except (OSError, ValueError, KeyError, psutil.NoSuchProcess):
            return None

    def launchers(self):
        """All processes that are launchers or want to be."""
        found = []
        for process in psutil.process_iter(["cmdline"]):
            words = process.info["cmdline"] or []
            if "jupyter_aml.jobs.launcher" in words and self.workspace.url in words:
                found.append(process)
        return found


@pytest.fixture
def bench(tmp_path, monkeypatch, home):
    monkeypatch.setenv("JUPYTER_AML_LAUNCHER_IDLE", "30")
    monkeypatch.setenv("JUPYTER_AML_LOCAL_CONCURRENCY", "4")
    monkeypatch.setenv("JUPYTER_AML_STOP_GRACE", "1")
    folder = tmp_path / "source"
    folder.mkdir()
    made = Bench(folder)
    yield made
    launchers = made.launchers()
    for one in launchers:
        one.send_signal(signal.SIGTERM)
    for one in launchers:
        one.wait(20)


def alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def number_in(path: Path):
    return until(lambda: path.exists() and path.read_text().strip() and int(path.read_text()))


assert os.name == "posix"
