"""How a run ends that its code does not end: with its process, with its block, or by somebody else."""

import json
import subprocess
import sys

import pytest

from jupyter_aml import Run
from jupyter_aml.errors import RunStateException

BEGIN = """
import gc, json, os, sys
from jupyter_aml import Experiment, Workspace
workspace = Workspace.from_url(sys.argv[1])
experiment = Experiment(workspace, "exp")
"""


@pytest.fixture
def process(experiment, tmp_path):
    """Call ``process(code)``: a program runs to its end; its experiment's runs are there, oldest first, and what it wrote to stderr."""

    def run(code, *words):
        script = tmp_path / "work" / "script.py"
        script.write_text(BEGIN + code)
        done = subprocess.run(
            [sys.executable, str(script), experiment.workspace.url, *words], capture_output=True, text=True, timeout=120
        )
        return list(experiment.get_runs(include_children=True))[::-1], done.stderr

    return run


def test_a_run_that_nobody_holds_any_more_completes_with_its_process(process) -> None:
    [run], errors = process(
        """
def train():
    run = experiment.start_logging(snapshot_directory=None)
    run.log("loss", 0.5)
    with open("outputs/model.pkl", "w") as file:
        file.write("model")
train()
gc.collect()
"""
    )
    assert (run.get_status(), errors) == ("Completed", "")
    assert run.get_file_names() == ["outputs/model.pkl"]
    assert run.get_metrics() == {"loss": 0.5}


LEAVING = {
    "sys.exit()": "Completed",
    "sys.exit(0)": "Completed",
    "sys.exit(False)": "Completed",
    "sys.exit(3)": "Failed",
    "sys.exit('bad')": "Failed",
    "sys.exit('')": "Failed",
}


@pytest.mark.parametrize(("code", "status"), LEAVING.items())
def test_an_exit_code_says_how_the_run_ended(process, code, status) -> None:
    [run, child], errors = process(
        f"""
run = experiment.start_logging(snapshot_directory=None)
child = run.child_run()
def main():
    try:
        {code}
    finally:
        gc.collect()
try:
    main()
except ValueError:
    pass
"""
    )
    assert (run.get_status(), child.get_status()) == (status, status)
    assert "Traceback" not in errors
    if status == "Failed":
        assert run.get_details()["error"]["error"]["code"] == "SystemExit"


def test_options_that_cannot_be_parsed_fail_the_run(process) -> None:
    [run], _ = process(
        """
import argparse
experiment.start_logging(snapshot_directory=None)
argparse.ArgumentParser().parse_args(["--unknown"])
"""
    )
    assert run.get_status() == "Failed"


@pytest.mark.parametrize("where", ["try", "suppress", "thread"])
def test_an_exit_that_was_caught_ends_nothing(process, where) -> None:
    [run], errors = process(
        """
import _thread, contextlib, threading
run = experiment.start_logging(snapshot_directory=None)
where = sys.argv[2]
if where == "try":
    try:
        sys.exit(3)
    except SystemExit as error:
        assert error.code == 3
elif where == "suppress":
    with contextlib.suppress(SystemExit):
        sys.exit("bad")
else:
    ended = threading.Event()
    class Last:
        def __del__(self):
            ended.set()
    def leave():
        last = Last()
        sys.exit(3)
    _thread.start_new_thread(leave, ())
    assert ended.wait(60)
    thread = threading.Thread(target=sys.exit, args=(3,))
    thread.start()
    thread.join()
run.log("after", 1.0)
""",
        where,
    )
    assert (run.get_status(), errors) == ("Completed", "")
    assert run.get_metrics() == {"after": 1.0}


@pytest.mark.parametrize(("code", "status"), LEAVING.items())
def test_an_exit_within_a_block_is_an_end_like_others(experiment, code, status) -> None:
    with pytest.raises(SystemExit), experiment.start_logging(snapshot_directory=None) as run:
        eval(code)
    assert run.get_status() == status


