"""Reading Parquet: only the row groups and columns that are needed. docs/decisions/data-engine.md says why by two engines."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jupyter_aml.data.engine import FileScan, arrow_type, convert, finish, plain_table, plain_type
from jupyter_aml.data.expression import Node, columns_of, missing_columns, quoted, simple, to_arrow, to_sql
from jupyter_aml.data.types import DataType
from jupyter_aml.errors import DatasetExecutionError

if TYPE_CHECKING:
    import pyarrow as pa

    from jupyter_aml.data.dataset_paths import File

LOOKED_AT = 200
"""Files whose footers are read for the schema; of more, these many evenly spread ones."""
BATCH = 131_072


class ParquetScan(FileScan):
    """Files of Parquet."""

    def __init__(self, files: Sequence[File], types: Mapping[str, DataType] | None = None) -> None:
        super().__init__(files, types)
        self._raw: pa.Schema | None = None
        self._alike = True

    def raw_schema(self) -> pa.Schema:
        """The columns of the files as they lie there.

        Raises:
            DatasetExecutionError: a file that is no Parquet, or files whose columns cannot be one column.
        """
        import pyarrow as pa

        if self._raw is None:
            step = max(1, len(self.files) // LOOKED_AT)
            schemas = []
            for file in self.files[::step]:
                schemas.append(_footer(file).remove_metadata())
            self._alike = step == 1 and all(schema.equals(schemas[0]) for schema in schemas)
            try:
                self._raw = schemas[0] if self._alike else pa.unify_schemas(schemas, promote_options="permissive")
            except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
                raise DatasetExecutionError(
                    f"The files from {self.files[0].whole!r} on have different columns: {error}. Make a dataset of each kind."
                ) from None
        return self._raw

    def schema(self) -> pa.Schema:
        """See `Scan.schema`."""
        import pyarrow as pa

        if self._schema is None:
            raw = self.raw_schema()
            lost = [name for name in self.types if name not in raw.names]
            if lost:
                raise missing_columns(lost, raw.names)
            fields = [
                pa.field(f.name, arrow_type(self.types[f.name]) if f.name in self.types else plain_type(f.type))
                for f in raw
            ]
            fields += [field for field in self.path_fields() if field.name not in raw.names]
            self._schema = pa.schema(fields)
        return self._schema

    def batches(self, columns: Sequence[str], where: Node | None, limit: int | None) -> Iterator[pa.Table]:
        """See `Scan.batches`."""
        with told(self.files):
            if self._by_duckdb(columns, where) and limit is None:
                for batch in self._duckdb(columns, where, rows=BATCH):
                    for table in _tables(batch):
                        yield plain_table(table).cast(self._wanted(columns))
                return
            yield from self._scan(columns, where) if limit is None else self._head(columns, where, limit)

    def table(self, columns: Sequence[str], where: Node | None) -> pa.Table:
        """See `Scan.table`."""
        import pyarrow as pa

        with told(self.files):
            if self._by_duckdb(columns, where):
                return plain_table(self._duckdb(columns, where)).cast(self._wanted(columns))
            if self.types:
                parts = list(self._scan(columns, where))
                return pa.concat_tables(parts) if parts else self._wanted(columns).empty_table()
            files = self.needed(where)
            found = self._dataset(files).to_table(columns=list(columns), filter=self._filter(where))
            return plain_table(found)

    def _wanted(self, columns: Sequence[str]) -> pa.Schema:
        import pyarrow as pa

        return pa.schema([self.schema().field(name) for name in columns])

    # -- Arrow ---------------------------------------------------------------------------------------------------
    def _scan(self, columns: Sequence[str], where: Node | None) -> Iterator[pa.Table]:
        import pyarrow as pa

        later = where if where is not None and columns_of(where) & set(self.types) else None
        read = list(dict.fromkeys([*columns, *(sorted(columns_of(later)) if later else ())]))
        files = self.needed(where)
        scanner = self._dataset(files).scanner(
            columns=read, filter=None if later else self._filter(where), batch_size=BATCH, **_ahead(files)
        )
        for batch in scanner.to_batches():
            if batch.num_rows:
                for table in self._cast(_tables(plain_table(pa.table(batch))), read):
                    yield finish(table, {}, columns, later, self.schema())

    def _head(self, columns: Sequence[str], where: Node | None, limit: int) -> Iterator[pa.Table]:
        """Page after page, file after file: a scan of Arrow's reads whole row groups, and several ahead."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        asked = {*columns, *(columns_of(where) if where else ())}
        raw = self.raw_schema()
        for file in self.needed(where):
            source = pq.ParquetFile(file.path if file.fs is None else file.open())
            there = [name for name in raw.names if name in asked and name in source.schema_arrow.names]
            for batch in source.iter_batches(min(BATCH, max(64, limit)), columns=there or None, use_threads=False):
                table = pa.table(batch)
                for name in raw.names:
                    if name in asked and name not in there:
                        table = table.append_column(name, pa.nulls(table.num_rows, raw.field(name).type))
                names = table.column_names
                for cast in self._cast(_tables(plain_table(table)), names):
                    yield finish(cast, file.values, columns, where, self.schema()).cast(self._wanted(columns))

    def _filter(self, where: Node | None) -> Any:
        import pyarrow as pa

        return None if where is None else to_arrow(where, pa.schema([*self.raw_schema(), *self._told_fields()]))

    def _told_fields(self) -> list[pa.Field]:
        return [field for field in self.path_fields() if field.name not in self.raw_schema().names]

    def _dataset(self, files: Sequence[File]) -> Any:
        import pyarrow as pa
        import pyarrow.dataset as pds

        told = self._told_fields()
        schema = pa.schema([*self.raw_schema(), *told])
        form = pds.ParquetFileFormat()
        systems: dict[int, Any] = {}
        fragments = []
        for file in files:
            tells = None
            for field in told:
                equal = pds.field(field.name) == pa.scalar(file.values[field.name], field.type)
                tells = equal if tells is None else tells & equal
            system = systems.setdefault(id(file.fs), _arrow_filesystem(file.fs))
            fragments.append(form.make_fragment(file.path, system, partition_expression=tells))
        if not fragments:
            return pds.dataset(schema.empty_table())
        return pds.FileSystemDataset(fragments, schema, form, _arrow_filesystem(files[0].fs))

    def _cast(self, tables: Iterator[pa.Table], columns: Sequence[str]) -> Iterator[pa.Table]:
        for table in tables:
            for index, name in enumerate(columns):
                if name in self.types:
                    made = convert(self, name, table.column(name), self.types[name], self.files[0].whole)
                    table = table.set_column(index, name, made)
            yield table

    # -- DuckDB --------------------------------------------------------------------------------------------------
    def _by_duckdb(self, columns: Sequence[str], where: Node | None) -> bool:
        """Where it is faster and gives the same: conditions on local files that are alike."""
        raw = self.raw_schema()
        asked = {*columns, *(columns_of(where) if where else ())}
        return (
            where is not None
            and self._alike
            and all(file.fs is None for file in self.files)
            and asked <= set(raw.names)
            and not asked & set(self.types)
            and simple(where, raw)
            and all(_same_in_both(raw.field(name).type) for name in asked)
        )

    def _duckdb(self, columns: Sequence[str], where: Node | None, rows: int | None = None) -> Any:
        values: list[Any] = [[file.path for file in self.needed(where)]]
        if not values[0]:
            empty = self._wanted(columns).empty_table()
            return empty if rows is None else iter([])
        names = ", ".join(quoted(name) for name in columns) or "1 as one"
        condition = to_sql(where, self.raw_schema(), values) if where is not None else "true"
        return query(f"select {names} from read_parquet(?) where {condition}", values, rows)


