"""An fsspec driver as FsspecBlobs uses it: patient, with errors of our family, and never showing half of a file."""

from __future__ import annotations

import errno
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from functools import partial
from typing import Any, TypeVar

from jupyter_aml.store import fs_errors
from jupyter_aml.store.contract import BlobInfo
from jupyter_aml.store.fs_url import STORES, Address

_PAUSES = (0.2, 0.8, 3.0)
"""Seconds before a broken transfer is tried again."""
_LARGE = 4
"""Large contents, or parts of one, that are in memory at once."""

T = TypeVar("T")


class Driver:
    """See the module. Opened at the first use, and again in a forked child.

    Args:
        address: of the contents.
        options: for fsspec's driver.
    """

    def __init__(self, address: Address, options: dict[str, Any]) -> None:
        self.kind = address.kind
        self.shows_whole = address.kind in STORES
        """Whether a file is seen only when all of it was written."""
        self._address = address
        self._options = options
        self._opening = threading.Lock()
        self._pid = 0

    def _open(self) -> None:
        if self._pid != os.getpid():
            with self._opening:
                if self._pid != os.getpid():
                    self._fs, self._root = self._address.open(self._options)
                    self._room = threading.BoundedSemaphore(_LARGE)
                    self._made: set[str] = set()
                    self._pid = os.getpid()

    @property
    def fs(self) -> Any:
        """fsspec's driver."""
        self._open()
        return self._fs

    @property
    def root(self) -> str:
        """The path below which all lies."""
        self._open()
        return self._root

    @property
    def room(self) -> threading.BoundedSemaphore:
        """Held by whoever has a large content, or a part of one, in memory."""
        self._open()
        return self._room

    def attempt(self, act: Callable[[], T], *, missing: bool = False) -> T:
        """Do what asks something of the store, again where the connection broke.

        Raises:
            FileNotFoundError: there is no such key (only when `missing`).
            StoreUnavailableException: it cannot be done. It is not chained to the driver's error, which can hold credentials.
        """
        for pause in (*_PAUSES, None):
            try:
                return act()
            except Exception as error:
                if missing and fs_errors.is_missing_key(error):
                    raise FileNotFoundError(errno.ENOENT, "there is no such key") from None
                if not fs_errors.is_of_store(error):
                    raise
                if pause is None or not fs_errors.passes(error):
                    raise fs_errors.unavailable(self._address.shown, error) from None
            time.sleep(pause)
        raise AssertionError  # the last pause is None

    # -- reading -------------------------------------------------------------------------------------------------
    def stat(self, key: str) -> BlobInfo | None:
        """Size and time of a file (without its digest); None when there is none."""

        def look() -> BlobInfo:
            if self.kind == "s3":  # info() asks twice for what is not there
                bucket, _, name = key.partition("/")
                about = self.fs.call_s3("head_object", Bucket=bucket, Key=name)
                return BlobInfo("", int(about["ContentLength"]), time_of(about))
            about = self.fs.info(key)
            return BlobInfo("", int(about["size"]), time_of(about))

        try:
            return self.attempt(look, missing=True)
        except FileNotFoundError:
            return None

    def ls(self, folder: str) -> list[dict[str, Any]]:
        """What lies in a folder: name, size, type and some time of each."""
        try:
            return list(self.attempt(partial(self.fs.ls, folder, detail=True), missing=True))
        except FileNotFoundError:
            return []

    def read(self, key: str, start: int, stop: int) -> bytes:
        """Bytes of a file.

        Raises:
            FileNotFoundError: there is no such file.
        """
        if start >= stop:
            return b""

        def get() -> bytes:
            data: bytes = self.fs.cat_file(key, start=start, end=stop)
            if len(data) != stop - start:
                raise ConnectionError("the answer was cut short")
            return data

        return self.attempt(get, missing=True)

    # -- writing -------------------------------------------------------------------------------------------------
    def write(self, key: str, data: bytes) -> None:
        """Write a small file at once."""
        if self.shows_whole:
            self.attempt(lambda: self.fs.pipe_file(key, data))
        else:
            self.write_chunks(key, lambda: iter((data,)))

    def write_chunks(self, key: str, content: Callable[[], Iterator[bytes]]) -> None:
        """Write a file under another name and move it. `content` gives it, from the beginning with each attempt."""
        self.attempt(lambda: self._write_moved(key, content))

    def _write_moved(self, key: str, content: Callable[[], Iterator[bytes]]) -> None:
        scratch = f"{self.root}/tmp/{secrets.token_hex(12)}"
        for folder in (f"{self.root}/tmp", key.rpartition("/")[0]):
            if folder not in self._made:
                self.fs.makedirs(folder, exist_ok=True)
                self._made.add(folder)
        try:
            with self.fs.open(scratch, "wb") as file:
                for chunk in content():
                    file.write(chunk)
            self.fs.mv(scratch, key)
        except BaseException:
            self._made.clear()  # the folders may have gone
            try:
                self.fs.rm_file(scratch)
            except Exception:
                pass  # it is swept later
            raise

    def upload(self, path: str, key: str) -> None:
        """Write a large local file that nobody changes (to an object store)."""
        self.attempt(lambda: self.fs.put_file(path, key))

    def refresh(self, key: str) -> bool:
        """Give a file the time of now; False where that cannot be done. (Some drivers make an empty file where none was.)"""
        try:
            if self.kind == "s3":
                self.fs.cp_file(key, key, MetadataDirective="REPLACE")
            else:
                try:
                    self.fs.touch(key, truncate=False)
                except (NotImplementedError, ValueError, TypeError):
                    self.fs.cp_file(key, key)
        except Exception as error:
            if fs_errors.is_of_store(error) or isinstance(error, (ValueError, TypeError)):
                return False
            raise
        return True

    def rm(self, key: str) -> None:
        """Remove a file, if there is one."""
        try:
            self.attempt(lambda: self.fs.rm_file(key), missing=True)
        except FileNotFoundError:
            pass


def time_of(about: Any) -> float:
    """When a file was written, as a driver tells it; now where it does not, so that it is kept."""
    for name in ("LastModified", "mtime", "last_modified", "updated", "modified", "created"):
        found = about.get(name)
        if isinstance(found, str):
            try:
                found = datetime.fromisoformat(found.replace("Z", "+00:00"))
            except ValueError:
                continue
        if isinstance(found, datetime):
            return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp()
        if isinstance(found, (int, float)):
            return float(found)
    return time.time()
