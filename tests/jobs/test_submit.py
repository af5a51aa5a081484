"""A submitted script runs elsewhere, is recorded whole, and ends truly whatever it does."""

import json
import signal
import subprocess
import sys

import pytest
from conftest_submit import alive, number_in, until

from jupyter_aml import Run, Workspace
from jupyter_aml.environments.conda import CondaDependencies
from jupyter_aml.environments.environment import Environment
from jupyter_aml.errors import ActivityFailedException, ComputeTargetException, ConflictException, UserErrorException
from jupyter_aml.jobs.run_config import DockerConfiguration, RunConfiguration
from jupyter_aml.jobs.script_config import NotebookRunConfig, ScriptRunConfig
from jupyter_aml.jobs.script_run import ScriptRun

TRAIN = """
import json, os, sys
from azureml.core import Run
run = Run.get_context()
print("arguments", sys.argv[1:])
run.log("loss", 0.5)
with run.child_run("part") as part:
    part.log("x", 1)
os.makedirs("outputs", exist_ok=True)
open("outputs/model.txt", "w").write("the model")
left_open = open("logs/note.txt", "w")
left_open.write("a note")
open("outputs/environ.json", "w").write(json.dumps(dict(os.environ)))
run.complete()
"""


def test_a_script_runs_as_it_was_submitted_and_everything_about_it_is_recorded(bench, monkeypatch, capsys):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-the-user")
    monkeypatch.setenv("JUPYTER_TOKEN", "of-the-server")
    monkeypatch.setenv("https_proxy", "http://me:password@proxy:3128")
    config = bench.config(TRAIN, arguments=["--rate", 0.1, "a b"])
    config.run_config.environment_variables = {"COLOUR": "blue", "API_KEY": "given-on-purpose"}
    run = bench.experiment.submit(config, tags={"who": "me"})
    (bench.source / "script.py").write_text("raise SystemExit('changed after it was submitted')")
    assert isinstance(run, ScriptRun)
    found = run.wait_for_completion(show_output=True)
    shown = capsys.readouterr().out
    assert "arguments ['--rate', '0.1', 'a b']" in shown and f"RunId: {run.id}" in shown
    assert found["status"] == "Completed" and found["runDefinition"]["arguments"] == ["--rate", "0.1", "a b"]
    assert found["target"] == "local" and "azureml-logs/70_driver_log.txt" in found["logFiles"]
    assert run.get_metrics() == {"loss": 0.5} and run.tags == {"who": "me"}
    assert {"outputs/model.txt", "logs/note.txt"} < set(run.get_file_names())
    run.download_file("logs/note.txt", bench.source / "note.txt")
    assert (bench.source / "note.txt").read_text() == "a note", "what was left open is written"
    assert [(c.name, c.status, c.parent.id) for c in run.get_children()] == [("part", "Completed", run.id)]
    steps = run._record().details["steps"]
    order = ["snapshot", "queued", "claimed", "environment", "code", "variables", "started", "ended", "gathered"]
    assert sorted(steps, key=steps.get)[: len(order)] == order
    assert bench.store.jobs() == []

    run.download_file("outputs/environ.json", bench.source / "environ.json")
    environ = json.loads((bench.source / "environ.json").read_text())
    assert environ["COLOUR"] == "blue" and environ["AZUREML_RUN_ID"] == run.id
    text = json.dumps(environ)
    assert not [word for word in ("of-the-user", "of-the-server", "password") if word in text]
    assert environ["AZUREML_RUN_TOKEN"].startswith("amlrun.")
    assert "given-on-purpose" not in json.dumps(found), "what may be a credential is not shown"
    assert type(Run.get(bench.workspace, run.id)) is ScriptRun
    assert type(next(iter(bench.experiment.get_runs()))) is ScriptRun
    assert (
        "the model" not in bench.log(run)
        and "arguments" in run.get_details_with_logs()["logFiles"]["azureml-logs/70_driver_log.txt"]
    )


