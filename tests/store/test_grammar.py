"""Filters as text: what they mean, what is refused, and that nothing of them gets into SQL but as a bound value."""

from __future__ import annotations

import gc
import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite as dialect
from stores import Sender, born, ended, points, sqlite

from jupyter_aml import Experiment, Workspace
from jupyter_aml.errors import FilterException
from jupyter_aml.store import grammar, query
from jupyter_aml.store.grammar import MAX_CONDITIONS, MAX_NESTING, MAX_TEXT, MAX_VALUES, parse, write
from jupyter_aml.store.records import And, Condition, Not, Or, RunQuery
from jupyter_aml.store.sql import pages
from jupyter_aml.tracking.status import NEXT

NOW = 1_800_000_000.0
SLOW_IS_FINE = {"deadline": None, "suppress_health_check": list(HealthCheck)}


# -- reading -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("metrics.acc>0.9", ("metrics.acc", ">", 0.9)), ("metrics.acc == -1e-3", ("metrics.acc", "=", -1e-3)),
        ('metrics."val/acc (top 5)" < 1', ("metrics.val/acc (top 5)", "<", 1)), ("metrics.val/acc.max<1", ("metrics.val/acc.max", "<", 1)),
        ('metrics."a b".max >= 1', ("metrics.a b.max", ">=", 1)), ('metrics."loss.min" = 1', ("metrics.loss.min.last", "=", 1)),
        ('params."a.b" != "say ""hi"""', ("params.a.b", "!=", 'say "hi"')), ("tags.a='it''s'", ("tags.a", "=", "it's")),
        ("params.flag = TRUE", ("params.flag", "=", True)), ("params.x = 007", ("params.x", "=", 7)), ('params.x = "007"', ("params.x", "=", "007")),
        ("id = 0190ab", ("id", "=", "0190ab")), ("name = 12", ("name", "=", "12")), ("type=aml.cell", ("type", "=", "aml.cell")),
        ("user = ann@example.org", ("user", "=", "ann@example.org")), ("name CONTAINS 7", ("name", "contains", "7")),
        ("ended IS Null", ("ended", "=", None)), ("tags.k is not null", ("tags.k", "!=", None)),
        ("status in (Failed, 'Canceled')", ("status", "in", ("Failed", "Canceled"))), ("status = completed", ("status", "=", "Completed")),
        ("status in (FAILED, notstarted, odd)", ("status", "in", ("Failed", "NotStarted", "odd"))), ("name = failed", ("name", "=", "failed")), ("number in (1)", ("number", "in", (1,))),
        ("created > 1970-01-02", ("created", ">", 86400.0)), ("created > 1970-01-01T01:00", ("created", ">", 3600.0)),
        ("created > 1970-01-01T01:00:30.25Z", ("created", ">", 3630.25)), ("created > 1970-01-01T01:00+01:00", ("created", ">", 0.0)),
        ('created > "1970-01-01 00:00 "', None), ('created > "1970-01-01 00:01"', ("created", ">", 60.0)), ("created > 5", ("created", ">", 5)),
        ("started > ago(90m)", ("started", ">", NOW - 5400)), ("started > AGO( 2h )", ("started", ">", NOW - 7200)),
        ("started > ago(3d)", ("started", ">", NOW - 3 * 86400)), ("started > ago(1w)", ("started", ">", NOW - 7 * 86400)),
        ("duration > 90s", ("duration", ">", 90.0)), ("duration<1.5h", ("duration", "<", 5400.0)), ("duration > 3", ("duration", ">", 3)),
    ],
)  # fmt: skip
def test_a_condition_is_read(text, condition):
    if condition is None:
        with pytest.raises(FilterException):
            parse(text)
    else:
        assert parse(text, NOW) == Condition(*condition)


