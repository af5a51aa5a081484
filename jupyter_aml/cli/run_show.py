"""A run described: for `aml run show`, `metrics` and `files`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from itertools import zip_longest
from typing import Any

import click

from jupyter_aml.cli import output
from jupyter_aml.errors import NotFoundException
from jupyter_aml.store.contract import Store
from jupyter_aml.store.records import FileRecord, MetricRecord, RunQuery, RunRecord, Series

SHOWN = 20
"""Files and children that `show` lists; all are in --json."""
NUMERIC = ("scalar", "list")
UNITS = {"list": "values", "table": "rows", "image": "images"}
_GIT = {"commit": "azureml.git.commit", "branch": "azureml.git.branch", "remote": "azureml.git.repository_uri"}


def describe(store: Store, run_id: str) -> dict[str, Any]:
    """The run's record with its metrics, files, git state, what its snapshot left out and a count of its children by status."""
    record = store.run(run_id, with_metrics=True)
    if record is None:
        raise NotFoundException.of("run", run_id)
    found = {f.name: getattr(record, f.name) for f in fields(record)}
    git: dict[str, Any] = {name: record.properties[key] for name, key in _GIT.items() if key in record.properties}
    if git:
        git["dirty"] = record.properties.get("azureml.git.dirty") == "True"
    children: Counter[str] = Counter()
    listed = []
    if record.child_count:
        query = RunQuery(parent=run_id, order_by="created", descending=False, limit=500, include_archived=True)
        for child in store.walk(query):
            children[child.status] += 1
            listed.append(
                {
                    "id": child.id,
                    "name": child.name,
                    "type": child.type,
                    "status": child.status,
                    "started": child.started,
                    "ended": child.ended,
                    "index": child.details.get("index"),
                    "source": str(child.details.get("source", "")).strip().split("\n")[0],
                    "error": child.error,
                }
            )
    if record.type == "hyperdrive":
        listed = _by_metric(store, record, listed)
    snapshot = store.snapshot(record.snapshot) if record.snapshot else None
    found["snapshot_skipped"] = dict(snapshot.skipped) if snapshot is not None else {}
    return {**found, "files": store.files(run_id), "git": git, "children": dict(children), "child_runs": listed}