def test_how_a_script_ends_is_how_its_run_ends(bench):
    token = "import os\nprint('token', os.environ['AZUREML_RUN_TOKEN'])\n"
    runs = {
        "raises": bench.submit(token + "def f():\n    raise ValueError('boom')\nf()\n", name="raises.py"),
        "exits": bench.submit("import sys\nprint('bad luck')\nsys.exit(3)\n", name="exits.py"),
        "dies": bench.submit("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n", name="dies.py"),
        "fails": bench.submit(
            "from azureml.core import Run\nRun.get_context().fail('no data', 'NoData')\n", name="fails.py"
        ),
        "long": bench.submit("import time\ntime.sleep(600)\n", name="long.py", max_run_duration_seconds=0.5),
        "command": bench.submit("print('by command')\n", name="by.py"),
    }
    config = ScriptRunConfig(bench.source, command=["python", "by.py", "&&", "exit", "7"])
    runs["command"] = bench.experiment.submit(config)
    for run in runs.values():
        run.wait_for_completion(raise_on_error=False)
    errors = {name: run._record().error for name, run in runs.items()}
    assert errors["raises"]["message"] == "The script failed with ValueError: boom (exit code 1)"
    assert 'File "raises.py", line 5, in <module>' in errors["raises"]["traceback"]
    assert "nursery" not in errors["raises"]["traceback"]
    assert "token ******" in bench.log(runs["raises"]), "a run's token is in no log"
    assert "exit code 3" in errors["exits"]["message"] and "bad luck" in errors["exits"]["message"]
    assert "SIGSEGV" in errors["dies"]["message"]
    assert errors["fails"] == {"code": "NoData", "message": "no data"}
    assert errors["long"]["code"] == "MaxRunDurationExceeded"
    assert "exit code 7" in errors["command"]["message"] and "by command" in bench.log(runs["command"])
    assert {run.status for run in runs.values()} == {"Failed"}
    with pytest.raises(ActivityFailedException, match="boom"):
        runs["raises"].wait_for_completion()


LEAVES = """
import os, subprocess, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open(sys.argv[1], "w").write(str(os.getpid()))
        time.sleep(600)
    os._exit(0)
os.wait()
child = subprocess.Popen(["sleep", "600"], start_new_session=True)
open(sys.argv[2], "w").write(str(child.pid))
while not os.path.exists(sys.argv[1]): time.sleep(0.01)
print("ready", flush=True)
if len(sys.argv) > 3: time.sleep(600)
"""


def test_nothing_of_a_script_outlives_it_be_it_a_daemon_and_cancel_ends_all_at_every_stage(bench, tmp_path):
    daemon, child = tmp_path / "daemon", tmp_path / "child"
    run = bench.submit(LEAVES, arguments=[daemon, child])
    assert run.wait_for_completion()["status"] == "Completed"
    assert not alive(number_in(daemon)) and not alive(number_in(child))
    assert "Left behind and ended" in bench.log(run, "azureml-logs/60_control_log.txt")

    stubborn = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + LEAVES
    run = bench.submit(stubborn, arguments=[tmp_path / "daemon2", tmp_path / "child2", "stay"])
    until(lambda: "ready" in bench.log(run))
    assert run.get_status() == "Running"
    run.cancel()
    run.wait_for_completion()
    assert run.get_status() == "Canceled"
    assert not alive(number_in(tmp_path / "daemon2")) and not alive(number_in(tmp_path / "child2"))

    sleepers = [bench.submit("import time\ntime.sleep(600)\n") for _ in range(5)]  # there is room for four
    until(lambda: [r.status for r in sleepers[:4]] == ["Running"] * 4)
    assert sleepers[4].get_status() == "Queued"
    sleepers[4].cancel()
    assert sleepers[4].get_status() == "Canceled", "what waits is cancelled at once"
    sleepers[0].fail("not needed any more")
    for run in sleepers[1:4]:
        run.cancel()
    for run in sleepers:
        run.wait_for_completion(raise_on_error=False)
    assert [r.status for r in sleepers] == ["Failed", *["Canceled"] * 4]
    until(lambda: bench.store.jobs() == [])


