"""The papermill engine, by papermill's own command and from Python."""

import json
import os
import sys

import nbformat
import pytest
from conftest_jobs import only_run, papermill, source_of, statuses, workspace

from jupyter_aml.errors import ActivityFailedException, ParameterException, UserErrorException
from jupyter_aml.jobs import run_notebook

PARAMS = "lr = 0.1\nepochs: int = 1\ntoken = ''  # secret"
LOGS = "from jupyter_aml import Run\nrun = Run.get_context()\nrun.log('loss', lr * 2)"


def cells_of(run):
    return sorted((c._record() for c in run.get_children()), key=lambda c: c.details["index"])


def test_papermill_with_the_engine_makes_a_run_with_params_cells_metrics_and_both_notebooks(make, tmp_path):
    path = make("train.ipynb", "#md title", "print('at', lr)", LOGS, "1 + 1", params=PARAMS)
    out, log = tmp_path / "out.ipynb", tmp_path / "stdout.txt"
    done = papermill(path, out, "-p", "lr", "0.5", "--stdout-file", log, "--log-output", "--report-mode")
    assert done.returncode == 0, done.stderr
    record = only_run()
    assert (record.status, record.experiment, record.params) == ("Completed", "train", {"lr": 0.5})
    run = workspace().get_run(record.id)
    assert run.get_metrics() == {"loss": 1.0}
    assert {"input.ipynb", "output.ipynb"} <= set(run.get_file_names())
    cells = cells_of(run)
    assert [c.details["index"] for c in cells] == [0, 1, 3, 4, 5] and {c.status for c in cells} == {"Completed"}
    logged = [c for c in run.get_children() if c.get_metrics()]
    assert [c._record().details["source"] for c in logged] == [LOGS]
    store = workspace().connection.store
    assert store.text(cells[2].id, "stdout.txt") == "at 0.5\n" and store.text(cells[4].id, "result.txt") == "2\n"
    assert statuses(out) == ["completed"] * 6
    assert log.read_text() == "at 0.5\n" and "at 0.5" in done.stderr
    nb = nbformat.read(out, 4)
    assert nb.cells[1].metadata.tags == ["injected-parameters"] and nb.cells[1].metadata.jupyter.source_hidden
    assert nb.metadata.papermill.parameters == {"lr": 0.5} and nb.metadata.papermill.exception is None
    run.download_file("input.ipynb", tmp_path / "kept.ipynb")
    assert (tmp_path / "kept.ipynb").read_bytes() == path.read_bytes()


def test_the_kernel_knows_its_run_in_the_sdks_words_too(make, tmp_path):
    names = ["JUPYTER_AML_RUN_ID", "AZUREML_RUN_ID", "AZUREML_EXPERIMENT_NAME", "JUPYTER_AML_WORKSPACE"]
    run = run_notebook(make("env.ipynb", f"import os\nprint([os.environ[n] for n in {names}])"), experiment="e x")
    printed = workspace().connection.store.text(cells_of(run)[0].id, "stdout.txt")
    assert eval(printed) == [run.id, run.id, "e x", workspace().url]


def test_a_failing_cell_fails_the_run_and_the_cells_after_it_stay_pending(make, tmp_path):
    path, out = (
        make("bad.ipynb", "x = 1", "print('seen')\nraise ValueError('no good')", "y = 2"),
        tmp_path / "out.ipynb",
    )
    done = papermill(path, out)
    assert done.returncode == 1 and "ValueError: no good" in done.stderr
    record = only_run()
    assert record.status == "Failed" and record.error["code"] == "ValueError" and record.error["message"] == "no good"
    assert "\x1b" not in record.error["traceback"] and "no good" in record.error["traceback"]
    assert statuses(out) == ["completed", "failed", "pending"]
    assert nbformat.read(out, 4).metadata.papermill.exception is True
    run = workspace().get_run(record.id)
    assert [c.status for c in cells_of(run)] == ["Completed", "Failed"]
    assert "output.ipynb" in run.get_file_names()


