"""Requests to the Jupyter server that has the workspace, beside those of the store."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from jupyter_aml.store.http.client import Client


class ServedClient(Client):
    """Speaks to the server's routes for data.

    Args:
        address: the server's URL, with its token.
    """

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self._workspace, self._query = self._query.lstrip("?"), ""

    def ask(self, method: str, path: str, body: Any = None, /, *, stream: bool = False, **query: Any) -> Any:
        """Send a request; see Client.request.

        Args:
            method, path: what to ask.
            body: bytes, or an iterator of them; anything else goes as JSON.
            stream: leave the answer's content unread.
            **query: parameters; None is left out.
        """
        headers = {"Content-Type": "application/octet-stream"} if body is not None else None
        if body is not None and not isinstance(body, bytes) and not hasattr(body, "__next__"):
            body, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
        given = urlencode({name: value for name, value in query.items() if value is not None})
        parameters = "&".join(part for part in (self._workspace, given) if part)
        return self.request(
            method, f"/{path}?{parameters}" if parameters else f"/{path}", body, headers=headers, stream=stream
        )
