"""`aml secret`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from jupyter_aml.cli import output
from jupyter_aml.cli.base import Aml, Group, completing, confirm, pass_aml
from jupyter_aml.data.keyvault import check_name
from jupyter_aml.data.vault import vault_of
from jupyter_aml.errors import NotFoundException, UserErrorException


def secret_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> Sequence[str]:
    """Shell completion of secrets."""
    try:
        found = completing(ctx).workspace.get_default_keyvault().list_secrets()
        return [secret["name"] for secret in found if secret["name"].startswith(incomplete)]
    except Exception:  # a completion is never an error
        return []


NAME = click.argument("name", shell_complete=secret_names)


@click.group(cls=Group)
def secret() -> None:
    """Secrets of the key vault: set, list, delete, rotate the key."""


@secret.command("list")
@pass_aml
def list_(aml: Aml) -> None:
    """The secrets' names. Values are not shown."""
    from jupyter_aml.data.vault import vault_of

    found = vault_of(aml.workspace).records()
    facts: list[dict[str, Any]] = [
        {"name": r.name, "version": r.version, "content_type": r.data.get("content_type") or "", "modified": r.modified,
         "user": r.user}
        for r in found
    ]  # fmt: skip

    def show() -> None:
        if not facts:
            click.echo(f"The key vault of workspace {output.clean(aml.workspace.name)!r} is empty.")
            return
        rows = [[f["name"], f["version"], f["content_type"], f["user"], output.ago(f["modified"])] for f in facts]
        output.table(["NAME", "VERSION", "TYPE", "SET BY", "CHANGED"], rows, right=["VERSION"])

    aml.emit({"secrets": facts}, show, next="" if facts else "aml secret set NAME")


@secret.command("set")
@NAME
@click.option("--from-file", "file", type=click.File("r", encoding="utf-8"), help="Take the value from a file.")
@click.option("--type", "content_type", default="", metavar="TEXT", help="What it is, for people.")
@pass_aml
def set_(aml: Aml, name: str, file: Any, content_type: str) -> None:
    """Set a secret. The value is asked for, or read from standard input; it is no argument, which others could see."""
    if file is not None:
        value = file.read()
    elif sys.stdin.isatty():
        value = click.prompt("Value", hide_input=True, confirmation_prompt=True, err=True)
    else:
        value = sys.stdin.read()
    value = value.removesuffix("\n")
    if not value:
        raise UserErrorException(f"There is no value for the secret {name!r}: nothing came on standard input.")
    aml.workspace.get_default_keyvault().set_secret(name, value, content_type)
    aml.emit({"name": name}, f"Secret {output.clean(name)!r} is set.", next="aml secret list")


@secret.command("get")
@NAME
@pass_aml
def get(aml: Aml, name: str) -> None:
    """Print a secret's value. That it was read is in `aml activity`."""
    # Not by Keyvault.get_secret, after which a run's process would print a mask: here the value is what was asked for.
    value = vault_of(aml.workspace).get(check_name(name))
    if value is None:
        known = [secret["name"] for secret in aml.workspace.get_default_keyvault().list_secrets()]
        raise NotFoundException.of("secret", name, known, "`aml secret list` shows what there is.")
    aml.emit({"name": name, "value": value}, value)


@secret.command("delete")
@NAME
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_aml
def delete(aml: Aml, name: str, yes: bool) -> None:
    """Delete a secret, all its versions, for good."""
    vault = aml.workspace.get_default_keyvault()
    known = [secret["name"] for secret in vault.list_secrets()]
    if name not in known:
        raise NotFoundException.of("secret", name, known, "`aml secret list` shows what there is.")
    if not yes:
        confirm(aml, f"Delete secret {output.clean(name)!r}?")
    vault.delete_secret(name)
    aml.emit({"deleted": name}, f"Secret {output.clean(name)!r} is deleted.")


@secret.command("rotate")
@pass_aml
def rotate(aml: Aml) -> None:
    """Encrypt all secrets anew with another key, and throw the old key away."""
    count = aml.workspace.get_default_keyvault().rotate()
    aml.emit({"rotated": count}, f"{count} values are encrypted with a new key; the old one is gone.")


@secret.command("export-key")
@click.argument("file", type=click.Path(dir_okay=False))
@pass_aml
def export_key(aml: Aml, file: str) -> None:
    """Write the vault's key to a file that only you can read, to bring it to another machine."""
    import os

    text = _keys(aml).export()
    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            out.write(text)
    except OSError as error:
        raise UserErrorException(f"Cannot write {file!r}: {error.strerror}.") from error
    aml.emit({"file": file}, f"The key is in {output.clean(file)}. Whoever has it can open the secrets.")


@secret.command("import-key")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@pass_aml
def import_key(aml: Aml, file: Any) -> None:
    """Take the vault's key from a file that `export-key` wrote elsewhere."""
    keys = _keys(aml)
    keys.import_(file.read())
    aml.emit({"place": keys.place}, f"The key is kept in {output.clean(keys.place)}.")


def _keys(aml: Aml) -> Any:
    from jupyter_aml.data.vault import LocalVault, vault_of

    vault = vault_of(aml.workspace)
    if not isinstance(vault, LocalVault):
        raise UserErrorException("The key of this workspace's vault is on its server. Do this there.")
    return vault.keys
