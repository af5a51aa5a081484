"""Databases as datastores: they are only read, and parameters are bound."""

import sqlite3
import sys
import traceback
from urllib.parse import quote

import pytest
from places import PASSWORD

from jupyter_aml.data.dataset import Dataset
from jupyter_aml.data.datastore import Datastore
from jupyter_aml.errors import (
    StoreUnavailableException,
    UserErrorException,
)

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


def check_database(store, count, backslash="\\ "):
    assert rows(store, "SELECT a, b FROM t ORDER BY a", chunk=2) == (
        ["a", "b"],
        [(1, "one"), (2, "it's; two"), (3, None)],
    )
    assert rows(store, "SELECT a FROM t WHERE b = :b", {"b": "it's; two"}) == (["a"], [(2,)])
    assert rows(store, "SELECT a FROM t WHERE b = :b", {"b": "' OR 1=1 --"}) == (["a"], [])
    assert rows(store, "SELECT 'drop; it''s -- \\ fine' AS \"update\" -- into; x") == (
        ["update"],
        [(f"drop; it's -- {backslash}fine",)],
    )
    assert rows(store, "SELECT count(*) AS n FROM t WHERE b = 'it''s; two';") == (["n"], [(1,)])
    assert rows(store, "SELECT a FROM t WHERE b LIKE 'o%' OR b LIKE '%(s'") == (["a"], [(1,)]), "% is no placeholder"
    assert rows(store, "SELECT a FROM t WHERE b LIKE '%' AND a = :a", {"a": 2}) == (["a"], [(2,)])
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


@pytest.mark.slow
def test_mysql_is_only_read(ws):
    pymysql = pytest.importorskip("pymysql")
    import mysql_process

    server, password, user = mysql_process.server(), mysql_process.PASSWORD, mysql_process.USER
    about = {"host": "127.0.0.1", "port": server.port, "user": user, "password": password, "database": "aml"}
    with pymysql.connect(**about, autocommit=True) as connection, connection.cursor() as db:
        db.execute("CREATE TABLE t (a INTEGER, b TEXT)")
        db.execute("INSERT INTO t VALUES (1, 'one'), (2, 'it''s; two'), (3, NULL)")
        db.execute("CREATE FUNCTION sly() RETURNS INTEGER BEGIN DELETE FROM t; RETURN 1; END")
        make = {"server_name": "127.0.0.1", "database_name": "aml", "user_id": user, "port_number": server.port}
        store = Datastore.register_azure_my_sql(ws, "my", user_password=password, **make)

        def count():
            db.execute("SELECT count(*) FROM t")
            return db.fetchone()[0]

        check_database(store, count, backslash=" ")
        for query, why in (
            ("SELECT sly()", "READ ONLY"), ("SELECT c FROM t", "Unknown column"), ("SELECT 1 # INTO", "comments"),
            ("SELECT SLEEP(20) FROM t", "too long"),
        ):  # fmt: skip
            with pytest.raises(UserErrorException, match=why):
                rows(store, query, timeout=0.3)
        assert count() == 3
        types = (
            "SELECT a, b, CAST(1.5 AS DECIMAL(9,2)) AS d, TIMESTAMP '2024-02-29 12:00:00' AS at, x'00ff' AS raw FROM t"
            " WHERE a <= :most ORDER BY a"
        )
        table = Dataset.Tabular.from_sql_query((store, types), query_timeout=9, parameters={"most": 2})
        table = table.register(ws, "of mysql").filter(table["a"] > 1)
        frame = table.to_pandas_dataframe()
        assert frame["b"].tolist() == ["it's; two"] and frame["d"].tolist() == [1.5] and frame["at"][0].year == 2024
    wrong = Datastore.register_azure_my_sql(ws, "wrong", user_password=PASSWORD, **make)
    with pytest.raises(StoreUnavailableException, match="credentials are not accepted") as caught:
        rows(wrong, "SELECT 1")
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))
    url = f"mysql://{user}:{quote(password, safe='')}@127.0.0.1:{server.port}/aml"
    assert rows(Datastore.register_sql(ws, "sql", url), "SELECT 1 AS one") == (["one"], [(1,)])


@pytest.mark.parametrize(
    ("driver", "missing", "package"), [("pyodbc", "pyodbc", "pyodbc"), ("pymysql", "pymysql", "pymysql")]
)
def test_a_driver_that_is_not_there_is_named(ws, monkeypatch, driver, missing, package):
    monkeypatch.setitem(sys.modules, driver, None)
    register = {"pyodbc": Datastore.register_azure_sql_database, "pymysql": Datastore.register_azure_my_sql}[driver]
    store = register(ws, "db", "server", "db", **{
        "pyodbc": {"username": "me", "password": PASSWORD}, "pymysql": {"user_id": "me", "user_password": PASSWORD}
    }[driver])  # fmt: skip
    with pytest.raises(UserErrorException, match=f"pip install {package}") as caught:
        rows(store, "SELECT 1")
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))


def test_sql_server_is_addressed_as_azure_has_it(ws):
    store = Datastore.register_azure_sql_database(ws, "db", "server", "sales", username="me", password=PASSWORD)
    url = store._sql_url()
    assert (url.host, url.port, url.database, url.password) == ("server.database.windows.net", 1433, "sales", PASSWORD)
    assert url.query == {"driver": "ODBC Driver 18 for SQL Server", "ApplicationIntent": "ReadOnly"}
    assert store._shown_place() == "mssql://server.database.windows.net:1433/sales"
