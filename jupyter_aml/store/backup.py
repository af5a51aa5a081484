"""Copies a workspace while it is in use, and lays a copy out again.

A backup of a workspace in a folder is that folder once more, or a zip file of it, with ``backup.json`` saying what is
in it and the sha256 of each part. Of any other workspace it is an archive (archive.py).

The order loses nothing: journals are copied first, then the database, then contents. An event is in a journal until
the database has it, so that what was acknowledged before the backup began is in one copy or the other; what is in both
is applied once, by the database's note of how far each journal got. A content is there before anything refers to it.
The files of the datastores that the workspace keeps itself are copied, too, each as it is at that moment. (An archive has
none of them: it says what runs are made of, and datastores are places.)
In the copy all writers are dead: whoever opens it brings their journals in, and the runs that they still owed an end
become Failed.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import sqlite3
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from jupyter_aml.errors import NotFoundException, UserErrorException, WorkspaceException
from jupyter_aml.store import home
from jupyter_aml.store.archive import export
from jupyter_aml.store.archive_format import MANIFEST, Members, damaged, reading, sha256_of
from jupyter_aml.store.archive_import import import_archive
from jupyter_aml.store.blobs import FolderBlobs, is_digest, written
from jupyter_aml.store.connection import Connection
from jupyter_aml.store.contract import Blobs
from jupyter_aml.store.journal import OWN, SUFFIX
from jupyter_aml.store.verified import DamagedContent

FORMAT = "jupyter_aml backup"
VERSION = 1
ABOUT = "backup.json"
DATABASE = "workspace.db"
DATASTORES = "datastores"
_PART = re.compile(r"workspace\.json|workspace\.db|journals/[A-Za-z0-9_-]+\.(aml|rejected)")


@dataclass(slots=True, kw_only=True)
class Backup:
    """What was copied."""

    path: str
    size: int = 0
    """Bytes of the workspace's files."""
    journals: int = 0
    blobs: int = 0
    damaged: list[str] = field(default_factory=list)
    """Contents that are not what their sha256 says, which were left out."""
    datastore_files: int = 0
    left_out: list[str] = field(default_factory=list)
    """What lies in datastores and is no file, or cannot be read or named, which was left out."""


@dataclass(slots=True, kw_only=True)
class Restored:
    """What was laid out."""

    folder: str
    name: str
    blobs: int = 0


# -- backing up --------------------------------------------------------------------------------------------------
def backup(connection: Connection, target: Path, *, link: bool = False) -> Backup:
    """Copy a workspace.

    Args:
        connection: to the workspace, which may be in use by any number of processes.
        target: a folder that is not there yet, or a file that ends with ``.zip``.
        link: hard-link contents into a folder on the same disk: at once and without room, but then a damage of the
            disk hits both.

    Raises:
        UserErrorException: the target is there, or cannot be written.
        StoreUnavailableException: the workspace cannot be read now.
    """
    zipped = target.suffix.lower() == ".zip"
    if target.exists() or target.is_symlink():
        raise UserErrorException(f"{str(target)!r} is there already. Give the backup a name of its own.")
    connection.flush()
    store = connection.store
    database = connection.folder / DATABASE
    if connection.place.kind != "folder" or not database.exists():
        if not zipped:
            raise UserErrorException(f"The backup of {connection.url} is one file; call it NAME.zip.")
        exported = export(store, target)
        return Backup(path=str(target), size=exported.size, blobs=exported.blobs, damaged=sorted(exported.missing))
    told = Backup(path=str(target))
    with _scratch(target) as scratch:
        parts = scratch / "workspace"
        _folder(parts / "journals")
        told.journals = _copy_journals(connection.folder / "journals", parts / "journals")
        _copy_database(database, parts / DATABASE)
        shutil.copyfile(connection.folder / home.ABOUT, parts / home.ABOUT)
        _copy_datastores(connection.folder / DATASTORES, parts / DATASTORES, told)
        about = _describe(connection, parts, told)
        if zipped:
            with written(target) as file:
                _zip(file, parts, store.blobs, about, told)
        else:
            _lay_out(parts, store.blobs, about, told, link)
            _finish(parts, about)
            parts.rename(target)
    return told


