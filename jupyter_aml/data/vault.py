"""The vault of a workspace: secrets as assets whose values are sealed, and only opened where the key is.

A secret is an asset of the kind ``secret``; its definition holds the value sealed with AES-256-GCM, bound to the workspace and
to the secret's name, so that a sealed value cannot be passed off as another's. Names with a colon are the workspace's own
(``datastore:NAME``, ``url:…``: what opens a datastore, a URL); users' have none. Setting, reading and removing are in the change feed.
"""

from __future__ import annotations

import base64
import getpass
import json
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from jupyter_aml.data.vault_keys import KeyPlace, Keys, new_keys
from jupyter_aml.errors import NotFoundException, UserErrorException, WorkspaceException
from jupyter_aml.store.records import AssetQuery, AssetRecord

KIND = "secret"
OWN = ":"
"""What only the workspace's own names have in them."""
LARGEST = 64 * 1024
"""Characters of a value at most."""
_DATASTORE = "datastore:"
URL = "url:"
"""What opens a URL of a dataset."""
OWNS = (_DATASTORE, URL)
"""What the workspace's own names begin with."""
_READ = "read"


class Vault(ABC):
    """Secrets by name. Values go in and out, and are in no repr and no error."""

    @abstractmethod
    def put(self, name: str, value: str, content_type: str = "") -> None:
        """Set a secret: its next version."""

    @abstractmethod
    def get(self, name: str) -> str | None:
        """The newest version's value; None when there is none of that name.

        Raises:
            WorkspaceException: its key is not here, or it was tampered with.
        """

    @abstractmethod
    def remove(self, name: str) -> bool:
        """Remove all versions; False when there was none."""

    @abstractmethod
    def records(self, *, own: bool = False) -> list[AssetRecord]:
        """The newest version of each secret, without its value. `own`: the workspace's own ones."""

    @abstractmethod
    def rotate(self) -> int:
        """Seal everything with a new key and throw the old one away; return how many values that were."""

    # -- what opens datastores -----------------------------------------------------------------------------------
    def credentials(self, datastore: str) -> dict[str, str]:
        """What opens a datastore.

        Raises:
            WorkspaceException: it is not in the vault any more.
        """
        text = self.get(_DATASTORE + datastore)
        if text is None:
            raise WorkspaceException(
                f"The credentials of the datastore {datastore!r} are not in the key vault any more. "
                "Register it again with overwrite=True."
            )
        return dict(json.loads(text))

    def put_credentials(self, datastore: str, given: Mapping[str, str]) -> None:
        """Keep what opens a datastore."""
        self.put(_DATASTORE + datastore, json.dumps(dict(given)))

    def forget_credentials(self, datastore: str) -> None:
        """Remove what opened a datastore."""
        self.remove(_DATASTORE + datastore)


