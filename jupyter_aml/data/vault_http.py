"""The vault of a workspace behind a Jupyter server: the server has the key, and says values to whoever may have them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from jupyter_aml.data.datastore_client import ServedClient
from jupyter_aml.data.vault import Vault
from jupyter_aml.errors import NotFoundException, UserErrorException
from jupyter_aml.store.records import AssetRecord


class HttpVault(Vault):
    """See Vault: each method is one request.

    Args:
        address: the server's URL, with its token.
    """

    def __init__(self, address: str) -> None:
        self._client = ServedClient(address)

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._client.ask(method, path, body)
        return json.loads(answer.data) if answer.data else None

    def put(self, name: str, value: str, content_type: str = "") -> None:
        """See Vault.put."""
        self._ask("PUT", f"store/secrets/{quote(name, safe='')}", {"value": value, "content_type": content_type})

    def get(self, name: str) -> str | None:
        """See Vault.get."""
        try:
            return str(self._ask("GET", f"store/secrets/{quote(name, safe='')}/value")["value"])
        except NotFoundException:
            return None

    def remove(self, name: str) -> bool:
        """See Vault.remove."""
        try:
            self._ask("DELETE", f"store/secrets/{quote(name, safe='')}")
        except NotFoundException:
            return False
        return True

    def records(self, *, own: bool = False) -> list[AssetRecord]:
        """See Vault.records."""
        if own:  # the workspace's own ones are the server's affair
            return []
        return [
            AssetRecord(
                kind="secret", name=found["name"], version=found["version"], created=found["created"],
                modified=found["modified"], user=found["user"], data={"content_type": found["content_type"]},
            )
            for found in self._ask("GET", "secrets")["secrets"]
        ]  # fmt: skip

    def rotate(self) -> int:
        """See Vault.rotate: keys are changed where they lie."""
        raise UserErrorException(
            f"The key of the vault is on the server {self._client.url}: rotate it there, with `aml secret rotate`."
        )
