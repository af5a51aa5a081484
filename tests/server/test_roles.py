"""People: what their roles let them do, and whose name is written down."""

import json

import pytest
from jupyter_server.auth.identity import IdentityProvider, User
from tornado.httpclient import HTTPClientError
from traitlets.config import Config

from jupyter_aml.server.roles import RoleAuthorizer
from jupyter_aml.store import home
from jupyter_aml.store.events import Batch, ExperimentPut, RunCreated, RunDeleted, RunStatus
from jupyter_aml.store.http import wire
from jupyter_aml.store.records import RunRecord

pytestmark = pytest.mark.timeout(60)


class ByHeader(IdentityProvider):
    """Whoever the header says: as a proxy with a login of its own tells it."""

    def get_user(self, handler):
        name = handler.request.headers.get("X-User")
        return User(username=name) if name else None


@pytest.fixture
def jp_server_config(jp_server_config):
    jp_server_config["ServerApp"] |= {
        "identity_provider_class": ByHeader, "authorizer_class": RoleAuthorizer, "disable_check_xsrf": True,
    }  # fmt: skip
    jp_server_config["RoleAuthorizer"] = {
        "roles": {"ann": "owner", "ben": "contributor", "nobody": "none"}, "default_role": "reader",
    }  # fmt: skip
    jp_server_config["JupyterAML"]["workspaces"] = ["second"]
    return Config(jp_server_config)


@pytest.fixture
def ask(services, http_server_client, jp_base_url):
    async def request(user, method, route, body=None):
        try:
            answer = await http_server_client.fetch(
                f"{jp_base_url}aml/api/v1/{route}", method=method, headers={"X-User": user}, body=body
            )
        except HTTPClientError as error:
            return error.code, json.loads(error.response.body or b"null")
        return answer.code, answer.body

    return request


def batch(first, *events):
    return wire.pack(Batch(journal="theirs", first=first, count=len(events), events=events))


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
    assert await statuses(
        "POST", "store/apply", batch(0, born("r"), RunStatus(run="r", status="Completed", at=2.0))
    ) == [403, 403, 200, 200]
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


async def test_a_content_that_is_not_what_it_says_is_refused(ask) -> None:
    status, said = await ask("ben", "PUT", "store/blobs/" + "ab" * 32, b"something else")
    assert status == 400 and "sha256" in said["error"]["message"]
    assert (await ask("ben", "GET", "store/blobs/" + "ab" * 32))[0] == 404
