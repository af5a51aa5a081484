"""What every store must do."""

from __future__ import annotations

import math
import time
from array import array

import pytest
from stores import STORES, Sender, born, ended, points

from jupyter_aml.errors import FilterException, RunStateException
from jupyter_aml.store.events import (
    NO_STEP,
    NOT_HEARD_OF,
    Batch,
    ExperimentDeleted,
    ExperimentPut,
    FileLogged,
    Points,
    RunChanged,
    RunCreated,
    RunDeleted,
    SnapshotTaken,
    TextLogged,
)
from jupyter_aml.store.grammar import parse
from jupyter_aml.store.records import And, Condition, Not, Or, RunQuery, RunRecord, SnapshotRecord


@pytest.fixture(params=sorted(STORES))
def store(request, tmp_path):
    store = STORES[request.param](tmp_path / "workspace")
    yield store
    store.close()


@pytest.fixture
def send(store):
    return Sender(store)


def ids(store, **query):
    return [run.id for run in store.runs(RunQuery(**query)).runs]


# -- batches -----------------------------------------------------------------------------------------------------
def test_a_batch_sent_twice_is_applied_once(store):
    batch = Batch(journal="j", first=0, count=2, events=[born("r"), points("r", "loss", [1.0, 2.0])])
    assert store.apply(batch) == 2
    assert store.apply(batch) == 2
    assert list(store.series("r", "loss").values) == [1.0, 2.0]
    assert store.applied("j") == 2


@pytest.mark.parametrize(("first", "count"), [(3, 1), (1, 5), (0, 5)])
def test_a_gap_or_an_overlap_is_refused_and_changes_nothing(store, send, first, count):
    send(born("r"), points("r", "loss", [1.0]))
    last = store.last_change()
    with pytest.raises(ValueError, match="does not follow"):
        store.apply(Batch(journal="j", first=first, count=count, events=[points("r", "loss", [9.0])]))
    assert store.applied("j") == 2
    assert store.last_change() == last


def test_journals_are_counted_apart(store):
    Sender(store, "a")(born("r"))
    Sender(store, "b")(points("r", "loss", [1.0]), points("r", "loss", [2.0]))
    assert (store.applied("a"), store.applied("b"), store.applied("c")) == (1, 2, 0)


def test_a_batch_that_fails_half_way_changes_nothing(store, send):
    send(born("r"))
    with pytest.raises((KeyError, TypeError, AttributeError)):
        store.apply(Batch(journal="j", first=1, count=2, events=[born("s"), object()]))
    assert store.run("s") is None
    assert store.applied("j") == 1
    send(born("s"))
    assert store.run("s").number == 2


# -- runs --------------------------------------------------------------------------------------------------------
def test_a_run_comes_back_as_it_was_born(store, send):
    record = RunRecord(
        id="r", experiment="Ünïcode 🎉/..", type="aml.notebook", status="Running", name="näme", description="d",
        created=5.5, started=6.5, user="u", host="h", owner="j", snapshot="s",
        params={"lr": 0.1, "big": 2**80, "nan": math.inf, "list": [1, {"a": None}]},
        tags={"a": "b", "none": None}, properties={"p": "q"}, details={"notebook": "x.ipynb"},
    )  # fmt: skip
    send(RunCreated(run=record))
    found = store.run("r")
    assert found.number == 1
    assert found.root == "r"
    for name in ("id", "experiment", "type", "status", "name", "description", "created", "started", "ended", "user",
                 "host", "owner", "snapshot", "params", "tags", "properties", "details", "error", "parent"):  # fmt: skip
        assert getattr(found, name) == getattr(record, name), name


def test_a_second_birth_adds_only_what_was_lacking(store, send):
    send(born("r", params={"a": 1}, tags={"t": "1"}, name="first"))
    send(born("r", params={"a": 2, "b": 3}, tags={"t": "2", "u": "3"}, name="second", status="NotStarted", user="me"))
    run = store.run("r")
    assert run.params == {"a": 1, "b": 3}
    assert run.tags == {"t": "1", "u": "3"}
    assert (run.name, run.status, run.user, run.number) == ("first", "Running", "me", 1)
    assert store.experiment("e").run_count == 1


