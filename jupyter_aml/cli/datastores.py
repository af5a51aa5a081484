"""`aml datastore`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from jupyter_aml.cli import output
from jupyter_aml.cli.base import Aml, Group, completing, confirm, pass_aml
from jupyter_aml.errors import UserErrorException


def datastore_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> Sequence[str]:
    """Shell completion of datastores."""
    try:
        return [name for name in completing(ctx).workspace.datastores if name.startswith(incomplete)]
    except Exception:  # a completion is never an error
        return []


NAME = click.argument("name", shell_complete=datastore_names)


@click.group(cls=Group)
def datastore() -> None:
    """Datastores: register, list, browse, upload, download."""


@datastore.command("list")
@pass_aml
def list_(aml: Aml) -> None:
    """The workspace's datastores."""
    default = aml.workspace.get_default_datastore().name
    found = list(aml.workspace.datastores.values())
    rows = [[d.name, d.datastore_type, d._shown_place(), "default" if d.name == default else ""] for d in found]
    aml.emit(
        {"datastores": [d._serialize() for d in found], "default": default},
        lambda: output.table(["NAME", "TYPE", "PLACE", ""], rows, keep=["NAME"]),
        next="aml datastore ls NAME",
    )


@datastore.command("show")
@NAME
@pass_aml
def show(aml: Aml, name: str) -> None:
    """One datastore. Of credentials only the names are shown."""
    about = _of(aml, name)._serialize()
    facts = {"Name": about["name"], "Type": about["type"], **about["settings"]}
    facts["Credentials"] = ", ".join(about["credentials"])
    aml.emit(about, lambda: output.facts(facts), next=f"aml datastore ls {name}")


@datastore.command("ls")
@NAME
@click.argument("path", default="")
@click.option("--recursive", "-r", is_flag=True, help="All files below the path.")
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help="How many at most.")
@pass_aml
def ls(aml: Aml, name: str, path: str, recursive: bool, limit: int) -> None:
    """What lies in a folder of a datastore."""
    from jupyter_aml.data.datastore_files import page

    entries, following = page(_files(aml, name), path, limit=limit, recursive=recursive)

    def tell() -> None:
        rows = [
            [
                f"{e.path}/" if e.is_folder else e.path,
                "" if e.is_folder else output.size(e.size),
                output.ago(e.modified),
            ]
            for e in entries
        ]
        output.table(["PATH", "SIZE", "CHANGED"], rows, right=["SIZE"], keep=["PATH"])
        if following:
            click.echo(f"… there are more than {limit:,}; --limit shows more.", err=True)

    found = {"path": path, "entries": [entry._asdict() for entry in entries], "next": following}
    aml.emit(found, tell if entries else f"There is nothing at {output.clean(path)!r}.")


@datastore.command("upload")
@NAME
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.argument("target", default="")
@click.option(
    "--overwrite", is_flag=True, help="Replace files that are there already; without it they are passed over."
)
@pass_aml
def upload(aml: Aml, name: str, source: Path, target: str, overwrite: bool) -> None:
    """Copy a local file or folder into a datastore."""
    from jupyter_aml.data import upload as work
    from jupyter_aml.data.datastore_paths import confine

    place = _files(aml, name)
    pairs = work.files_below(str(source)) if source.is_dir() else work.named_files([source], None)
    _tell(aml, "Uploading", work.send(place, pairs, confine(target), overwrite=overwrite))


@datastore.command("download")
@NAME
@click.argument("path")
@click.argument("target", type=click.Path(path_type=Path), default=".")
@click.option("--overwrite", is_flag=True, help="Replace local files; without it they are passed over.")
@pass_aml
def download(aml: Aml, name: str, path: str, target: Path, overwrite: bool) -> None:
    """Copy a file or folder of a datastore here. PATH / is all of it."""
    from jupyter_aml.data import upload as work
    from jupyter_aml.data.datastore_paths import confine

    _tell(aml, "Downloading", work.fetch(_files(aml, name), confine(path), str(target.absolute()), overwrite))


