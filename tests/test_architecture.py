"""Floors import downward only; names in the façade are what is really there."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import jupyter_aml

PACKAGE = Path(jupyter_aml.__file__).parent
FLOORS = [
    ["errors"],
    ["store"],
    ["tracking"],
    ["data", "environments", "compute", "models"],
    ["jobs"],
    ["workspace_nouns"],
    ["workspace"],
    ["server", "cli", "notebook", "interop"],
]
RANK = {name: rank for rank, names in enumerate(FLOORS) for name in names}
TOP = {"__init__", "__main__"}  # the façade loads anything lazily


def floor_of(module: str) -> str:
    return module.split(".")[1] if module.count(".") else ""


def imports(path: Path) -> list[tuple[int, str]]:
    found = []
    typing_only: set[int] = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            typing_only |= {id(inner) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module]
            if node.module == "jupyter_aml":
                names = [f"jupyter_aml.{alias.name}" for alias in node.names]
            found += [(node.lineno, name) for name in names]
    return [(line, name) for line, name in found if name.split(".")[0] == "jupyter_aml"]


def sources() -> list[Path]:
    return [p for p in sorted(PACKAGE.rglob("*.py")) if "labextension" not in p.parts]


def test_every_floor_is_known() -> None:
    found = {p.relative_to(PACKAGE).parts[0].removesuffix(".py") for p in sources()} - TOP
    assert found <= set(RANK), f"place {sorted(found - set(RANK))} in docs/architecture.md and here"


def test_floors_import_downward_only() -> None:
    wrong = []
    for path in sources():
        mine = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if mine in TOP:
            continue
        for line, module in imports(path):
            theirs = floor_of(module)
            if theirs in RANK and theirs != mine and RANK[theirs] >= RANK[mine]:
                wrong.append(f"{path.relative_to(PACKAGE)}:{line} imports {module}")
    assert not wrong, "\n".join(wrong)


def test_no_import_cycles_between_modules() -> None:
    graph: dict[str, set[str]] = {}
    modules = {".".join(("jupyter_aml", *p.relative_to(PACKAGE).with_suffix("").parts)) for p in sources()}
    for path in sources():
        name = ".".join(("jupyter_aml", *path.relative_to(PACKAGE).with_suffix("").parts))
        if path.name == "__init__.py":
            continue  # packages only re-export
        graph[name] = {m for _, m in top_level_imports(path) if m in modules}
    state: dict[str, int] = {}

    def visit(node: str, trail: tuple[str, ...]) -> None:
        if state.get(node) == 2:
            return
        assert state.get(node) != 1, " → ".join((*trail[trail.index(node) :], node))
        state[node] = 1
        for following in sorted(graph.get(node, ())):
            visit(following, (*trail, node))
        state[node] = 2

    for node in sorted(graph):
        visit(node, ())


def top_level_imports(path: Path) -> list[tuple[int, str]]:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    found = []
    for node in body:
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [(node.lineno, node.module)]
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
    return found


def test_the_facade_exports_what_is_there() -> None:
    assert jupyter_aml.__all__ == sorted(jupyter_aml.__all__)
    for name in jupyter_aml.__all__:
        assert getattr(jupyter_aml, name) is not None


def test_importing_the_facade_loads_nothing_heavy() -> None:
    heavy = "sqlalchemy alembic pandas numpy matplotlib papermill IPython click tornado ipywidgets pathspec"
    code = f"import sys, jupyter_aml; print([m for m in '{heavy}'.split() if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Workspcae"):
        jupyter_aml.Workspcae  # noqa: B018
