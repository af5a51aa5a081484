"""What is tried next: Optuna's samplers, asked for one point after the other.

Nothing is stored: the points that were tried and what came of them are the children of the search's run. Each answer depends
on the seed, on how many points there were, and on their results; so whoever continues a search goes on as it would have.
"""

from __future__ import annotations

import hashlib
import itertools
import random
import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from jupyter_aml.errors import UserErrorException
from jupyter_aml.jobs.hyperdrive import space

TRIES = 20
"""Draws until a point that was tried already is left to chance no more."""
COUNTED = space.MOST_POINTS
"""Points of a finite space up to which those that were not tried yet are listed."""


class Sampler:
    """Chooses points.

    Args:
        sampling: as `HyperParameterSampling.to_json` has it.
        maximize: whether larger results are better.
        seed: for the choices.

    Raises:
        UserErrorException: Optuna is not installed.
    """

    def __init__(self, sampling: Mapping[str, Any], *, maximize: bool, seed: int) -> None:
        check()
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.method = str(sampling["name"])
        self.space = space.read(sampling["parameter_space"])
        self.size = space.size(self.space)
        self._seed = seed
        self._seen: set[str] = set()
        self._asked = 0
        self._trials: dict[str, Any] = {}
        self._learns = self.method not in ("RANDOM", "GRID")
        self._distributions = {one.name: _distribution(optuna, one) for one in self.space}
        self._grid: Any = None
        self._study = optuna.create_study(direction="maximize" if maximize else "minimize")

    def ask(self) -> dict[str, Any] | None:
        """Another point; None when all have been tried."""
        number = self._asked
        self._asked += 1
        if self.size is not None and len(self._seen) >= self.size:
            return None
        for attempt in range(TRIES if self.method != "GRID" else self.size or 0):
            self._study.sampler = self._sampler(self._number(number, attempt))
            trial = self._study.ask(self._distributions)
            values = {one.name: one.value(trial.params[one.name]) for one in self.space}
            if self._new(values):
                self._trials[space.key(values)] = trial
                return values
        return self._another(number, values)

    def note(self, values: Mapping[str, Any]) -> None:
        """A point that was tried before."""
        self._new(values)
        self._asked += 1

    def skip(self, values: Mapping[str, Any]) -> None:
        """A point that need not be tried: it was, in another search."""
        self._new(values)

    def tell(self, values: Mapping[str, Any], result: float | None, *, count: int = 1, whole: bool = True) -> None:
        """What came of a point.

        Args:
            values: the point.
            result: the best value of the metric; None where there is none.
            count: how many values there were.
            whole: it was not ended early.
        """
        if not self._learns:
            return
        from optuna.trial import TrialState, create_trial

        trial = self._trials.pop(space.key(dict(values)), None)
        state = TrialState.FAIL if result is None else TrialState.COMPLETE if whole else TrialState.PRUNED
        if trial is not None:
            if state is TrialState.PRUNED:
                trial.report(result, count)
            self._study.tell(trial, result if state is TrialState.COMPLETE else None, state=state)
            return
        at = {one.name: one.at(values.get(one.name)) for one in self.space}
        if set(values) != set(at) or any(one is None for one in at.values()):
            return  # of another space
        steps = {count: result} if state is TrialState.PRUNED and result is not None else {}
        value = result if state is TrialState.COMPLETE else None
        made = create_trial(
            state=state, value=value, params=at, distributions=self._distributions, intermediate_values=steps
        )
        self._study.add_trial(made)

    def _new(self, values: Mapping[str, Any]) -> bool:
        key = space.key(dict(values))
        if key in self._seen:
            return self.size is None  # of infinitely many, two that are equal are chance
        self._seen.add(key)
        return True

    def _another(self, number: int, last: dict[str, Any]) -> dict[str, Any] | None:
        """One of those that were not tried yet, where chance did not find any."""
        if self.size is None or self.size > COUNTED:
            return last
        options = [list(one.options or ()) for one in self.space]
        left = [
            point
            for point in (
                dict(zip((one.name for one in self.space), values, strict=True))
                for values in itertools.product(*options)
            )
            if space.key(point) not in self._seen
        ]
        if not left:
            return None
        values = random.Random(self._number(number, TRIES)).choice(left)
        self._new(values)
        return values

    def _number(self, *parts: int) -> int:
        """A seed for one answer."""
        text = " ".join(map(str, (self._seed, *parts)))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")

    def _sampler(self, seed: int) -> Any:
        from optuna import samplers

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Optuna calls experimental
            if self.method == "GRID":
                if self._grid is None:
                    grid = {one.name: list(range(len(one.options or ()))) for one in self.space}
                    self._grid = samplers.GridSampler(grid, seed=self._seed % 2**32)
                return self._grid
            if self.method == "RANDOM":
                return samplers.RandomSampler(seed=seed)
            return samplers.TPESampler(seed=seed, constant_liar=True)


def check() -> None:
    """Whether a search can be led here.

    Raises:
        UserErrorException: Optuna is not installed.
    """
    if find_spec("optuna") is None:
        raise UserErrorException(
            'Hyperparameter searches need Optuna, which is not installed: pip install "jupyter_aml[search]".'
        )


def _distribution(optuna: Any, one: space.Parameter) -> Any:
    low, high = one.bounds
    if one.kind == "choice":
        return optuna.distributions.CategoricalDistribution(list(range(int(high) + 1)))
    if one.kind == "randint":
        return optuna.distributions.IntDistribution(int(low), int(high))
    return optuna.distributions.FloatDistribution(low, high)
