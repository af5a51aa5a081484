"""Interop: what lets notebooks written for other tools run here unmodified. Today: the AzureML SDK v1.

`load(shell)` and `unload(shell)` are what ``%load_ext jupyter_aml`` calls; `alias()` does the same for a plain process.
"""

from __future__ import annotations

import os
from typing import Any

ALIAS_VARIABLE = "JUPYTER_AML_ALIAS"
"""Set to 0 (no, off, false) in the environment, the alias stays off where it would otherwise come on by itself."""


def wanted() -> bool:
    """Whether the environment lets the azureml alias come on by itself."""
    return os.environ.get(ALIAS_VARIABLE, "").strip().lower() not in {"0", "no", "off", "false"}


def alias() -> None:
    """Serve ``azureml`` from jupyter_aml and mend what old notebooks use, unless the environment refuses.

    Here and in every Python process that is started from here.
    """
    if wanted():
        from jupyter_aml.interop import azureml, children, compat

        azureml.enable()
        compat.enable()
        children.enable()


def load(shell: Any) -> None:
    """Bring the alias and the compat pack to this IPython shell."""
    if wanted():
        from jupyter_aml.interop import pagers, pip, shell_calls

        alias()
        for transform in (pip.transform, pagers.transform):
            shell_calls.attach(shell, transform)


def unload(shell: Any) -> None:
    """Take back all that `load` brought."""
    from jupyter_aml.interop import azureml, children, compat, pagers, pip, shell_calls

    for transform in (pagers.transform, pip.transform):
        shell_calls.detach(shell, transform)
    children.disable()
    compat.disable()
    azureml.disable()


__all__ = ["ALIAS_VARIABLE", "alias", "load", "unload", "wanted"]
