"""The token of one run reaches that run and what is below it, and nothing else, whoever has it."""

import asyncio
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from typing import get_args

import pytest
from tornado.httpclient import HTTPClientError
from walk import doors, is_socket

from jupyter_aml.errors import UserErrorException
from jupyter_aml.store import home, run_token
from jupyter_aml.store.events import (
    AssetLinked,
    AssetPut,
    Batch,
    Event,
    ExperimentDeleted,
    ExperimentPut,
    FileLogged,
    Points,
    RunChanged,
    RunCreated,
    RunDeleted,
    RunStatus,
    SnapshotTaken,
    TextLogged,
    WorkspaceCleaned,
)
from jupyter_aml.store.http import wire
from jupyter_aml.store.records import AssetQuery, AssetRecord, RunQuery, RunRecord, SnapshotRecord
from jupyter_aml.tracking.snapshot import manifest_id

pytestmark = pytest.mark.timeout(60)
TREE = {"train.py": ("a" * 64, 3, 0o644)}
SNAPSHOT = manifest_id(TREE)


# -- tokens ------------------------------------------------------------------------------------------------------
def test_a_token_says_what_it_was_made_for() -> None:
    token = run_token.mint("w", "r", "é/../x", seconds=60)
    said = run_token.verify(token, "w")
    assert (said.workspace, said.run, said.experiment) == ("w", "r", "é/../x")
    assert 55 < said.expires - time.time() < 62


def test_its_key_is_its_owners_alone_and_outside_of_workspaces() -> None:
    made = home.create(home.home() / "some", "some")
    run_token.mint(made["id"], "r", "e")
    keys = [p for p in home.home().rglob("*") if p.parent.name == "keys"]
    assert len(keys) == 1 and keys[0].stat().st_mode & 0o777 == 0o600 and keys[0].parent.stat().st_mode & 0o077 == 0
    assert not keys[0].is_relative_to(home.home() / "some") and made["id"] not in keys[0].name


def test_processes_that_mint_at_once_share_a_key() -> None:
    code = "from jupyter_aml.store import run_token; print(run_token.mint('w', 'r', 'e'))"
    started = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for process in started:
        assert run_token.verify(process.communicate()[0].strip(), "w").run == "r"


def test_what_was_altered_is_no_token() -> None:
    token = run_token.mint("w", "r", "e")
    head, said, signature = token.split(".")
    forged = run_token._encoded(b'{"w":"w","r":"other","e":"e","x":9999999999}')
    for text in (
        "", "amlrun.", "amlrun..", "amlrun.a.b.c", token[:-1], token + "A", token + "=", token.upper(), f"{head}.{said}.",
        f"{head}.{forged}.{signature}", f"{head}.{said}.{signature[::-1]}", token.replace("amlrun", "amlrum"),
        f"{head}.{run_token._encoded(b'[' * 3000)}.{signature}", f"{head}.{run_token._encoded(b'[]')}.{signature}",
        f"{head}.{run_token._encoded(b'null')}.{signature}", "amlrun." + "A" * 5000, token + "\n", "ämlrun.a.b",
    ):  # fmt: skip
        with pytest.raises(run_token.RunTokenException) as refused:
            run_token.verify(text, "w")
        assert not refused.value.foreign, text
    for i, letter in enumerate(token):  # no bit of it may be another
        other = token[:i] + ("A" if letter != "A" else "B") + token[i + 1 :]
        with pytest.raises(run_token.RunTokenException):
            run_token.verify(other, "w")


def test_it_ends_and_holds_for_one_workspace(monkeypatch) -> None:
    token = run_token.mint("w", "r", "e", seconds=60)
    with pytest.raises(run_token.RunTokenException) as refused:
        run_token.verify(token, "another")
    assert refused.value.foreign
    later = time.time() + 61
    monkeypatch.setattr(run_token.time, "time", lambda: later)
    with pytest.raises(run_token.RunTokenException, match="expired"):
        run_token.verify(token, "w")
    for seconds in (0, -1, float("nan"), float("inf"), run_token.LONGEST + 1):
        with pytest.raises(UserErrorException):
            run_token.mint("w", "r", "e", seconds=seconds)


