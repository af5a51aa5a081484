"""Requests to a Jupyter server that has a workspace."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from jupyter_aml.errors import (
    ConflictException,
    FilterException,
    NotFoundException,
    RunStateException,
    StoreUnavailableException,
    UserErrorException,
)
from jupyter_aml.store.url import parameters, without_credentials

TOKEN = "JUPYTER_AML_TOKEN"
TIMEOUT = 60.0
"""Seconds without a byte after which a server counts as gone."""
_CONNECT = 10.0
_KINDS = {
    kind.__name__: kind
    for kind in (ConflictException, FilterException, NotFoundException, RunStateException, UserErrorException)
}


class Client:
    """Speaks to our routes of one server.

    Args:
        address: the server's URL (its base URL included), with ``?token=`` where ``$JUPYTER_AML_TOKEN`` does not say it.
    """

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        given = parameters(address)
        token = given.get("token") or os.environ.get(TOKEN, "")
        workspace = given.get("workspace")
        self._query = f"?{urlencode({'workspace': workspace})}" if workspace else ""
        self.url = without_credentials(address)
        self._base = urlunsplit(
            (parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/") + "/aml/api/v1/", "", "")
        )
        self._headers = {"Authorization": f"token {token}"} if token else {}

    @cached_property
    def _pool(self) -> Any:
        import urllib3

        return urllib3.PoolManager(maxsize=8, block=False, retries=False)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        stream: bool = False,
        timeout: float = TIMEOUT,
    ) -> Any:
        """The answer (a urllib3 response), when it is a good one.

        Args:
            method: of HTTP.
            path: of the store's route; one that begins with a slash is any route of ours.
            body: what is sent.
            headers: further ones.
            stream: the answer is read bit by bit.
            timeout: seconds without a byte after which the server counts as gone.

        Raises:
            StoreUnavailableException: the server does not answer, refuses the credentials, or is in trouble.
            NotFoundException, UserErrorException, FilterException: as the store said.
            ValueError: the store said that a batch does not follow.
        """
        import urllib3

        place = path[1:] if path.startswith("/") else "store/" + path
        try:
            answer = self._pool.request(
                method, self._base + place + self._query, body=body, headers={**self._headers, **(headers or {})},
                preload_content=not stream, redirect=False, timeout=urllib3.Timeout(connect=_CONNECT, read=timeout),
            )  # fmt: skip
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise StoreUnavailableException(
                f"The server {self.url} does not answer ({type(error).__name__}). What is logged is kept here and sent later."
            ) from None  # the error's text may show the request's headers
        if 200 <= answer.status < 300:
            return answer
        said = answer.read(100_000) if stream else answer.data
        answer.release_conn()
        raise self._error(answer.status, said)

    def _error(self, status: int, said: bytes) -> Exception:
        code, message = "", ""
        try:
            error = json.loads(said)["error"]
            code, message = str(error["code"]), str(error["message"])
        except (ValueError, KeyError, TypeError):
            message = f"HTTP status {status}"
        if status == 409 and code == "BatchDoesNotFollow":
            return ValueError(message)
        if status in (400, 404, 409) and code in _KINDS:
            return _KINDS[code](message)
        if status in (301, 302, 303, 307, 308, 401, 403):
            return StoreUnavailableException(
                f"The server {self.url} refuses the token or asks for a login. Give a URL with ?token=…, or set {TOKEN}; "
                "where the token is right, its user may not do this there. What is logged is kept here."
            )
        if status == 404:
            return StoreUnavailableException(
                f"The server {self.url} has no workspace: jupyter_aml is not enabled there."
            )
        return StoreUnavailableException(f"The server {self.url} cannot serve the workspace now: {message}")

    def close(self) -> None:
        """Let go of the connections."""
        if "_pool" in self.__dict__:
            self._pool.clear()
