"""Conditions on columns: ``ds["age"] > 30``, combined by ``&``, ``|`` and ``~``; written down, and read by both engines.

A comparison with a missing value (null or NaN) does not hold, and so its negation does; ``!=`` is the negation of ``==``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any

from jupyter_aml.errors import DatasetValidationError, UserErrorException

if TYPE_CHECKING:
    import pyarrow as pa

Node = list[Any]
"""``["col", name]``, ``["value", x]``, ``["time", iso]``, ``[operator, *nodes]``: what json.dumps takes."""
COMPARISONS = {"==": "=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
MIRRORED = {"==": "==", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


class Expression:
    """A column of a dataset, or a condition on columns."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def __gt__(self, other: Any) -> Expression:
        return self._compare(">", other)

    def __ge__(self, other: Any) -> Expression:
        return self._compare(">=", other)

    def __lt__(self, other: Any) -> Expression:
        return self._compare("<", other)

    def __le__(self, other: Any) -> Expression:
        return self._compare("<=", other)

    def __eq__(self, other: object) -> Expression:  # type: ignore[override]
        return self.is_null() if other is None else self._compare("==", other)

    def __ne__(self, other: object) -> Expression:  # type: ignore[override]
        return ~(self == other)

    __hash__ = None  # type: ignore[assignment]

    def __and__(self, other: Expression) -> Expression:
        return Expression(["and", _condition(self), _condition(other)])

    def __or__(self, other: Expression) -> Expression:
        return Expression(["or", _condition(self), _condition(other)])

    def __invert__(self) -> Expression:
        return Expression(["not", _condition(self)])

    def is_null(self) -> Expression:
        """The value is missing."""
        return Expression(["null", self._column()])

    def is_not_null(self) -> Expression:
        """The value is not missing."""
        return ~self.is_null()

    def isin(self, values: Sequence[Any]) -> Expression:
        """The value is one of these."""
        column = self._column()
        return Expression(["in", column, [_value(v) for v in values]])

    def contains(self, text: str) -> Expression:
        """The text contains this."""
        return Expression(["contains", self._column(), str(text)])

    def starts_with(self, text: str) -> Expression:
        """The text begins with this."""
        return Expression(["starts", self._column(), str(text)])

    def ends_with(self, text: str) -> Expression:
        """The text ends with this."""
        return Expression(["ends", self._column(), str(text)])

    def __bool__(self) -> bool:
        raise UserErrorException("Conditions on columns are combined by & | and ~, each side in brackets.")

    def __repr__(self) -> str:
        return text_of(self.node)

    def _column(self) -> Node:
        if self.node[0] != "col":
            raise UserErrorException(f"{self!r} is a condition; only a column can be asked that.")
        return self.node

    def _compare(self, operator: str, other: Any) -> Expression:
        if isinstance(other, Expression):
            return Expression([operator, self._column(), other._column()])
        return Expression([operator, self._column(), _value(other)])


def column(name: str) -> Expression:
    """The column of this name."""
    return Expression(["col", name])


def _condition(value: Any) -> Node:
    if not isinstance(value, Expression) or value.node[0] == "col":
        raise UserErrorException(f"{value!r} is no condition, as dataset['column'] > 3 is one.")
    return value.node


def condition_of(value: Any) -> Node:
    """What is written down of a condition.

    Raises:
        UserErrorException: it is none.
    """
    return _condition(value)


def time_node(moment: datetime) -> Node:
    """A moment, without a zone as UTC."""
    if moment.tzinfo is not None:
        moment = moment.astimezone(timezone.utc).replace(tzinfo=None)
    return ["time", moment.isoformat()]


def _value(value: Any) -> Node:
    if hasattr(value, "to_pydatetime"):  # a pandas.Timestamp
        value = value.to_pydatetime()
    elif hasattr(value, "item"):  # a number of numpy
        value = value.item()
    if isinstance(value, datetime):
        return time_node(value)
    if isinstance(value, date):
        return ["time", datetime(value.year, value.month, value.day).isoformat()]
    if isinstance(value, (bool, int, float, str)):
        return ["value", value]
    raise UserErrorException(
        f"A column cannot be compared with {value!r}: numbers, text, true, false and times are known."
    )


