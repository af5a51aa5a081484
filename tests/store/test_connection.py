"""A process and its workspace: what it wrote is there for others, whatever happens to it."""

import multiprocessing
import os
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_aml.errors import UserErrorException, WorkspaceException
from jupyter_aml.store import home
from jupyter_aml.store.connection import Connection, connect
from jupyter_aml.store.events import RunChanged, RunCreated, RunStatus
from jupyter_aml.store.journal import OWN, Journal
from jupyter_aml.store.journal_reader import Reader
from jupyter_aml.store.records import RunRecord
from jupyter_aml.store.shipper import ship


@pytest.fixture
def connection(tmp_path):
    made = connect(tmp_path / "ws", create=True)
    yield made
    made.close()


def fresh(connection: Connection) -> Connection:
    """A connection as another process would have it."""
    return Connection(connection.place, connection.about)


def born(run_id: str, owner: str = "", status: str = "Running") -> RunCreated:
    return RunCreated(
        run=RunRecord(
            id=run_id, experiment="e", type="aml.interactive", status=status, owner=owner, created=time.time()
        )
    )


def test_own_writes_are_read_at_once(connection) -> None:
    connection.write(born("r1"))
    connection.series("r1", "loss").point(0.5)
    assert connection.store.run("r1").status == "Running"
    assert list(connection.store.series("r1", "loss").values) == [0.5]


def test_others_see_what_was_flushed(connection) -> None:
    connection.write(born("r1"))
    connection.flush()
    assert fresh(connection).store.run("r1") is not None


def test_others_see_what_was_written_without_a_flush_soon(connection) -> None:
    connection.write(born("r1"))
    other = fresh(connection)
    deadline = time.monotonic() + 30
    while other.store.run("r1") is None:
        assert time.monotonic() < deadline
        threading.Event().wait(0.05)


def test_a_workspace_that_is_not_there_is_said(tmp_path) -> None:
    with pytest.raises(WorkspaceException, match="no workspace"):
        connect(tmp_path / "nothing")


def test_a_scheme_that_is_not_served_is_said() -> None:
    with pytest.raises(UserErrorException, match="ftp"):
        connect("ftp://somewhere/else")


def test_a_closed_workspace_leaves_no_journal(tmp_path) -> None:
    made = connect(tmp_path / "ws", create=True)
    made.write(born("r1"), RunStatus(run="r1", status="Completed", at=time.time()))
    made.close()
    assert list((tmp_path / "ws" / "journals").iterdir()) == []
    assert connect(tmp_path / "ws").store.run("r1").status == "Completed"


DIES = """
import os, sys, time
from jupyter_aml.store.connection import connect
from jupyter_aml.store.events import RunCreated
from jupyter_aml.store.records import RunRecord
connection = connect(sys.argv[1], create=True)
connection.write(RunCreated(run=RunRecord(id="dead", experiment="e", type="t", status="Running", owner=connection.journal_id)))
writer = connection.series("dead", "loss")
for i in range(100):
    writer.point(i)
if sys.argv[2] == "shipped":
    connection.flush()
    writer.point(100)
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("how", ["shipped", "unshipped"])
def test_the_run_of_a_killed_process_becomes_failed_with_all_its_points(tmp_path, how) -> None:
    subprocess.run([sys.executable, "-c", DIES, str(tmp_path / "ws"), how], check=False)
    store = connect(tmp_path / "ws").store
    run = store.run("dead")
    assert run.status == "Failed"
    assert run.error["code"] == "ProcessDied"
    assert len(store.series("dead", "loss").values) == (101 if how == "shipped" else 100)
    own = connect(tmp_path / "ws").journal.path
    assert {p.stem for p in (tmp_path / "ws" / "journals").iterdir()} <= {own.stem}


RECOVERS = """
import os, sys
from jupyter_aml.store.connection import connect
from jupyter_aml.store.sql.store import SqlStore
left = int(sys.argv[2])
apply = SqlStore.apply
def dying(self, batch):
    global left
    if left == 0:
        os.kill(os.getpid(), 9)
    left -= 1
    done = apply(self, batch)
    if left == 0 and sys.argv[3] == "after":
        os.kill(os.getpid(), 9)
    return done
