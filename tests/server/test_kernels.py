"""A tracked notebook's cells become runs, whatever happens to their kernel."""

import json
import subprocess

import pytest

from jupyter_aml.store.records import RunQuery
from jupyter_aml.tracking.context import cell_run_id
from jupyter_aml.tracking.lifetime import GIT_DIFF

pytestmark = pytest.mark.timeout(120)


def cells(store, **more):
    return store().runs(RunQuery(everywhere=True, types=["aml.cell"], descending=False, **more)).runs


def sessions(store):
    return store().runs(RunQuery(types=["aml.session"], descending=False)).runs


async def ended(eventually, store, run_id):
    def look():
        run = store().run(run_id)
        return run if run is not None and run.ended is not None else None

    return await eventually(look)


async def test_a_cell_becomes_a_run_with_all_that_it_showed(notebook, store, eventually) -> None:
    kernel = await notebook()
    code = (
        "print('hello')\n"
        "from IPython.display import display, SVG\n"
        "display(SVG('<svg xmlns=\"http://www.w3.org/2000/svg\"/>'))\n"
        "6 * 7"
    )
    run = await ended(eventually, store, cell_run_id(await kernel.run(code, "abc")))
    assert run.status == "Completed"
    assert run.experiment == "training"
    assert run.details["cell_id"] == "abc"
    assert run.details["source"] == code
    assert run.details["notebook"] == "training.ipynb"
    assert run.details["execution_count"] == 1
    assert run.details["language"] == "python"
    assert store().text(run.id, "stdout.txt") == "hello\n"
    assert store().text(run.id, "result.txt") == "42\n"
    assert [f.path for f in store().files(run.id, "figures/")] == ["figures/1.svg"]
    session = store().run(run.parent)
    assert (session.type, session.status) == ("aml.session", "Running")


async def test_a_metric_logged_in_the_kernel_lands_on_the_cell(notebook, store, eventually) -> None:
    kernel = await notebook()
    await kernel.run("from jupyter_aml import Run; run = Run.get_context()")
    first = cell_run_id(await kernel.run("run.log('loss', 0.5); run.flush()"))
    second = cell_run_id(await kernel.run("run.log('loss', 0.25); run.log('acc', 1); run.flush()"))
    await ended(eventually, store, second)
    metrics = store().metrics([first, second, store().run(first).parent])
    assert {name: m.last for name, m in metrics[first].items()} == {"loss": 0.5}
    assert {name: m.last for name, m in metrics[second].items()} == {"loss": 0.25, "acc": 1}
    assert metrics[store().run(first).parent]["loss"].count == 2


async def test_a_display_of_our_mime_type_logs_in_any_language(notebook, store, eventually) -> None:
    kernel = await notebook()
    message = {"metrics": {"auc": 0.75, "curve": [3, 2]}, "step": 7, "tags": {"m": "glm"}, "params": {"k": 3}}
    code = f"get_ipython().display_pub.publish({{'application/vnd.jupyter-aml.log+json': {message!r}}})"
    run = await ended(eventually, store, cell_run_id(await kernel.run(code)))
    assert list(store().series(run.id, "auc").values) == [0.75]
    assert list(store().series(run.id, "auc").steps) == [7]
    assert list(store().series(run.id, "curve").values) == [3, 2]
    assert (dict(run.tags), dict(run.params)) == ({"m": "glm"}, {"k": 3})


async def test_what_a_cells_thread_prints_after_the_cell_is_the_cells(notebook, store, eventually, tmp_path) -> None:
    kernel = await notebook()
    code = (
        "import os, threading, time\n"
        "def wait():\n"
        f"    while not os.path.exists({str(tmp_path / 'go')!r}): time.sleep(0.01)\n"
        "    print('late')\n"
        "threading.Thread(target=wait).start()\n"
        "print('begun')"
    )
    cell = await ended(eventually, store, cell_run_id(await kernel.run(code)))
    (tmp_path / "go").touch()
    await eventually(lambda: store().text(cell.id, "stdout.txt") == "begun\nlate\n")
    assert store().run(cell.id).ended == cell.ended


async def test_a_session_that_begins_under_a_made_up_name_is_tracked(notebook, store, eventually) -> None:
    kernel = await notebook(born="0e7c6f0a-made-up")  # as JupyterLab begins them
    run = await ended(eventually, store, cell_run_id(await kernel.run("1 + 1")))
    assert run.details["notebook"] == "training.ipynb"


async def test_an_untracked_notebook_leaves_no_trace(notebook, store) -> None:
    kernel = await notebook(tracked=None)
    await kernel.run("1 + 1")
    await kernel.run("from jupyter_aml import Run; print(Run.get_context().id)")
    assert store().runs(RunQuery(everywhere=True)).runs == []


