"""The REST interface: what it answers, and to whom."""

import asyncio
import hashlib
import json
import os
import sys
from urllib.parse import quote

import pytest
from tornado.httpclient import HTTPClientError

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


async def test_bad_input_is_said_in_one_shape(run, jp_fetch) -> None:
    for params, named in [
        ({"filter": "metrics.loss >"}, ""),
        ({"order": "no such field"}, ""),
        ({"limit": "many"}, "many"),
        ({"limit": "0"}, "from 1 on"),
        ({"cursor": "x"}, ""),
        ({"status": "Bogus"}, "Failed"),
        ({"experment": "exp"}, "experiment"),
    ]:
        with pytest.raises(HTTPClientError) as refused:
            await jp_fetch(*API, "runs", params=params)
        assert refused.value.code == 400, params
        assert named in json.loads(refused.value.response.body)["error"]["message"]
    assert (await get(jp_fetch, "runs", **{"1795541137476": ""}))["runs"]  # as JupyterLab asks, past every cache


async def test_a_page_that_is_ahead_of_the_feed_is_told_to_load_anew(run, jp_fetch, jp_ws_fetch) -> None:
    last = (await get(jp_fetch, "info"))["last_change"]
    socket = await jp_ws_fetch(*API, "live", params={"after": str(last + 999_999)})
    said = [json.loads(await socket.read_message()) for _ in range(2)]
    assert said == [{"type": "hello", "last": last}, {"type": "reset", "last": last}]
    socket.close()


@pytest.mark.parametrize("after", ["abc", "-1", "1e3", "9" * 30])
async def test_what_is_no_place_in_the_feed_is_refused(run, jp_ws_fetch, after) -> None:
    with pytest.raises(HTTPClientError) as refused:
        await jp_ws_fetch(*API, "live", params={"after": after})
    assert refused.value.code == 400


async def test_a_tag_is_changed_and_the_feed_tells(run, jp_fetch, jp_ws_fetch) -> None:
    socket = await jp_ws_fetch(*API, "live")
    assert json.loads(await socket.read_message())["type"] == "hello"
    await jp_fetch(*API, "runs", run.id, method="PATCH", body=json.dumps({"set_tags": {"k": "v"}}))
    message = json.loads(await socket.read_message())
    assert message["changes"][0]["id"] == run.id
    socket.close()
    assert (await get(jp_fetch, "runs", run.id))["tags"] == {"k": "v"}


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("outputs/a.html", b"<script>alert(1)</script>", "text/html; charset=utf-8"),
        ("outputs/a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
        ("outputs/empty.png", b"", "image/png"),
        ("outputs/a.exe", b"MZ", "application/octet-stream"),
        ("outputs/a.js", b"alert(1)", "application/octet-stream"),
        ("outputs/no suffix \u00fc\"';.txt", b"x", "text/plain; charset=utf-8"),
        ("outputs/large.bin", bytes(range(256)) * 8000, "application/octet-stream"),
    ],
)
async def test_a_files_type_is_that_of_its_name_and_nothing_runs(run, jp_fetch, tmp_path, name, content, kind) -> None:
    (tmp_path / "f").write_bytes(content)
    again = Experiment(run.experiment.workspace, "exp").start_logging(snapshot_directory=None)
    again.upload_file(name, tmp_path / "f")
    again.complete()
    parts = ("runs", again.id, "files", *name.split("/"))
    response = await jp_fetch(*API, *parts)
    assert response.body == content
    assert response.headers["Content-Type"] == kind
    assert response.headers["Content-Security-Policy"].startswith("sandbox;")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    etag = response.headers["Etag"]
    assert etag == f'"{hashlib.sha256(content).hexdigest()}"'
    assert response.headers["Content-Disposition"].startswith("inline; filename*=UTF-8''")
    assert all(c not in response.headers["Content-Disposition"][20:] for c in '"\\/\r\n ')
    with pytest.raises(HTTPClientError) as same:
        await jp_fetch(*API, *parts, headers={"If-None-Match": f'"x", W/{etag}'})
    assert same.value.code == 304
    saved = await jp_fetch(*API, *parts, params={"download": "1"})
    assert saved.headers["Content-Disposition"].startswith("attachment;")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_a_reader_who_leaves_in_the_middle_leaves_nothing_open(
    services, http_server, jp_http_port, jp_base_url, jp_serverapp, tmp_path, eventually, caplog
) -> None:
    workspace = await services.workspace()
    with open(tmp_path / "big", "wb") as file:
        file.truncate(200_000_000)
    made = await services.call(lambda: Experiment(workspace, "exp").start_logging(snapshot_directory=None))
    await services.call(made.upload_file, "outputs/big", str(tmp_path / "big"))
    await services.call(made.complete)
    digest = workspace.connection.store.files(made.id)[0].digest

    def opened():
        return [fd for fd in os.listdir("/proc/self/fd") if digest[2:] in os.path.realpath(f"/proc/self/fd/{fd}")]

    reader, writer = await asyncio.open_connection("127.0.0.1", jp_http_port)
    head = (
        f"GET {jp_base_url}aml/api/v1/runs/{made.id}/files/outputs/big HTTP/1.1\r\nHost: 127.0.0.1:{jp_http_port}\r\n"
    )
    writer.write(f"{head}Authorization: token {jp_serverapp.identity_provider.token}\r\n\r\n".encode())
    assert b"200 OK" in await reader.readline()
    await reader.read(100_000)
    assert opened()
    writer.transport.abort()
    await eventually(lambda: not opened())
    assert not [r for r in caplog.records if r.levelno >= 40 and r.exc_info]


