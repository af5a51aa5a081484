"""Lines that install Microsoft's SDK, where it is served already."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jupyter_client.manager import start_new_kernel

from jupyter_aml.interop.pip import without_served

LINES = [
    ("pip install azureml-sdk", "", ["azureml-sdk"]),
    ("pip install -q --upgrade azureml-sdk[notebooks]", "", ["azureml-sdk"]),
    ("pip3 install azureml-core==1.20.0 pandas", "pip3 install pandas", ["azureml-core"]),
    ("/opt/conda/bin/python3.8 -m pip install 'azureml-widgets>=1.0' x", "/opt/conda/bin/python3.8 -m pip install x",
     ["azureml-widgets"]),
    ("pip install --index-url https://host/simple azureml-train-automl", "", ["azureml-train-automl"]),
    ("pip install azureml-sdk -r requirements.txt", "pip install -r requirements.txt", ["azureml-sdk"]),
    ("pip install -U azureml-core && echo done", "true && echo done", ["azureml-core"]),
    ("pip install azureml-sdk lightgbm > /dev/null 2>&1", "pip install lightgbm > /dev/null 2>&1", ["azureml-sdk"]),
    ("pip install azureml", "", ["azureml"]),
    ("pip install pandas 'numpy<2'", "pip install pandas 'numpy<2'", []),
    ("pip install azure-ai-ml azure-storage-blob", "pip install azure-ai-ml azure-storage-blob", []),
    ("pip uninstall -y azureml-core", "pip uninstall -y azureml-core", []),
    ("echo pip install azureml-sdk", "echo pip install azureml-sdk", []),
    ("ls -la", "ls -la", []),
    ("", "", []),
]  # fmt: skip


@pytest.mark.parametrize(("line", "left", "names"), LINES, ids=[line for line, _, _ in LINES])
def test_what_is_served_is_taken_out_of_a_line(line, left, names):
    assert without_served(line) == (left, names)


@given(st.text(max_size=60))
def test_any_line_that_installs_nothing_of_ours_is_left_alone(line):
    if "azureml" not in line.lower():
        assert without_served(line) == (line, [])


@given(st.lists(st.sampled_from(["pandas", "-q", "'x>1'", '"y"', "-U", "a/b.whl"]), max_size=5))
def test_the_rest_of_a_line_is_kept_word_for_word(words):
    line = " ".join(["pip install", *words, "azureml-sdk"])
    left, names = without_served(line)
    assert names == ["azureml-sdk"]
    assert left in ("", " ".join(["pip install", *words]))


@pytest.fixture
def kernel(tmp_path, home):
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(tmp_path), extra_arguments=["--ext=jupyter_aml"])

    def run(code):
        seen = []
        reply = client.execute_interactive(code, timeout=60, output_hook=seen.append)
        text = "".join(m["content"].get("text", "") for m in seen if m["msg_type"] == "stream")
        return reply["content"], text

    yield run
    client.stop_channels()
    manager.shutdown_kernel()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("call", ["!pip", "%pip", "!{sys.executable} -m pip"])
def test_a_kernel_says_so_and_installs_the_rest(kernel, call):
    # Should it ask for a package after all, there is no index to ask.
    reply, text = kernel(f"import os, sys\nos.environ['PIP_NO_INDEX'] = '1'\n{call} install azureml-sdk")
    assert reply["status"] == "ok"
    assert "azureml-sdk: already served by jupyter_aml" in text
    assert "ERROR" not in text
    reply, text = kernel(f"if True:\n    {call} install --no-deps \\\n    azureml-core pip")
    assert reply["status"] == "ok"
    assert "azureml-core: already served" in text
    assert "already satisfied: pip" in text


@pytest.mark.timeout(120)
def test_without_the_extension_lines_are_as_they_were(kernel):
    kernel("import os\nos.environ['PIP_NO_INDEX'] = '1'\n%unload_ext jupyter_aml")
    _, text = kernel("!pip install azureml-no-such-package")
    assert "served" not in text
    assert "azureml-no-such-package" in text


@pytest.mark.timeout(120)
def test_other_lines_see_the_variables_that_they_name(kernel):
    _, text = kernel("def say(word):\n    !echo {word} azureml\nsay('hello')")
    assert "hello azureml" in text