def test_and_binds_tighter_than_or_and_not_tighter_than_both():
    a, b, c, d = (Condition("tags.x", "=", name) for name in "abcd")
    named = "tags.x=a OR tags.x=b And not tags.x=c or (tags.x=a or tags.x=b) and not not tags.x=d"
    assert parse(named) == Or((a, And((b, Not(c))), And((Or((a, b)), Not(Not(d))))))
    assert parse("tags.x not in (a) and tags.x not contains b") == And(
        (Not(Condition("tags.x", "in", ("a",))), Not(Condition("tags.x", "contains", "b")))
    )


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("", 0, "expected a condition"), ("metrics.x > 1 OR 1=1", 17, "no field '1'"), ("metrics.x > 'a", 12, "quote that is not closed"),
        ("statsu = Failed", 0, "Did you mean status?"), ("accuracy > 1", 0, "Did you mean metrics.accuracy?"),
        ("params.lr = null", 12, "Write: params.lr is null."), ("name = Run 3", 11, "need quotes"), ("(name = a", 9, "or ')'"),
        ("name = a)", 8, "or the end"), ("metrics.x ~ 3", 10, "expected an operator"), ("metrics.x > much", 12, "expected a number"),
        ("metrics.x.max = a", 16, "expected a number"), ("metrics.x contains a", 10, "looks in texts"), ("created = now", 10, "expected a time"),
        ("created > 2026-02-30", 10, "is no time"), ("created > ago(soon)", 14, "such as 90m"), ("metrics. > 1", 0, "expected a name"),
        ('params."a".b = 1', 10, "expected an operator"), ('metrics."a".b = 1', 11, ".min"), ("status in Failed", 10, "expected '('"),
        ("status in ()", 11, "expected a text"), ("status in (a b)", 13, "',' or ')'"), ("name = and", 7, "expected a text"),
        ("a = 1; DROP TABLE run", 0, "no field 'a'"), ("number = 1; DROP TABLE run", 10, "found ';'"), ("params.x < true", 11, "only equal or not"),
        ("number = " + "9" * 400, 9, "too big"), ("name is absent", 8, "'null'"), ("name not = a", 9, "'in' or 'contains'"), ('"name" = a', 0, "Quotes stand behind"),
    ],
)  # fmt: skip
def test_an_error_says_where_and_what_was_expected(text, place, said):
    with pytest.raises(FilterException, match="The filter cannot be read") as refused:
        parse(text)
    message, line, caret = refused.value.message.split("\n")
    assert said in message
    assert f"character {place + 1}:" in message
    assert refused.value.details["position"] == place
    assert caret.endswith("^")
    assert line[len(caret) - 1 :][:1] == text[place : place + 1]


def test_the_examples_of_the_documentation_are_read():
    page = (Path(__file__).parents[2] / "docs" / "filters.md").read_text(encoding="utf-8")
    examples = page.split("## Examples")[1].split("```")[1].strip().splitlines()
    assert len([parse(example) for example in examples]) >= 5
    for field in grammar.FIELDS:
        assert field.partition(".")[0] in page


# -- limits ------------------------------------------------------------------------------------------------------
def steps(text):
    """(calls that reading a text takes, Python's and C's; what it is refused with)"""
    count, said = 0, ""

    def counted(frame, event, what):
        nonlocal count
        count += event in ("call", "c_call")

    gc.disable()  # what others do when garbage is collected would be counted, too
    sys.setprofile(counted)
    try:
        parse(text)
    except FilterException as error:
        said = error.message
    finally:
        sys.setprofile(None)
        gc.enable()
    return count, said


@pytest.mark.parametrize(
    "text",
    [
        "x" * 1_000_000, "(" * 1_000_000, '"' * 1_000_001, "name in (" + "1," * 50_000 + "1)", "not " * 250_000, " " * (MAX_TEXT + 1),
    ],
)  # fmt: skip
def test_a_text_that_is_too_long_is_not_even_looked_at(text):
    count, said = steps(text)
    assert f"at most {MAX_TEXT:,}" in said
    assert len(said) < 200
    assert count < 10


@pytest.mark.parametrize(
    ("part", "limit"),
    [
        ("name = a or ", MAX_CONDITIONS), ("(", MAX_NESTING), ("not ", MAX_NESTING), ("not(", MAX_NESTING),
        ("name in (" + "1," * 1500, MAX_VALUES),
    ],
)  # fmt: skip
def test_more_than_the_limit_is_refused(part, limit):
    with pytest.raises(FilterException, match=f"more than {limit:,}"):
        parse((part * MAX_TEXT)[:MAX_TEXT])


@pytest.mark.parametrize("part", ["tags.x = 1 and ", "tags.x = '''' or ", 'not tags."a""b" in (1, 2) and '])
def test_reading_takes_steps_by_the_length(part):
    few, many = (steps(part * count + "name = a")[0] for count in (40, 400))
    assert many < 11 * few


