"""`aml data`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from jupyter_aml.cli import output
from jupyter_aml.cli.base import Aml, Group, completing, confirm, pairs, pass_aml
from jupyter_aml.errors import UserErrorException


def dataset_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> Sequence[str]:
    """Shell completion of datasets."""
    try:
        return [name for name in completing(ctx).store.asset_names("dataset") if name.startswith(incomplete)]
    except Exception:  # a completion is never an error
        return []


NAME = click.argument("name", shell_complete=dataset_names)
VERSION = click.option("--version", default="latest", metavar="N", help="A version; the newest without it.")


@click.group(cls=Group)
def data() -> None:
    """Datasets: register, list, show, preview, profile, download."""


def _dataset(aml: Aml, name: str, version: str) -> Any:
    from jupyter_aml.data.dataset import Dataset

    return Dataset.get_by_name(aml.workspace, name, version)


def _table(aml: Aml, name: str, version: str) -> Any:
    from jupyter_aml.data.tabular_dataset import TabularDataset

    found = _dataset(aml, name, version)
    if not isinstance(found, TabularDataset):
        raise UserErrorException(
            f"The dataset {name!r} is of files, not a table; `aml data download {name!r}` fetches them."
        )
    return found


def _tags(tags: Any) -> str:
    return ", ".join(k if v is None else f"{k}={v}" for k, v in dict(tags or {}).items())


@data.command("list")
@click.option("--versions", "every", is_flag=True, help="All versions, not only the newest.")
@pass_aml
def list_(aml: Aml, every: bool) -> None:
    """The workspace's registered datasets."""
    from jupyter_aml.data.dataset import Dataset
    from jupyter_aml.data.dataset_views import about

    found = list(Dataset.get_all(aml.workspace).values())
    if every:
        found = [version for dataset in found for version in Dataset.versions(aml.workspace, dataset.name)]
    told = [about(dataset) for dataset in found]

    def show() -> None:
        if not told:
            click.echo(f"Workspace {output.clean(aml.workspace.name)!r} has no datasets yet.")
            return
        rows = [
            [
                d["name"],
                d["version"],
                d["type"],
                ", ".join(d["places"]) or d["source"],
                output.ago(d["created"]),
                _tags(d["tags"]),
            ]
            for d in told
        ]
        output.table(["NAME", "VERSION", "TYPE", "LIES IN", "REGISTERED", "TAGS"], rows, right=["VERSION"])

    aml.emit({"datasets": told}, show, next="aml data preview NAME" if told else "aml data register NAME PATH")


@data.command("register")
@click.argument("name")
@click.argument("path", nargs=-1, required=True)
@click.option(
    "--datastore", metavar="NAME", help="The paths are in this datastore; without it they are local paths or URLs."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["files", "delimited", "parquet", "json"]),
    default="files",
    show_default=True,
    help="What the files are: a table of delimited text, Parquet or JSON lines, or files of any kind.",
)
@click.option(
    "--separator", default=",", show_default=True, help="Between the fields of delimited text; \\t for a tab."
)
@click.option(
    "--partition-format", metavar="FORMAT", help="Columns that the paths tell: '{region}/{day:yyyy-MM-dd}.csv'."
)
@click.option("--timestamp", metavar="COLUMN", help="The column that says when.")
@click.option("--description", help="What it is.")
@click.option("--tag", "tags", multiple=True, metavar="NAME=VALUE", help="May be repeated.")
@click.option("--new-version", is_flag=True, help="There may be one of this name: this is its next version.")
@pass_aml
def register(
    aml: Aml,
    name: str,
    path: tuple[str, ...],
    datastore: str | None,
    form: str,
    separator: str,
    partition_format: str | None,
    timestamp: str | None,
    description: str | None,
    tags: tuple[str, ...],
    new_version: bool,
) -> None:
    """Give data where they lie a name. Nothing is copied."""
    from jupyter_aml.data.dataset import Dataset
    from jupyter_aml.data.dataset_views import about
    from jupyter_aml.data.datastore import Datastore

    where: Any = list(path)
    if datastore is not None:
        store = Datastore.get(aml.workspace, datastore)
        where = [(store, one) for one in path]
    options: dict[str, Any] = {"partition_format": partition_format}
    if form == "files":
        if timestamp:
            raise UserErrorException("--timestamp is of tables: say --format.")
        made: Any = Dataset.File.from_files(where, **options)
    elif form == "delimited":
        made = Dataset.Tabular.from_delimited_files(where, separator=separator.replace("\\t", "\t"), **options)
    elif form == "parquet":
        made = Dataset.Tabular.from_parquet_files(where, **options)
    else:
        made = Dataset.Tabular.from_json_lines_files(where, **options)
    if timestamp:
        made = made.with_timestamp_columns(timestamp, validate=True)
    made = made.register(aml.workspace, name, description, pairs(tags), create_new_version=new_version)
    aml.emit(about(made), f"{output.clean(made.name)}: version {made.version}", next=f"aml data preview {name!r}")


