"""What a run had to do with, and the aliases of models, over REST."""

import json

import pytest
from tornado.httpclient import HTTPClientError

from jupyter_aml.models.model import Model
from jupyter_aml.tracking.experiment import Experiment

pytestmark = pytest.mark.timeout(60)
API = ("aml", "api", "v1")


async def test_a_runs_links_name_what_it_registered_and_aliases_move(services, jp_fetch, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    workspace = await services.workspace()
    run = Experiment(workspace, "exp").start_logging(snapshot_directory=None)
    (tmp_path / "outputs/model.pkl").write_bytes(b"weights")
    run.complete()
    for _ in range(2):
        run.register_model("iris", "outputs/model.pkl")

    async def ask(*parts, method="GET", body=None):
        answer = await jp_fetch(
            *API, *parts, method=method, body=None if body is None else json.dumps(body), allow_nonstandard_methods=True
        )
        return json.loads(answer.body) if answer.body else None

    links = (await ask("runs", run.id, "links"))["links"]
    assert [(x["role"], x["kind"], x["name"], x["version"]) for x in links] == [
        ("registered", "model", "iris", 1),
        ("registered", "model", "iris", 2),
    ]
    place = ("models", "iris", "aliases")
    assert await ask(*place) == {"aliases": {}}
    await ask(*place, "production", method="PUT", body={"version": 2})
    await ask(*place, "production", method="PUT", body={"version": 1})
    assert await ask(*place) == {"aliases": {"production": 1}}
    assert Model(workspace, "iris", version="production").version == 1
    await ask(*place, "production", method="DELETE")
    assert await ask(*place) == {"aliases": {}}
    for route, method, body, code in [
        (("runs", "nobody", "links"), "GET", None, 404),
        ((*place, "production"), "DELETE", None, 404),
        ((*place, "a"), "PUT", {"version": 3}, 404),
        ((*place, "a"), "PUT", {"version": True}, 400),
        ((*place, "a"), "PUT", {"version": 10**30}, 400),
    ]:
        with pytest.raises(HTTPClientError) as refused:
            await ask(*route, method=method, body=body)
        assert refused.value.code == code, route
