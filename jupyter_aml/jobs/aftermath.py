"""What is left to do when the process that executed a notebook was killed: its output then says so, without a word from anyone."""

from __future__ import annotations

import logging

from jupyter_aml.store import connection as connections
from jupyter_aml.store.connection import Connection

log = logging.getLogger("jupyter_aml")


def repair_outputs(connection: Connection, failed: list[str]) -> None:
    """Complete the output notebooks among runs that were failed because their process died."""
    for run_id in failed:
        try:
            record = connection.store.run(run_id)
            if record is not None and record.type == "aml.notebook":
                from jupyter_aml.jobs.repair import repair_output  # nothing that every process should load

                repair_output(connection, run_id)
        except Exception as error:  # looking at a workspace does not fail because of a notebook
            log.warning("The output notebook of run %s could not be completed (%s).", run_id, error)


connections.after_recovery.append(repair_outputs)
