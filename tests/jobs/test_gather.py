"""What a script writes is its run's while it runs, and stays when all is killed."""

import os
import signal

from conftest_submit import alive, number_in, until

WRITES = """
import os, pathlib, sys, time
pathlib.Path("outputs/deep").mkdir()
pathlib.Path("outputs/deep/first.txt").write_text("kept")
pathlib.Path("logs/steps.txt").write_text("1")
pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))
growing = open("outputs/growing.txt", "w")
while not os.path.exists(sys.argv[2]):
    growing.write("more"); growing.flush()
    time.sleep(0.02)
growing.write("end"); growing.close()
pathlib.Path("logs/steps.txt").write_text("2")
"""


LEAVES = """
import os
from azureml.core import Run
for step in range(3):
    Run.get_context().log("loss", step)
os._exit(0)
"""


def names(run):
    return {name for name in run.get_file_names() if name.startswith(("outputs/", "logs/"))}


def content(bench, run, name, path):
    run.download_file(name, path)
    return path.read_text()


def test_files_are_there_while_the_script_runs_and_as_it_left_them_when_it_has_ended(bench, tmp_path):
    run = bench.submit(WRITES, arguments=[tmp_path / "pid", tmp_path / "go"])
    until(lambda: names(run) == {"outputs/deep/first.txt", "logs/steps.txt"})
    assert run.get_status() == "Running" and content(bench, run, "logs/steps.txt", tmp_path / "a") == "1"
    (tmp_path / "go").touch()
    assert run.wait_for_completion()["status"] == "Completed"
    assert names(run) == {"outputs/deep/first.txt", "outputs/growing.txt", "logs/steps.txt"}
    assert content(bench, run, "logs/steps.txt", tmp_path / "b") == "2"
    assert content(bench, run, "outputs/growing.txt", tmp_path / "c").endswith("moreend")
    assert "3 files are kept" in bench.log(run, "azureml-logs/60_control_log.txt")


def test_what_was_finished_survives_the_death_of_launcher_and_script(bench, tmp_path):
    run = bench.submit(WRITES, arguments=[tmp_path / "pid", tmp_path / "go"])
    until(lambda: "outputs/deep/first.txt" in names(run))
    pid, launcher = number_in(tmp_path / "pid"), bench.launcher()
    for one in (launcher.pid, pid):
        os.kill(one, signal.SIGKILL)
    until(lambda: not alive(launcher.pid) and not alive(pid))
    run.wait_for_completion(raise_on_error=False)
    assert run.get_status() == "Failed"
    assert content(bench, run, "outputs/deep/first.txt", tmp_path / "a") == "kept"


def test_what_a_script_logged_is_there_when_its_run_has_ended_however_it_left(bench):
    run = bench.submit(LEAVES)
    assert run.wait_for_completion()["status"] == "Completed"
    assert run.get_metrics() == {"loss": [0, 1, 2]}
