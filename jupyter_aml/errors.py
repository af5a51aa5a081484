"""Every error that jupyter_aml raises, in one family.

The names are those of the AzureML SDK v1 where it has one, so that a notebook's
``except ComputeTargetException`` goes on working::

    AzureMLException
    ├── UserErrorException              the call cannot be right: the message names the value
    │   ├── AuthenticationException     what was given to log in by cannot be right
    │   ├── NotFoundException           no such run, experiment, file … (close names are suggested)
    │   │   └── ModelNotFoundException  no such registered model (the SDK raises it as a WebserviceException too)
    │   ├── ParameterException          a notebook parameter is unknown, missing or of the wrong type
    │   ├── FilterException             a run query that cannot be read
    │   ├── DatasetValidationError      data that are not there, or not as they were described
    │   └── DatasetExecutionError       reading a dataset failed
    ├── ProjectSystemException          (as the first releases of the SDK called the next one)
    │   └── WorkspaceException          the workspace cannot be opened, found or written
    │       ├── StoreVersionException   its database is newer than this library
    │       └── StoreUnavailableException  locked, full, read-only or out of reach for now
    ├── ConflictException               the name is taken, or what was read has been changed meanwhile
    ├── RunStateException               a run cannot go from its status to the one asked for
    ├── RunEnvironmentException         no run to be found in this process
    ├── SnapshotException               a snapshot cannot be taken or restored
    ├── ActivityFailedException         the awaited run failed
    ├── ComputeTargetException          a compute target is absent or refused
    ├── WebserviceException             a scoring service is absent or failed
    ├── EnvironmentException            an environment cannot be described or built
    └── DatasetTimestampMissingError    a time filter on a dataset without timestamp columns
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AzureMLException(Exception):
    """Root of the family. ``message`` says what was wrong, with the value, and what to do."""

    def __init__(self, exception_message: str = "", **details: object) -> None:
        super().__init__(exception_message)
        self.message = exception_message
        self.details = details

    @property
    def inner_exception(self) -> object:
        """The error that led to this one; None when there was none (SDK)."""
        return self.details.get("inner_exception") or self.__cause__

    def print_stacktrace(self) -> None:
        """Print where it was raised (SDK)."""
        import traceback

        traceback.print_exception(self)


class UserErrorException(AzureMLException):
    """The call cannot be right as it stands."""


class AuthenticationException(UserErrorException):
    """What was given to log in by cannot be right."""


class NotFoundException(UserErrorException):
    """A thing named by the caller does not exist."""

    @classmethod
    def of(cls, noun: str, name: str, known: Iterable[str] = (), hint: str = "") -> NotFoundException:
        """Build the error for `noun` called `name`, suggesting the closest of the `known` names."""
        close = difflib.get_close_matches(name, list(known), n=3)
        text = f"There is no {noun} {name!r}."
        if close:
            text += f" Did you mean {' or '.join(repr(c) for c in close)}?"
        return cls(f"{text} {hint}".strip())


class ParameterException(UserErrorException):
    """A notebook parameter is unknown, missing, wrongly typed or not a name."""


class FilterException(UserErrorException):
    """A filter or sort expression cannot be understood."""


class DatasetValidationError(UserErrorException):
    """The data that a dataset names are not there, or not as they were described."""


class DatasetExecutionError(UserErrorException):
    """Reading a dataset failed: broken content, a value that does not fit, a source that does not answer."""


class ProjectSystemException(AzureMLException):
    """What the first releases of the SDK raised where there is no such workspace; see `WorkspaceException`."""


class WorkspaceException(ProjectSystemException):
    """The workspace cannot be opened, found or written."""


class StoreVersionException(WorkspaceException):
    """The workspace was written by a newer jupyter_aml; it was left untouched."""


class StoreUnavailableException(WorkspaceException):
    """The store is locked, full, read-only or out of reach for now; nothing that was logged is lost."""


class ConflictException(AzureMLException):
    """The name is taken, or what was read has been changed by somebody else meanwhile; nothing was written."""


class RunStateException(AzureMLException):
    """A run cannot go from its present status to the one that was asked for."""


class RunEnvironmentException(AzureMLException):
    """This process is not part of a run."""

    def __init__(self, exception_message: str = "", **details: object) -> None:
        super().__init__(
            exception_message
            or "This process is not part of a run. Start one with Experiment.start_logging(), "
            "or call Run.get_context(allow_offline=True).",
            **details,
        )


class SnapshotException(AzureMLException):
    """A snapshot cannot be taken or restored."""


class ActivityFailedException(AzureMLException):
    """A run that was waited for has failed; ``error_details`` holds what it recorded."""

    def __init__(self, exception_message: str = "", error_details: object = None, **details: object) -> None:
        super().__init__(exception_message, **details)
        self.error_details = error_details


class ComputeTargetException(AzureMLException):
    """A compute target is absent, or refused what was asked."""


class WebserviceException(AzureMLException):
    """A scoring service is absent, or failed."""


class ModelNotFoundException(NotFoundException, WebserviceException):
    """No such registered model."""


class EnvironmentException(AzureMLException):
    """An environment cannot be described or built."""


class DatasetTimestampMissingError(AzureMLException):
    """A time filter was asked of a dataset that has no timestamp column."""
