"""%aml track: a kernel that records its own cells."""

import os
import signal

import pytest
from conftest_notebook import Kernel, wait_for

from jupyter_aml import Workspace
from jupyter_aml.store.records import RunQuery
from jupyter_aml.tracking import context


def runs(type, kernel=None):
    if kernel is not None:
        kernel.flush()
    store = Workspace.default().connection.store
    return list(store.walk(RunQuery(types=[type], everywhere=True, descending=False)))


def texts(run):
    store = Workspace.default().connection.store
    return {f.path: store.text(run.id, f.path) for f in store.files(run.id) if not f.digest}


def test_each_cell_becomes_a_run_as_a_server_would_record_it(kernel) -> None:
    kernel("%aml track on mine")
    kernel("from jupyter_aml import Run\nprint('hello')\nRun.get_context().log('loss', 0.5)\n1 + 1")
    kernel("!echo from a program")
    kernel("from IPython.display import display, SVG\ndisplay(SVG('<svg xmlns=\"http://www.w3.org/2000/svg\"/>'))")
    kernel("1 / 0")
    kernel("%aml track off")
    kernel("print('not recorded')")
    (session,) = runs("aml.session", kernel)
    assert (session.status, session.experiment, session.details["end"]) == ("Completed", "mine", "TrackingOff")
    on, logs, shell, figure, error, off = runs("aml.cell", kernel)
    assert [cell.details["execution_count"] for cell in (on, logs, shell)] == [1, 2, 3]
    assert {cell.parent for cell in (on, logs, shell, figure, error, off)} == {session.id}
    assert texts(logs) == {"stdout.txt": "hello\n", "result.txt": "2\n"}
    assert logs.details["source"].startswith("from jupyter_aml") and logs.details["execution_count"] == 2
    assert "from a program" in texts(shell)["stdout.txt"]
    store = Workspace.default().connection.store
    assert [f.path for f in store.files(figure.id) if f.digest] == ["figures/1.svg"]
    assert (error.status, error.error["code"]) == ("Failed", "ZeroDivisionError")
    assert "\x1b" not in error.error["traceback"]
    assert (on.status, off.status) == ("Completed", "Completed")
    # the session owns what was logged, the cell shows it
    assert store.metrics([session.id])[session.id]["loss"].last == 0.5
    assert store.metrics([logs.id])[logs.id]["loss"].last == 0.5


def test_the_session_keeps_the_source_of_its_folder(kernel, tmp_path) -> None:
    (tmp_path / "model.py").write_text("x = 1")
    kernel("%aml track on mine")

    def taken():
        (session,) = runs("aml.session", kernel)
        return session.snapshot

    snapshot = wait_for(taken)
    assert "model.py" in Workspace.default().connection.store.snapshot(snapshot).files


def test_the_cell_that_switches_on_may_log(kernel) -> None:
    kernel("%aml track on mine\nfrom jupyter_aml import Run\nRun.get_context().log('early', 1)")
    kernel("%aml track off")
    store = Workspace.default().connection.store
    first = runs("aml.cell", kernel)[0]
    assert "early" in store.metrics([first.id])[first.id]


def test_on_and_off_say_what_is(kernel) -> None:
    assert kernel("%aml track")[1].splitlines()[-1] == "off"
    assert "experiment 'mine'" in kernel("%aml track on mine")[1]
    assert "experiment 'mine'" in kernel("%aml track on")[1]
    assert len(runs("aml.session", kernel)) == 1
    assert "tracking    on: the kernel records" in kernel("%aml status")[1]
    assert "experiment 'other'" in kernel("%aml track on other")[1]
    assert kernel("%aml track off")[1].splitlines()[-1] == "off"
    assert kernel("%aml track off")[1].splitlines()[-1] == "off"
    assert [(s.experiment, s.status) for s in runs("aml.session", kernel)] == [
        ("mine", "Completed"),
        ("other", "Completed"),
    ]


def test_a_server_that_tracks_already_is_left_to_it(kernel, tmp_path) -> None:
    mark = {"workspace": str(tmp_path / "w"), "experiment": "served", "notebook": "n.ipynb"}
    context.write_mark(kernel.id, **mark)
    _, text = kernel("%aml track on mine")
    assert "the Jupyter server records the cells in experiment 'served'" in text
    assert "the Jupyter server" in kernel("%aml track off")[1]
    assert not Workspace.list()


def test_a_server_that_begins_to_track_takes_over(kernel) -> None:
    kernel("%aml track on mine")
    kernel("1")
    url = Workspace.default().url
    context.write_mark(kernel.id, workspace=url, experiment="served", notebook="n.ipynb")
    _, text = kernel("from jupyter_aml import Run\nprint(Run.get_context().experiment.name)\n%aml track")
    assert text.startswith("served\n") and "the Jupyter server" in text
    (session,) = runs("aml.session", kernel)
    assert session.status == "Completed"
    assert [cell.details["source"] for cell in runs("aml.cell", kernel)] == ["%aml track on mine", "1"]


def test_a_notebook_that_is_executed_as_a_run_is_not_tracked_again(kernel) -> None:
    url = Workspace.default().url
    kernel(f"import os\nos.environ.update(JUPYTER_AML_RUN_ID='abc', JUPYTER_AML_WORKSPACE={url!r})")
    assert "executed as run abc" in kernel("%aml track on")[1]
    assert runs("aml.session", kernel) == []


def test_the_session_ends_with_its_kernel(tmp_path, home) -> None:
    kernel = Kernel(tmp_path, "--ext=jupyter_aml")
    kernel("%aml track on mine")
    kernel.stop()
    (session,) = runs("aml.session")
    assert (session.status, session.details["end"]) == ("Completed", "KernelShutdown")


def test_the_session_of_a_killed_kernel_is_failed_by_who_comes_next(tmp_path, home) -> None:
    kernel = Kernel(tmp_path, "--ext=jupyter_aml")
    kernel("%aml track on mine")
    _, pid = kernel("import os; print(os.getpid())")
    os.kill(int(pid), signal.SIGKILL)
    wait_for(lambda: not kernel.manager.is_alive())
    (session,) = runs("aml.session")
    assert (session.status, session.error["code"]) == ("Failed", "ProcessDied")
    kernel.stop()


def test_unloading_the_extension_ends_it(kernel) -> None:
    kernel("%aml track on mine")
    kernel("%unload_ext jupyter_aml")
    (session,) = runs("aml.session", kernel)
    assert session.status == "Completed"
    reply, _ = kernel("%aml track")
    assert reply["status"] == "error"


def test_what_a_thread_prints_belongs_to_the_cell_that_executes(kernel) -> None:
    kernel("%aml track on mine\nimport threading")
    kernel("thread = threading.Thread(target=print, args=('from a thread',))\nthread.start(); thread.join()")
    kernel("%aml track off")
    assert "from a thread" in texts(runs("aml.cell", kernel)[1])["stdout.txt"]


def test_a_terminal_has_no_cells_to_track(tmp_path, monkeypatch) -> None:
    from IPython.core.error import UsageError
    from IPython.core.interactiveshell import InteractiveShell

    from jupyter_aml.notebook.magics import AmlMagics

    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="needs a kernel"):
        AmlMagics(InteractiveShell()).aml("track on")
