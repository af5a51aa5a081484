"""A run's script reads and writes contents that only the variables of whoever submitted it open, without having them."""

import pytest
from places import make_bucket

from jupyter_aml import Experiment, Workspace
from jupyter_aml.data.dataset import Dataset
from jupyter_aml.jobs.script_config import ScriptRunConfig

SECRET = "s3cr3t-that-no-script-has"
SCRIPT = """
import os
from pathlib import Path
from jupyter_aml import Run

run = Run.get_context()
workspace = run.experiment.workspace
Path("f.txt").write_text("f")
run.upload_file("up/f.txt", "f.txt")
run.log("rows", len(run.input_datasets["table"].to_pandas_dataframe()))
store = workspace.get_default_datastore()
store.upload_files(["f.txt"], target_path="written")
assert store.download("back", prefix="written", show_progress=False) == 1
run.register_model("made", "up/f.txt")
home = Path(os.environ["JUPYTER_AML_HOME"])
there = [str(dict(os.environ)), *(p.read_text(errors="replace") for p in home.rglob("*") if p.is_file())]
run.tag("found", str(any(word in text for text in there for word in ("s3cr3t-that", "open sesame", "open%20sesame"))))
"""


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_script_reaches_a_database_and_a_bucket_by_its_runs_token_alone(s3_server, tmp_path, monkeypatch):
    import postgres_process

    for name, value in {
        "AWS_ENDPOINT_URL": s3_server, "AWS_ACCESS_KEY_ID": "AKIATESTTESTTEST", "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true", "JUPYTER_AML_LAUNCHER_IDLE": "1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    ws = Workspace.from_url(postgres_process.address(), create=True, artifacts=f"s3://{make_bucket(s3_server)}/p")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "s.py").write_text(SCRIPT)
    (tmp_path / "a.csv").write_text("x\n1\n2\n")
    store = ws.get_default_datastore()
    store.upload_files([tmp_path / "a.csv"], show_progress=False)
    table = Dataset.Tabular.from_delimited_files((store, "a.csv")).register(ws, "t").as_named_input("table")
    run = Experiment(ws, "e").submit(ScriptRunConfig(str(tmp_path / "code"), script="s.py", arguments=["--t", table]))
    run.wait_for_completion(show_output=False)
    assert run.get_status() == "Completed", run.get_details_with_logs()
    assert run.get_metrics() == {"rows": 2} and run.get_tags()["found"] == "False"
    assert store.download(tmp_path / "out", prefix="written", show_progress=False) == 1
    assert list(ws.models) == ["made"] and "up/f.txt" in run.get_file_names()
