"""A backup has everything that was acknowledged before it began, and comes back as it was."""

import json
import os
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing

import pytest
from rich_workspace import rich, told
from stores import Sender, born, dump

from jupyter_aml.errors import NotFoundException, UserErrorException
from jupyter_aml.store.archive import export
from jupyter_aml.store.backup import backup, restore
from jupyter_aml.store.connection import Connection, connect
from jupyter_aml.store.doctor import examine
from jupyter_aml.store.events import FileLogged


@pytest.fixture
def connection(tmp_path):
    made = connect(tmp_path / "ws", create=True, name="mine")
    yield made
    made.close()


FORMS = ["copy", "copy.zip"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("link", [False, True])
def test_a_workspace_comes_back_as_it_was(connection, tmp_path, form, link) -> None:
    rich(connection.store)
    connection.store.put_settings({"tags": {"a": "b"}})
    before = dump(connection.store)
    told = backup(connection, tmp_path / form, link=link)
    assert (told.blobs, told.damaged) == (4, [])
    assert restore(tmp_path / form, tmp_path / "back").name == "mine"
    back = connect(tmp_path / "back")
    assert repr(dump(back.store)) == repr(before)
    assert back.store.settings() == {"tags": {"a": "b"}}
    assert back.about == connection.about
    assert back.blobs.open(back.store.files("r", "a/x")[0].digest).read() == b"x" * 100_000
    assert [f.what for f in examine(back, deep=True) if f.severity == "error"] == []
    with closing(sqlite3.connect(tmp_path / "back" / "workspace.db")) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "runtime") == sorted(["ws", "back", form])


@pytest.mark.parametrize("form", FORMS)
def test_the_files_of_its_datastores_come_along(connection, tmp_path, form) -> None:
    rich(connection.store)
    folder = connection.folder / "datastores" / "workspaceblobstore" / "UI"
    folder.mkdir(parents=True)
    (folder / "größe 1.csv").write_bytes(b"a,b\n1,2\n")
    (folder / "big.bin").write_bytes(os.urandom(3_000_000))
    (tmp_path / "secret").write_text("not ours")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "folder").symlink_to(tmp_path, target_is_directory=True)
    told = backup(connection, tmp_path / form, link=True)
    assert told.datastore_files == 2
    assert sorted(told.left_out) == [f"datastores/workspaceblobstore/UI/{name}" for name in ("folder", "link")]
    restore(tmp_path / form, tmp_path / "back")
    back = tmp_path / "back" / "datastores" / "workspaceblobstore" / "UI"
    assert {path.name: path.read_bytes() for path in back.iterdir()} == {
        name: (folder / name).read_bytes() for name in ("größe 1.csv", "big.bin")
    }
    assert (back / "big.bin").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "name", ["datastores/../x", "datastores//x", "datastores/", "datastores", "datastores/a\\..\\x", "other/x"]
)
def test_a_backup_that_names_a_place_outside_is_refused(connection, tmp_path, name) -> None:
    backup(connection, tmp_path / "copy")
    about = json.loads((tmp_path / "copy" / "backup.json").read_text())
    about["files"][name] = {"sha256": "0" * 64, "size": 1}
    (tmp_path / "copy" / "backup.json").write_text(json.dumps(about))
    with pytest.raises(UserErrorException, match="no part of a workspace"):
        restore(tmp_path / "copy", tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_linked_contents_take_no_room(connection, tmp_path) -> None:
    digest, _ = connection.store.blobs.put_bytes(b"x" * 1000)
    backup(connection, tmp_path / "copy", link=True)
    assert (tmp_path / "copy" / "blobs" / digest[:2] / digest[2:]).stat().st_nlink == 2


@pytest.mark.parametrize("form", FORMS)
def test_a_backup_and_what_is_restored_are_private(connection, tmp_path, form) -> None:
    rich(connection.store)
    backup(connection, tmp_path / form)
    restore(tmp_path / form, tmp_path / "back", name="other")
    for top in [tmp_path / "back"] + [tmp_path / form] * (form == "copy"):
        assert [str(p) for p in (top, *top.rglob("*")) if p.stat().st_mode & 0o077] == []
    assert connect(tmp_path / "back").about["name"] == "other"


LOGS = """
import sys
from jupyter_aml.store import shipper
shipper.INTERVAL = float(sys.argv[2])
shipper.PART_SIZE, shipper.RETIRE_AFTER = 20_000, 0.05
from jupyter_aml.store.connection import connect
from jupyter_aml.store.events import FileLogged, RunCreated
from jupyter_aml.store.records import RunRecord
connection = connect(sys.argv[1], create=True)
connection.write(RunCreated(run=RunRecord(id="r", experiment="e", type="t", status="Running", owner=connection.journal_id)))
writer = connection.series("r", "loss")
for i in range(10**7):
    writer.point(i)
    if i % 100 == 0:
        digest, size = connection.blobs.put_bytes(b"%d" % i)
        connection.write(FileLogged(run="r", path=str(i), digest=digest, size=size, at=1.0))
        print(i, flush=True)
"""


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("interval", ["0.01", "1000"])
def test_what_another_process_logged_before_the_backup_began_is_in_it(tmp_path, connection, form, interval) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", LOGS, str(tmp_path / "ws"), interval], stdout=subprocess.PIPE, text=True
    )
    try:
        for round in range(2):
            for _ in range(20):
                acknowledged = int(process.stdout.readline())
            backup(connection, tmp_path / f"{round}{form}")
            restore(tmp_path / f"{round}{form}", tmp_path / f"back{round}")
            back = connect(tmp_path / f"back{round}").store
            values = list(back.series("r", "loss").values)
            assert len(values) > acknowledged
            assert values == list(range(len(values))), "none twice"
            assert (back.run("r").status, back.run("r").error["code"]) == ("Failed", "ProcessDied")
            for file in back.files("r"):
                assert back.blobs.open(file.digest).read() == file.path.encode()
            assert connection.recover() == [], "its writer lives"
    finally:
        process.kill()
        process.communicate()
    assert connection.recover() == ["r"], "its own lock was never lost"


