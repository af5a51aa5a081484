"""Small things that the SDK had and that need no more here than to exist."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jupyter_aml.errors import AzureMLException
from jupyter_aml.interop.sdk import sdk

VERSION = sdk().version
"""The version of the SDK whose names are served (not the version of jupyter_aml)."""


def set_diagnostics_collection(
    send_diagnostics: bool = True, verbosity: Any = None, reason: str = "", path: Any = None
) -> None:
    """Accepted for the notebooks that call it: nothing is ever collected or sent."""


class RunStatus:
    """The words for a run's status."""

    NOT_STARTED = "NotStarted"
    UNAPPROVED = "Unapproved"
    PAUSING = "Pausing"
    PAUSED = "Paused"
    PROVISIONING = "Provisioning"
    STARTING = "Starting"
    PREPARING = "Preparing"
    QUEUED = "Queued"
    RUNNING = "Running"
    FINALIZING = "Finalizing"
    CANCEL_REQUESTED = "CancelRequested"
    CANCELED = "Canceled"
    COMPLETED = "Completed"
    FAILED = "Failed"
    NOTRESPONDING = "NotResponding"

    @classmethod
    def list(cls) -> Sequence[str]:
        """All of them."""
        return [value for name, value in vars(cls).items() if name.isupper()]

    @classmethod
    def get_running_statuses(cls) -> Sequence[str]:
        """Those of runs that have not ended."""
        ended = (cls.FINALIZING, cls.CANCELED, cls.COMPLETED, cls.FAILED, cls.NOTRESPONDING)
        return [value for value in cls.list() if value not in ended]

    @classmethod
    def get_post_processing_statuses(cls) -> Sequence[str]:
        """Those of runs whose script has ended."""
        return [cls.FINALIZING]


class ExperimentExecutionException(AzureMLException):
    """Raised by nothing here; for notebooks that are prepared for it. So are those below."""


class TrainingException(AzureMLException):
    """See `ExperimentExecutionException`."""


class RunConfigurationException(AzureMLException):
    """See `ExperimentExecutionException`."""


class ServiceException(AzureMLException):
    """See `ExperimentExecutionException`."""


class ModelPathNotFoundException(AzureMLException):
    """See `ExperimentExecutionException`."""


class DiscoveryUrlNotFoundException(AzureMLException):
    """See `ExperimentExecutionException`."""


class AzureMLAggregatedException(AzureMLException):
    """See `ExperimentExecutionException`."""
