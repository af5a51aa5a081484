"""What a search may be given, which points it tries, and whom its policies end: without any process."""

import math
import random

import pytest

from jupyter_aml.errors import UserErrorException
from jupyter_aml.jobs.hyperdrive import (
    BanditPolicy,
    BayesianParameterSampling,
    GridParameterSampling,
    HyperDriveConfig,
    HyperDriveConfigException,
    MedianStoppingPolicy,
    NoTerminationPolicy,
    PrimaryMetricGoal,
    RandomParameterSampling,
    TruncationSelectionPolicy,
    choice,
    expressions,
    lognormal,
    loguniform,
    normal,
    policy,
    qloguniform,
    quniform,
    randint,
    space,
    uniform,
)
from jupyter_aml.jobs.hyperdrive.ask import Sampler
from jupyter_aml.jobs.script_config import ScriptRunConfig

POLICIES = [
    BanditPolicy(slack_factor=0.1),
    BanditPolicy(slack_amount=0.2, evaluation_interval=2),
    MedianStoppingPolicy(evaluation_interval=3, delay_evaluation=5),
    TruncationSelectionPolicy(40, 1, 2),
]


def sampler(sampling, *, maximize=True, seed=1):
    return Sampler(sampling.to_json(), maximize=maximize, seed=seed)


def test_distributions_have_the_form_of_the_sdk():
    assert choice("a", "b") == ["choice", [["a", "b"]]] and choice(range(3)) == choice([0, 1, 2]) == [
        "choice",
        [[0, 1, 2]],
    ]
    assert uniform(0, 1) == ["uniform", [0, 1]] and randint(4) == ["randint", [4]]
    assert quniform(1, 9, 2) == ["quniform", [1, 9, 2]] and choice("abc") == ["choice", [["abc"]]]
    for wrong in (
        lambda: choice(), lambda: choice([]), lambda: uniform(1, 1), lambda: uniform("a", 1), lambda: randint(0),
        lambda: quniform(0, 1, 0), lambda: normal(0, -1), lambda: uniform(0, math.nan), lambda: loguniform(0, 1000),
    ):  # fmt: skip
        with pytest.raises(HyperDriveConfigException):
            wrong()


@pytest.mark.parametrize(
    "expression",
    [choice("a", 2, None, True, 1), randint(5), uniform(-2, 3), quniform(1, 100, 8), loguniform(-6, -1),
     qloguniform(0, 5, 2), normal(3, 2), lognormal(0, 1), expressions.qnormal(0, 10, 3), expressions.qlognormal(1, 1, 1)],
)  # fmt: skip
def test_every_value_of_a_distribution_is_found_again_at_its_place(expression):
    (one,) = space.read({"--x": expression})
    low, high = one.bounds
    chance = random.Random(1)
    for _ in range(200):
        at = chance.randint(int(low), int(high)) if one.options is not None else chance.uniform(low, high)
        value = one.value(at)
        assert space.key(one.value(one.at(value))) == space.key(value) or one.value(one.at(value)) == pytest.approx(
            value
        )
    if expression[0] == "loguniform":
        assert one.value(low) == pytest.approx(math.exp(-6)) and one.at(1.0) is None and one.at(-1.0) is None
    if expression[0] == "quniform":
        assert isinstance(one.value(50.3), int) and one.value(50.3) == 48


def test_a_grid_and_chance_try_no_point_of_a_finite_space_twice():
    points = {"--a": choice(1, 2, 3), "--b": choice("x", "y"), "--c": choice(range(5))}
    for sampling in (GridParameterSampling(points), RandomParameterSampling(points), BayesianParameterSampling(points)):
        made = sampler(sampling)
        found = [made.ask() for _ in range(30)]
        assert len({space.key(one) for one in found}) == 30 and made.ask() is None
    assert GridParameterSampling(points).to_json()["parameter_space"]["--b"] == ["choice", [["x", "y"]]]


def test_a_search_that_is_taken_up_again_goes_on_as_it_would_have():
    for kind in (RandomParameterSampling, BayesianParameterSampling):
        sampling = kind({"--x": uniform(0, 1), "--y": choice("a", "b")})
        whole, found = sampler(sampling), []
        for _ in range(24):
            found.append(whole.ask())
            whole.tell(found[-1], found[-1]["--x"])
        later = sampler(sampling)
        for one in found[:16]:
            later.note(one)
            later.tell(one, one["--x"])
        assert later.ask() == found[16]
        assert found[:3] != [sampler(sampling, seed=2).ask() for _ in range(3)]


def test_bayesian_sampling_learns_in_the_direction_of_the_goal():
    sampling = BayesianParameterSampling({"--x": uniform(0, 1)})
    for maximize in (True, False):
        made = sampler(sampling, maximize=maximize)
        found = []
        for _ in range(40):
            values = made.ask()
            found.append(values["--x"])
            made.tell(values, values["--x"])
        later = sum(found[20:]) / 20
        assert later > 0.7 if maximize else later < 0.3


def histories(seed):
    chance = random.Random(seed)
    return {
        f"run{index}": [chance.choice([chance.uniform(-5, 5), 1.0, math.nan]) for _ in range(chance.randint(0, 8))]
        for index in range(chance.randint(1, 9))
    }


