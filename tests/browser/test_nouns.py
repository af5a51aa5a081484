"""The sidebar's sections beside the experiments, and the pages of models, data, environments and compute."""

import json

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(240)]


def filled(url, folder):
    """A workspace with a model of two versions, a table, an environment, and the run that had to do with them."""
    import pandas as pd

    from jupyter_aml.data.dataset import Dataset
    from jupyter_aml.environments.environment import Environment
    from jupyter_aml.store.connection import connect
    from jupyter_aml.store.events import AssetLinked
    from jupyter_aml.tracking.experiment import Experiment
    from jupyter_aml.tracking.run import Run
    from jupyter_aml.workspace import Workspace

    workspace = Workspace._of(connect(url))
    frame = pd.DataFrame({"number": range(3000), "name": [f"<b>{i % 7}</b>" for i in range(3000)]})
    sales = Dataset.Tabular.register_pandas_dataframe(frame, workspace.get_default_datastore(), "sales")
    store = workspace.get_default_datastore()
    (folder / "lying").mkdir()
    (folder / "lying/there.csv").write_text("a,b\n1,2\n")
    store.upload(str(folder / "lying"), target_path="raw/2024", show_progress=False)
    run = Run._create(Experiment(workspace, "train"), name="fit")
    (folder / "model.pkl").write_bytes(b"weights")
    run.upload_file("outputs/model.pkl", folder / "model.pkl")
    with run:
        Dataset.get_by_name(workspace, "sales").take(1).to_pandas_dataframe()
        run.child_run(name="below").complete()
    for note in ("first", "second"):
        run.register_model("iris", "outputs/model.pkl", tags={"note": note}, description=f"the {note}")
    environment = Environment("train-env")
    environment.python.conda_dependencies.add_pip_package("scikit-learn==1.5.0")
    kept = environment.register(workspace)
    at = run._record().created
    workspace.connection.write(AssetLinked(run=run.id, role="input", kind="environment", asset=kept.asset_id, at=at))
    workspace.connection.flush()
    return workspace, run, sales


def opened(lab, page):
    page.goto(lab.page())
    page.wait_for_function("window.jupyterapp?.restored")
    page.evaluate("window.jupyterapp.restored.then(() => null)")
    page.evaluate("window.jupyterapp.commands.execute('aml:show-runs').then(() => null)")
    return page.locator("#jupyter-aml-runs")


def kept(page):
    """Wait until a change is kept: it is shown before that."""
    return page.expect_response(lambda answer: answer.request.method == "PATCH")


def unfold(sidebar, name):
    head = sidebar.locator(".aml-Section-head", has_text=name)
    expect(head).to_be_visible()
    if head.get_attribute("aria-expanded") == "false":
        head.click()
    return sidebar.get_by_role("tree", name=name)


