"""What a script leaves in its folders becomes files of its run: while it runs (`Gathering`), and at the end (`gather`)."""

from __future__ import annotations

import logging
import mimetypes
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from jupyter_aml.errors import AzureMLException, StoreUnavailableException, UserErrorException
from jupyter_aml.store.connection import Connection
from jupyter_aml.store.events import FileLogged
from jupyter_aml.tracking.names import file_path

log = logging.getLogger("jupyter_aml")

FOLDERS = ("outputs", "logs")
PORTION = 200
"""Files that are stored at once: however many there are, memory is bounded."""
TOLD = 20
"""Files that could not be kept which are named."""
EVERY = 1.0
"""Seconds until the first look at what a running script has written, and between two looks; they take a tenth of the time at most."""
PATIENCE = 60.0
"""Seconds that a store which cannot take files is waited for at the end: a server may be restarted, a disk cleared."""
AGAIN = 30.0
"""Seconds until a file that was kept is kept anew when it has changed, times how often it was: each content takes its room."""
MOST = 20_000
"""Files that are looked at while the script runs; where there are more, the rest is kept at the end."""
Stamp = tuple[int, int, int, int]
"""By which a file is known to be unchanged: size, times of modification and change, inode."""


def gather(
    connection: Connection,
    run_id: str,
    root: Path,
    say: Callable[[str], None],
    known: Mapping[str, Stamp] | None = None,
) -> int:
    """Keep the files below ``outputs`` and ``logs`` of a working folder with the run.

    Args:
        connection: the workspace.
        run_id: the run.
        root: the working folder.
        say: is told what cannot be kept.
        known: files that the run has already, as they were then.

    Returns:
        How many are kept.

    Raises:
        StoreUnavailableException: no room for them, or the store is out of reach, for PATIENCE seconds.
    """
    kept, refused = 0, 0
    portion: list[tuple[str, str]] = []
    until = 0.0

    def keep() -> None:
        nonlocal until
        while True:
            try:
                keep_now()
                return
            except StoreUnavailableException as error:
                now = time.monotonic()
                if not until:
                    until = now + PATIENCE
                    say(f"Files cannot be kept now, which is tried again for {PATIENCE:.0f} s: {error.message}")
                if now > until:
                    raise
                time.sleep(0.5)

    def keep_now() -> None:
        nonlocal kept, refused
        try:
            stored = connection.blobs.put_files([path for _, path in portion])
            pairs = list(zip(portion, stored, strict=True))
        except UserErrorException:  # one of them cannot be read: the others can
            pairs = []
            for name, path in portion:
                try:
                    pairs.append(((name, path), connection.blobs.put_file(path)))
                except UserErrorException as error:
                    refused += 1
                    if refused <= TOLD:
                        say(f"{name} is not kept: {error.message}")
        _write(connection, run_id, [(name, digest, size) for (name, _), (digest, size) in pairs])
        kept += len(pairs)
        portion.clear()

    for path in _files(root):
        if known and path in known and _stamp(path) == known[path]:
            kept += 1
            continue
        name = _name(root, path)
        try:
            portion.append((file_path(name), path))
        except UserErrorException as error:
            refused += 1
            if refused <= TOLD:
                say(f"{name!r} is not kept: {error.message}")
        if len(portion) >= PORTION:
            keep()
    if portion:
        keep()
    if refused > TOLD:
        say(f"{refused:,} files in all are not kept.")
    return kept


class Gathering:
    """Keeps what a running script seems to have finished: files that were the same at two looks, one after the other.

    Args:
        connection: the workspace.
        run_id: the run.
        root: the working folder.
    """

    def __init__(self, connection: Connection, run_id: str, root: Path) -> None:
        self.known: dict[str, Stamp] = {}
        """What the run has, as it was when it was kept."""
        self._connection, self._run, self._root = connection, run_id, root
        self._times: dict[str, tuple[int, float]] = {}  # how often a file was kept, when it may be next
        self._due = time.monotonic() + EVERY
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def tick(self) -> None:
        """To be called now and then while the script runs. A script that ends before the first look costs nothing."""
        if self._thread is None and time.monotonic() >= self._due:
            self._thread = threading.Thread(target=self._look_on, name="jupyter_aml-gathering", daemon=True)
            self._thread.start()

    def __enter__(self) -> Gathering:
        return self

    def __exit__(self, *error: object) -> None:
        """The script has ended. What is being copied now is waited for."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _look_on(self) -> None:
        before: dict[str, Stamp] = {}
        while True:
            began = time.monotonic()
            seen = self._seen()
            took = time.monotonic() - began
            for path, stamp in seen.items():
                if self._over.is_set():
                    return
                if before.get(path) == stamp and self.known.get(path) != stamp:
                    count, due = self._times.get(path, (0, 0.0))
                    if time.monotonic() >= due:
                        self._keep(path, stamp)
                        self._times[path] = count + 1, time.monotonic() + AGAIN * (count + 1)
            before = seen
            if self._over.wait(max(EVERY, 10 * took)):
                return

    def _seen(self) -> dict[str, Stamp]:
        seen: dict[str, Stamp] = {}
        for path in _files(self._root):
            if len(seen) >= MOST:
                break
            stamp = _stamp(path)
            if stamp is not None:
                seen[path] = stamp
        return seen

    def _keep(self, path: str, stamp: Stamp) -> None:
        try:
            name = file_path(_name(self._root, path))
            digest, size = self._connection.blobs.put_file(path)
            if _stamp(path) == stamp:  # else it was written to while it was read
                _write(self._connection, self._run, [(name, digest, size)])
                self.known[path] = stamp
        except AzureMLException as error:  # the end of the run tries again, and says what is wrong
            log.debug("%s of run %s is not kept yet: %s", path, self._run, error)


def _write(connection: Connection, run_id: str, kept: Sequence[tuple[str, str, int]]) -> None:
    now = time.time()
    connection.write(
        *[
            FileLogged(
                run=run_id, path=name, digest=digest, size=size, at=now, media_type=mimetypes.guess_type(name)[0] or ""
            )
            for name, digest, size in kept
        ]
    )


def _stamp(path: str) -> Stamp | None:
    try:
        about = os.lstat(path)
    except OSError:
        return None
    return about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino


def _name(root: Path, path: str) -> str:
    return os.path.relpath(path, root).replace(os.sep, "/")


def _files(root: Path) -> Iterator[str]:
    pending = [str(root / folder) for folder in reversed(FOLDERS)]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        yield entry.path
        except OSError:  # gone, or not to be read
            continue
