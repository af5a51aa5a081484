"""The extension in a real kernel: magics and the azureml alias."""

import struct
import xml.etree.ElementTree as xml
from pathlib import Path

import pytest
from conftest_notebook import wait_for

import jupyter_aml.notebook
from jupyter_aml import Workspace
from jupyter_aml.notebook.completion import COMMANDS, FLAGS
from jupyter_aml.store.records import RunQuery
from jupyter_aml.tracking.html import plain_text


def test_a_cell_is_a_run_with_what_it_printed_showed_and_logged(kernel) -> None:
    reply, text = kernel(
        "%%aml_run --name 'so wide' --experiment exp --tag a=b --var depth\n"
        "from IPython.display import display, SVG\n"
        "depth = 4\nprint('hello')\n"
        "display(SVG('<svg xmlns=\"http://www.w3.org/2000/svg\"/>'))\n"
        "%aml log acc 0.5 + 0.25"
    )
    assert reply["status"] == "ok"
    assert "hello" in text
    store = Workspace.default().connection.store
    run = next(iter(Workspace.default().experiments["exp"].get_runs()))
    record = store.run(run.id)
    assert (record.name, record.status, dict(record.tags), record.params["depth"]) == (
        "so wide",
        "Completed",
        {"a": "b"},
        4,
    )
    assert run.get_metrics() == {"acc": 0.75}
    assert store.text(run.id, "stdout.txt") == "hello\n"
    assert "figures/1.svg" in run.get_file_names()


def only_run(experiment):
    (run,) = Workspace.default().experiments[experiment].get_runs()
    return run._record()


@pytest.mark.parametrize(
    ("source", "name", "lines"),
    [
        ("def f():\n    1 / 0\nf()", "ZeroDivisionError", ["1 / 0", "f()"]),
        ("x = (", "SyntaxError", ["x = ("]),
        ("import sys\nsys.exit(3)", "SystemExit", ["3"]),
    ],
)
def test_a_cell_that_raises_is_a_failed_run_and_shows_its_error_once(kernel, source, name, lines) -> None:
    reply, text = kernel(f"%%aml_run --experiment exp\n{source}")
    assert (reply["status"], reply["ename"]) == ("error", name)
    (error,) = kernel.errors()
    shown = plain_text("\n".join(error["traceback"]))
    assert error["ename"] == name and all(line in shown for line in lines)
    assert "magics.py" not in shown and name not in text
    record = only_run("exp")
    assert record.status == "Failed"
    assert record.error["code"] == name and lines[0] in record.error["traceback"]


def test_a_wrong_use_of_a_magic_inside_is_said_once(kernel) -> None:
    reply, text = kernel("%%aml_run --experiment exp\n%nosuchmagic")
    assert reply["status"] == "error" and kernel.errors() == []
    assert text.count("nosuchmagic") == 1
    assert only_run("exp").status == "Failed"


def test_after_an_error_in_a_cell_the_next_one_shows_its_own(kernel) -> None:
    kernel("try:\n    get_ipython().run_cell_magic('aml_run', '', '1 / 0')\nexcept ZeroDivisionError: print('caught')")
    kernel("[][0]")
    (error,) = kernel.errors()
    assert error["ename"] == "IndexError" and "[][0]" in plain_text("\n".join(error["traceback"]))


def test_an_interrupted_cell_is_canceled(kernel) -> None:
    kernel("%%aml_run --experiment exp\nraise KeyboardInterrupt")
    assert only_run("exp").status == "Canceled"


def test_a_cells_result_is_kept_and_a_missing_variable_is_told(kernel) -> None:
    _, text = kernel(
        "%%aml_run --experiment exp --var depth,nosuch\nimport numpy\ndepth = numpy.float64(2.5)\ndepth * 2"
    )
    run = only_run("exp")
    store = Workspace.default().connection.store
    assert "5.0" in store.text(run.id, "result.txt")
    assert run.params == {"depth": 2.5} and "nosuch" in text


def test_a_cell_run_keeps_its_source_as_another_run_does(kernel, tmp_path) -> None:
    (tmp_path / "model.py").write_text("x = 1")
    kernel("first = 1")
    kernel("%%aml_run --experiment exp\n1")
    store = Workspace.default().connection.store

    def taken():
        kernel.flush()
        return only_run("exp").snapshot

    assert "model.py" in store.snapshot(wait_for(taken)).files
    assert only_run("exp").details["execution_count"] == 2


def test_an_open_run_is_waited_for_while_a_thread_of_the_kernel_may_end_it(kernel) -> None:
    kernel(
        "import threading\nfrom jupyter_aml import Experiment, Workspace\n"
        "def begin(): return Experiment(Workspace.default(), 'exp').start_logging(snapshot_directory=None)"
    )
    _, text = kernel(
        "run = begin()\nthreading.Thread(target=run.complete).start()\nprint(run.wait_for_completion()['status'])"
    )
    assert text.strip() == "Completed"
    reply, _ = kernel("begin().wait_for_completion()")
    assert reply["ename"] == "RunStateException"


