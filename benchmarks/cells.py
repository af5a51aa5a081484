"""What tracking a notebook costs: round trips of trivial cells through a Jupyter server, tracked and not, in turns.

python benchmarks/cells.py [CELLS]
"""

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from pathlib import Path

import nbformat
import psutil
from tornado.websocket import websocket_connect

TOKEN = "benchmark"


def ask(base: str, path: str, body: dict | None = None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{base}/{path}", data, {"Authorization": f"token {TOKEN}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def start(folder: Path) -> tuple[subprocess.Popen, str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = ["--no-browser", "--allow-root", f"--ServerApp.port={port}", f"--IdentityProvider.token={TOKEN}"]
    environment = {**os.environ, "JUPYTER_AML_HOME": str(folder / "home"), "JUPYTER_RUNTIME_DIR": str(folder / "run")}
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyter", "server", *arguments, f"--ServerApp.root_dir={folder}"],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    base = f"http://127.0.0.1:{port}"
    for _ in range(300):
        try:
            ask(base, "api/status")
            return server, base
        except OSError:
            time.sleep(0.1)
    raise TimeoutError("the server did not start")


class Notebook:
    """A notebook's kernel behind the server's websocket."""

    async def open(self, base: str, folder: Path, tracked: bool) -> None:
        name = f"tracked-{tracked}.ipynb".lower()
        cells = [nbformat.v4.new_code_cell("1", id="cell")]
        metadata = {"jupyter_aml": {"track": tracked}}
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), folder / name)
        body = {"path": name, "type": "notebook", "name": name, "kernel": {"name": "python3"}}
        kernel = ask(base, "api/sessions", body)["kernel"]["id"]
        self.session = uuid.uuid4().hex
        url = f"{base.replace('http', 'ws')}/api/kernels/{kernel}/channels?session_id={self.session}&token={TOKEN}"
        self.socket = await websocket_connect(url)
        for _ in range(10):
            await self.run("1")

    async def run(self, code: str) -> float:
        msg_id = uuid.uuid4().hex
        header = {"msg_id": msg_id, "msg_type": "execute_request", "session": self.session, "username": "",
                  "version": "5.3", "date": "2026-01-01T00:00:00Z"}  # fmt: skip
        content = {"code": code, "silent": False, "store_history": True, "stop_on_error": True}
        message = {"channel": "shell", "header": header, "parent_header": {}, "metadata": {"cellId": "cell"},
                   "content": content, "buffers": []}  # fmt: skip
        begun = time.perf_counter()
        await self.socket.write_message(json.dumps(message))
        while True:
            answer = json.loads(await self.socket.read_message())
            if answer["parent_header"].get("msg_id") != msg_id:
                continue
            if answer["msg_type"] == "status" and answer["content"]["execution_state"] == "idle":
                return time.perf_counter() - begun


async def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        server, base = start(folder)
        try:
            process = psutil.Process(server.pid)
            notebooks = {}
            for tracked in (False, True):
                notebooks[tracked] = Notebook()
                await notebooks[tracked].open(base, folder, tracked)
            times: dict[bool, list[float]] = {False: [], True: []}
            spent: dict[bool, float] = {False: 0.0, True: 0.0}
            for _ in range(10):
                for tracked, notebook in notebooks.items():
                    before = process.cpu_times()
                    for i in range(count // 10):
                        times[tracked].append(await notebook.run(f"print({i})"))
                    await asyncio.sleep(0.6)  # what is written behind the cells belongs to them
                    after = process.cpu_times()
                    spent[tracked] += after.user + after.system - before.user - before.system
            for tracked in (False, True):
                median = statistics.median(times[tracked]) * 1e3
                print(f"{'tracked' if tracked else 'untracked':9}  round trip {median:6.2f} ms   "
                      f"server's processor time {spent[tracked] / count * 1e3:6.2f} ms a cell")  # fmt: skip
        finally:
            server.terminate()
            server.wait()


asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 500))
