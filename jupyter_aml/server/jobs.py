"""Submitted scripts over REST: what waits in the queues, and submitting a folder of the server's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.utils import ApiPath, to_os_path
from tornado import web

from jupyter_aml.environments.environment import Environment
from jupyter_aml.errors import UserErrorException
from jupyter_aml.jobs.run_config import RunConfiguration
from jupyter_aml.jobs.script_config import ScriptRunConfig
from jupyter_aml.server.base import AmlHandler, answers
from jupyter_aml.tracking.experiment import Experiment
from jupyter_aml.tracking.names import experiment_name, tag_name

_TEXTS = ("path", "script", "command", "config", "experiment", "target", "name", "environment")
_KNOWN = (*_TEXTS, "arguments", "variables", "tags", "max_seconds", "attempts", "priority")


class JobsHandler(AmlHandler):
    """`GET jobs`: the queues."""

    auth_resource = "jupyter_aml:runs"
    parameters = frozenset(["target", "state", "limit"])

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> Any:
        """What waits and what is taken, in the order of the queue, of one target (by the name of its queue) or of all."""
        state = self.get_query_argument("state", "") or None
        if state not in (None, "queued", "claimed"):
            raise UserErrorException(f"state is queued or claimed, not {state[:40]!r}.")
        jobs = await self.store(
            "jobs",
            self.get_query_argument("target", "") or None,
            state=state,
            limit=self.number("limit", 1000, 1, 10_000),
        )
        # Never the body: it has the variables that the script gets.
        shown = ("run", "target", "state", "priority", "attempt", "queued", "beat")
        return {"jobs": [{name: getattr(job, name) for name in shown} for job in jobs]}


class SubmitHandler(AmlHandler):
    """`POST runs/submit`: a script of a folder of the server's is run on a compute target."""

    auth_resource = "jupyter_aml:runs"

    @web.authenticated
    @authorized
    @answers
    async def post(self) -> Any:
        """The folder is frozen as it is now; the run goes on when the page or the server is closed."""
        given = self._given()
        source = self._folder(given.get("path") or "")
        workspace = await self.workspace()
        return {"run": await self.services.call(_submit, workspace, source, given, self.who)}

    def _given(self) -> dict[str, Any]:
        given = self.body()
        unknown = set(given) - set(_KNOWN)
        if unknown:
            raise UserErrorException(f"There is no {sorted(unknown)[0][:40]!r}; there are {', '.join(_KNOWN)}.")
        for name in set(given) & set(_TEXTS):
            if given[name] is not None and not isinstance(given[name], str):
                raise UserErrorException(f"{name} is text.")
        arguments = given.get("arguments") or []
        if not isinstance(arguments, list) or not all(isinstance(one, str | int | float) for one in arguments):
            raise UserErrorException("arguments is a list of texts and numbers.")
        for name in ("variables", "tags"):
            if not isinstance(given.get(name) or {}, dict):
                raise UserErrorException(f"{name} is an object.")
        for name in ("max_seconds", "attempts", "priority"):
            value = given.get(name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
                raise UserErrorException(f"{name} is a number, not {value!r}.")
        return given

    def _folder(self, path: str) -> Path:
        root = str(getattr(self.contents_manager, "root_dir", "") or "")
        if not root:
            raise UserErrorException("This server keeps its files elsewhere than in a folder.")
        found = Path(to_os_path(ApiPath(path.strip("/")), root))
        if ".." in path.split("/") or not found.resolve().is_relative_to(Path(root).resolve()):
            raise UserErrorException(f"{path!r} is not below the server's folder.")
        return found


def _submit(workspace: Any, source: Path, given: dict[str, Any], who: str) -> str:
    if given.get("config"):
        if "/" in given["config"] or ".." in given["config"]:
            raise UserErrorException("config is the name of a run configuration in the folder's .azureml.")
        base = RunConfiguration.load(source, given["config"])
    else:
        base = RunConfiguration()
    if given.get("script") or given.get("command"):
        base.script, base.command = given.get("script"), given.get("command")
    base.environment_variables = {**base.environment_variables, **(given.get("variables") or {})}
    for name, attribute in (
        ("target", "target"),
        ("max_seconds", "max_run_duration_seconds"),
        ("attempts", "max_attempts"),
        ("priority", "priority"),
    ):
        if given.get(name) is not None:
            setattr(base, attribute, given[name])
    if given.get("environment"):
        base.environment = Environment.named(workspace, given["environment"])
    config = ScriptRunConfig(source, arguments=given.get("arguments") or None, run_config=base)
    experiment = Experiment(workspace, experiment_name(given.get("experiment") or source.name or "default"))
    tags = {tag_name(k): None if v is None else str(v) for k, v in (given.get("tags") or {}).items()}
    return str(experiment.submit(config, tags=tags, name=given.get("name") or "", user=who).id)


ROUTES: list[tuple[str, type]] = [
    (r"/jobs", JobsHandler),
    (r"/runs/submit", SubmitHandler),
]
"""Before the routes of one run: "submit" is no run's id."""
