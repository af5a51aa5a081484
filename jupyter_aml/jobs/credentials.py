"""The token of a submitted run: all that its script gets to reach the workspace with, and how it gets there."""

from __future__ import annotations

import json
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from jupyter_aml.errors import AzureMLException
from jupyter_aml.store import run_token
from jupyter_aml.store.connection import Connection
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
    of its own, where nobody's credentials lie. Nothing for other workspaces, whose place says all."""
    if connection.place.kind != "http":
        return {}
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {"JUPYTER_AML_HOME": str(folder), "JUPYTER_AML_TOKEN": token.text}


def take_over(connection: Connection, folder: Path) -> None:
    """Journals that a script could not send any more are sent by this user's processes."""
    for path in folder.glob(f".remote/*/journals/*{SUFFIX}"):
        if path.stat().st_size:
            (connection.folder / "journals").mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.move(path, connection.folder / "journals" / path.name)
