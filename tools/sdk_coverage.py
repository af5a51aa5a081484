"""Write docs/azureml-coverage.md: which names of the AzureML SDK v1 are served, the most used first.

    python tools/sdk_coverage.py [--check]

With --check nothing is written; the exit code is 1 when the page is not what it would be.
"""

from __future__ import annotations

import inspect
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from jupyter_aml.interop.sdk import Member, Thing, sdk
from jupyter_aml.interop.table import SERVED

PAGE = Path(__file__).parents[1] / "docs" / "azureml-coverage.md"
HEAD = """# What of the AzureML SDK v1 is served

Made by `python tools/sdk_coverage.py` from what is really there; do not edit. The numbers say in how many of 116 public notebooks
(Azure/MachineLearningNotebooks of February 2021) a name occurs. A member is *whole* when all parameters that the SDK's has are
taken.
"""


def ours(path: str) -> Any:
    """Our object for one of the SDK's, or None."""
    if path not in SERVED:
        return None
    module, _, name = SERVED[path].partition(":")
    return getattr(import_module(module), name)


def missing(thing: Any, params: tuple[str, ...]) -> list[str]:
    """Parameters that ours does not take."""
    try:
        signature = inspect.signature(thing)
    except (TypeError, ValueError):  # a property, a constant
        return []
    if any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values()):
        return []
    return [p.rstrip("=") for p in params if not p.startswith("*") and p.rstrip("=") not in signature.parameters]


def member_row(owner: Any, name: str, member: Member) -> tuple[str, int, str]:
    try:
        found = inspect.getattr_static(owner, name)
    except AttributeError:
        return f"`{name}`", member.notebooks, "not yet"
    found = getattr(owner, name) if isinstance(found, (staticmethod, classmethod)) else found
    lacking = missing(found, member.params)
    return f"`{name}`", member.notebooks, "whole" if not lacking else "without " + ", ".join(f"`{p}`" for p in lacking)


def table(rows: list[tuple[str, int, str]], what: str) -> list[str]:
    lines = [f"| {what} | notebooks | |", "|---|--:|---|"]
    return [*lines, *(f"| {name} | {count} | {state} |" for name, count, state in rows), ""]


def weight(thing: Thing) -> int:
    return max([thing.notebooks, thing.made, *(m.notebooks for m in thing.members.values())])


def page() -> str:
    things = sorted(sdk().things.values(), key=lambda t: (-weight(t), t.path))
    used = [t for t in things if weight(t) or t.path in SERVED]
    served = [t for t in used if t.path in SERVED]
    lines = [HEAD, f"{len(served)} of the {len(used)} names that notebooks use are served today.", ""]
    lines += ["## Names", ""]
    lines += table([(f"`{t.path}`", weight(t), "served" if t.path in SERVED else "not yet") for t in used], "name")
    for thing in served:
        if thing.members:
            lines += [f"## {thing.name}", ""]
            members = sorted(thing.members.items(), key=lambda item: (-item[1].notebooks, item[0]))
            lines += table([member_row(ours(thing.path), name, m) for name, m in members], "member")
    return "\n".join(lines).rstrip() + "\n"


def main() -> int:
    text = page()
    if "--check" in sys.argv[1:]:
        if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text:
            return 0
        print(f"{PAGE} is old; python tools/sdk_coverage.py writes it anew.", file=sys.stderr)
        return 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
