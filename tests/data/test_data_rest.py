"""Datastores and secrets over REST: who may see what, and what nobody is told."""

import json
from urllib.parse import quote

import pytest
from jupyter_server.auth.identity import IdentityProvider, User
from tornado.httpclient import HTTPClientError
from traitlets.config import Config

from jupyter_aml.data.datastore import Datastore
from jupyter_aml.server.roles import RoleAuthorizer
from jupyter_aml.store import run_token
from jupyter_aml.store.events import Batch, RunCreated
from jupyter_aml.store.records import RunRecord

pytestmark = pytest.mark.timeout(60)
SECRET = "pl4nted-for-rest"


class ByHeader(IdentityProvider):
    """Whoever the header says."""

    def get_user(self, handler):
        name = handler.request.headers.get("X-User")
        return User(username=name) if name else None


@pytest.fixture
def jp_server_config():
    return Config(
        {
            "ServerApp": {
                "jpserver_extensions": {"jupyter_aml": True}, "identity_provider_class": ByHeader,
                "authorizer_class": RoleAuthorizer, "disable_check_xsrf": True,
            },
            "RoleAuthorizer": {"roles": {"ann": "owner", "ben": "contributor", "rea": "reader"}},
        }
    )  # fmt: skip


@pytest.fixture
def ws(jp_serverapp, jp_asyncio_loop):
    jp_asyncio_loop.run_until_complete(jp_serverapp.extension_manager.start_all_extensions())
    yield jp_asyncio_loop.run_until_complete(jp_serverapp.web_app.settings["jupyter_aml"].workspace())
    jp_asyncio_loop.run_until_complete(jp_serverapp.extension_manager.stop_all_extensions())


@pytest.fixture
def ask(ws, http_server_client, jp_base_url):
    async def request(user, method, route, body=None, raw=False):
        headers = {"Authorization": f"token {user}"} if user.startswith("amlrun.") else {"X-User": user}
        body = json.dumps(body).encode() if isinstance(body, dict) else body
        try:
            answer = await http_server_client.fetch(
                f"{jp_base_url}aml/api/v1/{route}", method=method, headers=headers, body=body
            )
        except HTTPClientError as error:
            return error.code, (error.response.body if error.response else b"").decode()
        assert SECRET.encode() not in answer.body or route.endswith("/value")
        assert SECRET not in str(dict(answer.headers))
        return answer.code, answer.body if raw else json.loads(answer.body or b"null")

    return request


async def test_a_secret_is_told_to_those_who_may_write_and_to_runs(ws, ask):
    assert (await ask("ben", "PUT", "secrets/db", {"value": SECRET}))[0] == 200
    status, found = await ask("rea", "GET", "secrets")
    assert status == 200 and [s["name"] for s in found["secrets"]] == ["db"] and "value" not in found["secrets"][0]
    assert await ask("ben", "GET", "store/secrets/db/value") == (200, {"value": SECRET})
    for who, method, route, body in [
        ("rea", "GET", "store/secrets/db/value", None), ("rea", "PUT", "secrets/db", {"value": "x"}),
        ("ben", "DELETE", "secrets/db", None), ("rea", "PUT", "store/secrets/db", {"value": "x"}),
    ]:  # fmt: skip
        assert (await ask(who, method, route, body))[0] == 403, (who, method, route)
    assert (await ask("ben", "GET", "store/secrets/absent/value"))[0] == 404
    for body in ({}, {"value": 5}, {"value": SECRET, "more": 1}, b"no json " + SECRET.encode()):
        status, said = await ask("ben", "PUT", "secrets/db", body)
        assert status == 400 and SECRET not in said
    assert (await ask("ben", "PUT", f"secrets/{quote('datastore:x', safe='')}", {"value": "x"}))[0] == 400
    run = RunRecord(id="r1", experiment="e", type="aml.interactive", created=1.0, status="Running", user="ben")
    ws.connection.store.apply(Batch(journal="j", first=0, count=1, events=[RunCreated(run=run)]))
    token = run_token.mint(ws.id, "r1", "e")
    assert await ask(token, "GET", "store/secrets/db/value") == (200, {"value": SECRET})
    assert (await ask(token, "PUT", "store/secrets/db", {"value": "x"}))[0] == 403
    assert (await ask(token, "GET", "secrets"))[0] == 403
    gone = run_token.mint(ws.id, "r2", "e")
    assert (await ask(gone, "GET", "store/secrets/db/value"))[0] in (401, 403)
    tags = ws.connection.store.asset("secret", "db").tags["read"]
    assert tags.endswith("by ben in run r1"), "who read it last is in the feed"
    assert (await ask("ann", "DELETE", "secrets/db"))[0] == 204
    assert (await ask("ann", "DELETE", "secrets/db"))[0] == 404


async def test_datastores_are_listed_browsed_and_read(ws, ask, tmp_path):
    Datastore.register_http(ws, "web", "http://127.0.0.1:1/x", username="u", password=SECRET)
    status, found = await ask("rea", "GET", "datastores")
    assert status == 200 and found["default"] == "workspaceblobstore"
    assert [d["name"] for d in found["datastores"]] == ["workspaceblobstore", "workspacefilestore", "web"]
    assert found["datastores"][2]["credentials"] == ["password"]
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    for n in range(25):
        (source / f"{n:02}.txt").write_text("x" * n)
    (source / "sub" / "a.html").write_text("<script>")
    ws.get_default_datastore().upload(source, show_progress=False)
    names, cursor = [], ""
    while cursor is not None:
        _, page = await ask("rea", "GET", f"datastores/workspaceblobstore/tree?limit=10&cursor={quote(cursor)}")
        names += [entry["path"] for entry in page["entries"]]
        cursor = page["next"]
    assert names == ["sub", *(f"{n:02}.txt" for n in range(25))]
    status, body = await ask("rea", "GET", "datastores/workspaceblobstore/file?path=sub/a.html", raw=True)
    assert (status, body) == (200, b"<script>")
    for path in ("../workspace.db", "/etc/passwd", "%252e%252e/workspace.db", "a%00b"):
        for route in ("tree", "file"):
            assert (await ask("rea", "GET", f"datastores/workspaceblobstore/{route}?path={path}"))[0] == 400, path
    assert (await ask("rea", "GET", "datastores/workspaceblobstore/file?path=absent"))[0] == 404
    assert (await ask("rea", "GET", "datastores/workspaceblobstore/file?path=sub"))[0] == 400
    assert (await ask("rea", "GET", "datastores/absent"))[0] == 404
    status, said = await ask("rea", "GET", "datastores/web/tree")
    assert status == 503 and SECRET not in said
    assert (await ask("rea", "PUT", "store/datastores/workspaceblobstore/files?path=x", b"data"))[0] == 403
    assert (await ask("ben", "PUT", "store/datastores/workspaceblobstore/files?path=x", b"data"))[0] == 200
    assert (await ask("ben", "PUT", "store/datastores/workspaceblobstore/files?path=../x", b"data"))[0] == 400
    assert (await ask("rea", "PATCH", "datastores/web", {"default": True}))[0] == 403
    assert (await ask("ben", "PATCH", "datastores/web", {"default": True}))[0] == 200
    assert (await ask("ben", "DELETE", "datastores/web"))[0] == 403
    assert (await ask("ann", "DELETE", "datastores/web"))[0] == 204
    assert (await ask("rea", "GET", "datastores"))[1]["default"] == "workspaceblobstore"
