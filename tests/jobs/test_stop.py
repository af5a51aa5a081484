"""Killed kernels, killed runners, cancellation: the run and the notebook tell the truth."""

import os
import signal
import sys

import nbformat
import pytest
from conftest_jobs import alive, only_run, pid_in, source_of, statuses, wait_for, workspace

from jupyter_aml.jobs import resume_notebook

PAPERMILL = ("-m", "papermill", "--engine", "aml", "--no-progress-bar")


def cell_statuses(run_id):
    cells = workspace().get_run(run_id).get_children()
    return [c.status for c in sorted((c._record() for c in cells), key=lambda c: c.details["index"])]


def gone(pid):
    return wait_for(lambda: not alive(pid), 20)


def test_a_killed_kernel_fails_the_run_and_what_never_ran_stays_pending(endless, start, tmp_path):
    path, kernel, child = endless
    out = tmp_path / "out.ipynb"
    process = start(*PAPERMILL, path, out)
    os.kill(pid_in(kernel), signal.SIGKILL)
    process.wait(60)
    assert process.returncode == 138 and "DeadKernelError" in process.said()
    assert gone(pid_in(child))
    assert statuses(out) == ["completed", "completed", "failed", "pending", "pending"]
    nb = nbformat.read(out, 4)
    assert nb.metadata.papermill.exception is True and nb.cells[2].metadata.papermill.exception is True
    assert "before the end" in str(nb.cells[2].outputs[0]) and nb.cells[2].outputs[-1].ename == "DeadKernelError"
    record = only_run()
    assert (record.status, record.error["code"]) == ("Failed", "KernelDied")
    assert cell_statuses(record.id) == ["Completed", "Completed", "Failed"]
    assert "output.ipynb" in workspace().get_run(record.id).get_file_names()


def test_a_killed_runner_leaves_no_open_run_and_who_fails_it_completes_its_notebook_which_can_be_resumed(
    endless, start, tmp_path
):
    path, kernel, child = endless
    out = tmp_path / "out.ipynb"
    process = start(*PAPERMILL, path, out)
    pid = pid_in(kernel)
    wait_for(lambda: statuses(out)[2] == "running")
    process.kill()
    process.wait()
    assert gone(pid) and gone(pid_in(child)), "the kernel and its processes end without their runner"
    assert statuses(out) == ["completed", "completed", "running", "pending", "pending"]
    record = wait_for(lambda: (r := only_run()).status == "Failed" and r)
    assert record.error["code"] == "ProcessDied"
    assert cell_statuses(record.id) == ["Completed", "Completed", "Failed"]

    assert statuses(out) == ["completed", "completed", "failed", "pending", "pending"]
    nb = nbformat.read(out, 4)
    assert "before the end" in str(nb.cells[2].outputs) and nb.cells[2].outputs[-1].ename == "ProcessDied"
    assert "second" in str(nb.cells[1].outputs)

    nb = nbformat.read(path, 4)
    nb.cells[2].source = "print('mended', first)"
    nbformat.write(nb, tmp_path / "mended.ipynb")
    said = []
    resumed = resume_notebook(record.id, notebook=tmp_path / "mended.ipynb", say=said.append)
    assert resumed.get_status() == "Completed" and statuses(out) == ["completed"] * 5
    assert "ended at cell 2" in said[0] and "executed again first: cells 0–1" in said[0]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 1)])
def test_a_signal_stops_the_kernel_and_its_processes_and_cancels_the_run(endless, start, tmp_path, number, code):
    path, kernel, child = endless
    out = tmp_path / "out.ipynb"
    process = start(*PAPERMILL, path, out)
    pid = pid_in(kernel)
    process.send_signal(number)
    process.wait(60)
    assert process.returncode == code
    assert gone(pid) and gone(pid_in(child))
    assert statuses(out) == ["completed", "completed", "failed", "pending", "pending"]
    assert "before the end" in source_of(out)
    record = only_run()
    assert record.status == "Canceled" and cell_statuses(record.id) == ["Completed", "Completed", "Canceled"]


def test_cancelling_from_another_process_stops_a_kernel_that_ignores_interrupts(make, start, tmp_path):
    kernel, child = tmp_path / "kernel.pid", tmp_path / "child.pid"
    code = (
        "import os, signal, subprocess, time, pathlib\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "child = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
        f"pathlib.Path({str(child)!r}).write_text(str(child.pid))\n"
        f"pathlib.Path({str(kernel)!r}).write_text(str(os.getpid()))\n"
        "while True:\n    time.sleep(1)"
    )
    path = make("stubborn.ipynb", "print('first')", code, "print('never')")
    out = tmp_path / "out.ipynb"
    process = start(*PAPERMILL, path, out)
    pid = pid_in(kernel)
    run_id = wait_for(lambda: only_run().id)
    workspace().get_run(run_id).cancel()
    assert workspace().get_run(run_id).get_status() in ("CancelRequested", "Canceled")
    process.wait(60)
    assert process.returncode == 1 and "canceled" in process.said()
    assert gone(pid) and gone(pid_in(child)), "a descendant in a session of its own ends too"
    record = only_run()
    assert record.status == "Canceled" and cell_statuses(record.id) == ["Completed", "Canceled"]
    assert statuses(out) == ["completed", "failed", "pending"]


def test_stopped_while_the_kernel_starts_nothing_is_left_running(make, start, tmp_path):
    import json

    pid_file, kernels = tmp_path / "kernel.pid", tmp_path / "data" / "kernels" / "slow"
    kernels.mkdir(parents=True)
    code = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    spec = {"argv": [sys.executable, "-c", code, "{connection_file}"], "display_name": "Slow", "language": "python"}
    (kernels / "kernel.json").write_text(json.dumps(spec))
    path = make("in.ipynb", "1", kernel="slow")
    process = start(
        *PAPERMILL, path, tmp_path / "out.ipynb", env={**os.environ, "JUPYTER_PATH": str(tmp_path / "data")}
    )
    pid = pid_in(pid_file)
    process.terminate()
    process.wait(60)
    assert process.returncode == 143 and gone(pid)
    assert only_run().status == "Canceled" and statuses(tmp_path / "out.ipynb") == ["pending"]
