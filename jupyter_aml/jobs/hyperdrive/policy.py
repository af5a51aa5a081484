"""When a child of a search is ended early: pure functions of what the children have logged so far.

A child is judged at the last interval that is due: so many logged values of the primary metric, a multiple of
`evaluation_interval` and not below `delay_evaluation`. It is compared with what all children had logged by the same number of
values, those that have ended included.

Reference: https://learn.microsoft.com/python/api/azureml-train-core/azureml.train.hyperdrive.policy
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, ClassVar

from jupyter_aml.jobs.hyperdrive.errors import HyperDriveConfigException

Histories = Mapping[str, Sequence[float]]
"""Run → its values of the primary metric, oldest first."""
Verdict = tuple[str, float, float | int]
"""Why a child is ended: words with two places, and what comes there."""


class EarlyTerminationPolicy:
    """Ends children that do badly.

    Args:
        name: of the policy.
        properties: its numbers.
    """

    POLICY_NAME: ClassVar[str] = ""

    def __init__(self, name: str, properties: Mapping[str, Any] | None = None) -> None:
        self._name = name
        self._properties = dict(properties or {})

    @property
    def evaluation_interval(self) -> int:
        """Logged values between two judgements."""
        return int(self._properties.get("evaluation_interval", 1))

    @property
    def delay_evaluation(self) -> int:
        """Logged values before the first judgement."""
        return int(self._properties.get("delay_evaluation", 0))

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON."""
        return {"name": self._name, "properties": dict(self._properties)}

    def due(self, count: int) -> int:
        """At which number of values a child that has logged `count` is judged; 0: not yet."""
        at = count // self.evaluation_interval * self.evaluation_interval
        return at if at and at >= self.delay_evaluation else 0

    def loses(self, run: str, histories: Histories, *, maximize: bool) -> str:
        """Why this child is ended, "" when it may go on.

        Args:
            run: the child; it is one of the histories.
            histories: of all children.
            maximize: larger values are better.
        """
        at = self.due(len(histories[run]))
        if not at:
            return ""
        sign = 1 if maximize else -1
        peers = {
            name: [sign * one if math.isfinite(one) else -math.inf for one in values[:at]]
            for name, values in histories.items()
            if len(values) >= at
        }
        found = self._judge(peers[run], list(peers.values()))
        if found is None:
            return ""
        words, mine, other = found
        shown = other if isinstance(other, int) else _shown(sign * other)
        return f"{words.format(_shown(sign * mine), shown)} after {at} value{'s' if at > 1 else ''}"

    def _judge(self, mine: Sequence[float], peers: Sequence[Sequence[float]]) -> Verdict | None:
        """Larger is better here, and what is no finite number is worst."""
        return None

    def __repr__(self) -> str:
        numbers = ", ".join(f"{name}={value!r}" for name, value in self._properties.items())
        return f"{type(self).__name__}({numbers})"


class NoTerminationPolicy(EarlyTerminationPolicy):
    """Every child may end by itself."""

    POLICY_NAME = "Default"

    def __init__(self) -> None:
        super().__init__(self.POLICY_NAME)


