"""Compute targets over REST."""

import json

import pytest
from tornado.httpclient import HTTPClientError

from jupyter_aml.store.records import JobRecord
from jupyter_aml.tracking.experiment import Experiment

pytestmark = pytest.mark.timeout(60)
API = ("aml", "api", "v1")


async def test_a_target_is_created_listed_resized_and_deleted(services, jp_fetch, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)

    async def ask(*parts, method="GET", body=None, code=200, **params):
        try:
            answer = await jp_fetch(
                *API, *parts, params=params, method=method, body=None if body is None else json.dumps(body),
                allow_nonstandard_methods=True,
            )  # fmt: skip
        except HTTPClientError as error:
            assert error.code == code, error.response.body
            return json.loads(error.response.body)
        assert code == 200
        return json.loads(answer.body) if answer.body else None

    wanted = {"name": "cpu-cluster", "type": "AmlCompute", "max_nodes": 2}
    made = await ask("compute", method="POST", body=wanted)
    assert (made["state"], made["current_nodes"], made["nodes"], made["queued"]) == ("Steady", 0, [], 0)
    assert [t["name"] for t in (await ask("compute"))["targets"]] == ["cpu-cluster"]
    changed = await ask("compute", "cpu-cluster", method="PATCH", body={"max_nodes": 0})
    assert changed["max_nodes"] == 0
    for wrong in (
        {**wanted, "magic": 1},
        {**wanted, "type": "x"},
        {**wanted, "min_nodes": 5},
        {**wanted, "name": "../x"},
    ):
        assert await ask("compute", method="POST", body=wrong, code=400)
    assert "cpu-cluster" in told(await ask("compute", "cpu-clutser", code=404))
    await ask("compute", "cpu-cluster", "start", method="POST", body={}, code=400)
    assert len((await ask("compute-sizes"))["sizes"]) > 20

    workspace = await services.workspace()
    run = Experiment(workspace, "x").start_logging(snapshot_directory=None)
    workspace.connection.store.put_job(JobRecord(run=run.id, target="compute/cpu-cluster"))
    shown = await ask("compute", "cpu-cluster")
    assert shown["queued"] == 1 and shown["runs"][0]["run"] == run.id
    assert "force" in told(await ask("compute", "cpu-cluster", method="DELETE", code=400))
    await ask("compute", "cpu-cluster", method="DELETE", force="1")
    assert run.get_status() == "Canceled" and (await ask("compute"))["targets"] == []


def told(answer):
    return json.dumps(answer)
