"""Tables and files where they lie: what is read of them, and how they are named and found."""

from __future__ import annotations

import gzip
import json
import sqlite3
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jupyter_aml.data.dataset import Dataset
from jupyter_aml.data.dataset_paths import said
from jupyter_aml.data.datastore import Datastore
from jupyter_aml.data.types import DataType, PromoteHeadersBehavior
from jupyter_aml.errors import (
    DatasetExecutionError,
    DatasetTimestampMissingError,
    DatasetValidationError,
    NotFoundException,
    UserErrorException,
)
from jupyter_aml.workspace import Workspace

Tabular, File = Dataset.Tabular, Dataset.File


@pytest.fixture
def ws():
    return Workspace.default()


@pytest.fixture
def store(ws):
    return ws.get_default_datastore()


def put(store, path, text):
    place = store._full("") + "/" + path
    store._filesystem()[0].makedirs(place.rpartition("/")[0], exist_ok=True)
    with open(place, "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode())


def frame(dataset, **options):
    return dataset.to_pandas_dataframe(**options)


# -- delimited text ----------------------------------------------------------------------------------------------
def test_types_are_found_out_and_may_be_said(tmp_path):
    (tmp_path / "a.csv").write_text(
        "n,x,yes,day,stamp,code,text,us,either\n"
        "1,1.5,true,2020-01-31,2020-01-31T10:00:00Z,007,a,12/31/2020,03/04/2020\n"
        ",NA,False,,2020-01-31T11:30:00+01:00,008,,01/15/2020,05/06/2020\n"
    )
    read = Tabular.from_delimited_files(str(tmp_path / "a.csv"))
    found = {name: str(kind) for name, kind in frame(read).dtypes.items()}
    assert found["n"] == "float64" and found["x"] == "float64" and found["yes"] == "bool"
    assert found["day"].startswith("datetime64") and found["us"].startswith("datetime64")
    assert frame(read)["stamp"].tolist() == [pd.Timestamp("2020-01-31 10:00"), pd.Timestamp("2020-01-31 10:30")]
    assert frame(read)["code"].tolist() == ["007", "008"]
    assert frame(read)["either"].tolist()[0] == "03/04/2020"  # nobody can know which is the month
    assert frame(read)["text"].isna().tolist() == [False, True]
    said = Tabular.from_delimited_files(
        str(tmp_path / "a.csv"),
        infer_column_types=False,
        empty_as_string=True,
        set_column_types={"n": DataType.to_long(), "either": DataType.to_datetime("%d/%m/%Y")},
    )
    assert frame(said)["either"].tolist()[0] == pd.Timestamp("2020-04-03")
    assert frame(said)["text"].tolist() == ["a", ""] and frame(said)["x"].tolist() == ["1.5", "NA"]
    with pytest.raises(DatasetValidationError, match="no column 'nope'"):
        Tabular.from_delimited_files(str(tmp_path / "a.csv"), set_column_types={"nope": DataType.to_long()})


def test_values_that_do_not_fit_are_missing_with_a_warning_or_raise(tmp_path):
    rows = "".join(f"{i},{i}\n" for i in range(6000))
    (tmp_path / "a.csv").write_text("a,b\n" + rows + "x,1\n7,8,9\n5\n")
    read = Tabular.from_delimited_files(str(tmp_path / "a.csv"))
    with pytest.warns(UserWarning) as told:
        found = frame(read)
    assert len(found) == 6003 and found["a"].isna().sum() == 1 and found["b"].tolist()[-3:-1] == [1, 8]
    assert pd.isna(found["b"].iloc[-1])
    assert {"Line 6003 of", "'x'"} <= {
        part for part in ("Line 6003 of", "'x'") if any(part in str(w.message) for w in told)
    }
    with pytest.raises(DatasetExecutionError, match=r"'x'|Line 6003"):
        frame(read, on_error="fail")


def test_headers_of_several_files(tmp_path):
    (tmp_path / "1.csv").write_text("a,b\n1,2\n")
    (tmp_path / "2.csv").write_text("b,a\n3,4\n")
    assert frame(Tabular.from_delimited_files(str(tmp_path / "*.csv"))).values.tolist() == [[1, 2], [4, 3]]
    (tmp_path / "3.csv").write_text("a,c\n5,6\n")
    mixed = str(tmp_path / "*.csv")
    with pytest.raises(DatasetExecutionError, match=r"3\.csv' has other columns .* it has 'c' and lacks 'b'"):
        frame(Tabular.from_delimited_files(mixed))
    every = frame(Tabular.from_delimited_files(mixed, header=PromoteHeadersBehavior.COMBINE_ALL_FILES_HEADERS))
    assert every.columns.tolist() == ["a", "b", "c"] and every["c"].tolist()[2] == 6 and every["b"].isna().sum() == 1
    none = frame(Tabular.from_delimited_files(str(tmp_path / "1.csv"), header=PromoteHeadersBehavior.NO_HEADERS))
    assert none.values.tolist() == [["a", "b"], ["1", "2"]] and none.columns.tolist() == ["Column1", "Column2"]
    first = frame(Tabular.from_delimited_files(mixed, header=PromoteHeadersBehavior.ONLY_FIRST_FILE_HAS_HEADERS))
    assert len(first) == 5 and first.columns.tolist() == ["a", "b"]
    lines = Tabular.from_delimited_files(mixed, separator="\n", header=PromoteHeadersBehavior.NO_HEADERS)
    assert frame(lines)["Column1"].tolist() == ["a,b", "1,2", "b,a", "3,4", "a,c", "5,6"]


def test_encodings_packed_files_line_breaks_and_names(tmp_path):
    (tmp_path / "l.csv").write_bytes("n;größe\n1;ü\n".encode("latin-1"))
    with pytest.raises(DatasetExecutionError, match=r"is not utf8.*encoding="):
        frame(Tabular.from_delimited_files(str(tmp_path / "l.csv"), separator=";", validate=False))
    assert frame(Tabular.from_delimited_files(str(tmp_path / "l.csv"), separator=";", encoding="iso88591"))[
        "größe"
    ].tolist() == ["ü"]
    (tmp_path / "w.csv").write_bytes("a,b\n1,ü\n".encode("utf-16"))
    assert frame(Tabular.from_delimited_files(str(tmp_path / "w.csv"), encoding="utf16"))["b"].tolist() == ["ü"]
    (tmp_path / "g.csv.gz").write_bytes(gzip.compress(b'\xef\xbb\xbfa,,a\n1,2,"x\ny"\n'))
    packed = frame(Tabular.from_delimited_files(str(tmp_path / "g.csv.gz"), support_multi_line=True))
    assert packed.columns.tolist() == ["a", "Column2", "a_1"] and packed["a_1"].tolist() == ["x\ny"]
    (tmp_path / "long.csv").write_text("a,b\n1," + "y" * 9_000_000 + "\n2,z\n")
    assert frame(Tabular.from_delimited_files(str(tmp_path / "long.csv")))["b"].str.len().tolist() == [9_000_000, 1]
    (tmp_path / "empty.csv").write_text("")
    assert frame(Tabular.from_delimited_files(str(tmp_path / "empty.csv"))).empty
    (tmp_path / "head.csv").write_text("a,b\n")
    assert frame(Tabular.from_delimited_files(str(tmp_path / "head.csv"))).columns.tolist() == ["a", "b"]


def test_the_first_rows_of_a_large_file_are_read_without_the_rest(tmp_path):
    whole = tmp_path / "big.csv"
    with whole.open("w") as file:
        file.write("a,b\n" + "1,2\n" * 500_000)
        file.write("broken,\xff,\xff\n")
    dataset = Tabular.from_delimited_files([str(whole)])
    assert len(frame(dataset.take(20), on_error="fail")) == 20


# -- rows and columns ---------------------------------------------------------------------------------------------
@pytest.fixture
def parquet(tmp_path):
    folder = tmp_path / "parquet"
    folder.mkdir()
    for part in range(4):
        some = range(part * 250, part * 250 + 250)
        pq.write_table(
            pa.table({
                "n": list(some), "x": [float("nan") if i % 10 == 0 else i / 2 for i in some],
                "s": [None if i % 7 == 0 else f"s{i % 3}" for i in some],
                "t": pa.array([datetime(2020, 1, 1) + timedelta(hours=i) for i in some], pa.timestamp("us")),
            }),
            folder / f"{part}.parquet",
        )  # fmt: skip
    return str(folder)


CONDITIONS = [
    ("n > 990", lambda d: d["n"] > 990, lambda f: f["n"] > 990),
    ("and", lambda d: (d["n"] >= 10) & (d["x"] < 20), lambda f: (f["n"] >= 10) & (f["x"] < 20)),
    ("nan is no number", lambda d: d["x"] > 400, lambda f: f["x"] > 400),
    ("not", lambda d: ~(d["x"] > 3) & (d["s"] == "s1"), lambda f: ~(f["x"] > 3) & (f["s"] == "s1")),
    ("unequal", lambda d: d["s"] != "s1", lambda f: f["s"] != "s1"),
    ("null", lambda d: d["s"].is_null() | d["x"].is_null(), lambda f: f["s"].isna() | f["x"].isna()),
    ("in", lambda d: d["n"].isin([1, 5, 2000]), lambda f: f["n"].isin([1, 5])),
    ("text", lambda d: d["s"].ends_with("2"), lambda f: f["s"].str.endswith("2").fillna(False).astype(bool)),
    ("time", lambda d: d["t"] > datetime(2020, 2, 1, tzinfo=timezone.utc), lambda f: f["t"] > datetime(2020, 2, 1)),
    ("columns", lambda d: d["x"] >= d["n"], lambda f: f["x"] >= f["n"]),
]


@pytest.mark.parametrize(
    ("condition", "expected"), [(c, e) for _, c, e in CONDITIONS], ids=[i for i, _, _ in CONDITIONS]
)
@pytest.mark.parametrize("form", ["parquet", "csv", "batches"])
def test_conditions_mean_the_same_in_each_engine(parquet, tmp_path, form, condition, expected):
    whole = pd.read_parquet(parquet)
    if form == "csv":
        whole.to_csv(tmp_path / "whole.csv", index=False)
        dataset = Tabular.from_delimited_files(str(tmp_path / "whole.csv"))
    else:
        dataset = Tabular.from_parquet_files(parquet)
        dataset = dataset if form == "parquet" else dataset.skip(0)
    found = frame(dataset.filter(condition(dataset)))
    assert found["n"].tolist() == whole[expected(whole)]["n"].tolist()


def test_steps_are_lazy_ordered_and_return_new_ones(parquet):
    dataset = Tabular.from_parquet_files(parquet)
    assert frame(dataset.skip(249).take(2))["n"].tolist() == [249, 250]
    assert frame(dataset.take(5).filter(dataset["n"] > 2))["n"].tolist() == [3, 4]
    assert frame(dataset.filter(dataset["n"] > 2).take(2).keep_columns("s")).columns.tolist() == ["s"]
    assert frame(dataset.drop_columns(["s", "upload_date"])).columns.tolist() == ["n", "x", "t"]
    assert len(frame(dataset)) == 1000 and frame(dataset.take(0)).columns.tolist() == ["n", "x", "s", "t"]
    with pytest.raises(DatasetValidationError, match=r"no column 'nn'\. Did you mean 'n'"):
        frame(dataset.filter(dataset["nn"] > 2))
    with pytest.raises(DatasetValidationError, match="holds text"):
        frame(dataset.filter(dataset["s"] > 2))
    lost = dataset.keep_columns(["n", "gone"])
    with pytest.raises(DatasetValidationError, match="gone"):
        frame(lost)
    with pytest.raises(DatasetValidationError, match="gone"):
        dataset.keep_columns("gone", validate=True)
    with pytest.raises(UserErrorException, match="brackets"):
        dataset.filter(dataset["n"] > 2 and dataset["n"] < 5)


def test_a_split_is_of_all_rows_once_and_the_same_again(parquet):
    dataset = Tabular.from_parquet_files(parquet)
    one, other = dataset.random_split(0.3, seed=7)
    assert 240 < len(frame(one)) < 360
    assert sorted([*frame(one)["n"], *frame(other)["n"]]) == list(range(1000))
    assert frame(one)["n"].tolist() == frame(dataset.random_split(0.3, seed=7)[0])["n"].tolist()
    unsaid, rest = dataset.random_split(0.5)
    assert sorted([*frame(unsaid)["n"], *frame(rest)["n"]]) == list(range(1000))
    assert 50 < len(frame(dataset.take_sample(0.1, seed=1))) < 150
    with pytest.raises(UserErrorException, match="0 to 1"):
        dataset.random_split(30)


def test_parquet_of_several_schemas_is_one_table_or_says_why_not(tmp_path):
    pq.write_table(pa.table({"a": [1], "b": ["x"]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"a": [1.5], "c": pa.array(["k"]).dictionary_encode()}), tmp_path / "2.parquet")
    read = Tabular.from_parquet_files(str(tmp_path))
    assert frame(read)["a"].tolist() == [1.0, 1.5] and frame(read)["c"].tolist()[1] == "k"
    assert frame(read.filter(read["a"] > 1).take(5))["c"].tolist() == ["k"]
    (tmp_path / "3.parquet").write_bytes(b"no parquet at all")
    with pytest.raises(DatasetExecutionError, match=r"3\.parquet' cannot be read"):
        Tabular.from_parquet_files(str(tmp_path))


def test_json_lines(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"a": 1, "b": {"c": 2}}\n\n{"a": 2.5}\n')
    assert frame(Tabular.from_json_lines_files(str(tmp_path / "a.jsonl")))["a"].tolist() == [1.0, 2.5]
    (tmp_path / "b.jsonl").write_text('{"a": 1}\nnot json\n{"a": 3}\n')
    with pytest.raises(DatasetExecutionError, match="Line 2 of"):
        Tabular.from_json_lines_files(str(tmp_path / "b.jsonl"))
    dropped = Tabular.from_json_lines_files(str(tmp_path / "b.jsonl"), invalid_lines="drop", include_path=True)
    assert frame(dropped)["a"].tolist() == [1, 3] and frame(dropped)["Path"].tolist()[0].endswith("/b.jsonl")


def test_a_query_only_reads_and_its_values_are_no_part_of_it(ws, tmp_path):
    with sqlite3.connect(tmp_path / "d.db") as database:
        database.execute("create table t (a integer, b text, c real)")
        database.executemany("insert into t values (?, ?, ?)", [(1, "x", 0.5), (2, "y';--", None), (3, None, 2.0)])
    database.close()
    sql = Datastore.register_sql(ws, "db", f"sqlite:///{tmp_path / 'd.db'}")
    read = Tabular.from_sql_query((sql, "select * from t where b = :b"), parameters={"b": "y';--"})
    assert frame(read)["a"].tolist() == [2]
    every = Tabular.from_sql_query((sql, "select * from t")).register(ws, "rows of t")
    every = Dataset.get_by_name(ws, "rows of t")
    assert frame(every.filter(every["c"] > 1).keep_columns("a"))["a"].tolist() == [3]
    for wrong in ("delete from t", "select 1; drop table t", "pragma writable_schema=1"):
        with pytest.raises(UserErrorException):
            Tabular.from_sql_query((sql, wrong))
    assert len(frame(every)) == 3


# -- paths ---------------------------------------------------------------------------------------------------------
def test_paths_may_be_said_in_many_ways(ws, store, tmp_path):
    for name in ("d/a.csv", "d/sub/b.csv", "d/sub/deep/c.csv", "d/_SUCCESS", "d/.hidden.csv"):
        put(store, name, "v\n1\n")
    counts = {
        "d/*.csv": 1, "d/**/*.csv": 3, "d/sub/": 2, "d": 3, "/d/*/b.csv": 1, "/d/sub/": 2,
    }  # fmt: skip
    for pattern, count in counts.items():
        assert len(File.from_files((store, pattern)).to_path()) == count, pattern
    assert File.from_files(store.path("d/sub")).to_path() == ["/b.csv", "/deep/c.csv"]
    assert File.from_files([(store, "d/a.csv"), (store, "d/sub/b.csv")]).to_path() == ["/a.csv", "/sub/b.csv"]
    reference = store.upload_files(
        [str(tmp_path / "up.csv")] if (tmp_path / "up.csv").write_text("v\n2\n") else [], target_path="up"
    )
    assert File.from_files(reference).to_path() == ["/up.csv"]
    for wrong in ("../x", "d/../../x", "%2e%2e/x", "http://h/x", "d\\..\\x"):
        with pytest.raises(UserErrorException, match="no path in a datastore"):
            File.from_files((store, wrong))
    for wrong in ("zip::http://h/x", "ftp://h/x", "", ["ok", 3]):
        with pytest.raises(UserErrorException):
            File.from_files(wrong, validate=False)
    with pytest.raises(DatasetValidationError, match="There is no file at workspaceblobstore:/nothing"):
        Tabular.from_delimited_files((store, "nothing/*.csv"))


def test_what_paths_tell_becomes_columns_and_passes_over_files(store, tmp_path):
    for month in ("01", "02", "03"):
        table = pa.table(
            {
                "datetime": pa.array([datetime(2020, int(month), d) for d in (1, 15)], pa.timestamp("ms", "UTC")),
                "v": [1, 2],
            }
        )
        pq.write_table(table, tmp_path / "p")
        put(store, f"w/2020/{month}/data.parquet", (tmp_path / "p").read_bytes())
    read = Tabular.from_parquet_files((store, "w/*/*/data.parquet"), partition_format="w/{part:yyyy/MM}/data.parquet")
    tsd = read.with_timestamp_columns(timestamp="datetime", partition_timestamp="part")
    assert frame(tsd)["part"].tolist()[0] == pd.Timestamp(2020, 1, 1) and frame(tsd)["datetime"].dt.tz is None
    assert tsd.partition_keys == ["part"] and len(tsd.get_partition_key_values()) == 3
    scan, steps = (
        tsd.time_between(datetime(2020, 2, 3), datetime(2020, 2, 20))._scan(),
        tsd.time_after(datetime(2020, 2, 3))._steps,
    )
    assert [f.whole for f in scan.needed(steps[0]["where"])] == ["w/2020/02/data.parquet", "w/2020/03/data.parquet"]
    assert frame(tsd.time_between(datetime(2020, 1, 3), datetime(2020, 2, 1)))["v"].tolist() == [2, 1]
    with pytest.raises(DatasetValidationError, match="is not of the partition format"):
        Tabular.from_parquet_files((store, "w/*/*/data.parquet"), partition_format="x/{part}/data.parquet")


def test_times(store, tmp_path):
    rows = "".join(f"2020-01-{d:02} 12:00:00,{d}\n" for d in range(1, 11))
    put(store, "t.csv", "when,v\n" + rows)
    read = Tabular.from_delimited_files((store, "t.csv"))
    with pytest.raises(DatasetTimestampMissingError):
        read.time_before(datetime(2020, 1, 2))
    tsd = read.with_timestamp_columns("when")
    edge = datetime(2020, 1, 3, 12)
    assert frame(tsd.time_before(edge))["v"].tolist() == [1, 2, 3]
    assert frame(tsd.time_before(edge, include_boundary=False))["v"].tolist() == [1, 2]
    assert frame(tsd.time_after(datetime(2020, 1, 9, 13, tzinfo=timezone(timedelta(hours=1)))))["v"].tolist() == [9, 10]
    assert frame(tsd.time_between(edge, datetime(2020, 1, 5)))["v"].tolist() == [3, 4]
    assert frame(tsd.time_recent(timedelta(days=2))).tail(5).empty
    for without in (tsd.drop_columns("when"), tsd.keep_columns(["v"])):
        with pytest.raises(DatasetTimestampMissingError):
            without.time_after(edge)
    assert tsd.keep_columns(["v", "when"]).timestamp_columns == ("when", None)
    with pytest.raises(UserErrorException):
        tsd.with_timestamp_columns(None, "v")
    assert tsd.with_timestamp_columns(None, None).timestamp_columns == (None, None)
    with pytest.raises(UserErrorException, match="no times"):
        read.with_timestamp_columns("v", validate=True)


# -- names and versions --------------------------------------------------------------------------------------------
def test_a_registered_dataset_is_a_reference_with_versions_and_tags(ws, store):
    put(store, "a.csv", "v\n1\n")
    first = Tabular.from_delimited_files((store, "a.csv")).register(ws, "näme of / it", "text", {"f": "CSV", "n": 1})
    assert (first.version, first.tags, first.description) == (1, {"f": "CSV", "n": "1"}, "text")
    put(store, "a.csv", "v\n1\n2\n")
    assert len(frame(Dataset.get_by_name(ws, "näme of / it"))) == 2  # a reference: nothing was copied
    assert first.register(ws, "näme of / it", create_new_version=True).version == 1
    with pytest.raises(UserErrorException, match="create_new_version=True"):
        first.take(1).register(ws, "näme of / it")
    second = first.take(1).register(ws, "näme of / it", create_new_version=True)
    assert second.version == 2 and ws.datasets["näme of / it"].version == 2
    assert len(frame(Dataset.get_by_name(ws, "näme of / it", version=1))) == 2
    assert Dataset.get_by_id(ws, first.id).version == 1 and first.id != second.id
    second.add_tags({"x": "y"}).remove_tags(["nothing"])
    assert Dataset.get_by_name(ws, "näme of / it").tags == {"x": "y"}
    assert second.update("other", {"z": None}).tags == {"z": None} and second.description == "other"
    with pytest.raises(NotFoundException, match="has no version 9; it has 2"):
        Dataset.get_by_name(ws, "näme of / it", version=9)
    with pytest.raises(NotFoundException, match="Did you mean"):
        Dataset.get_by_name(ws, "näme of it")
    second.unregister_all_versions()
    assert "näme of / it" not in ws.datasets
    for shown in (first, second, first.take(3), File.from_files((store, "a.csv"))):
        assert shown._repr_html_().startswith("<div") and repr(shown)


def test_a_frame_is_written_and_registered(ws, store):
    made = pd.DataFrame({"a": [1, 2], 3: ["x", None], "t": pd.to_datetime(["2020-01-01", None])})
    kept = Tabular.register_pandas_dataframe(made, (store, "frames"), "f", tags={"a": "b"})
    back = frame(Dataset.get_by_name(ws, "f"))
    assert back.columns.tolist() == ["a", "3", "t"] and back["t"].isna().tolist() == [False, True] and kept.version == 1
    assert Tabular.register_pandas_dataframe(made, store, "f").version == 2
    with pytest.raises(UserErrorException, match="DataFrame of pandas"):
        Tabular.register_pandas_dataframe([1], store, "f")


def test_rows_go_into_folders_by_value_and_into_files(ws, store, parquet):
    dataset = (
        Tabular.from_parquet_files(parquet)
        .filter(Tabular.from_parquet_files(parquet)["s"].is_not_null())
        .register(ws, "d")
    )
    parts = dataset.partition_by(["s"], (store, "parts"), name="by s")
    assert parts.partition_keys == ["s"] and {v["s"] for v in parts.get_partition_key_values()} == {"s0", "s1", "s2"}
    assert sorted(frame(parts)["n"]) == frame(dataset)["n"].tolist()
    assert len(parts._scan().needed(["==", ["col", "s"], ["value", "s1"]])) == 1
    assert set(frame(parts.filter(parts["s"] == "s1"))["s"]) == {"s1"}
    text = dataset.to_csv_files()
    assert pd.read_csv(text.download()[0])["n"].tolist() == frame(dataset)["n"].tolist()
    assert len(pd.read_parquet(dataset.to_parquet_files().download()[0])) == len(frame(dataset))


def test_a_profile_is_of_all_columns_and_is_kept_while_the_data_stay(ws, parquet):
    dataset = Tabular.from_parquet_files(parquet).register(ws, "p")
    found = dataset.get_profile()
    n, x, s, t = (found.columns[name] for name in "nxst")
    assert (found.rows, n["min"], n["max"], n["mean"], n["missing"]) == (1000, 0, 999, 499.5, 0)
    assert (x["missing"], s["missing"], s["distinct"]) == (100, 143, 3) and x["quantiles"]["50%"] == pytest.approx(
        250, abs=5
    )
    assert sum(b["count"] for b in n["histogram"]) == 1000 and {top["value"] for top in s["top"]} == {"s0", "s1", "s2"}
    assert t["min"] == "2020-01-01T00:00:00" and "<svg" in found._repr_html_()
    run = dataset.submit_profile_run("local", "profiles")
    assert run.get_status() == "Completed" and next(dataset.get_profile_runs()).id == run.id
    kept = Dataset.get_by_name(ws, "p").get_profile()
    assert kept.get_producing_run().id == run.id and not kept.is_stale()
    pq.write_table(pa.table({"n": [1]}), f"{parquet}/9.parquet")
    assert kept.is_stale()


def test_a_profile_of_more_rows_than_memory_should_hold(ws, tmp_path, monkeypatch):
    from jupyter_aml.data import profile

    monkeypatch.setattr(profile, "EXACT", 1000)
    monkeypatch.setattr(profile, "SAMPLE", 2000)
    (tmp_path / "many").mkdir()
    for part in range(5):
        pq.write_table(pa.table({"v": list(range(part * 4000, part * 4000 + 4000))}), tmp_path / f"many/{part}.parquet")
    found = Tabular.from_parquet_files(str(tmp_path / "many")).get_profile(ws)
    column = found.columns["v"]
    assert not found.profile["exact"] and (column["count"], column["mean"], column["max"]) == (20000, 9999.5, 19999)
    assert column["quantiles"]["50%"] == pytest.approx(10000, rel=0.1)


# -- files ---------------------------------------------------------------------------------------------------------
def test_files_are_fetched_linked_and_chosen(store, tmp_path):
    for name, text in {"f/a.txt": "a", "f/b.bin": "b" * 100, "f/s/c.txt": "c"}.items():
        put(store, name, text)
    files = File.from_files((store, "f/**"))
    assert files.to_path() == ["/a.txt", "/b.bin", "/s/c.txt"]
    paths = files.download(tmp_path / "down")
    assert [Path(p).read_text()[:1] for p in paths] == ["a", "b", "c"] and paths[2] == str(tmp_path / "down/s/c.txt")
    with pytest.raises(Exception, match="overwrite=True"):
        files.download(tmp_path / "down")
    assert files.download(tmp_path / "down", overwrite=True) == paths
    with files.mount() as mounted:
        assert Path(mounted.mount_point, "s/c.txt").read_text() == "c"
    with pytest.warns(UserWarning, match="changed while they were mounted.*download"), files.mount() as mounted:
        Path(mounted.mount_point, "s/c.txt").write_text("c")
    assert files.filter(files.file_metadata("Size") > 10).to_path() == ["/b.bin"]
    assert files.skip(1).take(1).to_path() == ["/b.bin"]
    one, other = files.random_split(0.5, seed=3)
    assert sorted(one.to_path() + other.to_path()) == files.to_path()
    assert File.from_files((store, "none/*"), validate=False).download(ignore_not_found=True) == []


def test_what_opens_a_url_is_in_the_vault_alone(ws, web, tmp_path, home):
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "t.csv").write_text("v\n1\n2\n")
    bare = web(tmp_path / "web") + "/t.csv"
    signed = bare + "?sv=2026&sig=pl4nted%2Bsignature%3D"
    files = File.from_files(signed).register(ws, "signed-files")
    assert len(files.download(tmp_path / "got")) == 1 and files.to_path() == ["/t.csv"]
    table = Tabular.from_delimited_files(signed).register(ws, "signed")
    renewed = Tabular.from_delimited_files(bare + "?sig=pl4nted-too").register(ws, "signed", create_new_version=True)
    assert renewed.version == 1 and "pl4nted" not in repr(table) + json.dumps(table._definition)
    code = (
        "import sys\nfrom jupyter_aml import Workspace\nfrom jupyter_aml.data import signed_urls\n"
        "from jupyter_aml.data.dataset import Dataset\n"
        "d = Dataset.get_by_name(Workspace.from_url(sys.argv[1]), 'signed')\nprint(len(d.to_pandas_dataframe()), repr(d))\n"
        "print(signed_urls.opened(d._workspace, d._source['places'][0]).endswith('?sig=pl4nted-' + 'too'))"
    )
    done = subprocess.run([sys.executable, "-c", code, ws.url], capture_output=True, text=True)
    assert done.stdout.startswith("2 ") and done.stdout.endswith("True\n"), done.stderr
    assert ws.get_default_keyvault().list_secrets() == [] and "pl4nted" not in done.stdout
    for path in home.rglob("*"):
        assert not path.is_file() or b"pl4nted" not in path.read_bytes(), path
    plain = Tabular.from_delimited_files(bare + "?raw=1")
    assert plain._source["places"] == [{"url": bare + "?raw=1"}] and len(frame(plain)) == 2
    assert (
        _said("https://user:pl4nted@h/f.csv") == "https://h/f.csv" and _said("wasbs://c@h/f.csv") == "wasbs://c@h/f.csv"
    )