def _tell(aml: Aml, verb: str, done: Any) -> None:
    from jupyter_aml.data.upload import tell

    found = {"copied": done.copied, "skipped": done.skipped, "bytes": done.size}
    aml.emit(found, lambda: tell(verb, done, True, "--overwrite replaces them"))


@datastore.command("set-default")
@NAME
@pass_aml
def set_default(aml: Aml, name: str) -> None:
    """Use a datastore where none is named."""
    _of(aml, name).set_as_default()
    aml.emit({"default": name}, f"{output.clean(name)!r} is the default datastore.")


@datastore.command("unregister")
@NAME
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_aml
def unregister(aml: Aml, name: str, yes: bool) -> None:
    """Take a datastore out of the workspace. Its data stays; its credentials go."""
    found = _of(aml, name)
    if not yes:
        confirm(aml, f"Unregister datastore {output.clean(name)!r}? Its data stays where it is.")
    found.unregister()
    aml.emit({"unregistered": name}, f"Datastore {output.clean(name)!r} is unregistered.")


REGISTERS = {
    "azure-blob": "register_azure_blob_container", "azure-file": "register_azure_file_share",
    "azure-data-lake": "register_azure_data_lake", "azure-data-lake-gen2": "register_azure_data_lake_gen2",
    "azure-sql": "register_azure_sql_database", "azure-postgresql": "register_azure_postgre_sql",
    "azure-mysql": "register_azure_my_sql", "local": "register_local_folder", "s3": "register_s3",
    "gcs": "register_gcs", "http": "register_http", "sftp": "register_sftp", "sql": "register_sql",
}  # fmt: skip


@datastore.command("register")
@click.argument("name")
@click.argument("type", type=click.Choice(sorted(REGISTERS)))
@click.argument("settings", nargs=-1, metavar="[SETTING=VALUE]...")
@click.option("--secret", "secrets", multiple=True, metavar="SETTING", help="Ask for this one (a key, a password).")
@click.option("--overwrite", is_flag=True, help="Replace one of that name.")
@pass_aml
def register(
    aml: Aml, name: str, type: str, settings: tuple[str, ...], secrets: tuple[str, ...], overwrite: bool
) -> None:
    """Register a datastore: `register books s3 bucket=books --secret access_key_id --secret secret_access_key`.

    Settings are called as the parameters of Datastore.register_… are. What --secret names is asked for, or read from
    standard input, one line each.
    """
    import inspect

    from jupyter_aml.data.datastore import Datastore

    method = getattr(Datastore, REGISTERS[type])
    known = {
        key: p for key, p in inspect.signature(method).parameters.items() if key not in ("workspace", "datastore_name")
    }
    given: dict[str, Any] = {}
    for text in settings:
        key, equals, value = text.partition("=")
        if not equals:
            raise UserErrorException(f"{key!r} is no setting: write SETTING=VALUE.")
        given[key] = value
    for key in secrets:
        given[key] = (
            click.prompt(key, hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
        )
    for key in given:
        if key not in known or key == "overwrite":
            names = ", ".join(sorted(set(known) - {"overwrite", "kwargs"}))
            raise UserErrorException(f"A datastore of the type {type} has no setting {key!r}; there are {names}.")
        if "bool" in str(known[key].annotation):
            given[key] = given[key].lower() in ("1", "true", "yes")
    lacking = [k for k, p in known.items() if p.default is p.empty and k not in given and p.kind is not p.VAR_KEYWORD]
    if lacking:
        raise UserErrorException(f"A datastore of the type {type} needs {lacking[0]}=…")
    made = method(aml.workspace, name, overwrite=overwrite, **given)
    aml.emit(made._serialize(), f"Datastore {output.clean(name)!r} is registered.", next=f"aml datastore show {name}")


def _of(aml: Aml, name: str) -> Any:
    from jupyter_aml.data.datastore import Datastore

    return Datastore.get(aml.workspace, name)


def _files(aml: Aml, name: str) -> Any:
    from jupyter_aml.data.datastore_files import FilesDatastore

    found = _of(aml, name)
    if not isinstance(found, FilesDatastore):
        raise UserErrorException(f"The datastore {name!r} is a database: it has no files.")
    return found
