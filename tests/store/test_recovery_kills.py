"""Recovery is killed at every step, and taken up again: nothing is lost, nothing is doubled, every run has ended once."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from test_faults import FOREVER, Runs, steps

WRITER = """
import json, os, signal, sys, threading
from jupyter_aml.store import shipper
shipper.PART_SIZE, shipper.RETIRE_AFTER, shipper.INTERVAL = 2_000, 1000, 0.02
from jupyter_aml.store.connection import connect
from jupyter_aml.store.events import RunCreated, RunStatus
from jupyter_aml.store.records import RunRecord
folder, name, parts = sys.argv[1], sys.argv[2], int(sys.argv[3])
connection = connect(folder, create=True)
for run in (name + "-ended", name + "-open"):
    connection.write(RunCreated(run=RunRecord(id=run, experiment="e", type="t", status="Running", owner=connection.journal_id)))
writers = [connection.series(name + "-ended", "loss"), connection.series(name + "-open", "loss")]
n = 0
def log():
    global n
    for writer in writers:
        writer.point(float(n))
    n += 1
while connection.journal.part < parts:
    for _ in range(60):
        log()
    threading.Event().wait(0.03)
connection.flush()
if connection._shipper is not None:
    connection._shipper.stop()   # from here on, nothing reaches the store
for _ in range(25):
    log()
