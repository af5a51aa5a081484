"""The git state of a run, and that nothing of the repository is run to find it."""

import subprocess

import pytest

from jupyter_aml.tracking.lifetime import GIT_DIFF


def git(*words, cwd="."):
    name = ["-c", "user.name=N", "-c", "user.email=n@example.org", "-c", "protocol.file.allow=always"]
    subprocess.run(["git", *name, *words], check=True, cwd=cwd, capture_output=True)


@pytest.fixture
def repository(experiment, tmp_path):
    """The working folder is one, with one change that is not committed."""
    work = tmp_path / "work"
    git("init", "-q")
    (work / ".gitattributes").write_text("*.py filter=x diff=y\n")
    git("add", "-A")
    git("commit", "-qm", "first")
    (work / "train.py").write_text("print(2)\n")
    return work


def state(experiment):
    run = experiment.start_logging(snapshot_directory=".")
    run.complete()
    return run.get_properties(), experiment.workspace.connection.store.text(run.id, GIT_DIFF)


@pytest.mark.parametrize(
    "key",
    ["filter.x.clean", "filter.x.smudge", "filter.x.process", "diff.y.textconv", "diff.y.command", "core.fsmonitor"],
)
def test_no_command_of_the_configuration_is_run(experiment, repository, tmp_path, key) -> None:
    git("config", key, f"touch {tmp_path}/RAN; cat")
    git("config", "filter.x.required", "true")
    properties, diff = state(experiment)
    assert not (tmp_path / "RAN").exists()
    assert properties["azureml.git.dirty"] == "True"
    assert "+print(2)" in diff


def test_no_command_of_a_submodule_is_run(experiment, repository, tmp_path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    git("init", "-q", cwd=inner)
    (inner / "a.py").write_text("1\n")
    (inner / ".gitattributes").write_text("*.py filter=x\n")
    git("add", "-A", cwd=inner)
    git("commit", "-qm", "first", cwd=inner)
    git("submodule", "add", str(inner), "sub")
    git("commit", "-qm", "second", "--no-verify", ".gitmodules", "sub")
    git("config", "filter.x.clean", f"touch {tmp_path}/RAN; cat", cwd=repository / "sub")
    git("config", "diff.submodule", "diff")
    (repository / "sub" / "a.py").write_text("2\n")
    properties, diff = state(experiment)
    assert not (tmp_path / "RAN").exists()
    assert properties["azureml.git.dirty"] == "True"
    assert "+print(2)" in diff


def test_a_filter_that_cannot_be_switched_off_leaves_the_state_unknown(experiment, repository, tmp_path) -> None:
    (repository / ".gitattributes").write_text("*.py filter=x=y\n")
    git("config", "filter.x=y.clean", f"touch {tmp_path}/RAN; cat")
    (repository / ".git" / "config").open("a").write(f'[filter "x=y"]\n\tclean = touch {tmp_path}/RAN; cat\n')
    properties, diff = state(experiment)
    assert not (tmp_path / "RAN").exists()
    assert (properties, diff) == ({}, "")
