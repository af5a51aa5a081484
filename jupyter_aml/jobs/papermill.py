"""Where papermill finds the engine ``aml`` (entry point group ``papermill.engine``).

papermill loads all engines while it is itself being imported, and our engine imports papermill: so papermill always
comes first here, and this module has nothing that could be half there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_aml.jobs.engine import UNSAVED, AmlEngine, check_notebook, check_paths, tagged

__all__ = ["UNSAVED", "AmlEngine", "check_notebook", "check_paths", "tagged"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    importlib.import_module("papermill")
    return getattr(importlib.import_module("jupyter_aml.jobs.engine"), name)
