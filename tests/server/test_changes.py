"""Changes over REST: none is lost, and none is done twice."""

import asyncio
import json
import signal
import sys
import uuid
from pathlib import Path

import pytest
from tornado.httpclient import HTTPClientError

from jupyter_aml.errors import ConflictException
from jupyter_aml.store.answers import answer_journal
from jupyter_aml.store.events import Batch, ExperimentDeleted, ExperimentPut, Points, RunChanged, RunDeleted
from jupyter_aml.store.records import AssetRecord
from jupyter_aml.store.sql.store import in_folder
from jupyter_aml.tracking.experiment import Experiment

sys.path.insert(0, str(Path(__file__).parents[1] / "store"))
from stores import STORES, Sender, born, ended

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def run(services, jp_asyncio_loop, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = Experiment(jp_asyncio_loop.run_until_complete(services.workspace()), "exp").start_logging(
        snapshot_directory=None
    )
    made.complete()
    return made


@pytest.fixture
def ask(jp_fetch):
    async def request(method, path, body=None, **headers):
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        text = None if body is None else json.dumps(body)
        try:
            answer = await jp_fetch(
                "aml", "api", "v1", *path.split("/"), method=method, body=text, headers=names,
                allow_nonstandard_methods=True,
            )  # fmt: skip
        except HTTPClientError as error:
            answer = error.response
        return answer

    return request


def said(answer):
    return json.loads(answer.body)["error"]


# -- versions ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("noun", ["run", "experiment", "model"])
async def test_a_change_of_what_was_changed_meanwhile_is_refused_and_says_why(run, ask, services, noun) -> None:
    path = {"run": f"runs/{run.id}", "experiment": "experiments/exp", "model": "models/m/versions/1"}[noun]
    if noun == "model":
        store = (await services.workspace()).connection.store
        store.put_asset(AssetRecord(kind="model", name="m", created=1.0))
    read = await ask("GET", path)
    tag = read.headers["Etag"]
    assert (await ask("GET", path, If_None_Match=tag)).code == 304
    first = await ask("PATCH", path, {"description": "mine", "set_tags": {"a": "1"}}, If_Match=tag)
    assert first.code == 200 and first.headers["Etag"] != tag
    assert first.headers["Etag"] == (await ask("GET", path)).headers["Etag"]
    assert (await ask("GET", path, If_None_Match=tag)).code == 200
    for method, body in (("PATCH", {"description": "theirs"}), ("DELETE", None)):
        lost = await ask(method, path, body, If_Match=tag)
        assert lost.code == 409 and said(lost)["code"] == "ConflictException"
        told = ["revision 1", "2 now"] if noun == "model" else ["changed by", "description", "tags"]
        assert all(word in said(lost)["message"] for word in told)
    assert json.loads((await ask("GET", path)).body)["description"] == "mine"
    for useless in ('"x"', f"W/{tag}", "1"):
        assert (await ask("PATCH", path, {"description": "x"}, If_Match=useless)).code == 409
    assert (await ask("PATCH", path, {"description": "any"}, If_Match="*")).code == 200
    last = (await ask("GET", path)).headers["Etag"]
    assert (await ask("DELETE", path, If_Match=f'"0-00", {last}')).code == 204
    assert (await ask("GET", path)).code == 404


async def test_what_a_run_logs_is_news_but_no_conflict(services, ask, monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    run = Experiment(await services.workspace(), "exp").start_logging(snapshot_directory=None)
    run.flush()
    tag = (await ask("GET", f"runs/{run.id}")).headers["Etag"]
    run.log("loss", 1)
    run.flush()
    assert (await ask("GET", f"runs/{run.id}", If_None_Match=tag)).code == 200
    assert (await ask("PATCH", f"runs/{run.id}", {"name": "n"}, If_Match=tag)).code == 200
    run.complete()


async def test_of_many_who_change_the_same_at_once_one_does(run, ask, services) -> None:
    """Two servers on one database too: the comparison is the transaction's."""
    workspace = await services.workspace()
    other = in_folder(workspace.connection.folder)
    tag = (await ask("GET", f"runs/{run.id}")).headers["Etag"]
    revision = int(tag.strip('"').partition("-")[0])

    def elsewhere(i):
        event = RunChanged(run=run.id, at=1.0, name=f"other {i}", only_revision=revision)
        try:
            other.apply(Batch(journal=uuid.uuid4().hex, first=0, count=1, events=[event]))
            return 200
        except Exception as error:
            return {"ConflictException": 409}[type(error).__name__]

    here = [ask("PATCH", f"runs/{run.id}", {"name": f"here {i}"}, If_Match=tag) for i in range(8)]
    there = [asyncio.to_thread(elsewhere, i) for i in range(8)]
    answers = await asyncio.gather(*here, *there)
    assert sorted(getattr(a, "code", a) for a in answers) == [200] + [409] * 15
    other.close()


async def test_the_tracking_switch_has_versions_too(services, ask) -> None:
    def switch(tracked, **headers):
        return ask("PUT", "notebooks/tracking", {"path": "a.ipynb", "tracked": tracked}, **headers)

    first = await switch(False)
    second = await switch(True, If_Match=first.headers["Etag"])
    assert second.code == 200 and second.headers["Etag"] != first.headers["Etag"]
    lost = await switch(True, If_Match=first.headers["Etag"])
    assert lost.code == 409 and "is on now" in said(lost)["message"]
    assert (await switch(False, If_Match=second.headers["Etag"])).code == 200


async def test_a_condition_that_cannot_be_heeded_is_refused(run, ask) -> None:
    assert (await ask("POST", f"runs/{run.id}/cancel", {}, If_Match='"1-aa"')).code == 400


# -- idempotency -------------------------------------------------------------------------------------------------
async def test_a_request_that_is_sent_again_is_answered_alike_and_done_once(run, ask) -> None:
    path = f"runs/{run.id}"
    first = await ask("PATCH", path, {"name": "once"}, Idempotency_Key="k1")
    await ask("PATCH", path, {"name": "later"})
    again = await ask("PATCH", path, {"name": "once"}, Idempotency_Key="k1")
    assert (again.code, again.body, again.headers["Etag"]) == (200, first.body, first.headers["Etag"])
    assert again.headers["Idempotency-Replayed"] == "true"
    assert json.loads((await ask("GET", path)).body)["name"] == "later"
    other = await ask("PATCH", path, {"name": "another"}, Idempotency_Key="k1")
    assert other.code == 422 and said(other)["code"] == "KeyReused"
    assert (await ask("PATCH", "experiments/exp", {"description": "d"}, Idempotency_Key="k1")).code == 200
    refused = await ask("PATCH", path, {"nonsense": 1}, Idempotency_Key="k2")
    assert refused.code == 400  # nothing was done, so the key is free for what was meant
    assert (await ask("PATCH", path, {"name": "right"}, Idempotency_Key="k2")).code == 200
    for key in ("", "a b", "ü".encode().decode("latin-1"), "k" * 256):
        assert (await ask("PATCH", path, {"name": "x"}, Idempotency_Key=key)).code == 400
    for _ in range(2):
        assert (await ask("DELETE", path, Idempotency_Key="k3")).code == 204
    assert (await ask("DELETE", path, Idempotency_Key="k4")).code == 404


async def test_the_same_request_at_once_is_done_once(run, ask) -> None:
    asked = [ask("PATCH", f"runs/{run.id}", {"set_tags": {"n": "1"}}, Idempotency_Key="k") for _ in range(8)]
    answers = await asyncio.gather(*asked)
    assert {a.code for a in answers} <= {200, 409} and any(a.code == 200 for a in answers)
    for busy in (a for a in answers if a.code == 409):
        assert said(busy)["code"] == "InProgress" and busy.headers["Retry-After"] == "1"
    feed = json.loads((await ask("GET", "changes")).body)["changes"]
    assert sum(line["verb"] == "changed" and line["data"]["fields"] == ["tags"] for line in feed) == 1


async def test_what_a_server_began_and_did_not_answer_is_finished_and_not_done_again(run, ask, services) -> None:
    """It died behind its change. The other server waits until it counts as dead, then answers."""
    store = (await services.workspace()).connection.store
    begun = {}
    claim = type(store).claim_answer

    def dead(name, request, **more):
        begun["name"] = name
        return claim(store, name, request, lease=0.0)

    store.claim_answer = dead
    tag = (await ask("GET", f"runs/{run.id}")).headers["Etag"]
    kept, store.settle_answer = store.settle_answer, lambda name, body: None
    assert (await ask("PATCH", f"runs/{run.id}", {"name": "once"}, Idempotency_Key="k", If_Match=tag)).code == 200
    store.settle_answer = kept
    assert store.applied(answer_journal(begun["name"])) == 1
    await ask("PATCH", f"runs/{run.id}", {"name": "later"})
    again = await ask("PATCH", f"runs/{run.id}", {"name": "once"}, Idempotency_Key="k", If_Match=tag)
    assert again.code == 200 and json.loads(again.body)["name"] == "later"


@pytest.fixture(params=sorted(STORES))
def any_store(request, tmp_path):
    opened = STORES[request.param](tmp_path)
    yield opened
    opened.close()


def test_every_store_keeps_answers_for_a_while_and_forgets_them(any_store) -> None:
    store = any_store
    assert store.claim_answer("a", "r").state == "yours"
    assert store.claim_answer("a", "r").state == "busy"
    store.apply(Batch(journal=answer_journal("a"), first=0, count=1, events=()))
    assert store.claim_answer("a", "r", lease=0.0) == ("yours", "", True)
    store.settle_answer("a", "body")
    assert store.claim_answer("a", "r").body == "body"
    assert store.claim_answer("a", "other").state == "other"
    assert store.claim_answer("a", "r", keep=0.0) == ("yours", "", False)
    assert store.applied(answer_journal("a")) == 0
    store.settle_answer("a", None)
    assert store.claim_answer("a", "r").state == "yours"


def test_every_store_compares_revisions_and_changes_nothing_of_a_batch_for_another(any_store) -> None:
    store, send = any_store, Sender(any_store)
    send(born("r"))
    first = store.run("r").revision
    assert first == store.experiment("e").revision + 1 > 0
    send(RunChanged(run="r", at=1.0, who="ann", name="x", only_revision=first))
    now = store.run("r")
    assert now.revision == store.last_change() > first
    send(Points(run="r", name="loss", steps=[0], times=[1.0], values=[1.0]))
    assert store.run("r").revision == now.revision
    send(ended("r"))
    for event in (
        RunChanged(run="r", at=2.0, name="lost", only_revision=now.revision),
        RunChanged(run="none", at=2.0, name="lost", only_revision=1),
        RunDeleted(run="r", at=2.0, only_revision=first),
        ExperimentPut(name="e", at=2.0, description="lost", only_revision=first),
        ExperimentDeleted(name="e", at=2.0, only_revision=first),
    ):
        with pytest.raises(ConflictException) as refused:
            send(RunChanged(run="r", at=2.0, name="lost"), event)
        assert "Nothing was changed" in str(refused.value)
        if isinstance(event, RunDeleted):
            assert "changed by ann (name); ended by" in str(refused.value)
    assert store.run("r").name == "x" and store.run("none") is None
    send(RunDeleted(run="r", at=3.0, only_revision=store.run("r").revision))
    assert store.run("r") is None


@pytest.mark.slow
def test_a_retry_over_the_servers_restart_and_over_two_servers(tmp_path, monkeypatch) -> None:
    import urllib.error
    import urllib.request

    from jupyter_server_process import TOKEN, Server

    from jupyter_aml.store import home
    from jupyter_aml.workspace import Workspace

    one = Server()
    monkeypatch.setenv("JUPYTER_AML_HOME", str(one.home))
    home.create(one.home / "shared", "shared")
    workspace = Workspace.from_url(str(one.home / "shared"))
    made = Experiment(workspace, "exp").start_logging(snapshot_directory=None)
    made.complete()
    workspace.connection.flush()

    def patch(server, name):
        url = f"{server.url}/aml/api/v1/runs/{made.id}?workspace=shared"
        headers = {"Authorization": f"token {TOKEN}", "Idempotency-Key": "k"}
        asked = urllib.request.Request(url, json.dumps({"name": name}).encode(), headers, method="PATCH")
        try:
            with urllib.request.urlopen(asked, timeout=30) as answer:
                return answer.status, json.loads(answer.read())["name"], answer.headers.get("Idempotency-Replayed")
        except urllib.error.HTTPError as error:
            return error.code, None, None

    two = None
    try:
        assert patch(one, "once") == (200, "once", None)
        two = Server.__new__(Server)
        two.__dict__.update(one.__dict__)
        two.port += 1
        two.url = one.url.replace(str(one.port), str(two.port))
        two.start()
        assert patch(two, "once") == (200, "once", "true")
        one.stop(signal.SIGKILL)
        one.start()
        assert patch(one, "once") == (200, "once", "true")
        assert patch(one, "other")[0] == patch(two, "other")[0] == 422
    finally:
        if two is not None:
            two.stop()
        one.remove()


def test_changes_come_behind_what_the_process_wrote_before(run) -> None:
    workspace = run.experiment.workspace
    run.tag("order", "first")
    workspace.connection.change(RunChanged(run=run.id, at=2.0, set_tags={"order": "second"}))
    assert workspace.connection.store.run(run.id).tags["order"] == "second"