class BanditPolicy(EarlyTerminationPolicy):
    """Ends children whose best value is worse than the best of all by more than a slack.

    Args:
        evaluation_interval: logged values between two judgements.
        slack_factor: as a share: with 0.2 and a best of 0.8 to be maximized, what is below 0.8 / 1.2 is ended.
        slack_amount: as a difference: with 0.2 and a best of 0.8, what is below 0.6 is ended.
        delay_evaluation: logged values before the first judgement.

    Raises:
        HyperDriveConfigException: neither or both of the slacks, or numbers that cannot be.
    """

    POLICY_NAME = "Bandit"

    def __init__(
        self,
        evaluation_interval: int = 1,
        slack_factor: float | None = None,
        slack_amount: float | None = None,
        delay_evaluation: int = 0,
    ) -> None:
        if (slack_factor is None) == (slack_amount is None):
            raise HyperDriveConfigException("BanditPolicy takes either slack_factor= or slack_amount=.")
        name, slack = ("slack_factor", slack_factor) if slack_amount is None else ("slack_amount", slack_amount)
        if isinstance(slack, bool) or not isinstance(slack, int | float) or not 0 <= slack < math.inf:
            raise HyperDriveConfigException(f"{name} is a number from 0 on, not {slack!r}.")
        super().__init__(self.POLICY_NAME, {**_pace(evaluation_interval, delay_evaluation), name: slack})

    @property
    def slack_factor(self) -> float | None:
        """The slack as a share."""
        return self._properties.get("slack_factor")

    @property
    def slack_amount(self) -> float | None:
        """The slack as a difference."""
        return self._properties.get("slack_amount")

    def _judge(self, mine: Sequence[float], peers: Sequence[Sequence[float]]) -> Verdict | None:
        best = max(max(values) for values in peers)
        if self.slack_amount is not None:
            least = best - self.slack_amount
        else:
            # A minimized metric comes negated: best · (1 + factor). So does the best below zero of a maximized one: what is
            # allowed is a distance from the best, on either side of zero.
            factor = 1 + float(self.slack_factor or 0)
            least = best / factor if best > 0 else best * factor
        return ("{} against {} of the best", max(mine), best) if max(mine) < least else None


class MedianStoppingPolicy(EarlyTerminationPolicy):
    """Ends children whose best value is worse than the median of all children's averages.

    Args:
        evaluation_interval: logged values between two judgements.
        delay_evaluation: logged values before the first judgement.
    """

    POLICY_NAME = "MedianStopping"

    def __init__(self, evaluation_interval: int = 1, delay_evaluation: int = 0) -> None:
        super().__init__(self.POLICY_NAME, _pace(evaluation_interval, delay_evaluation))

    def _judge(self, mine: Sequence[float], peers: Sequence[Sequence[float]]) -> Verdict | None:
        middle = median(sum(values) / len(values) for values in peers)
        rounding = abs(middle) * 1e-12 if math.isfinite(middle) else 0.0
        return ("{} against a median of {}", max(mine), middle) if max(mine) < middle - rounding else None


class TruncationSelectionPolicy(EarlyTerminationPolicy):
    """Ends the worst children, so many of a hundred that have come as far.

    Args:
        truncation_percentage: how many: 1 to 99.
        evaluation_interval: logged values between two judgements.
        delay_evaluation: logged values before the first judgement.
    """

    POLICY_NAME = "TruncationSelection"

    def __init__(self, truncation_percentage: int, evaluation_interval: int = 1, delay_evaluation: int = 0) -> None:
        share = _whole("truncation_percentage", truncation_percentage, 1)
        if share > 99:
            raise HyperDriveConfigException(f"truncation_percentage is 1 to 99, not {truncation_percentage!r}.")
        pace = _pace(evaluation_interval, delay_evaluation)
        super().__init__(self.POLICY_NAME, {**pace, "truncation_percentage": share})

    @property
    def truncation_percentage(self) -> int:
        """How many of a hundred are ended."""
        return int(self._properties["truncation_percentage"])

    def _judge(self, mine: Sequence[float], peers: Sequence[Sequence[float]]) -> Verdict | None:
        out = len(peers) * self.truncation_percentage // 100
        not_better = sum(1 for values in peers if values[-1] <= mine[-1])  # equals go together or stay together
        return ("{} is one of the worst {}", mine[-1], out) if not_better <= out else None


_POLICIES: Mapping[str, type[EarlyTerminationPolicy]] = {
    one.POLICY_NAME: one for one in (NoTerminationPolicy, BanditPolicy, MedianStoppingPolicy, TruncationSelectionPolicy)
}


def of_json(document: Mapping[str, Any]) -> EarlyTerminationPolicy:
    """The policy that `to_json` described."""
    return _POLICIES[document["name"]](**document["properties"])


def _pace(interval: Any, delay: Any) -> dict[str, Any]:
    return {
        "evaluation_interval": _whole("evaluation_interval", interval, 1),
        "delay_evaluation": _whole("delay_evaluation", delay, 0),
    }


def _whole(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise HyperDriveConfigException(f"{name} is a whole number from {least} on, not {value!r}.")
    return value


def _shown(value: float) -> str:
    return f"{value + 0.0:.6g}" if math.isfinite(value) else "no finite number"