def _in_child(url: str, code: str) -> None:
    from jupyter_aml import Experiment, Workspace

    run = Experiment(Workspace.from_url(url), "exp").start_logging(snapshot_directory=None)
    run.log("x", 1.0)
    exec(code)


@pytest.mark.parametrize("method", ["fork", "forkserver"])
@pytest.mark.parametrize(
    ("code", "status"),
    [("", "Completed"), ("sys.exit(0)", "Completed"), ("sys.exit(3)", "Failed"), ("1 / 0", "Failed")],
)
def test_a_child_of_multiprocessing_ends_its_runs_as_others_do(experiment, method, code, status) -> None:
    import multiprocessing

    child = multiprocessing.get_context(method).Process(target=_in_child, args=(experiment.workspace.url, code))
    child.start()
    child.join(60)
    [run] = experiment.get_runs()
    assert (run.get_status(), run.get_metrics()) == (status, {"x": 1.0})
    assert run.get_details().get("error", {}).get("error", {}).get("code") != "ProcessDied"


def test_a_run_that_another_process_ended_is_left_as_it_is(process, experiment) -> None:
    [run], errors = process(
        """
import subprocess
run = experiment.start_logging(snapshot_directory=None)
run.log("x", 1.0)
run.flush()
other = "import sys; from jupyter_aml import Workspace; Workspace.from_url(sys.argv[1]).get_run(sys.argv[2]).complete()"
subprocess.run([sys.executable, "-c", other, workspace.url, run.id], check=True)
"""
    )
    assert (run.get_status(), errors) == ("Completed", "")
    assert run.get_properties() == {}


WRITES = {
    "log": lambda run: run.log("new", 1.0),
    "log again": lambda run: run.log("x", 1.0),
    "list": lambda run: run.log_list("new", [1.0]),
    "file": lambda run: run.upload_file("a.py", "train.py"),
    "files": lambda run: run.upload_files(["a.py"], ["train.py"]),
    "child": lambda run: run.child_run(),
}


@pytest.mark.parametrize("write", WRITES)
def test_an_ended_run_refuses_more_by_whichever_handle(experiment, write) -> None:
    run = experiment.start_logging(snapshot_directory=None)
    handles = [run, Run(experiment, run.id), experiment.workspace.get_run(run.id), next(experiment.get_runs())]
    handles[1].log("x", 0.0)
    handles[2].complete()
    for handle in [*handles, experiment.workspace.get_run(run.id), Run(experiment, run.id)]:
        with pytest.raises(RunStateException, match="Completed"):
            WRITES[write](handle)
    assert run.get_metrics() == {"x": 0.0}


ENDS = """
import sys
from jupyter_aml import Workspace
Workspace.from_url(sys.argv[1]).get_run(sys.argv[2]).complete()
"""
BEGINS = BEGIN + "print(json.dumps(experiment.start_logging(snapshot_directory=None).id))"


def test_a_run_that_ended_elsewhere_refuses_more(experiment, tmp_path) -> None:
    words = [sys.executable, "-c", BEGINS, experiment.workspace.url]
    for write in WRITES.values():
        begun = subprocess.run(words, capture_output=True, check=True, cwd=tmp_path)
        with pytest.raises(RunStateException, match="Completed"):
            write(Run(experiment, json.loads(begun.stdout)))


def test_a_run_that_others_end_meanwhile_refuses_more_when_that_was_seen(experiment) -> None:
    run = experiment.start_logging(snapshot_directory=None)
    run.log("x", 0.0)
    run.flush()
    subprocess.run([sys.executable, "-c", ENDS, experiment.workspace.url, run.id], check=True)
    assert run.get_status() == "Completed"
    for write in WRITES.values():
        with pytest.raises(RunStateException, match="Completed"):
            write(run)


def test_another_handle_keeps_the_outputs_too(experiment) -> None:
    run = experiment.start_logging(snapshot_directory=None)
    with open("outputs/model.pkl", "w") as file:
        file.write("model")
    experiment.workspace.get_run(run.id).complete()
    assert run.get_file_names() == ["outputs/model.pkl"]
