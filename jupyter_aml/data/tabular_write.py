"""Rows written into a datastore."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_aml.data import upload
from jupyter_aml.data.datastore_paths import confine, from_root, join
from jupyter_aml.data.file_dataset import FileDataset
from jupyter_aml.errors import UserErrorException

if TYPE_CHECKING:
    import pyarrow as pa

    from jupyter_aml.data.tabular_dataset import TabularDataset

MANAGED = "managed-dataset"
ROWS_A_FILE = 4_000_000
PORTION = 96 << 20
"""Bytes of rows that are put into folders at once."""


def target_of(target: Any, workspace: Any) -> tuple[Any, str]:
    """The datastore and the folder in it that a `target` means; the workspace's default datastore when it is None.

    Raises:
        UserErrorException: it is none, or leaves the datastore.
    """
    if target is None and workspace is not None:
        return workspace.get_default_datastore(), MANAGED
    if isinstance(target, tuple) and len(target) == 2:
        return target[0], from_root(target[1])
    if hasattr(target, "path_on_datastore"):
        return target.datastore, confine(target.path_on_datastore)
    if hasattr(target, "datastore_type"):
        return target, MANAGED
    raise UserErrorException(f"{target!r} is no target: give a datastore, (datastore, 'folder') or a DataPath.")


def put_folder(datastore: Any, folder: str, write: Callable[[str], None]) -> list[str]:
    """Let `write` fill a local folder, and have its files in the datastore's `folder` then.

    Returns:
        The paths, relative to the datastore.
    """
    root = datastore._local_root
    with tempfile.TemporaryDirectory(dir=None if root is None else _near(root), prefix=".writing-") as place:
        write(place)
        made = sorted(p.relative_to(place).as_posix() for p in Path(place).rglob("*") if p.is_file())
        paths = [join(folder, name) for name in made]
        if root is None:
            upload.send(datastore, [(f"{place}/{name}", name) for name in made], folder, overwrite=True)
            return paths
        for name, path in zip(made, paths, strict=True):
            full = Path(datastore._full(path))
            full.parent.mkdir(parents=True, exist_ok=True)
            (Path(place) / name).replace(full)
    return paths


def _near(root: str) -> str:
    """A folder on the same disk, so that files are moved and not copied."""
    Path(root).mkdir(parents=True, exist_ok=True)
    return root


def write_parquet(batches: Iterator[pa.Table], schema: pa.Schema, place: str, row_group: int | None = None) -> None:
    """Rows as files of Parquet in a local folder; one without rows when there are none."""
    import pyarrow.parquet as pq

    number, rows, writer = 0, 0, None
    for batch in batches:
        if writer is None or rows >= ROWS_A_FILE:
            if writer is not None:
                writer.close()
                number, rows = number + 1, 0
            writer = pq.ParquetWriter(Path(place) / f"part-{number:05}.parquet", schema)
        writer.write_table(batch.cast(schema), row_group_size=row_group)
        rows += batch.num_rows
    if writer is None:
        writer = pq.ParquetWriter(Path(place) / "part-00000.parquet", schema)
    writer.close()


def _write_text(batches: Iterator[pa.Table], schema: pa.Schema, place: str, separator: str) -> None:
    import pyarrow.csv as pcsv

    options = pcsv.WriteOptions(delimiter=separator, quoting_style="needed")
    with pcsv.CSVWriter(Path(place) / "part-00000.csv", schema, write_options=options) as writer:
        for batch in batches:
            writer.write_table(batch.cast(schema))


def written(dataset: TabularDataset, form: str, separator: str = ",") -> FileDataset:
    """The rows as files of the workspace's default datastore."""
    if len(separator) != 1 or separator in '"\r\n':
        raise UserErrorException(f"separator is one character, not {separator!r}.")
    workspace = dataset._workspace
    if workspace is None:
        raise UserErrorException(
            "The dataset belongs to no workspace; register it first: its files go into the default datastore."
        )
    schema = dataset._schema()
    datastore = workspace.get_default_datastore()
    folder = join(MANAGED, uuid.uuid4().hex)

    def write(place: str) -> None:
        if form == "parquet":
            write_parquet(dataset._batches(), schema, place)
        else:
            _write_text(dataset._batches(), schema, place, separator)

    put_folder(datastore, folder, write)
    return FileDataset(
        {"type": "file", "source": {"places": [{"datastore": datastore.name, "path": folder + "/"}]}}, workspace
    )


def partitioned(dataset: TabularDataset, keys: list[str], target: Any, name: str | None, as_files: bool) -> Any:
    """See `TabularDataset.partition_by`."""
    import pyarrow as pa
    import pyarrow.dataset as pds
    import pyarrow.types as types

    schema = dataset._schema()
    if len(set(keys)) != len(keys) or not keys or len(keys) == len(schema.names):
        raise UserErrorException("partition_keys are some of the columns, each once, and not all of them.")
    datastore, folder = target_of(target, dataset._workspace)
    folder = join(folder, uuid.uuid4().hex)
    kinds = {}
    for key in keys:
        kind = schema.field(key).type
        kinds[key] = (
            "bool" if types.is_boolean(kind) else "long" if types.is_integer(kind) else "float" if types.is_floating(kind)
            else "datetime" if types.is_temporal(kind) else "string"
        )  # fmt: skip

    def texts(batches: Iterator[pa.Table]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for key in keys:
                values = batch.column(key)
                if values.null_count:
                    raise UserErrorException(
                        f"Column {key!r} has missing values; there is no folder for them. Filter them out first."
                    )
                if kinds[key] != "string":
                    made = pa.array([_said(v) for v in values.to_pylist()], pa.string())
                    batch = batch.set_column(batch.column_names.index(key), key, made)
            yield from batch.to_batches()

    fields = [pa.field(f.name, pa.string()) if f.name in keys else f for f in schema]

    def write(place: str) -> None:
        folders = pds.partitioning(pa.schema([pa.field(k, pa.string()) for k in keys]))
        for number, some in enumerate(_portions(texts(dataset._batches()))):
            pds.write_dataset(
                some, place, schema=pa.schema(fields), format="parquet", max_open_files=200, partitioning=folders,
                max_partitions=100_000, basename_template=f"part-{number}-{{i}}.parquet",
                existing_data_behavior="overwrite_or_ignore",
            )  # fmt: skip

    put_folder(datastore, folder, write)
    places = [{"datastore": datastore.name, "path": folder + "/**/*.parquet"}]
    form = f"{folder}/" + "/".join(f"{{{key}}}" for key in keys) + "/*.parquet"
    source: dict[str, Any] = {"places": places, "partition_format": form, "path_types": kinds}
    if as_files:
        made: Any = FileDataset({"type": "file", "source": source}, datastore.workspace)
    else:
        made = type(dataset)(
            {"type": "tabular", "source": {"format": "parquet", **source}, "steps": []}, datastore.workspace
        )
    return made.register(datastore.workspace, name, create_new_version=True) if name else made


def _portions(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    """Batches, so many at once as memory may hold: Arrow's writer would take in far more than it has written."""
    some: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        some.append(batch)
        size += batch.nbytes
        if size >= PORTION:
            yield some
            some, size = [], 0
    if some:
        yield some


def _said(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
