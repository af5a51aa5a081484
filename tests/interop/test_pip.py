"""Lines that install Microsoft's SDK, where it is served already."""

import sys
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_aml.interop.pip import transform
from jupyter_aml.interop.pip_words import by_python, without_served

pytestmark = pytest.mark.timeout(120)

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
    ("pip install azureml-core>=1.0 numpy>=1.2", "pip install numpy>=1.2", ["azureml-core"]),
    ("pip install azureml-core<2", "", ["azureml-core"]),
    ("pip install azureml_core 'azureml.widgets'", "", ["azureml_core", "azureml.widgets"]),
    ("pip install 'azureml-core >= 1.0, < 2' --user", "", ["azureml-core"]),
    ("pip install -q azureml-sdk > log.txt 2>&1; cat log.txt", "true > log.txt 2>&1; cat log.txt", ["azureml-sdk"]),
    ("PIP_NO_INDEX=1 sudo -H pip3.8 --quiet install azureml-sdk x", "PIP_NO_INDEX=1 sudo -H pip3.8 --quiet install x",
     ["azureml-sdk"]),
    ("{ sys.executable } -m pip install azureml-sdk $MORE", "{ sys.executable } -m pip install $MORE", ["azureml-sdk"]),
    ("$PYTHON -m pip install azureml-sdk", "", ["azureml-sdk"]),
    ("uv pip install azureml-sdk x", "uv pip install x", ["azureml-sdk"]),
    ("pip install azureml-sdk # the SDK, please", "", ["azureml-sdk"]),
    ("set -e\npip install azureml-sdk \\\n  x\nls", "set -e\npip install \\\n  x\nls", ["azureml-sdk"]),
    ("pip install x[a,b] azureml-train-automl[all]==1.2", "pip install x[a,b]", ["azureml-train-automl"]),
    ("pip install --target azureml-lib x", "pip install --target azureml-lib x", []),
    ("pip install -e azureml-fork", "pip install -e azureml-fork", []),
    ("pip install -r azureml-requirements.txt", "pip install -r azureml-requirements.txt", []),
    ("pip install ./azureml-core azureml_core-1.2-py3-none-any.whl",
     "pip install ./azureml-core azureml_core-1.2-py3-none-any.whl", []),
    ("pip install azureml-inference-server-http", "pip install azureml-inference-server-http", []),
    ("pip install azuremlx", "pip install azuremlx", []),
    ("pip download azureml-core", "pip download azureml-core", []),
    ("grep 'a; pip install azureml-core' x", "grep 'a; pip install azureml-core' x", []),
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


BY_PYTHON = [
    ("pip install x", "'/a b/python' -m pip install x"),
    ("sudo -H pip3 -q install x && pip list; pip3.11 install y",
     "sudo -H '/a b/python' -m pip -q install x && pip list; '/a b/python' -m pip install y"),
    ("python3 -m pip install x", "python3 -m pip install x"),
    ("uv pip install pip", "uv pip install pip"),
    ("/opt/bin/pip install x", "/opt/bin/pip install x"),
    ("echo pip install", "echo pip install"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "there"), BY_PYTHON, ids=[line for line, _ in BY_PYTHON])
def test_the_rest_is_installed_by_the_python_of_the_kernel(line, there):
    assert by_python(line, "/a b/python") == there


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


@given(st.text(alphabet="pi install azureml-core'\"\\;&|<>(){}#$\n", max_size=80))
def test_whatever_a_line_looks_like_it_is_taken_apart_without_an_error(line):
    left, names = without_served("pip install azureml-core " + line)
    assert names or left == "pip install azureml-core " + line


@pytest.fixture
def wheels(tmp_path):
    """A folder with a small package that pip can install."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    info = "tiny_aml_rest-1.0.dist-info"
    with zipfile.ZipFile(folder / "tiny_aml_rest-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny_aml_rest.py", "")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-aml-rest\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return folder


@pytest.mark.parametrize("call", ["!{sys.executable} -m pip", "%pip"])
def test_a_kernel_says_so_and_installs_the_rest(kernel, wheels, tmp_path, call):
    reply, text = kernel(f"import sys\n{call} install --upgrade azureml-sdk[notebooks] azureml-core==1.2")
    assert reply["status"] == "ok"
    assert text == ("azureml-sdk, azureml-core are already served by jupyter_aml in this kernel: nothing to install.\n")
    where = tmp_path / "installed"
    reply, text = kernel(
        f"if True:\n    {call} install --no-index --find-links={wheels} --target={where} \\\n    azureml-core>=1.0 tiny-aml-rest"
    )
    assert reply["status"] == "ok"
    assert "azureml-core is already served by jupyter_aml in this kernel: only the rest is installed." in text
    assert "Successfully installed tiny-aml-rest-1.0" in text
    assert [path.name for path in where.glob("*.py")] == ["tiny_aml_rest.py"]


def test_a_shells_pip_is_the_kernels_own():
    [line] = transform(["get_ipython().system('pip install -U mlflow azureml-mlflow')"])
    assert line.endswith(f"; get_ipython().system({f'{sys.executable} -m pip install -U mlflow'!r})")


def test_what_is_not_served_yet_is_not_said_to_be(kernel):
    _, text = kernel("!pip install azureml-interpret azureml-core")
    assert "azureml-core is already served" in text
    assert "azureml-interpret is not served by jupyter_aml yet" in text


IN_CELLS = {
    "a cell of shell": "%%bash\npip install -q azureml-sdk\necho went on",
    "a timed cell": "%%time\n!pip install azureml-sdk\nprint('went on')",
    "a kept reply": "said = !pip install azureml-sdk\nprint(list(said), 'went on')",
    "a timed line": "%time !pip install azureml-sdk\nprint('went on')",
    "a chain": "!pip install azureml-sdk && echo went on",
    "without a sign": "pip install azureml-sdk",
}


def test_lines_are_found_wherever_they_are_executed(kernel):
    kernel("import os\nos.environ['PIP_NO_INDEX'] = '1'  # should a line ask for a package after all")
    for where, cell in IN_CELLS.items():
        reply, text = kernel(cell)
        assert reply["status"] == "ok", where
        assert text.count("azureml-sdk is already served") == 1, (where, text)
        assert ("went on" in text) is ("went on" in cell), where
        assert "ERROR" not in text, where


def test_what_only_looks_like_such_a_line_is_left_alone(kernel):
    reply, text = kernel(
        "told = '''\n!pip install azureml-sdk\n%pip install azureml-sdk\n'''\n"
        "# !pip install azureml-sdk\nprint(told)\ndef system(x): return 'ä' + x\nprint(system('pip install azureml-sdk'))"
    )
    assert reply["status"] == "ok"
    assert text == "\n!pip install azureml-sdk\n%pip install azureml-sdk\n\näpip install azureml-sdk\n"
    reply, _ = kernel("!pip install azureml-sdk\nthis is no Python")
    assert reply["ename"] == "SyntaxError"


def test_without_the_extension_lines_are_as_they_were(kernel):
    kernel("import os\nos.environ['PIP_NO_INDEX'] = '1'\n%unload_ext jupyter_aml")
    _, text = kernel("!pip install azureml-no-such-package")
    assert "served" not in text
    assert "azureml-no-such-package" in text


def test_other_lines_see_the_variables_that_they_name(kernel):
    _, text = kernel("def say(word):\n    !echo {word} azureml\nsay('hello')")
    assert "hello azureml" in text