def test_the_largest_filters_are_answered(runs):
    wide = "number in (" + ", ".join(map(str, range(MAX_VALUES))) + ")"
    deep = "(number = 1 or number = 2 and not " * (MAX_NESTING // 2) + "number = 3" + ")" * (MAX_NESTING // 2)
    nots = (
        "not (metrics.loss > 1 and tags.kind = mlp or " * (MAX_NESTING // 2)
        + "params.lr < 1"
        + ")" * (MAX_NESTING // 2)
    )
    some = [Condition("metrics.loss", ">", i) for i in range(MAX_CONDITIONS)]
    everyone = runs.runs(RunQuery(everywhere=True, with_metrics=True)).runs
    for tree in (parse(wide), parse(deep), parse(nots), And(tuple(some)), Or(tuple(map(Not, some)))):
        assert selected(runs, tree) == {run.id for run in everyone if holds(tree, run)}


# -- writing -----------------------------------------------------------------------------------------------------
WORDS = st.one_of(
    st.text(max_size=12), st.sampled_from(["a.b", "x.min", '"', "''", "null", "not", "1e5", "…", "a\nb", "."])
)
NUMBERS = st.one_of(st.integers(-(2**70), 2**70), st.floats(allow_nan=False))
COMPARED = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])


@st.composite
def conditions(draw):
    """Any condition that the grammar knows."""
    kind = draw(st.sampled_from(["text", "number", "metric", "attribute"]))
    if kind == "text":
        field, values = draw(st.sampled_from(grammar.TEXT_FIELDS)), WORDS
    elif kind == "number":
        field, values = draw(st.sampled_from([*grammar.TIME_FIELDS, *grammar.NUMBER_FIELDS])), NUMBERS
    else:
        space = "metrics" if kind == "metric" else draw(st.sampled_from(grammar.ATTRIBUTE_SPACES))
        name = draw(WORDS.filter(bool))
        field = f"{space}.{name}"
        values = NUMBERS if kind == "metric" else st.one_of(NUMBERS, WORDS)
    what = draw(st.sampled_from(["compare", "in", "null", "contains", "bool", "words"]))
    if what == "in":
        return Condition(field, "in", tuple(draw(st.lists(values, min_size=1, max_size=4))))
    if what == "null":
        return Condition(field, draw(st.sampled_from(["=", "!="])), None)
    if what == "contains" and kind in ("text", "attribute"):
        return Condition(field, "contains", draw(WORDS))
    if what == "bool" and kind == "attribute":
        return Condition(field, draw(st.sampled_from(["=", "!="])), draw(st.booleans()))
    if what == "words" and kind == "metric" and not field.endswith((".min", ".max")):
        return Condition(field, "=", draw(WORDS))
    return Condition(field, draw(COMPARED), draw(values))


def trees(leaves):
    def grown(inner):
        some = st.lists(inner, min_size=2, max_size=4).map(tuple)
        return st.one_of(inner.map(Not), some.map(And), some.map(Or))

    return st.recursive(leaves, grown, max_leaves=12)


@settings(**SLOW_IS_FINE)
@given(trees(conditions()))
def test_a_filter_that_is_written_is_read_as_it_was(tree):
    assert parse(write(tree)) == tree


@pytest.mark.parametrize("tree", [And(()), Condition("name", "in", (None,)), Condition("metrics.x", "=", math.nan)])
def test_what_no_text_says_is_not_written(tree):
    with pytest.raises(FilterException, match="cannot be written"):
        write(tree)


# -- meaning -----------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Runs that differ in everything that can be asked for."""
    store = sqlite(tmp_path_factory.mktemp("workspace"))
    send = Sender(store)
    for i in range(9):
        send(born(f"r{i}", "even" if i % 2 == 0 else "odd", name=["Wide", "wide net", "50%", "a_b", ""][i % 5], user=["ann", "bob"][i % 2],
                  type=["aml.cell", "aml.interactive"][i % 2], parent="r0" if i == 5 else None, created=100.0 + i,
                  started=None if i == 7 else 100.0 + i, status="NotStarted" if i == 7 else "Running",
                  params=[{"lr": i / 10, "opt": "adam"}, {"lr": "0.1", "opt": None, "flag": True}, {"flag": False, "opt": [1]}][i % 3],
                  tags=[{}, {"kind": "mlp"}, {"kind": None}, {"kind": "10"}][i % 4], properties={"p q": str(i)}))  # fmt: skip
        if i != 3:
            send(points(f"r{i}", "loss", [float(i), [1.0, math.nan, math.inf, -0.5][i % 4]]))
        if i % 3 == 0:
            send(points(f"r{i}", "val/acc (top 5)", [0.1 * i]), points(f"r{i}", "stage", ["warm", "hot"][: 1 + i % 2]))
    send(ended("r0", at=110.0), ended("r1", "Failed", at=104.0), ended("r2", "Canceled", at=103.0))
    yield store
    store.close()


def selected(store, tree):
    return {run.id for run in store.walk(RunQuery(where=[tree], everywhere=True))}


def told(field, run):
    """(is it there, as a number, as a text) of a field of a run."""
    if field == "duration":
        value = run.ended - run.started if run.ended is not None and run.started is not None else None
        return value is not None, value, None
    space, dot, name = field.partition(".")
    if not dot:
        value = getattr(run, field)
        return value is not None, *((None, value) if field in grammar.TEXT_FIELDS else (value, None))
    if space == "metrics":
        name, suffix = grammar.split_metric(name)
        metric = run.metrics.get(name)
        value = getattr(metric, suffix[1:] or "last", None)
        number = value if isinstance(value, (int, float)) and value == value else None
        there = number is not None if suffix in (".min", ".max") else metric is not None
        return there, number, value if isinstance(value, str) else None
    value = getattr(run, space).get(name)
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = None
    return value is not None, number, value if value is None or isinstance(value, str) else json.dumps(value)


def holds(tree, run):
    """What a filter means, in plain Python."""
    if isinstance(tree, Not):
        return not holds(tree.part, run)
    if isinstance(tree, (And, Or)):
        return (all if isinstance(tree, And) else any)(holds(part, run) for part in tree.parts)
    field, op, value = tree.field, tree.op, tree.value
    if op == "in":
        return any(holds(Condition(field, "=", one), run) for one in value)
    if op == "!=":
        return not holds(Condition(field, "=", value), run)
    there, number, text = told(field, run)
    if value is None:
        return not there
    if isinstance(value, bool):
        value = json.dumps(value)
    mine = text if isinstance(value, str) else number
    if mine is None:
        return False
    if op == "contains":
        return value.lower() in mine.lower()
    return {"=": mine == value, "<": mine < value, "<=": mine <= value, ">": mine > value, ">=": mine >= value}[op]


@st.composite
def questions(draw):
    """Conditions that some of the runs meet."""
    texts = st.sampled_from(
        [
            "Wide",
            "wide",
            "50%",
            "_",
            "",
            "ann",
            "Failed",
            "Running",
            "even",
            "r0",
            "mlp",
            "10",
            "0.1",
            "true",
            "[1]",
            "hot",
        ]
    )
    numbers = st.sampled_from([0, 0.1, 1, 2, 3.0, 8, 10, 103.5, 105, -0.5, math.inf, -math.inf])
    textual = st.sampled_from(["status", "type", "name", "user", "id", "parent", "experiment"])
    numeric = st.sampled_from(
        ["created", "started", "ended", "duration", "number", "metrics.loss", "metrics.loss.min", "metrics.loss.max",
         "metrics.val/acc (top 5)", "metrics.stage", "metrics.none"]
    )  # fmt: skip
    either = st.sampled_from(["params.lr", "params.opt", "params.flag", "tags.kind", "properties.p q", "tags.none"])
    fields, values = draw(
        st.sampled_from([(textual, texts), (numeric, numbers), (either, st.one_of(texts, numbers, st.booleans()))])
    )
    field, op = (
        draw(fields),
        draw(st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "in", "null", "contains", "stage"])),
    )
    if op == "in":
        return Condition(field, "in", tuple(draw(st.lists(values, min_size=1, max_size=4))))
    if op == "null":
        return Condition(field, draw(st.sampled_from(["=", "!="])), None)
    if op == "contains" and fields is not numeric:
        return Condition(field, "contains", draw(texts))
    if op == "stage":
        return Condition("metrics.stage", draw(st.sampled_from(["=", "!="])), draw(texts))
    value = draw(values)
    if isinstance(value, bool) or op == "contains":
        op = "="
    return Condition(field, op, value)


