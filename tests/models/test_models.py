"""The model registry, through its public door."""

from __future__ import annotations

import functools
import operator
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_aml import Experiment, Workspace
from jupyter_aml.errors import (
    ModelNotFoundException,
    NotFoundException,
    UserErrorException,
    WebserviceException,
)
from jupyter_aml.models.model import Model
from jupyter_aml.models.resources import ResourceConfiguration


@pytest.fixture
def file():
    Path("model.pkl").write_bytes(b"weights")
    return "model.pkl"


def test_each_registration_is_the_next_version(ws, file):
    first = Model.register(ws, file, "iris", tags={"area": "iris"}, properties={"acc": 0.9}, description="d",
                           model_framework=Model.Framework.SCIKITLEARN, model_framework_version="1.4")  # fmt: skip
    second = Model.register(workspace=ws, model_path=file, model_name="iris")
    assert (first.name, first.version, first.id) == ("iris", 1, "iris:1")
    assert (first.tags, first.properties, first.model_framework) == ({"area": "iris"}, {"acc": "0.9"}, "ScikitLearn")
    assert (
        Model(ws, "iris").version == 2 and Model(ws, "iris", version="1") == first and Model(ws, id="iris:1") == first
    )
    assert ws.models["iris"] == second and "nothing" not in ws.models
    assert [m.version for m in Model.list(ws)] == [2, 1] and [m.version for m in Model.list(ws, latest=True)] == [2]
    assert f"{first.url} {first}".count("iris:1") == 2
    assert first.run_id is None and first.run is None
    assert Model.deserialize(ws, first.serialize()) == first
    needs = ResourceConfiguration(cpu=1, memory_in_gb=0.5)
    third = Model.register(ws, file, "iris", resource_configuration=needs)
    assert third.resource_configuration == Model(ws, "iris").resource_configuration == needs
    assert ResourceConfiguration.deserialize(needs.serialize()) == needs
    with pytest.raises(UserErrorException, match="cpu is a number above 0, not 'two'"):
        third.update(resource_configuration={"cpu": "two"})


def test_the_same_content_twice_costs_nothing(ws):
    Path("big.bin").write_bytes(os.urandom(3_000_000))
    Model.register(ws, "big.bin", "big")

    def size():
        return sum(p.stat().st_size for p in (Path(ws.url) / "blobs").rglob("*") if p.is_file())

    before = size()
    Model.register(ws, "big.bin", "big")
    assert size() == before


def test_lists_and_lookups_are_narrowed_as_in_the_sdk(ws, file):
    Model.register(ws, file, "a", tags={"kind": "x"}, properties={"p": "1"}, model_framework="Onnx")
    Model.register(ws, file, "a", tags={"kind": "y", "new": ""})
    Model.register(ws, file, "b", tags={"kind": "x"})
    assert [m.id for m in Model.list(ws, tags=[["kind", "x"]])] == ["a:1", "b:1"]
    assert [m.id for m in Model.list(ws, tags=["new"])] == ["a:2"]
    assert [m.id for m in Model.list(ws, name="a", properties={"p": "1"})] == ["a:1"]
    assert [m.id for m in Model.list(ws, model_framework="Onnx")] == ["a:1"]
    assert Model(ws, "a", tags=[["kind", "x"]]).version == 1
    with pytest.raises(UserErrorException, match="Tags to look for"):
        Model.list(ws, tags=3)


