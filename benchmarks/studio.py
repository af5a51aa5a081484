"""What the JupyterLab side costs, in a real browser: start-up, size, a table of 100,000 runs, a million points, 50 live runs.

``python benchmarks/studio.py [--rounds N] [--runs N] [--to FILE]`` starts JupyterLab on a workspace of its own and Debian's
chromium before it, as the browser tests do, and writes a page of results. Build the extension for production first
(``npm run build:prod``). With and without the extension take turns; medians are shown.
"""

from __future__ import annotations

import argparse
import datetime
import gzip
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from array import array
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests" / "browser")]

import scale  # noqa: E402
from conftest import CHROMIUM, FLAGS, Lab  # noqa: E402

from jupyter_aml.store.connection import connect  # noqa: E402
from jupyter_aml.store.events import Batch, Points, RunCreated, RunStatus  # noqa: E402
from jupyter_aml.store.records import RunRecord  # noqa: E402

EXTENSION, AT_ONCE = "jupyter-aml", 1000
STARTED = """
(() => { const timer = setInterval(() => {
  if (window.jupyterapp) { clearInterval(timer);
    window.jupyterapp.restored.then(() => { window.startedAfter = performance.now(); }); }
}, 1); })()
"""
SCROLL = """
([pixels, seconds]) => new Promise(done => {
  const grid = document.querySelector('.aml-Grid'); const gaps = []; const long = [];
  const observer = new PerformanceObserver(list => long.push(...list.getEntries().map(one => one.duration)));
  observer.observe({ type: 'longtask' });
  const began = performance.now(); let last = began; let blank = 0;
  const step = now => {
    gaps.push(now - last); last = now;
    grid.scrollTop += pixels;
    const rows = grid.querySelectorAll('.aml-Grid-row'); if (rows.length === 0) blank++;
    if (now - began < seconds * 1000) { requestAnimationFrame(step); }
    else { observer.disconnect(); done({ gaps, long, blank, top: grid.scrollTop }); }
  };
  requestAnimationFrame(step);
})
"""
CHART = """
([open, chart]) => new Promise(done => {
  const began = performance.now();
  const look = () => {
    const canvas = document.querySelector(chart);
    if (canvas && canvas.width > 0) { requestAnimationFrame(() => done(performance.now() - began)); }
    else { requestAnimationFrame(look); }
  };
  const found = [...document.querySelectorAll('.aml-RunPage:not(.lm-mod-hidden) [role=tab]')].find(one => one.textContent.startsWith(open));
  found.click(); look();
})
"""
LIVE = """
([began, seconds]) => new Promise(done => {
  const long = []; const gaps = []; const lags = []; let last = performance.now(); let asked = last;
  new PerformanceObserver(list => long.push(...list.getEntries().map(one => one.duration))).observe({ type: 'longtask' });
  const until = last + seconds * 1000;
  const step = now => {
    gaps.push(now - last); last = now;
    if (now - asked > 250) { asked = now;
      const columns = [...document.querySelectorAll('.aml-Grid-head [role=columnheader]')];
      const place = columns.findIndex(one => one.textContent.trim().startsWith('tick'));
      const shown = [...document.querySelectorAll('.aml-Grid-body .aml-Grid-row')]
        .map(row => parseFloat(row.querySelectorAll('.aml-Grid-cell')[place]?.textContent ?? '')).filter(x => !isNaN(x));
      if (shown.length) lags.push(Date.now() / 1000 - began - Math.max(...shown)); }
    if (now < until) requestAnimationFrame(step); else done({ gaps, long, lags });
  };
  requestAnimationFrame(step);
})
"""
WRITER = """
import sys, time
from jupyter_aml.store.connection import connect
from jupyter_aml.tracking.experiment import Experiment
from jupyter_aml.tracking.run import Run
from jupyter_aml.workspace import Workspace
url, began, seconds = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
experiment = Experiment(Workspace._of(connect(url)), 'live')
runs = [Run._create(experiment, name=f'live {at}') for at in range(50)]
while time.time() - began < seconds:
    for run in runs:
        run.log('loss', time.time() % 7)
        run.log('tick', time.time() - began)
    time.sleep(0.5)
for run in runs:
    run.complete()
"""


