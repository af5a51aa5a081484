"""The papermill engine ``aml``: ``papermill in.ipynb out.ipynb --engine aml -p lr 0.1``.

The execution is a run of type aml.notebook, each code cell a run below it. papermill calls the engine after it has put the
parameters into the notebook and before any kernel starts: that is where they are checked.

Further keyword arguments of ``papermill.execute_notebook(…, engine_name="aml")``: ``experiment``, ``run_name``, ``tags``,
``workspace`` (a URL), ``secrets`` (names), ``allow_unknown_parameters``. Where no keyword can be given:
``$JUPYTER_AML_WORKSPACE``, ``$JUPYTER_AML_EXPERIMENT``, ``$JUPYTER_AML_SECRETS`` (names with commas),
``$JUPYTER_AML_ALLOW_UNKNOWN=1``.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

import papermill.utils as papermill_utils
from nbclient.exceptions import DeadKernelError
from papermill.engines import NBClientEngine
from papermill.parameterize import translate_parameters

from jupyter_aml.errors import ActivityFailedException, UserErrorException
from jupyter_aml.jobs import kernel, output, parameters, place, stop
from jupyter_aml.jobs.client import Client, Stopped
from jupyter_aml.jobs.manager import Manager
from jupyter_aml.jobs.record import INPUT, OUTPUT, NotebookRun, Wanted
from jupyter_aml.jobs.secrets import Mask, check_secrets, hand_over, masked
from jupyter_aml.store.hidden import hiding

log = logging.getLogger("jupyter_aml")

UNSAVED = "OutputNotSaved"
"""Error code of a run whose cells all completed, but whose output could not be written."""


class AmlEngine(NBClientEngine):
    """See the module."""

    @classmethod
    def nb_kernel_name(cls, nb: Any, name: str | None = None) -> str:
        """The notebook's kernel, or `name`.

        Raises:
            UserErrorException: the notebook names none.
        """
        found = name or nb.metadata.get("kernelspec", {}).get("name")
        if not found:
            raise UserErrorException(
                f"The notebook does not say which kernel it wants. Choose one with -k: {', '.join(kernel.installed())}."
            )
        return str(found)

    @classmethod
    def nb_language(cls, nb: Any, language: str | None = None) -> str:
        """The notebook's language; where it does not say, that of its kernel.

        Raises:
            UserErrorException: neither is known.
        """
        try:
            return str(papermill_utils.nb_language(nb, language))
        except ValueError:
            found = kernel.language_of(nb.metadata.get("kernelspec", {}).get("name") or "")
            if not found:
                raise UserErrorException(
                    "The notebook does not say its language. Give it with -l, e.g. -l python."
                ) from None
            return found

    @classmethod
    def execute_notebook(
        cls,
        nb: Any,
        kernel_name: str,
        output_path: str | None = None,
        progress_bar: Any = True,
        log_output: bool = False,
        autosave_cell_every: int = 30,
        input_path: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Check, then execute and record.

        Raises:
            ParameterException: parameters that do not fit; nothing was executed.
            UserErrorException: the output would replace the input; the kernel is not installed.
            DeadKernelError: the kernel's process ended.
            ActivityFailedException: the run was cancelled from elsewhere.
            KeyboardInterrupt, SystemExit: SIGINT, SIGTERM; the kernel was stopped first.
        """
        wanted = _wanted(kwargs)
        kernel.check_installed(kernel_name)
        language = kernel.language_of(kernel_name) or cls.nb_language(nb)
        given = dict(nb.metadata.papermill.get("parameters") or {})
        secrets = check_notebook(nb, given, language, wanted)
        wanted.secrets = frozenset(secrets)
        name = nb.metadata.papermill.get("output_path")
        source = output.papermills(input_path) if output.local(input_path) else None
        check_paths(source, output.papermills(name) if output.local(name) else None)
        target = output.write_atomically(name) if output.local(name) else None
        if not isinstance(input_path, str):  # papermill puts a notebook in memory there, whole
            nb.metadata.papermill["input_path"] = wanted.notebook or None

        if wanted.choose_skip is not None:
            wanted.skip = wanted.choose_skip(nb)
        mask = Mask(value for key, value in given.items() if key in secrets)
        code = _hide_secrets(nb, given, secrets, kernel_name, language)
        connection = wanted.connection or place.connection(source.parent if source else Path.cwd())
        with hiding(mask):
            run = NotebookRun(
                wanted,
                connection=connection,
                notebook=wanted.notebook or (str(source) if source else "notebook.ipynb"),
                output=str(target) if target else str(name or ""),
                kernel=kernel_name,
                language=language,
                params=masked(given, secrets),
                mask=mask,
            )
            wanted.run = run.id
            nb.metadata["jupyter_aml"] = {
                **(nb.metadata.get("jupyter_aml") or {}), "run": {"id": run.id, "experiment": run.experiment}
            }  # fmt: skip
            manager = Manager(
                nb,
                output_path=output_path,
                progress_bar=progress_bar,
                log_output=log_output,
                autosave_cell_every=autosave_cell_every,
            )
            try:
                run.keep(INPUT, _original(wanted, source, nb))
                run.look_around(
                    source.parent if source else Path.cwd(),
                    take_snapshot=wanted.take_snapshot and wanted.snapshot_id is None and source is not None,
                    outputs=[target] if target is not None else [],
                )
                cls._execute(manager, kernel_name, run, wanted, code, log_output, kwargs)
            except BaseException as error:  # nothing above ends the run
                run.end("Failed", {"code": type(error).__name__, "message": str(error)})
                raise
        return manager.nb

    @classmethod
    def _execute(
        cls,
        manager: Manager,
        kernel_name: str,
        run: NotebookRun,
        wanted: Wanted,
        code: dict[int, str],
        log_output: bool,
        kwargs: dict[str, Any],
    ) -> None:
        asked = stop.Stop()
        status, error = "Completed", None
        raised: BaseException | None = None
        with stop.signals(asked), stop.requests(run.connection, run.id, asked, wanted.parent_process):
            manager.notebook_start()
            extra = {"run": run, "stop": asked, "code": code, "skip": dict(wanted.skip)}
            try:
                cls.execute_managed_notebook(manager, kernel_name, log_output=log_output, aml=extra, **kwargs)
                error = failure(manager.nb)
                status = "Failed" if error else "Completed"
            except Stopped:
                status, error = "Canceled", {"code": "Canceled", "message": f"The execution was {asked.reason}."}
            except BaseException as problem:
                raised = problem
                kind = "KernelDied" if isinstance(problem, DeadKernelError) else type(problem).__name__
                status, error = "Failed", {"code": kind, "message": str(problem)}
            manager.notebook_complete()
            run.keep(OUTPUT, output.notebook_bytes(manager.nb))
            if manager.unsaved and status == "Completed":
                status, error = "Failed", {"code": UNSAVED, "message": manager.unsaved}
            run.end(status, error)
        log.debug("Run %s: %s", run.id, status)
        if raised is not None:
            raise raised
        if status == "Canceled":
            _leave(asked, run)

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **kwargs: Any) -> Any:
        """As papermill's, with our client."""
        extra = kwargs.pop("aml")
        client = kwargs.pop("log_output", False), kwargs.pop("stdout_file", None), kwargs.pop("stderr_file", None)
        start, limit = kwargs.pop("start_timeout", 60), kwargs.pop("execution_timeout", None)
        old = kwargs.pop("timeout", None), kwargs.pop("startup_timeout", None)
        return Client(
            nb_man,
            **extra,
            **kwargs,
            timeout=limit or old[0],
            startup_timeout=start or old[1],
            kernel_name=kernel_name,
            log=logging.getLogger("papermill"),
            log_output=client[0],
            stdout_file=client[1],
            stderr_file=client[2],
        ).execute()