def query(sql: str, values: Sequence[Any], rows: int | None = None, **tables: Any) -> Any:
    """What DuckDB answers, as a table of Arrow, or in batches of `rows` where that is said.

    Args:
        sql: made by us; names are quoted and values are question marks in it.
        values: for them.
        rows: of a batch; None for all at once.
        tables: what is called so in the query: tables or readers of Arrow.
    """
    connection = _database().cursor()
    for name, table in tables.items():
        connection.register(name, table)
    relation = connection.sql(sql, params=list(values))
    if rows is None:
        made = relation.to_arrow_table() if hasattr(relation, "to_arrow_table") else relation.arrow()
        connection.close()
        return made
    return _closing(connection, relation, rows)


_databases: dict[int, Any] = {}
_making = threading.Lock()


def _database() -> Any:
    """This process's database, without a table: making one takes longer than many a query. It loads nothing from elsewhere."""
    import duckdb

    with _making:
        if os.getpid() not in _databases:
            settings = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
            _databases[os.getpid()] = duckdb.connect(config={**settings, "threads": str(_cores())})
        return _databases[os.getpid()]


def _closing(connection: Any, relation: Any, rows: int) -> Iterator[Any]:
    reader = (
        relation.to_arrow_reader(rows) if hasattr(relation, "to_arrow_reader") else relation.fetch_arrow_reader(rows)
    )
    try:
        yield from reader
    finally:
        connection.close()


def _ahead(files: Sequence[File]) -> dict[str, Any]:
    """How far Arrow reads ahead of whoever takes the batches: by default 16 batches of 4 files and their whole row groups, which
    is most of a set of a few GB. Of local files little is enough; others wait for answers from afar."""
    import pyarrow.dataset as pds

    if any(file.fs is not None for file in files):
        return {"batch_readahead": 4, "fragment_readahead": 4}
    options = pds.ParquetFragmentScanOptions(pre_buffer=False, use_buffered_stream=True)
    return {"batch_readahead": 2, "fragment_readahead": 1, "fragment_scan_options": options}


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _same_in_both(kind: pa.DataType) -> bool:
    """Whether DuckDB gives a column of the type that Arrow does (but for the unit of a time, which is cast)."""
    import pyarrow.types as types

    return bool(
        types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_string(kind)
        or (types.is_timestamp(kind) and kind.tz is None)
    )  # fmt: skip


def _tables(batch: Any) -> Iterator[pa.Table]:
    import pyarrow as pa

    if batch.num_rows:
        yield batch if isinstance(batch, pa.Table) else pa.Table.from_batches([batch])


def _arrow_filesystem(fs: Any) -> Any:
    import pyarrow.fs as pafs

    return pafs.LocalFileSystem() if fs is None else pafs.PyFileSystem(pafs.FSSpecHandler(fs))


def _footer(file: File) -> pa.Schema:
    import pyarrow.parquet as pq

    with told([file]):
        return pq.read_schema(file.path) if file.fs is None else pq.read_schema(file.open())


class told:
    """Within it, what a reader raises becomes ours, with the file."""

    def __init__(self, files: Sequence[File]) -> None:
        self.files = files

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        import duckdb
        import pyarrow as pa

        if isinstance(error, (pa.ArrowException, duckdb.Error, OSError)):
            one = self.files[0].whole if self.files else ""
            which = repr(one) if len(self.files) == 1 else f"the {len(self.files):,} files from {one!r} on"
            text = str(error).splitlines()[0] if str(error) else kind.__name__
            raise DatasetExecutionError(f"{which} cannot be read: {text[:300]}") from None
