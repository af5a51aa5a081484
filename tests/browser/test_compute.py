"""Compute targets in the sidebar and on their pages, each button pressed, with a real cluster and a real instance."""

import json
import os
import signal

import psutil
import pytest
from playwright.sync_api import expect

from jupyter_aml import Experiment
from jupyter_aml.compute.amlcompute import AmlCompute
from jupyter_aml.compute.instance import ComputeInstance
from jupyter_aml.compute.target import ComputeTarget
from jupyter_aml.jobs.script_config import ScriptRunConfig
from jupyter_aml.store.connection import connect
from jupyter_aml.workspace import Workspace

pytest.importorskip("distributed")
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def workspace(lab, tmp_path, monkeypatch):
    """The workspace that JupyterLab shows; what its targets started ends with the test."""
    monkeypatch.setenv("JUPYTER_AML_HOME", lab.environment["JUPYTER_AML_HOME"])
    monkeypatch.setenv("JUPYTER_AML_LAUNCHER_IDLE", "20")
    opened = Workspace._of(connect(lab.api("info")["workspace"]["url"]))
    yield opened
    opened.connection.close()
    started = []
    for path in (tmp_path / "home").glob(".remote/launchers/*/*/launcher.json"):
        pid = json.loads(path.read_text())["pid"]
        if psutil.pid_exists(pid):
            started.append(psutil.Process(pid))
            os.kill(pid, signal.SIGTERM)
    psutil.wait_procs(started, 30)


def submit(workspace, folder, name, target):
    """A run that stays until it is cancelled."""
    folder.mkdir(exist_ok=True)
    (folder / "stays.py").write_text("import time\ntime.sleep(600)\n")
    run = Experiment(workspace, "compute").submit(ScriptRunConfig(folder, "stays.py", compute_target=target))
    run.display_name = name
    workspace.connection.flush()
    return run


def opened(lab, page):
    page.goto(lab.page())
    page.wait_for_function("window.jupyterapp?.restored")
    page.evaluate("window.jupyterapp.restored.then(() => null)")
    page.evaluate("window.jupyterapp.commands.execute('aml:show-runs').then(() => null)")
    sidebar = page.locator("#jupyter-aml-runs")
    sidebar.locator(".aml-Section-head", has_text="Compute").click()
    return sidebar


def thing(page, name):
    return page.locator(".aml-Thing", has=page.get_by_role("heading", name=name, exact=True))


def resize(page, **fields):
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("textbox").first).to_be_focused()
    for label, value in fields.items():
        dialog.get_by_label(label.replace("_", " ")).fill(value)
    dialog.get_by_role("button", name="Resize").click()