# -- what it reaches ---------------------------------------------------------------------------------------------
def born(id, experiment="exp", **more):
    known = {"type": "aml.interactive", "created": 1.0, "status": "Running", "user": "ann"}
    return RunCreated(run=RunRecord(id=id, experiment=experiment, **{**known, **more}))


@pytest.fixture
def jp_server_config(jp_server_config):
    jp_server_config["JupyterAML"]["workspaces"] = ["second"]
    return jp_server_config


@pytest.fixture
def workspace(services, jp_asyncio_loop):
    found = jp_asyncio_loop.run_until_complete(services.workspace())
    events = [
        SnapshotTaken(snapshot=SnapshotRecord(id=SNAPSHOT, files=TREE)),
        SnapshotTaken(snapshot=SnapshotRecord(id="f" * 64, files=TREE)),
        born("top"), born("mine", parent="top", snapshot=SNAPSHOT), born("below", parent="mine"),
        born("deep", parent="below"), born("sister", parent="top"), born("foreign", "secret", owner="theirs"),
        *[Points(run=run, name="loss", steps=[0], times=[1.0], values=[1.0]) for run in ("mine", "foreign")],
        TextLogged(run="mine", path="logs/x.txt", text="x", at=1.0),
        TextLogged(run="foreign", path="logs/x.txt", text="x", at=1.0),
    ]  # fmt: skip
    found.connection.store.apply(Batch(journal="theirs", first=0, count=len(events), events=events))
    return found


@pytest.fixture
def token(workspace):
    return run_token.mint(workspace.id, "mine", "exp")


@pytest.fixture
def ask(http_server_client, jp_base_url, token):
    async def request(method, path, body=None, token=token, base="aml/api/v1/", **headers):
        body = b"" if body is None and method in ("POST", "PUT", "PATCH") else body
        try:
            return await http_server_client.fetch(
                f"{jp_base_url}{base}{path}", method=method, body=body, allow_nonstandard_methods=True,
                headers={"Authorization": f"token {token}", **headers}, follow_redirects=False,
            )  # fmt: skip
        except HTTPClientError as error:
            return error.response

    return request


@pytest.fixture
def send(ask):
    at = {}

    async def request(*events, journal="ours"):
        first = at.get(journal, 0)
        answer = await ask(
            "POST", "store/apply", wire.pack(Batch(journal=journal, first=first, count=len(events), events=events))
        )
        if answer.code == 200:
            at[journal] = first + len(events)
        return answer.code

    return request


OPEN = {
    ("get", "RunHandler"), ("patch", "RunHandler"), ("post", "CancelHandler"), ("get", "SeriesHandler"),
    ("get", "PointsHandler"), ("get", "TextHandler"), ("get", "DiffHandler"), ("get", "SourceHandler"),
    ("get", "FilesHandler"), ("get", "FileHandler"), ("post", "ReadHandler"), ("post", "ApplyHandler"),
    ("post", "BlobsHandler"), ("put", "BlobsHandler"), ("get", "RunLinksHandler"), ("get", "BlobHandler"), ("put", "BlobHandler"),
}  # fmt: skip
"""All that a run's token opens. A route that is new is closed to it until it stands here and in its handler."""
INPUTS = {
    ("get", "DatastoresHandler"), ("get", "DatastoreHandler"), ("get", "TreeHandler"), ("get", "StatHandler"),
    ("get", "DatastoreFileHandler"), ("get", "ClientFilesHandler"), ("put", "ClientFilesHandler"), ("get", "SecretValueHandler"),
}  # fmt: skip
"""What runs work with, whoever's they are: the workspace's datastores, and the secrets that open them."""


async def test_every_other_route_is_closed(ask, jp_ws_fetch, workspace, token) -> None:
    for door in doors(run_id="mine"):
        if is_socket(door.handler):
            continue
        answer = await ask(door.verb.upper(), door.path, b"{}" if door.writes else None)
        opened = (door.verb, door.handler.__name__) in OPEN | INPUTS
        assert (answer.code not in (401, 403)) == opened, (str(door), answer.code)
        if not opened:
            assert set(json.loads(answer.body)["error"]) == {"code", "message"}
    for door in doors(run_id="foreign"):
        if "/runs/(" in door.pattern:
            assert (await ask(door.verb.upper(), door.path, b"{}" if door.writes else None)).code == 403, str(door)
    with pytest.raises(HTTPClientError) as refused:
        await jp_ws_fetch("aml", "api", "v1", "live", headers={"Authorization": f"token {token}"})
    assert refused.value.code == 403


