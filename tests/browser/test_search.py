"""A search over hyperparameters on the page of the run that leads it, as it goes on."""

import os
import signal

import psutil
import pytest
from playwright.sync_api import expect

from jupyter_aml import Experiment
from jupyter_aml.jobs.hyperdrive import GridParameterSampling, HyperDriveConfig, PrimaryMetricGoal, choice
from jupyter_aml.jobs.run_config import DockerConfiguration
from jupyter_aml.jobs.script_config import ScriptRunConfig
from jupyter_aml.store.connection import connect
from jupyter_aml.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(180)]
TRAIN = """
import argparse
from jupyter_aml import Run
parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float)
parser.add_argument("--kernel")
given = parser.parse_args()
for step in range(3):
    Run.get_context().log("accuracy", given.rate * (0.5 + step / 4))
"""


@pytest.fixture
def search(lab, tmp_path, monkeypatch):
    """A search that has just begun; who leads it ends with the test."""
    monkeypatch.setenv("JUPYTER_AML_HOME", lab.environment["JUPYTER_AML_HOME"])
    workspace = Workspace._of(connect(lab.api("info")["workspace"]["url"]))
    (tmp_path / "source").mkdir()
    (tmp_path / "source/train.py").write_text(TRAIN)
    before = {process.pid for process in psutil.process_iter()}
    script = ScriptRunConfig(
        tmp_path / "source", "train.py", docker_runtime_config=DockerConfiguration(use_docker=True)
    )
    space = {"--rate": choice(0.1, 0.2), "--kernel": choice("linear", "rbf")}
    yield Experiment(workspace, "search").submit(
        HyperDriveConfig(
            run_config=script,
            hyperparameter_sampling=GridParameterSampling(space),
            primary_metric_name="accuracy",
            primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
            max_total_runs=4,
            max_concurrent_runs=2,
        )
    )
    workspace.connection.close()
    home = str(tmp_path / "home")
    for process in psutil.process_iter(["cmdline"]):
        if process.pid not in before and any(home in part for part in process.info["cmdline"] or ()):
            os.kill(process.pid, signal.SIGTERM)


def test_what_is_tried_is_drawn_as_it_comes_and_leads_to_the_tries(lab, page, search):
    page.goto(lab.page())
    page.wait_for_function("window.jupyterapp?.restored")
    page.evaluate("window.jupyterapp.restored.then(() => null)")
    page.evaluate("id => void window.jupyterapp.commands.execute('aml:open-run', { id })", search.id)
    opened = page.locator(".aml-RunPage:visible")
    opened.get_by_role("tab", name="Search").click()
    parallel = opened.get_by_role("region", name="Parallel coordinates")
    tries = parallel.get_by_role("link")
    expect(tries).to_have_count(4, timeout=90_000)  # as they begin: nothing is pressed
    expect(parallel).to_contain_text("rbf")
    expect(opened.locator("header").get_by_text("Completed")).to_be_visible(timeout=90_000)
    expect(parallel).to_contain_text("accuracy")
    expect(parallel).not_to_contain_text("system/")
    scatter = opened.get_by_role("region", name="Scatter")
    scatter.get_by_label("Across").select_option("params.--rate")
    scatter.get_by_label("Up").select_option("metrics.accuracy")
    expect(scatter.get_by_role("application", name="4 points")).to_be_visible()

    # One of them, with what is to be known of the environment that it ran in.
    tries.first.focus()
    page.keyboard.press("Enter")
    expect(opened.get_by_role("list", name="Warnings about the environment")).to_contain_text(
        "A container is asked for"
    )
