"""A real Jupyter server with the extension, and a real kernel behind its websocket."""

import asyncio
import json
import sys
import uuid

import nbformat
import pytest
from tornado.httpclient import HTTPClientError


@pytest.fixture
def jp_server_config(jp_server_config):
    return {
        "ServerApp": {"jpserver_extensions": {"jupyter_aml": True}},
        "JupyterAML": {"recover_interval": 0.5},
    }


@pytest.fixture
def services(jp_serverapp, jp_asyncio_loop):
    # The test server is not started as a process is, so its extensions' start is asked for.
    jp_asyncio_loop.run_until_complete(jp_serverapp.extension_manager.start_all_extensions())
    yield jp_serverapp.web_app.settings["jupyter_aml"]
    jp_asyncio_loop.run_until_complete(jp_serverapp.extension_manager.stop_all_extensions())


@pytest.fixture
def store(services, jp_asyncio_loop):
    workspace = jp_asyncio_loop.run_until_complete(services.workspace())
    return lambda: workspace.connection.store


@pytest.fixture
def ask_as(services, http_server_client, jp_base_url):
    """Ask as somebody, on a server that knows people by a header (people.py): (status, what it said)."""

    async def request(user, method, route, body=None):
        try:
            answer = await http_server_client.fetch(
                f"{jp_base_url}aml/api/v1/{route}", method=method, headers={"X-User": user}, body=body
            )
        except HTTPClientError as error:
            return error.code, json.loads(error.response.body or b"null")
        return answer.code, answer.body

    return request


@pytest.fixture
def eventually():
    """Wait until a condition holds; it is asked again each time something may have changed."""

    async def wait(condition, timeout=60):
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            value = condition()
            if asyncio.iscoroutine(value):
                value = await value
            if value:
                return value
            assert asyncio.get_running_loop().time() < deadline, "it never came true"
            await asyncio.sleep(0.05)

    return wait


class Kernel:
    """A notebook's kernel, spoken to as a browser does."""

    def __init__(self, kernel_id, session_id, socket, path):
        self.id, self.session_id, self.socket, self.path = kernel_id, session_id, socket, path

    async def ask(self, code, cell_id="cell", **content):
        msg_id = uuid.uuid4().hex
        message = {
            "channel": "shell",
            "header": {
                "msg_id": msg_id,
                "msg_type": "execute_request",
                "session": self.session_id,
                "username": "",
                "version": "5.3",
                "date": "2026-01-01T00:00:00Z",
            },
            "parent_header": {},
            "metadata": {"cellId": cell_id},
            "content": {"code": code, "silent": False, "store_history": True, "stop_on_error": True, **content},
            "buffers": [],
        }
        await self.socket.write_message(json.dumps(message))
        return msg_id

    async def run(self, code, cell_id="cell", **content):
        """Execute and wait for the reply; the id of the request."""
        msg_id = await self.ask(code, cell_id, **content)
        await self.replied(msg_id)
        return msg_id

    async def replied(self, msg_id):
        # Not its idle: right after a restart a subscription may miss that. A reply is never lost.
        while True:
            raw = await asyncio.wait_for(self.socket.read_message(), 60)
            assert raw is not None
            message = json.loads(raw)
            if message["parent_header"].get("msg_id") == msg_id and message["msg_type"] == "execute_reply":
                return message["content"]


