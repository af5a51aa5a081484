"""A large workspace: what a page of runs, a long series and one more run cost, at the store and over REST.

``python benchmarks/scale.py [--runs N] [--postgres URL] [--folder FOLDER] [--peers PYTHON] [--to FOLDER]`` fills what it is not
given (`--folder` and `--postgres` may have been filled before) and writes ``results/<date>-<cores>cores-scale.md`` and ``.json``.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from array import array
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from jupyter_aml.store import home
from jupyter_aml.store.connection import connect
from jupyter_aml.store.events import Batch, Points, RunCreated, RunStatus
from jupyter_aml.store.grammar import parse
from jupyter_aml.store.journal import Journal
from jupyter_aml.store.place import place_of
from jupyter_aml.store.records import RunQuery, RunRecord

HERE = Path(__file__).parent
METRICS, PARAMETERS, AT_ONCE, SERIES, SMALL, ALONE = 10, 5, 500, 1_000_000, 1_000, 200
SYNCED, OVER_HTTP, PEER_RUNS, PEER_POINTS = 400, 200_000, 5_000, 100_000
FIVE = "params.p0=adam and params.p1=sgd and params.p2=0.1 and params.p3=0.1 and params.p4=sgd"
PAGES: dict[str, dict[str, str]] = {
    "newest 100": {},
    "sorted by a metric": {"order": "-metrics.m3"},
    "filtered by a parameter": {"filter": "params.p2 = adam"},
    "filtered by a parameter, sorted by a metric": {"filter": "params.p2 = adam", "order": "-metrics.m3"},
    "five parameters, sorted by a metric": {"filter": FIVE, "order": "-metrics.m3"},
    "a range of a metric": {"filter": "metrics.m1 > 0.9"},
    "a rare value of a metric": {"filter": "metrics.m1 > 0.9999"},
    "a parameter that none has": {"filter": "params.other = 1"},
    "status and time": {"filter": "status = Completed and created > 1000050000"},
    "part of a name": {"text": "99"},
    "sorted by duration": {"order": "-duration"},
}


def life(n: int, rng: random.Random) -> list[Any]:
    """All events of a run."""
    run = f"{n:032x}"
    params = {f"p{i}": rng.choice([0.1, 0.01, 0.001, "adam", "sgd"]) for i in range(PARAMETERS)}
    born = RunRecord(
        id=run, experiment=f"e{n % 10}", type="aml.interactive", status="Running", name=f"run {n}",
        created=1e9 + n, started=1e9 + n, user="ann", params=params,
    )  # fmt: skip
    points = [
        Points(run=run, name=f"m{i}", steps=[0], times=[1e9 + n], values=array("d", [rng.random()]))
        for i in range(METRICS)
    ]
    return [RunCreated(run=born), *points, RunStatus(run=run, status="Completed", at=1e9 + n + 10)]


def one_more(store, first: int) -> dict[str, float]:
    """A run in a transaction of its own, as runs come in life: medians of ALONE."""
    rng, wall, used = random.Random(first), [], []
    for n in range(first, first + ALONE):
        events = life(n, rng)
        began, cpu = time.perf_counter(), time.process_time()
        store.apply(Batch(journal=f"alone-{n}", first=0, count=len(events), events=events))
        used.append((time.process_time() - cpu) * 1000)
        wall.append((time.perf_counter() - began) * 1000)
    return {"ms": statistics.median(wall), "cpu_ms": statistics.median(used)}


def fill(store, runs: int) -> list[float]:
    """Make the runs; seconds that each batch of AT_ONCE took."""
    rng, took, done = random.Random(1), [], store.applied("fill")
    for start in range(done // (AT_ONCE * (2 + METRICS)) * AT_ONCE, runs, AT_ONCE):
        events = [event for n in range(start, start + AT_ONCE) for event in life(n, rng)]
        began = time.perf_counter()
        store.apply(Batch(journal="fill", first=store.applied("fill"), count=len(events), events=events))
        took.append(time.perf_counter() - began)
    return took


def long_series(store) -> None:
    """One run with a series of a million points, in batches as a journal's."""
    if store.run("long") is not None:
        return
    record = RunRecord(id="long", experiment="long", type="aml.interactive", status="Running", created=2e9)
    store.apply(Batch(journal="long", first=0, count=1, events=[RunCreated(run=record)]))
    for at, start in enumerate(range(0, SERIES, 50_000), 1):
        part = range(start, start + 50_000)
        event = Points(
            run="long", name="loss", steps=array("q", part), times=array("d", [1e9 + s * 0.01 for s in part]),
            values=array("d", [1 / (s + 1) for s in part]),
        )  # fmt: skip
        store.apply(Batch(journal="long", first=at, count=1, events=[event]))