async def test_what_the_token_is_not_given_as_is_no_login(
    ask, workspace, token, http_server_client, jp_base_url
) -> None:
    for path in ("contents", "kernels", "sessions", "status", "terminals", "kernelspecs", "me", "config/x"):
        assert (await ask("GET", path, base="api/")).code in (401, 403), path
    for way in ({"token": ""}, {"token": "x", "Cookie": f"token={token}"}, {"token": "x", "X-Token": token}):
        given = way.pop("token")
        assert (await ask("GET", "runs/mine", token=given, **way)).code == 403
    assert (await ask("GET", f"runs/mine?token={token}", token="")).code == 403
    bearer = await http_server_client.fetch(
        f"{jp_base_url}aml/api/v1/runs/mine", headers={"Authorization": f"Bearer {token}"}
    )
    assert json.loads(bearer.body)["id"] == "mine"


async def test_a_token_that_does_not_hold_is_refused(ask, workspace, monkeypatch, token) -> None:
    altered = token[:-2] + ("AA" if token[-2:] != "AA" else "BB")
    foreign = run_token.mint("another", "mine", "exp")
    gone = run_token.mint(workspace.id, "nobody", "exp")
    assert [(await ask("GET", "runs/mine", token=t)).code for t in (altered, foreign, gone)] == [401, 403, 403]
    assert (await ask("GET", "runs/mine?workspace=second")).code == 403
    assert (await ask("GET", "runs/mine?workspace=nowhere")).code == 401
    assert (await ask("PUT", f"store/blobs/{'a' * 64}", b"x", token=altered)).code == 401
    later = time.time() + 4000
    monkeypatch.setattr(run_token.time, "time", lambda: later)
    assert (await ask("GET", "runs/mine")).code == 401


def events_of(run):
    """Every kind of event, about one run or its like."""
    yield RunStatus(run=run, status="Running", at=2.0)
    yield RunChanged(run=run, at=2.0, name="hacked", set_tags={"a": "b"}, owner="x")
    yield Points(run=run, name="loss", steps=[1], times=[1.0], values=[2.0])
    yield FileLogged(run=run, path="a.txt", digest="a" * 64, size=1, at=1.0)
    yield TextLogged(run=run, path="logs/x.txt", text="more", at=1.0)
    yield AssetLinked(run=run, role="input", kind="dataset", asset="a", at=1.0)
    yield born(f"child of {run}", parent=run)
    yield SnapshotTaken(snapshot=SnapshotRecord(id=SNAPSHOT, files=TREE))
    yield ExperimentPut(name="exp", at=1.0)


NEVER = [
    RunDeleted(run="mine", at=1.0), RunDeleted(run="below", at=1.0), ExperimentDeleted(name="exp", at=1.0),
    ExperimentPut(name="exp", at=1.0, set_tags={"a": "b"}), ExperimentPut(name="exp", at=1.0, archived=True),
    ExperimentPut(name="exp", at=1.0, rename="x"), ExperimentPut(name="exp", at=1.0, description=""),
    ExperimentPut(name="secret", at=1.0), ExperimentPut(name="new", at=1.0),
    born("orphan"), born("thief", "secret", parent="mine"), born("guest", parent="foreign"), born("foreign", parent="mine"),
    born("sister", parent="mine"), born("top", parent="mine"),
    Points(run="mine", name="loss", origin="foreign", steps=[1], times=[1.0], values=[2.0]),
    FileLogged(run="mine", path="a.txt", digest="a" * 64, size=1, at=1.0, origin="sister"),
    SnapshotTaken(snapshot=SnapshotRecord(id="e" * 64, files=TREE)),
    AssetPut(asset=AssetRecord(kind="model", name="m", version=1, id="a", run="mine")), WorkspaceCleaned(workspace="w", at=1.0),
]  # fmt: skip