def test_from_python_a_failure_is_raised_with_the_run_or_returned(make):
    path = make("bad.ipynb", "1 / 0")
    with pytest.raises(ActivityFailedException, match="ZeroDivisionError") as caught:
        run_notebook(path)
    assert caught.value.error_details["status"] == "Failed"
    run = run_notebook(path, raise_on_error=False)
    assert run.get_status() == "Failed"


def test_sys_exit_zero_ends_the_notebook_well(make, tmp_path):
    run = run_notebook(make("exit.ipynb", "import sys; sys.exit(0)", "print(1)"), tmp_path / "out.ipynb")
    assert run.get_status() == "Completed" and statuses(tmp_path / "out.ipynb") == ["completed", "pending"]


def test_an_error_that_the_notebook_expects_does_not_stop_it(make, tmp_path):
    path = make("expects.ipynb", "1 / 0", "print('on')")
    nb = nbformat.read(path, 4)
    nb.cells[0].metadata["tags"] = ["raises-exception"]
    nbformat.write(nb, path)
    done = papermill(path, tmp_path / "out.ipynb")
    record = only_run()
    # papermill itself calls such a notebook failed when it looks at the outputs afterwards
    assert [c.status for c in cells_of(workspace().get_run(record.id))] == ["Failed", "Completed"], done.stderr


@pytest.mark.parametrize("name", ["x=1; import os; os.system('touch PWNED') #", "class", "__name__"])
def test_a_parameters_name_that_is_code_is_refused_before_any_kernel_starts(make, tmp_path, name):
    done = papermill(
        make("in.ipynb", "print(1)", params="x = 1"), tmp_path / "out.ipynb", "-p", name, "1", cwd=tmp_path
    )
    assert (
        done.returncode == 1 and "ParameterException" in done.stderr and "cannot be a parameter's name" in done.stderr
    )
    assert not (tmp_path / "out.ipynb").exists() and not (tmp_path / "PWNED").exists()
    assert not (tmp_path / "aml-home").exists(), "no run was made"


def test_unknown_and_wrong_parameters_are_refused_unless_told_otherwise(make, tmp_path):
    path = make("in.ipynb", "print(lr)", params=PARAMS)
    for wrong, message in [
        ({"lrr": 1}, "Did you mean 'lr'"),
        ({"lr": "x"}, "takes float"),
        ({"epochs": 1.5}, "takes int"),
    ]:
        with pytest.raises(ParameterException, match=message):
            run_notebook(path, tmp_path / "out.ipynb", wrong)
    with pytest.raises(ParameterException, match=r"--allow-unknown, with papermill JUPYTER_AML_ALLOW_UNKNOWN=1"):
        run_notebook(path, tmp_path / "out.ipynb", {"lrr": 1})
    assert not (tmp_path / "out.ipynb").exists()
    with pytest.raises(ParameterException, match="needs a value for 'who'"):
        run_notebook(make("needs.ipynb", "print(who)", params="who: str"))
    run = run_notebook(path, None, {"other": 1}, allow_unknown=True)
    assert run.get_status() == "Completed"


def test_the_output_is_never_the_input(make, tmp_path):
    path = make("in.ipynb", "print(1)")
    before = path.read_bytes()
    link = tmp_path / "link.ipynb"
    link.symlink_to(path)
    for other in (path, link, path.parent / ".." / "work" / "in.ipynb"):
        with pytest.raises(UserErrorException, match="is the input itself"):
            run_notebook(path, other)
    done = papermill(path, link)
    assert done.returncode == 1 and "is the input itself" in done.stderr
    assert path.read_bytes() == before


def test_a_snapshot_is_of_what_was_executed_and_not_of_what_it_gave(make):
    path = make("in.ipynb", "print(1)")
    out = path.parent / "out.ipynb"
    (path.parent / ".out.ipynb.abcd1234.tmp").write_text("half")
    first, second = run_notebook(path, out), run_notebook(path, out)
    assert first.get_snapshot_id() == second.get_snapshot_id()
    snapshot = workspace().connection.store.snapshot(first.get_snapshot_id())
    assert set(snapshot.files) == {"in.ipynb"}


