"""Databases as datastores: they are queried, only read, and one statement at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from jupyter_aml.data import datastore_errors
from jupyter_aml.data.datastore_base import AbstractDatastore
from jupyter_aml.data.sql_check import check_query
from jupyter_aml.errors import AzureMLException, UserErrorException
from jupyter_aml.store.hidden import Mask


class SqlDatastore(AbstractDatastore):
    """A database. Subclasses say how its URL is made."""

    TYPE = "Sql"
    SECRETS: ClassVar[tuple[str, ...]] = ("password",)
    _EXTRAS: ClassVar[Mapping[str, str]] = {
        "postgresql": '"jupyter_aml[postgresql]"', "mysql": "pymysql", "mariadb": "pymysql", "mssql": "pyodbc",
        "oracle": "oracledb",
    }  # fmt: skip

    def _sql_url(self) -> Any:
        """SQLAlchemy's URL, password included."""
        from sqlalchemy.engine import make_url

        url = make_url(str(self._known("url")))
        password = self._secret("password")
        return url.set(password=password) if password is not None else url

    def _shown_place(self) -> str:
        return str(self._known("url"))

    def _engine(self) -> Any:
        """SQLAlchemy's engine, whose connections only read and are not kept.

        Raises:
            UserErrorException: the database's driver is not installed, or the file of SQLite is not there.
        """
        import sqlalchemy
        from sqlalchemy.pool import NullPool

        url = self._sql_url()
        backend = url.get_backend_name()
        options: dict[str, Any] = {"poolclass": NullPool, "hide_parameters": True}
        try:
            if backend == "sqlite":
                return _sqlite(url, options)
            if backend == "postgresql":
                if url.drivername == "postgresql":
                    url = url.set(drivername="postgresql+psycopg")
                options["connect_args"] = {"connect_timeout": 15, "options": "-c default_transaction_read_only=on"}
                options["execution_options"] = {"postgresql_readonly": True}
            elif backend in ("mysql", "mariadb") and "+" not in url.drivername:
                url = url.set(drivername=f"{backend}+pymysql")
            engine = sqlalchemy.create_engine(url, **options)
        except (ImportError, sqlalchemy.exc.NoSuchModuleError):
            package = self._EXTRAS.get(backend, "its driver")
            raise UserErrorException(
                f"The datastore {self.name!r} ({backend}) needs a driver that is not installed. Install it: pip install {package}"
            ) from None
        if backend in ("mysql", "mariadb"):
            _begin_with(engine, "SET SESSION TRANSACTION READ ONLY")
        return engine

    def _rows(
        self,
        query: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        timeout: float | None = None,
        chunk: int = 10_000,
    ) -> Iterator[tuple[list[str], list[tuple[Any, ...]]]]:
        """What a query gives, chunk after chunk: (names of the columns, rows); one chunk without rows when there are none.

        Args:
            query: one statement that reads; ``:name`` stands for a parameter where there are `parameters`.
            parameters: their values, which never become part of the statement's text.
            timeout: seconds that the database may take (PostgreSQL, MySQL and MariaDB heed it).
            chunk: rows at once.

        Raises:
            UserErrorException: the statement does something else than to read, or the database does not understand it.
            StoreUnavailableException: the database does not answer, or not to these credentials (they are not shown).
        """
        import sqlalchemy

        text = check_query(query, self._backend)
        try:
            engine = self._engine()
            with engine.connect() as connection:
                if timeout:
                    for statement in _limits(engine.dialect, timeout):
                        connection.exec_driver_sql(statement)
                streaming = connection.execution_options(stream_results=True, max_row_buffer=chunk)
                if parameters:
                    result = streaming.execute(sqlalchemy.text(text), dict(parameters))
                else:
                    # Without parameters a % is no driver's placeholder.
                    result = streaming.execution_options(no_parameters=True).exec_driver_sql(text)
                names, some = list(result.keys()), False
                while rows := result.fetchmany(chunk):
                    some = True
                    yield names, [tuple(row) for row in rows]
                if not some:
                    yield names, []
        except sqlalchemy.exc.SQLAlchemyError as error:
            raise self._told(error) from None

    def _told(self, error: Any) -> AzureMLException:
        origin = getattr(error, "orig", None)
        state = str(getattr(origin, "sqlstate", "") or "")
        name = type(error).__name__
        said = Mask(self._credentials().values()).text(str(origin or error).strip().partition("\n")[0][:300])
        number = _number(origin) if self._backend in ("mysql", "mariadb") else 0
        if number in _TOO_LONG or "timeout" in said or state == "57014":
            return UserErrorException(f"The database of {self.name!r} took too long for the query: {said}.")
        if name in (
            "ProgrammingError",
            "DataError",
            "InternalError",
            "StatementError",
            "IntegrityError",
            "NotSupportedError",
        ) or (name == "OperationalError" and (self._backend == "sqlite" or _of_query(number))):
            return UserErrorException(f"The database of the datastore {self.name!r} refuses the query: {said}.")
        refused = state.startswith("28") or re.search(
            r"password|authenti|access denied|login failed", said, re.IGNORECASE
        )
        why = "its credentials are not accepted" if refused else f"it does not answer as it should ({name})"
        return datastore_errors.unavailable(
            self, f"{why}. Look at the server, and register it again with overwrite=True"
        )

    @property
    def _backend(self) -> str:
        return str(self._sql_url().get_backend_name())


