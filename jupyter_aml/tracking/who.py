"""Who does something here."""

from __future__ import annotations

import getpass
import os


def user_name() -> str:
    """The name of this process's user; "" where the system knows none (containers)."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""


def actor() -> str:
    """Who changes something here, for the feed; "" in a submitted run's process, which acts for the run's own user."""
    return "" if os.environ.get("JUPYTER_AML_RUN_ID") else user_name()