@pytest.mark.parametrize("one", POLICIES, ids=repr)
def test_policies_keep_the_best_never_judge_early_and_are_the_same_for_both_goals(one):
    for seed in range(300):
        known = histories(seed)
        for maximize in (True, False):
            mirrored = {run: [-value for value in values] for run, values in known.items()}
            for run, values in known.items():
                why = one.loses(run, known, maximize=maximize)
                if not isinstance(one, BanditPolicy) or one.slack_factor is None:
                    assert bool(why) == bool(one.loses(run, mirrored, maximize=not maximize))
                at = one.due(len(values))
                if why:
                    assert at >= max(1, one.delay_evaluation) and at % one.evaluation_interval == 0
                    peers = [v[:at] for v in known.values() if len(v) >= at]
                    good = max if maximize else min
                    last = isinstance(one, TruncationSelectionPolicy)
                    finite = [v for p in peers for v in ([p[-1]] if last else p) if math.isfinite(v)]
                    mine = [v for v in (values[at - 1 : at] if last else values[:at]) if math.isfinite(v)]
                    assert not finite or good(finite) not in mine, "the best goes on"
    assert not NoTerminationPolicy().loses("run0", {"run0": [1.0]}, maximize=True)
    assert repr(policy.of_json(one.to_json())) == repr(one)


def test_policies_do_what_the_sdk_says_of_them():
    at_ten = {"best": [0.8] * 10, "good": [0.67] * 10, "bad": [0.66] * 10}
    bandit = BanditPolicy(evaluation_interval=10, slack_factor=0.2)  # below 0.8 / 1.2 = 0.6667
    assert [run for run in at_ten if bandit.loses(run, at_ten, maximize=True)] == ["bad"]
    assert not bandit.loses("bad", {**at_ten, "bad": [0.1] * 9}, maximize=True)
    amount = BanditPolicy(slack_amount=0.2)
    assert [run for run in at_ten if amount.loses(run, {**at_ten, "bad": [0.59]}, maximize=True)] == ["bad"]
    median = MedianStoppingPolicy(evaluation_interval=5)
    known = {"a": [1, 2, 3, 4, 5], "b": [2, 2, 2, 2, 2], "c": [1, 1, 1, 1, 1.5]}
    assert [run for run in known if median.loses(run, known, maximize=True)] == ["c"]
    worst = TruncationSelectionPolicy(truncation_percentage=20)
    ten = {f"run{index}": [float(index)] for index in range(10)}
    assert [run for run in ten if worst.loses(run, ten, maximize=True)] == ["run0", "run1"]
    assert [run for run in ten if worst.loses(run, ten, maximize=False)] == ["run8", "run9"]


def test_what_cannot_be_searched_is_refused_with_the_value():
    script, grid = ScriptRunConfig(".", "train.py"), GridParameterSampling({"--x": choice(1)})
    goal = PrimaryMetricGoal.MAXIMIZE
    assert HyperDriveConfig(grid, "m", goal, 5, run_config=script, max_concurrent_runs=9)._search()["at_once"] == 5
    assert PrimaryMetricGoal.from_str("minimize") is PrimaryMetricGoal.MINIMIZE and goal.value == "MAXIMIZE"
    for wrong, said in (
        (lambda: HyperDriveConfig(grid, "m", goal, 5), "either run_config= or estimator="),
        (lambda: HyperDriveConfig(grid, "m", goal, 0, run_config=script), "max_total_runs is a whole number"),
        (lambda: HyperDriveConfig(grid, "m", "MAX", 5, run_config=script), "primary_metric_goal is a PrimaryMetricGoal"),
        (lambda: HyperDriveConfig(grid, "", goal, 5, run_config=script), "primary_metric_name"),
        (lambda: HyperDriveConfig({"--x": 1}, "m", goal, 5, run_config=script), "hyperparameter_sampling is a"),
        (lambda: HyperDriveConfig(grid, "m", goal, 5, run_config=script, pipeline=1), "Pipelines"),
        (lambda: HyperDriveConfig(grid, "m", goal, 5, run_config=script, resume_from=3), "resume_from takes runs"),
        (lambda: HyperDriveConfig(grid, "m", goal, 5, run_config=script, max_duration_minutes=0), "above 0"),
        (lambda: GridParameterSampling({"--x": uniform(0, 1)}), "takes choice only"),
        (lambda: GridParameterSampling({f"--{i}": choice(range(10)) for i in range(6)}), "1,000,000 points"),
        (lambda: RandomParameterSampling({"--x": 3}), "Give a distribution"),
        (lambda: RandomParameterSampling({}), "parameter_space is a dict"),
        (lambda: RandomParameterSampling({"--x": choice(1)}, {"seeds": 1}), "no property 'seeds'"),
        (lambda: BanditPolicy(), "either slack_factor= or slack_amount="),
        (lambda: BanditPolicy(slack_factor=-1), "from 0 on"),
        (lambda: TruncationSelectionPolicy(100), "1 to 99"),
        (lambda: MedianStoppingPolicy(evaluation_interval=0), "evaluation_interval"),
    ):  # fmt: skip
        with pytest.raises(UserErrorException, match=said):
            wrong()
