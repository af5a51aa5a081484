"""Garbage collection: what nothing refers to goes, and nothing else."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner
from conftest import BLOBS, make_blobs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stores import STORES, Sender, born

from jupyter_aml.errors import UserErrorException, WorkspaceException
from jupyter_aml.store import gc
from jupyter_aml.store.connection import connect
from jupyter_aml.store.events import FileLogged, RunDeleted, SnapshotTaken
from jupyter_aml.store.frames import E, frame
from jupyter_aml.store.records import SnapshotRecord

DAY = 86400.0


@pytest.fixture
def connection(tmp_path):
    made = connect(tmp_path / "workspace", create=True)
    yield made
    made.close()


@pytest.fixture
def put(connection, make_old):
    """Call ``put(text, days)``: a content that was stored so many days ago."""

    def stored(text, days=30.0):
        digest, _ = connection.blobs.put_bytes(text.encode())
        make_old(connection.blobs, digest, days * DAY)
        return digest

    return stored


def logged(digest, run="r", path="f"):
    return FileLogged(run=run, path=path, digest=digest, size=1, at=1.0)


def snapshot(*digests):
    files = {f"f{i}": (digest, 1, 0o644) for i, digest in enumerate(digests)}
    return SnapshotTaken(snapshot=SnapshotRecord(id=digests[0][:8], files=files, skipped={}, created=1.0))


def here(connection):
    return {info.digest for info in connection.blobs.walk()}


def test_only_old_contents_that_nothing_refers_to_are_removed(connection, put):
    of_run, of_snapshot, loose, young = put("run"), put("snapshot"), put("loose"), put("young", 1)
    connection.write(born("r"), logged(of_run), snapshot(of_snapshot))
    found = gc.collect(connection)
    assert (found.contents, found.bytes, found.kept, found.kept_young, found.examples) == (1, 5, 2, 1, [loose])
    assert len(here(connection)) == 4  # it only looked
    assert gc.collect(connection, dry_run=False).contents == 1
    assert here(connection) == {of_run, of_snapshot, young}
    assert gc.collect(connection, dry_run=False).contents == 0


def test_contents_of_deleted_runs_go_and_those_that_are_shared_stay(connection, put):
    own, shared = put("own"), put("shared")
    connection.write(born("r"), born("s"), logged(own), logged(shared, path="g"), logged(shared, run="s"))
    assert gc.collect(connection, dry_run=False).contents == 0
    connection.write(RunDeleted(run="r", at=2.0))
    assert gc.collect(connection, dry_run=False).examples == [own]
    assert here(connection) == {shared}


@pytest.mark.parametrize("kind", [kind for kind in BLOBS if kind != "folder"])
def test_contents_elsewhere_are_collected_too(connection, request, make_old, kind):
    connection._blobs = blobs = make_blobs(kind, request)
    digests = [blobs.put_bytes(b"%d" % i)[0] for i in range(6)]
    connection.write(born("r"), logged(digests[0]))
    for digest in digests[:5]:
        make_old(blobs, digest, 30 * DAY)
    found = gc.collect(connection, dry_run=False)
    assert (found.contents, found.kept, found.kept_young) == (4, 1, 1)
    assert here(connection) == {digests[0], digests[5]}


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["run", "snapshot", "nothing"]), st.sampled_from([0.0, 30.0])), max_size=12))
def test_whatever_was_stored_what_is_needed_stays(connection, put, contents):
    connection.write(born("r"))
    needed, loose = set(), set()
    for number, (user, days) in enumerate(contents):
        digest = put(f"{time.monotonic()} {number}", days)
        if user != "nothing":
            connection.write(logged(digest) if user == "run" else snapshot(digest))
        (loose if user == "nothing" and days else needed).add(digest)
    found = gc.collect(connection, dry_run=False)
    assert found.contents == len(loose)
    assert needed <= here(connection)
    assert not loose & here(connection)


@pytest.mark.parametrize("kind", sorted(STORES))
def test_a_store_tells_what_it_refers_to_of_many_digests(kind, tmp_path):
    digests = [hashlib.sha256(b"%d" % i).hexdigest() for i in range(3000)]
    store = STORES[kind](tmp_path / "store")
    try:
        Sender(store)(born("r"), *[logged(d, path=d) for d in digests[:700]], snapshot(*digests[700:900]))
        assert store.referenced(digests) == set(digests[:900])
        assert store.referenced(digests[890:910]) == set(digests[890:900])
        assert store.referenced(digests[:1]) == set(digests[:1])
        assert store.referenced([]) == set()
    finally:
        store.close()


def test_a_content_that_is_put_again_is_not_removed(connection, put):
    digest = put("again")
    connection.blobs.put_bytes(b"again")
    assert gc.collect(connection, dry_run=False).kept_young == 1
    assert here(connection) == {digest}


def test_too_short_an_age_may_only_be_looked_at(connection, put):
    put("x", 0.01)
    assert gc.collect(connection, older_than=0).contents == 1
    for age in (0, 3600.0, -1, float("nan")):
        with pytest.raises(UserErrorException, match="too short"):
            gc.collect(connection, older_than=age, dry_run=False)


# -- journals ----------------------------------------------------------------------------------------------------
def test_what_a_dead_writers_journal_refers_to_is_kept(connection, put):
    digest = put("late")
    script = (
        "import os, sys; from jupyter_aml.store.journal import Journal; from pathlib import Path\n"
        "from jupyter_aml.store.events import FileLogged\n"
        "Journal(Path(sys.argv[1])).write(FileLogged(run='r', path='f', digest=sys.argv[2], size=1, at=1.0)); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", script, connection.folder / "journals", digest], check=False)
    assert gc.collect(connection, dry_run=False).kept == 1
    assert here(connection) == {digest}


def test_nothing_is_removed_while_a_living_writers_entries_are_not_in_the_store(connection, put, monkeypatch):
    digest = put("late")
    script = (
        "import sys; from jupyter_aml.store.journal import Journal; from pathlib import Path\n"
        "from jupyter_aml.store.events import FileLogged\n"
        "journal = Journal(Path(sys.argv[1]))\n"
        "journal.write(FileLogged(run='r', path='f', digest=sys.argv[2], size=1, at=1.0))\n"
        "print(journal.path, flush=True); sys.stdin.read()"
    )
    monkeypatch.setattr(gc, "_PATIENCE", 0.3)
    with subprocess.Popen(
        [sys.executable, "-c", script, connection.folder / "journals", digest],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as writer:  # fmt: skip
        path = writer.stdout.readline().strip()
        for dry_run in (True, False):
            with pytest.raises(WorkspaceException, match="does not have yet") as raised:
                gc.collect(connection, dry_run=dry_run)
            assert path in str(raised.value)
    assert here(connection) == {digest}
    assert gc.collect(connection, dry_run=False).kept == 1


def test_a_writer_at_work_does_not_hinder(connection, put):
    loose = put("loose")
    script = (
        "import sys; from jupyter_aml import Workspace, Experiment\n"
        "run = Experiment(Workspace.from_url(sys.argv[1]), 'e').start_logging(snapshot_directory=None)\n"
        "print(flush=True)\nwhile True: run.log('x', 1.0)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, connection.folder], stdout=subprocess.PIPE, text=True
    ) as writer:
        writer.stdout.readline()
        try:
            assert gc.collect(connection, dry_run=False).examples == [loose]
        finally:
            writer.kill()


def test_what_a_refused_entry_names_is_kept(connection, put):
    named, loose = put("named"), put("loose")
    folder = connection.folder / "journals"
    folder.mkdir(exist_ok=True)
    (folder / "x.rejected").write_bytes(b"\0" * (2**20 - 30) + frame(E, json.dumps({"digest": named}).encode()))
    assert gc.collect(connection, dry_run=False).examples == [loose]
    assert here(connection) == {named}


# -- the command -------------------------------------------------------------------------------------------------
def aml(*words, code=0):
    from jupyter_aml.cli.main import root

    result = CliRunner().invoke(root, list(map(str, words)))
    assert result.exit_code == code, (result.output, result.exception)
    return json.loads(result.stdout) if "--json" in words else result.output


def test_the_command_looks_first_and_removes_when_told_to(connection, put):
    digest, young = put("loose"), put("young", 3)
    where = ("workspace", "gc", "-w", connection.folder)
    assert "1 contents (5 B)" in aml(*where)
    assert aml(*where, "--json")["examples"] == [digest]
    assert here(connection) == {digest, young}
    found = aml(*where, "--delete", "--json")
    assert (found["contents"], found["kept_young"], found["dry_run"]) == (1, 1, False)
    assert "Removed" in aml(*where, "--delete", "--older-than", "36h")
    assert here(connection) == set()


@pytest.mark.parametrize("age", ["x", "7 years", "-1d", "", "1h"])
def test_the_command_refuses_an_age_that_cannot_be(connection, age):
    aml("workspace", "gc", "-w", connection.folder, "--delete", "--older-than", age, code=2)
