"""`execute`: one submitted run from its job to its end, on the machine that has it. Every target calls exactly this.

The order, which the run's details keep with times (`steps`): snapshot → queued → claimed → environment → code → variables →
started → ended → gathered. For whoever writes a launcher for another target:

- `job` is what `claim_job` gave; all that is needed is in its body (see `submit.py`) and in the store.
- `workdir` is a fresh folder of this user (made when it is not there); it is the caller's to remove.
- `stop` ends the run from outside: ``stop.request("canceled")`` cancels it, any other reason fails it. Requests in the store
  (cancel, fail, delete) are seen by `execute` itself, within 0.25 s.
- The run's end is recorded when it returns; the caller takes the job from the queue (`end_job`), or gives it back
  (`requeue_job`) when `Outcome.again` says so. It raises nothing but StoreUnavailableException.
- Beats (`store.beat`) are the caller's.
"""

from __future__ import annotations

import logging
import os
import shlex
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_aml.environments import patience
from jupyter_aml.environments.prepared import Prepared
from jupyter_aml.errors import AzureMLException, SnapshotException, StoreUnavailableException
from jupyter_aml.jobs import credentials, variables
from jupyter_aml.jobs.failure import failure_of, told
from jupyter_aml.jobs.gather import Gathering, gather
from jupyter_aml.jobs.prepare import prepare
from jupyter_aml.jobs.processes import Ended, Rank, nursery, same_interpreter
from jupyter_aml.jobs.ranks import Plan, plan
from jupyter_aml.jobs.sampling import sampling
from jupyter_aml.jobs.script_log import BUILD, CONTROL, ScriptLog
from jupyter_aml.jobs.stop import Stop
from jupyter_aml.jobs.watch import watch
from jupyter_aml.store.connection import Connection
from jupyter_aml.store.events import AssetLinked, Event, RunChanged, RunStatus
from jupyter_aml.store.hidden import Mask
from jupyter_aml.store.records import TERMINAL, JobRecord
from jupyter_aml.tracking import snapshot

if TYPE_CHECKING:
    from jupyter_aml.jobs.spread import Spread

log = logging.getLogger("jupyter_aml")

GRACE = 10.0
"""Seconds between SIGTERM and SIGKILL, or ``$JUPYTER_AML_STOP_GRACE``."""
TICK = 0.1
SHELL = "/bin/sh"
_OPERATORS = frozenset({"&&", "||", ";", "|", ">", ">>", "<", "2>&1", "&"})


@dataclass(frozen=True)
class Outcome:
    """How an execution ended."""

    status: str
    """Of the run: Completed, Failed, Canceled; Queued when it is to be tried again."""
    error: Mapping[str, Any] | None = None
    again: bool = False
    """The job is to be given back to the queue."""


def execute(
    workspace: Any,
    job: JobRecord,
    workdir: str | os.PathLike[str],
    stop: Stop,
    *,
    limits: Mapping[str, int] | None = None,
    machine: Any = None,
    spread: Spread | None = None,
) -> Outcome:
    """Execute a job to its end and record it.

    Args:
        workspace: the workspace.
        job: claimed by the caller.
        workdir: a folder for this execution alone.
        stop: asks for an early end.
        limits: resource limits of each process (names of the module `resource`).
        machine: where its processes are, when that is not this machine: ``prepare(described, say)`` gives a `Prepared`,
            ``start(ranks, workdir)`` what a nursery's `start` gives.
        spread: the nodes that the run is shared by, this one first.

    Raises:
        StoreUnavailableException: the run cannot be looked up at all; nothing was started.
    """
    return _Execution(workspace, job, Path(workdir).absolute(), stop, dict(limits or {}), machine, spread).run()


class _Stopped(Exception):
    pass


