"""An archive holds everything of its runs, comes in once, and harms nobody who opens it."""

import hashlib
import json
import math
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stores import STORES, Sender, born, dump, ended, points

from jupyter_aml.errors import NotFoundException, UserErrorException
from jupyter_aml.store import archive as archive_module
from jupyter_aml.store.archive import export
from jupyter_aml.store.archive_import import import_archive
from jupyter_aml.store.codec import encode
from jupyter_aml.store.events import (
    AssetLinked,
    ExperimentPut,
    FileLogged,
    RunChanged,
    RunDeleted,
    SnapshotTaken,
    TextLogged,
)
from jupyter_aml.store.records import AssetRecord, SnapshotRecord
from jupyter_aml.store.sql.store import in_folder


@pytest.fixture
def source(tmp_path):
    made = in_folder(tmp_path / "source")
    yield made
    made.close()


@pytest.fixture(params=sorted(STORES))
def target(request, tmp_path):
    made = STORES[request.param](tmp_path / "target")
    if request.param == "postgresql":
        made.put_settings({"artifacts": (tmp_path / "artifacts").as_uri()})
    yield made
    made.close()


def rich(store):
    """Everything that a workspace can hold."""
    send = Sender(store)
    content, other = store.blobs.put_bytes(b"content"), store.blobs.put_bytes(b"x" * 100_000)
    code = store.blobs.put_bytes(b"print(1)")
    model = store.put_asset(
        AssetRecord(kind="model", name="mödel", created=5.0, user="ann", run="r", description="d", tags={"a": None},
                    properties={"p": "1"}, data={"framework": "x"}, files={"net/a.bin": store.blobs.put_bytes(b"weights")})
    )  # fmt: skip
    store.put_asset(AssetRecord(kind="dataset", name="mödel", created=6.0))
    store.put_asset(AssetRecord(kind="secret", name="pw", created=6.0, data={"x": "sealed"}))
    send(
        SnapshotTaken(snapshot=SnapshotRecord(id="s", files={"a/é.py": (*code, 0o644)}, skipped={"big": "too big"}, created=4.0)),
        ExperimentPut(name="e", at=1.25, set_tags={"a": "b", "n": None}, description="about\n"),
        ExperimentPut(name="empty", at=2.0), ExperimentPut(name="old", at=3.0), ExperimentPut(name="old", at=9.5, archived=True),
        born("r", owner="j1", name="näme", description="d", user="ann", host="h", snapshot="s", created=100.123456789,
             params={"lr": 0.1, "big": 2**80, "inf": math.inf, "l": [1, {"a": None}]}, tags={"t": "1", "z": None},
             properties={"p": "q"}, details={"notebook": "x.ipynb"}),
        born("c1", parent="r", type="aml.cell", created=101.0), born("c2", parent="r", type="aml.cell", created=102.0),
        born("g", parent="c1", experiment="other", created=103.0),
        born("never", created=104.0, started=None, status="NotStarted"), born("queued", created=105.0, status="Queued"),
        born("a", experiment="old", created=106.0), born("gone", created=107.0), born("kid", parent="gone", created=108.0),
    )  # fmt: skip
    at = 1_700_000_000.123456789
    send(
        points("r", "loss", [1.0, math.nan, 2], origin="c1", times=[at, at + 0.1, at + 0.2], description="about loss"),
        points("r", "loss", [3, math.inf], origin="c2", steps=[10, -5]),
        points("r", "loss", [-0.0, -math.inf, 10**30, -1.5], steps=[2**63 - 1, -(2**63) + 1, 7, 8]),
        points("r", "loss", [7.5], origin="c1"),
        AssetLinked(run="r", role="input", kind="model", asset=model.id, at=2.5, label="the net", data={"x": 1}),
        points("c1", "own", [1, 2, 3]), points("g", "deep", [0.5]),
        points("r", "long", [k / 3 for k in range(30_000)], steps=list(range(0, 60_000, 2)), times=[at + k for k in range(30_000)]),
        points("r", "t", [{"x": 1, "y": "a" * 200_000}] * 9, kind="table", description="rows", origin="c2"),
        points("r", "n" * 1000, [5]), points("kid", "loss", [1.0]), points("a", "words", ["x", "é"], kind="list"),
        FileLogged(run="r", path="b", digest=other[0], size=3, at=2.0),
        FileLogged(run="r", path="b", digest=content[0], size=content[1], at=3.0, media_type="text/css", origin="c1"),
        FileLogged(run="r", path="a/x", digest=other[0], size=other[1], at=2.0), TextLogged(run="r", path="b", text="behind", at=3.0),
        TextLogged(run="c1", path="stdout.txt", text="a\0\ud800é🎉" * 100_000, at=5.0), TextLogged(run="c1", path="stdout.txt", text="!", at=6.0),
    )  # fmt: skip
    send(
        ended("r", "Failed", at=130.0, error={"code": "X", "message": "m", "traceback": "t"}), ended("c1"), ended("g", "Canceled"),
        RunDeleted(run="gone", at=200.0), RunChanged(run="r", at=300.0, set_tags={"late": "1"}),
        RunChanged(run="queued", at=300.0, add_details={"error": "no"}),
    )  # fmt: skip
    return store


