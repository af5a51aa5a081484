"""The extension in a real kernel: magics and the azureml alias."""

from jupyter_aml import Workspace


def test_a_cell_is_a_run_with_what_it_printed_showed_and_logged(kernel) -> None:
    reply, text = kernel(
        "%%aml_run --name wide --experiment exp --tag a=b --var depth\n"
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
        "wide",
        "Completed",
        {"a": "b"},
        4,
    )
    assert run.get_metrics() == {"acc": 0.75}
    assert store.text(run.id, "stdout.txt") == "hello\n"
    assert "figures/1.svg" in run.get_file_names()


def test_a_cell_that_raises_is_a_failed_run_and_still_raises(kernel) -> None:
    reply, _ = kernel("%%aml_run --experiment exp\n1 / 0")
    assert reply["status"] == "error"
    run = next(iter(Workspace.default().experiments["exp"].get_runs()))
    assert run.get_status() == "Failed"


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
    reply, _ = kernel("from azureml.core import ScriptRunConfig")
    assert reply["ename"] == "ImportError"
    assert "ScriptRunConfig" in reply["evalue"]
