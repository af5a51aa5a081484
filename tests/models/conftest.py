from __future__ import annotations

import pytest

from jupyter_aml import Workspace


@pytest.fixture
def ws(tmp_path, monkeypatch):
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return Workspace.create("ws")
