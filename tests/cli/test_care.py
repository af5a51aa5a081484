"""`aml doctor`, `export`, `import`, `workspace backup` and `restore`."""

import os

import pytest

from jupyter_aml.workspace import Workspace


def runs(aml, *words):
    return {run["id"]: run["status"] for run in aml("run", "list", "--everywhere", "--json", *words)["runs"]}


def test_a_sound_workspace_gets_a_clean_bill(aml, workspace) -> None:
    lines = aml("doctor", "--deep").splitlines()
    assert [line.split()[1:3] for line in lines] == [
        ["ok", subject] for subject in ("journals", "room", "rights", "store", "runs", "points", "contents")
    ]
    found = aml("doctor", "--json")
    assert found["counts"] == {"ok": 7, "warning": 0, "error": 0}


def test_damage_is_told_with_what_to_do_and_an_exit_code(aml, workspace) -> None:
    (digest,) = {file.digest for file in workspace.connection.store.files(next(iter(runs(aml, "--text", "run 1"))))}
    path = workspace.connection.folder / "blobs" / digest[:2] / digest[2:]
    path.write_bytes(b"x" * path.stat().st_size)
    assert aml("doctor", "--json")["counts"]["error"] == 0
    text = aml("doctor", "--deep", code=1)
    assert "another sha256" in text
    assert "outputs/x.csv" in text
    assert "What to do" in text
    found = aml("doctor", "--deep", "--json", code=1)
    (error,) = [finding for finding in found["findings"] if finding["severity"] == "error"]
    assert digest in error["what"]
    assert "backup" in error["advice"]


def test_warnings_alone_are_no_failure(aml, workspace) -> None:
    workspace.connection.folder.chmod(0o755)
    assert "chmod" in aml("doctor")


def test_a_database_that_cannot_be_opened_is_a_finding(aml, workspace, process) -> None:
    workspace.connection.close()
    (workspace.connection.folder / "workspace.db").write_bytes(b"no database" * 1000)
    done = process("doctor")
    assert done.returncode == 1
    assert b"Restore it from a backup" in done.stdout


def test_a_workspace_is_exported_and_imported(aml, workspace, here) -> None:
    assert "holds 5 runs of 2 experiments" in aml("export", "all.zip")
    Workspace.create("other")
    assert "5 runs" in aml("-w", "other", "import", "all.zip")
    assert runs(aml, "-w", "other") == runs(aml)
    shown = [aml("-w", name, "run", "show", "diabetes#2", "--json") for name in ("default", "other")]
    assert shown[0]["metrics"] == shown[1]["metrics"]
    assert "had come in before" in aml("-w", "other", "import", "all.zip")
    assert aml("-w", "other", "import", "all.zip", "--json")["before"] == 5


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (["--run", "diabetes#1"], 2),
        (["--run", "diabetes#1", "--run", "other#1"], 3),
        (["--experiment", "diabetes"], 4),
        (["--experiment", "other", "--run", "diabetes#1"], 3),
    ],
)
def test_some_runs_are_exported(aml, workspace, words, count) -> None:
    assert aml("export", "some.zip", *words, "--json")["runs"] == count
    Workspace.create("other")
    assert aml("-w", "other", "import", "some.zip", "--json")["runs"] == count


def test_what_is_there_is_told_and_stays(aml, workspace) -> None:
    aml("export", "all.zip")
    (run,) = runs(aml, "--experiment", "other")
    aml("run", "tag", run, "mine")
    text = aml("import", "all.zip")
    assert "There already, and left as they were  5" in text
    assert run in text
    assert aml("run", "show", run, "--json")["tags"] == {"mine": None}
    aml("run", "delete", run, "--yes")
    Workspace.create("third")
    aml("-w", "third", "import", "all.zip")
    aml("-w", "third", "export", "again.zip", "--run", run)
    assert aml("import", "again.zip", "--json")["runs"] == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["export", "x.zip", "--run", "nope"], 3),
        (["export", "x.zip", "--experiment", "diabete"], 3),
        (["export", "text.zip/x.zip"], 2),
        (["import", "nope.zip"], 3),
        (["import", "text.zip"], 2),
        (["workspace", "restore", "nope", "x"], 3),
        (["workspace", "restore", "text.zip", "x"], 2),
        (["workspace", "backup", "text.zip"], 2),
    ],
)
def test_what_cannot_be_is_said_and_leaves_nothing(aml, workspace, here, words, code) -> None:
    (here / "text.zip").write_text("no zip")
    before = sorted(os.listdir(here))
    assert "Error" in aml(*words, code=code)
    assert sorted(os.listdir(here)) == before


@pytest.mark.parametrize("target", ["copy", "copy.zip"])
def test_a_workspace_is_backed_up_and_restored(aml, workspace, here, target) -> None:
    before = runs(aml)
    assert target in aml("workspace", "backup", target)
    assert "'twin'" in aml("workspace", "restore", target, "back", "--name", "twin")
    assert runs(aml, "-w", "./back") == before
    assert aml("-w", "./back", "workspace", "show", "--json")["name"] == "twin"
    assert aml("-w", "./back", "doctor", "--deep", "--json")["counts"]["error"] == 0
    assert aml("workspace", "restore", target, "json", "--json")["blobs"] == 2
    assert "already" in aml("workspace", "restore", target, "back", code=2)


def test_an_archive_is_restored_too(aml, workspace) -> None:
    aml("export", "all.zip")
    aml("workspace", "restore", "all.zip", "back")
    assert runs(aml, "-w", "./back") == runs(aml)