def test_an_output_that_cannot_be_written_fails_the_run_which_keeps_it(make, tmp_path):
    folder = tmp_path / "outs"
    folder.mkdir()
    path = make("in.ipynb", f"import shutil\nshutil.rmtree({str(folder)!r})", "print('the result')")
    with pytest.raises(ActivityFailedException, match="OutputNotSaved"):
        run_notebook(path, folder / "out.ipynb")
    record = only_run()
    assert (record.status, record.error["code"]) == ("Failed", "OutputNotSaved")
    workspace().get_run(record.id).download_file("output.ipynb", tmp_path / "kept.ipynb")
    assert "the result" in source_of(tmp_path / "kept.ipynb")


def test_a_secret_is_in_nothing_that_is_kept_and_the_kernel_gets_it(make, tmp_path):
    secret = 's3cr3t-\u00e9"x"/1'
    path = make(
        "in.ipynb",
        "print('it is', token, repr(token))\nimport json; print(json.dumps(token))\ntoken",
        "import hashlib; print(hashlib.md5(token.encode()).hexdigest())",
        "raise ValueError('bad ' + token)",
        params=PARAMS,
    )
    out, log = tmp_path / "out.ipynb", tmp_path / "log.txt"
    done = papermill(path, out, "-r", "token", secret, "--stdout-file", log, "--log-output")
    import hashlib

    everything = [out, log, *(p for p in (tmp_path / "aml-home").rglob("*") if p.is_file())]
    for spelling in (secret, "s3cr3t"):
        assert spelling not in done.stderr + done.stdout
        for file in everything:
            assert spelling.encode() not in file.read_bytes(), file
    assert hashlib.md5(secret.encode()).hexdigest() in source_of(out)
    record = only_run()
    assert record.params["token"] == "******" and record.details["secrets"] == ["token"]
    assert "******" in record.error["message"]


def test_text_that_utf8_does_not_have_is_saved(make, tmp_path):
    path = make("odd.ipynb", "print('lone \\ud83d half', '\\x00\\x07')\n'\\udc80'", "raise ValueError('\\ud800')")
    done = papermill(path, tmp_path / "out.ipynb")
    assert "UnicodeEncodeError" not in done.stderr.splitlines()[-1]
    json.loads((tmp_path / "out.ipynb").read_bytes())
    assert only_run().status in ("Failed", "Completed")


def test_a_lone_surrogate_in_the_source_does_not_stop_the_save(tmp_path):
    path = tmp_path / "in.ipynb"
    cells = [{"cell_type": "markdown", "metadata": {}, "source": "half \ud83d"}]
    cells += [{"cell_type": "code", "metadata": {}, "source": "1", "outputs": [], "execution_count": None}]
    spec = {"kernelspec": {"name": "python3", "display_name": "P"}, "language_info": {"name": "python"}}
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": spec, "cells": cells}))
    done = papermill(path, tmp_path / "out.ipynb")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "out.ipynb").read_bytes())["cells"][0]["source"] in ("half \ud83d", ["half \ud83d"])


