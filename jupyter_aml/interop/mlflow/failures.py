"""Our errors as MLflow's: callers of its client know only those."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NoReturn, ParamSpec, TypeVar

from mlflow.exceptions import MlflowException
from mlflow.protos import databricks_pb2 as codes

from jupyter_aml.errors import (
    AzureMLException,
    ConflictException,
    NotFoundException,
    RunStateException,
    StoreUnavailableException,
    UserErrorException,
)

P = ParamSpec("P")
R = TypeVar("R")
_CODES = (
    (NotFoundException, codes.RESOURCE_DOES_NOT_EXIST),
    (UserErrorException, codes.INVALID_PARAMETER_VALUE),
    (ConflictException, codes.RESOURCE_CONFLICT),
    (RunStateException, codes.INVALID_STATE),
    (StoreUnavailableException, codes.TEMPORARILY_UNAVAILABLE),
)


def translated(method: Callable[P, R]) -> Callable[P, R]:
    """The method, whose errors of ours leave it as an MlflowException with the code that says the same."""

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except AzureMLException as error:
            code = next((code for kind, code in _CODES if isinstance(error, kind)), codes.INTERNAL_ERROR)
            raise MlflowException(error.message, error_code=code) from error

    return call


def refuse(what: str, instead: str) -> NoReturn:
    """Raise: our workspaces cannot do that, and what to do instead."""
    raise MlflowException(
        f"{what} is not possible in a jupyter_aml workspace. {instead}", codes.INVALID_PARAMETER_VALUE
    )
