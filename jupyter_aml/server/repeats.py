"""Changes that come over REST: each in one transaction, and once, however often its request is sent."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from jupyter_aml.errors import ConflictException, NotFoundException, UserErrorException
from jupyter_aml.server import wire

if TYPE_CHECKING:
    from jupyter_aml.server.base import AmlHandler

_KEY = re.compile(r"[\x21-\x7e]{1,255}\Z")
_TAG = re.compile(r'(W/)?"(\d{1,18})-[0-9a-f]+"')


def tag(value: Any, text: str) -> str:
    """The ETag of an answer: the revision of the record, for If-Match, and a digest of all of it, for If-None-Match."""
    digest = hashlib.sha256(text.encode("ascii")).hexdigest()[:16]
    return f'"{getattr(value, "revision", 0)}-{digest}"'


def expected(header: str | None, revision: int) -> int | None:
    """The revision that a change is for; None where any will do.

    Args:
        header: the request's If-Match.
        revision: the thing's present one.

    Raises:
        ConflictException: the header names no revision.
    """
    if header is None or header.strip() == "*":
        return None
    named = {int(found[2]) for found in _TAG.finditer(header) if not found[1]}
    if not named:
        raise ConflictException(f"If-Match: {header[:80]!r} is no version of this. Read it again and send its ETag.")
    return revision if revision in named else max(named)


class InProgress(ConflictException):
    """The same request is being answered; ask again in a moment."""


class KeyReused(UserErrorException):
    """The key was sent with another request."""


async def once(handler: AmlHandler, key: str, answer: Callable[[], Awaitable[Any]]) -> Any:
    """Answer a request that has an Idempotency-Key.

    What was answered is kept for a day in the workspace's store, so that it makes no difference which server is asked
    again, or whether it has been restarted. Only successes are kept: a request that was refused changed nothing.

    Raises:
        KeyReused: the key was sent with another request.
        InProgress: the first of these requests is not through yet.
    """
    if not _KEY.match(key):
        raise UserErrorException("An Idempotency-Key has 1 to 255 visible ASCII characters.")
    if not handler.repeatable:
        raise UserErrorException("This route takes no Idempotency-Key.")
    request = handler.request
    asked = sorted((n, v) for n, v in request.query_arguments.items() if n != "token")
    route = [handler.whose, request.method, request.path, key]
    name = hashlib.sha256(json.dumps(route).encode("ascii")).hexdigest()
    said = hashlib.sha256(repr(asked).encode() + b"\n" + request.headers.get("If-Match", "").encode() + b"\n")
    said.update(request.body)
    claim = await handler.store("claim_answer", name, said.hexdigest())
    if claim.state == "other":
        raise KeyReused(f"The Idempotency-Key {key!r} was sent with another request. Take a new one.")
    if claim.state == "busy":
        handler.set_header("Retry-After", "1")
        raise InProgress("The same request is being answered. Ask again in a moment.")
    if claim.state == "answered":
        kept = json.loads(claim.body)
        handler.set_header("Idempotency-Replayed", "true")
        handler.send(kept["body"], kept["status"], kept["etag"])
        return None
    handler.once, handler.was_applied = name, claim.applied
    try:
        value = await answer()
    except NotFoundException:
        if request.method != "DELETE" or not claim.applied:
            await handler.store("settle_answer", name, None)
            raise
        value = None  # whoever began this deleted it
    except BaseException:
        if not handler.was_applied:  # else the next one finishes it
            await handler.store("settle_answer", name, None)
        raise
    text = None if value is None else wire.text(value)
    status = 204 if text is None else 200
    etag = "" if text is None else handler.tag_of(value, text)
    await handler.store("settle_answer", name, json.dumps({"status": status, "body": text, "etag": etag}))
    handler.send(text, status, etag)
    return None
