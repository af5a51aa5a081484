"""Names of the SDK that are not served yet: they can be imported, so that a notebook runs as far as it does without them."""

from __future__ import annotations

import warnings
from typing import Any

from jupyter_aml.errors import AzureMLException

_made: dict[str, type] = {}


class Absent(type):
    """Class of such names: whoever uses one is told."""

    _path: str

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Refuse."""
        raise AzureMLException(why_not(cls._path))

    def __getattr__(cls, name: str) -> Any:
        # What looks around (IPython, inspect) asks for names that begin so and wants no news.
        told = f"type object {cls.__name__!r} has no attribute {name!r}" if name.startswith("_") else why_not(cls._path)
        raise AttributeError(told)


def why_not(path: str) -> str:
    """What is said of a name of the SDK that is not served."""
    from jupyter_aml import __version__

    return f"{path} is not served by jupyter_aml {__version__} yet"


def absent(module: str, name: str) -> type:
    """A class that stands for ``module.name``, which the SDK has; it warns when it is made, and raises when it is used.

    An exception's name gives an exception, so that ``except`` takes it.
    """
    path = f"{module}.{name}"
    if path not in _made:
        warnings.warn(f"{why_not(path)}: the import is let pass, and using it will fail.", stacklevel=3)
        if name.endswith(("Exception", "Error")):
            _made[path] = type(name, (AzureMLException,), {"__module__": module, "__doc__": why_not(path)})
        else:
            _made[path] = Absent(name, (), {"__module__": module, "__doc__": why_not(path), "_path": path})
    return _made[path]
