"""Who does something here."""

from __future__ import annotations

import getpass


def user_name() -> str:
    """The name of this process's user; "" where the system knows none (containers)."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""