def _sqlite(url: Any, options: dict[str, Any]) -> Any:
    """SQLite opens the file for reading alone: nothing that a statement says can write it, or make it."""
    import sqlite3

    import sqlalchemy

    path = Path(url.database or "").expanduser().absolute()
    if not path.is_file():
        raise UserErrorException(f"The SQLite file {str(path)!r} is not there.")

    def connect() -> Any:
        return sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, check_same_thread=False, timeout=15)

    return sqlalchemy.create_engine("sqlite://", creator=connect, **options)


def _limits(dialect: Any, timeout: float) -> list[str]:
    """What tells a database how long a statement may take."""
    milliseconds = max(1, int(timeout * 1000))
    if dialect.name == "postgresql":
        return [f"SET LOCAL statement_timeout = {milliseconds}"]
    if getattr(dialect, "is_mariadb", False):
        return [f"SET SESSION max_statement_time = {milliseconds / 1000}"]
    return [f"SET SESSION max_execution_time = {milliseconds}"] if dialect.name == "mysql" else []


_TOO_LONG = frozenset({1969, 3024})
_OF_SERVER = frozenset({1040, 1042, 1043, 1044, 1045, 1047, 1053, 1129, 1130, 1152, 1203, 1226, 1698, 3118, 3159, 4151})
"""MySQL's errors (of its driver's one class for many) that no other query would mend."""


def _number(error: Any) -> int:
    """The number of an error of MySQL; 0 where there is none."""
    first = next(iter(getattr(error, "args", ())), 0)
    return first if isinstance(first, int) else 0


def _of_query(number: int) -> bool:
    """Whether an error of MySQL is about the query; those from 2000 to 2999 are about the connection."""
    return number >= 1000 and not 2000 <= number < 3000 and number not in _OF_SERVER


