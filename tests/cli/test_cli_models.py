"""`aml model`."""

from jupyter_aml.workspace import Workspace


def test_a_model_from_its_registration_to_its_end(aml, here) -> None:
    (here / "m.pkl").write_text("x")
    (here / "net").mkdir()
    (here / "net" / "a").write_text("y")
    made = aml(
        "model", "register", "iris", "m.pkl", "--tag", "a=b", "--property", "acc=0.9", "--alias", "production", "--json"
    )
    assert (made["id"], made["tags"], made["properties"], made["aliases"]) == (
        "iris:1",
        {"a": "b"},
        {"acc": "0.9"},
        ["production"],
    )
    assert "iris:2 (1 files" in aml("model", "register", "iris", "net")
    assert aml("model", "list").split("\n")[1].split()[:2] == ["iris", "2"]
    assert len(aml("model", "list", "--all", "--json")["models"]) == 2
    assert [m["id"] for m in aml("model", "list", "--all", "--tag", "a", "--json")["models"]] == ["iris:1"]
    shown = aml("model", "show", "iris:production")
    assert "0.9" in shown and "m.pkl" in shown
    aml("model", "alias", "iris:2", "production")
    assert aml("model", "show", "iris:production", "--json")["version"] == 2
    aml("model", "download", "iris", "--to", "there")
    assert (here / "there/net/a").read_text() == "y"
    aml("model", "download", "iris", "--to", "there", code=2)
    assert aml("model", "tag", "iris:1", "c=d", "--remove", "a", "--json")["tags"] == {"c": "d"}
    assert "Did you mean 'iris'" in aml("model", "show", "irs", code=3)
    aml("model", "delete", "iris:1", "--yes")
    assert list(Workspace.from_config().models) == ["iris"]
    aml("model", "register", "x", code=2)


def test_a_run_s_file_becomes_a_model(aml, workspace) -> None:
    run = aml("run", "list", "--everywhere", "--text", "run 1", "--json")["runs"][0]["id"]
    made = aml("model", "register", "table", "outputs/x.csv", "--run", run, "--json")
    assert made["runId"] == run
    assert aml("model", "list", "--run", run, "--json")["models"][0]["id"] == "table:1"