def check_notebook(nb: Any, given: dict[str, Any], language: str, wanted: Wanted) -> set[str]:
    """Check parameters against a notebook's declarations.

    Returns:
        Names of the parameters that are secret.

    Raises:
        ParameterException: see `parameters.check` and `check_secrets`.
    """
    index = tagged(nb, "parameters")
    source = nb.cells[index].source if index >= 0 else ""
    known = parameters.declared(source, language)
    parameters.check(given, known, language=language, allow_unknown=wanted.allow_unknown, has_cell=index >= 0)
    secrets = {p.name for p in known or () if p.secret and p.name in given} | (set(wanted.secrets) & set(given))
    check_secrets(given, secrets)
    return secrets


def tagged(nb: Any, tag: str) -> int:
    """Index of the first cell with this tag; -1 when there is none."""
    return next((i for i, cell in enumerate(nb.cells) if tag in cell.metadata.get("tags", [])), -1)


def check_paths(source: Path | None, target: Path | None) -> None:
    """Refuse to write over the input.

    Raises:
        UserErrorException: both are one file.
    """
    if source is not None and target is not None and output.same_file(source, target):
        raise UserErrorException(
            f"The output {str(target)!r} is the input itself; it was left as it is. Give the output another path."
        )


def failure(nb: Any) -> dict[str, str] | None:
    """The error of the cell that failed, as a run records it."""
    for cell in nb.cells:
        if (cell.metadata.get("papermill") or {}).get("exception") is True:
            for found in cell.get("outputs", []):
                if found.output_type == "error":
                    trace = "\n".join(found.traceback)
                    return {"code": found.ename, "message": found.evalue, "traceback": _plain(trace)}
            return {"code": "CellExecutionError", "message": "The cell failed without saying why."}
    return None


