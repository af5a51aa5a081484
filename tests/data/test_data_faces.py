"""Datasets on the command line, in the notebook and over REST."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from jupyter_aml.data.dataset import Dataset
from jupyter_aml.workspace import Workspace


@pytest.fixture
def jp_server_config(jp_server_config):
    return {"ServerApp": {"jpserver_extensions": {"jupyter_aml": True}}}


@pytest.fixture
def table(tmp_path):
    (tmp_path / "a.csv").write_text("v,s\n" + "".join(f"{i},<b>{i}\n" for i in range(30)))
    return tmp_path / "a.csv"


def test_the_command_line(table, tmp_path, monkeypatch):
    from jupyter_aml.cli.main import root

    monkeypatch.chdir(tmp_path)

    def aml(*words, code=0):
        done = CliRunner().invoke(root, list(map(str, words)))
        assert done.exit_code == code, done.output
        return json.loads(done.stdout) if "--json" in words else done.output

    assert "no datasets" in aml("data", "list")
    aml("data", "register", "my data", table, "--format", "delimited", "--tag", "a=b")
    aml("data", "register", "files", table)
    assert [d["name"] for d in aml("--json", "data", "list")["datasets"]] == ["files", "my data"]
    found = aml("--json", "data", "preview", "my data", "--start", 5, "--limit", 2)
    assert found["rows"] == [[5, "<b>5"], [6, "<b>6"]] and found["more"] is True
    assert aml("--json", "data", "preview", "files")["files"][0]["path"] == "/a.csv"
    assert aml("--json", "data", "profile", "my data")["rows"] == 30
    assert aml("--json", "data", "show", "my data")["tags"] == {"a": "b"} and "VALUES" in aml(
        "data", "profile", "my data"
    )
    assert (tmp_path / "here/part-00000.csv").exists() is False
    aml("data", "download", "my data", tmp_path / "here")
    assert (tmp_path / "here/part-00000.csv").read_text().startswith('"v","s"')
    assert "not a table" in aml("data", "profile", "files", code=2)
    assert "Did you mean" in aml("data", "show", "my dat", code=3)
    aml("data", "unregister", "my data", "--yes")
    assert "Nothing is due" in aml("data", "monitor")


def test_the_magic(table):
    from IPython.core.error import UsageError

    from jupyter_aml.notebook.data import data

    ws = Workspace.default()
    Dataset.Tabular.from_delimited_files(str(table)).register(ws, "my data")
    assert len(data(ws, '"my data"')) == 30 and data(ws, "'my data:1' 3")["v"].tolist() == [0, 1, 2]
    assert "my data" in data(ws, "").data
    for wrong in ("'my", "none", "'my data' many", "'my data' 1 2"):
        with pytest.raises(UsageError):
            data(ws, wrong)


async def test_rest(jp_fetch, jp_serverapp, table):
    workspace = await jp_serverapp.web_app.settings["jupyter_aml"].workspace()
    Dataset.Tabular.from_delimited_files(str(table)).register(workspace, "my data")

    async def get(path, **params):
        answer = await jp_fetch("aml/api/v1/datasets", *path, params=params)
        return json.loads(answer.body)

    assert (await get([]))["datasets"][0]["name"] == "my data"
    assert (await get(["my data"]))["versions"] == [1]
    page = await get(["my data", "rows"], start="28", limit="5")
    assert page["columns"] == ["v", "s"] and page["rows"] == [[28, "<b>28"], [29, "<b>29"]] and page["more"] is False
    assert (await get(["my data", "profile"]))["rows"] == 30 and (await get(["my data", "lineage"])) == {"lineage": []}
    for path, params, code in (
        (["none"], {}, 404),
        (["my data"], {"version": "7"}, 404),
        (["my data", "rows"], {"from": "1"}, 400),
    ):
        with pytest.raises(Exception, match=str(code)):
            await get(path, **params)


async def test_tags_and_description_of_a_version_are_changed_by_who_has_read_it(jp_fetch, jp_serverapp, table):
    workspace = await jp_serverapp.web_app.settings["jupyter_aml"].workspace()
    for columns in (["v"], ["v", "s"]):
        made = Dataset.Tabular.from_delimited_files(str(table)).keep_columns(columns)
        made.register(workspace, "my data", "as it came", {"a": "b"}, create_new_version=True)
    one = ("aml/api/v1/datasets/my data/versions", "1")

    async def ask(*place, method="GET", body=None, **headers):
        answer = await jp_fetch(
            *place, method=method, headers={name.replace("_", "-"): value for name, value in headers.items()},
            body=None if body is None else json.dumps(body), allow_nonstandard_methods=True,
        )  # fmt: skip
        return answer.headers.get("Etag"), json.loads(answer.body or b"null")

    etag, read = await ask(*one)
    assert (read["version"], read["type"], read["steps"]) == (1, "tabular", ["keep"]) and "data" not in read
    listed = (await ask("aml/api/v1/datasets"))[1]["datasets"]
    assert [d["version"] for d in listed] == [2] and listed[0].keys() == read.keys()
    change = {"set_tags": {"good": None, "a": "c"}, "description": "cleaned"}
    newer, changed = await ask(*one, method="PATCH", body=change, If_Match=etag)
    assert changed["tags"] == {"a": "c", "good": None} and changed["description"] == "cleaned" and newer != etag
    with pytest.raises(Exception, match="409"):
        await ask(*one, method="PATCH", body={"description": "lost"}, If_Match=etag)
    for body, code in (({"data": {}}, 400), ({"set_tags": ["x"]}, 400), ({"description": 3}, 400)):
        with pytest.raises(Exception, match=str(code)):
            await ask(*one, method="PATCH", body=body)
    await ask(*one, method="PATCH", body={"drop_tags": ["a"]}, If_Match=newer)
    kept = Dataset.get_by_name(workspace, "my data", 1)
    assert (kept.description, kept.tags) == ("cleaned", {"good": None})
    assert Dataset.get_by_name(workspace, "my data").tags == {"a": "b"}, "of the other version"
    await ask(one[0], "latest", method="PATCH", body={"archived": True})
    assert Dataset.get_all(workspace)["my data"].version == 1
    await ask(*one, method="DELETE")
    with pytest.raises(Exception, match="404"):
        await ask(*one)
