"""How a description of tabular data becomes rows: a scan reads the files, steps work on its batches as they pass by.

Column selections, conditions and the first `take` go down into the scan; nothing holds more than a few batches unless the caller
asks for the whole.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jupyter_aml.data.expression import Node, columns_of, constant_part, missing_columns, to_arrow
from jupyter_aml.data.types import DataType
from jupyter_aml.errors import DatasetExecutionError, UserErrorException

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from jupyter_aml.data.dataset_paths import File

Step = dict[str, Any]
PATH_COLUMN = "Path"


def need_arrow() -> None:
    """Raises UserErrorException when what reads data is not installed."""
    try:
        import duckdb  # noqa: F401
        import pandas  # noqa: F401
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise UserErrorException(f'{error.name} is not installed: pip install "jupyter_aml[data]".') from None


class Scan(ABC):
    """Reads the rows of files (or of something else), in order."""

    on_error = "null"
    """``null``: values that do not fit their column become missing, with a warning; ``fail``: they raise."""

    @abstractmethod
    def schema(self) -> pa.Schema:
        """Names and types of the columns as they come out."""

    @abstractmethod
    def batches(self, columns: Sequence[str], where: Node | None, limit: int | None) -> Iterator[pa.Table]:
        """Rows where the condition holds, of these columns, in this order; about the first `limit` of them (or more)."""

    def table(self, columns: Sequence[str], where: Node | None) -> pa.Table:
        """As `batches`, at once."""
        import pyarrow as pa

        parts = list(self.batches(columns, where, None))
        schema = pa.schema([self.schema().field(name) for name in columns])
        return pa.concat_tables(parts) if parts else schema.empty_table()


class FileScan(Scan):
    """Reads files, each of which may have columns that its path tells."""

    def __init__(self, files: Sequence[File], types: Mapping[str, DataType] | None = None) -> None:
        self.files = list(files)
        self.types = dict(types or {})
        self._schema: pa.Schema | None = None
        self.told: set[str] = set()

    @property
    def path_columns(self) -> dict[str, Any]:
        """Columns that the paths tell, with an example each."""
        return dict(self.files[0].values) if self.files else {}

    def path_fields(self) -> list[pa.Field]:
        """They, as fields."""
        import pyarrow as pa

        return [
            pa.field(name, pa.timestamp("us") if isinstance(value, datetime) else pa.scalar(value).type)
            for name, value in self.path_columns.items()
        ]

    def needed(self, where: Node | None) -> list[File]:
        """The files in which the condition may hold."""
        if where is None:
            return self.files
        return [file for file in self.files if constant_part(where, file.values) is not False]

    def warn(self, about: str, text: str) -> None:
        """Tell of a thing once."""
        if about not in self.told:
            self.told.add(about)
            warnings.warn(text, UserWarning, stacklevel=2)


def finish(
    table: pa.Table, values: Mapping[str, Any], columns: Sequence[str], where: Node | None, schema: pa.Schema
) -> pa.Table:
    """Add the columns that a file's path tells, keep the rows where the condition holds, and put the columns in order."""
    import pyarrow as pa

    wanted = [*columns, *(columns_of(where) if where else ())]
    for name, value in values.items():
        if name in wanted and name not in table.column_names:
            kind = schema.field(name).type
            table = table.append_column(name, pa.repeat(pa.scalar(value, kind), table.num_rows))
    if where is not None:
        table = table.filter(to_arrow(where, table.schema))
    return table.select(list(columns))


# -- steps ---------------------------------------------------------------------------------------------------------
def checked_columns(names: Sequence[str], step: Step) -> list[str]:
    """The columns behind a step. Raises DatasetValidationError when it needs one that is not there."""
    if step["op"] == "keep":
        known = set(names)
        lost = [name for name in step["columns"] if name not in known]
        if lost:
            raise missing_columns(lost, names)
        return list(step["columns"])
    if step["op"] == "drop":
        dropped = set(step["columns"])
        return [name for name in names if name not in dropped]
    if step["op"] == "filter":
        lost = sorted(columns_of(step["where"]) - set(names))
        if lost:
            raise missing_columns(lost, names)
    return list(names)


