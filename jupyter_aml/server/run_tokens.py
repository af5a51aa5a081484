"""Tokens of runs over REST, for launchers that are not on the server's machine."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_aml.errors import RunStateException, UserErrorException
from jupyter_aml.server.base import answers
from jupyter_aml.server.runs import OneRun
from jupyter_aml.store import run_token
from jupyter_aml.store.records import TERMINAL


class RunTokenHandler(OneRun):
    """`POST runs/<id>/token`: a token that reaches this run and what is below it, and nothing else."""

    for_runs = frozenset()
    repeatable = False
    """An answer that is kept would be a credential that is kept."""

    @web.authenticated
    @authorized
    @answers
    async def post(self, run_id: str) -> Any:
        """Mint one. It cannot be used to mint another."""
        given = self.body()
        seconds = given.pop("seconds", run_token.DEFAULT)
        if given or isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
            raise UserErrorException('The body is {"seconds": number}, or nothing.')
        run = await self.record(run_id)
        if run.status in TERMINAL:
            raise RunStateException(f"Run {run_id} is {run.status}: it needs no token any more.")
        workspace = await self.workspace()
        token = await self.services.call(run_token.mint, workspace.id, run.id, run.experiment, seconds=float(seconds))
        return {"token": token, "expires": run_token.verify(token, workspace.id).expires}
