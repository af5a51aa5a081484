"""The notebook of a run as it ran: kept whole by a batch execution, put together from its cells' runs for a session."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from jupyter_aml.errors import NotFoundException, UserErrorException
from jupyter_aml.jobs import repair
from jupyter_aml.jobs.output import notebook_bytes
from jupyter_aml.jobs.parameters import Parameter, declared
from jupyter_aml.jobs.record import INPUT, OUTPUT
from jupyter_aml.store.connection import Connection
from jupyter_aml.store.contract import Store
from jupyter_aml.store.records import TERMINAL, RunQuery, RunRecord

SESSIONS = 1000
"""So many of the newest sessions are looked through for those of a notebook."""
NEVER_RAN = "Aborted"
"""Error code of a cell that was asked for after another had failed."""


@dataclass(frozen=True, slots=True)
class AsItRan:
    """A run's notebook."""

    run: RunRecord
    """The session or execution that it is of: for a cell, the one above."""
    name: str
    content: bytes


def keeper_of(store: Store, run_id: str) -> tuple[RunRecord, RunRecord]:
    """The run, and the session or execution of a notebook that it is or belongs to.

    Raises:
        NotFoundException: no such run.
        UserErrorException: it is no notebook's.
    """
    asked = store.run(run_id)
    if asked is None:
        raise NotFoundException.of("run", run_id)
    found: RunRecord | None = asked
    while found is not None and found.type not in ("aml.session", "aml.notebook"):
        found = store.run(found.parent) if found.parent else None
    if found is None:
        raise UserErrorException(
            f"Run {run_id} is of type {asked.type} and belongs to no notebook, so there is none to show or run again."
        )
    return asked, found


def executed_cells(store: Store, keeper: RunRecord, last: RunRecord | None = None) -> list[RunRecord]:
    """Runs of the cells that really executed, in their order, up to the cell `last`."""
    query = RunQuery(
        parent=keeper.id, types=["aml.cell"], order_by="created", descending=False, limit=1000, include_archived=True
    )
    found = []
    for cell in store.walk(query):
        if dict(cell.error or {}).get("code") != NEVER_RAN:
            found.append(cell)
        if last is not None and cell.id == last.id:
            break
    return found


def as_it_ran(connection: Connection, run_id: str) -> AsItRan:
    """The notebook of a run, with the sources and outputs that there were.

    Of a batch execution it is the executed notebook; of a session it is made of the executions of its cells in their
    order (a cell that ran twice is there twice); of a cell of a session it ends with that execution.

    Raises:
        NotFoundException: no such run, or it kept no notebook.
        UserErrorException: the run is no notebook's.
    """
    asked, keeper = keeper_of(connection.store, run_id)
    name = PurePath(str(keeper.details.get("notebook") or "")).name or "notebook.ipynb"
    if keeper.type == "aml.notebook":
        if keeper.status in TERMINAL:
            content: bytes | None = repair.repair_output(connection, keeper.id)
        else:
            content = repair.kept(connection, keeper.id, OUTPUT) or repair.kept(connection, keeper.id, INPUT)
        if content is None:
            raise NotFoundException.of("notebook of run", keeper.id)
        return AsItRan(keeper, name, content)
    cells = executed_cells(connection.store, keeper, asked if asked.type == "aml.cell" else None)
    return AsItRan(keeper, name, notebook_bytes(_built(connection, keeper, cells, outputs=True)))


def sources(connection: Connection, keeper: RunRecord, cells: Sequence[RunRecord]) -> bytes:
    """A session's notebook to be executed again: the cells in the order in which they ran, without outputs."""
    return notebook_bytes(_built(connection, keeper, cells, outputs=False))


def _built(connection: Connection, keeper: RunRecord, cells: Sequence[RunRecord], *, outputs: bool) -> Any:
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    texts = _texts_before(connection, keeper)
    seen: set[str] = set()
    made = []
    for run in cells:
        cell_id = str(run.details.get("cell_id") or "")
        if cell_id not in seen:
            seen.add(cell_id)
            made += [new_markdown_cell(text) for text in texts.get(cell_id, ())]
        cell = new_code_cell(str(run.details.get("source") or ""), id=run.id[:64])
        cell.metadata["jupyter_aml"] = {"run": run.id, "cell_id": cell_id}
        if outputs:
            cell.execution_count = run.details.get("execution_count")
            cell.outputs = repair._outputs(run, connection)
        made.append(cell)
    kernel, language = str(keeper.details.get("kernel") or ""), str(keeper.details.get("language") or "")
    metadata: dict[str, Any] = {"jupyter_aml": {"run": {"id": keeper.id, "experiment": keeper.experiment}}}
    if kernel:
        metadata["kernelspec"] = {"name": kernel, "display_name": kernel, "language": language}
    if language:
        metadata["language_info"] = {"name": language}
    return new_notebook(cells=made, metadata=metadata)


def _texts_before(connection: Connection, keeper: RunRecord) -> dict[str, list[str]]:
    """Id of a code cell → the texts that stood before it when the session began, by the snapshot's notebook."""
    snapshot = connection.store.snapshot(keeper.snapshot) if keeper.snapshot else None
    name = PurePath(str(keeper.details.get("notebook") or "")).name
    entry = snapshot.files.get(name) if snapshot is not None else None
    if entry is None:
        return {}
    found: dict[str, list[str]] = {}
    waiting: list[str] = []
    try:
        with connection.blobs.open(entry[0]) as file:
            cells = json.loads(file.read())["cells"]
        for cell in cells:
            if cell["cell_type"] == "markdown":
                source = cell["source"]
                waiting.append("".join(source) if isinstance(source, list) else str(source))
            elif cell["cell_type"] == "code":
                found[str(cell.get("id") or "")] = waiting
                waiting = []
    except (NotFoundException, ValueError, KeyError, TypeError):
        return {}
    return found


def cells_of(
    store: Store, notebook: Sequence[str], *, run: str = "", cell_id: str = "", limit: int = 1000
) -> list[RunRecord]:
    """The executions of a notebook's cells, the newest first, with their metrics.

    Args:
        store: of the workspace.
        notebook: the paths by which its sessions may know it.
        run: id of the batch execution that an executed notebook says it is of; its cells are taken then, too.
        cell_id: only of this cell.
        limit: how many at most.
    """
    found: list[RunRecord] = []
    for keeper in _keepers(store, set(notebook), run):
        query = RunQuery(
            parent=keeper,
            types=["aml.cell"],
            order_by="created",
            limit=min(limit, 1000),
            with_metrics=True,
            include_archived=True,
        )
        for cell in store.walk(query):
            if not cell_id or cell.details.get("cell_id") == cell_id:
                found.append(cell)
                if len(found) >= limit:
                    return found
    return found


def _keepers(store: Store, paths: set[str], run: str) -> Iterator[str]:
    if run and store.run(run) is not None:
        yield run
    query = RunQuery(types=["aml.session"], order_by="created", limit=200, include_archived=True)
    for count, session in enumerate(store.walk(query)):
        if count >= SESSIONS:
            return
        if session.details.get("notebook") in paths and session.child_count and session.id != run:
            yield session.id


def parameters_of(connection: Connection, keeper: RunRecord) -> list[Parameter]:
    """What the notebook of an execution declared; nothing where that cannot be read, or for a session."""
    content = repair.kept(connection, keeper.id, INPUT) if keeper.type == "aml.notebook" else None
    nb = repair._parse(content)
    for cell in nb.cells if nb is not None else ():
        if "parameters" in cell.metadata.get("tags", []):
            return declared(cell.source, str(keeper.details.get("language") or "python")) or []
    return []
