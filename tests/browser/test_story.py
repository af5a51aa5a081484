"""The whole story on real data: a tutorial is opened, tracked, watched, compared, opened as it ran, and reproduced."""

from pathlib import Path

import nbformat
import pytest
from looking import draw
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]
TUTORIAL = Path(__file__).parents[2] / "notebooks" / "01-track-a-notebook.ipynb"


def command(page, identity, /, **arguments):
    page.evaluate("([id, args]) => void window.jupyterapp.commands.execute(id, args)", [identity, arguments])


def test_a_notebook_is_tracked_watched_compared_opened_as_it_ran_and_reproduced(lab, page):
    notebook = nbformat.read(TUTORIAL, 4)
    del notebook.metadata["jupyter_aml"]
    nbformat.write(notebook, lab.folder / TUTORIAL.name)
    page.goto(lab.page(TUTORIAL.name))
    expect(page.locator(".jp-StatusBar-Widget", has_text="| Idle")).to_be_visible()

    # It is tracked, and into an experiment that is named.
    page.get_by_role("switch", name="Track this notebook").click()
    expect(page.get_by_role("switch", name="Track this notebook")).to_be_checked()
    page.get_by_role("button", name="choose another").click()
    asked = page.get_by_role("dialog")
    asked.locator("input").fill("my tutorial")
    asked.get_by_role("button", name="Record").click()
    expect(page.get_by_role("button", name="Experiment my tutorial: choose another")).to_be_visible()
    page.keyboard.press("Control+s")

    # Its runs are watched while they run.
    command(page, "notebook:run-all-cells")
    sidebar = page.get_by_role("region", name="Experiments and runs")
    expect(sidebar.locator(".aml-Row-title", has_text="eta 0.0001").first).to_be_visible()
    session = next(one for one in lab.api("runs?type=aml.session")["runs"] if one["experiment"] == "my tutorial")
    command(page, "aml:open-run", id=session["id"])
    opened = page.locator(".aml-RunPage:visible")
    expect(opened.locator(".aml-Page-head")).to_contain_text("Running")
    opened.get_by_role("tab", name="Notebook").click()
    cells = opened.locator(".aml-NotebookView-cell")
    expect(cells).to_have_count(5)
    expect(cells.last.locator(".aml-Rendered")).to_contain_text("eta 0.001")
    expect(cells.nth(3).locator("img")).to_be_visible()
    draw(page, "run-notebook")
    cells.last.get_by_role("button", name="Run").click()
    expect(page.locator(".aml-RunPage:visible .aml-Page-head")).to_contain_text("Completed")

    # Two of them are compared.
    command(page, "aml:open-experiment", name="breast-cancer")
    grid = page.get_by_role("grid")
    for name in ("eta 0.01", "eta 0.001"):
        grid.get_by_role("row").filter(has_text=name).get_by_role("gridcell").first.click()
    expect(page.get_by_text("2 runs selected")).to_be_visible()
    draw(page, "experiment")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", name="2 runs beside each other")).to_be_visible()
    page.get_by_role("tab", name="Charts").click()
    expect(page.get_by_role("img", name="loss of the runs").locator("canvas")).to_be_visible()
    draw(page, "compare")
    best = next(
        one for one in lab.api("runs?experiment=breast-cancer&everywhere=1")["runs"] if one["name"] == "eta 0.01"
    )
    command(page, "aml:open-run", id=best["id"])
    run = page.locator(".aml-RunPage:visible")
    run.get_by_role("tab", name="Metrics").click()
    expect(run.locator(".aml-Chart canvas").first).to_be_visible()
    draw(page, "run")

    # The notebook is opened as it ran, and reproduced.
    command(page, "aml:open-run", id=session["id"])
    opened.get_by_role("button", name="Open notebook as it ran").click()
    document = page.locator(".aml-AsItRan")
    expect(document.locator(".jp-OutputArea").last).to_contain_text("eta 0.001")
    draw(page, "as-it-ran")
    document.get_by_role("button", name="Reproduce").click()
    page.get_by_role("dialog").get_by_role("button", name="Reproduce").click()
    expect(opened).to_contain_text("Reproduces", timeout=90_000)
    (again,) = [one for one in lab.api("runs?type=aml.notebook")["runs"] if one["tags"].get("reproduces")]
    assert again["tags"]["reproduces"] == session["id"]
    command(page, "aml:open-run", id=again["id"])
    head = page.locator(".aml-RunPage:visible .aml-Page-head")
    expect(head).to_contain_text("Completed", timeout=120_000)
    found = lab.api("runs?experiment=breast-cancer&metrics=1&everywhere=1")["runs"]
    accuracies = [one["metrics"]["accuracy"]["last"] for one in found if one["name"] == "eta 0.01"]
    assert len(accuracies) == 2 and accuracies[0] == accuracies[1]

    # Both are laid over each other, cell by cell.
    command(page, "aml:compare-runs", ids=[session["id"], again["id"]])
    page.get_by_role("tab", name="Source").click()
    expect(page.get_by_role("group", name="What differs")).to_contain_text("cells")
    draw(page, "compare-notebooks")
