"""What every store must do: metrics and their series, filters, orders, pages."""

from __future__ import annotations

import math
from array import array

import pytest
from stores import Sender, born, ended, ids, points

from jupyter_aml.errors import FilterException
from jupyter_aml.store.events import (
    NO_STEP,
    FileLogged,
    Points,
    RunDeleted,
    TextLogged,
)
from jupyter_aml.store.grammar import parse
from jupyter_aml.store.records import And, Condition, Not, Or, RunQuery


# -- metrics -----------------------------------------------------------------------------------------------------
def test_every_value_comes_back_as_it_was_logged(store, send):
    values = [1, 2.5, math.nan, math.inf, -math.inf, 2**70, -(2**63), "text", None, True, {"a": [1]}, -0.0, 10**400]
    send(born("r"), points("r", "m", values))
    found = store.series("r", "m").values
    assert repr(found) == repr(values)
    assert [type(v) for v in found] == [type(v) for v in values]


def test_a_point_without_a_step_is_numbered_by_its_place(store, send):
    send(born("r"))
    for _ in range(2):
        send(Points(run="r", name="m", steps=array("q", [NO_STEP, 40, NO_STEP]), times=array("d", [1.0] * 3),
                    values=array("d", [1.0] * 3)))  # fmt: skip
    assert list(store.series("r", "m").steps) == [0, 40, 2, 3, 40, 5]


def test_summaries_follow_the_points(store, send):
    send(born("r"), points("r", "m", [5, math.nan, -3.5, math.inf]), points("r", "m", [7], steps=[99], times=[500.25]))
    m = store.metrics(["r"])["r"]["m"]
    assert (m.count, m.last, m.min, m.max, m.first_time, m.last_time, m.last_step) == (
        5,
        7,
        -3.5,
        7.0,
        100.0,
        500.25,
        99,
    )
    assert type(m.last) is int


def test_rows_of_a_table_are_kept_whole_and_have_no_last_value(store, send):
    rows = [{"x": 1, "y": "a"}, {"x": math.nan}]
    send(born("r"), points("r", "t", rows, kind="table", description="about"))
    m = store.metrics(["r"])["r"]["t"]
    assert (m.kind, m.count, m.last, m.description) == ("table", 2, None, "about")
    assert repr(store.series("r", "t").values) == repr(rows)
    assert store.sampled("r", ["t"]) == []


def test_a_slice_of_a_series_reaches_over_blocks(store, send):
    send(born("r"))
    for k in range(5):
        send(points("r", "m", [float(v) for v in range(k * 3000, k * 3000 + 3000)]))
    assert list(store.series("r", "m", start=4090, stop=8200).values) == [float(v) for v in range(4090, 8200)]
    assert list(store.series("r", "m", start=14_999).values) == [14_999.0]
    assert list(store.series("r", "m", start=20_000).values) == []
    assert store.series("r", "nope") is None


def test_a_cells_run_shows_what_it_logged_to_the_run_above(store, send):
    send(born("r"), born("c1", parent="r"), born("c2", parent="r"))
    send(
        points("r", "loss", [1.0, 2.0], origin="c1"),
        points("r", "loss", [3.0], origin="c2"),
        points("r", "loss", [0.5]),
    )
    send(FileLogged(run="r", path="f.png", digest="a" * 64, size=1, at=1.0, origin="c1"))
    assert list(store.series("r", "loss").values) == [1.0, 2.0, 3.0, 0.5]
    assert store.series("r", "loss").origins == ["c1", "c1", "c2", ""]
    assert list(store.series("c1", "loss").values) == [1.0, 2.0]
    metrics = store.metrics(["r", "c1", "c2"])
    assert (metrics["c1"]["loss"].max, metrics["c1"]["loss"].origin, metrics["c2"]["loss"].last) == (2.0, "r", 3.0)
    assert (metrics["r"]["loss"].count, metrics["r"]["loss"].origin) == (4, "")
    assert store.sampled("c1", ["loss"])[0].last == [1.0, 2.0]
    assert [(f.run, f.path, f.origin) for f in store.files("c1")] == [("r", "f.png", "c1")]
    assert store.files("c2") == []


