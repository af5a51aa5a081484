"""`aml completion`."""

from __future__ import annotations

import os

import click
from click.shell_completion import BashComplete, add_completion_class, get_completion_class

from jupyter_aml.cli.base import Aml, Command, pass_aml


class Bash(BashComplete):
    """click's, with names quoted as the shell wants them: experiments are called after notebooks, with spaces."""

    source_template = BashComplete.source_template.replace(
        "COMPREPLY+=($value)",
        """[[ ${COMP_WORDS[COMP_CWORD]} == [\\"\\']* ]] || printf -v value %%q "$value"
            COMPREPLY+=("$value")""",
    )


add_completion_class(Bash)

HOW = {
    "bash": 'eval "$(aml completion bash)"        # in ~/.bashrc',
    "zsh": 'eval "$(aml completion zsh)"         # in ~/.zshrc',
    "fish": "aml completion fish > ~/.config/fish/completions/aml.fish",
}


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(sorted(HOW)), required=False)
@pass_aml
def completion(aml: Aml, shell: str | None) -> None:
    """Print the completion script of SHELL (by default $SHELL).

    \b
    bash:  eval "$(aml completion bash)"        # in ~/.bashrc
    zsh:   eval "$(aml completion zsh)"         # in ~/.zshrc
    fish:  aml completion fish > ~/.config/fish/completions/aml.fish
    """
    chosen = shell or os.environ.get("SHELL", "").rsplit("/", 1)[-1]
    kind = get_completion_class(chosen)
    if chosen not in HOW or kind is None:
        raise click.UsageError(f"Say for which shell: {', '.join(HOW)}; $SHELL is {chosen!r}.")
    root = click.get_current_context().find_root().command
    script = kind(root, {}, "aml", "_AML_COMPLETE").source()
    aml.emit({"shell": chosen, "script": script}, script)
