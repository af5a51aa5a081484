"""What a drift monitor is given: its windows, and the checks of its settings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from jupyter_aml.data.tabular_dataset import TabularDataset
from jupyter_aml.errors import UserErrorException

FREQUENCIES = ("Day", "Week", "Month")
THRESHOLD = 0.2


class AlertConfiguration:
    """Who is to be told of drift. The addresses are kept with the monitor; mail is not sent yet: the run that found the drift is
    tagged ``has_drift``.

    Args:
        email_addresses: of those.

    Raises:
        UserErrorException: no list of texts.
    """

    def __init__(self, email_addresses: Sequence[str]) -> None:
        if isinstance(email_addresses, str) or not all(isinstance(a, str) and "@" in a for a in email_addresses):
            raise UserErrorException(f"email_addresses is a list of addresses, not {email_addresses!r}.")
        self.email_addresses = list(email_addresses)


# -- times -----------------------------------------------------------------------------------------------------------
def windows(start: datetime, end: datetime, frequency: str) -> Iterator[tuple[datetime, datetime]]:
    """Windows from `start` on, the last of which holds `end`."""
    begin, number = start, 0
    while begin < end:
        number += 1
        following = after(start, frequency, number)
        yield begin, following
        begin = following


def after(start: datetime, frequency: str, number: int) -> datetime:
    """The moment so many windows after another."""
    if frequency != "Month":
        return start + timedelta(days=number * (7 if frequency == "Week" else 1))
    months = start.year * 12 + start.month - 1 + number
    year, month = divmod(months, 12)
    day = start.day
    while True:
        try:
            return start.replace(year=year, month=month + 1, day=day)
        except ValueError:  # no 31st
            day -= 1


def before(end: datetime, frequency: str) -> datetime:
    """The moment a window before another."""
    return after(end, frequency, -1)


def utc(moment: Any) -> datetime:
    """A moment in UTC, without a zone. Raises UserErrorException."""
    if not isinstance(moment, datetime):
        raise UserErrorException(f"{moment!r} is no datetime.")
    return moment.astimezone(timezone.utc).replace(tzinfo=None) if moment.tzinfo else moment


# -- arguments ---------------------------------------------------------------------------------------------------------
def kept(dataset: TabularDataset, workspace: Any) -> str:
    """The id of a dataset, kept in the workspace."""
    if dataset._workspace is None:
        dataset = TabularDataset(dataset._definition, workspace)
    assert dataset.id is not None  # it has a workspace
    return dataset.id


def name_of(target: Any) -> str | None:
    """The name of a compute target."""
    return None if target is None else str(getattr(target, "name", target))


def frequency_of(frequency: str | None) -> str:
    """A frequency that there is. Raises UserErrorException."""
    if frequency is not None and frequency not in FREQUENCIES:
        raise UserErrorException(f"frequency is one of {', '.join(FREQUENCIES)}, not {frequency!r}.")
    return frequency or "Day"


def features_of(features: Sequence[str] | None) -> list[str] | None:
    """Names of columns. Raises UserErrorException."""
    if features is not None and (
        isinstance(features, str) or not features or not all(isinstance(f, str) for f in features)
    ):
        raise UserErrorException(f"feature_list is a list of names of columns, not {features!r}.")
    return None if features is None else list(features)


def threshold_of(threshold: float | None) -> float:
    """A threshold from 0 to 1. Raises UserErrorException."""
    if threshold is None:
        return THRESHOLD
    if isinstance(threshold, bool) or not isinstance(threshold, (int, float)) or not 0 <= threshold <= 1:
        raise UserErrorException(f"drift_threshold is a number from 0 to 1, not {threshold!r}.")
    return float(threshold)


def addresses_of(config: AlertConfiguration | None) -> list[str]:
    """The addresses of a configuration. Raises UserErrorException."""
    if config is not None and not isinstance(config, AlertConfiguration):
        raise UserErrorException(f"alert_config is an AlertConfiguration, not {config!r}.")
    return config.email_addresses if config else []