def measured(call: Callable[[], Any], times: int = 25) -> dict[str, float]:
    """Medians of many calls after one that warms up: milliseconds by the clock, and of this process's processor time."""
    call()
    wall, used = [], []
    for _ in range(times):
        began, cpu = time.perf_counter(), time.process_time()
        call()
        used.append((time.process_time() - cpu) * 1000)
        wall.append((time.perf_counter() - began) * 1000)
    return {"ms": statistics.median(wall), "cpu_ms": statistics.median(used)}


def pages(store: Any) -> dict[str, dict[str, float]]:
    """Each page at the store, with the metrics of its runs."""
    found = {}
    for name, words in PAGES.items():
        order = words.get("order", "-created")
        query = RunQuery(
            experiment="e3", limit=100, with_metrics=True, order_by=order.lstrip("-"), text=words.get("text", ""),
            where=[parse(words["filter"])] if "filter" in words else [],
        )  # fmt: skip
        found[name] = measured(lambda query=query: store.runs(query))
    return found


def series(store: Any) -> dict[str, dict[str, float]]:
    """The long series, whole and drawn."""
    import numpy as np

    return {
        "1,000,000 points to numpy": measured(lambda: np.asarray(store.series("long", "loss").values), 7),
        "1,000,000 points at 1,000 px": measured(lambda: store.sampled("long", ["loss"], width=1000), 7),
    }


def rest(folder: Path) -> tuple[dict[str, dict[str, float]], float]:
    """(each page and the drawn series over REST, points a second that batches over HTTP bring) of a Jupyter server's process."""
    sys.path.insert(0, str(HERE.parent / "tests" / "store"))
    import jupyter_server_process as jupyter

    server = jupyter.Server()
    try:
        server.home.mkdir(parents=True, exist_ok=True)
        (server.home / folder.name).symlink_to(folder)

        def ask(path: str, **words: str) -> bytes:
            asked = urllib.parse.urlencode({"workspace": "scale", "token": jupyter.TOKEN, **words})
            with urllib.request.urlopen(f"{server.url}/aml/api/v1/{path}?{asked}") as answer:
                return answer.read()

        def timed(path: str, **words: str) -> dict[str, float]:
            before = cpu_of(server.process.pid)
            found = measured(lambda: ask(path, **words), 15)
            return {"ms": found["ms"], "cpu_ms": (cpu_of(server.process.pid) - before) * 1000 / 16}

        found = {
            name: timed("runs", experiment="e3", limit="100", metrics="1", **words) for name, words in PAGES.items()
        }
        found["1,000,000 points at 1,000 px"] = timed("runs/long/series", name="loss", width="1000")
        return found, over_http(jupyter, server)
    finally:
        server.remove()


def over_http(jupyter: Any, server: Any) -> float:
    """Points a second of a run that logs through the server, until the last one is in its store."""
    os.environ["JUPYTER_AML_HOME"] = tempfile.mkdtemp(prefix="scale-home-")
    home.create(server.home / "sent", "sent")
    connection = connect(f"{server.url}?workspace=sent&token={jupyter.TOKEN}")
    connection.write(RunCreated(run=RunRecord(id="r", experiment="e", type="aml.interactive", status="Running")))
    connection.flush()
    writer = connection.series("r", "loss")
    began = time.perf_counter()
    for i in range(OVER_HTTP):
        writer.point(i * 0.5)
    connection.flush()
    took = time.perf_counter() - began
    assert connection.store.metrics(["r"])["r"]["loss"].count == OVER_HTTP
    connection.close()
    return OVER_HTTP / took


