"""Copying files to and from datastores: many at once, each of them whole or not at all."""
# ruff: noqa: PTH100, PTH103, PTH105, PTH108, PTH111, PTH112, PTH113, PTH116, PTH118, PTH119  (os calls: thousands of small files)

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import Any

from jupyter_aml.data import datastore_errors
from jupyter_aml.data.datastore_paths import confine, inside, join
from jupyter_aml.errors import NotFoundException, UserErrorException
from jupyter_aml.store.blobs import open_regular, unreadable, written

CHUNK = 1 << 20
_SMALL = 4 << 20
"""Bytes up to which a file goes in one piece."""
EVERY = 5.0
"""Seconds between two messages about how far a transfer is."""
_FEW = 32
"""So many names are looked for one by one; of more, the folder is listed."""

Pair = tuple[str, str]
"""A local file, and its place relative to a folder of the datastore."""


class Done:
    """What a transfer has done.

    Args:
        verb: what it is called where it says how far it is, every few seconds; "" says nothing.
    """

    def __init__(self, verb: str = "") -> None:
        self.copied: list[str] = []
        self.skipped: list[str] = []
        self.size = 0
        self._verb = verb
        self._told = time.monotonic()

    def one(self, path: str, size: int, total: int) -> None:
        """A file has been copied: its bytes, and how many files there are."""
        self.copied.append(path)
        self.size += size
        if self._verb and time.monotonic() - self._told > EVERY and len(self.copied) < total:
            self._told = time.monotonic()
            print(f"{self._verb}: {len(self.copied):,} of {total:,} files ({self.size:,} bytes) …")


# -- what is to be sent ----------------------------------------------------------------------------------------------
def files_below(source: str) -> list[Pair]:
    """All files of a local folder. Links are followed, as far as they lead to no folder that they lie in.

    Raises:
        UserErrorException: no such folder, or a name that cannot be in a datastore.
    """
    if not os.path.isdir(source):
        what = "is a file: upload_files([…]) copies files" if os.path.isfile(source) else "is not there"
        raise UserErrorException(f"The folder {source!r} {what}.")
    return [(path, confine(relative)) for path, relative in _below(source, "", frozenset())]


def _below(folder: str, prefix: str, above: frozenset[str]) -> Iterator[Pair]:
    real = os.path.realpath(folder)
    if real in above:
        return
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise unreadable(folder, error) from error
    for entry in entries:
        if entry.is_dir():
            yield from _below(entry.path, f"{prefix}{entry.name}/", above | {real})
        elif entry.is_file():
            yield entry.path, f"{prefix}{entry.name}"
        elif entry.is_symlink():
            raise UserErrorException(
                f"{entry.path!r} is a link to what is not there. Remove it, or restore what it names."
            )
        # sockets, pipes and devices hold no data that could be copied


def named_files(files: Sequence[str | os.PathLike[str]], relative_root: str | os.PathLike[str] | None) -> list[Pair]:
    """Files that were named one by one.

    Raises:
        UserErrorException: not a list, one is not there, or not below `relative_root`, or two would lie in one place.
    """
    if isinstance(files, (str, bytes, os.PathLike)) or not isinstance(files, Iterable):
        raise UserErrorException(f"files is a list of paths, as in [{str(files)!r}].")
    root = None if relative_root is None else os.path.abspath(os.path.expanduser(os.fspath(relative_root)))
    pairs: dict[str, str] = {}
    for given in files:
        path = os.path.abspath(os.path.expanduser(os.fspath(given)))
        try:
            mode = os.stat(path).st_mode
        except (OSError, ValueError) as error:
            raise unreadable(str(given), error) from error
        if not stat.S_ISREG(mode):
            kind = "a folder: upload() copies folders" if stat.S_ISDIR(mode) else "not a regular file"
            raise UserErrorException(f"{str(given)!r} is {kind}.")
        relative = os.path.basename(path) if root is None else os.path.relpath(path, root)
        if relative.startswith(os.pardir + os.sep):
            raise UserErrorException(f"{str(given)!r} is not below relative_root={str(relative_root)!r}.")
        place = confine(relative.replace(os.sep, "/"))
        if pairs.get(place, path) != path:
            raise UserErrorException(
                f"{pairs[place]!r} and {path!r} would both lie at {place!r}. Give relative_root= so that they keep their folders."
            )
        pairs[place] = path
    return [(path, place) for place, path in pairs.items()]


# -- sending ---------------------------------------------------------------------------------------------------------
def send(datastore: Any, pairs: Sequence[Pair], target: str, *, overwrite: bool, verb: str = "") -> Done:
    """Copy local files into a folder of a datastore. With a `verb` it says how far it is.

    Raises:
        UserErrorException: a file cannot be read, or a target is a folder, or behind a link that leads out.
        StoreUnavailableException: the place cannot be written; files that were copied before stay.
    """
    done = Done(verb)
    root = datastore._local_root
    if root is not None:
        _send_local(datastore, root, pairs, target, overwrite, done)
    else:
        _send_away(datastore, pairs, target, overwrite, done)
    return done


