"""All that is SQLite's own, and what the errors of any database mean to a user."""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from jupyter_aml.errors import StoreUnavailableException

TIMEOUT = 60.0
"""Seconds that a writer waits for its turn before it says that the store is locked."""

_REASONS = {
    "locked": "another program holds its lock. Close the program that does, or try again",
    "busy": "another program holds its lock. Close the program that does, or try again",
    "full": "there is no room left. Make room on that disk",
    "readonly": "it cannot be written. Make the file and its folder writable",
    "read-only": "it cannot be written. Make the file and its folder writable",
    "disk i/o": "the disk does not answer as it should, or is full",
    "unable to open": "the file cannot be opened. Look at its rights and at those of its folder",
    "malformed": "the file is damaged. Restore it from a backup; what is in journals/ is not lost",
    "not a database": "the file is no database, or damaged. Restore it from a backup; what is in journals/ is not lost",
}

_inherited: list[Any] = []
_open: set[Any] = set()


def sqlite_engine(path: Path) -> Engine:
    """An engine for a SQLite file (made if absent), with WAL, and rights for its owner only."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreUnavailableException(f"Cannot open {path}: {error.strerror}. Look at its rights.") from error
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(path, timeout=TIMEOUT, isolation_level=None, check_same_thread=False),
        poolclass=QueuePool,
        pool_size=5,
        max_overflow=20,
        pool_timeout=TIMEOUT,
    )

    watch_forks(engine)

    @event.listens_for(engine, "connect")
    def connected(raw: Any, _: Any) -> None:
        _prepare(raw)

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        # A writer takes the write lock at once: upgrading a read lock later can fail without waiting.
        writes = connection.get_execution_options().get("writes")
        if writes or connection.get_execution_options().get("schema_change"):
            _patiently(connection.connection.dbapi_connection, "BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql("BEGIN")

    return engine


def watch_forks(engine: Engine) -> None:
    """A child process must neither use nor close the connections of its parent: know them."""

    @event.listens_for(engine, "connect")
    def connected(raw: Any, _: Any) -> None:
        _open.add(raw)

    @event.listens_for(engine, "close")
    def closed(raw: Any, _: Any) -> None:
        _open.discard(raw)


def use_wal(connection: Connection) -> None:
    """Switch a new file to WAL, which stays with the file. The caller holds the lock of the schema."""
    raw = connection.connection.dbapi_connection
    assert raw is not None
    _patiently(raw, "PRAGMA journal_mode=WAL")  # type: ignore[arg-type]


def _prepare(raw: sqlite3.Connection) -> None:
    """Settings of a connection; none of them touches the file."""
    raw.execute("PRAGMA synchronous=NORMAL")
    raw.execute("PRAGMA cache_size=-16000")
    raw.execute("PRAGMA temp_store=MEMORY")


def _patiently(raw: sqlite3.Connection, statement: str) -> None:
    """Execute what takes a lock, trying again every few milliseconds.

    SQLite's own waiting sleeps ever longer, up to 100 ms, so that many short writers mostly sleep; and where it fears
    a deadlock it does not wait at all.
    """
    raw.execute("PRAGMA busy_timeout=0")
    try:
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                raw.execute(statement)
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
            time.sleep(random.uniform(0.0005, 0.003))
    finally:
        raw.execute(f"PRAGMA busy_timeout={int(TIMEOUT * 1000)}")


@contextmanager
def translated(where: object) -> Iterator[None]:
    """Raise what the database says about its state as StoreUnavailableException; leave defects as they are."""
    try:
        yield
    except PoolTimeout as error:
        raise StoreUnavailableException(f"The store {where} cannot be used now: too many users at once.") from error
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        said = str(cause).lower()
        if type(cause).__module__.partition(".")[0] == "psycopg":
            if isinstance(error, OperationalError | InterfaceError | InternalError):
                raise StoreUnavailableException(
                    f"The store {where} cannot be used now: the database does not answer, or refuses. "
                    f"({str(cause).strip()}) Nothing that was logged is lost."
                ) from None  # the driver's own error may show the connection's parameters
            raise
        for word, meaning in _REASONS.items():
            if word in said:
                raise StoreUnavailableException(
                    f"The store {where} cannot be used now: {meaning}. ({cause}) Nothing that was logged is lost."
                ) from error
        raise


def _after_fork() -> None:
    # SQLite's connections must not be used nor closed in a child: keep them, so that nothing closes them.
    _inherited.extend(_open)
    _open.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
