"""Scripts are submitted over REST, and what waits is shown without what it is given."""

import asyncio
import json

import pytest
from tornado.httpclient import HTTPClientError

from jupyter_aml.environments.environment import Environment

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def jp_server_config():
    return {"ServerApp": {"jpserver_extensions": {"jupyter_aml": True}}}


@pytest.fixture
def jp_fetch_aml(jp_fetch):
    async def fetch(path, sent=None):
        how = {"method": "POST", "body": json.dumps(sent)} if sent is not None else {}
        try:
            answer = await jp_fetch("aml", "api", "v1", *path.split("/"), **how)
        except HTTPClientError as error:
            answer = error.response
        return answer.code, json.loads(answer.body)

    return fetch


async def test_rest_submits_a_folder_of_the_server_and_shows_the_queue(bench, jp_root_dir, jp_fetch_aml):
    folder = jp_root_dir / "project"
    folder.mkdir()
    (folder / "train.py").write_text("import os, time\nprint(os.environ['API_KEY'])\ntime.sleep(600)\n")
    Environment("mine").register(bench.workspace)
    sent = {
        "path": "project",
        "script": "train.py",
        "environment": "mine:1",
        "variables": {"API_KEY": "hidden-value"},
        "tags": {"a": "b"},
    }
    status, answer = await jp_fetch_aml("runs/submit", sent)
    assert status == 200, answer
    run = bench.workspace.get_run(answer["run"])
    assert run.get_environment().version == "1"
    status, text = await jp_fetch_aml("jobs")
    assert text["jobs"][0]["run"] == run.id and "hidden-value" not in json.dumps(text)
    status, shown = await jp_fetch_aml(f"runs/{run.id}")
    assert "hidden-value" not in json.dumps(shown) and shown["tags"] == {"a": "b"}
    await jp_fetch_aml(f"runs/{run.id}/cancel", {})
    for path, code in (("../x", 400), ("nowhere", 400), ("/etc", 400)):
        status, _ = await jp_fetch_aml("runs/submit", {**sent, "path": path})
        assert status == code, path
    status, answer = await jp_fetch_aml("runs/submit", {**sent, "environment": "mine:2"})
    assert status == 404 and "has no version 2" in answer["error"]["message"]
    status, answer = await jp_fetch_aml("runs/submit", {"path": "project", "script": "train.py", "scirpt": "x"})
    assert status == 400 and "scirpt" in answer["error"]["message"]
    await asyncio.to_thread(run.wait_for_completion, raise_on_error=False)
    assert run.get_status() == "Canceled"


HOSTILE = """
import json, os
from azureml.core import Run
run = Run.get_context()
run.log("x", 1.5)
with run.child_run("part") as part:
    part.log("y", 2)
open("outputs/a.txt", "w").write("a")
store = run.experiment.workspace.connection.store
try:
    store.run(os.environ["OTHER"])
    print("read another run")
except Exception as error:
    print("refused:", type(error).__name__)
open("outputs/environ.json", "w").write(json.dumps(dict(os.environ)))
run.complete()
"""


async def test_the_script_of_a_served_workspace_reaches_its_own_run_alone(
    bench, jp_serverapp, jp_fetch_aml, tmp_path, monkeypatch
):
    from jupyter_aml import Experiment, Workspace

    monkeypatch.setenv("JUPYTER_AML_LAUNCHER_IDLE", "2")
    token = jp_serverapp.identity_provider.token
    url = f"http://127.0.0.1:{jp_serverapp.port}{jp_serverapp.base_url}?token={token}"

    def submit():
        other = bench.experiment.start_logging(snapshot_directory=None, outputs=str(tmp_path / "none"))
        bench.workspace.connection.flush()
        config = bench.config(HOSTILE)
        config.run_config.environment_variables = {"OTHER": other.id}
        run = Experiment(Workspace.from_url(url), "served").submit(config)
        found = run.wait_for_completion(show_output=True)
        other.complete()
        run.download_file("outputs/environ.json", tmp_path / "environ.json")
        return run, found, run.get_metrics(), [child.status for child in run.get_children()]

    await jp_fetch_aml("info")  # the server and its client are one process here: its workspace has to be open first
    run, found, metrics, children = await asyncio.to_thread(submit)
    assert found["status"] == "Completed" and metrics == {"x": 1.5} and children == ["Completed"]
    assert "refused" in bench.log(run)
    environ = json.loads((tmp_path / "environ.json").read_text())
    assert token not in json.dumps(environ)
    tokens = {environ[name] for name in environ if "TOKEN" in name and "EXPIRY" not in name}
    assert len(tokens) == 1 and tokens.pop().startswith("amlrun.")