class _Execution:
    def __init__(
        self, workspace: Any, job: JobRecord, workdir: Path, stop: Stop, limits: dict[str, int], machine: Any,
        spread: Spread | None,
    ) -> None:  # fmt: skip
        self.workspace = workspace
        self.connection: Connection = workspace.connection
        self.job = job
        self.body = job.body
        self.definition: Mapping[str, Any] = self.body["definition"]
        self.workdir = workdir
        self.code = workdir / "code"
        self.stop = stop
        self.limits = limits
        self.machine = machine
        self.spread = spread
        self.run_id = job.run
        self.steps: dict[str, float] = {}
        self.facts: dict[str, Any] = {}
        self.clock: float | None = None
        self.timed_out = False
        self.token = credentials.Token()
        self.inputs: Mapping[str, str] = {}
        self.inherited: Mapping[str, str] = {}
        self.release: Callable[[], None] = lambda: None
        self.logs: list[ScriptLog] = []

    def run(self) -> Outcome:
        self.store = self.connection.store  # what is read here waits for nothing that is written here
        record = self.connection.find_run(self.run_id)
        if record is None:  # deleted while it waited
            return Outcome("Canceled")
        if record.status in TERMINAL:
            return Outcome(record.status, record.error)
        if record.status == "CancelRequested":
            self.stop.request("canceled")
        self.experiment = record.experiment
        self.type = record.type
        self.submitted_on = record.host
        self.steps = {**record.details.get("steps", {}), "claimed": time.time()}
        tries = int(self.body.get("max_attempts", 1))
        if self.job.attempt > tries and record.status not in ("NotStarted", "Queued", "CancelRequested"):
            # It was begun; whoever took it from its dead launcher was killed, too, before that was written down.
            self.owner = ""
            return self._end(None, {"code": "LauncherDied", "message": "The launcher of this run was killed."})
        # With one attempt the run ends with this process, whoever notices. With more, the queue's beats decide.
        self.owner = self.connection.journal_id if tries <= 1 else ""
        self._write(RunChanged(run=self.run_id, at=time.time(), owner=self.owner), self._status("Preparing"))
        self.control = ScriptLog(self.connection, self.run_id, CONTROL)
        self.logs.append(self.control)
        if self.job.attempt > 1:
            self.control.say(f"Attempt {self.job.attempt} of {tries}.")
        ended: Ended | None = None
        error: dict[str, Any] | None = None
        try:
            with watch(self.connection).over(self.run_id, self.stop):
                ended = self._work()
        except _Stopped:
            pass
        except AzureMLException as problem:
            error = {"code": type(problem).__name__, "message": problem.message}
            self.control.say(problem.message)
        except Exception as problem:
            log.exception("Run %s could not be executed.", self.run_id)
            error = told(problem)
            self.control.say(f"{error['code']}: {error['message']}")
        return self._end(ended, error)

    # -- the way -----------------------------------------------------------------------------------------------------
    def _work(self) -> Ended:
        self._check()
        ready = self._environment()
        self.release, self.python = ready.release, ready.python
        warnings = list(ready.warnings)
        if (self.definition.get("docker") or {}).get("useDocker"):
            warnings.append("A container is asked for (use_docker): runs here start none, they use Python directly.")
        if warnings:
            self.facts["warnings"] = warnings
        self._link_environment()
        self._step("environment")
        self._unpack()
        self._step("code")
        ranks, plans = self._ranks(ready)
        self._step("variables")
        self._check()
        ended = self._processes(ranks, plans)
        self._step("ended")
        self.connection.write(self._status("Finalizing"))
        kept = gather(self.connection, self.run_id, self.code, self.control.say, self.gathering.known)
        if self.inputs:
            from jupyter_aml.data import inputs

            inputs.gather_outputs(self.workspace, self.run_id, self.inputs, succeeded=not any(ended.codes))
            if changed := inputs.changed_mounts(self.workspace, self.inputs):
                self.facts["warnings"] = [*self.facts.get("warnings", ()), *changed]
        self._step("gathered")
        if kept:
            self.control.say(f"{kept:,} file{'s are' if kept > 1 else ' is'} kept.")
        return ended

    def _environment(self) -> Prepared:
        described = self.definition.get("environment")
        built: ScriptLog | None = None

        def say(line: str) -> None:
            nonlocal built
            if built is None:
                built = ScriptLog(self.connection, self.run_id, BUILD)
                self.logs.append(built)
            built.feed(line.encode("utf-8", "replace") + b"\n" * (not line.endswith("\n")))
            built.flush()
            self._check()

        with patience.until(self._check):
            if self.machine is not None:
                ready: Prepared = self.machine.prepare(described, say)
                return ready
            return prepare(self.workspace, described, str(self.body.get("python") or ""), say)

    def _link_environment(self) -> None:
        described = self.definition.get("environment")
        if described and described.get("assetId"):
            from jupyter_aml.environments.environment import KIND, registered

            version = registered(self.store, described)
            if version is not None:
                self.connection.write(
                    AssetLinked(run=self.run_id, role="input", kind=KIND, asset=version.id, at=time.time())
                )

    def _unpack(self) -> None:
        self.workdir.mkdir(mode=0o700, parents=True, exist_ok=True)
        wanted = str(self.body["snapshot"])
        found = self.store.snapshot(wanted)
        if found is None:
            raise SnapshotException(f"The snapshot {wanted} of run {self.run_id} is not in the workspace any more.")
        snapshot.restore(self.connection.blobs, found, self.code)
        for folder in ("outputs", "logs"):
            (self.code / folder).mkdir(exist_ok=True)

    def _ranks(self, ready: Prepared) -> tuple[list[Rank], list[Plan]]:
        arguments, of_inputs = self._arguments()
        seconds = self.definition.get("maxRunDurationSeconds")
        self.token = credentials.mint(self.connection, self.run_id, self.experiment, seconds)
        if self.machine is None:
            self.inherited = variables.inherited_on(self.body.get("inherited"), self.submitted_on)
        own: dict[str, str] = {
            **self.inherited,
            **ready.variables,
            **(self.body.get("variables") or {}),
            **of_inputs,
        }
        plain = not any(k.startswith("PYTHON") for k in own)
        paths = [variables.alias_folder(), *filter(None, [own.get("PYTHONPATH")])]
        own["PYTHONPATH"] = os.pathsep.join(paths)
        own["PATH"] = os.pathsep.join([str(Path(ready.python).parent), own.get("PATH", os.defpath)])
        own |= variables.of_run(
            self.connection, self.run_id, self.experiment,
            type=self.type, token=self.token.text, expires=self.token.expires,
        )  # fmt: skip
        own |= credentials.own_home(self.connection, self.token, self.workdir / "home")
        script = str(self.definition.get("script") or "")
        command = self._command(ready.python, script, arguments)
        forked = plain and script.endswith(".py") and same_interpreter(ready.python)
        plans = plan(self.definition, self.spread.hosts if self.spread is not None else ())
        ranks = [
            Rank(
                command=command, variables={**own, **one.variables}, folder=str(self.code),
                script=script if forked else "", arguments=arguments, limits=self.limits, servant=one.servant,
            )
            for one in plans
        ]  # fmt: skip
        return ranks, plans

    def _command(self, python: str, script: str, arguments: list[str]) -> list[str]:
        if script:
            if script.endswith((".sh", ".bash")):
                return [SHELL, script, *arguments]
            return [python, *(["-u"] if script.endswith(".py") else []), script, *arguments]
        command = self.definition.get("command")
        if isinstance(command, str):
            return [SHELL, "-c", command]
        words = [*map(str, command or ()), *arguments]
        text = " ".join(words) if _OPERATORS.intersection(words) or len(words) == 1 else shlex.join(words)
        return [SHELL, "-c", text]

    def _arguments(self) -> tuple[list[str], dict[str, str]]:
        given = list(self.body.get("arguments") or [])
        data = list(self.body.get("data") or [])
        if not data and all(isinstance(one, str) for one in given):
            return given, {}
        from jupyter_aml.data import inputs

        found = inputs.resolve_arguments(self.workspace, [*given, *data], self.run_id, str(self.workdir / "data"))
        self.inputs = found.variables
        words = found.arguments[: len(given)]
        for name in sorted(found.variables, key=len, reverse=True):  # text that names a reference means its place
            words = [word.replace(f"${name}", found.variables[name]) for word in words]
        return words, dict(found.variables)

    def _processes(self, ranks: list[Rank], plans: list[Plan]) -> Ended:
        mask = Mask([self.token.text] if self.token.text else [])
        printed = [ScriptLog(self.connection, self.run_id, one.log, mask) for one in plans]
        self.printed = printed
        self.logs += printed
        group: Any
        if self.spread is not None:
            group = self.spread.start(
                ranks, plans, workdir=self.workdir, python=self.python, secret=self.token.text, inherited=self.inherited
            )
        else:
            group = nursery().start(ranks) if self.machine is None else self.machine.start(ranks, self.workdir)
        self.clock = time.monotonic()
        self._step("started")
        self.connection.write(
            RunChanged(run=self.run_id, at=time.time(), add_details={"steps": dict(self.steps)}, owner=self.owner),
            self._status("Running"),
        )
        self.stop.on_request(group.poke)
        seconds = self.definition.get("maxRunDurationSeconds")
        stopping = False
        self.gathering = Gathering(self.connection, self.run_id, self.code)
        with sampling(self.connection, self.run_id, group.pids), self.gathering:
            for rank, data in group.events(TICK):
                if rank >= 0:
                    printed[rank].feed(data)
                    continue
                for one in printed:
                    one.flush(due=True)
                self.gathering.tick()
                if seconds and not self.stop and time.monotonic() - self.clock > float(seconds):
                    self.timed_out = True
                    self.stop.request("time limit")
                if self.stop and not stopping:
                    stopping = True
                    self.control.say(f"The processes are asked to end: {self.stop.reason}.")
                    group.stop(_grace())
        ended = group.ended
        if ended.left:
            names = ", ".join(ended.left[:10]) + (" …" if len(ended.left) > 10 else "")
            self.control.say(f"Left behind and ended: {names}.")
        used = {"memory_mb": round(ended.memory / 1e6, 1), "cpu_seconds": round(ended.seconds, 3)}
        self.facts["used"] = used
        return ended

    # -- the end -----------------------------------------------------------------------------------------------------
    def _end(self, ended: Ended | None, error: dict[str, Any] | None) -> Outcome:
        for one in self.logs:
            with suppress(AzureMLException):
                one.close()
        if self.token.text:
            credentials.take_over(self.connection, self.workdir / "home")
        self.release()
        said: Mapping[str, Any] = {}
        with suppress(StoreUnavailableException):
            self.connection.recover()  # what the script could not send itself, as after os._exit; what it had begun ends
            record = self.store.run(self.run_id)
            if record is None or record.status in TERMINAL:  # somebody else has ended it
                return Outcome(record.status if record is not None else "Canceled")
            said = record.details.get("said") or {}
        status, error = self._verdict(ended, error, said)
        again = status == "Failed" and not self.timed_out and self.job.attempt < int(self.body.get("max_attempts", 1))
        self._step("recorded")
        details = {"steps": self.steps, **self.facts}
        changed = RunChanged(run=self.run_id, at=time.time(), add_details=details)
        if again:
            self._write(changed, replace(self._status("Queued"), error=error))
            return Outcome("Queued", error, again=True)
        elapsed = time.monotonic() - self.clock if self.clock is not None else None
        self._write(changed, replace(self._status(status), error=error, elapsed=elapsed))
        try:
            self.connection.flush(10)
        except AzureMLException as problem:  # the journal has it
            log.warning("The end of run %s will be stored later: %s", self.run_id, problem)
        return Outcome(status, error)

    def _verdict(
        self, ended: Ended | None, error: dict[str, Any] | None, said: Mapping[str, Any]
    ) -> tuple[str, dict[str, Any] | None]:
        if self.timed_out:
            seconds = self.definition.get("maxRunDurationSeconds")
            text = f"The run took longer than max_run_duration_seconds={seconds} and was stopped."
            return "Failed", {"code": "MaxRunDurationExceeded", "message": text}
        if self.stop.reason == "canceled":
            return "Canceled", None
        if error is not None:
            return "Failed", error
        if self.stop:
            return "Failed", {"code": "Stopped", "message": f"The run was stopped: {self.stop.reason}."}
        assert ended is not None
        if ended.lost:
            why = ended.why or "The process that watched the script was killed."
            return "Failed", {"code": "ProcessDied", "message": why}
        code = ended.codes[ended.first]
        if said.get("status") == "Failed":  # the script itself knows best
            return "Failed", dict(said.get("error") or {"code": "UserError", "message": ""})
        if code:
            several = len(ended.codes) > 1
            end = ended.said.get(ended.first) or self.printed[ended.first].end()
            return "Failed", failure_of(code, end, rank=ended.first if several else None)
        return "Completed", None

    # -- small things ------------------------------------------------------------------------------------------------
    def _check(self) -> None:
        if self.stop:
            raise _Stopped

    def _step(self, name: str) -> None:
        self.steps[name] = time.time()

    def _status(self, status: str) -> RunStatus:
        return RunStatus(run=self.run_id, status=status, at=time.time())

    def _write(self, *events: Event) -> None:
        self.connection.write(*events)


def _grace() -> float:
    try:
        return float(os.environ.get("JUPYTER_AML_STOP_GRACE", ""))
    except ValueError:
        return GRACE
