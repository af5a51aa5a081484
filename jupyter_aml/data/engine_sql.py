"""What a query of a database gives, as the rows of a dataset."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jupyter_aml.data.engine import FileScan, arrow_type, convert, finish, plain, plain_type
from jupyter_aml.data.expression import Node, missing_columns
from jupyter_aml.data.sql_check import check_query
from jupyter_aml.data.types import DataType
from jupyter_aml.errors import UserErrorException

if TYPE_CHECKING:
    import pyarrow as pa


def source_of(
    query: Any, timeout: Any, parameters: Mapping[str, Any] | None, types: Mapping[str, Any]
) -> tuple[dict[str, Any], Any]:
    """What is written down of a query, and its workspace.

    Raises:
        UserErrorException: no datastore of a database, no query that only reads, or parameters that JSON cannot hold.
    """
    from jupyter_aml.data.datastore_sql import SqlDatastore

    if not isinstance(query, tuple) or len(query) != 2 or not isinstance(query[0], SqlDatastore):
        raise UserErrorException("A query is (datastore, 'SELECT …'), with a datastore of a database.")
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or timeout <= 0:
        raise UserErrorException(f"query_timeout is a number of seconds, not {timeout!r}.")
    try:
        json.dumps(dict(parameters or {}))
    except TypeError:
        raise UserErrorException("parameters are numbers, text, true, false and None, by name.") from None
    datastore = query[0]
    source = {
        "format": "sql", "datastore": datastore.name, "query": check_query(query[1]), "timeout": timeout,
        "parameters": dict(parameters or {}), "types": dict(types),
    }  # fmt: skip
    return source, datastore.workspace


class SqlScan(FileScan):
    """Runs the query, chunk after chunk."""

    def __init__(self, workspace: Any, source: Mapping[str, Any]) -> None:
        super().__init__([], {name: DataType.of(kind) for name, kind in source.get("types", {}).items()})
        self._workspace = workspace
        self._source = source

    def _chunks(self, rows: int) -> Iterator[pa.Table]:
        import pyarrow as pa

        from jupyter_aml.data.datastore import Datastore

        datastore: Any = Datastore.get(self._workspace, self._source["datastore"])
        parameters = self._source.get("parameters") or None
        for names, some in datastore._rows(
            self._source["query"], parameters, timeout=self._source.get("timeout"), chunk=rows
        ):
            lost = [name for name in self.types if name not in names]
            if lost:
                raise missing_columns(lost, names)
            columns = []
            for place, name in enumerate(names):
                known = self._schema.field(place).type if self._schema is not None else None
                made = _array([row[place] for row in some], known)
                columns.append(
                    convert(self, name, made, self.types[name], "the query") if name in self.types else plain(made)
                )
            yield pa.table(columns, names=_unique(names))

    def schema(self) -> pa.Schema:
        """See `Scan.schema`."""
        import pyarrow as pa

        if self._schema is None:
            first = next(self._chunks(1_000))
            fields = [
                pa.field(f.name, arrow_type(self.types[f.name]) if f.name in self.types else plain_type(f.type))
                for f in first.schema
            ]
            self._schema = pa.schema(fields)
        return self._schema

    def batches(self, columns: Sequence[str], where: Node | None, limit: int | None) -> Iterator[pa.Table]:
        """See `Scan.batches`."""
        schema = self.schema()
        for chunk in self._chunks(min(10_000, max(1, limit)) if limit is not None else 10_000):
            if chunk.num_rows:
                yield finish(chunk.cast(schema), {}, columns, where, schema)


def _array(values: list[Any], kind: pa.DataType | None) -> pa.Array:
    """A column; numbers of a fixed point as floats, what Arrow does not know as text."""
    import decimal

    import pyarrow as pa

    values = [float(v) if isinstance(v, decimal.Decimal) else v for v in values]
    try:
        return pa.array(values, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        try:
            return pa.array(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
            return pa.array([None if v is None else str(v) for v in values], pa.string())


def _unique(names: Sequence[str]) -> list[str]:
    made: dict[str, None] = {}
    for name in names:
        again, base = 0, str(name)
        name = base
        while name in made:
            again += 1
            name = f"{base}_{again}"
        made[name] = None
    return list(made)
