"""What is wrong with a search, with the SDK's names."""

from __future__ import annotations

from jupyter_aml.errors import UserErrorException


class HyperDriveException(UserErrorException):
    """Something about a hyperparameter search cannot be right."""

    error_code = "UserError"


class HyperDriveConfigException(HyperDriveException):
    """A search cannot be configured so."""


class HyperDriveScenarioNotSupportedException(HyperDriveConfigException):
    """A combination that cannot be searched."""


class HyperDriveNotImplementedException(HyperDriveScenarioNotSupportedException):
    """Not served yet."""