def plan(names: Sequence[str], steps: Sequence[Step]) -> tuple[list[str], Node | None, int | None, list[Step]]:
    """What the scan does itself: columns, condition, rows at most; and the steps that are left.

    Raises:
        DatasetValidationError: a step needs a column that is not there.
    """
    now, where, limit = list(names), None, None
    for index, step in enumerate(steps):
        if step["op"] not in ("keep", "drop", "filter"):
            if step["op"] == "take":
                limit = step["count"]
            left = list(steps[index:])
            behind = now
            for later in left:
                behind = checked_columns(behind, later)
            return now, where, limit, left
        now = checked_columns(now, step)
        if step["op"] == "filter":
            where = step["where"] if where is None else ["and", where, step["where"]]
    return now, where, None, []


def run(scan: Scan, steps: Sequence[Step]) -> Iterator[pa.Table]:
    """The rows behind all steps, batch by batch."""
    columns, where, limit, left = plan(scan.schema().names, steps)
    batches = scan.batches(columns, where, limit)
    for step in left:
        batches = _STEPS[step["op"]](batches, step)
    return batches


def read(scan: Scan, steps: Sequence[Step]) -> pa.Table:
    """The rows behind all steps, at once."""
    import pyarrow as pa

    columns, where, _, left = plan(scan.schema().names, steps)
    if not left:
        return scan.table(columns, where)
    parts = list(run(scan, steps))
    return pa.concat_tables(parts) if parts else schema_of(scan, steps).empty_table()


def schema_of(scan: Scan, steps: Sequence[Step]) -> pa.Schema:
    """Names and types behind all steps."""
    import pyarrow as pa

    schema = scan.schema()
    names = list(schema.names)
    for step in steps:
        names = checked_columns(names, step)
    return pa.schema([schema.field(name) for name in names])


def _take(batches: Iterator[pa.Table], step: Step) -> Iterator[pa.Table]:
    left = step["count"]
    for batch in batches if left > 0 else ():
        yield batch.slice(0, left)
        left -= batch.num_rows
        if left <= 0:
            return


def _skip(batches: Iterator[pa.Table], step: Step) -> Iterator[pa.Table]:
    left = step["count"]
    for batch in batches:
        if left < batch.num_rows:
            yield batch.slice(left)
        left = max(0, left - batch.num_rows)


def _sample(batches: Iterator[pa.Table], step: Step) -> Iterator[pa.Table]:
    import pyarrow as pa

    place = 0
    for batch in batches:
        drawn = uniform(place, batch.num_rows, step["seed"])
        place += batch.num_rows
        yield batch.filter(pa.array((drawn >= step["from"]) & (drawn < step["to"])))


def _filter(batches: Iterator[pa.Table], step: Step) -> Iterator[pa.Table]:
    for batch in batches:
        yield batch.filter(to_arrow(step["where"], batch.schema))


def _columns(batches: Iterator[pa.Table], step: Step) -> Iterator[pa.Table]:
    for batch in batches:
        yield batch.select(checked_columns(batch.column_names, step))


_STEPS = {"take": _take, "skip": _skip, "sample": _sample, "filter": _filter, "keep": _columns, "drop": _columns}


def uniform(first: int, count: int, seed: int) -> np.ndarray[Any, Any]:
    """Numbers in [0, 1) for the rows from `first` on: the same for the same row and seed, whatever else is read (SplitMix64)."""
    import numpy as np

    with np.errstate(over="ignore"):
        z = np.arange(first, first + count, dtype=np.uint64) + np.uint64((seed * 0x9E3779B97F4A7C15 + 1) % 2**64)
        z *= np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53


# -- values that do not fit ---------------------------------------------------------------------------------------
def arrow_type(kind: DataType) -> pa.DataType:
    """Arrow's type for one of ours."""
    import pyarrow as pa

    return {
        "bool": pa.bool_(), "long": pa.int64(), "float": pa.float64(), "datetime": pa.timestamp("us"),
    }.get(kind.kind, pa.string())  # fmt: skip


