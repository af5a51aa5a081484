"""How this process ends: well, or by an exception that nobody caught.

The interpreter keeps an uncaught exception in `sys`, except SystemExit, of which it keeps nothing. So `sys.exit` is wrapped
(argparse, click and the like leave by it, too): what it raises carries a witness that dies with it. It dies below the code that
caught it, or, when nobody did, below no code at all. A child of multiprocessing closes while its exception is being handled.
``raise SystemExit(…)`` by hand has no witness, and counts as a good end.
"""

from __future__ import annotations

import sys
import threading
from typing import Any, NoReturn

_plain_exit: Any = None
_left: SystemExit | None = None


def is_well(code: object) -> bool:
    """Whether the code of a SystemExit says that all went well."""
    return code is None or (isinstance(code, int) and code == 0)


def watch() -> None:
    """From now on, know by which SystemExit this process ends. Idempotent."""
    global _plain_exit
    if _plain_exit is None:
        _plain_exit, sys.exit = sys.exit, _exit


def error() -> BaseException | None:
    """At the end of the process: what ended it, None when it ended well."""
    found = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None) or _left or sys.exc_info()[1]
    return None if isinstance(found, SystemExit) and is_well(found.code) else found


class _Witness:
    __slots__ = ("code",)

    def __init__(self, code: object) -> None:
        self.code = code

    def __del__(self) -> None:
        global _left
        if sys._getframe().f_back is None and threading.get_ident() == threading.main_thread().ident:
            _left = SystemExit(self.code)


def _exit(status: Any = None, /) -> NoReturn:
    """As Python's own `sys.exit`."""
    try:
        _plain_exit(status)
    except SystemExit as leaving:
        leaving._jupyter_aml = _Witness(leaving.code)  # type: ignore[attr-defined]
        raise
    raise SystemExit(status)
