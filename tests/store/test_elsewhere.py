"""Workspaces that are not folders: opened by URL, written through the journal, whatever happens to their server."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import jupyter_server_process
import postgres_process
import pytest
from stores import born, ended

from jupyter_aml import Experiment, Workspace
from jupyter_aml.errors import NotFoundException, StoreUnavailableException, UserErrorException, WorkspaceException
from jupyter_aml.store.connection import connect
from jupyter_aml.store.place import known_workspaces, place_of
from jupyter_aml.store.records import RunQuery
from jupyter_aml.store.url import without_credentials

pytestmark = pytest.mark.timeout(180)
PLACES = {"postgresql": postgres_process.address, "http": jupyter_server_process.address}
SECRETS = (postgres_process.PASSWORD, "open%20sesame", jupyter_server_process.TOKEN)


@pytest.fixture(params=sorted(PLACES))
def url(request):
    return PLACES[request.param]()


@pytest.fixture
def opened(url, tmp_path):
    made = []

    def open_(**more):
        if url.startswith("postgresql"):
            more.setdefault("artifacts", str(tmp_path / "artifacts"))
        made.append(Workspace.from_url(url, create=True, **more))
        return made[-1]

    yield open_
    for workspace in made:
        workspace.connection.close()


def test_a_run_is_recorded_with_its_metrics_and_files(opened, tmp_path):
    workspace = opened()
    (tmp_path / "model.bin").write_bytes(os.urandom(3_000_000))
    with Experiment(workspace, "far away").start_logging(snapshot_directory=None) as run:
        for step in range(100):
            run.log("loss", 1 / (step + 1))
        run.log("strange", float("nan"))
        run.log_row("table", x=1, y="two")
        run.upload_file("outputs/model.bin", str(tmp_path / "model.bin"))
        run.tag("kind", "test")
    assert run.get_status() == "Completed"
    metrics = run.get_metrics()
    assert len(metrics["loss"]) == 100 and metrics["table"] == {"x": 1, "y": "two"}
    run.download_file("outputs/model.bin", str(tmp_path / "back.bin"))
    assert (tmp_path / "back.bin").read_bytes() == (tmp_path / "model.bin").read_bytes()
    assert [r.id for r in Experiment(workspace, "far away").get_runs(tags={"kind": "test"})] == [run.id]


def test_credentials_are_shown_nowhere(url, opened, tmp_path, monkeypatch, capsys):
    workspace = opened()
    workspace.write_config(tmp_path)
    shown = [
        repr(workspace), str(workspace.get_details()), workspace._repr_html_(), workspace.url, repr(workspace.connection),
        repr(workspace.connection.place), str(known_workspaces()), (tmp_path / ".azureml/config.json").read_text(),
    ]  # fmt: skip
    for secret in SECRETS:
        assert not any(secret in text for text in shown)
    config = json.loads(shown[-1])
    assert config["workspace_url"] == workspace.url
    # The URL without credentials opens it again: they are kept for this user alone.
    monkeypatch.chdir(tmp_path)
    workspace.connection.close()
    again = Workspace.from_config()
    assert again.id == workspace.id and again.experiments == {}
    kept = [
        path
        for path in (place_of(url).folder).iterdir()
        if any(s in path.read_bytes().decode() for s in SECRETS if path.is_file())
    ]
    assert [path.name for path in kept] == ["address"] and kept[0].stat().st_mode & 0o077 == 0
    again.connection.close()


def test_wrong_credentials_are_an_error_without_them():
    right = postgres_process.address()
    with pytest.raises(StoreUnavailableException) as refused:
        Workspace.from_url(right.replace("sesame", "barley"), create=True)
    assert "barley" not in str(refused.value) and "password authentication failed" in str(refused.value)
    with pytest.raises(StoreUnavailableException, match="refuses the token") as refused:
        Workspace.from_url(jupyter_server_process.address().replace(jupyter_server_process.TOKEN, "guess"), create=True)
    assert "guess" not in str(refused.value)


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(WorkspaceException, match="create=True"):
        Workspace.from_url(postgres_process.address("public"))
    with pytest.raises(StoreUnavailableException, match="does not answer"):
        Workspace.from_url("http://127.0.0.1:9/lab")
    with pytest.raises(UserErrorException, match="postgresql://"):
        Workspace.from_url("mysql://root@localhost/db")
    with pytest.raises(UserErrorException, match="schema"):
        Workspace.from_url('postgresql://aml@localhost/db?schema=a";drop table x;--', create=True)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgres://ann:s%40c@[::1]:5432/db?schema=w&sslmode=require&artifacts=s3://b", "postgresql://ann@[::1]:5432/db?schema=w&sslmode=require"),
        ("https://hub.example/user/ann/?token=abc&workspace=w", "https://hub.example/user/ann?workspace=w"),
        ("http://ann:pw@h", "http://ann@h"),
    ],
)  # fmt: skip
def test_a_url_is_shown_without_credentials(url, shown):
    assert without_credentials(url) == shown
    assert place_of(url).url == shown and place_of(shown).address == url


def test_a_workspace_is_found_by_its_name(opened, tmp_path):
    name = opened(name="team" if "postgres" in str(opened) else None).name
    assert Workspace.get(name).name == name
    assert name in Workspace.list()


LOGGER = """
import sys
from jupyter_aml import Experiment, Workspace
run = Experiment(Workspace.from_url(sys.argv[1]), "e").start_logging(snapshot_directory=None)
print(run.id, flush=True)
for step in range(3000):
    run.log("loss", float(step), step=step)
    if step == 999:
        print("some", flush=True)
        sys.stdin.readline()