def test_deleting_a_run_takes_its_points_from_the_cell_that_showed_them(store, send):
    send(
        born("c"),
        born("r"),
        born("s"),
        points("r", "loss", [1.0, 9.0], origin="c"),
        points("s", "loss", [3.0], origin="c"),
    )
    assert list(store.series("c", "loss").values) == [1.0, 9.0, 3.0]
    send(RunDeleted(run="r", at=1.0))
    assert list(store.series("c", "loss").values) == [3.0]
    m = store.metrics(["c"])["c"]["loss"]
    assert (m.count, m.min, m.max, m.last, m.origin) == (1, 3.0, 3.0, 3.0, "s")
    send(RunDeleted(run="s", at=1.0))
    assert store.metrics(["c"])["c"] == {}


# -- queries -----------------------------------------------------------------------------------------------------
@pytest.fixture
def five(store, send):
    for i in range(5):
        send(born(f"r{i}", name=f"Run {i}%", created=100.0 + i, started=100.0 + i, user="ann" if i % 2 else "bob",
                  params={"lr": i / 10, "opt": "adam" if i < 3 else "sgd", "flag": i == 0}, tags={"n": str(i)}))  # fmt: skip
        if i != 2:
            send(points(f"r{i}", "loss", [float(i), float((i * 3) % 5)]))
    send(ended("r0", at=110.0), ended("r1", "Failed", at=104.0), born("child", parent="r0", created=300.0))
    return store


def where(field, op, value):
    return (Condition(field, op, value),)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (("status", "=", "Failed"), "1"), (("status", "!=", "Running"), "01"), (("status", "in", ["Failed", "Completed"]), "01"),
        (("name", "contains", "run 3%"), "3"), (("name", "contains", "_"), ""), (("user", "=", "ann"), "13"),
        (("created", ">=", 103), "34"), (("ended", "<", 105.0), "1"), (("ended", "=", None), "234"), (("ended", "!=", None), "01"),
        (("duration", ">", 5), "0"), (("duration", "!=", 10.0), "1234"),
        (("params.lr", "=", 0.2), "2"), (("params.lr", "=", "0.2"), "2"), (("params.lr", "<", 0.15), "01"),
        (("params.opt", "=", "sgd"), "34"), (("params.opt", "contains", "DA"), "012"), (("params.opt", "!=", "sgd"), "012"),
        (("params.flag", "=", True), "0"), (("params.none", "=", None), "01234"), (("params.lr", "in", [0.1, 0.3]), "13"),
        (("tags.n", ">", 2), "34"), (("tags.n", "=", "2"), "2"),
        (("metrics.loss", ">", 2), "13"), (("metrics.loss", "<=", 1), "0"), (("metrics.loss.max", ">=", 4), "34"),
        (("metrics.loss.min", "=", 0.0), "0"), (("metrics.loss", "=", None), "2"), (("metrics.loss", "!=", 3.0), "0234"),
        (("name", "=", "x' OR '1'='1"), ""),
    ],
)  # fmt: skip
def test_conditions_select_runs(five, condition, expected):
    found = sorted(run.id for run in five.runs(RunQuery(where=where(*condition))).runs)
    assert found == [f"r{c}" for c in expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("metrics.loss > 2 or params.opt = sgd and not number = 4", "134"), ("(user = ann or name contains '0%') and number < 3.5", "01"),
        ("not (status = Running or experiment != e)", "01"), ("number >= 2.5 and number < inf", "234"), ("metrics.loss is not null", "0134"),
        ("params.lr in (0.1, '0.3', adam) and tags.n not in (1)", "3"), ("experiment in (e, f) and parent is null", "01234"),
        ("metrics.loss in (3, 4, x)", "13"), ("not ended > 105", "1234"), ("created >= 1970-01-01T00:01:43Z", "34"), ("duration = 3s", "1"),
    ],
)  # fmt: skip
def test_filters_select_runs(five, text, expected):
    assert sorted(ids(five, where=[parse(text)])) == [f"r{c}" for c in expected]


