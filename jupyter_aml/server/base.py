"""What all handlers share: JSON in and out, our errors as HTTP statuses, work done in threads."""

from __future__ import annotations

import asyncio
import base64
import functools
import json
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from jupyter_server.base.handlers import APIHandler
from tornado import web

from jupyter_aml.errors import (
    AzureMLException,
    ComputeTargetException,
    ConflictException,
    NotFoundException,
    RunStateException,
    StoreUnavailableException,
    UserErrorException,
)
from jupyter_aml.server import repeats, run_access, wire
from jupyter_aml.store.events import Event
from jupyter_aml.store.run_token import RunToken, RunTokenException
from jupyter_aml.workspace import Workspace

T = TypeVar("T")
MAX_BODY = 1_000_000
CHANGING = frozenset({"post", "put", "patch", "delete"})
_AFTER = ">"
"""What a cursor of a list by name begins with."""
ALWAYS = frozenset({"workspace", "token"})
"""Parameters that every route takes."""
STATUS: list[tuple[type[AzureMLException], int]] = [
    (NotFoundException, 404),
    (repeats.KeyReused, 422),
    (RunTokenException, 403),
    (UserErrorException, 400),
    (ComputeTargetException, 400),
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
        self.switching = asyncio.Lock()
        """Held while a notebook's switch is thrown."""
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
    """Base of our handlers. Each names its `auth_resource` and decorates each method with the server's two checks.

    A method that changes something tells the store by `change`, with `expected(record)` where it says so in `conditional`.
    """

    auth_resource = "jupyter_aml:workspace"
    for_runs: frozenset[str] = frozenset()
    """Methods ("get", "post" …) that the token of a run may call, as far as it reaches; none without a word about it."""
    conditional: frozenset[str] = frozenset()
    """Methods that heed If-Match; the others refuse it."""
    repeatable = True
    """Whether its changes take an Idempotency-Key."""
    by_content = False
    """Whether its answers have an ETag of their content, for want of a revision."""
    run_token: RunToken | None = None
    """What the run's token says that came with the request."""
    once = ""
    """Name of a request that may be sent again, the same each time: a handler may derive ids from it."""
    was_applied = False
    """Whether this request's events are applied already."""
    _etag = ""
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

    @property
    def whose(self) -> str:
        """Whose requests these are: a user's by name, a run's, or those of whoever has the server's token."""
        if self.run_token is not None:
            return f"run {self.run_token.run}"
        return "" if is_anonymous(self.current_user) else self.who

    @property
    def identity_provider(self) -> Any:
        """The server's, unless the request has the token of a run: then nothing else that it has counts."""
        return run_access.RunIdentity() if run_access.given(self.request.headers) else super().identity_provider

    @property
    def authorizer(self) -> Any:
        """The server's, unless the request has the token of a run."""
        return run_access.RunAuthorizer() if run_access.given(self.request.headers) else super().authorizer

    async def reach(self, check: Callable[[run_access.Reach], T]) -> T | None:
        """Let a run's token be checked, in a thread; nothing to do without one."""
        token = self.run_token
        if token is None:
            return None
        workspace = await self.workspace()
        return await self.services.call(lambda: check(run_access.Reach(workspace.connection.store, token)))

    async def check_reach(self, run_id: str = "", *_: str) -> None:
        """Refuse a run's token that does not reach the run of the route."""
        await self.reach(lambda reach: reach.demand(run_id))

    async def change(self, *events: Event) -> None:
        """Apply events at once, in one transaction.

        Raises:
            ConflictException: one is for another revision.
            StoreUnavailableException: nothing was changed.
        """
        workspace = await self.workspace()
        await self.services.call(workspace.connection.change, *events, once=self.once)
        self.was_applied = bool(self.once)

    def expected(self, record: Any) -> int | None:
        """The revision of the record that the request is for (If-Match); None where any will do."""
        if self.was_applied:
            return None
        return repeats.expected(self.request.headers.get("If-Match"), record.revision)

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

    def page(self, everything: Sequence[T], key: Callable[[T], str]) -> tuple[list[T], str | None]:
        """The page of a list that the query string asks for, and the cursor of the following one (None: it is the last).

        Args:
            everything: in any order.
            key: what each is called; no two alike. The page is by it, so that nothing is skipped or told twice
                while others come and go.

        Raises:
            UserErrorException: a cursor that is none of ours.
        """
        limit = self.number("limit", 10_000, 1, 10_000)
        given = self.get_query_argument("cursor", "")
        rest = sorted(everything, key=key)
        if given:
            try:
                after = base64.urlsafe_b64decode(given.encode("ascii")).decode("utf-8", "surrogatepass")
                if after[:1] != _AFTER:
                    raise ValueError(after)
                after = after[1:]
            except ValueError:
                raise UserErrorException(
                    f"The cursor {given[:40]!r} is none; give `next` of the page before."
                ) from None
            rest = [one for one in rest if key(one) > after]
        if len(rest) <= limit:
            return rest, None
        last = (_AFTER + key(rest[limit - 1])).encode("utf-8", "surrogatepass")
        return rest[:limit], base64.urlsafe_b64encode(last).decode("ascii")

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
        text = wire.text(value)
        self.send(text, status, self.tag_of(value, text) if status == 200 else "")

    def tag_of(self, value: Any, text: str) -> str:
        """The ETag of a record that has revisions, "" for anything else (GET has one of its content then)."""
        return repeats.tag(value, text) if self.by_content or hasattr(value, "revision") else ""

    def send(self, text: str | None, status: int, etag: str = "") -> None:
        """Answer with JSON text, or with nothing."""
        self.set_status(status)
        self.set_header("Cache-Control", "no-store")
        self._etag = etag  # with GET, tornado adds it and compares it with If-None-Match
        if etag and self.request.method != "GET":
            self.set_header("Etag", etag)
        if text is None:
            self.clear_header("Content-Type")
            self.finish()
        else:
            self.set_header("Content-Type", "application/json")
            self.finish(text)

    def compute_etag(self) -> str | None:
        """What GET compares with If-None-Match."""
        return self._etag or super().compute_etag()

    def refuse(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        """Answer with an error."""
        self.clear()
        for name, value in (headers or {}).items():
            self.set_header(name, value)
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
        verb = (self.request.method or "").lower()
        key = self.request.headers.get("Idempotency-Key") if verb in CHANGING else None
        try:
            self.check_parameters()
            if self.run_token is not None:
                await self.check_reach(*args)
            if verb in CHANGING and verb not in self.conditional and "If-Match" in self.request.headers:
                raise UserErrorException("What this route changes has no versions: it cannot heed If-Match.")
            if key is None:
                value = await method(self, *args, **kwargs)
            else:
                value = await repeats.once(self, key, lambda: method(self, *args, **kwargs))
        except AzureMLException as error:
            status = next(code for kind, code in STATUS if isinstance(error, kind))
            if status >= 500:
                self.log.warning("jupyter_aml: %s", error)
            retry = self._headers.get("Retry-After")
            self.refuse(status, type(error).__name__, error.message, {"Retry-After": retry} if retry else {})
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
