"""A secret parameter is in nothing that is kept: not in what cells log or print, not in the source beside the notebook."""

import subprocess

import pytest
from conftest_jobs import only_run, papermill, source_of, workspace
from hypothesis import given
from hypothesis import strategies as st

from jupyter_aml.errors import ParameterException
from jupyter_aml.jobs import run_notebook, run_sweep
from jupyter_aml.jobs.secrets import MASK, Mask, Printed

TOKEN = "hidden-7719"
PARAMS = "lr = 0.1\ntoken = ''  # secret"
PIECES = "import sys\nfor piece in ('at ', token[:5], token[5:], ' end hid'):\n    sys.stdout.write(piece); sys.stdout.flush()"
LOGS = (
    "from jupyter_aml import Run\nrun = Run.get_context()\nrun.tag('tok', token)\nrun.log('t', token)\n"
    "run.log_row('r', key=token, n=1)\nrun.display_name = 'with ' + token\nrun.add_properties({'p': token})"
)


def files_with(folder, text=TOKEN):
    return [p for p in folder.rglob("*") if p.is_file() and text.encode() in p.read_bytes()]


def test_what_a_cell_logs_or_prints_in_pieces_is_masked(make, tmp_path):
    run = run_notebook(make("in.ipynb", PIECES, LOGS, params=PARAMS), tmp_path / "out.ipynb", {"token": TOKEN})
    assert run.get_status() == "Completed"
    assert (run.get_tags()["tok"], run.get_metrics()["t"]) == (MASK, MASK)
    assert run.get_metrics()["r"]["key"] == MASK and run.get_properties()["p"] == MASK
    assert run.display_name == f"with {MASK}"
    cells = {c.details["index"]: c.id for c in (child._record() for child in run.get_children())}
    assert workspace().connection.store.text(cells[2], "stdout.txt") == f"at {MASK} end hid"
    assert "end hid" in source_of(tmp_path / "out.ipynb") and files_with(tmp_path) == []


def test_source_that_holds_a_secret_is_neither_frozen_nor_in_the_recorded_changes(make, tmp_path):
    path = make("in.ipynb", "print(lr)", params=PARAMS)
    given = path.parent / "given.yml"
    given.write_text("token: ''")
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=path.parent, check=True)
    given.write_text(f"token: {TOKEN}")
    assert papermill(path, tmp_path / "out.ipynb", "-f", given).returncode == 0
    record = only_run()
    snapshot = workspace().connection.store.snapshot(record.snapshot)
    assert set(snapshot.files) == {"in.ipynb"} and "secret" in snapshot.skipped["given.yml"]
    assert f"+token: {MASK}" in workspace().connection.store.text(record.id, "logs/git.diff")
    sweep = run_sweep(path, None, [{"token": TOKEN, "lr": 0.3}], jobs=1)
    snapshot = workspace().connection.store.snapshot(sweep.get_snapshot_id())
    assert "secret" in snapshot.skipped["given.yml"]
    assert files_with(tmp_path) == [given]


@pytest.mark.parametrize("value", ["abc", 12])
def test_a_secret_too_short_to_be_found_is_refused(make, tmp_path, value):
    path = make("in.ipynb", "print(token)", params="token = None  # secret")
    with pytest.raises(ParameterException, match="'token' has fewer than 4") as caught:
        run_notebook(path, tmp_path / "out.ipynb", {"token": value})
    assert repr(value) not in str(caught.value) and not (tmp_path / "aml-home").exists()


@given(
    secrets=st.lists(st.text("ab", min_size=4, max_size=8), min_size=1, max_size=3),
    pieces=st.lists(st.text("abc", max_size=9)),
)
def test_no_secret_is_in_what_is_shown_however_it_comes(secrets, pieces):
    printed = Printed(Mask(secrets))
    shown = "".join(printed.more("stdout", piece) for piece in pieces) + "".join(printed.rest().values())
    assert not any(secret in shown for secret in secrets)
    if not any(secret in "".join(pieces) for secret in secrets):
        assert shown == "".join(pieces)
