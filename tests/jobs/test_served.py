"""The server of a workspace is killed while scripts run: they go on, and nothing of them is lost when it is there again."""

import json
import os
import signal
import sys
import urllib.request
from pathlib import Path

import psutil
import pytest
from conftest_submit import until

from jupyter_aml import Experiment, Workspace
from jupyter_aml.jobs.script_config import ScriptRunConfig
from jupyter_aml.store import home as homes

sys.path.append(str(Path(__file__).parents[1] / "store"))
GOES_ON = """
import os, pathlib, sys, time
from azureml.core import Run
run = Run.get_context()
run.log("x", 1)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.02)
run.log("x", 2)
pathlib.Path("outputs/late.txt").write_text("late")
print("ended")
pathlib.Path(sys.argv[1] + "." + run.experiment.name).touch()
"""


@pytest.mark.slow
def test_a_killed_server_ends_no_run_and_gets_what_they_left_when_it_is_back(tmp_path, monkeypatch):
    from jupyter_server_process import TOKEN, Server

    monkeypatch.setenv("JUPYTER_AML_LAUNCHER_IDLE", "10")
    server = Server()
    go = tmp_path / "go"
    try:
        homes.create(server.home / "shared", "shared")
        for folder in (tmp_path / "source", server.folder / "source"):
            folder.mkdir()
            (folder / "script.py").write_text(GOES_ON)
        workspace = Workspace.from_url(f"{server.url}?workspace=shared&token={TOKEN}")
        here = Experiment(workspace, "here").submit(ScriptRunConfig(tmp_path / "source", "script.py", [go]))
        sent = {"path": "source", "script": "script.py", "arguments": [str(go)], "experiment": "there"}
        asked = urllib.request.Request(
            f"{server.url}/aml/api/v1/runs/submit?workspace=shared",
            json.dumps(sent).encode(),
            {"Authorization": f"token {TOKEN}"},
        )
        with urllib.request.urlopen(asked, timeout=30) as answer:
            there = workspace.get_run(json.loads(answer.read())["run"])
        until(lambda: [run.get_metrics() for run in (here, there)] == [{"x": 1}] * 2)
        server.stop(signal.SIGKILL)
        go.touch()
        until(lambda: all(Path(f"{go}.{name}").exists() for name in ("here", "there")))
        server.start()
        for run in (here, there):
            assert run.wait_for_completion()["status"] == "Completed"
            assert run.get_metrics() == {"x": [1, 2]} and "outputs/late.txt" in run.get_file_names()
            text = workspace.connection.store.text(run.id, "azureml-logs/70_driver_log.txt")
            assert text.splitlines()[-1].startswith(("ended", "jupyter_aml kept"))
    finally:
        server.remove()
        for process in psutil.process_iter(["cmdline"]):
            words = " ".join(process.info["cmdline"] or [])
            if "jupyter_aml.jobs.launcher" in words and (server.url in words or str(server.home) in words):
                process.kill()  # it has no run any more
                process.wait(20)


assert os.name == "posix"
