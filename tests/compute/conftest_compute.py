"""Targets whose launchers end with the test."""

import json
import os
import time
from pathlib import Path

import psutil
import pytest

from jupyter_aml import Experiment, Workspace
from jupyter_aml.jobs.script_config import ScriptRunConfig


def until(condition, seconds=60, pause=0.05):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(pause)
    raise AssertionError(f"{condition} did not become true in {seconds} s")


def alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def kill(pid):
    psutil.Process(pid).kill()
    until(lambda: not alive(pid))


def number_in(path: Path):
    return until(lambda: path.exists() and path.read_text().strip() and int(path.read_text()))


def launchers(home):
    """Queue → process id of the launchers of a home."""
    found = {}
    for path in home.glob(".remote/launchers/*/*/launcher.json"):
        try:
            about = json.loads(path.read_text())
        except (OSError, ValueError):
            continue
        if alive(about["pid"]):
            found[about["queue"]] = about["pid"]
    return found


class Bench:
    """A source folder, a workspace, an experiment."""

    def __init__(self, folder, home):
        self.source, self.home = folder, home
        self.workspace = Workspace.default()
        self.experiment = Experiment(self.workspace, "compute")
        self.store = self.workspace.connection.store

    def config(self, code, target, attempts=1, **kw):
        (self.source / "script.py").write_text(code)
        config = ScriptRunConfig(self.source, "script.py", compute_target=target, **kw)
        config.run_config.max_attempts = attempts
        return config

    def submit(self, code, target, attempts=1, **kw):
        return self.experiment.submit(self.config(code, target, attempts, **kw))

    def log(self, run, name="azureml-logs/70_driver_log.txt"):
        return self.workspace.connection.store.text(run.id, name)

    def launchers(self):
        return launchers(self.home)


@pytest.fixture
def bench(tmp_path, monkeypatch, home):
    monkeypatch.setenv("JUPYTER_AML_LAUNCHER_IDLE", "20")
    monkeypatch.setenv("JUPYTER_AML_STOP_GRACE", "1")
    folder = tmp_path / "source"
    folder.mkdir()
    made = Bench(folder, home)
    yield made
    pids = made.launchers().values()
    for pid in pids:
        os.kill(pid, 15)
    until(lambda: not any(alive(pid) for pid in pids), 30)
