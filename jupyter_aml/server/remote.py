"""The store's contract over HTTP, for our own HttpStore: kernels, scripts and teammates on other machines."""

from __future__ import annotations

import inspect
import os
import re
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, cast

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_aml.errors import FilterException, NotFoundException, UserErrorException
from jupyter_aml.server.base import AmlHandler, answers, is_anonymous
from jupyter_aml.server.streams import SpooledHandler
from jupyter_aml.store.blobs import CHUNK, is_digest
from jupyter_aml.store.contract import Store
from jupyter_aml.store.events import USER, Batch, ExperimentDeleted, RunCreated, RunDeleted, WorkspaceCleaned
from jupyter_aml.store.http import wire
from jupyter_aml.store.journal import SUFFIX
from jupyter_aml.store.records import AssetRecord, RunQuery
from jupyter_aml.store.shapes import misfit

MAX_BATCH = 128 * 2**20
_JOURNAL = re.compile(r"[0-9a-f]{24}\Z")
LISTED = 1000
"""Contents that are told in one piece."""


def _indigestible() -> tuple[type[Exception], ...]:
    """What a store says of values that it cannot keep or look for, such as half a character in an id."""
    from sqlalchemy.exc import StatementError  # not before there is one

    return (TypeError, AttributeError, LookupError, OverflowError, RecursionError, UnicodeError, StatementError)


class StoreHandler(AmlHandler):
    """Base of the routes below `store/`."""

    auth_resource = "jupyter_aml:store"
    repeatable = False
    """A batch is told from the next by its place in its journal; contents are named by their hashes."""

    async def check_reach(self, run_id: str = "", *_: str) -> None:
        """The routes that runs' tokens may use look at what they are asked for."""

    def demand_owner(self) -> None:
        """Refuse whoever may not do what owners do, on a server that tells them apart."""
        self.for_owners = True
        if not self.authorizer.is_authorized(self, self.current_user, "write", self.auth_resource):  # type: ignore[arg-type]
            raise web.HTTPError(403)

    async def on_store(self, function: Any) -> Any:
        """What a function makes of the store, in a thread."""
        workspace = await self.workspace()
        return await self.services.call(lambda: function(workspace.connection.store))

    def sent(self) -> Any:
        """The body as values of the contract.

        Raises:
            UserErrorException: it is none.
        """
        if len(self.request.body) > MAX_BATCH:
            raise UserErrorException(f"The body has {len(self.request.body):,} bytes; at most {MAX_BATCH:,} are taken.")
        try:
            return wire.loads(self.request.body)
        except ValueError as error:
            raise UserErrorException(f"The body is not what the store's client sends: {error}.") from error

    def call(self) -> tuple[list[Any], dict[str, Any]]:
        """The arguments that were sent.

        Raises:
            UserErrorException: they are none.
        """
        sent = self.sent()
        try:
            return list(sent["args"]), dict(sent["kwargs"])
        except (KeyError, TypeError, ValueError):
            raise UserErrorException("The body holds args and kwargs.") from None

    def answer(self, value: Any) -> None:
        """Answer with a value of the contract."""
        self.set_header("Content-Type", wire.MEDIA_TYPE)
        self.set_header("Cache-Control", "no-store")
        self.finish(wire.dumps(value))


class ReadHandler(StoreHandler):
    """`POST store/read/<method>`: a method of the contract that changes nothing; its arguments may be long."""

    for_runs = frozenset(["post"])

    @web.authenticated
    @authorized("read")
    @answers
    async def post(self, method: str) -> Any:
        """``{"args", "kwargs"}`` → what the method gives."""
        if method not in wire.READS:
            raise NotFoundException(f"The store has no method {method!r}.")
        if method == "activity":  # as over REST
            self.demand_owner()
        args, kwargs = self.call()
        await self.reach(lambda reach: reach.check_read(method, args, kwargs))
        if method == "about":  # a folder keeps it beside its store
            workspace = await self.workspace()
            self.answer({k: v for k, v in workspace.connection.about.items() if k not in ("url", "artifacts")})
            return
        self.answer(await self.on_store(lambda store: ask(store, method, args, kwargs)))


