"""The model registry over REST."""

import json

import pytest
from tornado.httpclient import HTTPClientError

from jupyter_aml.models.model import Model
from jupyter_aml.tracking.experiment import Experiment

pytestmark = pytest.mark.timeout(60)
API = ("aml", "api", "v1")


@pytest.fixture
def run(services, jp_asyncio_loop, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    workspace = jp_asyncio_loop.run_until_complete(services.workspace())
    made = Experiment(workspace, "exp").start_logging(snapshot_directory=None)
    (tmp_path / "outputs/model.pkl").write_bytes(b"weights")
    made.complete()
    return made


async def test_a_model_is_registered_listed_changed_fetched_and_deleted(run, jp_fetch) -> None:
    async def ask(*parts, method="GET", body=None, headers=None, **params):
        return await jp_fetch(
            *API, *parts, params=params, method=method, headers=headers or {},
            body=None if body is None else json.dumps(body), allow_nonstandard_methods=True,
        )  # fmt: skip

    made = await ask("models", method="POST", body={"run": run.id, "name": "iris", "path": "outputs/model.pkl"})
    one = json.loads(made.body)
    assert (one["name"], one["version"], one["run"], one["files"]["model.pkl"][1]) == ("iris", 1, run.id, 7)
    await ask("models", method="POST", body={"run": run.id, "name": "iris", "path": "outputs", "tags": {"a": "b"}})
    listed = json.loads((await ask("models")).body)
    assert [(m["name"], m["version"]) for m in listed["assets"]] == [("iris", 2)] and listed["versions"] == {"iris": 2}
    assert len(json.loads((await ask("models", name="iris", all="1")).body)["assets"]) == 2
    place = ("models", "iris", "versions", "1")
    etag = (await ask(*place)).headers["Etag"]
    changed = await ask(*place, method="PATCH", body={"set_tags": {"x": "1"}}, headers={"If-Match": etag})
    assert json.loads(changed.body)["tags"] == {"x": "1"}
    with pytest.raises(HTTPClientError) as lost:
        await ask(*place, method="PATCH", body={"description": "mine"}, headers={"If-Match": etag})
    assert lost.value.code == 409
    assert (await ask(*place, "files", "model.pkl")).body == b"weights"
    links = json.loads((await ask(*place, "lineage")).body)["links"]
    assert [(link["run"], link["role"]) for link in links] == [(run.id, "registered")]
    await ask(*place, method="DELETE")
    for absent in (place, ("models", "iris", "versions", "x"), ("models", "iri", "versions", "latest"),
                   ("models", "iris", "versions", "2", "files", "nope")):  # fmt: skip
        with pytest.raises(HTTPClientError) as gone:
            await ask(*absent)
        assert gone.value.code == 404
    assert Model(run.experiment.workspace, "iris").version == 2
