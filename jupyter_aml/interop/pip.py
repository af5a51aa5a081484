"""``!pip install azureml-…`` and ``%pip install azureml-…`` where the alias is on: said to be served, and not installed.

IPython turns such lines into calls, `get_ipython().system('pip install …')` for instance. These calls are what is looked at
and rewritten, so that text which only looks like such a line (in a string, say) stays as it is.
"""

from __future__ import annotations

import ast
import importlib.util
import sys

from jupyter_aml.interop.pip_words import by_python, without_served
from jupyter_aml.interop.shell_calls import Change, command_of, magic, rewritten, span

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
    return rewritten(lines, _change)


def _change(statement: ast.Expr | ast.Assign, call: ast.Call, starts: list[int]) -> list[Change]:
    """What to replace in the text for this statement: from, to, by."""
    argument = command_of(call)
    if argument is None or not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
        return []
    is_pip = magic(call) == "pip"
    left, names = without_served(f"pip {argument.value}" if is_pip else argument.value)
    if not names:
        return []
    said = f"print({notice(names, left)!r})"
    if isinstance(statement, ast.Expr) and not left:
        return [(*span(statement, starts), said.encode())]
    if is_pip:
        left = left.removeprefix("pip ")
    elif not _EXPANDED.intersection(sys.executable) and importlib.util.find_spec("pip") is not None:
        left = by_python(left, sys.executable)  # a shell's pip may be another Python's, and the kernel is to have it
    begin, _ = span(statement, starts)
    return [(begin, begin, f"{said}; ".encode()), (*span(argument, starts), repr(left).encode())]
