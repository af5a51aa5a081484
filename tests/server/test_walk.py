"""Every route, HTTP and websocket, walked: without a login, as a reader, from another site, with hostile paths and bodies.

The routes come from the list that the server registers (walk.py), so that a new one is walked, too.
"""

import json
import re
from urllib.parse import quote

import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect
from traitlets.config import Config
from walk import doors, is_socket

from jupyter_aml.server import remote, streams
from jupyter_aml.server.base import MAX_BODY
from jupyter_aml.server.extension import ROUTES
from jupyter_aml.server.roles import RoleAuthorizer
from jupyter_aml.store.http import wire
from jupyter_aml.store.records import And, Condition, Not, Or, RunQuery
from jupyter_aml.tracking.experiment import Experiment

pytestmark = pytest.mark.timeout(120)
WRITES = ("post", "put", "patch", "delete")
READ_BY_POST = {"ReadHandler", "BlobsHandler"}
"""POSTs that change nothing: what they ask for may be long. Any other POST is a change."""
XSRF = "ab" * 16
CLOSED = {"ActivityHandler", "SecretValueHandler"}
"""GETs that take more than the right to read."""
WHOLE = {"ComputeHandler", "DatasetHandler", "DatastoreHandler", "ModelAliasHandler", "SecretHandler"}
"""Things that are replaced, resized or removed as a whole: they have no versions over REST."""


@pytest.fixture
def authorizer():
    return None


@pytest.fixture
def jp_server_config(jp_server_config, authorizer):
    if authorizer is not None:
        jp_server_config["ServerApp"]["authorizer_class"] = authorizer
        jp_server_config["RoleAuthorizer"] = {"default_role": "reader"}
    return Config(jp_server_config)