@data.command("show")
@NAME
@VERSION
@pass_aml
def show(aml: Aml, name: str, version: str) -> None:
    """One dataset, and the runs that used it."""
    from jupyter_aml.data.dataset_lineage import lineage_of
    from jupyter_aml.data.dataset_views import about

    found = about(_dataset(aml, name, version))
    found["lineage"] = lineage_of(aml.workspace, found["id"])

    def print_() -> None:
        output.facts(
            {
                "Name": found["name"],
                "Version": found["version"],
                "Type": found["type"],
                "Description": found["description"],
                "Tags": _tags(found["tags"]),
                "Lies in": ", ".join(found["places"]) or found["source"],
                "Steps": ", ".join(found["steps"]),
                "Registered": output.moment(found["created"]),
                "By": found["user"],
            }
        )
        if found["lineage"]:
            rows = [
                [one["role"], one["experiment"], one["name"], one["status"], output.ago(one["time"])]
                for one in found["lineage"]
            ]
            output.table(["ROLE", "EXPERIMENT", "RUN", "STATUS", "WHEN"], rows)

    aml.emit(found, print_, next=f"aml data preview {name!r}")


@data.command("preview")
@NAME
@VERSION
@click.option("--start", default=0, show_default=True, help="Rows (or files) to pass over.")
@click.option("--limit", default=20, show_default=True, help="Rows (or files) at most.")
@pass_aml
def preview(aml: Aml, name: str, version: str, start: int, limit: int) -> None:
    """Some rows of a table, or files."""
    from jupyter_aml.data.dataset_views import page

    found = page(_dataset(aml, name, version), start, limit)

    def print_() -> None:
        if "files" in found:
            output.table(
                ["PATH", "SIZE"], [[f["path"], output.size(f["size"])] for f in found["files"]], right=["SIZE"]
            )
        else:
            output.table(found["columns"], [["" if v is None else v for v in row] for row in found["rows"]])

    aml.emit(found, print_, next=f"aml data preview {name!r} --start {start + limit}" if found["more"] else "")


@data.command("profile")
@NAME
@VERSION
@pass_aml
def profile(aml: Aml, name: str, version: str) -> None:
    """Statistics of each column of a table."""
    found = _table(aml, name, version).get_profile()

    def print_() -> None:
        click.echo(f"{found.rows:,} rows" + ("" if found.profile["exact"] else "; quantiles are of a sample"))
        words = ("count", "missing", "distinct", "min", "mean", "max")
        rows = [
            [c["name"], c["type"], *("" if c.get(w) is None else c[w] for w in words)] for c in found.profile["columns"]
        ]
        output.table(["COLUMN", "TYPE", "VALUES", "MISSING", "DISTINCT", "MIN", "MEAN", "MAX"], rows)

    aml.emit(found.profile, print_)


@data.command("download")
@NAME
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@VERSION
@click.option("--overwrite", is_flag=True, help="Replace files that are there.")
@pass_aml
def download(aml: Aml, name: str, folder: Path, version: str, overwrite: bool) -> None:
    """Copy the files of a dataset into a folder; a table as one file of CSV."""
    from jupyter_aml.data.file_dataset import FileDataset

    found = _dataset(aml, name, version)
    files = found if isinstance(found, FileDataset) else found.to_csv_files()
    paths = files.download(folder, overwrite=overwrite)
    aml.emit({"files": paths}, f"{len(paths)} files in {output.clean(folder)}")


@data.command("unregister")
@NAME
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_aml
def unregister(aml: Aml, name: str, yes: bool) -> None:
    """Take the name away, with all versions. The data stay where they are."""
    found = _dataset(aml, name, "latest")
    if not yes:
        confirm(aml, f"Unregister dataset {output.clean(name)!r} with all of its versions?")
    found.unregister_all_versions()
    aml.emit({"unregistered": name}, f"Dataset {output.clean(name)!r} is not registered any more.")


@data.command("monitor")
@click.argument("name", required=False)
@pass_aml
def monitor(aml: Aml, name: str | None) -> None:
    """Look for drift, as far as the schedules of the drift monitors ask for it by now (made for cron); NAME: list one's findings."""
    from jupyter_aml.data.drift import DataDriftDetector

    if name is not None:
        found, _ = DataDriftDetector.get_by_name(aml.workspace, name).get_output()
        windows = found[0]["result"]
        rows = [[w["start_date"][:10], w["end_date"][:10], "yes" if w["has_drift"] else "no"] for w in windows]
        aml.emit({"monitor": name, "windows": windows}, lambda: output.table(["FROM", "TO", "DRIFT"], rows))
        return
    runs = DataDriftDetector.run_due(aml.workspace)
    aml.emit({"runs": [run.id for run in runs]}, "\n".join(run.id for run in runs) or "Nothing is due.")