SqlStore.apply = dying
connect(sys.argv[1]).store.run("dead")
"""


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_recovery_that_is_killed_is_taken_up_by_the_next(tmp_path, step, moment) -> None:
    subprocess.run([sys.executable, "-c", DIES, str(tmp_path / "ws"), "unshipped"], check=False)
    killed = subprocess.run([sys.executable, "-c", RECOVERS, str(tmp_path / "ws"), str(step), moment], check=False)
    assert killed.returncode == -9 or (step == 1 and moment == "before" and killed.returncode in (0, -9))
    store = connect(tmp_path / "ws").store
    assert store.run("dead").status == "Failed"
    assert list(store.series("dead", "loss").values) == list(range(100))


def _log_in_child(folder: str, number: int) -> None:
    connect(folder).series("r", f"m{number}").point(float(number))


def test_forked_children_write_by_themselves(tmp_path) -> None:
    connection = connect(tmp_path / "ws", create=True)
    connection.series("r", "parent").point(1.0)
    assert connection.store is not None  # opened before the fork
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=_log_in_child, args=(str(tmp_path / "ws"), i)) for i in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
        assert child.exitcode == 0
    connection.series("r", "parent").point(2.0)
    other = fresh(connection)
    connection.flush()
    assert set(other.store.metrics(["r"])["r"]) == {"parent", "m0", "m1", "m2"}
    connection.close()


def _log_late_in_child(folder: str, name: str) -> None:
    connect(folder).series("r", name).point(1.0)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_what_a_child_wrote_is_there_when_it_has_ended(tmp_path, method) -> None:
    connection = connect(tmp_path / "ws", create=True)
    connection.series("r", "parent").point(1.0)
    assert set(connection.store.metrics(["r"])["r"]) == {"parent"}
    child = multiprocessing.get_context(method).Process(target=_log_late_in_child, args=(str(tmp_path / "ws"), "child"))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    assert set(connection.store.metrics(["r"])["r"]) == {"parent", "child"}


def _log_in_grandchild(folder: str) -> None:
    connect(folder).series("r", "child").point(1.0)
    child = multiprocessing.get_context("fork").Process(target=_log_late_in_child, args=(folder, "grandchild"))
    child.start()
    child.join(60)


def test_children_of_children_leave_nothing_behind(tmp_path) -> None:
    connection = connect(tmp_path / "ws", create=True)
    assert connection.store is not None
    child = multiprocessing.get_context("fork").Process(target=_log_in_grandchild, args=(str(tmp_path / "ws"),))
    child.start()
    child.join(60)
    assert set(connection.store.metrics(["r"])["r"]) == {"child", "grandchild"}
    assert list((tmp_path / "ws" / "journals").iterdir()) == []


class SlowStore:
    """A store that takes a batch only when it may."""

    def __init__(self, store) -> None:
        self._store = store
        self.asked, self.may = threading.Event(), threading.Event()

    def __getattr__(self, name):
        return getattr(self._store, name)

    def apply(self, batch):
        self.asked.set()
        assert self.may.wait(60)
        return self._store.apply(batch)


def test_what_is_on_its_way_to_the_store_is_not_there_yet(tmp_path) -> None:
    from jupyter_aml.store.journal import Journal
    from jupyter_aml.store.shipper import Shipper
    from jupyter_aml.store.sql.store import in_folder

    journal, store = Journal(tmp_path / "journals"), SlowStore(in_folder(tmp_path))
    shipper = Shipper(journal, lambda: store, lambda part: None)
    journal.write(born("a"))
    assert store.asked.wait(60)  # the thread in the background delivers
    assert shipper.pending
    store.may.set()
    shipper.ship()
    assert not shipper.pending
    assert store.run("a") is not None
    shipper.stop()
    journal.close(remove=True)
    store.close()


MANY = """
import sys
from jupyter_aml.store.connection import connect
writer = connect(sys.argv[1]).series("shared", "loss")
for i in range(500):
    writer.point(i)
