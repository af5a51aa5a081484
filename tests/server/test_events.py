"""What changes in a workspace is told as Jupyter events, to whoever subscribes to the server's."""

import asyncio
import json

import pytest
import yaml
from jupyter_events import EventLogger

from jupyter_aml.server.events import BASE, SCHEMAS
from jupyter_aml.store.events import Batch, ExperimentPut, RunCreated, RunDeleted, RunStatus
from jupyter_aml.store.records import AssetRecord, RunRecord
from jupyter_aml.store.sql.store import in_folder
from jupyter_aml.tracking.experiment import Experiment

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def jp_server_config(jp_server_config):
    jp_server_config["JupyterAML"]["events_interval"] = 0.05
    return jp_server_config


def test_every_schema_is_one_and_says_what_is_personal() -> None:
    found = [yaml.safe_load(path.read_text()) for path in SCHEMAS.glob("*/*.yaml")]
    assert {s["$id"] for s in found} == {f"{BASE}{noun}/v1" for noun in ("run", "experiment", "change")}
    for schema in found:
        EventLogger().register_event_schema(schema)
        assert schema["personal-data"] is True and schema["version"] == "1"
        assert all(p.get("description") for p in schema["properties"].values())


async def told(socket, count):
    """So many of our events, without what the server says of other things."""
    found = []
    while len(found) < count:
        raw = await asyncio.wait_for(socket.read_message(), 30)
        event = json.loads(raw)
        if event["schema_id"].startswith(BASE):
            found.append(event)
    return found


async def test_what_happens_is_told_whoever_does_it(services, jp_fetch, jp_ws_fetch, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    workspace = await services.workspace()
    # What was before the server looked first is not told; this is.
    socket = await jp_ws_fetch("api", "events", "subscribe")
    run = Experiment(workspace, "exp").start_logging(snapshot_directory=None)
    run.log("loss", float("nan"))
    run.complete()
    workspace.connection.flush()
    experiment, started, ended = await told(socket, 3)
    assert (experiment["schema_id"], experiment["action"], experiment["name"]) == (
        f"{BASE}experiment/v1",
        "created",
        "exp",
    )
    assert (started["action"], started["id"], started["status"]) == ("started", run.id, "Running")
    assert (ended["action"], ended["status"], ended["experiment"]) == ("ended", "Completed", "exp")
    assert experiment["workspace"] == "default" and started["seq"] < ended["seq"]

    other = in_folder(workspace.connection.folder)  # another process, or another server
    queued = RunRecord(id="q", experiment="exp", type="aml.script", status="Queued", created=1.0, user="ben")
    events = [
        RunCreated(run=queued), RunStatus(run="q", status="Running", at=2.0),
        ExperimentPut(name="exp", at=3.0, who="ben", description="x", rename="new"), RunDeleted(run="q", at=4.0, who="ann"),
    ]  # fmt: skip
    other.apply(Batch(journal="other", first=0, count=len(events), events=events))
    other.put_asset(AssetRecord(kind="model", name="m", created=5.0, user="ben"))
    other.close()
    created, begun, renamed, deleted, model = await told(socket, 5)
    assert [e["action"] for e in (created, begun, renamed, deleted, model)] == [
        "created", "started", "changed", "deleted", "created",
    ]  # fmt: skip
    assert created["who"] == "ben" and deleted["who"] == "ann"
    assert (renamed["name"], renamed["was"], set(renamed["fields"])) == ("new", "exp", {"name", "description"})
    assert (model["schema_id"], model["noun"], model["id"], model["version"]) == (f"{BASE}change/v1", "model", "m", 1)

    body = json.dumps({"set_tags": {"a": "b"}})
    await jp_fetch("aml", "api", "v1", "runs", run.id, method="PATCH", body=body)
    (changed,) = await told(socket, 1)
    assert (changed["action"], changed["fields"]) == ("changed", ["tags"])
    socket.close()
