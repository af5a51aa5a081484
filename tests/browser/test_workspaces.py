"""Another of the workspaces that the server offers is shown, and the first one again."""

import pytest
from playwright.sync_api import expect

from jupyter_aml import Experiment
from jupyter_aml.workspace import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120),
              pytest.mark.parametrize("lab", [("--JupyterAML.workspaces=second",)], indirect=True)]  # fmt: skip


def ran(workspace, experiment, name):
    run = Experiment(workspace, experiment).start_logging(snapshot_directory=None, display_name=name)
    run.log("loss", 1)
    run.complete()
    return run


def test_another_workspace_is_shown_with_all_that_is_its_own(lab, page, monkeypatch):
    monkeypatch.setenv("JUPYTER_AML_HOME", lab.environment["JUPYTER_AML_HOME"])
    first, second = Workspace.default(), Workspace.create("second", exist_ok=True)
    one, other = ran(first, "of-the-first", "one"), ran(second, "of-the-second", "other")
    page.goto(lab.page())
    page.wait_for_function("window.jupyterapp?.restored")
    page.evaluate("window.jupyterapp.restored.then(() => null)")
    page.evaluate("window.jupyterapp.commands.execute('aml:show-runs').then(() => null)")
    sidebar = page.locator("#jupyter-aml-runs")
    tree = sidebar.get_by_role("tree", name="Experiments and runs")
    choice = sidebar.get_by_role("combobox", name="Workspace")
    expect(choice.locator("option")).to_have_text([first.name, "second"])
    tree.get_by_role("treeitem", name="one").click()
    pages = page.locator("[id^=jupyter-aml-run-].jp-MainAreaWidget")
    expect(page.get_by_role("heading", name="one")).to_be_visible()

    # All of the other's, nothing of this one's; what has nothing to show here is closed.
    choice.select_option("second")
    expect(tree.get_by_role("treeitem").first).to_contain_text("of-the-second")
    expect(tree).not_to_contain_text("of-the-first")
    expect(pages).to_have_count(0)
    expect(page.locator("#jp-bottom-panel, .jp-StatusBar-Widget").filter(has_text="second").first).to_be_visible()
    tree.get_by_role("treeitem", name="other").click()
    expect(page.get_by_role("heading", name="other")).to_be_visible()
    page.locator(".aml-RunPage").get_by_role("button", name="Rename").click()
    page.locator(".aml-RunPage").get_by_role("textbox", name="Name").fill("renamed")
    page.keyboard.press("Enter")
    expect(tree.get_by_role("treeitem", name="renamed")).to_be_visible()
    assert second.get_run(other.id).display_name == "renamed"
    ran(second, "of-the-second", "come")  # seen without a click
    expect(tree.get_by_role("treeitem", name="come")).to_be_visible()
    head = sidebar.locator(".aml-Section-head", has_text="Models")
    head.click()
    expect(sidebar.get_by_text("No model is registered yet.")).to_be_visible()

    # Back, by a command.
    page.evaluate("window.jupyterapp.commands.execute('aml:switch-workspace', {name: ''}).then(() => null)")
    expect(tree.get_by_role("treeitem").first).to_contain_text("of-the-first")
    expect(choice).to_have_value("")
    expect(pages).to_have_count(0)
    assert one.get_status() == "Completed"
