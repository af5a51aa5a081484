"""Delimited text row by row, and what its texts are: for the patient reader, and for finding out types."""

from __future__ import annotations

import csv
import io
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_aml.data.engine import NULLS, arrow_type
from jupyter_aml.data.types import DataType, PromoteHeadersBehavior
from jupyter_aml.errors import DatasetExecutionError

if TYPE_CHECKING:
    import pyarrow as pa

LONGEST_ROW = 256 << 20
"""Bytes; a longer row is an error, not a reason to fill the memory."""


@dataclass(frozen=True)
class Dialect:
    """How delimited text is written."""

    separator: str = ","
    header: PromoteHeadersBehavior = PromoteHeadersBehavior.ALL_FILES_HAVE_SAME_HEADERS
    encoding: str = "utf8"
    multi_line: bool = False
    empty_as_string: bool = False
    infer: bool = True


def rows_of(text: io.TextIOWrapper, dialect: Dialect, name: str) -> Iterator[tuple[list[str], int]]:
    """The rows of a text, and the line that each ends with; empty lines are left out."""
    separator = dialect.separator
    lines = _lines(text, dialect.encoding, name)
    if separator == "\n" or len(separator) > 1:
        for number, line in enumerate(lines, 1):
            line = line.rstrip("\r\n")
            if line:
                yield [line] if separator == "\n" else [part.strip('"') for part in line.split(separator)], number
        return
    csv.field_size_limit(LONGEST_ROW)
    if dialect.multi_line:
        reader = csv.reader(lines, delimiter=separator)
        for row in reader:
            if row:
                yield row, reader.line_num
        return
    for number, line in enumerate(lines, 1):
        line = line.rstrip("\r\n")
        if line:
            yield next(csv.reader([line], delimiter=separator)), number


def _lines(text: io.TextIOWrapper, encoding: str, name: str) -> Iterator[str]:
    number = 0
    try:
        while line := text.readline(LONGEST_ROW):
            number += 1
            if len(line) >= LONGEST_ROW:
                raise csv.Error(f"a line has more than {LONGEST_ROW:,} characters")
            yield line
    except UnicodeError as error:
        raise DatasetExecutionError(
            f"{name!r} is not {encoding} behind line {number}: {getattr(error, 'reason', error)}. Say how it is written by "
            "encoding=, as 'iso88591' or 'windows1252'."
        ) from None
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetExecutionError(f"{name!r} cannot be read behind line {number}: {error}.") from None


def unique(row: Sequence[str]) -> list[str]:
    """Names of columns: one for those without, none twice."""
    names: dict[str, None] = {}
    again: dict[str, int] = {}
    for index, said in enumerate(row):
        name = base = said.strip() or f"Column{index + 1}"
        while name in names:
            again[base] = again.get(base, 0) + 1
            name = f"{base}_{again[base]}"
        names[name] = None
    return list(names)


def is_late(kind: DataType) -> bool:
    """Whether a column is read as text and converted behind it."""
    return kind.kind in ("string", "stream") or bool(kind.options.get("decimal_mark") or kind.options.get("formats"))


def raw_type(kind: DataType) -> pa.DataType:
    """The type that the fast reader makes of a column: times with a zone keep it until all are UTC."""
    import pyarrow as pa

    return pa.timestamp("us", "UTC") if kind.options.get("zone") else arrow_type(kind)


def kind_of(values: pa.Array) -> DataType | None:
    """The type that all of these texts have; None when there are none to tell it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from jupyter_aml.data import engine

    text = pc.utf8_trim_whitespace(values)
    text = text.filter(pc.invert(pc.is_in(text, pa.array(NULLS))))
    if not len(text):
        return None

    def every(pattern: str) -> bool:
        return bool(pc.all(pc.match_substring_regex(text, pattern)).as_py())

    if every(r"^[+-]?[0-9]{1,18}$"):
        # 007 and +49… are names of things, not numbers.
        return DataType.to_string() if not every(r"^-?(0|[1-9][0-9]*)$") else DataType.to_long()
    if every(engine._FLOAT):
        return DataType.to_float()
    if every(r"^(?i:true|false)$"):
        return DataType.to_bool()
    if every(engine._ZONED):
        return DataType("datetime", zone=True)
    if every(engine._ISO):
        return DataType.to_datetime()
    for form in engine.FORMATS:
        if not pc.any(pc.strptime(text, format=form, unit="us", error_is_null=True).is_null()).as_py():
            swapped = form.replace("%m/%d", "%d/%m")
            if (
                swapped != form
                and not pc.any(pc.strptime(text, format=swapped, unit="us", error_is_null=True).is_null()).as_py()
            ):
                return DataType.to_string()  # March 4th or April 3rd: nobody can know
            return DataType.to_datetime(form)
    return DataType.to_string()


def common(one: DataType, other: DataType) -> DataType:
    """The type that has the values of both."""
    if one == other:
        return one
    if {one.kind, other.kind} == {"long", "float"}:
        return DataType.to_float()
    if one.kind == other.kind == "datetime":
        return DataType.to_datetime()
    return DataType.to_string()
