"""Contents by their sha256, wherever fsspec reaches: S3, Azure, Google, SFTP, a folder, memory.

Keys are those of FolderBlobs (``<prefix>/ab/cdef…``), so a folder that is copied to a bucket goes on working there.
"""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO

from jupyter_aml.errors import NotFoundException, StoreUnavailableException
from jupyter_aml.store import home, spool
from jupyter_aml.store.blobs import CHUNK, REFRESH, STALE, FolderBlobs, OwnBlobs, is_digest, open_regular, written
from jupyter_aml.store.contract import BlobInfo, Blobs
from jupyter_aml.store.fs_driver import Driver, time_of
from jupyter_aml.store.fs_url import read_url
from jupyter_aml.store.s3_multipart import Multipart, UploadGone, unfinished
from jupyter_aml.store.verified import verified

PART = 16 * 2**20
"""Bytes up to which a content goes in one request; larger ones go to S3 in parts of this size."""
_READ = 4 * 2**20
"""Bytes that are fetched with one request."""
_AHEAD = 4
"""Requests under way for one content that is fetched."""
_FILES = 16
"""Files that are sent, or removed, at once."""
_BATCH = 200
"""Contents that garbage collection removes under one notice."""
_NOTICE = 60.0
"""Seconds after which a collector removes nothing more under its notice."""
_OLD_NOTICE = 3600.0
"""Age at which a notice is passed over: that of a collector that died. Long, since clocks differ."""


def open_blobs(url: str) -> Blobs:
    """The contents at a URL: a folder's path or ``file://``, or what fsspec knows (``s3://bucket/prefix`` …).

    Raises:
        UserErrorException: a URL that cannot be.
    """
    text = os.fspath(url)
    if "::" not in text and ("://" not in text or text.startswith("file://")):
        return FolderBlobs(home.parse_url(text))
    return FsspecBlobs(text)