def _said(url):
    (place,) = File.from_files(url, validate=False)._source["places"]
    assert "pl4nted" not in json.dumps(place)
    return said(place)


def test_a_folder_stands_in_for_a_url(tmp_path, monkeypatch):
    (tmp_path / "t.csv").write_text("v\n1\n")
    monkeypatch.setenv("JUPYTER_AML_STAND_INS", json.dumps({"https://data.example.org/demo": str(tmp_path)}))
    assert len(frame(Tabular.from_delimited_files("https://data.example.org/demo/t.csv?sig=absent"))) == 1


@pytest.mark.parametrize(
    "deep",
    ['{"a":' + "[" * 100_000 + "]" * 100_000 + "}", '{"a":' + '{"b":' * 500 + "1" + "}" * 501, "[" * 50_000, '{"a":\n' + "[\n" * 9_000],
    ids=["lists", "objects", "open", "lines"],
)  # fmt: skip
def test_what_is_nested_without_end_is_an_error_and_not_the_end_of_the_process(tmp_path, deep):
    path = tmp_path / "deep.jsonl"
    path.write_text('{"a": [[1], [2, 3]], "b": "[[[[ {{ \\\\"}\n' * 300 + deep + "\n")
    with pytest.raises(DatasetExecutionError, match=r"Line 301 .* is no JSON object"):
        Dataset.Tabular.from_json_lines_files(str(path)).to_pandas_dataframe()
    found = Dataset.Tabular.from_json_lines_files(str(path), invalid_lines="drop").to_pandas_dataframe()
    assert len(found) == 300 and found["b"][0] == "[[[[ {{ \\"


