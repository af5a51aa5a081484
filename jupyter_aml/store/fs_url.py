"""URLs of contents elsewhere: what they may say, how they are shown, and the fsspec driver behind them."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from jupyter_aml.errors import UserErrorException
from jupyter_aml.store import fs_errors

KINDS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "az": "az", "abfs": "az", "abfss": "az"}
STORES = frozenset(KINDS.values())
"""Object stores: they show an upload when it is complete. Other systems show a file while it is written."""
_EXTRAS = {"s3": "s3", "gs": "gcs", "az": "azure"}
_CONNECTIONS = 32


@dataclass(frozen=True)
class Address:
    """A place for contents. Made by `read_url`."""

    shown: str
    """The URL without credentials."""
    kind: str
    """"s3", "gs", "az", or another scheme."""
    place: str = field(repr=False)
    """The URL as the driver takes it."""
    endpoint: str = ""

    def open(self, options: dict[str, Any]) -> tuple[Any, str]:
        """The driver, and the path below which contents lie.

        Raises:
            UserErrorException: the driver is not installed, or there is none.
            StoreUnavailableException: the driver refuses, for want of credentials for example.
        """
        import fsspec

        given = {"skip_instance_cache": True, **self._defaults(), **options}
        try:
            if self.kind == "gs" and (self.endpoint or os.environ.get("STORAGE_EMULATOR_HOST")):
                # An endpoint speaks HTTP alone: the class that fsspec would take asks each bucket's kind by gRPC first.
                core = importlib.import_module("gcsfs.core").GCSFileSystem
                fs, root = core(**given), core._strip_protocol(self.place)
            else:
                fs, root = fsspec.core.url_to_fs(self.place, **given)
        except ImportError as error:
            package = f'"jupyter_aml[{_EXTRAS[self.kind]}]"' if self.kind in _EXTRAS else error.name or "its driver"
            raise UserErrorException(
                f"Contents at {self.shown} need a driver that is not installed. Install it: pip install {package}"
            ) from error
        except Exception as error:
            if "Protocol not known" in str(error):
                raise UserErrorException(f"Nothing is known that reaches {self.shown}. Correct its scheme.") from None
            raise fs_errors.unavailable(self.shown, error) from None
        if self.kind == "s3":
            fs.retries = 1  # FsspecBlobs tries again itself
        return fs, str(root).rstrip("/")

    def _defaults(self) -> dict[str, Any]:
        found: dict[str, Any] = {"use_listings_cache": False} if self.kind in STORES else {}
        if self.endpoint:
            found["endpoint_url"] = self.endpoint
        if self.kind == "s3":
            found["config_kwargs"] = {
                "connect_timeout": 10,
                "read_timeout": 120,
                "max_pool_connections": _CONNECTIONS,
                "retries": {"total_max_attempts": 1, "mode": "standard"},
            }
        return found


def read_url(url: str) -> Address:
    """The place that a URL names.

    Raises:
        UserErrorException: a chain of URLs, a scheme that nothing can be stored at, a URL without a bucket, or one with
            credentials or parameters that do not belong into it. The message shows none of them.
    """
    scheme, mark, _ = url.partition("://")
    if not mark or not scheme.isascii() or not scheme.replace("+", "").isalnum():
        raise UserErrorException("This is no URL of contents. Give one as s3://bucket/prefix, or a folder's path.")
    if "::" in url:
        raise UserErrorException(f"A chain of URLs ({scheme}://…::…) holds no contents. Give a plain URL.")
    scheme = scheme.lower()
    kind = KINDS.get(scheme, scheme)
    if kind in ("http", "https", "data"):
        raise UserErrorException(f"Nothing can be stored at {scheme}://. Give a bucket or a folder.")
    try:
        parts = urlsplit(url)
        _ = parts.port if kind not in STORES else None
    except ValueError:
        raise UserErrorException(f"This {scheme}:// URL cannot be read. Write it as {scheme}://place/prefix.") from None
    user, at, host = parts.netloc.rpartition("@")
    name, colon, _ = user.partition(":")
    shown = f"{scheme}://{name}{at}{host}{parts.path}".rstrip("/")
    if kind in STORES:
        if at and (colon or kind != "az"):
            raise UserErrorException(
                f"Credentials do not belong into the URL {scheme}://…@{host}. Set {fs_errors.credentials(kind)}."
            )
        if not host or (kind == "az" and at and not user):
            raise UserErrorException(f"{shown!r} names no bucket. Write it as {scheme}://bucket/prefix.")
    endpoint = _endpoint(parts.query, scheme, kind)
    place = url.partition("?")[0].rstrip("/")
    if "#" in place:
        raise UserErrorException("A URL of contents cannot have a # in it.")
    if endpoint:
        shown += "?" + urlencode({"endpoint_url": endpoint}, safe=":/")
    return Address(
        shown=shown, kind=kind, place=place if place.partition("://")[2] else f"{scheme}://", endpoint=endpoint
    )


def _endpoint(query: str, scheme: str, kind: str) -> str:
    given = dict(parse_qsl(query, keep_blank_values=True))
    endpoint = given.pop("endpoint_url", "")
    if given or (query and not endpoint):
        # A text without = may be a credential itself.
        names = ", ".join(sorted(n for n, v in given.items() if v and n.isidentifier())) or "what follows its ?"
        raise UserErrorException(
            f"A {scheme}:// URL of contents takes only ?endpoint_url=, not {names}. "
            f"Credentials are given by {fs_errors.credentials(kind)}."
        )
    if endpoint:
        if kind not in ("s3", "gs"):
            raise UserErrorException(f"A {scheme}:// URL takes no endpoint_url.")
        parts = urlsplit(endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.query:
            raise UserErrorException("The endpoint_url must be as https://host:port, without credentials.")
    return endpoint
