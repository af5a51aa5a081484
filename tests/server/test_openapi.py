"""The document that describes REST is true: what it says is there, and what is there it says."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from jupyter_aml.server.extension import ROUTES
from jupyter_aml.server.openapi import ANSWERS, HIDDEN, PARAMETERS, document
from jupyter_aml.tracking.experiment import Experiment

pytestmark = pytest.mark.timeout(60)


def test_it_is_an_openapi_document() -> None:
    validate(document(ROUTES, "/base/aml/api/v1"))


def test_every_route_and_every_parameter_is_in_it() -> None:
    paths = document(ROUTES)["paths"]
    shown = [handler for pattern, handler in ROUTES if not pattern.startswith(HIDDEN)]
    assert len(paths) == len(shown)
    assert set(ANSWERS) | {"FileHandler"} == {handler.__name__ for handler in shown}
    taken = {name for handler in shown for name in handler.parameters or ()}
    assert taken | {"workspace"} == set(PARAMETERS)
    assert all(operation["summary"] for path in paths.values() for operation in path.values())
    assert not [path for path in paths if not re.fullmatch(r"[A-Za-z0-9/{}._-]+", path)]


def test_every_route_is_in_the_pages_for_people() -> None:
    told = re.sub(r"<[^>]*>", "{}", (Path(__file__).parents[2] / "docs" / "rest.md").read_text(encoding="utf-8"))
    words = {word.strip("`,;").partition("?")[0] for word in told.split()}
    paths = {re.sub(r"\{[^}]*\}", "{}", path).lstrip("/") for path in document(ROUTES)["paths"]}
    assert sorted(paths - words - {"openapi.json"}) == []


async def test_what_is_served_fits_its_schema(services, jp_fetch, jp_asyncio_loop, tmp_path, monkeypatch) -> None:
    from jsonschema import Draft202012Validator

    monkeypatch.chdir(tmp_path)
    run = Experiment(await services.workspace(), "exp").start_logging(snapshot_directory=None)
    run.log("loss", float("inf"))
    run.log_row("rows", a=1)
    run.tag("k", "v")
    run.complete()
    described = json.loads((await jp_fetch("aml", "api", "v1", "openapi.json")).body)
    asked = {
        "/info": {}, "/workspaces": {}, "/experiments": {}, "/experiments/exp": {}, "/changes": {}, "/activity": {},
        "/runs": {"metrics": "1"}, f"/runs/{run.id}": {}, f"/runs/{run.id}/series": {"name": "loss"},
        f"/runs/{run.id}/points": {"name": "loss"}, f"/runs/{run.id}/files": {},
    }  # fmt: skip
    for path, query in asked.items():
        template = path.replace(run.id, "{run_id}").replace("/experiments/exp", "/experiments/{name}")
        schema = described["paths"][template]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        answer = json.loads((await jp_fetch("aml", "api", "v1", *path.strip("/").split("/"), params=query)).body)
        Draft202012Validator({**schema, "components": described["components"]}).validate(answer)
        assert set(answer) <= set(
            described["components"]["schemas"].get(schema.get("$ref", "").rsplit("/", 1)[-1], schema)["properties"]
        )


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_made_up_requests_meet_no_defect(tmp_path) -> None:
    sys.path.insert(0, str(Path(__file__).parents[1] / "store"))
    from jupyter_server_process import TOKEN, server

    tool = Path(sys.executable).with_name("st")
    command = [
        tool, "run", f"{server().url}/aml/api/v1/openapi.json", "-H", f"Authorization: token {TOKEN}", "-n", "40",
        "--checks", "not_a_server_error,response_schema_conformance,status_code_conformance,content_type_conformance",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"})
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
