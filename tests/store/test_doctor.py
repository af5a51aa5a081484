"""The doctor finds what is wrong, says where, and finds nothing wrong where nothing is."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from rich_workspace import rich
from stores import STORES, Sender, born, ended, points

from jupyter_aml.store.connection import Connection, connect
from jupyter_aml.store.doctor import examine
from jupyter_aml.store.events import FileLogged, RunChanged, SnapshotTaken
from jupyter_aml.store.records import SnapshotRecord


@pytest.fixture
def connection(tmp_path):
    made = connect(tmp_path / "ws", create=True)
    yield made
    made.close()


def wrong(connection, severity=("warning", "error"), **how):
    return [(f.severity, f.subject, f.what, f.where) for f in examine(connection, **how) if f.severity in severity]


def fresh(connection):
    """As another process has it."""
    return Connection(connection.place, connection.about)


def sql(connection, *statements):
    with closing(sqlite3.connect(connection.folder / "workspace.db")) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


def place(connection, digest):
    return connection.folder / "blobs" / digest[:2] / digest[2:]


def test_a_sound_workspace_is_in_order(connection) -> None:
    rich(connection.store)
    send = Sender(connection.store, "k")
    for run in ("never", "queued", "a", "c2"):
        send(ended(run))
    assert wrong(connection, deep=True) == []
    found = examine(connection, deep=True)
    assert {f.subject for f in found} == {"journals", "room", "rights", "store", "runs", "points", "contents"}


@pytest.mark.parametrize("kind", sorted(set(STORES) - {"sqlite"}))
def test_other_stores_are_looked_over_too(kind, tmp_path, connection) -> None:
    store = STORES[kind](tmp_path / "other")
    if kind == "postgresql":
        store.put_settings({"artifacts": (tmp_path / "artifacts").as_uri()})
    Sender(rich(store), "k")(*[ended(run) for run in ("never", "queued", "a", "c2")])
    connection.store.close()
    connection._store = store
    assert wrong(connection, deep=True) == []
    Sender(store, "l")(FileLogged(run="r", path="lost", digest="d" * 64, size=1, at=1.0))
    ((severity, subject, what, where),) = wrong(connection)
    assert (severity, subject, where) == ("error", "contents", "'lost' of run r")
    assert "d" * 64 in what


# -- contents ----------------------------------------------------------------------------------------------------
def test_a_content_that_is_gone_shorter_or_another_is_found(connection) -> None:
    blobs, send = connection.store.blobs, Sender(connection.store)
    gone, short, other, tree = (blobs.put_bytes(data)[0] for data in (b"gone", b"short", b"other", b"tree"))
    send(born("r", snapshot="s"), ended("r"), *[FileLogged(run="r", path=p, digest=d, size=n, at=1.0)
         for p, d, n in (("g", gone, 4), ("s", short, 5), ("o", other, 5))])  # fmt: skip
    send(
        SnapshotTaken(snapshot=SnapshotRecord(id="s", files={"x.py": (tree, 4, 0o644)})),
        RunChanged(run="r", at=1.0, snapshot="s"),
    )
    assert wrong(connection, deep=True) == []
    place(connection, gone).unlink()
    place(connection, short).write_bytes(b"sho")
    place(connection, other).write_bytes(b"OTHER")
    place(connection, tree).unlink()
    found = {where: what for _, _, what, where in wrong(connection)}
    assert found.keys() == {"'g' of run r", "'s' of run r", "'x.py' of the snapshot of run r"}
    assert "3 bytes, not 5" in found["'s' of run r"]
    deep = {where: what for _, _, what, where in wrong(connection, deep=True)}
    assert "another sha256" in deep["'o' of run r"]
    assert len(deep) == 4


def test_a_snapshot_without_its_list_is_found(connection) -> None:
    Sender(connection.store)(born("r", snapshot="lost"), ended("r"))
    assert [found[:2] for found in wrong(connection)] == [("warning", "contents")]


# -- points and tables -------------------------------------------------------------------------------------------
DAMAGES = {
    "a block that is cut": ("UPDATE block SET data = substr(data, 1, 40)", {"points", "store"}),
    "a block that is gone": ("DELETE FROM block WHERE id = (SELECT max(id) FROM block)", {"points"}),
    "a wrong count": ("UPDATE metric SET count = count + 1", {"points"}),
    "a wrong minimum": ("UPDATE metric SET min = min - 1", {"points"}),
    "a wrong maximum": ("UPDATE metric SET max = NULL", {"points"}),
    "a wrong last value": ("UPDATE metric SET last = '7'", {"points"}),
    "a block's wrong summary": ("UPDATE block SET high = high + 1", {"store"}),
    "an experiment that is gone": ("DELETE FROM experiment", {"store"}),
    "a wrong count of children": ("UPDATE run SET child_count = 5 WHERE id = 'r'", {"store"}),
    "a wrong count of runs": ("UPDATE experiment SET run_count = 5", {"store"}),
    "points of nobody": ("UPDATE block SET metric = 12345", {"points", "store"}),
    "a counter that went back": ("UPDATE counter SET value = 1", {"store"}),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_damage_of_the_tables_is_found(connection, what) -> None:
    statement, subjects = DAMAGES[what]
    Sender(connection.store)(born("r"), ended("r"), points("r", "loss", [k / 7 for k in range(5000)]))
    assert wrong(connection) == []
    sql(connection, statement)
    assert {subject for _, subject, _, _ in wrong(connection, severity=("error",))} == subjects


def test_a_damaged_database_file_is_found_and_the_rest_is_looked_at(connection) -> None:
    send = Sender(connection.store)
    send(born("r"), ended("r"), points("r", "loss", [float(k) for k in range(100_000)]))
    connection.close()
    path = connection.folder / "workspace.db"
    with open(path, "rb+") as file:
        file.seek(path.stat().st_size // 4096 // 2 * 4096)
        file.write(b"\xff" * 4096)
    found = examine(fresh(connection))
    assert {"store"} <= {f.subject for f in found if f.severity == "error"}
    assert {f.subject for f in found} == {"journals", "room", "rights", "store", "runs", "points", "contents"}
    path.write_bytes(b"no database at all" * 1000)
    found = {f.subject: f.severity for f in examine(fresh(connection))}
    assert found == {"journals": "ok", "room": "ok", "rights": "ok", "store": "error"}


def test_a_newer_schema_is_said(connection) -> None:
    assert connection.store is not None
    sql(connection, "UPDATE alembic_version SET version_num = '9999'")
    ((_, subject, what, _),) = wrong(fresh(connection))
    assert (subject, "newer jupyter_aml" in what) == ("store", True)


# -- journals and open runs --------------------------------------------------------------------------------------
DIES = """
import os, sys
from jupyter_aml.store.connection import connect
from jupyter_aml.store.events import RunCreated
from jupyter_aml.store.records import RunRecord
connection = connect(sys.argv[1], create=True)

