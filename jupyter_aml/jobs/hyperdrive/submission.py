"""A search and its children on their way into the queues.

The search's run has a job in the queue of *leaders* of the machine that submits; the launcher there executes it as `lead.py`
says. What every child is made of (definition, snapshot, variables) is frozen in that job.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jupyter_aml.errors import ConflictException, UserErrorException
from jupyter_aml.jobs import launching
from jupyter_aml.jobs import submit as scripts
from jupyter_aml.jobs.hyperdrive.ask import check
from jupyter_aml.store.connection import Connection
from jupyter_aml.store.events import RunCreated, SnapshotTaken
from jupyter_aml.store.records import JobRecord, RunRecord
from jupyter_aml.tracking import kinds, names, snapshot
from jupyter_aml.tracking.ids import new_id

RUN_TYPE = "hyperdrive"
ATTEMPTS = 20
"""How often a search whose launcher is killed is taken up again."""


def submit_search(
    workspace: Any,
    experiment: Any,
    config: Any,
    *,
    tags: Mapping[str, Any] | None = None,
    run_id: str | None = None,
    parent: str | None = None,
    name: str = "",
    properties: Mapping[str, str] | None = None,
    user: str = "",
    _parent_run_id: str | None = None,
    **unknown: Any,
) -> Any:
    """Queue a search.

    Args:
        workspace: the workspace.
        experiment: of the run.
        config: a `HyperDriveConfig`.
        tags: of the run.
        run_id: its id, which none may have had before; made without.
        parent: id of the run that it is a child of.
        name: display name.
        properties: of the run.
        user: who submits, where that is not who this process belongs to.

    Returns:
        Its `HyperDriveRun`, queued.

    Raises:
        UserErrorException: no such script, or Optuna is not installed.
        ConflictException: there is a run of this id.
        SnapshotException: the source directory cannot be frozen.
        ComputeTargetException: no such target, or it takes no runs now.
        StoreUnavailableException: nothing was queued.
    """
    if unknown:
        raise UserErrorException(f"submit() of a search takes no {sorted(unknown)[0]}=.")
    check()
    connection: Connection = workspace.connection
    script = config.run_config
    definition, body = scripts._described(workspace, script)
    target = scripts._target(workspace, script.run_config, definition)
    source = Path(script.source_directory).absolute()
    scripts._check_script(source, script)
    wanted = run_id or config._custom_run_id
    if wanted is not None and connection.store.run(names.run_id(wanted)) is not None:
        raise ConflictException(f"There is a run {wanted!r} already; Run.get() finds it. Choose another id.")
    began = time.time()
    taken = snapshot.take(connection.blobs, source)
    connection.write(SnapshotTaken(snapshot=taken))
    mine = uuid.uuid4().hex
    search = config._search()
    search["sampling"]["properties"].setdefault("seed", secrets.randbelow(2**31))  # told, so that it can be had again
    born = RunRecord(
        id=wanted or f"HD_{new_id()}",
        experiment=experiment.name,
        type=RUN_TYPE,
        status="Queued",
        parent=parent or _parent_run_id,
        name=name,
        created=time.time(),
        user=user or scripts._user(),
        host=os.uname().nodename if hasattr(os, "uname") else "",
        owner=connection.journal_id,
        snapshot=taken.id,
        tags=names.tags_of(tags or {}),
        properties={
            "ContentSnapshotId": taken.id,
            "_azureml.ComputeTargetType": target.kind,
            "azureml.runsource": "hyperdrive",
            "runTemplate": "HyperDrive",
            "platform": "AML",
            "primary_metric_config": json.dumps({"name": search["metric"], "goal": search["goal"].lower()}),
            "resume_from": json.dumps(search["resume_from"] or None),
            **{k: str(v) for k, v in (properties or {}).items()},
        },
        details={
            "target": definition["target"], "definition": scripts._shown(definition), "submission": mine,
            "steps": {"snapshot": began, "queued": time.time()}, "search": search,
        },
    )  # fmt: skip
    queue = launching.leaders_queue()
    job = JobRecord(
        run=born.id, target=queue,
        body={
            "leader": RUN_TYPE, "max_attempts": ATTEMPTS, "submission": mine, "search": search,
            "script": {**body, "definition": definition, "snapshot": taken.id},
        },
    )  # fmt: skip
    connection.write(RunCreated(run=born))
    connection.flush(10)
    if wanted is not None:
        scripts._check_mine(connection, wanted, mine)
    connection.store.put_job(job)
    launching.ensure(connection, queue)
    if definition["target"] == launching.LOCAL:
        target.wake()  # the children's launcher starts beside the leader's, not after it
    scripts._record_git(connection, born.id, source)
    run = kinds.made(type(None), experiment, born.id, RUN_TYPE)
    run._config = config
    return run


class Children:
    """Puts the children of a search into their queue.

    Args:
        workspace: the workspace.
        record: the search's run.
        script: what they are made of, as its job has it.
    """

    def __init__(self, workspace: Any, record: RunRecord, script: Mapping[str, Any]) -> None:
        self._workspace = workspace
        self._connection: Connection = workspace.connection
        self._search = record
        self._script = script

    def begin(self, index: int, values: Mapping[str, Any]) -> str:
        """Queue a child and return its id, which follows from the search's and `index`.

        Raises:
            ComputeTargetException: the target takes no runs now.
            StoreUnavailableException: it may be recorded, but is not queued.
        """
        run_id = f"{self._search.id}_{index}"
        born = self._birth(run_id, index, values)
        self._connection.write(RunCreated(run=born))
        self._connection.flush(10)
        self.queue(run_id, values)
        return run_id

    def queue(self, run_id: str, values: Mapping[str, Any]) -> None:
        """Put a child that is recorded into its queue. One that is there stays as it is."""
        definition = self._definition(values)
        target = scripts._target(
            self._workspace, SimpleNamespace(target=definition["target"], _target_object=None), definition
        )
        body = {
            **self._script,
            "arguments": [*self._script["arguments"], *_words(values)],
            "definition": definition,
            "submission": self._search.id,
        }
        priority = int(definition["priority"] or 0)
        self._connection.store.put_job(JobRecord(run=run_id, target=target.queue, priority=priority, body=body))
        target.wake()

    def _birth(self, run_id: str, index: int, values: Mapping[str, Any]) -> RunRecord:
        above, definition = self._search, self._definition(values)
        now = time.time()
        kept = {k: v for k, v in above.properties.items() if k in ("ContentSnapshotId", "_azureml.ComputeTargetType")}
        return RunRecord(
            id=run_id, experiment=above.experiment, type="azureml.scriptrun", status="Queued", parent=above.id,
            created=now, user=above.user, host=above.host, snapshot=str(self._script["snapshot"]), params=dict(values),
            tags={"hyperparameters": json.dumps(dict(values), default=str)},
            properties=kept,
            details={
                "target": definition["target"], "definition": scripts._shown(definition), "submission": above.id,
                "steps": {"queued": now}, "search": above.id, "index": index,
            },
        )  # fmt: skip

    def _definition(self, values: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = dict(self._script["definition"])
        words = _words(values)
        found["arguments"] = [*found["arguments"], *words]
        if isinstance(found["command"], str) and found["command"]:
            found["command"] = f"{found['command']} {shlex.join(words)}"
        return found


def _words(values: Mapping[str, Any]) -> list[str]:
    """Hyperparameters as they come after a script's own arguments: the last one of a name counts.

    One that was named without dashes is an option all the same: "momentum" is given as ``--momentum``.
    """
    options = {name if name.startswith("-") else f"--{name}": value for name, value in values.items()}
    return [word for option, value in options.items() for word in (option, str(value))]