class WriteHandler(StoreHandler):
    """`POST store/write/<method>`: a method of the contract that changes something at once."""

    for_runs = frozenset(["post"])

    @web.authenticated
    @authorized
    @answers
    async def post(self, method: str) -> Any:
        """``{"args", "kwargs"}`` → what the method gives."""
        if self.run_token is not None and method != "put_asset":
            raise web.HTTPError(403, f"A run's token does not {method.replace('_', ' ')}.")
        if method not in wire.WRITES:
            raise NotFoundException(f"The store has no method {method!r}.")
        args, kwargs = self.call()
        await self.reach(lambda reach: reach.check_write(method, args, kwargs))
        if method == "delete_asset":
            self.demand_owner()
        if not is_anonymous(self.current_user):  # whoever logged in by name has done it, whatever the request says
            if method == "put_asset" and args and isinstance(args[0], AssetRecord):
                args[0] = replace(args[0], user=self.who)
            if method in ("change_asset", "delete_asset"):
                kwargs["who"] = self.who
        self.answer(await self.on_store(lambda store: ask(store, method, args, kwargs)))


def ask(store: Store, method: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Call a method of the store.

    Raises:
        UserErrorException: it does not take these arguments.
    """
    contract = getattr(Store, method)
    try:
        given = inspect.signature(contract).bind(store, *args, **kwargs).arguments
        why = misfit(contract, given)
        if why:
            asked = any(isinstance(one, RunQuery) for one in given.values())
            raise (FilterException if asked else UserErrorException)(f"{method}: {why}.")
        return getattr(store, method)(*args, **kwargs)
    except _indigestible() as error:
        raise UserErrorException(f"{method} does not take these arguments ({type(error).__name__}).") from error


class ApplyHandler(StoreHandler):
    """`POST store/apply`."""

    for_runs = frozenset(["post"])

    @web.authenticated
    @authorized
    @answers
    async def post(self) -> Any:
        """A batch of a journal → how many of its entries are applied."""
        if len(self.request.body) > MAX_BATCH:
            raise UserErrorException(
                f"The batch has {len(self.request.body):,} bytes; at most {MAX_BATCH:,} are taken."
            )
        try:
            batch = await self.services.call(wire.unpack, self.request.body)
        except (ValueError, RecursionError) as error:
            raise UserErrorException(f"The body is no batch: {error}.") from error
        await self.reach(lambda reach: reach.check_events(batch.events))
        if any(isinstance(event, RunDeleted | ExperimentDeleted | WorkspaceCleaned) for event in batch.events):
            self.demand_owner()
        workspace = await self.workspace()
        owner = batch.journal.partition("-")[0]
        if _JOURNAL.match(owner) and (workspace.connection.folder / "journals" / (owner + SUFFIX)).exists():
            raise web.HTTPError(403, "This is the journal of a program on the server's own machine.")
        batch = self._signed(batch)
        try:
            done = await self.on_store(lambda store: store.apply(batch))
        except _indigestible() as error:  # its sender puts it aside, so that it does not hold up what follows
            self.log.exception("jupyter_aml: a batch of journal %s cannot be stored.", batch.journal)
            raise UserErrorException(f"The store cannot digest this batch ({type(error).__name__}).") from error
        except ValueError as error:
            self.refuse(409, "BatchDoesNotFollow", str(error))
            return
        self.answer(done)

    def _signed(self, batch: Batch) -> Batch:
        """Whoever logged in by name has made these runs, whatever the batch says."""
        if is_anonymous(self.current_user):
            return batch
        who, events = self.who, []
        scope = self.run_token.run if self.run_token is not None else USER + who
        for event in batch.events:
            if isinstance(event, RunCreated):
                event = replace(event, run=replace(event.run, user=who))
            elif hasattr(event, "who"):
                event = replace(cast(Any, event), who=who)
            events.append(event)
        return Batch(journal=batch.journal, first=batch.first, count=batch.count, events=events, scope=scope)


class SettingsHandler(StoreHandler):
    """`POST store/settings`."""

    for_owners = True

    @web.authenticated
    @authorized
    @answers
    async def post(self) -> Any:
        """``{"values", "keep", "who"}``."""
        sent = self.sent()
        if not isinstance(sent, dict) or not isinstance(sent.get("values"), dict):
            raise UserErrorException("The body holds values and keep.")
        who = sent.get("who", "") if is_anonymous(self.current_user) else self.who
        await self.on_store(lambda store: store.put_settings(sent["values"], keep=bool(sent.get("keep")), who=str(who)))


class BlobsHandler(StoreHandler):
    """`store/blobs`: which contents there are."""

    for_runs = frozenset(["post", "put"])

    @web.authenticated
    @authorized("read")
    @answers
    async def post(self) -> Any:
        """Digests → those whose contents are here."""
        wanted = self.sent()
        if not isinstance(wanted, list) or not all(isinstance(one, str) for one in wanted):
            raise UserErrorException("The body is a list of digests.")
        workspace = await self.workspace()
        blobs = workspace.connection.blobs
        self.answer(await self.services.call(lambda: [digest for digest in wanted if blobs.has(digest)]))

    @web.authenticated
    @authorized
    @answers
    async def put(self) -> Any:
        """[digest, size] of contents that would be sent → digests of those that are here, and are kept for now."""
        wanted = self.sent()
        if not isinstance(wanted, list) or not all(
            isinstance(one, list) and [type(part) for part in one] == [str, int] for one in wanted
        ):
            raise UserErrorException("The body is a list of [digest, size].")
        workspace = await self.workspace()
        blobs = workspace.connection.blobs
        self.answer(await self.services.call(lambda: [digest for digest, size in wanted if blobs.keep(digest, size)]))

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> Any:
        """All contents: digest, size and time, a line each, and an empty line at the end."""
        workspace = await self.workspace()
        infos = workspace.connection.blobs.walk()
        self.set_header("Content-Type", "text/plain")
        self.set_header("Cache-Control", "no-store")
        while some := await self.services.call(lambda: list(islice(infos, LISTED))):
            self.write("".join(f"{one.digest} {one.size} {one.time!r}\n" for one in some))
            await self.flush()
        self.finish("\n")


class BlobHandler(SpooledHandler, StoreHandler):
    """`GET` and `PUT store/blobs/<digest>`: contents as streams, in bounded memory both ways."""

    for_runs = frozenset(["get", "put"])

    @web.authenticated
    @authorized
    @answers
    async def put(self, digest: str) -> Any:
        """Keep a content."""
        spool = self._spool
        if spool is None or not is_digest(digest):
            raise UserErrorException("A content is named by its sha256.")
        await self.services.call(spool.flush)
        workspace = await self.workspace()
        blobs = workspace.connection.blobs
        found, size = await self.services.call(blobs.put_file, Path(spool.name))
        if found != digest:
            raise UserErrorException(
                f"The content's sha256 is {found}, not {digest}: it was damaged on its way. Send it again."
            )
        return {"digest": digest, "size": size}

    @web.authenticated
    @authorized
    @answers
    async def get(self, digest: str) -> Any:
        """A content, chunk by chunk."""
        workspace = await self.workspace()
        blobs = workspace.connection.blobs
        file = await self.services.call(blobs.open, digest)
        try:
            size = await self.services.call(file.seek, 0, os.SEEK_END)
            await self.services.call(file.seek, 0)
            self.set_header("Content-Type", "application/octet-stream")
            self.set_header("Content-Length", str(size))
            self.set_header("X-Content-Type-Options", "nosniff")
            while chunk := await self.services.call(file.read, CHUNK):
                self.write(chunk)
                await self.flush()
        finally:
            await self.services.call(file.close)
        self.finish()


ROUTES: list[tuple[str, type]] = [
    (r"/store/read/([a-z_]{1,40})", ReadHandler),
    (r"/store/write/([a-z_]{1,40})", WriteHandler),
    (r"/store/apply", ApplyHandler),
    (r"/store/settings", SettingsHandler),
    (r"/store/blobs", BlobsHandler),
    (r"/store/blobs/([0-9a-f]{64})", BlobHandler),
]
