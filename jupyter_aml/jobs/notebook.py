"""Execute one notebook as a run: the same engine as papermill's ``--engine aml``, called from Python."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_aml.errors import ActivityFailedException, ParameterException, UserErrorException
from jupyter_aml.jobs import place
from jupyter_aml.jobs.parameters import Parameter, declared
from jupyter_aml.jobs.record import Wanted

if TYPE_CHECKING:
    from jupyter_aml.tracking.run import Run


def run_notebook(
    notebook: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    parameters: Mapping[str, Any] | None = None,
    *,
    workspace: Any = None,
    experiment: str | None = None,
    name: str = "",
    tags: Mapping[str, Any] | None = None,
    secrets: Iterable[str] = (),
    allow_unknown: bool = False,
    kernel: str | None = None,
    cwd: str | os.PathLike[str] | None = None,
    timeout: int | None = None,
    start_timeout: int = 60,
    snapshot: bool = True,
    progress: bool = False,
    log_output: bool = False,
    raise_on_error: bool = True,
    **papermill_options: Any,
) -> Run:
    """Execute a notebook as a run, and wait for it.

    Args:
        notebook: the input; it is never written.
        output: where the executed notebook goes (replaced atomically); None: it is kept with the run only.
        parameters: values for the names that the cell tagged ``parameters`` declares.
        workspace: object, name or URL; by default as a config beside the notebook says.
        experiment: by default the notebook's name.
        name: display name of the run.
        tags: of the run.
        secrets: names of parameters to mask in all that is kept.
        allow_unknown: let undeclared parameters through.
        kernel: instead of the notebook's own.
        cwd: the working folder of the kernel.
        timeout: seconds for each cell.
        start_timeout: seconds for the kernel to start.
        snapshot: freeze the notebook's folder.
        progress: show papermill's progress bar.
        log_output: log what cells print.
        raise_on_error: raise when the execution fails.
        **papermill_options: further options of ``papermill.execute_notebook``.

    Returns:
        The run, ended.

    Raises:
        ParameterException: parameters that do not fit; nothing was executed.
        UserErrorException: not a notebook, no such kernel, output equal to input …
        ActivityFailedException: the execution failed or was cancelled (`error_details` says how).
    """
    wanted = Wanted(
        experiment=experiment or "",
        name=name,
        tags=dict(tags or {}),
        secrets=frozenset(secrets),
        allow_unknown=allow_unknown,
        take_snapshot=snapshot,
        connection=place.connection_to(workspace) if workspace is not None else None,
    )
    if workspace is None and os.environ.get("JUPYTER_AML_RUN_ID"):
        wanted.parent = os.environ["JUPYTER_AML_RUN_ID"]
        wanted.experiment = wanted.experiment or os.environ.get("JUPYTER_AML_EXPERIMENT", "")
    return execute(
        notebook,
        output,
        dict(parameters or {}),
        wanted,
        kernel=kernel,
        raise_on_error=raise_on_error,
        cwd=os.fspath(cwd) if cwd is not None else None,
        execution_timeout=timeout,
        start_timeout=start_timeout,
        progress_bar=progress,
        log_output=log_output,
        **papermill_options,
    )


def execute(
    notebook: str | os.PathLike[str] | bytes,
    output: str | os.PathLike[str] | None,
    parameters: dict[str, Any],
    wanted: Wanted,
    *,
    kernel: str | None,
    raise_on_error: bool,
    **options: Any,
) -> Run:
    """Execute a notebook's file, or its content, as `wanted` says; see `run_notebook`."""
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.engines import papermill_engines
    from papermill.exceptions import PapermillExecutionError
    from papermill.execute import execute_notebook

    from jupyter_aml.jobs.papermill import UNSAVED, AmlEngine, check_notebook, check_paths
    from jupyter_aml.tracking.run import Run

    nb = load(notebook)
    kernel_name = AmlEngine.nb_kernel_name(nb, kernel)
    check_kernel(kernel_name)
    language = options.pop("language", None) or _language(AmlEngine, nb, kernel_name)
    secrets = check_notebook(nb, parameters, language, wanted)
    if options.get("prepare_only") and secrets:
        raise UserErrorException(
            "A notebook that is prepared only would hold its secrets; give them when it is executed."
        )
    source = Path(os.fspath(notebook)).absolute() if not isinstance(notebook, bytes) else None
    target = _target(output, parameters)
    check_paths(source, target)
    if target is not None and not target.parent.is_dir():
        raise UserErrorException(f"The output's folder {str(target.parent)!r} does not exist.")
    if source is not None:
        wanted.notebook = str(source)
        wanted.original = source.read_bytes()
    elif isinstance(notebook, bytes):
        wanted.original = notebook
    if wanted.connection is None:
        wanted.connection = place.connection(source.parent if source else Path.cwd())
    papermill_engines.register("aml", AmlEngine)
    try:
        execute_notebook(
            _literal(source) if source is not None else nb,
            _literal(target) if target is not None else None,
            parameters,
            engine_name="aml",
            kernel_name=kernel_name,
            language=language,
            aml=wanted,
            **options,
        )
    except PapermillExecutionError:
        pass  # the run has it
    except (DeadKernelError, CellTimeoutError, ActivityFailedException):
        if not wanted.run:
            raise
    except UserErrorException:  # papermill writes the output once more at the end
        run = _run_of(wanted, Run)
        if run is None or (run._record().error or {}).get("code") != UNSAVED:
            raise
    run = _run_of(wanted, Run)
    if run is None:
        raise ActivityFailedException("The notebook was prepared, not executed.")
    record = run._record()
    if record.status != "Completed" and raise_on_error:
        error = dict(record.error or {})
        raise ActivityFailedException(
            f"Run {run.id} of {wanted.notebook or 'the notebook'} is {record.status}: "
            f"{error.get('code', '')}: {error.get('message', '')}",
            error_details={"run": run.id, "status": record.status, **error},
        )
    return run