print("all", flush=True)
sys.stdin.readline()
run.complete()
"""


@pytest.mark.parametrize("kill", [False, True])
@pytest.mark.parametrize("kind", sorted(PLACES))
def test_a_server_that_goes_away_and_comes_back_has_everything_once(kind, kill, tmp_path):
    server = {"postgresql": postgres_process.server, "http": jupyter_server_process.server}[kind]()
    url = PLACES[kind]()
    workspace = Workspace.from_url(url, create=True)
    script = tmp_path / "log.py"
    script.write_text(LOGGER)
    process = subprocess.Popen(
        [sys.executable, script, workspace.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path
    )
    run_id = process.stdout.readline().strip()
    assert process.stdout.readline() == "some\n"
    server.stop("immediate" if kind == "postgresql" else signal.SIGKILL)
    try:
        with pytest.raises(StoreUnavailableException):
            workspace.get_run(run_id)
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "all\n"
        if kill:
            process.kill()
            process.wait()
    finally:
        server.start()
    if not kill:
        process.communicate("\n", timeout=120)
    connection = connect(url)
    connection.recover()
    series = connection.store.series(run_id, "loss")
    assert list(series.steps) == list(range(3000)) and list(series.values) == [float(n) for n in range(3000)]
    assert connection.store.run(run_id).status == ("Failed" if kill else "Completed")
    connection.close()
    assert not list((Path(connection.folder) / "journals").glob("*.aml"))


def test_a_database_that_dies_in_the_middle_of_a_batch_has_all_of_it_once_afterwards():
    import psycopg

    url, server = postgres_process.address(), postgres_process.server()
    schema = parse_qs(urlsplit(url).query)["schema"][0]
    connection = connect(url, create=True)
    assert connection.store.runs(RunQuery(experiment="e")).runs == []
    sessions = [psycopg.connect(url.partition("?")[0], autocommit=alone) for alone in (False, True)]
    with closing(sessions[0]) as gate, closing(sessions[1]) as watcher:  # no commit at the end: the server is gone then
        gate.execute(f'LOCK TABLE "{schema}".change IN SHARE MODE')
        connection.write(born("r"))
        writer = connection.series("r", "loss")
        for step in range(5000):
            writer.point(float(step), step)
        connection.write(ended("r"))
        delivery = threading.Thread(target=connection.flush, args=(120,))
        delivery.start()
        half = """
            SELECT count(*) FROM pg_locks waits JOIN pg_locks done ON done.pid = waits.pid
            WHERE NOT waits.granted AND done.granted AND done.mode = 'RowExclusiveLock'"""
        deadline = time.monotonic() + 60
        while not watcher.execute(half).fetchone()[0]:  # it has written rows, and waits for the gate
            assert time.monotonic() < deadline
        server.stop("immediate")
    server.start()
    delivery.join(120)
    series = connection.store.series("r", "loss")
    assert list(series.steps) == list(range(5000)) and connection.store.run("r").status == "Completed"
    told = [(change.verb, change.noun) for change in connection.store.changes() if change.id == "r"]
    assert told.count(("created", "run")) == told.count(("ended", "run")) == 1
    connection.close()
    assert not list((Path(connection.folder) / "journals").glob("*.aml"))


WRITER = """
import sys
from jupyter_aml import Experiment, Workspace
run = Experiment(Workspace.from_url(sys.argv[1], create=True), "e").start_logging(snapshot_directory=None)
for step in range(500):
    run.log("loss", float(step), step=step)