def test_a_cluster_is_watched_resized_freed_of_what_waits_and_deleted(lab, page, workspace, tmp_path):
    sidebar = opened(lab, page)
    expect(sidebar.get_by_text("No compute target yet")).to_be_visible()
    settings = AmlCompute.provisioning_configuration(max_nodes=1, idle_seconds_before_scaledown=600)
    target = ComputeTarget.create(workspace, "cpu-cluster", settings)
    row = sidebar.get_by_role("tree", name="Compute").get_by_role("treeitem", name="cpu-cluster")
    expect(row).to_contain_text("0/1")
    first, second, third = (submit(workspace, tmp_path / "source", f"{n} one", target) for n in ("a", "b", "c"))
    expect(row).to_contain_text("1/1", timeout=60_000)
    expect(row.locator(".aml-Row-count")).to_have_text("3")
    row.click()

    # Its nodes, and what waits for it, which is cancelled from there.
    mine = thing(page, "cpu-cluster")
    mine.get_by_role("tab", name="Nodes").click()
    expect(mine.get_by_role("row").filter(has_text=first.id)).to_contain_text("running", timeout=60_000)
    mine.get_by_role("tab", name="Queue 3").click()
    queue = mine.locator("tbody tr")
    expect(queue.filter(has_text="a one")).to_contain_text("executed")
    expect(queue.filter(has_text="b one")).to_contain_text("waits")
    mine.get_by_role("button", name="Cancel b one").click()
    expect(queue).to_have_count(2)
    assert second.get_status() == "Canceled" and third.get_status() == "Queued"
    queue.get_by_role("button", name="c one", exact=True).click()
    run = page.locator(".aml-RunPage:visible")
    expect(run.get_by_role("heading", name="c one")).to_be_visible()
    row.click()
    mine.get_by_role("button", name="Cancel a one").click()
    expect(queue.filter(has_text="c one")).to_contain_text("executed", timeout=60_000)

    # Numbers that cannot be are told where they were typed; those that can come into force.
    mine.get_by_role("button", name="Resize…").click()
    resize(page, Nodes_at_most="many")
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("a whole number, not “many”")
    resize(page, Nodes_that_are_always_on="3", Nodes_at_most="2")
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("3")
    resize(page, Nodes_that_are_always_on="0", Nodes_at_most="2")
    mine.get_by_role("tab", name="Overview").click()
    expect(mine.get_by_role("row", name="Nodes 1 now")).to_contain_text("0 to 2")
    row.click(button="right")
    page.get_by_role("menuitem", name="Resize…").click()
    resize(page, Seconds_after_which_an_idle_node_stops="60")
    expect(mine.get_by_role("row", name="Stops when idle")).to_contain_text("1 m")

    # Nothing is deleted by mistake.
    mine.get_by_role("button", name="Delete…").click()
    expect(page.get_by_role("dialog")).to_contain_text("1 run on it is cancelled.")
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(mine).to_be_visible()
    mine.get_by_role("button", name="Delete…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(mine).to_have_count(0)
    expect(row).to_have_count(0)
    assert third.get_status() == "Canceled"


def test_an_instance_is_stopped_started_and_used(lab, page, workspace):
    ComputeTarget.create(workspace, "mine", ComputeInstance.provisioning_configuration())
    sidebar = opened(lab, page)
    row = sidebar.get_by_role("tree", name="Compute").get_by_role("treeitem", name="mine")
    expect(row).to_contain_text("Running", timeout=60_000)
    row.click()
    mine = thing(page, "mine")
    state = mine.locator("header .aml-Tag")
    expect(state).to_have_text("Running")
    expect(mine.get_by_role("row", name="Limits")).to_contain_text("cpus")
    mine.get_by_role("button", name="Stop").click()
    expect(state).to_have_text("Stopped", timeout=60_000)
    row.hover()
    row.get_by_role("button", name="Start").click()
    expect(row).to_contain_text("Running", timeout=60_000)
    row.hover()
    row.get_by_role("button", name="Stop").click()
    expect(row).to_contain_text("Stopped", timeout=60_000)
    row.click(button="right")
    page.get_by_role("menuitem", name="Start", exact=True).click()
    expect(state).to_have_text("Running", timeout=60_000)
    before = workspace.compute_targets["mine"]._live
    mine.get_by_role("button", name="Restart").click()
    actions = mine.get_by_role("group", name="Actions")
    expect(actions).to_have_attribute("aria-busy", "true")
    expect(actions).to_have_attribute("aria-busy", "false", timeout=60_000)
    expect(state).to_have_text("Running", timeout=60_000)
    assert workspace.compute_targets["mine"]._live["pid"] != before["pid"]

    mine.get_by_role("tab", name="Queue").click()
    expect(mine.get_by_text("No run waits for it, and none is executed on it.")).to_be_visible()
    mine.get_by_role("button", name="Use in notebook").click()
    expect(page.get_by_text("Open a notebook first")).to_be_visible()
    row.click(button="right")
    page.get_by_role("menuitem", name="Delete…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)
    expect(mine.get_by_role("alert")).to_contain_text("it was deleted")
