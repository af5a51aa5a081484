"""Secrets that were read are masked: in the events of this process, and in what its notebook shows."""

from __future__ import annotations

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
    """From now on this process writes the value down in no event, and a kernel shows it in no output."""
    mark = hashlib.sha256(_salt + value.encode("utf-8", "replace")).digest()
    with _guard:
        if mark not in _known:
            _known.add(mark)
            hidden.hide(value)
            _mask.append(hidden.Mask([value]))
        _cover_kernel()


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
