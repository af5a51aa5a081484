from __future__ import annotations

import pytest

from jupyter_aml import Workspace


@pytest.fixture
def ws(tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return Workspace.create("ws")