connection.write(RunStatus(run=name + "-ended", status="Completed", at=1e10))
print(json.dumps({name + "-ended": ["Completed", n], name + "-open": ["Failed", n]}), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    made = Runs(tmp_path_factory.mktemp("kills"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def left_behind(tmp_path_factory):
    """What two writers left that were killed: one with a journal of several parts, one whose journal's end is torn."""
    folder = tmp_path_factory.mktemp("dead")
    expected = {}
    for name, parts in (("a", "2"), ("b", "0")):
        done = subprocess.run(
            [sys.executable, "-c", WRITER, folder / "ws", name, parts], stdout=subprocess.PIPE, check=False
        )
        expected.update(json.loads(done.stdout))
    journals = sorted((folder / "ws" / "journals").glob("*.aml"))
    assert len(journals) >= 4
    (alone,) = [path for path in journals if len(list(path.parent.glob(path.stem.partition("-")[0] + "*.aml"))) == 1]
    with open(alone, "ab") as file:
        file.write(b"\xa7L\x1e\x00")
    (folder / "expected.json").write_text(json.dumps(expected))
    return folder


def recover(runs, left_behind, *faults):
    answer = runs("recovery", *faults, template=left_behind)
    assert answer["wrong"] == [], (faults, answer["wrong"])
    return answer["codes"]


def test_recovery_that_is_killed_at_some_step_is_taken_up_again(runs, left_behind) -> None:
    plain = runs("recovery", {"kind": "", "first": FOREVER}, template=left_behind)
    assert (plain["codes"], plain["wrong"]) == ([0], [])
    count = steps(plain)
    for first in range(1, count, max(count // 12, 1)):
        assert recover(runs, left_behind, {"kind": "KILL", "first": first})[0] == -9 or first > 0.9 * count
    # The one that takes it up is killed, too; a write is torn by the kill.
    for first in range(3, count, max(count // 6, 1)):
        again = [{"kind": "TEAR", "first": first}, {"kind": "KILL", "first": first + 1}]
        assert recover(runs, left_behind, *again)[0] == -9 or first > 0.9 * count


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kind", ["KILL", "TEAR"])
def test_recovery_that_is_killed_at_any_step_is_taken_up_again(runs, left_behind, kind) -> None:
    first = 1
    while recover(runs, left_behind, {"kind": kind, "first": first}, {"kind": "KILL", "first": first})[0] == -9:
        first += 1
    assert first > 20, "that many steps has a recovery"


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("kind", "length"), [("ENOSPC", 1), ("EIO", 1), ("SHORT", 3), ("ENOSPC", FOREVER)])
def test_recovery_for_which_there_is_no_room_is_taken_up_again(runs, left_behind, kind, length) -> None:
    first, count = 1, FOREVER
    while first <= count:
        answer = runs("recovery", {"kind": kind, "first": first, "length": length}, template=left_behind)
        assert answer["wrong"] == [], (first, answer)
        count = steps(answer) if first == 1 else count
        first += 3
        if first > 400:
            break


def test_a_journal_without_its_first_part_is_brought_in_and_what_is_missing_is_told(
    left_behind, tmp_path, caplog
) -> None:
    from jupyter_aml.store.connection import connect
    from jupyter_aml.store.doctor import examine

    shutil.copytree(left_behind / "ws", tmp_path / "ws")
    journals = tmp_path / "ws" / "journals"
    parts = sorted(path for path in journals.glob("*.aml") if "-" in path.stem)
    owner = parts[0].stem.partition("-")[0]
    (journals / f"{owner}.aml").unlink()
    expected = json.loads((left_behind / "expected.json").read_text())
    connection = connect(tmp_path / "ws")
    first = [f.what for f in examine(connection) if f.severity == "error"]
    assert len(first) == len(parts) and all("first part" in what for what in first)
    assert {f.severity for f in examine(connection, room=0)} == {"ok"}
    for run, (status, count) in expected.items():
        assert connection.store.run(run).status == status
        assert list(connection.store.series(run, "loss").values) == [float(i) for i in range(count)]
    assert not list(journals.glob(f"{owner}*.aml"))
    assert "is gone" not in caplog.text, "all of the first part was in the store"


def test_a_part_that_never_came_to_the_store_is_missed_by_name(left_behind, tmp_path, caplog) -> None:
    from jupyter_aml.store.connection import connect

    other = tmp_path / "other"
    connect(other, create=True).close()
    (other / "journals").mkdir(mode=0o700, exist_ok=True)
    parts = sorted(path for path in (left_behind / "ws" / "journals").glob("*.aml") if "-" in path.stem)
    for part in parts[1:]:
        shutil.copy(part, other / "journals")
    owner = parts[0].stem.partition("-")[0]
    connection = connect(other)
    assert len(connection.store.series("a-ended", "loss").values) > 0
    told = [record.getMessage() for record in caplog.records if "is gone" in record.getMessage()]
    assert [text.split()[1] for text in told] == ["0", "1"] and owner in told[0]
    assert not list((other / "journals").glob(f"{owner}*.aml"))


LIVES = """
import os, sys
from jupyter_aml.store import shipper
shipper.PART_SIZE, shipper.RETIRE_AFTER, shipper.INTERVAL = 2_000, 1000, 0.02
from jupyter_aml.store.connection import connect
from jupyter_aml.store.events import RunCreated
from jupyter_aml.store.records import RunRecord
import threading
connection = connect(sys.argv[1], create=True)
connection.write(RunCreated(run=RunRecord(id="alive", experiment="e", type="t", status="Running", owner=connection.journal_id)))
writer = connection.series("alive", "loss")
n = 0
while connection.journal.part < 1:
    for _ in range(60):
        writer.point(float(n)); n += 1
    threading.Event().wait(0.03)
print("ready", flush=True)
sys.stdin.readline()
for _ in range(60):
    writer.point(float(n)); n += 1
print(n, flush=True)
sys.stdin.readline()
"""


def test_a_writer_whose_first_part_was_deleted_behind_its_back_is_not_taken_for_dead(tmp_path) -> None:
    from jupyter_aml.store.connection import connect
    from jupyter_aml.store.doctor import examine

    with subprocess.Popen(
        [sys.executable, "-c", LIVES, tmp_path / "ws"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        first = next(path for path in (tmp_path / "ws" / "journals").iterdir() if "-" not in path.stem)
        os.unlink(first)
        connection = connect(tmp_path / "ws")
        assert connection.recover() == []
        assert [f.what for f in examine(connection, room=0) if f.severity != "ok"] == []
        assert connection.recover() == [], "looking at a journal must not take its lock away"
        assert connection.store.run("alive").status == "Running"
        process.stdin.write("\n")
        process.stdin.flush()
        count = int(process.stdout.readline())
        process.kill()
    assert connection.recover() == ["alive"]
    assert list(connection.store.series("alive", "loss").values) == [float(i) for i in range(count)]
    connection.close()
    assert list((tmp_path / "ws" / "journals").iterdir()) == []
