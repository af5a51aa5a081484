"""What the pages of many runs ask for, as a browser asks it."""

import csv
import io
import json

import pytest
from tornado.httpclient import HTTPClientError

from jupyter_aml.tracking.experiment import Experiment
from jupyter_aml.tracking.run import Run

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def ask(jp_fetch):
    async def asked(route, **query):
        pairs = [(key, one) for key, given in query.items() for one in (given if isinstance(given, list) else [given])]
        answer = await jp_fetch("aml", "api", "v1", "studio", *route.split("/"), params=pairs)
        return json.loads(answer.body)

    return asked


@pytest.fixture
def experiment(services, jp_asyncio_loop):
    return Experiment(jp_asyncio_loop.run_until_complete(services.workspace()), "exp")


def made(experiment, name, **params):
    return Run._create(experiment, name=name, params=params)


async def test_rows_carry_what_was_asked_for_and_no_more(experiment, ask):
    for at in range(3):
        run = made(experiment, f"run {at}", lr=0.1 * at)
        for name in ("loss", "other"):
            run.log(name, 5 - at)
            run.log(name, 9 - at)
        run.tag("kind", "<b>")
        run.complete()
    page = await ask("runs", experiment="exp", field="metrics.loss.min", order="metrics.loss.min", limit=2)
    assert [row["name"] for row in page["rows"]] == ["run 2", "run 1"]
    assert page["rows"][0]["values"] == {"metrics.loss.min": 3}
    assert "metrics" not in page["rows"][0] and page["rows"][0]["tags"] == {"kind": "<b>"}
    last = await ask(
        "runs", experiment="exp", field="metrics.loss.min", order="metrics.loss.min", limit=2, cursor=page["next"]
    )
    assert [row["name"] for row in last["rows"]] == ["run 0"] and last["next"] is None
    fewer = await ask("runs", experiment="exp", filter="params.lr > 0.15", field="params.lr")
    assert [row["values"]["params.lr"] for row in fewer["rows"]] == [0.2]


async def test_names_come_with_how_often_and_what(experiment, ask):
    for at in range(3):
        run = made(experiment, "", lr=at, optimizer="adam" if at else "sgd")
        run.log("loss", 1.5)
        if at == 0:
            run.log("verdict", "good")
            run.log_row("rows", a=1)
            for metric in range(2000):
                run.log(f"many/{metric}", metric)
        run.complete()
    found = await ask("fields", experiment="exp")
    fields = {one["field"]: one for one in found["fields"]}
    assert [one["field"] for one in found["fields"]][:3] == ["metrics.loss", "params.lr", "params.optimizer"]
    assert found["looked_at"] == 3 and found["total"] == len(fields) >= 2004 and not found["more_runs"]
    assert fields["params.lr"]["numeric"] and not fields["params.optimizer"]["numeric"]
    assert sorted(fields["params.optimizer"]["values"]) == ["adam", "sgd"]
    assert not fields["metrics.verdict"]["numeric"] and "metrics.rows" not in fields


async def test_groups_count_and_their_filter_finds_as_many(experiment, ask):
    for kind in ("a", "a", 'b "quoted"', None):
        run = made(experiment, "", **({} if kind is None else {"kind": kind}))
        run.complete()
    found = await ask("groups", experiment="exp", by="params.kind")
    assert found["groups"][0] == {"value": "a", "count": 2}
    assert {one["value"] for one in found["groups"]} == {"a", 'b "quoted"', None} and found["whole"]
    for value, filter in (('b "quoted"', 'params.kind = "b ""quoted"""'), (None, "params.kind is null")):
        assert len((await ask("runs", experiment="exp", filter=filter))["rows"]) == 1, value
    with pytest.raises(HTTPClientError, match="400"):
        await ask("groups", experiment="exp", by="metrics.loss")


async def test_the_export_has_all_runs_and_nothing_that_a_spreadsheet_executes(experiment, jp_fetch):
    for at in range(3):
        run = made(experiment, "=1+1" if at == 0 else f"run, {at}", lr=-at)
        run.log("loss", float("nan") if at == 1 else at)
        run.complete()
    answer = await jp_fetch(
        "aml", "api", "v1", "studio", "runs.csv",
        params=[("experiment", "exp"), ("order", "number"), ("field", "params.lr"), ("field", "metrics.loss")],
    )  # fmt: skip
    assert answer.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.body.decode("utf-8-sig"))))
    assert [row["name"] for row in rows] == ["'=1+1", "run, 1", "run, 2"]
    assert [row["params.lr"] for row in rows] == ["0", "-1", "-2"]
    assert [row["metrics.loss"] for row in rows] == ["0", "nan", "2"]
    with pytest.raises(HTTPClientError, match="400"):
        await jp_fetch("aml", "api", "v1", "studio", "runs.csv", params={"filter": "nonsense ="})


async def test_series_and_sources_of_several_runs(experiment, ask, tmp_path):
    runs = []
    source = tmp_path / "source"
    source.mkdir()
    for at in range(3):
        (source / "train.py").write_text(f"LR = {at % 2}\n")
        run = made(experiment, "")
        run.take_snapshot(source)
        for step in range(5):
            run.log("loss", step * at)
        runs.append(run)
    below = runs[2].child_run("below")
    ids = [run.id for run in runs]
    drawn = (await ask("series", run=[*ids, "gone"], name="loss", width=10))["series"]
    assert list(drawn) == ids and drawn[ids[2]]["last"] == [0, 2, 4, 6, 8]
    found = await ask("sources", run=[*ids[:2], below.id])
    (file,) = found["files"]
    assert (
        file["path"] == "train.py" and file["digests"][ids[0]] == file["digests"][below.id] != file["digests"][ids[1]]
    )
    assert found["keepers"][below.id] == ids[2]
    for run in [below, *runs]:
        run.complete()
    with pytest.raises(HTTPClientError, match="404"):
        await ask("sources", run="gone")


async def test_a_field_that_no_row_has_is_refused(experiment, ask):
    experiment.start_logging(snapshot_directory=None).complete()
    for wrong in ("loss", "details.source", "metrics."):
        with pytest.raises(HTTPClientError, match="400"):
            await ask("runs", experiment="exp", field=wrong)