@pytest.fixture
def run(services, jp_asyncio_loop, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.html").write_text("<p>fine</p>")
    made = Experiment(jp_asyncio_loop.run_until_complete(services.workspace()), "exp").start_logging(
        snapshot_directory=None
    )
    made.log("loss", 1)
    made.upload_file("outputs/a.html", "a.html")
    made.flush()
    yield made
    made.complete()


@pytest.fixture
def ask(http_server_client, jp_base_url):
    async def request(door, body=b"{}", path=None, **headers):
        try:
            return await http_server_client.fetch(
                f"{jp_base_url}aml/api/v1/{door.path if path is None else path}", method=door.verb.upper(),
                headers=headers, body=body if door.verb in WRITES[:3] else None, follow_redirects=False,
                allow_nonstandard_methods=True, request_timeout=60,
            )  # fmt: skip
        except HTTPClientError as error:
            return error.response

    return request


@pytest.fixture
def cookie(http_server_client, jp_base_url, jp_serverapp, services, jp_asyncio_loop):
    """A browser's session, with the XSRF cookie in it."""
    token = jp_serverapp.identity_provider.token
    first = jp_asyncio_loop.run_until_complete(http_server_client.fetch(f"{jp_base_url}aml/api/v1/info?token={token}"))
    return "; ".join([*(c.split(";")[0] for c in first.headers.get_list("Set-Cookie")), f"_xsrf={XSRF}"])


def one_shape(answer):
    """An error as ours are: for programs, and without a trace of what is behind it."""
    error = json.loads(answer.body)["error"]
    assert set(error) == {"code", "message"} and error["code"], answer.body
    for betrayed in ("Traceback", "sqlalchemy", "SELECT run.", "SELECT experiment.", "site-packages"):
        assert betrayed not in error["message"]


def test_there_are_routes_to_walk() -> None:
    assert len(list(doors())) > 30 and sum(is_socket(handler) for _, handler in ROUTES) == 1
    assert all(handler.auth_resource.startswith("jupyter_aml:") for _, handler in ROUTES)


def test_every_change_of_a_thing_heeds_the_version_that_was_read() -> None:
    for door in doors():
        if door.verb in ("patch", "put", "delete") and not door.path.startswith("store/"):
            assert door.verb in door.handler.conditional or door.handler.__name__ in WHOLE, str(door)


# -- who asks ----------------------------------------------------------------------------------------------------
async def test_nobody_is_let_in_without_a_login(run, ask, http_server, jp_http_port, jp_base_url) -> None:
    for door in doors(run_id=run.id):
        for headers in ({}, {"Authorization": "token wrong"}, {"Authorization": "Bearer "}):
            answer = await ask(door, **headers)
            assert answer.code == 403, (str(door), headers)
            if not is_socket(door.handler):
                one_shape(answer)
        if is_socket(door.handler):
            with pytest.raises(HTTPClientError) as refused:
                await websocket_connect(f"ws://127.0.0.1:{jp_http_port}{jp_base_url}aml/api/v1/{door.path}")
            assert refused.value.code == 403
    assert run.get_status() == "Running"


@pytest.mark.parametrize("authorizer", [RoleAuthorizer])
async def test_a_reader_reads_and_changes_nothing(run, ask, jp_auth_header, services) -> None:
    store = (await services.workspace()).connection.store
    last = store.last_change()
    for door in doors(run_id=run.id):
        name = door.handler.__name__
        answer = await ask(door, **jp_auth_header)
        reads = (door.verb == "get" and name not in CLOSED) or (door.verb == "post" and name in READ_BY_POST)
        assert (answer.code == 403) != reads, (str(door), answer.code)
        assert answer.code < 500, (str(door), answer.body)
    assert store.last_change() == last and run.get_status() == "Running"


async def test_another_sites_page_reaches_nothing(run, ask, cookie, http_server, jp_http_port, jp_base_url) -> None:
    own = f"http://127.0.0.1:{jp_http_port}"
    door = next(d for d in doors(run_id=run.id) if d.verb == "patch" and d.handler.__name__ == "RunHandler")
    assert (await ask(door, Cookie=cookie, Origin=own, **{"X-XSRFToken": XSRF})).code == 200  # the server's own page
    for door in doors(run_id=run.id):
        for origin in ("https://elsewhere.example", "null", f"{own}.elsewhere.example"):
            answer = await ask(door, Cookie=cookie, Origin=origin, **{"X-XSRFToken": XSRF})
            if is_socket(door.handler):
                url = f"ws://127.0.0.1:{jp_http_port}{jp_base_url}aml/api/v1/{door.path}"
                with pytest.raises(HTTPClientError) as refused:
                    await websocket_connect(HTTPRequest(url, headers={"Cookie": cookie, "Origin": origin}))
                assert refused.value.code == 403
            else:
                assert answer.code in (403, 404), (str(door), origin)
                assert "Access-Control-Allow-Origin" not in answer.headers
                one_shape(answer)
    assert run.get_status() == "Running"


async def test_a_session_changes_nothing_without_its_xsrf_token(run, ask, cookie, services) -> None:
    store = (await services.workspace()).connection.store
    last = store.last_change()
    for door in doors(run_id=run.id):
        if door.verb in WRITES:
            for headers in ({}, {"X-XSRFToken": "wrong"}):
                answer = await ask(door, Cookie=cookie, **headers)
                assert answer.code == 403, str(door)
                one_shape(answer)
    assert store.last_change() == last and run.get_status() == "Running"


# -- what is asked for -------------------------------------------------------------------------------------------
TRAVERSALS = [
    "../../../../etc/passwd", "..%2f..%2f..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "%252e%252e%252f%252e%252e%252fetc%252fpasswd", "..;/..;/etc/passwd", "..;%2f..;%2fetc%2fpasswd",
    "..%5c..%5cetc%5cpasswd", "%5c..%5c..%5c", "%2fetc%2fpasswd", "/etc/passwd", "//etc/passwd",
    "file:%2f%2f%2fetc%2fpasswd", "http:%2f%2f169.254.169.254%2f", "C:%5cwindows%5cwin.ini",
    "outputs/..%2f..%2f..%2fworkspace.db", "outputs/a.html%00.png", "outputs%00/a.html", "%c0%ae%c0%ae/%c0%ae%c0%ae/x",
    "workspace.db", "..", ".", "%2e", "%2e%2e", "%ff%fe", "%0d%0aSet-Cookie:%20a=b", "~root", "-rf",
]  # fmt: skip


async def test_no_path_leads_out_anywhere(run, ask, jp_auth_header, tmp_path, services) -> None:
    canary = tmp_path / "canary.txt"
    canary.write_text("CANARY")
    store = (await services.workspace()).connection.store
    last = store.last_change()
    forms = [*TRAVERSALS, quote(str(canary), safe=""), quote(f"../{canary.name}", safe=""), str(canary)]
    for door in doors(run_id=run.id):
        if is_socket(door.handler):
            continue
        asked = set()
        for form in forms if door.verb == "get" else forms[::3]:  # the route is found in the same way
            for group in re.findall(r"\([^)]*\)", door.pattern):
                before, _, after = door.pattern.partition(group)
                filled = re.sub(r"\([^)]*\)", "outputs", after)
                asked.add((re.sub(r"\([^)]*\)", run.id, before) + form + filled).lstrip("/"))
            if door.verb == "get":
                taken = getattr(door.handler, "parameters", None) or ()
                asked |= {f"{door.path}?{n}={form}" for n in ("path", "prefix", "name", "run") if n in taken}
        for path in asked:
            answer = await ask(door, path=path, **jp_auth_header)
            assert answer.code < 500, (door.verb, path, answer.body)
            assert "?" in path or answer.code in (400, 404, 405), (door.verb, path, answer.code)
            body = answer.body or b""
            assert b"CANARY" not in body and b"root:x:" not in body and b"SQLite format" not in body, (door.verb, path)
            assert "Set-Cookie" not in {k for k, v in answer.headers.get_all() if v.startswith("a=b")}, path
            if answer.code >= 400 and answer.code != 405:
                one_shape(answer)
    assert store.last_change() == last and run.get_status() == "Running"


LONG = 30_000
FILTERS = [
    "(" * 5000, "(" * 500 + "id = a" + ")" * 500, "not " * 5000 + "id = a", "id = '" + "a" * LONG, "'" * LONG, "\\'" * 9000,
    "id = a" + " and id = a" * 2000, "id = a" + " or id = a" * 2000, "number in (" + "1," * 9000 + "1)", "a." * 9000,
    "metrics." + "x" * LONG + " > 1", "number > " + "9" * LONG, "number > 1e" + "9" * 400, "number > " + "1e" * 9000,
    "id contains '" + "%_" * 9000 + "'", " " * LONG, "\t" * LONG + "x", "id = a;" * 3000, "((((", "))))", "=", "in in in",
    "metrics.x > 1 OR 1=1", "id = 'x' UNION SELECT 1", "name = '\ud83d\ude00", "\u202e = \u202e", "tags.\u0000 = a",
]  # fmt: skip


async def test_a_filter_built_to_break_or_to_slow_is_refused(run, ask, jp_auth_header) -> None:
    asked = 0
    for door in doors(run_id=run.id):
        if "filter" not in (getattr(door.handler, "parameters", None) or ()):
            continue
        more = "&by=status" if "by" in door.handler.parameters else ""
        for text in FILTERS:
            written = quote(text.encode("utf-8", "surrogatepass"))
            if len(written) > 60_000:  # more does not fit into a request's head
                continue
            answer = await ask(
                door, path=f"{door.path.split('?')[0]}?filter={written}{more}".replace("\\", ""), **jp_auth_header
            )
            assert answer.code in (200, 400), (str(door), text[:40], answer.code)
            if answer.code == 400:
                one_shape(answer)
            asked += 1
    assert asked > 2 * len(FILTERS) - 10


def nested(depth, kind):
    found = Condition("id", "=", "a")
    for _ in range(depth):
        found = Not(found) if kind is Not else kind((found,))
    return found


async def test_a_query_built_to_break_the_store_is_refused(run, ask, jp_auth_header) -> None:
    read = next(d for d in doors() if d.handler.__name__ == "ReadHandler")

    def written(where):
        body = {"args": [], "kwargs": {}}
        text = wire.dumps(body).decode()
        return text.replace("[]", f'[{{"$":"RunQuery","where":[{where}]}}]').encode()

    leaf = wire.dumps(Condition("id", "=", "a")).decode()
    for depth in (10, 100, 400, 800, 5000, 100_000):
        for kind, opening, closing in (("Not", '"part":', ""), ("And", '"parts":[', "]"), ("Or", '"parts":[', "]")):
            where = f'{{"$":"{kind}",{opening}' * depth + leaf + (closing + "}") * depth
            answer = await ask(read, written(where), path="store/read/runs", **jp_auth_header)
            assert answer.code in ((200,) if depth == 10 else (200, 400)), (kind, depth, answer.code)
    wide = [Condition("id", "in", ["a"] * 50_000), Or(tuple(Condition("number", "=", i) for i in range(5000)))]
    for where in (
        *wide,
        And((nested(3, Or), *wide)),
        Condition("id", "in", {"a": 1}),
        Condition("x" * 10**6, "=", "a"),
    ):
        body = wire.dumps({"args": [RunQuery(where=[where])], "kwargs": {}})
        assert (await ask(read, body, path="store/read/runs", **jp_auth_header)).code in (200, 400)
    for limit in (0, -1, 10**9, "x", None, 1.5):
        body = wire.dumps({"args": [RunQuery(limit=limit)], "kwargs": {}})
        assert (await ask(read, body, path="store/read/runs", **jp_auth_header)).code == 400, limit
    assert (
        await ask(read, wire.dumps({"args": [RunQuery()], "kwargs": {}}), path="store/read/runs", **jp_auth_header)
    ).code == 200


# -- limits ------------------------------------------------------------------------------------------------------
async def test_every_page_has_a_limit(run, ask, jp_auth_header) -> None:
    for door in doors(run_id=run.id):
        if door.verb != "get" or "limit" not in (getattr(door.handler, "parameters", None) or ()):
            continue
        more = "&path=a.ipynb" if "path" in door.handler.parameters else ""
        for limit, codes in (
            ("0", {400}),
            ("-1", {400}),
            ("x", {400}),
            ("1e9", {400}),
            ("9" * 30, {200}),
            ("1", {200}),
        ):
            answer = await ask(door, path=f"{door.path}?limit={limit}{more}", **jp_auth_header)
            there = "(" not in door.pattern or answer.code != 404
            assert answer.code in codes or not there, (str(door), limit, answer.body)
        if "cursor" in door.handler.parameters:
            for cursor in ("x", "W10=", quote('["created",1,99,1,"a"]'), "A" * 10_000):
                answer = await ask(door, path=f"{door.path}?cursor={cursor}", **jp_auth_header)
                assert answer.code == 400 or "(" in door.pattern, (str(door), cursor[:20], answer.body)


async def test_every_body_has_a_limit_of_size_and_depth(run, ask, jp_auth_header, monkeypatch) -> None:
    monkeypatch.setattr(remote, "MAX_BATCH", MAX_BODY)
    monkeypatch.setattr(streams, "MAX_CONTENT", MAX_BODY)
    large = b'{"args": [], "kwargs": {}, "x": "' + b"x" * MAX_BODY + b'"}'
    for door in doors(run_id=run.id):
        if door.verb not in ("post", "put", "patch"):
            continue
        if door.handler.__name__ == "CancelHandler":
            continue  # it takes none, and does not look at it
        for body in (large, b"[" * 100_000, b'{"a":' * 100_000, b"[1]", b"{", b"\xff\xfe", b'{"a": NaN' + b"9" * 5000):
            if door.handler.__name__ == "BlobHandler" and body is not large:
                continue  # any bytes are a content
            answer = await ask(door, body, **jp_auth_header)
            assert 400 <= answer.code < 500, (str(door), body[:20], answer.code)
            assert answer.code in (400, 404, 413), (str(door), body[:20], answer.code)
    assert run.get_status() == "Running"