@pytest.fixture
def notebook(jp_fetch, jp_ws_fetch, jp_root_dir, eventually, services):
    """Start the kernel of a notebook; tracked or not."""
    sockets = []

    async def start(
        name="training.ipynb",
        tracked=True,
        kernel="python3",
        experiment=None,
        cell="cell",
        kernel_id=None,
        save=True,
        born=None,
    ):
        metadata = {"kernelspec": {"name": kernel, "display_name": kernel}}
        if tracked is not None:
            metadata["jupyter_aml"] = {"track": tracked, **({"experiment": experiment} if experiment else {})}
        content = nbformat.v4.new_notebook(metadata=metadata, cells=[nbformat.v4.new_code_cell("1", id=cell)])
        (jp_root_dir / name).parent.mkdir(parents=True, exist_ok=True)
        if save:
            nbformat.write(content, jp_root_dir / name)
        wanted = {"id": kernel_id} if kernel_id else {"name": kernel}
        body = json.dumps({"path": born or name, "type": "notebook", "name": name, "kernel": wanted})
        session = json.loads((await jp_fetch("api", "sessions", method="POST", body=body)).body)
        if born:
            looked = asyncio.get_running_loop().time() + 0.4  # the watcher looks ten times a second and more
            while asyncio.get_running_loop().time() < looked:
                await jp_fetch("aml", "api", "v1", "notebooks", "tracking", params={"path": born})
            renamed = json.dumps({"path": name})
            await jp_fetch("api", "sessions", session["id"], method="PATCH", body=renamed)
        session_id = uuid.uuid4().hex
        socket = await jp_ws_fetch(
            "api", "kernels", session["kernel"]["id"], "channels", params={"session_id": session_id}
        )
        sockets.append(socket)
        started = Kernel(session["kernel"]["id"], session_id, socket, name)
        started.notebook_session = session["id"]
        watched = lambda: services.watcher.state_of(started.id)  # noqa: E731
        await eventually(lambda: watched() and watched().tracked is not None)
        return started

    yield start
    for socket in sockets:
        socket.close()


@pytest.fixture
def dying(jp_serverapp, jp_asyncio_loop, eventually):
    """Execute what ends a kernel's process. The test is over when the server has started it again: it cannot stop before."""
    deaths = []

    async def die(kernel, code):
        manager = jp_serverapp.kernel_manager.get_kernel(kernel.id)
        deaths.append((manager, manager.provisioner.pid))
        return await kernel.ask(code)

    yield die

    def again(manager, pid):
        return manager.ready.done() and manager.has_kernel and manager.provisioner.pid not in (None, pid)

    for manager, pid in deaths:
        jp_asyncio_loop.run_until_complete(eventually(lambda m=manager, p=pid: again(m, p)))


PARROT = """
import sys
from ipykernel.kernelapp import IPKernelApp
from ipykernel.kernelbase import Kernel


class Parrot(Kernel):
    implementation = language = banner = "parrot"
    implementation_version = language_version = "1"
    language_info = {"name": "parrot", "mimetype": "text/plain", "file_extension": ".txt"}

    def do_execute(self, code, silent, store_history=True, user_expressions=None, allow_stdin=False, **_):
        if code.startswith("log "):
            data = {"application/vnd.jupyter-aml.log+json": {"metrics": {"parrot": float(code[4:])}}}
            self.send_response(self.iopub_socket, "display_data", {"data": data, "metadata": {}})
        elif code == "fail":
            error = {"ename": "ParrotError", "evalue": "fell from its perch", "traceback": ["fell"]}
            self.send_response(self.iopub_socket, "error", error)
            return {"status": "error", "execution_count": self.execution_count, **error}
        else:
            self.send_response(self.iopub_socket, "stream", {"name": "stdout", "text": code + "\\n"})
        return {"status": "ok", "execution_count": self.execution_count, "payload": [], "user_expressions": {}}


from jupyter_client.session import Session

build = Session.msg


def msg(self, msg_type, content=None, parent=None, header=None, metadata=None):
    made = build(self, msg_type, content, parent, header, metadata)
    if made["parent_header"].get("session"):  # as IRkernel does
        made["header"]["session"] = made["parent_header"]["session"]
    return made


Session.msg = msg
IPKernelApp.launch_instance(kernel_class=Parrot)
"""


@pytest.fixture
def other_kernel(jp_data_dir, tmp_path):
    """A kernel of another language, which knows nothing of us and has no session name of its own."""
    script = tmp_path / "parrot.py"
    script.write_text(PARROT)
    spec = jp_data_dir / "kernels" / "parrot"
    spec.mkdir(parents=True)
    argv = [sys.executable, str(script), "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "Parrot", "language": "parrot"}))
    return "parrot"
