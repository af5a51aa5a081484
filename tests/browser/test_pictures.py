"""The pages that the story does not come by, as docs/studio.md shows them: drawn only when that is asked for."""

import json

import pytest
from looking import IMAGES, command, draw
from playwright.sync_api import expect
from test_compute import thing, workspace  # noqa: F401
from test_nouns import opened, unfold

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300),
              pytest.mark.skipif(not IMAGES, reason="Draws images: STUDIO_IMAGES=docs/images.")]  # fmt: skip
TRAIN = "import time\nfrom jupyter_aml import Run\nRun.get_context().log('auc', 0.9)\ntime.sleep(600)\n"


def filled(workspace, folder):  # noqa: F811
    """A workspace of somebody who works with it."""
    import pandas as pd

    from jupyter_aml.compute.amlcompute import AmlCompute
    from jupyter_aml.compute.target import ComputeTarget
    from jupyter_aml.data.dataset import Dataset
    from jupyter_aml.environments.environment import Environment
    from jupyter_aml.jobs.script_config import ScriptRunConfig
    from jupyter_aml.tracking.experiment import Experiment
    from jupyter_aml.tracking.run import Run

    store = workspace.get_default_datastore()
    days = pd.date_range("2026-01-01", periods=5000, freq="h")
    frame = pd.DataFrame({
        "departure": days, "carrier": [("ZA", "KU", "LO")[i * i % 3] for i in range(5000)],
        "distance": [200 + i * 7919 % 1900 for i in range(5000)],
        "delay": [round((i * 37 % 101) ** 2 / 90 - 8, 1) if i % 29 else None for i in range(5000)],
    })  # fmt: skip
    flights = Dataset.Tabular.register_pandas_dataframe(
        frame, store, "flights", description="Departures, hour by hour", tags={"source": "airport", "year": "2026"}
    )
    (folder / "raw").mkdir()
    for name in ("carriers.csv", "stations.csv", "weather.csv"):
        (folder / "raw" / name).write_text("code,name\n" + "ZA,Zenith\n" * len(name) * 90)
    store.upload(str(folder / "raw"), target_path="raw/2026", show_progress=False)
    run = Run._create(Experiment(workspace, "train-delays"), name="gradient boosting")
    (folder / "model.pkl").write_bytes(b"weights" * 7000)
    run.upload_file("outputs/model.pkl", folder / "model.pkl")
    with run:
        Dataset.get_by_name(workspace, "flights").take(1).to_pandas_dataframe()
    for stage in ("try", "staging", "production"):
        run.register_model(
            "delays", "outputs/model.pkl", tags={"area": "punctuality", "stage": stage}, model_framework="ScikitLearn",
            description="Minutes that a departure is late", datasets=[("training", flights)],
        )  # fmt: skip
    environment = Environment("train-env")
    for package in ("scikit-learn==1.5.2", "pandas>=2.2", "pyarrow", "lightgbm==4.5.0"):
        environment.python.conda_dependencies.add_pip_package(package)
    environment.register(workspace)
    search = Run._create(Experiment(workspace, "tune-delays"), type="hyperdrive", name="depth and rate")
    for at in range(24):
        depth, rate = 2 + at * 5 % 9, 10 ** -(0.5 + at * 7 % 24 / 8)
        params = {"depth": depth, "rate": round(rate, 4), "loss": ("squared", "huber")[at % 2]}
        child = Run._create(search.experiment, parent=search.id, params=params)
        child.log("auc", round(0.9 - (depth - 6) ** 2 / 200 - abs(rate - 0.03) / 2 + at % 2 / 50, 4))
        child.complete()
    search.complete()
    target = ComputeTarget.create(
        workspace, "cpu-cluster", AmlCompute.provisioning_configuration(max_nodes=1, idle_seconds_before_scaledown=900)
    )
    (folder / "source").mkdir()
    (folder / "source/train.py").write_text(TRAIN)
    for name in ("january", "february", "march"):
        sent = Experiment(workspace, "train-delays").submit(
            ScriptRunConfig(folder / "source", "train.py", compute_target=target)
        )
        sent.display_name = name
    workspace.connection.flush()
    return search


def test_the_pages_are_drawn(lab, page, workspace, tmp_path):  # noqa: F811
    search = filled(workspace, tmp_path)
    cell = {"cell_type": "code", "execution_count": None, "id": "one", "metadata": {}, "outputs": [],
            "source": "from jupyter_aml import Run\nfor step in range(30):\n    Run.get_context().log('loss', 1 / (1 + step))"}  # fmt: skip
    more = {**cell, "id": "two", "source": "Run.get_context().log('accuracy', 0.93)\nprint('good enough')"}
    metadata = {"kernelspec": {"name": "jupyter-aml", "display_name": "Python (AML)"}, "jupyter_aml": {"track": True}}
    notebook = {"cells": [cell, more], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    (lab.folder / "delays.ipynb").write_text(json.dumps(notebook))
    sidebar = opened(lab, page)
    for name in ("Models", "Data", "Environments", "Compute"):
        unfold(sidebar, name)
    row = sidebar.get_by_role("tree", name="Compute").get_by_role("treeitem", name="cpu-cluster")
    expect(row).to_contain_text("1/1", timeout=60_000)

    command(page, "aml:open-model", name="delays")
    expect(thing(page, "delays").get_by_text("production")).to_be_visible()
    draw(page, "models")
    thing(page, "delays").get_by_role("tab", name="Lineage").click()
    expect(thing(page, "delays").get_by_role("button", name="gradient boosting")).to_be_visible()
    draw(page, "models-lineage")
    command(page, "aml:open-dataset", name="flights")
    expect(thing(page, "flights").get_by_role("gridcell", name="ZA").first).to_be_visible()
    draw(page, "data-rows")
    thing(page, "flights").get_by_role("tab", name="Profile").click()
    expect(thing(page, "flights").get_by_role("img", name="Distribution of delay")).to_be_visible()
    draw(page, "data")
    command(page, "aml:open-datastore", datastore="workspaceblobstore", path="raw/2026")
    expect(thing(page, "workspaceblobstore").get_by_role("gridcell", name="stations.csv")).to_be_visible()
    draw(page, "datastore")
    command(page, "aml:open-environment", name="train-env")
    expect(thing(page, "train-env").get_by_role("gridcell", name="lightgbm")).to_be_visible()
    draw(page, "environments")
    row.click()
    thing(page, "cpu-cluster").get_by_role("tab", name="Queue 3").click()
    expect(thing(page, "cpu-cluster").get_by_role("row").filter(has_text="january")).to_contain_text("executed")
    draw(page, "compute")
    command(page, "aml:open-run", id=search.id)
    run = page.locator(".aml-RunPage:visible")
    run.get_by_role("tab", name="Search").click()
    expect(run.get_by_role("region", name="Parallel coordinates").get_by_role("link")).to_have_count(24)
    draw(page, "search")

    command(page, "docmanager:open", path="delays.ipynb")
    expect(page.locator(".jp-StatusBar-Widget", has_text="| Idle")).to_be_visible()
    page.evaluate("() => void window.jupyterapp.commands.execute('notebook:run-all-cells')")
    expect(page.locator(".aml-Badge:not(.lm-mod-hidden)").last).to_contain_text("accuracy 0.93")
    command(page, "aml:show-history")
    draw(page, "notebook")
