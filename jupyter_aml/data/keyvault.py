"""Keyvault: the secrets of a workspace. Its surface is that of the AzureML SDK v1.

Reference: https://learn.microsoft.com/python/api/azureml-core/azureml.core.keyvault.keyvault
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from jupyter_aml.data import secret_outputs
from jupyter_aml.data.vault import check_value, vault_of
from jupyter_aml.errors import UserErrorException

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,126}\Z")


class KeyVaultContentType(str, Enum):
    """What a secret is: a note for people and for programs that read it."""

    azure_dev_ops_pat = "AzureDevOpsPAT"
    bek = "BEK"
    client_side_encryption_key = "ClientSideEncryptionKey"
    not_provided = ""
    password = "Password"
    pem_file = "PemFile"
    pkcs12 = "Pkcs12"
    servicebus_connection_string = "ServiceBusConnectionString"
    servicebus_sas_token = "ServiceBusSasToken"
    sql_connection_string = "SqlConnectionString"
    standard_user_account_test = "StandardUserAccountTest"
    storage_account_access_key = "StorageAccountAccessKey"
    storage_account_server_side_encryption_key = "StorageAccountServerSideEncryptionKey"
    storage_connection_string = "StorageConnectionString"
    storage_sas_token = "StorageSasToken"
    strong_enc_connection_string = "StrongEncConnectionString"
    strong_enc_password_string = "StrongEncPasswordString"
    text_configuration_value = "TextConfigurationValue"
    third_party_hosted_secret_no_rotation = "ThirdPartyHostedSecretNoRotation"
    wrapped_bek = "WrappedBEK"


class Keyvault:
    """The key vault of a workspace. Values are encrypted where they are kept; what is read is masked in all that this process
    logs from then on, and in what a notebook shows.

    Args:
        workspace: whose.
    """

    def __init__(self, workspace: Any) -> None:
        self._workspace = workspace

    @property
    def workspace(self) -> Any:
        """Its workspace."""
        return self._workspace

    # -- setting -------------------------------------------------------------------------------------------------
    def set_secret(self, name: str, value: str, content_type: Any = KeyVaultContentType.not_provided) -> None:
        """Set a secret; one of that name gets a new version.

        Args:
            name: 1 to 127 letters, digits, dashes, dots and underscores.
            value: the secret, at most 65,536 characters.
            content_type: what it is, for people.

        Raises:
            UserErrorException: a name or a value that cannot be (the message shows no value).
            WorkspaceException: the vault's key cannot be reached.
        """
        self.set_secrets({name: value}, _content_type=content_type)

    def set_secrets(self, secrets_batch: Mapping[str, str], *, _content_type: Any = "") -> None:
        """Set several secrets; all are checked before the first is set.

        Raises:
            UserErrorException, WorkspaceException: see `set_secret`.
        """
        if not isinstance(secrets_batch, Mapping):
            raise UserErrorException(f"Secrets are a dict of names and values, not {type(secrets_batch).__name__}.")
        kind = getattr(_content_type, "value", _content_type) or ""
        if not isinstance(kind, str) or len(kind) > 255:
            raise UserErrorException("A secret's content_type is a short text.")
        checked = {check_name(name): check_value(name, value) for name, value in secrets_batch.items()}
        vault = vault_of(self._workspace)
        for name, value in checked.items():
            vault.put(name, value, kind)
            secret_outputs.hide(value)

    # -- reading -------------------------------------------------------------------------------------------------
    def get_secret(self, name: str) -> str | None:
        """A secret's value; None when there is none of that name. That it was read is in the change feed.

        Raises:
            WorkspaceException: its key is not on this machine.
        """
        value = vault_of(self._workspace).get(check_name(name))
        if value is not None:
            secret_outputs.hide(value)
        return value

    def get_secrets(self, secrets: Iterable[str]) -> dict[str, str | None]:
        """Several secrets by name; None for those that are not there."""
        return {name: self.get_secret(name) for name in _names(secrets)}

    def get_secret_content_type(self, name: str) -> Any:
        """What a secret was said to be; None when there is none of that name."""
        found = {record.name: record for record in vault_of(self._workspace).records()}.get(check_name(name))
        if found is None:
            return None
        kind = found.data.get("content_type") or ""
        try:
            return KeyVaultContentType(kind)
        except ValueError:
            return kind

    def list_secrets(self) -> list[dict[str, Any]]:
        """The names of all secrets: ``[{"name": …, "version": …, "content_type": …}]``. No values."""
        return [
            {"name": r.name, "version": r.version, "content_type": r.data.get("content_type") or ""}
            for r in vault_of(self._workspace).records()
        ]

    # -- removing ------------------------------------------------------------------------------------------------
    def delete_secret(self, name: str) -> None:
        """Remove a secret, all its versions. One that is not there is no error."""
        vault_of(self._workspace).remove(check_name(name))

    def delete_secrets(self, secrets: Iterable[str]) -> None:
        """Remove several secrets."""
        for name in _names(secrets):
            self.delete_secret(name)

    def rotate(self) -> int:
        """Encrypt everything anew with another key, and throw the old one away; return the number of values."""
        return vault_of(self._workspace).rotate()

    def __repr__(self) -> str:
        return f"<Keyvault of workspace {self._workspace.name!r}>"


def check_name(name: Any) -> str:
    """A secret's name, if it can be one.

    Raises:
        UserErrorException: it cannot.
    """
    if not isinstance(name, str) or not _NAME.match(name):
        shown = repr(name)[:60] if isinstance(name, str) else type(name).__name__
        raise UserErrorException(
            f"{shown} cannot be a secret's name: it takes 1 to 127 letters, digits, dashes, dots and underscores."
        )
    return name


def _names(secrets: Iterable[str]) -> list[str]:
    if isinstance(secrets, (str, bytes)) or not isinstance(secrets, Iterable):
        raise UserErrorException(f"Names of secrets are a list, not {type(secrets).__name__}.")
    return [check_name(name) for name in secrets]