@pytest.mark.parametrize("form", FORMS)
def test_what_this_process_logged_is_in_it_and_its_journal_stays_its_own(tmp_path, connection, form) -> None:
    connection.write(born("r", owner=connection.journal_id))
    writer = connection.series("r", "loss")
    for value in range(100):
        writer.point(value)
    backup(connection, tmp_path / form)
    writer.point(100)
    other = Connection(connection.place, connection.about)
    assert other.recover() == []
    other.close()
    restore(tmp_path / form, tmp_path / "back")
    back = connect(tmp_path / "back").store
    assert list(back.series("r", "loss").values) == list(range(100))
    assert back.run("r").status == "Failed"


def test_what_a_dead_writer_left_is_in_it(tmp_path) -> None:
    code = LOGS + "    if i == 150:\n        import os; os.kill(os.getpid(), 9)\n"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "ws"), "1000"], stdout=subprocess.DEVNULL)
    backup(connect(tmp_path / "ws"), tmp_path / "copy")
    restore(tmp_path / "copy", tmp_path / "back")
    assert list(connect(tmp_path / "back").store.series("r", "loss").values) == list(range(151))


# -- what cannot be ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("form", FORMS)
def test_nothing_that_is_there_is_written_over(connection, tmp_path, form) -> None:
    backup(connection, tmp_path / form)
    with pytest.raises(UserErrorException, match="already"):
        backup(connection, tmp_path / form)
    with pytest.raises(UserErrorException, match="already"):
        restore(tmp_path / form, tmp_path / "ws")
    with pytest.raises(UserErrorException):
        backup(connection, tmp_path / "ws" / "workspace.db" / form)
    with pytest.raises(NotFoundException):
        restore(tmp_path / "nope", tmp_path / "back")


