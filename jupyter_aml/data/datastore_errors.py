"""What goes wrong in a datastore, said without the credentials that drivers put into their errors."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jupyter_aml.errors import AzureMLException, NotFoundException, StoreUnavailableException, UserErrorException
from jupyter_aml.store import fs_errors

_HTTP = {
    401: "its credentials are not accepted",
    403: "access is refused",
    404: "there is nothing",
    410: "there is nothing",
}

_AGAIN = "Register it again with overwrite=True"
_OF_WORKSPACE = (
    "It lies below the workspace's artifacts: this process needs what opens those, in its variables (as AWS_ACCESS_KEY_ID) or in a "
    "file of the driver's (as ~/.aws/credentials)"
)
_REFUSED = re.compile(
    r"\A401\Z|Credential|AccessKey|Signature|Signing|Token|Refresh|Authenti|Authoriz|PermissionDenied|KeyImport|ProfileNotFound",
    re.IGNORECASE,
)


@contextmanager
def told(datastore: Any, path: str = "", *, writing: bool = False) -> Iterator[None]:
    """Turn what a driver raises into errors of ours. They are not chained: the driver's may hold a key or a signed URL.

    Args:
        datastore: whose driver.
        path: what it is about.
        writing: whether a file is written, so that what is not there can only be the bucket.

    Raises:
        NotFoundException: there is nothing at `path`.
        UserErrorException: a folder where a file is needed, or the other way; a driver that is not installed.
        StoreUnavailableException: the place does not answer, refuses, or has no room.
    """
    try:
        yield
    except AzureMLException:
        raise
    except Exception as error:
        made = _made(datastore, path, error, writing)
        if made is None:
            raise
        raise made from None


def _made(datastore: Any, path: str, error: Exception, writing: bool) -> AzureMLException | None:
    place = f"the datastore {datastore.name!r}"
    if isinstance(error, ImportError):
        return UserErrorException(
            f"{place[0].upper()}{place[1:]} ({datastore.datastore_type}) needs a package that is not installed "
            f'({error.name or "its driver"}). Install it: pip install "jupyter_aml[data]"'
        )
    if not _of_place(error):
        return None
    status = int(getattr(error, "status", 0) or 0)
    code = fs_errors.code_of(error)
    if writing and isinstance(error, FileNotFoundError):
        return unavailable(datastore, f"there is no such bucket or container ({code or type(error).__name__})", path)
    if status in (404, 410) or (
        isinstance(error, FileNotFoundError) and not code.startswith(("NoSuchBucket", "Container"))
    ):
        return NotFoundException(f"There is nothing at {path!r} in {place}.")
    if isinstance(error, IsADirectoryError):
        return UserErrorException(f"{path!r} in {place} is a folder.")
    if isinstance(error, NotADirectoryError):
        return UserErrorException(f"{path!r} in {place} goes through a file as if it were a folder.")
    why = _said(error, status, code)
    if datastore.is_builtin:  # nobody registered it: it lies below the workspace's artifacts
        why = why.replace(_AGAIN, _OF_WORKSPACE)
    return unavailable(datastore, why, path)


def unavailable(datastore: Any, why: str, path: str = "") -> StoreUnavailableException:
    """The error for a place that cannot be reached, and why."""
    what = f"{path!r} in the datastore {datastore.name!r}" if path else f"The datastore {datastore.name!r}"
    return StoreUnavailableException(f"{what} ({datastore._shown_place()}) cannot be reached now: {why}.")


def _of_place(error: Exception) -> bool:
    modules = {base.__module__.partition(".")[0] for base in type(error).__mro__}
    return fs_errors.is_of_store(error) or bool(modules & {"asyncssh", "urllib3"})


def _said(error: Exception, status: int, code: str) -> str:
    name = type(error).__name__
    number = error.errno if isinstance(error, OSError) else None
    if status in _HTTP:
        return f"{_HTTP[status]} (it answered {status})"
    if _REFUSED.search(code or name):
        return f"its credentials are missing, or not accepted ({code or name}). {_AGAIN}"
    if "HostKey" in name:
        return "its host key is not known. Register it with host_key=, as `ssh-keyscan` shows it, if it is the right machine"
    if code.startswith(("NoSuchBucket", "ContainerNotFound")) or (isinstance(error, FileNotFoundError) and code):
        return f"there is no such bucket or container ({code})"
    if fs_errors.is_forbidden(error) or code in ("403", "AccessDenied", "AuthorizationPermissionMismatch"):
        return f"access is refused ({code or name})"
    if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "there is no room left"
    if isinstance(error, NotImplementedError) or number == errno.EROFS:
        return "it can only be read"
    if code:
        return f"it answered {code}"
    return f"it does not answer as it should ({name}). Look at the network and try again"
