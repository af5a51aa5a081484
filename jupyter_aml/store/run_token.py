"""Tokens of one run: short-lived, and the only credential that a submitted run gets.

``amlrun.<what it says>.<its HMAC-SHA256>``, both base64url. It says the workspace's id, the run's, the run's experiment and
when it ends. The key of a workspace is made at first need and lies in the user's home of workspaces, not in the workspace's
folder: neither a backup nor an archive nor a snapshot holds it. So a server honours what was minted under the same home; for a
launcher elsewhere it mints itself (``POST runs/<id>/token``).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import math
import os
import secrets
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from jupyter_aml.errors import UserErrorException, WorkspaceException
from jupyter_aml.store import home

PREFIX = "amlrun."
LONGEST = 7 * 86_400.0
"""Seconds that a token lives at most; a launcher mints another one in time."""
DEFAULT = 3600.0
_MOST_CHARACTERS = 4096
_FOLDER = (".remote", "keys")  # place.py keeps snapshots out of .remote


class RunTokenException(UserErrorException):
    """A run's token does not hold here: it was altered, has expired, or is for another workspace.

    Args:
        message: why.
        foreign: it is whole, but for another workspace.
    """

    def __init__(self, message: str, *, foreign: bool = False) -> None:
        super().__init__(message)
        self.foreign = foreign


@dataclass(frozen=True, slots=True)
class RunToken:
    """What a token says."""

    workspace: str
    """Id of the workspace."""
    run: str
    experiment: str
    expires: float
    """Seconds since the epoch."""


def mint(workspace: str, run: str, experiment: str, *, seconds: float = DEFAULT) -> str:
    """Make a token.

    Args:
        workspace: the workspace's id.
        run: the run that it is for.
        experiment: name of the run's experiment.
        seconds: how long it holds, at most a week.

    Raises:
        UserErrorException: no such time.
        WorkspaceException: the workspace's key can neither be read nor made.
    """
    if not 0 < seconds <= LONGEST:
        raise UserErrorException(
            f"A run's token holds for up to {LONGEST:,.0f} seconds, not for {seconds!r}. Mint another one in time instead."
        )
    plain = {"w": workspace, "r": run, "e": experiment, "x": math.ceil(time.time() + seconds)}
    said = json.dumps(plain, separators=(",", ":")).encode("ascii")
    return f"{PREFIX}{_encoded(said)}.{_encoded(_sign(_key(workspace), said))}"


def verify(token: str, workspace: str) -> RunToken:
    """What a token says, when it holds for this workspace.

    Raises:
        RunTokenException: it does not.
        WorkspaceException: the workspace's key can neither be read nor made.
    """
    garbled = RunTokenException("This is no token of a run, or it was altered.")
    if not token.startswith(PREFIX) or len(token) > _MOST_CHARACTERS or not token.isascii():
        raise garbled
    parts = token[len(PREFIX) :].split(".")
    if len(parts) != 2:
        raise garbled
    try:
        said, signature = (_decoded(part) for part in parts)
        plain = json.loads(said)
        found = RunToken(plain["w"], plain["r"], plain["e"], plain["x"])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise garbled from None
    if (
        not all(isinstance(v, str) for v in (found.workspace, found.run, found.experiment))
        or type(found.expires) is not int
    ):
        raise garbled
    if found.workspace != workspace:
        # Nothing is said about the signature: the key of another workspace is not looked for.
        raise RunTokenException("This token is for a run of another workspace.", foreign=True)
    if not hmac.compare_digest(signature, _sign(_key(workspace), said)):
        raise garbled
    if found.expires <= time.time():
        raise RunTokenException(f"The token of run {found.run} has expired; its launcher has to give it a new one.")
    return found


def _sign(key: bytes, said: bytes) -> bytes:
    return hmac.new(key, b"jupyter_aml run token 1\n" + said, hashlib.sha256).digest()


def _key(workspace: str) -> bytes:
    """The workspace's key, made when there is none. Several processes may do so at once: one's stands."""
    folder = home.home().joinpath(*_FOLDER)
    path = folder / hashlib.sha256(workspace.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    try:
        with suppress(FileNotFoundError):
            return _whole(path)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        scratch = folder / f".{uuid.uuid4().hex}"
        with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
            file.flush()
            os.fsync(file.fileno())
        try:
            with suppress(FileExistsError):
                os.link(scratch, path)
        finally:
            scratch.unlink(missing_ok=True)
        return _whole(path)
    except OSError as error:
        raise WorkspaceException(
            f"The key for tokens of runs, {path}, cannot be read or made: {error.strerror}."
        ) from error


def _whole(path: Path) -> bytes:
    key = path.read_bytes()
    if len(key) != 32:
        raise WorkspaceException(f"{path} is no key for tokens of runs. Remove it; tokens made with it end then.")
    return key


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _decoded(text: str) -> bytes:
    if "=" in text:
        raise ValueError("padding")
    data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _encoded(data) != text:
        raise ValueError("another spelling of the same bytes")
    return data
