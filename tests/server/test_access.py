"""Who may do what, as the server's Authorizer says. test_walk.py asks at every door."""

import json
import warnings

import pytest
from jupyter_server.auth.authorizer import Authorizer
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import JupyterServerAuthWarning
from tornado.httpclient import HTTPClientError
from walk import doors

from jupyter_aml.server.extension import ROUTES
from jupyter_aml.tracking.experiment import Experiment

pytestmark = pytest.mark.timeout(60)
API = ("aml", "api", "v1")
WRITES = [
    ("PATCH", "experiments/exp", "jupyter_aml:experiments"),
    ("DELETE", "experiments/exp", "jupyter_aml:experiments"),
    ("PATCH", "runs/{run}", "jupyter_aml:runs"),
    ("DELETE", "runs/{run}", "jupyter_aml:runs"),
    ("POST", "runs/{run}/cancel", "jupyter_aml:runs"),
    ("PUT", "notebooks/tracking", "jupyter_aml:notebooks"),
    ("POST", "store/apply", "jupyter_aml:store"),
    ("POST", "store/settings", "jupyter_aml:store"),
    ("PUT", "store/blobs/" + "0" * 64, "jupyter_aml:store"),
]
READS = [
    "info",
    "workspaces",
    "experiments",
    "experiments/exp",
    "runs",
    "runs/{run}",
    "runs/{run}/series",
    "runs/{run}/points?name=loss",
    "runs/{run}/files",
    "runs/{run}/text?path=logs/x.txt",
    "runs/{run}/diff",
    "notebooks/tracking?path=a.ipynb",
    "changes",
    "activity",
]


class ReadOnly(Authorizer):
    """Lets everybody look and nobody touch."""

    asked: list[tuple[str, str]] = []

    def is_authorized(self, handler, user, action, resource):
        self.asked.append((action, resource))
        return action == "read"


class Nobody(Authorizer):
    """Lets nobody do anything."""

    def is_authorized(self, handler, user, action, resource):
        return False


@pytest.fixture
def authorizer():
    return None


@pytest.fixture
def jp_server_config(jp_server_config, authorizer):
    if authorizer is not None:
        jp_server_config["ServerApp"]["authorizer_class"] = authorizer
    return jp_server_config


@pytest.fixture
def run(services, jp_asyncio_loop, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    workspace = jp_asyncio_loop.run_until_complete(services.workspace())
    made = Experiment(workspace, "exp").start_logging(snapshot_directory=None)
    made.log("loss", 1)
    made.flush()
    yield made
    made.complete()


def body_of(method):
    return "{}" if method in ("POST", "PUT", "PATCH") else None


async def status_of(fetch, *args, **kwargs):
    try:
        return (await fetch(*args, **kwargs)).code
    except HTTPClientError as error:
        return error.code


@pytest.mark.parametrize("authorizer", [ReadOnly])
async def test_who_may_only_read_can_write_nothing(run, http_server_client, jp_base_url, jp_auth_header) -> None:
    async def ask(method, path):
        url = f"{jp_base_url}aml/api/v1/{path.format(run=run.id)}"
        return await status_of(
            http_server_client.fetch, url, method=method, headers=jp_auth_header, body=body_of(method)
        )

    assert {path: await ask("GET", path) for path in READS} == dict.fromkeys(READS, 200)
    ReadOnly.asked.clear()
    assert [await ask(method, path) for method, path, _ in WRITES] == [403] * len(WRITES)
    assert [resource for action, resource in ReadOnly.asked] == [resource for _, _, resource in WRITES]
    assert run.get_status() == "Running"


@pytest.mark.parametrize("authorizer", [ReadOnly])
async def test_who_may_read_may_listen(run, jp_ws_fetch) -> None:
    socket = await jp_ws_fetch(*API, "live")
    assert json.loads(await socket.read_message())["type"] == "hello"
    socket.close()


@pytest.mark.parametrize("authorizer", [Nobody])
async def test_who_may_nothing_gets_nothing(run, jp_ws_fetch, http_server_client, jp_base_url, jp_auth_header) -> None:
    assert await status_of(jp_ws_fetch, *API, "live") == 403
    for door in doors(run_id=run.id):
        url = f"{jp_base_url}aml/api/v1/{door.path}"
        method = door.verb.upper()
        got = await status_of(
            http_server_client.fetch, url, method=method, headers=jp_auth_header, body=body_of(method)
        )
        assert got == 403, str(door)


async def test_every_read_answers(run, http_server_client, jp_base_url, jp_auth_header) -> None:
    for path in READS:
        url = f"{jp_base_url}aml/api/v1/{path.format(run=run.id)}"
        response = await http_server_client.fetch(url, headers=jp_auth_header)
        assert response.code == 200, path
        json.loads(response.body, parse_constant=pytest.fail)


async def test_no_handler_forgot_its_login(jp_serverapp, jp_base_url) -> None:
    class Forgetful(JupyterHandler):
        def get(self):
            self.finish("open")

    def register(routes):
        with warnings.catch_warnings():
            warnings.simplefilter("error", JupyterServerAuthWarning)
            jp_serverapp.web_app.add_handlers(".*$", [(f"{jp_base_url}again{p}", handler) for p, handler in routes])

    jp_serverapp.web_app.settings["allow_unauthenticated_access"] = False
    register(ROUTES)
    with pytest.raises(JupyterServerAuthWarning):
        register([("/x", Forgetful)])
