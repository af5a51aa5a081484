"""Every test has a home of its own, and the environment that it finds is the same everywhere."""

import os

import pytest
from hypothesis import settings

settings.register_profile("here", deadline=None)  # how long an example may take depends on the machine
settings.load_profile("here")

for variable in list(os.environ):
    if variable.startswith(("JUPYTER_AML_", "AZUREML_")):
        del os.environ[variable]
os.environ["MPLBACKEND"] = "agg"
os.environ["JUPYTER_PLATFORM_DIRS"] = "1"

pytest_plugins = ["pytest_jupyter.jupyter_server"]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A fresh home of workspaces, and runtime files beside it."""
    from jupyter_aml.store import connection

    folder = tmp_path / "aml-home"
    monkeypatch.setenv("JUPYTER_AML_HOME", str(folder))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    for variable in ("JUPYTER_AML_RUN_ID", "JUPYTER_AML_WORKSPACE", "JUPYTER_AML_EXPERIMENT"):
        monkeypatch.delenv(variable, raising=False)
    yield folder
    for known in list(connection._connections.values()):
        known.close()
    connection._connections.clear()
