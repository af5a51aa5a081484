"""The key vault over REST: names for people; a value is said on a route of its own, to whoever may change the workspace, and to
the workspace's own runs. No answer here can be sent again from what the store keeps (`repeatable`), since it keeps none of them."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_aml.data.keyvault import check_name
from jupyter_aml.data.vault import OWN, OWNS, Vault, check_value, vault_of
from jupyter_aml.errors import NotFoundException, UserErrorException
from jupyter_aml.server.base import AmlHandler, answers


class SecretHandlerBase(AmlHandler):
    """What they share."""

    auth_resource = "jupyter_aml:secrets"
    repeatable = False
    parameters = frozenset[str]()

    async def check_reach(self, run_id: str = "", *_: str) -> None:
        """A run's token reaches the secrets of its workspace, while its run is there."""
        await self.reach(lambda reach: reach.demand(reach.own.id))

    async def vault(self) -> Vault:
        """The workspace's vault, as the one who asks sees it."""
        workspace = await self.workspace()
        run = self.run_token.run if self.run_token is not None else ""
        return vault_of(workspace, who=self.who, run=run)


class SecretsHandler(SecretHandlerBase):
    """`secrets`."""

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> Any:
        """Names, versions and times of the secrets; no values."""
        vault = await self.vault()
        return {"secrets": [_told(record) for record in await self.services.call(vault.records)]}


class SecretHandler(SecretHandlerBase):
    """`secrets/<name>`: set or remove one."""

    @web.authenticated
    @authorized
    @answers
    async def put(self, name: str) -> Any:
        """Set it: {value, content_type?}. The answer has no value."""
        name, given = self.checked(name), self.body()
        unknown = sorted(set(given) - {"value", "content_type"})
        if unknown or "value" not in given:
            raise UserErrorException("A secret is set by value, and content_type if one wants.")
        kind = given.get("content_type") or ""
        if not isinstance(kind, str) or len(kind) > 255:
            raise UserErrorException("A secret's content_type is a short text.")
        vault = await self.vault()
        await self.services.call(vault.put, name, check_value(name, given["value"]), kind)
        records = await self.services.call(vault.records, own=OWN in name)
        return next((_told(record) for record in records if record.name == name), None)

    @web.authenticated
    @authorized
    @answers
    async def delete(self, name: str) -> Any:
        """Remove all its versions."""
        name, vault = self.checked(name), await self.vault()
        if not await self.services.call(vault.remove, name):
            raise NotFoundException.of("secret", name)

    def checked(self, name: str) -> str:
        """The name, if users may have such a one."""
        return check_name(name)


class ClientSecretHandler(SecretHandler):
    """`store/secrets/<name>`: for our own client, which also keeps what opens datastores and URLs."""

    def checked(self, name: str) -> str:
        """The name."""
        plain = unquote(name)
        return plain if plain.startswith(OWNS) else check_name(plain)


class SecretValueHandler(SecretHandlerBase):
    """`store/secrets/<name>/value`: the value, for our own client. It takes the right to write, or a run's token."""

    for_runs = frozenset(["get"])

    @web.authenticated
    @authorized(action="write")
    @answers
    async def get(self, name: str) -> Any:
        """The value."""
        vault = await self.vault()
        value = await self.services.call(vault.get, unquote(name))
        if value is None:
            raise NotFoundException.of("secret", unquote(name)[:127])
        return {"value": value}

    def compute_etag(self) -> str | None:
        """None: not even a digest of it goes into a header."""
        return None


def _told(record: Any) -> dict[str, Any]:
    return {
        "name": record.name, "version": record.version, "created": record.created, "modified": record.modified,
        "user": record.user, "content_type": record.data.get("content_type") or "",
    }  # fmt: skip


NAME = r"([^/]{1,600})"
ROUTES: list[tuple[str, type]] = [
    (r"/secrets", SecretsHandler),
    (rf"/secrets/{NAME}", SecretHandler),
    (rf"/store/secrets/{NAME}", ClientSecretHandler),
    (rf"/store/secrets/{NAME}/value", SecretValueHandler),
]
