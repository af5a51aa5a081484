"""Tables that are read when they are asked for."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from jupyter_aml.data import engine
from jupyter_aml.data.dataset_base import AbstractDataset
from jupyter_aml.data.dataset_paths import PartitionFormat
from jupyter_aml.data.expression import Expression, Node, column, condition_of, missing_columns, time_node
from jupyter_aml.data.tabular_source import scan_of
from jupyter_aml.errors import DatasetTimestampMissingError, UserErrorException

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from jupyter_aml.data.file_dataset import FileDataset
    from jupyter_aml.data.profile import DatasetProfile

ON_ERROR = ("null", "fail")


class TabularDataset(AbstractDataset):
    """A table: files of delimited text, Parquet or JSON lines, or a query. Nothing is read before the rows are asked for."""

    TYPE = "tabular"

    # -- rows ----------------------------------------------------------------------------------------------------
    def to_pandas_dataframe(self, on_error: str = "null", out_of_range_datetime: str = "null") -> pd.DataFrame:
        """All rows, in memory.

        Args:
            on_error: ``null``: values that do not fit their column are missing, and a warning tells of them; ``fail``: they raise.
            out_of_range_datetime: the same for times that pandas cannot hold.

        Raises:
            DatasetValidationError: no files, or no such column.
            DatasetExecutionError: they cannot be read.
        """
        for word, value in (("on_error", on_error), ("out_of_range_datetime", out_of_range_datetime)):
            if value not in ON_ERROR:
                raise UserErrorException(f"{word} is 'null' or 'fail', not {value!r}.")
        return _pandas(self._table(on_error), out_of_range_datetime)

    def _table(self, on_error: str = "null") -> pa.Table:
        return engine.read(self._scan(on_error), self._steps)

    def _batches(self) -> Iterator[pa.Table]:
        return engine.run(self._scan(), self._steps)

    def _schema(self) -> pa.Schema:
        return engine.schema_of(self._scan(), self._steps)

    def _scan(self, on_error: str = "null") -> engine.Scan:
        engine.need_arrow()
        scan = scan_of(self)
        scan.on_error = on_error
        return scan

    def to_spark_dataframe(self) -> Any:
        """As a DataFrame of Spark.

        Raises:
            UserErrorException: pyspark is not installed.
        """
        try:
            from pyspark.sql import SparkSession
        except ImportError:
            raise UserErrorException("pyspark is not installed: pip install pyspark.") from None
        return SparkSession.builder.getOrCreate().createDataFrame(self.to_pandas_dataframe())

    # -- which rows ----------------------------------------------------------------------------------------------
    def take(self, count: int) -> TabularDataset:
        """The first rows."""
        return self._with({"op": "take", "count": _count(count)})

    def skip(self, count: int) -> TabularDataset:
        """All but the first rows."""
        return self._with({"op": "skip", "count": _count(count)})

    def take_sample(self, probability: float, seed: int | None = None) -> TabularDataset:
        """Each row with this probability; the same rows for the same seed.

        Raises:
            UserErrorException: the probability is not between 0 and 1.
        """
        return self._with({"op": "sample", "from": 0.0, "to": share(probability), "seed": seed_of(seed)})

    def random_split(self, percentage: float, seed: int | None = None) -> tuple[TabularDataset, TabularDataset]:
        """Two datasets: about this share of the rows (0 to 1), and all others. The same rows for the same seed.

        Raises:
            UserErrorException: the share is not between 0 and 1.
        """
        cut, seed = share(percentage), seed_of(seed)
        first = {"op": "sample", "from": 0.0, "to": cut, "seed": seed}
        return self._with(first), self._with({**first, "from": cut, "to": 1.0})

    def filter(self, expression: Expression) -> TabularDataset:
        """The rows for which a condition holds, as ``dataset.filter((dataset['age'] > 30) & (dataset['bmi'] < 25))``.

        Raises:
            UserErrorException: it is no condition.
        """
        return self._with({"op": "filter", "where": condition_of(expression)})

    def __getitem__(self, name: str) -> Expression:
        """A column, for conditions."""
        if not isinstance(name, str):
            raise UserErrorException(f"dataset[…] takes the name of a column, for conditions; not {name!r}.")
        return column(name)

    # -- which columns -------------------------------------------------------------------------------------------
    def keep_columns(self, columns: str | Sequence[str], validate: bool = False) -> TabularDataset:
        """These columns only, in this order.

        Args:
            columns: their names.
            validate: look at once whether they are there.

        Raises:
            DatasetValidationError: one is not there (without `validate`, when the rows are read).
        """
        names = _names(columns)
        if not names:
            raise UserErrorException("keep_columns needs at least one column.")
        if validate:
            self._need(names)
        return self._with({"op": "keep", "columns": names}, **self._times_left(set(names)))

    def drop_columns(self, columns: str | Sequence[str]) -> TabularDataset:
        """All columns but these; names that it does not have do no harm."""
        names = _names(columns)
        known = {name for name in self.timestamp_columns if name} - set(names)
        return self._with({"op": "drop", "columns": names}, **self._times_left(known))

    def _need(self, names: Sequence[str]) -> None:
        there = self._schema().names
        lost = [name for name in names if name not in there]
        if lost:
            raise missing_columns(lost, there)

    # -- times ---------------------------------------------------------------------------------------------------
    @property
    def timestamp_columns(self) -> tuple[str | None, str | None]:
        """The columns that say when: of each row, and of the folder that it lies in."""
        return self._definition.get("timestamp"), self._definition.get("partition_timestamp")

    def _times_left(self, columns: set[str]) -> dict[str, str | None]:
        timestamp, partition = (name if name in columns else None for name in self.timestamp_columns)
        return {"timestamp": timestamp, "partition_timestamp": partition if timestamp else None}

    def with_timestamp_columns(
        self,
        timestamp: str | None = None,
        partition_timestamp: str | None = None,
        validate: bool = False,
        **kwargs: Any,
    ) -> TabularDataset:
        """Say which columns tell the time, for `time_before` and its like.

        Args:
            timestamp: the time of each row; None with no `partition_timestamp`: it has none (any more).
            partition_timestamp: the time that the path tells (`partition_format`), by which whole files are passed over.
            validate: look at once whether they are there and hold times.

        Raises:
            UserErrorException: a `partition_timestamp` without a `timestamp`.
            DatasetValidationError: they are not there, or hold no times.
        """
        timestamp = kwargs.pop("fine_grain_timestamp", timestamp)
        partition_timestamp = kwargs.pop("coarse_grain_timestamp", partition_timestamp)
        if kwargs:
            raise UserErrorException(f"with_timestamp_columns takes no {sorted(kwargs)[0]!r}.")
        if timestamp is None and partition_timestamp is not None:
            raise UserErrorException(
                "A partition_timestamp needs a timestamp too: name the column that holds the time of each row."
            )
        if timestamp is not None and timestamp == partition_timestamp:
            raise UserErrorException(
                f"timestamp and partition_timestamp are both {timestamp!r}; they are different columns."
            )
        if validate:
            self._need([name for name in (timestamp, partition_timestamp) if name])
            for name in (timestamp, partition_timestamp):
                if name and not str(self._schema().field(name).type).startswith(("timestamp", "date")):
                    raise (
                        missing_columns([name], [])
                        if name not in self._schema().names
                        else UserErrorException(
                            f"Column {name!r} holds {self._schema().field(name).type}, no times. Read it by set_column_types="
                            f"{{{name!r}: DataType.to_datetime()}}."
                        )
                    )
        return self._with(timestamp=timestamp, partition_timestamp=partition_timestamp)

    def time_before(self, end_time: datetime, include_boundary: bool = True, validate: bool = True) -> TabularDataset:
        """Rows before a moment (UTC where it has no zone).

        Raises:
            DatasetTimestampMissingError: it has no timestamp column.
        """
        return self._between(None, end_time, include_boundary)

    def time_after(self, start_time: datetime, include_boundary: bool = True, validate: bool = True) -> TabularDataset:
        """Rows after a moment. Raises as `time_before`."""
        return self._between(start_time, None, include_boundary)

    def time_between(
        self, start_time: datetime, end_time: datetime, include_boundary: bool = True, validate: bool = True
    ) -> TabularDataset:
        """Rows between two moments. Raises as `time_before`."""
        return self._between(start_time, end_time, include_boundary)

    def time_recent(
        self, time_delta: timedelta, include_boundary: bool = True, validate: bool = True
    ) -> TabularDataset:
        """Rows of the last `time_delta` before now. Raises as `time_before`."""
        if not isinstance(time_delta, timedelta):
            raise UserErrorException(f"time_delta is a timedelta, not {time_delta!r}.")
        return self._between(datetime.now(timezone.utc) - time_delta, None, include_boundary)

    def _between(self, start: datetime | None, end: datetime | None, boundary: bool) -> TabularDataset:
        timestamp, partition = self.timestamp_columns
        if timestamp is None:
            raise DatasetTimestampMissingError(
                "The dataset has no timestamp column: with_timestamp_columns('…') says which it is, and it must not be dropped."
            )
        parts: list[Node] = []
        for moment, operator in ((start, ">"), (end, "<")):
            if moment is None:
                continue
            if not isinstance(moment, datetime):
                raise UserErrorException(f"{moment!r} is no datetime.")
            node = time_node(moment)
            parts.append([operator + "=" * boundary, ["col", timestamp], node])
            # A file's time is the beginning of its rows' times: whole files are passed over by it.
            if partition is not None and operator == "<":
                parts.append(["<=", ["col", partition], node])
            elif partition is not None and (begin := self._beginning(partition, node[1])) is not None:
                parts.append([">=", ["col", partition], ["time", begin]])
        where = parts[0]
        for part in parts[1:]:
            where = ["and", where, part]
        return self._with({"op": "filter", "where": where})

    def _beginning(self, name: str, moment: str) -> str | None:
        """The time of the folder that a moment falls into; None when the paths do not tell it."""
        said = self._source.get("partition_format")
        form = PartitionFormat(said).times.get(name) if said else None
        if form is None:
            return None
        whole = datetime.fromisoformat(moment)
        return datetime.strptime(whole.strftime(form), form).isoformat()

    # -- as files ------------------------------------------------------------------------------------------------
    def to_csv_files(self, separator: str = ",") -> FileDataset:
        """Write the rows as delimited text into the workspace's default datastore, and return those files."""
        from jupyter_aml.data.tabular_write import written

        return written(self, "csv", separator)

    def to_parquet_files(self) -> FileDataset:
        """Write the rows as Parquet into the workspace's default datastore, and return those files."""
        from jupyter_aml.data.tabular_write import written

        return written(self, "parquet")

    def partition_by(
        self,
        partition_keys: Sequence[str],
        target: Any,
        name: str | None = None,
        show_progress: bool = True,
        partition_as_file_dataset: bool = False,
    ) -> Any:
        """Write the rows as Parquet, in a folder for each combination of values of these columns.

        Args:
            partition_keys: names of columns.
            target: a DataPath, ``(datastore, path)`` or a datastore.
            name: register the result under this name.
            show_progress: say how far it is.
            partition_as_file_dataset: return a FileDataset.

        Returns:
            The dataset of what was written: its conditions on these columns pass over whole folders.

        Raises:
            DatasetValidationError: a column that is not there.
        """
        from jupyter_aml.data.tabular_write import partitioned

        self._need(list(partition_keys))
        return partitioned(self, list(partition_keys), target, name, partition_as_file_dataset)

    # -- profile -------------------------------------------------------------------------------------------------
    def get_profile(self, workspace: Any = None) -> DatasetProfile:
        """Statistics and a histogram of each column: the newest that was kept of these very data, else made now in one scan."""
        from jupyter_aml.data.profile import profile_of

        return profile_of(self, workspace or self._workspace)

    def submit_profile_run(self, compute_target: Any, experiment: Any, cache_datastore_name: str | None = None) -> Any:
        """Make the profile in a run of an experiment, in this process, and return the run.

        Args:
            compute_target: taken for the SDK's sake: the profile is made where the call is.
            experiment: the experiment, or its name.
            cache_datastore_name: taken for the SDK's sake.
        """
        from jupyter_aml.data.profile import profile_run

        return profile_run(self, experiment)

    def get_profile_runs(self, workspace: Any = None) -> Iterator[Any]:
        """The runs that made its profiles, newest first."""
        from jupyter_aml.data.profile import profile_runs

        return profile_runs(self, workspace or self._workspace)


