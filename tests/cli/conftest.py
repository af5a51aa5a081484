"""A workspace with runs of every kind, and ways to call `aml`."""

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A working folder without a config above it."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "200")
    return folder


@pytest.fixture
def aml():
    """Call `aml` in this process; `aml(..., code=3)` expects that exit code."""
    from jupyter_aml.cli.main import root

    def call(*words, code=0, input=None):
        result = CliRunner().invoke(root, list(map(str, words)), input=input)
        assert result.exit_code == code, (result.output, result.exception)
        return json.loads(result.stdout) if "--json" in words else result.output

    return call


@pytest.fixture
def process():
    """Call `aml` as a process of its own."""

    def call(*words, env=None, before=None, **options):
        return subprocess.run(
            [sys.executable, "-m", "jupyter_aml", *words],
            env={**os.environ, **(env or {})},
            capture_output=True,
            timeout=60,
            **options,
        )

    return call


@pytest.fixture
def workspace():
    """Two runs of `diabetes` and a failed one of `other` in the default workspace."""
    from jupyter_aml import Experiment, Workspace

    ws = Workspace.default()
    for number, rate in enumerate((0.1, 0.2)):
        run = Experiment(ws, "diabetes").start_logging(snapshot_directory=None, display_name=f"run {number}")
        run._change(add_params={"lr": rate, "n": 10})
        for value in range(5):
            run.log("loss", rate / (value + 1))
        run.log("acc", 0.9 + number / 100)
        run.log("odd", float("nan"))
        run.log_list("observations", [1, 2, 3])
        run.log_row("table", a=1, b=2.5)
        run.log_row("table", a=2, b=3.5)
        run.tag("who", "me" if number else "you")
        with open("x.csv", "w") as file:
            file.write(f"a,b\n{number},2\n")
        run.upload_file("outputs/x.csv", "x.csv")
        run.child_run("kid").complete()
        run.complete()
    failed = Experiment(ws, "other").start_logging(snapshot_directory=None)
    failed.fail("it broke", "Oops")
    return ws