def test_damaged_contents_are_told_and_left_out(connection, tmp_path) -> None:
    store = connection.store
    digest, _ = store.blobs.put_bytes(b"good")
    Sender(store)(born("r"), FileLogged(run="r", path="f", digest=digest, size=4, at=1.0))
    (tmp_path / "ws" / "blobs" / digest[:2] / digest[2:]).write_bytes(b"evil")
    for form in FORMS:
        assert backup(connection, tmp_path / form).damaged == [digest]
        restore(tmp_path / form, tmp_path / f"back-{form}")
        found = examine(connect(tmp_path / f"back-{form}"))
        assert [(f.subject, f.where) for f in found if f.severity == "error"] == [("contents", "'f' of run r")]


def blob(folder):
    return next(path for path in folder.glob("blobs/*/*") if path.parent.name != "tmp")


def link_out(folder):
    path = blob(folder)
    path.rename(folder.parent / "out")
    path.symlink_to(folder.parent / "out")


def described(change):
    def damage(folder):
        about = json.loads((folder / "backup.json").read_text())
        change(about)
        (folder / "backup.json").write_text(json.dumps(about))

    return damage


DAMAGES = {
    "the database is another": lambda f: (f / "workspace.db").write_bytes(b"x"),
    "a content is another": lambda f: blob(f).write_bytes(b"x"),
    "a content is gone": lambda f: blob(f).unlink(),
    "a content is a link": link_out,
    "no description": lambda f: (f / "backup.json").unlink(),
    "a description of something else": described(lambda about: about.update(format="x")),
    "a newer version": described(lambda about: about.update(version=2)),
    "a way out": described(lambda about: about["files"].update({"../../x": {"size": 1, "sha256": ""}})),
    "an absolute path": described(lambda about: about["files"].update({"/etc/passwd": {"size": 1, "sha256": ""}})),
    "a way out among the contents": described(lambda about: about["blobs"].update({"../../x": 1})),
    "nonsense": described(lambda about: about.update(files=[])),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_a_damaged_folder_is_refused_and_leaves_nothing(connection, tmp_path, what) -> None:
    rich(connection.store)
    backup(connection, tmp_path / "copy")
    DAMAGES[what](tmp_path / "copy")
    before = set(os.listdir(tmp_path))
    with pytest.raises(UserErrorException, match="copy"):
        restore(tmp_path / "copy", tmp_path / "back")
    assert set(os.listdir(tmp_path)) == before


@pytest.mark.parametrize("what", ["more", "less", "other", "way out"])
def test_a_damaged_file_is_refused_and_leaves_nothing(connection, tmp_path, what) -> None:
    rich(connection.store)
    backup(connection, tmp_path / "copy.zip")
    with zipfile.ZipFile(tmp_path / "copy.zip") as old, zipfile.ZipFile(tmp_path / "bad.zip", "w") as new:
        for name in old.namelist():
            if what != "less" or name != "workspace.db":
                new.writestr(
                    name, old.read(name)[:-1] + b"!" if what == "other" and "blobs" in name else old.read(name)
                )
        if what in ("more", "way out"):
            new.writestr({"more": "x", "way out": "../x"}[what], b"x")
    before = set(os.listdir(tmp_path))
    with pytest.raises(UserErrorException, match="bad"):
        restore(tmp_path / "bad.zip", tmp_path / "back")
    assert set(os.listdir(tmp_path)) == before


# -- other stores ------------------------------------------------------------------------------------------------
def test_an_archive_is_laid_out_as_a_workspace(connection, tmp_path) -> None:
    export(rich(connection.store), tmp_path / "all.zip")
    assert restore(tmp_path / "all.zip", tmp_path / "back").name == "back"
    assert told(connect(tmp_path / "back").store) == told(connection.store)


def test_the_backup_of_a_database_elsewhere_is_an_archive(tmp_path) -> None:
    from postgres_process import address

    url = f"{address()}&artifacts={(tmp_path / 'artifacts').as_uri()}"
    there = connect(url, create=True)
    rich(there.store)
    with pytest.raises(UserErrorException, match=r"\.zip"):
        backup(there, tmp_path / "copy")
    assert backup(there, tmp_path / "copy.zip").blobs == 4
    restore(tmp_path / "copy.zip", tmp_path / "back")
    assert told(connect(tmp_path / "back").store) == told(there.store)
