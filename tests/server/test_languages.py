"""Notebooks in other languages: nothing of ours is in their kernels, their cells log all the same."""

import json
import shutil
import sys
import sysconfig
from pathlib import Path

import pytest

from jupyter_aml.store.records import RunQuery
from jupyter_aml.tracking.context import cell_run_id

pytestmark = pytest.mark.timeout(120)

MIME = "application/vnd.jupyter-aml.log+json"


@pytest.fixture
def install(jp_data_dir):
    """Make a kernel known to the server."""

    def kernel(name, language, *argv, **env):
        spec = jp_data_dir / "kernels" / name
        spec.mkdir(parents=True)
        about = {"argv": [*argv, "{connection_file}"], "display_name": name, "language": language, "env": env}
        (spec / "kernel.json").write_text(json.dumps(about))
        return name

    return kernel


@pytest.fixture
def cell(store, eventually):
    """Execute a cell; its run, when it has ended."""

    async def run(kernel, code):
        run_id = cell_run_id(await kernel.run(code))

        def ended():
            found = store().run(run_id)
            return found if found is not None and found.ended is not None else None

        return await eventually(ended)

    return run


async def test_a_notebook_in_bash_logs_by_html(notebook, store, install, cell) -> None:
    pytest.importorskip("bash_kernel", reason="pip install bash_kernel")
    name = install("bash", "bash", sys.executable, "-m", "bash_kernel", "-f", PS1="$")
    kernel = await notebook("shell.ipynb", kernel=name)
    defined = await cell(
        kernel, f"""aml_log() {{ echo "<script type='{MIME}'>$1</script>" | displayHTML; }}\necho defined"""
    )
    assert (defined.status, defined.details["language"]) == ("Completed", "bash")
    assert store().text(defined.id, "stdout.txt") == "defined\n"

    logged = await cell(
        kernel,
        "for n in 3 2 1; do\n"
        '  aml_log "{\\"metrics\\": {\\"files\\": $n}, \\"step\\": $((4 - n)), \\"tags\\": {\\"shell\\": \\"bash $BASH_VERSINFO\\"}}"\n'
        "done",
    )
    files = store().series(logged.id, "files")
    assert (list(files.steps), list(files.values)) == ([1, 2, 3], [3, 2, 1])
    assert dict(logged.tags)["shell"].startswith("bash ")
    assert list(store().series(logged.parent, "files").values) == [3, 2, 1]

    failed = await cell(kernel, "ls /no/such/folder")
    assert failed.status == "Failed"
    wrong = await cell(kernel, "aml_log 'this is no JSON'; echo went on")
    assert (wrong.status, store().text(wrong.id, "stdout.txt")) == ("Completed", "went on\n")


async def test_a_notebook_in_typescript_logs_by_a_display_of_our_mime_type(
    notebook, store, install, cell, eventually, tmp_path
) -> None:
    deno = shutil.which("deno", path=sysconfig.get_path("scripts")) or shutil.which("deno")
    if deno is None:
        pytest.skip("pip install deno")
    name = install("deno", "typescript", deno, "jupyter", "--kernel", "--conn", DENO_DIR=str(tmp_path / "deno"))
    kernel = await notebook("sheet.ipynb", kernel=name)
    first = await cell(kernel, "const rate: number = 0.5;\nconsole.log('rate', rate);\nrate / 2")
    assert (first.status, first.details["language"]) == ("Completed", "typescript")
    # This kernel may send what a cell printed or displayed after it has said that the cell is done.
    await eventually(lambda: store().text(first.id, "result.txt") == "0.25\n")
    await eventually(lambda: "rate" in store().text(first.id, "stdout.txt"))

    logged = await cell(
        kernel,
        "for (let step = 1; step <= 3; step++) {\n"
        f"  await Deno.jupyter.display({{'{MIME}': {{metrics: {{loss: rate / step}}, step, params: {{rate}}}}}}, {{raw: true}});\n"
        "}",
    )
    loss = await eventually(
        lambda: (found := store().series(logged.id, "loss")) and len(found.values) == 3 and found  # as above
    )
    assert (list(loss.steps), list(loss.values)) == ([1, 2, 3], [0.5, 0.25, 0.5 / 3])
    assert dict(store().run(logged.id).params) == {"rate": 0.5}

    failed = await cell(kernel, "throw new RangeError('too far')")
    assert (failed.status, failed.error["code"], failed.error["message"]) == ("Failed", "RangeError", "too far")
    sessions = store().runs(RunQuery(types=["aml.session"])).runs
    assert [run.experiment for run in sessions] == [Path("sheet.ipynb").stem]