def fill(store: Any, runs: int) -> None:
    """Runs of one experiment, with three metrics and two parameters each."""
    for start in range(0, runs, AT_ONCE):
        events: list[Any] = []
        for n in range(start, min(runs, start + AT_ONCE)):
            run, at = f"{n:032x}", 1e9 + n
            record = RunRecord(id=run, experiment="large", type="aml.interactive", status="Running", name=f"run {n}", created=at,
                               started=at, params={"lr": 0.1 / (1 + n % 7), "kind": ("adam", "sgd")[n % 2]})  # fmt: skip
            events.append(RunCreated(run=record))
            events += [
                Points(run=run, name=name, steps=[0], times=[at], values=array("d", [n * factor % 1]))
                for name, factor in (("loss", 0.37), ("accuracy", 0.61), ("auc", 0.17))
            ]
            events.append(RunStatus(run=run, status="Completed", at=at + 10))
        store.apply(Batch(journal="fill", first=store.applied("fill"), count=len(events), events=events))


def spread(values: list[float]) -> str:
    """Median and worst, in milliseconds."""
    return f"{statistics.median(values):.0f} (worst {max(values):.0f})"


def served(route: Any, *, extension: bool) -> None:
    """The page of JupyterLab, also as it is where the extension is not installed. Both go this way, which costs time itself."""
    answer = route.fetch()
    text = answer.text()
    head, tail = text.split('<script id="jupyter-config-data" type="application/json">', 1)
    data, rest = tail.split("</script>", 1)
    config = json.loads(data)
    config["federated_extensions"] = [
        one for one in config["federated_extensions"] if extension or one["name"] != EXTENSION
    ]
    body = f'{head}<script id="jupyter-config-data" type="application/json">{json.dumps(config)}</script>{rest}'
    route.fulfill(response=answer, body=body)


def start(browser: Any, lab: Any, *, extension: bool) -> dict[str, Any]:
    """One start of JupyterLab in a new profile: milliseconds by the clock and of the page's main thread; bytes of ours."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    ours: list[bytes] = []
    page.on("response", lambda one: ours.append(one.body()) if f"/extensions/{EXTENSION}/" in one.url else None)
    page.route("**/lab?*", lambda route: served(route, extension=extension))
    page.add_init_script(STARTED)
    session = context.new_cdp_session(page)
    session.send("Performance.enable")
    page.goto(lab.page())
    page.wait_for_function("window.startedAfter")
    metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    found = {"ms": page.evaluate("window.startedAfter"), "task_ms": metrics["TaskDuration"] * 1000}
    page.wait_for_load_state("networkidle")
    found |= {"raw": sum(map(len, ours)), "gzip": sum(len(gzip.compress(one, 6)) for one in ours), "files": len(ours)}
    context.close()
    return found


def opened(browser: Any, lab: Any, command: str, **arguments: Any) -> Any:
    """A page on which a command was executed."""
    page = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
    page.set_default_timeout(60_000)
    page.goto(lab.page())
    page.wait_for_function("window.jupyterapp?.restored")
    page.evaluate("window.jupyterapp.restored.then(() => null)")
    page.evaluate("([id, args]) => window.jupyterapp.commands.execute(id, args).then(() => null)", [command, arguments])
    return page


def table(browser: Any, lab: Any, name: str) -> tuple[dict[str, Any], float]:
    """(frames while a table is scrolled for three seconds, seconds until its first rows were there)."""
    began = time.perf_counter()
    page = opened(browser, lab, "aml:open-experiment", name=name)
    page.locator(".aml-Grid-row .aml-Link").first.wait_for()
    page.wait_for_timeout(1500)
    found = {f"{pixels} px a frame": page.evaluate(SCROLL, [pixels, 3]) for pixels in (40, 400)}
    page.context.close()
    return found, time.perf_counter() - began


def chart(browser: Any, lab: Any, rounds: int) -> tuple[float, list[float]]:
    """Milliseconds from the click on a run's metrics to the drawn chart of a million points: first time, and again."""
    page = opened(browser, lab, "aml:open-run", id="long")
    page.locator(".aml-RunPage [role=tab]").first.wait_for()
    page.wait_for_timeout(500)
    took = []
    for _ in range(rounds):
        took.append(page.evaluate(CHART, ["Metrics", ".aml-RunPage:not(.lm-mod-hidden) .aml-Chart canvas"]))
        page.get_by_role("tab", name="Details").click()
        page.locator(".aml-Chart").wait_for(state="detached")
    page.context.close()
    return took[0], took[1:]


def live(browser: Any, lab: Any, url: str, seconds: float) -> dict[str, list[float]]:
    """An experiment's page while its 50 runs log twice a second."""
    began = time.time()
    writer = subprocess.Popen([sys.executable, "-c", WRITER, url, str(began), str(seconds + 25)], env=lab.environment)
    time.sleep(2)
    page = opened(browser, lab, "aml:open-experiment", name="live")
    page.get_by_role("columnheader", name="tick").wait_for()
    page.wait_for_timeout(2000)
    found: dict[str, list[float]] = page.evaluate(LIVE, [began, seconds])
    page.context.close()
    writer.terminate()
    writer.wait()
    return found


