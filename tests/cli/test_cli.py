"""`aml` as people and scripts use it, on real workspaces."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from jupyter_aml.store.events import TextLogged


def ids(aml, *words):
    return [run["id"] for run in aml("run", "list", "--json", *words)["runs"]]


# -- lists ---------------------------------------------------------------------------------------------------------
def test_runs_are_listed_newest_first_with_their_metrics(aml, workspace) -> None:
    lines = aml("run", "list").splitlines()
    assert [line.split()[3] for line in lines[1:]] == ["other#1", "diabetes#2", "diabetes#1"]
    assert "acc" in lines[0]
    assert "0.91" in lines[2]


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (["--where", "metrics.acc>0.9"], 1),
        (["--where", "metrics.acc >= 0.9", "--where", "params.lr=0.1"], 1),
        (["--where", "metrics.acc > 0.9 or status = Failed"], 2),
        (["--where", "not (metrics.acc > 0.9 or status = Failed)"], 1),
        (["--where", "params.lr in (0.1, 0.2)"], 2),
        (["--where", "name contains run"], 2),
        (["--where", "status=Failed"], 1),
        (["--where", "params.lr is null"], 1),
        (["--tag", "who"], 2),
        (["--tag", "who=me"], 1),
        (["--status", "failed"], 1),
        (["--type", "aml.interactive"], 3),
        (["--type", "aml.cell"], 0),
        (["--experiment", "diabetes"], 2),
        (["--everywhere"], 5),
        (["--text", "run 1"], 1),
        (["--limit", "1"], 1),
        (["--children", "diabetes#1"], 1),
    ],
)
def test_runs_are_filtered(aml, workspace, words, count) -> None:
    assert len(ids(aml, *words)) == count


def test_runs_are_sorted_by_a_metric(aml, workspace) -> None:
    up = [run["number"] for run in aml("run", "list", "--json", "--order", "metrics.acc")["runs"]]
    down = [run["number"] for run in aml("run", "list", "--json", "--order", "-metrics.acc")["runs"]]
    assert (up[:2], down[:2]) == ([1, 2], [2, 1])


def test_a_page_leads_to_the_next(aml, workspace) -> None:
    first = aml("run", "list", "--json", "--limit", 2)
    second = aml("run", "list", "--json", "--limit", 2, "--cursor", first["next"])
    assert len({run["id"] for run in [*first["runs"], *second["runs"]]}) == 3
    assert second["next"] is None


@pytest.mark.parametrize("where", ["acc", "=3", "metrics.acc>", "metrics.acc ~ 3", "nofield=3", "created=now", ""])
def test_a_condition_that_cannot_be_is_bad_input(aml, workspace, where) -> None:
    said = aml("run", "list", "--where", where, code=2)
    assert "Error" in said
    assert said.rstrip().endswith("^")


@pytest.mark.parametrize("columns", [40, 60, 80, 100, 200])
def test_a_list_fits_the_terminal(aml, workspace, monkeypatch, columns) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = aml("run", "list").splitlines()
    if columns >= 80:
        assert max(map(len, lines)) <= columns
    shown = lines[1].split()[0]
    assert aml("run", "show", shown, "--json")["experiment"] == "other"


# -- one run -------------------------------------------------------------------------------------------------------
def test_show_tells_everything(aml, workspace) -> None:
    text = aml("run", "show", "diabetes#2")
    for part in ("Completed", "lr", "0.91", "values", "rows", "outputs/x.csv", "who=me", "kid", "1 Completed"):
        assert part in text, part
    found = aml("run", "show", "diabetes#2", "--json")
    assert found["params"] == {"lr": 0.2, "n": 10}
    assert found["metrics"]["odd"]["last"] == "NaN"
    assert found["metrics"]["loss"]["count"] == 5
    assert found["children"] == {"Completed": 1}
    assert [f["path"] for f in found["files"]] == ["outputs/x.csv"]


def test_show_tells_the_error(aml, workspace) -> None:
    assert "Oops: it broke" in aml("run", "show", "other#1")


def test_runs_are_named_by_beginning_end_and_number(aml, workspace) -> None:
    (run,) = ids(aml, "--experiment", "other")
    for name in (run, run[:-3], run[-8:], "other#1"):
        assert aml("run", "show", name, "--json")["id"] == run
    assert "beginning or end of" in aml("run", "show", run[:4], code=2)


def test_metrics_are_summed_up_and_told_in_full(aml, workspace) -> None:
    assert set(aml("run", "metrics", "diabetes#1", "--json")["metrics"]) == {
        "loss",
        "acc",
        "odd",
        "observations",
        "table",
    }
    series = aml("run", "metrics", "diabetes#1", "loss", "--series", "--json")["series"]["loss"]
    assert series["values"] == [0.1 / (k + 1) for k in range(5)]
    assert series["steps"] == list(range(5))
    lines = aml("run", "metrics", "diabetes#1", "table", "--series").splitlines()
    assert [line.split() for line in lines] == [["a", "b"], ["1", "2.5"], ["2", "3.5"]]
    assert "Did you mean 'loss'" in aml("run", "metrics", "diabetes#1", "los", code=3)


def test_files_are_listed_and_downloaded(aml, workspace, here) -> None:
    assert "outputs/x.csv" in aml("run", "files", "diabetes#1")
    aml("run", "download", "diabetes#1", "outputs", "--to", "got")
    assert (here / "got/outputs/x.csv").read_text() == "a,b\n0,2\n"
    assert "Did you mean 'outputs/x.csv'" in aml("run", "download", "diabetes#1", "outputs/y.csv", code=3)


def test_tags_are_set_and_removed(aml, workspace) -> None:
    aml("run", "tag", "diabetes#1", "best=yes", "flag", "--remove", "who", "--name", "new name")
    found = aml("run", "show", "diabetes#1", "--json")
    assert (found["tags"], found["name"]) == ({"best": "yes", "flag": None}, "new name")
    aml("run", "tag", "diabetes#1", "=x", code=2)


def test_an_open_run_is_canceled_and_an_ended_one_is_not(aml, workspace) -> None:
    run = workspace.experiments["diabetes"].start_logging(snapshot_directory=None)
    assert "not" not in aml("run", "delete", run.id, "--yes", code=2)[:3]
    assert aml("run", "cancel", run.id, "--json")["runs"] == [{"id": run.id, "status": "Canceled"}]
    assert "Canceled" in aml("run", "cancel", run.id, code=1)


def test_a_run_is_deleted_with_its_children_after_asking(aml, workspace) -> None:
    aml("run", "delete", "diabetes#1", input="n\n", code=130)
    assert len(ids(aml, "--everywhere")) == 5
    aml("run", "delete", "diabetes#1", "--yes")
    assert len(ids(aml, "--everywhere")) == 3


def test_diff_tells_what_differs_and_only_that(aml, workspace) -> None:
    found = aml("run", "diff", "diabetes#1", "diabetes#2", "--json")
    assert found["params"] == {"lr": [0.1, 0.2]}
    assert found["tags"] == {"who": ["you", "me"]}
    assert set(found["metrics"]) == {"loss", "acc"}
    assert list(found["files"]) == ["outputs/x.csv"]
    text = aml("run", "diff", "diabetes#1", "diabetes#2")
    assert "+0.1" in text
    assert "The same: git, source." in text


def test_diff_compares_snapshots_line_by_line(aml, workspace, tmp_path) -> None:
    experiment = workspace.experiments["diabetes"]
    runs = []
    for rate in (1, 2):
        source = tmp_path / "source"
        source.mkdir(exist_ok=True)
        (source / "train.py").write_text(f"import this\nrate = {rate}\n")
        (source / "data.bin").write_bytes(bytes([255, rate]))
        run = experiment.start_logging(snapshot_directory=str(source))
        run.complete()
        runs.append(run.id)
    lines = aml("run", "diff", *runs).splitlines()
    assert "-rate = 1" in lines
    assert "+rate = 2" in lines
    assert any("data.bin" in line and "not text" in line for line in lines)


def test_diff_of_notebooks_shows_code_and_not_outputs(aml, workspace, tmp_path) -> None:
    runs = []
    for value in (1, 1, 2):
        source = tmp_path / "source"
        source.mkdir(exist_ok=True)
        cell = {"cell_type": "code", "source": ["x = 0\n", f"y = {value}"], "execution_count": len(runs)}
        (source / "n.ipynb").write_text(json.dumps({"cells": [cell], "metadata": {}}))
        run = workspace.experiments["diabetes"].start_logging(snapshot_directory=str(source))
        run.complete()
        runs.append(run.id)
    first, same, other = runs
    assert aml("run", "diff", first, same, "--json")["source"] == ""
    lines = aml("run", "diff", first, other).splitlines()
    assert {"-y = 1", "+y = 2"} <= set(lines)
    assert "execution_count" not in "".join(lines)


# -- logs ----------------------------------------------------------------------------------------------------------
def say(run, text, path="logs/out.txt"):
    run._connection.write(TextLogged(run=run.id, path=path, text=text, at=time.time()))


def test_logs_show_what_the_run_and_its_children_printed(aml, workspace) -> None:
    run = workspace.experiments["other"].start_logging(snapshot_directory=None)
    say(run, "hello\n")
    child = run.child_run("kid")
    say(child, "from the kid", "stdout.txt")
    child.complete()
    run.complete()
    text = aml("run", "logs", run.id)
    assert text.index("hello") < text.index("kid: stdout.txt") < text.index("from the kid")
    assert aml("run", "logs", run.id, "--path", "logs/out.txt") == "hello\n"
    assert {log["text"] for log in aml("run", "logs", run.id, "--json")["logs"]} == {"hello\n", "from the kid"}
    assert "Did you mean" in aml("run", "logs", run.id, "--path", "logs/ou.txt", code=3)


def test_logs_are_followed_until_the_run_fails(workspace) -> None:
    run = workspace.experiments["other"].start_logging(snapshot_directory=None)
    say(run, "first\n")
    run.flush()
    follower = subprocess.Popen(
        [sys.executable, "-m", "jupyter_aml", "run", "logs", "--follow", run.id],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert follower.stdout.readline() == "first\n"
    say(run, "second\n")
    run.flush()
    assert follower.stdout.readline() == "second\n"
    run.fail("no more", "Tired")
    out, err = follower.communicate(timeout=60)
    assert (out, follower.returncode) == ("", 1)
    assert "Tired: no more" in err


def test_ctrl_c_ends_following_with_130(workspace) -> None:
    run = workspace.experiments["other"].start_logging(snapshot_directory=None)
    say(run, "first\n")
    run.flush()
    follower = subprocess.Popen(
        [sys.executable, "-m", "jupyter_aml", "run", "logs", "--follow", run.id],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(
            signal.SIGINT, signal.SIG_DFL
        ),  # tests in the background inherit that it is ignored
    )
    follower.stdout.readline()
    follower.send_signal(signal.SIGINT)
    _, err = follower.communicate(timeout=60)
    assert follower.returncode == 130
    assert "Traceback" not in err
    run.complete()


# -- experiments and workspaces ----------------------------------------------------------------------------------------
def test_experiments_are_listed_tagged_archived_and_deleted(aml, workspace) -> None:
    assert [e["run_count"] for e in aml("experiment", "list", "--json")["experiments"]] == [2, 1]
    aml("experiment", "tag", "other", "k=v", "w")
    aml("experiment", "tag", "other", "--remove", "w")
    assert aml("experiment", "show", "other", "--json")["tags"] == {"k": "v"}
    aml("experiment", "archive", "other")
    assert [e["name"] for e in aml("experiment", "list", "--json")["experiments"]] == ["diabetes"]
    assert [e["name"] for e in aml("experiment", "list", "--archived", "--json")["experiments"]] == ["other"]
    aml("experiment", "restore", "other", "--rename", "another")
    assert len(aml("experiment", "list")) > 0
    aml("experiment", "delete", "another", "--yes")
    assert "Did you mean 'diabetes'" in aml("experiment", "show", "diabets", code=3)


def test_an_experiment_does_not_come_back_under_a_name_that_is_taken(aml, workspace) -> None:
    aml("experiment", "archive", "other")
    said = aml("experiment", "restore", "other", "--rename", "diabetes", code=2)
    assert "'diabetes'" in said and "listed again" not in said
    assert [e["name"] for e in aml("experiment", "list", "--json")["experiments"]] == ["diabetes"]


def test_an_id_is_never_the_folder_of_a_download(aml, workspace, here) -> None:
    from jupyter_aml.store.events import RunCreated, TextLogged
    from jupyter_aml.store.records import RunRecord

    workspace.connection.write(
        RunCreated(run=RunRecord(id="../../escape", experiment="other", type="t", status="Completed")),
        TextLogged(run="../../escape", path="logs/a.txt", text="a", at=1.0),
    )
    folder = aml("run", "download", "../../escape", "--json")["folder"]
    assert os.path.dirname(folder) == str(here)


def test_a_workspace_is_made_used_and_named(aml, here) -> None:
    aml("workspace", "create", "my lab", "--tag", "a=b")
    aml("workspace", "create", "my lab", code=2)
    aml("workspace", "use", "my lab")
    assert (here / ".azureml/config.json").is_file()
    shown = aml("workspace", "show", "--json")
    assert (shown["name"], shown["tags"]) == ("my lab", {"a": "b"})
    assert [w["name"] for w in aml("workspace", "list", "--json")["workspaces"]] == ["my lab"]
    assert "Did you mean 'my lab'" in aml("run", "list", "-w", "my lap", code=3)
    assert aml("-w", shown["url"], "workspace", "show", "--json")["name"] == "my lab"
    assert "There is no workspace" in aml("-w", "./nowhere", "run", "list", code=2)


def test_the_default_workspace_is_used_without_a_word(process) -> None:
    done = process("run", "list", "--json")
    assert json.loads(done.stdout) == {"runs": [], "next": None}
    assert done.stderr == b""


def test_the_workspace_of_the_environment_is_used_inside_a_run(aml, workspace, tmp_path, monkeypatch) -> None:
    from jupyter_aml import Workspace

    inner = Workspace.from_url(tmp_path / "inner", create=True)
    monkeypatch.setenv("JUPYTER_AML_WORKSPACE", inner.url)
    assert aml("run", "list", "--json")["runs"] == []
    assert len(aml("-w", "default", "run", "list", "--json")["runs"]) == 3


# -- errors and surroundings -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["run", "show", "nope"], 3),
        (["run", "lst"], 2),
        (["runs"], 2),
        (["run", "list", "--limit", "0"], 2),
        (["run", "show"], 2),
        (["run", "list", "--nope"], 2),
        (["run", "cancel", "diabetes#1"], 1),
        (["run", "list", "--experiment", "diabets"], 3),
        (["-w", "http://127.0.0.1:9/x", "run", "list"], 2),
    ],
)
def test_errors_are_one_json_document_with_the_exit_code(aml, workspace, words, code) -> None:
    found = aml(*words, "--json", code=code)
    assert found["error"]["exit_code"] == code
    assert found["error"]["message"]


def test_unknown_commands_get_suggestions(aml) -> None:
    assert "Did you mean 'run'" in aml("runs", code=2)
    assert "Did you mean 'list'" in aml("run", "lst", code=2)


def test_a_reader_that_leaves_is_no_error(workspace) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-m", "jupyter_aml", "run", "list", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    writer.stdout.close()
    assert writer.stderr.read() == b""
    assert writer.wait(60) in (0, 141)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_cannot_be_written_is_said_with_its_path(process, tmp_path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    done = process("run", "list", env={"JUPYTER_AML_HOME": str(tmp_path / "locked" / "in")})
    assert done.returncode == 2
    assert b"locked" in done.stderr


def test_a_home_that_is_a_file_is_said_with_its_path(process, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    done = process("run", "list", env={"JUPYTER_AML_HOME": str(tmp_path / "file")})
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert str(tmp_path / "file").encode() in done.stderr
    assert b"JUPYTER_AML_HOME" in done.stderr


def test_a_missing_home_folder_is_said_with_its_path(process, tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("JUPYTER_AML_HOME")
    (tmp_path / "nohome").write_text("")
    done = process("run", "list", env={"HOME": str(tmp_path / "nohome"), "JUPYTER_PLATFORM_DIRS": "0"})
    assert done.returncode == 2
    assert str(tmp_path / "nohome").encode() in done.stderr


def test_a_deleted_working_folder_does_not_matter(workspace, tmp_path) -> None:
    code = (
        "import os, sys; os.mkdir(sys.argv[1]); os.chdir(sys.argv[1]); os.rmdir(sys.argv[1]);"
        "os.execv(sys.executable, [sys.executable, '-c', 'from jupyter_aml.cli.main import main; main()', 'run', 'list', '--json'])"
    )
    import jupyter_aml

    root = os.path.dirname(os.path.dirname(jupyter_aml.__file__))
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "gone")],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": root},
        timeout=60,
    )
    assert len(json.loads(done.stdout)["runs"]) == 3, done.stderr


def test_names_are_shown_whatever_the_locale(process, workspace, tmp_path) -> None:
    run = workspace.experiments["other"].start_logging(snapshot_directory=None, display_name="schön 🚀")
    run.complete()
    plain = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""}
    done = process("run", "list", env=plain)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "schön" in done.stdout.decode("utf-8")
    done = process("-w", str(tmp_path / "ü" / "x"), "run", "list", env=plain)
    assert done.returncode == 2
    assert b"no workspace" in done.stderr


def test_text_of_users_cannot_steer_the_terminal(aml, workspace) -> None:
    run = workspace.experiments["other"].start_logging(snapshot_directory=None, display_name="a\x1b[31mred\nline")
    run.complete()
    assert "\x1b" not in aml("run", "list")
    assert "\x1b" not in aml("run", "show", run.id)


# -- the rest --------------------------------------------------------------------------------------------------------------
def test_help_loads_nothing_heavy() -> None:
    heavy = "sqlalchemy alembic pandas numpy papermill nbformat IPython jupyter_core tornado"
    code = (
        "import sys\nfrom jupyter_aml.cli.main import root\n"
        "try: root.main(['--help'])\nexcept SystemExit: pass\n"
        f"print([m for m in '{heavy}'.split() if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).splitlines()[-1] == "[]"


def test_version(aml) -> None:
    import jupyter_aml

    assert aml("--version").strip() == f"aml, version {jupyter_aml.__version__}"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_printed(aml, shell) -> None:
    assert "_AML_COMPLETE" in aml("completion", shell)


def completed(process, *words):
    env = {"_AML_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(["aml", *words]), "COMP_CWORD": str(len(words))}
    code = "from jupyter_aml.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **env}, capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    return [line.split(",", 1)[1] for line in done.stdout.splitlines()]


def test_shells_complete_commands_runs_and_experiments(process, workspace) -> None:
    assert "run" in completed(process, "ru")
    assert "metrics" in completed(process, "run", "me")
    assert completed(process, "run", "list", "--experiment", "dia") == ["diabetes"]
    runs = completed(process, "run", "show", "01")
    assert set(runs) >= {run.id for run in workspace.experiments["diabetes"].get_runs()}
    assert completed(process, "-w", "def") == ["default"]


def test_every_command_has_help_and_the_reference_is_fresh() -> None:
    from jupyter_aml.cli import reference
    from jupyter_aml.cli.main import root

    for path, command in reference.commands(root):
        assert command.help, path
    assert reference.main(["--check"]) == 0, "run `make docs`"
