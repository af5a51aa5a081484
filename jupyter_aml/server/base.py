"""What all handlers share: JSON in and out, our errors as HTTP statuses, work done in threads."""

from __future__ import annotations

import asyncio
import functools
import json
import math
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from jupyter_server.base.handlers import APIHandler
from tornado import web

from jupyter_aml.errors import (
    AzureMLException,
    NotFoundException,
    ConflictException,
    RunStateException,
    StoreUnavailableException,
    UserErrorException,
)
from jupyter_aml.server import wire
from jupyter_aml.workspace import Workspace

T = TypeVar("T")
MAX_BODY = 1_000_000
ALWAYS = frozenset({"workspace", "token"})
"""Parameters that every route takes."""
STATUS: list[tuple[type[AzureMLException], int]] = [
    (NotFoundException, 404),
    (UserErrorException, 400),
    (RunStateException, 409),
    (ConflictException, 409),
    (StoreUnavailableException, 503),
    (AzureMLException, 500),
]
"""The first class that fits gives the HTTP status."""


class Services:
    """What the extension holds for its handlers.

    Args:
        open_workspace: opens a workspace that is offered, "" for the server's own; called once for each, in a thread.
        track: which notebooks' cells are recorded.
    """

    def __init__(self, open_workspace: Callable[[str], Workspace], track: str) -> None:
        self._open_workspace = open_workspace
        self._workspaces: dict[str, asyncio.Future[Workspace]] = {}
        self.threads = ThreadPoolExecutor(4, thread_name_prefix="jupyter_aml")
        self.track = track
        self.watcher: Any = None
        self.live: Any = None
        self.offered: Callable[[], dict[str, str]] = dict
        """Name → URL of the workspaces that are offered beside the server's own."""

    async def call(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run something that waits (the store, a file) in a thread."""
        return await asyncio.get_running_loop().run_in_executor(
            self.threads, functools.partial(function, *args, **kwargs)
        )

    async def workspace(self, name: str = "") -> Workspace:
        """A workspace, opened at first use. A failure is tried again at the next call."""
        opening = self._workspaces.get(name)
        if opening is None or (opening.done() and opening.exception()):
            opening = self._workspaces[name] = asyncio.ensure_future(self.call(self._open_workspace, name))
        return await asyncio.shield(opening)

    def opened(self) -> list[Workspace]:
        """The workspaces that are open."""
        return [o.result() for o in self._workspaces.values() if o.done() and not o.cancelled() and not o.exception()]


class AmlHandler(APIHandler):
    """Base of our handlers. Each names its `auth_resource` and decorates each method with the server's two checks."""

    auth_resource = "jupyter_aml:workspace"
    parameters: frozenset[str] | None = None
    """Names in the query string; others are refused. None: whatever comes is let pass."""

    def check_parameters(self) -> None:
        """Refuse a misspelt parameter, which would change the answer's meaning unseen.

        Raises:
            UserErrorException: naming those that there are.
        """
        known = self.parameters
        # Digits alone are what JupyterLab appends so that nothing is cached.
        wrong = [n for n in self.request.query_arguments if not n.isdigit() and n not in ALWAYS | (known or set())]
        if known is not None and wrong:
            raise UserErrorException(f"There is no parameter {wrong[0][:40]!r}; there are {', '.join(sorted(known))}.")

    @property
    def services(self) -> Services:
        """What the extension holds."""
        return self.settings["jupyter_aml"]  # type: ignore[no-any-return]

    @property
    def who(self) -> str:
        """Who asks, by Jupyter's identity."""
        return name_of(self.current_user)

    async def workspace(self) -> Workspace:
        """The workspace that is asked for (``?workspace=NAME``), else the server's own.

        Raises:
            NotFoundException: none of that name is offered.
        """
        return await self.services.workspace(self.get_query_argument("workspace", ""))

    async def store(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call a method of the store in a thread."""
        workspace = await self.workspace()
        return await self.services.call(lambda: getattr(workspace.connection.store, method)(*args, **kwargs))

    def body(self) -> dict[str, Any]:
        """The request's JSON object.

        Raises:
            UserErrorException: too large, not JSON, or not an object.
        """
        raw = self.request.body
        if len(raw) > MAX_BODY:
            raise UserErrorException(f"The body has {len(raw):,} bytes; at most {MAX_BODY:,} are taken.")
        try:
            value = json.loads(raw or b"{}")
        except (ValueError, RecursionError) as error:
            raise UserErrorException(f"The body is not JSON: {error}.") from error
        if not isinstance(value, dict):
            raise UserErrorException("The body has to be a JSON object.")
        return value

    def number(self, name: str, default: int, least: int = 0, most: int = 2**53) -> int:
        """A whole number of the query string; the most that there may be instead of more.

        Raises:
            UserErrorException: it is less than the least, or no whole number.
        """
        given = self.get_query_argument(name, "")
        if not given:
            return default
        try:
            value = int(given)
        except ValueError:
            value = least - 1
        if value < least:
            raise UserErrorException(f"{name} is a whole number from {least} on, not {given[:40]!r}.")
        return min(value, most)

    def real(self, name: str) -> float | None:
        """A number of the query string, or None."""
        given = self.get_query_argument(name, "")
        if not given:
            return None
        try:
            value = float(given)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise UserErrorException(f"{name} is a number, not {given[:40]!r}.")
        return value

    def reply(self, value: Any, status: int = 200) -> None:
        """Answer with JSON."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")
        self.finish(wire.text(value))

    def refuse(self, status: int, code: str, message: str) -> None:
        """Answer with an error."""
        self.clear()
        self.reply({"error": {"code": code, "message": message}}, status)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Errors that the server raised itself, in our one shape and without a trace."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        message = getattr(error, "log_message", None) or getattr(error, "reason", None) or self._reason
        if not isinstance(error, web.HTTPError):
            message = "Something went wrong on the server; its log says what."
        self.reply({"error": {"code": f"Http{status_code}", "message": str(message)}}, status_code)


def answers(method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[None]]:
    """Turn what a handler's method returns into JSON, and our errors into their statuses."""

    @functools.wraps(method)
    async def answering(self: AmlHandler, *args: str, **kwargs: Any) -> None:
        try:
            self.check_parameters()
            value = await method(self, *args, **kwargs)
        except AzureMLException as error:
            status = next(code for kind, code in STATUS if isinstance(error, kind))
            if status >= 500:
                self.log.warning("jupyter_aml: %s", error)
            self.refuse(status, type(error).__name__, error.message)
            return
        if not self._finished:
            if value is None:
                self.set_status(204)
                self.finish()
            else:
                self.reply(value)

    return answering


def name_of(user: Any) -> str:
    """A Jupyter user as he is written down. Without a login by name Jupyter invents one for each cookie
    ("Anonymous Io"); that name is kept, not the random id behind it."""
    username = str(getattr(user, "username", "") or "")
    display = str(getattr(user, "display_name", "") or getattr(user, "name", "") or "")
    return display if is_anonymous(user) else username


def is_anonymous(user: Any) -> bool:
    """Whether Jupyter invented this user."""
    name = str(getattr(user, "name", "") or "")
    return name.startswith("Anonymous ") and name != getattr(user, "username", "")
