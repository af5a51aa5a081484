"""Care for a workspace that only its server can take, since it alone sees its journals."""

from __future__ import annotations

import asyncio
import math
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_aml.errors import ConflictException, StoreUnavailableException, UserErrorException, WorkspaceException
from jupyter_aml.server.base import AmlHandler, answers
from jupyter_aml.store import gc


class GarbageHandler(AmlHandler):
    """`POST workspace/gc`."""

    for_owners = True
    parameters = frozenset()
    _at_work: set[str] = set()
    """Ids of the workspaces in which garbage is collected now."""

    @web.authenticated
    @authorized
    @answers
    async def post(self) -> Any:
        """Count the contents that nothing refers to any more, or with ``delete`` remove them."""
        given = self.body()
        unknown = set(given) - {"delete", "older_than"}
        if unknown:
            raise UserErrorException(f"There is no {sorted(unknown)[0]!r} here; there are delete and older_than.")
        delete, age = given.get("delete", False), given.get("older_than", gc.GRACE)
        if type(delete) is not bool or type(age) not in (int, float) or not math.isfinite(age) or age < 0:
            raise UserErrorException("delete is true or false, and older_than a number of seconds, at least 0.")
        workspace = await self.workspace()
        if workspace.id in self._at_work:
            raise ConflictException(f"Garbage is being collected in {workspace.name!r} already. Try again later.")
        self._at_work.add(workspace.id)
        try:  # in a thread of its own: it may take long, and those of the services are few
            return await asyncio.to_thread(
                gc.collect, workspace.connection, older_than=age, dry_run=not delete, who=self.who
            )
        except StoreUnavailableException:
            raise
        except WorkspaceException as error:  # journals that cannot be brought in yet
            raise ConflictException(error.message) from error
        finally:
            self._at_work.discard(workspace.id)


ROUTES: list[tuple[str, type]] = [(r"/workspace/gc", GarbageHandler)]