async def test_a_growing_text_is_read_on(services, jp_fetch, jp_asyncio_loop) -> None:
    from jupyter_aml.store.events import TextLogged

    workspace = await services.workspace()
    made = await services.call(lambda: Experiment(workspace, "exp").start_logging(snapshot_directory=None))
    write = workspace.connection.write
    write(TextLogged(run=made.id, path="logs/a.txt", text="one ü\n", at=1.0))
    first = await get(jp_fetch, "runs", made.id, "text", path="logs/a.txt")
    assert first == {"text": "one ü\n", "next": 6}
    write(TextLogged(run=made.id, path="logs/a.txt", text="two\n", at=2.0))
    assert (await get(jp_fetch, "runs", made.id, "text", path="logs/a.txt", start="6"))["text"] == "two\n"
    whole = await jp_fetch(*API, "runs", made.id, "files", "logs", "a.txt")
    assert whole.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert whole.body.decode() == "one ü\ntwo\n"
    await services.call(made.complete)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "runs/{run}", "[1]"),
        ("PATCH", "runs/{run}", "{"),
        ("PATCH", "runs/{run}", "[" * 100_000),
        ("PATCH", "runs/{run}", json.dumps({"description": "x" * 1_000_001})),
        ("PATCH", "runs/{run}", '{"colour": 1}'),
        ("PATCH", "runs/{run}", '{"name": 5}'),
        ("PATCH", "runs/{run}", '{"set_tags": ["a"]}'),
        ("PATCH", "runs/{run}", '{"set_tags": {"": "a"}}'),
        ("PATCH", "experiments/exp", '{"archived": "yes"}'),
        ("PATCH", "experiments/exp", '{"drop_tags": "abc"}'),
        ("PATCH", "experiments/exp", '{"description": 1}'),
        ("PUT", "notebooks/tracking", "{}"),
        ("PUT", "notebooks/tracking", '{"path": "/", "tracked": true}'),
        ("PUT", "notebooks/tracking", '{"path": "a.ipynb", "tracked": "yes"}'),
        ("GET", "runs/{run}/series?axis=z", None),
        ("GET", "runs/{run}/series?start=nan", None),
        ("GET", "runs/{run}/points", None),
        ("GET", "runs?limit=1e9", None),
        ("GET", "runs?filter=metrics.x", None),
        ("GET", "runs?filter=" + quote("metrics.x > 1 OR 1=1"), None),
        ("GET", "runs?filter=" + quote("name = 'x' OR '1'='1'; DROP TABLE run;--"), None),
        ("GET", "runs?filter=" + quote("name = 'x"), None),
        ("GET", "runs?filter=" + quote("name = \0\x1b[2J"), None),
        ("GET", "runs?filter=%ff%fe", None),
        ("GET", "runs?filter=" + quote("(" * 500), None),
        ("GET", "runs?filter=" + quote("number in (" + "1," * 5000 + "1)"), None),
        ("GET", "runs?filter=" + "x" * 30_000, None),
        ("GET", "runs?" + "&".join(["filter=" + quote(" or ".join(["id = a"] * 300))] * 2), None),
    ],
)
async def test_what_cannot_be_is_a_400_that_says_why(
    run, http_server_client, jp_base_url, jp_auth_header, method, path, body
) -> None:
    url = f"{jp_base_url}aml/api/v1/{path.format(run=run.id)}"
    with pytest.raises(HTTPClientError) as refused:
        await http_server_client.fetch(url, method=method, headers=jp_auth_header, body=body)
    assert refused.value.code == 400
    error = json.loads(refused.value.response.body)["error"]
    assert error["code"] and error["message"]
    assert "Traceback" not in error["message"] and "SELECT" not in error["message"]


