"""Notebooks made on the spot, executed by real kernels in real processes."""

import os
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from jupyter_aml import Workspace


def wait_for(condition, seconds=40, pause=0.05):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(pause)
    raise AssertionError(f"{condition} did not become true in {seconds} s")


@pytest.fixture
def make(tmp_path):
    """make("in.ipynb", cells…, params=…): a notebook's path. A cell that begins with '#md ' is markdown."""

    def write(name, *cells, params=None, kernel="python3", language="python", metadata=None):
        found = []
        if params is not None:
            found.append(new_code_cell(params, metadata={"tags": ["parameters"]}))
        found += [new_markdown_cell(c[4:]) if c.startswith("#md ") else new_code_cell(c) for c in cells]
        nb = new_notebook(cells=found)
        if kernel:
            nb.metadata["kernelspec"] = {"name": kernel, "display_name": kernel, "language": language}
            nb.metadata["language_info"] = {"name": language}
        nb.metadata.update(metadata or {})
        path = tmp_path / "work" / name
        path.parent.mkdir(exist_ok=True)
        nbformat.write(nb, path)
        return path

    return write


def statuses(path):
    nb = nbformat.read(path, as_version=4)
    return [c.metadata["papermill"]["status"] for c in nb.cells if "papermill" in c.metadata]


def source_of(path):
    return Path(path).read_text(encoding="utf-8")


def workspace():
    return Workspace.default()


def only_run(type="aml.notebook"):
    """The one run of this type, as a record, once its process has sent it to the store."""
    from jupyter_aml.store.records import RunQuery

    found = wait_for(lambda: list(workspace().connection.store.walk(RunQuery(types=[type], everywhere=True))))
    assert len(found) == 1, found
    return found[0]


def papermill(*words, **kw):
    """The papermill command, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "papermill", *map(str, words), "--engine", "aml", "--no-progress-bar"],
        capture_output=True,
        text=True,
        timeout=120,
        **kw,
    )


@pytest.fixture
def start(tmp_path):
    """Start a command and go on; what still runs at the end of the test is killed. `said()` is what it printed."""
    started = []

    def begin(*words, **kw):
        log = tmp_path / f"said-{len(started)}.txt"  # a file: a pipe would be held open by what the kernel started
        with open(log, "w") as file:
            process = subprocess.Popen([sys.executable, *map(str, words)], stdout=file, stderr=file, **kw)
        process.said = log.read_text
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


def alive(pid):
    import psutil

    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def pid_in(path):
    """The pid that a cell wrote into a file, once it is there."""
    return wait_for(lambda: path.exists() and path.read_text().strip() and int(path.read_text()))


ENDLESS = (
    "import os, subprocess, time, pathlib\n"
    "child = subprocess.Popen(['sleep', '600'])\n"
    "print('before the end', flush=True)\n"
    "pathlib.Path({child!r}).write_text(str(child.pid))\n"
    "pathlib.Path({kernel!r}).write_text(str(os.getpid()))\n"
    "time.sleep(600)"
)


@pytest.fixture
def endless(make, tmp_path):
    """A notebook whose third code cell does not end: (path, file with the kernel's pid, file with its child's pid)."""
    kernel, child = tmp_path / "kernel.pid", tmp_path / "child.pid"
    code = ENDLESS.format(child=str(child), kernel=str(kernel))
    path = make("endless.ipynb", "first = 1", "print('second')", code, "#md never", "print('never')")
    return path, kernel, child


assert os.name == "posix"