def columns_of(node: Node) -> set[str]:
    """The columns that a condition reads."""
    if node[0] == "col":
        return {node[1]}
    if node[0] in ("value", "time"):
        return set()
    return set().union(*(columns_of(part) for part in node[1:] if isinstance(part, list) and part and _is_node(part)))


def _is_node(part: list[Any]) -> bool:
    return isinstance(part[0], str)


def text_of(node: Node) -> str:
    """A condition as people read it."""
    kind = node[0]
    if kind == "col":
        return f"[{node[1]}]"
    if kind in ("value", "time"):
        return repr(node[1])
    if kind == "not":
        return f"not ({text_of(node[1])})"
    if kind == "null":
        return f"{text_of(node[1])} is null"
    if kind == "in":
        return f"{text_of(node[1])} in ({', '.join(text_of(n) for n in node[2])})"
    if kind in ("contains", "starts", "ends"):
        return f"{text_of(node[1])} {kind} {node[2]!r}"
    return f"({text_of(node[1])} {kind} {text_of(node[2])})"


# -- for Arrow ---------------------------------------------------------------------------------------------------
def to_arrow(node: Node, schema: pa.Schema) -> Any:
    """The condition as an expression of Arrow, for columns of these types.

    Raises:
        DatasetValidationError: no such column, or a value that cannot be one of the column's.
    """
    import pyarrow.compute as pc

    kind = node[0]
    if kind == "and":
        return to_arrow(node[1], schema) & to_arrow(node[2], schema)
    if kind == "or":
        return to_arrow(node[1], schema) | to_arrow(node[2], schema)
    if kind == "not":
        return ~pc.coalesce(to_arrow(node[1], schema), pc.scalar(False))
    column_type = type_of(node[1], schema)
    field = pc.field(node[1][1])
    if kind == "null":
        return field.is_null(nan_is_null=True)
    if kind == "in":
        import pyarrow as pa

        return field.isin(pa.array([literal(n, column_type, node[1][1]).as_py() for n in node[2]], column_type))
    if kind in ("contains", "starts", "ends"):
        _need_text(node, column_type)
        match = {"contains": pc.match_substring, "starts": pc.starts_with, "ends": pc.ends_with}[kind]
        return match(field, node[2])
    right: Any = pc.field(node[2][1]) if node[2][0] == "col" else literal(node[2], column_type, node[1][1])
    if node[2][0] == "col":
        type_of(node[2], schema)
    made = {"==": field == right, "<": field < right, "<=": field <= right, ">": field > right, ">=": field >= right}
    return made[kind]


def type_of(node: Node, schema: pa.Schema) -> pa.DataType:
    """The type of a column. Raises DatasetValidationError when there is none of that name."""
    if node[1] not in schema.names:
        raise missing_columns([node[1]], schema.names)
    return schema.field(node[1]).type


def missing_columns(names: Sequence[str], there: Sequence[str]) -> DatasetValidationError:
    """The error for columns that a dataset does not have."""
    import difflib

    close = difflib.get_close_matches(names[0], there, n=1)
    hint = (
        f"Did you mean {close[0]!r}?"
        if close
        else f"It has {', '.join(map(repr, there[:20]))}{' …' * (len(there) > 20)}."
    )
    which = f"no column {names[0]!r}" if len(names) == 1 else f"none of the columns {', '.join(map(repr, names[:10]))}"
    return DatasetValidationError(f"The dataset has {which}. {hint}")


def literal(node: Node, column_type: pa.DataType, name: str) -> pa.Scalar:
    """A value as one that can be compared with a column of this type."""
    import pyarrow as pa
    import pyarrow.types as types

    value = datetime.fromisoformat(node[1]) if node[0] == "time" else node[1]
    try:
        if types.is_timestamp(column_type) or types.is_date(column_type):
            moment = datetime.fromisoformat(value) if isinstance(value, str) else value
            if not isinstance(moment, datetime):
                raise TypeError(value)
            if moment.tzinfo is not None:
                moment = moment.astimezone(timezone.utc).replace(tzinfo=None)
            if types.is_date(column_type):
                return pa.scalar(moment, pa.timestamp("us"))
            return pa.scalar(moment, pa.timestamp("us")).cast(pa.timestamp("us", column_type.tz))
        if types.is_boolean(column_type) and not isinstance(value, bool):
            raise TypeError(value)
        if _is_number(column_type) and (isinstance(value, bool) or not isinstance(value, (int, float))):
            raise TypeError(value)
        if _is_text(column_type) and not isinstance(value, str):
            raise TypeError(value)
        if types.is_integer(column_type) and isinstance(value, float):
            return pa.scalar(value, pa.float64())
        if types.is_integer(column_type):
            return pa.scalar(value, pa.int64())
        return pa.scalar(value, column_type)
    except (TypeError, ValueError, pa.ArrowInvalid, OverflowError):
        raise DatasetValidationError(f"Column {name!r} holds {_say(column_type)}; {value!r} is none.") from None


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow.types as types

    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow.types as types

    return bool(types.is_string(kind) or types.is_large_string(kind))


