"""Datastores and secrets of workspaces that are no folder."""

import os
import subprocess
import sys

import pytest
from datastore_checks import round_trip, tree

from jupyter_aml import Workspace
from jupyter_aml.data.datastore import Datastore
from jupyter_aml.errors import (
    UserErrorException,
)


@pytest.mark.slow
def test_a_workspace_behind_a_server_has_them_too(source, tmp_path, capsys):
    import jupyter_server_process

    ws = Workspace.from_url(jupyter_server_process.address())
    round_trip(ws.get_default_datastore(), source, tmp_path, capsys)
    (tmp_path / "shared").mkdir()
    shared = Datastore.register_local_folder(ws, "shared", tmp_path / "shared")
    shared.upload(source, show_progress=False)
    assert tree(tmp_path / "shared") == tree(source)
    shared.set_as_default()
    assert ws.get_default_datastore().name == "shared"
    shared.unregister()
    assert ws.get_default_datastore().name == "workspaceblobstore"
    vault = ws.get_default_keyvault()
    vault.set_secret("over-http", "pl4nted-over-http")
    assert vault.get_secret("over-http") == "pl4nted-over-http" and vault.get_secret("absent") is None
    assert [s["name"] for s in vault.list_secrets()] == ["over-http"]
    Datastore.register_http(ws, "web", "http://127.0.0.1:1/x", username="u", password="pl4nted-passw0rd")
    assert Datastore(ws, "web")._credentials() == {"password": "pl4nted-passw0rd"}
    Datastore(ws, "web").unregister()
    with pytest.raises(UserErrorException, match="server"):
        vault.rotate()
    vault.delete_secret("over-http")
    assert vault.list_secrets() == []
    server = jupyter_server_process.server()
    for path in server.folder.rglob("*"):
        assert not path.is_file() or b"pl4nted" not in path.read_bytes(), path


def test_a_workspace_in_a_database_has_them_too(source, tmp_path, capsys):
    import postgres_process

    ws = Workspace.from_url(postgres_process.address(), create=True)
    round_trip(ws.get_default_datastore(), source, tmp_path, capsys)
    ws.get_default_keyvault().set_secret("a", "one")
    assert ws.get_default_keyvault().rotate() == 1 and ws.get_default_keyvault().get_secret("a") == "one"


IN_A_RUN = """
import sys
from jupyter_aml import Workspace
from jupyter_aml.errors import StoreUnavailableException
ws = Workspace.from_url(sys.argv[1])
vault, store = ws.get_default_keyvault(), ws.get_default_datastore()
assert vault.get_secret("a") == "one-secret"
store.upload_files([sys.argv[2]], target_path="r")
assert store.download(sys.argv[3], prefix="r") == 1
try:
    vault.set_secret("a", "two")
except StoreUnavailableException:
    print("refused")
"""


@pytest.mark.slow
def test_a_run_with_nothing_but_its_token_has_secrets_and_datastores(tmp_path):
    import jupyter_server_process

    from jupyter_aml import Experiment
    from jupyter_aml.jobs import credentials

    address = jupyter_server_process.address()
    ws = Workspace.from_url(address)
    ws.get_default_keyvault().set_secret("a", "one-secret")
    run = Experiment(ws, "e").start_logging(snapshot_directory=None)
    ws.connection.flush(20)
    token = credentials.mint(ws.connection, run.id, "e", 600)
    (tmp_path / "f.txt").write_text("f")
    done = subprocess.run(
        [sys.executable, "-c", IN_A_RUN, address.partition("&token")[0], tmp_path / "f.txt", tmp_path / "out"],
        env={**os.environ, **credentials.own_home(ws.connection, token, tmp_path / "own")}, capture_output=True, text=True,
    )  # fmt: skip
    run.complete()
    assert done.returncode == 0 and "refused" in done.stdout, done.stderr
    assert ws.get_default_keyvault().get_secret("a") == "one-secret"
