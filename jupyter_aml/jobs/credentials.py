"""The token of a submitted run: all that its script gets to reach the workspace with, and how it gets there."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from jupyter_aml.errors import AzureMLException
from jupyter_aml.jobs.ssh_serve import Served
from jupyter_aml.store import run_token
from jupyter_aml.store.connection import Connection
from jupyter_aml.store.fs_url import KINDS
from jupyter_aml.store.journal import SUFFIX

SPARE = 3600.0
"""Seconds that a token lives longer than the run may."""


@dataclass(frozen=True)
class Token:
    """A run's token and when it ends (seconds since the epoch)."""

    text: str = ""
    expires: float = 0.0


def mint(connection: Connection, run_id: str, experiment: str, seconds: float | None) -> Token:
    """A token for a run; an empty one where none can be had.

    Args:
        connection: the workspace; one that is served over HTTP is asked for it.
        run_id: the run.
        experiment: its experiment.
        seconds: how long the run may last (None: nobody knows; the token then lives as long as one can).
    """
    life = min(run_token.LONGEST, seconds + SPARE if seconds else run_token.LONGEST)
    if connection.place.kind == "http":
        from jupyter_aml.store.http.client import Client

        client = Client(connection.place.address)
        try:
            asked = json.dumps({"seconds": life}).encode()
            answer = client.request(
                "POST", f"../runs/{run_id}/token", asked, headers={"Content-Type": "application/json"}
            )
            told = json.loads(answer.data)
            return Token(told["token"], float(told["expires"]))
        finally:
            client.close()
    with suppress(AzureMLException):  # a home that cannot be written
        return Token(run_token.mint(str(connection.about["id"]), run_id, experiment, seconds=life), time.time() + life)
    return Token()


def own_home(connection: Connection, token: Token, folder: Path) -> dict[str, str]:
    """Variables by which a script reaches a workspace over HTTP with its run's token and nothing else: a home of workspaces
    of its own, where nobody's credentials lie. Nothing for other workspaces, whose place says all, unless only variables of this
    process open their contents: these are served to the script by this machine.

    Raises:
        ComputeTargetException: the server of this machine does not start.
    """
    served: dict[str, str] = {}
    if connection.place.kind != "http":
        if not token.text or not _held_here(connection):
            return {}
        served["JUPYTER_AML_WORKSPACE"] = f"http://127.0.0.1:{_door(connection).port}/"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {"JUPYTER_AML_HOME": str(folder), "JUPYTER_AML_TOKEN": token.text, **served}


_OPENING: dict[str, str | tuple[str, ...]] = {
    "s3": "AWS_",
    "az": "AZURE_STORAGE_",
    "gs": ("GOOGLE_APPLICATION_CREDENTIALS", "STORAGE_EMULATOR_HOST"),
}
"""Variables by which the drivers of contents elsewhere are opened. No script inherits them: they may open more than a workspace."""


def _held_here(connection: Connection) -> bool:
    """Whether variables of this process open the workspace's contents."""
    kind = KINDS.get(str(getattr(connection.blobs, "url", "")).partition("://")[0], "")
    return kind in _OPENING and any(name.startswith(_OPENING[kind]) for name in os.environ)


_doors: dict[tuple[int, str], Served] = {}
_opening = threading.Lock()


def _door(connection: Connection) -> Served:
    """The server that offers a workspace to the scripts of this process; it ends with the process."""
    with _opening:
        key = (os.getpid(), connection.url)
        if key not in _doors or not _doors[key].alive:
            _doors[key] = Served(connection)
        return _doors[key]


def take_over(connection: Connection, folder: Path) -> None:
    """Journals that a script could not send any more are sent by this user's processes."""
    for path in folder.glob(f".remote/*/journals/*{SUFFIX}"):
        if path.stat().st_size:
            (connection.folder / "journals").mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.move(path, connection.folder / "journals" / path.name)
