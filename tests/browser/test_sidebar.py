"""What people see: a tracked notebook whose runs appear in the sidebar while it runs."""

import shutil
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
TUTORIAL = Path(__file__).parents[2] / "notebooks" / "01-track-a-notebook.ipynb"


def write(lab, name, *sources, track=None):
    cells = [nbformat.v4.new_code_cell(source, id=f"cell-{i}") for i, source in enumerate(sources)]
    metadata = {"kernelspec": {"name": "jupyter-aml", "display_name": "Python (AML)"}}
    if track is not None:
        metadata["jupyter_aml"] = {"track": track}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), lab.folder / name)


def open_notebook(page, lab, name):
    page.goto(lab.page(name))
    page.wait_for_function("window.jupyterapp?.restored")
    page.evaluate("window.jupyterapp.restored.then(() => null)")
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell")
    expect(page.locator(".jp-StatusBar-Widget", has_text="| Idle")).to_be_visible()
    tab = page.get_by_role("tab", name="Experiments and runs")
    if tab.get_attribute("aria-selected") != "true":
        tab.click()
    expect(page.get_by_role("region", name="Experiments and runs")).to_be_visible()


def run_all(page):
    page.evaluate("() => void window.jupyterapp.commands.execute('notebook:run-all-cells')")


def rows(page, text=""):
    return page.locator(".aml-Row.aml-mod-run", has_text=text)


def test_the_tutorial_runs_and_its_runs_appear_live(lab, page):
    shutil.copy(TUTORIAL, lab.folder)
    page.goto(lab.page(TUTORIAL.name))
    expect(page.get_by_text("Nothing has run yet.")).to_be_visible()  # the panel shows itself, once
    expect(page.locator(".jp-StatusBar-Widget", has_text="| Idle")).to_be_visible()
    expect(page.get_by_role("switch", name="Track this notebook")).to_be_checked()
    run_all(page)
    for name in ("eta 0.0001", "eta 0.001", "eta 0.01", "in detail"):
        expect(
            page.locator(".aml-Row.aml-mod-run:not(.aml-mod-cell) .aml-Row-title", has_text=name).first
        ).to_be_visible()
    expect(page.locator(".aml-mod-cell")).to_have_count(5)
    expect(page.locator(".aml-mod-cell [aria-label=Completed]")).to_have_count(5)

    rows(page, "eta 0.01").filter(has_not_text="[").first.click()
    opened = page.locator(".aml-RunPage:visible")
    expect(opened.get_by_role("heading", name="eta 0.01")).to_be_visible()
    opened.get_by_role("tab", name="Metrics").click()
    expect(opened.locator(".aml-Chart canvas")).to_be_visible()
    opened.get_by_role("tab", name="Source").click()
    expect(opened.locator(".aml-Code")).to_contain_text("SGDClassifier")

    page.locator(".aml-Row.aml-mod-run:not(.aml-mod-cell)", has_text="in detail").click()
    opened.get_by_role("tab", name="Images").click()
    image = opened.locator("img")
    expect(image).to_be_visible()
    page.wait_for_function("e => e.naturalWidth > 0", arg=image.element_handle())
    opened.get_by_role("tab", name="Metrics").click()
    expect(opened.locator(".aml-Matrix")).to_contain_text("malignant")
    opened.get_by_role("tab", name="Files").click()
    expect(opened.get_by_role("link", name="outputs/weights.csv")).to_be_visible()


def test_the_switch_tracks_from_the_next_cell_on(lab, page):
    write(lab, "plain.ipynb", "print('first')", "print('second')")
    open_notebook(page, lab, "plain.ipynb")
    run_all(page)
    expect(page.locator(".jp-OutputArea", has_text="second")).to_be_visible()
    switch = page.get_by_role("switch", name="Track this notebook")
    expect(switch).not_to_be_checked()
    switch.click()
    expect(switch).to_be_checked()
    run_all(page)
    expect(page.locator(".aml-mod-cell")).to_have_count(2)
    switch.click()
    expect(switch).not_to_be_checked()
    expect(rows(page, "plain").first.locator("[aria-label=Completed]")).to_be_visible()
    page.keyboard.press("Control+s")
    page.wait_for_function("!document.querySelector('.jp-mod-dirty')")
    assert nbformat.read(lab.folder / "plain.ipynb", 4).metadata["jupyter_aml"] == {"track": False}


