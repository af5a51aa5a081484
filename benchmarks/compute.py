"""A cluster: how long the first run waits from no node at all, and how many no-op runs its nodes get done in a second.

``python benchmarks/compute.py [--runs N] [--nodes N] [--to FOLDER]`` writes ``results/<date>-<cores>cores-compute.md``. The first
task is measured against Dask itself (a scheduler and one worker of its own deployer, encrypted as ours is), in turns.
"""

from __future__ import annotations

import argparse
import datetime
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
DASK = """
import os, sys, time
if __name__ == "__main__":
    began = time.time()
    from distributed import Client, LocalCluster
    cluster = LocalCluster(
        n_workers=0, processes=True, threads_per_worker=1, dashboard_address=None, host="127.0.0.1", security=True,
        memory_limit=0, silence_logs=50,
    )
    client = Client(cluster)
    warm = time.time()
    cluster.scale(1)
    client.submit(os.getpid, pure=False).result()
    end = time.time()
    print(end - began, end - warm)
    client.close(); cluster.close()
"""


def dask(folder: Path) -> tuple[float, float]:
    """Seconds to Dask's first task: with its scheduler, and when that is there."""
    path = folder / "dask_alone.py"
    path.write_text(DASK)
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=True)
    whole, warm = map(float, done.stdout.split())
    return whole, warm


def waited(run) -> float:
    """Seconds from a run's submission to the start of its process."""
    run.wait_for_completion()
    steps = run._record().details["steps"]
    return steps["started"] - steps["snapshot"]


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--to", type=Path, default=HERE / "results")
    given = parser.parse_args()
    held = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    folder = Path(held.name)
    os.environ |= {"JUPYTER_AML_HOME": str(folder / "home"), "JUPYTER_AML_LAUNCHER_IDLE": "4"}
    from jupyter_aml import Experiment, Workspace
    from jupyter_aml.compute.amlcompute import AmlCompute
    from jupyter_aml.compute.target import ComputeTarget
    from jupyter_aml.jobs import launching
    from jupyter_aml.jobs.script_config import ScriptRunConfig

    (folder / "src").mkdir()
    (folder / "src" / "noop.py").write_text("pass\n")
    workspace = Workspace.default()
    experiment = Experiment(workspace, "benchmark")

    def cluster(name: str, **kw: int) -> ComputeTarget:
        return ComputeTarget.create(workspace, name, AmlCompute.provisioning_configuration(max_nodes=given.nodes, **kw))

    def config(target: ComputeTarget) -> ScriptRunConfig:
        return ScriptRunConfig(folder / "src", "noop.py", compute_target=target)

    cold, warm, dask_cold, dask_warm = [], [], [], []
    for turn in range(given.rounds):
        whole, ready = dask(folder)
        dask_cold.append(whole)
        dask_warm.append(ready)
        target = cluster(f"cold-{turn}", idle_seconds_before_scaledown=0)
        cold.append(waited(experiment.submit(config(target))))
        while target.get_status().current_node_count:
            time.sleep(0.1)
        warm.append(waited(experiment.submit(config(target))))
        target.delete(force=True)

    target = cluster("busy", min_nodes=given.nodes)
    target.wait_for_completion(min_node_count=given.nodes)
    experiment.submit(config(target)).wait_for_completion()
    parent = experiment.start_logging(snapshot_directory=None)
    first = experiment.submit(config(target), parent=parent.id)
    first.wait_for_completion()
    snapshot = first._record().snapshot
    began = time.time()
    for _ in range(given.runs):
        experiment.submit(config(target), parent=parent.id, snapshot_id=snapshot)
    submitted = time.time() - began
    while workspace.connection.store.jobs(target._queue(), limit=1):
        time.sleep(0.05)
    took = time.time() - began
    ended = [child.get_status() for child in parent.get_children()]
    assert ended.count("Completed") == given.runs + 1, set(ended)
    parent.complete()
    target.delete(force=True)
    launching.wake(launching.post(workspace.url, target._queue()))

    def middle(values: list[float]) -> str:
        return f"{statistics.median(values):.2f}"

    ratio = (
        statistics.median(cold) / statistics.median(dask_cold),
        statistics.median(warm) / statistics.median(dask_warm),
    )
    lines = [
        f"# A cluster, {datetime.date.today()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
        "",
        "| seconds, median | Dask itself | submit → script started | ratio |",
        "|---|---|---|---|",
        f"| from nothing (no scheduler) | {middle(dask_cold)} | {middle(cold)} | {ratio[0]:.2f} |",
        f"| 0 → 1 nodes, scheduler there | {middle(dask_warm)} | {middle(warm)} | {ratio[1]:.2f} |",
        "",
        f"{given.runs:,} no-op child runs on {given.nodes} local nodes, submitted by one process: {given.runs / took:.1f} runs/s to the",
        f"end with their records ({took:.1f} s; submission alone {submitted:.1f} s, {given.runs / submitted:.0f} runs/s).",
    ]
    given.to.mkdir(exist_ok=True)
    (given.to / f"{datetime.date.today()}-{os.cpu_count()}cores-compute.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    time.sleep(5)
    held.cleanup()


if __name__ == "__main__":
    main()
