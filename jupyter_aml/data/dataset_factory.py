"""`Dataset.Tabular` and `Dataset.File`: datasets from where data lie."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyter_aml.data.dataset_paths import PartitionFormat, places_of
from jupyter_aml.data.datastore_paths import join
from jupyter_aml.data.file_dataset import FileDataset
from jupyter_aml.data.tabular_dataset import TabularDataset
from jupyter_aml.data.types import DataType, PromoteHeadersBehavior, encoding_of
from jupyter_aml.errors import UserErrorException


class TabularDatasetFactory:
    """`Dataset.Tabular`."""

    @staticmethod
    def from_delimited_files(
        path: Any,
        validate: bool = True,
        include_path: bool = False,
        infer_column_types: bool = True,
        set_column_types: Mapping[str, DataType] | None = None,
        separator: str = ",",
        header: PromoteHeadersBehavior | bool = True,
        partition_format: str | None = None,
        support_multi_line: bool = False,
        empty_as_string: bool = False,
        encoding: str = "utf8",
    ) -> TabularDataset:
        """A table of delimited text (CSV, TSV; also packed by gzip, bz2 or zstd).

        Args:
            path: a local path or URL, ``(datastore, 'folder/*.csv')``, a DataPath, or a list of those; ``**`` is any folders.
            validate: look at once whether there are such files and they can be read.
            include_path: add a column "Path" that says of which file a row is.
            infer_column_types: find out the types of the columns; otherwise all are text.
            set_column_types: types of some columns, by name.
            separator: between fields.
            header: which files begin with the names of the columns.
            partition_format: columns that the paths tell, as ``'/{region}/{day:yyyy/MM/dd}/data.csv'``.
            support_multi_line: values in quotes may have line breaks.
            empty_as_string: an empty field of a text column is "", not missing.
            encoding: 'utf8', 'iso88591', 'latin1', 'ascii', 'utf16', 'utf32', 'utf8bom' or 'windows1252'.

        Raises:
            UserErrorException: an argument that cannot be.
            DatasetValidationError: with `validate`: there are no such files, or they cannot be read.
        """
        if not isinstance(separator, str) or not separator or separator in '"\r':
            raise UserErrorException(f"separator is what stands between fields, as ',' or '\\t'; not {separator!r}.")
        if isinstance(header, bool):
            behaviors = PromoteHeadersBehavior
            header = behaviors.ALL_FILES_HAVE_SAME_HEADERS if header else behaviors.NO_HEADERS
        if not isinstance(header, PromoteHeadersBehavior):
            raise UserErrorException(f"header is a PromoteHeadersBehavior, not {header!r}.")
        source = {
            "format": "delimited", "separator": separator, "header": header.name, "encoding": encoding_of(encoding),
            "multi_line": bool(support_multi_line), "empty_as_string": bool(empty_as_string), "infer": bool(infer_column_types),
        }  # fmt: skip
        return _tabular(path, source, validate, include_path, set_column_types, partition_format)

    @staticmethod
    def from_parquet_files(
        path: Any,
        validate: bool = True,
        include_path: bool = False,
        set_column_types: Mapping[str, DataType] | None = None,
        partition_format: str | None = None,
    ) -> TabularDataset:
        """A table of Parquet files. Arguments and errors as of `from_delimited_files`."""
        return _tabular(path, {"format": "parquet"}, validate, include_path, set_column_types, partition_format)

    @staticmethod
    def from_json_lines_files(
        path: Any,
        validate: bool = True,
        include_path: bool = False,
        set_column_types: Mapping[str, DataType] | None = None,
        partition_format: str | None = None,
        invalid_lines: str = "error",
        encoding: str = "utf8",
    ) -> TabularDataset:
        """A table of JSON lines. Arguments and errors as of `from_delimited_files`.

        Args:
            invalid_lines: 'error' or 'drop': what is done about lines that are no JSON object.
        """
        if invalid_lines not in ("error", "drop"):
            raise UserErrorException(f"invalid_lines is 'error' or 'drop', not {invalid_lines!r}.")
        source = {"format": "json", "invalid_lines": invalid_lines, "encoding": encoding_of(encoding)}
        return _tabular(path, source, validate, include_path, set_column_types, partition_format)

    @staticmethod
    def from_sql_query(
        query: Any,
        validate: bool = True,
        set_column_types: Mapping[str, DataType] | None = None,
        query_timeout: int = 30,
        parameters: Mapping[str, Any] | None = None,
    ) -> TabularDataset:
        """What a query gives. It is only read: statements that change something are refused.

        Args:
            query: ``(datastore, 'SELECT …')`` with a datastore of a database.
            validate: run the query once, for its first row.
            set_column_types: types of some columns, by name.
            query_timeout: seconds.
            parameters: values of ``:name`` in the query; they never become part of its text.

        Raises:
            UserErrorException: no datastore of a database, or no query that only reads.
        """
        from jupyter_aml.data.engine_sql import source_of

        source, workspace = source_of(query, query_timeout, parameters, _types(set_column_types))
        made = TabularDataset({"type": "tabular", "source": source, "steps": []}, workspace)
        if validate:
            made.take(1)._table()
        return made

    @staticmethod
    def register_pandas_dataframe(
        dataframe: Any,
        target: Any,
        name: str,
        description: str | None = None,
        tags: Mapping[str, Any] | None = None,
        show_progress: bool = True,
        row_group_size: int | None = None,
        make_target_path_unique: bool = True,
    ) -> TabularDataset:
        """Write a DataFrame into a datastore as Parquet and register it.

        Args:
            dataframe: of pandas.
            target: a datastore, ``(datastore, 'folder')`` or a DataPath.
            name, description, tags: as of `register`; a new version where the name exists.
            show_progress: taken for the SDK's sake.
            row_group_size: rows of a row group.
            make_target_path_unique: a folder of its own below the target; otherwise what is there is overwritten.

        Raises:
            UserErrorException: no DataFrame, no target, or columns that Parquet cannot hold.
        """
        import pandas as pd
        import pyarrow as pa

        from jupyter_aml.data.engine import plain_table
        from jupyter_aml.data.tabular_write import put_folder, target_of, write_parquet

        if not isinstance(dataframe, pd.DataFrame):
            raise UserErrorException(
                f"register_pandas_dataframe takes a DataFrame of pandas, not {type(dataframe).__name__}."
            )
        datastore, folder = target_of(target, None)
        if make_target_path_unique:
            folder = join(folder, uuid.uuid4().hex)
        frame = dataframe.rename(columns=str)
        try:
            table = plain_table(pa.Table.from_pandas(frame, preserve_index=False))
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            raise UserErrorException(f"The DataFrame cannot be written as Parquet: {error.args[0]}.") from None
        paths = put_folder(
            datastore, folder, lambda place: write_parquet(iter([table]), table.schema, place, row_group_size)
        )
        places = [{"datastore": datastore.name, "path": path} for path in paths]
        made = TabularDataset(
            {"type": "tabular", "source": {"format": "parquet", "places": places}, "steps": []}, datastore.workspace
        )
        return made.register(datastore.workspace, name, description, tags, create_new_version=True)


class FileDatasetFactory:
    """`Dataset.File`."""

    @staticmethod
    def from_files(
        path: Any, validate: bool = True, partition_format: str | None = None, is_file: bool = False
    ) -> FileDataset:
        """Files of any kind.

        Args:
            path: as of `Dataset.Tabular.from_delimited_files`.
            validate: look at once whether there are such files.
            partition_format: keys that the paths tell.
            is_file: a run gets the path of the one file, not of the folder.

        Raises:
            UserErrorException: no such path can be.
            DatasetValidationError: there are no files.
        """
        places, workspace = places_of(path)
        source: dict[str, Any] = {"places": places}
        if partition_format is not None:
            source["partition_format"] = PartitionFormat(partition_format).text
        if is_file:
            source["is_file"] = True
        made = FileDataset({"type": "file", "source": source, "steps": []}, workspace)
        if validate:
            made._files()
        return made

    @staticmethod
    def upload_directory(
        src_dir: str, target: Any, pattern: str | None = None, overwrite: bool = False, show_progress: bool = True
    ) -> FileDataset:
        """Copy a local folder into a datastore, and return what is there then.

        Args:
            src_dir: the folder.
            target: a datastore, ``(datastore, 'folder')`` or a DataPath.
            pattern: only files whose path fits it, as ``**/*.csv``.
            overwrite: replace files that are there.
            show_progress: say how far it is.

        Raises:
            UserErrorException: no such folder, or no file in it that fits.
        """
        from jupyter_aml.data.tabular_write import target_of
        from jupyter_aml.data.upload import matcher

        datastore, folder = target_of(target, None)
        if not Path(src_dir).is_dir():
            raise UserErrorException(f"There is no folder {src_dir!r}.")
        fits = matcher(pattern) if pattern else None
        root = Path(src_dir)
        files = sorted(
            p for p in root.rglob("*") if p.is_file() and (fits is None or fits(p.relative_to(root).as_posix()))
        )
        if not files:
            raise UserErrorException(
                f"The folder {src_dir!r} has no file{f' that fits {pattern!r}' if pattern else ''}."
            )
        datastore.upload_files(
            files, relative_root=src_dir, target_path=folder, overwrite=overwrite, show_progress=show_progress
        )
        return FileDatasetFactory.from_files((datastore, folder + "/"))


def _types(types: Mapping[str, DataType] | None) -> dict[str, Any]:
    if types is not None and not isinstance(types, Mapping):
        raise UserErrorException(f"set_column_types is a dict of column names and DataType.to_…(), not {types!r}.")
    return {str(name): DataType.of(kind).to_json() for name, kind in (types or {}).items()}


def _tabular(
    path: Any,
    source: dict[str, Any],
    validate: Any,
    include_path: bool,
    types: Mapping[str, DataType] | None,
    partition_format: str | None,
) -> TabularDataset:
    places, workspace = places_of(path)
    source = {**source, "places": places}
    if include_path:
        source["include_path"] = True
    if types:
        source["types"] = _types(types)
    if partition_format is not None:
        source["partition_format"] = PartitionFormat(partition_format).text
    made = TabularDataset({"type": "tabular", "source": source, "steps": []}, workspace)
    if validate:
        made._schema()
    return made