async def test_an_error_is_kept_with_its_traceback_and_what_follows_never_ran(notebook, store, eventually) -> None:
    kernel = await notebook()
    failing = await kernel.ask("import time; time.sleep(0.2); 1 / 0")
    after = await kernel.ask("2 + 2")
    run = await ended(eventually, store, cell_run_id(failing))
    assert run.status == "Failed"
    assert run.error["code"] == "ZeroDivisionError"
    assert "1 / 0" in run.error["traceback"]
    assert "\x1b" not in run.error["traceback"]
    last = await ended(eventually, store, cell_run_id(await kernel.run("3 + 3")))
    assert last.status == "Completed"
    assert store().run(cell_run_id(after)) is None


async def test_hidden_executions_are_not_cells(notebook, store, eventually) -> None:
    kernel = await notebook()
    await kernel.run("x = 1", silent=True)
    await kernel.run("x = 2", store_history=False)
    seen = cell_run_id(await kernel.run("x = 3"))
    await ended(eventually, store, seen)
    assert [run.id for run in cells(store)] == [seen]


async def test_an_interrupt_cancels_the_cell(notebook, store, eventually, jp_fetch) -> None:
    kernel = await notebook()
    msg_id = await kernel.ask("import time\nprint('on', flush=True)\nwhile True: time.sleep(0.05)")
    await eventually(lambda: store().run(cell_run_id(msg_id)) and store().text(cell_run_id(msg_id), "stdout.txt"))
    await jp_fetch("aml", "api", "v1", "runs", cell_run_id(msg_id), "cancel", method="POST", body="{}")
    run = await ended(eventually, store, cell_run_id(msg_id))
    assert (run.status, run.error["code"]) == ("Canceled", "KeyboardInterrupt")


async def test_a_restart_ends_the_session_and_begins_another(notebook, store, eventually, jp_fetch) -> None:
    kernel = await notebook()
    msg_id = await kernel.ask("print('on', flush=True); import time; time.sleep(600)")
    await eventually(lambda: store().run(cell_run_id(msg_id)) and store().text(cell_run_id(msg_id), "stdout.txt"))
    await jp_fetch("api", "kernels", kernel.id, "restart", method="POST", body="{}")
    run = await ended(eventually, store, cell_run_id(msg_id))
    # A restart interrupts the kernel first; which of the two the cell sees is the kernel's affair.
    assert (run.status, run.error["code"]) in [("Canceled", "KeyboardInterrupt"), ("Failed", "KernelRestarted")]
    again = await ended(eventually, store, cell_run_id(await kernel.run("1")))
    assert again.status == "Completed"
    assert [(s.status, s.details.get("end")) for s in sessions(store)] == [
        ("Completed", "KernelRestarted"),
        ("Running", None),
    ]


@pytest.mark.parametrize("how", ["os._exit(7)", "os.kill(os.getpid(), 9)"])
async def test_a_kernel_that_dies_leaves_nothing_running(notebook, store, eventually, dying, how) -> None:
    kernel = await notebook()
    await kernel.run("import os")
    msg_id = await dying(kernel, how)
    run = await ended(eventually, store, cell_run_id(msg_id))
    assert run.status == "Failed"
    assert run.error["code"] in ("KernelDied", "KernelRestarted")
    await eventually(lambda: all(s.status != "Running" for s in sessions(store)))


async def test_a_shutdown_ends_the_session(notebook, store, eventually, jp_fetch) -> None:
    kernel = await notebook()
    await kernel.run("1")
    await jp_fetch("api", "sessions", kernel.notebook_session, method="DELETE")
    await eventually(lambda: [s.status for s in sessions(store)] == ["Completed"])


async def test_the_end_of_the_server_leaves_nothing_running(notebook, store, eventually, jp_serverapp) -> None:
    kernel = await notebook()
    msg_id = await kernel.ask("print('on', flush=True); import time; time.sleep(600)")
    await eventually(lambda: store().run(cell_run_id(msg_id)) and store().text(cell_run_id(msg_id), "stdout.txt"))
    await jp_serverapp.extension_manager.stop_all_extensions()
    assert store().run(cell_run_id(msg_id)).error["code"] == "ServerStopped"
    assert store().open_runs() == []