@settings(**SLOW_IS_FINE, max_examples=200)
@given(trees(questions()))
def test_a_filter_selects_the_runs_of_which_it_holds(runs, tree):
    everyone = runs.runs(RunQuery(everywhere=True, with_metrics=True)).runs
    assert len(everyone) == 9
    assert selected(runs, parse(write(tree))) == {run.id for run in everyone if holds(tree, run)}


@pytest.mark.parametrize("name", [*NEXT])
def test_a_status_is_found_however_its_name_is_written(name):
    ways = [
        query.compiled([parse(text)])[0]
        for text in (f"status = {name}", f"status = {name.lower()}", f"status = {name.upper()}")
    ]
    assert {str(way.compile(compile_kwargs={"literal_binds": True})) for way in ways} == {f"run.status = '{name}'"}


def test_statuses_in_small_letters_select_the_same_runs(runs):
    assert selected(runs, parse("status = running")) == selected(runs, parse("status = Running")) != set()
    assert selected(runs, parse("status in (FAILED, running)")) == selected(runs, parse("status in (Failed, Running)"))


def test_a_page_is_the_same_whichever_way_it_is_found(runs, monkeypatch):
    questions = [
        "params.lr = 0.1",
        "params.lr > 0 and metrics.loss < 5",
        "not tags.kind = hot",
        "metrics.loss.min < 3 or params.opt = adam",
    ]
    orders = ["created", "metrics.loss", "metrics.loss.max", "params.lr", "name", "duration"]

    def answers():
        found = []
        for text in questions:
            for order in orders:
                for descending in (True, False):
                    asked = RunQuery(
                        everywhere=True, where=[parse(text)], order_by=order, descending=descending, limit=2
                    )
                    ids, page = [], runs.runs(asked)
                    while page.next:
                        ids += [run.id for run in page.runs]
                        page = runs.runs(replace(asked, cursor=page.next))
                    found.append([*ids, *(run.id for run in page.runs)])
        return found

    sorted_at_once = answers()
    assert any(len(ids) > 2 for ids in sorted_at_once)
    monkeypatch.setattr(pages, "way", lambda *_: pages.Way())
    assert answers() == sorted_at_once
    monkeypatch.setattr(pages, "PROBES", 0)
    assert answers() == sorted_at_once