def test_other_options_of_papermill_go_on_working(make, tmp_path):
    path = make("in.ipynb", "import os; print(os.getcwd())", params="x = 1")
    there = tmp_path / "there"
    there.mkdir()
    done = papermill(path, "out-{x}.ipynb", "-p", "x", "7", "--cwd", there, "--no-request-save-on-cell-execute",
                     "--inject-paths", "--autosave-cell-every", "0", cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert str(there) in source_of(tmp_path / "out-7.ipynb")
    done = papermill(path, "prepared.ipynb", "-p", "x", "8", "--prepare-only", cwd=tmp_path)
    assert done.returncode == 0 and "x = 8" in source_of(tmp_path / "prepared.ipynb")
    done = papermill(path, "-", "-p", "x", "9", cwd=tmp_path)
    assert done.returncode == 0 and json.loads(done.stdout)["metadata"]["papermill"]["parameters"]["x"] == 9


def test_a_cell_that_takes_too_long_fails_the_run(make, tmp_path):
    done = papermill(
        make("in.ipynb", "import time; time.sleep(60)", "1"), tmp_path / "out.ipynb", "--execution-timeout", 1
    )
    assert done.returncode != 0
    assert statuses(tmp_path / "out.ipynb") == ["failed", "pending"]
    assert only_run().status == "Failed" and only_run().error["code"] == "CellTimeoutError"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not JSON"),
        ("[1]", "without the field 'nbformat'"),
        ('{"nbformat": 9, "nbformat_minor": 0, "metadata": {}, "cells": []}', "newer than"),
        ('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": 7}', "damaged"),
        ('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}', "which kernel"),
        ("\udcff", "not UTF-8"),
    ],
)
def test_what_is_no_notebook_is_said(tmp_path, content, message):
    path = tmp_path / "in.ipynb"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserErrorException, match=message):
        run_notebook(path, tmp_path / "out.ipynb")
    assert not (tmp_path / "out.ipynb").exists()


def test_a_missing_notebook_kernel_or_folder_is_said(make, tmp_path):
    with pytest.raises(UserErrorException, match="There is no notebook"):
        run_notebook(tmp_path / "none.ipynb")
    with pytest.raises(UserErrorException, match=r"kernel 'python38-azureml', which is not installed. Installed: .*-k"):
        run_notebook(make("in.ipynb", "1", kernel="python38-azureml"))
    with pytest.raises(UserErrorException, match=r"folder .* does not exist"):
        run_notebook(make("in.ipynb", "1"), tmp_path / "none" / "out.ipynb")
    run = run_notebook(make("in.ipynb", "1", kernel="python38-azureml"), kernel="python3")
    assert run.get_status() == "Completed"


def test_a_notebook_of_format_3_runs(tmp_path):
    cell = {"cell_type": "code", "input": "print('old')", "language": "python", "metadata": {}, "outputs": []}
    cell["collapsed"] = False
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [{"cells": [cell], "metadata": {}}],
    }
    (tmp_path / "old.ipynb").write_text(json.dumps(old))
    run = run_notebook(tmp_path / "old.ipynb", tmp_path / "out.ipynb", kernel="python3")
    assert run.get_status() == "Completed" and "old" in source_of(tmp_path / "out.ipynb")


def test_the_workspace_is_the_one_that_the_config_beside_the_notebook_names(make, tmp_path):
    path = make("in.ipynb", "1")
    (path.parent / "config.json").write_text(json.dumps({"workspace_name": "team"}))
    run = run_notebook(path)
    assert run.experiment.workspace.name == "team" and "config.json" in str(
        run.experiment.workspace.connection.store.snapshot(run.get_snapshot_id()).files
    )


def test_a_notebook_executed_by_a_notebook_is_a_run_below_it(make, tmp_path):
    inner = make("inner.ipynb", "print('inner')")
    outer = make(
        "outer.ipynb", f"from jupyter_aml.jobs import run_notebook\nr = run_notebook({str(inner)!r})\nprint(r.id)"
    )
    run = run_notebook(outer)
    children = list(run.get_children(type="aml.notebook"))
    assert [c.get_status() for c in children] == ["Completed"]


def test_importing_jobs_is_cheap():
    import subprocess

    code = "import sys, jupyter_aml.jobs, jupyter_aml.jobs.notebook; print([m for m in ('papermill', 'nbformat', 'sqlalchemy', 'click') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ})
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("first", ["jupyter_aml.jobs.papermill", "papermill", "jupyter_aml.jobs.sweep"])
def test_the_engine_is_found_whatever_is_imported_first(first):
    import subprocess

    code = f"import {first}\nfrom jupyter_aml.jobs.papermill import AmlEngine\nfrom papermill.engines import papermill_engines as e\nassert e.get_engine('aml') is AmlEngine"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
