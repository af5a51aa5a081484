"""An error of a cell inside a cell is shown once, as the inner cell would show it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def unshown(shell: Any) -> Iterator[list[str]]:
    """While entered, the shell shows no traceback; the list has the lines of the last one."""
    kept: list[str] = []

    def keep(etype: Any, evalue: Any, stb: list[str]) -> None:
        kept[:] = stb

    show, usage = shell._showtraceback, shell.show_usage_error
    shell._showtraceback = keep
    shell.show_usage_error = lambda error: None
    try:
        yield kept
    finally:
        shell._showtraceback, shell.show_usage_error = show, usage


def show_as(shell: Any, error: BaseException, lines: list[str]) -> None:
    """When the shell is about to show this error the next time, it shows these lines: without our own frames."""
    show = shell._showtraceback

    def once(etype: Any, evalue: Any, stb: list[str]) -> None:
        shell._showtraceback = show
        show(etype, evalue, lines if evalue is error and lines else stb)

    shell._showtraceback = once