def test_a_table_of_very_many_columns_is_read(tmp_path):
    path = tmp_path / "wide.csv"
    path.write_text(
        ",".join(["same"] * 3_000 + [f"c{n}" for n in range(3_000)]) + "\n" + ",".join(["1"] * 6_000) + "\n"
    )
    found = Dataset.Tabular.from_delimited_files(str(path)).drop_columns(["same_7"]).to_pandas_dataframe()
    assert found.shape == (1, 5_999) and {"same", "same_2999", "c2999"} <= set(found) and found["c5"][0] == 1


def test_what_is_broken_in_other_ways_is_said_in_errors_of_ours(tmp_path):
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 10_000)[:60])
    (tmp_path / "half.jsonl").write_text('{"a": "\\ud800"}\n')
    (tmp_path / "fine.csv").write_text("a\n1\n2\n")
    csv = Dataset.Tabular.from_delimited_files
    for act, kind in (
        (lambda: csv(str(tmp_path / "cut.csv.gz")).to_pandas_dataframe(), DatasetExecutionError),
        (lambda: Dataset.Tabular.from_json_lines_files(str(tmp_path / "half.jsonl")), DatasetExecutionError),
        (lambda: csv("http://[::1/x.csv"), UserErrorException),
        (lambda: csv("http://127.0.0.1:9/x.csv?sig=s3cr3t-signature"), DatasetValidationError),
    ):
        with pytest.raises(kind) as caught:
            act()
        assert "s3cr3t" not in str(caught.value)
    assert len(csv(str(tmp_path / "fine.csv")).skip(1).take(10**30).to_pandas_dataframe()) == 1
