"""From the source of a tabular dataset, as it is written down, to what scans it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_aml.data.dataset_paths import File
from jupyter_aml.data.engine import PATH_COLUMN, Scan
from jupyter_aml.data.types import DataType, PromoteHeadersBehavior

if TYPE_CHECKING:
    from jupyter_aml.data.dataset_base import AbstractDataset


def scan_of(dataset: AbstractDataset) -> Scan:
    """The scan of a dataset's rows, as its files are now. What was found out of them is used again while they stay as they are."""
    source = dataset._source
    if source["format"] == "sql":
        from jupyter_aml.data.engine_sql import SqlScan

        return SqlScan(dataset._workspace, source)
    files = dataset._files()
    if source.get("include_path"):
        files = [
            File(
                f.path, f.name, f.whole, f.size, f.modified, f.fs, {**f.values, PATH_COLUMN: f"/{f.whole.lstrip('/')}"}
            )
            for f in files
        ]
    known = dataset._cache.get("scan")
    if known is not None and known[0] == (source, files):
        return known[1]  # type: ignore[no-any-return]
    scan = _made(source, files)
    dataset._cache["scan"] = (source, files), scan
    return scan


def _made(source: dict[str, Any], files: list[File]) -> Scan:
    types = {name: DataType.of(kind) for name, kind in source.get("types", {}).items()}
    if source["format"] == "parquet":
        from jupyter_aml.data.engine_parquet import ParquetScan

        return ParquetScan(files, types)
    if source["format"] == "json":
        from jupyter_aml.data.engine_json import JsonScan

        return JsonScan(files, types, source.get("invalid_lines") == "drop", source.get("encoding", "utf8"))
    from jupyter_aml.data.engine_text import TextScan
    from jupyter_aml.data.engine_text_rows import Dialect

    return TextScan(
        files,
        types,
        Dialect(
            separator=source.get("separator", ","),
            header=PromoteHeadersBehavior[source.get("header", "ALL_FILES_HAVE_SAME_HEADERS")],
            encoding=source.get("encoding", "utf8"),
            multi_line=bool(source.get("multi_line")),
            empty_as_string=bool(source.get("empty_as_string")),
            infer=bool(source.get("infer", True)),
        ),
    )
