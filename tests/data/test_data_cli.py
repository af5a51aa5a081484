"""`aml secret` and `aml datastore`."""

import json

import pytest
from click.testing import CliRunner

from jupyter_aml.cli.main import root

SECRET = "pl4nted-for-the-command-line"


@pytest.fixture
def aml(ws):
    def run(*words, given=None, code=0):
        done = CliRunner().invoke(root, ["--workspace", ws.url, *map(str, words)], input=given)
        assert done.exit_code == code or (code and done.exception is not None), done.output
        return done.stdout if done.exception is None else f"{done.exception}{done.output}"

    return run


def test_a_secret_is_set_from_standard_input_and_rotated(aml, tmp_path):
    aml("secret", "set", "db", "--type", "Password", given=f"{SECRET}\n")
    assert json.loads(aml("--json", "secret", "list"))["secrets"][0]["name"] == "db"
    assert aml("secret", "get", "db").strip() == SECRET
    assert "1 values" in aml("secret", "rotate")
    aml("secret", "export-key", tmp_path / "key")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    aml("secret", "import-key", tmp_path / "key")
    assert aml("secret", "get", "db").strip() == SECRET
    aml("secret", "set", "database", given="other")
    assert "Did you mean" in aml("secret", "get", "databas", code=1)
    aml("secret", "delete", "database", "--yes")
    assert "--yes" in aml("--json", "secret", "delete", "db", code=1)
    aml("secret", "delete", "db", "--yes")
    assert "empty" in aml("secret", "list")
    assert "no value" in aml("secret", "set", "db", given="", code=1)


def test_a_datastore_is_registered_browsed_and_copied(aml, tmp_path):
    (tmp_path / "place").mkdir()
    (tmp_path / "a.txt").write_text("a")
    aml("datastore", "register", "here", "local", f"folder={tmp_path / 'place'}")
    assert json.loads(aml("--json", "datastore", "upload", "here", tmp_path / "a.txt", "sub"))["copied"] == ["a.txt"]
    assert "passed over" in aml("datastore", "upload", "here", tmp_path / "a.txt", "sub")
    assert "sub/a.txt" in aml("datastore", "ls", "here", "--recursive")
    aml("datastore", "download", "here", "/", tmp_path / "out")
    assert (tmp_path / "out" / "sub" / "a.txt").read_text() == "a"
    aml("datastore", "set-default", "here")
    assert json.loads(aml("--json", "datastore", "list"))["default"] == "here"
    shown = aml(
        "datastore", "register", "web", "http", "url=http://h/x", "username=u", "--secret", "password", given=SECRET
    )
    assert SECRET not in shown + aml("--json", "datastore", "show", "web") + aml("datastore", "list")
    assert "wrong" in aml("datastore", "register", "w", "http", "wrong=1", code=1)
    assert "url" in aml("datastore", "register", "w", "http", code=1)
    assert "upwards" in aml("datastore", "ls", "here", "../x", code=1)
    aml("datastore", "unregister", "here", "--yes")
    assert json.loads(aml("--json", "datastore", "list"))["default"] == "workspaceblobstore"
