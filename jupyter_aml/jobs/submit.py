"""`Experiment.submit`: what a configuration describes becomes a run in a target's queue.

`submit` hands over to the configuration's own ``_submit(workspace, experiment, tags=…, **kwargs)``: whatever has one can be
submitted. `submit_script` is that of scripts, and the way by which searches and pipelines submit theirs: snapshot, run, job,
a word to the launcher.

A target other than "local" is the workspace's `ComputeTarget` of that name, and has three methods for us:
``_queue()`` (name of its queue), ``_check_job(definition)`` (raises ComputeTargetException when it takes no such run now) and
``_wake()`` (a job was put into its queue).
"""

from __future__ import annotations

import getpass
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jupyter_aml.errors import ComputeTargetException, ConflictException, UserErrorException
from jupyter_aml.jobs import launching, variables
from jupyter_aml.jobs.script_run import ScriptRun
from jupyter_aml.store.connection import Connection
from jupyter_aml.store.events import RunCreated, SnapshotTaken
from jupyter_aml.store.records import JobRecord, RunRecord
from jupyter_aml.tracking import names, snapshot
from jupyter_aml.tracking.experiment import Experiment
from jupyter_aml.tracking.ids import new_id
from jupyter_aml.tracking.lifetime import record_git

MASK = "******"


def submit(workspace: Any, experiment: Any, config: Any, tags: Mapping[str, Any] | None = None, **kwargs: Any) -> Any:
    """Run what a configuration describes; see `Experiment.submit`.

    Raises:
        UserErrorException: it is nothing that can be submitted.
    """
    chosen = experiment if isinstance(experiment, Experiment) else Experiment(workspace, str(experiment))
    if not hasattr(config, "_submit") or isinstance(config, type):
        raise UserErrorException(
            f"{config!r} of type {type(config).__name__} cannot be submitted. Give a ScriptRunConfig, for instance: "
            "ScriptRunConfig(source_directory='.', script='train.py')."
        )
    return config._submit(workspace, chosen, tags=tags, **kwargs)


def submit_script(
    workspace: Any,
    experiment: Experiment,
    config: Any,
    *,
    tags: Mapping[str, Any] | None = None,
    run_id: str | None = None,
    parent: str | None = None,
    name: str = "",
    type: str = ScriptRun.RUN_TYPE,
    properties: Mapping[str, str] | None = None,
    params: Mapping[str, Any] | None = None,
    snapshot_id: str | None = None,
    user: str = "",
    _parent_run_id: str | None = None,
    **unknown: Any,
) -> Any:
    """Queue a script.

    Args:
        workspace: the workspace.
        experiment: of the run.
        config: a `ScriptRunConfig`.
        tags: of the run.
        run_id: the run's id, which none may have had before; made without.
        parent: id of the run that it is a child of.
        name: display name.
        type: of the run.
        properties: of the run.
        params: of the run.
        snapshot_id: of a snapshot that was taken of the source directory already.
        user: who submits, where that is not who this process belongs to.

    Returns:
        Its run, queued.

    Raises:
        UserErrorException: no such script; numbers that cannot be.
        ConflictException: there is a run of this id.
        SnapshotException: the source directory cannot be frozen.
        ComputeTargetException: no such target, or it takes no runs now.
        StoreUnavailableException: nothing was queued.
    """
    if unknown:
        raise UserErrorException(f"submit() of a script takes no {sorted(unknown)[0]}=.")
    connection: Connection = workspace.connection
    definition, body = _described(workspace, config)
    target = _target(workspace, config.run_config, definition)
    source = Path(config.source_directory).absolute()
    _check_script(source, config)
    store = connection.store
    if run_id is not None and store.run(names.run_id(run_id)) is not None:
        raise ConflictException(f"There is a run {run_id!r} already; Run.get() finds it. Choose another id.")
    began = time.time()
    if snapshot_id is None:
        taken = snapshot.take(connection.blobs, source)
        connection.write(SnapshotTaken(snapshot=taken))  # it reaches the store with the birth
        snapshot_id = taken.id
    mine = uuid.uuid4().hex
    born = RunRecord(
        id=run_id or new_id(),
        experiment=experiment.name,
        type=type,
        status="Queued",
        parent=parent or _parent_run_id,
        name=name,
        created=time.time(),
        user=user or _user(),
        host=os.uname().nodename if hasattr(os, "uname") else "",
        owner=connection.journal_id,
        snapshot=snapshot_id,
        params=dict(params or {}),
        tags=names.tags_of(tags or {}),
        properties={
            "ContentSnapshotId": snapshot_id,
            "_azureml.ComputeTargetType": target.kind,
            **{k: str(v) for k, v in (properties or {}).items()},
        },
        details={
            "target": definition["target"], "definition": _shown(definition), "submission": mine,
            "steps": {"snapshot": began, "queued": time.time()},
        },
    )  # fmt: skip
    job = JobRecord(
        run=born.id, target=target.queue, priority=int(definition["priority"] or 0),
        body={**body, "definition": definition, "snapshot": snapshot_id, "submission": mine},
    )  # fmt: skip
    connection.write(RunCreated(run=born))
    connection.flush(10)
    if run_id is not None:
        _check_mine(connection, run_id, mine)
    # Until it is queued this process would have to end the run: killed in between, it leaves none that nobody ends.
    store.put_job(job)
    target.wake()
    _record_git(connection, born.id, source)
    run = ScriptRun(experiment, born.id) if type == ScriptRun.RUN_TYPE else None
    return run if run is not None else workspace.get_run(born.id)


