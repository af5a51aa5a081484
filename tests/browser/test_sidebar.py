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
    experiment = page.locator(".aml-Row.aml-mod-experiment", has=page.get_by_text("one", exact=True))
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
    opened.get_by_label("tag or tag=value").fill("stage=try")
    opened.get_by_label("tag or tag=value").press("Enter")
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


def in_sidebar(page, source):
    """The newest cell of this source."""
    return page.locator(".aml-Row.aml-mod-cell", has_text=source).first


def test_a_renamed_notebooks_cell_is_found_and_a_lost_ones_is_said_to_be_lost(lab, page):
    write(lab, "before.ipynb", "x = 1", "'here'", track=True)
    open_notebook(page, lab, "before.ipynb")
    run_all(page)
    expect(page.locator(".aml-mod-cell [aria-label=Completed]")).to_have_count(2)
    page.evaluate("() => window.jupyterapp.serviceManager.contents.rename('before.ipynb', 'after.ipynb')")
    expect(page.get_by_role("tab", name="after.ipynb")).to_be_visible()
    in_sidebar(page, "'here'").click()
    expect(page.locator(".jp-Notebook .jp-mod-active")).to_contain_text("'here'")
    in_sidebar(page, "x = 1").click()
    expect(page.locator(".jp-Notebook .jp-mod-active")).to_contain_text("x = 1")

    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.evaluate("() => window.jupyterapp.shell.currentWidget.dispose()")
    page.evaluate("() => window.jupyterapp.serviceManager.contents.delete('after.ipynb')")
    tabs = page.locator("#jp-main-dock-panel .lm-TabBar-tab")
    before = tabs.count()
    in_sidebar(page, "'here'").click()
    expect(
        page.locator(".jp-toastContainer, .Toastify").get_by_text("There is no notebook before.ipynb")
    ).to_be_visible()
    expect(tabs).to_have_count(before)
    expect(page.locator(".jp-Dialog")).to_have_count(0)


def test_a_cell_that_its_kernel_recorded_is_found(lab, page):
    (lab.folder / "deep").mkdir()
    write(lab, "deep/own.ipynb", "%aml track on mine", "'there'")
    open_notebook(page, lab, "deep/own.ipynb")
    run_all(page)
    experiment = page.locator(".aml-mod-experiment", has_text="mine")
    expect(experiment).to_be_visible()
    expect(in_sidebar(page, "'there'").locator("[aria-label=Completed]")).to_be_visible()
    in_sidebar(page, "'there'").click()
    expect(page.locator(".jp-Notebook .jp-mod-active")).to_contain_text("'there'")
    expect(page.locator(".jp-Dialog")).to_have_count(0)


def test_a_session_leads_to_its_cells_and_a_cell_to_its_sessions_source(lab, page):
    (lab.folder / "model.py").write_text("depth = 3\n")
    write(lab, "page.ipynb", "print('said')\n6 * 7", track=True)
    open_notebook(page, lab, "page.ipynb")
    run_all(page)
    cell = in_sidebar(page, "print('said')")
    expect(cell.locator("[aria-label=Completed]")).to_be_visible()
    rows(page, "page.ipynb").first.click()
    opened = page.locator(".aml-RunPage:visible")
    for name in ("Images", "Log"):
        opened.get_by_role("tab", name=name).click()
        expect(opened.get_by_role("tabpanel")).to_contain_text("with the cells")
    opened.get_by_role("button", name="Show the cells").click()
    expect(opened.get_by_role("tabpanel")).to_contain_text("print('said')")
    cell.hover()
    cell.get_by_role("button", name="Open").click()
    expect(opened.get_by_role("heading", name="print('said')")).to_be_visible()
    opened.get_by_role("tab", name="Log").click()
    expect(opened.locator(".aml-Code")).to_contain_text("said")  # not the result
    opened.get_by_role("tab", name="Source").click()
    expect(opened.get_by_role("tabpanel")).to_contain_text("As kept with the notebook session")
    opened.get_by_role("button", name="model.py").click()
    expect(opened.get_by_role("tabpanel")).to_contain_text("depth = 3")


def test_a_long_name_gives_way_to_its_value(lab, page):
    name = "accuracy with a rather long name that no sidebar holds"
    write(
        lab, "metrics.ipynb",
        f"from jupyter_aml import Run\nrun = Run.get_context()\nrun.log('loss', 0.25)\nrun.log({name!r}, 0.12345)\n"
        "run.log('nanny', 399)\n"
        f"for i in range(3): run.log({name!r}, 0.12345678)",
        track=True,
    )  # fmt: skip
    open_notebook(page, lab, "metrics.ipynb")
    run_all(page)
    shown = in_sidebar(page, "from jupyter_aml").locator(".aml-Row-metrics")
    expect(shown).to_contain_text("loss")
    for text in ("0.25", "0.1235", "399"):
        inside = shown.evaluate(
            """(box, text) => {
                const value = [...box.querySelectorAll('b')].find(b => b.textContent === text).getBoundingClientRect();
                const all = box.getBoundingClientRect();
                return value.right <= all.right + 1 && value.bottom <= all.bottom + 1;
            }""",
            text,
        )
        assert inside, text
    cell = in_sidebar(page, "from jupyter_aml")
    cell.hover()
    cell.get_by_role("button", name="Open").click()
    opened = page.locator(".aml-RunPage:visible")
    opened.get_by_role("tab", name="Metrics").click()
    value = opened.locator(".aml-Figure figcaption span").first
    expect(value).to_have_text("0.1235")
    assert value.evaluate("e => e.getClientRects().length") == 1