@pytest.mark.parametrize(
    "bad",
    [
        {"where": where("nope", "=", 1)}, {"where": where("status", "~", "x")}, {"where": where("status", "=", 1)},
        {"where": where("created", ">", "x")}, {"where": where("params.lr", "contains", 1)}, {"where": where("name", "in", "abc")},
        {"where": where("created", ">", None)}, {"where": where("metrics.loss", ">", "x")}, {"order_by": "nope"},
        {"order_by": "metrics."}, {"limit": 0}, {"cursor": "!!"}, {"cursor": "AAAA"}, {"where": where("created", ">", True)},
        {"where": [Not(Or((Condition("status", "=", "x"), And(({"field": "status"},)))))]}, {"where": ["status = x"]},
        {"where": where("created", ">", math.nan)}, {"where": where("params.lr", "in", list(range(1001)))},
        {"where": [Or(where("number", "=", 1) * 300), And(where("number", "=", 1) * 300)]},
    ],
)  # fmt: skip
def test_a_query_that_cannot_be_is_refused(five, bad):
    with pytest.raises(FilterException):
        five.runs(RunQuery(**bad))


@pytest.mark.parametrize(
    ("order", "having", "lacking"),
    [
        ("created", "01234", ""), ("name", "01234", ""), ("number", "01234", ""), ("experiment", "01234", ""), ("id", "01234", ""),
        ("duration", "10", "234"), ("tags.n", "01234", ""), ("params.lr", "01234", ""), ("params.opt", "01234", ""),
        ("params.nope", "", "01234"), ("metrics.loss", "0413", "2"), ("metrics.loss.max", "0134", "2"), ("parent", "", "01234"),
    ],
)  # fmt: skip
def test_pages_in_any_order_hold_every_run_once_and_those_without_a_value_last(five, order, having, lacking):
    for descending in (False, True):
        found = [run.id for run in five.walk(RunQuery(order_by=order, descending=descending, limit=2))]
        step = -1 if descending else 1
        assert found == [f"r{c}" for c in having[::step] + lacking[::step]]


def test_a_cursor_holds_while_runs_are_added(five):
    send = Sender(five)
    page = five.runs(RunQuery(limit=2))
    send(born("new", created=900.0), born("old", created=1.0))
    rest = [run.id for run in five.walk(RunQuery(limit=2, cursor=page.next))]
    assert [run.id for run in page.runs] + rest == ["r4", "r3", "r2", "r1", "r0", "old"]


def test_a_cursor_of_another_order_is_refused(five):
    cursor = five.runs(RunQuery(limit=2)).next
    with pytest.raises(FilterException, match="begin again"):
        five.runs(RunQuery(limit=2, order_by="name", cursor=cursor))


def test_roots_children_text_ids_and_metrics(five):
    assert ids(five, parent="r0") == ["child"]
    assert ids(five, everywhere=True, limit=1) == ["child"]
    assert ids(five, text="RUN 4") == ["r4"]
    assert set(ids(five, ids=["child", "r1", "x"])) == {"child", "r1"}
    assert ids(five, experiment="nope") == []
    assert ids(five, types=["aml.cell"]) == []
    assert ids(five, statuses=["Failed", "Completed"]) == ["r1", "r0"]
    assert five.runs(RunQuery(with_metrics=True)).runs[0].metrics["loss"].last == 2.0


def test_names_that_are_long_or_strange_are_told_apart(store, send):
    long = "x" * 10_000
    send(born("r", params={long + "a": 1, long + "b": 2, "a.b%": "é"}))
    send(points("r", long + "a", [1.0]), points("r", long + "b", [2.0]), points("r", "loss.min", [3.0]))
    assert list(store.series("r", long + "b").values) == [2.0]
    assert set(store.metrics(["r"])["r"]) == {long + "a", long + "b", "loss.min"}
    assert ids(store, where=where(f"params.{long}b", "=", 2)) == ["r"]
    assert ids(store, where=where(f"params.{long}b", "=", 1)) == []
    assert ids(store, where=where("params.a.b%", "=", "é")) == ["r"]
    assert ids(store, where=where("metrics.loss.min.last", "=", 3)) == ["r"]


def test_text_that_no_database_likes_does_no_harm(store, send):
    send(born("r", "exp\0\ud800", name="n\0\ud800"), points("r", "m\0\udfff", [1.0]))
    send(TextLogged(run="r", path="t", text="a\0\ud800b", at=1.0))
    assert list(store.series("r", "m\0\udfff").values) == [1.0]
    assert store.experiment("exp\0\ud800").run_count == 1
    assert store.text("r", "t") == "a\0\ud800b"
