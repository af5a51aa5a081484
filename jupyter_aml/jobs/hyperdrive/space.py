"""A space of hyperparameters: each is a coordinate that a sampler understands, and a value that a script is given."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from jupyter_aml.jobs.hyperdrive import expressions
from jupyter_aml.jobs.hyperdrive.errors import HyperDriveConfigException

EDGE = 1e-9
"""How near to 0 and 1 a share of a normal distribution comes."""
MOST_POINTS = 100_000
"""Points that a finite space may have to be gone through whole."""
_EXPRESSIONS = {
    name: getattr(expressions, name)
    for name in (
        "choice", "randint", "uniform", "quniform", "loguniform", "qloguniform",
        "normal", "qnormal", "lognormal", "qlognormal",
    )
}  # fmt: skip
KINDS = tuple(_EXPRESSIONS)


@dataclass(frozen=True)
class Parameter:
    """A hyperparameter.

    Its coordinate is an index (choice), a whole number (randint), a number between two bounds (the uniform ones), or a share
    of the distribution between 0 and 1 (the normal ones).
    """

    name: str
    kind: str
    numbers: Sequence[Any]

    @property
    def options(self) -> Sequence[Any] | None:
        """All values, where there are finitely many that are told apart."""
        if self.kind == "choice":
            return list(self.numbers[0])
        return range(self.numbers[0]) if self.kind == "randint" else None

    @property
    def bounds(self) -> tuple[float, float]:
        """Of the coordinate, both included."""
        options = self.options
        if options is not None:
            return 0, len(options) - 1
        return (EDGE, 1 - EDGE) if "normal" in self.kind else (float(self.numbers[0]), float(self.numbers[1]))

    def value(self, at: Any) -> Any:
        """What the script is given for a coordinate."""
        options = self.options
        if options is not None:
            return options[int(at)]
        found = float(at)
        if "normal" in self.kind:
            found = NormalDist(float(self.numbers[0]), float(self.numbers[1])).inv_cdf(found)
        if "log" in self.kind:
            found = math.exp(min(found, 700.0))
        if self.kind.startswith("q"):
            return round(found / self.numbers[2]) * self.numbers[2]
        return found

    def at(self, value: Any) -> Any:
        """A coordinate that means this value; None for one that the distribution does not have."""
        options = self.options
        if options is not None:
            wanted = key(value)
            return next((index for index, one in enumerate(options) if key(one) == wanted), None)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return None
        found = float(value)
        room = float(self.numbers[2]) / 2 if self.kind.startswith("q") else 0.0
        low, high = found - room, found + room
        if "log" in self.kind:
            if high <= 0:
                return None
            low, found, high = (math.log(max(one, 1e-300)) for one in (low, found, high))
        if "normal" in self.kind:
            share = NormalDist(float(self.numbers[0]), float(self.numbers[1])).cdf(found)
            return min(max(share, EDGE), 1 - EDGE)
        least, most = self.bounds
        slack = 1e-9 * max(1.0, abs(least), abs(most))
        if high < least - slack or low > most + slack:
            return None
        return min(max(found, least), most)


def read(space: Any, supported: Sequence[str] = KINDS) -> list[Parameter]:
    """The hyperparameters of a ``parameter_space``.

    Args:
        space: name → what a function of `parameter_expressions` returned.
        supported: distributions that may occur.

    Raises:
        HyperDriveConfigException: it is no such mapping.
    """
    if not isinstance(space, Mapping) or not space:
        raise HyperDriveConfigException(
            f"parameter_space is a dict such as {{'--rate': uniform(0.01, 0.1)}}, not {space!r}."
        )
    found = []
    for name, expression in space.items():
        if not isinstance(name, str) or not name:
            raise HyperDriveConfigException(f"A hyperparameter's name is text such as '--rate', not {name!r}.")
        words = list(expression) if isinstance(expression, list | tuple) else []
        if len(words) != 2 or words[0] not in _EXPRESSIONS or not isinstance(words[1], list | tuple):
            raise HyperDriveConfigException(
                f"The hyperparameter {name!r} is given {expression!r}. Give a distribution: choice(0.1, 0.01), uniform(0, 1) …"
            )
        if words[0] not in supported:
            raise HyperDriveConfigException(
                f"The hyperparameter {name!r} is a {words[0]}(); this sampling takes {', '.join(supported)} only."
            )
        try:
            checked = _EXPRESSIONS[words[0]](*words[1])
        except TypeError:
            raise HyperDriveConfigException(f"The hyperparameter {name!r}: {words[0]}() has other numbers.") from None
        found.append(Parameter(name, checked[0], tuple(checked[1])))
    return found


def size(space: Sequence[Parameter]) -> int | None:
    """How many points there are; None where they are not counted."""
    total = 1
    for one in space:
        options = one.options
        if options is None:
            return None
        total *= len(options)
    return total


def key(value: Any) -> str:
    """What tells two values (or points) apart."""
    return json.dumps(value, sort_keys=True, default=str)
