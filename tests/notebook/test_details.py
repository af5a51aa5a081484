"""RunDetails: live in a kernel, a picture elsewhere."""

import math
import re
import xml.etree.ElementTree as xml

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from jupyter_aml import Experiment, RunDetails, UserErrorException, Workspace
from jupyter_aml.notebook import chart, sections
from jupyter_aml.notebook.details import TAIL, Details
from jupyter_aml.store.events import TextLogged
from jupyter_aml.store.records import Sampled
from jupyter_aml.tracking import html
from jupyter_aml.tracking.offline import OfflineRun

WIDGET = "application/vnd.jupyter.widget-view+json"
START = (
    "from jupyter_aml import Experiment, RunDetails, Workspace\n"
    "import time\n"
    "from jupyter_aml.notebook import follow\n"
    "run = Experiment(Workspace.default(), 'live').start_logging(snapshot_directory=None, display_name='shown')\n"
    "run.log('loss', 1.0)\n"
)
ENDED = "for f in list(follow._following): f.join(20)\nprint([f.is_alive() for f in follow._following])"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Experiment(Workspace.default(), "details").start_logging(snapshot_directory=None, display_name="one")


def shown(run):
    return Details(run._connection, run.id).read()


# -- in a kernel -------------------------------------------------------------------------------------------------------
def test_a_running_run_is_followed_by_a_widget_and_stays_as_html(kernel) -> None:
    reply, _ = kernel(START + "RunDetails(run).show()")
    assert reply["status"] == "ok", reply
    (bundle,) = kernel.bundles()
    assert WIDGET in bundle and "Running" in bundle["text/html"] and "loss" in bundle["text/html"]
    kernel(
        "run.log('loss', 0.5); run.log('loss', 0.25)\n"
        "follower = follow._following[-1]\n"
        "end = time.monotonic() + 30\n"
        "while '>0.25<' not in follower._sections['metrics'] and time.monotonic() < end: time.sleep(0.02)\n"
        "with follower._telling: pass"
    )
    assert "polyline" in kernel.states() and ">0.25<" in kernel.states()
    assert kernel.bundles("update_display_data") == []
    _, text = kernel("run.complete()\n" + ENDED)
    assert text.strip() == "[False]"
    (last,) = kernel.bundles("update_display_data")
    assert WIDGET not in last
    assert "Completed" in last["text/html"] and "polyline" in last["text/html"] and "as of" not in last["text/html"]


def test_a_run_of_another_process_is_followed(kernel, run) -> None:
    run.flush()
    reply, _ = kernel(
        "from jupyter_aml import RunDetails, Run, Workspace\nfrom jupyter_aml.notebook import follow\n"
        f"RunDetails(Run.get(Workspace.default(), {run.id!r})).show()"
    )
    assert reply["status"] == "ok", reply
    child = run.child_run("fold 1")
    child.complete()
    run.fail("it went wrong")
    run._connection.flush()
    kernel(ENDED)
    (last,) = kernel.bundles("update_display_data")
    assert "it went wrong" in last["text/html"] and "fold 1" in last["text/html"]


def test_an_ended_run_is_html_at_once(kernel) -> None:
    kernel(START + "run.complete()\nRunDetails(run).show()\nprint(len(follow._following))")
    (bundle,) = kernel.bundles()
    assert WIDGET not in bundle and "Completed" in bundle["text/html"]


def test_without_ipywidgets_it_is_html_that_follows(kernel) -> None:
    kernel("import sys; sys.modules['ipywidgets'] = None\n" + START + "RunDetails(run).show()")
    (bundle,) = kernel.bundles()
    assert WIDGET not in bundle and "Running" in bundle["text/html"] and "as of" in bundle["text/html"]
    kernel("run.complete()\n" + ENDED)
    assert "Completed" in kernel.bundles("update_display_data")[-1]["text/html"]


def test_a_deleted_run_ends_its_display(kernel) -> None:
    kernel(START + "RunDetails(run).show()\nrun._life.end()")
    kernel(
        "from jupyter_aml.store.events import ExperimentDeleted\n"
        "run._connection.write(ExperimentDeleted(name='live', at=time.time()))\n" + ENDED
    )
    assert "was deleted" in kernel.bundles("update_display_data")[-1]["text/html"]


def test_a_cell_executed_again_and_again_does_not_pile_up_followers(kernel) -> None:
    _, text = kernel(
        START + "for _ in range(9): RunDetails(run).show()\n"
        "end = time.monotonic() + 30\n"
        "while sum(f.is_alive() for f in follow._following) > follow.MOST and time.monotonic() < end: time.sleep(0.05)\n"
        "print(sum(f.is_alive() for f in follow._following), follow.MOST)"
    )
    alive, most = text.split()
    assert alive == most


def test_a_store_that_cannot_be_read_for_a_while_does_not_end_it(kernel) -> None:
    kernel(
        START + "details = RunDetails(run)\ndetails.show()\nfollower = follow._following[-1]\n"
        "store = type(run._connection.store)\nreal = store.last_change\nasked = []\n"
        "def busy(self):\n    asked.append(1)\n    raise OSError('busy')\n"
        "store.last_change = busy\n"
        "while not asked: time.sleep(0.05)\n"
        "store.last_change = real\nrun.complete()\n" + ENDED
    )
    assert "Completed" in kernel.bundles("update_display_data")[-1]["text/html"]