def test_models_data_and_environments_are_found_opened_changed_and_used(lab, page, tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_AML_HOME", lab.environment["JUPYTER_AML_HOME"])
    sidebar = opened(lab, page)
    # Nothing there yet: each section says what the next step is.
    unfold(sidebar, "Models")
    expect(sidebar.get_by_text("No model is registered yet.")).to_be_visible()
    workspace, _, _ = filled(lab.api("info")["workspace"]["url"], tmp_path)

    # Models came by themselves; versions below, edited in place, live.
    models = sidebar.get_by_role("tree", name="Models")
    row = models.get_by_role("treeitem").filter(has_text="iris").first
    expect(row).to_contain_text("v2")
    row.focus()
    page.keyboard.press("ArrowRight")
    expect(models.get_by_role("treeitem")).to_have_count(3)
    page.keyboard.press("Enter")
    model = page.locator(".aml-Thing", has=page.get_by_role("heading", name="iris"))
    expect(model.get_by_text("the second")).to_be_visible()
    with kept(page):
        model.get_by_label("tag or tag=value").fill("stage=<i>ready</i>")
        page.keyboard.press("Enter")
    expect(model.locator(".aml-Tag", has_text="stage: <i>ready</i>")).to_be_visible()
    model.get_by_label("alias, such as production").fill("production")
    page.keyboard.press("Enter")
    expect(models.get_by_role("treeitem", name="v2 · production")).to_be_visible()
    assert lab.api("models/iris/versions/2")["tags"]["stage"] == "<i>ready</i>"
    assert lab.api("models/iris/aliases") == {"aliases": {"production": 2}}
    model.get_by_role("tab", name="Files").click()
    with page.expect_download() as download:
        model.get_by_role("link", name="Download").click()
    assert download.value.path().read_bytes() == b"weights"
    model.get_by_role("tab", name="Lineage").click()
    model.get_by_role("region", name="Made by").get_by_role("button", name="fit").click()

    # The run's page leads to what it read and registered, and has its children as a tree.
    mine = page.locator(".aml-Page", has=page.get_by_role("heading", name="fit"))
    mine.get_by_role("tab", name="Data and models").click()
    expect(mine.get_by_role("region", name="Models that it registered").get_by_role("row")).to_have_count(2)
    mine.get_by_role("tab", name="Runs below").click()
    expect(mine.get_by_role("treeitem").filter(has_text="below")).to_be_visible()
    mine.get_by_role("tab", name="Data and models").click()
    mine.get_by_role("region", name="Datasets that it read").get_by_role("button", name="sales v1").click()

    # The dataset: rows of any number, statistics, who read it.
    data = page.locator(".aml-Thing", has=page.get_by_role("heading", name="sales"))
    rows = data.get_by_role("grid", name="Rows of sales")
    expect(rows.get_by_role("gridcell", name="<b>3</b>").first).to_be_visible()
    rows.focus()
    while rows.get_attribute("aria-rowcount") == "-1":
        page.keyboard.press("Control+End")
        page.wait_for_timeout(50)
    page.keyboard.press("Control+End")
    expect(rows.get_by_role("gridcell", name="2999").first).to_be_visible()
    data.get_by_role("tab", name="Profile").click()
    expect(data.get_by_role("img", name="Distribution of number")).to_be_visible()
    data.get_by_role("tab", name="Lineage").click()
    expect(data.get_by_role("region", name="Used by").get_by_role("button", name="fit")).to_be_visible()

    # Its tags and description are edited in place.
    data.get_by_role("tab", name="About").click()
    with kept(page):
        data.get_by_label("tag or tag=value").fill("team=a")
        page.keyboard.press("Enter")
    data.get_by_role("button", name="Add a description").click()
    data.get_by_role("textbox", name="Description").fill("<i>what</i> was sold")
    with kept(page):
        page.keyboard.press("Control+Enter")
    expect(data.get_by_text("<i>what</i> was sold")).to_be_visible()
    found = lab.api("datasets/sales")
    assert (found["tags"], found["description"], found["version"]) == ({"team": "a"}, "<i>what</i> was sold", 1)
    data.get_by_role("button", name="Remove team").click()
    expect(data.locator(".aml-Tag")).to_have_count(0)

    # Datastores are folders in the sidebar.
    tree = unfold(sidebar, "Data")
    store = tree.get_by_role("treeitem").filter(has_text="workspaceblobstore")
    for step in (store, tree.get_by_role("treeitem").filter(has_text="raw/"), tree.get_by_text("2024/")):
        step.locator("xpath=ancestor-or-self::*[@role='treeitem']").get_by_role("button").first.click()
    file = tree.get_by_role("treeitem").filter(has_text="there.csv")
    expect(file).to_contain_text("8 B")

    # What is chosen comes into the notebook, and runs there.
    notebook = {"cells": [], "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
                                            "language_info": {"name": "python"}},
                "nbformat": 4, "nbformat_minor": 5}  # fmt: skip
    (lab.folder / "use.ipynb").write_text(json.dumps(notebook))
    page.evaluate("window.jupyterapp.commands.execute('docmanager:open', {path: 'use.ipynb'}).then(() => null)")
    expect(page.locator(".jp-Notebook:visible")).to_be_visible()
    file.click(button="right")
    page.get_by_role("menuitem", name="Use in the Notebook").click()
    cell = page.locator(".jp-Notebook:visible .jp-CodeCell", has_text="from_delimited_files")
    expect(cell).to_contain_text("raw/2024/there.csv")
    # A cell that is run before its kernel is there makes JupyterLab ask for another one.
    expect(page.locator(".jp-StatusBar-Widget", has_text="| Idle")).to_be_visible(timeout=60_000)
    page.evaluate("void window.jupyterapp.commands.execute('notebook:run-cell')")
    expect(cell.locator(".jp-OutputArea-output table")).to_be_visible(timeout=60_000)

    # An environment, and the curated ones.
    tree = unfold(sidebar, "Environments")
    tree.get_by_role("treeitem").filter(has_text="train-env").click()
    page.get_by_role("grid", name="Packages").get_by_role("gridcell", name="==1.5.0").wait_for()
    page.get_by_role("tab", name="Runs", exact=True).click()
    page.get_by_role("region", name="Used by").get_by_role("button", name="fit").wait_for()

    # A version that goes is told of.
    page.evaluate("window.jupyterapp.commands.execute('aml:open-model', {name: 'iris'}).then(() => null)")
    model.get_by_role("button", name="Delete version 2…").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(model.get_by_text("Version 1", exact=True)).to_be_visible()
    expect(models.get_by_role("treeitem", name="iris v1")).to_be_visible()
    workspace.connection.close()
