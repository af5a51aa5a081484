"""Distributions of hyperparameters, in the SDK's form: a list of the distribution's name and its numbers.

Reference: https://learn.microsoft.com/python/api/azureml-train-core/azureml.train.hyperdrive.parameter_expressions
"""

from __future__ import annotations

import math
from typing import Any

from jupyter_aml.jobs.hyperdrive.errors import HyperDriveConfigException


def choice(*options: Any) -> list[Any]:
    """One of these: values, or a single list or range of them.

    Raises:
        HyperDriveConfigException: there are none.
    """
    values = list(options)
    if len(values) == 1 and (isinstance(values[0], list | tuple | range | set) or hasattr(values[0], "tolist")):
        one = values[0]
        values = list(one.tolist() if hasattr(one, "tolist") else one) if _is_many(one) else [one]
    if not values:
        raise HyperDriveConfigException("choice() needs the values to choose from, such as choice(0.1, 0.01).")
    return ["choice", [[plain(value) for value in values]]]


def randint(upper: int) -> list[Any]:
    """A whole number from 0 to below `upper`."""
    number = _number("randint", "upper", upper)
    if number != int(number) or number < 1:
        raise HyperDriveConfigException(f"randint() takes a whole number above 0, not {upper!r}.")
    return ["randint", [int(number)]]


def uniform(min_value: float, max_value: float) -> list[Any]:
    """Between two numbers, all equally likely."""
    return ["uniform", _bounds("uniform", min_value, max_value)]


def quniform(min_value: float, max_value: float, q: float) -> list[Any]:
    """``round(uniform(min_value, max_value) / q) * q``."""
    return ["quniform", [*_bounds("quniform", min_value, max_value), _positive("quniform", "q", q)]]


def loguniform(min_value: float, max_value: float) -> list[Any]:
    """``exp(uniform(min_value, max_value))``: the bounds are logarithms."""
    return ["loguniform", _log_bounds("loguniform", min_value, max_value)]


def qloguniform(min_value: float, max_value: float, q: float) -> list[Any]:
    """``round(exp(uniform(min_value, max_value)) / q) * q``."""
    return ["qloguniform", [*_log_bounds("qloguniform", min_value, max_value), _positive("qloguniform", "q", q)]]


def normal(mu: float, sigma: float) -> list[Any]:
    """Normally distributed with mean `mu` and standard deviation `sigma`."""
    return ["normal", [_number("normal", "mu", mu), _positive("normal", "sigma", sigma)]]


def qnormal(mu: float, sigma: float, q: float) -> list[Any]:
    """``round(normal(mu, sigma) / q) * q``."""
    values = [_number("qnormal", "mu", mu), _positive("qnormal", "sigma", sigma), _positive("qnormal", "q", q)]
    return ["qnormal", values]


def lognormal(mu: float, sigma: float) -> list[Any]:
    """``exp(normal(mu, sigma))``."""
    return ["lognormal", [_number("lognormal", "mu", mu), _positive("lognormal", "sigma", sigma)]]


def qlognormal(mu: float, sigma: float, q: float) -> list[Any]:
    """``round(exp(normal(mu, sigma)) / q) * q``."""
    name = "qlognormal"
    return [name, [_number(name, "mu", mu), _positive(name, "sigma", sigma), _positive(name, "q", q)]]


def plain(value: Any) -> Any:
    """A numpy scalar as Python's own."""
    return value.item() if hasattr(value, "item") and callable(value.item) else value


def _is_many(value: Any) -> bool:
    return not hasattr(value, "ndim") or value.ndim > 0


def _number(distribution: str, name: str, value: Any) -> Any:
    value = plain(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise HyperDriveConfigException(f"{distribution}() takes a finite number as {name}, not {value!r}.")
    return value


def _positive(distribution: str, name: str, value: Any) -> Any:
    number = _number(distribution, name, value)
    if number <= 0:
        raise HyperDriveConfigException(f"{distribution}() takes a number above 0 as {name}, not {value!r}.")
    return number


def _bounds(distribution: str, low: Any, high: Any) -> list[Any]:
    found = [_number(distribution, "min_value", low), _number(distribution, "max_value", high)]
    if found[0] >= found[1]:
        raise HyperDriveConfigException(
            f"{distribution}() takes a min_value below max_value, not {low!r} and {high!r}."
        )
    return found


def _log_bounds(distribution: str, low: Any, high: Any) -> list[Any]:
    found = _bounds(distribution, low, high)
    if found[1] > 700:
        raise HyperDriveConfigException(f"{distribution}() takes logarithms: exp({high!r}) is no number.")
    return found
