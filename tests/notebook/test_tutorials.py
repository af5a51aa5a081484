"""The tutorials, executed by the product itself."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from jupyter_aml import Workspace
from jupyter_aml.store.records import RunQuery

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


@pytest.fixture
def execute(tmp_path):
    """execute("01-…ipynb", words…): the run's record, and the executed notebook."""
    folder = tmp_path / "notebooks"
    shutil.copytree(NOTEBOOKS, folder, ignore=shutil.ignore_patterns(".ipynb_checkpoints", "outputs"))

    def run(name, *words):
        command = [sys.executable, "-m", "jupyter_aml", "notebook", "run", name, "executed.ipynb", *words, "--json"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, env=dict(os.environ))
        assert done.returncode == 0, done.stdout + done.stderr
        store = Workspace.default().connection.store
        found = store.run(json.loads(done.stdout)["id"], with_metrics=True)
        return found, nbformat.read(folder / "executed.ipynb", as_version=4)

    return run


def below(parent, type):
    return list(Workspace.default().connection.store.walk(RunQuery(parent=parent.id, types=[type], with_metrics=True)))


def outputs(notebook):
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def assert_whole(run, notebook):
    """It completed, every code cell as a run, and nothing is broken in what it shows."""
    assert run.status == "Completed"
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    recorded = below(run, "aml.cell")
    assert {cell.status for cell in recorded} == {"Completed"} and len(recorded) >= len(cells) - 1
    assert not [output for output in outputs(notebook) if output.output_type == "error"]


@pytest.mark.timeout(300)
def test_the_first_tutorial_runs_and_leaves_the_runs_that_it_speaks_of(execute) -> None:
    run, notebook = execute("01-track-a-notebook.ipynb")
    assert_whole(run, notebook)
    made = {
        r.name: r
        for r in Workspace.default().connection.store.walk(RunQuery(experiment="breast-cancer", with_metrics=True))
    }
    assert {"eta 0.0001", "eta 0.001", "eta 0.01", "in detail"} <= set(made)
    assert made["eta 0.01"].metrics["loss"].count == 40


@pytest.mark.timeout(300)
def test_the_second_tutorial_sweeps_over_itself_and_compares(execute) -> None:
    run, notebook = execute("02-parameters-and-sweeps.ipynb", "-p", "hidden", "24")
    assert_whole(run, notebook)
    assert run.params == {"hidden": 24} and run.metrics["accuracy"].last > 0.8
    (sweep,) = Workspace.default().connection.store.walk(RunQuery(types=["aml.sweep"]))
    assert sweep.status == "Completed" and sweep.experiment == run.experiment
    children = below(sweep, "aml.notebook")
    settings = {(child.params["hidden"], child.params["learning_rate"]) for child in children}
    assert settings == {(16, 0.001), (16, 0.01), (64, 0.001), (64, 0.01)}
    assert all(child.metrics["loss"].count == 15 for child in children)
    shown = [output.data["text/html"] for output in outputs(notebook) if "text/html" in output.get("data", {})]
    assert any("64 neurons, rate 0.01" in html and "accuracy" in html for html in shown)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_third_tutorial_trains_elsewhere_searches_and_registers(execute) -> None:
    run, notebook = execute("03-train-elsewhere.ipynb")
    assert_whole(run, notebook)
    workspace = Workspace.default()
    made = list(workspace.connection.store.walk(RunQuery(experiment="digits", with_metrics=True, everywhere=True)))
    assert sum(r.type == "azureml.scriptrun" for r in made) == 6 and {r.status for r in made} <= {
        "Completed",
        "Canceled",
    }
    model = workspace.models["digits"]
    assert model.run.get_metrics()["accuracy"][-1] > 0.8 and model.aliases == ["production"]
    workspace.compute_targets["tutorial-cluster"].delete()


@pytest.mark.timeout(300)
def test_the_fourth_tutorial_registers_data_and_shows_no_secret(execute) -> None:
    run, notebook = execute("04-data.ipynb")
    assert_whole(run, notebook)
    assert "correct horse" not in json.dumps(outputs(notebook))
    store = Workspace.default().connection.store
    (reader,) = store.walk(RunQuery(experiment="wines", with_metrics=True))
    assert reader.metrics["rows"].last == 178
    assert "wine" in {link.name for link in store.links(run=reader.id, kind="dataset")}