def test_a_folder_is_kept_under_its_own_name(ws):
    for name in ("net/a.bin", "net/deep/b.bin", "net/deep/c.bin"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(name)
    model = Model.register(ws, "./net", "net")
    assert model.files == ["net/a.bin", "net/deep/b.bin", "net/deep/c.bin"]
    assert model.download("there") == "there/net" and Path("there/net/deep/b.bin").read_text() == "net/deep/b.bin"
    some = Model.register(ws, "net", "net", child_paths=["deep/b.bin", "a.bin"])
    assert some.files == ["net/a.bin", "net/deep/b.bin"]
    with pytest.raises(UserErrorException, match=r"nope.*child_paths"):
        Model.register(ws, "net", "net", child_paths=["nope"])
    with pytest.raises(UserErrorException, match="must not contain"):
        Model.register(ws, "net", "net", child_paths=["../here/net/a.bin"])
    assert Model(ws, "net").version == 2


def test_a_download_replaces_nothing_unasked(ws, file):
    model = Model.register(ws, file, "m")
    assert model.download(target_dir="x") == "x/model.pkl"
    Path("x/model.pkl").write_bytes(b"mine")
    with pytest.raises(UserErrorException, match="exist_ok"):
        model.download("x")
    assert Path("x/model.pkl").read_bytes() == b"mine"
    model.download("x", exist_ok=True)
    assert Path("x/model.pkl").read_bytes() == b"weights"


def test_a_run_registers_what_it_has_and_the_lineage_is_kept(ws):
    experiment = Experiment(ws, "train")
    run = experiment.start_logging(snapshot_directory=None)
    Path("outputs/model.pkl").write_bytes(b"m")
    early = run.register_model("early", "outputs/model.pkl")
    run.complete()
    later = run.register_model(model_name="later", model_path="./outputs/model.pkl", tags={"a": "b"},
                               properties={"AUC": run.get_metrics().get("AUC", 1)})  # fmt: skip
    folder = run.register_model("folder", "outputs/")
    assert early.files == later.files == ["model.pkl"] and folder.files == ["outputs/model.pkl"]
    assert later.run_id == run.id and later.run.id == run.id and later.experiment_name == "train"
    assert [(k.role, k.name, k.version) for k in ws.connection.store.links(run=run.id)] == [
        ("registered", "early", 1), ("registered", "later", 1), ("registered", "folder", 1)
    ]  # fmt: skip
    assert Model.list(ws, run_id=run.id)[0].name == "early"
    with pytest.raises(NotFoundException, match=r"modle.pkl.*Did you mean 'outputs/model.pkl'"):
        run.register_model("x", "outputs/modle.pkl")
    experiment_model = Model(ws, "later")
    run.delete() if hasattr(run, "delete") else None
    assert experiment_model.run_id == run.id


def test_a_run_that_looks_a_model_up_has_it_as_an_input(ws, file):
    model = Model.register(ws, file, "m")
    with Experiment(ws, "score").start_logging(snapshot_directory=None) as run:
        path = Model.get_model_path("m")
        assert Path(path).read_bytes() == b"weights" and Path(path).name == "model.pkl"
        assert Model.get_model_path("m", version=1) == path
    (link,) = ws.connection.store.links(asset=model._record.id)
    assert (link.run, link.role) == (run.id, "input")
    assert Model.get_model_path("m") == path, "it was fetched before"
    with pytest.raises(ModelNotFoundException, match="_workspace=ws"):
        Model.get_model_path("other")


def test_a_scoring_service_has_its_models_below_a_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(tmp_path / "one"))
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "m.pkl").write_text("1")
    assert Model.get_model_path("anything") == str(tmp_path / "one/m.pkl")
    for name in ("two/a/1/a.pkl", "two/a/2/a.pkl", "two/a/10/a.pkl", "two/b/3/b/x"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(name)
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(tmp_path / "two"))
    assert Model.get_model_path("a") == str(tmp_path / "two/a/10/a.pkl")
    assert Model.get_model_path("a", version=2) == str(tmp_path / "two/a/2/a.pkl")
    assert Model.get_model_path("b") == str(tmp_path / "two/b/3/b")
    with pytest.raises(ModelNotFoundException, match="version 7"):
        Model.get_model_path("a", version=7)


def test_what_is_not_there_is_refused_by_name(ws, file):
    Model.register(ws, file, "iris-model")
    for absent in (lambda: Model(ws, "iris-modell"), lambda: Model(ws, "iris-model", version=9)):
        with pytest.raises(ModelNotFoundException):
            absent()
    with pytest.raises(WebserviceException, match=r"Did you mean 'iris-model'"):
        Model(ws, "iris-modell")
    with pytest.raises(UserErrorException, match=r"no file or folder 'nope\.pkl'"):
        Model.register(ws, "nope.pkl", "m")
    Path("empty").mkdir()
    with pytest.raises(UserErrorException, match="no files"):
        Model.register(ws, "empty", "m")


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "a\\b", "a:1", "/etc", "a\0b", "a\n", " a", "x" * 256, 3, None]
)
def test_a_name_that_could_leave_the_store_is_refused(ws, file, name):
    with pytest.raises(UserErrorException, match="cannot be a model's name"):
        Model.register(ws, file, name)
    assert Model.list(ws) == []


