"""Run a notebook's run again: its snapshot in a new folder, its parameters, its kernel; the new run says what it repeats."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from jupyter_aml.errors import NotFoundException, RunStateException, UserErrorException
from jupyter_aml.jobs import place, repair
from jupyter_aml.jobs.as_it_ran import executed_cells, keeper_of, sources
from jupyter_aml.jobs.notebook import execute, inspect
from jupyter_aml.jobs.output import replace
from jupyter_aml.jobs.record import INPUT, Wanted
from jupyter_aml.jobs.resume import _parameters
from jupyter_aml.store.connection import Connection
from jupyter_aml.store.records import TERMINAL, SnapshotRecord
from jupyter_aml.tracking import snapshot

if TYPE_CHECKING:
    from jupyter_aml.tracking.run import Run

REPRODUCES = "reproduces"
"""Tag of a run that repeats another: its id."""
RESUBMITS = "resubmits"
"""Tag of a run that repeats another with changed parameters: its id."""
OUTPUT_FOLDER = "reproduced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a repetition will do. Nothing of it is done yet."""

    run: str
    """The session or execution that is repeated."""
    folder: Path
    """Where the snapshot goes."""
    notebook: Path
    """The notebook that will be executed, below the folder."""
    source_folder: Path
    """Where the snapshot's files go: the folder, or one below it."""
    cwd: Path
    content: bytes
    snapshot: SnapshotRecord
    parameters: dict[str, Any]
    secrets: frozenset[str]
    kernel: str | None
    experiment: str
    name: str
    tags: dict[str, str]
    left_out: tuple[str, ...]
    """Files that the snapshot does not hold."""

    def lay_out(self, connection: Connection) -> None:
        """Make the folder.

        Raises:
            SnapshotException, UserErrorException: it cannot be written.
        """
        snapshot.restore(connection.blobs, self.snapshot, self.source_folder)
        self.cwd.mkdir(parents=True, exist_ok=True)
        replace(self.notebook, self.content)


def plan(
    connection: Connection,
    run_id: str,
    folder: str | os.PathLike[str],
    parameters: Mapping[str, Any] | None = None,
    kernel: str | None = None,
) -> Plan:
    """Find out what a repetition of a run needs, and check that it can begin.

    Args:
        connection: the workspace.
        run_id: a notebook's execution or session, or a cell (then its session up to that cell).
        folder: where the snapshot is restored; new or empty.
        parameters: values to add or change. Secrets were not kept and have to be given again.
        kernel: instead of the one used then.

    Raises:
        NotFoundException: no such run, or what it needs was not kept.
        RunStateException: it has not ended.
        ParameterException: a secret is missing, or a value does not fit.
        UserErrorException: it is no notebook's run; it kept no snapshot; the folder is not empty.
    """
    store = connection.store
    asked, keeper = keeper_of(store, run_id)
    whole = asked.id == keeper.id or keeper.type == "aml.notebook"
    # A session lives as long as its kernel; what it has executed so far can be repeated.
    if keeper.type == "aml.notebook" and keeper.status not in TERMINAL:
        raise RunStateException(f"Run {keeper.id} is {keeper.status}: it can be repeated when it has ended.")
    kept = store.snapshot(keeper.snapshot) if keeper.snapshot else None
    if kept is None:
        why = keeper.properties.get("aml.no_snapshot") or keeper.details.get("snapshot") or "none was asked for"
        raise UserErrorException(f"Run {keeper.id} kept no snapshot of its folder to restore ({why}).")
    content: bytes | None
    if keeper.type == "aml.notebook":
        content = repair.kept(connection, keeper.id, INPUT)
        if content is None:
            raise NotFoundException.of("input notebook of run", keeper.id)
    else:
        cells = executed_cells(store, keeper, None if whole else asked)
        if not cells:
            raise UserErrorException(f"No cell of session {keeper.id} was executed: there is nothing to repeat.")
        content = sources(connection, keeper, cells)
    changed = dict(parameters or {})
    target = Path(folder).absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UserErrorException(f"The folder {str(target)!r} is not empty; name one that is new.")
    home = PurePath(str(keeper.details.get("notebook") or "notebook.ipynb"))
    below, inside = _places(home.parent, str(keeper.details.get("cwd") or ""))
    secrets = frozenset(keeper.details.get("secrets") or ())
    given = _parameters(keeper, changed, None)
    same = all(keeper.params.get(k) == v for k, v in changed.items() if k not in secrets)
    tag = REPRODUCES if same else RESUBMITS
    made = Plan(
        run=keeper.id,
        folder=target,
        notebook=target / below / home.name,
        source_folder=target / below,
        cwd=target / inside,
        content=content,
        snapshot=kept,
        parameters=given,
        secrets=secrets,
        kernel=kernel or str(keeper.details.get("kernel") or "") or None,
        experiment=keeper.experiment,
        name=keeper.name,
        tags={tag: asked.id},
        left_out=tuple(sorted(kept.skipped)),
    )
    # Names that were let through then are let through again.
    inspect(content, [given], secrets=secrets, allow_unknown=set(changed) <= set(keeper.params), kernel=made.kernel)
    return made


