"""Whoever waits for an environment may want to stop waiting: what takes long here looks now and then whether that is so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

TICK = 0.1
"""Seconds between two looks."""
_check: ContextVar[Callable[[], None] | None] = ContextVar("jupyter_aml_patience", default=None)


@contextmanager
def until(check: Callable[[], None]) -> Iterator[None]:
    """What is awaited inside is given up when `check` raises."""
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


def look() -> None:
    """Raises what makes this wait end."""
    check = _check.get()
    if check is not None:
        check()