def _plain(text: str) -> str:
    from papermill.exceptions import strip_color

    return str(strip_color(text))


def _leave(asked: stop.Stop, run: NotebookRun) -> None:
    if asked.signal == signal.SIGINT:
        raise KeyboardInterrupt
    if asked.signal is not None:
        sys.exit(128 + asked.signal)
    raise ActivityFailedException(
        f"Run {run.id} was {asked.reason}; its kernel was stopped.", error_details={"code": "Canceled"}
    )


def _wanted(kwargs: dict[str, Any]) -> Wanted:
    """What the caller wants of the record; takes our own arguments out of papermill's."""
    wanted = kwargs.pop("aml", None)
    if not isinstance(wanted, Wanted):
        wanted = Wanted()
        inside = bool(os.environ.get("JUPYTER_AML_RUN_ID"))
        wanted.parent = os.environ.get("JUPYTER_AML_RUN_ID")  # a notebook that executes notebooks
        wanted.experiment = kwargs.pop("experiment", None) or os.environ.get("JUPYTER_AML_EXPERIMENT", "")
        wanted.name = kwargs.pop("run_name", None) or ""
        wanted.tags = kwargs.pop("tags", None) or {}
        wanted.secrets = frozenset(kwargs.pop("secrets", None) or ())
        wanted.allow_unknown = bool(kwargs.pop("allow_unknown_parameters", False))
        workspace = kwargs.pop("workspace", None)
        if workspace is not None:
            wanted.connection = place.connection_to(workspace)
            wanted.parent = None
        elif not inside:
            wanted.parent = None
    names = os.environ.get("JUPYTER_AML_SECRETS", "")
    wanted.secrets |= {name.strip() for name in names.split(",") if name.strip()}
    wanted.allow_unknown |= parameters.unknown_allowed()
    return wanted


def _hide_secrets(nb: Any, given: dict[str, Any], secrets: set[str], kernel_name: str, language: str) -> dict[int, str]:
    """Mask secrets in the notebook itself, so that no save can have them.

    Returns:
        Index of the cell → its true source.
    """
    if not secrets:
        return {}
    hidden = masked(given, secrets)
    nb.metadata.papermill["parameters"] = hidden
    index = tagged(nb, "injected-parameters")
    if index < 0:
        return {}
    cell = nb.cells[index]
    true = cell.source + (hand_over(secrets) if language.lower() == "python" else "")
    cell.source = translate_parameters(kernel_name, language, hidden, "Parameters")
    return {index: true}


def _original(wanted: Wanted, source: Path | None, nb: Any) -> bytes:
    if wanted.original is not None:
        return wanted.original
    try:
        if source is not None:
            return source.read_bytes()
    except OSError:
        pass
    return output.notebook_bytes(nb)  # from elsewhere: as papermill prepared it