def test_a_cell_that_fails_says_why_and_leads_back(lab, page):
    write(lab, "fails.ipynb", "x = 1", "raise ValueError('no such thing')", track=True)
    open_notebook(page, lab, "fails.ipynb")
    run_all(page)
    failed = page.locator(".aml-mod-cell", has=page.locator("[aria-label=Failed]"))
    expect(failed).to_have_count(1)
    failed.hover()
    failed.get_by_role("button", name="Open").click()
    opened = page.locator(".aml-RunPage:visible")
    expect(opened.get_by_role("alert")).to_contain_text("no such thing")
    opened.get_by_role("button", name="Go to the cell").click()
    expect(page.locator(".jp-Notebook .jp-mod-active")).to_contain_text("raise ValueError")


def test_a_long_cell_is_seen_running_and_interrupted_from_the_sidebar(lab, page):
    write(lab, "long.ipynb", "import time\nprint('begun', flush=True)\ntime.sleep(600)", track=True)
    open_notebook(page, lab, "long.ipynb")
    run_all(page)
    cell = page.locator(".aml-mod-cell")
    expect(cell.locator("[aria-label=Running]")).to_be_visible()
    cell.hover()
    cell.get_by_role("button", name="Cancel").click()
    expect(cell.locator("[aria-label=Canceled]")).to_be_visible()
    expect(page.locator(".jp-OutputArea", has_text="KeyboardInterrupt").first).to_be_visible()


def test_the_sidebar_finds_and_comes_back_after_a_server_restart(lab, page):
    write(lab, "one.ipynb", "y = 2", track=True)
    open_notebook(page, lab, "one.ipynb")
    run_all(page)
    expect(page.locator(".aml-mod-cell")).to_have_count(1)
    search = page.get_by_placeholder("Find experiments and runs")
    search.fill("nothing like this")
    expect(page.get_by_text("0 runs")).to_be_visible()
    search.fill("")
    experiment = page.locator(".aml-mod-experiment", has_text="one")
    experiment.hover()
    experiment.get_by_role("button", name="Archive").click()
    expect(experiment).to_have_count(0)
    page.get_by_label("Archived experiments").check()
    experiment.hover()
    experiment.get_by_role("button", name="Restore").click()
    page.get_by_label("Archived experiments").uncheck()
    expect(experiment).to_be_visible()
    lab.stop()
    expect(page.get_by_role("status", name="Not connected")).to_be_visible()
    lab.start()
    expect(page.get_by_role("status", name="Live")).to_be_visible()
    (session,) = lab.api("runs?type=aml.session")["runs"]
    assert (session["status"], session["details"]["end"]) == ("Completed", "ServerStopped")


def test_a_run_page_follows_a_run_and_comes_back_with_the_page(lab, page):
    write(
        lab, "follow.ipynb",
        "from jupyter_aml import Run\nimport time\nrun = Run.get_context()",
        "for i in range(2000):\n    run.log('loss', 1 / (i + 1))\n    print('step', i, flush=True)\n    time.sleep(0.02)",
        track=True,
    )  # fmt: skip
    open_notebook(page, lab, "follow.ipynb")
    run_all(page)
    running = page.locator(".aml-mod-cell", has=page.locator("[aria-label=Running]"))
    expect(running).to_contain_text("loss")
    running.hover()
    running.get_by_role("button", name="Open").click()
    opened = page.locator(".aml-RunPage:visible")
    opened.get_by_role("tab", name="Log").click()
    expect(opened.locator(".aml-Code")).to_contain_text("step 5\n")
    seen = opened.locator(".aml-Code").inner_text()
    page.wait_for_function("n => document.querySelector('.aml-RunPage .aml-Code').innerText.length > n", arg=len(seen))
    opened.get_by_role("tab", name="Metrics").click()
    expect(opened.locator(".aml-Chart canvas")).to_be_visible()
    opened.get_by_role("button", name="Cancel").click()
    expect(opened.locator(".aml-Page-head")).to_contain_text("Canceled")
    opened.get_by_role("tab", name="Overview").click()
    opened.get_by_label("Add a tag").fill("stage=try")
    opened.get_by_label("Add a tag").press("Enter")
    expect(opened.locator(".aml-Tag")).to_contain_text("stage: try")


def test_run_details_follow_a_run_in_the_notebook(lab, page):
    write(
        lab, "details.ipynb",
        "from jupyter_aml import Experiment, RunDetails, Workspace\n"
        "run = Experiment(Workspace.default(), 'exp').start_logging(snapshot_directory=None)\nRunDetails(run).show()",
        "for i in range(50):\n    run.log('loss', 1 / (i + 1))\n"
        "input('go on?')\nrun.complete()",
    )  # fmt: skip
    open_notebook(page, lab, "details.ipynb")
    run_all(page)
    shown = page.locator(".jp-OutputArea-output", has_text="exp").first
    expect(shown).to_contain_text("Running")
    expect(shown).to_contain_text("loss")  # logged after it was shown
    page.locator(".jp-Stdin-input").press("Enter")
    expect(shown).to_contain_text("Completed")
