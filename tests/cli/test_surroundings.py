"""`aml` among other programs: closed and full streams, nobody to ask, shells that complete, long texts, errors at the end."""

import os
import shutil
import subprocess
import sys

import pytest

from jupyter_aml import Experiment


def shell(words, *more):
    """Call `aml` with what a shell makes of its streams."""
    return subprocess.run(
        ["sh", "-c", f'exec "$0" -m jupyter_aml {words}', sys.executable, *more],
        capture_output=True,
        text=True,
        timeout=60,
    )


# -- streams -------------------------------------------------------------------------------------------------------
def test_an_output_that_is_closed_is_no_error(workspace) -> None:
    done = shell("run list >&-")
    assert (done.returncode, done.stderr) == (0, "")
    assert shell("run show nope 2>&-").returncode == 3


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("words", ["run list --json", "run show nope --json", "run list"])
def test_an_output_that_is_full_is_said_in_a_line(workspace, words) -> None:
    done = shell(f"{words} > /dev/full")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1 and "No space left" in done.stderr


# -- questions -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("words", [["run", "delete", "diabetes#1"], ["experiment", "delete", "other"]])
def test_where_nobody_can_be_asked_a_deletion_needs_yes(aml, workspace, words) -> None:
    found = aml(*words, "--json", code=2)
    assert "--yes" in found["error"]["message"]
    assert "--yes" in aml(*words, code=2, input="")
    aml(*words, code=130, input="n\n")
    assert len(aml("experiment", "list", "--json")["experiments"]) == 2
    assert aml(*words, "--yes", "--json")["deleted"]


@pytest.mark.parametrize("words", [[], ["run"]])
def test_a_group_without_a_command_shows_its_help_and_nothing_more(aml, words) -> None:
    said = aml(*words, code=2)
    assert said.startswith("Usage: ") and "Error" not in said and "See `" not in said
    assert "command" in aml("--json", *words, code=2)["error"]["message"]


def test_a_name_that_is_taken_is_said_in_the_commands_words(aml) -> None:
    aml("workspace", "create", "w2")
    assert "--exist-ok" in aml("workspace", "create", "w2", code=2)
    aml("workspace", "create", "w2", "--exist-ok")


# -- shells --------------------------------------------------------------------------------------------------------
@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("typed", "offered"), [("My", r"My\ Note\ book"), ('"My', "My Note book"), (r"My\ N", r"My\ Note\ book")]
)
def test_bash_completes_names_with_spaces_quoted(aml, workspace, tmp_path, typed, offered) -> None:
    Experiment(workspace, "My Note book").start_logging(snapshot_directory=None).complete()
    program = tmp_path / "aml"
    program.write_text(f"#!{sys.executable}\nfrom jupyter_aml.cli.main import main\nmain()\n")
    program.chmod(0o755)
    script = (
        f'{aml("completion", "bash")}\nCOMP_WORDS=(aml run list -e "$1"); COMP_CWORD=4\n'
        f'_aml_completion {program}\nprintf "%s\\n" "${{COMPREPLY[@]}}"'
    )
    done = subprocess.run(["bash", "--norc", "-c", script, "bash", typed], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == [offered], done.stderr


# -- what is shown -------------------------------------------------------------------------------------------------
def test_one_long_text_does_not_widen_every_row(process, workspace) -> None:
    run = Experiment(workspace, "long").start_logging(snapshot_directory=None)
    run.log("note", "x" * 10_000)
    run.log("acc", 0.5)
    run.complete()
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    done = subprocess.run(
        [sys.executable, "-m", "jupyter_aml", "run", "show", run.id], capture_output=True, text=True, env=environment
    )
    lines = done.stdout.splitlines()
    assert "x" * 10_000 in done.stdout and sum(len(line) > 1000 for line in lines) == 1


def test_logs_of_a_failed_run_end_with_its_error(aml, workspace) -> None:
    said = aml("run", "logs", "other#1")
    assert "Oops: it broke" in said
    assert aml("run", "logs", "other#1", "--json")["error"]["code"] == "Oops"


def test_what_a_snapshot_left_out_is_shown_with_the_reason(aml, workspace, tmp_path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "away").symlink_to("/etc/hostname")
    run = Experiment(workspace, "other").start_logging(snapshot_directory=str(tmp_path / "source"))
    run.complete()
    said = aml("run", "show", run.id)
    assert "Left out of the snapshot" in said and "a link that leaves the folder" in said
    assert aml("run", "show", run.id, "--json")["snapshot_skipped"] == {"away": "a link that leaves the folder"}


def test_a_notebook_whose_process_died_before_it_could_be_completed_is_pointed_to_repair(aml, workspace) -> None:
    code = (
        "import os\nfrom jupyter_aml import Experiment, Workspace\nfrom jupyter_aml.tracking.run import Run\n"
        "run = Run._create(Experiment(Workspace.default(), 'gone'), type='aml.notebook')\nrun.flush()\nos._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 9
    workspace.connection.recover()
    assert f"aml notebook repair {aml('run', 'show', 'gone#1', '--json')['id']}" in aml("run", "show", "gone#1")
