"""How jupyter_aml does each task."""

import atexit
import os
import subprocess
import sys
import time


def _run(folder):
    from jupyter_aml import Experiment, Workspace

    workspace = Workspace.from_url(folder, create=True)
    return workspace, Experiment(workspace, "bench").start_logging(snapshot_directory=None, outputs=f"{folder}/out")


READER = """
import sys, time
from jupyter_aml.store.connection import connect
folder, run, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = connect(folder).store
store.metrics([run])  # as any reader who looks again and again
print("ready", flush=True)
if not sys.stdin.readline():
    sys.exit()
while True:
    found = store.metrics([run]).get(run, {}).get("loss")
    if found is not None and found.count >= count:
        break
    time.sleep(0.002)
print(found.count, flush=True)
"""


def log_ours(folder):
    workspace, run = _run(folder)
    run.flush()
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, folder, run.id, os.environ.get("BENCH_COUNT", "0")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    reader.stdout.readline()  # it is up and has the store open: only the points are waited for

    def finish(count):
        reader.stdin.write("\n")
        reader.stdin.flush()
        workspace.connection.flush()
        assert int(reader.stdout.readline()) > count
        run.complete()

    atexit.register(reader.wait)  # its own leaving is not what is measured

    with open(os.path.join(folder, "run.txt"), "w") as file:
        file.write(run.id)
    return lambda value: run.log("loss", value), finish


def survivors_ours(folder):
    from jupyter_aml.store.connection import connect

    with open(os.path.join(folder, "run.txt")) as file:
        run = file.read()
    return {"kept": connect(folder).store.metrics([run])[run]["loss"].count}


def writer_ours(folder, number, count, cold=False):
    from jupyter_aml.store.connection import connect

    connection = connect(folder, create=True)
    writer = connection.series("shared", f"m{number}")
    if not cold:  # as the others: the database is open before the start
        assert connection.store is not None
    _barrier()
    for i in range(int(count)):
        writer.point(float(i))
    connection.flush()


def writer_ours_cold(folder, number, count):
    writer_ours(folder, number, count, cold=True)


def counted_ours(folder):
    from jupyter_aml.store.connection import connect

    found = connect(folder).store.metrics(["shared"])["shared"]
    return {"points": sum(metric.count for metric in found.values())}


def prepare_ours(folder):
    from jupyter_aml.store.connection import connect
    from jupyter_aml.store.events import RunCreated
    from jupyter_aml.store.records import RunRecord

    connection = connect(folder, create=True)
    connection.write(RunCreated(run=RunRecord(id="shared", experiment="e", type="t", status="Running")))
    connection.flush()


prepare_ours_cold, counted_ours_cold = prepare_ours, counted_ours


def _barrier():
    """Say that imports are done, and wait for the start."""
    print("ready", flush=True)
    sys.stdin.readline()


def first_ours(folder):
    _, run = _run(folder)
    run.log("loss", 1.0)
    return {"at": time.time()}


def files_ours(folder, source):
    from pathlib import Path

    from jupyter_aml.store.connection import connect

    blobs = connect(folder, create=True).blobs
    paths = sorted(Path(source).iterdir())
    began = time.perf_counter()
    blobs.put_files(paths)
    return {"s": time.perf_counter() - began}


def files_ours_run(folder, source):
    _, run = _run(folder)
    run.flush()
    began = time.perf_counter()
    run.upload_folder("many", source)
    return {"s": time.perf_counter() - began}


def notebook_ours(folder, source):
    import papermill
    from papermill.engines import papermill_engines

    from jupyter_aml.jobs.papermill import AmlEngine

    papermill_engines.register("aml", AmlEngine)  # a checkout that is on the path only has no entry points
    os.environ["JUPYTER_AML_HOME"] = folder
    began = time.perf_counter()
    papermill.execute_notebook(source, f"{folder}/out.ipynb", engine_name="aml", progress_bar=False)
    return {"s": time.perf_counter() - began}
