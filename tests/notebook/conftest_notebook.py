"""A real kernel, and what it says to the front end."""

import time
import uuid
from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager
from jupyter_core.paths import jupyter_runtime_dir


class Kernel:
    """Executes code and remembers all that was said on the way."""

    def __init__(self, folder, *words):
        self.id = f"test-{uuid.uuid4()}"
        runtime = Path(jupyter_runtime_dir())
        runtime.mkdir(parents=True, exist_ok=True)
        self.manager = KernelManager(kernel_name="python3", connection_file=str(runtime / f"kernel-{self.id}.json"))
        self.manager.start_kernel(cwd=str(folder), extra_arguments=[*words])
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def __call__(self, code, **kw):
        """The reply's content, and the text that was printed."""
        self.said = []
        asked = self.client.execute(code, **kw)
        while True:  # what threads say in between belongs to the execution before, and is kept too
            message = self.client.get_iopub_msg(timeout=60)
            self.said.append(message)
            if message["parent_header"].get("msg_id") == asked and message["content"].get("execution_state") == "idle":
                break
        reply = self.client.get_shell_msg(timeout=60)
        while reply["parent_header"].get("msg_id") != asked:  # a late answer to "are you ready?"
            reply = self.client.get_shell_msg(timeout=60)
        text = "".join(m["content"].get("text", "") for m in self.said if m["msg_type"] == "stream")
        return reply["content"], text

    def flush(self):
        """What was written so far is in the store when this returns. No cell of the notebook's."""
        self("from jupyter_aml import Workspace as w; w.default().connection.flush(); del w", silent=True)

    def bundles(self, kind="display_data"):
        """MIME bundles of the last execution."""
        return [m["content"]["data"] for m in self.said if m["msg_type"] == kind]

    def errors(self):
        return [m["content"] for m in self.said if m["msg_type"] == "error"]

    def states(self):
        """What the last execution told widgets to show."""
        found = [m["content"]["data"].get("state") or {} for m in self.said if m["msg_type"].startswith("comm")]
        return "".join(str(state.get("value", "")) for state in found)

    def completions(self, code):
        self.client.complete(code, len(code))
        while True:
            reply = self.client.get_shell_msg(timeout=30)
            if reply["msg_type"] == "complete_reply":
                content = reply["content"]
                return [code[: content["cursor_start"]] + match for match in content["matches"]]

    def help(self, code):
        """The text that the pager would show."""
        reply, _ = self(code)
        return "".join(part["data"]["text/plain"] for part in reply["payload"] if part["source"] == "page")

    def stop(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel()


@pytest.fixture
def kernel(tmp_path, home):
    found = Kernel(tmp_path, "--ext=jupyter_aml")
    yield found
    found.stop()


def wait_for(condition, seconds=40):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{condition} did not become true in {seconds} s")
