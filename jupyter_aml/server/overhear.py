"""The browsers' websockets to kernels, listened to. Messages pass unchanged, whatever happens to the listener."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jupyter_aml.server.messages import after_identities, load

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_aml.server.kernels import KernelWatcher


def overhearing(base: type, watcher: Callable[[], KernelWatcher | None]) -> type:
    """A websocket connection class like `base` that lets the watcher listen."""

    class Overhearing(base):  # type: ignore[misc]
        def handle_incoming_message(self, incoming_msg: Any, *args: Any, **kwargs: Any) -> Any:
            listener = watcher()
            if listener is not None:
                listener.guarded(_hear_browser, self, listener, incoming_msg)
            return super().handle_incoming_message(incoming_msg, *args, **kwargs)

        def handle_outgoing_message(self, *args: Any, **kwargs: Any) -> Any:
            # (stream, parts) from a kernel of this server; a gateway's connection has another form, which is let pass.
            listener = watcher()
            if listener is not None and len(args) == 2 and isinstance(args[1], list):
                listener.guarded(_hear_kernel, self, listener, args[0], list(args[1]))
            return super().handle_outgoing_message(*args, **kwargs)

    Overhearing.__name__ = base.__name__
    Overhearing.__qualname__ = base.__qualname__
    Overhearing.__module__ = base.__module__
    return Overhearing


def _hear_browser(connection: Any, listener: KernelWatcher, incoming: Any) -> None:
    if not listener.watches(connection.kernel_id):
        return
    from jupyter_server.services.kernels.connection.base import deserialize_binary_message, deserialize_msg_from_ws_v1

    if connection.subprotocol == "v1.kernel.websocket.jupyter.org":
        channel, parts = deserialize_msg_from_ws_v1(incoming)
        if channel != "shell":
            return
        message = {"header": load(parts[0])}
        if message["header"].get("msg_type") == "execute_request":
            message |= {"metadata": load(parts[2]), "content": load(parts[3])}
    else:
        message = deserialize_binary_message(incoming) if isinstance(incoming, bytes) else json.loads(incoming)
    if message["header"].get("msg_type") == "execute_request":
        user = getattr(getattr(connection, "websocket_handler", None), "current_user", None)
        listener.from_browser(connection.kernel_id, message, user)


def _hear_kernel(connection: Any, listener: KernelWatcher, stream: Any, outgoing: list[Any]) -> None:
    if not listener.watches(connection.kernel_id):
        return
    channel = stream if isinstance(stream, str) else getattr(stream, "channel", "")
    parts = after_identities(outgoing)
    if len(parts) >= 5 and channel in ("iopub", "shell"):
        listener.from_kernel(connection.kernel_id, parts[1:])