def test_a_kernel_that_is_shut_down_leaves_html_that_says_of_when_it_is(kernel) -> None:
    kernel(START + "RunDetails(run).show()")
    kernel.client.shutdown()
    while True:
        message = kernel.client.get_iopub_msg(timeout=30)
        if message["msg_type"] == "update_display_data":
            break
    bundle = message["content"]["data"]
    assert WIDGET not in bundle and "Running" in bundle["text/html"] and "as of" in bundle["text/html"]


def test_an_executed_notebook_holds_the_end_of_the_run_as_html(tmp_path, home) -> None:
    nb = new_notebook(
        cells=[new_code_cell(START + "RunDetails(run).show()"), new_code_cell("run.fail('too hot')\n" + ENDED)]
    )
    NotebookClient(nb, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    (output,) = nb.cells[0].outputs
    assert WIDGET not in output.data and "too hot" in output.data["text/html"]
    assert output.data["text/plain"] == "RunDetails(shown: Failed)"


# -- without a kernel --------------------------------------------------------------------------------------------------
def test_without_a_kernel_it_prints_one_line(run, capsys) -> None:
    RunDetails(run).show()
    assert capsys.readouterr().out == "RunDetails(one: Running)\n"


def test_render_lib_is_given_html(run) -> None:
    given_html = []
    RunDetails(run).show(render_lib=given_html.append)
    assert "one" in given_html[0] and given_html[0].startswith("<style>")
    with pytest.raises(UserErrorException, match="render_lib"):
        RunDetails(run).show(render_lib="html")


def test_what_is_no_run_is_refused_and_an_offline_run_says_so(capsys) -> None:
    with pytest.raises(UserErrorException, match="takes a run, not 'x'"):
        RunDetails("x")
    details = RunDetails(OfflineRun())
    assert "offline" in details._repr_html_()
    details.show()
    assert "Offline" in capsys.readouterr().out
    assert details.get_widget_data()["status"] == "Running"


def test_widget_data_has_the_sdks_shape(run) -> None:
    run.log("loss", 0.5)
    run.log("loss", 0.25)
    run._connection.write(TextLogged(run=run.id, path="logs/driver.txt", text="hello\n", at=1.0))
    child = run.child_run("fold")
    child.log("auc", 0.9)
    child.complete()
    run.complete()
    details = RunDetails(run)
    data = details.get_widget_data({"childWidgetDisplay": "popup"})
    assert data["status"] == "Completed" and data["run_id"] == run.id and data["loading"] is False
    assert data["run_metrics"] == [
        {"name": "loss", "run_id": run.id, "categories": [0, 1], "series": [{"data": [0.5, 0.25]}]}
    ]
    assert data["run_logs"] == "hello\n"
    assert [c["run_id"] for c in data["child_runs"]] == [child.id]
    assert data["children_metrics"] == {child.id: {"auc": 0.9}}
    assert data["run_properties"]["log_files"] == {"logs/driver.txt": ""}
    assert data["widget_settings"] == {"childWidgetDisplay": "popup"}


def test_each_kind_of_metric_has_its_form(run) -> None:
    run.log("accuracy", 0.5)
    run.log("note", "fine")
    run.log_list("curve", [1, 2, 3])
    run.log_row("scores", fold=1, auc=0.75)
    run.log_confusion_matrix(
        "matrix",
        {"schema_type": "confusion_matrix", "data": {"class_labels": ["cat", "dog"], "matrix": [[7, 1], [2, 9]]}},
    )
    metrics = shown(run)["metrics"]
    assert "accuracy" in metrics and "fine" in metrics
    assert len(re.findall("<svg", metrics)) == 1
    assert "auc" in metrics and "0.75" in metrics
    assert "cat" in metrics and ">9<" in metrics


def test_images_are_shown_by_their_metrics_name_unless_they_are_large(run, tmp_path) -> None:
    small = b'<svg xmlns="http://www.w3.org/2000/svg"/>'
    (tmp_path / "small.svg").write_bytes(small)
    (tmp_path / "large.png").write_bytes(b"\x89PNG" + b"x" * 2_000_000)
    run.log_image("my plot", path=tmp_path / "small.svg")
    run.upload_file("outputs/large.png", tmp_path / "large.png")
    images = shown(run)["images"]
    assert images.count("<img") == 1 and "data:image/svg+xml;base64," in images and ">my plot<" in images
    assert "outputs/large.png" in images


@pytest.mark.parametrize("line", ["plain line", "ÄÖÜ🎈 line"])
def test_only_the_end_of_a_long_log_is_read(run, line) -> None:
    details = Details(run._connection, run.id)
    for part in range(3):
        text = "".join(f"{line} {part}.{i}\n" for i in range(3000))
        run._connection.write(TextLogged(run=run.id, path="logs/driver.txt", text=text, at=part + 1.0))
        log = details.read()["log"]
        assert f"{line} {part}.2999" in log
        assert f"{line} {part}.0\n" not in log
        assert len(log) < TAIL + 500


def test_a_log_without_text_of_its_own_is_that_of_the_child_that_runs(run) -> None:
    done, child = run.child_run("done"), run.child_run("cell")
    for each, text in (done, "early"), (child, "from below"):
        run._connection.write(TextLogged(run=each.id, path="stdout.txt", text=text, at=1.0))
    done.complete()
    assert "from below" in shown(run)["log"]


def test_a_terminals_codes_are_gone_from_a_log(run) -> None:
    run._connection.write(
        TextLogged(run=run.id, path="logs/driver.txt", text="10%\r50%\r100%\r\n\x1b[31mred\x1b[0m\n", at=1.0)
    )
    log = shown(run)["log"]
    assert "100%\nred" in log and "50%" not in log and "\x1b" not in log


def test_what_did_not_change_is_not_drawn_again(run, monkeypatch) -> None:
    for value in (1, 2):
        run.log("still", value)
        run.log("moving", value)
    details = Details(run._connection, run.id)
    details.read()
    drawn = []
    real = chart.svg
    monkeypatch.setattr(chart, "svg", lambda series: drawn.append(series.name) or real(series))
    run.log("moving", 3)
    details.read()
    assert drawn == ["moving"]


NASTY = "<script>alert(1)</script>\"'&"


def test_nothing_that_users_write_becomes_markup(run, tmp_path) -> None:
    picture = tmp_path / "p.png"
    picture.write_bytes(b"\x89PNG")
    run.display_name = NASTY
    run.tag(NASTY, NASTY)
    for _ in range(2):
        run.log(NASTY, 1.0)
    run.log("text", NASTY)
    run.log_row("table", **{NASTY: NASTY})
    run.log_image(f"image {NASTY}", path=picture)
    run.upload_file(f"{NASTY}.png", picture)
    run.child_run(NASTY).complete()
    run._connection.write(TextLogged(run=run.id, path=f"logs/{NASTY}", text=NASTY, at=1.0))
    run.fail(NASTY)
    whole = sections.whole(shown(run))
    assert "<script" not in whole
    assert "&lt;script&gt;" in whole
    body = re.sub(r"(?s)<style>.*?</style>", "", whole)
    xml.fromstring(re.sub(r"(<img[^>]*)>", r"\1/>", body))  # no quote ended an attribute


# -- charts ------------------------------------------------------------------------------------------------------------
def sampled(last, low=None, high=None, steps=None):
    return Sampled(
        name="m", total=len(last), steps=steps or range(len(last)), times=[0.0] * len(last),
        last=last, min=low or last, max=high or last, nonfinite=[0 if math.isfinite(x) else 1 for x in last],
    )  # fmt: skip


def test_a_gap_breaks_the_line_and_a_lone_point_is_a_dot() -> None:
    drawn = chart.svg(sampled([1.0, 2.0, math.nan, 3.0, math.inf, 4.0, 5.0]))
    assert drawn.count("<polyline") == 2 and drawn.count("<circle") == 1
    assert chart.svg(sampled([math.nan])) == ""


def test_extremes_are_a_band() -> None:
    assert "<polygon" in chart.svg(sampled([1.0, 2.0], low=[0.5, 1.0], high=[3.0, 4.0]))
    assert "<polygon" not in chart.svg(sampled([1.0, 2.0]))


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=20),
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=20, max_size=20),
)
def test_any_numbers_are_drawn_inside_the_chart(values, steps) -> None:
    drawn = chart.svg(sampled(values, steps=sorted(steps)[: len(values)]))
    if not drawn:
        assert not any(map(math.isfinite, values))
        return
    tree = xml.fromstring(drawn)
    for shape in tree.iter("polyline"):
        for pair in shape.get("points").split():
            x, y = map(float, pair.split(","))
            assert 0 <= x <= chart.WIDTH and 0 <= y <= chart.HEIGHT
    for line in tree.iter("line"):
        assert -1 <= float(line.get("y1")) <= chart.HEIGHT + 1


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0, 100, [0, 20, 40, 60, 80, 100]),
        (3, 3, [3]),
        (-0.5, 2, [-0.5, 0, 0.5, 1, 1.5, 2]),
    ],
)
def test_ticks_are_round(low, high, expected) -> None:
    assert chart.ticks(low, high) == pytest.approx(expected)


# -- words -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1 + 0.2, "0.3"), (math.nan, "NaN"), (math.inf, "∞"), (-math.inf, "−∞"), (7, "7"), ("x", "x"), (1e-12, "1e-12")],
)
def test_numbers_are_short(value, text) -> None:
    assert html.number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.25, "250 ms"), (3.14159, "3.1 s"), (62, "1 min 02 s"), (3 * 3600 + 120, "3 h 02 min"), (-5, "0 ms")],
)
def test_durations_are_short(seconds, text) -> None:
    assert html.duration(1000.0, 1000.0 + seconds) == text