class FsspecBlobs(OwnBlobs):
    """Blobs below an fsspec URL. Any number of processes and machines may write.

    A content appears whole or not at all: object stores show an upload when it is complete, elsewhere it is written under
    another name and moved. What is there already is not sent. A large upload to S3 that broke off is continued by whoever
    puts the same content next, in this process or another: parts that had arrived are not sent again (a lifecycle rule
    ``AbortIncompleteMultipartUpload``, or `aml workspace gc --delete`, clears what nobody continues). Elsewhere a
    large upload that broke off begins anew.

    Credentials are found where the drivers look for them (``AWS_*``, ``AZURE_STORAGE_*``,
    ``GOOGLE_APPLICATION_CREDENTIALS``); an endpoint in ``AWS_ENDPOINT_URL``, or as ``?endpoint_url=`` in the URL.

    Args:
        url: as ``s3://bucket/prefix``. Nothing is asked of it before the first use.
        **options: for the driver.

    Raises:
        UserErrorException: a URL that cannot be, or one with credentials where they do not belong.
    """

    def __init__(self, url: str, **options: Any) -> None:
        address = read_url(url)
        self.url = address.shown
        """Where it is, without credentials."""
        self._driver = Driver(address, options)
        self._outlived: set[str] = set()

    # -- writing -------------------------------------------------------------------------------------------------
    def put_file(self, path: Path | str, limit: int | None = None) -> tuple[str, int]:
        """See Blobs.put_file. A large file that changes while it is sent is copied to a temporary file first."""
        name = os.fspath(path)
        with open_regular(path, limit) as (file, size):
            if size <= PART:
                with self._driver.room if size > CHUNK else nullcontext():
                    return self.put_bytes(spool.read(file, size, name))
            hasher, done = hashlib.sha256(), 0
            for chunk in spool.chunks(file, size, name):
                hasher.update(chunk)
                done += len(chunk)
            digest = hasher.hexdigest()
            if self._whole(digest, done):
                return digest, done
            if self._driver.kind == "s3" or not self._driver.shows_whole:
                try:
                    self._send(file, digest, done, name)
                    return digest, done
                except spool.Changed:
                    pass
            file.seek(0)
            return self._put_chunks(spool.chunks(file, size, name))

    def put_files(self, paths: Sequence[Path | str]) -> list[tuple[str, int]]:
        """See Blobs.put_files."""
        if len(paths) < 2:
            return [self.put_file(path) for path in paths]
        with ThreadPoolExecutor(min(_FILES, len(paths)), "jupyter_aml-put") as pool:
            coming = [pool.submit(self.put_file, path) for path in paths]
            try:
                return [each.result() for each in coming]
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def put_stream(self, stream: BinaryIO) -> tuple[str, int]:
        """See Blobs.put_stream. What is longer than a part goes through a temporary file on this machine."""
        return self._put_chunks(iter(lambda: spool.read(stream, CHUNK, "the stream"), b""))

    def put_bytes(self, data: bytes) -> tuple[str, int]:
        """See Blobs.put_bytes."""
        digest, size = hashlib.sha256(data).hexdigest(), len(data)
        if not self._whole(digest, size):
            self._driver.write(self._key(digest), bytes(data))
        return digest, size

    def _put_chunks(self, chunks: Iterator[bytes]) -> tuple[str, int]:
        """Store pieces that come once: by way of memory, or of a temporary file of our own."""
        head = bytearray()
        for chunk in chunks:
            head += chunk
            if len(head) > PART:
                break
        else:
            return self.put_bytes(bytes(head))
        with spool.spooled(head, chunks) as (file, digest, size):
            if not self._whole(digest, size):
                self._send(file, digest, size, file.name)
            return digest, size

    def _send(self, file: BinaryIO, digest: str, size: int, name: str) -> None:
        """Send a large content, checking that it still is what it was hashed as.

        Raises:
            Changed: it is not; nothing of it has become visible.
        """
        key = self._key(digest)
        if self._driver.kind == "s3":
            self._send_parts(file, digest, size, key)
        elif self._driver.shows_whole:
            self._driver.upload(name, key)  # only files of our own come here: nobody changes them
        else:
            self._driver.write_chunks(key, lambda: spool.checked(file, digest, size, name))

    def _send_parts(self, file: BinaryIO, digest: str, size: int, key: str) -> None:
        for _ in range(3):
            upload = Multipart(self._driver.fs, key, self._driver.attempt)
            try:
                if (
                    upload.send(lambda n: spool.read(file, n, "the file"), file.seek, size, PART, self._driver.room)
                    != digest
                ):
                    upload.abort()
                    raise spool.Changed
                upload.complete()
                return
            except UploadGone:
                if self._whole(digest, size):
                    return
        raise StoreUnavailableException(f"Others keep clearing away what is sent to {self.url}. Try again later.")

    def _whole(self, digest: str, size: int) -> bool:
        """Whether a content is there, whole. An old one gets the time of now, as in a folder; where that cannot be done it
        is to be written again."""
        key = self._key(digest)
        found = self._driver.stat(key)
        if found is None or found.size != size:
            return False
        if found.time > time.time() - REFRESH:
            return True
        if not self._driver.refresh(key):
            return False
        self._await_collectors()
        found = self._driver.stat(key)
        return found is not None and found.size == size and found.time > time.time() - REFRESH

    # -- reading -------------------------------------------------------------------------------------------------
    def open(self, digest: str) -> BinaryIO:
        """See Blobs.open. Reads ahead, some MiB with each request."""
        size = self._size(digest)
        return verified(_Content(self, digest, size), digest, size, self.url, _READ)

    def has(self, digest: str) -> bool:
        """See Blobs.has."""
        return is_digest(digest) and self._driver.stat(self._key(digest)) is not None

    def keep(self, digest: str, size: int) -> bool:
        """See Blobs.keep."""
        return is_digest(digest) and self._whole(digest, size)

    def fetch(self, digest: str, target: Path | str) -> None:
        """See Blobs.fetch.

        Raises:
            StoreUnavailableException: what came is not the content.
        """
        size = self._size(digest)
        hasher = hashlib.sha256()
        with written(target) as file:
            for piece in self._pieces(digest, size):
                hasher.update(piece)
                file.write(piece)
            if hasher.hexdigest() != digest:
                raise StoreUnavailableException(
                    f"The content {digest} in {self.url} is damaged. Remove it there and store it again."
                )

    def _pieces(self, digest: str, size: int, start: int = 0) -> Iterator[bytes]:
        """A content in order, from `start` on; some requests run ahead of the reader."""
        ranges = [(at, min(at + _READ, size)) for at in range(start, size, _READ)]
        if len(ranges) < 2:
            yield self._range(digest, start, size)
            return
        with ThreadPoolExecutor(_AHEAD, "jupyter_aml-get") as pool:
            coming = deque(pool.submit(self._range, digest, *each) for each in ranges[:_AHEAD])
            try:
                for at in range(len(ranges)):
                    piece = coming.popleft().result()
                    if at + _AHEAD < len(ranges):
                        coming.append(pool.submit(self._range, digest, *ranges[at + _AHEAD]))
                    yield piece
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _range(self, digest: str, start: int, stop: int) -> bytes:
        try:
            return self._driver.read(self._key(digest), start, stop)
        except FileNotFoundError:
            raise self._missing(digest) from None

    def _size(self, digest: str) -> int:
        found = self._driver.stat(self._key(digest)) if is_digest(digest) else None
        if found is None:
            raise self._missing(digest)
        return found.size

    def _missing(self, digest: str) -> NotFoundException:
        return NotFoundException(f"There is no content {digest!r} in {self.url}.")

    def _key(self, digest: str) -> str:
        return f"{self._driver.root}/{digest[:2]}/{digest[2:]}"

    # -- garbage collection --------------------------------------------------------------------------------------
    def walk(self) -> Iterator[BlobInfo]:
        """See Blobs.walk."""
        root = self._driver.root
        for folder in self._driver.ls(root):
            fan = str(folder["name"]).rstrip("/").rpartition("/")[2]
            if len(fan) == 2 and is_digest(fan * 32):
                for entry in self._driver.ls(f"{root}/{fan}"):
                    digest = fan + str(entry["name"]).rpartition("/")[2]
                    if is_digest(digest) and entry.get("type") == "file":
                        yield BlobInfo(digest, int(entry["size"]), time_of(entry))

    def remove(self, digest: str) -> None:
        """See Blobs.remove."""
        if is_digest(digest):
            self._driver.rm(self._key(digest))

    def remove_stale(self, digests: Sequence[str], before: float) -> list[str]:
        """See OwnBlobs.remove_stale.

        Nothing here looks and removes in one step, so a notice stands in ``gc/`` meanwhile. A writer that refreshed an
        old content, and sees a notice, waits until it is gone, and looks again. So it either sees no notice and was
        first, and the content is found young here; or it comes later, and sees what was removed.

        Raises:
            StoreUnavailableException: another collector is at work here.
        """
        removed: list[str] = []
        known = [digest for digest in digests if is_digest(digest)]
        for start in range(0, len(known), _BATCH):
            with self._notice() as deadline, ThreadPoolExecutor(_FILES, "jupyter_aml-gc") as pool:

                def remove(digest: str, deadline: float = deadline) -> str:
                    found = self._driver.stat(self._key(digest))
                    if found is None or found.time >= before or time.monotonic() > deadline:
                        return ""
                    self.remove(digest)
                    return digest

                removed += filter(None, pool.map(remove, known[start : start + _BATCH]))
        return removed

    @contextmanager
    def _notice(self) -> Iterator[float]:
        """Put up a notice; gives the time (monotonic) until when something may be removed under it."""
        deadline = time.monotonic() + _NOTICE
        mine = f"{self._driver.root}/gc/{secrets.token_hex(12)}"
        self._driver.write(mine, b"garbage is collected here")
        try:
            if self._notices() - {mine.rpartition("/")[2]}:
                raise StoreUnavailableException(
                    f"Another garbage collection is at work in {self.url}. Try again later."
                )
            yield deadline
        finally:
            self._driver.rm(mine)

    def _notices(self) -> set[str]:
        """Names of the notices of collectors that are at work."""
        young = time.time() - _OLD_NOTICE
        found = self._driver.ls(f"{self._driver.root}/gc")
        names = {str(e["name"]).rpartition("/")[2] for e in found if e.get("type") == "file" and time_of(e) > young}
        return names - {""}

    def _await_collectors(self) -> None:
        """Wait until the collectors that are at work now are done, or must have stopped removing."""
        waited_for = self._notices() - self._outlived
        deadline = time.monotonic() + 2 * _NOTICE
        while waited_for and time.monotonic() < deadline:
            time.sleep(0.1)
            waited_for &= self._notices()
        self._outlived |= waited_for

    def sweep(self, age: float = STALE) -> int:
        """See OwnBlobs.sweep. On S3 these are uploads that nobody completed."""
        before = time.time() - age
        root = self._driver.root
        removed = 0
        if self._driver.kind == "s3":
            for upload in unfinished(self._driver.fs, root + "/", self._driver.attempt, before):
                upload.abort()
                removed += 1
        for entry in [*self._driver.ls(f"{root}/tmp"), *self._driver.ls(f"{root}/gc")]:
            if entry.get("type") == "file" and time_of(entry) < before:
                self._driver.rm(str(entry["name"]))
                removed += 1
        return removed

    def __repr__(self) -> str:
        return f"FsspecBlobs({self.url!r})"


class _Content(io.RawIOBase):
    """A content as a file, read by ranges."""

    def __init__(self, blobs: FsspecBlobs, digest: str, size: int) -> None:
        self._blobs = blobs
        self._digest = digest
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if at < 0:
            raise ValueError(f"negative seek position {at}")
        self._at = at
        return at

    def readinto(self, buffer: Any) -> int:
        data = self._blobs._range(self._digest, self._at, min(self._at + len(buffer), self._size))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def readall(self) -> bytes:
        data = b"".join(self._blobs._pieces(self._digest, self._size, self._at))
        self._at += len(data)
        return data


__all__ = ["FsspecBlobs", "open_blobs"]
