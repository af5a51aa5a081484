"""Databases of earlier schemas, with data in them, are brought to this one; a newer one is left untouched."""

from __future__ import annotations

import math
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect
from stores import Sender, born, points

from jupyter_aml.errors import StoreVersionException
from jupyter_aml.store.records import AssetRecord, RunQuery
from jupyter_aml.store.sql import migrate, schema
from jupyter_aml.store.sql.store import in_folder

OLD = sorted((Path(__file__).parent / "old").glob("*.sql"))


def old_workspace(folder, dump):
    folder.mkdir()
    database = sqlite3.connect(folder / "workspace.db")
    database.executescript(dump.read_text())
    database.close()
    return folder


def tables(engine):
    """What there is, without the order of columns (one that was added later is the last)."""
    look = inspect(engine)
    return {
        name: (
            sorted((c["name"], str(c["type"]), c["nullable"], c["primary_key"]) if "primary_key" in c
                   else (c["name"], str(c["type"]), c["nullable"]) for c in look.get_columns(name)),
            look.get_pk_constraint(name)["constrained_columns"],
            sorted((i["name"], tuple(i["column_names"]), bool(i["unique"])) for i in look.get_indexes(name)),
            sorted(tuple(u["column_names"]) for u in look.get_unique_constraints(name)),
        )
        for name in look.get_table_names()
    }  # fmt: skip


@pytest.mark.parametrize("dump", OLD, ids=lambda dump: dump.stem)
def test_data_of_an_old_schema_are_all_there(dump, tmp_path) -> None:
    store = in_folder(old_workspace(tmp_path / "w", dump))
    run = store.run("r", with_metrics=True)
    assert (run.name, run.user, run.status, run.params, run.tags) == ("first", "ann", "Failed", {"lr": 0.1}, {"t": "1"})
    assert run.error == {"code": "X", "message": "m"} and run.child_count == 1 and run.number == 1
    loss = list(store.series("r", "loss").values)
    assert loss[:2] == [1.0, 0.5] and math.isnan(loss[2])
    assert list(store.series("r", "long").values) == [k / 4 for k in range(3000)]
    assert store.text("c", "stdout.txt") == "hello\n" and store.files("r")[0].path == "outputs/m.pkl"
    assert store.snapshot("s").files["train.py"][1] == 8 and store.experiment("e").description == "about"
    assert store.settings()["description"] == "mine" and store.changes()[0].verb == "created"
    assert store.check() == []
    send = Sender(store, "new")
    send(born("s"), points("r", "late", [1.0]))
    assert {r.id for r in store.runs(RunQuery()).runs} == {"s", "r"}
    assert store.put_asset(AssetRecord(kind="model", name="m", created=1.0)).version == 1
    store.close()


@pytest.mark.parametrize("dump", OLD, ids=lambda dump: dump.stem)
def test_an_upgraded_database_is_as_a_new_one(dump, tmp_path) -> None:
    in_folder(old_workspace(tmp_path / "old", dump)).close()
    (tmp_path / "new").mkdir()
    in_folder(tmp_path / "new").close()
    old, new = (create_engine(f"sqlite:///{tmp_path / name}/workspace.db") for name in ("old", "new"))
    assert tables(old) == tables(new)


def test_on_postgresql_the_migrations_make_what_is_made_at_once(tmp_path) -> None:
    from postgres_process import address

    from jupyter_aml.store.sql.postgres import postgres_engine

    found = []
    for by_migrations in (True, False):
        engine = postgres_engine(address(), create=True)
        with engine.connect().execution_options(schema_change=True) as connection, connection.begin():
            (migrate._upgrade(connection, migrate.MIGRATIONS) if by_migrations else migrate._create(connection))
        found.append(tables(engine))
        engine.dispose()
    assert found[0] == found[1] and "asset" in found[0]


def test_processes_that_open_an_old_database_at_once_all_succeed(tmp_path) -> None:
    folder = old_workspace(tmp_path / "w", OLD[0])
    code = (
        "import sys; from pathlib import Path; from jupyter_aml.store.sql.store import in_folder\n"
        "print(in_folder(Path(sys.argv[1])).run('r').name)"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for process in started:
        said, complained = process.communicate(timeout=120)
        assert (process.returncode, said) == (0, "first\n"), complained


def test_a_newer_database_is_refused_and_left_as_it_is(tmp_path) -> None:
    folder = old_workspace(tmp_path / "w", OLD[0])
    database = sqlite3.connect(folder / "workspace.db")
    database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.commit()
    database.close()
    before = (folder / "workspace.db").read_bytes()
    with pytest.raises(StoreVersionException, match=rf"9999.*{schema.VERSION}.*pip install --upgrade"):
        in_folder(folder)
    assert (folder / "workspace.db").read_bytes() == before
