"""The journal keeps what it was given: whatever kills its writer, fills the disk or scrambles its bytes."""

import json
import math
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_aml.store.codec import decode, encode
from jupyter_aml.store.connection import connect
from jupyter_aml.store.events import (
    Batch,
    ExperimentPut,
    Points,
    RunChanged,
    RunCreated,
    RunStatus,
    SnapshotTaken,
    TextLogged,
)
from jupyter_aml.store.journal import Journal
from jupyter_aml.store.journal_reader import Reader
from jupyter_aml.store.records import RunRecord, SnapshotRecord


def read_all(journal: Path | Journal) -> tuple[list[Batch], Reader]:
    fd = journal.fd if isinstance(journal, Journal) else os.open(journal, os.O_RDONLY)
    reader = Reader(fd, "j")
    batches = []
    while (batch := reader.batch()) is not None:
        batches.append(batch)
    return batches, reader


def events_of(journal: Path | Journal) -> list:
    return [event for batch in read_all(journal)[0] for event in batch.events]


def about(name: str = "loss") -> dict:
    return {"run": "r", "name": name, "kind": "scalar", "origin": "", "description": ""}


plain_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
events = st.one_of(
    st.builds(ExperimentPut, name=st.text(), at=st.floats(0, 2e9), set_tags=st.dictionaries(st.text(), st.text())),
    st.builds(
        RunCreated,
        run=st.builds(
            RunRecord,
            id=st.text(min_size=1),
            experiment=st.text(),
            type=st.text(),
            params=st.dictionaries(st.text(), plain_json),
            details=st.dictionaries(st.text(), plain_json),
        ),
    ),
    st.builds(RunStatus, run=st.text(), status=st.text(), at=st.floats(0, 2e9), elapsed=st.none() | st.floats(0, 9)),
    st.builds(RunChanged, run=st.text(), at=st.floats(0, 2e9), drop_tags=st.lists(st.text(), max_size=3)),
    st.builds(TextLogged, run=st.text(), path=st.text(), text=st.text(st.characters()), at=st.floats(0, 2e9)),
    st.builds(
        SnapshotTaken,
        snapshot=st.builds(SnapshotRecord, id=st.text(), files=st.dictionaries(st.text(), st.just(("d", 1, 420)))),
    ),
)


@given(events)
def test_an_event_comes_back_as_it_was(event) -> None:
    again = decode(encode(event))
    assert encode(again) == encode(event)
    assert type(again) is type(event)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(events, st.tuples(st.integers(0, 3), st.floats(), st.integers(-5, 2**40))), max_size=30))
def test_whatever_was_appended_is_read_in_order(tmp_path_factory, entries) -> None:
    journal = Journal(tmp_path_factory.mktemp("j"))
    refs = [journal.name_series(about(f"m{i}")) for i in range(4)]
    points = {f"m{i}": [] for i in range(4)}
    others = []
    for entry in entries:
        if isinstance(entry, tuple):
            series, value, step = entry
            journal.point(refs[series], step, value)
            points[f"m{series}"].append((step, value))
        else:
            journal.write(entry)
            others.append(encode(entry))
    read = events_of(journal)
    journal.close(remove=True)
    assert [encode(e) for e in read if not isinstance(e, Points)] == others
    for name, expected in points.items():
        got = [(s, v) for e in read if isinstance(e, Points) and e.name == name for s, v in zip(e.steps, e.values)]
        assert len(got) == len(expected)
        for (step, value), (step_, value_) in zip(got, expected):
            assert step == step_
            assert value == value_ or (math.isnan(value) and math.isnan(value_))


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from([3, 30, 700]))
def test_a_damaged_journal_gives_every_whole_entry_and_no_false_one(tmp_path_factory, data, count) -> None:
    journal = Journal(tmp_path_factory.mktemp("j"))
    refs = [journal.name_series(about("loss")), journal.name_series(about("epoch"))]
    for i in range(count):
        if i % 5:
            journal.point(refs[0], i, i / 2)
        else:
            journal.count(refs[1], i, i)
    journal.close(remove=False)
    content = bytearray(journal.path.read_bytes())
    start_of_points = len(content) - count * 39
    at = data.draw(st.integers(0, len(content) - 1) | st.integers(start_of_points, len(content) - 1))
    length = data.draw(st.integers(1, 60))
    if data.draw(st.booleans()):
        content[at : at + length] = data.draw(st.binary(min_size=length, max_size=length))
    else:
        del content[at:]
        length = 10**9
    journal.path.write_bytes(bytes(content))
    read = [e for e in events_of(journal.path) if isinstance(e, Points)]
    logged = {"loss": [(i, i / 2) for i in range(count) if i % 5], "epoch": [(i, i) for i in range(count) if not i % 5]}
    for name, points in logged.items():
        got = [(s, v) for e in read if e.name == name for s, v in zip(e.steps, e.values)]
        whole = [
            (i, value)
            for i, value in points
            if at >= start_of_points
            and not (start_of_points + i * 39 < at + length and at < start_of_points + (i + 1) * 39)
        ]
        assert set(whole) <= set(got)
        assert set(got) <= set(points)
        assert [s for s, _ in got] == sorted(s for s, _ in got)


