"""Sweeps, resumption, and the command line."""

import json
import os
import signal
import subprocess
import sys

import nbformat
import pytest
from conftest_jobs import alive, only_run, pid_in, statuses, wait_for, workspace

from jupyter_aml.errors import ParameterException, RunStateException, UserErrorException
from jupyter_aml.jobs import resume_notebook, run_notebook, run_sweep
from jupyter_aml.jobs.resume import ranges, read_ranges
from jupyter_aml.jobs.sweep import names_of, read_sets

TRAIN = "from jupyter_aml import Run\nRun.get_context().log('twice', lr * 2)\nassert lr != 0.2, 'this one fails'"


def aml(*words, **kw):
    command = [sys.executable, "-c", "from jupyter_aml.cli.main import main; main()", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, **kw)


def test_sets_are_a_list_or_all_combinations():
    assert read_sets([{"a": 1}, {"a": 2}]) == [{"a": 1}, {"a": 2}]
    assert read_sets({"a": [1, 2], "b": "x"}) == [{"a": 1, "b": "x"}, {"a": 2, "b": "x"}]
    for wrong in ([], {}, "x", [1], {"a": []}, {"a": list(range(200)), "b": list(range(200))}):
        with pytest.raises(ParameterException):
            read_sets(wrong)


@pytest.mark.slow
def test_a_sweep_goes_on_when_one_fails_and_says_so(make, tmp_path):
    path = make("train.ipynb", TRAIN, params="lr = 0.0\ntoken = ''  # secret")
    (tmp_path / "sets.yml").write_text("lr: [0.1, 0.2, 0.3]")
    out = tmp_path / "outs"
    done = aml(
        "notebook", "run", path, out, "--sweep", tmp_path / "sets.yml", "-j", "3", "-r", "token", "hidden-77", "--json"
    )
    assert done.returncode == 1, done.stderr
    answer = json.loads(done.stdout)
    assert answer["status"] == "Failed" and "1 of 3" in answer["error"]["message"] and "this one fails" in done.stdout
    sweep = workspace().get_run(answer["id"])
    children = [c._record() for c in sweep.get_children()]
    assert {c.params["lr"]: c.status for c in children} == {0.1: "Completed", 0.2: "Failed", 0.3: "Completed"}
    assert {c.name for c in children} == {"lr=0.1", "lr=0.2", "lr=0.3"}
    assert {c.type for c in children} == {"aml.notebook"} and {c.experiment for c in children} == {"train"}
    assert sorted(p.name for p in out.iterdir()) == ["train-0.ipynb", "train-1.ipynb", "train-2.ipynb"]
    assert len({c.snapshot for c in children}) == 1
    kept = [p for p in tmp_path.rglob("*") if p.is_file() and b"hidden-77" in p.read_bytes()]
    assert kept == []


def test_executions_of_a_sweep_are_called_after_what_differs():
    sets = [{"lr": 0.1, "who": "x", "token": "a"}, {"lr": 0.1, "who": "y", "layers": [1], "token": "b"}]
    assert names_of(sets, {"token"}) == ["who=x", "who=y, layers=[1]"]
    assert names_of([{"lr": 1}, {"lr": 1}, {"lr": 2}]) == ["", "", "lr=2"]


def test_a_sweep_whose_sets_or_outputs_do_not_fit_executes_nothing(make, tmp_path):
    path = make("train.ipynb", TRAIN, params="lr = 0.0")
    with pytest.raises(ParameterException, match=r"Set 1: .*lrr"):
        run_sweep(path, None, [{"lr": 0.1}, {"lrr": 1}])
    with pytest.raises(UserErrorException, match="names one"):
        run_sweep(path, tmp_path / "out.ipynb", {"lr": [1, 2]})
    with pytest.raises(UserErrorException, match="Two sets"):
        run_sweep(
            path,
            tmp_path / "{other}.ipynb",
            [{"lr": 1.0, "other": "../x"}, {"lr": 2.0, "other": "../x"}],
            allow_unknown=True,
        )
    assert not (tmp_path / "aml-home").exists()


@pytest.mark.slow
def test_ctrl_c_on_a_sweep_cancels_all(endless, start, tmp_path):
    path, kernel, _ = endless
    nb = nbformat.read(path, 4)
    nb.cells.insert(0, nbformat.v4.new_code_cell("n = 0", metadata={"tags": ["parameters"]}))
    nbformat.write(nb, path)
    (tmp_path / "sets.yml").write_text("n: [1, 2]")
    process = start(
        "-c",
        "from jupyter_aml.cli.main import main; main()",
        "notebook",
        "run",
        path,
        "--sweep",
        tmp_path / "sets.yml",
        "-j",
        1,
    )
    pid = pid_in(kernel)
    process.send_signal(signal.SIGINT)
    process.wait(60)
    assert process.returncode == 130, process.said()
    wait_for(lambda: not alive(pid))
    assert only_run("aml.sweep").status == "Canceled" and only_run("aml.notebook").status == "Canceled"


