"""How the peers, and the bare machine, do each task."""

import contextlib
import io
import os
import shutil
import sqlite3
import sys
import time


# -- one scalar at a time --------------------------------------------------------------------------------------------
def log_write(folder):
    """The limit: one write(2) append of a record of the same size as ours."""
    fd = os.open(f"{folder}/points", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    data = bytes(39)
    return lambda value: os.write(fd, data), lambda count: os.close(fd)


def log_sqlite(folder):
    """SQLite in WAL mode, one commit each; any reader sees each one at once."""
    base = _sqlite(folder)

    def log(value):
        base.execute("INSERT INTO point VALUES (1, 0, 0, ?)", (value,))

    return log, lambda count: base.close()


def _sqlite(folder):
    base = sqlite3.connect(f"{folder}/points.db", isolation_level=None, timeout=60)
    base.execute("PRAGMA journal_mode=WAL")
    base.execute("PRAGMA synchronous=NORMAL")
    base.execute("CREATE TABLE IF NOT EXISTS point (run INTEGER, step INTEGER, time REAL, value REAL)")
    return base


def survivors_sqlite(folder):
    return {"kept": _sqlite(folder).execute("SELECT count(*) FROM point").fetchone()[0]}


def survivors_write(folder):
    return {"kept": os.path.getsize(f"{folder}/points") // 39}


def log_mlflow(folder):
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    mlflow.set_experiment("bench")
    run = mlflow.start_run()
    with open(f"{folder}/run.txt", "w") as file:
        file.write(run.info.run_id)
    return lambda value: mlflow.log_metric("loss", value), lambda count: mlflow.end_run()


def survivors_mlflow(folder):
    base = sqlite3.connect(f"{folder}/mlflow.db")
    return {"kept": base.execute("SELECT count(*) FROM metrics").fetchone()[0]}


def log_trackio(folder):
    os.environ["TRACKIO_DIR"] = folder
    import trackio

    with contextlib.redirect_stdout(io.StringIO()):  # it chats
        trackio.init(project="bench", embed=False)

    def finish(count):
        with contextlib.redirect_stdout(io.StringIO()):
            trackio.finish()

    return lambda value: trackio.log({"loss": value}), finish


def survivors_trackio(folder):
    for path in _below(folder, ".db"):
        base = sqlite3.connect(path)
        tables = [name for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        if "metrics" in tables:
            return {"kept": base.execute("SELECT count(*) FROM metrics").fetchone()[0]}
    return {"kept": 0}


def log_tensorboardX(folder):
    from tensorboardX import SummaryWriter

    writer = SummaryWriter(f"{folder}/tb")
    steps = iter(range(10**9))
    return lambda value: writer.add_scalar("loss", value, next(steps)), lambda count: writer.close()


def survivors_tensorboardX(folder):
    """Whole records of the event files (length, its checksum, data, its checksum), less the version record."""
    kept = 0
    for path in _below(folder, ""):
        if "tfevents" not in path:
            continue
        with open(path, "rb") as file:
            data = file.read()
        at = 0
        while at + 12 <= len(data):
            at += 16 + int.from_bytes(data[at : at + 8], "little")
            kept += at <= len(data)
        kept -= 1
    return {"kept": kept}


def _below(folder, suffix):
    return [os.path.join(root, name) for root, _, names in os.walk(folder) for name in names if name.endswith(suffix)]


# -- many writers ------------------------------------------------------------------------------------------------------
def prepare_sqlite(folder):
    _sqlite(folder).close()


def writer_sqlite(folder, number, count):
    base = _sqlite(folder)
    print("ready", flush=True)
    sys.stdin.readline()
    base.execute("BEGIN IMMEDIATE")
    rows = ((int(number), i, 0.0, float(i)) for i in range(int(count)))
    base.executemany("INSERT INTO point VALUES (?, ?, ?, ?)", rows)
    base.execute("COMMIT")


def counted_sqlite(folder):
    return {"points": _sqlite(folder).execute("SELECT count(*) FROM point").fetchone()[0]}


def prepare_mlflow(folder):
    log_mlflow(folder)[1](0)


def writer_mlflow(folder, number, count):
    from mlflow import MlflowClient
    from mlflow.entities import Metric

    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    with open(f"{folder}/run.txt") as file:
        run = file.read()
    client.get_run(run)
    print("ready", flush=True)
    sys.stdin.readline()
    for start in range(0, int(count), 1000):
        client.log_batch(run, metrics=[Metric(f"m{number}", float(i), 0, i) for i in range(start, start + 1000)])


counted_mlflow = lambda folder: {"points": survivors_mlflow(folder)["kept"]}  # noqa: E731


# -- start -------------------------------------------------------------------------------------------------------------
def first_mlflow(folder):
    log, _ = log_mlflow(folder)
    log(1.0)
    return {"at": time.time()}


# -- files ---------------------------------------------------------------------------------------------------------------
def files_copytree(folder, source):
    began = time.perf_counter()
    shutil.copytree(source, f"{folder}/copy")
    return {"s": time.perf_counter() - began}


def files_sha_copy(folder, source):
    """Each file hashed and copied, the plain way."""
    import hashlib

    os.mkdir(f"{folder}/copy")
    began = time.perf_counter()
    for name in os.listdir(source):
        with open(f"{source}/{name}", "rb") as file:
            data = file.read()
        with open(f"{folder}/copy/{hashlib.sha256(data).hexdigest()}", "wb") as file:
            file.write(data)
    return {"s": time.perf_counter() - began}


def files_mlflow(folder, source):
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    mlflow.create_experiment("files", artifact_location=f"{folder}/artifacts")
    mlflow.set_experiment("files")
    with mlflow.start_run():
        began = time.perf_counter()
        mlflow.log_artifacts(source)
        return {"s": time.perf_counter() - began}


# -- notebooks -----------------------------------------------------------------------------------------------------------
def notebook_papermill(folder, source):
    import papermill

    began = time.perf_counter()
    papermill.execute_notebook(source, f"{folder}/out.ipynb", progress_bar=False)
    return {"s": time.perf_counter() - began}


def notebook_nbclient(folder, source):
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(source, 4)
    began = time.perf_counter()
    NotebookClient(notebook).execute()
    return {"s": time.perf_counter() - began}