def _pandas(table: pa.Table, out_of_range: str) -> pd.DataFrame:
    import pyarrow as pa

    try:
        return table.to_pandas(date_as_object=False, split_blocks=True, self_destruct=True)
    except pa.ArrowInvalid as error:
        if out_of_range == "fail":
            from jupyter_aml.errors import DatasetExecutionError

            raise DatasetExecutionError(f"A time is out of pandas' range: {error}.") from None
        return table.to_pandas(date_as_object=False, timestamp_as_object=True)


def _count(count: Any) -> int:
    if isinstance(count, bool) or not hasattr(count, "__index__") or int(count) < 0:
        raise UserErrorException(f"count is a number of rows, 0 or more, not {count!r}.")
    return min(int(count), 2**60)  # more than there can be, and what Arrow and DuckDB can add up


def share(value: Any) -> float:
    """A share between 0 and 1. Raises UserErrorException."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise UserErrorException(f"A share is a number from 0 to 1, not {value!r}.")
    return float(value)


def seed_of(seed: int | None) -> int:
    """The seed, or one that is drawn now, so that both halves of a split are of the same draw."""
    if seed is None:
        return secrets.randbelow(2**31)
    if isinstance(seed, bool) or not hasattr(seed, "__index__"):
        raise UserErrorException(f"seed is a whole number, not {seed!r}.")
    return int(seed)


def _names(columns: str | Sequence[str]) -> list[str]:
    names = [columns] if isinstance(columns, str) else list(columns)
    if not all(isinstance(name, str) for name in names):
        raise UserErrorException(f"columns are names, not {columns!r}.")
    return list(dict.fromkeys(names))