def told(store, *, numbers=True):
    """What is to be equal."""
    found = dump(store)
    del found["changes"]
    for record in [*found["experiments"], *(run["run"] for run in found["runs"].values())]:
        del record["revision"]  # a number of this store's own feed
    found["snapshot"] = store.snapshot("s")
    for id, run in found["runs"].items():
        for name in run["series"]:
            series = store.series(id, name)
            columns = (series.steps, series.times, series.values, series.origins)
            run["series"][name] = (series.name, series.kind, *map(list, columns))
    if not numbers:
        for run in found["runs"].values():
            run["run"]["number"] = 0
        for experiment in found["experiments"]:
            experiment["last_activity"] = experiment["run_count"] = 0
    return repr_all(found)


def repr_all(value):
    if isinstance(value, dict):
        return {key: repr_all(inner) for key, inner in sorted(value.items())}
    return [repr_all(inner) for inner in value] if isinstance(value, list) else repr(value)


# -- there and back ----------------------------------------------------------------------------------------------
def test_a_whole_workspace_comes_back_equal(source, target, tmp_path) -> None:
    rich(source)
    source.put_settings({"description": "mine", "tags": {"a": "b"}, "id": "secret"})
    target.put_settings({"description": "theirs"})
    exported = export(source, tmp_path / "all.zip")
    assert (exported.runs, exported.experiments, exported.missing, exported.elsewhere) == (7, 4, {}, [])
    imported = import_archive(target, tmp_path / "all.zip")
    assert (imported.runs, imported.points, imported.skipped, imported.missing) == (7, exported.points, [], [])
    assert told(target) == told(source)
    assert target.text("r", "b") == "behind"
    for file in source.files("r"):
        assert target.blobs.open(file.digest).read() == source.blobs.open(file.digest).read()
    settings = target.settings()
    assert (settings["description"], settings["tags"], settings.get("id")) == ("theirs", {"a": "b"}, None)
    assert "kid" not in {change.id for change in target.changes()}


def test_an_archive_of_what_came_in_is_the_same(source, tmp_path) -> None:
    export(rich(source), tmp_path / "1.zip")
    with in_folder_closing(tmp_path / "target") as target:
        import_archive(target, tmp_path / "1.zip")
        export(target, tmp_path / "2.zip")
    events = [zipfile.ZipFile(tmp_path / f"{k}.zip").read("events.jsonl") for k in (1, 2)]
    assert events[0] == events[1]


class in_folder_closing:
    def __init__(self, folder):
        self.store = in_folder(folder)

    def __enter__(self):
        return self.store

    def __exit__(self, *_):
        self.store.close()


