"""Secrets: set, read, rotated, removed; and nowhere to be found."""

import base64
import json
import os
import subprocess
import sys
import threading

import pytest

from jupyter_aml import Experiment, Workspace
from jupyter_aml.data.keyvault import KeyVaultContentType
from jupyter_aml.data.vault_keys import KeyPlace
from jupyter_aml.errors import UserErrorException, WorkspaceException
from jupyter_aml.store.records import AssetQuery

SECRET = 'pl4nted "s€cret" no/one:sees'


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch):
    monkeypatch.setenv("JUPYTER_AML_KEYRING", "off")


@pytest.fixture
def ws(tmp_path):
    return Workspace.from_url(tmp_path / "ws", create=True)


def spellings(secret):
    """How a secret may lie somewhere."""
    data = secret.encode()
    texts = {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    return [t.encode() for t in texts] + [base64.b64encode(data)[:-4], data.hex().encode(), data]


def found_in(folder, secret):
    """Files below a folder that have the secret in them."""
    wanted = spellings(secret)
    return [p for p in folder.rglob("*") if p.is_file() and any(w in p.read_bytes() for w in wanted)]


def test_secrets_are_set_read_listed_and_removed(ws):
    vault = ws.get_default_keyvault()
    vault.set_secrets({"first": SECRET, "second": "two"})
    vault.set_secret("second", "", KeyVaultContentType.password)
    assert vault.get_secret("first") == SECRET
    assert vault.get_secrets(["second", "absent"]) == {"second": "", "absent": None}
    assert vault.list_secrets() == [
        {"name": "first", "version": 1, "content_type": ""},
        {"name": "second", "version": 2, "content_type": "Password"},
    ]
    assert vault.get_secret_content_type("second") is KeyVaultContentType.password
    vault.delete_secrets(["second", "absent"])
    assert [s["name"] for s in vault.list_secrets()] == ["first"]
    feed = [(c.verb, c.id) for c in ws.connection.store.changes(noun="secret")]
    assert feed.count(("changed", "first")) == 1, "that it was read is in the feed"
    assert feed[-1] == ("deleted", "second")


@pytest.mark.parametrize("name", ["", "a b", "a/b", "datastore:x", "../x", "x" * 128, None, 3])
def test_a_name_that_cannot_be_is_refused(ws, name):
    with pytest.raises(UserErrorException):
        ws.get_default_keyvault().set_secret(name, "value")
    assert ws.get_default_keyvault().list_secrets() == []


@pytest.mark.parametrize("value", [None, 5, b"bytes-secret", "x" * 70_000, "lone \ud800 surrogate"])
def test_a_value_that_cannot_be_is_refused_and_not_shown(ws, value):
    with pytest.raises(UserErrorException) as caught:
        ws.get_default_keyvault().set_secrets({"fine": "fine", "name": value})
    assert "bytes-secret" not in str(caught.value) and "surrogate" not in str(caught.value)
    assert ws.get_default_keyvault().list_secrets() == [], "all or none"


def test_rotation_seals_everything_anew_and_forgets_the_old_key(ws):
    vault, place = ws.get_default_keyvault(), KeyPlace(ws.id)
    vault.set_secrets({"a": "one", "b": "two"})
    before = place.read()
    sealed = {r.name: r.data["sealed"] for r in ws.connection.store.walk_assets(AssetQuery(kind="secret"))}
    assert vault.rotate() == 2
    after = place.read()
    assert set(after.all).isdisjoint(before.all)
    for record in ws.connection.store.walk_assets(AssetQuery(kind="secret")):
        assert record.data["key"] == after.current and record.data["sealed"] != sealed[record.name]
    assert vault.get_secrets(["a", "b"]) == {"a": "one", "b": "two"}


def test_a_rotation_that_broke_off_is_completed_by_the_next(ws, monkeypatch):
    vault = ws.get_default_keyvault()
    vault.set_secrets({"a": "one", "b": "two"})
    store = type(ws.connection.store)
    change, calls = store.change_asset, []

    def breaks(self, id, **kwargs):
        calls.append(id)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return change(self, id, **kwargs)

    monkeypatch.setattr(store, "change_asset", breaks)
    with pytest.raises(KeyboardInterrupt):
        vault.rotate()
    monkeypatch.setattr(store, "change_asset", change)
    assert vault.get_secrets(["a", "b"]) == {"a": "one", "b": "two"}
    assert vault.rotate() == 2 and len(KeyPlace(ws.id).read().all) == 1
    assert vault.get_secrets(["a", "b"]) == {"a": "one", "b": "two"}


def test_many_threads_and_a_rotation_lose_nothing(ws):
    vault = ws.get_default_keyvault()
    vault.set_secret("s0", "v0")

    def work(n):
        for k in range(4):
            ws.get_default_keyvault().set_secret(f"s{n}-{k}", f"v{n}-{k}")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    vault.rotate()
    for thread in threads:
        thread.join()
    assert vault.get_secrets([f"s{n}-{k}" for n in range(3) for k in range(4)]) == {
        f"s{n}-{k}": f"v{n}-{k}" for n in range(3) for k in range(4)
    }


def test_the_key_is_the_users_alone_and_not_in_the_workspace(ws, home, tmp_path):
    ws.get_default_keyvault().set_secret("a", SECRET)
    (key,) = (home / ".remote" / "vault").glob("*.json")
    assert key.stat().st_mode & 0o777 == 0o600 and key.parent.stat().st_mode & 0o777 == 0o700
    assert found_in(home, SECRET) == []
    for text in json.loads(key.read_text())["keys"].values():
        assert not [p for p in (tmp_path / "ws").rglob("*") if p.is_file() and text.encode() in p.read_bytes()]


def test_without_the_key_nothing_opens_and_no_second_key_is_made(ws, home):
    vault = ws.get_default_keyvault()
    vault.set_secret("a", "one")
    (key,) = (home / ".remote" / "vault").glob("*.json")
    kept = key.read_text()
    key.unlink()
    for act in (lambda: vault.get_secret("a"), lambda: vault.set_secret("b", "two"), vault.rotate):
        with pytest.raises(WorkspaceException, match="import-key"):
            act()
    KeyPlace(ws.id).import_(kept)
    assert vault.get_secret("a") == "one"
    key.write_text("{damaged")
    with pytest.raises(WorkspaceException, match="damaged"):
        vault.get_secret("a")


def test_a_sealed_value_cannot_pass_for_anothers(ws):
    vault, store = ws.get_default_keyvault(), ws.connection.store
    vault.set_secrets({"mine": "one", "admin": "two"})
    mine, admin = store.asset("secret", "mine"), store.asset("secret", "admin")
    store.change_asset(mine.id, at=1.0, data=dict(admin.data))
    with pytest.raises(WorkspaceException, match="altered"):
        vault.get_secret("mine")


def test_a_keyring_is_used_where_one_answers_and_passed_over_where_it_hangs(ws, home, monkeypatch):
    import keyring
    from keyring.backend import KeyringBackend

    old = keyring.get_keyring()  # before there are more kinds that could be chosen

    class Memory(KeyringBackend):
        priority = 5
        kept: dict = {}

        def get_password(self, service, username):
            return self.kept.get((service, username))

        def set_password(self, service, username, password):
            self.kept[service, username] = password

        def delete_password(self, service, username):
            del self.kept[service, username]

    class Hanging(Memory):
        def set_password(self, service, username, password):
            threading.Event().wait()

    monkeypatch.delenv("JUPYTER_AML_KEYRING")
    monkeypatch.setattr("jupyter_aml.data.vault_keys._PATIENCE", 0.3)
    try:
        keyring.set_keyring(Memory())
        vault = ws.get_default_keyvault()
        vault.set_secret("a", "one")
        (file,) = (home / ".remote" / "vault").glob("*.json")
        assert json.loads(file.read_text()) == {"keyring": True} and len(Memory.kept) == 1
        assert vault.rotate() == 1 and vault.get_secret("a") == "one"
        keyring.set_keyring(Hanging())
        other = Workspace.from_url(ws.url + "-other", create=True).get_default_keyvault()
        other.set_secret("b", "two")
        assert other.get_secret("b") == "two"
    finally:
        keyring.set_keyring(old)


def _made(folder):
    folder.mkdir()  # the run's snapshot is of this, and not of the tests, which have the secret in them
    return folder


CODE = """
import sys, logging
logging.basicConfig(level=logging.DEBUG)
from jupyter_aml import Experiment, Workspace
ws = Workspace.from_url(sys.argv[1])
run = Experiment(ws, "e").start_logging()
value = run.get_secret("planted")
assert value is not None
run.log("said", value)
run.tag("tag", value)
run.log_row("rows", text=f"x {value} y")
run.set_tags({"again": "a" + value})
if len(sys.argv) > 2:  # as the script of a submitted run, whose prints are its log
    print("printed", value); logging.warning("warned of %s", value)
print(repr(ws.get_default_keyvault()), repr(run), ws.get_default_datastore(), dict(ws.datastores))
run.fail(error_details=f"cannot log in with {value}")
"""


def test_a_planted_secret_is_nowhere_to_be_found(ws, home, tmp_path):
    """A run reads it and logs it in every way; then all that was written is searched."""
    from click.testing import CliRunner

    from jupyter_aml.cli.main import root

    ws.get_default_keyvault().set_secret("planted", SECRET)
    done = subprocess.run(
        [sys.executable, "-c", CODE, ws.url], capture_output=True, text=True, cwd=_made(tmp_path / "work"),
        env={**os.environ, "JUPYTER_AML_DEBUG": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stdout + done.stderr
    (run,) = Experiment(ws, "e").get_runs()
    assert run.get_tags()["tag"] == "******"
    script = subprocess.run(
        [sys.executable, "-c", CODE, ws.url, "prints"], capture_output=True, text=True, cwd=tmp_path / "work",
        env={**os.environ, "JUPYTER_AML_RUN_ID": run.id},
    )  # fmt: skip
    assert "printed ******" in script.stdout and "warned of ******" in script.stderr, script.stderr
    assert SECRET not in script.stdout + script.stderr
    shown = []
    for words in (
        ["secret", "list"],
        ["activity"],
        ["run", "show", run.id],
        ["export", str(tmp_path / "x.zip")],
        ["doctor"],
    ):
        shown.append(CliRunner().invoke(root, ["--workspace", ws.url, "--json", *words]).output)
    assert (tmp_path / "x.zip").stat().st_size > 0, shown[3]
    assert SECRET not in "".join(shown) and json.dumps(SECRET)[1:-1] not in "".join(shown)
    import zipfile

    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        archive.extractall(tmp_path / "extracted")
    assert found_in(tmp_path, SECRET) == []


def test_a_notebook_that_prints_a_secret_shows_a_mask(ws, tmp_path):
    import nbformat
    from nbclient import NotebookClient

    ws.get_default_keyvault().set_secret("planted", "pl4nted-in-a-notebook")
    cells = [
        f"from jupyter_aml import Workspace\nws = Workspace.from_url({ws.url!r})",
        "value = ws.get_default_keyvault().get_secret('planted')\nprint('it is', value)\nvalue",
        "raise ValueError(value)",
    ]
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(nb, kernel_name="python3", allow_errors=True).execute()
    text = nbformat.writes(nb)
    assert "pl4nted" not in text and "it is ******" in text and "ValueError" in text
