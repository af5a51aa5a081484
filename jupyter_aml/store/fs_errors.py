"""What the errors of fsspec's drivers mean to a user.

What a driver says can hold credentials (a signed URL, a connection string): only codes and the names of errors are shown.
"""

from __future__ import annotations

import errno
import re

from jupyter_aml.errors import StoreUnavailableException

_DRIVERS = frozenset(
    {"adlfs", "aiobotocore", "aiohttp", "azure", "botocore", "fsspec", "gcsfs", "google", "paramiko", "requests", "s3fs",
     "smbprotocol", "urllib3"}
)  # fmt: skip
_CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, or AZURE_STORAGE_CONNECTION_STRING",
}
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,48}\Z")
_REFUSED = re.compile(
    r"\A401\Z|Credential|AccessKey|Signature|Signing|Refresh|Token|Authenti|Authoriz|RequestTimeTooSkewed|NotSignedUp|InvalidSecurity|ProfileNotFound"
)
_BUSY = frozenset(
    {"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "IncompleteBody", "OperationAborted", "ServerBusy"}
)  # fmt: skip
_LASTING = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EINVAL, errno.ENOSYS, errno.EISDIR, errno.ENOTDIR, errno.EPERM}
)  # fmt: skip


class Interrupted(Exception):
    """Ends a transfer for a reason of our own; never shown to users."""


def credentials(kind: str) -> str:
    """What gives a driver its credentials."""
    return _CREDENTIALS.get(kind, "the driver's environment variables or its options")


def code_of(error: BaseException) -> str:
    """The code that the store answered with, where there is one that can be shown."""
    seen: BaseException | None = error
    while seen is not None:
        response = getattr(seen, "response", None)
        found = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
        found = found or getattr(seen, "error_code", None)
        if not found and type(seen).__module__.partition(".")[0] in ("gcsfs", "google"):
            found = getattr(seen, "code", None)  # aiohttp calls a cut answer 400 there
        found = getattr(found, "value", found)  # Azure's codes are members of an enumeration
        if found and _CODE.match(str(found)):
            return str(found)
        seen = seen.__cause__
    return ""


def is_of_store(error: Exception) -> bool:
    """Whether it comes from the store or the way to it, and not from a defect."""
    if isinstance(error, (OSError, EOFError, TimeoutError, NotImplementedError)):
        return True
    return any(base.__module__.partition(".")[0] in _DRIVERS for base in type(error).__mro__)


def is_forbidden(error: Exception) -> bool:
    """Whether it says that whoever asks has not the right to (gcsfs has no code for that)."""
    return isinstance(error, PermissionError) or (type(error) is OSError and str(error).startswith("Forbidden:"))


def is_missing_key(error: Exception) -> bool:
    """Whether it says that there is no such key (in a bucket that exists)."""
    return isinstance(error, FileNotFoundError) and not code_of(error).startswith("NoSuchBucket")


def passes(error: Exception) -> bool:
    """Whether it may work when tried again soon."""
    code = code_of(error)
    if code in _BUSY or re.match(r"5\d\d\Z", code):
        return True
    if isinstance(error, (ConnectionError, TimeoutError)):
        return True
    if is_forbidden(error) or isinstance(error, NotImplementedError) or _refused(error, code):
        return False
    if isinstance(error, FileNotFoundError):
        return not code
    if isinstance(error, OSError) and error.errno in _LASTING:
        return False
    return not code and not re.search(r"Valid|Param|Config|Invalid", type(error).__name__)


def unavailable(url: str, error: Exception) -> StoreUnavailableException:
    """The error for people: what is wrong, and what to do."""
    code = code_of(error)
    said = code if code and not code.isdigit() else type(error).__name__
    kind = url.partition("://")[0].rstrip("a") if url.startswith("s3") else url.partition("://")[0]
    kind = {"gcs": "gs", "abfs": "az", "abfss": "az"}.get(kind, kind)
    number = error.errno if isinstance(error, OSError) else None
    if code.startswith("NoSuchBucket") or code == "ContainerNotFound":
        text = "there is no such bucket. Create it, or correct the URL"
    elif _refused(error, code):
        text = f"there are no credentials for it, or they are not accepted ({said}). Set {credentials(kind)}, or renew them"
    elif is_forbidden(error) or code in ("403", "AccessDenied", "AuthorizationPermissionMismatch"):
        text = f"access is refused ({said}). Its user needs the rights to list, read, write and delete there"
    elif number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        text = "there is no room left. Make room there"
    elif isinstance(error, NotImplementedError):
        text = "its driver cannot write. Give a bucket or a folder"
    elif isinstance(error, FileNotFoundError):
        text = "it is not there. Make the folder or bucket, or correct the URL"
    elif code and code not in _BUSY:
        text = f"it answered {code}. Look at the URL, its region and its endpoint"
    else:
        text = f"it does not answer as it should ({said}). Look at the network and the endpoint, and try again"
    return StoreUnavailableException(f"The contents at {url} cannot be reached now: {text}.")


def _refused(error: Exception, code: str) -> bool:
    return (
        bool(_REFUSED.search(code) or _REFUSED.search(type(error).__name__))
        and code != "AuthorizationPermissionMismatch"
    )