@pytest.mark.parametrize(
    "ask", [{"runs": ["r"]}, {"runs": ["c1", "r", "g"]}, {"experiments": ["e"]}, {"experiments": ["other", "e"]}]
)
def test_a_run_goes_with_its_descendants_and_an_experiment_with_its_runs(source, target, tmp_path, ask) -> None:
    rich(source)
    export(source, tmp_path / "some.zip", **ask)
    import_archive(target, tmp_path / "some.zip")
    want, have = told(source, numbers=False), told(target, numbers=False)
    assert {"c1", "c2", "g", "r"} <= have["runs"].keys()
    assert ("queued" in have["runs"]) == ("experiments" in ask)
    assert have["runs"].items() <= want["runs"].items()
    assert [x for x in want["experiments"] if x in have["experiments"]] == have["experiments"]
    assert {x["name"] for x in have["experiments"]} == {"'e'", "'other'"}
    assert have["snapshot"] == want["snapshot"]


def test_what_does_not_exist_cannot_be_exported(source, tmp_path) -> None:
    rich(source)
    for ask in ({"runs": ["nope"]}, {"experiments": ["E"]}):
        with pytest.raises(NotFoundException):
            export(source, tmp_path / "x.zip", **ask)
    assert not (tmp_path / "x.zip").exists()


def test_a_cell_without_the_run_it_logged_to_says_where_its_points_are_and_gets_them_back(
    source, target, tmp_path
) -> None:
    send = Sender(source)
    send(born("cell"), born("run"), points("run", "loss", [1.0, 2.0], origin="cell"))
    send(FileLogged(run="run", path="f", digest=source.blobs.put_bytes(b"x")[0], size=1, at=1.0, origin="cell"))
    assert export(source, tmp_path / "cell.zip", runs=["cell"]).elsewhere == ["run"]
    export(source, tmp_path / "run.zip", runs=["run"])
    import_archive(target, tmp_path / "cell.zip")
    assert target.metrics(["cell"]) == {"cell": {}}
    import_archive(target, tmp_path / "run.zip")
    assert told(target) == told(source)


def test_a_child_without_its_parent_becomes_a_root_unless_the_parent_is_there(source, target, tmp_path) -> None:
    Sender(source)(born("p"), born("c", parent="p"), born("d", parent="p"))
    for run in "cd":
        export(source, tmp_path / f"{run}.zip", runs=[run])
    import_archive(target, tmp_path / "c.zip")
    assert (target.run("c").parent, target.run("c").number) == (None, 1)
    Sender(target)(born("p"))
    import_archive(target, tmp_path / "d.zip")
    assert (target.run("d").parent, target.run("p").child_count) == ("p", 1)


values = st.lists(
    st.floats() | st.integers() | st.text(max_size=4) | st.booleans() | st.none() | st.dictionaries(st.text(max_size=3), st.integers()),
    min_size=1, max_size=30,
)  # fmt: skip
texts = st.text(max_size=20)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    logged=st.lists(st.tuples(texts, values, st.sampled_from(["", "c", "d"]), st.floats(allow_nan=False)), max_size=6),
    name=texts, tags=st.dictionaries(texts, texts | st.none()), params=st.dictionaries(texts, values), text=texts,
)  # fmt: skip
def test_any_value_comes_back(tmp_path_factory, logged, name, tags, params, text) -> None:
    folder = tmp_path_factory.mktemp("any")
    with in_folder_closing(folder / "a") as source, in_folder_closing(folder / "b") as target:
        send = Sender(source)
        send(
            born("r", experiment="e" + name, name=name, tags=tags, params=params),
            born("c", parent="r"),
            born("d", parent="c"),
        )
        for metric, some, origin, at in logged:
            send(points("r", metric, some, origin=origin, times=[at] * len(some), kind="image", description=metric))
        send(TextLogged(run="r", path=name, text=text, at=1.0))
        export(source, folder / "a.zip")
        import_archive(target, folder / "a.zip")
        assert told(target) == told(source)


# -- once --------------------------------------------------------------------------------------------------------
def test_an_archive_comes_in_once(source, target, tmp_path) -> None:
    export(rich(source), tmp_path / "all.zip")
    import_archive(target, tmp_path / "all.zip")
    last = target.last_change()
    again = import_archive(target, tmp_path / "all.zip")
    assert (again.runs, again.before, again.points, again.blobs) == (0, 7, 0, 0)
    assert target.last_change() == last


