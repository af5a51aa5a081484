"""One execution of a sweep, in a process of its own: the task comes as JSON on the standard input."""

from __future__ import annotations

import json
import logging
import sys

from jupyter_aml.errors import ActivityFailedException, AzureMLException
from jupyter_aml.jobs import place
from jupyter_aml.jobs.notebook import execute
from jupyter_aml.jobs.record import Wanted


def main() -> int:
    """Execute; the last line of the output says what went wrong.

    Returns:
        0 completed, 1 failed, 2 could not begin.
    """
    task = json.load(sys.stdin)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    wanted = Wanted(
        connection=place.connection_to(task["workspace"]),
        experiment=task["experiment"],
        parent=task["parent"],
        parent_process=task["parent_process"],
        run_id=task["run_id"],
        name=task["name"],
        tags=task["tags"],
        secrets=frozenset(task["secrets"]),
        allow_unknown=task["allow_unknown"],
        take_snapshot=False,
        snapshot_id=task["snapshot_id"] or None,
        properties={"aml.sweep_index": str(task["index"])},
    )
    output = task["output"]
    try:
        execute(
            task["notebook"],
            output.replace("{", "{{").replace("}", "}}") if output else None,
            task["parameters"],
            wanted,
            kernel=task["kernel"],
            raise_on_error=True,
            cwd=task["cwd"],
            execution_timeout=task["timeout"],
            start_timeout=task["start_timeout"],
            progress_bar=False,
        )
    except AzureMLException as error:
        print(str(error).strip().splitlines()[0], file=sys.stderr)
        return 1 if isinstance(error, ActivityFailedException) else 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
