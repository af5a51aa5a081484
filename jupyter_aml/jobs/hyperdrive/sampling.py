"""How a search chooses its hyperparameters.

Reference: https://learn.microsoft.com/python/api/azureml-train-core/azureml.train.hyperdrive.sampling
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from jupyter_aml.jobs.hyperdrive import space
from jupyter_aml.jobs.hyperdrive.errors import HyperDriveConfigException


class HyperParameterSampling:
    """A way to choose hyperparameters.

    Args:
        sampling_method_name: its name.
        parameter_space: name → distribution. Names are given to the script as they are written, ``--`` included.
        properties: ``seed``, a whole number: the same one with the same results makes the same choices.
        supported_distributions: names of the distributions that it takes.
        distributions_validators: (SDK) functions that are given the numbers of each distribution.

    Raises:
        HyperDriveConfigException: a space or properties that cannot be.
    """

    SAMPLING_NAME: ClassVar[str] = ""

    def __init__(
        self,
        sampling_method_name: str,
        parameter_space: Mapping[str, Any],
        properties: Mapping[str, Any] | None = None,
        supported_distributions: Sequence[str] | None = None,
        distributions_validators: Mapping[str, Any] | None = None,
    ) -> None:
        self._name = sampling_method_name
        found = space.read(parameter_space, tuple(supported_distributions or space.KINDS))
        for one in found:
            check = (distributions_validators or {}).get(one.kind)
            if check is not None:
                check(one.numbers)
        self._parameter_space = {one.name: [one.kind, list(one.numbers)] for one in found}
        self._properties = dict(properties or {})
        unknown = sorted(set(self._properties) - {"seed"})
        if unknown:
            raise HyperDriveConfigException(f"Sampling has the property 'seed' and no property {unknown[0]!r}.")
        seed = space.expressions.plain(self._properties.get("seed"))
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
            raise HyperDriveConfigException(f"seed is a whole number, not {seed!r}.")
        if seed is not None:
            self._properties["seed"] = seed

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON."""
        return {"name": self._name, "parameter_space": self._parameter_space, "properties": dict(self._properties)}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._parameter_space!r})"


class RandomParameterSampling(HyperParameterSampling):
    """Chosen at random. Where there are finitely many points, none is chosen twice.

    Args:
        parameter_space: name → distribution.
        properties: ``{"seed": 1}``.
    """

    SAMPLING_NAME = "RANDOM"

    def __init__(self, parameter_space: Mapping[str, Any], properties: Mapping[str, Any] | None = None) -> None:
        super().__init__(self.SAMPLING_NAME, parameter_space, properties)


class GridParameterSampling(HyperParameterSampling):
    """Each combination of the choices once.

    Args:
        parameter_space: name → ``choice(…)``.
        properties: ``{"seed": 1}``: another order.
    """

    SAMPLING_NAME = "GRID"

    def __init__(self, parameter_space: Mapping[str, Any], properties: Mapping[str, Any] | None = None) -> None:
        super().__init__(self.SAMPLING_NAME, parameter_space, properties, supported_distributions=("choice",))
        points = space.size(space.read(self._parameter_space)) or 0
        if points > space.MOST_POINTS:
            raise HyperDriveConfigException(
                f"This grid has {points:,} points, more than {space.MOST_POINTS:,}. RandomParameterSampling takes some of them."
            )


class BayesianParameterSampling(HyperParameterSampling):
    """Chosen where earlier ones did well. It learns from those that have ended: with few at once, it learns more.

    Args:
        parameter_space: name → distribution.
        properties: ``{"seed": 1}``.
    """

    SAMPLING_NAME = "BayesianOptimization"

    def __init__(self, parameter_space: Mapping[str, Any], properties: Mapping[str, Any] | None = None) -> None:
        super().__init__(self.SAMPLING_NAME, parameter_space, properties)