def test_an_experiment_that_is_asked_for_wins_over_the_enclosing_runs(kernel) -> None:
    kernel("%aml track on outer")
    kernel("%%aml_run\n1")
    kernel("%%aml_run --experiment other\n1")
    kernel("%aml track off")
    other = only_run("other")
    assert other.parent is None
    store = Workspace.default().connection.store
    inner = [r for r in store.walk(RunQuery(everywhere=True)) if r.type == "aml.interactive" and r.id != other.id]
    assert [r.experiment for r in inner] == ["outer"] and inner[0].parent


# -- %aml --------------------------------------------------------------------------------------------------------------
def test_every_command_of_the_magic_is_in_its_help(kernel) -> None:
    help_text = kernel.help("%aml?")
    for command in COMMANDS:
        assert f"%aml {command}" in help_text
    help_text = kernel.help("%%aml_run?")
    for flag in FLAGS:
        assert flag in help_text
    assert "%%aml_run [--name" in help_text
    _, printed = kernel("%aml help")
    assert "%aml track on" in printed


def test_a_wrong_line_says_what_would_be_right(kernel) -> None:
    for line in ("nosuch", "runs many", "runs 0", "log x", "tag", "tag a b", "track maybe", "track off x"):
        reply, text = kernel(f"%aml {line}")
        assert (reply["status"], reply["ename"]) == ("error", "UsageError"), line
        assert "%aml" in text and "Traceback" not in text, line


def test_without_a_run_status_says_that_nothing_is_kept(kernel) -> None:
    _, text = kernel("%aml status")
    assert "printed, not kept" in text and "tracking    off" in text


def test_tab_knows_commands_experiments_metrics_tags_and_flags(kernel) -> None:
    kernel.completions("%aml experiment ")  # Tab makes no workspace
    assert not Workspace.list()
    kernel("%%aml_run --experiment 'first one' --tag colour=red\ndepth = 3\n%aml log accuracy 1\n%aml log loss 2")
    kernel("%aml experiment second")
    kernel.flush()
    assert set(kernel.completions("%aml ")) == {f"%aml {command}" for command in COMMANDS}
    assert kernel.completions("aml tr") == ["aml track"]
    assert kernel.completions("%aml track o") == ["%aml track on", "%aml track off"]
    assert kernel.completions("%aml experiment first o") == ["%aml experiment first one"]
    assert kernel.completions("%aml track on fir") == ["%aml track on first one"]
    assert kernel.completions("%aml log ") == ["%aml log accuracy", "%aml log loss"]
    assert kernel.completions("%aml tag c") == ["%aml tag colour"]
    assert kernel.completions("%%aml_run --") == [f"%%aml_run {flag}" for flag in FLAGS]
    assert kernel.completions("%%aml_run --name x --e") == ["%%aml_run --name x --experiment"]
    assert kernel.completions("%%aml_run --experiment ") == ["%%aml_run --experiment 'first one'"]
    assert kernel.completions("%%aml_run --tag ") == ["%%aml_run --tag colour="]
    assert kernel.completions("%%aml_run --var dep") == ["%%aml_run --var depth"]
    assert kernel.completions("%%aml_run --var ") == ["%%aml_run --var depth"]
    assert "import_module" in " ".join(kernel.completions("from importlib import import_m"))


def test_a_name_with_spaces_stands_in_quotes_and_is_completed_so(kernel) -> None:
    kernel("%%aml_run --experiment exp\n%aml log 'two words' 1 + 1\n%aml log \"it's\" 3\n%aml tag 'a key' some value")
    assert only_run("exp").tags == {"a key": "some value"}
    (run,) = Workspace.default().experiments["exp"].get_runs()
    assert run.get_metrics() == {"two words": 2, "it's": 3}
    kernel.flush()
    for typed in ("'two", "tw", "'two w"):
        assert kernel.completions(f"%aml log {typed}") == ["%aml log 'two words'"]
    assert kernel.completions("%aml tag a") == ["%aml tag 'a key'"]
    reply, text = kernel("%aml log 'two words 3")
    assert reply["ename"] == "UsageError" and "quotes" in text


def test_azureml_is_served_and_what_is_not_says_so(kernel) -> None:
    reply, text = kernel(
        "import azureml.core\n"
        "from azureml.core import Workspace, Experiment, Run\n"
        "from azureml.widgets import RunDetails\n"
        "import jupyter_aml\n"
        "print(azureml.core.VERSION, Workspace is jupyter_aml.Workspace)"
    )
    assert reply["status"] == "ok", reply
    assert "True" in text
    reply, _ = kernel("from azureml.core.webservice import AciWebservice\nAciWebservice.deploy_configuration()")
    assert reply["ename"] == "AttributeError"
    assert "AciWebservice" in reply["evalue"]


@pytest.mark.parametrize("size", [32, 64])
def test_the_kernel_has_logos_of_the_sizes_that_jupyter_asks_for(size) -> None:
    folder = Path(jupyter_aml.notebook.__file__).parent / "kernelspec"
    header = (folder / f"logo-{size}x{size}.png").read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">II", header[16:]) == (size, size)
    assert xml.parse(folder / "logo-svg.svg").getroot().tag.endswith("}svg")
