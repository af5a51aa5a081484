"""An experiment's page: its runs in a table, found, grouped, edited, compared and deleted."""

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
HOSTILE = '<img src=x onerror="window.hurt=1">'


@pytest.fixture
def experiment(lab, monkeypatch):
    """Runs that were made while the server runs, as a script beside it makes them."""
    from jupyter_aml.store.connection import Connection, connect
    from jupyter_aml.tracking.experiment import Experiment
    from jupyter_aml.workspace import Workspace

    monkeypatch.setenv("JUPYTER_AML_HOME", lab.environment["JUPYTER_AML_HOME"])
    connection: Connection = connect(lab.api("info")["workspace"]["url"])
    yield Experiment(Workspace._of(connection), "exp")
    connection.flush()
    connection.close()


def made(experiment, name, steps=5, **params):
    from jupyter_aml.tracking.run import Run

    run = Run._create(experiment, name=name, params=params)
    for step in range(steps):
        run.log("loss", 1 / (1 + step) * float(params.get("lr", 1)))
    return run


def open_page(page, lab, name="exp"):
    page.goto(lab.page())
    page.wait_for_function("window.jupyterapp?.restored")
    page.evaluate("window.jupyterapp.restored.then(() => null)")
    page.evaluate("name => window.jupyterapp.commands.execute('aml:open-experiment', {name}).then(() => null)", name)
    grid = page.get_by_role("grid")
    expect(grid).to_be_visible()
    return grid


def titles(grid):
    return grid.locator(".aml-Grid-cell.aml-mod-first .aml-Link")


@pytest.mark.slow
def test_runs_are_sorted_filtered_grouped_and_selected_by_keyboard_and_come_live(lab, page, experiment):
    for at, rate in enumerate([0.3, 0.1, 0.2]):
        made(experiment, f"run {at}", lr=rate, kind=HOSTILE if at == 2 else "plain").complete()
    experiment._connection.flush()
    grid = open_page(page, lab)
    expect(titles(grid)).to_have_text(["run 2", "run 1", "run 0"])
    grid.get_by_role("columnheader", name="lr").click()
    expect(titles(grid)).to_have_text(["run 0", "run 2", "run 1"])
    expect(grid.get_by_role("columnheader", name="lr")).to_have_attribute("aria-sort", "descending")

    filter = page.get_by_role("combobox", name="Filter")
    filter.press_sequentially("params.l")
    page.get_by_role("listbox").get_by_role("option", name="params.lr").click()
    filter.press_sequentially("> 0.15")
    expect(titles(grid)).to_have_text(["run 0", "run 2"])
    filter.press_sequentially(" and and")
    expect(page.locator(".aml-Problem")).to_contain_text("cannot be read at character")
    expect(titles(grid)).to_have_count(2)
    filter.fill("")
    expect(titles(grid)).to_have_count(3)
    expect(page.locator(".aml-Problem")).to_have_count(0)

    page.get_by_label("Group by").select_option("params.kind")
    expect(grid.locator(".aml-Group")).to_have_count(2)
    grid.locator(".aml-Group", has_text=HOSTILE).click()
    expect(titles(grid)).to_have_text(["run 2"])
    page.get_by_label("Group by").select_option("")

    expect(titles(grid)).to_have_count(3)
    grid.focus()
    page.keyboard.press("Control+Home")
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowDown")
    expect(page.get_by_text("2 runs selected")).to_be_visible()
    expect(page.locator(".aml-Over .aml-Legend li")).to_have_count(2)
    born = made(experiment, "born just now", lr=0.05)
    experiment._connection.flush()
    row = grid.get_by_role("row").filter(has_text="born just now")
    expect(row).to_contain_text("Running")
    born.complete()
    experiment._connection.flush()
    expect(row).to_contain_text("Completed")
    assert page.evaluate("window.hurt") is None