def measure(browser: Any, lab: Any, rounds: int, runs: int) -> str:
    """Everything, as a page."""
    start(browser, lab, extension=True)  # warms the server up
    with_it, without_it = [], []
    for turn in range(rounds):
        for extension in (turn % 2 == 0, turn % 2 == 1):
            (with_it if extension else without_it).append(start(browser, lab, extension=extension))
    lines = [
        "| start of JupyterLab, ms | without | with | difference of medians | target |",
        "|---|---|---|---|---|",
    ]
    for key, what in ("ms", "by the clock"), ("task_ms", "of the page's main thread"):
        a, b = ([one[key] for one in some] for some in (without_it, with_it))
        lines.append(
            f"| {what} | {spread(a)} | {spread(b)} | {statistics.median(b) - statistics.median(a):+.0f} | ≤ 150 |"
        )
    size = max(with_it, key=lambda one: one["gzip"])
    lines.append(
        f"\nLoaded before a page is opened: {size['gzip'] / 1000:.0f} kB gzip ({size['raw'] / 1000:.0f} kB plain, {size['files']} "
        "files; target: at most 400 kB gzip).\n"
    )
    url = lab.api("info")["workspace"]["url"]
    store = connect(url).store
    fill(store, runs)
    scale.long_series(store)
    load = os.getloadavg()[0]
    frames, took = table(browser, lab, "large")
    lines += [
        f"Table of {runs:,} runs, scrolled for 3 s at each speed (load then {load:.1f}; JupyterLab, page and first rows: {took:.1f} s):\n",
        "| speed | frames a second | median gap, ms | gaps > 50 ms | long tasks | frames without rows |",
        "|---|---|---|---|---|---|",
    ]
    for speed, one in frames.items():
        gaps = one["gaps"][1:]
        lines.append(
            f"| {speed} | {1000 * len(gaps) / sum(gaps):.0f} | {statistics.median(gaps):.1f} | {sum(g > 50 for g in gaps)} "
            f"| {len(one['long'])} | {one['blank']} |"
        )
    first, again = chart(browser, lab, rounds + 1)
    lines.append(
        f"\nA series of 1,000,000 points, from the click to the drawn chart: {first:.0f} ms the first time, then {spread(again)} ms "
        "(target: at most 300).\n"
    )
    found = live(browser, lab, url, 15)
    gaps = found["gaps"][1:]
    lines.append(
        f"50 runs that log two metrics twice a second, on their experiment's page, 15 s: {1000 * len(gaps) / sum(gaps):.0f} frames a "
        f"second, {sum(g > 50 for g in gaps)} gaps > 50 ms, {len(found['long'])} long tasks"
        + (f" (longest {max(found['long']):.0f} ms)" if found["long"] else "")
        + f"; the newest value shown is {statistics.median(found['lags']):.1f} s old (median; worst {max(found['lags']):.1f})."
    )
    return "\n".join(lines)


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--runs", type=int, default=100_000)
    today = datetime.date.today().isoformat()
    parser.add_argument("--to", type=Path, default=HERE / "results" / today / "studio.md")
    given = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "notebooks"
        folder.mkdir()
        names = {"JUPYTER_AML_HOME": "home", "JUPYTER_CONFIG_DIR": "config", "JUPYTERLAB_SETTINGS_DIR": "settings",
                 "JUPYTERLAB_WORKSPACES_DIR": "workspaces", "JUPYTER_RUNTIME_DIR": "runtime"}  # fmt: skip
        os.environ["JUPYTER_AML_HOME"] = f"{scratch}/home"
        lab = Lab(folder, {**os.environ, **{name: f"{scratch}/{where}" for name, where in names.items()}})
        lab.start()
        before = os.getloadavg()
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
                version = browser.version
                page = measure(browser, lab, given.rounds, given.runs)
                browser.close()
        finally:
            lab.stop()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    about = f"""\
        # Studio: what the JupyterLab side costs

        {today}, {os.cpu_count()} cores, {memory:.0f} GB, Linux {platform.release()}, Chromium {version} without a graphics card
        (drawn by the processor), {given.rounds} rounds; load averages {before[0]:.1f} when it began and {os.getloadavg()[0]:.1f}
        when it ended. Above the number of cores, other work shared them: times by the clock are then upper bounds, those of
        the main thread are nearer to the truth.
        """
    given.to.parent.mkdir(parents=True, exist_ok=True)
    given.to.write_text(textwrap.dedent(about) + "\n" + page + "\n")
    print(given.to.read_text())


if __name__ == "__main__":
    main()