class _Place:
    """Where the run goes to."""

    def __init__(self, kind: str, queue: str, wake: Callable[[], None]) -> None:
        self.kind, self.queue, self.wake = kind, queue, wake


def _target(workspace: Any, config: Any, definition: Mapping[str, Any]) -> _Place:
    if config.target == launching.LOCAL:
        queue = launching.local_queue()
        return _Place(launching.LOCAL, queue, lambda: launching.ensure(workspace.connection, queue))
    found = config._target_object
    if found is None:
        if find_spec("jupyter_aml.compute") is None:
            raise ComputeTargetException(
                f"There is no compute target {config.target!r}. This version of jupyter_aml has the target 'local' alone."
            )
        from jupyter_aml.compute.target import ComputeTarget

        found = ComputeTarget(workspace, config.target)
    if not hasattr(found, "_queue"):
        raise ComputeTargetException(f"The compute target {config.target!r} takes no scripts.")
    found._check_job(definition)
    return _Place(str(getattr(found, "type", "")), str(found._queue()), found._wake)


def _described(workspace: Any, config: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The definition and what else the job's body says."""
    run_config = config.run_config
    run_config.script, run_config.command, run_config.arguments = config.script, config.command, config.arguments
    definition = run_config._definition()
    seconds = definition["maxRunDurationSeconds"]
    if seconds is not None:
        try:
            definition["maxRunDurationSeconds"] = float(seconds)
            good = definition["maxRunDurationSeconds"] > 0
        except (TypeError, ValueError):
            good = False
        if not good:
            raise UserErrorException(f"max_run_duration_seconds is a number of seconds above 0, not {seconds!r}.")
    tries = int(definition["maxAttempts"])
    if tries < 1:
        raise UserErrorException(f"max_attempts is 1 or more, not {tries}.")
    from jupyter_aml.jobs.ranks import plan

    plan(definition)  # numbers that do not fit are refused now
    packed = _packed(workspace, config.arguments)
    definition["arguments"] = _words(packed)
    references = [
        one._reference(name, workspace) if hasattr(one, "_reference") else one
        for name, one in run_config.data_references.items()
    ]
    data = [*run_config.data.values(), *references, *run_config.output_data.values()]
    body = {
        "arguments": packed,
        "data": _packed(workspace, data),
        "variables": dict(run_config.environment_variables),
        "inherited": variables.inherited(),
        "python": sys.executable,
        "max_attempts": tries,
    }
    return definition, body


def _packed(workspace: Any, arguments: Sequence[Any]) -> list[Any]:
    """Arguments as JSON; datasets are brought along when there are any."""
    if all(isinstance(one, str | int | float | os.PathLike) for one in arguments):
        return [str(one) for one in arguments]
    from jupyter_aml.data import inputs

    return inputs.pack_arguments(workspace, arguments)


def _words(packed: Sequence[Any]) -> list[str]:
    if all(isinstance(one, str) for one in packed):
        return list(packed)
    from jupyter_aml.data import inputs

    return inputs.shown_arguments(packed)


def _check_script(source: Path, config: Any) -> None:
    if not source.is_dir():
        raise UserErrorException(f"There is no source directory {config.source_directory!r}.")
    if not config.script:
        return
    script = Path(config.script)
    inside = source / script
    if script.is_absolute() or not inside.resolve().is_relative_to(source.resolve()):
        raise UserErrorException(
            f"The script {config.script!r} is not below the source directory {config.source_directory!r}."
        )
    if not inside.is_file():
        known = sorted(p.name for p in source.glob("*.py"))
        have = f" There are {', '.join(known[:10])}." if known else ""
        raise UserErrorException(
            f"There is no script {config.script!r} in the source directory {config.source_directory!r}.{have}"
        )


def _check_mine(connection: Connection, run_id: str, mine: str) -> None:
    """Of two who submit one id at once, the first has it."""
    record = connection.store.run(run_id)
    if record is None or record.details.get("submission") != mine:
        raise ConflictException(f"There is a run {run_id!r} already: somebody submitted it just now.")


def _shown(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The definition as it is kept with the run: values of variables that may be credentials are left out."""
    own = {k: MASK if variables.looks_secret(k) else v for k, v in definition["environmentVariables"].items()}
    return {**definition, "environmentVariables": own}


def _record_git(connection: Connection, run_id: str, source: Path) -> None:
    """The git state of the source, in the background; the process waits for it at its end."""

    if not os.environ.get("GIT_DIR") and not any((top / ".git").exists() for top in (source, *source.parents)):
        return  # no process is started to hear that

    def look() -> None:
        with suppress(Exception):  # a courtesy
            record_git(connection, run_id, str(source))

    threading.Thread(target=look, name="jupyter_aml-git").start()


def _user() -> str:
    with suppress(Exception):
        return getpass.getuser()
    return ""
