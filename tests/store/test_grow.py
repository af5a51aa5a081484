"""docs/grow.md does what it says: its commands are executed, one after the other."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import postgres_process
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "grow.md"


@pytest.mark.timeout(300)
def test_a_workspace_goes_to_postgresql_and_s3_and_back(tmp_path, s3, home):
    blocks = re.findall(r"^```(sh|python)\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert [language for language, _ in blocks].count("sh") == 6
    database = postgres_process.address().partition("?")[0]
    environment = {
        **os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "DATABASE_URL": database, "BUCKET": s3, "JUPYTER_AML_HOME": str(home),
    }  # fmt: skip
    said = ""
    for language, code in blocks:
        if language == "python":
            (tmp_path / "train.py").write_text(code)
            continue
        code = re.sub(r"^pip install .*$", "", code, flags=re.MULTILINE)
        done = subprocess.run(["bash", "-e", "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, code + done.stdout + done.stderr
        said += done.stdout + done.stderr

    def runs(workspace):
        listed = subprocess.run(
            ["aml", "-w", workspace, "run", "list", "--json"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            check=True,
        )
        return {run["id"]: run["metrics"]["loss"]["count"] for run in json.loads(listed.stdout)["runs"]}

    assert runs("team") == runs("again") and list(runs("again").values()) == [100, 100]
    assert set(runs("laptop")) < set(runs("again"))
    kept = subprocess.run(
        ["aml", "-w", "again", "run", "download", next(iter(runs("again"))), "--to", "here"],
        cwd=tmp_path, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert kept.returncode == 0, kept.stderr
    assert [path.read_text() for path in (tmp_path / "here").rglob("model.txt")] == ["weights"]
    secret = postgres_process.PASSWORD.replace(" ", "%20")
    assert secret not in said
    holding = [path.name for path in tmp_path.iterdir() if path.is_file() and secret.encode() in path.read_bytes()]
    assert holding == []
    assert secret not in (tmp_path / ".azureml" / "config.json").read_text()
