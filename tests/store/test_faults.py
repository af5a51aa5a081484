"""Every write of a whole run fails once: the user's code goes on, what was logged is there, and nothing half done is seen.

SQLite's own tests are the model (its ``ioerr`` and ``diskfull`` series). faulty.py says how a write is made to fail.
"""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import suppress
from http.client import IncompleteRead
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import jupyter_server_process
import pytest
from fault_runs import contents

from jupyter_aml import Experiment, Workspace
from jupyter_aml.errors import NotFoundException, SnapshotException, StoreUnavailableException

HERE = Path(__file__).parent
FOREVER = 10**9


class Runs:
    """Asks fault_runs.py, which forks a process for every question."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked = 0
        environment = {**os.environ, "JUPYTER_AML_HOME": str(folder / "home")}
        self.process = subprocess.Popen(
            [sys.executable, HERE / "fault_runs.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=folder
        )  # fmt: skip

    def __call__(self, scenario: str, *faults: dict, template: Path | None = None) -> dict:
        self.asked += 1
        base = self.folder / f"case{self.asked}"
        (base / "sources").mkdir(parents=True)
        for name, content in contents().items():
            (base / "sources" / name).write_bytes(content)
        job = {"scenario": scenario, "folder": str(base / "ws"), "faults": faults}
        if template is not None:
            job["template"] = str(template)
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        self.process.communicate()


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    made = Runs(tmp_path_factory.mktemp("faults"))
    yield made
    made.close()


def steps(answer: dict) -> int:
    return next(line["steps"] for line in answer["did"] if "steps" in line)


def fail(runs, kind, first, length=1):
    """A whole run whose `first` step fails, and those after it; whether it got there."""
    answer = runs("whole_run", {"kind": kind, "first": first, "length": length})
    assert answer["codes"] == [0], (first, answer)
    assert answer["wrong"] == [], (first, answer)
    told = [line["log"] for line in answer["did"] if "cannot write" in line.get("log", "")]
    assert len(told) <= 1, "that entries wait in memory is told once"
    if any("lost the last" in line.get("log", "") for line in answer["did"]):
        assert length == FOREVER
    return answer["did"][-1]["fired"]


FAULTS = [("ENOSPC", 1), ("ENOSPC", 5), ("ENOSPC", FOREVER), ("SHORT", 4), ("EIO", 1), ("EIO", 5)]


def test_a_write_that_fails_loses_nothing_and_stops_nothing(runs) -> None:
    plain = runs("whole_run", {"kind": "", "first": FOREVER})
    assert plain["wrong"] == [] and [line for line in plain["did"] if "failed" in line or "log" in line] == []
    count = steps(plain)
    names = set(plain["did"][-1]["names"])
    assert (
        count > 200 and {"write", "open", "replace"} < names and any(name.startswith("sqlite pwrite") for name in names)
    )
    some = 3
    for number, (kind, length) in enumerate(FAULTS):
        for first in range(9 + 11 * number, count, count // some):
            assert fail(runs, kind, first, length) or first > 0.8 * count


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("kind", "length"), FAULTS)
def test_whichever_write_fails_nothing_is_lost(runs, kind, length) -> None:
    first = 1
    while fail(runs, kind, first, length):
        first += 1 if length == 1 else 2
    assert first > 200, "that many steps has a run"


# -- contents that were removed or altered behind our back -------------------------------------------------------------
@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    """A run in a workspace that a server offers: some of its contents are gone, others altered, one is in order."""
    folder = tmp_path_factory.mktemp("damaged")
    url = jupyter_server_process.address()
    name = parse_qs(urlsplit(url).query)["workspace"][0]
    place = jupyter_server_process.server().home / name
    workspace = Workspace.from_url(str(place))
    sizes = {"gone": 1000, "altered": 1000, "large": 5_000_000, "good": 1000}
    (folder / "source").mkdir()
    with Experiment(workspace, "e").start_logging(snapshot_directory=None) as run:
        for file, size in sizes.items():
            (folder / file).write_bytes(os.urandom(size))
            run.upload_file(f"outputs/{file}", str(folder / file))
        (folder / "source" / "train.py").write_text("print('hello')")
        run.take_snapshot(folder / "source")
    store = workspace.connection.store
    digests = {file.path.rpartition("/")[2]: file.digest for file in store.files(run.id)}
    digests["source"] = store.snapshot(run.get_snapshot_id()).files["train.py"][0]
    blobs = {file: place / "blobs" / digest[:2] / digest[2:] for file, digest in digests.items()}
    blobs["gone"].unlink()
    blobs["source"].unlink()
    for file in ("altered", "large"):
        data = bytearray(blobs[file].read_bytes())
        data[len(data) // 2] ^= 1
        blobs[file].write_bytes(data)
    workspace.connection.close()
    return url, place, run.id, folder


@pytest.mark.parametrize("way", ["folder", "http"])
def test_a_content_that_was_removed_or_altered_is_told_by_name_and_the_rest_is_had(damaged, tmp_path, way) -> None:
    url, place, run_id, folder = damaged
    run = Workspace.from_url(str(place) if way == "folder" else url).get_run(run_id)
    for file in ("gone", "altered", "large"):
        with pytest.raises((NotFoundException, StoreUnavailableException), match=f"'outputs/{file}' of run {run_id}"):
            run.download_file(f"outputs/{file}", tmp_path / "one")
        assert list(tmp_path.glob("*one*")) == [], "nothing of it is left"
    run.download_file("outputs/good", tmp_path / "good")
    assert (tmp_path / "good").read_bytes() == (folder / "good").read_bytes()
    with pytest.raises(SnapshotException, match=r"files of the snapshot are lost: train\.py"):
        run.restore_snapshot(path=tmp_path / "tree")
    if way == "folder":
        with pytest.raises(NotFoundException) as told:
            run.download_files("outputs", tmp_path / "all")
        assert all(f"'outputs/{file}'" in str(told.value) for file in ("gone", "altered", "large"))
        assert [path.name for path in (tmp_path / "all" / "outputs").iterdir()] == ["good"]


def test_the_command_line_tells_what_it_cannot_download_and_writes_the_rest(damaged, tmp_path) -> None:
    _, place, run_id, _ = damaged
    aml = [sys.executable, "-m", "jupyter_aml"]
    done = subprocess.run(
        [*aml, "run", "download", run_id, "-w", place, "-o", "here"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert all(f"'outputs/{file}' of run {run_id}" in done.stderr for file in ("gone", "altered", "large"))
    assert [path.name for path in (tmp_path / "here" / "outputs").iterdir()] == ["good"]
    looked = subprocess.run([*aml, "doctor", "--deep", "-w", place], cwd=tmp_path, capture_output=True, text=True)
    said = looked.stdout + looked.stderr
    assert all(f"'outputs/{file}' of run {run_id}" in said for file in ("gone", "altered", "large"))
    assert "'outputs/good'" not in said


def test_an_altered_content_is_not_handed_out_over_rest(damaged) -> None:
    url, _, run_id, folder = damaged
    base, query = url.split("?")

    def ask(file):
        return urllib.request.urlopen(f"{base}/aml/api/v1/runs/{run_id}/files/outputs/{file}?{query}", timeout=60)

    assert ask("good").read() == (folder / "good").read_bytes()
    for file in ("gone", "altered"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            ask(file)
        said = json.loads(refused.value.read())
        assert refused.value.code == 404 and ("damaged" if file == "altered" else "no content") in str(said)
    got = b""
    with suppress(IncompleteRead, OSError):
        got = ask("large").read()
    assert len(got) < 5_000_000, "what is not the content is not given whole"
