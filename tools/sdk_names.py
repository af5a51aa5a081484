"""Make jupyter_aml/interop/sdk.json: which modules, names and parameters the AzureML SDK v1 had, and how often they are used.

    python tools/sdk_names.py surface.json usage.md jupyter_aml/interop/sdk.json

`surface.json` is an inspection of the installed SDK, `usage.md` the count of what public notebooks import. Only names,
parameter names and counts go into the file; members that no notebook uses are kept for the classes named by --whole.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

VERSION = "1.61.0"
WHOLE = ["azureml.core.workspace.Workspace", "azureml.core.experiment.Experiment", "azureml.core.run.Run"]
ALSO_FUNCTIONS = {"azureml.telemetry.set_diagnostics_collection": ["send_diagnostics=", "verbosity="]}


def words(params: list[str]) -> str:
    return " ".join(p for p in params if not p.startswith("_"))


def thing(exports: list[str], used: int, params: list[str]) -> dict[str, Any]:
    modules = sorted({name.rpartition(".")[0] for name in exports if "/" not in name})
    return {"in": modules, "used": used, "init": words(params)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("surface", type=Path)
    parser.add_argument("usage", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--whole", nargs="*", default=WHOLE)
    options = parser.parse_args()
    surface = json.loads(options.surface.read_text())

    things: dict[str, dict[str, Any]] = {}
    for module, classes in surface["modules"].items():
        for name, found in classes.items():
            key = f"{module}.{name}"
            entry = thing(found["exports"], found["imported_in_notebooks"], found["init"]["params"])
            entry["init_used"] = found["init"]["notebooks"]
            entry["members"] = {
                member: [about.get("notebooks", 0), about.get("py_files", 0), words(about.get("params", []))]
                for member, about in found["members"].items()
                if not member.startswith("_")
                and (
                    about.get("notebooks", 0) + about.get("py_files", 0)
                    or (key in options.whole and "from" not in about)
                )
            }
            things[key] = entry
    for key, found in surface["functions"].items():
        if "." in key.removeprefix("azureml."):
            things[key] = thing(found["exports"], found["imported_in_notebooks"], found["params"])
    for module, names in surface["_constants"].items():
        for name in names:
            things[f"{module}.{name}"] = thing([f"{module}.{name}"], 0, [])

    # What notebooks import from parts of the SDK that could not be inspected.
    have = {f"{m}.{k.rpartition('.')[2]}": k for k, t in things.items() for m in t["in"]}
    imports = options.usage.read_text().partition("## Imports")[2].partition("## Members")[0]
    extra_modules = set()
    for row in re.finditer(r"^\| (\d+) \| \d+ \| \d+ \| `(azureml[\w.]*)(?::(\w+))?( \(attr\))?` \|$", imports, re.M):
        count, module, name = int(row[1]), row[2], row[3]
        extra_modules.add(module)
        key = f"{module}.{name}"
        if name and key not in have and key not in things:
            things[key] = thing([key], count, ALSO_FUNCTIONS.get(key, []))

    modules = {m for t in things.values() for m in t["in"]} | extra_modules
    for module in list(modules):
        while "." in module:
            module = module.rpartition(".")[0]
            modules.add(module)
    for name in [key for key in things if key in modules]:
        del things[name]
    ordered = sorted(modules)
    place = {module: index for index, module in enumerate(ordered)}

    # {canonical module: {name: [exporting modules (their places, or 0: just this one), uses, uses of the constructor,
    # parameters, members]}}, cut after the last part that says something. Module names stand without "azureml.".
    grouped: dict[str, dict[str, Any]] = {}
    for key in sorted(things):
        entry = things[key]
        module, _, name = key.rpartition(".")
        needed = entry.get("init_used") or key in options.whole
        row = [
            0 if entry["in"] == [module] else [place[m] for m in entry["in"]],
            entry["used"],
            entry.get("init_used", 0),
            entry["init"] if needed else "",
            entry.get("members", {}),
        ]
        while row and not row[-1]:
            row.pop()
        grouped.setdefault(module.removeprefix("azureml").lstrip("."), {})[name] = row
    ordered = [module.removeprefix("azureml").lstrip(".") for module in ordered]
    lines = [f"{json.dumps(key)}:{json.dumps(names, separators=(',', ':'))}" for key, names in grouped.items()]
    packed = ",\n".join(lines)
    head = f'{{"version":{json.dumps(VERSION)},\n"modules":{json.dumps(ordered, separators=(",", ":"))},\n"things":{{\n'
    options.output.write_text(f"{head}{packed}}}}}\n")


if __name__ == "__main__":
    main()
