"""Python runs this at its start in the processes that a notebook with the azureml alias starts: they have the alias too.

The folder stands in PYTHONPATH (see `jupyter_aml.interop.children`), so any Python may come by, an old one or one without
jupyter_aml: nothing happens to it then. Until something is imported that the alias or the compat pack has to do with,
this costs next to nothing. Another ``sitecustomize``, which this one hides, is run as well.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # typing itself is not worth its price here
if TYPE_CHECKING:
    from typing import Any

CONCERNED = {"azureml", "mlflow", "numpy", "pandas", "sklearn"}


class Waiting:
    """Stands at the head of ``sys.meta_path`` until one of `CONCERNED` is imported, and brings the alias then."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        """What the others find, with the alias among them from the first name concerned on."""
        if fullname.partition(".")[0] not in CONCERNED:
            return None
        if self in sys.meta_path:
            sys.meta_path.remove(self)  # type: ignore[arg-type]
        try:
            from jupyter_aml import interop

            interop.alias()
        except Exception:  # an environment without jupyter_aml, or a Python too old for it
            return None
        for finder in list(sys.meta_path):
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                return spec
        return None


_ours = sys.modules.pop(__name__, None)
_here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != _here]  # noqa: PTH100
try:
    import sitecustomize  # type: ignore[import-not-found]  # noqa: F401
except ImportError as error:
    if getattr(error, "name", None) != "sitecustomize":
        raise
finally:
    if _ours is not None:
        sys.modules.setdefault(__name__, _ours)
    sys.meta_path.insert(0, Waiting())  # type: ignore[arg-type]