@pytest.mark.slow
def test_tags_and_notes_are_edited_in_place_and_a_view_is_kept(lab, page, experiment):
    made(experiment, "only", lr=1).complete()
    experiment._connection.flush()
    grid = open_page(page, lab)
    row = grid.get_by_role("row").filter(has_text="only")
    page.get_by_role("button", name="Columns", exact=True).click()
    chooser = page.get_by_role("dialog", name="Columns")
    for name in ("metrics.loss", "params.lr", "Created"):
        chooser.get_by_role("checkbox", name=name).uncheck()
    page.keyboard.press("Escape")
    columns = grid.get_by_role("columnheader")
    expect(columns).to_have_text(["", "Run", "Status", "Duration", "Tags", "Notes"])
    cells = row.get_by_role("gridcell")
    cells.nth(4).dblclick()
    page.get_by_role("textbox", name="Tags").fill(f"kind={HOSTILE}")
    page.keyboard.press("Enter")
    expect(cells.nth(4)).to_have_text(f"kind: {HOSTILE}")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("F2")
    page.get_by_role("textbox", name="Notes").fill("looks right")
    with page.expect_response(lambda answer: answer.request.method == "PATCH"):  # it is shown before it is kept
        page.keyboard.press("Enter")
        expect(cells.nth(5)).to_have_text("looks right")
    (found,) = lab.api("runs?experiment=exp")["runs"]
    assert (found["tags"]["kind"], found["description"]) == (HOSTILE, "looks right")

    page.get_by_role("button", name="Views", exact=True).click()
    page.get_by_role("button", name="Save as…").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("short")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Views", exact=True).click()
    page.get_by_role("button", name="As at first").click()
    expect(grid.get_by_role("columnheader", name="loss")).to_be_visible()
    page.wait_for_function(
        "window.jupyterapp.serviceManager.settings.fetch('jupyter-aml:experiments').then(s => s.raw.includes('short'))"
    )
    grid = open_page(page, lab)
    page.get_by_role("button", name="Views", exact=True).click()
    page.get_by_role("button", name="short", exact=True).click()
    expect(grid.get_by_role("columnheader")).to_have_count(6)
    assert page.evaluate("window.hurt") is None


def test_runs_are_deleted_after_a_question_and_what_cannot_be_is_said(lab, page, experiment):
    made(experiment, "ended").complete()
    running = made(experiment, "running")
    experiment._connection.flush()
    grid = open_page(page, lab)
    expect(titles(grid)).to_have_count(2)
    grid.focus()
    page.keyboard.press("Control+a")
    page.get_by_role("button", name="Delete…").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("ended")
    question.get_by_role("button", name="Cancel").click()
    expect(titles(grid)).to_have_count(2)
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(titles(grid)).to_have_text(["running"])
    expect(page.locator(".Toastify")).to_contain_text("Cancel it before you delete it")
    running.complete()


@pytest.mark.slow
def test_a_stopped_server_is_said_and_what_was_there_stays(lab, page, experiment):
    made(experiment, "kept").complete()
    experiment._connection.flush()
    grid = open_page(page, lab)
    expect(titles(grid)).to_have_text(["kept"])
    page.wait_for_load_state("networkidle")  # what JupyterLab itself asks for at its start
    lab.stop()
    expect(page.get_by_text("Not connected: what is shown may be old.")).to_be_visible()
    grid.get_by_role("columnheader", name="loss").click()
    expect(page.get_by_role("alert").filter(has_text="does not answer")).to_be_visible()
    expect(titles(grid)).to_have_text(["kept"])
    lab.start()
    expect(page.get_by_role("alert").filter(has_text="does not answer")).to_have_count(0, timeout=60_000)
    expect(page.get_by_text("Not connected: what is shown may be old.")).to_have_count(0)


@pytest.mark.slow
def test_runs_are_put_away_and_taken_back(lab, page, experiment):
    runs = {name: made(experiment, name) for name in ("first", "second", "third")}
    for run in runs.values():
        run.complete()
    experiment._connection.flush()
    grid = open_page(page, lab)
    page.evaluate("window.jupyterapp.commands.execute('aml:show-runs').then(() => null)")
    beside = page.locator("#jupyter-aml-runs").get_by_role("tree", name="Experiments and runs")
    expect(beside.get_by_role("treeitem")).to_have_count(4)
    grid.focus()
    page.keyboard.press("Control+Home")
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowDown")
    page.get_by_role("button", name="Archive", exact=True).last.click()
    expect(titles(grid)).to_have_text(["first"])
    expect(beside.get_by_role("treeitem")).to_have_count(2)
    assert runs["third"].get_tags() == {"aml.archived": "yes"} and len(lab.api("runs?experiment=exp")["runs"]) == 3

    # On its page, too; where those are listed that were put away, they are taken back.
    titles(grid).first.click()
    opened = page.locator(".aml-RunPage:visible")
    opened.get_by_role("button", name="Archive").click()
    expect(opened.locator("header")).to_contain_text("archived")
    expect(opened.get_by_role("tabpanel")).not_to_contain_text("aml.archived")
    page.evaluate("window.jupyterapp.commands.execute('aml:open-experiment', {name: 'exp'}).then(() => null)")
    expect(grid).to_contain_text("All of its runs are archived.")
    page.get_by_role("button", name="Show them").click()
    expect(titles(grid)).to_have_text(["third", "second", "first"])
    expect(grid).not_to_contain_text("aml.archived")
    grid.get_by_role("row").filter(has_text="second").click(button="right")
    page.get_by_role("menuitem", name="Restore the Selected Runs").click()
    expect(titles(grid)).to_have_text(["third", "first"])
    page.get_by_role("checkbox", name="Archived", exact=True).uncheck()
    expect(titles(grid)).to_have_text(["second"])
    assert runs["second"].get_tags() == {}
