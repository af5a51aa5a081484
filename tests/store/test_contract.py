"""What every store must do: batches, runs, experiments, files, snapshots, the feed."""

from __future__ import annotations

import math
import time

import pytest
from stores import Sender, born, ended, ids, points

from jupyter_aml.errors import RunStateException
from jupyter_aml.store.events import (
    NOT_HEARD_OF,
    Batch,
    ExperimentDeleted,
    ExperimentPut,
    FileLogged,
    RunChanged,
    RunCreated,
    RunDeleted,
    SnapshotTaken,
    TextLogged,
)
from jupyter_aml.store.records import RunRecord, SnapshotRecord


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
