"""A notebook as the script of a submitted run: ``python -m jupyter_aml.jobs.notebook_script NOTEBOOK OUTPUT PARAMETERS``.

The run is the submitted one: what the notebook logs is found there, and its cells are its children.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from jupyter_aml.errors import AzureMLException
from jupyter_aml.jobs import place
from jupyter_aml.jobs.notebook import execute
from jupyter_aml.jobs.record import Wanted


def main(arguments: list[str]) -> int:
    """Execute the notebook. Returns 0 completed, 1 failed, 2 could not begin."""
    notebook, output, parameters = arguments
    wanted = Wanted(
        connection=place.connection(Path.cwd()),
        experiment=os.environ.get("JUPYTER_AML_EXPERIMENT", ""),
        run_id=os.environ.get("JUPYTER_AML_RUN_ID"),
        take_snapshot=False,
        ended_by_launcher=True,
    )
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    try:
        run = execute(
            notebook,
            output.replace("{", "{{").replace("}", "}}"),
            json.loads(parameters),
            wanted,
            kernel=None,
            raise_on_error=False,
            progress_bar=False,
            log_output=True,
        )
    except AzureMLException as error:
        print(f"{type(error).__name__}: {error.message}", file=sys.stderr)
        return 2
    said = run._record().details.get("said") or {}
    told = said.get("error") or {}
    if told:
        print(told.get("traceback") or f"{told.get('code')}: {told.get('message')}", file=sys.stderr)
    return 0 if said.get("status") == "Completed" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