def _begin_with(engine: Any, statement: str) -> None:
    from sqlalchemy import event

    @event.listens_for(engine, "connect")
    def _(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(statement)
        cursor.close()


class _AzureDatabase(SqlDatastore):
    """What Azure's databases have in common."""

    _DRIVER: ClassVar[str] = ""
    _DOMAIN: ClassVar[str] = ""
    _PORT: ClassVar[int] = 0

    @property
    def server_name(self) -> str:
        """The server: a name of Azure's, or a host."""
        return str(self._known("server_name"))

    @property
    def database_name(self) -> str:
        """The database."""
        return str(self._known("database_name"))

    @property
    def port_number(self) -> str:
        """The server's port."""
        return str(self._known("port_number") or self._PORT)

    @property
    def endpoint(self) -> str:
        """The domain that a server's bare name is completed with."""
        return str(self._known("endpoint") or self._DOMAIN)

    @property
    def _host(self) -> str:
        name = self.server_name
        return name if "." in name or name == "localhost" or not self.endpoint else f"{name}.{self.endpoint}"

    @property
    def _user(self) -> str | None:
        return self._known("user_id")  # type: ignore[no-any-return]

    def _query_of_url(self) -> dict[str, str]:
        return {}

    def _sql_url(self) -> Any:
        from sqlalchemy.engine import URL

        return URL.create(
            self._DRIVER, self._user, self._secret(self.SECRETS[0]), self._host, int(self.port_number),
            self.database_name, self._query_of_url(),
        )  # fmt: skip

    def _shown_place(self) -> str:
        return f"{self._DRIVER.partition('+')[0]}://{self._host}:{self.port_number}/{self.database_name}"


class AzurePostgreSqlDatastore(_AzureDatabase):
    """A PostgreSQL database."""

    TYPE = "AzurePostgreSql"
    ARGUMENTS = ("server_name", "database_name", "user_id", "user_password", "port_number", "enforce_ssl")
    SECRETS: ClassVar[tuple[str, ...]] = ("user_password",)
    _DRIVER = "postgresql+psycopg"
    _DOMAIN = "postgres.database.azure.com"
    _PORT = 5432

    @property
    def user_id(self) -> str | None:
        """Who logs in."""
        return self._user

    @property
    def user_password(self) -> str | None:
        """The password, from the vault."""
        return self._secret("user_password")

    @property
    def enforce_ssl(self) -> bool:
        """Whether only an encrypted connection will do."""
        return self._known("enforce_ssl") is not False

    def _query_of_url(self) -> dict[str, str]:
        return {"sslmode": "require"} if self.enforce_ssl else {}


class AzureMySqlDatastore(_AzureDatabase):
    """A MySQL database."""

    TYPE = "AzureMySql"
    ARGUMENTS = ("server_name", "database_name", "user_id", "user_password", "port_number")
    SECRETS: ClassVar[tuple[str, ...]] = ("user_password",)
    _DRIVER = "mysql+pymysql"
    _DOMAIN = "mysql.database.azure.com"
    _PORT = 3306

    @property
    def user_id(self) -> str | None:
        """Who logs in."""
        return self._user

    @property
    def user_password(self) -> str | None:
        """The password, from the vault."""
        return self._secret("user_password")


class AzureSqlDatabaseDatastore(_AzureDatabase):
    """A database of SQL Server."""

    TYPE = "AzureSqlDatabase"
    ARGUMENTS = (
        "server_name", "database_name", "tenant_id", "client_id", "client_secret", "resource_url", "authority_url", "username",
        "password", "auth_type", "service_data_access_auth_identity",
    )  # fmt: skip
    SECRETS: ClassVar[tuple[str, ...]] = ("password", "client_secret")
    _DRIVER = "mssql+pyodbc"
    _DOMAIN = "database.windows.net"
    _PORT = 1433

    @property
    def username(self) -> str | None:
        """Who logs in."""
        return self._known("username")  # type: ignore[no-any-return]

    @property
    def password(self) -> str | None:
        """The password, from the vault."""
        return self._secret("password")

    @property
    def auth_type(self) -> str:
        """ "SqlAuthentication" or "ServicePrincipal"."""
        return "SqlAuthentication" if self.username else "ServicePrincipal"

    @property
    def tenant_id(self) -> str | None:
        """The service principal's tenant."""
        return self._known("tenant_id")  # type: ignore[no-any-return]

    @property
    def client_id(self) -> str | None:
        """The service principal."""
        return self._known("client_id")  # type: ignore[no-any-return]

    @property
    def client_secret(self) -> str | None:
        """Its secret, from the vault."""
        return self._secret("client_secret")

    @property
    def resource_url(self) -> str | None:
        """What the service principal asks for."""
        return self._known("resource_url")  # type: ignore[no-any-return]

    @property
    def authority_url(self) -> str | None:
        """Where the service principal logs in."""
        return self._known("authority_url")  # type: ignore[no-any-return]

    @property
    def service_data_access_auth_identity(self) -> None:
        """The identity that opens it: there is none here."""
        return None

    @property
    def _user(self) -> str | None:
        return self.username

    def _query_of_url(self) -> dict[str, str]:
        return {"driver": "ODBC Driver 18 for SQL Server", "ApplicationIntent": "ReadOnly"}