async def test_the_switch_takes_effect_at_once(notebook, store, eventually, jp_fetch) -> None:
    kernel = await notebook(tracked=None)
    await kernel.run("before = 1")

    async def switch(on):
        body = json.dumps({"path": kernel.path, "tracked": on, "experiment": "mine"})
        response = await jp_fetch("aml", "api", "v1", "notebooks", "tracking", method="PUT", body=body)
        return json.loads(response.body)

    assert (await switch(True))["tracked"] is True
    inside = await ended(eventually, store, cell_run_id(await kernel.run("during = 2")))
    assert inside.experiment == "mine"
    assert (await switch(False))["tracked"] is False
    await kernel.run("after = 3")
    assert [run.id for run in cells(store)] == [inside.id]
    await eventually(lambda: [s.status for s in sessions(store)] == ["Completed"])


async def test_a_renamed_notebook_is_recorded_under_its_new_name(notebook, store, eventually, jp_fetch) -> None:
    kernel = await notebook()
    await kernel.run("1")
    body = json.dumps({"path": "renamed.ipynb"})
    await jp_fetch("api", "contents", kernel.path, method="PATCH", body=body)
    await jp_fetch("api", "sessions", kernel.notebook_session, method="PATCH", body=body)
    await jp_fetch("api", "kernels", kernel.id, "restart", method="POST", body="{}")
    await kernel.run("2")
    last = await ended(eventually, store, cell_run_id(await kernel.run("3")))
    assert last.details["notebook"] == "renamed.ipynb"


async def test_a_cell_goes_on_when_recording_fails(notebook, store, services, monkeypatch, eventually) -> None:
    kernel = await notebook()
    await kernel.run("1")

    def broken(*_):
        raise OSError("no disk")

    workspace = await services.workspace()
    monkeypatch.setattr(workspace.connection, "write", broken)
    await kernel.run("print('still here')")
    monkeypatch.undo()
    after = await ended(eventually, store, cell_run_id(await kernel.run("2")))
    assert after.status == "Completed"


async def test_two_notebooks_are_two_sessions(notebook, store, eventually) -> None:
    one, two = await notebook("a.ipynb"), await notebook("deep/b.ipynb")
    await one.run("1")
    last = cell_run_id(await two.run("2"))
    await ended(eventually, store, last)
    assert sorted(s.experiment for s in sessions(store)) == ["a", "b"]


async def test_a_long_output_is_cut_and_says_so(notebook, store, eventually) -> None:
    kernel = await notebook()
    run = await ended(eventually, store, cell_run_id(await kernel.run("print('x' * 3_000_000)")))
    text = store().text(run.id, "stdout.txt")
    assert len(text) < 1_100_000
    assert "only the first" in text


async def test_switched_on_again_a_notebook_has_a_new_session(notebook, store, eventually, jp_fetch) -> None:
    kernel = await notebook()
    await kernel.run("from jupyter_aml import Run")
    for on in (False, True):
        body = json.dumps({"path": kernel.path, "tracked": on})
        await jp_fetch("aml", "api", "v1", "notebooks", "tracking", method="PUT", body=body)
    code = "run = Run.get_context(); run.log('loss', 2); run.flush(); print(run.id)"
    again = await ended(eventually, store, cell_run_id(await kernel.run(code)))
    first, second = sessions(store)
    assert (first.status, second.status) == ("Completed", "Running")
    assert again.parent == second.id
    assert store().text(again.id, "stdout.txt").strip() == second.id
    assert store().metrics([second.id])[second.id]["loss"].last == 2


async def test_a_switch_holds_for_a_kernel_that_starts_before_the_notebook_is_saved(
    notebook, store, eventually, jp_fetch
) -> None:
    kernel = await notebook(tracked=None)
    await jp_fetch("api", "sessions", kernel.notebook_session, method="DELETE")
    body = json.dumps({"path": kernel.path, "tracked": True, "experiment": "told"})
    response = await jp_fetch("aml", "api", "v1", "notebooks", "tracking", method="PUT", body=body)
    assert json.loads(response.body) == {
        "path": kernel.path,
        "tracked": True,
        "experiment": "told",
        "session_run": None,
        "kernel_id": None,
    }
    again = await notebook(tracked=None, save=False)
    run = await ended(eventually, store, cell_run_id(await again.run("1")))
    assert run.experiment == "told"


async def test_a_rename_counts_from_the_next_cell_on(notebook, store, eventually, jp_fetch) -> None:
    kernel = await notebook()
    await kernel.run("1")
    body = json.dumps({"path": "other.ipynb"})
    await jp_fetch("api", "contents", kernel.path, method="PATCH", body=body)
    await jp_fetch("api", "sessions", kernel.notebook_session, method="PATCH", body=body)
    run = await ended(eventually, store, cell_run_id(await kernel.run("2")))
    assert run.details["notebook"] == "other.ipynb"
    (session,) = sessions(store)
    assert session.details["notebook"] == "other.ipynb"