def cpu_of(pid: int) -> float:
    """Seconds of processor time that a process has used (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def synced() -> dict[str, float]:
    """A point that survives a power cut: milliseconds of our journal's, and of SQLite's FULL commit, by turns."""
    folder = Path(tempfile.mkdtemp(prefix="scale-", dir=HERE))
    base = sqlite3.connect(folder / "points.db", isolation_level=None)
    base.execute("PRAGMA journal_mode=WAL")
    base.execute("PRAGMA synchronous=FULL")
    base.execute("CREATE TABLE point (run INTEGER, step INTEGER, time REAL, value REAL)")
    journal = Journal(folder / "journals", "full")
    ref = journal.name_series({"run": "r", "name": "loss"})
    ways: dict[str, Callable[[int], Any]] = {
        "sqlite, synchronous=FULL": lambda i: base.execute("INSERT INTO point VALUES (1, ?, 0, 0.5)", (i,)),
        "durability=full": lambda i: journal.point(ref, i, 0.5),
    }
    took: dict[str, list[float]] = {name: [] for name in ways}
    for i in range(SYNCED):
        for name, way in ways.items():
            began = time.perf_counter()
            way(i)
            took[name].append((time.perf_counter() - began) * 1000)
    journal.close(remove=True)
    base.close()
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()
    return {name: statistics.median(one) for name, one in took.items()}


def bytes_a_point() -> float:
    """Size of a database that has a series of a million points and nothing else."""
    folder = Path(tempfile.mkdtemp(prefix="scale-"))
    place = place_of(folder / "one")
    place.create("one")
    store = place.open_store()
    long_series(store)
    store.close()
    return sum(path.stat().st_size for path in (folder / "one").glob("workspace.db*")) / SERIES


def peers(python: str) -> dict[str, dict[str, float]]:
    """MLflow, by an interpreter that has it."""
    done = subprocess.run(
        [python, str(HERE / "scale_mlflow.py"), str(PEER_RUNS), str(PEER_POINTS)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return {
        name: {"ms": wall, "cpu_ms": cpu}
        for name, (wall, cpu) in json.loads(done.stdout.strip().splitlines()[-1]).items()
    }


def opened(where: str, runs: int) -> tuple[Any, dict[str, float]]:
    """(a store with the runs and the series, what one run more costs in a small and in this workspace)."""
    place = place_of(where)
    place.create("scale")
    store = place.open_store()
    costs: dict[str, float] = {}
    if not store.applied("fill"):
        told = [(SMALL, fill(store, SMALL), one_more(store, 10**9))]
        told.append((runs, fill(store, runs), one_more(store, 2 * 10**9)))
        for count, took, alone in told:
            costs[f"one run more after {count:,}, alone, ms"] = round(alone["ms"], 2)
            costs[f"one run more after {count:,}, alone, ms of processor"] = round(alone["cpu_ms"], 2)
            batch = statistics.median(took[-10:]) / AT_ONCE * 1000
            costs[f"one run more before {count:,}, in batches of {AT_ONCE}, ms"] = round(batch, 2)
    long_series(store)
    return store, costs


def page(results: dict[str, Any], about: dict[str, Any]) -> str:
    """The results as Markdown."""
    ways = [way for way in ("sqlite", "postgresql", "rest", "mlflow") if way in results]
    rows: Iterable[str] = dict.fromkeys(name for way in ways for name in results[way])
    lines = [
        f"# A large workspace, {about['date']}",
        "",
        f"{about['cores']} cores, {about['memory_gb']} GB, {about['system']}, Python {about['python']}. Load: {about['load']}.",
        f"{about['runs']:,} runs × {METRICS} metrics × {PARAMETERS} parameters; a page is 100 runs of one of ten experiments, with their "
        f"metrics. MLflow has {PEER_RUNS:,} runs, all in one.",
        "Other work shared the machine: medians, in milliseconds, by the clock and, in parentheses, of processor time (of the process "
        "that asks, PostgreSQL's own not counted; for REST, of the server).",
        "",
        "| | " + " | ".join(ways) + " |",
        "|---" * (len(ways) + 1) + "|",
    ]
    for name in rows:
        cells = [
            f"{results[way][name]['ms']:,.1f} ({results[way][name]['cpu_ms']:,.1f})" if name in results[way] else ""
            for way in ways
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return (
        "\n".join([*lines, "", "| | |", "|---|---|", *(f"| {k} | {v} |" for k, v in results["others"].items())]) + "\n"
    )


def main() -> None:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="of a workspace called scale; made if absent")
    parser.add_argument("--postgres", help="URL of a workspace in PostgreSQL")
    parser.add_argument("--peers", help="a Python that has mlflow")
    parser.add_argument("--to", type=Path, default=HERE / "results")
    args = parser.parse_args()
    load = os.getloadavg()[0]
    folder = args.folder or Path(tempfile.mkdtemp(prefix="scale-")) / "scale"
    store, costs = opened(str(folder), args.runs)
    results: dict[str, Any] = {"sqlite": {**pages(store), **series(store)}}
    others: dict[str, Any] = dict(costs)
    others["database, MB"] = round((folder / "workspace.db").stat().st_size / 1e6)
    store.close()
    if args.postgres:
        there, costs = opened(args.postgres, args.runs)
        others |= {f"PostgreSQL: {name}": ms for name, ms in costs.items()}
        results["postgresql"] = {**pages(there), **series(there)}
        there.close()
    results["rest"], sent = rest(folder.absolute())
    if args.peers:
        results["mlflow"] = peers(args.peers)
    for name, ms in synced().items():
        others[f"one point that survives a power cut, {name}, ms"] = round(ms, 3)
    others["points a second over HTTP, by batches"] = round(sent)
    others["bytes a point, whole database"] = round(bytes_a_point(), 1)
    results["others"] = others
    about = {
        "date": datetime.date.today().isoformat(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "system": platform.system() + " " + platform.release().split("-")[0],
        "python": platform.python_version(),
        "runs": args.runs,
        "load": f"{load:.1f} at the start, {os.getloadavg()[0]:.1f} at the end",
    }
    text = page(results, about)
    print(text)
    name = args.to / f"{about['date']}-{about['cores']}cores-scale"
    Path(f"{name}.md").write_text(text, encoding="utf-8")
    Path(f"{name}.json").write_text(json.dumps({"about": about, "results": results}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