def test_what_cannot_be_is_refused_before_anything_is_queued(bench, tmp_path):
    good = bench.config("pass\n")
    with pytest.raises(UserErrorException, match=r"no script 'trian.py'.*script.py"):
        bench.experiment.submit(ScriptRunConfig(bench.source, "trian.py"))
    with pytest.raises(UserErrorException, match="not below the source"):
        bench.experiment.submit(ScriptRunConfig(bench.source, "../x.py"))
    with pytest.raises(UserErrorException, match="no source directory"):
        bench.experiment.submit(ScriptRunConfig(tmp_path / "gone", "x.py"))
    with pytest.raises(UserErrorException, match="either script= or command="):
        ScriptRunConfig(bench.source, "x.py", command="ls")
    with pytest.raises(UserErrorException, match="max_run_duration_seconds"):
        bench.experiment.submit(ScriptRunConfig(bench.source, "script.py", max_run_duration_seconds=-1))
    with pytest.raises((ComputeTargetException, UserErrorException), match="nowhere"):
        bench.experiment.submit(ScriptRunConfig(bench.source, "script.py", compute_target="nowhere"))
    with pytest.raises(UserErrorException, match="cannot be submitted"):
        bench.experiment.submit({"script": "x.py"})
    assert bench.store.jobs() == [] and list(bench.experiment.get_runs()) == []

    first = bench.experiment.submit(good, run_id="mine")
    with pytest.raises(ConflictException, match="mine"):
        bench.experiment.submit(good, run_id="mine")
    assert first.wait_for_completion()["runId"] == "mine"


def test_a_run_configuration_is_what_was_saved_and_can_be_changed_and_submitted_again(bench):
    config = RunConfiguration("script.py", ["--a", "1"], communicator="OpenMpi")
    config.target, config.node_count, config.max_run_duration_seconds = "cpu-cluster", 2, 60
    config.environment_variables = {"A": "b"}
    config.save(bench.source, "mine")
    loaded = RunConfiguration.load(bench.source)
    assert loaded._definition() == config._definition()
    assert RunConfiguration.load(bench.source / ".azureml" / "mine.runconfig").target == "cpu-cluster"
    with pytest.raises(UserErrorException, match="no run configuration 'other'"):
        RunConfiguration.load(bench.source, "other")
    (bench.source / ".azureml" / "bad.runconfig").write_text("- 1")
    with pytest.raises(UserErrorException, match="no mapping"):
        RunConfiguration.load(bench.source, "bad")

    bench.script("script.py", "import sys\nprint(sys.argv[1:])\n")
    script = ScriptRunConfig(bench.source, run_config=loaded)
    script.run_config.target = "local"
    script.run_config.node_count = 1
    assert loaded.target == "cpu-cluster", "the given one stays as it is"
    one = bench.experiment.submit(script)
    script.arguments = ["--b"]
    two = bench.experiment.submit(script)
    assert one.wait_for_completion()["status"] == two.wait_for_completion()["status"] == "Completed"
    assert bench.log(one) == "['--a', '1']\n" and bench.log(two) == "['--b']\n"
    assert one.get_snapshot_id() == two.get_snapshot_id()


def test_a_run_is_linked_to_the_version_of_its_environment_unless_that_was_changed(bench):
    kept = Environment("train").register(bench.workspace)
    other = Environment.get(bench.workspace, "train")
    other.environment_variables["COLOUR"] = "blue"
    runs = [bench.submit("pass\n", environment=one) for one in (kept, other)]
    for run in runs:
        run.wait_for_completion()
    assert [(link.run, link.role) for link in bench.store.links(asset=kept.asset_id)] == [(runs[0].id, "input")]


