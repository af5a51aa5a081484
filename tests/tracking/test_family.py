"""Runs have children; a child's id is its own, and never a path."""

import json
import os

import pytest

from jupyter_aml import Run
from jupyter_aml.errors import UserErrorException


@pytest.fixture
def parent(experiment):
    return experiment.start_logging(snapshot_directory=None)


@pytest.mark.parametrize("run_id", ["my_id", "a", "0-1.2:3#4", "x" * 255])
def test_a_child_may_have_a_chosen_id(parent, run_id) -> None:
    assert parent.child_run(run_id=run_id).id == run_id
    assert [child.id for child in parent.get_children()] == [run_id]


@pytest.mark.parametrize(
    "run_id", ["../../escape", "..", ".x", "-x", "a/b", "a\\b", "a b", "ä", "", "x" * 256, "a\n", 5]
)
def test_an_id_that_cannot_be_is_refused(parent, run_id) -> None:
    with pytest.raises(UserErrorException):
        parent.child_run(run_id=run_id)
    assert list(parent.get_children()) == []


def test_an_id_that_is_taken_is_refused(parent) -> None:
    first = parent.child_run("first", run_id="my_id")
    with pytest.raises(UserErrorException, match="'my_id'"):
        parent.child_run("second", run_id="my_id")
    first.log("x", 1.0)
    assert first.get_metrics() == {"x": 1.0}
    assert first.name == "first"


def test_the_id_of_a_deleted_run_stays_taken(parent) -> None:
    from jupyter_aml.store.events import RunDeleted

    parent.child_run(run_id="my_id").complete()
    parent.experiment.workspace.connection.write(RunDeleted(run="my_id", at=1.0))
    with pytest.raises(UserErrorException, match="'my_id'"):
        parent.child_run(run_id="my_id")


def test_an_id_from_elsewhere_is_never_a_path(parent, tmp_path) -> None:
    from jupyter_aml.store.events import RunCreated, TextLogged
    from jupyter_aml.store.records import RunRecord

    connection = parent.experiment.workspace.connection
    connection.write(  # as another program may send it to a server
        RunCreated(run=RunRecord(id="../../escape", experiment="exp", type="t", status="Completed")),
        TextLogged(run="../../escape", path="logs/a.txt", text="a", at=1.0),
    )
    before = set(os.listdir(tmp_path.parent))
    [written] = Run.get(parent.experiment.workspace, "../../escape").get_all_logs()
    assert written.startswith("assets" + os.sep)
    assert ".." not in written
    assert os.path.exists(written)
    assert set(os.listdir(tmp_path.parent)) == before


@pytest.mark.parametrize(
    "wrong", [{"count": "a"}, {"count": -1}, {"count": 1.5}, {"tag_key": "k", "tag_values": 5}, {}]
)
def test_children_that_cannot_be_counted_are_refused(parent, wrong) -> None:
    with pytest.raises(UserErrorException, match=r"create_children\(\)"):
        parent.create_children(**wrong)
    assert list(parent.get_children()) == []


def test_children_are_counted_or_tagged(parent) -> None:
    assert len(parent.create_children(count=2)) == 2
    assert [child.tags for child in parent.create_children(tag_key="k", tag_values=["a", 1])] == [
        {"k": "a"},
        {"k": "1"},
    ]
    assert parent.create_children(count=0) == []


@pytest.mark.parametrize("tags", ["x", ["x"], 5])
def test_tags_are_a_dict(parent, tags) -> None:
    known = {run.id for run in parent.experiment.get_runs()}
    with pytest.raises(UserErrorException, match="Tags are a dict"):
        parent.experiment.start_logging(tags=tags)
    with pytest.raises(UserErrorException, match="Tags are a dict"):
        parent.set_tags(tags)
    with pytest.raises(UserErrorException, match="Properties are a dict"):
        parent.add_properties(tags)
    assert {run.id for run in parent.experiment.get_runs()} == known


BIRTH = """
import json, sys
from jupyter_aml import Experiment, Workspace
run = Experiment(Workspace.from_url(sys.argv[1]), "exp").start_logging(snapshot_directory=None)
print(json.dumps(run.id), flush=True)
sys.stdin.readline()
run.complete()
"""


def test_a_run_that_another_process_has_just_begun_is_found(parent, tmp_path) -> None:
    import subprocess
    import sys

    workspace = parent.experiment.workspace
    assert workspace.experiments  # the store is open: nothing here takes long
    words = [sys.executable, "-c", BIRTH, workspace.url]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        run_id = json.loads(process.stdout.readline())
        assert workspace.get_run(run_id).get_status() == "Running"
        process.communicate("\n")
    assert workspace.get_run(run_id).get_status() == "Completed"
