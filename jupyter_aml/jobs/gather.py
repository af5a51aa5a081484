"""What a script left in its folders becomes files of its run."""

from __future__ import annotations

import mimetypes
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from jupyter_aml.errors import UserErrorException
from jupyter_aml.store.connection import Connection
from jupyter_aml.store.events import FileLogged
from jupyter_aml.tracking.names import file_path

FOLDERS = ("outputs", "logs")
PORTION = 200
"""Files that are stored at once: however many there are, memory is bounded."""
TOLD = 20
"""Files that could not be kept which are named."""


def gather(connection: Connection, run_id: str, root: Path, say: Callable[[str], None]) -> int:
    """Keep the files below ``outputs`` and ``logs`` of a working folder with the run.

    Args:
        connection: the workspace.
        run_id: the run.
        root: the working folder.
        say: is told what cannot be kept.

    Returns:
        How many were kept.

    Raises:
        StoreUnavailableException: no room for them.
    """
    kept, refused = 0, 0
    portion: list[tuple[str, str]] = []

    def keep() -> None:
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
        now = time.time()
        connection.write(
            *[
                FileLogged(
                    run=run_id, path=name, digest=digest, size=size, at=now,
                    media_type=mimetypes.guess_type(name)[0] or "",
                )
                for (name, _), (digest, size) in pairs
            ]
        )  # fmt: skip
        kept += len(pairs)
        portion.clear()

    for folder in FOLDERS:
        for path in _files(str(root / folder)):
            name = os.path.relpath(path, root).replace(os.sep, "/")
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


def _files(top: str) -> Iterator[str]:
    pending = [top]
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
