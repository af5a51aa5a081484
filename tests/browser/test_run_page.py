"""The page of a run: what it shows of real runs, and of those that are too large, deleted or out of reach."""

import os
import subprocess
import sys

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
RICH = """
import json, os, struct, zlib
from jupyter_aml import Experiment, Workspace

def png(shade):
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    head = struct.pack('>IIBBBBB', 1, 1, 8, 0, 0, 0, 0)
    return b'\\x89PNG\\r\\n\\x1a\\n' + chunk(b'IHDR', head) + chunk(b'IDAT', zlib.compress(bytes([0, shade]))) + chunk(b'IEND', b'')

run = Experiment(Workspace.default(), 'rich').start_logging(snapshot_directory=None, display_name='<b>rich</b>')
for i in range(3):
    open(f'epoch-{i}.png', 'wb').write(png(i))
    run.upload_file(f'epoch-{i}.png', f'epoch-{i}.png')
for name, text in {'table.csv': 'a,b\\n1,"x, y"\\n', 'facts.json': '{"k": [1, 2]}'}.items():
    open(name, 'w').write(text)
    run.upload_file(name, name)
def kind(name, data):
    return {'schema_type': name, 'schema_version': 'v1', 'data': data}
run.log_residuals('residue', kind('residuals', {'bin_edges': [0, 1, 2], 'bin_counts': [3, 4]}))
run.log_confusion_matrix('confusion', kind('confusion_matrix', {'class_labels': ['cat', 'dog'], 'matrix': [[9, 1], [2, 8]]}))
for _ in range(3):
    run.log('never', float('nan'))
run.log_list('loss', [3, 2, 1])
run.complete()
print(run.id)
"""
LARGE = """
from jupyter_aml import Experiment, Workspace
run = Experiment(Workspace.default(), 'large').start_logging(snapshot_directory=None)
for i in range(20_000):
    run.log(f'metric {i:05}', i)
from jupyter_aml.store.events import TextLogged
import time
line = 'a line of a log that does not end\\n'
connection = run.experiment.workspace.connection
for _ in range(10):
    connection.write(TextLogged(run=run.id, path='logs/train.txt', text=line * (1_000_000 // len(line)), at=time.time()))
connection.write(TextLogged(run=run.id, path='logs/train.txt', text='the last line\\n', at=time.time()))
run.complete()
print(run.id)
"""


def execute(lab, code):
    done = subprocess.run(
        [sys.executable, "-c", code], env={**lab.environment, "MPLBACKEND": "agg"}, cwd=lab.folder.parent, text=True,
        capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-1]


def open_run(page, lab, run):
    page.goto(lab.page())
    page.wait_for_function("window.jupyterapp?.restored")
    page.evaluate("window.jupyterapp.restored.then(() => null)")
    page.evaluate("id => void window.jupyterapp.commands.execute('aml:open-run', { id })", run)
    return page.locator(".aml-RunPage:visible")


def tab(opened, name):
    opened.get_by_role("tab", name=name).click()
    return opened.get_by_role("tabpanel")


def test_images_files_and_structured_metrics_are_shown_and_the_keyboard_leads_everywhere(lab, page):
    run = execute(lab, RICH)
    opened = open_run(page, lab, run)
    expect(opened.get_by_role("heading", name="<b>rich</b>")).to_be_visible()
    opened.get_by_role("tab", name="Overview").focus()
    page.keyboard.press("ArrowRight")
    expect(opened.get_by_role("tab", name="Metrics")).to_be_focused()
    shown = opened.get_by_role("tabpanel")
    expect(shown.get_by_role("img", name="residue")).to_be_visible()
    expect(shown.locator(".aml-Matrix")).to_contain_text("dog")
    expect(shown.locator(".aml-Chart canvas")).to_have_count(1)  # of NaN there is nothing to draw
    expect(shown.locator("tr", has_text="never")).to_contain_text("NaN")

    shown = tab(opened, "Images")
    slider = shown.get_by_role("slider", name="Step of epoch")
    expect(shown).to_contain_text("3 of 3")
    slider.press("ArrowLeft")
    expect(shown).to_contain_text("2 of 3")
    expect(shown.get_by_role("img", name="epoch, step 2")).to_be_visible()

    shown = tab(opened, "Files")
    shown.get_by_role("link", name="table.csv").click()
    expect(shown.get_by_role("region", name="Preview of table.csv").locator("td", has_text="x, y")).to_be_visible()
    shown.get_by_role("link", name="facts.json").click()
    expect(shown.get_by_role("region", name="Preview of facts.json")).to_contain_text('"k"')
    expect(tab(opened, "Details")).to_contain_text(run)

    tab(opened, "Overview").get_by_role("button", name="Add a description").click()
    opened.get_by_role("textbox", name="Description").fill("the best so far")
    opened.get_by_role("button", name="Keep").click()
    expect(opened.get_by_role("tabpanel")).to_contain_text("the best so far")
    assert lab.api(f"runs/{run}")["description"] == "the best so far"

    lab.stop()
    expect(page.locator(".aml-StatusItem")).to_contain_text("offline")
    page.locator(".jp-Dialog-footer button").last.click()  # JupyterLab says so too
    opened.get_by_role("button", name="Rename").click()
    opened.get_by_role("textbox", name="Name").press("Enter")
    expect(opened.get_by_role("alert")).to_contain_text("does not answer")
    lab.start()
    expect(opened.get_by_role("alert")).to_have_count(0)
    opened.get_by_role("button", name="Delete…").click()
    dialog = page.locator(".jp-Dialog")
    expect(dialog).to_contain_text("Delete “<b>rich</b>”?")
    dialog.locator(".jp-mod-accept").click()
    expect(page.locator(".aml-RunPage")).to_have_count(0)
    assert lab.api("runs")["runs"] == []


@pytest.mark.slow
def test_a_very_large_run_opens_and_says_when_it_was_deleted(lab, page):
    run = execute(lab, LARGE)
    opened = open_run(page, lab, run)
    shown = tab(opened, "Metrics")
    expect(shown).to_contain_text("100 of 20,000 are shown.")
    shown.get_by_role("searchbox", name="Find metrics").fill("metric 19999")
    expect(shown.locator(".aml-Table tbody tr")).to_have_count(1)
    shown = tab(opened, "Log")
    expect(shown.locator(".aml-Code")).to_contain_text("the last line")
    expect(shown.get_by_role("link", name="Open all of it")).to_be_visible()
    assert len(shown.locator(".aml-Code").inner_text()) < 500_000
    deleted = subprocess.run(
        [sys.executable, "-m", "jupyter_aml", "run", "delete", run, "--yes"],
        env=lab.environment, capture_output=True, text=True, timeout=60, check=False, cwd=os.fspath(lab.folder),
    )  # fmt: skip
    assert deleted.returncode == 0, deleted.stderr
    expect(opened.get_by_role("alert").first).to_contain_text("This run was deleted")
