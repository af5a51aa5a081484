"""Runs keep what they are told, in the SDK's shapes, and refuse what cannot be."""

import math
import subprocess
import sys
import threading

import pytest

from jupyter_aml import Experiment, Run, Workspace
from jupyter_aml.errors import RunStateException, SnapshotException, UserErrorException


def test_metrics_have_the_sdks_shapes(experiment) -> None:
    import numpy as np

    run = experiment.start_logging()
    run.log("once", np.float32(0.5))
    for i in range(3):
        run.log("often", i)
    run.log("word", "text")
    run.log_list("list", (i for i in range(2)))
    run.log_row("row", a=1, b=2)
    run.log_row("rows", a=1)
    run.log_row("rows", a=2)
    run.log_table("table", {"x": [1, 2], "y": [3, 4]})
    run.log("nan", math.nan)
    run.log("inf", -math.inf)
    run.complete()
    got = run.get_metrics()
    assert math.isnan(got.pop("nan"))
    assert got == {
        "once": 0.5,
        "often": [0, 1, 2],
        "word": "text",
        "list": [0, 1],
        "row": {"a": 1, "b": 2},
        "rows": {"a": [1, 2]},
        "table": {"x": [1, 2], "y": [3, 4]},
        "inf": -math.inf,
    }
    assert run.get_metrics(name="once") == {"once": 0.5}


def test_a_finished_run_refuses_new_metrics_and_another_end(experiment) -> None:
    run = experiment.start_logging()
    run.complete()
    with pytest.raises(RunStateException, match="Completed"):
        run.log("x", 1)
    with pytest.raises(RunStateException, match="Completed"):
        run.fail("no")


def test_the_first_end_stands(experiment) -> None:
    run = experiment.start_logging()
    again = Run(experiment, run.id)
    run.complete()
    with pytest.raises(RunStateException):
        again.fail("late")
    assert run.get_status() == "Completed"


@pytest.mark.parametrize("value", [object(), [1, 2], {"a": 1}, None, b"x"])
def test_what_is_no_number_is_refused_by_name(experiment, value) -> None:
    run = experiment.start_logging()
    with pytest.raises(UserErrorException, match="'thing'"):
        run.log("thing", value)


@pytest.mark.parametrize("name", ["", " ", "a\0b", "x" * 256])
def test_a_metric_name_that_cannot_be_is_refused(experiment, name) -> None:
    with pytest.raises(UserErrorException):
        experiment.start_logging().log(name, 1)


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../b", "", "a\0", "C:\\x"])
def test_a_file_name_that_leaves_the_run_is_refused(experiment, name) -> None:
    with pytest.raises(UserErrorException):
        experiment.start_logging().upload_file(name, "train.py")


def test_outputs_are_kept_and_come_back(experiment, tmp_path) -> None:
    run = experiment.start_logging()
    with open("outputs/model.pkl", "w") as file:
        file.write("model")
    run.upload_file("logs/a.txt", "train.py")
    run.complete()
    assert run.get_file_names() == ["logs/a.txt", "outputs/model.pkl"]
    run.download_files("outputs", str(tmp_path / "got"))
    assert (tmp_path / "got" / "outputs" / "model.pkl").read_text() == "model"


def test_a_snapshot_honours_amlignore_and_comes_back(experiment, tmp_path) -> None:
    (tmp_path / "work" / ".amlignore").write_text("*.csv\n")
    (tmp_path / "work" / "data.csv").write_text("1")
    (tmp_path / "work" / "away").symlink_to("/etc/passwd")
    run = experiment.start_logging(snapshot_directory=".")
    run.restore_snapshot(path=str(tmp_path / "again"))
    assert sorted(p.name for p in (tmp_path / "again").iterdir()) == [".amlignore", "train.py"]
    with pytest.raises(SnapshotException):
        experiment.start_logging(snapshot_directory="nothing")


def test_a_run_that_a_thread_completes_is_waited_for(experiment) -> None:
    run = experiment.start_logging(snapshot_directory=None)
    threading.Timer(0.3, run.complete).start()
    assert run.wait_for_completion()["status"] == "Completed"


def test_a_run_that_nobody_else_would_end_is_not_waited_for(tmp_path, home) -> None:
    code = (  # in a process of its own: other tests' threads may live on in this one
        "import threading\n"
        "from jupyter_aml import Experiment, Workspace\n"
        "from jupyter_aml.errors import RunStateException\n"
        "run = Experiment(Workspace.default(), 'exp').start_logging()\n"
        "threading.Thread(target=run.log, args=('last', 1)).start()\n"
        "try:\n    run.wait_for_completion()\n"
        "except RunStateException as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert "call complete() to end it" in done.stdout, done.stderr


def test_a_workspace_in_the_source_folder_is_no_source(tmp_path, monkeypatch) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "train.py").write_text("1")
    monkeypatch.chdir(folder)
    for place in (folder / "aml", folder):  # below the folder, and the folder itself
        workspace = Workspace.from_url(str(place), create=True)
        run = Experiment(workspace, "exp").start_logging(snapshot_directory=".")
        assert "train.py" in workspace.connection.store.snapshot(run.get_snapshot_id()).files
        code = f"from jupyter_aml import Workspace; print(Workspace.from_url({str(place)!r}).connection.recover())"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
        assert done.stdout.strip() == "[]", done.stderr  # another process sees that this one lives
        assert run.get_status() == "Running"
        run.complete()


def test_a_block_ends_its_run(experiment) -> None:
    with experiment.start_logging() as run, run.child_run("kid") as child:
        assert Run.get_context() == child
    assert (run.get_status(), child.get_status()) == ("Completed", "Completed")
    with pytest.raises(ZeroDivisionError), experiment.start_logging() as bad:
        _ = 1 / 0
    assert bad.get_status() == "Failed"


def test_properties_stay_and_tags_change(experiment) -> None:
    run = experiment.start_logging()
    run.tag("k", 1)
    run.tag("x")
    run.add_properties({"p": 1})
    assert run.get_tags() == {"k": "1", "x": None}
    with pytest.raises(UserErrorException, match="'p'"):
        run.add_properties({"p": 2})


def test_outside_a_run_there_is_an_offline_run(capsys) -> None:
    run = Run.get_context()
    run.log("loss", 0.5)
    assert run.id.startswith("OfflineRun_")
    assert "loss" in capsys.readouterr().out
    assert not hasattr(run, "experiment")


def test_displays_are_html_without_the_users_markup(experiment) -> None:
    run = Experiment(experiment.workspace, "<img onerror=1>").start_logging(display_name="<script>")
    for thing in (run, run.experiment, run.experiment.workspace):
        assert "<script" not in thing._repr_html_()
        assert "<img" not in thing._repr_html_()
