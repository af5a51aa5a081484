"""Uploads to S3 in parts, which go on where an earlier attempt broke off.

A key is the hash of its content, so an unfinished upload of that key holds parts of the same content. Each is known by its
MD5, which S3 gives as its ETag; a part that does not match (or is encrypted so that the ETag is no MD5) is sent again.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from jupyter_aml.store.fs_errors import Interrupted, code_of

_MOST_PARTS = 10_000
_TOGETHER = 4
_MIB = 2**20

Attempt = Callable[[Callable[[], Any]], Any]
"""Does a request, again where the connection breaks."""


class UploadGone(Interrupted):
    """Another writer completed this upload, or it was cleared away: look again."""


class Multipart:
    """The upload of one content.

    Args:
        fs: the S3FileSystem.
        key: ``bucket/key``.
        attempt: does a request, again where the connection breaks.
        id: of an upload that is known.
    """

    def __init__(self, fs: Any, key: str, attempt: Attempt, id: str = "") -> None:
        self._fs = fs
        self.bucket, _, self.key = key.partition("/")
        self._attempt = attempt
        self._id = id
        self._tags: dict[int, str] = {}

    def _call(self, method: str, **values: Any) -> Any:
        def act() -> Any:
            try:
                return self._fs.call_s3(method, Bucket=self.bucket, Key=self.key, **values)
            except Exception as error:
                if code_of(error) in ("NoSuchUpload", "InvalidPart", "InvalidPartOrder"):
                    raise UploadGone from None
                raise

        return self._attempt(act)

    def send(
        self,
        read: Callable[[int], bytes],
        seek: Callable[[int], object],
        size: int,
        part: int,
        room: threading.Semaphore,
    ) -> str:
        """Send what is lacking of a file's `size` bytes; return the sha256 of what was read.

        Args:
            read, seek: of the file, which is read from its beginning, in order.
            size: its bytes, more than a part's.
            part: bytes of a part, at least 5 MiB.
            room: held for each part in memory.
        """
        part = max(part, -(-size // _MOST_PARTS // _MIB) * _MIB)
        there = self._resume()
        hasher = hashlib.sha256()
        coming: list[Future[None]] = []
        seek(0)
        with ThreadPoolExecutor(_TOGETHER, "jupyter_aml-part") as pool:
            try:
                for number, start in enumerate(range(0, size, part), 1):
                    room.acquire()
                    try:
                        data = read(min(part, size - start))
                        hasher.update(data)
                        if there.get(number) == (len(data), hashlib.md5(data, usedforsecurity=False).hexdigest()):
                            self._tags[number] = f'"{there[number][1]}"'
                            room.release()
                            continue
                        coming.append(pool.submit(self._send_part, number, data, room))
                    except BaseException:
                        room.release()
                        raise
                    del data
                    if any(each.done() and each.exception() for each in coming):
                        break
                for each in coming:
                    each.result()
            except BaseException:
                # Parts that have not begun give their room back without being sent.
                for each in coming:
                    if each.cancel():
                        room.release()
                raise
        return hasher.hexdigest()

    def _send_part(self, number: int, data: bytes, room: threading.Semaphore) -> None:
        try:
            answer = self._call("upload_part", UploadId=self._id, PartNumber=number, Body=data)
            self._tags[number] = answer["ETag"]
        finally:
            room.release()

    def complete(self) -> None:
        """Make the content visible."""
        parts = [{"PartNumber": number, "ETag": tag} for number, tag in sorted(self._tags.items())]
        self._call("complete_multipart_upload", UploadId=self._id, MultipartUpload={"Parts": parts})

    def abort(self) -> None:
        """Throw away what was sent."""
        try:
            self._call("abort_multipart_upload", UploadId=self._id)
        except (UploadGone, FileNotFoundError):
            pass

    def _resume(self) -> dict[int, tuple[int, str]]:
        """Find the upload that broke off, or begin one; return its parts: number → (size, MD5)."""
        there: dict[int, tuple[int, str]] = {}
        for found in unfinished(self._fs, f"{self.bucket}/{self.key}", self._attempt):
            if found.key != self.key:
                continue
            try:
                marker: int | None = 0
                while marker is not None:
                    page = found._call("list_parts", UploadId=found._id, PartNumberMarker=marker)
                    for each in page.get("Parts", ()):
                        there[each["PartNumber"]] = (each["Size"], each["ETag"].strip('"'))
                    marker = page.get("NextPartNumberMarker") if page.get("IsTruncated") else None
            except Exception:  # listing parts needs a right of its own: without it all is sent anew
                there = {}
                continue
            self._id = found._id
            return there
        self._id = self._call("create_multipart_upload")["UploadId"]
        return {}


def unfinished(fs: Any, prefix: str, attempt: Attempt, before: float | None = None) -> list[Multipart]:
    """Uploads below ``bucket/prefix`` that nobody completed; only those begun before a time."""
    bucket, _, start = prefix.partition("/")
    found: list[Multipart] = []
    markers: dict[str, str] = {}
    while True:
        try:
            page = attempt(
                lambda: fs.call_s3("list_multipart_uploads", Bucket=bucket, Prefix=start, **markers)  # noqa: B023
            )
        except Exception:  # this needs a right of its own, and not every S3 has it
            return found
        for each in page.get("Uploads") or ():
            begun = each.get("Initiated")
            if each["Key"].startswith(start) and (before is None or (begun is not None and begun.timestamp() < before)):
                found.append(Multipart(fs, f"{bucket}/{each['Key']}", attempt, each["UploadId"]))
        if not page.get("IsTruncated"):
            return found
        markers = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}
