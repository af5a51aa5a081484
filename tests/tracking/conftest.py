"""An experiment in a workspace of its own, and the working folder beside it."""

import pytest


@pytest.fixture
def experiment(tmp_path, monkeypatch):
    """Its working folder holds ``train.py`` alone."""
    from jupyter_aml import Experiment, Workspace

    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "train.py").write_text("print(1)\n")
    monkeypatch.chdir(folder)
    return Experiment(Workspace.from_config(), "exp")