def _by_metric(store: Store, record: RunRecord, listed: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The children of a search, the best first, with their hyperparameters and the metric's best values."""
    from jupyter_aml.jobs.hyperdrive.run import results

    known = {child["id"]: child for child in listed}
    return [
        {**known[child.id], "best": best, "params": dict(child.params)}
        for child, best in results(store, [record.id], record.details["search"])
        if child.id in known
    ]


def print_run(run: Mapping[str, Any]) -> None:
    """All of it for people."""
    from jupyter_aml.tracking.html import duration

    git = run["git"]
    output.facts(
        {
            "Run": run["id"],
            "Name": run["name"],
            "Description": run["description"],
            "Experiment": f"{run['experiment']}#{run['number']}" if run["number"] else run["experiment"],
            "Type": run["type"],
            "Status": output.Status(run["status"]),
            "Started": output.moment(run["started"]),
            "Duration": duration(run["started"], run["ended"]),
            "User": f"{run['user']} on {run['host']}" if run["host"] else run["user"],
            "Parent": run["parent"],
            "Notebook": run["details"].get("notebook"),
            "Tags": ", ".join(k if v is None else f"{k}={v}" for k, v in run["tags"].items()),
            "Snapshot": run["snapshot"],
            "Git": " ".join(
                filter(
                    None,
                    [
                        git.get("commit", "")[:12],
                        git.get("branch"),
                        "(uncommitted changes)" if git.get("dirty") else "",
                    ],
                )
            ),
            "Remote": git.get("remote"),
        }
    )
    if run["params"]:
        output.title("Parameters")
        output.facts({name: output.number(value) or "null" for name, value in run["params"].items()})
    if run["metrics"]:
        output.title("Metrics")
        print_metrics(run["metrics"])
    if run["files"]:
        output.title("Files", f"{len(run['files'])}")
        print_files(run["files"][:SHOWN])
        _more(len(run["files"]), f"aml run files {run['id']}")
    if run["snapshot_skipped"]:
        output.title("Left out of the snapshot", f"{len(run['snapshot_skipped'])}")
        output.facts({output.clean(name): why for name, why in list(run["snapshot_skipped"].items())[:SHOWN]})
        _more(len(run["snapshot_skipped"]), f"aml run show {run['id']} --json")
    if run["child_runs"] and run["type"] == "hyperdrive":
        _print_search(run)
    elif run["child_runs"]:
        output.title("Children", ", ".join(f"{count} {status}" for status, count in run["children"].items()))
        output.table(
            ["RUN", "STATUS", "NAME", "DURATION"],
            [
                [
                    c["id"],
                    output.Status(c["status"]),
                    c["name"] or c["source"] or c["type"],
                    duration(c["started"], c["ended"]),
                ]
                for c in run["child_runs"][:SHOWN]
            ],
            right=["DURATION"],
            keep=["RUN", "STATUS"],
        )
        _more(len(run["child_runs"]), f"aml run list --children {run['id']}")
    if run["details"].get("source"):
        output.title("Source")
        for line in str(run["details"]["source"]).splitlines():
            click.echo(f"  {output.clean(line)}")
    if run["details"].get("warnings"):
        output.title("Warnings")
        for warning in run["details"]["warnings"]:
            click.echo(f"  {output.clean(str(warning))}")
    if run["error"]:
        output.title(
            "Error",
            output.paint(f"{run['error'].get('code', '')}: {output.clean(run['error'].get('message', ''))}", "red"),
        )
        for line in str(run["error"].get("traceback") or "").splitlines():
            click.echo(f"  {output.clean(line)}")
        kept = any(file.path == "output.ipynb" for file in run["files"])
        if run["type"] == "aml.notebook" and run["error"].get("code") == "ProcessDied" and not kept:
            click.echo(f"Its output notebook was not completed: aml notebook repair {run['id']}")


def _print_search(run: Mapping[str, Any]) -> None:
    from jupyter_aml.tracking.html import duration

    plan = run["details"]["search"]
    output.title("Children", ", ".join(f"{count} {status}" for status, count in run["children"].items()))
    output.table(
        ["RUN", "STATUS", plan["metric"], "HYPERPARAMETERS", "DURATION"],
        [
            [
                child["id"],
                output.Status(child["status"]),
                output.number(child["best"]),
                " ".join(f"{name} {output.number(value)}" for name, value in child["params"].items()),
                duration(child["started"], child["ended"]),
            ]
            for child in run["child_runs"][:SHOWN]
        ],
        right=[plan["metric"], "DURATION"],
        keep=["RUN", "STATUS"],
    )
    _more(len(run["child_runs"]), f"aml run list --children {run['id']}")


def _more(count: int, command: str) -> None:
    if count > SHOWN:
        click.echo(f"… {count - SHOWN} more: {command}")


def print_files(found: Sequence[FileRecord]) -> None:
    """A table of files."""
    if not found:
        click.echo("No files.")
        return
    output.table(
        ["FILE", "SIZE", "KIND", "TIME"],
        [[f.path, output.size(f.size), f.media_type if f.digest else "text", output.ago(f.time)] for f in found],
        right=["SIZE"],
    )


# -- metrics ---------------------------------------------------------------------------------------------------------
def summaries(store: Store, run_id: str, names: Sequence[str] = ()) -> dict[str, MetricRecord]:
    """Summaries by name, of all metrics or of those named.

    Raises:
        NotFoundException: the run has no metric of a name.
    """
    found = store.metrics([run_id]).get(run_id, {})
    for name in names:
        if name not in found:
            raise NotFoundException.of("metric", name, found, f"`aml run metrics {run_id}` shows what there is.")
    return {name: metric for name, metric in found.items() if not names or name in names}


def print_metrics(found: Mapping[str, MetricRecord]) -> None:
    """A table of summaries."""
    if not found:
        click.echo("No metrics.")
        return
    rows = []
    for m in found.values():
        unit = UNITS.get(m.kind, "" if m.kind == "scalar" else m.kind.replace("_", " "))
        last = output.number(m.last)
        rows.append([m.name, last, output.number(m.min), output.number(m.max), m.count, unit])
    output.table(
        ["METRIC", "LAST", "MIN", "MAX", "COUNT", "KIND"],
        rows,
        right=["LAST", "MIN", "MAX", "COUNT"],
        keep=["MIN", "MAX"],
    )


def series_of(store: Store, run_id: str, found: Mapping[str, MetricRecord]) -> dict[str, Series]:
    """Every point of the metrics. A cell's metric lies with the run that was logged to: the cell's own points of it."""
    points = {}
    for name in found:
        series = store.series(run_id, name)
        if series is not None:
            points[name] = replace(series)
    return points


def print_series(points: Mapping[str, Series]) -> None:
    """Points as tables; a table's rows with its columns."""
    for place, (name, series) in enumerate(points.items()):
        if len(points) > 1:
            click.echo(("\n" if place else "") + output.paint(output.clean(name), bold=True))
        if series.values and all(isinstance(value, Mapping) for value in series.values) and series.kind == "table":
            heads = list(dict.fromkeys(key for row in series.values for key in row))
            output.table(heads, [[output.number(row.get(h)) for h in heads] for row in series.values], right=heads)
            continue
        rows = zip_longest(series.steps, series.times, series.values, fillvalue=None)
        output.table(
            ["STEP", "TIME", "VALUE"],
            [
                [step, f"{at:.3f}" if at else "", repr(v) if isinstance(v, float) else output.number(v)]
                for step, at, v in rows
            ],
            right=["STEP", "TIME", "VALUE"] if series.kind in NUMERIC else ["STEP", "TIME"],
        )