@pytest.fixture
def failed(make, tmp_path):
    """A failed execution: (its run's id, output, the file whose presence makes it succeed, a count of executions)."""
    flag, count = tmp_path / "flag", tmp_path / "count"
    path = make(
        "steps.ipynb",
        f"open({str(count)!r}, 'a').write('x')\nfirst = lr",
        f"import os\nassert os.path.exists({str(flag)!r}), 'no flag'\nprint('got', token)",
        "print('end')",
        params="lr = 0.1\ntoken = ''  # secret",
    )
    out = tmp_path / "out.ipynb"
    run = run_notebook(path, out, {"lr": 0.7, "token": "hidden-77"}, raise_on_error=False, tags={"k": "v"})
    assert run.get_status() == "Failed"
    path.unlink()  # the notebook that was kept with the run is the source
    return run, out, flag, count


def test_resuming_replays_the_earlier_cells_with_the_same_parameters(failed):
    run, out, flag, count = failed
    with pytest.raises(ParameterException, match=r"secret parameter 'token' .* not kept"):
        resume_notebook(run)
    flag.touch()
    done = aml("notebook", "resume", run.id, "--json", env={**os.environ, "token": "hidden-88"})
    assert done.returncode == 0, done.stderr
    assert "executed again first: cells 0–2" in done.stderr
    answer = json.loads(done.stdout)
    assert answer["properties"]["aml.resumed_from"] == run.id and answer["tags"]["k"] == "v"
    assert answer["params"] == {"lr": 0.7, "token": "******"}
    assert count.read_text() == "xx" and statuses(out) == ["completed"] * 5
    with pytest.raises(RunStateException, match="nothing to resume"):
        resume_notebook(answer["id"])


def test_resuming_with_a_corrected_notebook_takes_what_that_declares(failed, make):
    run, _, flag, _ = failed
    flag.touch()
    bare = make("bare.ipynb", "print('no parameters')")
    with pytest.raises(ParameterException, match="no parameter 'token'"):
        resume_notebook(run, notebook=bare, parameters={"token": "hidden-88"})
    assert resume_notebook(run, notebook=bare).get_status() == "Completed"


def test_resuming_can_skip_what_had_completed(failed):
    run, out, flag, count = failed
    flag.touch()
    said = []
    again = resume_notebook(run, skip="completed", parameters={"token": "hidden-88"}, say=said.append)
    assert again.get_status() == "Completed" and count.read_text() == "x", "the first cell was not executed again"
    assert "Skipped: cell 2." in said[0] and "does not have the variables" in said[0]
    nb = nbformat.read(out, 4)
    assert nb.cells[2].metadata.papermill.skipped and nb.cells[2].execution_count
    assert again._record().details["skipped"] == [2]
    assert len(list(again.get_children())) == 4


def test_ranges_are_written_and_read():
    assert ranges([5, 0, 1, 2]) == "0–2, 5" and read_ranges("0-2,5") == {0, 1, 2, 5}
    for wrong in ("", "a", "3-1", "1-", "-1"):
        with pytest.raises(UserErrorException):
            read_ranges(wrong)


@pytest.mark.slow
def test_the_command_reads_values_by_declared_type_and_has_exit_codes(make, tmp_path):
    path = make(
        "in.ipynb",
        "from jupyter_aml import Run\nRun.get_context().log('seen', lr)",
        params="name = 'x'\nlr = 0.1\nlayers = [1]\ntoken = ''  # secret",
    )
    done = aml("notebook", "run", path, tmp_path / "out.ipynb", "-p", "name", "123", "-p", "lr", "1e-3", "-y", "{layers: [2, 3]}",
               "--name", "mine", "--tag", "k=v", "-e", "exp", "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["params"] == {"name": "123", "lr": 0.001, "layers": [2, 3]}
    assert record["metrics"]["seen"]["last"] == 0.001
    assert (record["name"], record["tags"], record["experiment"]) == ("mine", {"k": "v"}, "exp")
    for words in (
        ["-p", "nme", "1"], ["-p", "lr", "x"], ["-k", "nope"], ["-f", "none.yml"], ["-y", "{"], ["-y", "[1]"], ["-j", "2"],
        ["--secret", "token"],
    ):  # fmt: skip
        wrong = aml("notebook", "run", path, *words)
        assert wrong.returncode == 2 and "Traceback" not in wrong.stderr, (words, wrong)
    assert aml("notebook", "run", path, path).returncode == 2
    assert aml("notebook", "resume", "nope").returncode == 3
    again = aml("notebook", "resume", record["id"])
    assert again.returncode == 1 and "nothing to resume" in again.stderr