run.complete()
print(run.id)
"""


def test_several_processes_make_and_fill_a_workspace_at_once(url, tmp_path):
    script = tmp_path / "write.py"
    script.write_text(WRITER)
    writers = [
        subprocess.Popen([sys.executable, script, url], stdout=subprocess.PIPE, text=True, cwd=tmp_path)
        for _ in range(4)
    ]
    ids = [writer.communicate(timeout=120)[0].split()[-1] for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 4
    connection = connect(url)
    runs = {run.id: run for run in connection.store.walk(RunQuery(experiment="e", with_metrics=True))}
    assert sorted(runs) == sorted(ids) and sorted(run.number for run in runs.values()) == [1, 2, 3, 4]
    assert all(run.status == "Completed" and run.metrics["loss"].count == 500 for run in runs.values())
    sequence = [change.seq for change in connection.store.changes()]
    assert sequence == sorted(set(sequence))
    connection.close()


@pytest.mark.parametrize("size", [0, 1, 10_000, 2**20 + 1, 20_000_000])
def test_a_servers_contents_come_back_whatever_way_they_came(size, tmp_path):
    connection = connect(jupyter_server_process.address(), create=True)
    data = os.urandom(size)
    digest = hashlib.sha256(data).hexdigest()
    (tmp_path / "file").write_bytes(data)
    assert not connection.blobs.has(digest)
    ways = [
        lambda b: b.put_stream(io.BytesIO(data)),
        lambda b: b.put_file(tmp_path / "file"),
        lambda b: b.put_bytes(data),
    ]
    for way in ways:
        assert way(connection.blobs) == (digest, size)
    assert connection.blobs.has(digest)
    with connection.blobs.open(digest) as file:
        file.seek(size // 2)
        assert file.read() == data[size // 2 :]
    connection.blobs.fetch(digest, tmp_path / "deep" / "back")
    assert (tmp_path / "deep" / "back").read_bytes() == data
    with pytest.raises(NotFoundException):
        connection.blobs.open("0" * 64)
    with pytest.raises(NotFoundException):
        connection.blobs.fetch("0" * 64, tmp_path / "nothing")
    assert {path.name for path in tmp_path.iterdir()} - {"aml-home", "runtime"} == {"deep", "file"}
    connection.close()


SPEAKS = """
import sys, time
from jupyter_aml import Experiment, Workspace
run = Experiment(Workspace.from_url(sys.argv[1]), "far").start_logging(snapshot_directory=None)
run.log("loss", 1.0)
run._connection.flush()
print(run.id, flush=True)
sys.stdin.readline()
run.log("loss", 2.0)
run.complete()
"""


def test_the_run_of_a_machine_that_fell_silent_is_failed_and_goes_on_when_it_is_back(tmp_path, monkeypatch):
    url = postgres_process.address()
    workspace = Workspace.from_url(url, create=True, artifacts=str(tmp_path / "artifacts"))
    environment = {**os.environ, "JUPYTER_AML_HOME": str(tmp_path / "another machine")}
    far = subprocess.Popen(
        [sys.executable, "-c", SPEAKS, url], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        run_id = far.stdout.readline().strip()
        connection = workspace.connection
        connection.recover()
        assert connection.store.run(run_id).status == "Running"
        far.send_signal(signal.SIGSTOP)
        monkeypatch.setenv("JUPYTER_AML_SILENCE", "1.5")
        deadline = time.monotonic() + 60
        while connection.store.run(run_id).status == "Running":
            assert time.monotonic() < deadline
            connection._listened = 0.0
            connection.recover()
            time.sleep(0.1)
        lost = connection.store.run(run_id)
        assert (lost.status, lost.error["code"]) == ("Failed", "NotHeardOf")
        far.send_signal(signal.SIGCONT)
        far.communicate("go on\n", timeout=60)
        assert far.returncode == 0
    finally:
        far.kill()
        workspace.connection.close()
    store = place_of(url).open_store()
    with closing(store):
        assert store.run(run_id).status == "Completed"
        assert list(store.series(run_id, "loss").values) == [1.0, 2.0]
