"""The calls that IPython makes of ``!command`` and ``%magic`` lines, found in a cell's Python and rewritten there.

What is looked at is the syntax tree, so that text which only looks like such a line (in a string, say) stays as it is.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Any

_MAGICS = ("system", "sx", "sc", "!", "bash", "sh", "script")
Change = tuple[int, int, bytes]
"""What to replace in the encoded text: from, to, by."""


def rewritten(
    lines: list[str], change: Callable[[ast.Expr | ast.Assign, ast.Call, list[int]], list[Change]]
) -> list[str]:
    """A cell's lines with what `change` wants of each statement that is a call (or assigns one)."""
    source = "".join(lines)
    try:
        flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        tree = compile(source, "<cell>", "exec", flags=flags, dont_inherit=True)
    except (SyntaxError, ValueError):
        return lines  # the error is the shell's to show
    changes: list[Change] = []
    starts = _line_starts(source)
    for statement in ast.walk(tree):
        if isinstance(statement, (ast.Expr, ast.Assign)) and isinstance(statement.value, ast.Call):
            changes += change(statement, statement.value, starts)
    text = source.encode()
    for start, end, new in sorted(changes, reverse=True):
        text = text[:start] + new + text[end:]
    return text.decode().splitlines(keepends=True) if changes else lines


def attach(shell: Any, transform: Callable[[list[str]], list[str]]) -> None:
    """Let `transform` look at what this IPython shell is given to execute. Calling it again changes nothing."""
    transforms = getattr(shell, "input_transformers_post", None)
    if transforms is not None and transform not in transforms:
        transforms.append(transform)


def detach(shell: Any, transform: Callable[[list[str]], list[str]]) -> None:
    """Take `attach` back."""
    transforms = getattr(shell, "input_transformers_post", None)
    if transforms is not None and transform in transforms:
        transforms.remove(transform)


def command_of(call: ast.Call) -> ast.expr | None:
    """The argument that is a shell's command (or pip's arguments), in calls that IPython's syntax stands for."""
    asked = call.func
    if not (
        isinstance(asked, ast.Attribute)
        and isinstance(asked.value, ast.Call)
        and isinstance(asked.value.func, ast.Name)
        and asked.value.func.id == "get_ipython"
    ):
        return None
    place = {"system": 0, "getoutput": 0, "run_line_magic": 1, "run_cell_magic": 2}.get(asked.attr)
    if place is None or len(call.args) <= place or (place and magic(call) not in (*_MAGICS, "pip")):
        return None
    return call.args[place]


def magic(call: ast.Call) -> str:
    """The magic that the call runs; "" for none."""
    first = call.args[0]
    named = isinstance(call.func, ast.Attribute) and call.func.attr.startswith("run_")
    return first.value if named and isinstance(first, ast.Constant) and isinstance(first.value, str) else ""


def _line_starts(source: str) -> list[int]:
    """The place in the encoded text where each line starts, as `ast` counts lines."""
    starts = [0]
    for line in re.split(r"(?<=\n)", source):
        starts.append(starts[-1] + len(line.encode()))
    return starts


def span(node: ast.stmt | ast.expr, starts: list[int]) -> tuple[int, int]:
    """From where to where in the encoded text a node stands; `starts`: where its lines begin."""
    assert node.end_lineno is not None and node.end_col_offset is not None
    return starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
