"""A large workspace: what a page of runs, a long series and one more run cost. `python benchmarks/scale.py [--runs N] [URL]`."""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from array import array
from pathlib import Path

from jupyter_aml.store.events import Batch, Points, RunCreated, RunStatus
from jupyter_aml.store.place import place_of
from jupyter_aml.store.records import Condition, RunQuery, RunRecord

METRICS, PARAMETERS, AT_ONCE, SERIES = 10, 5, 500, 1_000_000


def fill(store, runs: int) -> list[float]:
    """Make the runs; seconds that each batch of AT_ONCE took."""
    rng, took, done = random.Random(1), [], store.applied("fill")
    for start in range(done // (AT_ONCE * (2 + METRICS)) * AT_ONCE, runs, AT_ONCE):
        events = []
        for n in range(start, start + AT_ONCE):
            run = f"{n:032x}"
            params = {f"p{i}": rng.choice([0.1, 0.01, 0.001, "adam", "sgd"]) for i in range(PARAMETERS)}
            events.append(
                RunCreated(
                    run=RunRecord(
                        id=run, experiment=f"e{n % 10}", type="aml.interactive", status="Running", name=f"run {n}",
                        created=1e9 + n, started=1e9 + n, user="ann", params=params,
                    )
                )
            )  # fmt: skip
            events += [
                Points(run=run, name=f"m{i}", steps=[0], times=[1e9 + n], values=array("d", [rng.random()]))
                for i in range(METRICS)
            ]
            events.append(RunStatus(run=run, status="Completed", at=1e9 + n + 10))
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


def milliseconds(call, times: int = 15) -> float:
    """Median of several calls, after one that warms up."""
    call()
    found = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        found.append((time.perf_counter() - began) * 1000)
    return round(statistics.median(found), 2)


def main() -> None:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("url", nargs="?")
    args = parser.parse_args()
    folder = args.url or tempfile.mkdtemp(prefix="scale-")
    place = place_of(folder)
    place.create("scale")
    store = place.open_store()
    took = fill(store, args.runs)
    long_series(store)
    page = {"experiment": "e3", "limit": 100, "with_metrics": True}
    import numpy as np

    figures = {
        "runs": args.runs,
        "newest 100, ms": milliseconds(lambda: store.runs(RunQuery(**page))),
        "sorted by a metric, ms": milliseconds(lambda: store.runs(RunQuery(**page, order_by="metrics.m3"))),
        "filtered by a parameter, ms": milliseconds(
            lambda: store.runs(RunQuery(**page, where=[Condition("params.p2", "=", "adam")]))
        ),
        "1,000,000 points to numpy, ms": milliseconds(lambda: np.asarray(store.series("long", "loss").values), 5),
        "1,000,000 points at 1,000 px, ms": milliseconds(lambda: store.sampled("long", ["loss"], width=1000), 5),
    }
    if took:
        figures["one run of the first batches, ms"] = round(statistics.median(took[:4]) / AT_ONCE * 1000, 3)
        figures["one run of the last batches, ms"] = round(statistics.median(took[-4:]) / AT_ONCE * 1000, 3)
    database = Path(folder) / "workspace.db"
    if database.exists():
        figures["database, MB"] = round(database.stat().st_size / 1e6)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
