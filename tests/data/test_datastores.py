"""Datastores: registered, read and written where they really are, and never left."""

import getpass
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from places import KEY, KEY_ID, PASSWORD, make_bucket, start_s3

from jupyter_aml import Workspace
from jupyter_aml.data.data_path import DataPath, DataPathComputeBinding
from jupyter_aml.data.data_reference import DataReference
from jupyter_aml.data.datastore import Datastore
from jupyter_aml.data.datastore_azure import AzureBlobDatastore, AzureFileDatastore
from jupyter_aml.data.datastore_paths import confine
from jupyter_aml.errors import (
    NotFoundException,
    StoreUnavailableException,
    UserErrorException,
)


@pytest.fixture
def source(tmp_path):
    """A folder with files: small, empty, larger than one piece, and of awkward names."""
    folder = tmp_path / "source"
    for name, data in {
        "a.csv": b"x,y\n1,2\n", "sub/b.csv": b"3,4\n", "sub/deep/empty": b"", "sub/big.bin": os.urandom(5_000_000),
        "od d/100% ü#?.txt": "ünïcode".encode(),
    }.items():  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def tree(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in Path(folder).rglob("*") if p.is_file()}


def round_trip(store, source, tmp_path, capsys):
    """What every datastore with files does alike."""
    reference = store.upload(str(source), target_path="in/here", show_progress=False)
    assert isinstance(reference, DataReference) and reference.path_on_datastore == "in/here"
    assert store.download(tmp_path / "out", prefix="in/here", show_progress=False) == 5
    assert tree(tmp_path / "out" / "in" / "here") == tree(source)
    assert sorted(e.path for e in store._walk("in")) == sorted(f"in/here/{name}" for name in tree(source))
    assert [e.path for e in store._glob("in/**/*.csv")] == ["in/here/a.csv", "in/here/sub/b.csv"]
    assert [(e.path, e.is_folder) for e in store._entries("in/here")] == [
        ("in/here/od d", True), ("in/here/sub", True), ("in/here/a.csv", False),
    ]  # fmt: skip
    assert {e.path: e.size for e in store._walk("in/here/sub/big.bin")} == {"in/here/sub/big.bin": 5_000_000}
    assert store._stat("in/here/a.csv").size == 8 and store._stat("in/here/sub").is_folder
    # What is there is passed over, and it is said, unless it may be overwritten.
    (source / "a.csv").write_bytes(b"newer")
    capsys.readouterr()
    store.upload_files([source / "a.csv"], target_path="in/here", show_progress=False)
    assert "passed over" in capsys.readouterr().out
    fs, _ = store._filesystem()
    assert fs.cat_file(store._full("in/here/a.csv")) == b"x,y\n1,2\n"
    store.upload_files([source / "a.csv"], relative_root=source, target_path="in/here", overwrite=True)
    assert fs.cat_file(store._full("in/here/a.csv")) == b"newer"
    with fs.open(store._full("in/here/sub/big.bin"), "rb") as file:
        file.seek(4_999_990)
        assert file.read() == (source / "sub/big.bin").read_bytes()[-10:]
    assert store.download(tmp_path / "out", prefix="in/here/a.csv") == 0, "a local file is not overwritten either"
    for absent in ("absent", "in/here/absent.csv"):
        with pytest.raises(NotFoundException):
            store.download(tmp_path / "none", prefix=absent)


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


