"""``!pip install azureml-…`` and ``%pip install azureml-…`` where the alias is on: said to be served, and not installed.

IPython turns such lines into calls, `get_ipython().system('pip install …')` for instance. These calls are what is looked at
and rewritten, so that text which only looks like such a line (in a string, say) stays as it is.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from typing import Any

from jupyter_aml.interop.pip_words import by_python, without_served

_SHELL_MAGICS = ("system", "sx", "sc", "!", "bash", "sh", "script")
_EXPANDED = frozenset("{}$")
"""What IPython makes something else of in a line for the shell."""


def notice(names: list[str], left: str) -> str:
    """The line that tells what needs no installing; `left` is what is still executed."""
    from jupyter_aml.interop.azureml import serves

    there = [name for name in dict.fromkeys(names) if serves(name)]
    absent = [name for name in dict.fromkeys(names) if name not in there]
    said = []
    if there:
        said.append(f"{_are(there)} already served by jupyter_aml in this kernel")
    if absent:
        said.append(f"{_are(absent)} not served by jupyter_aml yet, and Microsoft's does not work beside it")
    end = "only the rest is installed" if left else "nothing to install" if there else "nothing is installed"
    return f"{'; '.join(said)}: {end}."


def _are(names: list[str]) -> str:
    return f"{', '.join(names)} {'are' if len(names) > 1 else 'is'}"


def transform(lines: list[str]) -> list[str]:
    """A cell's lines as Python, with what we serve taken out of the calls that install (an IPython input transformer)."""
    source = "".join(lines)
    if "azureml" not in source.lower() or "install" not in source:
        return lines
    try:
        flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        tree = compile(source, "<cell>", "exec", flags=flags, dont_inherit=True)
    except (SyntaxError, ValueError):
        return lines  # the error is the shell's to show
    changes: list[tuple[int, int, bytes]] = []
    starts = _line_starts(source)
    for statement in ast.walk(tree):
        if isinstance(statement, (ast.Expr, ast.Assign)) and isinstance(statement.value, ast.Call):
            changes += _change(statement, statement.value, starts)
    text = source.encode()
    for start, end, new in sorted(changes, reverse=True):
        text = text[:start] + new + text[end:]
    return text.decode().splitlines(keepends=True) if changes else lines


def _change(statement: ast.Expr | ast.Assign, call: ast.Call, starts: list[int]) -> list[tuple[int, int, bytes]]:
    """What to replace in the text for this statement: from, to, by."""
    argument = _command_of(call)
    if argument is None or not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
        return []
    is_pip = _magic(call) == "pip"
    left, names = without_served(f"pip {argument.value}" if is_pip else argument.value)
    if not names:
        return []
    said = f"print({notice(names, left)!r})"
    if isinstance(statement, ast.Expr) and not left:
        return [(*_span(statement, starts), said.encode())]
    if is_pip:
        left = left.removeprefix("pip ")
    elif not _EXPANDED.intersection(sys.executable) and importlib.util.find_spec("pip") is not None:
        left = by_python(left, sys.executable)  # a shell's pip may be another Python's, and the kernel is to have it
    begin, _ = _span(statement, starts)
    return [(begin, begin, f"{said}; ".encode()), (*_span(argument, starts), repr(left).encode())]


def _command_of(call: ast.Call) -> ast.expr | None:
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
    if place is None or len(call.args) <= place or (place and _magic(call) not in (*_SHELL_MAGICS, "pip")):
        return None
    return call.args[place]


def _magic(call: ast.Call) -> str:
    first = call.args[0]
    named = isinstance(call.func, ast.Attribute) and call.func.attr.startswith("run_")
    return first.value if named and isinstance(first, ast.Constant) and isinstance(first.value, str) else ""


def _line_starts(source: str) -> list[int]:
    """The place in the encoded text where each line starts, as `ast` counts lines."""
    starts = [0]
    for line in re.split(r"(?<=\n)", source):
        starts.append(starts[-1] + len(line.encode()))
    return starts


def _span(node: ast.stmt | ast.expr, starts: list[int]) -> tuple[int, int]:
    assert node.end_lineno is not None and node.end_col_offset is not None
    return starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset


def attach(shell: Any) -> None:
    """Look at what this shell is given to execute. Calling it again changes nothing."""
    transforms = getattr(shell, "input_transformers_post", None)
    if transforms is not None and transform not in transforms:
        transforms.append(transform)


def detach(shell: Any) -> None:
    """Take `attach` back."""
    transforms = getattr(shell, "input_transformers_post", None)
    if transforms is not None and transform in transforms:
        transforms.remove(transform)