def reproduce(
    run: Any,
    folder: str | os.PathLike[str],
    *,
    workspace: Any = None,
    parameters: Mapping[str, Any] | None = None,
    kernel: str | None = None,
    raise_on_error: bool = True,
    **options: Any,
) -> Run:
    """Repeat a notebook's run in a new folder, and wait for it.

    Args:
        run: the run or its id: see `plan`.
        folder: where its snapshot is restored; the executed notebook comes to lie in ``outputs/`` there.
        workspace: where the run is; by default as in `run_notebook`.
        parameters: values to add or change.
        kernel: instead of the one used then.
        raise_on_error: as in `run_notebook`.
        **options: further options of ``papermill.execute_notebook``.

    Returns:
        The new run, tagged ``reproduces`` (with changed parameters: ``resubmits``).

    Raises:
        as `plan`, and as `run_notebook`.
    """
    if hasattr(run, "experiment") and workspace is None:
        workspace = run.experiment.workspace
    connection = place.connection_to(workspace) if workspace is not None else place.connection(Path.cwd())
    made = plan(connection, run if isinstance(run, str) else run.id, folder, parameters, kernel)
    made.lay_out(connection)
    target = output_of(made)
    wanted = Wanted(
        connection=connection,
        experiment=made.experiment,
        name=made.name,
        tags=made.tags,
        secrets=made.secrets,
        allow_unknown=True,
    )
    return execute(
        made.notebook,
        str(target).replace("{", "{{").replace("}", "}}"),
        made.parameters,
        wanted,
        kernel=made.kernel,
        raise_on_error=raise_on_error,
        **{"cwd": str(made.cwd), "progress_bar": False, **options},
    )


def output_of(made: Plan) -> Path:
    """Where the executed notebook goes: into the restored folder's outputs, which no snapshot of it holds."""
    folder = made.source_folder / "outputs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / made.notebook.name


def new_folder(above: Path, notebook: str, run_id: str) -> Path:
    """A folder that is not there yet, named after the notebook and the run."""
    base = f"{PurePath(notebook).stem or 'notebook'}-{run_id[-8:]}"
    for number in range(1, 10_000):
        found = above / (base if number == 1 else f"{base}-{number}")
        if not found.exists():
            return found
    raise UserErrorException(f"There are too many repetitions of run {run_id} in {str(above)!r}; remove some.")


def _places(notebook_folder: PurePath, cwd: str) -> tuple[PurePath, PurePath]:
    """Where in the new folder the notebook's own folder is, and where the kernel works: as they lay to each other then."""
    here = PurePath()
    if not cwd or not notebook_folder.is_absolute():
        return here, here
    working = PurePath(cwd)
    if working.is_relative_to(notebook_folder):
        return here, working.relative_to(notebook_folder)
    if notebook_folder.is_relative_to(working):
        return notebook_folder.relative_to(working), here
    return here, here
