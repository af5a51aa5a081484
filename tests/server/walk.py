"""Every route of ours, made from the list that the server registers: a new one is walked without being named here."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import NamedTuple

from tornado.web import RequestHandler

from jupyter_aml.server.extension import ROUTES

VERBS = ("get", "post", "put", "patch", "delete")
FILL = {"run_id": "none", "name": "exp", "path": "x.txt", "digest": "0" * 64, "method": "run"}


class Door(NamedTuple):
    """One method of one route."""

    verb: str
    path: str
    handler: type
    pattern: str
    writes: bool
    """Whether it changes something (some of our client's reads are POSTs, since their arguments are long)."""

    def __str__(self) -> str:
        return f"{self.verb} {self.path}"


def is_socket(handler: type) -> bool:
    """Whether a route is a websocket."""
    return hasattr(handler, "on_message")


def doors(**fill: str) -> Iterator[Door]:
    """Every method of every route, its parts filled in."""
    known = {**FILL, **fill}
    for pattern, handler in ROUTES:
        for verb in VERBS:
            function = getattr(handler, verb)
            if function is getattr(RequestHandler, verb):
                continue
            names = iter(list(inspect.signature(inspect.unwrap(function)).parameters)[1:])
            path = re.sub(r"\([^)]*\)", lambda _, n=names: known.get(next(n), "x"), pattern)
            path = path.replace(".*", "nowhere").replace("\\", "").lstrip("/")
            reads = verb == "get" or pattern.startswith("/store/read/") or (verb, pattern) == ("post", "/store/blobs")
            yield Door(verb, path, handler, pattern, not reads)
