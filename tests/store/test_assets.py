"""What every store does with named things, their lineage, and the queue of runs."""

from __future__ import annotations

import threading

import pytest
from stores import STORES, Sender, born

from jupyter_aml.errors import ConflictException, FilterException, NotFoundException
from jupyter_aml.store.events import AssetLinked, RunDeleted
from jupyter_aml.store.records import AssetQuery, AssetRecord, JobRecord


@pytest.fixture(params=sorted(STORES))
def store(request, tmp_path):
    store = STORES[request.param](tmp_path / "workspace")
    yield store
    store.close()


def model(name="m", **more):
    return AssetRecord(kind="model", name=name, created=100.0, **more)


def job(run, target="local", **more):
    return JobRecord(run=run, target=target, **more)


# -- versions ----------------------------------------------------------------------------------------------------
def test_each_put_is_the_next_version_and_comes_back_as_it_went(store):
    first = store.put_asset(
        model("näme/../x", tags={"a": None, "b": "1"}, properties={"p": "q"}, data={"f": [1, None, "ü"]},
              files={"a/b.pkl": ("0" * 64, 5)}, description="d", user="ann", run="r")
    )  # fmt: skip
    second = store.put_asset(model("näme/../x"))
    assert (first.version, second.version, first.user) == (1, 2, "ann")
    assert store.asset("model", "näme/../x", 1) == first
    assert first.files == {"a/b.pkl": ("0" * 64, 5)} and first.tags == {"a": None, "b": "1"}
    assert store.asset("model", "näme/../x") == second
    assert store.asset("dataset", "näme/../x") is None
    assert store.asset_names("model") == {"näme/../x": 2}


def test_a_deleted_version_is_not_given_again_and_its_contents_are_free(store):
    kept = store.put_asset(model(files={"f": ("a" * 64, 1)}))
    gone = store.put_asset(model(files={"f": ("b" * 64, 1)}))
    assert store.referenced(["a" * 64, "b" * 64, "c" * 64]) == {"a" * 64, "b" * 64}
    assert store.delete_asset(gone.id, at=1.0) is True
    assert store.delete_asset(gone.id, at=1.0) is False
    assert store.put_asset(model()).version == 3
    assert store.referenced(["a" * 64, "b" * 64]) == {"a" * 64}
    assert store.asset("model", "m", 1) == kept


def test_what_has_the_same_hash_stays_the_version_it_is(store):
    one = store.put_asset(model(hash="h1"), if_exists="same")
    assert store.put_asset(model(hash="h1"), if_exists="same") == one
    assert store.put_asset(model(hash="h2"), if_exists="same").version == 2
    assert store.put_asset(model(hash="h1"), if_exists="same").version == 3, "only the newest counts"


def test_a_taken_name_is_refused_or_replaced(store):
    store.put_asset(model(data={"a": 1}))
    with pytest.raises(ConflictException, match="'m'"):
        store.put_asset(model(), if_exists="fail")
    with pytest.raises(ConflictException, match="version 1"):
        store.put_asset(model(version=1))
    replaced = store.put_asset(model(data={"b": 2}, files={"f": ("d" * 64, 1)}), if_exists="replace")
    assert (replaced.version, replaced.revision, replaced.data) == (1, 2, {"b": 2})
    assert store.referenced(["d" * 64]) == {"d" * 64}


def test_two_who_register_one_name_at_once_get_two_versions(store):
    found, start = [], threading.Barrier(4)

    def register():
        start.wait()
        for _ in range(5):
            found.append(store.put_asset(model()).version)

    threads = [threading.Thread(target=register) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(1, 21))


def test_a_lost_update_is_refused(store):
    read = store.put_asset(model(tags={"a": "1"}, properties={"p": "1"}, data={"x": 1, "y": 2}))
    mine = store.change_asset(
        read.id, at=200.0, revision=1, set_tags={"b": None}, drop_tags=["a"], add_properties={"p": "2", "q": "3"},
        data={"x": None, "z": 3}, description="new", archived=True,
    )  # fmt: skip
    assert (mine.revision, mine.tags, mine.properties) == (2, {"b": None}, {"p": "1", "q": "3"})
    assert (mine.data, mine.description, mine.archived, mine.modified) == ({"y": 2, "z": 3}, "new", 200.0, 200.0)
    with pytest.raises(ConflictException, match="revision 1, it is 2"):
        store.change_asset(read.id, at=201.0, revision=1, description="theirs")
    assert store.change_asset(read.id, at=202.0, archived=False).archived is None
    with pytest.raises(NotFoundException, match="nothing"):
        store.change_asset("nothing", at=1.0)