LEAVING = [
    "..", "../x", "a/../../x", "/etc/passwd", "a\\..\\..\\x", "C:/x", "a\0b", "file:///etc/passwd", "s3://other/x", "%2e%2e/x",
    "a/%2E%2E/%2e./x", "%252e%252e/x", "..%2fx", "a::b", "a\nb", "x" * 5000, b"bytes", 7, "a/.. /b", "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("path", LEAVING, ids=ascii)
def test_a_path_that_leaves_a_datastore_is_refused(ws, source, tmp_path, path):
    store = ws.get_default_datastore()
    with pytest.raises(UserErrorException):
        store.path(path)
    with pytest.raises(UserErrorException):
        store.upload(source, target_path=path)
    with pytest.raises(UserErrorException):
        store.download(tmp_path / "out", prefix=path)
    with pytest.raises(UserErrorException):
        DataPath(store, path)
    assert not list(store._walk())


def test_paths_that_stay_are_brought_into_one_form():
    for given, expected in {
        "./a//b/": "a/b",
        "/": "",
        "": "",
        "a/./b": "a/b",
        "..a/b..": "..a/b..",
        "50%/x": "50%/x",
    }.items():
        assert confine(given) == expected


def test_links_do_not_lead_out(ws, source, tmp_path):
    secret = tmp_path / "outside" / "secret.txt"
    secret.parent.mkdir()
    secret.write_text("outside")
    store = ws.get_default_datastore()
    store.upload(source, show_progress=False)
    root = Path(store._full())
    (root / "out").symlink_to(secret.parent)
    (root / "secret.txt").symlink_to(secret)
    (root / "round").symlink_to(root)
    (root / "fine.csv").symlink_to(root / "a.csv")
    names = {e.path for e in store._walk()}
    assert "fine.csv" in names and not {n for n in names if n.startswith(("out", "secret", "round"))}
    for act in (
        lambda: store.download(tmp_path / "o", prefix="secret.txt"),
        lambda: store.download(tmp_path / "o", prefix="out/secret.txt"),
        lambda: store.upload_files([source / "a.csv"], target_path="out"),
        lambda: store._entries("out"),
    ):
        with pytest.raises(UserErrorException, match="link"):
            act()
    (source / "secret.txt").write_text("mine")
    store.upload_files([source / "secret.txt"], overwrite=True)
    assert secret.read_text() == "outside", "the link was replaced, not followed"


def test_a_local_link_does_not_lead_a_download_out(ws, source, tmp_path):
    store = ws.get_default_datastore()
    store.upload(source, show_progress=False)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "sub").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserErrorException):
        store.download(tmp_path / "out", overwrite=True)
    assert not tree(tmp_path / "elsewhere")


def test_what_cannot_be_uploaded_is_refused_before_anything_is(ws, source, tmp_path):
    store = ws.get_default_datastore()
    (source / "sub" / "a.csv").write_text("another")
    os.mkfifo(tmp_path / "pipe")
    for files in (
        [source / "a.csv", source / "absent"], [source / "a.csv", source / "sub" / "a.csv"], [source / "sub"],
        [tmp_path / "pipe"], str(source / "a.csv"), None,
    ):  # fmt: skip
        with pytest.raises(UserErrorException):
            store.upload_files(files)
    for folder in (source / "absent", source / "a.csv"):
        with pytest.raises(UserErrorException):
            store.upload(folder)
    with pytest.raises(UserErrorException):
        store.upload_files([source / "a.csv"], relative_root=source / "sub")
    assert not list(store._walk())


def test_what_opens_a_datastore_is_masked_in_runs(ws, s3_server):
    from jupyter_aml import Experiment

    store = Datastore.register_s3(ws, "s3", "b", access_key_id=KEY_ID, secret_access_key=KEY, endpoint=s3_server)
    run = Experiment(ws, "e").start_logging(snapshot_directory=None)
    run.tag("key", f"my {store._credentials()['secret_access_key']}!")
    run.complete()
    assert run.get_tags()["key"] == "my ******!"


def test_data_paths_and_references(ws):
    store = ws.get_default_datastore()
    reference = store.path("data", "given").path("part.csv").as_download(path_on_compute="/tmp/x")
    assert (reference.path_on_datastore, reference.mode, reference.path_on_compute) == (
        "data/part.csv",
        "download",
        "/tmp/x",
    )
    assert str(reference) == f"$AZUREML_DATAREFERENCE_{reference.data_reference_name}"
    assert str(store.path("data", "given")) == "$AZUREML_DATAREFERENCE_given"
    path = DataPath.create_from_data_reference(reference)
    assert (path.datastore_name, path.path_on_datastore) == ("workspaceblobstore", "data/part.csv")
    again = path.create_data_reference("other", DataPathComputeBinding(mode="upload"))
    assert (again.data_reference_name, again.mode) == ("other", "upload")
    assert [store.as_mount().mode, store.as_upload().mode, store.as_download().mode] == ["mount", "upload", "download"]
    for wrong in ({"mode": "steal"}, {"data_reference_name": "a b"}):
        with pytest.raises(UserErrorException):
            DataReference(store, **wrong)


def test_a_folder_stands_in_for_a_container(ws, source, tmp_path, monkeypatch):
    pytest.importorskip("adlfs")
    import json

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