def test_the_first_end_stands(store, send):
    send(born("r"), ended("r", "Failed", error={"code": "X"}), ended("r", "Completed", at=200.0))
    run = store.run("r")
    assert (run.status, run.ended, run.error) == ("Failed", 110.0, {"code": "X"})


def test_a_run_ends_by_its_own_clock_and_never_before_it_began(store, send):
    send(born("a"), ended("a", at=50.0, elapsed=3.5), born("b"), ended("b", at=50.0))
    assert store.run("a").ended == 103.5
    assert store.run("b").ended == 100.0


def test_an_end_meant_for_the_owner_spares_a_run_that_another_took_over(store, send):
    send(born("r", owner="dead"), RunChanged(run="r", at=1.0, owner="alive"))
    send(ended("r", "Failed", only_owner="dead"))
    assert store.run("r").status == "Running"
    assert [run.id for run in store.open_runs("alive")] == ["r"]
    assert store.open_runs("dead") == []
    send(ended("r", "Failed", only_owner="alive"))
    assert store.open_runs() == []


def test_a_run_whose_writer_is_silent_is_found_and_goes_on_when_it_is_heard_of_again(store, send):
    send(
        born("lost", owner="j"), born("canceled", owner="j"), born("other's", owner="k"), ended("canceled", "Canceled")
    )
    assert store.silent(3600) == []
    time.sleep(1.1)  # a writer that spoke a moment ago is not looked after
    assert store.silent(1) == ["j"]  # of k nobody knows a journal
    gone = {"code": NOT_HEARD_OF, "message": "…"}
    Sender(store, "finder")(ended("lost", "Failed", at=time.time(), error=gone, only_owner="j"))
    assert store.run("lost").status == "Failed" and store.silent(1) == []
    assert store.apply(Batch(journal="j", first=0, count=0, events=[])) == 4
    again = store.run("lost")
    assert (again.status, again.error, again.ended) == ("Running", None, None)
    assert store.run("canceled").status == "Canceled" and store.silent(1) == []
    send(ended("lost"))
    assert store.run("lost").status == "Completed"
    assert store.check() == []


def test_numbers_count_the_root_runs_of_an_experiment(store, send):
    send(born("a"), born("c", parent="a"), born("b"), born("o", "other"))
    assert [store.run(i).number for i in ("a", "b", "o")] == [1, 2, 1]
    assert store.run("c").root == "a"
    assert store.run("a").child_count == 1
    assert store.experiment("e").run_count == 2


def test_journals_may_arrive_in_any_order(store):
    child, parent = Sender(store, "child"), Sender(store, "parent")
    child(
        born("c", parent="p"),
        born("g", parent="c"),
        points("p", "loss", [1.0]),
        RunChanged(run="p", at=1.0, set_tags={"a": "b"}),
    )
    assert store.run("p") is None
    assert ids(store, everywhere=True, order_by="id") == ["g", "c"]
    parent(born("top"), born("p", parent="top", tags={"a": "x", "c": "d"}))
    assert [store.run(i).root for i in ("p", "c", "g")] == ["top"] * 3
    run = store.run("p", with_metrics=True)
    assert (run.child_count, run.tags, run.metrics["loss"].last) == (1, {"a": "b", "c": "d"}, 1.0)
    assert set(ids(store, under="top")) == {"p", "c", "g"}


def test_an_end_that_arrives_before_the_birth_stands(store):
    Sender(store, "b")(ended("r", "Canceled", at=105.0))
    Sender(store, "a")(born("r"))
    run = store.run("r")
    assert (run.status, run.ended) == ("Canceled", 105.0)