def test_tags_change_and_properties_do_not(ws, file):
    model = Model.register(ws, file, "m", tags={"a": "1"}, properties={"p": "1"})
    model.add_tags({"b": 2})
    model.remove_tags("a")
    model.add_properties({"p": "2", "q": "3"})
    model.update(description="new")
    again = Model(ws, "m")
    assert (again.tags, again.properties, again.description) == ({"b": "2"}, {"p": "1", "q": "3"}, "new")
    model.update(tags={"c": "x"})
    model.update_tags_properties(add_tags={"d": "y"}, remove_tags=["c"])
    assert Model(ws, "m").tags == {"d": "y"}


def test_an_alias_points_at_one_version_and_moves(ws, file):
    one, two = (Model.register(ws, file, "m") for _ in range(2))
    one.set_alias("production")
    assert Model(ws, "m", version="production") == one and one.aliases == ["production"]
    two.set_alias("production")
    assert Model(ws, "m", version="production") == two and one.aliases == [] and Model(ws, "m", version="latest") == two
    one.remove_alias("production")
    assert two.aliases == ["production"], "it was not the first one's any more"
    two.delete()
    with pytest.raises(ModelNotFoundException, match="no alias 'production'"):
        Model(ws, "m", version="production")
    with pytest.raises(UserErrorException, match="cannot be an alias"):
        one.set_alias("3")


def test_a_deleted_version_is_gone_and_its_number_stays_taken(ws, file):
    one, two = (Model.register(ws, file, "m") for _ in range(2))
    two.delete()
    assert Model(ws, "m") == one
    with pytest.raises(ModelNotFoundException, match="deleted before"):
        two.delete()
    assert Model.register(ws, file, "m").version == 3
    one.archive()
    assert [m.version for m in Model.list(ws)] == [3] and Model(ws, "m", version=1) == one


def test_nothing_of_a_model_is_ever_unpickled(ws, tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "boom"),)

    Path("bomb.pkl").write_bytes(pickle.dumps(Bomb()))
    model = Model.register(ws, "bomb.pkl", "bomb")
    model.serialize(), repr(model), model._repr_html_(), model.download("d"), Model.list(ws)
    assert not (tmp_path / "boom").exists()


def test_processes_that_register_one_name_at_once_get_different_versions(ws, file):
    code = "import sys; from jupyter_aml import Workspace; from jupyter_aml.models.model import Model\n" \
           "ws = Workspace.from_url(sys.argv[1])\nfor _ in range(5): print(Model.register(ws, 'model.pkl', 'm').version)"  # fmt: skip
    both = [subprocess.Popen([sys.executable, "-c", code, ws.url], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60)[0].split() for process in both]
    assert sorted(map(int, functools.reduce(operator.iadd, said, []))) == list(range(1, 11))


def test_a_model_whose_content_was_removed_is_told_by_name(ws, file):
    model = Model.register(ws, file, "m")
    other = Model.register(ws, __file__, "other")
    digest, _ = model._record.files["model.pkl"]
    (Path(ws.url) / "blobs" / digest[:2] / digest[2:]).unlink()
    with pytest.raises(NotFoundException, match=digest[:8]):
        model.download("x")
    assert not Path("x/model.pkl").exists()
    assert Path(other.download("x")).read_text() == Path(__file__).read_text()
    assert Workspace("", "", "ws").models["m"].version == 1


def test_what_cannot_be_done_with_models_yet_says_so():
    with pytest.raises(AttributeError, match="cannot be deployed so far"):
        Model.deploy(None, "service", [])
    with pytest.raises(AttributeError, match="has no attribute 'deplyo'"):
        Model.deplyo  # noqa: B018
