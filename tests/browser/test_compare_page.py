"""Runs beside each other: what differs, series, source and images."""

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc0000003010100c9fe92ef"
    "0000000049454e44ae426082"
)


def test_two_runs_are_compared_by_values_series_source_and_images(lab, page, tmp_path, monkeypatch):
    from jupyter_aml.store.connection import connect
    from jupyter_aml.store.events import RunDeleted
    from jupyter_aml.tracking.experiment import Experiment
    from jupyter_aml.tracking.run import Run
    from jupyter_aml.workspace import Workspace

    monkeypatch.setenv("JUPYTER_AML_HOME", lab.environment["JUPYTER_AML_HOME"])
    connection = connect(lab.api("info")["workspace"]["url"])
    experiment = Experiment(Workspace._of(connection), "exp")
    source = tmp_path / "source"
    source.mkdir()
    (tmp_path / "plot.png").write_bytes(PIXEL)
    ids = []
    for at, kind in enumerate(["plain", "<b>bold</b>"]):
        (source / "train.py").write_text(f"import this\nDEPTH = {at}\nfit()\n")
        run = Run._create(experiment, name=f"run {at}", params={"depth": at, "kind": kind, "seed": 1})
        run.take_snapshot(source)
        for step in range(5):
            run.log("loss", at + 1 / (1 + step))
            run.log("broken", float("nan"))
        run.upload_file("figures/plot.png", tmp_path / "plot.png")
        run.complete()
        ids.append(run.id)
    connection.flush()

    page.goto(lab.page())
    page.wait_for_function("window.jupyterapp?.restored")
    page.evaluate("window.jupyterapp.restored.then(() => null)")
    page.evaluate("ids => window.jupyterapp.commands.execute('aml:compare-runs', {ids}).then(() => null)", ids)
    values = page.get_by_role("region", name="Runs beside each other")
    differing = values.locator("tr.aml-mod-differs th")
    expect(differing).to_have_text(["depth", "kind", "loss"])
    expect(values.get_by_role("cell", name="<b>bold</b>")).to_be_visible()
    values.get_by_role("button", name="and 1 that is the same everywhere").first.click()
    expect(values.get_by_role("row", name="seed 1 1")).to_be_visible()

    page.get_by_role("tab", name="Values").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Charts")).to_be_focused()
    panel = page.get_by_role("tabpanel", name="Charts")
    expect(panel.get_by_role("img", name="loss of the runs").locator("canvas")).to_be_visible()
    expect(panel.locator("figure", has_text="broken")).to_contain_text("10 values are NaN or ±∞")
    page.get_by_role("tab", name="Parallel coordinates").click()
    expect(page.get_by_role("link", name="run 1")).to_have_count(1)
    page.get_by_role("tab", name="Scatter").click()
    expect(page.locator(".aml-Scatter circle")).to_have_count(2)
    page.get_by_role("tab", name="Source").click()
    difference = page.get_by_label("What differs")
    expect(difference.locator(".aml-mod-removed")).to_have_text("− DEPTH = 0")
    expect(difference.locator(".aml-mod-added")).to_have_text("+ DEPTH = 1")
    page.get_by_role("tab", name="Images").click()
    images = page.get_by_role("tabpanel", name="Images").get_by_role("img")
    expect(images).to_have_count(2)
    page.wait_for_function("node => node.naturalWidth === 1", arg=images.first.element_handle())

    connection.write(RunDeleted(run=ids[0], at=1.0, who=""))
    connection.flush()
    expect(page.get_by_role("alert").filter(has_text="1 run is no longer there")).to_be_visible()
    connection.close()