def _send_local(datastore: Any, root: str, pairs: Sequence[Pair], target: str, overwrite: bool, done: Done) -> None:
    """Into a folder that this process reaches. A rename puts each file in its place, which follows no link."""
    base = join(root, target)
    made: set[str] = set()
    with datastore_errors.told(datastore, target):
        for source, relative in pairs:
            place = f"{base}/{relative}"
            folder = place.rpartition("/")[0]
            if folder not in made:
                inside(root, folder)
                os.makedirs(folder, 0o700, exist_ok=True)
                made.add(folder)
            try:
                there = os.lstat(place)
                if stat.S_ISDIR(there.st_mode):
                    raise UserErrorException(
                        f"{join(target, relative)!r} is a folder of the datastore {datastore.name!r}."
                    )
                if not overwrite:
                    done.skipped.append(relative)
                    continue
            except FileNotFoundError:
                pass
            done.one(relative, _copy_local(source, place, folder), len(pairs))


def _copy_local(source: str, place: str, folder: str) -> int:
    scratch = f"{folder}/.{secrets.token_hex(8)}.part"
    try:
        fd = os.open(source, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise unreadable(source, error) from error
    try:
        out = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        try:
            size = _pour(fd, out, source)
        finally:
            os.close(out)
        os.replace(scratch, place)
    except BaseException:
        try:
            os.unlink(scratch)
        except OSError:
            pass
        raise
    finally:
        os.close(fd)
    return size


def _pour(fd: int, out: int, source: str) -> int:
    size = 0
    while True:
        try:
            data = os.read(fd, CHUNK)
        except OSError as error:
            raise unreadable(source, error) from error
        if not data:
            return size
        size += len(data)
        view = memoryview(data)
        while view:
            view = view[os.write(out, view) :]
        if len(data) < CHUNK and size == len(data):  # a small file: one read had it all, unless it grows
            return size


def _send_away(datastore: Any, pairs: Sequence[Pair], target: str, overwrite: bool, done: Done) -> None:
    if not datastore.WRITABLE:
        raise UserErrorException(f"The datastore {datastore.name!r} ({datastore.datastore_type}) can only be read.")
    fs, _ = datastore._filesystem()
    there = set() if overwrite else _there(datastore, pairs, target)

    def one(pair: Pair) -> int:
        source, relative = pair
        with (
            open_regular(source) as (file, size),
            datastore_errors.told(datastore, join(target, relative), writing=True),
        ):
            if size <= _SMALL:
                fs.pipe_file(datastore._full(join(target, relative)), file.read(size))
            else:
                fs.put_file(source, datastore._full(join(target, relative)))
        return size

    wanted = [pair for pair in pairs if pair[1] not in there]
    done.skipped += [relative for _, relative in pairs if relative in there]
    for (_, relative), size in zip(wanted, _at_once(one, wanted, datastore.AT_ONCE), strict=True):
        done.one(relative, size, len(wanted))


def _there(datastore: Any, pairs: Sequence[Pair], target: str) -> set[str]:
    """Which of the targets are there already."""
    fs, _ = datastore._filesystem()
    if len(pairs) > _FEW:
        try:
            start = len(target) + 1 if target else 0
            return {entry.path[start:] for entry in datastore._walk(target)}
        except NotFoundException:
            return set()

    def exists(pair: Pair) -> bool:
        with datastore_errors.told(datastore, join(target, pair[1])):
            return bool(fs.isfile(datastore._full(join(target, pair[1]))))

    return {pair[1] for pair, found in zip(pairs, _at_once(exists, pairs, datastore.AT_ONCE), strict=True) if found}


# -- fetching --------------------------------------------------------------------------------------------------------
def fetch(datastore: Any, prefix: str, target: str, overwrite: bool, verb: str = "") -> Done:
    """Copy what is at or below a path of a datastore into a local folder. With a `verb` it says how far it is.

    Raises:
        NotFoundException: there is nothing.
        UserErrorException: the target cannot be written.
        StoreUnavailableException: the place does not answer, or stops in the middle; no half file is left.
    """
    done = Done(verb)
    fs, _ = datastore._filesystem()
    entries = list(datastore._walk(prefix))
    wanted = []
    for entry in entries:
        place = inside(target, os.path.join(target, *entry.path.split("/")))
        if os.path.lexists(place) and not overwrite:
            done.skipped.append(entry.path)
        else:
            wanted.append((entry, place))

    def one(pair: tuple[Any, str]) -> int:
        entry, place = pair
        with datastore_errors.told(datastore, entry.path):
            return fetch_file(fs, datastore._full(entry.path), entry.size, place)

    for (entry, _), size in zip(wanted, _at_once(one, wanted, datastore.AT_ONCE), strict=True):
        done.one(entry.path, size, len(wanted))
    return done


def fetch_file(fs: Any, path: str, size: int, place: str) -> int:
    """Copy one file of a filesystem to a local place, which appears when all of it came. Returns its bytes."""
    with written(place) as out, fs.open(path, "rb") as source:
        got = 0
        while chunk := source.read(CHUNK):
            got += out.write(chunk)
        if got < size:  # what came so far is thrown away, and a file that was there before stays
            raise ConnectionError(errno.ECONNRESET, "the answer was cut short")
    return got


def _at_once(work: Callable[[Any], Any], things: Sequence[Any], most: int) -> Iterator[Any]:
    if len(things) < 2 or most < 2:
        yield from map(work, things)
        return
    with ThreadPoolExecutor(min(most, len(things)), thread_name_prefix="aml-copy") as pool:
        running = [pool.submit(work, thing) for thing in things]
        try:
            for future in running:
                yield future.result()
        finally:
            for future in running:
                future.cancel()


# -- looking through -------------------------------------------------------------------------------------------------
def walk_folder(datastore: Any, root: str, start: str, make: Callable[..., Any]) -> Iterator[Any]:
    """All files at or below a path of a local datastore. See FilesDatastore._walk."""
    top = inside(root, join(root, start))
    if os.path.isfile(top):
        about = os.stat(top)
        yield make(start, about.st_size, about.st_mtime)
        return
    if not os.path.isdir(top):
        if start:
            raise NotFoundException(f"There is nothing at {start!r} in the datastore {datastore.name!r}.")
        return
    yield from _walk_folder(os.path.realpath(root), top, start, make, frozenset())


def _walk_folder(root: str, folder: str, start: str, make: Callable[..., Any], above: frozenset[str]) -> Iterator[Any]:
    real = os.path.realpath(folder)
    if real in above:
        return
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        relative = f"{start}/{entry.name}" if start else entry.name
        if entry.is_symlink() and not leads_inside(root, entry.path):
            continue
        if entry.is_dir():
            yield from _walk_folder(root, entry.path, relative, make, above | {real})
        elif entry.is_file() and not entry.name.endswith(".part"):
            about = entry.stat()
            yield make(relative, about.st_size, about.st_mtime)


def leads_inside(root: str, path: str) -> bool:
    """Whether a local path, its links followed, lies below `root`."""
    real_root, real = os.path.realpath(root), os.path.realpath(path)
    return real == real_root or real.startswith(real_root.rstrip(os.sep) + os.sep)


def time_of(about: dict[str, Any]) -> float | None:
    """When a file was written, as a filesystem tells it."""
    for name in ("LastModified", "mtime", "last_modified", "updated", "modified"):
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
    return None


def fixed_part(pattern: str) -> str:
    """The folders before the first wildcard; all of a pattern without any."""
    if not re.search(r"[*?\[]", pattern):
        return pattern
    parts = pattern.split("/")
    first = next(index for index, part in enumerate(parts) if re.search(r"[*?\[]", part))
    return "/".join(parts[:first])


def matcher(pattern: str) -> Callable[[str], bool]:
    """Whether a path fits a pattern: ``*`` and ``?`` within a name, ``**`` any number of folders."""
    pieces = []
    parts = pattern.split("/")
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        if part == "**":
            pieces.append(".*" if last else "(?:[^/]+/)*")
            continue
        words = re.split(r"(\*+|\?|\[[^\]/]+\])", part)
        text = "".join(_of_pattern(word) for word in words)
        pieces.append(text if last else text + "/")
    return re.compile("".join(pieces) + r"\Z").match  # type: ignore[return-value]


def _of_pattern(word: str) -> str:
    if word.startswith("*"):
        return "[^/]*"
    if word == "?":
        return "[^/]"
    if len(word) > 2 and word[0] == "[" and word[-1] == "]":
        inner = word[1:-1].replace("\\", "\\\\")
        return f"[{'^' + inner[1:] if inner[0] in '!^' else inner}]"
    return re.escape(word)


def tell(verb: str, done: Done, show: bool, advice: str) -> None:
    """Say what was done. What was passed over is said even when nothing else is to be shown."""
    if done.skipped:
        some = ", ".join(repr(path) for path in done.skipped[:3]) + (", …" if len(done.skipped) > 3 else "")
        of = f"{len(done.skipped):,} of {len(done.skipped) + len(done.copied):,} files"
        print(f"{verb}: {of} exist already and were passed over ({some}); {advice}.")
    if show:
        noun = "file" if len(done.copied) == 1 else "files"
        print(f"{verb}: {len(done.copied):,} {noun} copied ({done.size:,} bytes).")