@pytest.mark.parametrize(
    "path", ["runs/none", "runs/none/files", "runs/none/diff", "experiments/none", "nowhere/at/all"]
)
async def test_what_is_not_there_is_a_404(services, jp_fetch, path) -> None:
    with pytest.raises(HTTPClientError) as refused:
        await jp_fetch(*API, *path.split("/"))
    assert refused.value.code == 404
    assert json.loads(refused.value.response.body)["error"]["message"]


async def test_what_still_runs_is_not_deleted(services, jp_fetch) -> None:
    workspace = await services.workspace()
    made = await services.call(lambda: Experiment(workspace, "exp").start_logging(snapshot_directory=None))
    for path in (("runs", made.id), ("experiments", "exp")):
        with pytest.raises(HTTPClientError) as refused:
            await jp_fetch(*API, *path, method="DELETE")
        assert refused.value.code == 409
    await services.call(made.complete)
    for path in (("runs", made.id), ("experiments", "exp")):
        assert (await jp_fetch(*API, *path, method="DELETE")).code == 204
    assert (await get(jp_fetch, "experiments"))["experiments"] == []


async def test_a_run_is_cancelled_once(services, jp_fetch) -> None:
    workspace = await services.workspace()
    made = await services.call(lambda: Experiment(workspace, "exp").start_logging(snapshot_directory=None))
    answer = await jp_fetch(*API, "runs", made.id, "cancel", method="POST", body="")
    assert json.loads(answer.body)["status"] == "Canceled"
    with pytest.raises(HTTPClientError) as refused:
        await jp_fetch(*API, "runs", made.id, "cancel", method="POST", body="")
    assert refused.value.code == 409


async def test_an_experiment_is_described_archived_and_taken_back(run, jp_fetch) -> None:
    async def patch(**body):
        answer = await jp_fetch(*API, "experiments", "exp", method="PATCH", body=json.dumps(body))
        return json.loads(answer.body)

    changed = await patch(set_tags={"a": "1", "b": None}, description="why", archived=True)
    assert (changed["tags"], changed["description"]) == ({"a": "1", "b": None}, "why")
    assert (await get(jp_fetch, "experiments"))["experiments"] == []
    assert (await get(jp_fetch, "experiments", archived="1"))["experiments"][0]["name"] == "exp"
    assert (await patch(archived=False, drop_tags=["b"]))["tags"] == {"a": "1"}
    assert (await get(jp_fetch, "experiments"))["experiments"][0]["name"] == "exp"


async def test_who_changed_it_is_written_down(run, jp_fetch) -> None:
    before = (await get(jp_fetch, "info"))["last_change"]
    await jp_fetch(*API, "runs", run.id, method="PATCH", body='{"name": "better"}')
    changes = (await get(jp_fetch, "changes", after=str(before)))["changes"]
    assert [c["verb"] for c in changes] == ["changed"]
    assert changes[0]["who"].startswith("Anonymous ")  # nobody logged in by name


async def test_pages_follow_one_another(services, jp_fetch) -> None:
    workspace = await services.workspace()

    def make(i):
        made = Experiment(workspace, "exp").start_logging(snapshot_directory=None, display_name=f"n{i}")
        made.log("loss", i)
        made.complete()

    for i in range(5):
        await services.call(make, i)
    seen, cursor = [], ""
    while cursor is not None:
        page = await get(jp_fetch, "runs", limit="2", order="metrics.loss", metrics="1", cursor=cursor)
        seen += [r["metrics"]["loss"]["last"] for r in page["runs"]]
        cursor = page["next"]
    assert seen == [0, 1, 2, 3, 4]
    page = await get(jp_fetch, "runs", filter='metrics.loss >= 3 or name = "n0"')
    assert [r["name"] for r in page["runs"]] == ["n4", "n3", "n0"]
    answer = await jp_fetch(*API, "runs", params=[("filter", "metrics.loss >= 3"), ("filter", "not name = n4")])
    assert [r["name"] for r in json.loads(answer.body)["runs"]] == ["n3"]


