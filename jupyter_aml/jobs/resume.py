"""Go on where an execution of a notebook failed: a new run, a fresh kernel, the cells before replayed or skipped."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from jupyter_aml.errors import NotFoundException, ParameterException, RunStateException, UserErrorException
from jupyter_aml.jobs import place, repair
from jupyter_aml.jobs.notebook import declarations, execute
from jupyter_aml.jobs.parameters import Parameter, check, unknown_allowed
from jupyter_aml.jobs.record import INPUT, RESUMED_FROM, Wanted
from jupyter_aml.store.records import RunRecord

if TYPE_CHECKING:
    from jupyter_aml.tracking.run import Run

_ALWAYS = {"parameters", "injected-parameters"}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a resumption will do."""

    run: str
    """The failed run."""
    failed_at: int
    """Index of the cell where it ended."""
    error: str
    skipped: tuple[int, ...]

    def __str__(self) -> str:
        text = f"Run {self.run} ended at cell {self.failed_at} ({self.error}). "
        if self.skipped:
            return text + (
                f"Skipped: {_cells(self.skipped)}. Outputs are taken over, but the new kernel does not have the variables, "
                "imports and open files of what is skipped."
            )
        if self.failed_at == 0:
            return text + "It is executed again in a new kernel."
        return text + (
            "A new kernel has nothing of what was computed before, so this is executed again first: "
            f"{_cells(range(self.failed_at))}."
        )


def resume_notebook(
    run: Any,
    *,
    workspace: Any = None,
    skip: Literal["completed"] | Collection[int] = (),
    notebook: str | os.PathLike[str] | None = None,
    output: str | os.PathLike[str] | None = None,
    parameters: Mapping[str, Any] | None = None,
    kernel: str | None = None,
    say: Callable[[str], None] | None = None,
    raise_on_error: bool = True,
    **options: Any,
) -> Run:
    """Execute a notebook again whose execution failed or was cancelled.

    Args:
        run: the failed run or its id.
        workspace: where it is; by default as in `run_notebook`.
        skip: cells not to execute: "completed" for those that had completed before the failure (the parameters are set
            all the same), or indexes. Nothing (the default) replays them all, since a kernel's state cannot be kept.
        notebook: a corrected notebook instead of the one that was kept with the run.
        output: by default the failed run's output, which is replaced.
        parameters: values to add or change. Secrets were not kept and have to be given again.
        kernel: instead of the one used then.
        say: is told in a sentence what will happen.
        raise_on_error: as in `run_notebook`.
        **options: further options of ``papermill.execute_notebook``.

    Returns:
        The new run; its property ``aml.resumed_from`` names the failed one.

    Raises:
        RunStateException: the run completed, or has not ended.
        ParameterException: a secret is missing.
        UserErrorException: see `run_notebook`.
    """
    if hasattr(run, "experiment") and workspace is None:
        workspace = run.experiment.workspace
    run_id = run if isinstance(run, str) else run.id
    connection = place.connection_to(workspace) if workspace is not None else place.connection(Path.cwd())
    record = repair.notebook_record(connection, run_id)
    if record.status == "Completed":
        raise RunStateException(
            f"Run {run_id} is Completed: there is nothing to resume. `aml notebook run` executes it anew."
        )
    executed = repair.repair_output(connection, run_id)
    content: bytes | str | os.PathLike[str] | None = notebook or repair.kept(connection, run_id, INPUT)
    if content is None:
        raise NotFoundException.of("input notebook of run", run_id, hint="Give one with --notebook.")
    kernel = kernel or str(record.details.get("kernel") or "") or None
    known = declarations(notebook, kernel) if notebook is not None else None
    given = _parameters(record, parameters or {}, known)
    failed_at = _failed_at(repair.cells(connection, run_id))
    wanted = Wanted(
        connection=connection,
        experiment=record.experiment,
        name=record.name,
        parent=record.parent,
        tags={**record.tags, RESUMED_FROM: run_id},
        properties={RESUMED_FROM: run_id},
        secrets=frozenset(record.details.get("secrets") or ()),
        allow_unknown=True,  # as it was let through then
        snapshot_id=record.snapshot if notebook is None else None,
        notebook=str(record.details.get("notebook") or ""),
    )
    error = dict(record.error or {})

    def choose(nb: Any) -> dict[int, Any]:
        chosen = _skipped(nb, repair._parse(executed), skip)
        wanted.replayed = failed_at if not chosen else 0
        if say is not None:
            say(str(Plan(run_id, failed_at, str(error.get("code") or record.status), tuple(sorted(chosen)))))
        return chosen

    wanted.choose_skip = choose
    target = output if output is not None else (record.details.get("output") or None)
    return execute(
        content,
        None
        if target in ("-", None)
        else str(target).replace("{", "{{").replace("}", "}}")
        if output is None
        else target,
        given,
        wanted,
        kernel=kernel,
        raise_on_error=raise_on_error,
        **{"progress_bar": False, "cwd": _folder(record), **options},
    )