def _run_of(wanted: Wanted, kind: Any) -> Any:
    if not wanted.run or wanted.connection is None:
        return None
    from jupyter_aml.tracking.lifetime import workspace_of

    return kind.get(workspace_of(wanted.connection), wanted.run)


def _target(output: str | os.PathLike[str] | None, parameters: dict[str, Any]) -> Path | None:
    """The output's path; papermill's ``out-{lr}.ipynb`` takes parameters' values."""
    if output is None:
        return None
    from papermill.parameterize import add_builtin_parameters

    text = os.fspath(output)
    try:
        return Path(text.format(**add_builtin_parameters(parameters))).absolute()
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise ParameterException(f"The output path {text!r} asks for {error}, which is no parameter given.") from None


def _literal(path: Path) -> str:
    """Braces in a path mean a parameter to papermill."""
    return str(path).replace("{", "{{").replace("}", "}}")


def check_kernel(name: str) -> None:
    """See `kernel.check_installed`."""
    from jupyter_aml.jobs.kernel import check_installed

    check_installed(name)


def _language(engine: Any, nb: Any, kernel_name: str) -> str:
    from jupyter_aml.jobs.kernel import language_of

    return language_of(kernel_name) or engine.nb_language(nb)


def load(notebook: str | os.PathLike[str] | bytes) -> Any:
    """A notebook of any version as papermill wants it.

    Raises:
        UserErrorException: no such file, not JSON, not a notebook.
    """
    import nbformat

    if isinstance(notebook, bytes):
        what, content = "the notebook", notebook
    else:
        what = repr(os.fspath(notebook))
        try:
            content = Path(notebook).read_bytes()
        except FileNotFoundError:
            raise UserErrorException(f"There is no notebook {what}.") from None
        except OSError as error:
            raise UserErrorException(f"The notebook {what} cannot be read: {error.strerror}.") from error
    try:
        facts = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UserErrorException(f"{what} is not a notebook: it is not UTF-8 text ({error.reason}).") from error
    except (ValueError, RecursionError) as error:
        raise UserErrorException(f"{what} is not a notebook: it is not JSON ({error}).") from error
    if not isinstance(facts, dict) or not isinstance(facts.get("nbformat"), int):
        raise UserErrorException(f"{what} is not a notebook: it is JSON without the field 'nbformat'.")
    if facts["nbformat"] > 4:
        raise UserErrorException(
            f"{what} has notebook format {facts['nbformat']}, which is newer than the format 4 that is known here."
        )
    try:
        nb = nbformat.reads(json.dumps(facts), as_version=4)
        return nbformat.v4.upgrade(nb) or nb
    except Exception as error:
        reason = str(error).strip().splitlines()
        raise UserErrorException(
            f"{what} is a damaged notebook: {reason[0] if reason else type(error).__name__}"
        ) from error


def inspect(
    notebook: Path | bytes,
    sets: Iterable[Mapping[str, Any]],
    *,
    secrets: Iterable[str],
    allow_unknown: bool,
    kernel: str | None,
) -> set[str]:
    """Check parameter sets against a notebook without executing anything.

    Returns:
        Names of the secret parameters.

    Raises:
        ParameterException, UserErrorException: as `run_notebook`.
    """
    from jupyter_aml.jobs.papermill import AmlEngine, check_notebook

    nb = load(notebook)
    kernel_name = AmlEngine.nb_kernel_name(nb, kernel)
    check_kernel(kernel_name)
    language = _language(AmlEngine, nb, kernel_name)
    wanted = Wanted(secrets=frozenset(secrets), allow_unknown=allow_unknown)
    hidden: set[str] = set()
    several = list(sets)
    for index, one in enumerate(several):
        try:
            hidden |= check_notebook(nb, dict(one), language, wanted)
        except ParameterException as error:
            if len(several) == 1:
                raise
            raise ParameterException(f"Set {index}: {error}") from None
    return hidden


def declarations(notebook: str | os.PathLike[str], kernel: str | None = None) -> dict[str, Parameter] | None:
    """The parameters that a notebook declares, by name; None where its parameters cell cannot be read.

    Raises:
        UserErrorException: it is no notebook.
    """
    from jupyter_aml.jobs.papermill import AmlEngine, tagged

    nb = load(notebook)
    index = tagged(nb, "parameters")
    if index < 0:
        return {}
    language = _language(AmlEngine, nb, AmlEngine.nb_kernel_name(nb, kernel))
    known = declared(nb.cells[index].source, language)
    return None if known is None else {p.name: p for p in known}
