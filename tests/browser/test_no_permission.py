"""Who may only look: every page is there, and what is not allowed says so and what to do."""

import subprocess
import sys

import pytest
from playwright.sync_api import expect
from test_nouns import filled, opened, unfold

from jupyter_aml.compute.amlcompute import AmlCompute
from jupyter_aml.compute.target import ComputeTarget

READER = (
    "--ServerApp.authorizer_class=jupyter_aml.server.roles.RoleAuthorizer",
    "--RoleAuthorizer.default_role=reader",
)
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(180),
              pytest.mark.parametrize("lab", [READER], indirect=True)]  # fmt: skip
RUNS = """
from jupyter_aml import Experiment, Workspace
for at in range(2):
    run = Experiment(Workspace.default(), 'looks').start_logging(snapshot_directory=None, display_name=f'run {at}')
    run.log('loss', at)
    run.complete()
    print(run.id)
"""
ADVICE = "You are not allowed to do this here. Ask whoever runs this server for the right to do it."


def command(page, identity, /, **arguments):
    page.evaluate("([id, args]) => void window.jupyterapp.commands.execute(id, args)", [identity, arguments])


def test_a_reader_sees_every_page_and_is_told_what_is_not_allowed(lab, page):
    done = subprocess.run([sys.executable, "-c", RUNS], env=lab.environment, cwd=lab.folder.parent, text=True,
                          capture_output=True, timeout=60, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    runs = done.stdout.split()
    page.goto(lab.page())
    page.wait_for_function("window.jupyterapp?.restored")
    page.evaluate("window.jupyterapp.restored.then(() => null)")

    command(page, "aml:open-run", id=runs[0])
    opened = page.locator(".aml-RunPage:visible")
    expect(opened.get_by_role("heading", name="run 0")).to_be_visible()
    opened.get_by_role("button", name="Rename").click()
    opened.get_by_role("textbox", name="Name").fill("mine")
    page.keyboard.press("Enter")
    expect(opened.get_by_role("alert")).to_contain_text(ADVICE)
    expect(opened.get_by_role("heading", name="run 0")).to_be_visible()
    opened.get_by_role("button", name="Delete…").click()
    page.locator(".jp-Dialog .jp-mod-accept").click()
    expect(opened.get_by_role("alert")).to_contain_text(ADVICE)
    opened.get_by_role("tab", name="Metrics").click()
    expect(opened.get_by_role("tabpanel")).to_contain_text("loss")

    command(page, "aml:open-experiment", name="looks")
    grid = page.get_by_role("grid")
    expect(grid.get_by_role("row")).to_have_count(3)
    grid.focus()
    page.keyboard.press("Control+a")
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator(".Toastify")).to_contain_text("not allowed")
    expect(grid.get_by_role("row")).to_have_count(3)

    command(page, "aml:compare-runs", ids=runs)
    expect(page.get_by_role("heading", name="2 runs beside each other")).to_be_visible()
    assert {run["name"] for run in lab.api("runs")["runs"]} == {"run 0", "run 1"}


def test_a_reader_may_look_at_models_data_environments_and_compute_and_change_none(lab, page, tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_AML_HOME", lab.environment["JUPYTER_AML_HOME"])
    workspace, _, _ = filled(lab.api("info")["workspace"]["url"], tmp_path)
    ComputeTarget.create(workspace, "cpu-cluster", AmlCompute.provisioning_configuration())
    sidebar = opened(lab, page)
    unfold(sidebar, "Compute").get_by_role("treeitem", name="cpu-cluster").click()
    thing = page.locator(".aml-Thing:visible")
    refusals = thing.get_by_role("alert")
    expect(thing.get_by_role("heading", name="cpu-cluster")).to_be_visible()
    thing.get_by_role("button", name="Delete…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(refusals).to_contain_text(ADVICE)
    thing.get_by_role("button", name="Resize…").click()
    page.get_by_role("dialog").get_by_role("button", name="Resize").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text(ADVICE)
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    command(page, "aml:delete-compute", name="cpu-cluster")  # as the sidebar's menu does
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator(".Toastify")).to_contain_text(ADVICE)

    for kind, name in (("model", "iris"), ("environment", "train-env")):
        command(page, f"aml:open-{kind}", name=name)
        expect(thing.get_by_role("heading", name=name)).to_be_visible()
        thing.get_by_role("tab", name="About").or_(thing.get_by_role("tab", name="Overview")).click()
        thing.get_by_label("tag or tag=value").fill("mine")
        page.keyboard.press("Enter")
        expect(refusals).to_contain_text(ADVICE)
        expect(thing.locator(".aml-Tag", has_text="mine")).to_have_count(0)
        thing.get_by_role("button", name="Delete version").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(refusals).to_contain_text(ADVICE)
    command(page, "aml:open-dataset", name="sales")
    expect(thing.get_by_role("gridcell", name="<b>3</b>").first).to_be_visible()
    thing.get_by_role("button", name="Unregister…").click()
    page.get_by_role("dialog").get_by_role("button", name="Unregister").click()
    expect(refusals).to_contain_text(ADVICE)
    command(page, "aml:open-datastore", datastore="workspacefilestore")
    thing.get_by_role("button", name="Make it the default").click()
    expect(refusals).to_contain_text(ADVICE)
    assert len(lab.api("models?name=iris&all=1")["assets"]) == 2 and len(lab.api("compute")["targets"]) == 1
    workspace.connection.close()
