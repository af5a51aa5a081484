"""A no-op script from submit to its recorded end against a bare subprocess, and what a queue of many costs.

    python benchmarks/jobs.py [--runs 30]

Prints one line of JSON. Both sides are measured in turns, so that a busy machine is busy for both.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def noop(runs):
    from jupyter_aml import Experiment, Workspace
    from jupyter_aml.jobs import launching
    from jupyter_aml.jobs.script_config import ScriptRunConfig

    source = Path(tempfile.mkdtemp())
    (source / "noop.py").write_text("pass\n")
    workspace = Workspace.default()
    experiment = Experiment(workspace, "bench")
    began = time.perf_counter()
    experiment.submit(ScriptRunConfig(source, "noop.py")).wait_for_completion()
    cold = time.perf_counter() - began
    bare, ours, submit = [], [], []
    for _ in range(runs):
        began = time.perf_counter()
        subprocess.run([sys.executable, source / "noop.py"], check=True)
        bare.append(time.perf_counter() - began)
        began = time.perf_counter()
        run = experiment.submit(ScriptRunConfig(source, "noop.py"))
        submit.append(time.perf_counter() - began)
        assert run.wait_for_completion()["status"] == "Completed"
        ours.append(time.perf_counter() - began)
        time.sleep(0.05)
    where = launching.post(workspace.url, launching.local_queue())
    os.kill(json.loads(where.lock.read_text())["pid"], signal.SIGTERM)
    found = {name: round(statistics.median(times) * 1000, 1) for name, times in
             (("bare_ms", bare), ("ours_ms", ours), ("submit_ms", submit))}  # fmt: skip
    return {
        **found,
        "ratio": round(statistics.median(ours) / statistics.median(bare), 2),
        "cold_ms": round(cold * 1000),
    }


def queue(sizes=(100, 10_000), rounds=100):
    from jupyter_aml import Workspace
    from jupyter_aml.store.records import JobRecord

    store = Workspace.default().connection.store
    found, queued = {}, 0
    for size in sizes:
        for number in range(queued, size):
            store.put_job(JobRecord(run=f"waits-{number}", target="bench", body={"x": "y" * 500}))
        queued = size
        times = []
        for i in range(rounds):
            began = time.perf_counter()
            store.put_job(JobRecord(run=f"more-{size}-{i}", target="bench", body={}))
            job = store.claim_job(["bench"], "me")
            store.end_job(job.run, owner="me")
            times.append(time.perf_counter() - began)
        found[str(size)] = round(statistics.median(times) * 1000, 2)
    return {"queue_ms_a_run": found}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=30)
    given = parser.parse_args()
    os.environ["JUPYTER_AML_HOME"] = tempfile.mkdtemp()
    print(json.dumps({**noop(given.runs), **queue(), "load": round(os.getloadavg()[0], 1)}))
