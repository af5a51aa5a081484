"""Reading delimited text. Types come from the head of the first and the last file, or from the user; what does not fit the fast
reader (a row with too few fields, a value that is no number) is read by a patient one, which goes on and tells of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jupyter_aml.data.engine import NULLS, FileScan, arrow_type, convert, finish
from jupyter_aml.data.engine_text_rows import Dialect, common, is_late, kind_of, raw_type, rows_of, unique
from jupyter_aml.data.expression import Node, columns_of, missing_columns
from jupyter_aml.data.types import CODECS, DataType, PromoteHeadersBehavior
from jupyter_aml.errors import DatasetExecutionError

if TYPE_CHECKING:
    import pyarrow as pa

    from jupyter_aml.data.dataset_paths import File

SAMPLE = 1 << 20
"""Bytes of a file's head that tell the types."""
BLOCK = 1 << 20
"""Larger ones are slower: a block is parsed and converted by one processor, from its cache. A row that is longer goes to the patient
reader."""
ROWS = 50_000


class TextScan(FileScan):
    """Files of delimited text."""

    def __init__(self, files: Sequence[File], types: Mapping[str, DataType], dialect: Dialect) -> None:
        super().__init__(files, types)
        self.dialect = dialect
        self._kinds: dict[str, DataType] | None = None
        self._heads: dict[str, tuple[list[str], int]] = {}

    # -- columns -------------------------------------------------------------------------------------------------
    def schema(self) -> pa.Schema:
        """See `Scan.schema`."""
        import pyarrow as pa

        if self._schema is None:
            fields = [pa.field(name, arrow_type(kind)) for name, kind in self.kinds().items()]
            fields += [field for field in self.path_fields() if field.name not in self.kinds()]
            self._schema = pa.schema(fields)
        return self._schema

    def kinds(self) -> dict[str, DataType]:
        """Names and types of the columns in the files."""
        if self._kinds is None:
            names = self._names()
            lost = [name for name in self.types if name not in names]
            if lost:
                raise missing_columns(lost, names)
            guessed = self._guessed(names) if self.dialect.infer else {}
            self._kinds = {n: self.types.get(n) or guessed.get(n) or DataType.to_string() for n in names}
        return self._kinds

    def _names(self) -> list[str]:
        found = [file for file in self.files if self._head(file)[0]]
        if not found:
            return []
        if self.dialect.header is PromoteHeadersBehavior.COMBINE_ALL_FILES_HEADERS:
            return list(dict.fromkeys(name for file in found for name in self._head(file)[0]))
        return self._head(found[0])[0]

    def _has_header(self, file: File) -> bool:
        header = self.dialect.header
        if header is PromoteHeadersBehavior.ONLY_FIRST_FILE_HAS_HEADERS:
            return file is self.files[0]
        return header is not PromoteHeadersBehavior.NO_HEADERS

    def _head(self, file: File) -> tuple[list[str], int]:
        """Names of the columns of a file, and how many of its lines they take; ([], 0) of an empty one."""
        known = self._heads.get(file.path)
        if known is None:
            with self._text(file) as text:
                rows = rows_of(text, self.dialect, file.whole)
                row, line = next(rows, ([], 0))
            if not self._has_header(file):
                mine = self._names_without(file, len(row))
                known = (mine, 0)
            else:
                known = (unique(row), line)
            self._heads[file.path] = known
        return known

    def _names_without(self, file: File, count: int) -> list[str]:
        if self.dialect.header is PromoteHeadersBehavior.ONLY_FIRST_FILE_HAS_HEADERS:
            return self._head(self.files[0])[0] if count else []
        return [f"Column{index + 1}" for index in range(count)]

    def _check(self, file: File) -> None:
        """Refuse a file whose columns are others: by their names they would be lost unseen."""
        mine, all_names = self._head(file)[0], list(self.kinds())
        if self.dialect.header is not PromoteHeadersBehavior.ALL_FILES_HAVE_SAME_HEADERS or set(mine) == set(all_names):
            return
        more, less = [n for n in mine if n not in all_names], [n for n in all_names if n not in mine]
        what = [f"has {', '.join(map(repr, more[:5]))}"] * bool(more) + [
            f"lacks {', '.join(map(repr, less[:5]))}"
        ] * bool(less)
        raise DatasetExecutionError(
            f"{file.whole!r} has other columns than {self.files[0].whole!r}: it {' and '.join(what)}. "
            "header=PromoteHeadersBehavior.COMBINE_ALL_FILES_HEADERS takes the columns of all files."
        )

    # -- types ---------------------------------------------------------------------------------------------------
    def _guessed(self, names: Sequence[str]) -> dict[str, DataType]:
        every = self.dialect.header is PromoteHeadersBehavior.COMBINE_ALL_FILES_HEADERS
        chosen = self.files[:20] if every else [self.files[0], self.files[-1]]
        kinds: dict[str, DataType] = {}
        for file in dict.fromkeys(chosen):
            for name, kind in self._guess(file).items():
                kinds[name] = common(kinds[name], kind) if name in kinds else kind
        wanted = set(names)
        return {name: kind for name, kind in kinds.items() if name in wanted}

    def _guess(self, file: File) -> dict[str, DataType]:
        import pyarrow as pa

        mine, _ = self._head(file)
        columns: list[list[str]] = [[] for _ in mine]
        with self._text(file) as text:
            rows = rows_of(text, self.dialect, file.whole)
            if self._has_header(file):
                next(rows, None)
            size = 0
            for row, _ in rows:
                for column, value in zip(columns, row, strict=False):
                    column.append(value)
                size += sum(map(len, row)) + len(row)
                if size > SAMPLE or len(columns[0]) >= 5_000:
                    break
        return {
            name: k for name, column in zip(mine, columns, strict=True) if (k := kind_of(pa.array(column, pa.string())))
        }

    # -- rows ----------------------------------------------------------------------------------------------------
    def batches(self, columns: Sequence[str], where: Node | None, limit: int | None) -> Iterator[pa.Table]:
        """See `Scan.batches`."""
        for file in self.needed(where):
            yield from self._of_file(file, columns, where, small=limit is not None)

    def table(self, columns: Sequence[str], where: Node | None) -> pa.Table:
        """See `Scan.table`."""
        import pyarrow as pa

        if where is not None or not self._fast():
            return super().table(columns, where)
        parts = []
        for file in self.files:
            part = self._at_once(file, columns)
            parts += [part] if part is not None else list(self._of_file(file, columns, None))
        schema = pa.schema([self.schema().field(name) for name in columns])
        return pa.concat_tables(parts) if parts else schema.empty_table()

    def _fast(self) -> bool:
        return len(self.dialect.separator) == 1 and self.dialect.separator != "\n"

    def _of_file(
        self, file: File, columns: Sequence[str], where: Node | None, small: bool = False
    ) -> Iterator[pa.Table]:
        import pyarrow as pa
        import pyarrow.csv as pcsv

        mine, _ = self._head(file)
        if not mine:
            return
        self._check(file)
        read = self._read(file, columns, where)
        passed = 0
        if self._fast() and read:
            try:
                with self._bytes(file) as stream:
                    reader = pcsv.open_csv(
                        stream,
                        self._reading(file, BLOCK >> 2 if small else BLOCK),
                        self._parsing(),
                        self._converting(file, read),
                    )
                    for batch in reader:
                        passed += batch.num_rows
                        yield finish(
                            self._made(pa.table(batch), file, read), file.values, columns, where, self.schema()
                        )
                return
            except (pa.ArrowInvalid, UnicodeDecodeError, OSError):
                pass  # the patient reader goes on behind the rows that were given
        for table in self._patiently(file, read, passed):
            yield finish(table, file.values, columns, where, self.schema())

    def _at_once(self, file: File, columns: Sequence[str]) -> pa.Table | None:
        """A file by all processors; None when the fast reader does not like it."""
        import pyarrow as pa
        import pyarrow.csv as pcsv

        if not self._head(file)[0]:
            return pa.schema([self.schema().field(name) for name in columns]).empty_table()
        self._check(file)
        read = self._read(file, columns, None)
        if not read:
            return None
        try:
            with self._bytes(file) as stream:
                table = pcsv.read_csv(stream, self._reading(file, BLOCK), self._parsing(), self._converting(file, read))
        except (pa.ArrowInvalid, UnicodeDecodeError, OSError):
            return None
        return finish(self._made(table, file, read), file.values, columns, None, self.schema())

    def _read(self, file: File, columns: Sequence[str], where: Node | None) -> list[str]:
        """What is read of a file: what is asked for of what it has, and one column at least, for the rows to be counted."""
        mine = self._head(file)[0]
        asked = {*columns, *(columns_of(where) if where else ())}
        return [name for name in mine if name in asked] or mine[:1]

    def _made(self, table: pa.Table, file: File, read: Sequence[str]) -> pa.Table:
        """Empty text as missing, late conversions, and the columns that only other files have."""
        import pyarrow as pa
        import pyarrow.compute as pc

        kinds = self.kinds()
        made = []
        for name in read:
            column, kind = table.column(name), kinds[name]
            if kind.kind in ("string", "stream"):
                if not self.dialect.empty_as_string:
                    column = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
            else:
                column = convert(self, name, column, kind, repr(file.whole))
            made.append(column)
        table = pa.table(made, names=list(read))
        mine = set(self._head(file)[0])
        for name, kind in kinds.items():
            if name not in mine:
                table = table.append_column(name, pa.nulls(table.num_rows, arrow_type(kind)))
        return table

    # -- the fast reader -----------------------------------------------------------------------------------------
    def _reading(self, file: File, block: int) -> Any:
        import pyarrow.csv as pcsv

        names, lines = self._head(file)
        encoding = CODECS[self.dialect.encoding]
        return pcsv.ReadOptions(
            column_names=names, skip_rows=lines, block_size=block,
            encoding="utf8" if encoding in ("utf-8-sig", "ascii") else encoding,
        )  # fmt: skip

    def _parsing(self) -> Any:
        import pyarrow.csv as pcsv

        return pcsv.ParseOptions(delimiter=self.dialect.separator, newlines_in_values=self.dialect.multi_line)

    def _converting(self, file: File, read: Sequence[str]) -> Any:
        import pyarrow as pa
        import pyarrow.csv as pcsv

        kinds = self.kinds()
        types = {name: pa.string() if is_late(kinds[name]) else raw_type(kinds[name]) for name in read}
        return pcsv.ConvertOptions(
            column_types=types, include_columns=list(read), null_values=NULLS, strings_can_be_null=False
        )

    def _bytes(self, file: File) -> Any:
        import pyarrow as pa

        stream = pa.OSFile(file.path) if file.fs is None else pa.PythonFile(file.open(), mode="r")
        return pa.CompressedInputStream(stream, file.packed) if file.packed else stream

    # -- the patient reader --------------------------------------------------------------------------------------
    def _text(self, file: File) -> io.TextIOWrapper:
        stream = file.open() if not file.packed else self._bytes(file)
        return io.TextIOWrapper(stream, encoding=CODECS[self.dialect.encoding], newline="")

    def _patiently(self, file: File, read: Sequence[str], skip: int) -> Iterator[pa.Table]:
        """The rows from `skip` on, each value as text first.

        Raises:
            DatasetExecutionError: bytes that are not of the encoding, a row beyond all bounds, and with ``fail`` a row of
                more or fewer fields.
        """
        import pyarrow as pa

        names, lines = self._head(file)
        place = {name: at for at, name in enumerate(names)}
        places = [place[name] for name in read]
        wrong, number = 0, 0
        with self._text(file) as text:
            rows = rows_of(text, self.dialect, file.whole)
            if lines:
                next(rows, None)
            while True:
                block: list[list[str]] = []
                try:
                    for row, line in rows:
                        number += 1
                        if number <= skip:
                            continue
                        if len(row) != len(names):
                            wrong += 1
                            if self.on_error == "fail" or wrong == 1:
                                self._uneven(file, row, line, len(names))
                        block.append(row)
                        if len(block) >= ROWS:
                            break
                except csv.Error as error:
                    raise DatasetExecutionError(
                        f"{file.whole!r} cannot be read behind row {number}: {error}."
                    ) from None
                if not block:
                    return
                columns = [pa.array([r[p] if p < len(r) else "" for r in block], pa.string()) for p in places]
                yield self._made(pa.table(columns, names=list(read)), file, read)

    def _uneven(self, file: File, row: Sequence[str], line: int, count: int) -> None:
        text = f"Line {line} of {file.whole!r} has {len(row)} fields where {count} were expected."
        if not self.dialect.multi_line:
            text += " If values have line breaks in quotes, read it with support_multi_line=True."
        if self.on_error == "fail":
            raise DatasetExecutionError(text)
        self.warn(f"fields {file.path}", f"{text} What lacks is missing, what is too much is left out.")