"""


def test_eight_processes_lose_nothing(tmp_path) -> None:
    connect(tmp_path / "ws", create=True)
    processes = [
        subprocess.Popen([sys.executable, "-c", MANY, str(tmp_path / "ws")], stderr=subprocess.PIPE) for _ in range(8)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0
        assert errors == b""
    series = connect(tmp_path / "ws").store.series("shared", "loss")
    assert len(series.values) == 4000
    assert sorted(series.steps) == list(range(4000)), "places are given once"


def test_an_unwritable_home_is_said_with_its_path(tmp_path, monkeypatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("JUPYTER_AML_HOME", str(blocked))
    with pytest.raises(WorkspaceException, match=str(blocked)):
        connect(home.workspace_url("default"), create=True)


@pytest.mark.parametrize("name", ["../../etc", "a/b", "..", ".", "ü", "x" * 200, "CON:", "🚀", "a\\b", "-rf"])
def test_a_workspace_name_never_leaves_the_home(tmp_path, monkeypatch, name) -> None:
    monkeypatch.setenv("JUPYTER_AML_HOME", str(tmp_path / "home"))
    connect(home.workspace_url(name), create=True, name=name).close()
    assert home.list_workspaces() == {name: home.workspace_url(name)}
    assert [p.name for p in tmp_path.iterdir()] == ["home"]


@pytest.mark.parametrize("name", ["", "  ", "a\0b", "x" * 256, None, "a\nb"])
def test_a_name_that_cannot_be_is_refused(name) -> None:
    with pytest.raises(UserErrorException):
        home.workspace_url(name)


def test_two_processes_make_one_workspace(tmp_path) -> None:
    code = "import sys; from jupyter_aml.store.connection import connect; print(connect(sys.argv[1], create=True).about['id'])"
    made = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "ws")], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert len({process.communicate()[0] for process in made}) == 1


def test_files_are_private(connection) -> None:
    connection.write(born("r1"))
    connection.flush()
    for folder, _, files in os.walk(connection.folder):
        assert os.stat(folder).st_mode & 0o077 == 0, folder
        for file in files:
            assert os.stat(os.path.join(folder, file)).st_mode & 0o077 == 0, file


def test_a_large_journal_is_continued_and_what_is_stored_is_let_go(tmp_path, monkeypatch) -> None:
    from jupyter_aml.store import shipper

    monkeypatch.setattr(shipper, "PART_SIZE", 20_000)
    monkeypatch.setattr(shipper, "RETIRE_AFTER", 0.1)
    connection = connect(tmp_path / "ws", create=True)
    writer = connection.series("r", "loss")
    first = connection.journal
    written = 0
    deadline = time.monotonic() + 60
    while connection.journal.part < 3:
        assert time.monotonic() < deadline
        for _ in range(1000):
            writer.point(float(written))
            written += 1
        threading.Event().wait(0.05)
    while first.size():
        assert time.monotonic() < deadline
        threading.Event().wait(0.05)
    assert connection.journal_id == first.owner
    assert list(connection.store.series("r", "loss").values) == [float(i) for i in range(written)]
    connection.close()
    assert list((tmp_path / "ws" / "journals").iterdir()) == []


PARTS = """
import os, sys, threading
from jupyter_aml.store import shipper
shipper.PART_SIZE, shipper.RETIRE_AFTER = 20_000, float(sys.argv[2])
from jupyter_aml.store.connection import connect
from jupyter_aml.store.events import RunChanged, RunCreated, RunStatus
from jupyter_aml.store.journal import OWN, Journal
from jupyter_aml.store.journal_reader import Reader
from jupyter_aml.store.records import RunRecord
connection = connect(sys.argv[1], create=True)
for run in ("ended", "open"):
    connection.write(RunCreated(run=RunRecord(id=run, experiment="e", type="t", status="Running", owner=connection.journal_id)))
writer = connection.series("ended", "loss")
n = 0
while connection.journal.part < 2:
    for _ in range(1000):
        writer.point(float(n)); n += 1
    threading.Event().wait(0.05)
connection.write(RunStatus(run="ended", status="Completed", at=1e9))
print(n, flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("retire_after", ["0.1", "1000"])
def test_a_killed_writer_of_several_parts_loses_nothing(tmp_path, retire_after) -> None:
    done = subprocess.run([sys.executable, "-c", PARTS, str(tmp_path / "ws"), retire_after], stdout=subprocess.PIPE)
    store = connect(tmp_path / "ws").store
    assert list(store.series("ended", "loss").values) == [float(i) for i in range(int(done.stdout))]
    assert (store.run("ended").status, store.run("open").status) == ("Completed", "Failed")


@settings(max_examples=12, deadline=None)
@given(
    early=st.integers(1, 60), late=st.integers(1, 60), at=st.floats(0, 1, exclude_max=True), size=st.integers(1, 400),
    between=st.booleans(),
)  # fmt: skip
def test_damage_among_entries_that_were_delivered_loses_none_that_were_not(
    tmp_path_factory, early, late, at, size, between
) -> None:
    connection = connect(tmp_path_factory.mktemp("damaged") / "ws", create=True)
    journal = Journal(connection.folder / "journals")
    path = journal.path
    OWN.discard(path)  # it is another process's
    reader, loss = Reader(journal.fd, journal.id), 0
    journal.write(born("r", journal.owner))
    loss = journal.name_series({"run": "r", "name": "loss"})
    for i in range(early):
        if between:
            journal.write(RunChanged(run="r", at=0.0, set_tags={f"early {i}": ""}))
        journal.point(loss, i, float(i))
    ship(reader, connection._open_store(), path.with_suffix(".rejected"))
    reader.mark(path)
    for i in range(early, early + late):
        journal.write(RunChanged(run="r", at=0.0, set_tags={f"late {i}": ""}))
        journal.point(loss, i, float(i))
    os.close(journal.fd)
    data = bytearray(path.read_bytes())
    # The name of the series stays: what points belong to is told by it alone.
    first = data.index(b"loss") + 10
    start = first + int(at * (reader.offset - first))
    for place in range(start, min(start + size, reader.offset)):
        data[place] ^= 0x5A
    path.write_bytes(data)
    connection.recover()
    run = connection.store.run("r")
    assert [i for i in range(early, early + late) if f"late {i}" not in run.tags] == []
    assert list(connection.store.series("r", "loss").values) == [float(i) for i in range(early + late)]
    assert run.error["code"] == "ProcessDied" and not path.exists()
    connection.close()
