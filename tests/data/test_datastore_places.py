"""Datastores read and written where they really are: folders, S3, web servers, SSH servers."""

import getpass
import json
import os

import pytest
from datastore_checks import round_trip, tree
from places import KEY, KEY_ID, PASSWORD, make_bucket, start_s3

from jupyter_aml.data.datastore import Datastore
from jupyter_aml.data.datastore_azure import AzureBlobDatastore, AzureFileDatastore
from jupyter_aml.errors import (
    StoreUnavailableException,
    UserErrorException,
)


def test_every_workspace_has_its_own_two(ws, source, tmp_path, capsys):
    blob, files = Datastore(ws, "workspaceblobstore"), ws.datastores["workspacefilestore"]
    assert (
        isinstance(blob, AzureBlobDatastore) and isinstance(files, AzureFileDatastore) and isinstance(blob, Datastore)
    )
    assert (blob.datastore_type, files.datastore_type) == ("AzureBlob", "AzureFile")
    assert isinstance(blob.account_name, str) and isinstance(blob.container_name, str)
    assert (
        ws.get_default_datastore().name == Datastore(ws).name == Datastore.get_default(ws).name == "workspaceblobstore"
    )
    round_trip(blob, source, tmp_path, capsys)
    assert not list(files._walk())
    with pytest.raises(UserErrorException, match="stays"):
        blob.unregister()


def test_a_folder_is_a_datastore_and_can_be_the_default(ws, source, tmp_path, capsys):
    (tmp_path / "shared").mkdir()
    store = Datastore.register_local_folder(ws, "shared", tmp_path / "shared")
    round_trip(store, source, tmp_path, capsys)
    ws.set_default_datastore("shared")
    assert ws.get_default_datastore().name == "shared"
    with pytest.raises(UserErrorException, match="overwrite=True"):
        Datastore.register_local_folder(ws, "shared", tmp_path)
    store.unregister()
    assert ws.get_default_datastore().name == "workspaceblobstore"
    assert tree(tmp_path / "shared"), "its data stays"
    with pytest.raises(UserErrorException, match="shared"):
        Datastore.get(ws, "shared")


def test_s3(ws, source, tmp_path, capsys, s3_server):
    store = Datastore.register_s3(
        ws, "bucket", make_bucket(s3_server), prefix="pre/fix", access_key_id=KEY_ID, secret_access_key=KEY, endpoint=s3_server,
        region="us-east-1",
    )  # fmt: skip
    round_trip(Datastore(ws, "bucket"), source, tmp_path, capsys)
    assert KEY not in repr(store) + str(store._serialize()) + store._repr_html_() + store._url("a")
    record = ws.connection.store.asset("datastore", "bucket")
    assert KEY not in str(record) and KEY_ID not in str(record)
    assert "datastore:bucket" not in [s["name"] for s in ws.get_default_keyvault().list_secrets()]


def test_a_server_that_dies_in_mid_read_leaves_no_half_file(ws, tmp_path):
    server, url = start_s3()
    store = Datastore.register_s3(ws, "s3", make_bucket(url), access_key_id=KEY_ID, secret_access_key=KEY, endpoint=url)
    (tmp_path / "big.bin").write_bytes(os.urandom(30_000_000))
    store.upload_files([tmp_path / "big.bin"])
    fs, _ = store._filesystem()
    opened = fs.open

    def dies(*args, **kwargs):
        file = opened(*args, **kwargs)
        server.stop()
        return file

    fs.open = dies
    with pytest.raises(StoreUnavailableException) as caught:
        store.download(tmp_path / "out")
    assert KEY not in str(caught.value) and caught.value.__cause__ is None
    assert not tree(tmp_path / "out")