# A metric's points as they are logged: by which cell, and what.
logged_points = st.tuples(st.sampled_from("ab"), st.floats(allow_nan=False) | st.integers() | st.just(2**70))


@settings(max_examples=60, deadline=None)
@given(st.lists(logged_points, max_size=60))
def test_a_metric_keeps_its_order_and_its_types_whoever_logs_what(tmp_path_factory, points) -> None:
    connection = connect(tmp_path_factory.mktemp("w"), create=True)
    writers = {origin: connection.series("r", "x", origin=origin) for origin in "ab"}
    for origin, value in points:
        writers[origin].point(value)
    read = [event for event in events_of(connection.journal) if isinstance(event, Points)]
    connection.close()
    got = [(event.origin, value) for event in read for value in event.values]
    assert got == points
    assert [type(value) for _, value in got] == [type(value) for _, value in points]


def test_a_metric_of_whole_and_broken_numbers_is_one_event(tmp_path) -> None:
    journal = Journal(tmp_path)
    ref, other = journal.name_series(about("x")), journal.name_series(about("y"))
    for i in range(100):
        journal.count(ref, i, i)
        journal.point(other, i, 0.5)
        journal.point(ref, i, i + 0.5)
    read = {event.name: event for event in events_of(journal)}
    journal.close(remove=True)
    assert list(read["x"].values) == [value for i in range(100) for value in (i, i + 0.5)]
    assert list(read["x"].steps) == [i for i in range(100) for _ in range(2)]
    assert list(read["y"].values) == [0.5] * 100
    assert len(read) == 2


def test_points_whose_series_was_lost_are_reported_and_hide_no_other(tmp_path, caplog) -> None:
    journal = Journal(tmp_path)
    ref = journal.name_series(about("x"))
    for i in range(50):
        journal.point(ref, i, 1.0)
        journal.point(ref + 1, i, 2.0)
    (event,) = events_of(journal)
    journal.close(remove=True)
    assert (event.name, len(event.values)) == ("x", 50)
    assert "which its journal lost" in caplog.text


KILLED = """
import os, sys
from pathlib import Path
from jupyter_aml.store.connection import connect
writer = connect(sys.argv[1], create=True).series("r", "loss")
out = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
i = 0
while True:
    writer.point(float(i))
    os.write(out, b"x")   # one byte for every point that log() returned from
    i += 1
"""


@pytest.mark.parametrize("after", [1, 50, 3000])
def test_a_point_that_was_logged_survives_kill_9(tmp_path, after) -> None:
    said = tmp_path / "said"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "ws"), str(said)])
    while not said.exists() or said.stat().st_size < after:
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    from jupyter_aml.store.connection import connect

    series = connect(tmp_path / "ws").store.series("r", "loss")
    acknowledged = said.stat().st_size
    assert acknowledged <= len(series.values) <= acknowledged + 1
    assert list(series.values) == [float(i) for i in range(len(series.values))]


