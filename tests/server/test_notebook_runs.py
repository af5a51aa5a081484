"""Notebooks over REST: what ran of their cells, running one in the background, and once more."""

import json

import nbformat
import pytest
from tornado.httpclient import HTTPClientError

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def ask(jp_fetch, services):
    async def fetch(*path, body=None, **params):
        more = {} if body is None else {"method": "POST", "body": json.dumps(body)}
        return json.loads((await jp_fetch("aml", "api", "v1", *path, params=params, **more)).body)

    return fetch


def write(folder, name, source, parameters):
    cells = [
        nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(source, id="train"),
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "python3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), folder / name)


async def test_a_notebook_runs_in_the_background_and_once_more_with_other_parameters(
    ask, jp_root_dir, store, eventually
):
    write(jp_root_dir, "train.ipynb", "print(lr)", "lr: float = 0.1  # learning rate\nkey = ''  # secret")
    declared = await ask("notebooks", "parameters", path="train.ipynb")
    assert [(p["name"], p["type"], p["default"], p["secret"]) for p in declared["parameters"]] == [
        ("lr", "float", "0.1", False),
        ("key", "str", "''", True),
    ]
    run = (await ask("notebooks", "runs", body={"path": "train.ipynb", "texts": {"lr": "3"}, "experiment": "e"}))["run"]
    await eventually(lambda: store().run(run).status == "Completed")
    assert store().run(run).params == {"lr": 3}
    shown = await ask("runs", run, "notebook")
    assert shown["name"] == "train.ipynb" and shown["content"]["cells"][-1]["outputs"][0]["text"] in ("3\n", ["3\n"])
    found = await ask("notebooks", "cells", path="train.ipynb", cell="train", run=run)
    assert [cell["details"]["source"] for cell in found["runs"]] == ["print(lr)"]

    needed = await ask("runs", run, "reproduce")
    assert [(p["name"], p["value"]) for p in needed["parameters"]] == [("lr", 3), ("key", None)]
    again = await ask("runs", run, "reproduce", body={"texts": {"lr": "0.5"}})
    assert again["folder"].startswith("outputs/reproduced/train-")
    await eventually(lambda: store().run(again["run"]).status == "Completed")
    assert store().run(again["run"]).tags == {"resubmits": run}
    assert (jp_root_dir / again["folder"] / "outputs" / "train.ipynb").is_file()


async def test_what_ran_of_a_tracked_notebooks_cell_is_found_by_its_path_alone(ask, notebook, store, eventually):
    kernel = await notebook("one.ipynb", cell="c1")
    for source in ("x = 1", "x = 2"):
        await kernel.run(source, cell_id="c1")
    other = await notebook("other.ipynb", cell="c1")
    await other.run("y = 1", cell_id="c1")

    async def both():
        found = await ask("notebooks", "cells", path="one.ipynb", cell="c1")
        return [cell["details"]["source"] for cell in found["runs"]] == ["x = 2", "x = 1"]

    await eventually(both)
    assert (await ask("notebooks", "cells", path="none.ipynb"))["runs"] == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"path": "none.ipynb"}, 404),
        ({"path": "../out.ipynb"}, 400),
        ({"path": ".hidden/a.ipynb"}, 404),
        ({"path": ""}, 400),
        ({"path": "a.ipynb", "texts": {"lr": "fast"}}, 400),
        ({"path": "a.ipynb", "texts": {"rate": "1"}}, 400),
        ({"path": "a.ipynb", "output": "../b.ipynb"}, 400),
        ({"path": "a.ipynb", "output": "b.txt"}, 400),
        ({"path": "a.ipynb", "kernel": "none-such"}, 400),
        ({"path": "a.ipynb", "texts": []}, 400),
        ({"path": "a.ipynb", "more": 1}, 400),
    ],
)
async def test_what_cannot_run_is_refused(ask, jp_root_dir, store, body, status):
    write(jp_root_dir, "a.ipynb", "1", "lr: float = 0.1")
    with pytest.raises(HTTPClientError) as refused:
        await ask("notebooks", "runs", body=body)
    assert refused.value.code == status, refused.value.response.body
    from jupyter_aml.store.records import RunQuery

    assert store().runs(RunQuery(everywhere=True)).runs == []
