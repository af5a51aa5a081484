"""Datasets as what runs read and write, and what the workspace knows of it afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from jupyter_aml.data.dataset import Dataset
from jupyter_aml.data.dataset_lineage import lineage_of
from jupyter_aml.data.inputs import changed_mounts, gather_outputs, pack_arguments, resolve_arguments, shown_arguments
from jupyter_aml.data.output import OutputFileDatasetConfig
from jupyter_aml.errors import ConflictException, UserErrorException
from jupyter_aml.tracking import context
from jupyter_aml.tracking.experiment import Experiment
from jupyter_aml.workspace import Workspace

SCRIPT = """
import json, os, sys
from jupyter_aml.tracking.run import Run
run = Run.get_context()
table = run.input_datasets["iris"].to_pandas_dataframe()
print(json.dumps([len(table), open(run.input_datasets["one"]).read(), sorted(os.listdir(sys.argv[4])), list(run.input_datasets)]))
with open(os.path.join(sys.argv[5], "made.csv"), "w") as out:
    out.write("v\\n1\\n2\\n")
"""


@pytest.fixture
def ws():
    return Workspace.default()


@pytest.fixture
def store(ws, tmp_path):
    store = ws.get_default_datastore()
    for name, text in {"a.csv": "v\n1\n", "b.csv": "v\n2\n3\n"}.items():
        (tmp_path / name).write_text(text)
    store.upload_files([str(tmp_path / "a.csv"), str(tmp_path / "b.csv")], target_path="d", show_progress=False)
    return store


def test_a_process_gets_its_inputs_and_leaves_its_outputs(ws, store, tmp_path):
    table = Dataset.Tabular.from_delimited_files((store, "d/*.csv")).register(ws, "iris data")
    files, one = Dataset.File.from_files((store, "d/")), Dataset.File.from_files((store, "d/b.csv"))
    output = (
        OutputFileDatasetConfig("out", (store, "results/{run-id}")).read_delimited_files().register_on_complete("made")
    )
    arguments = ["--n", 3, table.as_named_input("iris"), files.as_mount(), output, one.as_named_input("one").as_mount()]
    packed = json.loads(json.dumps(pack_arguments(ws, arguments)))
    assert shown_arguments(packed)[:3] == ["--n", "3", "DatasetConsumptionConfig:iris"]
    run = Experiment(ws, "e").start_logging(snapshot_directory=None)
    words, variables, links = resolve_arguments(ws, packed, run.id, tmp_path / "work")
    assert words[2] == table.id and Path(words[5]).read_text() == "v\n2\n3\n" and len(links) == 3
    assert variables["AZUREML_DATAREFERENCE_iris"] == table.id
    environment = {**os.environ, **variables, **context.environment(ws.connection, run.id, "e")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *words], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    rows, text, names, inputs = json.loads(done.stdout.splitlines()[-1])
    assert (rows, text, names) == (3, "v\n2\n3\n", ["a.csv", "b.csv"]) and inputs[0] == "iris" and len(inputs) == 3
    made = gather_outputs(ws, run.id, variables)["out"]
    run.complete()
    assert made.name == "made" and Dataset.get_by_name(ws, "made").to_pandas_dataframe()["v"].tolist() == [1, 2]
    assert run.input_datasets["iris"].version == 1 and run.output_datasets["out"].id == made.id
    with pytest.raises(KeyError, match="no input 'irsi'; it has 'iris'"):
        run.input_datasets["irsi"]
    details = run.get_details()
    assert details["inputDatasets"][0]["dataset"] == {"id": table.id, "name": "iris data", "version": 1}
    assert [one["consumptionDetails"]["mechanism"] for one in details["inputDatasets"]] == ["Direct", "Mount", "Mount"]
    assert details["outputDatasets"][0]["outputDetails"]["outputName"] == "out"
    assert [(one["run"], one["role"]) for one in lineage_of(ws, table.id)] == [(run.id, "input")]
    assert [(one["run"], one["role"]) for one in lineage_of(ws, made.id)] == [(run.id, "output")]


def test_what_is_uploaded_is_chosen_and_replaces_nothing_unasked(ws, store, tmp_path):
    for again, output in enumerate((
        OutputFileDatasetConfig("o", (store, "up")).as_upload(source_globs="**/*.csv"),
        OutputFileDatasetConfig("o", (store, "up")).as_upload(source_globs="**/*.csv"),
        OutputFileDatasetConfig("o", (store, "up")).as_upload(overwrite=True),
    )):  # fmt: skip
        words, variables, _ = resolve_arguments(ws, [output], f"run{again}", tmp_path / str(again))
        assert os.listdir(words[0]) == []
        Path(words[0], "x.csv").write_text(f"v\n{again}\n")
        Path(words[0], "x.tmp").write_text("t")
        if again == 1:
            with pytest.raises(ConflictException, match="overwrite=True"):
                gather_outputs(ws, "run1", variables)
        else:
            assert (
                gather_outputs(ws, f"run{again}", variables)["o"].to_path()
                == ["/x.csv", "/x.tmp"][: again + 1 - again // 2]
            )
    assert Dataset.Tabular.from_delimited_files((store, "up/x.csv")).to_pandas_dataframe()["v"].tolist() == [2]


def test_a_failed_run_registers_nothing(ws, store, tmp_path):
    output = OutputFileDatasetConfig("o").register_on_complete("never")
    words, variables, _ = resolve_arguments(ws, ["--out", output], "r", tmp_path / "w")
    Path(words[1], "f").write_text("x")
    made = gather_outputs(ws, "r", variables, succeeded=False)["o"]
    assert made.name is None and made.to_path() == ["/f"] and "never" not in ws.datasets


def test_references_script_params_and_bare_datasets_are_arguments(ws, store, tmp_path):
    table = Dataset.Tabular.from_delimited_files((store, "d/*.csv"))
    words, _, _ = resolve_arguments(
        ws, {"--flag": "", "--rate": 0.5, "--data": table, "--ref": store.path("d").as_mount(), "--one": store.path("d/a.csv").as_download()},
        "r", tmp_path,
    )  # fmt: skip
    assert words[:3] == ["--flag", "--rate", "0.5"] and words[4] == table.id
    assert sorted(os.listdir(words[6])) == ["a.csv", "b.csv"] and Path(words[8]).read_text() == "v\n1\n"
    with pytest.raises(UserErrorException, match="called 'x'"):
        resolve_arguments(ws, [table.as_named_input("x"), table.take(1).as_named_input("x")], "r", tmp_path / "2")
    with pytest.raises(UserErrorException, match="no name of an input"):
        table.as_named_input("a-b")
    with pytest.raises(UserErrorException, match="no files to mount"):
        table.as_named_input("x").as_mount()


def test_a_mount_never_writes_through_to_the_data_when_it_is_made_again(ws, store, tmp_path):
    files = Dataset.File.from_files((store, "d/"))
    for _ in range(2):
        words, _, _ = resolve_arguments(ws, [files.as_named_input("f").as_mount()], "r", tmp_path / "w")
    assert sorted(os.listdir(words[0])) == ["a.csv", "b.csv"]
    assert pd.read_csv(Path(words[0], "a.csv"))["v"].tolist() == [1]


def test_within_a_run_the_use_of_a_dataset_is_written_down(ws, store):
    table = Dataset.Tabular.from_delimited_files((store, "d/*.csv")).register(ws, "used")
    with Experiment(ws, "e").start_logging(snapshot_directory=None) as run:
        Dataset.get_by_name(ws, "used")
        Dataset.get_by_name(ws, "used")
        made = table.take(1).register(ws, "made here")
    Dataset.get_by_name(ws, "used")
    assert [(one["run"], one["label"]) for one in lineage_of(ws, table.id)] == [(run.id, "used")]
    assert made._registered.run == run.id


def test_a_run_is_told_of_files_that_changed_behind_its_dataset(ws, store, tmp_path):
    files = Dataset.File.from_files((store, "d/")).register(ws, "files")
    source = Path(store._full("d/a.csv"))

    def mounted(dataset, work):
        words, variables, _ = resolve_arguments(ws, [dataset.as_named_input("f").as_mount()], "r", tmp_path / work)
        return Path(words[0]), variables

    _, variables = mounted(files, "1")
    assert changed_mounts(ws, variables) == []
    later = files._registered.created + 5
    os.utime(source, (later, later))
    folder, variables = mounted(files, "2")
    os.utime(folder / "a.csv", (later + 5, later + 5), follow_symlinks=False)  # linked after that
    (said,) = changed_mounts(ws, variables)
    assert "1 of the files of the dataset 'files' (version 1) has been changed after it was registered" in said
    assert str(source) in said
    folder, variables = mounted(Dataset.File.from_files((store, "d/a.csv")), "3")
    os.utime(folder, (later, later), follow_symlinks=False)
    folder.write_text("v\n2\n")
    os.utime(source, (later + 60, later + 60))
    (said,) = changed_mounts(ws, variables)
    assert "while the run had them mounted" in said and source.read_text() == "v\n2\n"
    copies = files.as_named_input("f").as_download()
    _, variables, _ = resolve_arguments(ws, [copies], "r", tmp_path / "4")
    assert changed_mounts(ws, variables) == []
