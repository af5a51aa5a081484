"""Notebooks and runs over REST: executions of cells, notebooks as they ran, running one in the background."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.utils import ApiPath, to_os_path
from tornado import web

from jupyter_aml.errors import NotFoundException, UserErrorException
from jupyter_aml.jobs import as_it_ran, detached, reproduce
from jupyter_aml.jobs.notebook import declarations, load
from jupyter_aml.jobs.parameters import Parameter, read_value
from jupyter_aml.server.base import AmlHandler, answers
from jupyter_aml.store.connection import Connection
from jupyter_aml.tracking.names import experiment_name, tag_name

REPRODUCED = ("outputs", "reproduced")
"""Below the server's root: no snapshot of the root or of a notebook's own folder holds it."""


class _OfNotebook(AmlHandler):
    auth_resource = "jupyter_aml:notebooks"

    @property
    def root(self) -> str:
        """The folder that the server serves; "" where its contents are in none."""
        return str(getattr(self.contents_manager, "root_dir", "") or "")

    def place(self, path: str) -> Path:
        """Where a path of the server is on the disk.

        Raises:
            UserErrorException: the server's contents are no folder, or the path leaves it.
        """
        if not self.root:
            raise UserErrorException("This server keeps its notebooks elsewhere than in a folder.")
        top = Path(self.root).resolve()
        found = Path(to_os_path(ApiPath(path.strip("/")), self.root))
        if ".." in path.split("/") or not found.parent.resolve().is_relative_to(top):
            raise UserErrorException(f"{path!r} is not below the server's folder.")
        return found

    async def notebook(self, path: Any) -> Path:
        """A notebook that the server shows.

        Raises:
            NotFoundException: there is none.
        """
        if not isinstance(path, str) or not path.strip("/"):
            raise UserErrorException("path is the path of a notebook.")
        found = self.place(path)
        hidden = any(part.startswith(".") for part in path.split("/"))
        shown = not hidden or getattr(self.contents_manager, "allow_hidden", False)
        if not shown or found.suffix != ".ipynb" or not await self.services.call(found.is_file):
            raise NotFoundException.of("notebook", path)
        return found

    def given(self, *known: str) -> dict[str, Any]:
        """The body, which has only these names."""
        body = self.body()
        unknown = set(body) - set(known)
        if unknown:
            raise UserErrorException(f"There is no {sorted(unknown)[0][:40]!r}; there are {', '.join(known)}.")
        for name in set(body) & {"texts", "parameters", "tags"}:
            if not isinstance(body[name], dict):
                raise UserErrorException(f"{name} is an object.")
        for name in set(body) & {"experiment", "name", "kernel", "output", "folder"}:
            if body[name] is not None and not isinstance(body[name], str):
                raise UserErrorException(f"{name} is text.")
        return body


class CellsHandler(_OfNotebook):
    """`GET notebooks/cells`: what ran of a notebook."""

    auth_resource = "jupyter_aml:runs"
    parameters = frozenset(["path", "cell", "run", "limit"])

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> Any:
        """The executions of a notebook's cells, the newest first."""
        path = self.get_query_argument("path").strip("/")
        paths = [path, to_os_path(ApiPath(path), self.root)] if self.root else [path]
        workspace = await self.workspace()
        return {
            "runs": await self.services.call(
                as_it_ran.cells_of,
                workspace.connection.store,
                paths,
                run=self.get_query_argument("run", ""),
                cell_id=self.get_query_argument("cell", ""),
                limit=self.number("limit", 1000, 1, 1000),
            )
        }


class ParametersHandler(_OfNotebook):
    """`GET notebooks/parameters`: what a notebook can be given."""

    parameters = frozenset(["path"])

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> Any:
        """As its cell tagged `parameters` declares them."""
        place = await self.notebook(self.get_query_argument("path"))
        return await self.services.call(_declared, place)


class NotebookRunsHandler(_OfNotebook):
    """`POST notebooks/runs`: execute a notebook in the background."""

    @web.authenticated
    @authorized
    @answers
    async def post(self) -> Any:
        """It goes on when the page, or the server, is closed."""
        given = self.given("path", "texts", "parameters", "experiment", "name", "kernel", "output", "tags")
        place = await self.notebook(given.get("path"))
        if given.get("experiment"):
            experiment_name(given["experiment"])
        output = self.place(given["output"]) if given.get("output") else None
        if output is not None and output.suffix != ".ipynb":
            raise UserErrorException(f"The output {given['output']!r} does not end in .ipynb.")
        task = detached.Task(
            notebook=str(place),
            output=str(output) if output is not None else None,
            experiment=given.get("experiment") or "",
            name=given.get("name") or "",
            kernel=given.get("kernel") or None,
            tags={tag_name(k): str(v) for k, v in (given.get("tags") or {}).items()},
            cwd=str(place.parent),
        )
        workspace = await self.workspace()
        return {"run": await self.services.call(_start, workspace.connection, task, given)}


