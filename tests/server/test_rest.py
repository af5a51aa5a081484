"""The REST interface: what it answers, and to whom."""

import json

import pytest
from tornado.httpclient import HTTPClientError

from jupyter_aml.server.extension import ROUTES
from jupyter_aml.tracking.experiment import Experiment

pytestmark = pytest.mark.timeout(60)
API = ("aml", "api", "v1")


@pytest.fixture
def run(services, jp_asyncio_loop, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    workspace = jp_asyncio_loop.run_until_complete(services.workspace())
    made = Experiment(workspace, "exp").start_logging(snapshot_directory=None)
    for i in range(5):
        made.log("loss", 1.0 / (i + 1))
    made.log("bad", float("nan"))
    (tmp_path / "a.html").write_text("<script>alert(1)</script>")
    made.upload_file("outputs/a.html", tmp_path / "a.html")
    made.complete()
    return made


async def get(jp_fetch, *parts, **params):
    response = await jp_fetch(*API, *parts, params=params)
    return json.loads(response.body)


async def test_runs_are_listed_and_shown(run, jp_fetch) -> None:
    page = await get(jp_fetch, "runs", experiment="exp", metrics="1")
    assert [r["id"] for r in page["runs"]] == [run.id]
    assert page["runs"][0]["metrics"]["loss"]["last"] == 0.2
    shown = await get(jp_fetch, "runs", run.id)
    assert shown["status"] == "Completed"
    assert shown["metrics"]["bad"]["last"] == "NaN"
    series = (await get(jp_fetch, "runs", run.id, "series", name="loss"))["series"]
    assert series[0]["total"] == 5
    assert (await get(jp_fetch, "runs", run.id, "points", name="loss"))["values"][0] == 1.0
    assert (await get(jp_fetch, "experiments"))["experiments"][0]["name"] == "exp"
    assert (await get(jp_fetch, "changes"))["last"] > 0


async def test_a_file_is_served_in_a_sandbox(run, jp_fetch) -> None:
    response = await jp_fetch(*API, "runs", run.id, "files", "outputs", "a.html")
    assert response.body == b"<script>alert(1)</script>"
    assert "sandbox" in response.headers["Content-Security-Policy"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%252e%252e/x", "/etc/passwd", "nothing"]
)
async def test_no_path_leaves_the_workspace(run, http_server_client, jp_base_url, jp_auth_header, path) -> None:
    from urllib.parse import quote

    url = f"{jp_base_url}aml/api/v1/runs/{run.id}/files/{path if '%' in path else quote(path, safe='')}"
    with pytest.raises(HTTPClientError) as refused:
        await http_server_client.fetch(url, headers=jp_auth_header)
    assert refused.value.code in (400, 404)


@pytest.mark.parametrize("route", [pattern for pattern, _ in ROUTES])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_no_route_answers_without_a_login(services, http_server_client, jp_base_url, route, method) -> None:
    path = route.replace(r"([0-9A-Za-z_.-]{1,128})", "x").replace("(.+)", "x").replace(".*", "x")
    body = "{}" if method in ("POST", "PUT", "PATCH") else None
    with pytest.raises(HTTPClientError) as refused:
        await http_server_client.fetch(
            f"{jp_base_url}aml/api/v1{path}", method=method, body=body, follow_redirects=False
        )
    assert refused.value.code in (302, 403, 405)


async def test_bad_input_is_said_in_one_shape(run, jp_fetch) -> None:
    for params in ({"where": "[1"}, {"order": "no such field"}, {"limit": "many"}, {"cursor": "x"}):
        with pytest.raises(HTTPClientError) as refused:
            await jp_fetch(*API, "runs", params=params)
        assert refused.value.code == 400, params
        assert json.loads(refused.value.response.body)["error"]["message"]


async def test_a_tag_is_changed_and_the_feed_tells(run, jp_fetch, jp_ws_fetch) -> None:
    socket = await jp_ws_fetch(*API, "live")
    assert json.loads(await socket.read_message())["type"] == "hello"
    await jp_fetch(*API, "runs", run.id, method="PATCH", body=json.dumps({"set_tags": {"k": "v"}}))
    message = json.loads(await socket.read_message())
    assert message["changes"][0]["id"] == run.id
    socket.close()
    assert (await get(jp_fetch, "runs", run.id))["tags"] == {"k": "v"}
