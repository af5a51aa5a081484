"""docs/cli.md, written from the commands themselves: ``python -m jupyter_aml.cli.reference [--check]``."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from jupyter_aml.cli.main import EXIT_CODES, root

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
_SHARED = ("workspace", "json")
HEAD = """\
# Command line

*Written by `make docs` from the commands themselves; edit their help instead.*

`aml`, `jupyter aml` and `python -m jupyter_aml` are the same. Each command takes, before or after its name:

- `-w, --workspace NAME|URL`: a workspace's name, or a folder's path (with a slash in it). Without it:
  `$JUPYTER_AML_WORKSPACE`, else the `config.json` of this folder or one above, else the workspace `default`.
- `--json`: one JSON document on standard output, also for an error:
  `{"error": {"code", "message", "exit_code"}}`. Times are seconds since the epoch; NaN and infinities are texts.

A run is named by its id, by the beginning or the end of it if that is unique, or by `EXPERIMENT#NUMBER`.
Tables fit the terminal; written to a file or a pipe they are not cut. Colour is used on terminals only, never under
`NO_COLOR`. `JUPYTER_AML_DEBUG=1` shows where an error comes from.
"""


def commands(
    command: click.Command, path: tuple[str, ...] = ("aml",)
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command below, with the words that call it."""
    if isinstance(command, click.Group):
        with click.Context(command) as ctx:
            for name in command.list_commands(ctx):
                found = command.get_command(ctx, name)
                if found is not None and not found.hidden:
                    yield from commands(found, (*path, name))
    else:
        yield path, command


def text() -> str:
    """The page."""
    parts = [HEAD, "## Exit codes\n", "| code | meaning |", "|---|---|"]
    parts += [f"| {code} | {meaning} |" for code, meaning in sorted(EXIT_CODES.items())]
    group = ""
    for path, command in commands(root):
        if path[1] != group:
            group = path[1]
            parts.append(f"\n## {group}")
        ctx = click.Context(command, info_name=" ".join(path))
        usage = " ".join(command.collect_usage_pieces(ctx))
        parts.append(f"\n### {' '.join(path)}\n\n    {' '.join(path)} {usage}\n")
        parts.append(_prose(command.help or ""))
        records = [
            p.get_help_record(ctx) for p in command.params if isinstance(p, click.Option) and p.name not in _SHARED
        ]
        options = [record for record in records if record]
        if options:
            parts.append("\n| option | |\n|---|---|")
            parts += [f"| `{_cell(name)}` | {_cell(about)} |" for name, about in options]
    return "\n".join(parts) + "\n"


def _prose(text: str) -> str:
    """A help text as Markdown: a block that click keeps as it is (after a backspace) becomes code."""
    parts = []
    for part in inspect.cleandoc(text).replace("\b", "\n\n\b").split("\n\n"):
        lines = [line.strip() for line in part.strip("\n").splitlines()]
        if lines and lines[0] == "\b":
            parts.append("\n".join(f"    {line}" for line in lines[1:]))
        elif lines:
            parts.append("\n".join(lines))
    return "\n\n".join(part for part in parts if part)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main(arguments: list[str]) -> int:
    """Write the page, or with --check say whether it is as it would be written."""
    page = text()
    if "--check" in arguments:
        if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page:
            print(f"{PAGE} is stale: run `make docs`.", file=sys.stderr)
            return 1
        return 0
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