def _cells(numbers: Collection[int]) -> str:
    return f"cell{'s' if len(numbers) > 1 else ''} {ranges(numbers)}"


def _folder(record: RunRecord) -> str | None:
    folder = record.details.get("cwd")
    return str(folder) if folder and Path(str(folder)).is_dir() else None


def _parameters(record: RunRecord, more: Mapping[str, Any], known: Mapping[str, Parameter] | None) -> dict[str, Any]:
    """The parameters of the failed run with those that are given now, which have to be `known` to a corrected notebook."""
    secrets = set(record.details.get("secrets") or ())
    needed = secrets
    if known is not None:
        language = str(record.details.get("language") or "python")
        optional = [replace(p, required=False) for p in known.values()]
        check(more, optional, language=language, allow_unknown=unknown_allowed())
        needed = secrets & set(known)
    missing = sorted(needed - set(more))
    if missing:
        raise ParameterException(
            f"The secret parameter {', '.join(map(repr, missing))} of run {record.id} was not kept. Give it again "
            f"(--secret {missing[0]} asks for it)."
        )
    return {**{k: v for k, v in record.params.items() if k not in secrets}, **more}


def _failed_at(runs: Mapping[int, RunRecord]) -> int:
    """Index of the cell where the execution ended."""
    wrong = [index for index, run in runs.items() if run.status != "Completed"]
    return min(wrong) if wrong else max(runs, default=-1) + 1


def _skipped(nb: Any, executed: Any, skip: Literal["completed"] | Collection[int]) -> dict[int, Any]:
    """Index of a cell that is not executed → what stands for it."""
    if not skip:
        return {}
    earlier = list(executed.cells) if executed is not None else []
    if skip != "completed":
        wrong = [i for i in skip if not 0 <= int(i) < len(nb.cells)]
        if wrong:
            raise UserErrorException(
                f"There is no cell {wrong[0]} to skip: the notebook has the cells 0–{len(nb.cells) - 1}."
            )
        chosen = {}
        for index in sorted(int(i) for i in skip):
            cell = nb.cells[index]
            same = index < len(earlier) and earlier[index].source == cell.source
            if not _ALWAYS & set(cell.metadata.get("tags", [])):
                chosen[index] = earlier[index] if same else _blank(cell)
        return chosen
    chosen = {}
    for index, cell in enumerate(nb.cells[: len(earlier)]):
        if _ALWAYS & set(cell.metadata.get("tags", [])):
            continue
        was = earlier[index]
        if was.source != cell.source or (was.metadata.get("papermill") or {}).get("status") != "completed":
            break
        chosen[index] = was
    return chosen


def _blank(cell: Any) -> Any:
    import copy

    blank = copy.deepcopy(cell)
    if blank.cell_type == "code":
        blank.outputs, blank.execution_count = [], None
    blank.metadata["papermill"] = {}
    return blank


def ranges(numbers: Collection[int]) -> str:
    """Numbers as people write them: 0–3, 5."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ", ".join(f"{p[0]}–{p[-1]}" if len(p) > 1 else str(p[0]) for p in parts)


def read_ranges(text: str) -> set[int]:
    """The numbers of ``0-3,5``.

    Raises:
        UserErrorException: it is no such list.
    """
    numbers: set[int] = set()
    for part in text.replace("–", "-").split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()) or (dash and int(last) < int(first)):
            raise UserErrorException(f"Cells are written as 0-3,5; {text!r} is not understood.")
        numbers |= set(range(int(first), int(last or first) + 1)) if int(last or first) < 100_000 else set()
    return numbers
