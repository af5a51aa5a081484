"""A file system that is really full: a small one of its own, with a workspace on it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from jupyter_aml import Experiment, Model, Workspace
from jupyter_aml.errors import StoreUnavailableException
from jupyter_aml.store.doctor import examine

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(
        not sys.platform.startswith("linux"), reason="file systems in memory are mounted on Linux alone"
    ),
]
SIZE = 4 * 2**20


@pytest.fixture
def small(tmp_path):
    """A folder on a file system of 4 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None:
        pytest.skip("there is no mount here")
    options = f"size={SIZE},mode=0700,uid={os.getuid()}"
    done = subprocess.run([mount, "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"mounting a small file system is not permitted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder, leave=0):
    """Take all room but `leave` bytes."""
    filler = folder / "filler"
    filler.unlink(missing_ok=True)
    about = os.statvfs(folder)
    with open(filler, "wb") as file:
        file.write(bytes(max(about.f_bavail * about.f_frsize - leave, 0)))


def free(folder):
    (folder / "filler").unlink()


def damage(workspace):
    """What doctor finds, but that there is little room."""
    found = examine(workspace.connection, deep=True)
    return [one for one in found if one.severity == "error" and one.subject != "room"]


LOGS = """
import json, logging, os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_full_disk import fill, free
from jupyter_aml import Experiment, Workspace
from jupyter_aml.errors import AzureMLException

folder, kills = Path(sys.argv[1]), len(sys.argv) > 3
warnings = []
handler = logging.Handler()
handler.emit = lambda record: warnings.append(record.getMessage())
logging.getLogger("jupyter_aml").addHandler(handler)
workspace = Workspace.from_url(str(folder / "workspace"), create=True)
run = Experiment(workspace, "e").start_logging(snapshot_directory=None)
run.flush()
fill(folder, leave=200_000)
step = 0
while not any("cannot write" in text for text in warnings):
    run.log("loss", float(step), step=step)
    step += 1
    assert step < 500_000, "the disk never was full"
print(run.id, step - 1, flush=True)  # the last one waits in memory
for _ in range(2000):
    run.log("loss", float(step), step=step)
    step += 1
if kills:
    os.kill(os.getpid(), 9)
errors = []
for refused in (lambda: run.upload_file("a.bin", sys.argv[0]), lambda: run.get_metrics()):
    Path(sys.argv[0]).write_bytes(b"x" * 100_000)
    try:
        refused()
        errors.append("")
    except AzureMLException as error:
        errors.append(f"{type(error).__name__}: {error}")
run.tag("kept", "yes")
free(folder)
run.log("loss", float(step), step=step)
run.upload_file("a.bin", sys.argv[0])
run.complete()
print(json.dumps({"points": step + 1, "warnings": warnings, "errors": errors}))
"""


def logs(small, tmp_path, *more):
    script = tmp_path / "logs.py"
    script.write_text(LOGS)
    content = tmp_path / "content"
    command = [sys.executable, "-c", f"import sys; sys.argv[0] = {str(content)!r}; exec(open({str(script)!r}).read())"]
    return subprocess.run(
        [*command, small, os.path.dirname(__file__), *more], capture_output=True, text=True, timeout=100
    )


def test_what_is_logged_to_a_full_disk_waits_and_comes_when_there_is_room(small, tmp_path):
    done = logs(small, tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    first, last = done.stdout.splitlines()
    told = json.loads(last)
    assert sum("cannot write" in text for text in told["warnings"]) == 1, told["warnings"]
    assert not any("jupyter_aml lost" in text for text in told["warnings"])
    assert all("StoreUnavailableException" in text and "oom" in text for text in told["errors"]), told["errors"]
    workspace = Workspace.from_url(str(small / "workspace"))
    store, run = workspace.connection.store, first.split()[0]
    assert list(store.series(run, "loss").values) == [float(k) for k in range(told["points"])]
    assert store.run(run).status == "Completed" and store.run(run).tags == {"kept": "yes"}
    assert damage(workspace) == []
    workspace.connection.close()


def test_what_a_full_disk_took_outlives_a_kill(small, tmp_path):
    done = logs(small, tmp_path, "kill")
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    run, kept = done.stdout.split()
    free(small)
    workspace = Workspace.from_url(str(small / "workspace"))
    store = workspace.connection.store
    values = list(store.series(run, "loss").values)
    assert len(values) >= int(kept) and values == [float(k) for k in range(len(values))]
    assert (store.run(run).status, store.run(run).error["code"]) == ("Failed", "ProcessDied")
    assert damage(workspace) == []
    workspace.connection.close()


def test_a_model_is_registered_whole_or_not_at_all_however_much_room_there_is(small, tmp_path):
    workspace = Workspace.from_url(str(small / "workspace"), create=True)
    large = tmp_path / "large.bin"
    large.write_bytes(os.urandom(SIZE + 1))
    with pytest.raises(StoreUnavailableException, match="Make room"):
        Model.register(workspace, str(large), "large")
    assert Model.list(workspace) == []
    expected, refused = {}, 0
    for leave in range(0, 160_000, 8192):
        content = tmp_path / f"{leave}.bin"
        content.write_bytes(os.urandom(30_000))
        fill(small, leave)
        try:
            made = Model.register(workspace, str(content), "small", tags={"left": str(leave)})
            expected[made.version] = content.read_bytes()
        except StoreUnavailableException as error:
            assert "oom" in str(error) or "full" in str(error), error
            refused += 1
        assert sorted(model.version for model in Model.list(workspace)) == sorted(expected), leave
    assert refused and expected
    free(small)
    made = Model.register(workspace, str(content), "small")
    assert made.version == len(expected) + 1
    for version, data in expected.items():
        found = Model(workspace, "small", version=version).download(str(tmp_path / uuid.uuid4().hex))
        assert Path(found).read_bytes() == data
    assert os.listdir(small / "workspace" / "blobs" / "tmp") == []
    assert damage(workspace) == []
    with Experiment(workspace, "e").start_logging(snapshot_directory=None) as run:
        run.log("x", 1)
    workspace.connection.close()
