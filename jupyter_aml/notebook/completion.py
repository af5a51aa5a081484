"""What Tab offers behind ``%aml`` and ``%%aml_run``."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import shlex
from collections.abc import Iterable
from typing import Any

from jupyter_aml.store import home
from jupyter_aml.store.connection import Connection
from jupyter_aml.store.records import RunQuery
from jupyter_aml.tracking import context
from jupyter_aml.workspace import Workspace, find_config

log = logging.getLogger("jupyter_aml")

COMMANDS = ("status", "workspace", "experiment", "log", "tag", "track", "runs", "data", "help")
_NONE = object()
FLAGS = ("--name", "--experiment", "--tag", "--var")
QUOTES = ("'", '"')
RECENT = 20
"""Newest runs whose metrics and tags are offered."""


def complete(shell: Any, line: str, token: str) -> list[str]:
    """Ways to go on.

    Args:
        line: what stands before the cursor, on its line.
        token: the last word of it, which each of the ways replaces.
    """
    try:
        magic, sign, rest = line.lstrip().partition(" ")
        name = magic.lstrip("%")
        if not sign or name not in ("aml", "aml_run") or (name == "aml_run" and not magic.startswith("%%")):
            return []
        offered = _of_run(shell, rest) if name == "aml_run" else _of_aml(rest)
        typed = _typed(rest, name == "aml_run")
        cut = len(typed) - len(token)
        fit = [way for way in offered if way.startswith(typed) or (cut == 0 and _unquoted(way).startswith(typed))]
        return [way[max(0, cut) :] for way in fit]
    except Exception as error:  # Tab is no place for an error
        log.debug("jupyter_aml could not complete: %s", error)
        return []


def install(shell: Any) -> None:
    """Offer them on Tab, instead of the names that Python would offer there."""
    remove(shell)
    try:
        from IPython.core.completer import SimpleCompletion, context_matcher
    except ImportError:  # IPython before 8.6
        for key in ("%aml", "%%aml_run"):
            shell.set_hook(
                "complete_command",
                lambda self, event: complete(self, event.text_until_cursor, event.symbol),
                str_key=key,
            )
        return

    @context_matcher(identifier="jupyter_aml", priority=200)
    def matcher(context: Any) -> Any:
        found = complete(shell, context.text_until_cursor, context.token)
        ways = [SimpleCompletion(text=way, type="magic") for way in found]
        return {"completions": ways, "suppress": bool(ways), "ordered": True}

    shell.Completer.custom_matchers.append(matcher)


def remove(shell: Any) -> None:
    """Offer nothing any more."""
    matchers = getattr(shell.Completer, "custom_matchers", [])
    matchers[:] = [m for m in matchers if getattr(m, "matcher_identifier", "") != "jupyter_aml"]


def _typed(rest: str, of_run: bool) -> str:
    """What is there of the word (or name with spaces) that is being completed."""
    if of_run:
        return _words(rest)[-1]
    command, sign, argument = rest.partition(" ")
    return argument if sign else command


def _of_aml(rest: str) -> Iterable[str]:
    command, sign, argument = rest.partition(" ")
    if not sign:
        return COMMANDS
    if command == "track":
        word, more, _ = argument.partition(" ")
        return [f"on {name}" for name in _experiments()] if more and word == "on" else ("on", "off")
    if command == "experiment":
        return _experiments()
    if command in ("log", "tag") and (" " not in argument or argument.startswith(QUOTES)):
        return _quoted(_metrics() if command == "log" else _tags())
    return ()


def _of_run(shell: Any, rest: str) -> Iterable[str]:
    words = _words(rest)
    before = words[-2] if len(words) > 1 else ""
    if before == "--experiment":
        return [shlex.quote(name) for name in _experiments()]
    if before == "--tag":
        return [f"{name}=" if " " not in name else f"'{name}=" for name in _tags()]
    if before == "--var":
        space, hidden = shell.user_ns, shell.user_ns_hidden  # hidden: what IPython put there, unless it was replaced
        return [name for name in space if not name.startswith("_") and hidden.get(name, _NONE) is not space[name]]
    return () if before == "--name" else FLAGS


def _words(rest: str) -> list[str]:
    """Flags and values; ``--name=value`` is two."""
    return re.split(r" |(?<=--name)=|(?<=--experiment)=|(?<=--tag)=|(?<=--var)=", rest)


def _connection() -> Connection | None:
    """The workspace that is written to; None where none is there yet: Tab makes nothing."""
    inner = context.innermost()
    if inner is not None:
        return inner._connection
    found = context.current()
    if found is not None:
        return found.connection
    if find_config() is None and home.DEFAULT_WORKSPACE not in home.list_workspaces():
        return None
    with contextlib.redirect_stdout(io.StringIO()):
        return Workspace.from_config().connection


def _experiments() -> list[str]:
    connection = _connection()
    return [] if connection is None else [experiment.name for experiment in connection.store.experiments()]


def _recent() -> list[Any]:
    connection = _connection()
    if connection is None:
        return []
    return list(connection.store.runs(RunQuery(everywhere=True, limit=RECENT, with_metrics=True)).runs)


def _quoted(names: Iterable[str]) -> list[str]:
    """Names as `%aml log` and `%aml tag` take them: in quotes where they have spaces."""
    ways = []
    for name in names:
        marks = [mark for mark in QUOTES if mark not in name]
        if " " not in name and not name.startswith(QUOTES):
            ways.append(name)
        elif marks:
            ways.append(f"{marks[0]}{name}{marks[0]}")
    return ways


def _unquoted(way: str) -> str:
    return way[1:] if way.startswith(QUOTES) else way


def _metrics() -> list[str]:
    return sorted({name for run in _recent() for name, metric in run.metrics.items() if metric.kind == "scalar"})


def _tags() -> list[str]:
    return sorted({name for run in _recent() for name in run.tags})
