"""Registering datastores. What opens them goes into the key vault; the rest is an asset of the kind ``datastore``."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from jupyter_aml.data import datastore_place
from jupyter_aml.data.datastore_base import DEFAULT, FILESTORE, KIND, AbstractDatastore, who
from jupyter_aml.data.datastore_paths import confine
from jupyter_aml.data.vault import check_value, vault_of
from jupyter_aml.errors import ConflictException, UserErrorException
from jupyter_aml.store.records import AssetRecord

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}\Z")
_PLACE = re.compile(r"[A-Za-z0-9$][A-Za-z0-9_.-]{0,254}\Z")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,253}[A-Za-z0-9])?\Z")


class Registration:
    """Part of `Datastore`. All of these return the datastore, and raise UserErrorException for what cannot be, and for a name
    that is taken unless `overwrite` is given. Nothing is asked of the place."""

    KINDS: ClassVar[Mapping[str, type[AbstractDatastore]]]

    @staticmethod
    def _name_of(workspace: Any, name: str) -> str:
        raise NotImplementedError

    @classmethod
    def _register(
        cls, workspace: Any, kind: str, name: Any, about: Mapping[str, Any], secrets: Mapping[str, Any], overwrite: bool
    ) -> Any:
        if not isinstance(name, str) or not _NAME.match(name):
            raise UserErrorException(
                f"{name!r} cannot be a datastore's name: it takes 1 to 255 letters, digits, underscores, dots and dashes."
            )
        name = cls._name_of(workspace, name)
        if name in (DEFAULT, FILESTORE):
            raise UserErrorException(f"{name!r} belongs to the workspace. Choose another name.")
        given = {key: check_value(key, value) for key, value in secrets.items() if value is not None}
        store, vault = workspace.connection.store, vault_of(workspace)
        old = store.asset(KIND, name)
        if old is not None and not overwrite:
            raise UserErrorException(f"There is a datastore {name!r} already. overwrite=True replaces it.")
        data = {key: value for key, value in about.items() if value is not None}
        data |= {"type": kind, "credentials": sorted(given)}
        if given:
            vault.put_credentials(name, given)
        elif old is not None and old.data.get("credentials"):
            vault.forget_credentials(name)
        record = AssetRecord(kind=KIND, name=name, created=time.time(), user=who(), data=data)
        try:
            kept = store.put_asset(record, if_exists="replace" if overwrite else "fail")
        except ConflictException:
            raise UserErrorException(f"There is a datastore {name!r} already. overwrite=True replaces it.") from None
        return cls.KINDS[kind](workspace, kept)

    # -- Azure ---------------------------------------------------------------------------------------------------
    @classmethod
    def register_azure_blob_container(
        cls, workspace: Any, datastore_name: str, container_name: str, account_name: str, sas_token: str | None = None,
        account_key: str | None = None, protocol: str | None = None, endpoint: str | None = None,
        overwrite: bool = False, create_if_not_exists: bool = False, skip_validation: bool = False,
        blob_cache_timeout: int | None = None, grant_workspace_access: bool = False,
        subscription_id: str | None = None, resource_group: str | None = None,
    ) -> Any:  # fmt: skip
        """Register a blob container of an Azure account.

        Args:
            workspace: where.
            datastore_name: its name.
            container_name, account_name: what it is.
            sas_token, account_key: what opens it; a public container needs neither.
            protocol, endpoint: "https" and the service's domain; an endpoint may be an emulator's whole URL.
            overwrite: replace one of that name.
            create_if_not_exists: make the container.
            skip_validation, blob_cache_timeout, grant_workspace_access: taken, without effect here.
            subscription_id, resource_group: kept as text.
        """
        about = _azure(container_name, account_name, protocol, endpoint, "blob container")
        about |= {"subscription_id": subscription_id, "resource_group": resource_group}
        secrets = {"account_key": account_key, "sas_token": None if account_key else sas_token}
        made = cls._register(workspace, "AzureBlob", datastore_name, about, secrets, overwrite)
        if create_if_not_exists:
            made._create()
        return made

    @classmethod
    def register_azure_file_share(
        cls, workspace: Any, datastore_name: str, file_share_name: str, account_name: str, sas_token: str | None = None,
        account_key: str | None = None, protocol: str | None = None, endpoint: str | None = None,
        overwrite: bool = False, create_if_not_exists: bool = False, skip_validation: bool = False,
    ) -> Any:  # fmt: skip
        """Register a file share of an Azure account; see `register_azure_blob_container`. Its files are reached where a
        mounted folder stands in for it."""
        about = _azure(file_share_name, account_name, protocol, endpoint, "file share")
        secrets = {"account_key": account_key, "sas_token": None if account_key else sas_token}
        return cls._register(workspace, "AzureFile", datastore_name, about, secrets, overwrite)

    @classmethod
    def register_azure_data_lake(
        cls, workspace: Any, datastore_name: str, store_name: str, tenant_id: str | None = None,
        client_id: str | None = None, client_secret: str | None = None, resource_url: str | None = None,
        authority_url: str | None = None, subscription_id: str | None = None, resource_group: str | None = None,
        overwrite: bool = False, grant_workspace_access: bool = False,
    ) -> Any:  # fmt: skip
        """Register a store of Azure Data Lake Storage Gen1, which Azure has ended: a stand-in folder may serve it."""
        about = {
            "store_name": _place(store_name, "store"), "tenant_id": tenant_id, "client_id": client_id,
            "resource_url": resource_url, "authority_url": authority_url, "subscription_id": subscription_id,
            "resource_group": resource_group,
        }  # fmt: skip
        secrets = {"client_secret": client_secret}
        return cls._register(workspace, "AzureDataLake", datastore_name, about, secrets, overwrite)

    @classmethod
    def register_azure_data_lake_gen2(
        cls, workspace: Any, datastore_name: str, filesystem: str, account_name: str, tenant_id: str | None = None,
        client_id: str | None = None, client_secret: str | None = None, resource_url: str | None = None,
        authority_url: str | None = None, protocol: str | None = None, endpoint: str | None = None,
        overwrite: bool = False, subscription_id: str | None = None, resource_group: str | None = None,
        grant_workspace_access: bool = False,
    ) -> Any:  # fmt: skip
        """Register a file system of Azure Data Lake Storage Gen2, which a service principal opens."""
        about = _azure(filesystem, account_name, protocol, endpoint, "file system")
        about |= {
            "tenant_id": tenant_id, "client_id": client_id, "resource_url": resource_url,
            "authority_url": authority_url, "subscription_id": subscription_id, "resource_group": resource_group,
        }  # fmt: skip
        secrets = {"client_secret": client_secret}
        return cls._register(workspace, "AzureDataLakeGen2", datastore_name, about, secrets, overwrite)

    @classmethod
    def register_azure_sql_database(
        cls, workspace: Any, datastore_name: str, server_name: str, database_name: str, tenant_id: str | None = None,
        client_id: str | None = None, client_secret: str | None = None, resource_url: str | None = None,
        authority_url: str | None = None, endpoint: str | None = None, overwrite: bool = False,
        username: str | None = None, password: str | None = None, subscription_id: str | None = None,
        resource_group: str | None = None, grant_workspace_access: bool = False, port_number: int | None = None,
        **kwargs: Any,
    ) -> Any:  # fmt: skip
        """Register a database of SQL Server: `server_name` is a name of Azure's, or a host."""
        about = {
            **_database(server_name, database_name, port_number, endpoint), "tenant_id": tenant_id,
            "client_id": client_id, "resource_url": resource_url, "authority_url": authority_url, "username": username,
            "subscription_id": subscription_id, "resource_group": resource_group,
        }  # fmt: skip
        secrets = {"password": password, "client_secret": client_secret}
        return cls._register(workspace, "AzureSqlDatabase", datastore_name, about, secrets, overwrite)

    @classmethod
    def register_azure_postgre_sql(
        cls, workspace: Any, datastore_name: str, server_name: str, database_name: str, user_id: str,
        user_password: str, port_number: int | None = None, endpoint: str | None = None, overwrite: bool = False,
        enforce_ssl: bool = True, **kwargs: Any,
    ) -> Any:  # fmt: skip
        """Register a PostgreSQL database: `server_name` is a name of Azure's, or a host; `enforce_ssl` refuses a connection
        that is not encrypted."""
        about = _database(server_name, database_name, port_number, endpoint)
        about |= {"user_id": user_id, "enforce_ssl": bool(enforce_ssl)}
        secrets = {"user_password": user_password}
        return cls._register(workspace, "AzurePostgreSql", datastore_name, about, secrets, overwrite)

    @classmethod
    def register_azure_my_sql(
        cls, workspace: Any, datastore_name: str, server_name: str, database_name: str, user_id: str,
        user_password: str, port_number: int | None = None, endpoint: str | None = None, overwrite: bool = False,
        **kwargs: Any,
    ) -> Any:  # fmt: skip
        """Register a MySQL database: `server_name` is a name of Azure's, or a host."""
        about = {**_database(server_name, database_name, port_number, endpoint), "user_id": user_id}
        secrets = {"user_password": user_password}
        return cls._register(workspace, "AzureMySql", datastore_name, about, secrets, overwrite)

    @classmethod
    def register_dbfs(cls, workspace: Any, datastore_name: str) -> Any:
        """Not possible here: the file system of Databricks exists on its clusters alone. Raises UserErrorException."""
        raise UserErrorException(
            f"{datastore_name!r}: the file system of Databricks (DBFS) is reached from its own clusters alone. "
            "Register the storage behind it: register_azure_blob_container, register_s3, register_gcs."
        )

    @classmethod
    def register_hdfs(
        cls, workspace: Any, datastore_name: str, protocol: Any = None, namenode_address: str | None = None,
        hdfs_server_certificate: str | None = None, kerberos_realm: str | None = None,
        kerberos_kdc_address: str | None = None, kerberos_principal: str | None = None,
        kerberos_keytab: str | None = None, kerberos_password: str | None = None, overwrite: bool = False,
    ) -> Any:  # fmt: skip
        """Not served: Hadoop's file system with Kerberos. Raises UserErrorException."""
        raise UserErrorException(
            f"{datastore_name!r}: Hadoop's file system is not reached. Mount it (by its NFS gateway, or fuse-dfs) and register the "
            "folder: Datastore.register_local_folder."
        )

    # -- others --------------------------------------------------------------------------------------------------
    @classmethod
    def register_local_folder(
        cls, workspace: Any, datastore_name: str, folder: str | Path, overwrite: bool = False
    ) -> Any:
        """Register a folder: of this machine, or a share that is mounted at one path on all of them."""
        path = datastore_place.check_folder(folder)
        return cls._register(workspace, "LocalFolder", datastore_name, {"folder": path}, {}, overwrite)

    @classmethod
    def register_s3(
        cls, workspace: Any, datastore_name: str, bucket: str, prefix: str | None = None,
        access_key_id: str | None = None, secret_access_key: str | None = None, session_token: str | None = None,
        endpoint: str | None = None, region: str | None = None, anonymous: bool = False, overwrite: bool = False,
    ) -> Any:  # fmt: skip
        """Register a bucket of S3, or of what speaks as S3 does.

        Args:
            workspace, datastore_name, overwrite: as everywhere.
            bucket: its name.
            prefix: below which all lies.
            access_key_id, secret_access_key, session_token: what opens it; without them AWS's own environment and files.
            endpoint: the server's URL, where it is not Amazon's.
            region: of the bucket.
            anonymous: it is public: send no credentials.
        """
        if (access_key_id is None) != (secret_access_key is None):
            raise UserErrorException("access_key_id and secret_access_key belong together.")
        about = {
            "bucket": _place(bucket, "bucket"), "prefix": confine(prefix) or None, "endpoint": _web(endpoint),
            "region": region, "anonymous": anonymous or None,
        }  # fmt: skip
        secrets = {
            "access_key_id": access_key_id,
            "secret_access_key": secret_access_key,
            "session_token": session_token,
        }
        return cls._register(workspace, "S3", datastore_name, about, secrets, overwrite)

    @classmethod
    def register_gcs(
        cls, workspace: Any, datastore_name: str, bucket: str, prefix: str | None = None,
        service_account: str | Mapping[str, Any] | None = None, project: str | None = None,
        endpoint: str | None = None, anonymous: bool = False, overwrite: bool = False,
    ) -> Any:  # fmt: skip
        """Register a bucket of Google Cloud Storage; `service_account` is the JSON of its key (text, or a dict)."""
        key = json.dumps(dict(service_account)) if isinstance(service_account, Mapping) else service_account
        if key is not None:
            try:
                json.loads(key)
            except ValueError:
                raise UserErrorException("service_account is the JSON text of a service account's key.") from None
        about = {
            "bucket": _place(bucket, "bucket"), "prefix": confine(prefix) or None, "project": project,
            "endpoint": _web(endpoint), "anonymous": anonymous or None,
        }  # fmt: skip
        return cls._register(workspace, "GCS", datastore_name, about, {"service_account": key}, overwrite)

    @classmethod
    def register_http(
        cls, workspace: Any, datastore_name: str, url: str, username: str | None = None, password: str | None = None,
        token: str | None = None, overwrite: bool = False,
    ) -> Any:  # fmt: skip
        """Register what a web server has below a URL; `username` and `password`, or a bearer `token`, open it."""
        web = _web(url)
        if web is None:
            raise UserErrorException("url is where the files are, as https://host/folder.")
        about = {"url": web, "username": username}
        return cls._register(
            workspace, "Http", datastore_name, about, {"password": password, "token": token}, overwrite
        )

    @classmethod
    def register_sftp(
        cls, workspace: Any, datastore_name: str, host: str, folder: str, username: str | None = None,
        password: str | None = None, private_key: str | None = None, passphrase: str | None = None, port: int = 22,
        host_key: str | None = None, overwrite: bool = False,
    ) -> Any:  # fmt: skip
        """Register a folder of another machine, reached by SSH.

        Args:
            workspace, datastore_name, overwrite: as everywhere.
            host, port: the machine.
            folder: the folder there, from the root on.
            username: who logs in; the user of this process by default.
            password: or `private_key`, the text of a key file with its `passphrase`; without either the user's own SSH keys.
            host_key: the machine's public key ("ssh-ed25519 AAAA…"); without one it has to be in the user's known_hosts.
        """
        if not isinstance(folder, str) or not folder.startswith("/"):
            raise UserErrorException(f"folder={folder!r}: it begins with a slash, as /srv/data.")
        if host_key is not None and not re.match(r"[a-z0-9@.-]+ [A-Za-z0-9+/=]+( [^\n]*)?\Z", host_key):
            raise UserErrorException("host_key is one line as `ssh-keyscan` shows it, from 'ssh-…' on.")
        about = {
            "host": _host(host), "port": _port(port), "username": username, "host_key": host_key,
            "folder": "/" + confine(folder.lstrip("/")),
        }  # fmt: skip
        secrets = {"password": password, "private_key": private_key, "passphrase": passphrase}
        return cls._register(workspace, "Sftp", datastore_name, about, secrets, overwrite)

    @classmethod
    def register_sql(cls, workspace: Any, datastore_name: str, url: str, overwrite: bool = False) -> Any:
        """Register a database by its SQLAlchemy URL (``postgresql://``, ``mysql://``, ``sqlite:////file.db`` …); the
        password in it goes to the vault."""
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError

        try:
            parts = make_url(url)
        except (ArgumentError, ValueError):
            raise UserErrorException("url is a database's, as postgresql://user:password@host/database.") from None
        hidden = [name for name in parts.query if re.search("pass|token|secret|key", name, re.IGNORECASE)]
        if hidden:
            raise UserErrorException(f"Credentials do not belong behind the ? of the URL ({', '.join(hidden)}).")
        password = parts.password
        # str() of SQLAlchemy's URL would show *** for a password, which this one has not any more.
        about = {"url": str(parts._replace(password=None))}
        secrets = {"password": None if password is None else str(password)}
        return cls._register(workspace, "Sql", datastore_name, about, secrets, overwrite)