def test_importing_again_brings_contents_that_were_lost(source, tmp_path) -> None:
    export(rich(source), tmp_path / "all.zip")
    with in_folder_closing(tmp_path / "target") as target:
        import_archive(target, tmp_path / "all.zip")
        (digest,) = {file.digest for file in target.files("r", "a/x")}
        target.blobs.remove(digest)
        assert import_archive(target, tmp_path / "all.zip").blobs == 1
        assert target.blobs.has(digest)


def test_runs_that_are_there_stay_as_they_are_and_new_ones_come_below_them(source, target, tmp_path) -> None:
    send, other = Sender(source), Sender(target)
    send(born("r"), born("open"), points("r", "loss", [1.0]), ended("r"))
    export(source, tmp_path / "1.zip")
    import_archive(target, tmp_path / "1.zip")
    other(RunChanged(run="r", at=1.0, set_tags={"mine": "1"}), points("open", "loss", [9.0]))
    send(
        born("c", parent="r"),
        points("c", "x", [1]),
        points("open", "loss", [1.0, 2.0]),
        ExperimentPut(name="e", at=1.0, set_tags={"a": "1"}),
    )
    other(ExperimentPut(name="e", at=1.0, description="theirs"))
    export(source, tmp_path / "2.zip")
    imported = import_archive(target, tmp_path / "2.zip")
    assert (imported.runs, imported.skipped, imported.points) == (1, ["open", "r"], 1)
    assert (target.run("r").tags, target.run("r").child_count, target.run("c").parent) == ({"mine": "1"}, 1, "r")
    assert list(target.series("r", "loss").values) == [1.0]
    assert list(target.series("open", "loss").values) == [9.0]
    found = target.experiment("e")
    assert (found.tags, found.description, found.run_count) == ({"a": "1"}, "theirs", 2)


def test_the_workspace_that_it_comes_from_is_not_changed(source, tmp_path) -> None:
    export(rich(source), tmp_path / "all.zip")
    before = told(source)
    assert len(import_archive(source, tmp_path / "all.zip").skipped) == 7
    assert told(source) == before


def test_a_run_that_was_deleted_here_stays_away_with_its_children(source, target, tmp_path) -> None:
    Sender(source)(born("r"), born("c", parent="r"), born("s"), points("r", "loss", [1.0]), points("c", "loss", [1.0]))
    export(source, tmp_path / "all.zip")
    Sender(target)(born("r"), RunDeleted(run="r", at=1.0))
    imported = import_archive(target, tmp_path / "all.zip")
    assert (imported.runs, imported.deleted, imported.points) == (1, ["c", "r"], 0)
    assert list(told(target)["runs"]) == ["s"]


def test_an_existing_experiment_is_not_archived(source, target, tmp_path) -> None:
    Sender(source)(born("r"), ExperimentPut(name="e", at=5.0, archived=True))
    Sender(target)(born("s"))
    export(source, tmp_path / "all.zip")
    import_archive(target, tmp_path / "all.zip")
    assert target.experiment("e").archived is None