async def test_notebooks_that_share_a_kernel_are_told_apart_by_their_cells(notebook, store, eventually) -> None:
    one = await notebook("one.ipynb", cell="in-one")
    two = await notebook("two.ipynb", cell="in-two", kernel_id=one.id)
    first = await ended(eventually, store, cell_run_id(await one.run("1", "in-one")))
    second = await ended(eventually, store, cell_run_id(await two.run("2", "in-two")))
    unsaved = await ended(eventually, store, cell_run_id(await two.run("3", "in-neither")))
    assert [r.details["notebook"] for r in (first, second, unsaved)] == ["one.ipynb", "two.ipynb", ""]
    assert len(sessions(store)) == 1


async def test_an_untracked_notebook_on_a_tracked_ones_kernel_leaves_no_trace(notebook, store, eventually) -> None:
    one = await notebook("one.ipynb", cell="in-one")
    two = await notebook("two.ipynb", cell="in-two", kernel_id=one.id, tracked=None)
    await two.run("2", "in-two")
    await two.run("3", "in-neither")
    seen = await ended(eventually, store, cell_run_id(await one.run("1", "in-one")))
    assert [run.id for run in cells(store)] == [seen.id]


async def test_a_tracked_notebook_that_joins_an_untracked_kernel_is_taken_up_when_asked_for(
    notebook, store, eventually, jp_fetch
) -> None:
    one = await notebook("one.ipynb", cell="in-one", tracked=None)
    two = await notebook("two.ipynb", cell="in-two", kernel_id=one.id)
    response = await jp_fetch("aml", "api", "v1", "notebooks", "tracking", params={"path": "two.ipynb"})
    assert json.loads(response.body)["tracked"] is True
    run = await ended(eventually, store, cell_run_id(await two.run("2", "in-two")))
    assert run.details["notebook"] == "two.ipynb"
    await one.run("1", "in-one")
    assert [r.id for r in cells(store)] == [run.id]


async def test_a_kernel_that_repeats_the_clients_session_is_one_session(
    notebook, store, eventually, other_kernel, jp_fetch
) -> None:
    kernel = await notebook("plain.ipynb", kernel=other_kernel)
    run = await ended(eventually, store, cell_run_id(await kernel.run("say hello")))
    assert (run.status, run.details["language"]) == ("Completed", "parrot")
    assert store().text(run.id, "stdout.txt") == "say hello\n"
    kernel.session_id = "another-tab"
    logged = await ended(eventually, store, cell_run_id(await kernel.run("log 3.5")))
    assert list(store().series(logged.id, "parrot").values) == [3.5]
    assert logged.parent == run.parent
    failed = await ended(eventually, store, cell_run_id(await kernel.run("fail")))
    assert (failed.status, failed.error["code"]) == ("Failed", "ParrotError")
    await jp_fetch("api", "kernels", kernel.id, "restart", method="POST", body="{}")
    again = await ended(eventually, store, cell_run_id(await kernel.run("say again")))
    assert again.parent != run.parent
    assert [s.status for s in sessions(store)] == ["Completed", "Running"]


async def test_the_browsers_tab_may_be_closed(notebook, store, eventually) -> None:
    kernel = await notebook()
    msg_id = await kernel.ask("import time\nprint('on', flush=True)\ntime.sleep(0.5)\nprint('off')")
    await eventually(lambda: store().run(cell_run_id(msg_id)))
    kernel.socket.close()
    run = await ended(eventually, store, cell_run_id(msg_id))
    assert store().text(run.id, "stdout.txt") == "on\noff\n"


async def test_a_session_whose_kernel_died_says_so(notebook, store, eventually, dying) -> None:
    kernel = await notebook()
    await kernel.run("import os")
    await dying(kernel, "os._exit(3)")
    await eventually(
        lambda: [(s.status, (s.error or {}).get("code")) for s in sessions(store)] == [("Failed", "KernelDied")]
    )


async def test_cancelling_a_session_stops_its_cell_and_not_the_session(notebook, store, eventually, jp_fetch) -> None:
    kernel = await notebook()
    msg_id = await kernel.ask("import time\nprint('on', flush=True)\nwhile True: time.sleep(0.05)")
    await eventually(lambda: store().run(cell_run_id(msg_id)) and store().text(cell_run_id(msg_id), "stdout.txt"))
    session = sessions(store)[0]
    await jp_fetch("aml", "api", "v1", "runs", session.id, "cancel", method="POST", body="{}")
    assert (await ended(eventually, store, cell_run_id(msg_id))).status == "Canceled"
    assert store().run(session.id).status == "Running"