def test_changes_of_a_run(store, send):
    send(born("r", tags={"a": "1", "b": "2"}, properties={"p": "1"}))
    send(RunChanged(run="r", at=1.0, name="n", description="d", snapshot="s", set_tags={"a": "9", "z": None},
                    drop_tags=["b"], add_properties={"p": "2", "q": "3"}, add_params={"x": 1}, add_details={"k": [1]}))  # fmt: skip
    run = store.run("r")
    assert (run.name, run.description, run.snapshot) == ("n", "d", "s")
    assert run.tags == {"a": "9", "z": None}
    assert run.properties == {"p": "1", "q": "3"}
    assert (run.params, run.details) == ({"x": 1}, {"k": [1]})


def test_a_deleted_run_takes_all_that_is_its_own_and_stays_away(store, send):
    send(born("r"), born("c", parent="r"), born("g", parent="c"), born("other"))
    send(points("g", "loss", [1.0]), FileLogged(run="g", path="f", digest="d" * 64, size=1, at=1.0),
         TextLogged(run="g", path="t", text="x", at=1.0))  # fmt: skip
    send(RunDeleted(run="c", at=1.0))
    send(points("g", "loss", [2.0]), ended("g"), born("g"), born("late", parent="g"))
    assert ids(store, everywhere=True, order_by="id", descending=False) == ["other", "r"]
    assert store.series("g", "loss") is None
    assert store.files("g") == []
    assert store.text("g", "t") == ""
    assert store.run("r").child_count == 0
    send(RunDeleted(run="r", at=1.0))
    assert store.experiment("e").run_count == 1


def test_deleting_a_cell_leaves_the_points_with_the_run_that_they_were_logged_to(store, send):
    send(born("r"), born("cell"), points("r", "loss", [1.0], origin="cell"), RunDeleted(run="cell", at=1.0))
    send(points("r", "loss", [2.0], origin="cell"))
    found = store.series("r", "loss")
    assert list(found.values) == [1.0, 2.0]
    assert found.origins == ["", ""]


# -- experiments -------------------------------------------------------------------------------------------------
def test_experiments_are_made_changed_archived_renamed_and_deleted(store, send):
    send(ExperimentPut(name="e", at=1.0, set_tags={"a": "b"}, description="d"), born("r"))
    found = store.experiment("e")
    assert (found.tags, found.description, found.created, found.run_count) == ({"a": "b"}, "d", 1.0, 1)
    send(ExperimentPut(name="e", at=2.0, archived=True))
    assert store.experiments() == []
    assert ids(store) == []
    assert ids(store, include_archived=True) == ["r"]
    assert [x.archived for x in store.experiments(archived=True)] == [2.0]
    send(ExperimentPut(name="e", at=3.0, archived=False, rename="f"), born("s", "f"))
    assert store.run("r").experiment == "f"
    assert store.run("s").number == 2
    send(ExperimentDeleted(name="f", at=4.0))
    assert store.experiments(archived=None) == []
    assert store.run("r") is None


@pytest.mark.parametrize(
    "deleted", [ExperimentDeleted(name="e", at=1.0, only_ended=True), RunDeleted(run="up", at=1.0, only_ended=True)]
)
def test_what_has_open_runs_is_not_deleted_when_only_ended_ones_are_meant(store, send, deleted):
    send(born("up"), born("below", parent="up"), ended("up"))
    with pytest.raises(RunStateException, match="below"):
        store.apply(Batch(journal="once", first=0, count=1, events=[deleted]))
    assert store.applied("once") == 0 and store.run("up").status == "Completed"
    send(ended("below"))
    store.apply(Batch(journal="once", first=0, count=1, events=[deleted]))
    assert store.run("up") is None and store.run("below") is None


