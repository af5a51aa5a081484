"""The `aml` command: its groups, loaded when they are named, and how errors become exit codes."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NoReturn

import click

from jupyter_aml import __version__
from jupyter_aml.cli import output
from jupyter_aml.cli.base import Aml, Group, global_options
from jupyter_aml.errors import (
    AzureMLException,
    NotFoundException,
    UserErrorException,
    WorkspaceException,
)

OK, FAILED, BAD_INPUT, NOT_FOUND, BROKEN_PIPE, INTERRUPTED = 0, 1, 2, 3, 141, 130
EXIT_CODES = {
    OK: "Done.",
    FAILED: "The operation failed, or the run that was waited for did.",
    BAD_INPUT: "The command cannot be right as it stands, or the workspace cannot be opened or reached.",
    NOT_FOUND: "No such workspace, experiment, run, metric or file.",
    INTERRUPTED: "Interrupted with Ctrl-C.",
    BROKEN_PIPE: "The reader of the output went away (`aml run list | head`).",
}
ERRORS: list[tuple[type[Exception], int]] = [
    (NotFoundException, NOT_FOUND),
    (UserErrorException, BAD_INPUT),
    (WorkspaceException, BAD_INPUT),
    (AzureMLException, FAILED),
    (OSError, BAD_INPUT),
]
"""The first class that fits gives the exit code."""

_WRITING = frozenset({errno.ENOSPC, errno.EIO, errno.EFBIG, errno.EDQUOT, errno.EBADF})
"""Errors of standard output. Those of files come with a name, or as one of our own."""

GROUPS = {
    "activity": ("jupyter_aml.cli.activity", "activity", "Who did what when."),
    "completion": ("jupyter_aml.cli.completion", "completion", "Shell completion for bash, zsh and fish."),
    "compute": ("jupyter_aml.cli.compute", "compute", "Compute targets: list, create, start, stop, attach, delete."),
    "data": ("jupyter_aml.cli.data", "data", "Datasets: register, list, show, preview, profile, download."),
    "datastore": ("jupyter_aml.cli.datastores", "datastore", "Datastores: register, list, browse, upload, download."),
    "doctor": ("jupyter_aml.cli.care", "doctor", "Look the workspace over: what is damaged or missing."),
    "environment": ("jupyter_aml.cli.environments", "environment", "Environments: register, list, show, build."),
    "experiment": ("jupyter_aml.cli.experiments", "experiment", "Experiments: list, show, tag, archive, delete."),
    "export": ("jupyter_aml.cli.care", "export", "Write runs, experiments or all of it into an archive."),
    "import": ("jupyter_aml.cli.care", "import_", "Take an archive in."),
    "model": ("jupyter_aml.cli.models", "model", "Models: register, list, show, download, tag, delete."),
    "notebook": ("jupyter_aml.cli.notebooks", "notebook", "Execute notebooks as runs; resume failed ones."),
    "run": ("jupyter_aml.cli.runs", "run", "Runs: list, show, metrics, logs, files, diff, cancel."),
    "secret": ("jupyter_aml.cli.secrets", "secret", "Secrets of the key vault: set, list, delete."),
    "workspace": ("jupyter_aml.cli.workspaces", "workspace", "Workspaces: list, show, create, use, back up, clean up."),
}
"""name → (module, attribute, help). The help stands here so that `aml --help` loads no group."""


class Root(Group):
    """`aml` itself."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the groups that are installed."""
        return [name for name, (module, _, _) in sorted(GROUPS.items()) if find_spec(module) is not None]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a group."""
        if cmd_name not in GROUPS or cmd_name not in self.list_commands(ctx):
            return None
        module, attribute, _ = GROUPS[cmd_name]
        return getattr(import_module(module), attribute)  # type: ignore[no-any-return]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The groups with their help, without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, GROUPS[name][2]) for name in self.list_commands(ctx)])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a reader who has gone away ends it (click would say "failed")."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            _leave_pipe()

    def main(  # type: ignore[override]
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command and leave with its exit code."""
        given = list(sys.argv[1:] if args is None else args)
        _open_closed_streams()
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):  # a name that the terminal cannot show is no reason to stop
                stream.reconfigure(errors="backslashreplace")
        try:
            code = super().main(given, prog_name or "aml", complete_var, standalone_mode=False, **extra)
            sys.stdout.flush()
        except click.exceptions.Exit as done:
            code = done.exit_code
        except (click.Abort, KeyboardInterrupt):
            click.echo("Interrupted.", err=True)
            sys.exit(INTERRUPTED)
        except BrokenPipeError:
            _leave_pipe()
        except Exception as error:
            _fail(error, "--json" in given[: given.index("--")] if "--" in given else "--json" in given)
        sys.exit(code if isinstance(code, int) else OK)


