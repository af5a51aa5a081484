"""Datastores, and the contents of workspaces, in Azure Blob and Google Cloud Storage: their emulators, their real drivers.

What contents by hash do there is in tests/store/test_blobs.py, as for all other places.
"""

import base64
import json
import traceback
from types import SimpleNamespace

import clouds
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from datastore_checks import round_trip, tree

from jupyter_aml import Experiment, Workspace
from jupyter_aml.data.dataset import Dataset
from jupyter_aml.data.datastore import Datastore
from jupyter_aml.errors import AzureMLException, StoreUnavailableException

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:GCS project not set")]


def azure(ws, name, cloud, container, **about):
    about = {"account_key": cloud.key, "endpoint": cloud.endpoint, **about}
    return Datastore.register_azure_blob_container(ws, name, container, clouds.ACCOUNT, **about)


def google(ws, name, cloud, container, **about):
    return Datastore.register_gcs(ws, name, container, endpoint=cloud.endpoint, anonymous=True, **about)


@pytest.fixture(params=["azure", "google"])
def kind(request):
    return request.param


@pytest.fixture
def cloud(kind):
    return clouds.azure() if kind == "azure" else clouds.google()


@pytest.fixture
def register(ws, kind, cloud):
    return lambda name, container, **about: globals()[kind](ws, name, cloud, container, **about)


def test_a_container_is_a_datastore(ws, register, cloud, source, tmp_path, capsys):
    store = register("cloud", cloud.make_container())
    round_trip(store, source, tmp_path, capsys)
    table = Dataset.Tabular.from_delimited_files([(store, "in/here/a.csv"), (store, "in/here/sub/*.csv")], header=False)
    table = table.register(ws, "from the cloud")
    assert Dataset.get_by_name(ws, "from the cloud").take(1).to_pandas_dataframe().shape == (1, 1)
    files = Dataset.File.from_files((store, "in/**"))
    assert sorted(files.to_path()) == sorted(f"/{name}" for name in tree(source))
    with files.mount(str(tmp_path / "mounted")):
        assert (tmp_path / "mounted" / "sub" / "big.bin").read_bytes() == (source / "sub" / "big.bin").read_bytes()
    target = (store, "written/by us")
    Dataset.Tabular.register_pandas_dataframe(table.to_pandas_dataframe(), target, "again", show_progress=False)
    assert Dataset.get_by_name(ws, "again").to_pandas_dataframe().equals(table.to_pandas_dataframe())
    with pytest.raises(StoreUnavailableException, match="no such bucket or container"):
        register("none", "never-made-this-one").upload_files([source / "a.csv"])


def test_a_workspace_keeps_its_contents_there(kind, cloud, tmp_path, monkeypatch, source):
    import postgres_process

    place = cloud.artifacts(monkeypatch)
    ws = Workspace.from_url(postgres_process.address(), create=True, artifacts=f"{place}/deep")
    assert ws.connection.blobs.url == f"{place}/deep"
    monkeypatch.chdir(tmp_path)
    run = Experiment(ws, "e").start_logging(snapshot_directory=source)
    run.upload_file("outputs/big.bin", source / "sub" / "big.bin")
    run.complete()
    run.download_file("outputs/big.bin", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == (source / "sub" / "big.bin").read_bytes()
    default = ws.get_default_datastore()
    default.upload(source, show_progress=False)
    assert default.download(tmp_path / "out", show_progress=False) == 5 and tree(tmp_path / "out") == tree(source)


def said(act):
    with pytest.raises(AzureMLException) as caught:
        act()
    return "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("key", [base64.b64encode(b"wr0ng" * 12).decode(), "wr0ng: no base64 at all"])
def test_a_wrong_key_of_azure_is_said_and_not_shown(ws, source, tmp_path, key):
    cloud = clouds.azure()
    container = cloud.make_container()
    store = azure(ws, "wrong", cloud, container, account_key=key)
    for act in (
        lambda: store.upload(source, show_progress=False), lambda: store.download(tmp_path / "out"), store._entries,
        lambda: Dataset.File.from_files((store, "**")).to_path(),
        lambda: azure(ws, "wrong", cloud, "new-one", account_key=key, create_if_not_exists=True, overwrite=True),
    ):  # fmt: skip
        text = said(act)
        assert "credentials are missing, or not accepted" in text and key not in text and "wr0ng" not in text
    azure(ws, "right", cloud, "made-by-us", create_if_not_exists=True).upload_files([source / "a.csv"])


def test_a_wrong_key_of_google_is_said_and_not_shown(ws, source, web, tmp_path, monkeypatch):
    retry = pytest.importorskip("gcsfs.retry")

    async def at_once(seconds):  # the driver tries again for a minute
        pass

    monkeypatch.setattr(retry, "asyncio", SimpleNamespace(sleep=at_once))
    private = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {
        "type": "service_account", "client_email": "me@example.org", "private_key": private.decode(),
        "private_key_id": "1", "token_uri": f"{web(tmp_path)}/refuses-all-tokens",
    }  # fmt: skip
    store = Datastore.register_gcs(ws, "wrong", "b", service_account=account, endpoint=web(tmp_path))
    text = said(lambda: store.upload_files([source / "a.csv"]))
    assert "credentials are missing, or not accepted" in text
    assert private.decode().splitlines()[1] not in text and json.dumps(private.decode()) not in text