def test_http_is_read_and_not_written(ws, source, tmp_path, web):
    url = web(source, protected=True)
    store = Datastore.register_http(ws, "web", f"{url}/sub", username="user", password=PASSWORD)
    assert sorted(e.path for e in store._walk()) == ["b.csv", "big.bin", "deep/empty"]
    assert store.download(tmp_path / "out") == 3
    assert tree(tmp_path / "out") == tree(source / "sub")
    outer = Datastore.register_http(ws, "outer", url, username="user", password=PASSWORD)
    assert outer.download(tmp_path / "odd", prefix="od d") == 1 and tree(tmp_path / "odd") == {
        "od d/100% ü#?.txt": "ünïcode".encode()
    }
    with pytest.raises(UserErrorException, match="only be read"):
        store.upload_files([source / "a.csv"])
    wrong = Datastore.register_http(ws, "wrong", url, username="user", password="wr0ng-passw0rd")
    with pytest.raises(StoreUnavailableException, match="credentials are not accepted") as caught:
        wrong.download(tmp_path / "none", prefix="a.csv")
    assert "wr0ng" not in str(caught.value)


def test_an_answer_that_is_cut_short_is_no_file(ws, source, tmp_path, web):
    store = Datastore.register_http(ws, "web", web(source))
    with pytest.raises(StoreUnavailableException):
        store.download(tmp_path / "out", prefix="cut/x.bin")
    assert not (tmp_path / "out" / "cut" / "x.bin").exists()


def test_sftp(ws, source, tmp_path, capsys, ssh):
    (tmp_path / "there").mkdir()
    about = {"host": "127.0.0.1", "port": ssh.port, "username": getpass.getuser(), "folder": str(tmp_path / "there")}
    Datastore.register_sftp(ws, "ssh", private_key=ssh.private_key, host_key=ssh.host_key, **about)
    store = Datastore(ws, "ssh")
    round_trip(store, source, tmp_path, capsys)
    assert tree(tmp_path / "there" / "in" / "here") == tree(source), "and no scratch files"
    (tmp_path / "there" / "link").symlink_to(tmp_path / "source")
    assert "link" not in [e.path for e in store._entries()]
    for act in (lambda: store.upload_files([source / "a.csv"], target_path="link"), lambda: list(store._walk("link"))):
        with pytest.raises(UserErrorException, match="link"):
            act()
    other = ssh.host_key[:-10] + "AAAAAAAAAA"
    Datastore.register_sftp(ws, "other", private_key=ssh.private_key, host_key=other, **about)
    with pytest.raises(StoreUnavailableException, match="host"):
        Datastore(ws, "other")._entries()
    Datastore.register_sftp(ws, "wrong", password=PASSWORD, host_key=ssh.host_key, **about)
    with pytest.raises(StoreUnavailableException, match="credentials") as caught:
        Datastore(ws, "wrong")._entries()
    assert PASSWORD not in str(caught.value)
    ssh.stop()
    with pytest.raises(StoreUnavailableException):
        Datastore(ws, "ssh").download(tmp_path / "gone")
    ssh.start()


def test_a_folder_stands_in_for_a_container(ws, source, tmp_path, monkeypatch):
    pytest.importorskip("adlfs")

    from jupyter_aml.data.stand_ins import local_path

    store = Datastore.register_azure_blob_container(ws, "samples", "pipelinedata", "samplesof.invalid")
    with pytest.raises(StoreUnavailableException, match="JUPYTER_AML_STAND_INS"):
        store.download(tmp_path / "out")
    keys = {"samplesof.invalid/pipelinedata": str(source), "https://example.org/data": str(source / "sub")}
    monkeypatch.setenv("JUPYTER_AML_STAND_INS", json.dumps(keys))
    assert Datastore(ws, "samples").download(tmp_path / "out") == 5
    assert local_path("https://example.org/data/b.csv?sig=x") == str(source / "sub" / "b.csv")
    assert local_path("https://samplesof.invalid.blob.core.windows.net/pipelinedata/a.csv") == str(source / "a.csv")
    assert local_path("https://example.org/database") is None
    with pytest.raises(UserErrorException):
        local_path("https://example.org/data/%2e%2e/a.csv")
    monkeypatch.setenv("JUPYTER_AML_STAND_INS", "{broken")
    with pytest.raises(UserErrorException, match="stand-ins"):
        store.download(tmp_path / "again")