def convert(scan: FileScan, name: str, values: Any, kind: DataType, where: str) -> Any:
    """A column as the type that it was said to have. Text that is none becomes missing, or raises, as the scan's `on_error` says.

    Raises:
        DatasetExecutionError: with the first such value.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as types

    target = arrow_type(kind)
    values = plain(values)
    if values.type == target:
        return values
    if kind.kind in ("string", "stream"):
        return values.cast(pa.string())
    if not types.is_string(values.type):
        if types.is_integer(values.type) and types.is_timestamp(target):
            raise DatasetExecutionError(f"Column {name!r} of {where} holds numbers; they are no times.")
        try:
            return values.cast(target, safe=not types.is_timestamp(target))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            values = values.cast(pa.string())
    text = pc.utf8_trim_whitespace(values)
    made = _from_text(text, kind)
    wrong = pc.and_(pc.and_(made.is_null(), values.is_valid()), pc.invert(pc.is_in(text, pa.array(NULLS))))
    count = pc.sum(wrong).as_py() or 0
    if count:
        first = values.filter(wrong)[0].as_py()
        shown = first if len(first) <= 80 else first[:80] + "…"
        text = f"{count:,} values of column {name!r} in {where} are no {kind.kind}, the first is {shown!r}."
        advice = f" Say what it holds by set_column_types={{{name!r}: DataType.to_string()}}."
        if scan.on_error == "fail":
            raise DatasetExecutionError(text + advice)
        scan.warn(f"values {name}", text + " They are missing in what is read." + advice)
    return made


NULLS = ["", "NA", "N/A", "n/a", "#N/A", "null", "NULL", "NaN", "nan", "None"]
_LONG = r"^[+-]?[0-9]{1,18}(\.0*)?$"
_FLOAT = r"^[+-]?([0-9]+\.?[0-9]*([eE][+-]?[0-9]+)?|\.[0-9]+([eE][+-]?[0-9]+)?|inf|Inf|INF|Infinity|infinity)$"
_ISO = r"^\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?)?$"
_ZONED = r"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d(:?\d\d)?)$"
FORMATS = ["%Y/%m/%d", "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S", "%m/%d/%Y", "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S"]


def _from_text(text: Any, kind: DataType) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    missing = pa.scalar(None, pa.string())
    if kind.kind == "bool":
        low = pc.utf8_lower(text)
        yes, no = pc.is_in(low, pa.array(["true", "1", "yes"])), pc.is_in(low, pa.array(["false", "0", "no"]))
        return pc.if_else(yes, True, pc.if_else(no, False, pa.scalar(None, pa.bool_())))
    if kind.kind == "datetime":
        return _times(text, kind.options.get("formats"))
    if kind.options.get("decimal_mark") == ",":
        text = pc.replace_substring(pc.replace_substring(text, ".", ""), ",", ".")
    fits = pc.match_substring_regex(text, _LONG if kind.kind == "long" else _FLOAT)
    text = pc.if_else(pc.fill_null(fits, False), text, missing)
    if kind.kind == "long":
        text = pc.replace_substring_regex(text, r"\.0*$", "")
    return pc.replace_substring_regex(text, r"^\+", "").cast(arrow_type(kind))


def _times(text: Any, formats: Sequence[str] | None) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    naive, missing = pa.timestamp("us"), pa.scalar(None, pa.string())
    found = pa.nulls(len(text), naive)
    if not formats:
        for pattern, kind in ((_ISO, naive), (_ZONED, pa.timestamp("us", "UTC"))):
            part = pc.if_else(pc.fill_null(pc.match_substring_regex(text, pattern), False), text, missing)
            try:
                found = pc.coalesce(found, part.cast(kind).cast(naive))
            except pa.ArrowInvalid:  # a thirteenth month
                continue
    for form in formats or FORMATS:
        found = pc.coalesce(found, pc.strptime(text, format=form, unit="us", error_is_null=True))
    return found


def plain(values: Any) -> Any:
    """A column as datasets give it: no dictionaries, times without a zone (as UTC), text as text."""
    import pyarrow as pa
    import pyarrow.types as types

    kind = plain_type(values.type)
    if kind == values.type:
        return values
    if types.is_dictionary(values.type):
        return plain(values.cast(values.type.value_type))
    if types.is_null(values.type):
        return pa.nulls(len(values), kind)
    return values.cast(kind, safe=False)


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Its type then."""
    import pyarrow as pa
    import pyarrow.types as types

    if types.is_dictionary(kind):
        return plain_type(kind.value_type)
    if types.is_timestamp(kind):
        return pa.timestamp(kind.unit) if kind.tz else kind
    if types.is_null(kind) or types.is_large_string(kind) or str(kind) == "string_view":
        return pa.string()
    return kind


def plain_table(table: pa.Table) -> pa.Table:
    """All columns `plain`, and no metadata (an index of pandas is a column like others)."""
    import pyarrow as pa

    if all(plain_type(field.type) == field.type for field in table.schema):
        return table.replace_schema_metadata(None)
    return pa.table([plain(column) for column in table.columns], names=table.column_names)
