"""Secrets that were read are masked: in the events of this process, in what its notebook shows, and in what a run's process prints."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import threading
from typing import Any

from jupyter_aml.store import hidden

_SHOWN = frozenset(
    {"stream", "display_data", "update_display_data", "execute_result", "error", "execute_reply", "inspect_reply"}
)
_known: set[bytes] = set()
_salt = os.urandom(16)
_guard = threading.Lock()
_wrapped: list[Any] = []
_mask: list[hidden.Mask] = []


def hide(value: str) -> None:
    """From now on this process writes the value down in no event, a kernel shows it in no output, and a run prints it nowhere."""
    mark = hashlib.sha256(_salt + value.encode("utf-8", "replace")).digest()
    with _guard:
        if mark not in _known:
            _known.add(mark)
            hidden.hide(value)
            _mask.append(hidden.Mask([value]))
        _cover_kernel()
        if os.environ.get("JUPYTER_AML_RUN_ID"):  # what it prints becomes the run's log
            _cover_streams()


def _cover_kernel() -> None:
    """Have what this process's kernel sends to its front ends pass the masks, if it is a kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    session = getattr(getattr(shell, "kernel", None), "session", None)
    if session is None or any(session is known for known in _wrapped):
        return
    serialize = session.serialize

    def masked(msg: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(msg, dict) and msg.get("msg_type") in _SHOWN:
            content = msg.get("content")
            for mask in list(_mask):
                content = mask.tree(content)
            msg["content"] = content
        return serialize(msg, *args, **kwargs)

    session.serialize = masked
    _wrapped.append(session)


def _cover_streams() -> None:
    """Have the texts that this process prints pass the masks. Whoever holds the stream already (logging) is covered too."""
    for stream in (sys.stdout, sys.stderr):
        if stream is None or any(stream is known for known in _wrapped):
            continue
        write = stream.write

        def masked(text: Any, write: Any = write) -> Any:
            for mask in list(_mask):
                text = mask.tree(text)
            return write(text)

        with contextlib.suppress(AttributeError):  # a stream of somebody's own that takes no other method
            stream.write = masked  # type: ignore[method-assign]
            _wrapped.append(stream)