def _open_closed_streams() -> None:
    """What is said to a stream that the caller closed (`>&-`) goes nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - as long as the process


def _leave_pipe() -> NoReturn:
    """Nobody reads on: what is still buffered goes nowhere, without a word."""
    _drop_output()
    sys.exit(BROKEN_PIPE)


def _drop_output() -> None:
    try:
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, sys.stdout.fileno())
    except (OSError, ValueError):  # no real file behind it
        pass


def _no_answer(error: OSError) -> NoReturn:
    """Standard output takes nothing more."""
    _drop_output()
    click.echo(f"Error: The answer cannot be written: {error.strerror or error}.", err=True)
    sys.exit(FAILED)


def _fail(error: Exception, as_json: bool) -> NoReturn:
    if os.environ.get("JUPYTER_AML_DEBUG"):
        import traceback

        traceback.print_exc()
    if isinstance(error, OSError) and error.filename is None and error.errno in _WRITING:
        _no_answer(error)
    if isinstance(error, click.exceptions.NoArgsIsHelpError) and not as_json:
        click.echo(error.format_message(), err=True)
        sys.exit(error.exit_code)
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error = click.UsageError("Name a command.", error.ctx)
    if isinstance(error, click.ClickException):
        code, name, text = error.exit_code, "UsageError", error.format_message()
        if isinstance(error, click.UsageError) and error.ctx is not None:
            text += f" See `{error.ctx.command_path} --help`."
    else:
        code = next((number for kind, number in ERRORS if isinstance(error, kind)), FAILED)
        name, text = type(error).__name__, _message(error)
    if as_json:
        try:
            output.write_json({"error": {"code": name, "message": text, "exit_code": code}})
        except OSError as full:
            _no_answer(full)
    else:
        click.echo(f"{click.style('Error:', fg='red') if output.coloured(sys.stderr) else 'Error:'} {text}", err=True)
    sys.exit(code)


def _message(error: Exception) -> str:
    if isinstance(error, AzureMLException):
        return error.message
    if isinstance(error, OSError):
        place = f" {error.filename!r}" if error.filename else ""
        return (
            f"{error.strerror or error}{place}. Check that the path exists and is yours to write, or give another one."
        )
    return f"Unexpected {type(error).__name__}: {error}. This is a bug; JUPYTER_AML_DEBUG=1 shows where."


@click.command(
    cls=Root,
    params=[*global_options()],
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": None},
    epilog="Exit codes: 0 done, 1 failed, 2 bad input, 3 not found, 130 interrupted. `aml COMMAND --help` says more.",
)
@click.version_option(__version__, "-V", "--version", prog_name="aml")
@click.pass_context
def root(ctx: click.Context) -> None:
    """Experiments, runs, metrics and files of a workspace.

    A run is named by its id, by the beginning or end of it if that is unique, or by EXPERIMENT#NUMBER.
    """
    found = ctx.ensure_object(Aml)
    found.where = found.where or os.environ.get("JUPYTER_AML_WORKSPACE")


def main() -> None:
    """Entry point of `aml` and `jupyter aml`."""
    root.main()
