"""Leads a search: asks for points, queues children, ends those that lose, and keeps count. Runs in the launcher of leaders.

All that it knows is in the store: the search's job, and the children with their hyperparameters, states and metrics. Killed, it
is taken up by another launcher from there, and no child is begun twice.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from jupyter_aml.errors import AzureMLException, RunStateException, StoreUnavailableException
from jupyter_aml.jobs.execute import Outcome
from jupyter_aml.jobs.failure import told
from jupyter_aml.jobs.hyperdrive import policy as policies
from jupyter_aml.jobs.hyperdrive.ask import Sampler
from jupyter_aml.jobs.hyperdrive.run import best_of
from jupyter_aml.jobs.hyperdrive.space import key
from jupyter_aml.jobs.hyperdrive.submission import Children
from jupyter_aml.jobs.script_log import ScriptLog
from jupyter_aml.jobs.script_run import ScriptRun
from jupyter_aml.jobs.stop import Stop
from jupyter_aml.jobs.watch import watch
from jupyter_aml.store.connection import Connection
from jupyter_aml.store.events import RunChanged, RunStatus
from jupyter_aml.store.records import TERMINAL, JobRecord, MetricRecord, RunQuery, RunRecord
from jupyter_aml.tracking.experiment import Experiment

log = logging.getLogger("jupyter_aml")

LOG = "azureml-logs/hyperdrive.txt"
QUICK, SLOW = 0.03, 0.5
"""Seconds between two looks: when something just happened, and later."""
PATIENCE = 30.0
"""Longest pause while the store cannot be reached."""
HOPELESS = 10
"""Children that fail, with none that completed, after which no more are begun."""
LEAVE = 60.0
"""Seconds that cancelled children are waited for."""
_SOME = 200


def lead(workspace: Any, job: JobRecord, workdir: Path, stop: Stop) -> Outcome:
    """Lead a search to its end and record it; called as `execute` is.

    Raises:
        StoreUnavailableException: the run cannot be looked up at all.
    """
    connection: Connection = workspace.connection
    record = connection.store.run(job.run)
    if record is None:  # deleted
        return Outcome("Canceled")
    if record.status in TERMINAL:
        return Outcome(record.status, record.error)
    if record.status == "CancelRequested":
        stop.request("canceled")
    search = _Search(workspace, job, record, stop)
    with watch(connection).over(job.run, stop):
        return search.run()


class _Child:
    """A child as far as it is known."""

    def __init__(self, index: int, values: Mapping[str, Any]) -> None:
        self.index, self.values = index, values
        self.status = "Queued"
        self.history: list[float] = []
        self.best: float | None = None
        self.error: Mapping[str, Any] | None = None
        self.ended_by_policy = False


class _Search:
    def __init__(self, workspace: Any, job: JobRecord, record: RunRecord, stop: Stop) -> None:
        self.workspace = workspace
        self.connection: Connection = workspace.connection
        self.job, self.record, self.stop = job, record, stop
        self.plan: Mapping[str, Any] = job.body["search"]
        self.metric = str(self.plan["metric"])
        self.maximize = self.plan["goal"] == "MAXIMIZE"
        self.policy = policies.of_json(self.plan["policy"])
        self.judges = self.policy.POLICY_NAME != policies.NoTerminationPolicy.POLICY_NAME
        self.experiment = Experiment(workspace, record.experiment, _create_in_cloud=False)
        self.log = ScriptLog(self.connection, record.id, LOG)
        self.children: dict[str, _Child] = {}
        self.first: list[Mapping[str, Any]] = list(self.plan["first"])
        self.exhausted = self.recalling = False
        self.began = time.time()
        self.why = ""

    # -- the way -----------------------------------------------------------------------------------------------------
    def run(self) -> Outcome:
        error: dict[str, Any] | None = None
        try:
            self._begin()
            self._loop()
        except StoreUnavailableException:
            raise
        except AzureMLException as problem:
            error = {"code": type(problem).__name__, "message": problem.message}
        except Exception as problem:
            log.exception("The search %s could not be led.", self.record.id)
            error = told(problem)
        return self._end(error)

    def _begin(self) -> None:
        steps = dict(self.record.details.get("steps", {}))
        self.began = float(steps.setdefault("started", time.time()))
        self.connection.write(
            RunChanged(run=self.record.id, at=time.time(), add_details={"steps": steps}),
            RunStatus(run=self.record.id, status="Running", at=time.time()),
        )
        seed = int(self.plan["sampling"]["properties"]["seed"])
        self.sampler = Sampler(self.plan["sampling"], maximize=self.maximize, seed=seed)
        self.queue = Children(self.workspace, self.record, self.job.body["script"])
        self._learn_from_others()
        self._recall()
        if self.job.attempt > 1:
            self.log.say(f"Taken up again, with {len(self.children)} children that there are already.")
        else:
            self.log.say(
                f"The search begins: {self.sampler.method}, {self.metric} {self.plan['goal'].lower()}d, up to "
                f"{self.plan['total']} children, {self.plan['at_once']} at once, seed {seed}."
            )

    def _loop(self) -> None:
        pause, seen, trouble = QUICK, -1, 0.0
        while not self.stop and not self.why:
            try:
                last = self.connection.store.last_change()
                if last != seen:
                    seen = last
                    self._look()
                    if self.judges:
                        self._judge()
                began = self._more()
                trouble = 0.0
            except StoreUnavailableException as error:
                trouble = min(PATIENCE, trouble * 2 or 1.0)
                self._wait(trouble)
                log.warning("The search %s waits for its store: %s", self.record.id, error)
                continue
            if not self._open() and (self.exhausted or len(self.children) >= self.plan["total"]):
                return
            self._check_time()
            pause = QUICK if began else min(pause * 1.3, SLOW)
            if not began:
                self._wait(pause)

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self.stop and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))

    # -- what there is -----------------------------------------------------------------------------------------------
    def _recall(self) -> None:
        """The children that an earlier attempt began."""
        query = RunQuery(parent=self.record.id, order_by="created", descending=False, limit=500, include_archived=True)
        for record in self.connection.store.walk(query):
            if record.details.get("search") != self.record.id:
                continue
            child = _Child(int(record.details["index"]), dict(record.params))
            self.children[record.id] = child
            child.ended_by_policy = "terminated_by" in record.properties
            self.sampler.note(child.values)
            if record.status == "Queued" and self.connection.store.job(record.id) is None:
                again = self.connection.store.run(record.id)
                if again is not None and again.status == "Queued":  # recorded, but not queued any more
                    self.queue.queue(record.id, child.values)
        known = {key(child.values) for child in self.children.values()}
        self.first = [values for values in self.first if key(values) not in known]
        self.recalling = True
        self._look()
        self.recalling = False

    def _learn_from_others(self) -> None:
        """What came of the searches that this one builds upon."""
        for search in self.plan["resume_from"]:
            query = RunQuery(parent=search, limit=500, include_archived=True)
            found = [one for one in self.connection.store.walk(query) if one.details.get("search") == search]
            metrics = self._metrics([one.id for one in found])
            for one in found:
                metric = metrics.get(one.id)
                best = best_of(metric, self.maximize)
                self.sampler.tell(
                    one.params, best, count=metric.count if metric else 1, whole=one.status == "Completed"
                )
                if one.status == "Completed" and self.sampler.method == "GRID":
                    self.sampler.skip(one.params)

    def _open(self) -> list[str]:
        return [run_id for run_id, child in self.children.items() if child.status not in TERMINAL]

    def _look(self) -> None:
        """States and metrics of the children that had not ended when last seen."""
        ids = self._open()
        for some in (ids[at : at + _SOME] for at in range(0, len(ids), _SOME)):
            query = RunQuery(ids=some, everywhere=True, include_archived=True, limit=len(some))
            found = {record.id: record for record in self.connection.store.runs(query).runs}
            metrics = self._metrics(some)
            for run_id in some:
                child, record = self.children[run_id], found.get(run_id)
                metric = metrics.get(run_id)
                child.best = best_of(metric, self.maximize)
                if metric is not None and self.judges and metric.count > len(child.history):
                    series = self.connection.store.series(run_id, self.metric, start=len(child.history))
                    child.history += [_number(value) for value in series.values] if series is not None else []
                status = record.status if record is not None else "Canceled"  # deleted
                if status in TERMINAL:
                    child.error = record.error if record is not None else None
                    self._ended(run_id, child, status, metric)
                child.status = status

    def _ended(self, run_id: str, child: _Child, status: str, metric: MetricRecord | None) -> None:
        result = child.best if status == "Completed" or child.ended_by_policy else None
        count = metric.count if metric is not None else 1
        self.sampler.tell(child.values, result, count=count, whole=status == "Completed")
        if self.recalling:
            return
        said = f", {self.metric} {child.best:.6g}" if child.best is not None else f", without {self.metric}"
        self.log.say(f"{run_id} is {status}{said}: {child.values}.")

    def _metrics(self, ids: Sequence[str]) -> dict[str, MetricRecord]:
        found = {}
        for some in (ids[at : at + _SOME] for at in range(0, len(ids), _SOME)):
            for run_id, metrics in self.connection.store.metrics(list(some)).items():
                if self.metric in metrics:
                    found[run_id] = metrics[self.metric]
        return found

    # -- what is done ------------------------------------------------------------------------------------------------
    def _more(self) -> int:
        """Begin as many children as there may be; returns how many."""
        count = 0
        room = int(self.plan["at_once"]) - len(self._open())
        while count < room and len(self.children) < self.plan["total"] and not self.exhausted and not self.stop:
            if self._hopeless():
                break
            if self.first:
                values: Mapping[str, Any] | None = self.first.pop(0)
                self.sampler.note(values or {})
            else:
                values = self.sampler.ask()
            if values is None:
                self.exhausted = True
                self.log.say(f"All {len(self.children)} points have been tried.")
                break
            self._begin_child(values)
            count += 1
        return count

    def _begin_child(self, values: Mapping[str, Any]) -> None:
        index = max((child.index for child in self.children.values()), default=-1) + 1
        run_id = f"{self.record.id}_{index}"
        self.children[run_id] = _Child(index, dict(values))
        try:
            self.queue.begin(index, values)
        except StoreUnavailableException:
            self._ensure(run_id, values)
        self.log.say(f"{run_id} is queued: {dict(values)}.")

    def _ensure(self, run_id: str, values: Mapping[str, Any]) -> None:
        """Its birth is in the journal; the queue gets it as soon as the store is there."""
        pause = 1.0
        while not self.stop:
            self._wait(pause)
            pause = min(PATIENCE, pause * 2)
            with suppress(StoreUnavailableException):
                self.connection.flush(10)
                self.queue.queue(run_id, values)
                return

    def _judge(self) -> None:
        histories = {run_id: child.history for run_id, child in self.children.items() if child.history}
        for run_id in self._open():
            child = self.children[run_id]
            if child.ended_by_policy or run_id not in histories or child.status in ("CancelRequested", "Finalizing"):
                continue
            why = self.policy.loses(run_id, histories, maximize=self.maximize)
            if not why or not self._cancel(run_id):
                continue
            child.ended_by_policy = True
            name = type(self.policy).__name__
            told_ = {"terminated_by": name, "terminated_because": f"{self.metric} is {why}"}
            self.connection.write(RunChanged(run=run_id, at=time.time(), add_properties=told_))
            self.log.say(f"{run_id} is ended by {name}: {self.metric} is {why}.")

    def _cancel(self, run_id: str) -> bool:
        """Ask a child to end; False when it has just done so."""
        try:
            ScriptRun(self.experiment, run_id).cancel()
        except RunStateException:
            return False
        return True

    def _check_time(self) -> None:
        if time.time() - self.began > float(self.plan["minutes"]) * 60:
            self.why = f"max_duration_minutes={self.plan['minutes']:g} are over"

    def _hopeless(self) -> bool:
        if self.why:
            return True
        ended = [child.status for child in self.children.values() if child.status in TERMINAL]
        if ended.count("Failed") >= HOPELESS and "Completed" not in ended:
            self.why = f"the first {ended.count('Failed')} children failed"
        return bool(self.why)

    # -- the end -----------------------------------------------------------------------------------------------------
    def _end(self, error: dict[str, Any] | None) -> Outcome:
        if self.stop.reason.startswith("taken from"):  # another launcher leads it on
            self.log.close()
            return Outcome("Queued")
        why = self.stop.reason or self.why or (error["message"] if error else "")
        if why:
            self.log.say(f"The search ends: {why}.")
        self._end_children()
        status, error = self._verdict(error)
        best_id, best = self._winner()
        about: dict[str, str] = {}
        if best is not None:
            about = {"score": repr(best.best), "best_child_run_id": best_id, "best_metric_status": "Succeeded"}
            self.log.say(f"The best is {best_id}: {self.metric} {best.best:.6g} with {best.values}.")
        warnings: list[str] = []
        if best is None and status == "Completed":
            warnings.append(
                f"No run of the search logged a number as its primary metric {self.metric!r}: none is the best."
            )
            self.log.say(warnings[0])
        counts: dict[str, int] = {}
        for child in self.children.values():
            counts[child.status] = counts.get(child.status, 0) + 1
        self.log.say(f"{status}: " + (", ".join(f"{n} {s}" for s, n in sorted(counts.items())) or "no children") + ".")
        self.log.close()
        steps = {**self.record.details.get("steps", {}), "started": self.began, "ended": time.time()}
        details = {"steps": steps, **({"stopped": why} if why else {}), **({"warnings": warnings} if warnings else {})}
        self.connection.write(
            RunChanged(run=self.record.id, at=time.time(), add_properties=about, add_details=details),
            RunStatus(run=self.record.id, status=status, at=time.time(), error=error),
        )
        with suppress(AzureMLException):  # the journal has it
            self.connection.flush(10)
        return Outcome(status, error)

    def _end_children(self) -> None:
        """None goes on without its search."""
        end = time.monotonic() + LEAVE
        asked: set[str] = set()
        while self._open() and time.monotonic() < end:
            for run_id in self._open():
                if run_id not in asked:
                    asked.add(run_id)
                    with suppress(AzureMLException):
                        self._cancel(run_id)
            with suppress(StoreUnavailableException):
                self._look()
            time.sleep(0.05)

    def _verdict(self, error: dict[str, Any] | None) -> tuple[str, dict[str, Any] | None]:
        if self.stop.reason == "canceled":
            return "Canceled", None
        if self.stop:
            return "Failed", {"code": "Stopped", "message": f"The search was stopped: {self.stop.reason}."}
        if error is not None:
            return "Failed", error
        failed = [child for child in self.children.values() if child.status == "Failed"]
        if failed and not any(child.status == "Completed" for child in self.children.values()):
            first = dict(min(failed, key=lambda child: child.index).error or {})
            text = f"No child completed, and {len(failed)} failed. The first: {first.get('message', '')}"
            return "Failed", {"code": first.get("code", "UserError"), "message": text}
        return "Completed", None

    def _winner(self) -> tuple[str, _Child | None]:
        found = [(run_id, child) for run_id, child in self.children.items() if child.best is not None]
        if not found:
            return "", None
        sign = -1 if self.maximize else 1
        return min(found, key=lambda one: (sign * float(one[1].best or 0.0), one[1].index))


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.nan
