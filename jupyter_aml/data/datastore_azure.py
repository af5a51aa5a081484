"""Azure's datastores, and the two that every workspace has under the same classes."""

from __future__ import annotations

import socket
import warnings
from typing import Any, ClassVar

from jupyter_aml.data import datastore_errors, datastore_place, stand_ins
from jupyter_aml.data.datastore_files import FilesDatastore
from jupyter_aml.errors import StoreUnavailableException, UserErrorException

_LOOPBACK = ("http://", "https://")


class AzureStorageDatastore(FilesDatastore):
    """What blob containers, file shares and file systems of an Azure account have in common."""

    SECRETS: ClassVar[tuple[str, ...]] = ("account_key", "sas_token")
    ARGUMENTS: ClassVar[tuple[str, ...]] = (
        "container_name", "account_name", "sas_token", "account_key", "protocol", "endpoint", "request_session",
        "workspace_msi_has_access", "subscription_id", "resource_group", "service_data_access_auth_identity",
    )  # fmt: skip
    _HOST: ClassVar[str] = "blob"

    @property
    def account_name(self) -> str:
        """The storage account."""
        return str(self._known("account_name"))

    @property
    def container_name(self) -> str:
        """The container, share or file system."""
        return str(self._known("container_name"))

    @property
    def protocol(self) -> str:
        """ "https", or "http"."""
        return str(self._known("protocol") or "https")

    @property
    def endpoint(self) -> str:
        """The domain of the service."""
        return str(self._known("endpoint") or "core.windows.net")

    @property
    def account_key(self) -> str | None:
        """The account's key, from the vault (of a datastore that was registered with one)."""
        return self._secret("account_key")

    @property
    def sas_token(self) -> str | None:
        """The SAS token, from the vault (of a datastore that was registered with one)."""
        return self._secret("sas_token")

    @property
    def credential_type(self) -> str:
        """ "AccountKey", "Sas", "ServicePrincipal" or "None"."""
        names = self._about.get("credentials") or ()
        kinds = {"account_key": "AccountKey", "sas_token": "Sas", "client_secret": "ServicePrincipal"}
        return next((kinds[name] for name in kinds if name in names), "None")

    @property
    def is_sas(self) -> bool:
        """Whether a SAS token opens it."""
        return self.credential_type == "Sas"

    @property
    def subscription_id(self) -> str | None:
        """The account's subscription, if that was said."""
        return self._known("subscription_id")  # type: ignore[no-any-return]

    @property
    def resource_group(self) -> str | None:
        """The account's resource group, if that was said."""
        return self._known("resource_group")  # type: ignore[no-any-return]

    def _shown_place(self) -> str:
        if self.is_builtin:
            return super()._shown_place()
        if self.endpoint.startswith(_LOOPBACK):
            return f"{self.endpoint.rstrip('/')}/{self.container_name}"
        return f"{self.protocol}://{self.account_name}.{self._HOST}.{self.endpoint}/{self.container_name}"

    def _open(self) -> tuple[Any, str]:
        if self.is_builtin:
            return datastore_place.open_builtin(self)
        folder = stand_ins.container_folder(self.account_name, self.container_name)
        if folder is not None:
            return datastore_place.open_folder(folder)
        return self._open_azure()

    def _open_azure(self) -> tuple[Any, str]:
        raise NotImplementedError


class AzureBlobDatastore(AzureStorageDatastore):
    """A blob container of an Azure account."""

    TYPE = "AzureBlob"

    @property
    def workspace_msi_has_access(self) -> bool:
        """Whether an identity of the workspace opens it: there is none here."""
        return False

    @property
    def service_data_access_auth_identity(self) -> None:
        """The identity that opens it: there is none here."""
        return None

    def _open_azure(self) -> tuple[Any, str]:
        return _adlfs(self), self.container_name

    def _create(self) -> None:
        """Make the container when there is none."""
        fs, root = self._filesystem()
        if self._local_root is None:
            with datastore_errors.told(self), warnings.catch_warnings():
                warnings.simplefilter(
                    "ignore"
                )  # the driver takes a container that it may not look at for one that is there
                fs.mkdir(root)
                fs.ls(root)


class AzureFileDatastore(AzureStorageDatastore):
    """A file share of an Azure account. Its files are reached where a stand-in folder (a mounted share) is named."""

    TYPE = "AzureFile"
    _HOST = "file"

    def _open_azure(self) -> tuple[Any, str]:
        raise UserErrorException(
            f"Azure's file shares are not reached directly yet. Mount {self._shown_place()} and name the folder: "
            f'{stand_ins.SETTING}={{"{self.account_name}/{self.container_name}": "/mounted/folder"}}.'
        )