def test_all_contents_are_listed_wherever_they_are(store, tmp_path):
    if store.url.startswith("postgresql"):  # which a workspace has from its making on
        store.put_settings({"artifacts": (tmp_path / "artifacts").as_uri()})
    put = {store.blobs.put_bytes(bytes([i]) * i) for i in range(5)}
    assert {(one.digest, one.size) for one in store.blobs.walk()} >= put
    assert all(abs(one.time - time.time()) < 600 for one in store.blobs.walk())


def test_an_experiment_cannot_take_the_name_of_another(store, send):
    send(born("a", "one"), born("b", "two"), ExperimentPut(name="one", at=1.0, rename="two"))
    assert [x.name for x in store.experiments()] == ["one", "two"]


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


# -- files, texts, snapshots -------------------------------------------------------------------------------------
def test_the_newest_file_of_a_path_counts(store, send):
    send(
        born("r"),
        *[
            FileLogged(run="r", path=p, digest=d * 64, size=3, at=2.0)
            for p, d in (("b", "1"), ("a/x", "2"), ("b", "3"))
        ],
    )
    send(TextLogged(run="r", path="logs/out.txt", text="hé", at=1.0))
    assert [(f.path, f.digest[:1], f.size) for f in store.files("r")] == [
        ("a/x", "2", 3),
        ("b", "3", 3),
        ("logs/out.txt", "", 3),
    ]
    assert [f.path for f in store.files("r", "a/")] == ["a/x"]


def test_a_text_grows_and_is_read_from_any_character(store, send):
    send(born("r"))
    whole = ""
    for i in range(60):
        piece = f"línea {i} " * 700
        whole += piece
        send(TextLogged(run="r", path="log", text=piece, at=float(i)))
    assert store.text("r", "log") == whole
    for start in (0, 1, 65_535, 65_536, 200_001, len(whole) - 1, len(whole), len(whole) + 5):
        assert store.text("r", "log", start) == whole[start:]
        assert store.text("r", "log", start, 100) == whole[start : start + 100]
    assert store.text("r", "nope") == ""


def test_snapshots_and_settings(store, send):
    record = SnapshotRecord(id="s", files={"a/é.py": ("d" * 64, 3, 0o644)}, skipped={"x": "too big"}, created=4.0)
    send(SnapshotTaken(snapshot=record), SnapshotTaken(snapshot=record))
    assert store.snapshot("s") == record
    assert store.snapshot("t") is None
    store.put_settings({"name": "w", "tags": {"a": 1}})
    store.put_settings({"name": "v"})
    assert store.settings() == {"name": "v", "tags": {"a": 1}}


# -- the feed ----------------------------------------------------------------------------------------------------
def test_the_feed_tells_each_change_once_and_in_order(store, send):
    send(born("r", user="ann"), points("r", "a", [1.0]), points("r", "b", [1.0]), points("r", "a", [2.0]),
         TextLogged(run="r", path="log", text="x", at=1.0), ended("r", who="bob"), ended("r", who="eve"))  # fmt: skip
    found = store.changes()
    assert [(c.verb, c.noun, c.id, c.who) for c in found] == [
        ("created", "experiment", "e", "ann"), ("created", "run", "r", "ann"), ("logged", "run", "r", "ann"), ("ended", "run", "r", "bob"),
    ]  # fmt: skip
    assert found[2].data == {"metrics": ["a", "b"], "texts": ["log"]}
    assert (found[2].experiment, found[2].root) == ("e", "r")
    assert [c.seq for c in found] == sorted({c.seq for c in found})
    assert store.last_change() == found[-1].seq
    assert store.changes(found[1].seq, 1) == found[2:3]
    assert [c.id for c in store.changes(noun="experiment")] == ["e"]
    assert store.activity() == found[::-1]
    assert store.activity(limit=2) == found[:1:-1] and store.activity(before=found[2].seq, limit=9) == found[1::-1]
    assert store.activity(who="bob") == found[3:] and store.activity(noun="experiment") == found[:1]
    assert store.activity(verbs=["ended", "created"], experiment="e") == [found[3], found[1], found[0]]
    assert store.activity(experiment="another") == []