def test_what_is_not_as_its_environment_asks_is_kept_and_shown(bench, capsys):
    asked = Environment("old")
    asked.python.conda_dependencies = CondaDependencies.create(python_version="2.7", pip_packages=["numpy"])
    run = bench.submit("pass\n", environment=asked, docker_runtime_config=DockerConfiguration(use_docker=True))
    warning, other = run.wait_for_completion(show_output=True)["warnings"]
    assert "Python 2.7 is asked for" in warning["message"] and "use_docker" in other["message"]
    assert f"Warning: {warning['message']}" in capsys.readouterr().out
    assert warning["message"] in bench.log(run, "azureml-logs/20_image_build_log.txt")
    assert run.get_environment().python.conda_dependencies.get_python_version() == "2.7"


def test_much_output_is_bounded_and_told(bench, monkeypatch):
    monkeypatch.setenv("JUPYTER_AML_LOG_MAX_BYTES", "100000")
    code = (
        "import os\nfor i in range(200):\n    os.write(1, b'x' * 99_999 + b'\\n')\nprint('the very end')\n"
        "for i in range(1500):\n    open(f'outputs/{i}', 'w').write(str(i))\n"
    )
    run = bench.submit(code)
    run.wait_for_completion()
    text = bench.log(run)
    assert len(text) < 200_000 and text.endswith("the very end\n") and "bytes are left out here" in text
    assert len([n for n in run.get_file_names() if n.startswith("outputs/")]) == 1500


def test_a_notebook_is_the_script_and_its_cells_are_the_runs_children(bench, make):
    path = make("work.ipynb", "from azureml.core import Run\nRun.get_context().log('seen', n)", params="n = 1")
    bad = make("bad.ipynb", "1 / 0")
    run = bench.experiment.submit(NotebookRunConfig(path.parent, "work.ipynb", parameters={"n": 5}))
    failed = bench.experiment.submit(NotebookRunConfig(bad.parent, "bad.ipynb"))
    assert run.wait_for_completion()["status"] == "Completed"
    assert run.get_metrics() == {"seen": 5} and "outputs/work.ipynb" in run.get_file_names()
    assert {c.type for c in run.get_children()} == {"aml.cell"}
    failed.wait_for_completion(raise_on_error=False)
    assert failed.status == "Failed" and failed._record().error["code"] == "ZeroDivisionError"


def test_a_process_that_submits_may_be_killed_at_once(bench):
    bench.script("script.py", "import time\ntime.sleep(1)\nprint('done')\n")
    code = (
        "import os, signal, sys\nfrom jupyter_aml import Experiment, Workspace\n"
        "from jupyter_aml.jobs.script_config import ScriptRunConfig\n"
        "run = Experiment(Workspace.default(), 'jobs').submit(ScriptRunConfig(sys.argv[1], 'script.py'))\n"
        "print(run.id, flush=True)\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, bench.source], capture_output=True, text=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr
    run = Workspace.default().get_run(done.stdout.strip())
    assert run.wait_for_completion()["status"] == "Completed" and bench.log(run) == "done\n"


def test_the_command_line_submits_follows_and_tells_by_its_exit_code(bench):
    bench.script(
        "script.py", "import os, sys\nprint(sys.argv[1:], os.environ['COLOUR'])\nsys.exit(int(sys.argv[-1]))\n"
    )

    def aml(*words):
        command = [sys.executable, "-m", "jupyter_aml", "run", "submit", "-s", str(bench.source), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    good = aml("-f", "-e", "jobs", "--variable", "COLOUR=blue", "--tag", "a=b", "script.py", "--rate", "0.1", "0")
    assert good.returncode == 0 and "['--rate', '0.1', '0'] blue" in good.stdout, good.stderr
    bad = aml("--json", "--wait", "-e", "jobs", "--variable", "COLOUR=red", "script.py", "5")
    assert bad.returncode == 1 and json.loads(bad.stdout)["status"] == "Failed"
    assert "exit code 5" in json.loads(bad.stdout)["error"]["message"]
    assert aml("trian.py").returncode == 2 and aml("-c", "none").returncode == 2 and aml().returncode == 2
    assert [run.tags for run in bench.experiment.get_runs()] == [{}, {"a": "b"}]