def test_lists_are_by_name_newest_first_page_by_page(store):
    for name in ("b", "a", "B"):
        for version in range(3):
            store.put_asset(model(name, tags={"v": str(version)}))
    everything = [(x.name, x.version) for x in store.walk_assets(AssetQuery(kind="model", limit=2))]
    assert everything == [(name, v) for name in ("B", "a", "b") for v in (3, 2, 1)]
    store.change_asset(store.asset("model", "a", 3).id, at=1.0, archived=True)
    latest = store.assets(AssetQuery(kind="model", latest=True)).assets
    assert [(x.name, x.version) for x in latest] == [("B", 3), ("a", 2), ("b", 3)]
    assert store.asset("model", "a").version == 2
    tagged = store.walk_assets(AssetQuery(kind="model", tags={"v": "1"}, limit=1))
    assert [x.version for x in tagged] == [2, 2, 2]
    assert [x.name for x in store.assets(AssetQuery(kind="model", text="B", latest=True)).assets] == ["B", "b"]
    with pytest.raises(FilterException, match="cursor"):
        store.assets(AssetQuery(kind="model", cursor="no"))


def test_the_feed_tells_of_assets(store):
    before = store.last_change()
    made = store.put_asset(model(user="ann"))
    store.change_asset(made.id, at=1.0, who="bob", description="x")
    store.delete_asset(made.id, at=1.0, who="bob")
    told = [(c.verb, c.noun, c.id) for c in store.changes(before)]
    assert told == [(verb, "model", "m") for verb in ("created", "changed", "deleted")]


def test_lineage_is_read_from_the_run_and_from_the_asset(store):
    send = Sender(store)
    made = store.put_asset(model())
    send(born("r"), AssetLinked(run="r", role="input", kind="model", asset=made.id, at=1.0, label="the model"))
    send(born("s"), AssetLinked(run="s", role="registered", kind="model", asset=made.id, at=2.0))
    (found,) = store.links(run="r")
    assert (found.name, found.version, found.label, found.role) == ("m", 1, "the model", "input")
    assert [link.run for link in store.links(asset=made.id)] == ["r", "s"]
    assert [link.run for link in store.links(asset=made.id, role="registered")] == ["s"]
    send(RunDeleted(run="r", at=3.0))
    store.delete_asset(made.id, at=4.0)
    (left,) = store.links(asset=made.id)
    assert (left.run, left.name, left.version) == ("s", "", 0)


# -- the queue ---------------------------------------------------------------------------------------------------
def test_jobs_are_taken_by_priority_then_by_age_and_once(store):
    for run, priority in (("a", 0), ("b", 5), ("c", 0), ("d", 5)):
        store.put_job(job(run, priority=priority, body={"x": [run]}))
    store.put_job(job("a", priority=9))  # it is queued already
    store.put_job(job("other", target="elsewhere", priority=100))
    assert [j.run for j in store.jobs("local")] == ["b", "d", "a", "c"]
    taken = [store.claim_job(["local"], "me") for _ in range(5)]
    assert [j and j.run for j in taken] == ["b", "d", "a", "c", None]
    assert taken[0].body == {"x": ["b"]} and taken[0].state == "claimed" and taken[0].owner == "me"


def test_no_two_launchers_get_one_job(store):
    for n in range(30):
        store.put_job(job(str(n)))
    taken, start = [], threading.Barrier(3)

    def launcher(name):
        start.wait()
        while (found := store.claim_job(["local"], name)) is not None:
            taken.append(found.run)

    threads = [threading.Thread(target=launcher, args=(str(n),)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken, key=int) == [str(n) for n in range(30)]


def test_a_target_takes_so_many_at_once(store):
    for n in range(3):
        store.put_job(job(str(n)))
    assert [store.claim_job(["local"], "me", at_most=2) is not None for _ in range(3)] == [True, True, False]
    assert store.end_job("0", owner="me") is True
    assert store.claim_job(["local"], "me", at_most=2).run == "2"


def test_a_job_belongs_to_its_launcher(store):
    store.put_job(job("a"))
    store.put_job(job("b"))
    assert store.claim_job(["local"], "me").run == "a"
    assert store.end_job("a", owner="you") is False and store.requeue_job("a", "you") is False
    assert store.end_job("a", owner="") is False, "it is not waiting any more"
    assert store.end_job("b", owner="") is True
    assert store.beat("me") == ["a"] and store.beat("you") == []
    assert store.requeue_job("a", "me") is True
    assert (store.job("a").state, store.job("a").attempt) == ("queued", 2)
    assert store.job("b") is None


def test_jobs_of_a_launcher_that_is_not_heard_of_are_taken_away(store):
    store.put_job(job("a"))
    store.put_job(job("b", attempt=2))
    store.claim_job(["local"], "me"), store.claim_job(["local"], "me")
    assert store.requeue_stale(3600.0, most_attempts=2) == []
    found = {j.run: (j.state, j.attempt) for j in store.requeue_stale(-1.0, most_attempts=2)}
    assert found == {"a": ("queued", 2), "b": ("claimed", 2)}
    assert [j.run for j in store.jobs()] == ["a"]
    assert store.beat("me") == []
