"""The compat pack: what notebooks of 2020 use and today's numpy, scikit-learn, pandas and MLflow no longer have.

It comes on with the azureml alias and goes with it. Nothing is imported for its sake: each mend is made when the library
is imported (or at once, where it already is), only where the installed version lacks the thing, and undone by `disable`.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any

from jupyter_aml.interop.hooks import Hooks, Patch, Undo

_NUMPY_BUILTINS = {
    "bool": bool, "complex": complex, "float": float, "int": int, "long": int, "object": object, "str": str,
    "unicode": str,
}  # fmt: skip
_NUMPY_RENAMED = {
    "Inf": "inf", "Infinity": "inf", "NaN": "nan", "PINF": "inf", "alltrue": "all",
    "complex_": "complex128", "cumproduct": "cumprod", "float_": "float64", "in1d": "isin", "infty": "inf",
    "mat": "asmatrix", "product": "prod", "round_": "round", "row_stack": "vstack", "sometrue": "any",
    "string_": "bytes_", "trapz": "trapezoid", "unicode_": "str_",
}  # fmt: skip

_MOVED = {
    "sklearn.externals.joblib": "joblib",
    "sklearn.externals.six": "six",
    "sklearn.cluster.k_means_": "sklearn.cluster._kmeans",
    "sklearn.decomposition.pca": "sklearn.decomposition._pca",
    "sklearn.ensemble.bagging": "sklearn.ensemble._bagging",
    "sklearn.ensemble.base": "sklearn.ensemble._base",
    "sklearn.ensemble.forest": "sklearn.ensemble._forest",
    "sklearn.ensemble.gradient_boosting": "sklearn.ensemble._gb",
    "sklearn.ensemble.voting": "sklearn.ensemble._voting",
    "sklearn.ensemble.weight_boosting": "sklearn.ensemble._weight_boosting",
    "sklearn.feature_extraction.dict_vectorizer": "sklearn.feature_extraction._dict_vectorizer",
    "sklearn.linear_model.base": "sklearn.linear_model._base",
    "sklearn.linear_model.coordinate_descent": "sklearn.linear_model._coordinate_descent",
    "sklearn.linear_model.least_angle": "sklearn.linear_model._least_angle",
    "sklearn.linear_model.logistic": "sklearn.linear_model._logistic",
    "sklearn.linear_model.ridge": "sklearn.linear_model._ridge",
    "sklearn.linear_model.stochastic_gradient": "sklearn.linear_model._stochastic_gradient",
    "sklearn.metrics.classification": "sklearn.metrics._classification",
    "sklearn.metrics.ranking": "sklearn.metrics._ranking",
    "sklearn.metrics.regression": "sklearn.metrics._regression",
    "sklearn.metrics.scorer": "sklearn.metrics._scorer",
    "sklearn.neighbors.base": "sklearn.neighbors._base",
    "sklearn.neighbors.classification": "sklearn.neighbors._classification",
    "sklearn.neighbors.regression": "sklearn.neighbors._regression",
    "sklearn.preprocessing.data": "sklearn.preprocessing._data",
    "sklearn.preprocessing.label": "sklearn.preprocessing._label",
    "sklearn.svm.classes": "sklearn.svm._classes",
    "sklearn.tree.tree": "sklearn.tree._classes",
    "sklearn.utils.testing": "sklearn.utils._testing",
}


def _add(module: ModuleType, name: str, value: object) -> Undo:
    setattr(module, name, value)

    def undo() -> None:
        if vars(module).get(name) is value:
            delattr(module, name)

    return undo


def _mend_numpy(numpy: ModuleType) -> list[Undo]:
    there = vars(numpy)
    undo = [_add(numpy, name, value) for name, value in _NUMPY_BUILTINS.items() if name not in there]
    undo += [
        _add(numpy, name, there[now]) for name, now in _NUMPY_RENAMED.items() if name not in there and now in there
    ]
    if "NINF" not in there:
        undo.append(_add(numpy, "NINF", -numpy.inf))
    return undo


def _mend_pandas(pandas: ModuleType) -> list[Undo]:
    """``max_colwidth`` -1 meant "unlimited" before None did."""
    from pandas._config import config  # pandas itself is being imported by someone else: this costs nothing

    key = "display.max_colwidth"
    options: dict[str, Any] = config._registered_options
    native = options[key]

    def validator(value: object) -> None:
        if value != -1:
            native.validator(value)

    def changed(changed_key: str) -> None:
        if config.get_option(key) == -1:
            config.set_option(key, None)
        elif native.cb is not None:
            native.cb(changed_key)

    from jupyter_aml.interop import old_pandas

    options[key] = native._replace(validator=validator, cb=changed)
    return [partial(options.__setitem__, key, native), *old_pandas.mend(pandas)]


def _mend_logistic(module: ModuleType) -> list[Undo]:
    from jupyter_aml.interop.logistic import mend

    return mend(module)


def _mend_urllib(urllib: ModuleType) -> list[Undo]:
    """``import urllib`` alone was enough for ``urllib.request``: the SDK, or what it needs, had imported that."""
    parts = ("error", "parse", "request", "response", "robotparser")

    def __getattr__(name: str) -> ModuleType:
        if name in parts:
            return import_module(f"urllib.{name}")
        raise AttributeError(f"module 'urllib' has no attribute {name!r}")

    return [] if hasattr(urllib, "__getattr__") else [_add(urllib, "__getattr__", __getattr__)]


def _mend_sklearn(part: str) -> Patch:
    def mend(module: ModuleType) -> list[Undo]:
        from jupyter_aml.interop import old_sklearn

        found: list[Undo] = getattr(old_sklearn, f"mend_{part}")(module)
        return found

    return mend


def _mend_mlflow_projects(module: ModuleType) -> list[Undo]:
    from jupyter_aml.interop.mlflow.projects import mend

    return mend(module)


def _make_mlflow_azureml(name: str) -> ModuleType:
    from jupyter_aml import __version__
    from jupyter_aml.errors import AzureMLException

    module = ModuleType(name, "Stands in for a module that MLflow no longer has, so that notebooks importing it go on.")

    def gone(what: str) -> Any:
        def call(*args: object, **kwargs: object) -> None:
            raise AzureMLException(
                f"{name}.{what} is gone from MLflow and is not served by jupyter_aml {__version__} yet."
            )

        call.__name__ = call.__qualname__ = what
        return call

    for what in ("build_image", "deploy"):
        setattr(module, what, gone(what))
    return module


_hooks = Hooks(
    patches={
        "mlflow.projects": _mend_mlflow_projects,
        "numpy": _mend_numpy,
        "pandas": _mend_pandas,
        "sklearn.feature_extraction.text": _mend_sklearn("vectorizers"),
        "sklearn.linear_model._logistic": _mend_logistic,
        "sklearn.metrics._regression": _mend_sklearn("regression"),
        "sklearn.preprocessing._encoders": _mend_sklearn("encoders"),
    },
    moved=_MOVED,
    made={"mlflow.azureml": _make_mlflow_azureml},
)


def enabled() -> bool:
    """Whether the pack is on in this process."""
    return _hooks.enabled


def enable() -> None:
    """Bring the pack to this process. Calling it again changes nothing."""
    if enabled():
        return
    _hooks.enable()
    import urllib

    for undo in _mend_urllib(
        urllib
    ):  # not by a hook: everything imports it, and children begin to look at their first hook
        _hooks.remember(undo)


def disable() -> None:
    """Take all mends back."""
    _hooks.disable()
