"""Experiments are archived, come back and are renamed; a name means one of them."""

import pytest

from jupyter_aml import Experiment
from jupyter_aml.errors import UserErrorException


def test_a_new_name_is_kept(experiment) -> None:
    before = experiment.id
    experiment.archive()
    experiment.reactivate(new_name="exp 2")
    assert (experiment.name, experiment.id, experiment.archived_time) == ("exp 2", before, None)


@pytest.mark.parametrize("archived", [False, True])
def test_a_name_that_another_has_is_refused_and_changes_nothing(experiment, archived) -> None:
    workspace = experiment.workspace
    victim = Experiment(workspace, "victim")
    kept = victim.start_logging(snapshot_directory=None)
    kept.complete()
    if archived:
        victim.archive()
    experiment.archive()
    with pytest.raises(UserErrorException, match="'victim'"):
        experiment.reactivate(new_name="victim")
    assert experiment.name == "exp"
    assert experiment.archived_time is not None
    Experiment.delete(workspace, experiment.id)
    assert [run.id for run in victim.get_runs()] == [kept.id]


def test_its_own_name_is_no_other(experiment) -> None:
    experiment.archive()
    experiment.reactivate(new_name="exp")
    assert experiment.archived_time is None


@pytest.mark.parametrize("name", ["", "x" * 256, "a\0", 5])
def test_a_name_that_cannot_be_is_refused_in_english(experiment, name) -> None:
    with pytest.raises(UserErrorException, match=r"^An experiment's name"):
        Experiment(experiment.workspace, name)


def test_tags_are_a_dict(experiment) -> None:
    with pytest.raises(UserErrorException, match="'x'"):
        experiment.set_tags("x")
