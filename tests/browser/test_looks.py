"""What every page is made of, for eyes, screen readers and the keyboard: its structure, and what axe finds, in all themes."""

import subprocess
import sys

import nbformat
import pytest
from looking import THEMES, command, looked_at, show_theme, take_axe
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]
ROW = """
- row:
  - gridcell:
    - checkbox "Select run 2"
  - gridcell "3 run 2":
    - button "run 2"
  - gridcell "Failed Failed"
"""
WAYS = """
- tablist "Ways to compare":
  - tab "Values"
  - tab "Charts"
  - tab "Parallel coordinates"
  - tab "Scatter"
  - tab "Source"
  - tab "Images" [selected]
"""
RUNS = """
from jupyter_aml import Experiment, Workspace
import os
experiment = Experiment(Workspace.default(), 'looks')
open('train.py', 'w').write('print(1)\\n')
open('table.csv', 'w').write('a,b\\n1,2\\n')
for at in range(3):
    run = experiment.start_logging(snapshot_directory=None, display_name=f'run {at}', tags={'kind': 'plain'})
    for step in range(20):
        run.log('loss', (1 + at) / (1 + step))
    run.log_confusion_matrix('confusion', {'schema_type': 'confusion_matrix', 'schema_version': 'v1',
        'data': {'class_labels': ['cat', 'dog'], 'matrix': [[9, 1], [2, 8]]}})
    run.upload_file('table.csv', 'table.csv')
    run.complete() if at < 2 else run.fail('it went wrong')
    print(run.id)
"""


@pytest.fixture
def runs(lab):
    """Ids of three runs of the experiment "looks"."""
    done = subprocess.run(
        [sys.executable, "-c", RUNS], env={**lab.environment, "MPLBACKEND": "agg"}, cwd=lab.folder.parent, text=True,
        capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-3:]


def walk(page, runs, session):
    """Open every page and each of its tabs; what of it is to be looked at."""
    command(page, "aml:show-history")
    expect(page.get_by_role("region", name="Cell history")).to_contain_text("loss")
    yield from (
        ".aml-Badge",
        ".aml-TrackingSwitch",
        ".aml-StatusItem",
        "[aria-label='Cell history']",
        "#jupyter-aml-runs",
    )
    command(page, "aml:open-experiment", name="looks")
    grid = page.get_by_role("grid")
    expect(grid.get_by_role("row")).to_have_count(4)
    expect(grid.get_by_role("row").nth(1)).to_match_aria_snapshot(ROW)
    grid.focus()
    page.keyboard.press("Control+a")
    expect(page.get_by_text("3 runs selected")).to_be_visible()
    yield "[id^=jupyter-aml-experiment]"
    command(page, "aml:compare-runs", ids=runs)
    for name in ("Values", "Charts", "Parallel coordinates", "Scatter", "Source", "Images"):
        page.get_by_role("tab", name=name, exact=True).click()
        expect(page.get_by_role("tabpanel", name=name)).not_to_contain_text("Loading…")
        yield "[id^=jupyter-aml-compare]"
    expect(page.get_by_role("tablist", name="Ways to compare")).to_match_aria_snapshot(WAYS)
    for run, some in ((runs[0], "run 0"), (session, "looked-at")):
        command(page, "aml:open-run", id=run)
        opened = page.locator(".aml-RunPage:visible")
        expect(opened.get_by_role("heading", level=1)).to_contain_text(some)
        opened.get_by_role("tab", name="Overview").click()
        for tab in opened.get_by_role("tab").all():
            expect(tab).to_be_focused()
            expect(opened.get_by_role("tabpanel")).not_to_contain_text("Loading…")
            yield f"#jupyter-aml-run-{run} .aml-RunPage"
            page.keyboard.press("ArrowRight")


def test_every_page_has_its_structure_and_axe_finds_nothing_serious_in_any_theme(lab, page, runs):
    cell = nbformat.v4.new_code_cell("from jupyter_aml import Run\nRun.get_context().log('loss', 1)", id="only")
    metadata = {"kernelspec": {"name": "jupyter-aml", "display_name": "Python (AML)"}, "jupyter_aml": {"track": True}}
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=metadata), lab.folder / "looked-at.ipynb")
    page.goto(lab.page("looked-at.ipynb"))
    expect(page.locator(".jp-StatusBar-Widget", has_text="| Idle")).to_be_visible()
    take_axe(page)
    page.evaluate("() => void window.jupyterapp.commands.execute('notebook:run-all-cells')")
    expect(page.locator(".aml-Badge:not(.lm-mod-hidden)")).to_contain_text("loss 1")
    command(page, "aml:show-runs")
    session = lab.api("runs?type=aml.session")["runs"][0]["id"]
    notebook = page.evaluate("window.jupyterapp.shell.currentWidget.id")
    found = set()
    for theme in THEMES:
        page.evaluate("id => window.jupyterapp.shell.activateById(id)", notebook)
        show_theme(page, theme)
        found |= looked_at(page, theme, walk(page, runs, session))
    assert sorted(found) == []


def test_keys_alone_lead_from_the_sidebar_to_a_run_and_back_out(lab, page, runs):
    page.goto(lab.page())
    page.wait_for_function("window.jupyterapp?.restored")
    page.evaluate("window.jupyterapp.restored.then(() => null)")
    command(page, "aml:open-experiment", name="looks")
    grid = page.get_by_role("grid")
    expect(grid.get_by_role("row")).to_have_count(4)
    grid.focus()
    page.keyboard.press("Control+Home")
    page.keyboard.press("Enter")
    opened = page.locator(".aml-RunPage:visible")
    expect(opened.get_by_role("heading", name="run 2")).to_be_visible()
    walked = []
    opened.locator("button, a, input, [tabindex='0']").first.focus()
    for _ in range(40):
        walked.append(page.evaluate("document.activeElement.closest('.aml-RunPage') !== null"))
        outline = page.evaluate(
            "() => { const s = getComputedStyle(document.activeElement);"
            " return s.outlineStyle !== 'none' || s.boxShadow !== 'none' || s.borderStyle !== 'none'; }"
        )
        assert outline, page.evaluate("document.activeElement.outerHTML")
        page.keyboard.press("Tab")
        if not page.evaluate("document.activeElement.closest('.aml-RunPage') !== null"):
            break
    assert len(walked) > 5 and len(walked) < 40  # something to walk through, and a way out
