"""The promises of the README that no single floor can prove: no network, no secret written down."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

CUT = """
import os, sys

def _cut(event, args):
    if event == "socket.connect":
        address = args[1]
        host = address[0] if isinstance(address, tuple) else "localhost"
    elif event == "socket.getaddrinfo":
        host = args[0]
    else:
        return
    if host in (None, "", "localhost") or str(host).startswith("127.") or host == "::1":
        return
    with open(os.environ["ASKED"], "a") as file:
        print(event, host, file=file)
    raise OSError(f"no network: {host}")

sys.addaudithook(_cut)
"""
"""Every Python process below refuses to leave this machine, and writes down who wanted to."""


@pytest.fixture
def offline(tmp_path, home):
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(CUT)
    return {
        **os.environ,
        "PYTHONPATH": str(site),
        "ASKED": str(tmp_path / "asked"),
        "IPYTHONDIR": str(tmp_path / "ipy"),
    }


def aml(*arguments, cwd, env):
    return subprocess.run(
        [sys.executable, "-m", "jupyter_aml", *map(str, arguments)], cwd=cwd, env=env, capture_output=True, text=True, timeout=120
    )  # fmt: skip


def write(path, *sources, parameters=None):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    if parameters:
        cells.insert(0, nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)


@pytest.mark.timeout(180)
def test_everything_works_without_a_network_and_nothing_asks_for_one(offline, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    write(
        work / "train.ipynb",
        "%load_ext jupyter_aml",
        "from azureml.core import Workspace, Experiment\nws = Workspace.from_config()",
        "with Experiment(ws, 'tour').start_logging() as run:\n"
        "    run.log('loss', 0.5)\n    run.log_row('rows', a=1)\n"
        "    open('note.txt', 'w').write('hello')\n    run.upload_file('outputs/note.txt', 'note.txt')",
    )
    done = aml("notebook", "run", "train.ipynb", cwd=work, env=offline)
    assert done.returncode == 0, done.stderr
    listed = aml("run", "list", "--experiment", "tour", "--json", cwd=work, env=offline)
    assert listed.returncode == 0, listed.stderr
    assert '"Completed"' in listed.stdout
    assert not (tmp_path / "asked").exists(), (tmp_path / "asked").read_text()

    write(work / "calls.ipynb", "import socket\nsocket.create_connection(('example.com', 80))")
    assert aml("notebook", "run", "calls.ipynb", cwd=work, env=offline).returncode != 0
    assert "example.com" in (tmp_path / "asked").read_text()  # the cut is a cut


@pytest.mark.timeout(120)
def test_a_secret_is_nowhere_on_disk(tmp_path, home, monkeypatch):
    canary = "canary-4be1c7d0-swordfish"
    work = tmp_path / "work"
    work.mkdir()
    write(
        work / "in.ipynb",
        "print('the key is', key)\nkey",
        "from jupyter_aml import Run\nRun.get_context().log('length', len(key))",
        "raise RuntimeError(f'refused: {key}')",
        parameters="key = ''\nrate = 0.1",
    )
    done = aml(
        "notebook", "run", "in.ipynb", "out.ipynb", "-p", "key", canary, "--secret", "key",
        cwd=work, env={**os.environ, "IPYTHONDIR": str(tmp_path / "ipython")}
    )  # fmt: skip
    assert done.returncode != 0
    assert canary not in done.stdout + done.stderr
    cells = json.loads((work / "out.ipynb").read_text())["cells"]
    assert any("the key is" in json.dumps(cell) for cell in cells)  # it ran, and printed
    kept = [path for root in (tmp_path, home) for path in root.rglob("*") if path.is_file()]
    assert any(path.name == "workspace.db" for path in kept)
    assert [path for path in kept if canary.encode() in path.read_bytes()] == []


def test_each_promise_names_tests_that_there_are():
    root = Path(__file__).parents[1]
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (root / "README.md").read_text())
    assert len(named) > 8
    for file, test in named:
        assert re.search(rf"^(async )?def {test}\(", (root / file).read_text(), re.MULTILINE), f"{file}::{test}"
