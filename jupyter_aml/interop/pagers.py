"""``!more file`` and ``!less file`` in a notebook: shown whole. A pager would wait for a key that nobody can press."""

from __future__ import annotations

import ast
import re

from jupyter_aml.interop.shell_calls import Change, command_of, rewritten, span

_PAGES = re.compile(r"\s*(more|less)\s+[^|;&<>`]+\Z")
"""A pager with a file, and nothing else in the line."""


def transform(lines: list[str]) -> list[str]:
    """A cell's lines as Python, with the output of pagers led through a pipe (an IPython input transformer)."""
    source = "".join(lines)
    return rewritten(lines, _change) if "more " in source or "less " in source else lines


def _change(statement: ast.Expr | ast.Assign, call: ast.Call, starts: list[int]) -> list[Change]:
    command = command_of(call)
    if not isinstance(command, ast.Constant) or not isinstance(command.value, str) or not _PAGES.match(command.value):
        return []
    return [(*span(command, starts), repr(f"{command.value.rstrip()} | cat").encode())]
