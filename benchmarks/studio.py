"""What the JupyterLab side costs, in a real browser: start-up, size, a table of 100,000 runs, a million points, 50 live runs.

``python benchmarks/studio.py [--rounds N] [--runs N] [--only PARTS] [--to FILE]`` starts JupyterLab on a workspace of its own and
Debian's chromium before it, as the browser tests do, and writes a page of results. Build the extension for production first
(``npm run build:prod``), or name a folder that has a build in it (``--extensions``). With and without the extension take turns,
and so do the table and a plain list that shows what the machine can do; medians are shown. Processor time is that of the page's
main thread while it ran, whatever else ran beside it.
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
from studio_probes import CHART, LIVE, PLAIN, SCROLL, STARTED, WRITER  # noqa: E402

from jupyter_aml.store.connection import connect  # noqa: E402
from jupyter_aml.store.events import Batch, Points, RunCreated, RunStatus  # noqa: E402
from jupyter_aml.store.records import RunRecord  # noqa: E402

EXTENSION, AT_ONCE = "jupyter-aml", 1000
PARTS = ("start", "table", "chart", "live")
SPEEDS = (40, 400)  # pixels a frame


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


def processor(session: Any) -> float:
    """Milliseconds for which the page's main thread has worked so far."""
    metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    return float(metrics["TaskDuration"]) * 1000


def watched(page: Any) -> Any:
    """A session that knows the processor time of a page."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    return session


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
    """One start of JupyterLab in a new profile: milliseconds by the clock and of the processor; bytes of ours."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    ours: list[bytes] = []
    page.on("response", lambda one: ours.append(one.body()) if f"/extensions/{EXTENSION}/" in one.url else None)
    page.route("**/lab?*", lambda route: served(route, extension=extension))
    page.add_init_script(STARTED)
    session = watched(page)
    page.goto(lab.page())
    page.wait_for_function("window.startedAfter")
    found = {"started": processor(session), "ms": page.evaluate("window.startedAfter")}
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1500)
    found |= {
        "settled": processor(session),
        "raw": sum(map(len, ours)),
        "gzip": sum(len(gzip.compress(one, 6)) for one in ours),
        "files": len(ours),
    }
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


def scrolled(page: Any, pixels: int) -> dict[str, Any]:
    """Frames while a page's list is scrolled for three seconds."""
    session = watched(page)
    before = processor(session)
    found: dict[str, Any] = page.evaluate(SCROLL, [pixels, 3])
    found["processor"] = (processor(session) - before) / len(found["gaps"])
    session.detach()
    return found


def table(browser: Any, lab: Any, name: str, rounds: int) -> tuple[dict[str, list[dict[str, Any]]], float]:
    """(what is scrolled → frames in each round, seconds until the table's first rows were there)."""
    found: dict[str, list[dict[str, Any]]] = {}
    took = []
    for _ in range(rounds):
        for cells, what in (1, "a plain list"), (10, "a plain list of 10 cells a row"):
            page = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
            page.set_content(PLAIN.replace("CELLS", str(cells)))
            for pixels in SPEEDS:
                found.setdefault(f"{what}, {pixels} px a frame", []).append(scrolled(page, pixels))
            page.context.close()
        began = time.perf_counter()
        page = opened(browser, lab, "aml:open-experiment", name=name)
        page.locator(".aml-Grid-row .aml-Link").first.wait_for()
        took.append(time.perf_counter() - began)
        page.wait_for_timeout(1500)
        for pixels in SPEEDS:
            found.setdefault(f"**the table**, {pixels} px a frame", []).append(scrolled(page, pixels))
        page.context.close()
    return found, statistics.median(took)


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


def of_start(browser: Any, lab: Any, rounds: int) -> str:
    """The start with and without the extension."""
    start(browser, lab, extension=True)  # warms the server up
    with_it: list[dict[str, Any]] = []
    without_it: list[dict[str, Any]] = []
    for turn in range(rounds):
        for extension in (turn % 2 == 0, turn % 2 == 1):
            (with_it if extension else without_it).append(start(browser, lab, extension=extension))
    lines = [
        "| start of JupyterLab, ms | without | with | difference of medians | of the best | target |",
        "|---|---|---|---|---|---|",
    ]
    for key, what in (
        ("started", "processor, until it stands"),
        ("settled", "processor, until nothing happens any more"),
        ("ms", "by the clock, until it stands"),
    ):
        a, b = ([one[key] for one in some] for some in (without_it, with_it))
        middle, best = statistics.median(b) - statistics.median(a), min(b) - min(a)
        lines.append(f"| {what} | {spread(a)} | {spread(b)} | {middle:+.0f} | {best:+.0f} | ≤ 150 |")
    size = max(with_it, key=lambda one: one["gzip"])
    lines.append(
        f"\nLoaded before a page is opened: {size['gzip'] / 1000:.0f} kB gzip ({size['raw'] / 1000:.0f} kB plain, {size['files']} "
        "files; target: at most 400 kB gzip)."
    )
    return "\n".join(lines)