def _need_text(node: Node, column_type: pa.DataType) -> None:
    if not _is_text(column_type):
        raise DatasetValidationError(f"Column {node[1][1]!r} holds {_say(column_type)}, not text.")


def _say(kind: pa.DataType) -> str:
    import pyarrow.types as types

    if types.is_timestamp(kind) or types.is_date(kind):
        return "times"
    if types.is_boolean(kind):
        return "true and false"
    return "numbers" if _is_number(kind) else "text" if _is_text(kind) else str(kind)


# -- for DuckDB --------------------------------------------------------------------------------------------------
def quoted(name: str) -> str:
    """A name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def to_sql(node: Node, schema: pa.Schema, values: list[Any]) -> str:
    """The condition in SQL; its values are appended to `values`, for the question marks.

    Raises:
        DatasetValidationError: as `to_arrow`.
    """
    import pyarrow.types as types

    kind = node[0]
    if kind in ("and", "or"):
        return f"({to_sql(node[1], schema, values)} {kind} {to_sql(node[2], schema, values)})"
    if kind == "not":
        return f"(not coalesce({to_sql(node[1], schema, values)}, false))"
    column_type, name = type_of(node[1], schema), quoted(node[1][1])
    floating = types.is_floating(column_type)
    if kind == "null":
        return f"({name} is null{f' or isnan({name})' * floating})"
    if kind == "in":
        values += [literal(n, column_type, node[1][1]).as_py() for n in node[2]]
        return f"({name} in ({', '.join('?' * len(node[2]))}))" if node[2] else "false"
    if kind in ("contains", "starts", "ends"):
        _need_text(node, column_type)
        values.append(node[2])
        call = {"contains": "contains", "starts": "starts_with", "ends": "ends_with"}[kind]
        return f"{call}({name}, ?)"
    nan = f" and not isnan({name})" * floating  # for DuckDB it is the greatest of numbers
    if node[2][0] == "col":
        other = quoted(node[2][1])
        nan += f" and not isnan({other})" * types.is_floating(type_of(node[2], schema))
        return f"({name} {COMPARISONS[kind]} {other}{nan})"
    values.append(literal(node[2], column_type, node[1][1]).as_py())
    return f"({name} {COMPARISONS[kind]} ?{nan})"


def simple(node: Node, schema: pa.Schema) -> bool:
    """Whether DuckDB compares these columns as Arrow does."""
    import pyarrow.types as types

    for name in columns_of(node):
        kind = schema.field(name).type if name in schema.names else None
        if kind is None or not (
            types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or _is_text(kind)
            or (types.is_timestamp(kind) and kind.tz is None)
        ):  # fmt: skip
            return False
    return True


def constant_part(node: Node, values: Mapping[str, Any]) -> bool | None:
    """What a condition is where these columns have these values: true, false, or None when it depends on others."""
    kind = node[0]
    if kind in ("and", "or"):
        left, right = constant_part(node[1], values), constant_part(node[2], values)
        deciding = kind == "or"
        if left is deciding or right is deciding:
            return deciding
        return None if left is None or right is None else not deciding
    if kind == "not":
        inner = constant_part(node[1], values)
        return None if inner is None else not inner
    if not columns_of(node) <= set(values):
        return None
    mine = values[node[1][1]]
    if kind == "null":
        return mine is None
    if kind not in COMPARISONS or mine is None:
        return None
    other = values[node[2][1]] if node[2][0] == "col" else node[2][1]
    if isinstance(mine, datetime) and isinstance(other, str):
        other = datetime.fromisoformat(other)
    try:
        return {
            "==": mine == other, "<": mine < other, "<=": mine <= other, ">": mine > other, ">=": mine >= other,
        }[kind]  # fmt: skip
    except TypeError:
        return None
