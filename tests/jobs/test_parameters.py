"""What a parameters cell declares, and what is refused."""

import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_aml.errors import ParameterException
from jupyter_aml.jobs.parameters import check, check_name, declared, read_value

CELL = """
%matplotlib inline
lr = 0.1  # learning rate
epochs: int
name = None  # required: whose data
token = ""  # secret
key: SecretStr = ""
mode: Literal["fast", "slow"] = "fast"
layers = [64, 64]
options = {"a": 1}
verbose = False
ratio: "float | None" = None
a, b = 1, "x"
seed = None  # type: int
folder = some.call()
"""
KNOWN = {p.name: p for p in declared(CELL)}
NEEDED = {"epochs": 3, "name": "x"}


def test_declarations_are_read_with_types_defaults_and_marks():
    assert list(KNOWN) == [
        "lr",
        "epochs",
        "name",
        "token",
        "key",
        "mode",
        "layers",
        "options",
        "verbose",
        "ratio",
        "a",
        "b",
        "seed",
        "folder",
    ]
    assert {n for n, p in KNOWN.items() if p.required} == {"epochs", "name"}
    assert {n for n, p in KNOWN.items() if p.secret} == {"token", "key"}
    assert KNOWN["lr"].help == "learning rate"


@pytest.mark.parametrize(
    "values",
    [
        {"lr": 1}, {"lr": 0.5}, {"token": "t"}, {"mode": "slow"}, {"layers": []}, {"options": {}}, {"verbose": True},
        {"ratio": None}, {"ratio": 2}, {"a": 5}, {"b": "y"}, {"seed": None}, {"seed": 3}, {"folder": object()},
    ],
)  # fmt: skip
def test_values_that_fit_are_taken(values):
    check({**NEEDED, **values}, KNOWN.values())


@pytest.mark.parametrize(
    "values",
    [
        {"lr": "0.1"}, {"lr": True}, {"lr": None}, {"epochs": 1.5}, {"epochs": True}, {"token": 5}, {"mode": "other"},
        {"layers": "64"}, {"options": []}, {"verbose": 1}, {"ratio": "x"}, {"a": "x"}, {"b": 1}, {"seed": "x"},
    ],
)  # fmt: skip
def test_values_of_another_type_are_refused_with_the_list_of_what_is_valid(values):
    with pytest.raises(ParameterException, match=r"takes .* not .*Valid: lr \(float, default 0.1\); epochs"):
        check({**NEEDED, **values}, KNOWN.values())


def test_the_value_of_a_secret_is_not_in_the_error():
    with pytest.raises(ParameterException) as caught:
        check({**NEEDED, "token": 8713999}, KNOWN.values())
    assert "8713999" not in str(caught.value)


def test_unknown_and_missing_parameters_are_refused():
    with pytest.raises(ParameterException, match=r"no parameter 'epoch'. Did you mean 'epochs'\? Valid: lr"):
        check({"epoch": 1}, KNOWN.values())
    with pytest.raises(ParameterException, match="needs a value for 'name'"):
        check({"epochs": 1}, KNOWN.values())
    with pytest.raises(ParameterException, match="no cell tagged 'parameters'"):
        check({"x": 1}, [], has_cell=False)
    check({**NEEDED, "other": 1}, KNOWN.values(), allow_unknown=True)
    check({**NEEDED, "PAPERMILL_INPUT_PATH": "in"}, KNOWN.values())


@pytest.mark.parametrize(
    "name", ["x=1; import os #", "a b", "a\nb", "", "1x", "class", "None", "__name__", "x;", "a.b", "x\0", "é\u200b", 5]
)
def test_names_that_are_code_or_pythons_own_are_refused_even_where_unknown_ones_are_let_through(name):
    with pytest.raises(ParameterException):
        check({name: 1}, [], allow_unknown=True)


@given(st.text(max_size=30) | st.text("abc_=;#\n\t'\"\\()[]{}. 1é\u00aa\ufb01", max_size=12))
def test_a_name_that_is_let_through_assigns_itself_and_nothing_else(name):
    try:
        check_name(name)
    except ParameterException:
        return
    scope = {}
    exec(f"{name} = 42", {"__builtins__": {}}, scope)
    assert len(scope) == 1 and list(scope.values()) == [42]
    assert not keyword.iskeyword(name)


plain = st.integers() | st.floats(allow_nan=False) | st.text() | st.booleans()
anything = st.none() | plain | st.lists(plain) | st.dictionaries(st.text(), plain)


@given(default=plain | st.lists(plain) | st.dictionaries(st.text(), plain), value=anything)
def test_what_fits_is_of_the_type_of_the_default(default, value):
    (parameter,) = declared(f"p = {default!r}\n")
    same = type(value) is type(default) or (type(default) is float and type(value) is int)
    assert parameter.takes.fits(value) == (same or not parameter.takes.kinds)


@given(st.text(max_size=200))
def test_any_text_can_stand_in_the_parameters_cell(source):
    declared(source)


@given(value=st.text())
def test_text_from_a_command_line_stays_text_where_text_is_declared(value):
    assert read_value(value, KNOWN["token"]) == value


def test_command_line_values_are_read_by_declared_type():
    assert read_value("123", KNOWN["b"]) == "123"
    assert read_value("123", KNOWN["lr"]) == 123
    assert read_value("[1, 2]", KNOWN["layers"]) == [1, 2]
    assert read_value('{"a": true}', KNOWN["options"]) == {"a": True}
    assert read_value("true", KNOWN["verbose"]) is True
    assert [read_value(t, None) for t in ("True", "None", "1", "1.5", "x")] == [True, None, 1, 1.5, "x"]


def test_other_languages_get_their_names_checked_and_no_more():
    assert declared("lr <- 0.1", "R") is None
    check({"lr": 1, "data.path": "x"}, None, language="R")
    with pytest.raises(ParameterException):
        check({"lr; system('x')": 1}, None, language="R")