@contextmanager
def _scratch(target: Path) -> Iterator[Path]:
    """A folder beside the target, which is gone afterwards."""
    scratch = target.absolute().with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.part")
    try:
        scratch.mkdir(mode=0o700, parents=True)
        yield scratch
    except OSError as error:
        raise UserErrorException(f"Cannot write {str(target)!r}: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _copy_journals(source: Path, target: Path) -> int:
    """Copy all journals. Those of this process were flushed, and closing one would drop its lock: of them only the
    name is kept, by which the copy's opener knows that their writer is dead."""
    copied = 0
    for path in sorted(source.iterdir()) if source.is_dir() else []:
        if not _PART.fullmatch(f"journals/{path.name}"):
            continue
        copy = target / path.name
        if path in OWN:
            copy.touch()
        else:
            try:
                shutil.copyfile(path, copy)
            except FileNotFoundError:  # all of it is in the database now
                continue
        copied += 1
    for copy in list(target.iterdir()):  # its first part was removed meanwhile, when all was in the database
        if copy.suffix == SUFFIX and not (target / (copy.stem.partition("-")[0] + SUFFIX)).exists():
            copy.unlink()
            copied -= 1
    return copied


def _copy_database(source: Path, target: Path) -> None:
    """Copy the database as it is at one moment; its writers are not held up."""
    from jupyter_aml.store.sql.engine import translated

    with (
        translated(source),
        closing(sqlite3.connect(source, timeout=60)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)


def _copy_datastores(source: Path, target: Path, told: Backup) -> None:
    """Copy the files of datastores. Links are not followed: they lead to what is not the workspace's."""
    for place, folders, names in os.walk(source):
        for name in [*names, *[one for one in folders if (Path(place) / one).is_symlink()]]:
            path = Path(place) / name
            part = f"{DATASTORES}/{path.relative_to(source).as_posix()}"
            if path.is_symlink() or not path.is_file() or not _is_part(part):
                told.left_out.append(part)
                continue
            copy = target / path.relative_to(source)
            _folder(copy.parent)
            try:
                shutil.copyfile(path, copy)
                told.datastore_files += 1
            except FileNotFoundError:  # removed meanwhile
                continue
            except PermissionError:
                told.left_out.append(part)


def _is_part(name: str) -> bool:
    """Whether a name is that of a part of a workspace, and stays inside it."""
    if _PART.fullmatch(name):
        return True
    top, _, rest = name.partition("/")
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return (
        top == DATASTORES
        and not any(piece in ("", ".", "..") for piece in rest.split("/"))
        and not set(name) & {"\\", "\0"}
    )


def _describe(connection: Connection, parts: Path, told: Backup) -> dict[str, Any]:
    from jupyter_aml import __version__

    files: dict[str, dict[str, Any]] = {}
    for path in sorted(parts.rglob("*")):
        if path.is_file():
            path.chmod(0o600)
            with open(path, "rb") as file:
                digest = sha256_of(file)
            size = path.stat().st_size
            files[path.relative_to(parts).as_posix()] = {"sha256": digest, "size": size}
            told.size += size
    return {
        "format": FORMAT, "version": VERSION, "written": time.time(), "written_by": __version__,
        "workspace": {"name": connection.about.get("name"), "url": connection.url}, "files": files, "blobs": {},
    }  # fmt: skip


def _lay_out(parts: Path, blobs: Blobs, about: dict[str, Any], told: Backup, link: bool) -> None:
    folder = blobs.folder if isinstance(blobs, FolderBlobs) else None
    copies = FolderBlobs(parts / "blobs")
    for digest, size, _ in blobs.walk():
        place = f"{digest[:2]}/{digest[2:]}"
        if link and folder is not None:
            try:
                _folder(parts / "blobs" / digest[:2])
                os.link(folder / place, parts / "blobs" / place)
                _note(about, told, digest, size)
                continue
            except OSError:  # another disk, or gone
                pass
        try:
            with blobs.open(digest) as content:
                put, size = copies.put_stream(content)
        except DamagedContent:
            told.damaged.append(digest)
            continue
        except NotFoundException:  # collected meanwhile: nothing refers to it
            continue
        if put == digest:
            _note(about, told, digest, size)
        else:
            copies.remove(put)
            told.damaged.append(digest)
    shutil.rmtree(parts / "blobs" / "tmp", ignore_errors=True)


def _note(about: dict[str, Any], told: Backup, digest: str, size: int) -> None:
    about["blobs"][digest] = size
    told.blobs += 1
    told.size += size


def _finish(parts: Path, about: dict[str, Any]) -> None:
    """Bring the copy to the disk, then say what it is: with this file it is whole."""
    for path in (parts / DATABASE, *(parts / "journals").iterdir()):
        with open(path, "rb+") as file:
            os.fsync(file.fileno())
    with open(os.open(parts / ABOUT, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(about, file, indent=1)
        file.flush()
        os.fsync(file.fileno())


def _zip(file: BinaryIO, parts: Path, blobs: Blobs, about: dict[str, Any], told: Backup) -> None:
    with zipfile.ZipFile(file, "w", compression=zipfile.ZIP_DEFLATED, compresslevel=1) as zipped:
        for name in about["files"]:
            zipped.write(parts / name, name)
        for digest, size, _ in blobs.walk():
            try:
                with blobs.open(digest) as content:
                    if sha256_of(content) != digest:
                        told.damaged.append(digest)
                        continue
                    content.seek(0)
                    with zipped.open(f"blobs/{digest}", "w", force_zip64=size > 2**30) as out:
                        shutil.copyfileobj(content, out, 2**20)
            except DamagedContent:
                told.damaged.append(digest)
                continue
            except NotFoundException:
                continue
            _note(about, told, digest, size)
        zipped.writestr(ABOUT, json.dumps(about, indent=1))


# -- restoring ---------------------------------------------------------------------------------------------------
def restore(source: Path, folder: Path, *, name: str | None = None) -> Restored:
    """Lay a backup out as a workspace in a folder.

    Args:
        source: a folder or file that `backup` wrote, or an archive.
        folder: one that is not there yet.
        name: of the workspace, if it is not to keep the one it had.

    Raises:
        NotFoundException: there is no such backup.
        UserErrorException: it is damaged (nothing is left behind), or the folder is there already.
    """
    if folder.exists() or folder.is_symlink():
        raise UserErrorException(f"{str(folder)!r} is there already. Give a folder that is not.")
    if name is not None:
        home.check_name(name)
    if not source.exists():
        raise NotFoundException(f"There is no backup {str(source)!r}.")
    with _scratch(folder) as scratch:
        made = scratch / "workspace"
        if source.is_dir():
            blobs = _from_folder(source, made)
        elif _is_archive(source):
            blobs = _from_archive(source, made, name or folder.name)
        else:
            blobs = _from_zip(source, made)
        if name is not None:
            about = home.about(made)
            (made / home.ABOUT).write_text(json.dumps({**about, "name": name}), encoding="utf-8")
        try:
            found = str(home.about(made)["name"])
        except WorkspaceException as error:
            raise damaged(source, error.message) from error
        made.rename(folder)
    return Restored(folder=str(folder), name=found, blobs=blobs)


def _is_archive(source: Path) -> bool:
    with reading(source), zipfile.ZipFile(source) as file:
        return MANIFEST in file.namelist()


def _from_archive(source: Path, made: Path, name: str) -> int:
    from jupyter_aml.store.sql.store import in_folder

    home.create(made, name)
    with closing(in_folder(made)) as store:
        return import_archive(store, source).blobs


def _parts(source: Path, about: Any) -> tuple[dict[str, dict[str, Any]], dict[str, int]]:
    """(files, contents) of a backup, as it describes itself."""
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise UserErrorException(f"{str(source)!r} is no backup; `aml workspace backup` writes one.")
    if not isinstance(about.get("version"), int) or about["version"] > VERSION:
        raise UserErrorException(
            f"The backup {str(source)!r} was written by a newer jupyter_aml ({about.get('written_by')}). "
            "Upgrade with: pip install --upgrade jupyter_aml"
        )
    files, blobs = about.get("files"), about.get("blobs")
    if not isinstance(files, dict) or not isinstance(blobs, dict) or not {home.ABOUT, DATABASE} <= files.keys():
        raise damaged(source, f"its {ABOUT} does not say what it holds")
    for part, facts in files.items():
        if not _is_part(part) or not isinstance(facts, dict) or not isinstance(facts.get("size"), int):
            raise damaged(source, f"its {ABOUT} names {part!r}, which is no part of a workspace")
    if not all(map(is_digest, blobs)):
        raise damaged(source, f"its {ABOUT} names contents that are none")
    return files, blobs


def _from_zip(source: Path, made: Path) -> int:
    with Members(source, ABOUT) as members:
        files, blobs = _parts(source, members.manifest)
        members.expect({**{n: f["size"] for n, f in files.items()}, **{f"blobs/{d}": s for d, s in blobs.items()}})
        for part, facts in files.items():
            with members.open(part) as stream:
                _take(source, stream, made / part, facts.get("sha256"))
        for digest in blobs:
            with members.open(f"blobs/{digest}") as stream:
                _take(source, stream, made / "blobs" / digest[:2] / digest[2:], digest)
    return len(blobs)


def _from_folder(source: Path, made: Path) -> int:
    try:
        about = json.loads((source / ABOUT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserErrorException(f"{str(source)!r} is no backup: it has no {ABOUT}.") from None
    except ValueError as error:
        raise damaged(source, f"its {ABOUT} cannot be read ({error})") from error
    files, blobs = _parts(source, about)
    wanted = {part: facts.get("sha256") for part, facts in files.items()}
    wanted.update((f"blobs/{digest[:2]}/{digest[2:]}", digest) for digest in blobs)
    for part, digest in wanted.items():
        path = source / part
        if path.is_symlink() or not path.is_file():
            raise damaged(source, f"{part} is not in it")
        with open(path, "rb") as stream:
            _take(source, stream, made / part, digest)
    return len(blobs)


def _take(source: Path, stream: BinaryIO, target: Path, sha256: Any) -> None:
    """Write a part, if it is the one that is meant."""
    _folder(target.parent)
    with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file, reading(source):
        found = sha256_of(stream, file.write)
    if found != sha256:
        raise damaged(source, f"{target.name} is not what its sha256 says")


def _folder(path: Path) -> None:
    """Make a folder and those above it, for its owner only (mkdir gives parents the usual rights)."""
    if not path.exists():
        _folder(path.parent)
        path.mkdir(mode=0o700)


__all__ = ["Backup", "Restored", "backup", "restore"]
