"""MLflow's client on a workspace: what it logs is found through our API, and what we log through its."""

import json
import textwrap
from pathlib import Path

import pytest

pytest.importorskip("mlflow", reason="mlflow is not installed")

import mlflow
from mlflow.exceptions import MlflowException

from jupyter_aml import Experiment, Workspace
from jupyter_aml.interop import compat
from jupyter_aml.interop.mlflow.artifacts import AmlArtifacts
from jupyter_aml.interop.mlflow.store import AmlStore
from jupyter_aml.interop.mlflow.uri import artifacts_of, of_artifacts
from jupyter_aml.jobs.script_config import ScriptRunConfig

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def ws(tmp_path, monkeypatch):
    """A workspace that MLflow logs to, by the entry points of the installed package."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "")
    monkeypatch.setattr(mlflow.tracking.fluent, "_active_experiment_id", None)
    made = Workspace.create("mlflow place")
    mlflow.set_tracking_uri(made.get_mlflow_tracking_uri())
    mlflow.set_experiment("one")
    yield made
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.set_tracking_uri(None)


def only_run(ws, experiment="one"):
    [run] = Experiment(ws, experiment).get_runs()
    return run


def test_the_entry_points_lead_here(ws):
    assert isinstance(mlflow.tracking._get_store(), AmlStore)
    repository = mlflow.store.artifact.artifact_repository_registry.get_artifact_repository(artifacts_of(ws.url, "x"))
    assert isinstance(repository, AmlArtifacts)


def test_what_mlflow_logs_is_a_run_of_ours(ws, tmp_path):
    (tmp_path / "plot.txt").write_text("drawn")
    with mlflow.start_run(run_name="first", tags={"kind": "a"}, description="said") as active:
        mlflow.log_param("lr", 0.1)
        for step, value in enumerate([3.0, 2.0, float("nan"), 1.0]):
            mlflow.log_metric("loss", value, step=step * 10)
        mlflow.log_metrics({"acc": 0.5, "auc": 0.6})
        mlflow.set_tag("kind", "b")
        mlflow.log_artifact(str(tmp_path / "plot.txt"))
        mlflow.log_artifact(str(tmp_path / "plot.txt"), "figures/late")
        with mlflow.start_run(nested=True, run_name="within"):
            mlflow.log_metric("part", 1)
    run = only_run(ws)
    assert (run.id, run.display_name, run.description, run.status) == (active.info.run_id, "first", "said", "Completed")
    record = ws.connection.store.run(run.id)
    assert record.params == {"lr": "0.1"}
    assert record.tags["kind"] == "b"
    metrics = run.get_metrics()
    assert (metrics["acc"], metrics["auc"], metrics["loss"][1], metrics["loss"][3]) == (0.5, 0.6, 2.0, 1.0)
    assert list(ws.connection.store.series(run.id, "loss").steps) == [0, 10, 20, 30]
    assert run.get_file_names() == ["figures/late/plot.txt", "plot.txt"]
    assert [child.display_name for child in run.get_children()] == ["within"]


def test_what_we_log_is_a_run_of_mlflows(ws, tmp_path):
    run = Experiment(ws, "one").start_logging(display_name="ours", snapshot_directory=None)
    run.log("acc", 0.25)
    run.log("acc", 0.75)
    run.log("word", "text")
    run.tag("by", "hand")
    (tmp_path / "a.txt").write_text("kept")
    run.upload_file("sub/a.txt", tmp_path / "a.txt")
    seen = mlflow.get_run(run.id)
    assert (seen.info.status, seen.info.run_name, seen.data.tags["by"]) == ("RUNNING", "ours", "hand")
    assert seen.data.metrics == {"acc": 0.75}
    history = mlflow.MlflowClient().get_metric_history(run.id, "acc")
    assert [(point.step, point.value) for point in history] == [(0, 0.25), (1, 0.75)]
    assert [(f.path, f.is_dir) for f in mlflow.artifacts.list_artifacts(run_id=run.id)] == [("sub", True)]
    assert mlflow.artifacts.load_text(f"runs:/{run.id}/sub/a.txt") == "kept"
    run.complete()
    assert mlflow.get_run(run.id).info.status == "FINISHED"


def test_an_error_within_the_block_is_the_runs(ws):
    with pytest.raises(ZeroDivisionError), mlflow.start_run():
        1 / 0  # noqa: B018
    run = only_run(ws)
    assert run.status == "Failed"
    assert run.get_details()["error"]["error"]["code"] == "ZeroDivisionError"


def test_what_cannot_be_is_refused_in_mlflows_words(ws):
    client = mlflow.MlflowClient()
    with mlflow.start_run() as active:
        mlflow.log_param("lr", 1)
        with pytest.raises(MlflowException, match="it cannot become '2'"):
            mlflow.log_param("lr", 2)
    with pytest.raises(MlflowException, match="does not begin again") as refused:
        mlflow.start_run(run_id=active.info.run_id)
    assert refused.value.error_code == "INVALID_STATE"
    with pytest.raises(MlflowException, match="is Completed"):
        client.log_metric(active.info.run_id, "late", 1)
    with pytest.raises(MlflowException) as unknown:
        client.get_run("nobody")
    assert unknown.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    with pytest.raises(MlflowException, match="aml run delete"):
        client.delete_run(active.info.run_id)
    with pytest.raises(MlflowException) as again:
        client.create_experiment("one")
    assert again.value.error_code == "RESOURCE_ALREADY_EXISTS"


@pytest.fixture
def three(ws):
    """Runs a, b (child of a) and c, which failed; the second has no parameter."""
    client = mlflow.MlflowClient()
    with mlflow.start_run(run_name="a") as first:
        mlflow.log_metric("acc", 0.1)
        mlflow.log_param("kind", "x")
        with mlflow.start_run(run_name="b", nested=True):
            mlflow.log_metric("acc", 0.5)
    with mlflow.start_run(run_name="c") as last:
        mlflow.log_metric("acc", 0.9)
        mlflow.log_param("kind", "y")
        mlflow.end_run("FAILED")
    return client, first.info, last.info


def test_searches(three):
    client, first, last = three

    def names(text="", **more):
        return [run.info.run_name for run in client.search_runs([first.experiment_id], text, **more)]

    assert names() == ["c", "b", "a"]
    assert names(order_by=["metrics.acc ASC"]) == ["a", "b", "c"]
    expected = {
        "metrics.acc > 0.3": ["c", "b"],
        "metrics.acc != 0.5": ["c", "a"],
        "params.kind = 'x'": ["a"],
        "params.kind != 'x'": ["c"],
        "params.kind IS NULL": ["b"],
        "attributes.status = 'FAILED'": ["c"],
        "status != 'FAILED' and metrics.acc < 0.3": ["a"],
        f"tags.mlflow.parentRunId = '{first.run_id}'": ["b"],
        "tags.mlflow.runName ILIKE '%C%'": ["c"],
        f"run_id IN ('{first.run_id}', '{last.run_id}')": ["c", "a"],
        f"start_time < {first.start_time}": [],
        f"start_time = {first.start_time}": ["a"],
        f"start_time > {first.start_time} and end_time > 0": ["c", "b"],
    }
    assert {text: names(text) for text in expected} == expected
    page = client.search_runs([first.experiment_id], max_results=2)
    rest = client.search_runs([first.experiment_id], max_results=2, page_token=page.token)
    assert [run.info.run_name for run in [*page, *rest]] == ["c", "b", "a"]
    assert rest.token is None
    for text in ("params.kind LIKE 'x%'", "dataset.name = 'd'"):
        with pytest.raises(MlflowException, match="not possible in a jupyter_aml workspace"):
            names(text)
    with pytest.raises(MlflowException, match="Ordering by 2 fields"):
        names(order_by=["metrics.acc", "params.kind"])


def test_experiments(ws):
    client = mlflow.MlflowClient()
    made = client.create_experiment("two", tags={"a": "b"})
    client.set_experiment_tag(made, "c", "d")
    assert Experiment(ws, "two").tags == {"a": "b", "c": "d"}
    client.rename_experiment(made, "2")
    client.delete_experiment(made)
    assert client.get_experiment(made).lifecycle_stage == "deleted"
    assert [e.name for e in client.search_experiments()] == ["one"]
    assert Experiment(ws, "2").archived_time is not None
    client.restore_experiment(made)
    assert client.get_experiment_by_name("2").lifecycle_stage == "active"


def test_where_no_experiment_is_set_runs_go_to_the_default(ws, monkeypatch):
    monkeypatch.setattr(mlflow.tracking.fluent, "_active_experiment_id", None)
    monkeypatch.delenv("MLFLOW_EXPERIMENT_ID")
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    with mlflow.start_run():
        pass
    assert only_run(ws, "Default").status == "Completed"


def test_a_logged_model_is_files_of_its_run(ws):
    pytest.importorskip("pandas")
    from mlflow.models import Model

    class Flavor:
        @staticmethod
        def save_model(path, mlflow_model, text):
            Path(path).mkdir(parents=True)
            (Path(path) / "weights.txt").write_text(text)
            mlflow_model.add_flavor("plain", data="weights.txt")
            mlflow_model.save(Path(path) / "MLmodel")

    with mlflow.start_run():
        mlflow.log_metric("acc", 0.5)
        infos = [Model.log("clf", Flavor, text=text, flavor_name="plain") for text in ("first", "second")]
    run = only_run(ws)
    assert run.get_file_names() == ["clf-2/MLmodel", "clf-2/weights.txt", "clf/MLmodel", "clf/weights.txt"]
    assert run.get_metrics() == {"acc": 0.5}  # said of the models, too, and no second time of the run
    models = [mlflow.get_logged_model(info.model_id) for info in infos]
    texts = [mlflow.artifacts.load_text(f"{model.artifact_location}/weights.txt") for model in models]
    assert (texts, models[0].metrics[0].value, str(models[0].status)) == (["first", "second"], 0.5, "READY")
    assert run.register_model("kept", "clf").version == 1


@pytest.mark.slow
def test_a_submitted_script_joins_its_run(ws, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "train.py").write_text(
        textwrap.dedent("""
        import mlflow
        from azureml.core import Run
        with mlflow.start_run() as active:
            mlflow.log_metric("observations", 3)
            mlflow.log_param("p", 1)
        Run.get_context().log("after", 1)
        print(active.info.run_id, mlflow.get_experiment(active.info.experiment_id).name)
        """)
    )
    run = Experiment(ws, "scripts").submit(ScriptRunConfig(str(source), "train.py"))
    run.wait_for_completion()
    assert run.get_metrics() == {"observations": 3.0, "after": 1}
    assert mlflow.get_run(run.id).data.params == {"p": "1"}
    assert [other.id for other in Experiment(ws, "scripts").get_runs()] == [run.id]
    assert f"{run.id} scripts" in "".join(run.get_details_with_logs()["logFiles"].values())


def test_a_project_is_a_run_of_the_workspace(ws, tmp_path):
    (tmp_path / "train.py").write_text(
        textwrap.dedent("""
        import sys
        import mlflow
        with mlflow.start_run():
            mlflow.log_metric("doubled", 2 * float(sys.argv[1]))
        """)
    )
    main = {"parameters": {"alpha": "float"}, "command": "python train.py {alpha}"}
    (tmp_path / "MLproject").write_text(json.dumps({"name": "example", "entry_points": {"main": main}}))
    compat.enable()
    try:
        project = mlflow.projects.run(
            uri=".", parameters={"alpha": 0.25}, backend="azureml", use_conda=False, backend_config={"USE_CONDA": False}
        )
    finally:
        compat.disable()
    run = only_run(ws)
    assert run.id == project.run_id and project.get_status() == "FINISHED" and project.wait()
    assert run.get_metrics() == {"doubled": 0.5} and run.get_details()["runDefinition"]["target"] == "local"
    with pytest.raises(TypeError):
        mlflow.projects.run(uri=".", use_conda=False)


@pytest.mark.parametrize("url", ["/home/a b/ö", "postgresql://u@h:1/db?schema=x", "https://h/base/?workspace=a%20b"])
def test_uris_say_the_same_both_ways(url):
    uri = artifacts_of(url, "run:1", "a/b")
    assert of_artifacts(uri) == (url, "run:1", "a/b")
    assert of_artifacts(mlflow.utils.uri.append_to_uri_path(uri, "c")) == (url, "run:1", "a/b/c")
