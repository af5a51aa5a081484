"""What may be logged under one name, and what is refused by name."""

import numpy as np
import pytest

from jupyter_aml import Run
from jupyter_aml.errors import UserErrorException

WAYS = {
    "scalar": lambda run: run.log("m", 1.0),
    "list": lambda run: run.log_list("m", [1, 2]),
    "table": lambda run: run.log_table("m", {"x": [1, 2]}),
    "row": lambda run: run.log_row("m", x=3),
    "matrix": lambda run: run.log_confusion_matrix("m", {"schema_type": "confusion_matrix", "data": {"matrix": [[1]]}}),
}


@pytest.mark.parametrize("second", ["scalar", "list", "table", "matrix"])
@pytest.mark.parametrize("first", ["scalar", "list", "table", "matrix"])
def test_a_name_stands_for_one_kind(experiment, first, second) -> None:
    run = experiment.start_logging(snapshot_directory=None)
    WAYS[first](run)
    if first == second:
        WAYS[second](run)
        return
    before = run.get_metrics()
    with pytest.raises(UserErrorException, match=r"'m'.*Choose another"):
        WAYS[second](run)
    assert run.get_metrics() == before


def test_rows_and_tables_go_together(experiment) -> None:
    run = experiment.start_logging(snapshot_directory=None)
    WAYS["table"](run)
    WAYS["row"](Run(experiment, run.id))
    assert run.get_metrics() == {"m": {"x": [1, 2, 3]}}


def test_what_was_refused_does_not_take_the_name(experiment) -> None:
    run = experiment.start_logging(snapshot_directory=None)
    with pytest.raises(UserErrorException, match="log_list"):
        run.log("m", [1, 2])
    with pytest.raises(UserErrorException):
        run.log_image("m", path="nothing.png")
    run.log_list("m", [1, 2])
    assert run.get_metrics() == {"m": [1, 2]}


@pytest.mark.parametrize(
    ("kind", "values", "shown"),
    [
        ("table", [{"x": 1}, 4.0], [{"x": 1}, 4.0]),
        ("image", [{"path": "a.png"}, 4.0], [{"path": "a.png"}, 4.0]),
        ("image", [{"path": "a.png"}, {"x": 1}], [{"path": "a.png"}, {"x": 1}]),
        ("scalar", [4.0, {"x": 1}], [4.0, {"x": 1}]),
    ],
)
def test_kinds_that_processes_mixed_are_read_all_the_same(experiment, kind, values, shown) -> None:
    from jupyter_aml.store.events import NO_STEP, Points

    run = experiment.start_logging(snapshot_directory=None)
    run.log("other", 1.0)
    for value in values:  # as processes do that know nothing of each other
        experiment.workspace.connection.write(
            Points(run=run.id, name="m", kind=kind, steps=[NO_STEP], times=[1.0], values=[value])
        )
    assert run.get_metrics() == {"other": 1.0, "m": shown}


@pytest.mark.parametrize("value", [1.0, 1, 2**70, "text"])
@pytest.mark.parametrize("step", [1.5, "x", 2**70, -(2**70), float("nan"), float("inf"), [1], 1j])
def test_a_step_that_is_no_whole_number_is_refused(experiment, value, step) -> None:
    run = experiment.start_logging(snapshot_directory=None)
    run.log("m", value)
    with pytest.raises(UserErrorException, match=r"'m'.*step"):
        run.log("m", value, step=step)
    assert run.get_metrics() == {"m": value}


@pytest.mark.parametrize("step", [3, 3.0, np.int64(3), np.float32(3), np.array(3)])
def test_whole_numbers_of_any_type_are_steps(experiment, step) -> None:
    run = experiment.start_logging(snapshot_directory=None)
    for name, value in {"float": 1.0, "int": 1, "large": 2**70, "text": "x"}.items():
        run.log(name, value, step=step)
    store = experiment.workspace.connection.store
    assert {name: list(store.series(run.id, name).steps) for name in run.get_metrics()} == {
        "float": [3], "int": [3], "large": [3], "text": [3],
    }  # fmt: skip


@pytest.mark.parametrize("name", [["a"], {}, 5, None])
def test_a_name_that_is_no_text_is_refused(experiment, name) -> None:
    run = experiment.start_logging(snapshot_directory=None)
    for log in (run.log, run.log_list):
        with pytest.raises(UserErrorException, match="A metric's name is text"):
            log(name, 1 if log == run.log else [1])


@pytest.mark.parametrize("value", [{1, 2}, b"x", object()])
def test_a_document_with_something_else_in_it_is_refused(experiment, value) -> None:
    run = experiment.start_logging(snapshot_directory=None)
    document = {"schema_type": "confusion_matrix", "data": {"class_labels": value, "matrix": [[True, np.int64(1)]]}}
    with pytest.raises(UserErrorException, match=f"'m'.*{type(value).__name__}"):
        run.log_confusion_matrix("m", document)


def test_nothing_at_all_is_said_to_be_nothing(experiment, caplog) -> None:
    run = experiment.start_logging(snapshot_directory=None)
    run.log_list("empty list", [])
    run.log_table("empty table", {"x": []})
    run.log("empty list", 1)
    assert run.get_metrics() == {"empty list": 1}
    assert "'empty list'" in caplog.text
    assert "'empty table'" in caplog.text