class RunNotebookHandler(_OfNotebook):
    """`GET runs/<id>/notebook`: the notebook as it ran."""

    auth_resource = "jupyter_aml:files"

    @web.authenticated
    @authorized
    @answers
    async def get(self, run_id: str) -> Any:
        """With the sources and the outputs that there were."""
        workspace = await self.workspace()
        found = await self.services.call(as_it_ran.as_it_ran, workspace.connection, run_id)
        content = await self.services.call(_modern, found.content)
        return {"run": found.run.id, "name": found.name, "content": content}


class ReproduceHandler(_OfNotebook):
    """`runs/<id>/reproduce`: what it would take, and do it."""

    auth_resource = "jupyter_aml:runs"

    @web.authenticated
    @authorized
    @answers
    async def get(self, run_id: str) -> Any:
        """What a repetition needs; nothing is done."""
        workspace = await self.workspace()
        return await self.services.call(_needs, workspace.connection, run_id)

    @web.authenticated
    @authorized
    @answers
    async def post(self, run_id: str) -> Any:
        """Restore its snapshot to a new folder and execute it there, in the background."""
        given = self.given("texts", "parameters", "folder")
        workspace = await self.workspace()
        return await self.services.call(self._begin, workspace.connection, run_id, given)

    def _begin(self, connection: Connection, run_id: str, given: dict[str, Any]) -> Any:
        top = self.place("/".join(REPRODUCED))
        _, keeper = as_it_ran.keeper_of(connection.store, run_id)
        folder = self.place(given["folder"]) if given.get("folder") else None
        folder = folder or reproduce.new_folder(top, str(keeper.details.get("notebook") or ""), keeper.id)
        declared = {p.name: p for p in as_it_ran.parameters_of(connection, keeper)}
        made = reproduce.plan(connection, run_id, folder, _values(declared, given))
        made.lay_out(connection)
        task = detached.Task(
            notebook=str(made.notebook),
            output=str(reproduce.output_of(made)),
            parameters=made.parameters,
            experiment=made.experiment,
            name=made.name,
            tags=made.tags,
            secrets=sorted(made.secrets),
            allow_unknown=True,
            kernel=made.kernel,
            cwd=str(made.cwd),
        )
        shown = folder.resolve().relative_to(Path(self.root).resolve()).as_posix()
        return {"run": detached.start(connection, task), "folder": shown}


def _start(connection: Connection, task: detached.Task, given: dict[str, Any]) -> str:
    task.parameters = _values(declarations(task.notebook, task.kernel) or {}, given)
    return detached.start(connection, task)


def _values(declared: dict[str, Parameter], given: dict[str, Any]) -> dict[str, Any]:
    """Values as they are, and texts as people typed them: read by the declared type."""
    texts = {str(name): read_value(str(text), declared.get(name)) for name, text in (given.get("texts") or {}).items()}
    return {**(given.get("parameters") or {}), **texts}


def _declared(place: Path) -> Any:
    known = declarations(place)
    metadata = load(place).metadata
    return {
        "readable": known is not None,
        "parameters": [_parameter(p) for p in (known or {}).values()],
        "kernel": str((metadata.get("kernelspec") or {}).get("name") or ""),
        "experiment": place.stem,
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "type": parameter.takes.text if parameter.takes.kinds or parameter.takes.choices else "",
        "choices": [str(choice) for choice in parameter.takes.choices],
        "default": parameter.default,
        "required": parameter.required,
        "secret": parameter.secret,
        "help": parameter.help,
    }


def _needs(connection: Connection, run_id: str) -> Any:
    _, keeper = as_it_ran.keeper_of(connection.store, run_id)
    secrets = set(keeper.details.get("secrets") or ())
    declared = {p.name: p for p in as_it_ran.parameters_of(connection, keeper)}
    names = [*declared, *(name for name in keeper.params if name not in declared)]
    return {
        "run": keeper.id,
        "snapshot": keeper.snapshot is not None,
        "parameters": [
            {
                **_parameter(declared.get(name) or Parameter(name)),
                "value": None if name in secrets or name not in keeper.params else keeper.params[name],
                "secret": name in secrets or bool(declared.get(name) and declared[name].secret),
                "required": name in secrets,
            }
            for name in names
        ],
    }


def _modern(content: bytes) -> Any:
    return json.loads(json.dumps(load(content)))


ROUTES: list[tuple[str, type]] = [
    (r"/notebooks/cells", CellsHandler),
    (r"/notebooks/parameters", ParametersHandler),
    (r"/notebooks/runs", NotebookRunsHandler),
    (r"/runs/([0-9A-Za-z_.-]{1,128})/notebook", RunNotebookHandler),
    (r"/runs/([0-9A-Za-z_.-]{1,128})/reproduce", ReproduceHandler),
]
