"""Two Jupyter servers on one workspace: both record, both see everything, and neither takes the other's runs for dead."""

import asyncio
import json
import signal
import threading
import urllib.request
import uuid

import jupyter_server_process
import nbformat
import postgres_process
import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from jupyter_aml.store.connection import connect
from jupyter_aml.store.records import RunQuery
from jupyter_aml.tracking.context import cell_run_id

pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]
HEADERS = {"Authorization": f"token {jupyter_server_process.TOKEN}"}


class Server(jupyter_server_process.Server):
    """A server, with a home of its own, whose workspace is the one at `url`."""

    def __init__(self, url: str) -> None:
        self.workspace_url = url
        super().__init__()

    def start(self) -> None:
        config = self.folder / "config" / "jupyter_server_config.json"
        config.parent.mkdir(exist_ok=True)
        ours = {"workspace": self.workspace_url, "track": "all", "recover_interval": 0.2}
        config.write_text(json.dumps({"JupyterAML": ours}))
        super().start()

    def request(self, path: str, body: dict | None = None):
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data, HEADERS), timeout=60) as answer:
            return json.loads(answer.read())

    def notebook(self, name: str) -> None:
        """Start the kernel of a notebook."""
        content = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", id="cell")])
        nbformat.write(content, self.folder / name)
        body = {"path": name, "type": "notebook", "name": name, "kernel": {"name": "python3"}}
        self.kernel = self.request("/api/sessions", body)["kernel"]["id"]

    async def run(self, *cells: str) -> list[str]:
        """Execute cells as a browser does; the ids of their runs."""
        session, runs = uuid.uuid4().hex, []
        url = f"ws{self.url[4:]}/api/kernels/{self.kernel}/channels?session_id={session}"
        socket = await websocket_connect(HTTPRequest(url, headers=HEADERS))
        for code in cells:
            header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "session": session, "username": "",
                      "version": "5.3", "date": "2026-01-01T00:00:00Z"}  # fmt: skip
            content = {"code": code, "silent": False, "store_history": True, "stop_on_error": True}
            message = {"channel": "shell", "header": header, "parent_header": {}, "metadata": {"cellId": "cell"},
                       "content": content, "buffers": []}  # fmt: skip
            await socket.write_message(json.dumps(message))
            while True:
                answer = json.loads(await asyncio.wait_for(socket.read_message(), 60))
                if answer["parent_header"].get("msg_id") == header["msg_id"] and answer["msg_type"] == "execute_reply":
                    assert answer["content"]["status"] == "ok", answer["content"]
                    break
            runs.append(cell_run_id(header["msg_id"]))
        socket.close()
        return runs


class Follower(threading.Thread):
    """Follows the change feed of a server, as a page does."""

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        self.server, self.seen, self.last, self.enough = server, [], 0, threading.Event()

    def run(self) -> None:
        while not self.enough.wait(0.02):
            self.look()

    def look(self) -> None:
        answer = self.server.request(f"/aml/api/v1/changes?after={self.last}")
        self.seen += [(change["seq"], change["verb"], change["id"]) for change in answer["changes"]]
        self.last = answer["last"]


def until(condition):
    for _ in range(600):
        if found := condition():
            return found
        threading.Event().wait(0.05)
    raise AssertionError("it never came true")


@pytest.fixture(params=["folder", "postgresql"])
def url(request, tmp_path):
    if request.param == "folder":
        return str(tmp_path / "ws")
    return postgres_process.address()


FIRST = "from jupyter_aml import Run\nrun = Run.get_context()"
LOG = "for i in range(200):\n    run.log('loss', float(i))\nrun.flush()"


def test_two_servers_on_one_workspace_disturb_each_other_in_nothing(url, tmp_path) -> None:
    far = url.startswith("postgresql")
    connection = connect(url, create=True, artifacts=(tmp_path / "artifacts").as_uri() if far else None)
    one, two = servers = Server(url), Server(url)
    followers = [Follower(server) for server in servers]
    try:
        for follower in followers:
            follower.start()
        for number, server in enumerate(servers):
            server.notebook(f"n{number}.ipynb")

        async def both(*code):
            return await asyncio.gather(*[server.run(*code) for server in servers])

        cells = asyncio.run(both(FIRST, LOG, LOG))

        def sessions():
            found = connection.store.runs(RunQuery(types=["aml.session"])).runs
            return {run.details["notebook"]: run for run in found if "notebook" in run.details}

        for runs in cells:
            for run in runs:
                until(lambda: (found := connection.store.run(run)) and found.status == "Completed")  # noqa: B023
            for run in runs[1:]:
                assert list(connection.store.series(run, "loss").values) == [float(i) for i in range(200)]
        open_ = {name: run.status for name, run in sessions().items()}
        assert open_ == {"n0.ipynb": "Running", "n1.ipynb": "Running"}
        for server in servers:  # each lists what the other recorded
            found = server.request("/aml/api/v1/runs?limit=100&type=aml.cell&everywhere=true")["runs"]
            assert {run["id"] for run in found} >= {run for runs in cells for run in runs}

        # One dies. The other goes on, and so do its runs.
        followers[1].enough.set()
        followers[1].join()
        two.stop(signal.SIGKILL)
        if far:  # what the dead one left is on its machine, and brought in there
            asyncio.run(one.run(LOG))
            assert {name: run.status for name, run in sessions().items()} == open_
            two.start()
        dead = until(lambda: (run := sessions()["n1.ipynb"]).status == "Failed" and run)
        assert dead.error["code"] == "ProcessDied"
        (last,) = asyncio.run(one.run(LOG))
        until(lambda: (found := connection.store.run(last)) and found.status == "Completed")
        assert sessions()["n0.ipynb"].status == "Running"

        # Whoever followed the feed has seen every change, once, in order.
        followers[0].enough.set()
        followers[0].join()
        one.stop()
        everything = [(change.seq, change.verb, change.id) for change in connection.store.changes(limit=10_000)]
        for follower in followers:
            assert follower.seen == everything[: len(follower.seen)] and len(follower.seen) > 8
        ended = [run for _, verb, run in everything if verb == "ended"]
        assert sorted(ended) == sorted(set(ended))
        first = sessions()["n0.ipynb"]
        assert first.details["end"] == "ServerStopped" and first.ended is not None
    finally:
        for follower in followers:
            follower.enough.set()
        for server in servers:
            server.remove()
        connection.close()
