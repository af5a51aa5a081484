"""Searches over hyperparameters: real scripts, led by a launcher of their own."""

import json
import os
import signal
import zipfile

import psutil
import pytest
from click.testing import CliRunner
from conftest_submit import until

from jupyter_aml import Run
from jupyter_aml.cli.main import root as aml
from jupyter_aml.errors import ActivityFailedException
from jupyter_aml.jobs.hyperdrive import (
    BanditPolicy,
    BayesianParameterSampling,
    GridParameterSampling,
    HyperDriveConfig,
    HyperDriveRun,
    PrimaryMetricGoal,
    RandomParameterSampling,
    choice,
    uniform,
)
from jupyter_aml.jobs.script_config import ScriptRunConfig
from jupyter_aml.notebook.widgets import RunDetails

TRAIN = """
import argparse
from azureml.core import Run
parser = argparse.ArgumentParser()
parser.add_argument("--kernel", default="none")
parser.add_argument("--rate", type=float, default=0.0)
given = parser.parse_args()
run = Run.get_context()
for step in range(3):
    run.log("accuracy", given.rate * (0.5 + step / 4))
if given.kernel == "bad":
    raise SystemExit("a bad kernel")
open("outputs/kernel.txt", "w").write(given.kernel)
"""
ENDLESS = """
import sys, time
from azureml.core import Run
run = Run.get_context()
loss = float(sys.argv[-1])
open(sys.argv[1] + "/" + run.id, "a").write("began ")
for _ in range(3):
    run.log("loss", loss)
if loss > 0.05:
    time.sleep(600)
"""


@pytest.fixture
def searches(bench):
    yield bench
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "jupyter_aml.jobs.launcher" in words and bench.workspace.url in words:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def searched(bench, script, sampling, total, *, metric="accuracy", goal=PrimaryMetricGoal.MAXIMIZE, arguments=(), **kw):
    config = ScriptRunConfig(bench.source, bench.script("train.py", script), arguments=list(arguments))
    return HyperDriveConfig(sampling, metric, goal, total, run_config=config, **kw)


def leader(bench):
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if bench.workspace.url in words and any(word.startswith("leaders/") for word in words):
            return process
    return None


def test_a_grid_is_tried_whole_and_its_best_child_is_found(searches, capsys, monkeypatch, tmp_path):
    sampling = GridParameterSampling({"--kernel": choice("a", "b"), "--rate": choice(0.5, 1, 2)})
    config = searched(searches, TRAIN, sampling, 20, arguments=["--kernel", "linear"], max_concurrent_runs=3)
    run = searches.experiment.submit(config, tags={"who": "me"})
    (searches.source / "train.py").write_text("raise SystemExit('changed after it was submitted')")
    assert type(run) is HyperDriveRun and run.id.startswith("HD_")
    found = run.wait_for_completion(show_output=True)
    assert found["status"] == run.get_status() == "Completed" and run.type == "hyperdrive" and run.tags == {"who": "me"}
    assert "Streaming azureml-logs/hyperdrive.txt" in capsys.readouterr().out

    tried = {id: json.loads(text) for id, text in run.get_hyperparameters().items()}
    assert sorted((one["--kernel"], one["--rate"]) for one in tried.values()) == [
        (kernel, rate) for kernel in "ab" for rate in (0.5, 1, 2)
    ]
    best = run.get_best_run_by_primary_metric()
    assert best.parent == run and type(best.parent) is HyperDriveRun
    arguments = best.get_details()["runDefinition"]["arguments"]
    assert arguments[:2] == ["--kernel", "linear"] and arguments[-2:] == ["--rate", "2"]
    best.download_file("outputs/kernel.txt", tmp_path / "kernel.txt")
    assert (tmp_path / "kernel.txt").read_text() == tried[best.id]["--kernel"], "the last argument of a name counts"
    lines = run.get_children_sorted_by_primary_metric()
    assert [line["best_primary_metric"] for line in lines] == [2, 2, 1, 1, 0.5, 0.5] and lines[0]["run_id"] == best.id
    assert [line["best_primary_metric"] for line in run.get_children_sorted_by_primary_metric(2, True)] == [0.5, 0.5]
    assert run.get_metrics()[best.id]["accuracy"] == [1, 1.5, 2]
    assert found["properties"].keys() > {"primary_metric_config"} and run.properties["best_child_run_id"] == best.id
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile(run.get_diagnostics()) as archive:
        assert len(json.loads(archive.read("children.json"))) == 6
        assert b"The best is" in archive.read("azureml-logs/hyperdrive.txt")
    until(lambda: searches.store.jobs() == [])  # they leave the queue after their runs have ended
    assert run.hyperdrive_config is config

    shown = RunDetails(run)._repr_html_()
    assert shown.count("<polyline") == 6 and shown.count("<circle") == 12
    assert "best</span> accuracy 2 with --kernel" in shown
    said = CliRunner().invoke(aml, ["run", "show", run.id, "--json"])
    assert [child["best"] for child in json.loads(said.output)["child_runs"]] == [2, 2, 1, 1, 0.5, 0.5]
    told = CliRunner(env={"COLUMNS": "200"}).invoke(aml, ["run", "show", run.id]).output
    assert "HYPERPARAMETERS" in told and told.index(best.id) < told.index(lines[-1]["run_id"])


