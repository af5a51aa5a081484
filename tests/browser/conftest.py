"""JupyterLab as users start it, and Debian's chromium looking at it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

TOKEN = "browser-test"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]  # fmt: skip


class Lab:
    """A running JupyterLab."""

    def __init__(self, folder: Path, environment: dict[str, str], more: tuple[str, ...] = ()):
        self.folder, self.environment, self.more = folder, environment, more
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen | None = None

    def start(self):
        arguments = ["--no-browser", "--allow-root", f"--ServerApp.port={self.port}", "--ServerApp.port_retries=0",
                     f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={self.folder}",
                     "--LabApp.extension_manager=readonly", "--LabApp.expose_app_in_browser=True", "--LabApp.check_for_updates_class="
                     "jupyterlab.NeverCheckForUpdate"]  # fmt: skip
        self.log = (self.folder.parent / "lab.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jupyter", "lab", *arguments, *self.more],
            env=self.environment, cwd=self.folder, stdout=self.log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/api/status?token={TOKEN}", timeout=5).read()
                return
            except OSError:
                assert self.process.poll() is None, (self.folder.parent / "lab.log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.1)

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGABRT)  # it says where its threads are (PYTHONFAULTHANDLER)
                self.process.wait(10)
                said = (self.folder.parent / "lab.log").read_text(errors="replace")[-6000:]
                # Jupyter Server without us hangs so, too: a request that reads a notebook while the loop stops leaves a
                # thread of anyio's behind, which the interpreter then waits for.
                known = "in _shutdown" in said and "anyio/_backends/_asyncio.py" in said
                assert known, f"JupyterLab did not end:\n{said}"
            finally:
                self.process = None
                self.log.close()

    def api(self, route: str):
        """What our REST interface answers."""
        join = "&" if "?" in route else "?"
        with urllib.request.urlopen(f"{self.url}/aml/api/v1/{route}{join}token={TOKEN}", timeout=20) as answer:
            return json.load(answer)

    def page(self, path: str = "") -> str:
        tail = f"/tree/{path}" if path else ""
        return f"{self.url}/lab{tail}?token={TOKEN}&reset"


@pytest.fixture
def lab(tmp_path, request):
    """A JupyterLab of its own: folder, settings and workspace; with the options of `request.param`, if any."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    environment = {
        **os.environ,
        "JUPYTER_AML_HOME": str(tmp_path / "home"),
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(tmp_path / "workspaces"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "PYTHONFAULTHANDLER": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }
    told = tmp_path / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    told.parent.mkdir(parents=True)
    told.write_text('{"fetchNews": "false", "checkForUpdates": false}')  # its question would be in the keyboard's way
    made = Lab(folder, environment, getattr(request, "param", ()))
    made.start()
    yield made
    made.stop()


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest.fixture
def jp_asyncio_loop():
    """None: playwright's own loop runs in this thread."""


@pytest.fixture(autouse=True)
def jp_server_cleanup():
    """No server of these tests runs in this process."""


@pytest.fixture(scope="module")
def browser():
    """One chromium for the tests of a file; its loop must not run when other tests want theirs."""
    assert CHROMIUM, "These tests look at JupyterLab with chromium: `apt-get install chromium`."
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=30_000)

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def page(browser, lab, request):
    """A page of its own; what its console called an error fails the test."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(30_000)
    errors = []
    # ipywidgets' own extension asks a notebook without a session for its kernel; what that says is not ours.
    opened.on("pageerror", lambda error: "@jupyter-widgets" in (error.stack or "") or errors.append(str(error)))
    yield opened
    if request.node.stash.get(FAILED, False):
        opened.screenshot(path=lab.folder.parent / "failed.png")
    context.close()
    assert errors == []
