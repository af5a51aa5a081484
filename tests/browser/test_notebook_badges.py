"""What runs say in the notebook itself, and what one can do with them from there."""

import contextlib
import json

import nbformat
import pytest
from playwright.sync_api import TimeoutError, expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def write(lab, name, *sources, track=None, parameters=None):
    cells = [nbformat.v4.new_code_cell(source, id=f"cell-{i}") for i, source in enumerate(sources)]
    if parameters:
        cells.insert(0, nbformat.v4.new_code_cell(parameters, id="params", metadata={"tags": ["parameters"]}))
    metadata = {
        "kernelspec": {"name": "jupyter-aml", "display_name": "Python (AML)"},
        "language_info": {"name": "python"},
    }
    if track is not None:
        metadata["jupyter_aml"] = {"track": track}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), lab.folder / name)


def visit(page, lab, name=""):
    page.goto(lab.page(name))
    page.wait_for_function("window.jupyterapp?.restored")
    page.evaluate("window.jupyterapp.restored.then(() => null)")
    if name:
        expect(page.locator(".jp-StatusBar-Widget", has_text="| Idle")).to_be_visible()


def command(page, name, **arguments):
    page.evaluate("([id, args]) => void window.jupyterapp.commands.execute(id, args)", [name, arguments])


def badges(page):
    return page.locator(".aml-Badge:not(.lm-mod-hidden)")


def choose(page, place, name):
    """Choose from a context menu, which is empty until JupyterLab has read its settings."""
    item = page.get_by_role("menuitem", name=name)
    for _ in range(10):
        place.click(button="right")
        with contextlib.suppress(TimeoutError):
            item.wait_for(timeout=2000)
            break
        page.keyboard.press("Escape")
    item.click()


TUNE = "from jupyter_aml import Run\nlr = 0.1\nRun.get_context().log('loss', lr)"


def test_a_cells_badge_survives_reload_and_leads_to_its_run_and_its_history(lab, page):
    write(lab, "tune.ipynb", TUNE, "raise ValueError('no such thing')", track=True)
    visit(page, lab, "tune.ipynb")
    command(page, "notebook:run-all-cells")
    expect(badges(page)).to_have_count(2)
    expect(badges(page).first).to_contain_text("loss 0.1")
    expect(badges(page).last.get_by_role("img", name="Failed")).to_be_visible()
    page.evaluate(
        "() => { const c = window.jupyterapp.shell.currentWidget.content.widgets[0].model.sharedModel;"
        " c.setSource(c.getSource().replace('0.1', '0.4')); }"
    )
    expect(badges(page).first).to_contain_text("edited since")
    command(page, "notebook:run-all-cells")
    expect(badges(page).first).to_contain_text("loss 0.4")
    page.keyboard.press("Control+s")
    page.reload()
    page.wait_for_load_state("networkidle")  # JupyterLab shows the address's notebook once more
    expect(badges(page).first).to_contain_text("loss 0.4")
    badges(page).first.get_by_role("button", name="Executed 2 times").click()
    history = page.get_by_role("region", name="Cell history")
    expect(history).to_contain_text("+0.3")
    expect(history.locator(".aml-mod-removed")).to_contain_text("lr = 0.1")
    expect(history.locator(".aml-mod-added")).to_contain_text("lr = 0.4")
    history.get_by_role("button", name="Restore").last.click()
    expect(page.locator(".jp-CodeCell").first).to_contain_text("lr = 0.1")
    badges(page).first.locator(".aml-Badge-run").click()
    expect(page.locator(".aml-RunPage:visible .aml-Page-head")).to_contain_text("Completed")


@pytest.mark.slow
def test_a_notebook_runs_with_parameters_from_the_file_browser_and_is_reproduced(lab, page):
    (lab.folder / "helper.py").write_text("def twice(x):\n    return 2 * x\n")
    body = "import helper\nfrom jupyter_aml import Run\nRun.get_context().log('score', helper.twice(lr))\nprint('lr is', lr)"
    write(lab, "train.ipynb", body, parameters="lr: float = 0.5")
    visit(page, lab)
    command(page, "filebrowser:activate")
    choose(page, page.locator(".jp-DirListing-item", has_text="train.ipynb"), "Run as AML Notebook Run")
    field = page.locator(".aml-Form-row", has_text="lr").locator("input")
    field.fill("fast")
    page.locator(".jp-Dialog .jp-mod-accept").click()
    expect(page.locator(".aml-Form").get_by_role("alert")).to_contain_text("takes float, not 'fast'")
    field.fill("0.25")
    page.locator(".jp-Dialog .jp-mod-accept").click()
    opened = page.locator(".aml-RunPage:visible")
    expect(opened.locator(".aml-Page-head")).to_contain_text("Completed", timeout=60_000)
    expect(opened).to_contain_text("0.25")

    (lab.folder / "helper.py").write_text("raise RuntimeError('changed since')\n")
    opened.get_by_role("button", name="Reproduce").click()
    page.locator(".jp-Dialog .jp-mod-accept").click()
    expect(opened).to_contain_text("Reproduces")
    expect(opened.locator(".aml-Page-head")).to_contain_text("Completed", timeout=60_000)
    second, first = lab.api("runs?type=aml.notebook&metrics=1")["runs"]
    assert second["tags"] == {"reproduces": first["id"]} and second["snapshot"] == first["snapshot"]
    assert second["metrics"]["score"]["last"] == first["metrics"]["score"]["last"] == 0.5
    assert (lab.folder / "outputs" / "reproduced").is_dir()

    opened.get_by_role("button", name="Open notebook as it ran").click()
    document = page.locator(".aml-AsItRan")
    expect(document.locator(".jp-OutputArea").last).to_contain_text("lr is 0.25")
    expect(document).to_contain_text("This is the notebook as it ran")
    page.wait_for_function("location.pathname.includes('aml-run')")
    page.reload()  # it comes back with the page
    expect(document.locator(".jp-OutputArea").last).to_contain_text("lr is 0.25")
    expect(page.locator(".jp-Dialog")).to_have_count(0)
    expect(page.locator(".jp-DirListing-item", has_text="train.ipynb")).to_be_visible()  # as is the list of files


@pytest.mark.slow
def test_a_long_run_is_on_the_status_bar_and_its_end_is_told(lab, page):
    settings = lab.folder.parent / "settings" / "jupyter-aml"
    settings.mkdir(parents=True)
    (settings / "status.jupyterlab-settings").write_text(json.dumps({"notifyAfter": 0.5}))
    write(lab, "long.ipynb", "input('go on?')", "1", track=True)
    visit(page, lab, "long.ipynb")
    command(page, "notebook:run-all-cells")
    expect(page.locator(".aml-StatusItem")).to_contain_text("1 run active")
    page.wait_for_timeout(600)  # it shall be long
    page.locator(".jp-Stdin-input").press("Enter")
    told = page.locator(".jp-toastContainer, .Toastify").get_by_text("input('go on?') completed in")
    expect(told).to_have_count(1)
    expect(page.locator(".aml-StatusItem")).not_to_contain_text("active")
    command(page, "launcher:create")
    page.locator(".jp-LauncherCard", has_text="Tracked Notebook").click()
    expect(page.locator(".jp-NotebookPanel:visible").get_by_role("switch", name="Track this notebook")).to_be_checked()