class LocalVault(Vault):
    """The vault where this process has the workspace's store and the key.

    Args:
        connection: the workspace's.
        workspace: its id.
        who: who asks, for the change feed.
        run: the run that asks, for the change feed.
    """

    def __init__(self, connection: Any, workspace: str, who: str, run: str = "") -> None:
        self._connection = connection
        self._workspace = workspace
        self._who = who
        self._run = run
        self.keys = KeyPlace(workspace)

    def put(self, name: str, value: str, content_type: str = "") -> None:
        """See Vault.put."""
        with self.keys.locked():
            data = {**self._seal(name, value, self._own_keys()), "content_type": content_type or None}
            data = {key: found for key, found in data.items() if found is not None}
            record = AssetRecord(kind=KIND, name=name, created=time.time(), user=self._who, data=data)
            self._connection.store.put_asset(record)

    def get(self, name: str) -> str | None:
        """See Vault.get."""
        store = self._connection.store
        record = store.asset(KIND, name)
        if record is None:
            return None
        try:
            value = self._open(record, self._keys_of(record))
        except WorkspaceException:
            # A rotation may have sealed it anew between the two looks.
            again = store.asset(KIND, name)
            if again is None or again.data == record.data:
                raise
            value = self._open(again, self._keys_of(again))
        at = datetime.now(timezone.utc).isoformat(timespec="microseconds")
        said = f"{at} by {self._who or 'somebody'}" + (f" in run {self._run}" if self._run else "")
        store.change_asset(record.id, at=time.time(), who=self._who, set_tags={_READ: said})
        return value

    def remove(self, name: str) -> bool:
        """See Vault.remove."""
        store, at = self._connection.store, time.time()
        found = list(store.walk_assets(AssetQuery(kind=KIND, name=name, archived=True)))
        removed = [store.delete_asset(record.id, at=at, who=self._who) for record in found]
        return any(removed)

    def records(self, *, own: bool = False) -> list[AssetRecord]:
        """See Vault.records."""
        found = self._connection.store.walk_assets(AssetQuery(kind=KIND, latest=True))
        return [
            replace(record, data={k: v for k, v in record.data.items() if k == "content_type"})
            for record in found
            if (OWN in record.name) == own
        ]

    def rotate(self) -> int:
        """See Vault.rotate. Broken off, it is completed by the next one: the old key is kept until nothing needs it."""
        store = self._connection.store
        with self.keys.locked():
            old = self.keys.read()
            if old is None:
                self._refuse_second_key()
            keys = new_keys(old.all if old else {})
            self.keys.write(keys)
            count = 0
            # Another machine with the old key may set one meanwhile: look again until there is none left.
            while left := [record for record in self._sealed() if record.data.get("key") != keys.current]:
                for record in left:
                    sealed = self._seal(record.name, self._open(record, keys), keys)
                    with suppress(NotFoundException):  # removed meanwhile
                        store.change_asset(record.id, at=time.time(), who=self._who, data=sealed)
                        count += 1
            self.keys.write(Keys(keys.current, {keys.current: keys.key}))
        return count

    def _sealed(self) -> Iterator[AssetRecord]:
        return iter(list(self._connection.store.walk_assets(AssetQuery(kind=KIND, archived=True))))

    # -- sealing -------------------------------------------------------------------------------------------------
    def _own_keys(self) -> Keys:
        keys = self.keys.read()
        if keys is None:
            self._refuse_second_key()
            keys = new_keys()
            self.keys.write(keys)
        return keys

    def _refuse_second_key(self) -> None:
        """A vault that has secrets has a key somewhere: another one would divide it."""
        for record in self._sealed():
            raise self._no_key(record)

    def _keys_of(self, record: AssetRecord) -> Keys:
        keys = self.keys.read()
        if keys is None or record.data.get("key") not in keys.all:
            raise self._no_key(record)
        return keys

    def _no_key(self, record: AssetRecord) -> WorkspaceException:
        return WorkspaceException(
            f"The key that opens the secret {record.name!r} is not on this machine. "
            "Bring it from where the secret was set: `aml secret export-key` there, `aml secret import-key` here."
        )

    def _bound(self, name: str, key: str) -> bytes:
        return json.dumps(["jupyter_aml secret 1", self._workspace, name, key]).encode()

    def _seal(self, name: str, value: str, keys: Keys) -> dict[str, str]:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(12)
        sealed = AESGCM(keys.key).encrypt(nonce, value.encode("utf-8"), self._bound(name, keys.current))
        return {"sealed": base64.b64encode(nonce + sealed).decode("ascii"), "key": keys.current}

    def _open(self, record: AssetRecord, keys: Keys) -> str:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            key = str(record.data["key"])
            sealed = base64.b64decode(record.data["sealed"], validate=True)
            plain = AESGCM(keys.all[key]).decrypt(sealed[:12], sealed[12:], self._bound(record.name, key))
            return plain.decode("utf-8")
        except (InvalidTag, KeyError, ValueError, TypeError):
            raise WorkspaceException(
                f"The secret {record.name!r} cannot be opened: it was altered, or belongs to another workspace. Set it again."
            ) from None


def vault_of(workspace: Any, *, who: str | None = None, run: str = "") -> Vault:
    """The vault of a workspace, where this process can reach it.

    Args:
        workspace: whose.
        who: who asks; the user of this process by default.
        run: the run that asks, where one does.
    """
    connection = workspace.connection
    if connection.place.kind == "http":
        from jupyter_aml.data.vault_http import HttpVault

        return HttpVault(connection.place.address)
    if who is None:
        try:
            who = getpass.getuser()
        except (OSError, KeyError):
            who = ""
    return LocalVault(connection, str(workspace.id), who, run or os.environ.get("JUPYTER_AML_RUN_ID", ""))


def check_value(name: str, value: Any) -> str:
    """A secret's value, if it can be one. Messages never show it.

    Raises:
        UserErrorException: not a text, too long, or with characters that UTF-8 cannot write.
    """
    if not isinstance(value, str):
        raise UserErrorException(f"The value of the secret {name!r} is a text, not {type(value).__name__}.")
    if len(value) > LARGEST:
        raise UserErrorException(
            f"The value of the secret {name!r} has {len(value):,} characters; at most {LARGEST:,} are kept."
        )
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise UserErrorException(f"The value of the secret {name!r} has characters that cannot be written.") from None
    return value
