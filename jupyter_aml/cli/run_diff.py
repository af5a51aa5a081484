"""What differs between two runs."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Any

import click

from jupyter_aml.cli import output
from jupyter_aml.errors import NotFoundException
from jupyter_aml.store.contract import Store
from jupyter_aml.store.records import RunQuery, RunRecord
from jupyter_aml.tracking.lifetime import GIT_DIFF

LARGEST = 200_000
"""Bytes of a source file that is compared line by line."""
_GIT = ("azureml.git.commit", "azureml.git.branch", "azureml.git.repository_uri", "azureml.git.dirty")


def compare(workspace: Any, first: str, second: str) -> dict[str, Any]:
    """What differs, by part: name → [first's, second's]; None where one lacks it."""
    store: Store = workspace.connection.store
    a, b = _run(store, first), _run(store, second)
    metrics = store.metrics([a.id, b.id])
    return {
        "runs": [_head(a), _head(b)],
        "params": _changed(a.params, b.params),
        "metrics": _changed(
            *({n: m.last if m.last is not None else m.count for n, m in metrics.get(r.id, {}).items()} for r in (a, b))
        ),
        "tags": _changed(a.tags, b.tags),
        "git": _changed(*({k.rpartition(".")[2]: r.properties[k] for k in _GIT if k in r.properties} for r in (a, b))),
        "files": _changed(*({f.path: f.digest or f"{f.size} characters" for f in store.files(r.id)} for r in (a, b))),
        "source": _source(store, a, b),
    }


def _run(store: Store, run_id: str) -> RunRecord:
    record = store.run(run_id)
    if record is None:
        raise NotFoundException.of("run", run_id)
    return record


def _head(record: RunRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "name": record.name,
        "experiment": record.experiment,
        "number": record.number,
        "status": record.status,
        "duration": (record.ended - record.started) if record.ended and record.started else None,
    }


def _changed(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, list[Any]]:
    names = dict.fromkeys([*a, *b])
    # NaN is the same as NaN here: nothing changed
    return {n: [a.get(n), b.get(n)] for n in names if (n in a) != (n in b) or repr(a.get(n)) != repr(b.get(n))}


def _source(store: Store, a: RunRecord, b: RunRecord) -> str:
    """A unified diff of the snapshots' files, of the cells' code, and of what was not committed."""
    parts: list[str] = []
    if a.snapshot != b.snapshot:
        trees = [store.snapshot(r.snapshot) if r.snapshot else None for r in (a, b)]
        one, two = (dict(t.files) if t else {} for t in trees)
        for path in sorted({*one, *two}):
            if one.get(path, ("",))[0] != two.get(path, ("",))[0]:
                parts += _unified(path, _content(store, path, one.get(path)), _content(store, path, two.get(path)))
    parts += _unified("cells", _cells(store, a), _cells(store, b))
    parts += _unified("uncommitted changes", *(store.text(r.id, GIT_DIFF, 0, LARGEST) for r in (a, b)))
    return "\n".join(parts)


def _content(store: Store, path: str, entry: Any) -> str | None:
    """A file's text; "" where there is none; None where it is no text, or too long."""
    if entry is None:
        return ""
    if entry[1] > LARGEST:
        return None
    with store.blobs.open(entry[0]) as file:
        content = file.read()
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return _notebook(text) if path.endswith(".ipynb") else text


def _notebook(text: str) -> str:
    """A notebook's cells without outputs and times; any other text as it is."""
    try:
        cells = json.loads(text)["cells"]
        return "\n\n".join(f"# {cell['cell_type']} {n}\n{''.join(cell['source'])}" for n, cell in enumerate(cells))
    except (ValueError, KeyError, TypeError, RecursionError):
        return text


def _cells(store: Store, record: RunRecord) -> str:
    own = record.details.get("source")
    if own:
        return str(own)
    if not record.child_count:
        return ""
    query = RunQuery(
        parent=record.id, types=["aml.cell"], order_by="created", descending=False, limit=500, include_archived=True
    )
    cells = list(store.walk(query))
    return "\n\n".join(f"# cell {c.details.get('index', '')}\n{c.details.get('source', '')}" for c in cells)


def _unified(path: str, a: str | None, b: str | None) -> list[str]:
    if a is None or b is None:
        return [f"{path}: the contents differ (not text, or too long to compare)"]
    return list(difflib.unified_diff(a.splitlines(), b.splitlines(), f"a/{path}", f"b/{path}", lineterm="", n=2))


def print_diff(found: Mapping[str, Any]) -> None:
    """The differences for people."""
    first, second = found["runs"]
    output.table(
        ["", "RUN", "EXPERIMENT", "STATUS", "NAME"],
        [
            [
                mark,
                r["id"],
                f"{r['experiment']}#{r['number']}" if r["number"] else r["experiment"],
                output.Status(r["status"]),
                r["name"],
            ]
            for mark, r in (("1", first), ("2", second))
        ],
        keep=["RUN", "STATUS"],
    )
    same = []
    for part, name in (
        ("params", "Parameters"),
        ("metrics", "Metrics"),
        ("tags", "Tags"),
        ("git", "Git"),
        ("files", "Files"),
    ):
        if not found[part]:
            same.append(name.lower())
            continue
        output.title(name)
        cut = 12 if part == "files" else 200
        rows = [[key, _shown(a, cut), _shown(b, cut), _change(a, b)] for key, (a, b) in found[part].items()]
        output.table(
            ["NAME", "1", "2", "CHANGE"], rows, right=["1", "2", "CHANGE"] if part in ("params", "metrics") else []
        )
    if found["source"]:
        output.title("Source")
        for line in found["source"].split("\n"):
            colour = "green" if line.startswith("+") else "red" if line.startswith("-") else None
            click.echo(output.paint(output.clean(line), colour))
    else:
        same.append("source")
    if same:
        click.echo(f"\nThe same: {', '.join(same)}.")


def _shown(value: Any, cut: int) -> str:
    return "(none)" if value is None else output.shorten(output.number(value), cut)


def _change(a: Any, b: Any) -> str:
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in (a, b))
    return f"{b - a:+.4g}" if numbers else ""
