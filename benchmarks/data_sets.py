"""Datasets against pandas, Polars and DuckDB on the same files.

python benchmarks/data_sets.py [FOLDER]

Each reads into a pandas DataFrame; the fastest of several turns counts, contenders by turns so that a busy machine is fair to all.
"cpu" are the seconds of all processors together: of a machine that others use, too, they say more than the clock does.
FOLDER keeps the generated files (1 GB) for the next time. Polars is a contender where it is installed.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

TURNS = 5
ROWS, PARTS = 10_000_000, 10


def make(folder: Path) -> None:
    import numpy as np
    import pyarrow as pa
    import pyarrow.csv as pcsv
    import pyarrow.parquet as pq

    if (folder / "done").exists():
        return
    (folder / "big").mkdir(parents=True, exist_ok=True)
    rng, count = np.random.default_rng(0), ROWS // PARTS
    for part in range(PARTS):
        ids = np.arange(part * count, (part + 1) * count)
        table = pa.table({
            "id": ids, "x": rng.normal(size=count), "y": rng.random(count), "k": rng.integers(0, 1000, count),
            "name": pa.array(rng.choice(["aa", "bb", "cc", "dd"], count)),
            "when": pa.array(np.datetime64("2020-01-01") + ids.astype("timedelta64[s]")),
        })  # fmt: skip
        pq.write_table(table, folder / "big" / f"part{part}.parquet")
    pcsv.write_csv(table, folder / "one.csv")
    (folder / "many").mkdir(exist_ok=True)
    for number in range(10_000):
        (folder / "many" / f"{number:05}.csv").write_text("a,b\n1,2\n")
    (folder / "done").touch()


def race(contenders: dict[str, Callable[[], object]]) -> dict[str, dict[str, float]]:
    """The fastest turn of each: seconds of the clock, and of all processors together."""
    clock, processors = dict.fromkeys(contenders, float("inf")), dict.fromkeys(contenders, float("inf"))
    for _ in range(TURNS):
        for name, call in contenders.items():
            start, used = time.perf_counter(), time.process_time()
            call()
            clock[name] = min(clock[name], time.perf_counter() - start)
            processors[name] = min(processors[name], time.process_time() - used)
    return {name: {"seconds": round(clock[name], 3), "cpu": round(processors[name], 3)} for name in contenders}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="keeps the generated files")
    folder = parser.parse_args().folder or Path(tempfile.mkdtemp())
    make(folder)
    os.environ["JUPYTER_AML_HOME"] = tempfile.mkdtemp()
    import duckdb
    import pandas as pd

    from jupyter_aml.data.dataset import Dataset
    from jupyter_aml.workspace import Workspace

    try:
        import polars as pl
    except ImportError:
        pl = None
    ws, big, one = Workspace.default(), str(folder / "big"), str(folder / "big/part0.parquet")
    parts, text = f"{big}/*.parquet", str(folder / "one.csv")
    parquet, csv = Dataset.Tabular.from_parquet_files, Dataset.Tabular.from_delimited_files
    whole = parquet(big)
    results = {
        "Parquet, 1 million rows": race({
            "jupyter_aml": lambda: parquet(one).to_pandas_dataframe(),
            "pandas": lambda: pd.read_parquet(one),
            "duckdb": lambda: duckdb.sql(f"select * from '{one}'").df(),
            **({"polars": lambda: pl.read_parquet(one).to_pandas()} if pl else {}),
        }),
        "CSV, 1 million rows": race({
            "jupyter_aml": lambda: csv(text).to_pandas_dataframe(),
            "pandas": lambda: pd.read_csv(text, parse_dates=["when"]),
            "duckdb": lambda: duckdb.sql(f"select * from read_csv('{text}')").df(),
            **({"polars": lambda: pl.read_csv(text, try_parse_dates=True).to_pandas()} if pl else {}),
        }),
        "1 in 100 of 10 million rows of Parquet": race({
            "jupyter_aml": lambda: parquet(big).filter(whole["k"] < 10).to_pandas_dataframe(),
            "pandas": lambda: pd.read_parquet(big, filters=[("k", "<", 10)]),
            "duckdb": lambda: duckdb.sql(f"select * from '{parts}' where k < 10").df(),
            **({"polars": lambda: pl.scan_parquet(parts).filter(pl.col("k") < 10).collect().to_pandas()} if pl else {}),
        }),
        "2 columns of a time range of 10 million rows": race({
            "jupyter_aml": lambda: parquet(big).with_timestamp_columns("when").time_after(pd.Timestamp("2020-04-20").to_pydatetime())
            .keep_columns(["id", "x"]).to_pandas_dataframe(),
            "pandas": lambda: pd.read_parquet(big, columns=["id", "x"], filters=[("when", ">=", pd.Timestamp("2020-04-20"))]),
            "duckdb": lambda: duckdb.sql(f"select id, x from '{parts}' where \"when\" >= '2020-04-20'").df(),
            **({"polars": lambda: pl.scan_parquet(parts).filter(pl.col("when") >= pd.Timestamp("2020-04-20")).select("id", "x").collect()
                .to_pandas()} if pl else {}),
        }),
        "first 20 rows": race({
            "jupyter_aml, CSV of 1 million": lambda: csv(text, validate=False).take(20).to_pandas_dataframe(),
            "jupyter_aml, Parquet of 10 million": lambda: parquet(big, validate=False).take(20).to_pandas_dataframe(),
        }),
    }  # fmt: skip
    start = time.perf_counter()
    Dataset.File.from_files(str(folder / "many/*.csv")).register(ws, "many")
    results["register 10,000 files"] = {"jupyter_aml": round(time.perf_counter() - start, 3)}
    start = time.perf_counter()
    whole.get_profile(ws)
    results["profile of 10 million rows, 6 columns"] = {"jupyter_aml": round(time.perf_counter() - start, 3)}
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
