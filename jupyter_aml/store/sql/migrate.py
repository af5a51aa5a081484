"""Brings a database to the schema of this library, or says why not."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from jupyter_aml.errors import StoreUnavailableException, StoreVersionException
from jupyter_aml.store.locks import try_lock
from jupyter_aml.store.sql import schema
from jupyter_aml.store.sql.engine import use_wal

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK_TIMEOUT = 120.0
_one_at_a_time = threading.Lock()


def version_of(connection: Connection) -> str | None:
    """Version of the database's schema, None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def check(version: str | None, where: object, newest: str = schema.VERSION) -> bool:
    """Whether the version is the newest that this library knows.

    Raises:
        StoreVersionException: it is newer.
    """
    if version is not None and (not version.isdigit() or int(version) > int(newest)):
        from jupyter_aml import __version__

        raise StoreVersionException(
            f"The workspace {where} was written by a newer jupyter_aml: its database has schema {version}, "
            f"jupyter_aml {__version__} knows schemas up to {newest}. It was left untouched. "
            "Upgrade with: pip install --upgrade jupyter_aml"
        )
    return version == newest


def prepare(
    engine: Engine,
    where: object,
    lock: Callable[[], AbstractContextManager[None]],
    *,
    newest: str = schema.VERSION,
    migrations: Path = MIGRATIONS,
) -> None:
    """Create or upgrade the database where it needs it. Any number of processes may do so at once.

    Args:
        engine: of the database.
        where: what it is called in errors.
        lock: keeps other processes from doing the same.

    Raises:
        StoreVersionException: the database is newer than this library.
        StoreUnavailableException: another process has been upgrading it for too long.
    """
    with engine.connect() as connection:
        if check(version_of(connection), where, newest):
            return
    with lock(), engine.connect().execution_options(schema_change=True) as connection:
        with connection.begin():
            version = version_of(connection)
            if check(version, where, newest):
                return
        if version is None and connection.dialect.name == "sqlite":
            use_wal(connection)
        with connection.begin():
            if version is None and newest == schema.VERSION:
                _create(connection)
            else:
                _upgrade(connection, migrations)


def _create(connection: Connection) -> None:
    """The newest schema at once. A test compares it with what the migrations make."""
    schema.metadata.create_all(connection)
    connection.execute(schema.counter.insert(), {"name": "serial", "value": 0})
    connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    connection.execute(text("INSERT INTO alembic_version VALUES (:version)"), {"version": schema.VERSION})


def _upgrade(connection: Connection, migrations: Path) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def folder_lock(folder: Path) -> Callable[[], AbstractContextManager[None]]:
    """A lock that holds for all processes that have the folder."""

    @contextmanager
    def locked() -> Iterator[None]:
        deadline = time.monotonic() + _LOCK_TIMEOUT
        with _one_at_a_time:
            fd = os.open(folder / ".schema.lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                while not try_lock(fd):
                    if time.monotonic() > deadline:
                        raise StoreUnavailableException(f"Another process has been upgrading {folder} for too long.")
                    time.sleep(0.02)
                yield
            finally:
                os.close(fd)

    return locked
