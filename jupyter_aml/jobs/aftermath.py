"""What is left to do when the process that executed something was killed, without a word from anyone: a notebook's output says so,
and the launcher of submitted runs is started again."""

from __future__ import annotations

import logging
import os

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


def look_after_launchers(connection: Connection) -> None:
    """Start the launchers that were killed, and end the runs of those that are silent. A submitted script leaves that to others."""
    if "JUPYTER_AML_RUN_TYPE" not in os.environ:
        from jupyter_aml.jobs.launching import look_after  # nothing that every process should load

        look_after(connection)


connections.after_recovery.append(repair_outputs)
connections.also_look_after.append(look_after_launchers)
