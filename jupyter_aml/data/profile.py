"""What a table's columns hold: counts, moments, quantiles, histograms and frequent values, from one scan."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from jupyter_aml.data.dataset_lineage import link
from jupyter_aml.data.engine import uniform
from jupyter_aml.data.engine_parquet import query
from jupyter_aml.data.expression import quoted
from jupyter_aml.store.records import AssetRecord
from jupyter_aml.tracking.html import Safe, table

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from jupyter_aml.data.tabular_dataset import TabularDataset

KIND = "dataset-profile"
EXACT = 1_000_000
"""Up to so many rows all is exact. Of more, quantiles, histograms and frequent values are those of a random sample of the rows, and
the number of distinct values is an estimate (HyperLogLog); counts, extremes and moments stay exact."""
SAMPLE = 200_000
"""Rows of that sample, up to twice as many."""
BINS = 20
TOP = 10
QUANTILES = (0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999)


class DatasetProfile:
    """A profile.

    Args:
        saved_dataset_id: of the dataset.
        run_id, experiment_name: the run that made it, if one did.
        workspace: whose.
        profile: ``{"rows", "exact", "made", "signature", "columns": [{"name", "type", "count", "missing", …}]}``.
    """

    def __init__(
        self,
        saved_dataset_id: str | None,
        run_id: str | None,
        experiment_name: str | None,
        workspace: Any,
        profile: Mapping[str, Any],
    ) -> None:
        self.saved_dataset_id = saved_dataset_id
        self._run_id = run_id
        self._experiment_name = experiment_name
        self._workspace = workspace
        self.profile = dict(profile)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return int(self.profile["rows"])

    @property
    def columns(self) -> dict[str, dict[str, Any]]:
        """What is known of each column, by name."""
        return {column["name"]: column for column in self.profile["columns"]}

    def get_producing_run(self) -> Any:
        """The run that made it; None when none did."""
        if not self._run_id or self._workspace is None:
            return None
        from jupyter_aml.tracking.run import Run

        return Run.get(self._workspace, self._run_id)

    def is_stale(self) -> bool:
        """Whether the data have changed since."""
        from jupyter_aml.data.dataset import dataset_of, record_by_id

        if self._workspace is None or self.saved_dataset_id is None:
            return False
        dataset = dataset_of(self._workspace, record_by_id(self._workspace, self.saved_dataset_id))
        return signature_of(dataset) != self.profile["signature"]

    def to_pandas_dataframe(self) -> pd.DataFrame:
        """A row for each column of the dataset."""
        import pandas as pd

        plain = [
            {k: v for k, v in c.items() if k not in ("histogram", "top", "quantiles")} | c.get("quantiles", {})
            for c in self.profile["columns"]
        ]
        return pd.DataFrame(plain).set_index("name") if plain else pd.DataFrame()

    def __repr__(self) -> str:
        return f"<DatasetProfile rows={self.rows} columns={len(self.profile['columns'])}>"

    def _repr_html_(self) -> str:
        with contextlib.suppress(Exception):
            rows = []
            for column in self.profile["columns"]:
                numbers = [_short(column.get(k)) for k in ("min", "max", "mean", "std")]
                rows.append(
                    [column["name"], column["type"], column["count"], column["missing"], *numbers, _bars(column)]
                )
            note = "" if self.profile["exact"] else ", quantiles and histograms of a sample"
            head = f"<div>{self.rows:,} rows{note}</div>"
            return head + table(["column", "type", "values", "missing", "min", "max", "mean", "std", ""], rows)
        return "<div>Dataset profile</div>"


def _short(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)[:40]


def _bars(column: Mapping[str, Any]) -> Safe:
    counts = [bin["count"] for bin in column.get("histogram") or column.get("top") or []]
    most = max(counts, default=0) or 1
    bars = "".join(
        f'<rect x="{5 * i}" y="{24 - 24 * c / most:.1f}" width="4" height="{24 * c / most:.1f}"/>'
        for i, c in enumerate(counts)
    )
    return Safe(
        f'<svg width="{5 * len(counts)}" height="24" fill="currentColor" role="img" aria-label="histogram">{bars}</svg>'
    )


# -- making it -----------------------------------------------------------------------------------------------------
def make_profile(batches: Iterator[pa.Table], schema: pa.Schema) -> dict[str, Any]:
    """The profile of rows that pass by once; memory holds `EXACT` of them at most."""
    import pyarrow as pa

    head: list[pa.Table] = []
    rows = 0
    for batch in batches:
        head.append(batch)
        rows += batch.num_rows
        if rows > EXACT:
            break
    first = pa.concat_tables(head) if head else schema.empty_table()
    exact = rows <= EXACT
    sample = _Sample()
    if exact:
        source: Any = first
    else:

        def rest() -> Iterator[pa.RecordBatch]:
            for part in _chain(first, batches):
                sample.see(part)
                yield from part.cast(schema).to_batches()

        source = pa.RecordBatchReader.from_batches(schema, rest())
    columns = [_Column(index, field) for index, field in enumerate(schema)]
    inner = ", ".join(column.inner for column in columns) or "1"
    outer = ", ".join(["count(*) as rows", *(part for column in columns for part in column.outer(exact))])
    found = query(f"select {outer} from (select {inner} from data)", [], None, data=source).to_pylist()[0]
    seen = first if exact else sample.table()
    made = [column.told(found, seen) for column in columns]
    return {"rows": found["rows"], "exact": exact, "made": time.time(), "columns": made}


def _chain(first: pa.Table, rest: Iterator[pa.Table]) -> Iterator[pa.Table]:
    yield first
    yield from rest


class _Sample:
    """A random sample of rows that pass by: each row draws a number, and those below a bound stay, which sinks as they come."""

    def __init__(self) -> None:
        self._parts: list[tuple[pa.Table, Any]] = []
        self._bound, self._place, self._kept = 1.0, 0, 0

    def see(self, batch: pa.Table) -> None:
        """Rows pass by."""
        self._keep(batch, uniform(self._place, batch.num_rows, 0))
        self._place += batch.num_rows
        while self._kept > 2 * SAMPLE:
            self._bound /= 2
            parts, self._parts, self._kept = self._parts, [], 0
            for table_, drawn in parts:
                self._keep(table_, drawn)

    def _keep(self, batch: pa.Table, drawn: Any) -> None:
        import pyarrow as pa

        stay = drawn < self._bound
        self._parts.append((batch.filter(pa.array(stay)), drawn[stay]))
        self._kept += int(stay.sum())

    def table(self) -> pa.Table:
        """The sample."""
        import pyarrow as pa

        return pa.concat_tables([part for part, _ in self._parts])


class _Column:
    """A column, and the questions about it."""

    def __init__(self, index: int, field: pa.Field) -> None:
        import pyarrow.types as types

        self.name, self.key, kind = field.name, f"c{index}", field.type
        self.type = str(kind)
        self.floating = types.is_floating(kind)
        self.number = types.is_integer(kind) or self.floating or types.is_decimal(kind)
        self.time = types.is_timestamp(kind) or types.is_date(kind)
        self.text = types.is_string(kind) or types.is_boolean(kind)

    @property
    def inner(self) -> str:
        """The column as all questions see it: numbers as floats, the infinite ones and NaN apart."""
        name = quoted(self.name)
        if self.number:
            value = f"{name}::double"
            return f"{name} as {self.key}r, case when isfinite({value}) then {value} end as {self.key}"
        if self.time:
            return f"{name} as {self.key}r, epoch({name}::timestamp) as {self.key}"
        return f"{name} as {self.key}r, {name} as {self.key}"

    def outer(self, exact: bool) -> list[str]:
        key = self.key
        parts = [f"count({key}r) as {key}_count"]
        if self.floating:
            parts.append(f"count(*) filter (where isnan({key}r)) as {key}_nan")
        if self.number or self.time:
            parts += [
                f"min({key}) as {key}_min", f"max({key}) as {key}_max", f"avg({key}) as {key}_mean",
                f"stddev_samp({key}) as {key}_std", f"skewness({key}) as {key}_skew", f"kurtosis({key}) as {key}_kurt",
                f"count({key}) as {key}_finite",
            ]  # fmt: skip
        elif self.text:
            parts += [f"min({key}) as {key}_min", f"max({key}) as {key}_max"]
        if self.number or self.time or self.text:
            parts.append(f"{f'count(distinct {key})' if exact else f'approx_count_distinct({key})'} as {key}_distinct")
        return parts

    def told(self, found: Mapping[str, Any], seen: pa.Table) -> dict[str, Any]:
        """What is known of the column: from the answers, and from the rows of the sample."""

        def get(word: str) -> Any:
            return found.get(f"{self.key}_{word}")

        present = get("count") - (get("nan") or 0)
        about: dict[str, Any] = {
            "name": self.name, "type": self.type, "count": present, "missing": found["rows"] - present, "distinct": get("distinct"),
        }  # fmt: skip
        if self.number or self.time:
            say = _moment if self.time else (lambda value: value)
            about |= {"min": say(get("min")), "max": say(get("max")), "mean": say(get("mean"))}
            if self.number:
                std = get("std")
                about |= {
                    "std": std, "variance": None if std is None else std * std, "skewness": get("skew"), "kurtosis": get("kurt"),
                    "infinite": present - get("finite"),
                }  # fmt: skip
            quantiles, bins = _spread(seen, self, get("min"), get("max"), get("finite"))
            about["quantiles"] = {name: say(value) for name, value in quantiles.items()}
            about["histogram"] = [{"lower": say(a), "upper": say(b), "count": c} for a, b, c in bins]
        elif self.text:
            about |= {"min": get("min"), "max": get("max"), "top": _top(seen, self.name, found["rows"])}
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in about.items()}


def _moment(value: Any) -> str | None:
    return None if value is None else datetime.fromtimestamp(value, timezone.utc).replace(tzinfo=None).isoformat()


def _spread(
    seen: pa.Table, column: _Column, least: float | None, most: float | None, count: int
) -> tuple[dict[str, float | None], list[tuple[float, float, int]]]:
    """Quantiles, and bins of equal width from the least value to the greatest."""
    import numpy as np

    sql = f"select {column.key} as v from (select {column.inner} from data) where {column.key} is not null"
    numbers = query(sql, [], None, data=seen).column("v").to_numpy() if count else np.array([])
    if least is None or most is None or not len(numbers):
        return {f"{100 * q:g}%": None for q in QUANTILES}, []
    quantiles: dict[str, float | None] = dict(
        zip((f"{100 * q:g}%" for q in QUANTILES), map(float, np.quantile(numbers, QUANTILES)), strict=True)
    )
    width = float(most) - float(least)
    if width <= 0 or not math.isfinite(width):
        return quantiles, [(float(least), float(most), count)]
    counts, edges = np.histogram(numbers, BINS, (float(least), float(most)))
    whole = [int(c) for c in np.round(counts * (count / len(numbers)))]
    return quantiles, [(float(a), float(b), c) for a, b, c in zip(edges[:-1], edges[1:], whole, strict=True)]


def _top(seen: pa.Table, name: str, rows: int) -> list[dict[str, Any]]:
    sql = f"select {quoted(name)} as v, count(*) as n from data where {quoted(name)} is not null group by v order by n desc, v limit {TOP}"
    scale = rows / max(1, seen.num_rows)
    found = query(sql, [], None, data=seen.select([name])).to_pylist()
    return [{"value": row["v"], "count": round(row["n"] * scale)} for row in found]


# -- keeping it ----------------------------------------------------------------------------------------------------
def signature_of(dataset: TabularDataset) -> str:
    """What a profile is of: the description, and the files as they are now."""
    files = [(file.path, file.size, file.modified) for file in dataset._files()]
    return hashlib.sha256(json.dumps([dataset._digest(), files]).encode()).hexdigest()


def profile_of(dataset: TabularDataset, workspace: Any, run: Any = None) -> DatasetProfile:
    """See `TabularDataset.get_profile`."""
    signature = signature_of(dataset)
    kept = workspace.connection.store.asset(KIND, dataset._digest()) if workspace is not None else None
    fresh = kept is not None and kept.data.get("signature") == signature and dataset._source["format"] != "sql"
    if kept is not None and fresh and run is None:
        return DatasetProfile(dataset.id, kept.data.get("run"), kept.data.get("experiment"), workspace, kept.data)
    made = {**make_profile(dataset._batches(), dataset._schema()), "signature": signature}
    if run is not None:
        made |= {"run": run.id, "experiment": run.experiment.name}
    if workspace is not None:
        record = AssetRecord(kind=KIND, name=dataset._digest(), hash=signature, created=time.time(), data=made)
        workspace.connection.store.put_asset(record, if_exists="replace")
    return DatasetProfile(dataset.id, made.get("run"), made.get("experiment"), workspace, made)


def profile_run(dataset: TabularDataset, experiment: Any) -> Any:
    """See `TabularDataset.submit_profile_run`."""
    from jupyter_aml.tracking.experiment import Experiment
    from jupyter_aml.tracking.run import Run

    if isinstance(experiment, str):
        experiment = Experiment(dataset._workspace, experiment)
    run = Run._create(experiment, type="aml.profile", name=f"Profile of {dataset.name or 'a dataset'}")
    try:
        workspace = experiment.workspace
        if dataset._workspace is None:
            dataset._workspace = workspace
        profile = profile_of(dataset, workspace, run)
        run.log("rows", profile.rows)
        run.log("columns", len(profile.columns))
        run._upload_bytes("outputs/profile.json", json.dumps(profile.profile, indent=1).encode(), "application/json")
        if dataset.id is not None and dataset._record is not None:
            link(workspace, run.id, "input", dataset._record, "dataset", {"use": "profile"})
    except BaseException as error:
        run.fail(error_details=str(error))
        raise
    run.complete()
    return run


def profile_runs(dataset: TabularDataset, workspace: Any) -> Iterator[Any]:
    """See `TabularDataset.get_profile_runs`."""
    from jupyter_aml.tracking.run import Run

    for one in reversed(workspace.connection.store.links(asset=dataset.id, role="input")):
        if one.data.get("use") == "profile":
            yield Run.get(workspace, one.run)
