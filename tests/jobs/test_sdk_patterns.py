"""What public notebooks write about jobs, word by word."""

import copy
import json
import textwrap
from pathlib import Path

from jupyter_aml import Dataset, Experiment, Workspace
from jupyter_aml.data.data_reference import DataReferenceConfiguration
from jupyter_aml.data.output import OutputFileDatasetConfig
from jupyter_aml.jobs.hyperdrive import GridParameterSampling, HyperDriveConfig, PrimaryMetricGoal, choice
from jupyter_aml.jobs.run_config import RunConfiguration
from jupyter_aml.jobs.script_config import ScriptRunConfig

READS = """
import os, sys
from azureml.core import Run
run = Run.get_submitted_run()
for name, place in zip(sys.argv[1::2], sys.argv[2::2]):
    run.tag(name.strip("-"), open(os.path.join(place, "a.txt")).read())
"""
OPTIONS = """
import argparse
from azureml.core.run import Run
parser = argparse.ArgumentParser()
parser.add_argument("--momentum", type=float)
parser.add_argument("--size", type=int)
given = parser.parse_args()
Run.get_context().log("score", given.momentum * given.size)
"""


def test_data_references_of_a_configuration_are_places_in_the_arguments(bench):
    store = bench.workspace.get_default_datastore()
    (bench.source / "a.txt").write_text("of the store")
    store.upload_files([str(bench.source / "a.txt")], target_path="some", show_progress=False)
    reference = store.path("some").as_mount()
    reference.path_on_compute = str(bench.source.parent / "there")
    config = RunConfiguration()
    config.data_references = {
        store.name: DataReferenceConfiguration(
            datastore_name=store.name, path_on_datastore="some", mode="download", overwrite=True
        ),
        reference.data_reference_name: reference.to_config(),
    }
    asked = ["--download", f"$AZUREML_DATAREFERENCE_{store.name}", "--mount", str(reference)]
    run = bench.experiment.submit(
        ScriptRunConfig(bench.source, bench.script("reads.py", READS), asked, run_config=config)
    )
    run.wait_for_completion()
    assert run.tags == {"download": "of the store", "mount": "of the store"}


def test_a_script_finds_its_workspace_and_its_data_are_found_in_its_details(bench):
    elsewhere = bench.workspace = Workspace.create("elsewhere")
    store = elsewhere.get_default_datastore()
    (bench.source / "a.txt").write_text("read")
    store.upload_files([str(bench.source / "a.txt")], target_path="in", show_progress=False)
    code = """
        import os, sys
        from azureml.core import Run, Workspace
        run = Run.get_context()
        with open(os.path.join(sys.argv[2], "b.txt"), "w") as file:
            file.write(open(os.path.join(sys.argv[1], "a.txt")).read() + " and written")
        run.tag("from_config", Workspace.from_config().name)
    """
    given = Dataset.File.from_files((store, "in/*")).as_named_input("given").as_mount()
    config = bench.config(textwrap.dedent(code), arguments=[given, OutputFileDatasetConfig("made")])
    run = Experiment(elsewhere, "data").submit(config)
    run.wait_for_completion()
    assert run.tags == {"from_config": "elsewhere"}
    details = run.get_details()
    read, made = details["inputDatasets"][0]["dataset"], details["outputDatasets"][0]["dataset"]
    assert read.to_path() == ["/a.txt"] and read["id"] == read.id
    [path] = made.download(str(bench.source / "back"))
    assert Path(path).read_text() == "read and written"
    assert json.loads(json.dumps(copy.deepcopy(details)))["outputDatasets"][0]["dataset"] == dict(made)


def test_hyperparameters_named_without_dashes_are_options_all_the_same(bench):
    with bench.experiment.start_logging(snapshot_directory=None) as above:
        search = above.submit_child(
            HyperDriveConfig(
                run_config=bench.config(OPTIONS),
                hyperparameter_sampling=GridParameterSampling({"momentum": choice(0.5), "--size": choice(2, 4)}),
                primary_metric_name="score",
                primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
                max_total_runs=2,
            )
        )
        search.wait_for_completion()
    best = search.get_best_run_by_primary_metric()
    assert best.get_metrics() == {"score": 2.0}
    definition = best.get_details()["runDefinition"]
    assert definition["Arguments"] == definition["arguments"] == ["--momentum", "0.5", "--size", "4"]
    assert search.get_hyperparameters()[best.id] == '{"momentum": 0.5, "--size": 4}'
    assert [child.id for child in above.get_children()] == [search.id]
