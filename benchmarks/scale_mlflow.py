"""The same pages from MLflow's own store: ``scale_mlflow.py RUNS POINTS`` prints JSON. Rows are copied from one run that its
client made, since its client would take minutes to make them all."""

import json
import random
import sqlite3
import statistics
import sys
import tempfile
import time


def fill(path, experiment, template, runs, points):
    """Copies of a run, and a long series of the template."""
    rng = random.Random(1)
    base = sqlite3.connect(path)
    columns = [row[1] for row in base.execute("PRAGMA table_info(runs)")]
    values = dict(
        zip(columns, base.execute("SELECT * FROM runs WHERE run_uuid = ?", [template]).fetchone(), strict=True)
    )

    def insert(table, rows):
        base.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)

    def named(table, row):
        return [row.get(column[1]) for column in base.execute(f"PRAGMA table_info({table})")]

    new, params, metrics, latest = [], [], [], []
    for n in range(runs):
        run = f"{n:032x}"
        new.append([{**values, "run_uuid": run, "start_time": 10**12 + n * 1000}[column] for column in columns])
        for i in range(5):
            params.append(named("params", {"key": f"p{i}", "value": rng.choice("abcde"), "run_uuid": run}))
        for i in range(10):
            row = {
                "key": f"m{i}", "value": rng.random(), "timestamp": 10**12 + n, "run_uuid": run, "step": 0, "is_nan": 0,
            }  # fmt: skip
            metrics.append(named("metrics", row))
            latest.append(named("latest_metrics", row))
    for table, rows in (("runs", new), ("params", params), ("metrics", metrics), ("latest_metrics", latest)):
        insert(table, rows)
    series = (
        {"key": "loss", "value": 1 / (s + 1), "timestamp": 10**12 + s, "run_uuid": template, "step": s, "is_nan": 0}
        for s in range(points)
    )
    insert("metrics", [named("metrics", row) for row in series])
    base.commit()
    return base


def main():
    """Measure, and print JSON."""
    from mlflow import MlflowClient

    runs, points = int(sys.argv[1]), int(sys.argv[2])
    path = tempfile.mkdtemp(prefix="scale-mlflow-") + "/mlflow.db"
    client = MlflowClient(f"sqlite:///{path}")
    experiment = client.create_experiment("scale")
    template = client.create_run(experiment).info.run_id
    base = fill(path, experiment, template, runs, points)

    def search(**words):
        return client.search_runs([experiment], max_results=100, **words)

    def measured(call, times):
        call()
        took, used = [], []
        for _ in range(times):
            began, cpu = time.perf_counter(), time.process_time()
            call()
            took.append((time.perf_counter() - began) * 1000)
            used.append((time.process_time() - cpu) * 1000)
        return [statistics.median(took), statistics.median(used)]

    found = {}
    for after in ("", ", after ANALYZE"):
        if after:
            base.execute("ANALYZE")
            base.commit()
        found["newest 100" + after] = measured(search, 7)
        found["sorted by a metric" + after] = measured(lambda: search(order_by=["metrics.m3 DESC"]), 5)
        found["filtered by a parameter" + after] = measured(lambda: search(filter_string="params.p2 = 'a'"), 7)
    began, cpu = time.perf_counter(), time.process_time()
    assert len(client.get_metric_history(template, "loss")) == points
    found[f"{points:,} points read"] = [(time.perf_counter() - began) * 1000, (time.process_time() - cpu) * 1000]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