# -- databases -------------------------------------------------------------------------------------------------------
WRITES = [
    "DELETE FROM t", "DROP TABLE t", "INSERT INTO t VALUES (9, 'x')", "SELECT 1; DELETE FROM t", "COPY t TO PROGRAM 'true'",
    "WITH gone AS (DELETE FROM t RETURNING *) SELECT * FROM gone", "SET TRANSACTION READ WRITE", "COMMIT", "", "-- SELECT",
    "/* SELECT */ UPDATE t SET b = ''", "SELECT ';'; DROP TABLE t", "SELECT * INTO copy FROM t", "PRAGMA query_only = 0",
    "SELECT 'a\\'; COMMIT; DELETE FROM t; --'", "/* /* */ SELECT 1 -- */ DELETE FROM t", "SELECT 1 /*! INTO OUTFILE '/x' */",
    "SELECT E'\\'', 'a\\'; COMMIT; DELETE FROM t; --'", "SELECT $a1$ ' $a1$; DELETE FROM t; --'",
    "SELECT \"\\\"\" INTO OUTFILE '/x' -- \"",
    "SELECT 1 INTO OUTFILE '/tmp/x'", "WITH x AS (SELECT 1) DELETE FROM t", "EXPLAIN ANALYZE DELETE FROM t",
    "SELECT E'\\''; DELETE FROM t; --'", "SELECT $a$;$a$; DELETE FROM t",
]  # fmt: skip


def rows(store, *args, **kwargs):
    found = list(store._rows(*args, **kwargs))
    return found[0][0], [row for _, some in found for row in some]


def check_database(store, count):
    assert rows(store, "SELECT a, b FROM t ORDER BY a", chunk=2) == (
        ["a", "b"],
        [(1, "one"), (2, "it's; two"), (3, None)],
    )
    assert rows(store, "SELECT a FROM t WHERE b = :b", {"b": "it's; two"}) == (["a"], [(2,)])
    assert rows(store, "SELECT a FROM t WHERE b = :b", {"b": "' OR 1=1 --"}) == (["a"], [])
    assert rows(store, "SELECT 'drop; it''s -- \\ fine' AS \"update\" -- into; x") == (
        ["update"],
        [("drop; it's -- \\ fine",)],
    )
    assert rows(store, "SELECT count(*) AS n FROM t WHERE b = 'it''s; two';") == (["n"], [(1,)])
    for query in WRITES:
        with pytest.raises(UserErrorException):
            rows(store, query)
    with pytest.raises(UserErrorException, match="absent"):
        rows(store, "SELECT * FROM absent")
    assert count() == 3


def test_sqlite_is_only_read(ws, tmp_path):
    path = tmp_path / "x.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE t (a INTEGER, b TEXT)")
        db.executemany("INSERT INTO t VALUES (?, ?)", [(1, "one"), (2, "it's; two"), (3, None)])
    store = Datastore.register_sql(ws, "db", f"sqlite:///{path}")
    check_database(store, lambda: sqlite3.connect(path).execute("SELECT count(*) FROM t").fetchone()[0])
    absent = Datastore.register_sql(ws, "absent", f"sqlite:///{tmp_path}/absent.db")
    with pytest.raises(UserErrorException, match="not there"):
        rows(absent, "SELECT 1")
    assert not (tmp_path / "absent.db").exists()


def test_postgresql_is_only_read(ws):
    import postgres_process
    import psycopg

    server, password = postgres_process.server(), postgres_process.PASSWORD
    about = {"host": "127.0.0.1", "port": server.port, "user": "aml", "password": password, "dbname": "postgres"}
    with psycopg.connect(**about, autocommit=True) as db:
        db.execute("DROP TABLE IF EXISTS t")
        db.execute("CREATE TABLE t (a INTEGER, b TEXT)")
        db.execute("INSERT INTO t VALUES (1, 'one'), (2, 'it''s; two'), (3, NULL)")
        make = {"server_name": "127.0.0.1", "database_name": "postgres", "user_id": "aml", "port_number": server.port}
        store = Datastore.register_azure_postgre_sql(ws, "pg", user_password=password, enforce_ssl=False, **make)
        check_database(store, lambda: db.execute("SELECT count(*) FROM t").fetchone()[0])
        with pytest.raises(UserErrorException, match="too long"):
            rows(store, "SELECT pg_sleep(20)", timeout=0.2)
    wrong = Datastore.register_azure_postgre_sql(ws, "wrong", user_password=PASSWORD, enforce_ssl=False, **make)
    with pytest.raises(StoreUnavailableException, match="credentials are not accepted") as caught:
        rows(wrong, "SELECT 1")
    assert PASSWORD not in str(caught.value)
    generic = Datastore.register_sql(
        ws, "sql", f"postgresql://aml:{password.replace(' ', '%20')}@127.0.0.1:{server.port}/postgres"
    )
    assert rows(generic, "SELECT 1 AS one") == (["one"], [(1,)])


# -- workspaces elsewhere --------------------------------------------------------------------------------------------
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


# -- as the SDK has it -----------------------------------------------------------------------------------------------
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
