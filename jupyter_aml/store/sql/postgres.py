"""All that is PostgreSQL's own."""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from jupyter_aml.errors import StoreUnavailableException, UserErrorException
from jupyter_aml.store.sql.engine import TIMEOUT, watch_forks
from jupyter_aml.store.url import OURS, parameters

log = logging.getLogger("jupyter_aml")

PATIENCE: dict[str, Any] = {
    "connect_timeout": 10, "keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000,
}  # fmt: skip
"""A database that a cut network hides is given up after half a minute: else whoever waits for it cannot even end."""
_SCHEMA = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}\Z")


def postgres_engine(address: str, *, create: bool = False) -> Engine:
    """An engine for the database of a URL; its ``?schema=`` is where the tables are, so that one database holds many workspaces.

    Args:
        address: the URL, credentials included.
        create: make the schema where there is none.

    Raises:
        StoreUnavailableException: the driver is not installed.
        UserErrorException: a schema's name that is none.
    """
    try:
        import psycopg
    except ImportError as error:
        raise StoreUnavailableException(
            'A workspace in PostgreSQL needs the driver psycopg. Install it with: pip install "jupyter_aml[postgresql]"'
        ) from error
    schema = parameters(address).get("schema", "public")
    if not _SCHEMA.match(schema):
        raise UserErrorException(
            f"schema={schema!r}: a schema's name is letters, digits and _, and begins with no digit."
        )
    parts = urlsplit(address)
    query = urlencode([(k, v) for k, v in parse_qsl(parts.query) if k not in OURS])
    libpq = urlunsplit(("postgresql", parts.netloc, parts.path, query, ""))
    patience = {name: value for name, value in PATIENCE.items() if name not in dict(parse_qsl(query))}

    def connect() -> Any:
        raw = psycopg.connect(libpq, application_name="jupyter_aml", autocommit=True, **patience)
        if create and schema != "public":
            raw.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        raw.execute(f'SET search_path TO "{schema}"')
        raw.execute(f"SET lock_timeout TO {int(TIMEOUT * 1000)}")
        raw.execute("SET jit TO off")  # compiling takes longer than any page does
        raw.autocommit = False
        return raw

    engine = create_engine(
        "postgresql+psycopg://", creator=connect, pool_size=5, max_overflow=20, pool_timeout=TIMEOUT, pool_pre_ping=True
    )
    watch_forks(engine)

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        if connection.get_execution_options().get("writes"):
            # All writers in one order, as SQLite's lock does; the row is there from the schema's creation on.
            connection.exec_driver_sql("SELECT value FROM counter WHERE name = 'serial' FOR UPDATE")
        elif not connection.get_execution_options().get("schema_change"):
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")

    return engine


class Statistics:
    """Has the database look at tables that were filled a moment ago, or where nothing does it by itself: a planner that
    takes a table for empty goes through all of it again and again where an index has the answer.

    Args:
        engine: of the database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._again_at = 0.0

    def written(self) -> None:
        """This process wrote something."""
        self._again_at = 0.0

    def look(self) -> None:
        """Called before what needs a good plan. At most once a second a small question, most often nothing."""
        now = time.monotonic()
        if now < self._again_at:
            return
        self._again_at = now + _LOOK_EVERY
        try:
            with self._engine.connect().execution_options(schema_change=True) as connection:
                for table in connection.execute(_UNKNOWN).scalars().all():
                    connection.exec_driver_sql(f"ANALYZE {table}")
                connection.commit()
        except DBAPIError as error:  # without, it is slower and no less right
            log.debug("The tables could not be looked at: %s", error)


_LOOK_EVERY = 1.0
_UNKNOWN = text(
    "SELECT oid::regclass::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' "
    "AND CASE WHEN reltuples <= 0 THEN pg_relation_size(oid) > 100000 "
    "ELSE pg_relation_size(oid) > 1000000 AND pg_relation_size(oid) > relpages * 3 * 8192::bigint END"
)
"""Tables of which it knows nothing, or that are three times as large as when it looked."""


def schema_lock(engine: Engine, schema: str) -> Callable[[], AbstractContextManager[None]]:
    """A lock of the database itself, held while its schema is made or changed."""
    number = int.from_bytes(hashlib.sha256(f"jupyter_aml {schema}".encode()).digest()[:8], "big", signed=True)

    @contextmanager
    def locked() -> Iterator[None]:
        with engine.connect().execution_options(schema_change=True) as connection:
            connection.execute(text("SELECT pg_advisory_lock(:number)"), {"number": number})
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:number)"), {"number": number})

    return locked
