"""Garbage collection: contents that no file of a run and no snapshot refers to any more are removed.

Three things keep what somebody needs. What a store refers to is kept, asked once more right before a removal. What was put
(again) lately is kept, so that a writer has time to refer to it. And nothing is removed while a journal holds entries that
the store does not have: they may refer to anything.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from jupyter_aml.errors import UserErrorException, WorkspaceException
from jupyter_aml.store.blobs import REFRESH, OwnBlobs
from jupyter_aml.store.connection import Connection
from jupyter_aml.store.contract import BlobInfo
from jupyter_aml.store.events import WorkspaceCleaned
from jupyter_aml.store.http.blobs import HttpBlobs
from jupyter_aml.store.journal import OWN, SUFFIX
from jupyter_aml.store.journal_reader import Reader
from jupyter_aml.store.records import Collected

GRACE = 7 * 86400.0
SHORTEST = 2 * REFRESH
"""Seconds that a content is kept at least: one younger than REFRESH does not get a new time when it is put again."""
_PATIENCE = 10.0
"""Seconds that a living writer is given to send what its journal holds."""
_LOOKED_AT = 100_000
"""Contents whose references are looked up together."""
_REMOVED = 500
"""Contents that are removed between two looks at the references."""
_EXAMPLES = 5
_DIGEST = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


def collect(connection: Connection, *, older_than: float = GRACE, dry_run: bool = True, who: str = "") -> Collected:
    """Remove the contents of a workspace that nothing refers to. Behind a server the server does it, which sees its journals.

    Args:
        connection: to the workspace.
        older_than: seconds; contents that were put later are kept. At least `SHORTEST` when something is to be removed.
        dry_run: only say what would be removed.
        who: does it, for the feed; a server knows better.

    Raises:
        UserErrorException: `older_than` is too short.
        WorkspaceException: a journal holds entries that cannot be brought in.
        ConflictException: a server says the same, or collects already.
        StoreUnavailableException: the store or the contents cannot be reached.
    """
    if not older_than >= (0 if dry_run else SHORTEST):
        raise UserErrorException(
            f"{older_than:g} seconds are too short: contents younger than {SHORTEST / 3600:g} hours may belong to a run that "
            "has not said so yet. Give more, or look only (dry_run=True)."
        )
    blobs = connection.blobs
    connection.flush(_PATIENCE)
    connection.recover()
    if isinstance(blobs, HttpBlobs):
        return blobs.collect(older_than=older_than, dry_run=dry_run)
    if not isinstance(blobs, OwnBlobs):
        raise WorkspaceException(f"The contents of {connection.url} cannot be cleaned up.")
    _refuse_while_pending(connection)
    found = Collected(dry_run=dry_run, older_than=older_than)
    before = time.time() - older_than
    for infos in _pieces(blobs.walk(), _LOOKED_AT):
        known = _referenced(connection, [info.digest for info in infos])
        loose = [info for info in infos if info.digest not in known]
        old = [info for info in loose if info.time < before]
        found.kept += len(known)
        found.kept_young += len(loose) - len(old)
        for some in _pieces(iter(old), _REMOVED):
            _remove(connection, blobs, some, before, found)
    if not dry_run:
        found.swept = blobs.sweep()
        cleaned = WorkspaceCleaned(
            workspace=connection.url, at=time.time(), who=who, contents=found.contents, bytes=found.bytes
        )
        connection.write(cleaned)
        connection.flush()
    return found


def _remove(connection: Connection, blobs: OwnBlobs, some: list[BlobInfo], before: float, found: Collected) -> None:
    """Remove those contents that still nothing refers to, and that were not put again; count them."""
    digests = [info.digest for info in some]
    gone = set(digests)
    if not found.dry_run:
        known = _referenced(connection, digests)
        gone = set(blobs.remove_stale([digest for digest in digests if digest not in known], before))
        found.kept += len(known)
        found.kept_young += len(some) - len(known) - len(gone)
    for info in some:
        if info.digest in gone:
            found.contents += 1
            found.bytes += info.size
            if len(found.examples) < _EXAMPLES:
                found.examples.append(info.digest)


def _referenced(connection: Connection, digests: list[str]) -> set[str]:
    """Those that the store refers to, or an entry that it could not digest."""
    found = connection.store.referenced(digests)
    rest = set(digests) - found
    for path in sorted(_journals(connection).glob("*.rejected")):
        if not rest:
            break
        try:
            with open(path, "rb") as file:
                tail = b""
                while data := file.read(1 << 20):
                    named = {match.decode() for match in _DIGEST.findall(tail + data)}
                    found |= rest & named
                    tail = (tail + data)[-65:]
        except FileNotFoundError:
            continue
        except OSError as error:
            raise WorkspaceException(
                f"Nothing was removed: {path} holds entries that the store refused, and cannot be read ({error.strerror})."
            ) from error
    return found


# -- journals --------------------------------------------------------------------------------------------------------
def _refuse_while_pending(connection: Connection) -> None:
    """Wait a little until what all journals hold now is in the store.

    Raises:
        WorkspaceException: one of them still holds more.
    """
    waiting = {path: _entries(path) for path in _foreign(connection)}
    deadline = time.monotonic() + _PATIENCE
    while True:
        store = connection.store
        waiting = {p: count for p, count in waiting.items() if count and p.exists() and store.applied(p.stem) < count}
        if not waiting:
            return
        if time.monotonic() >= deadline:
            break
        time.sleep(0.1)
    names = ", ".join(str(path) for path in sorted(waiting)[:3]) + (", …" if len(waiting) > 3 else "")
    raise WorkspaceException(
        f"Nothing was removed: the store does not have yet what is in {names}, and that may refer to any content. "
        "Wait until the program that writes it reaches the store, or end it."
    )


def _foreign(connection: Connection) -> list[Path]:
    """Journals of other writers. (Our own is flushed; opening it here would drop its lock.)"""
    try:
        with os.scandir(_journals(connection)) as found:
            paths = sorted(Path(entry.path) for entry in found if entry.name.endswith(SUFFIX))
    except FileNotFoundError:
        return []
    return [path for path in paths if path not in OWN]


def _entries(path: Path) -> int:
    """How many whole entries a journal holds now."""
    try:
        with open(path, "rb") as file:
            reader = Reader(file.fileno(), path.stem)
            reader.resume(path, 2**63)
            end = os.fstat(file.fileno()).st_size
            while reader.offset < end and reader.batch() is not None:
                pass
            return reader.ordinal
    except FileNotFoundError:
        return 0
    except OSError as error:
        if path.stat().st_size == 0:
            return 0
        raise WorkspaceException(
            f"Nothing was removed: the journal {path} may refer to any content, and cannot be read ({error.strerror}). "
            "Collect garbage as the user whom it belongs to."
        ) from error


def _journals(connection: Connection) -> Path:
    return connection.folder / "journals"


def _pieces(items: Iterable[BlobInfo], size: int) -> Iterator[list[BlobInfo]]:
    each = iter(items)
    while some := list(islice(each, size)):
        yield some


__all__ = ["Collected", "collect"]