FULL_DISK = """
import logging, resource, signal, sys, json
logging.basicConfig(stream=sys.stderr)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from jupyter_aml.store.journal import Journal
from jupyter_aml.store.journal_reader import Reader
from pathlib import Path
journal = Journal(Path(sys.argv[1]))
ref = journal.name_series({"run": "r", "name": "loss", "kind": "scalar", "origin": "", "description": ""})
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))   # in the middle of a frame
for i in range(200):
    journal.point(ref, i, float(i))
held = journal.held
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
journal.retry_held()
reader = Reader(journal.fd, "j")
steps = []
while (batch := reader.batch()) is not None:
    steps += [s for e in batch.events for s in e.steps]
print(json.dumps({"held": held, "left": journal.held, "steps": steps, "skipped": reader.skipped}))
"""


def test_a_full_disk_stops_nothing_and_loses_nothing(tmp_path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, timeout=60, check=True
    )
    said = json.loads(done.stdout)
    assert said["held"] > 0
    assert said["left"] == 0
    assert said["steps"] == list(range(200))
    assert said["skipped"] == 0, "what the full disk tore was written again: nothing is lost"
    assert done.stderr.count("cannot write") == 1, "told once"


RECOVERY = """
import logging, resource, signal, sys, time
logging.disable()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from jupyter_aml.store.journal import Journal
from pathlib import Path
def seconds(count):
    journal = Journal(Path(sys.argv[1]))
    ref = journal.name_series({"run": "r", "name": "loss", "kind": "scalar", "origin": "", "description": ""})
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
    for i in range(count):
        journal.point(ref, i, float(i))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    began = time.process_time()
    journal.retry_held()
    assert not journal.held
    return time.process_time() - began
print(seconds(160_000) / seconds(20_000))
"""


def test_what_a_full_disk_held_up_is_written_in_proportion(tmp_path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", RECOVERY, str(tmp_path)], capture_output=True, text=True, timeout=120, check=True
    )
    assert float(done.stdout) < 24, "eight times as many entries take about eight times as long"


def test_two_journals_are_two_files_and_private(tmp_path) -> None:
    one, two = Journal(tmp_path / "j"), Journal(tmp_path / "j")
    assert one.path != two.path
    assert one.path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "j").stat().st_mode & 0o777 == 0o700
    one.close(remove=True)
    two.close(remove=True)
    assert list((tmp_path / "j").iterdir()) == []


def test_an_event_larger_than_a_window_is_read_whole(tmp_path) -> None:
    journal = Journal(tmp_path)
    journal.write(TextLogged(run="r", path="log", text="ü" * 3_000_000, at=1.0))
    reader = Reader(journal.fd, "j")
    batch = reader.batch(max_bytes=1000)
    assert batch is not None
    assert len(batch.events[0].text) == 3_000_000
    journal.close(remove=True)


def test_a_writer_is_not_kept_alive_by_its_forked_child(tmp_path) -> None:
    code = textwrap.dedent(
        """
        import os, sys, time
        from jupyter_aml.store.connection import connect
        connection = connect(sys.argv[1], create=True)
        connection.series("r", "loss").point(1.0)
        read, write = os.pipe()
        if os.fork() == 0:
            os.close(read); os.setsid()
            print(os.getpid(), flush=True)
            os.close(1); os.close(2)
            time.sleep(600)
        os.close(write)
        sys.stdout.flush()
        os.kill(os.getpid(), 9)
        """
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "ws")], stdout=subprocess.PIPE, text=True)
    child = int(process.stdout.readline())
    process.wait()
    try:
        from jupyter_aml.store.connection import connect

        assert list(connect(tmp_path / "ws").store.series("r", "loss").values) == [1.0]
    finally:
        os.kill(child, signal.SIGKILL)
