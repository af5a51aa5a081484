"""A real kernel with the extension."""

import pytest
from jupyter_client.manager import start_new_kernel


@pytest.fixture
def kernel(tmp_path, home):
    """Execute code in it: the reply's content, and what was printed."""
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(tmp_path), extra_arguments=["--ext=jupyter_aml"])

    def run(code):
        seen = []
        reply = client.execute_interactive(code, timeout=60, output_hook=seen.append)
        text = "".join(m["content"].get("text", "") for m in seen if m["msg_type"] == "stream")
        return reply["content"], text

    yield run
    client.stop_channels()
    manager.shutdown_kernel()