connection.write(RunCreated(run=RunRecord(id="dead", experiment="e", type="t", status="Running", owner=connection.journal_id)))
writer = connection.series("dead", "loss")
for i in range(10):
    writer.point(i)
os.kill(os.getpid(), 9)
"""


def test_what_a_dead_writer_left_is_told_before_it_is_brought_in(tmp_path) -> None:
    subprocess.run([sys.executable, "-c", DIES, str(tmp_path / "ws")])
    (journal,) = (tmp_path / "ws" / "journals").iterdir()
    with open(journal, "ab") as file:
        file.write(b"\xa7Lcut")
    connection = connect(tmp_path / "ws")
    (cut, left) = wrong(connection)
    assert (cut[:2], cut[3]) == (("warning", "journals"), str(journal))
    assert "5 bytes were cut off" in cut[2]
    assert "12 entries" in left[2]
    assert wrong(connection) == []
    assert connection.store.run("dead").status == "Failed"


def test_broken_bytes_in_a_journal_are_found(tmp_path) -> None:
    subprocess.run([sys.executable, "-c", DIES, str(tmp_path / "ws")])
    (journal,) = (tmp_path / "ws" / "journals").iterdir()
    data = bytearray(journal.read_bytes())
    data[-60] ^= 0xFF
    journal.write_bytes(data)
    found = wrong(connect(tmp_path / "ws"), severity=("error",))
    assert [(subject, where) for _, subject, _, where in found] == [("journals", str(journal))]


LIVES = """
import os, sys
from jupyter_aml.store.connection import connect
from jupyter_aml.store.events import RunCreated
from jupyter_aml.store.records import RunRecord
connection = connect(sys.argv[1], create=True)
connection.write(RunCreated(run=RunRecord(id="alive", experiment="e", type="t", status="Running", owner=connection.journal_id)))
connection.flush()
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def alive(tmp_path):
    """Another process that has an open run in the workspace, and lives until the test ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", LIVES, str(tmp_path / "ws")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"ready\n"
    yield process
    process.kill()
    process.communicate()


def test_living_writers_and_their_runs_are_in_order_and_stay_so(tmp_path, alive, connection) -> None:
    connection.write(born("mine", owner=connection.journal_id))
    assert wrong(connection) == []
    assert wrong(connection) == []
    other = fresh(connection)
    assert other.recover() == [], "looking at a journal must not take its lock away"
    assert other.store.run("alive").status == "Running"
    other.close()


def test_an_open_run_that_nobody_will_end_is_found(connection) -> None:
    Sender(connection.store)(
        born("lost", owner="f" * 24), born("half", owner="import-abc"), born("done"), ended("done")
    )
    found = [(f.severity, f.subject, f.what, f.advice) for f in examine(connection) if f.severity != "ok"]
    assert [(severity, subject, what.split()[1]) for severity, subject, what, _ in found] == [
        ("warning", "runs", "half"), ("warning", "runs", "lost"),
    ]  # fmt: skip
    assert ["import" in found[0][3], "cancel" in found[1][3]] == [True, True]


def test_refused_events_and_parts_without_a_beginning_are_found(connection) -> None:
    folder = connection.folder / "journals"
    folder.mkdir(mode=0o700)
    for name in ("abc.rejected", "def-0001.aml"):
        os.close(os.open(folder / name, os.O_CREAT | os.O_WRONLY, 0o600))
    found = wrong(connection, severity=("error",))
    assert [(subject, where) for _, subject, _, where in found] == [
        ("journals", str(folder / "abc.rejected")), ("journals", str(folder / "def-0001.aml")),
    ]  # fmt: skip


# -- the folder --------------------------------------------------------------------------------------------------
def test_files_that_others_can_read_are_found(connection) -> None:
    digest, _ = connection.store.blobs.put_bytes(b"x")
    place(connection, digest).chmod(0o604)
    connection.folder.chmod(0o750)
    found = wrong(connection)
    assert {(severity, subject, where) for severity, subject, _, where in found} == {
        ("warning", "rights", str(connection.folder)), ("warning", "rights", str(place(connection, digest))),
    }  # fmt: skip


def test_a_full_disk_is_said(connection) -> None:
    assert [found[:2] for found in wrong(connection, room=2**62)] == [("error", "room")]


def test_many_findings_of_one_kind_are_counted(connection) -> None:
    send = Sender(connection.store)
    send(
        born("r"),
        ended("r"),
        *[FileLogged(run="r", path=str(k), digest=f"{k:064x}", size=1, at=1.0) for k in range(150)],
    )
    found = wrong(connection)
    assert len(found) == 101
    assert found[-1][2].startswith("50 more")
