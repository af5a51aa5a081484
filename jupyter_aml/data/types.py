"""The words in which a dataset is described: types of columns, ways of reading headers, and encodings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from jupyter_aml.errors import UserErrorException


class PromoteHeadersBehavior(Enum):
    """Which files of delimited text begin with the names of the columns."""

    NO_HEADERS = 0
    ONLY_FIRST_FILE_HAS_HEADERS = 1
    COMBINE_ALL_FILES_HEADERS = 2
    ALL_FILES_HAVE_SAME_HEADERS = 3


class SkipLinesBehavior(Enum):
    """From which files the first lines are left out."""

    NO_ROWS = 0
    FROM_FIRST_FILE_ONLY = 1
    FROM_ALL_FILES = 2


class FileEncoding(Enum):
    """Encodings of text files."""

    UTF8 = 0
    ISO88591 = 1
    LATIN1 = 2
    ASCII = 3
    UTF16 = 4
    UTF32 = 5
    UTF8BOM = 6
    WINDOWS1252 = 7


class FileType(Enum):
    """Kinds of files."""

    GENERIC_CSV = 0
    GENERIC_CSV_NO_HEADER = 1
    GENERIC_TSV = 2
    GENERIC_TSV_NO_HEADER = 3
    ZIP = 4
    UNKNOWN = 5


class HistogramCompareMethod(Enum):
    """Ways of comparing two histograms."""

    WASSERSTEIN = 0
    ENERGY = 1


CODECS: Mapping[str, str] = {
    "utf8": "utf-8-sig",
    "utf8bom": "utf-8-sig",
    "iso88591": "iso-8859-1",
    "latin1": "latin-1",
    "ascii": "ascii",
    "utf16": "utf-16",
    "utf32": "utf-32",
    "windows1252": "cp1252",
}


def encoding_of(encoding: Any) -> str:
    """Our word for an encoding.

    Raises:
        UserErrorException: an encoding that is not read.
    """
    word = encoding.name if isinstance(encoding, FileEncoding) else str(encoding or "utf8")
    word = word.lower().replace("-", "").replace("_", "")
    if word not in CODECS:
        raise UserErrorException(f"There is no encoding {encoding!r}; there are {', '.join(CODECS)}.")
    return word


class DataType:
    """The type of a column, for `set_column_types`. Made by its static methods."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.kind: str = args[0] if args else "string"
        self.options: dict[str, Any] = kwargs

    @staticmethod
    def to_bool() -> DataType:
        """True and false."""
        return DataType("bool")

    @staticmethod
    def to_long() -> DataType:
        """Whole numbers of 64 bits."""
        return DataType("long")

    @staticmethod
    def to_float(decimal_mark: str = ".") -> DataType:
        """Numbers of 64 bits.

        Args:
            decimal_mark: "." or ",".

        Raises:
            UserErrorException: another mark.
        """
        if decimal_mark not in (".", ","):
            raise UserErrorException(f"decimal_mark is '.' or ',', not {decimal_mark!r}.")
        return DataType("float", **({} if decimal_mark == "." else {"decimal_mark": decimal_mark}))

    @staticmethod
    def to_datetime(formats: str | Sequence[str] | None = None) -> DataType:
        """Moments, without a time zone (UTC where the data have one).

        Args:
            formats: as `strptime` takes them, tried in this order; by default ISO 8601 and the usual ones with slashes.
        """
        listed = [formats] if isinstance(formats, str) else [str(f) for f in formats or ()]
        return DataType("datetime", **({"formats": listed} if listed else {}))

    @staticmethod
    def to_string() -> DataType:
        """Text, as it stands there."""
        return DataType("string")

    @staticmethod
    def to_stream(workspace: Any, escaped: bool = False) -> DataType:
        """Names of files: they stay text.

        Args:
            workspace: whose datastores the names are of.
            escaped: the names are percent-encoded.
        """
        return DataType("stream", **({"escaped": True} if escaped else {}))

    @staticmethod
    def of(value: Any) -> DataType:
        """A type from what is written down of it.

        Raises:
            UserErrorException: no type.
        """
        if isinstance(value, DataType):
            return value
        if isinstance(value, Mapping) and value.get("kind") in KINDS:
            return DataType(value["kind"], **{k: v for k, v in value.items() if k != "kind"})
        raise UserErrorException(
            f"{value!r} is no type of a column; use DataType.to_long(), to_float(), to_string() …."
        )

    def to_json(self) -> dict[str, Any]:
        """What is written down of it."""
        return {"kind": self.kind, **self.options}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DataType) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        return f"DataType.{self.kind}" + (f"({self.options})" if self.options else "")


KINDS = frozenset({"bool", "long", "float", "datetime", "string", "stream"})
