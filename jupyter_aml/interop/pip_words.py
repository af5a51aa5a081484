"""Taking the packages that we serve out of a shell's ``pip install`` commands; all other text is kept as it is."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from typing import NamedTuple

_WORD = r"""(?:\\.|"(?:\\.|[^"\\])*"|'[^']*'|\{[^{}\n]*\}|\$\([^()\n]*\)|\[[^\]\s]*\]|[^\s;|&<>()"'\\])"""
_TOKEN = re.compile(
    rf"""
      (?P<space> (?:[^\S\n]|\\\n)+ )
    | (?P<comment> (?<![^\s;|&()]) \#[^\n]* )
    | (?P<redirect> (?:(?<![^\s;|&()])\d+|&)? (?:>>|>\||>&|<&|>|<) [^\S\n]* {_WORD}* )
    | (?P<end> ;|&&|\|\||\||&|\n|\(|\) )
    | (?P<word> {_WORD}+ )
    | (?P<stray> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_PIP = re.compile(r"(?:.*[/\\])?pip[\d.]*(?:\.exe)?$", re.IGNORECASE)
_ANY_PIP = re.compile(r"pip[\d.]*")
_BEFORE_PIP = re.compile(
    r"-.*|\w+=.*|uv|sudo|env|exec|command|time|nice|(?:.*[/\\])?python[\d.]*(?:\.exe)?|\{.*\}|\$.*|py", re.IGNORECASE
)
_SERVED = re.compile(r"(?P<name>azureml(?:[-_.]+[a-z0-9]+)*)\s*(?:\[[^\]]*\])?\s*(?:[=<>!~;@].*)?$", re.IGNORECASE)
_NOT_THE_SDK = frozenset({"azureml-inference-server-http"})  # a server of its own, not a part of `import azureml`
_FILE = re.compile(r".*\.(?:whl|zip|tar\.gz|tar\.bz2)$", re.IGNORECASE)
_BRING = ("-r", "--requirement", "-e", "--editable", "--group", "--requirements-from-script")
_TAKE_A_VALUE = frozenset(
    """
    -i --index-url --extra-index-url -f --find-links -c --constraint --build-constraint -t --target --proxy --timeout --retries
    --trusted-host --cert --client-cert --cache-dir --prefix --root --src --platform --python-version --python --implementation
    --abi --progress-bar --upgrade-strategy --log --no-binary --only-binary -C --config-setting --config-settings
    --global-option --exists-action --report --root-user-action --use-feature --use-deprecated --keyring-provider
    """.split()  # noqa: SIM905 - a list of forty lines reads worse
)


class _Token(NamedTuple):
    kind: str
    text: str
    start: int
    end: int


def without_served(command: str) -> tuple[str, list[str]]:
    """A shell command without the packages that we serve.

    Args:
        command: any text for a shell; of several commands each that is a ``pip install`` is looked at.

    Returns:
        The command to run ("" when nothing is left to do) and the names that were taken out of it.
    """
    tokens = [_Token(match.lastgroup or "", match.group(), *match.span()) for match in _TOKEN.finditer(command)]
    cuts: list[tuple[int, int, str]] = []
    taken: list[str] = []
    busy = False  # whether any command is there that is not dropped
    for part in _commands(tokens):
        found = _install(part)
        served = _served(part[found:], command) if found else []
        if not served:
            busy = True
            continue
        taken += [name for name, _, _ in served]
        gone = {start for _, start, _ in served}
        if _anything([token for token in part[found:] if token.start not in gone]):
            cuts += [(start, end, "") for _, start, end in served]
            busy = True
        else:
            last = max(token.end for token in part if token.kind == "word")
            cuts.append((part[0].start, max(last, served[-1][2]), _NOTHING))
    if not taken:
        return command, []
    if not busy:
        return "", taken
    for start, end, new in sorted(cuts, reverse=True):
        before = command[:start]
        command = (before if new else before.rstrip(" \t")) + new + command[end:]
    return command, taken


def by_python(command: str, python: str) -> str:
    """A shell command whose ``pip install`` is that of this Python, where it names none: a shell finds whichever comes first.

    Args:
        command: any text for a shell.
        python: the interpreter's path.
    """
    tokens = [_Token(match.lastgroup or "", match.group(), *match.span()) for match in _TOKEN.finditer(command)]
    for part in reversed(list(_commands(tokens))):
        before = [_bare(token.text) for token in part[: _install(part)]]
        if "-m" in before or "uv" in before:
            continue
        for token in part[: len(before)]:
            if _ANY_PIP.fullmatch(token.text):
                command = f"{command[: token.start]}{shlex.quote(python)} -m pip{command[token.end :]}"
                break
    return command


_NOTHING = "cd ." if os.name == "nt" else "true"


def _commands(tokens: list[_Token]) -> Iterator[list[_Token]]:
    """The words (and redirections between them) of each simple command."""
    part: list[_Token] = []
    for token in tokens:
        if token.kind in ("end", "stray"):
            if part:
                yield part
            part = []
        elif token.kind == "word" or (token.kind == "redirect" and part):
            part.append(token)
    if part:
        yield part


def _install(part: list[_Token]) -> int:
    """How many of the words are ``… pip install``; 0 where the command is another one."""
    for at, token in enumerate(part):
        if _PIP.match(_bare(token.text)):
            rest = at + 1
            while rest < len(part) and part[rest].text.startswith("-"):
                rest += 2 if part[rest].text in _TAKE_A_VALUE else 1
            return rest + 1 if rest < len(part) and part[rest].text == "install" else 0
        if not _BEFORE_PIP.fullmatch(_bare(token.text)):
            return 0
    return 0


def _served(words: list[_Token], command: str) -> list[tuple[str, int, int]]:
    """Requirements that we serve: name, and where they begin and end."""
    found = []
    value = False
    for at, token in enumerate(words):
        bare = _bare(token.text)
        is_value, value = value, token.text in _TAKE_A_VALUE or token.text in _BRING
        match = _SERVED.match(bare)
        if token.kind != "word" or is_value or not match or _FILE.match(bare):
            continue
        if re.sub(r"[-_.]+", "-", match["name"]).lower() in _NOT_THE_SDK:
            continue
        end = token.end
        # azureml-core>=1.0 without quotes: to the shell a redirection into the file "=1.0", which nobody wants.
        for following in words[at + 1 : at + 2]:
            if following.start == end and following.kind == "redirect" and re.match(r"[<>](=|\d)", following.text):
                end = following.end
        found.append((match["name"], token.start, end))
    return found


def _anything(words: list[_Token]) -> bool:
    """Whether anything is left to install."""
    value = False
    for token in words:
        if value:
            value = False
        elif token.text in _TAKE_A_VALUE:
            value = True
        elif token.kind == "word" and (not token.text.startswith("-") or token.text.startswith(_BRING)):
            return True
    return False


def _bare(text: str) -> str:
    return text.replace('"', "").replace("'", "")
