"""What is deleted for good is looked at in the transaction that deletes it: a run begun a moment before is not lost."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import jupyter_server_process
import postgres_process
import pytest
from stores import Sender, born, ended

from jupyter_aml import Experiment, Workspace
from jupyter_aml.errors import RunStateException
from jupyter_aml.store.connection import connect
from jupyter_aml.store.events import Batch, ExperimentDeleted, RunDeleted
from jupyter_aml.store.place import place_of

pytestmark = pytest.mark.timeout(120)
PLACES = {"postgresql": postgres_process.address, "http": jupyter_server_process.address}
KINDS = ["folder", *PLACES]


@pytest.fixture(params=KINDS)
def url(request, tmp_path):
    return PLACES[request.param]() if request.param in PLACES else str(tmp_path / "workspace")


@pytest.fixture
def workspace(url, tmp_path):
    more = {"artifacts": str(tmp_path / "artifacts")} if url.startswith("postgresql") else {}
    made = Workspace.from_url(url, create=True, **more)
    yield made
    made.connection.close()


def test_whoever_is_faster_a_run_is_not_deleted_while_it_is_open(workspace, url):
    """Two connections at once, many times: the deletion comes first, or is refused."""
    one, two = place_of(url).open_store(), place_of(url).open_store()
    try:
        for turn in range(15):
            name, old, new = f"e{turn}", f"old{turn}", f"new{turn}"
            Sender(one, f"a{turn}")(born(old, name), ended(old))
            deletion = ExperimentDeleted(name=name, at=2.0, only_ended=True)
            caught, start = [], threading.Barrier(2)

            def begin(start=start, turn=turn, name=name, new=new):
                start.wait()
                Sender(two, f"b{turn}")(born(new, name))

            def delete(start=start, turn=turn, deletion=deletion, caught=caught):
                start.wait()
                try:
                    one.apply(Batch(journal=f"d{turn}", first=0, count=1, events=[deletion]))
                except RunStateException as error:
                    caught.append(error)

            threads = [threading.Thread(target=begin), threading.Thread(target=delete)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            assert one.run(new).status == "Running" and one.experiment(name).run_count == 1 + len(caught), turn
            assert (one.run(old) is None) != bool(caught), turn
    finally:
        two.close()
        one.close()


def test_an_experiment_with_an_open_run_is_not_deleted(workspace):
    run = Experiment(workspace, "exp").start_logging(snapshot_directory=None)
    with pytest.raises(RunStateException, match=run.id):
        Experiment.delete(workspace, "exp")
    run.complete()
    Experiment.delete(workspace, "exp")
    assert "exp" not in workspace.experiments


@pytest.mark.parametrize("words", [["run", "delete", "exp#1"], ["experiment", "delete", "exp"]])
def test_a_run_that_is_begun_while_the_command_asks_is_not_deleted(workspace, url, words):
    with Experiment(workspace, "exp").start_logging(snapshot_directory=None) as first:
        pass
    workspace.connection.flush()
    command = [sys.executable, "-m", "jupyter_aml", "-w", url, *words]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=dict(os.environ)
    ) as process:
        asked = b""
        while b"[y/N]" not in asked:  # it has looked, and waits
            asked += os.read(process.stdout.fileno(), 1000) or pytest.fail(asked.decode())
        # Its child's birth was still in another machine's journal; or a further run is begun.
        parent = first.id if words[0] == "run" else None
        Sender(workspace.connection.store, "elsewhere")(born("second", "exp", parent=parent))
        said, _ = process.communicate(b"y\n", timeout=60)
    assert process.returncode == 1 and b"has not ended" in said, said
    store = workspace.connection.store
    assert store.run(first.id) is not None and store.run("second").status == "Running"


def test_the_feed_says_who_did_it(workspace, monkeypatch):
    """Also when one changes what another has made."""
    with Experiment(workspace, "exp").start_logging(snapshot_directory=None) as run:
        pass
    monkeypatch.setenv("LOGNAME", "ben")
    seen = workspace.connection.store.last_change()
    run.tag("a", "b")
    Experiment(workspace, "exp").tag("c")
    workspace.update(description="ours")
    Experiment.delete(workspace, "exp")
    if not workspace.url.startswith("http"):  # there the login says who
        changes = workspace.connection.store.changes(seen)
        assert [(c.who, c.verb, c.noun) for c in changes] == [
            ("ben", "changed", "run"), ("ben", "changed", "experiment"), ("ben", "changed", "workspace"),
            ("ben", "deleted", "experiment"),
        ]  # fmt: skip


def test_several_changes_at_once_hold_together_or_not_at_all(workspace, url):
    connection = connect(url)
    connection.write(born("a"), ended("a"), born("b"))
    with pytest.raises(RunStateException):
        connection.change(*[RunDeleted(run=run, at=2.0, only_ended=True) for run in ("a", "b")])
    assert connection.store.run("a") is not None
    connection.write(ended("b"))
    for run in ("a", "b"):
        connection.change(RunDeleted(run=run, at=2.0, only_ended=True))
    assert connection.store.run("a") is None and connection.store.run("b") is None