# -- hostile texts -----------------------------------------------------------------------------------------------
PIECES = [
    "metrics.loss", "params.lr", "tags.kind", "name", "created", "duration", "number", "nope", 'metrics."a b"', ".min", "and", "or", "not", "in",
    "contains", "is", "null", "true", "ago(2d)", "ago", "5m", "2026-11-01", "2026-13-99T99:99", "1", "-1e5", "1e999", "inf", "nan", '"', "'", "''",
    "(", ")", ",", "=", "==", "!=", "<", ">=", "--", ";", "\0", "\n", "\ud800", "\u202e", "%", "\\", "OR 1=1", "'; DROP TABLE run;--", "é",
]  # fmt: skip


@settings(**SLOW_IS_FINE, max_examples=300)
@given(
    st.one_of(
        st.text(),
        st.lists(st.sampled_from(PIECES), max_size=14).flatmap(lambda p: st.sampled_from([" ".join(p), "".join(p)])),
    )
)
def test_any_text_is_refused_as_a_filter_or_is_one(runs, text):
    try:
        tree = parse(text, NOW)
    except FilterException as error:
        assert all(line.isprintable() for line in error.message.split("\n"))
        return
    assert parse(write(tree)) == tree
    runs.runs(RunQuery(where=[tree]))


@settings(**SLOW_IS_FINE)
@given(trees(conditions()), st.data())
def test_a_filter_with_a_piece_changed_is_refused_or_is_one(tree, data):
    text = write(tree)
    at = data.draw(st.integers(0, len(text)))
    changed = text[:at] + data.draw(st.sampled_from(PIECES)) + text[at + data.draw(st.integers(0, 3)) :]
    try:
        found = parse(changed, NOW)
    except FilterException:
        return
    assert parse(write(found)) == found


@pytest.mark.parametrize(
    "text",
    [
        "params.zqz = zqz", 'params."zqz\'; --" contains "zqz%"', "tags.zqz in (zqz, 1)", "metrics.zqz > 123456", 'metrics."zqz".min <= 123456',
        "metrics.zqz = zqz", "metrics.zqz in (zqz, 123456)", "name = zqz", "name contains 'zqz'", "name in (zqz, zqz2)", "experiment < zqz",
        "created > 123456", "number in (123456, 1)", "properties.zqz is null", "metrics.zqz is not null", "not status in ('zqz')",
    ],
)  # fmt: skip
def test_what_was_said_reaches_the_database_as_a_bound_value(runs, text):
    (condition,) = query.compiled([parse(text)])
    sql = condition.compile(dialect=dialect.dialect(), compile_kwargs={"render_postcompile": True})
    assert "zqz" not in str(sql) and "123456" not in str(sql)
    assert any("zqz" in str(value) or value == 123456 for value in sql.params.values())
    selected(runs, parse(text))


# -- the SDK -----------------------------------------------------------------------------------------------------
def test_an_experiments_runs_are_filtered():
    experiment = Experiment(Workspace.default(), "e")
    for i in range(3):
        run = experiment.start_logging(snapshot_directory=None, outputs=None, tags={"even": i % 2 == 0})
        run.log("acc", i / 10)
        run.complete()
    found = [run.get_metrics("acc")["acc"] for run in experiment.get_runs(filter="metrics.acc >= 0.1")]
    assert found == [0.2, 0.1]
    assert len(list(experiment.get_runs(tags={"even": "True"}, filter="metrics.acc < 0.2"))) == 1
    with pytest.raises(FilterException, match="expected a number"):
        experiment.get_runs(filter="metrics.acc > high")
