"""Advisory locks that end with the process that holds them.

POSIX record locks, not flock: a forked child (a data loader, say) must not keep its parent's lock alive.
Their price: closing any descriptor of the file drops the lock, so a process never opens its own journal twice.
"""

from __future__ import annotations

import os

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_FAR = 2**40  # Windows locks regions mandatorily: lock a byte that no data reaches


def try_lock(fd: int) -> bool:
    """Take the exclusive lock of an open file if nobody has it; say whether it was got."""
    try:
        if fcntl is not None:
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:  # pragma: no cover
            import msvcrt

            os.lseek(fd, _FAR, os.SEEK_SET)
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    except OSError:
        return False
    return True
