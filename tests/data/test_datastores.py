"""Datastores: registered, with their credentials in the vault and nowhere else."""

import json
from pathlib import Path

import pytest
from places import KEY, KEY_ID

from jupyter_aml.data.datastore import Datastore
from jupyter_aml.data.datastore_azure import AzureBlobDatastore
from jupyter_aml.errors import (
    UserErrorException,
)


def test_every_registration_keeps_its_credentials_in_the_vault(ws, home):
    key = "cr3dential-of-the-tests"
    azure = {"account_name": "acc", "account_key": key}
    made = [
        Datastore.register_azure_blob_container(ws, "d1", "c", **azure),
        Datastore.register_azure_file_share(ws, "d2", "c", "acc", sas_token=key),
        Datastore.register_azure_data_lake(ws, "d3", "store", tenant_id="t", client_id="i", client_secret=key),
        Datastore.register_azure_data_lake_gen2(ws, "d4", "fs", "acc", "t", "i", key),
        Datastore.register_azure_sql_database(ws, "d5", "srv", "db", username="u", password=key),
        Datastore.register_azure_postgre_sql(ws, "d6", "srv", "db", "u", key),
        Datastore.register_azure_my_sql(ws, "d7", "srv", "db", "u", key),
        Datastore.register_gcs(ws, "d8", "b", service_account={"private_key": key}),
        Datastore.register_sql(ws, "d9", f"postgresql://u:{key}@h/db"),
    ]
    for store in made:
        again = Datastore(ws, store.name)
        assert type(again) is type(store) and key in "".join(again._credentials().values())
        assert key not in repr(again) + repr(again._record) + str(again._serialize()) + again._shown_place()
    assert made[0].account_key == made[1].sas_token == made[5].user_password == key
    for folder in (Path(ws.url), home):
        assert not [p for p in folder.rglob("*") if p.is_file() and key.encode() in p.read_bytes()]
    for store in made:
        store.unregister()
    assert not list(ws.connection.store.asset_names("secret"))


@pytest.mark.parametrize(
    "register",
    [
        lambda ws: Datastore.register_http(ws, "x", "http://u:s3cret-pw@h/"),
        lambda ws: Datastore.register_http(ws, "x", "ftp://h/s3cret-pw"),
        lambda ws: Datastore.register_sql(ws, "x", "postgresql://h/db?password=s3cret-pw"),
        lambda ws: Datastore.register_sql(ws, "x", "s3cret-pw"),
        lambda ws: Datastore.register_s3(ws, "x", "b", secret_access_key="s3cret-pw"),
        lambda ws: Datastore.register_s3(ws, "x", "../b"),
        lambda ws: Datastore.register_azure_blob_container(ws, "a b", "c", "acc", account_key="s3cret-pw"),
        lambda ws: Datastore.register_azure_blob_container(ws, "x", "c", "acc/../x", account_key="s3cret-pw"),
        lambda ws: Datastore.register_azure_blob_container(ws, "workspaceblobstore", "c", "acc", overwrite=True),
        lambda ws: Datastore.register_azure_postgre_sql(ws, "x", "host/../x", "db", "u", "s3cret-pw"),
        lambda ws: Datastore.register_sftp(ws, "x", "h", "relative", password="s3cret-pw"),
        lambda ws: Datastore.register_sftp(ws, "x", "h", "/f", port=0, password="s3cret-pw"),
        lambda ws: Datastore.register_gcs(ws, "x", "b", service_account="s3cret-pw"),
    ],
)
def test_a_registration_that_cannot_be_leaves_nothing_and_shows_no_credential(ws, register):
    with pytest.raises(UserErrorException) as caught:
        register(ws)
    assert "s3cret-pw" not in str(caught.value)
    assert not ws.connection.store.asset_names("datastore") and not ws.connection.store.asset_names("secret")


def test_what_opens_a_datastore_is_masked_in_runs(ws, s3_server):
    from jupyter_aml import Experiment

    store = Datastore.register_s3(ws, "s3", "b", access_key_id=KEY_ID, secret_access_key=KEY, endpoint=s3_server)
    run = Experiment(ws, "e").start_logging(snapshot_directory=None)
    run.tag("key", f"my {store._credentials()['secret_access_key']}!")
    run.complete()
    assert run.get_tags()["key"] == "my ******!"


def test_the_sdks_constructors_make_what_is_not_registered(ws, tmp_path, monkeypatch):
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "x.txt").write_text("x")
    monkeypatch.setenv("JUPYTER_AML_STAND_INS", json.dumps({"acc/con": str(tmp_path / "c")}))
    blob = AzureBlobDatastore(ws, "mine", "con", "acc", account_key="pl4nted-key-of-the-account")
    assert (blob.name, blob.container_name, blob.account_name) == ("mine", "con", "acc")
    assert blob.account_key == "pl4nted-key-of-the-account" and blob.credential_type == "AccountKey"
    assert blob.download(tmp_path / "out") == 1 and "mine" not in ws.datastores
    assert "pl4nted" not in repr(blob) + blob._repr_html_() + json.dumps(blob._serialize())
    with pytest.raises(UserErrorException, match="not registered"):
        blob.set_as_default()
    with pytest.raises(UserErrorException, match="container_name, account_name"):
        AzureBlobDatastore(ws, "mine", contaner_name="con")
    for register, why in ((Datastore.register_dbfs, "Databricks"), (Datastore.register_hdfs, "register_local_folder")):
        with pytest.raises(UserErrorException, match=why):
            register(ws, "away")