class AbstractADLSDatastore(AzureStorageDatastore):
    """What Azure's data lakes have in common: a service principal opens them."""

    SECRETS: ClassVar[tuple[str, ...]] = ("client_secret",)
    _HOST = "dfs"

    @property
    def tenant_id(self) -> str | None:
        """The service principal's tenant."""
        return self._known("tenant_id")  # type: ignore[no-any-return]

    @property
    def client_id(self) -> str | None:
        """The service principal."""
        return self._known("client_id")  # type: ignore[no-any-return]

    @property
    def client_secret(self) -> str | None:
        """Its secret, from the vault."""
        return self._secret("client_secret")

    @property
    def resource_url(self) -> str | None:
        """What the service principal asks for."""
        return self._known("resource_url")  # type: ignore[no-any-return]

    @property
    def authority_url(self) -> str | None:
        """Where the service principal logs in."""
        return self._known("authority_url")  # type: ignore[no-any-return]

    @property
    def service_data_access_auth_identity(self) -> None:
        """The identity that opens it: there is none here."""
        return None


class AzureDataLakeGen2Datastore(AbstractADLSDatastore):
    """A file system of an Azure Data Lake Storage Gen2 account."""

    TYPE = "AzureDataLakeGen2"
    ARGUMENTS = (
        "container_name", "account_name", "tenant_id", "client_id", "client_secret", "resource_url", "authority_url",
        "protocol", "endpoint", "service_data_access_auth_identity",
    )  # fmt: skip

    def _open_azure(self) -> tuple[Any, str]:
        return _adlfs(self), self.container_name


class AzureDataLakeDatastore(AbstractADLSDatastore):
    """A store of Azure Data Lake Storage Gen1, a service that Azure has ended: a stand-in folder may serve it."""

    TYPE = "AzureDataLake"
    ARGUMENTS = (
        "store_name", "tenant_id", "client_id", "client_secret", "resource_url", "authority_url", "subscription_id",
        "resource_group", "service_data_access_auth_identity",
    )  # fmt: skip

    @property
    def store_name(self) -> str:
        """The store."""
        return str(self._known("store_name"))

    @property
    def account_name(self) -> str:
        """The store."""
        return self.store_name

    @property
    def container_name(self) -> str:
        """The whole store."""
        return "/"

    def _shown_place(self) -> str:
        return f"adl://{self.store_name}.azuredatalakestore.net"

    def _open(self) -> tuple[Any, str]:
        known = stand_ins.stand_ins()
        folder = known.get(self.store_name) or known.get(self._shown_place())
        if folder is not None:
            return datastore_place.open_folder(folder)
        raise StoreUnavailableException(
            f"Azure has ended Data Lake Storage Gen1: {self._shown_place()} is not there any more. "
            f'Name a folder with its data: {stand_ins.SETTING}={{"{self.store_name}": "/folder"}}.'
        )


def _adlfs(datastore: Any) -> Any:
    """The driver of an Azure account, opened with what the vault has.

    Raises:
        StoreUnavailableException: the account's name leads nowhere (the driver itself would try for minutes).
    """
    from adlfs import AzureBlobFileSystem

    if not datastore.endpoint.startswith(_LOOPBACK):
        host = f"{datastore.account_name}.blob.{datastore.endpoint}"
        try:
            socket.getaddrinfo(host, 443)
        except OSError:
            raise datastore_errors.unavailable(
                datastore,
                f"there is no way to {host} from this machine. Look at the network and the account's name, or name a folder that "
                f'stands in for it: {stand_ins.SETTING}={{"{datastore.account_name}/{datastore.container_name}": "/folder"}}',
            ) from None
    known = datastore._credentials()
    options: dict[str, Any] = {
        "account_name": datastore.account_name, "skip_instance_cache": True, "use_listings_cache": False,
        "connection_timeout": 10, "read_timeout": 60, "anon": not known,
    }  # fmt: skip
    if datastore.endpoint.startswith(_LOOPBACK):
        options["connection_string"] = ";".join(
            [f"DefaultEndpointsProtocol={datastore.endpoint.partition('://')[0]}", f"AccountName={datastore.account_name}",
             f"BlobEndpoint={datastore.endpoint.rstrip('/')}"]
            + [f"AccountKey={known['account_key']}"] * ("account_key" in known)
            + [f"SharedAccessSignature={known.get('sas_token', '').lstrip('?')}"] * ("sas_token" in known)
        )  # fmt: skip
        return AzureBlobFileSystem(**options)
    if datastore.endpoint != "core.windows.net":
        options["account_host"] = f"{datastore.account_name}.blob.{datastore.endpoint}"
    for ours, theirs in (
        ("account_key", "account_key"),
        ("sas_token", "sas_token"),
        ("client_secret", "client_secret"),
    ):
        if ours in known:
            options[theirs] = known[ours]
    if "client_secret" in known:
        options |= {"tenant_id": datastore.tenant_id, "client_id": datastore.client_id}
    return AzureBlobFileSystem(**options)