def _azure(container: Any, account: Any, protocol: Any, endpoint: Any, noun: str) -> dict[str, Any]:
    if protocol not in (None, "https", "http"):
        raise UserErrorException(f"protocol is https or http, not {protocol!r}.")
    if endpoint and "://" in endpoint:
        endpoint = _web(endpoint)
    return {
        "container_name": _place(container, noun), "account_name": _place(account, "account"), "protocol": protocol,
        "endpoint": endpoint,
    }  # fmt: skip


def _database(server: Any, database: Any, port: Any, endpoint: Any) -> dict[str, Any]:
    if not isinstance(database, str) or not database or "\0" in database:
        raise UserErrorException(f"{database!r} is no database's name.")
    return {
        "server_name": _host(server), "database_name": database, "port_number": None if port is None else _port(port),
        "endpoint": endpoint,
    }  # fmt: skip


def _place(name: Any, noun: str) -> str:
    if not isinstance(name, str) or not _PLACE.match(name):
        shown = repr(name)[:60] if isinstance(name, str) else type(name).__name__
        raise UserErrorException(f"{shown} is no {noun}'s name.")
    return name


def _host(name: Any) -> str:
    if not isinstance(name, str) or not (_HOST.match(name) or re.match(r"[0-9A-Fa-f:]+\Z", name)):
        raise UserErrorException(f"{str(name)[:60]!r} is no server's name.")
    return name


def _port(port: Any) -> int:
    try:
        number = int(port)
    except (TypeError, ValueError):
        number = 0
    if not 0 < number < 65536:
        raise UserErrorException(f"{port!r} is no port: it is a number from 1 to 65535.")
    return number


def _web(url: Any) -> str | None:
    """A plain http(s) URL. What else it might hold (credentials, parameters) does not belong into it, and is not shown."""
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc and not parts.fragment:
            _ = parts.port
            if not parts.query and not any(ord(c) < 33 for c in url):
                return str(url).rstrip("/")
    except (ValueError, TypeError, AttributeError):
        pass
    raise UserErrorException(
        "The URL has to be as https://host:port/folder, without credentials or parameters: those have arguments of their own."
    )
