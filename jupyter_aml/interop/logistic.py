"""LogisticRegression(multi_class=…) and multi-class liblinear, which scikit-learn 1.8 took away: one-versus-rest again."""

from __future__ import annotations

import functools
import inspect
import warnings
from types import ModuleType
from typing import Any

from jupyter_aml.interop.hooks import Undo, put

_MULTINOMIAL = "_aml_multinomial"


def mend(module: ModuleType) -> list[Undo]:
    """Give the classes of ``sklearn.linear_model._logistic`` the parameter back; returns what undoes it."""
    plain, cv = module.LogisticRegression, module.LogisticRegressionCV
    undo: list[Undo] = []
    if "multi_class" not in inspect.signature(plain.__init__).parameters:
        undo += [
            put(plain, "multi_class", "auto"),  # for objects made or pickled without the pack
            put(plain, "__init__", _init(plain.__init__, warn=False)),
            put(plain, "fit", _fit(plain.fit)),
            put(plain, "predict_proba", _predict_proba(plain.predict_proba)),
        ]
    if "multi_class" not in inspect.signature(cv.__init__).parameters:
        undo += [
            put(cv, "multi_class", "auto"),
            put(cv, "__init__", _init(cv.__init__, warn=True)),
            put(cv, "fit", _fit_multinomial(cv.fit)),
        ]
    return undo


def _init(native: Any, *, warn: bool) -> Any:
    @functools.wraps(native)
    def __init__(self: Any, *args: Any, multi_class: str = "auto", **kwargs: Any) -> None:
        native(self, *args, **kwargs)
        self.multi_class = multi_class
        if warn and multi_class == "ovr":
            warnings.warn(
                "LogisticRegressionCV(multi_class='ovr'): this scikit-learn fits the multinomial model instead.",
                UserWarning,
                stacklevel=2,
            )

    # scikit-learn reads an estimator's parameters (get_params, clone, grid search) off this signature.
    signature = inspect.signature(native)
    extra = inspect.Parameter("multi_class", inspect.Parameter.KEYWORD_ONLY, default="auto")
    __init__.__signature__ = signature.replace(parameters=[*signature.parameters.values(), extra])  # type: ignore[attr-defined]
    return __init__


def _one_vs_rest(model: Any) -> bool:
    # "warn" was the default of scikit-learn 0.20 and meant "ovr".
    if vars(model).get(_MULTINOMIAL):
        return False
    return model.multi_class in {"ovr", "warn"} or (model.multi_class == "auto" and model.solver == "liblinear")


def _fit(native: Any) -> Any:
    @functools.wraps(native)
    def fit(self: Any, X: Any, y: Any, sample_weight: Any = None) -> Any:
        if self.multi_class not in {"auto", "ovr", "multinomial"}:
            raise ValueError(f"multi_class should be 'multinomial', 'auto' or 'ovr', got {self.multi_class!r}")
        if _one_vs_rest(self):
            import numpy as np

            labels = np.asarray(y)
            classes = np.unique(labels) if labels.ndim == 1 and len(labels) else labels
            if classes.ndim == 1 and len(classes) > 2:
                return _fit_one_vs_rest(self, native, X, labels, classes, sample_weight)
        return native(self, X, y, sample_weight)

    return fit


def _fit_multinomial(native: Any) -> Any:
    @functools.wraps(native)
    def fit(self: Any, *args: Any, **kwargs: Any) -> Any:
        setattr(self, _MULTINOMIAL, True)  # whatever multi_class says: see the warning
        return native(self, *args, **kwargs)

    return fit


def _fit_one_vs_rest(self: Any, native: Any, X: Any, y: Any, classes: Any, sample_weight: Any) -> Any:
    import numpy as np
    from sklearn.base import clone
    from sklearn.utils.multiclass import check_classification_targets

    check_classification_targets(y)
    # As before: weights given by class (and liblinear's balanced ones) weigh the original classes, not one against the rest.
    by_class = isinstance(self.class_weight, dict) or (self.class_weight == "balanced" and self.solver == "liblinear")
    if by_class:
        from sklearn.utils import compute_sample_weight

        given = 1.0 if sample_weight is None else np.asarray(sample_weight)
        sample_weight = compute_sample_weight(self.class_weight, y) * given
    parts = []
    for label in classes:
        part = clone(self)
        part.multi_class = "auto"
        if by_class:
            part.class_weight = None
        parts.append(native(part, X, (y == label).astype(int), sample_weight))
    for name in ("n_features_in_", "feature_names_in_"):
        if hasattr(parts[0], name):
            setattr(self, name, getattr(parts[0], name))
    self.classes_ = classes
    self.coef_ = np.vstack([part.coef_ for part in parts])
    self.intercept_ = np.concatenate([np.atleast_1d(part.intercept_) for part in parts])
    self.n_iter_ = np.concatenate([np.atleast_1d(part.n_iter_) for part in parts])
    return self


def _predict_proba(native: Any) -> Any:
    @functools.wraps(native)
    def predict_proba(self: Any, X: Any) -> Any:
        # Asked of the parameters, not noted in fit: a model pickled years ago has to give the shares it gave then.
        return self._predict_proba_lr(X) if _one_vs_rest(self) else native(self, X)

    return predict_proba
