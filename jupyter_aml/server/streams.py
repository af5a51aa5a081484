"""Bodies and answers that are too large to be held: they go through in chunks."""

from __future__ import annotations

import tempfile
from typing import Any

from tornado import iostream, web

from jupyter_aml.server.base import AmlHandler

CHUNK = 256 * 1024
MAX_CONTENT = 64 * 2**30


@web.stream_request_body
class SpooledHandler(AmlHandler):
    """Base of handlers whose `PUT` takes a content of any size: it is in the temporary file `_spool` when the method begins."""

    _spool: Any = None

    async def prepare(self) -> None:  # type: ignore[override]
        """Check who asks before the first byte is taken."""
        await super().prepare()
        if self._finished or self.request.method != "PUT":
            return
        if self.current_user is None or not self.authorizer.is_authorized(
            self, self.current_user, "write", self.auth_resource
        ):
            raise web.HTTPError(403)
        self.request.connection.set_max_body_size(MAX_CONTENT)  # type: ignore[union-attr]
        self._spool = await self.services.call(tempfile.NamedTemporaryFile)

    async def data_received(self, chunk: bytes) -> None:
        """More of a content."""
        if self._spool is not None:
            await self.services.call(self._spool.write, chunk)

    def on_finish(self) -> None:
        """Leave nothing behind."""
        self._drop()
        super().on_finish()

    def on_connection_close(self) -> None:
        """The sender went away: nothing of it stays."""
        self._drop()
        super().on_connection_close()

    def _drop(self) -> None:
        spool, self._spool = self._spool, None
        if spool is not None:
            spool.close()


async def send_content(handler: AmlHandler, digest: str, content_type: str) -> None:
    """Answer with a content of the workspace; the headers are set before.

    Raises:
        NotFoundException: it is not there (any more).
    """
    workspace = await handler.workspace()
    file = await handler.services.call(workspace.connection.blobs.open, digest)
    try:
        while chunk := await handler.services.call(file.read, CHUNK):
            handler.write(chunk)
            await handler.flush()
    except iostream.StreamClosedError:
        return  # the reader went away
    finally:
        file.close()
    handler.finish(set_content_type=content_type)