async def test_each_event_of_a_batch_has_to_be_the_runs_own(send, workspace) -> None:
    kinds = {type(event) for event in [*events_of("mine"), *NEVER]}
    assert kinds == set(get_args(Event)), "a new kind of event: may a run's token send it?"
    store = workspace.connection.store
    before = {run: store.run(run, with_metrics=True) for run in ("top", "sister", "foreign")}
    last, feed = store.last_change(), len(store.changes(0, 1000))
    harmless = Points(run="mine", name="loss", steps=[1], times=[1.0], values=[2.0])
    for run in ("foreign", "sister", "top", "nobody", ""):
        for event in events_of(run):
            if hasattr(event, "run") and event != born(f"child of {run}", parent=None):
                assert await send(harmless, event) == 403, event
    for event in NEVER:
        assert await send(harmless, event) == 403, event
    assert store.last_change() == last and len(store.changes(0, 1000)) == feed
    assert {run: store.run(run, with_metrics=True) for run in before} == before
    for run in ("mine", "below", "deep"):
        for event in events_of(run):
            assert await send(event) == 200, event
    assert await send(born("new", parent="deep", user="root"), RunStatus(run="new", status="Completed", at=9.0)) == 200
    assert store.run("new").user == "ann" and store.run("new").status == "Completed"


async def test_nobody_elses_journal_can_be_spoilt(send, workspace) -> None:
    store = workspace.connection.store
    point = Points(run="mine", name="loss", steps=[1], times=[1.0], values=[2.0])
    assert await send(point, journal="theirs-1") == 403  # the next part of a journal that somebody writes
    done = store.applied("theirs")
    batch = Batch(journal="theirs", first=done, count=1, events=[point])
    assert store.apply(replace(batch)) == done + 1  # its owner goes on
    assert await send(point, journal="ours") == 200 and await send(point, journal="ours-1") == 200


READS = {
    "run": ["{run}"], "series": ["{run}", "loss"], "sampled": ["{run}", ["loss"]], "files": ["{run}"],
    "text": ["{run}", "logs/x.txt"], "metrics": [["{run}"]],
}  # fmt: skip


async def test_each_read_of_the_store_is_of_the_runs_own(ask, workspace) -> None:
    async def read(method, *args, **kwargs):
        body = wire.dumps({"args": args, "kwargs": kwargs})
        return (await ask("POST", f"store/read/{method}", body)).code

    for method, args in READS.items():
        for run, code in (("mine", 200), ("below", 200), ("foreign", 403), ("sister", 403), ("top", 403), ("no", 403)):
            given = json.loads(json.dumps(args).replace("{run}", run))
            assert await read(method, *given) == code, (method, run)
    assert await read("metrics", ["mine", "foreign"]) == 403 and await read("metrics", []) == 403
    queries = {
        200: [RunQuery(parent="mine"), RunQuery(under="below"), RunQuery(ids=["mine", "deep"])],
        403: [RunQuery(), RunQuery(everywhere=True), RunQuery(parent="top"), RunQuery(under="top"), RunQuery(ids=["top"]),
              RunQuery(ids=["mine", "sister"]), RunQuery(experiment="exp"), RunQuery(ids=[])],
    }  # fmt: skip
    for code, asked in queries.items():
        for query in asked:
            assert await read("runs", query) == code, query
    told = {"applied": ["j"], "last_change": [], "about": [], "experiment": ["exp"], "snapshot": [SNAPSHOT]}
    for method, args in told.items():
        assert await read(method, *args) == 200, method
    assert await read("experiments", name="exp") == 200
    for method, args in {
        "experiment": ["secret"],
        "experiments": [],
        "snapshot": ["f" * 64],
        "open_runs": ["theirs"],
    }.items():
        assert await read(method, *args) == 403, method
    for method in wire.READS - {*READS, *told, "runs", "experiments", "open_runs"}:
        assert await read(method) in (400, 403), method
        assert await read(method, "mine") in (400, 403), method
    for method in wire.WRITES:
        assert (await ask("POST", f"store/write/{method}", wire.dumps({"args": [], "kwargs": {}}))).code == 403


