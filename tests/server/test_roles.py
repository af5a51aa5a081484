"""People: what their roles let them do, and whose name is written down."""

import json

import pytest
from people import with_roles

from jupyter_aml import Experiment, Workspace
from jupyter_aml.store import home
from jupyter_aml.store.events import Batch, ExperimentPut, RunCreated, RunDeleted, RunStatus
from jupyter_aml.store.http import wire
from jupyter_aml.store.records import RunRecord

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def jp_server_config(jp_server_config):
    return with_roles(jp_server_config)


@pytest.fixture
def ask(ask_as):
    return ask_as


def batch(first, *events, journal="theirs"):
    return wire.pack(Batch(journal=journal, first=first, count=len(events), events=events))


def born(id, **more):
    return RunCreated(
        run=RunRecord(id=id, experiment="exp", type="aml.interactive", created=1.0, status="Running", **more)
    )


async def test_each_role_may_do_what_those_below_it_may(ask) -> None:
    async def statuses(method, route, body=None):
        return [(await ask(user, method, route, body))[0] for user in ("nobody", "guest", "ben", "ann")]

    assert await statuses("GET", "runs") == [403, 200, 200, 200]
    assert await statuses("POST", "store/read/last_change", wire.dumps({"args": [], "kwargs": {}})) == [
        403,
        200,
        200,
        200,
    ]
    events = born("r"), RunStatus(run="r", status="Completed", at=2.0)
    sent = [
        (await ask(user, "POST", "store/apply", batch(0, *events, journal=f"of {user}")))[0]
        for user in ("nobody", "guest", "ben", "ann")
    ]
    assert sent == [403, 403, 200, 200]
    assert await statuses("PATCH", "runs/r", json.dumps({"name": "x"})) == [403, 403, 200, 200]
    assert await statuses("POST", "store/settings", wire.dumps({"values": {"description": "x"}})) == [
        403,
        403,
        403,
        204,
    ]
    assert await statuses("GET", "activity") == [403, 403, 403, 200]
    assert (await ask("ben", "DELETE", "runs/r"))[0] == 403
    assert (await ask("ben", "POST", "store/apply", batch(2, RunDeleted(run="r", at=3.0))))[0] == 403
    assert (await ask("ann", "DELETE", "runs/r"))[0] == 204


async def test_who_logged_in_is_who_did_it(ask) -> None:
    events = [born("r", user="root"), ExperimentPut(name="exp", at=1.0, who="root", set_tags={"a": "b"})]
    assert (await ask("ben", "POST", "store/apply", batch(0, *events)))[0] == 200
    run = json.loads((await ask("guest", "GET", "runs/r"))[1])
    assert run["user"] == "ben"
    activity = json.loads((await ask("ann", "GET", "activity?who=ben"))[1])["activity"]
    assert {(line["verb"], line["noun"]) for line in activity} >= {("created", "run"), ("changed", "experiment")}
    assert json.loads((await ask("ann", "GET", "activity?who=root"))[1])["activity"] == []


async def test_nobody_writes_to_the_journal_of_another(ask, store) -> None:
    """An entry in it would make the store skip the other's own; its name is on the run, for everybody to read."""
    assert (await ask("ann", "POST", "store/apply", batch(0, born("r"), journal="a1")))[0] == 200
    for journal in ("a1", "a1-0001"):
        first = store().applied(journal)
        status, said = await ask("ben", "POST", "store/apply", batch(first, born("x"), journal=journal))
        assert (status, said["error"]["code"]) == (403, "RunTokenException")
    done = await ask(
        "ann", "POST", "store/apply", batch(1, RunStatus(run="r", status="Completed", at=2.0), journal="a1")
    )
    assert done[0] == 200 and store().run("r").status == "Completed"
    own = Workspace.default().connection  # of a program on the server's machine, which the server itself is
    run = Experiment(Workspace.default(), "exp").start_logging(snapshot_directory=None)
    run.flush()
    first = own.store.applied(own.journal_id)
    assert (await ask("ann", "POST", "store/apply", batch(first, born("x"), journal=own.journal_id)))[0] == 403
    run.complete()
    assert run.get_status() == "Completed" and store().run("x") is None


async def test_several_workspaces_are_offered_and_no_others(ask) -> None:
    home.create(home.home() / "third", "third")
    offered = json.loads((await ask("guest", "GET", "workspaces"))[1])["workspaces"]
    assert [(w["name"], w["current"]) for w in offered] == [("default", True), ("second", False)]
    assert (await ask("ben", "POST", "store/apply?workspace=second", batch(0, born("r"))))[0] == 200
    assert (await ask("guest", "GET", "runs/r"))[0] == 404
    assert (await ask("guest", "GET", "runs/r?workspace=second"))[0] == 200
    assert (await ask("guest", "GET", "runs/r?workspace=default"))[0] == 404
    for other in ("third", "../third", "/tmp"):
        assert (await ask("guest", "GET", f"runs?workspace={other}"))[0] == 404


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("store/read/put_settings", wire.dumps({"args": [{"a": 1}], "kwargs": {}})),
        ("store/read/__init__", b"{}"),
        ("store/read/close", wire.dumps({"args": [], "kwargs": {}})),
        ("store/read/runs", b"not json"),
        ("store/read/runs", wire.dumps({"args": [], "kwargs": {"nonsense": 1}})),
        ("store/read/runs", b'{"args": [{"$": "Page"}], "kwargs": {}}'),
        ("store/read/runs", b'{"args": [{"$": "os.system"}], "kwargs": {}}'),
        ("store/read/runs", b"[" * 100_000),
        ("store/apply", b""),
        ("store/apply", b'{"journal": "", "first": 0, "count": 1}'),
        ("store/apply", b'{"journal": "j", "first": -1, "count": 1}'),
        ("store/apply", b'{"journal": "j", "first": 0, "count": 1}\n{"t": "what"}'),
        ("store/settings", b"{}"),
        ("store/blobs", b'{"a": 1}'),
    ],
)
async def test_what_is_no_request_of_the_stores_client_is_refused(ask, route, body) -> None:
    status, said = await ask("ann", "POST", route, body)
    assert status in (400, 404), said
    assert set(said["error"]) == {"code", "message"} and "Traceback" not in said["error"]["message"]


async def test_who_did_what_is_for_owners_whichever_way_it_is_asked(ask) -> None:
    asked = wire.dumps({"args": [], "kwargs": {}})
    for user, code in (("guest", 403), ("ben", 403), ("ann", 200)):
        assert (await ask(user, "GET", "activity"))[0] == code
        assert (await ask(user, "POST", "store/read/activity", asked))[0] == code


async def test_a_content_that_is_not_what_it_says_is_refused(ask) -> None:
    status, said = await ask("ben", "PUT", "store/blobs/" + "ab" * 32, b"something else")
    assert status == 400 and "sha256" in said["error"]["message"]
    assert (await ask("ben", "GET", "store/blobs/" + "ab" * 32))[0] == 404
