"""The git state of a source tree: remote, branch, commit, and what is not committed. No code of the repository is run."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

_SAFE = ("-c", "core.fsmonitor=", "-c", "core.hooksPath=/dev/null", "-c", "core.pager=cat", "-c", "diff.external=")
_NO_TRANSPORT = {"GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1"}
"""A partial clone would fetch what it lacks by the commands of its configuration."""
_FILTERS = ("config", "--null", "--name-only", "--get-regexp", r"^filter\..*\.(clean|smudge|process|required)$")
_TIMEOUT = 20
_PLAIN_DIFF = ("--no-ext-diff", "--no-textconv", "--no-color", "--submodule=short", "--ignore-submodules=dirty")
DIFF_LIMIT = 2_000_000
"""Characters of the uncommitted diff that are kept."""


@dataclass(frozen=True, slots=True)
class GitState:
    """What `read` found."""

    properties: dict[str, str] = field(default_factory=dict)
    """Named as the SDK and MLflow name them."""
    diff: str = ""
    untracked: list[str] = field(default_factory=list)


def read(folder: Path | str) -> GitState | None:
    """The state of the repository that holds `folder`; None without git or outside a repository."""
    root = _git(folder, "rev-parse", "--show-toplevel")
    if root is None:
        return None
    commit = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD") or ""
    branch = _git(folder, "symbolic-ref", "--short", "--quiet", "HEAD") or ""
    remote = without_credentials(_git(folder, "config", "--get", "remote.origin.url") or "")
    safe = _without_filters(folder)
    if safe is None:
        return None
    listing = _git(folder, *safe, "status", "--porcelain=v1", "-z", "--ignore-submodules=dirty", strip=False) or ""
    entries = [entry for entry in listing.split("\0") if entry]
    untracked = [entry[3:] for entry in entries if entry.startswith("?? ")]
    dirty = any(not entry.startswith("?? ") for entry in entries)
    diff = ""
    if dirty and commit:
        diff = _git(folder, *safe, "diff", *_PLAIN_DIFF, "HEAD", "--", strip=False) or ""
        if len(diff) > DIFF_LIMIT:
            left = len(diff) - DIFF_LIMIT
            diff = f"{diff[:DIFF_LIMIT]}\n… {left:,} more characters of this diff were not kept.\n"
    properties = {
        "azureml.git.repository_uri": remote,
        "mlflow.source.git.repoURL": remote,
        "azureml.git.branch": branch,
        "mlflow.source.git.branch": branch,
        "azureml.git.commit": commit,
        "mlflow.source.git.commit": commit,
        "azureml.git.dirty": str(dirty),
    }
    return GitState({key: value for key, value in properties.items() if value}, diff, untracked)


def _without_filters(folder: Path | str) -> list[str] | None:
    """Options that switch off what the configuration filters files through: commands, of which an attribute is enough to
    have them run. None when one of them has a name that cannot be switched off so."""
    names = [name for name in (_git(folder, *_FILTERS, strip=False) or "").split("\0") if name]
    if any("=" in name for name in names):
        return None
    values = {name: "false" if name.endswith(".required") else "" for name in names}
    return [word for name, value in values.items() for word in ("-c", f"{name}={value}")]


def without_credentials(url: str) -> str:
    """A remote's URL without user and password."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        port = ""
    return urlunsplit((parts.scheme, host + port, parts.path, "", ""))


def _git(folder: Path | str, *words: str, strip: bool = True) -> str | None:
    environment = {
        **os.environ,
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C.UTF-8",
        **_NO_TRANSPORT,
    }
    try:
        done = subprocess.run(
            ["git", *_SAFE, *words],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    if done.returncode:
        return None
    text = done.stdout.decode("utf-8", "replace")
    return text.strip() if strip else text
