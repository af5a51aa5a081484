"""A run repeated from what was kept of it, when its folder has long changed."""

import nbformat
import pytest
from conftest_jobs import wait_for, workspace

from jupyter_aml.errors import ParameterException, UserErrorException
from jupyter_aml.jobs import detached, run_notebook
from jupyter_aml.jobs.as_it_ran import as_it_ran
from jupyter_aml.jobs.reproduce import plan, reproduce
from jupyter_aml.tracking import snapshot
from jupyter_aml.tracking.cells import open_session

TRAIN = "import helper\nfrom jupyter_aml import Run\nRun.get_context().log('score', helper.score(lr))"


@pytest.fixture
def trained(make, tmp_path):
    path = make("train.ipynb", "#md # Training", TRAIN, params="lr = 0.5\ntoken = ''  # secret")
    (path.parent / "helper.py").write_text("def score(lr):\n    return lr * 2\n")
    return path, run_notebook(path, None, {"lr": 0.25}, cwd=path.parent)


def test_a_repetition_gives_the_same_although_the_folder_has_changed(trained, tmp_path):
    path, run = trained
    (path.parent / "helper.py").write_text("def score(lr):\n    raise ValueError('changed since')\n")
    path.unlink()
    again = reproduce(run, tmp_path / "again")
    first, second = run._record(), again._record()
    assert (second.status, second.tags, second.params) == ("Completed", {"reproduces": run.id}, {"lr": 0.25})
    assert second.snapshot == first.snapshot and second.experiment == first.experiment
    assert again.get_metrics()["score"] == run.get_metrics()["score"] == 0.5
    with pytest.raises(UserErrorException, match="not empty"):
        reproduce(run, tmp_path / "again")


def test_changed_parameters_are_checked_and_said(trained, tmp_path):
    _, run = trained
    connection = workspace().connection
    for wrong in ({"lr": "fast"}, {"rate": 0.1}):
        with pytest.raises(ParameterException):
            plan(connection, run.id, tmp_path / "wrong", wrong)
    assert not (tmp_path / "wrong").exists()
    again = reproduce(run, tmp_path / "again", parameters={"lr": 2.0})
    assert again.tags == {"resubmits": run.id} and again.get_metrics()["score"] == 4.0


def test_a_session_is_repeated_in_the_order_in_which_its_cells_ran(make, tmp_path):
    path = make("explore.ipynb", "#md # Look", "x = 1", "x += 1")
    (path.parent / "outputs").mkdir()
    cells = nbformat.read(path, 4).cells
    connection = workspace().connection
    recorder = open_session(
        connection, kernel_session="s1", experiment="explore", notebook="explore.ipynb", kernel_name="python3"
    )
    from jupyter_aml.store.events import RunChanged, SnapshotTaken

    taken = snapshot.take(connection.blobs, path.parent)
    connection.write(SnapshotTaken(snapshot=taken), RunChanged(run=recorder.parent, at=1, snapshot=taken.id))
    for n, (cell, source) in enumerate([(1, "x = 1"), (2, "x += 1"), (2, "x += 40; print(x)")]):
        recorder.started(f"m{n}", source, cell_id=cells[cell].id, at=100.0 + n)
        if n == 2:
            recorder.stream("m2", "stdout", "42\n")
        recorder.finished(f"m{n}")
    recorder.started("m3", "never", cell_id="zz", at=104.0)
    recorder.finished("m3", "aborted")

    shown = nbformat.reads(as_it_ran(connection, recorder.parent).content.decode(), 4)
    nbformat.validate(shown)
    assert [c.source for c in shown.cells] == ["# Look", "x = 1", "x += 1", "x += 40; print(x)"]
    assert shown.cells[-1].outputs[0].text == "42\n"
    until = connection.store.run(shown.cells[2].metadata.jupyter_aml.run)
    part = nbformat.reads(as_it_ran(connection, until.id).content.decode(), 4)
    assert [c.source for c in part.cells] == ["# Look", "x = 1", "x += 1"]
    again = reproduce(recorder.parent, tmp_path / "again", workspace=workspace())
    executed = nbformat.reads(as_it_ran(connection, again.id).content.decode(), 4)
    assert executed.cells[-1].outputs[0].text == "42\n"


def test_what_cannot_be_repeated_says_why(make, tmp_path):
    path = make("bare.ipynb", "1")
    run = run_notebook(path, snapshot=False)
    with pytest.raises(UserErrorException, match="no snapshot"):
        reproduce(run, tmp_path / "a")
    other = workspace().experiments or workspace()
    assert other is not None
    from jupyter_aml import Experiment

    plain = Experiment(workspace(), "plain").start_logging(snapshot_directory=None)
    plain.complete()
    with pytest.raises(UserErrorException, match="belongs to no notebook"):
        reproduce(plain, tmp_path / "b")


def test_an_execution_in_the_background_is_there_at_once_and_ends_by_itself(make):
    path = make("slow.ipynb", "import time\ntime.sleep(0.5)\nprint(lr)", params="lr: float = 0.1")
    connection = workspace().connection
    with pytest.raises(ParameterException):
        detached.start(connection, detached.Task(notebook=str(path), parameters={"lr": "x"}))
    run_id = detached.start(connection, detached.Task(notebook=str(path), parameters={"lr": 3.0}))
    assert connection.store.run(run_id).status == "Running"
    assert wait_for(lambda: connection.store.run(run_id).status) and wait_for(
        lambda: connection.store.run(run_id).status == "Completed"
    )
