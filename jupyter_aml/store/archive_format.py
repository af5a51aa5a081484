"""The form of an archive: one zip file with a manifest, events as JSON lines, and contents by their sha256.

::

    manifest.json         what this is, what it holds, the sha256 of the events, the size of every member
    events.jsonl          one event a line, as in a journal (codec.py); a run's events follow its birth
    blobs/<sha256>        contents

Nothing of a file is believed: its members must be exactly those that the manifest names, with the sizes that it
declares, and nothing is unpacked by name.
"""

from __future__ import annotations

import hashlib
import io
import json
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, TypeVar

from jupyter_aml.errors import NotFoundException, UserErrorException
from jupyter_aml.store import events as e
from jupyter_aml.store.blobs import CHUNK, is_digest
from jupyter_aml.store.codec import decode
from jupyter_aml.store.frames import MAX_FRAME
from jupyter_aml.store.shapes import mistyped

FORMAT = "jupyter_aml archive"
VERSION = 1
MANIFEST, EVENTS, BLOBS = "manifest.json", "events.jsonl", "blobs/"
MANIFEST_LIMIT = 512 * 2**20
SETTINGS = ("description", "tags", "friendly_name")
"""What an archive of a whole workspace says of the workspace itself."""
LEFT_OUT = frozenset({"secret", "compute"})
"""Kinds of assets that belong to a place: they stay where they are."""
_ALLOWED = (
    e.ExperimentPut, e.RunCreated, e.RunStatus, e.RunChanged, e.Points, e.FileLogged, e.TextLogged, e.SnapshotTaken,
    e.AssetPut, e.AssetLinked,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What an archive says of itself."""

    format: str = FORMAT
    version: int = VERSION
    written: float = 0.0
    written_by: str = ""
    scope: str = "workspace"
    """``workspace``, ``experiments`` or ``runs``."""
    workspace: Mapping[str, Any] = field(default_factory=dict)
    """``{"url", "settings"?}``: where it comes from."""
    counts: Mapping[str, int] = field(default_factory=dict)
    events: Mapping[str, Any] = field(default_factory=dict)
    """``{"sha256", "size", "lines"}``."""
    blobs: Mapping[str, int] = field(default_factory=dict)
    """sha256 → size."""
    missing: list[str] = field(default_factory=list)
    """Contents that files refer to, which the workspace had not (or had damaged)."""


# -- zip files that nobody vouches for ---------------------------------------------------------------------------
@contextmanager
def reading(source: Path) -> Iterator[None]:
    """Raise what a damaged zip file makes of its readers as UserErrorException."""
    try:
        yield
    except FileNotFoundError:
        raise NotFoundException(f"There is no file {str(source)!r}.") from None
    except OSError as error:
        raise UserErrorException(f"Cannot read {str(source)!r}: {error.strerror or error}.") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, struct.error, RuntimeError, ValueError, KeyError) as error:
        raise damaged(source, str(error)) from error


def damaged(source: Path, why: str) -> UserErrorException:
    """The error for a file that is not what it should be."""
    return UserErrorException(
        f"{str(source)!r} is damaged, or not what it says to be: {why}. Nothing was written. Get another copy of it."
    )


M = TypeVar("M", bound="Members")


class Members:
    """The members of a zip file, by a manifest among them.

    Args:
        source: the file.
        manifest: name of the member that says what the others are.
    """

    def __init__(self, source: Path, manifest: str) -> None:
        self.source = source
        with reading(source):
            self._zip = zipfile.ZipFile(source)
        try:
            self._infos: dict[str, zipfile.ZipInfo] = {}
            for info in self._zip.infolist():
                kind = stat.S_IFMT(info.external_attr >> 16)
                if info.filename in self._infos or info.is_dir() or kind not in (0, stat.S_IFREG) or info.flag_bits & 1:
                    raise damaged(source, f"its member {info.filename!r} is doubled, encrypted, or no plain file")
                self._infos[info.filename] = info
            if manifest not in self._infos:
                raise damaged(source, f"it has no {manifest}")
            if self._infos[manifest].file_size > MANIFEST_LIMIT:
                raise damaged(source, f"its {manifest} is too large")
            with reading(source), self._zip.open(manifest) as file:
                self.manifest: Any = json.loads(file.read(MANIFEST_LIMIT))
            if not isinstance(self.manifest, dict):
                raise damaged(source, f"its {manifest} says nothing")
            self._own = manifest
        except BaseException:
            self._zip.close()
            raise

    def expect(self, sizes: Mapping[str, int]) -> None:
        """Check that, beside the manifest, there are exactly these members, of these sizes."""
        for name, size in sizes.items():
            info = self._infos.get(name)
            if info is None:
                raise damaged(self.source, f"{name} is not in it")
            if type(size) is not int or info.file_size != size:
                raise damaged(self.source, f"{name} has another size than the manifest says")
        more = self._infos.keys() - sizes.keys() - {self._own}
        if more:
            raise damaged(self.source, f"it has {min(more)!r}, of which its manifest says nothing")

    def open(self, name: str) -> BinaryIO:
        """Open a member for reading."""
        with reading(self.source):
            return io.BufferedReader(self._zip.open(name), CHUNK)  # type: ignore[type-var,return-value]

    def check(self, name: str, sha256: str) -> None:
        """Check a member's content.

        Raises:
            UserErrorException: it is another one.
        """
        with reading(self.source), self.open(name) as file:
            found = sha256_of(file)
        if found != sha256:
            raise damaged(self.source, f"the content of {name} is not what its sha256 says")

    def close(self) -> None:
        """Close the file."""
        self._zip.close()

    def __enter__(self: M) -> M:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def sha256_of(file: BinaryIO, copy: Callable[[bytes], object] | None = None) -> str:
    """sha256 of what the stream still gives; `copy` gets it piece by piece."""
    hasher = hashlib.sha256()
    while chunk := file.read(CHUNK):
        hasher.update(chunk)
        if copy is not None:
            copy(chunk)
    return hasher.hexdigest()


# -- archives ----------------------------------------------------------------------------------------------------
@dataclass(slots=True)
class Lines:
    """Where a run's events stand in the archive."""

    parent: str | None
    birth: int
    last: int


class Archive(Members):
    """An archive opened for reading. Its events and contents are only to be trusted after `verify`."""

    def __init__(self, source: Path) -> None:
        super().__init__(source, MANIFEST)
        try:
            self.about = _manifest(source, self.manifest)
            sizes = {EVENTS: self.about.events["size"]}
            sizes.update((BLOBS + digest, size) for digest, size in self.about.blobs.items())
            self.expect(sizes)
        except BaseException:
            self.close()
            raise

    def verify(self) -> dict[str, Lines]:
        """Read everything once and check it: hashes, forms, that events speak only of runs and contents in here.

        Returns:
            The runs, in the order of their births.

        Raises:
            UserErrorException: something is not as it should be.
        """
        runs: dict[str, Lines] = {}
        known = self.about.blobs.keys() | set(self.about.missing)
        hasher = hashlib.sha256()
        number = -1
        with reading(self.source):
            for number, line in enumerate(self._lines()):
                hasher.update(line)
                why = _check(decode(line), number, runs, known)
                if why:
                    raise damaged(self.source, f"event {number + 1} {why}")
        if hasher.hexdigest() != self.about.events["sha256"] or number + 1 != self.about.events["lines"]:
            raise damaged(self.source, f"{EVENTS} is not what its sha256 says")
        for digest in self.about.blobs:
            self.check(BLOBS + digest, digest)
        return runs

    def events(self, start: int) -> Iterator[tuple[int, e.Event, int]]:
        """(number, event, bytes) from a number on."""
        with reading(self.source):
            for number, line in enumerate(self._lines()):
                if number >= start:
                    yield number, decode(line), len(line)

    def blob(self, digest: str) -> BinaryIO:
        """Open a content for reading."""
        return self.open(BLOBS + digest)

    def _lines(self) -> Iterator[bytes]:
        with self.open(EVENTS) as file:
            while line := file.readline(MAX_FRAME + 1):
                if len(line) > MAX_FRAME:
                    raise damaged(self.source, "an event of it is too long")
                yield line


def _manifest(source: Path, found: dict[str, Any]) -> Manifest:
    if found.get("format") != FORMAT:
        raise UserErrorException(f"{str(source)!r} is no archive of jupyter_aml; `aml export` writes one.")
    if not isinstance(found.get("version"), int) or found["version"] > VERSION:
        raise UserErrorException(
            f"The archive {str(source)!r} was written by a newer jupyter_aml ({found.get('written_by')}). "
            "Upgrade with: pip install --upgrade jupyter_aml"
        )
    known = {f.name for f in fields(Manifest)}
    made = Manifest(**{name: value for name, value in found.items() if name in known})
    why = mistyped(made)
    if why or not {"sha256", "size", "lines"} <= made.events.keys():
        raise damaged(source, f"its {MANIFEST} {why or 'does not describe the events'}")
    if not all(map(is_digest, made.blobs)):
        raise damaged(source, f"its {MANIFEST} names contents that are none")
    return made


def _check(event: e.Event, number: int, runs: dict[str, Lines], known: set[str]) -> str:
    """What is wrong with an event; "" for nothing."""
    if not isinstance(event, _ALLOWED):
        return f"({event.tag}) has no place in an archive"
    why = mistyped(event)
    if why:
        return why
    if isinstance(event, e.RunCreated):
        if event.run.id in runs:
            return f"lets run {event.run.id!r} be born twice"
        runs[event.run.id] = Lines(event.run.parent, number, number)
    elif isinstance(event, e.SnapshotTaken):
        for entry in event.snapshot.files.values():
            if entry[0] not in known:
                return f"refers to the content {entry[0]!r}, which is not in it"
    elif isinstance(event, e.AssetPut):
        if event.asset.kind in LEFT_OUT or not event.asset.id:
            return "brings what no archive may bring"
        for about in event.asset.files.values():
            if about[0] not in known:
                return f"refers to the content {about[0]!r}, which is not in it"
    elif isinstance(event, e.ExperimentPut):
        if event.rename is not None:
            return "renames an experiment"
    else:
        if event.run not in runs:
            return f"speaks of run {event.run!r} before its birth"
        runs[event.run].last = number
        if isinstance(event, e.FileLogged) and event.digest not in known:
            return f"refers to the content {event.digest!r}, which is not in it"
    return ""


__all__ = ["Archive", "Lines", "Manifest", "Members"]
