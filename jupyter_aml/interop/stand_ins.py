"""Small things that the SDK had and that need no more here than to exist."""

from __future__ import annotations

from typing import Any

from jupyter_aml.interop.sdk import sdk

VERSION = sdk().version
"""The version of the SDK whose names are served (not the version of jupyter_aml)."""


def set_diagnostics_collection(
    send_diagnostics: bool = True, verbosity: Any = None, reason: str = "", path: Any = None
) -> None:
    """Accepted for the notebooks that call it: nothing is ever collected or sent."""