async def test_what_a_thread_logs_belongs_to_the_cell_that_began_it(notebook, store, eventually, tmp_path) -> None:
    kernel = await notebook()
    begun = (
        "import os, threading, time\n"
        "from jupyter_aml import Run\n"
        "run = Run.get_context()\n"
        "def work():\n"
        "    run.log('begun', 1)\n"
        f"    while not os.path.exists({str(tmp_path / 'go')!r}): time.sleep(0.01)\n"
        "    for i in range(50): run.log('late', i)\n"
        "thread = threading.Thread(target=work)\nthread.start()"
    )
    first = cell_run_id(await kernel.run(begun))
    second = cell_run_id(await kernel.run(f"open({str(tmp_path / 'go')!r}, 'w').close()\nrun.log('own', 1)\n1 / 0"))
    third = cell_run_id(await kernel.run("thread.join(); run.log('own', 2); run.flush()"))
    await ended(eventually, store, third)
    metrics = store().metrics([first, second, third])
    assert {name: metric.count for name, metric in metrics[first].items()} == {"begun": 1, "late": 50}
    assert {name: metric.last for name, metric in metrics[second].items()} == {"own": 1}
    assert {name: metric.last for name, metric in metrics[third].items()} == {"own": 2}


async def test_a_pool_logs_for_the_cell_that_asks_it_and_nothing_logs_for_one_that_ended(
    notebook, store, eventually
) -> None:
    kernel = await notebook()
    first = cell_run_id(
        await kernel.run(
            "import asyncio\nfrom concurrent.futures import ThreadPoolExecutor\nfrom jupyter_aml import Run\n"
            "run, pool, go = Run.get_context(), ThreadPoolExecutor(1), asyncio.Event()\n"
            "async def wait():\n    await go.wait()\n    run.log('task', 1)\n"
            "task = asyncio.ensure_future(wait())\n"
            "pool.submit(run.log, 'pooled', 1).result()"
        )
    )
    second = cell_run_id(await kernel.run("pool.submit(run.log, 'pooled', 2).result(); go.set(); await task"))
    await kernel.run("run.log('silent', 1)", silent=True)
    third = cell_run_id(await kernel.run("run.flush()"))
    await ended(eventually, store, third)
    session = store().run(first).parent
    metrics = store().metrics([first, second, third, session])
    assert {name: metric.last for name, metric in metrics[first].items()} == {"pooled": 1, "task": 1}
    assert {name: metric.last for name, metric in metrics[second].items()} == {"pooled": 2}
    assert "silent" in metrics[session] and not metrics.get(third)


def git(folder, *words):
    subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *words],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip


async def test_a_session_keeps_the_git_state_and_the_source_of_its_notebooks_folder(
    notebook, store, eventually, jp_root_dir
) -> None:
    folder = jp_root_dir / "project"
    folder.mkdir()
    (folder / "model.py").write_text("x = 1\n")
    git(folder, "init", "-b", "topic")
    git(folder, "add", ".")
    git(folder, "commit", "-m", "first")
    (folder / "model.py").write_text("x = 2\n")
    kernel = await notebook("project/training.ipynb")
    await kernel.run("1")
    session = await eventually(lambda: next((s for s in sessions(store) if s.snapshot), None))
    assert session.properties["azureml.git.branch"] == "topic"
    assert "+x = 2" in store().text(session.id, GIT_DIFF)
    assert sorted(store().snapshot(session.snapshot).files) == ["model.py", "training.ipynb"]
    assert "snapshot" not in session.details


async def test_of_a_folder_that_is_too_large_a_session_keeps_the_notebook_and_says_so(
    notebook, store, eventually, jp_root_dir, monkeypatch
) -> None:
    monkeypatch.setenv("JUPYTER_AML_SNAPSHOT_MAX_FILES", "2")
    for i in range(3):
        (jp_root_dir / f"{i}.txt").touch()
    kernel = await notebook()
    await kernel.run("1")
    session = await eventually(lambda: next((s for s in sessions(store) if s.snapshot), None))
    assert list(store().snapshot(session.snapshot).files) == ["training.ipynb"]
    assert "Only the notebook itself" in session.details["snapshot"]


@pytest.mark.parametrize("jp_argv", [["--JupyterAML.snapshot=False"]])
async def test_an_administrator_may_keep_no_source(jp_argv, notebook, store, eventually, jp_serverapp) -> None:
    kernel = await notebook()
    cell = await ended(eventually, store, cell_run_id(await kernel.run("1")))
    await jp_serverapp.extension_manager.stop_all_extensions()  # waits for what is recorded in the background
    assert store().run(cell.parent).snapshot is None
