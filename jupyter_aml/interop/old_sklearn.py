"""What scikit-learn took away and notebooks of 2020 use, besides what `logistic` gives back."""

from __future__ import annotations

import functools
import inspect
import sys
from types import ModuleType
from typing import Any

from jupyter_aml.interop.hooks import Undo


def mend_encoders(module: ModuleType) -> list[Undo]:
    """``OneHotEncoder(sparse=…)``, as ``sparse_output`` was called, and ``get_feature_names``; returns what undoes it."""
    encoder = module.OneHotEncoder
    undo = feature_names(encoder)
    native = encoder.__init__
    if "sparse" not in inspect.signature(native).parameters:

        @functools.wraps(native)
        def __init__(self: Any, *args: Any, sparse: bool | None = None, **kwargs: Any) -> None:
            if sparse is not None:
                kwargs.setdefault("sparse_output", sparse)
            native(self, *args, **kwargs)

        encoder.__init__ = __init__
        undo.append(lambda: setattr(encoder, "__init__", native))
    return undo


def mend_vectorizers(module: ModuleType) -> list[Undo]:
    """``get_feature_names`` of what counts words; returns what undoes it."""
    return feature_names(module.CountVectorizer)


def feature_names(kind: Any) -> list[Undo]:
    """Let a class have ``get_feature_names`` again, where it has lost it."""
    if hasattr(kind, "get_feature_names"):
        return []
    kind.get_feature_names = lambda self, *args, **kwargs: list(self.get_feature_names_out(*args, **kwargs))
    return [lambda: delattr(kind, "get_feature_names")]


def mend_regression(module: ModuleType) -> list[Undo]:
    """``mean_squared_error(squared=False)``: the root of it; returns what undoes it."""
    native, root = module.mean_squared_error, getattr(module, "root_mean_squared_error", None)
    if root is None or "squared" in inspect.signature(native).parameters:
        return []

    @functools.wraps(native)
    def mean_squared_error(*args: Any, squared: bool = True, **kwargs: Any) -> Any:
        return (native if squared else root)(*args, **kwargs)

    undo: list[Undo] = []
    for owner in (module, sys.modules.get("sklearn.metrics")):
        if owner is not None and vars(owner).get("mean_squared_error") is native:
            owner.mean_squared_error = mean_squared_error  # type: ignore[attr-defined]
            undo.append(functools.partial(setattr, owner, "mean_squared_error", native))

    def also_where_it_was_taken_over() -> None:
        package = sys.modules.get("sklearn.metrics")
        if package is not None and vars(package).get("mean_squared_error") is mean_squared_error:
            package.mean_squared_error = native  # type: ignore[attr-defined]

    return [*undo, also_where_it_was_taken_over]
