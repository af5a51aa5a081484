"""``!pip install azureml-…`` and ``%pip install azureml-…`` where the alias is on: said to be served, and not installed."""

from __future__ import annotations

import re
import shlex
from typing import Any

_INSTALL = re.compile(
    r"^(?P<call>\s*(?:sudo\s+)?(?:[^\s|&;]+\s+-m\s+)?[^\s|&;]*pip[\d.]*\s+install)(?P<rest>\s.*)?$",
    re.IGNORECASE | re.DOTALL,
)
_LINE = re.compile(
    r"^(?P<indent>\s*)(?P<sign>(?:\w+\s*=\s*)?!{1,2}|%(?=pip\s)|(?=pip\s+install\s))(?P<command>.*)$", re.DOTALL
)
_CHAIN = re.compile(r"(\s*(?:&&|;)\s*)")
_TAIL = re.compile(r"\s+(?:[12&]?>|<|\|).*$", re.DOTALL)
_SERVED = re.compile(r"^azureml(?:[-_.][a-z0-9_.-]+?)?(?:\[[^\]]*\])?(?:\s*[=<>!~].*)?$", re.IGNORECASE)
_NAME = re.compile(r"^[A-Za-z0-9_.-]*[A-Za-z0-9]")
_TAKES_VALUE = frozenset(
    [
        "-i",
        "--index-url",
        "--extra-index-url",
        "-f",
        "--find-links",
        "-c",
        "--constraint",
        "-t",
        "--target",
        "--proxy",
        "--timeout",
        "--retries",
        "--trusted-host",
        "--cert",
        "--cache-dir",
        "--prefix",
        "--root",
        "--platform",
        "--python-version",
        "--progress-bar",
        "--upgrade-strategy",
        "--src",
        "--log",
        "--no-binary",
        "--only-binary",
        "--config-settings",
    ]
)
_BRINGS = frozenset(["-r", "--requirement", "-e", "--editable"])


def without_served(command: str) -> tuple[str, list[str]]:
    """A shell command without the packages that we serve.

    Args:
        command: one line of shell, perhaps several commands joined by ``&&`` or ``;``.

    Returns:
        The command to run ("" when nothing is left to do) and the names that were taken out of it.
    """
    taken: list[str] = []
    parts = _CHAIN.split(command)
    for i in range(0, len(parts), 2):
        parts[i], names = _one(parts[i])
        taken += names
    if not taken:
        return command, []
    if not any(part.strip() and part != "true" for part in parts[::2]):
        return "", taken
    return "".join(parts), taken


def _one(command: str) -> tuple[str, list[str]]:
    match = _INSTALL.match(command)
    if match is None:
        return command, []
    rest = match["rest"] or ""
    tail = _TAIL.search(rest)
    words, kept, names = _words(rest[: tail.start()] if tail else rest), [], []
    for word in words:
        bare = word.strip("\"'")
        if _SERVED.match(bare):
            found = _NAME.match(bare)
            names.append(found.group() if found else bare)
        else:
            kept.append(word)
    if not names:
        return command, []
    if not _something(kept):
        return "true", names
    return " ".join([match["call"].rstrip(), *kept]) + (tail.group() if tail else ""), names


def _words(text: str) -> list[str]:
    """Words with their quotes, so that joining them gives the same command."""
    try:
        lexer = shlex.shlex(text, posix=False)
        lexer.whitespace_split = True
        lexer.commenters = ""
        return list(lexer)
    except ValueError:  # an open quote: the shell will say so
        return text.split()


def _something(words: list[str]) -> bool:
    """Whether anything is left to install."""
    expects = False
    for word in words:
        if expects:
            expects = False
        elif word in _TAKES_VALUE:
            expects = True
        elif word in _BRINGS or word.startswith(("--requirement=", "--editable=", "-r", "-e")) or word[:1] != "-":
            return True
    return False


def say(names: list[str]) -> None:
    """Tell the user what needs no installing."""
    listed = ", ".join(dict.fromkeys(names))
    print(f"{listed}: already served by jupyter_aml in this kernel; not installed.")


def transform(lines: list[str]) -> list[str]:
    """A cell's lines, with what we serve taken out of those that install (an IPython input transformer)."""
    if lines and lines[0].startswith("%%"):
        return lines
    made: list[str] = []
    at = 0
    while at < len(lines):
        end = at + 1
        while lines[end - 1].rstrip("\n").endswith("\\") and end < len(lines):
            end += 1
        line = "".join(part.rstrip("\n").removesuffix("\\") for part in lines[at:end])
        match = _LINE.match(line) if "azureml" in line else None
        command, names = without_served(match["command"]) if match else ("", [])
        if match is None or not names:
            made += lines[at:end]
        else:
            made.append(f"{match['indent']}__import__({__name__!r}, fromlist=['say']).say({names!r})\n")
            if command or "=" in match["sign"]:
                made.append(f"{match['indent']}{match['sign']}{command or 'true'}\n")
        at = end
    return made


def attach(shell: Any) -> None:
    """Look at what this shell is given to execute. Idempotent."""
    transforms = getattr(shell, "input_transformers_cleanup", None)
    if transforms is not None and transform not in transforms:
        transforms.append(transform)


def detach(shell: Any) -> None:
    """Take `attach` back."""
    transforms = getattr(shell, "input_transformers_cleanup", None)
    if transforms is not None and transform in transforms:
        transforms.remove(transform)
