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

from jupyter_aml.interop.sdk import Thing, sdk
from jupyter_aml.interop.table import SERVED

PAGE = Path(__file__).parents[1] / "docs" / "azureml-coverage.md"
HEAD = """# What of the AzureML SDK v1 is served

Made by `python tools/sdk_coverage.py` from what is really there; do not edit. The numbers say in how many of 116 public notebooks
(Azure/MachineLearningNotebooks of February 2021) a name occurs, and in how many scripts beside them; the most used come first.
A name that several modules have stands here once: `azureml.core.run.Run` is the same as `azureml.core.Run`, here as in the
SDK. A member is *whole* when all parameters that the SDK's has are taken. A name that is not served yet
can be imported, with a warning, and raises an error that says so when it is used.
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


def state(owner: Any, name: str, params: tuple[str, ...]) -> str:
    """Whether `owner` has this member, and what of it."""
    try:
        found = inspect.getattr_static(owner, name)
    except AttributeError:
        return "not yet"
    found = getattr(owner, name) if isinstance(found, (staticmethod, classmethod)) else found
    lacking = missing(found, params)
    return "whole" if not lacking else "without " + ", ".join(f"`{p}`" for p in lacking)


def table(head: list[str], rows: list[tuple[Any, ...]]) -> list[str]:
    """Names to the left, numbers to the right."""
    line = "|".join("--:" if isinstance(value, int) else "---" for value in rows[0])
    return [f"| {' | '.join(head)} |", f"|{line}|", *(f"| {' | '.join(map(str, row))} |" for row in rows), ""]


def weight(thing: Thing) -> int:
    return max([thing.notebooks, thing.made, *(m.notebooks for m in thing.members.values())])


def home(thing: Thing) -> str:
    """The module to import it from: the package nearest to the top that has it, of those it is defined below."""
    return min((m for m in thing.modules if f"{thing.module}.".startswith(f"{m}.")), key=len, default=thing.module)


def overview(used: list[Thing]) -> list[str]:
    """How much of each package is served."""
    modules: dict[str, list[Thing]] = {}
    for thing in used:
        modules.setdefault(".".join(home(thing).split(".")[:3]), []).append(thing)
    rows = [
        (f"`{module}`", len(inside), sum(thing.path in SERVED for thing in inside), weight(inside[0]))
        for module, inside in modules.items()
    ]
    return table(["package", "names that are used", "of them served", "notebooks using the first"], rows)


def members(thing: Thing) -> list[str]:
    """What of a class is there: a row for each member that is used, a line for all others."""
    mine = ours(thing.path)
    order = sorted(thing.members.items(), key=lambda item: (-item[1].notebooks, -item[1].scripts, item[0]))
    rows: list[tuple[Any, ...]] = []
    if thing.params and inspect.isclass(mine):
        rows.append((f"`{thing.name}(…)`", thing.made, 0, state(mine, "__init__", thing.params)))
    found = {name: state(mine, name, member.params) for name, member in order}
    rows += [(f"`{n}`", m.notebooks, m.scripts, found[n]) for n, m in order if m.notebooks or m.scripts]
    lines = table(["member", "notebooks", "scripts", ""], rows) if rows else []
    idle = [n for n, m in order if not (m.notebooks or m.scripts)]
    for what in sorted({found[n] for n in idle}, reverse=True):
        names = ", ".join(f"`{n}`" for n in idle if found[n] == what)
        lines += [f"Used by none of them, {what}: {names}.", ""]
    return lines


def page() -> str:
    things = sorted(sdk().things.values(), key=lambda t: (-weight(t), t.path))
    used = [t for t in things if weight(t) or t.path in SERVED]
    served = [t for t in used if t.path in SERVED]
    lines = [HEAD, f"{len(served)} of the {len(used)} names that notebooks use are served today.", ""]
    lines += ["## Packages", "", *overview(used)]
    lines += ["## Names", ""]
    lines += table(
        ["name", "notebooks", ""],
        [(f"`{home(t)}.{t.name}`", weight(t), "served" if t.path in SERVED else "not yet") for t in used],
    )
    for thing in served:
        if thing.members:
            lines += [f"## {thing.name}", "", *members(thing)]
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