async def test_a_run_registers_models_as_its_own_and_changes_no_other_s(ask, workspace) -> None:
    async def write(method, *args, **kwargs):
        return (await ask("POST", f"store/write/{method}", wire.dumps({"args": args, "kwargs": kwargs}))).code

    async def read(method, *args):
        return (await ask("POST", f"store/read/{method}", wire.dumps({"args": args, "kwargs": {}}))).code

    def asset(**more):
        return AssetRecord(**{"kind": "model", "name": "m", "created": 1.0, "run": "mine", **more})

    theirs = workspace.connection.store.put_asset(AssetRecord(kind="model", name="m", created=1.0, run="sister"))
    assert await write("put_asset", asset()) == 200 and await write("put_asset", asset(run="below")) == 200
    assert [a.version for a in workspace.connection.store.assets(AssetQuery(kind="model", run="mine")).assets] == [2]
    for wrong in (
        asset(run="sister"),
        asset(run=None),
        asset(kind="secret"),
        asset(kind="compute"),
        asset(id=theirs.id),
        asset(version=9),
    ):
        assert await write("put_asset", wrong) == 403, wrong
    for how in ("replace", "fail"):
        assert await write("put_asset", asset(), if_exists=how) == 403
    assert await write("change_asset", theirs.id, at=1.0, description="mine") == 403
    assert await write("delete_asset", theirs.id, at=1.0) == 403
    assert await read("asset", "model", "m") == 200 and await read("assets", AssetQuery(kind="dataset")) == 200
    for kind in ("secret", "compute", ""):
        assert await read("asset", kind, "m") == 403 and await read("assets", AssetQuery(kind=kind)) == 403


async def test_a_launcher_elsewhere_is_given_one(ask, workspace, jp_serverapp, token) -> None:
    master = jp_serverapp.identity_provider.token
    given = json.loads((await ask("POST", "runs/mine/token", b'{"seconds": 60}', token=master)).body)
    assert run_token.verify(given["token"], workspace.id).run == "mine" and given["expires"] - time.time() < 62
    assert (await ask("GET", "runs/mine", token=given["token"])).code == 200
    for body in (b'{"seconds": "1"}', b'{"seconds": true}', b'{"seconds": 1e9}', b'{"run": "x"}'):
        assert (await ask("POST", "runs/mine/token", body, token=master)).code == 400
    assert (await ask("POST", "runs/none/token", b"{}", token=master)).code == 404
    assert (await ask("POST", "runs/mine/token", b"{}", token=master, **{"Idempotency-Key": "k"})).code == 400


async def test_a_run_on_another_machine_needs_nothing_else(
    workspace, token, http_server, jp_http_port, jp_base_url, tmp_path
) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "from jupyter_aml import Run\n"
        "run = Run.get_context(allow_offline=False)\n"
        "run.log('accuracy', 0.5)\n"
        "run.tag('by', 'script')\n"
        "open('model.txt', 'w').write('weights')\n"
        "run.upload_file('outputs/model.txt', 'model.txt')\n"
        "with run.child_run('fold') as fold:\n"
        "    fold.log('accuracy', 0.25)\n"
        "print(sorted(run.get_metrics()), [c.name for c in run.get_children()], run.get_file_names())\n"
        "print(run.register_model('net', 'outputs/model.txt').id)\n"
        "run.complete()\n"
    )
    environment = {
        **os.environ, "JUPYTER_AML_HOME": str(tmp_path / "elsewhere"), "JUPYTER_AML_TOKEN": token,
        "JUPYTER_AML_RUN_ID": "mine", "JUPYTER_AML_EXPERIMENT": "exp",
        "JUPYTER_AML_WORKSPACE": f"http://127.0.0.1:{jp_http_port}{jp_base_url}",
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), cwd=tmp_path, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said = (await process.communicate())[0].decode()
    assert process.returncode == 0, said
    assert "['accuracy', 'loss'] " in said and "'fold'" in said and "outputs/model.txt" in said
    store = workspace.connection.store
    run = store.run("mine", with_metrics=True)
    assert run.status == "Completed" and run.tags == {"by": "script"} and run.metrics["accuracy"].last == 0.5
    child = next(r for r in store.runs(RunQuery(parent="mine")).runs if r.name == "fold")
    assert child.user == "ann" and child.status == "Completed"
    kept = [p for p in (tmp_path / "elsewhere").rglob("*") if p.is_file()]
    assert not any(token in p.read_text(errors="replace") for p in kept)
