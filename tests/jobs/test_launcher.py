"""Whatever is killed, no run stays Running: it fails, or is tried again where that was asked for."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from conftest_submit import alive, number_in, until

from jupyter_aml.jobs import launching
from jupyter_aml.store.events import RunStatus

STAYS = """
import os, sys, time
open(sys.argv[1], "a").write("begun\\n")
open(sys.argv[2], "w").write(str(os.getpid()))
print("here", flush=True)
if len(sys.argv) < 4 or open(sys.argv[1]).read().count("begun") < int(sys.argv[3]):
    time.sleep(600)
"""


def kill(pid):
    os.kill(pid, signal.SIGKILL)
    until(lambda: not alive(pid))


def test_a_killed_launcher_fails_what_ran_and_another_one_goes_on_with_what_waits(bench, tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_AML_LOCAL_CONCURRENCY", "2")
    monkeypatch.setattr(launching, "STARTING", 1.0)
    once = bench.submit(STAYS, arguments=[tmp_path / "once", tmp_path / "once.pid"])
    twice = bench.submit(STAYS, arguments=[tmp_path / "twice", tmp_path / "twice.pid", 2], attempts=2)
    pid = number_in(tmp_path / "once.pid"), number_in(tmp_path / "twice.pid")
    waits = bench.submit("print('at last')\n")
    first = bench.launcher()
    kill(first.pid)
    until(lambda: not alive(pid[0]) and not alive(pid[1]))
    for run in (once, twice, waits):  # looking is enough
        run.wait_for_completion(raise_on_error=False)
    assert once.status == "Failed" and once._record().error["code"] in ("ProcessDied", "LauncherDied")
    assert twice.status == "Completed" and (tmp_path / "twice").read_text() == "begun\n" * 2
    assert waits.status == "Completed" and bench.log(waits) == "at last\n"
    assert bench.launcher().pid != first.pid
    until(lambda: bench.store.jobs() == [])
    assert "Attempt 2 of 2" in bench.log(twice, "azureml-logs/60_control_log.txt")


def test_a_killed_keeper_or_script_fails_the_run_and_a_killed_nursery_fails_nothing(bench, tmp_path):
    runs, pids = [], []
    for name in ("keeper", "script", "nursery"):
        runs.append(bench.submit(STAYS, arguments=[tmp_path / name, tmp_path / f"{name}.pid"]))
        pids.append(number_in(tmp_path / f"{name}.pid"))
    until(lambda: [run.get_status() for run in runs] == ["Running"] * 3)
    keeper = psutil.Process(pids[0]).parent()
    kill(keeper.pid)
    kill(pids[1])
    for run in runs[:2]:
        run.wait_for_completion(raise_on_error=False)
    assert [run.status for run in runs[:2]] == ["Failed", "Failed"]
    assert runs[0]._record().error["code"] == "ProcessDied" and not alive(pids[0])
    assert "SIGKILL" in runs[1]._record().error["message"]

    nursery = next(p for p in bench.launcher().children() if "jupyter_aml.jobs.nursery" in p.cmdline())
    kill(nursery.pid)
    other = bench.submit("print('still served')\n")
    assert other.wait_for_completion()["status"] == "Completed" and bench.log(other) == "still served\n"
    assert runs[2].get_status() == "Running" and alive(pids[2])
    until(lambda: runs[2].get_metrics("system/memory_mb"))
    assert runs[2].get_metrics() == {}, "metrics of the machine come when they are named"
    runs[2].cancel()
    runs[2].wait_for_completion()
    assert runs[2].status == "Canceled" and not alive(pids[2])


def test_one_launcher_serves_a_queue_and_it_ends_when_nothing_comes(bench, monkeypatch):
    monkeypatch.setenv("JUPYTER_AML_LAUNCHER_IDLE", "1.5")
    stays = bench.submit("import time\ntime.sleep(600)\n")
    until(lambda: stays.get_status() == "Running")
    first = bench.launcher()
    again = subprocess.run(
        [sys.executable, "-m", "jupyter_aml.jobs.launcher", "--workspace", bench.workspace.url], timeout=60, check=False
    )
    assert again.returncode == 0 and bench.launcher().pid == first.pid
    stays.cancel()
    first.wait(20)
    where = launching.post(bench.workspace.url, launching.local_queue())
    assert not where.lock.exists() and not where.pipe.exists()
    assert bench.submit("pass\n").wait_for_completion()["status"] == "Completed"


def test_a_launcher_elsewhere_that_is_silent_loses_its_runs(bench, monkeypatch):
    class Far:
        name, type = "far", "Remote"

        def _queue(self):
            return "far"

        def _check_job(self, definition):
            assert definition["script"] == "script.py"

        def _wake(self):
            pass

    once = bench.submit("pass\n", compute_target=Far())
    more = bench.submit("pass\n", compute_target=Far(), attempts=2)
    lost = bench.submit("pass\n", compute_target=Far(), attempts=2)
    assert [bench.store.claim_job(["far"], "silent").run for _ in range(3)] == [once.id, more.id, lost.id]
    lost.cancel()
    assert lost.get_status() == "CancelRequested", "its launcher would have to end it"
    monkeypatch.setattr(launching, "STALE", -1.0)
    launching.end_stale(bench.workspace.connection)
    assert [run.get_status() for run in (once, more, lost)] == ["Failed", "Queued", "Canceled"]
    assert once._record().error["code"] == "LauncherDied"
    assert [(job.run, job.state, job.attempt) for job in bench.store.jobs("far")] == [(more.id, "queued", 2)]


def test_a_launcher_that_dies_before_it_serves_is_started_again(bench, monkeypatch):
    monkeypatch.setenv("JUPYTER_AML_LAUNCHER_IDLE", "30")
    monkeypatch.setattr(launching, "STARTING", 0.5)
    monkeypatch.setenv("PYTHONHOME", "/nowhere")  # no Python starts with this
    run = bench.submit("pass\n")
    monkeypatch.delenv("PYTHONHOME")
    assert run.wait_for_completion()["status"] == "Completed"


def test_a_run_whose_rescuer_was_killed_too_is_ended_by_whoever_serves_its_queue(bench, monkeypatch):
    connection, queue = bench.workspace.connection, launching.local_queue()
    with monkeypatch.context() as patched:
        patched.setattr(launching, "ensure", lambda *_: None)  # nobody takes it
        run = bench.submit("print('never')\n")
        again = bench.submit("pass\n", attempts=2)
        assert [bench.store.claim_job([queue], "silent").run for _ in range(2)] == [run.id, again.id]
        connection.write(*[RunStatus(run=one.id, status="Running", at=time.time()) for one in (run, again)])
        connection.flush()
        patched.setattr(launching, "STALE", -1.0)
        patched.setattr(launching, "give_back", None)  # it dies there
        with pytest.raises(TypeError):
            launching.end_stale(connection)
    assert run.get_status() == "Running" and bench.store.job(run.id).state == "queued"
    assert again.get_status() == "Queued", "in one step: whoever takes it writes its status later"
    again.cancel()
    launching.ensure(connection, queue)
    run.wait_for_completion(raise_on_error=False)
    assert run.status == "Failed" and run._record().error["code"] == "LauncherDied"
    until(lambda: bench.store.jobs() == [])


def test_a_request_to_cancel_stands_while_the_run_goes_on(bench, monkeypatch):
    monkeypatch.setattr(launching, "ensure", lambda *_: None)  # nobody takes it
    run, connection = bench.submit("pass\n"), bench.workspace.connection
    for status in ("Preparing", "CancelRequested", "Running", "Finalizing", "Queued"):
        connection.write(RunStatus(run=run.id, status=status, at=time.time()))
        connection.flush()
        assert run.get_status() == ("Preparing" if status == "Preparing" else "CancelRequested")
    connection.write(RunStatus(run=run.id, status="Canceled", at=time.time()))
    connection.flush()
    assert run.get_status() == "Canceled"