# -- live ------------------------------------------------------------------------------------------------------------
async def test_experiments_and_files_come_in_pages_too(services, jp_fetch, tmp_path) -> None:
    workspace = await services.workspace()
    (tmp_path / "x").write_text("x")
    for i in range(7):
        made = Experiment(workspace, f"e{i}").start_logging(snapshot_directory=None)
        made.upload_file(f"outputs/ä{i}", str(tmp_path / "x"))
    for i in range(6):
        made.upload_file(f"outputs/ä{i}", str(tmp_path / "x"))
    made.complete()
    for parts, noun, key in ((["experiments"], "experiments", "name"), (["runs", made.id, "files"], "files", "path")):
        whole = await get(jp_fetch, *parts)
        assert whole["next"] is None and len(whole[noun]) == 7
        found, cursor = [], ""
        while cursor is not None:
            page = await get(jp_fetch, *parts, limit="3", **({"cursor": cursor} if cursor else {}))
            assert len(page[noun]) <= 3
            found += [one[key] for one in page[noun]]
            cursor = page["next"]
        assert found == [one[key] for one in whole[noun]]
        with pytest.raises(HTTPClientError) as refused:
            await get(jp_fetch, *parts, cursor="ü!")
        assert refused.value.code == 400


async def test_the_list_of_a_stores_contents_is_not_for_the_token_of_a_run(services, jp_serverapp, jp_fetch) -> None:
    made = Experiment(await services.workspace(), "e").start_logging(snapshot_directory=None)
    token = json.loads((await jp_fetch(*API, "runs", made.id, "token", method="POST", body="{}")).body)["token"]
    with pytest.raises(HTTPClientError) as refused:
        await jp_fetch(*API, "store", "blobs", headers={"Authorization": f"token {token}"})
    assert refused.value.code == 403
    made.complete()


async def told(socket, kind):
    while True:
        message = json.loads(await asyncio.wait_for(socket.read_message(), 20))
        if message["type"] == kind:
            return message


async def test_a_page_that_was_away_is_told_what_it_missed(run, jp_fetch, jp_ws_fetch) -> None:
    last = (await get(jp_fetch, "info"))["last_change"]
    await jp_fetch(*API, "runs", run.id, method="PATCH", body='{"name": "better"}')
    socket = await jp_ws_fetch(*API, "live", params={"after": str(last)})
    missed = await told(socket, "changes")
    assert [c["id"] for c in missed["changes"]] == [run.id]
    assert missed["last"] > last
    socket.close()
    ahead = await jp_ws_fetch(*API, "live", params={"after": str(missed["last"] + 1000)})
    assert (await told(ahead, "reset"))["last"] == missed["last"]
    ahead.close()


async def test_a_page_too_far_behind_loads_anew(run, jp_fetch, jp_ws_fetch, monkeypatch) -> None:
    monkeypatch.setattr("jupyter_aml.server.live.TOO_FAR", 1)
    socket = await jp_ws_fetch(*API, "live", params={"after": "0"})
    assert (await told(socket, "reset"))["last"] == (await get(jp_fetch, "info"))["last_change"]
    socket.close()


async def test_a_burst_is_told_in_few_lines(services, jp_ws_fetch) -> None:
    workspace = await services.workspace()
    socket = await jp_ws_fetch(*API, "live")
    await told(socket, "hello")

    def burst():
        made = Experiment(workspace, "exp").start_logging(snapshot_directory=None)
        for i in range(2000):
            made.log(f"m{i % 3}", i)
        made.complete()
        return made.id

    run_id = await services.call(burst)
    lines, names, status = 0, set(), ""
    while status != "Completed":
        for change in (await told(socket, "changes"))["changes"]:
            if change["id"] == run_id:
                lines += 1
                status = change["data"].get("status") or status
                names |= set(change["data"].get("metrics") or ())
    assert names == {"m0", "m1", "m2"}
    assert lines < 20
    socket.close()


async def test_nobody_listens_and_nothing_is_polled(services, jp_ws_fetch, eventually) -> None:
    feed = services.live
    assert feed._task is None
    one, two = await jp_ws_fetch(*API, "live"), await jp_ws_fetch(*API, "live")
    await told(one, "hello")
    await told(two, "hello")
    await eventually(lambda: len(feed._listeners) == 2)
    assert not feed._task.done()
    one.close()
    two.close()
    await eventually(feed._task.done)
    again = await jp_ws_fetch(*API, "live")
    assert (await told(again, "hello"))["last"] >= 0
    await again.write_message('{"type": "ping"}')
    await again.write_message("no json")
    assert await told(again, "pong")
    again.close()