KILLED = """
import os, sys
from pathlib import Path
from jupyter_aml.store import archive_import
from jupyter_aml.store.sql.store import SqlStore, in_folder
archive_import.BATCH = 100_000
left, moment = int(sys.argv[3]), sys.argv[4]
apply = SqlStore.apply
def dying(self, batch):
    global left
    if left == 0 and moment == "before":
        os.kill(os.getpid(), 9)
    done = apply(self, batch)
    if left == 0:
        os.kill(os.getpid(), 9)
    left -= 1
    return done
SqlStore.apply = dying
archive_import.import_archive(in_folder(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_import_that_is_killed_again_and_again_is_completed_by_repeating_it(
    source, tmp_path, monkeypatch, moment
) -> None:
    monkeypatch.setattr(archive_module, "GROUP", 3)
    export(rich(source), tmp_path / "all.zip")
    deaths = 0
    while deaths < 40:
        done = subprocess.run(
            [sys.executable, "-c", KILLED, tmp_path / "target", tmp_path / "all.zip", str(1 + deaths % 2), moment]
        )
        if done.returncode == 0:
            break
        assert done.returncode == -9
        deaths += 1
    assert deaths >= 3
    with in_folder_closing(tmp_path / "target") as target:
        monkeypatch.setattr("jupyter_aml.store.archive_import.BATCH", 100_000)
        import_archive(target, tmp_path / "all.zip")
        assert told(target) == told(source)
        assert target.run("r").owner == "j1"


AT_ONCE = """
import sys
from pathlib import Path
from jupyter_aml.store import archive_import
from jupyter_aml.store.sql.store import in_folder
archive_import.BATCH = 20_000
archive_import.import_archive(in_folder(sys.argv[1]), Path(sys.argv[2]))
"""


def test_several_processes_import_one_archive_at_once(source, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(archive_module, "GROUP", 2)
    monkeypatch.setattr(archive_module, "LINE", 20_000)
    export(rich(source), tmp_path / "all.zip")
    words = [sys.executable, "-c", AT_ONCE, tmp_path / "target", tmp_path / "all.zip"]
    processes = [subprocess.Popen(words) for _ in range(4)]
    assert [process.wait(60) for process in processes] == [0] * 4
    with in_folder_closing(tmp_path / "target") as target:
        assert told(target) == told(source)


# -- damaged and hostile archives --------------------------------------------------------------------------------
def rewritten(path, change) -> Path:
    """The archive with its members changed, `change` being given name → bytes and the manifest."""
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    manifest = json.loads(members["manifest.json"])
    change(members, manifest)
    if "manifest.json" in members:
        members["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(path.with_name("bad.zip"), "w") as new:
        for name, data in members.items():
            new.writestr(name, data)
    return path.with_name("bad.zip")


def events(members, manifest, *lines: bytes) -> None:
    """Events in place of the archive's, with a manifest that vouches for them."""
    data = b"".join(line + b"\n" for line in lines)
    members["events.jsonl"] = data
    manifest["events"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "lines": len(lines)}


def blob_name(members):
    return max(name for name in members if name.startswith("blobs/"))


def add(name, data=b"x"):
    return lambda members, manifest: members.__setitem__(name, data)


def flip(members, manifest):
    name = blob_name(members)
    members[name] = members[name][:-1] + b"!"


def vouched(name, data):
    def change(members, manifest):
        members[f"blobs/{name}"] = data
        manifest["blobs"][name] = len(data)

    return change


