"""Reading JSON lines: an object a line, in blocks of lines."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jupyter_aml.data.engine import FileScan, arrow_type, convert, finish, plain, plain_type
from jupyter_aml.data.expression import Node, columns_of, missing_columns
from jupyter_aml.data.types import CODECS, DataType
from jupyter_aml.errors import DatasetExecutionError

if TYPE_CHECKING:
    import pyarrow as pa

    from jupyter_aml.data.dataset_paths import File

SAMPLE = 1 << 20
BLOCK = 4 << 20
LOOKED_AT = 20
DEEPEST = 100
"""Lists and objects within each other. Arrow's reader ends the process with much deeper ones."""
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class JsonScan(FileScan):
    """Files of JSON lines.

    Args:
        files, types: as of every scan.
        drop_invalid: leave out lines that are no object, instead of raising.
        encoding: our word for it.
    """

    def __init__(self, files: Sequence[File], types: Mapping[str, DataType], drop_invalid: bool, encoding: str) -> None:
        super().__init__(files, types)
        self.drop_invalid = drop_invalid
        self.encoding = CODECS[encoding]
        self._raw: pa.Schema | None = None

    def _raw_schema(self) -> pa.Schema:
        import pyarrow as pa

        if self._raw is None:
            found = []
            for file in self.files[:LOOKED_AT]:
                for _, lines in self._blocks(file, SAMPLE):
                    found.append(self._parsed(file, 1, lines, None).schema)
                    break
            try:
                self._raw = pa.unify_schemas(found, promote_options="permissive") if found else pa.schema([])
            except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
                raise DatasetExecutionError(f"The files have different kinds of values: {error}.") from None
        return self._raw

    def schema(self) -> pa.Schema:
        """See `Scan.schema`."""
        import pyarrow as pa

        if self._schema is None:
            raw = self._raw_schema()
            lost = [name for name in self.types if name not in raw.names]
            if lost:
                raise missing_columns(lost, raw.names)
            fields = [
                pa.field(f.name, arrow_type(self.types[f.name]) if f.name in self.types else plain_type(f.type))
                for f in raw
            ]
            self._schema = pa.schema([*fields, *(f for f in self.path_fields() if f.name not in raw.names)])
        return self._schema

    def batches(self, columns: Sequence[str], where: Node | None, limit: int | None) -> Iterator[pa.Table]:
        """See `Scan.batches`."""
        import pyarrow as pa

        asked = {*columns, *(columns_of(where) if where else ())}
        read = [name for name in self._raw_schema().names if name in asked]
        schema = self._raw_schema()
        for file in self.needed(where):
            for first, lines in self._blocks(file, SAMPLE // 4 if limit is not None else BLOCK):
                table = self._parsed(file, first, lines, schema)
                new = [name for name in table.column_names if name not in schema.names]
                if new:
                    self.warn(
                        f"new {new[0]}",
                        f"{file.whole!r} has {', '.join(map(repr, new[:5]))} from line {first} on, which the head of the files "
                        "does not have; it is left out. Put a line with all names at the head.",
                    )
                made = [
                    convert(self, n, table.column(n), self.types[n], repr(file.whole))
                    if n in self.types
                    else plain(table.column(n))
                    for n in read
                ]
                if not read:
                    made, names = [pa.nulls(table.num_rows)], [" "]
                else:
                    names = read
                yield finish(pa.table(made, names=names), file.values, columns, where, self.schema())

    def _blocks(self, file: File, size: int) -> Iterator[tuple[int, list[str]]]:
        """The number of the first line, and lines of about `size` characters together."""
        stream = file.open()
        if file.packed:
            import pyarrow as pa

            stream = pa.CompressedInputStream(pa.PythonFile(stream, mode="r"), file.packed)
        number = 1
        try:
            with io.TextIOWrapper(stream, encoding=self.encoding) as text:
                while lines := text.readlines(size):
                    yield number, lines
                    number += len(lines)
        except UnicodeDecodeError as error:
            raise DatasetExecutionError(
                f"{file.whole!r} is not {self.encoding} behind line {number}: {error.reason}. Say how it is written by encoding=."
            ) from None

    def _parsed(self, file: File, first: int, lines: Sequence[str], schema: pa.Schema | None) -> pa.Table:
        import pyarrow as pa
        import pyarrow.json as pjson

        content = "".join(lines).encode()
        if not content.strip():
            return (schema or pa.schema([])).empty_table()
        if too_deep(content):
            return self._line_by_line(file, first, lines, schema)
        options = pjson.ParseOptions(explicit_schema=schema) if schema is not None else None
        try:
            return pjson.read_json(io.BytesIO(content), pjson.ReadOptions(block_size=len(content) + 16), options)
        except pa.ArrowInvalid:
            return self._line_by_line(file, first, lines, schema)

    def _line_by_line(self, file: File, first: int, lines: Sequence[str], schema: pa.Schema | None) -> pa.Table:
        """Where the fast reader gives up: values of several kinds in a column, or lines that are no objects."""
        import pyarrow as pa

        rows: list[dict[str, Any]] = []
        for number, line in enumerate(lines, first):
            if not line.strip():
                continue
            try:
                if too_deep(line.encode()):
                    raise ValueError(f"more than {DEEPEST} lists and objects within each other")
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise ValueError("no object")
                if "\\u" in line:
                    json.dumps(row, ensure_ascii=False).encode()  # half of a pair of surrogates is no text
            except ValueError as error:
                if not self.drop_invalid:
                    raise DatasetExecutionError(
                        f"Line {number} of {file.whole!r} is no JSON object: {error}. invalid_lines='drop' leaves such lines out."
                    ) from None
                continue
            rows.append(row)
        names = list(dict.fromkeys([*(schema.names if schema else ()), *(name for row in rows for name in row)]))
        columns = [self._column(file, [row.get(n) for row in rows], schema.field(n).type if schema and n in schema.names else None)
                   for n in names]  # fmt: skip
        return pa.table(columns, names=names)

    def _column(self, file: File, values: list[Any], kind: pa.DataType | None) -> pa.Array:
        import pyarrow as pa

        try:
            return pa.array(values, kind)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            if kind is not None and not pa.types.is_string(kind):
                self.warn(
                    f"mixed {file.path}",
                    f"{file.whole!r} has values that are no {kind} where the head has; they are missing.",
                )
                return pa.array([_fitting(value, kind) for value in values], kind)
            return pa.array([v if v is None or isinstance(v, str) else json.dumps(v) for v in values], pa.string())


def too_deep(content: bytes) -> bool:
    """Whether there are more than DEEPEST lists and objects within each other, or may be (where brackets do not match)."""
    if content.count(b"[") + content.count(b"{") <= DEEPEST:
        return False
    left = _STRINGS.sub(b"", content).translate(None, _NO_BRACKETS)
    for _ in range(DEEPEST):
        if not left:
            return False
        left = left.replace(b"[]", b"").replace(b"{}", b"")
    return bool(left)


def _fitting(value: Any, kind: pa.DataType) -> Any:
    import pyarrow as pa

    try:
        return pa.scalar(value, kind).as_py()
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return None
