"""An execution of a notebook in a process of its own, which outlives the one that asked for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from jupyter_aml.errors import ActivityFailedException, AzureMLException, UserErrorException
from jupyter_aml.jobs.notebook import execute, inspect
from jupyter_aml.jobs.record import Wanted
from jupyter_aml.store.connection import Connection
from jupyter_aml.tracking.ids import new_id

PATIENCE = 60.0
"""Seconds until the run is there: the process starts Python and reads the notebook."""
NOT_BEGUN = 2
"""Exit code of a process that refused to begin."""
_INSIDE = ("JUPYTER_AML_RUN_ID", "AZUREML_RUN_ID", "JUPYTER_AML_EXPERIMENT")


@dataclass(kw_only=True)
class Task:
    """What is to be executed, as it is handed to the process."""

    notebook: str
    """Its path."""
    output: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    experiment: str = ""
    name: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)
    allow_unknown: bool = False
    kernel: str | None = None
    cwd: str | None = None
    timeout: int | None = None
    """Seconds for each cell."""


def start(connection: Connection, task: Task) -> str:
    """Begin to execute a notebook in the background.

    Args:
        connection: the workspace in which it is recorded.
        task: what.

    Returns:
        The id of its run, which is there.

    Raises:
        ParameterException, UserErrorException: it cannot be right as it stands; nothing was started.
        ActivityFailedException: the process ended before there was a run.
    """
    inspect(
        Path(task.notebook),
        [task.parameters],
        secrets=task.secrets,
        allow_unknown=task.allow_unknown,
        kernel=task.kernel,
    )
    run_id = new_id()
    said = tempfile.TemporaryFile()  # noqa: SIM115 - the process writes to it as long as it lives
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyter_aml.jobs.detached"],
        stdin=subprocess.PIPE,
        stdout=said,
        stderr=said,
        start_new_session=True,  # neither a Ctrl-C nor the end of the one who asks ends it
        env={k: v for k, v in os.environ.items() if k not in _INSIDE},
    )
    assert process.stdin is not None
    with suppress(BrokenPipeError), process.stdin as pipe:  # secrets and credentials go this way, not by argv
        pipe.write(json.dumps({**asdict(task), "workspace": connection.url, "run_id": run_id}, default=str).encode())
    end = time.monotonic() + PATIENCE
    while connection.store.run(run_id) is None:
        if process.poll() is not None:
            if connection.store.run(run_id) is not None:
                break
            raise _refused(process.returncode, said)
        if time.monotonic() > end:
            process.kill()
            process.wait()
            raise ActivityFailedException(f"The execution did not begin within {PATIENCE:.0f} seconds.")
        time.sleep(0.05)
    said.close()
    threading.Thread(target=process.wait, name="jupyter_aml-reaper", daemon=True).start()
    return run_id


def _refused(code: int, said: Any) -> AzureMLException:
    said.seek(0)
    lines = [line for line in said.read().decode("utf-8", "replace").splitlines() if line.strip()]
    said.close()
    text = lines[-1] if lines else f"The process ended with {code} and said nothing."
    return UserErrorException(text) if code == NOT_BEGUN else ActivityFailedException(text)


def main() -> int:
    """Execute what the standard input says.

    Returns:
        0 completed, 1 failed, 2 could not begin (the last line of the output says why).
    """
    from jupyter_aml.jobs import place

    given = json.load(sys.stdin)
    wanted = Wanted(
        connection=place.connection_to(given["workspace"]),
        experiment=given["experiment"],
        name=given["name"],
        tags=given["tags"],
        secrets=frozenset(given["secrets"]),
        allow_unknown=given["allow_unknown"],
        run_id=given["run_id"],
    )
    output = given["output"]
    try:
        execute(
            given["notebook"],
            output.replace("{", "{{").replace("}", "}}") if output else None,
            given["parameters"],
            wanted,
            kernel=given["kernel"],
            raise_on_error=True,
            cwd=given["cwd"],
            execution_timeout=given["timeout"],
            progress_bar=False,
        )
    except AzureMLException as error:
        print(str(error).strip().splitlines()[0], file=sys.stderr)
        return 1 if isinstance(error, ActivityFailedException) else NOT_BEGUN
    return 0


if __name__ == "__main__":
    sys.exit(main())
