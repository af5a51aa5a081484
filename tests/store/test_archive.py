"""Archives: there and back, once, between any two stores."""

import subprocess
import sys
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich_workspace import in_folder_closing, rich, told
from stores import Sender, born, ended, points

from jupyter_aml.errors import NotFoundException
from jupyter_aml.store import archive as archive_module
from jupyter_aml.store.archive import export
from jupyter_aml.store.archive_import import import_archive
from jupyter_aml.store.events import (
    ExperimentPut,
    FileLogged,
    RunChanged,
    RunDeleted,
    TextLogged,
)


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
