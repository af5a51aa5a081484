"""The sidebar's sections, and the pages of models, data, environments and compute: for eyes, screen readers and the keyboard."""

import pytest
from looking import THEMES, command, looked_at, show_theme, take_axe
from playwright.sync_api import expect
from test_nouns import filled, opened, unfold

from jupyter_aml.compute.amlcompute import AmlCompute
from jupyter_aml.compute.target import ComputeTarget
from jupyter_aml.store.records import JobRecord
from jupyter_aml.tracking.experiment import Experiment

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]
PAGES = (
    ("aml:open-model", {"name": "iris"}),
    ("aml:open-dataset", {"name": "sales"}),
    ("aml:open-datastore", {"datastore": "workspaceblobstore"}),
    ("aml:open-environment", {"name": "train-env"}),
    ("aml:open-compute", {"name": "cpu-cluster"}),
)
SECTIONS = ("Notebooks", "Models", "Data", "Environments", "Compute")


@pytest.fixture
def things(lab, tmp_path, monkeypatch):
    """A workspace with something in each section."""
    monkeypatch.setenv("JUPYTER_AML_HOME", lab.environment["JUPYTER_AML_HOME"])
    workspace, run, _ = filled(lab.api("info")["workspace"]["url"], tmp_path)
    ComputeTarget.create(workspace, "cpu-cluster", AmlCompute.provisioning_configuration(tags={"team": "a"}))
    waits = Experiment(workspace, "train").start_logging(snapshot_directory=None, display_name="waits")
    workspace.connection.store.put_job(JobRecord(run=waits.id, target="compute/cpu-cluster"))
    workspace.connection.flush()
    yield run
    workspace.connection.close()


def walk(page):
    """Open every page and each of its tabs; what of it is to be looked at."""
    yield "#jupyter-aml-runs"
    for name, arguments in PAGES:
        command(page, name, **arguments)
        thing = page.locator(".aml-Thing:visible")
        expect(thing.get_by_role("heading", level=1)).to_have_text([*arguments.values()])
        thing.get_by_role("tab").first.click()
        for tab in thing.get_by_role("tab").all():
            expect(tab).to_be_focused()
            expect(thing.get_by_role("tabpanel")).not_to_contain_text("Loading…")
            yield f"[id^=jupyter-aml-{name.removeprefix('aml:open-')}-]"
            page.keyboard.press("ArrowRight")


def test_axe_finds_nothing_serious_on_any_of_these_pages_in_any_theme(lab, page, things):
    sidebar = opened(lab, page)
    for name in SECTIONS:
        unfold(sidebar, name)
    tree = sidebar.get_by_role("tree", name="Models")
    tree.get_by_role("treeitem").first.focus()
    page.keyboard.press("ArrowRight")
    expect(tree.get_by_role("treeitem")).to_have_count(3)
    take_axe(page)
    found = set()
    for theme in THEMES:
        show_theme(page, theme)
        found |= looked_at(page, theme, walk(page), "nouns-")
    assert sorted(found) == []


def test_keys_alone_lead_through_the_sections_and_each_page_and_out_again(lab, page, things):
    sidebar = opened(lab, page)
    expect(sidebar.locator(".aml-Section-head", has_text="Compute")).to_be_visible()
    expect(sidebar.get_by_role("treeitem").first).to_be_visible()
    sidebar.get_by_role("button", name="Load anew").focus()

    def tab_to(name):
        """Press Tab until it is on this; few times: a list is one stop, however long it is."""
        passed = []
        while len(passed) < 12:
            page.keyboard.press("Tab")
            passed.append(page.evaluate("document.activeElement.textContent"))
            if passed[-1].startswith(name):
                return
        raise AssertionError(f"{name}: {passed}")

    for name in SECTIONS[:-1]:
        tab_to(name)
        page.keyboard.press("Enter")
        if name == "Models":
            tree = sidebar.get_by_role("tree", name="Models").get_by_role("treeitem")
            expect(tree).to_have_count(1)
            page.keyboard.press("Tab")
            expect(tree.first).to_be_focused()
            page.keyboard.press("ArrowRight")  # opens
            expect(tree).to_have_count(3)
            page.keyboard.press("ArrowRight")  # goes in
            expect(tree.nth(1)).to_be_focused()
            page.keyboard.press("End")
            expect(tree.nth(2)).to_be_focused()
            page.keyboard.press("ArrowLeft")
            expect(tree.first).to_be_focused()
    tab_to("Compute")
    page.keyboard.press("Enter")
    expect(sidebar.get_by_role("treeitem", name="cpu-cluster")).to_be_visible()
    page.keyboard.press("Tab")
    expect(sidebar.get_by_role("treeitem", name="cpu-cluster")).to_be_focused()
    page.keyboard.press("Enter")
    inside = "document.activeElement.closest('.aml-WidePage') !== null"
    expect(page.get_by_role("heading", name="cpu-cluster")).to_be_visible()
    page.wait_for_function(inside)
    for name, arguments in PAGES:
        command(page, name, **arguments)
        expect(page.locator(".aml-Thing:visible").get_by_role("heading", level=1)).to_have_text([*arguments.values()])
        page.wait_for_function(inside)
        reached = []
        while page.evaluate(inside) and len(reached) < 40:
            seen = page.evaluate(
                "() => { const s = getComputedStyle(document.activeElement); return s.outlineStyle !== 'none'"
                " || s.boxShadow !== 'none' || document.activeElement.matches('.aml-WidePage, [role=tabpanel], [role=grid]'); }"
            )
            assert seen, page.evaluate("document.activeElement.outerHTML")
            reached.append(page.evaluate("document.activeElement.textContent.slice(0, 30)"))
            page.keyboard.press("Tab")
        assert "Use in notebook" in reached and 3 < len(reached) < 40, reached

    # Into folders, and to what can be done with a file.
    command(page, "aml:open-datastore", datastore="workspaceblobstore")
    files = page.locator(".aml-Thing:visible").get_by_role("grid", name="Files")
    files.focus()
    page.keyboard.press("Control+Home")
    page.keyboard.press("ArrowDown")
    for name in ("2024/", "there.csv"):
        page.keyboard.press("Enter")
        expect(files.get_by_role("gridcell", name=name)).to_be_visible()
        expect(files).to_be_focused()
        page.keyboard.press("Control+Home")
    page.keyboard.press("Shift+F10")
    expect(page.get_by_role("menuitem", name="Use in the Notebook")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="Download").click()
    assert download.value.path().read_text() == "a,b\n1,2\n"