def of_table(browser: Any, lab: Any, rounds: int, runs: int) -> str:
    """The table, and what the machine can do."""
    load = os.getloadavg()[0]
    frames, took = table(browser, lab, "large", rounds)
    lines = [
        f"Table of {runs:,} runs, scrolled for 3 s at each speed, {rounds} times, beside plain lists in the same browser (load then "
        f"{load:.1f}; JupyterLab, page and first rows: {took:.1f} s; target: 60 frames a second):\n",
        "| what | frames a second: median (worst) | processor, ms a frame | gaps > 50 ms | long tasks | frames without rows |",
        "|---|---|---|---|---|---|",
    ]
    for what, some in frames.items():
        rates = [1000 * len(one["gaps"][1:]) / sum(one["gaps"][1:]) for one in some]
        slow = sum(gap > 50 for one in some for gap in one["gaps"][1:])
        long = sum(len(one["long"]) for one in some)
        blank = sum(one["blank"] for one in some)
        each = statistics.median(one["processor"] for one in some)
        lines.append(
            f"| {what} | {statistics.median(rates):.0f} ({min(rates):.0f}) | {each:.1f} | {slow} | {long} | {blank} |"
        )
    return "\n".join(lines)


def of_live(browser: Any, lab: Any, url: str) -> str:
    """50 runs that go on."""
    found = live(browser, lab, url, 15)
    gaps = found["gaps"][1:]
    return (
        f"50 runs that log two metrics twice a second, on their experiment's page, 15 s: {1000 * len(gaps) / sum(gaps):.0f} frames a "
        f"second, {sum(g > 50 for g in gaps)} gaps > 50 ms, {len(found['long'])} long tasks"
        + (f" (longest {max(found['long']):.0f} ms)" if found["long"] else "")
        + f"; the newest value shown is {statistics.median(found['lags']):.1f} s old (median; worst {max(found['lags']):.1f})."
    )


def measure(browser: Any, lab: Any, rounds: int, runs: int, parts: list[str]) -> str:
    """Everything that is asked for, as a page."""
    pieces = [of_start(browser, lab, rounds)] if "start" in parts else []
    url = lab.api("info")["workspace"]["url"]
    store = connect(url).store
    if "table" in parts:
        fill(store, runs)
        pieces.append(of_table(browser, lab, max(3, rounds // 2), runs))
    if "chart" in parts:
        scale.long_series(store)
        first, again = chart(browser, lab, rounds + 1)
        pieces.append(
            f"A series of 1,000,000 points, from the click to the drawn chart: {first:.0f} ms the first time, then {spread(again)} ms "
            "(target: at most 300)."
        )
    if "live" in parts:
        pieces.append(of_live(browser, lab, url))
    return "\n\n".join(pieces)


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--only", default=",".join(PARTS), help="some of start,table,chart,live (default: all)")
    parser.add_argument("--extensions", type=Path, help="folder with another build of the extension, as jupyter-aml")
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
        more = (f"--LabApp.extra_labextensions_path={given.extensions.resolve()}",) if given.extensions else ()
        lab = Lab(folder, {**os.environ, **{name: f"{scratch}/{where}" for name, where in names.items()}}, more)
        lab.start()
        before = os.getloadavg()
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
                version = browser.version
                page = measure(browser, lab, given.rounds, given.runs, given.only.split(","))
                browser.close()
        finally:
            lab.stop()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    about = f"""\
        # Studio: what the JupyterLab side costs

        {today}, {os.cpu_count()} cores, {memory:.0f} GB, Linux {platform.release()}, Chromium {version} without a graphics card
        (drawn by the processor), {given.rounds} rounds; load averages {before[0]:.1f} when it began and {os.getloadavg()[0]:.1f}
        when it ended. Above the number of cores, other work shared them: times by the clock are then upper bounds, and frames a
        second lower ones; processor times hold all the same.
        """
    given.to.parent.mkdir(parents=True, exist_ok=True)
    given.to.write_text(textwrap.dedent(about) + "\n" + page + "\n")
    print(given.to.read_text())


if __name__ == "__main__":
    main()