BORN = encode(born("x"))
CHANGES = {
    "a content is another": flip,
    "a content is lacking": lambda m, about: m.pop(blob_name(m)),
    "a content is longer": lambda m, about: m.__setitem__(blob_name(m), m[blob_name(m)] + b"0" * 1000),
    "the manifest lies about a size": lambda m, about: about["blobs"].__setitem__(blob_name(m)[6:], 1),
    "the events are shorter": lambda m, about: m.__setitem__("events.jsonl", m["events.jsonl"][:-10]),
    "the events are others": lambda m, about: m.__setitem__("events.jsonl", m["events.jsonl"].replace(b"loss", b"gain")),
    "no manifest": lambda m, about: m.pop("manifest.json"),
    "no events": lambda m, about: m.pop("events.jsonl"),
    "another format": lambda m, about: about.__setitem__("format", "zip"),
    "a newer version": lambda m, about: about.__setitem__("version", 2),
    "nonsense in the manifest": lambda m, about: about.__setitem__("blobs", [1]),
    "an absolute path": add("/etc/x"),
    "a way out": add("../../x"),
    "a way out among the contents": vouched("../../x", b"x"),
    "a content under another's name": vouched("0" * 64, b"x"),
    "a folder": add("blobs/", b""),
    "more than the manifest says": add("more.txt"),
    "a deletion": lambda m, about: events(m, about, BORN, encode(RunDeleted(run="x", at=1.0))),
    "a change of a run of others": lambda m, about: events(m, about, encode(RunChanged(run="there", at=1.0, name="!"))),
    "a renaming": lambda m, about: events(m, about, encode(ExperimentPut(name="e", at=1.0, rename="f"))),
    "a run twice": lambda m, about: events(m, about, BORN, BORN),
    "a content from nowhere": lambda m, about: events(m, about, BORN, encode(FileLogged(run="x", path="p", digest="d" * 64, size=1, at=1.0))),
    "a time that is none": lambda m, about: events(m, about, encode(born("x", created="now"))),
    "a tag that is no text": lambda m, about: events(m, about, encode(born("x", tags={"a": {}}))),
    "points of unequal length": lambda m, about: events(m, about, BORN, encode(points("x", "m", [1, 2], steps=[1]))),
    "steps that are none": lambda m, about: events(m, about, BORN, encode(points("x", "m", [1], steps=["a"]))),
    "a kind that is none": lambda m, about: events(m, about, BORN, encode(points("x", "m", [1], kind="nope"))),
    "an event that is none": lambda m, about: events(m, about, b'{"t":"nope"}'),
    "no JSON": lambda m, about: events(m, about, b"\xff\xfe"),
    "depths": lambda m, about: events(m, about, b"[" * 200_000),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_an_archive_that_is_not_what_it_says_is_refused_before_anything_is_written(source, tmp_path, what) -> None:
    export(rich(source), tmp_path / "all.zip")
    bad = rewritten(tmp_path / "all.zip", CHANGES[what])
    with in_folder_closing(tmp_path / "target") as target:
        Sender(target)(born("there"))
        before, last = sorted(tmp_path.rglob("*")), target.last_change()
        with pytest.raises(UserErrorException, match=r"bad\.zip"):
            import_archive(target, bad)
        assert target.last_change() == last
        assert [blob.digest for blob in target.blobs.walk()] == []
        assert sorted(tmp_path.rglob("*")) == before


def test_a_link_in_an_archive_is_refused(source, tmp_path) -> None:
    export(rich(source), tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip", "a") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(UserErrorException, match="no plain file"):
        import_archive(source, tmp_path / "all.zip")


def test_any_damage_of_the_file_is_noticed_or_does_no_harm(source, tmp_path) -> None:
    export(rich(source), tmp_path / "all.zip", runs=["c1"])
    whole = (tmp_path / "all.zip").read_bytes()
    want = None
    for k, position in enumerate(range(0, len(whole), max(1, len(whole) // 60))):
        bad = tmp_path / "bad.zip"
        bad.write_bytes(
            whole[:position]
            if k % 3 == 0
            else whole[:position] + bytes((whole[position] ^ 0x55,)) + whole[position + 1 :]
        )
        with in_folder_closing(tmp_path / f"target{k}") as target:
            try:
                import_archive(target, bad)
            except UserErrorException:
                assert target.last_change() == 0
            else:  # a byte that says nothing, such as a time
                found = told(target)
                assert want in (None, found)
                want = found


def test_no_file_is_no_archive(source, tmp_path) -> None:
    with pytest.raises(NotFoundException):
        import_archive(source, tmp_path / "nope.zip")
    (tmp_path / "text.zip").write_text("no zip")
    with pytest.raises(UserErrorException, match="damaged"):
        import_archive(source, tmp_path / "text.zip")
    with pytest.raises(UserErrorException):
        import_archive(source, tmp_path)


def test_contents_that_are_missing_or_damaged_are_told_and_the_rest_goes(source, target, tmp_path) -> None:
    send = Sender(source)
    good, bad, none = (source.blobs.put_bytes(data)[0] for data in (b"good", b"bad", b"none"))
    send(
        born("r"),
        *[FileLogged(run="r", path=p, digest=d, size=4, at=1.0) for p, d in (("g", good), ("b", bad), ("n", none))],
    )
    source.blobs.remove(none)
    (tmp_path / "source" / "blobs" / bad[:2] / bad[2:]).write_bytes(b"bat")
    exported = export(source, tmp_path / "all.zip")
    assert set(exported.missing) == {bad, none}
    assert exported.missing[bad] == "'b' of run r"
    imported = import_archive(target, tmp_path / "all.zip")
    assert set(imported.missing) == {bad, none}
    assert target.blobs.open(good).read() == b"good"
    assert told(target) == told(source)


def test_an_export_that_fails_leaves_nothing(source, tmp_path) -> None:
    with pytest.raises(UserErrorException):
        export(rich(source), tmp_path / "source" / "workspace.db" / "x.zip")
    assert [name for name in os.listdir(tmp_path) if "zip" in name or "part" in name] == []
