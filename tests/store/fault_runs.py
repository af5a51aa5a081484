"""Runs scenarios under faults, each in a process of its own that is forked from this one, which has imported everything already.

Reads jobs from stdin, a JSON object a line, and answers each with a line: what the scenario said, whether it got as far as the
fault, and what is wrong with the workspace afterwards.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import logging
import os
import shutil
import sys
import threading
import traceback
from pathlib import Path

from faulty import Steps

import jupyter_aml.store.sql.store  # what a scenario imports would be counted otherwise
import jupyter_aml.tracking.run
from jupyter_aml import Experiment, Workspace
from jupyter_aml.errors import AzureMLException
from jupyter_aml.store import connection as connections
from jupyter_aml.store.connection import connect
from jupyter_aml.store.doctor import examine
from jupyter_aml.store.records import TERMINAL, RunQuery

POINTS = 12
BIG = 300_000
OURS = {"workspace.db", "workspace.db-wal", "workspace.db-shm", "workspace.json", "journals", "blobs", ".schema.lock"}


class Told:
    """What a scenario did, written down as it does it, by a way that no fault meets."""

    def __init__(self, path: str, steps: Steps) -> None:
        self.fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.write, self.steps = os.write, steps

    def __call__(self, **what) -> None:
        self.write(self.fd, (json.dumps({**what, "fired": self.steps.fired}) + "\n").encode())


class Log(logging.Handler):
    def __init__(self, told: Told) -> None:
        super().__init__(logging.WARNING)
        self.told = told

    def emit(self, record: logging.LogRecord) -> None:
        self.told(log=record.getMessage(), level=record.levelname)


# -- scenarios: what a user does ---------------------------------------------------------------------------------------
def whole_run(folder: Path, told: Told) -> None:
    """A workspace is made, and a run with everything that runs have."""

    def do(name, action, must=False):
        try:
            made = action()
        except AzureMLException as error:
            told(failed=name, error=type(error).__name__, message=str(error))
            if must:
                told(escaped=traceback.format_exc())
            return None
        except BaseException:
            told(escaped=traceback.format_exc())
            return None
        told(did=name)
        return made

    workspace = do("workspace", lambda: Workspace.from_url(str(folder), create=True))
    if workspace is None:
        return
    run = do("run", lambda: Experiment(workspace, "e").start_logging(outputs=None, snapshot_directory=None))
    if run is None:
        return
    told(run=run.id)
    for i in range(POINTS):
        do(f"point {i}", lambda: run.log("loss", float(i)), must=True)  # noqa: B023
    do("tag", lambda: run.tag("kind", "test"), must=True)
    do("row", lambda: run.log_row("table", x=1, y="two"), must=True)
    for name, content in contents().items():
        source = folder.parent / "sources" / name
        do(f"file {name}", lambda: run.upload_file(name, str(source)))  # noqa: B023
        assert source.read_bytes() == content
    do("snapshot", lambda: run.take_snapshot(str(folder.parent / "sources")))
    do("read", lambda: run.get_metrics())
    for i in range(POINTS, 2 * POINTS):
        do(f"point {i}", lambda: run.log("loss", float(i)), must=True)  # noqa: B023
    do("complete", lambda: run.complete(), must=True)


def recovery(folder: Path, told: Told) -> None:
    """The workspace is opened, with what dead writers left in it."""
    workspace = Workspace.from_url(str(folder))
    workspace.connection.recover()
    told(did="recovered")


def contents() -> dict[str, bytes]:
    return {"small": b"some bytes", "big": b"0123456789" * (BIG // 10)}


# -- what must be so afterwards ------------------------------------------------------------------------------------------
def check_whole_run(folder: Path, did: list[dict], lasting: bool) -> list[str]:
    """What is wrong after a run under faults. `lasting`: there was no room again before the process ended."""
    wrong = [line["escaped"] for line in did if "escaped" in line]
    sound(folder, did, wrong)
    # What was only logged while there was no room is in memory, and lost with it: that is told.
    kept = {
        line["did"] for line in did
        if "did" in line and not (lasting and line["fired"] and line["did"].startswith(("point", "tag", "row", "snapshot", "run", "complete", "file")))
    }  # fmt: skip
    connection = connect(folder, create=True)
    store = connection.store
    ids = [line["run"] for line in did if "run" in line]
    runs = {run.id: run for run in store.walk(RunQuery(everywhere=True))}
    if "run" in kept and ids[0] not in runs:
        return [*wrong, "the run is not there"]
    if not ids or ids[0] not in runs:
        return wrong
    run = runs[ids[0]]
    expected = "Completed" if "complete" in kept else run.status
    if run.status not in TERMINAL or run.status != expected:
        wrong.append(f"the run is {run.status}, not {expected}")
    if run.status == "Failed" and run.error["code"] != "ProcessDied":
        wrong.append(f"the run failed by {run.error}")
    series = store.series(run.id, "loss")
    values = list(series.values) if series is not None else []
    needed = [float(name.split()[1]) for name in kept if name.startswith("point")]
    if values != sorted(set(values)) or not set(needed) <= set(values):
        wrong.append(f"the points are {values}; needed were {sorted(needed)}")
    if "tag" in kept and run.tags.get("kind") != "test":
        wrong.append(f"the tags are {run.tags}")
    if "row" in kept and len(store.series(run.id, "table").values) != 1:
        wrong.append("the row is not there once")
    files = {file.path: file for file in store.files(run.id)}
    for name, content in contents().items():
        if f"file {name}" in kept and name not in files:
            wrong.append(f"the file {name} is not there")
        if name in files and connection.blobs.open(files[name].digest).read() != content:
            wrong.append(f"the file {name} is another one")
    if "snapshot" in kept and (run.snapshot is None or set(store.snapshot(run.snapshot).files) != set(contents())):
        wrong.append("the snapshot is not there")
    ends(store, run.id, wrong)
    return wrong


def check_recovery(folder: Path, did: list[dict], lasting: bool) -> list[str]:
    """What is wrong after recoveries that were interrupted."""
    wrong = [line["escaped"] for line in did if "escaped" in line]
    sound(folder, did, wrong)
    expected = json.loads((folder.parent / "expected.json").read_text())
    store = connect(folder).store
    runs = {run.id: run for run in store.walk(RunQuery(everywhere=True))}
    if sorted(runs) != sorted(expected):
        wrong.append(f"there are {sorted(runs)}")
    for run, (status, count) in expected.items():
        if run not in runs:
            continue
        code = (runs[run].error or {}).get("code")
        if (runs[run].status, code) != (status, "ProcessDied" if status == "Failed" else None):
            wrong.append(f"{run} is {runs[run].status} ({code})")
        series = store.series(run, "loss")
        if series is None or list(series.values) != [float(i) for i in range(count)]:
            wrong.append(f"{run} has {series and len(series.values)} points, not {count}")
        ends(store, run, wrong)
    return wrong


def ends(store, run: str, wrong: list[str]) -> None:
    told = [c for c in store.changes(limit=10_000) if c.noun == "run" and c.id == run and c.verb == "ended"]
    if len(told) != 1:
        wrong.append(f"the end of {run} is told {len(told)} times")


def sound(folder: Path, did: list[dict], wrong: list[str]) -> None:
    """Nothing half done is to be seen, and the doctor has nothing to say."""
    unremoved = any("unlink" in line["hit"] for line in did if "hit" in line)
    connection = connect(folder, create=True)
    connection.recover()
    left = [
        path.name
        for path in (folder / "journals").glob("*")
        if path.stem != (connection._journal and connection._journal.path.stem)
    ]
    if left:
        wrong.append(f"journals are left: {left}")
    for info in connection.blobs.walk():
        path = folder / "blobs" / info.digest[:2] / info.digest[2:]
        if hashlib.sha256(path.read_bytes()).hexdigest() != info.digest:
            wrong.append(f"{info.digest} is half a content")
    if more := {path.name for path in folder.iterdir() if not (unremoved and path.name.startswith("."))} - OURS:
        wrong.append(f"files are left: {more}")
    wrong += [f"doctor: {f.what} {f.where}" for f in examine(connection, deep=True, room=0) if f.severity != "ok"]


SCENARIOS = {"whole_run": (whole_run, check_whole_run), "recovery": (recovery, check_recovery)}


# -- the processes -------------------------------------------------------------------------------------------------------
def forked(action) -> int:
    """Do it in a child, which leaves as processes leave; its exit code, or minus the signal that ended it."""
    child = os.fork()
    if child == 0:
        code = 0
        try:
            action()
        except BaseException:
            traceback.print_exc()
            code = 1
        atexit._run_exitfuncs()
        sys.stderr.flush()
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def answer(job: dict) -> dict:
    folder = Path(job["folder"])
    scenario, check = SCENARIOS[job["scenario"]]
    if "template" in job:
        shutil.copytree(job["template"], folder.parent, dirs_exist_ok=True)
    said = folder.parent / "said.jsonl"
    codes = []
    for fault in job["faults"]:

        def act(fault=fault):
            steps = Steps(fault["kind"], fault["first"], fault.get("length", 1))
            told = Told(str(said), steps)
            logger = logging.getLogger("jupyter_aml")
            logger.propagate = False
            logger.addHandler(Log(told))
            atexit.register(
                lambda: told(steps=steps.count, names=steps.names, hit=sorted(steps.hit), lasting=not steps.over)
            )
            sys.unraisablehook = lambda given: told(escaped=repr(given.exc_value))
            threading.excepthook = lambda given: told(escaped=repr(given.exc_value))
            connections.LAST_CHANCE = 0.5
            if fault["first"] % 2:
                os.environ["JUPYTER_AML_DURABILITY"] = "full"
            steps.install()
            scenario(folder, told)

        codes.append(forked(act))
    did = [json.loads(line) for line in said.read_text().splitlines()] if said.exists() else []
    found = folder.parent / "found.json"
    lasting = any(line["lasting"] for line in did if "steps" in line)

    def look():
        logging.getLogger("jupyter_aml").setLevel(logging.CRITICAL)
        found.write_text(json.dumps(check(folder, did, lasting)))

    code = forked(look)
    wrong = json.loads(found.read_text()) if code == 0 and found.exists() else [f"the check ended with {code}"]
    shutil.rmtree(folder.parent)
    return {"codes": codes, "did": did, "wrong": wrong}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)

__all__ = ["jupyter_aml"]