def test_losing_children_are_really_ended_and_say_by_which_policy(searches, tmp_path):
    sampling = GridParameterSampling({"--loss": choice(0.01, 5.0, 7.0)})
    goal, policy = PrimaryMetricGoal.MINIMIZE, BanditPolicy(slack_factor=0.5, evaluation_interval=2)
    config = searched(searches, ENDLESS, sampling, 3, metric="loss", goal=goal, policy=policy, arguments=[tmp_path])
    run = searches.experiment.submit(config)
    run.wait_for_completion()
    lines = run.get_children_sorted_by_primary_metric()
    assert [(line["best_primary_metric"], line["status"]) for line in lines] == [
        (0.01, "Completed"), (5.0, "Canceled"), (7.0, "Canceled"),
    ]  # fmt: skip
    loser = Run.get(searches.workspace, lines[-1]["run_id"])
    assert loser.properties["terminated_by"] == "BanditPolicy"
    assert loser.properties["terminated_because"] == "loss is 7 against 0.01 of the best after 2 values"
    assert run.get_best_run_by_primary_metric(include_canceled=False).id == lines[0]["run_id"]


@pytest.mark.slow
def test_a_search_whose_leader_is_killed_goes_on_and_begins_nothing_twice(searches, tmp_path):
    sampling = RandomParameterSampling({"--loss": uniform(0.0, 0.04)}, {"seed": 7})
    slow = ENDLESS.replace("if loss", "time.sleep(0.3)\nif loss")
    config = searched(searches, slow, sampling, 6, metric="loss", arguments=[tmp_path], max_concurrent_runs=2)
    run = searches.experiment.submit(config)
    until(lambda: len(list(run.get_children())) >= 2)
    leader(searches).kill()
    run.wait_for_completion()
    assert run.get_status() == "Completed"
    began = {path.name: path.read_text() for path in tmp_path.iterdir() if path.name.startswith(run.id)}
    assert began == {f"{run.id}_{index}": "began " for index in range(6)}
    assert "Taken up again" in searches.log(run, "azureml-logs/hyperdrive.txt")
    again = HyperDriveConfig(sampling, "loss", PrimaryMetricGoal.MAXIMIZE, 6, run_config=config.run_config)
    whole = searches.experiment.submit(again)
    whole.wait_for_completion()
    assert sorted(whole.get_hyperparameters().values()) == sorted(run.get_hyperparameters().values()), (
        "as if uninterrupted"
    )


def test_a_search_that_is_cancelled_or_out_of_time_ends_all_of_its_children(searches, tmp_path):
    sampling = RandomParameterSampling({"--loss": uniform(1, 2)})
    endless = {"metric": "loss", "arguments": [tmp_path]}
    config = searched(searches, ENDLESS, sampling, 8, max_concurrent_runs=2, **endless)
    run = searches.experiment.submit(config)
    config = searched(
        searches, ENDLESS, sampling, 8, max_concurrent_runs=1, max_duration_minutes=0.02, custom_run_id="short", **endless
    )  # fmt: skip
    short = searches.experiment.submit(config)
    until(lambda: [c.status for c in run.get_children()].count("Running") == 2)
    run.cancel()
    short.wait_for_completion()
    assert short.id == "short" and short.get_status() == "Completed"
    assert [child.status for child in short.get_children()] == ["Canceled"]
    run.wait_for_completion()
    assert run.get_status() == "Canceled"
    assert [child.status for child in run.get_children()] == ["Canceled", "Canceled"]


def test_failed_children_do_not_end_a_search_unless_all_do(searches):
    sampling = GridParameterSampling({"--kernel": choice("bad", "good")})
    some = searches.experiment.submit(searched(searches, TRAIN, sampling, 2, arguments=["--rate", 1]))
    bad = GridParameterSampling({"--kernel": choice("bad")})
    none = searches.experiment.submit(searched(searches, TRAIN, bad, 2))
    assert some.wait_for_completion()["status"] == "Completed"
    lines = some.get_children_sorted_by_primary_metric(discard_no_metric=True)
    assert sorted(line["status"] for line in lines) == ["Completed", "Failed"]
    assert some.get_best_run_by_primary_metric(include_failed=False).status == "Completed"
    with pytest.raises(ActivityFailedException, match="a bad kernel"):
        none.wait_for_completion()


def test_a_later_search_builds_upon_an_earlier_one(searches):
    space = {"--kernel": choice("a", "b", "c"), "--rate": uniform(0, 1)}
    first = searches.experiment.submit(searched(searches, TRAIN, BayesianParameterSampling(space, {"seed": 1}), 4))
    first.wait_for_completion()
    best = first.get_best_run_by_primary_metric()
    config = searched(
        searches, TRAIN, BayesianParameterSampling(space, {"seed": 2}), 2, resume_from=[first], resume_child_runs=[best]
    )  # fmt: skip
    second = searches.experiment.submit(config)
    second.wait_for_completion()
    tried = second.get_hyperparameters()
    assert tried[f"{second.id}_0"] == first.get_hyperparameters()[best.id]
    values = [
        line["best_primary_metric"] for run in (first, second) for line in run.get_children_sorted_by_primary_metric()
    ]
    found = second.get_best_run_by_primary_metric()
    assert max(found.get_metrics()["accuracy"]) == max(values)


assert os.name == "posix"
