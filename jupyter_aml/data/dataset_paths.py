"""From what a user says of paths to files: places are written down as they were said, and looked up when they are read."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from jupyter_aml.data import signed_urls, stand_ins
from jupyter_aml.data.datastore_fs import find
from jupyter_aml.data.datastore_paths import from_root
from jupyter_aml.data.upload import fixed_part, matcher
from jupyter_aml.errors import AzureMLException, DatasetValidationError, NotFoundException, UserErrorException

URLS = ("http", "https", "s3", "s3a", "gs", "gcs", "abfs", "abfss", "adl", "az", "wasbs")
COMPRESSED = (".gz", ".bz2", ".zst", ".lz4")
Place = dict[str, str]
"""``{"datastore", "path"}``, ``{"url"}`` or ``{"local"}``."""


@dataclass(frozen=True)
class File:
    """A file of a dataset."""

    path: str
    """As its filesystem takes it."""
    name: str
    """Relative to what all files of the dataset have in common, with slashes."""
    whole: str
    """From the datastore's root, or the whole path: what `partition_format` is read from, and what people are shown."""
    size: int = 0
    modified: float | None = None
    fs: Any = field(default=None, compare=False)
    """The fsspec filesystem; None for a local path."""
    values: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """What is known of it by its path."""

    @property
    def packed(self) -> str:
        """How it is compressed, by its name: "gzip" …, or ""."""
        ends = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd", ".lz4": "lz4"}
        return ends.get(Path(self.whole).suffix.lower(), "")

    def open(self) -> Any:
        """Open it for reading bytes, as they lie there."""
        return open(self.path, "rb") if self.fs is None else self.fs.open(self.path, "rb")


def places_of(path: Any) -> tuple[list[Place], Any]:
    """What is written down of paths, and the workspace of the datastores in them.

    Args:
        path: a local path or URL, ``(datastore, path)``, a DataPath, a DataReference, or a list of those.

    Raises:
        UserErrorException: something else, or a path that leaves its datastore.
    """
    workspace: Any = None
    places: list[Place] = []
    if isinstance(path, tuple) and len(path) == 2 and _is_datastore(path[0]) and isinstance(path[1], (list, tuple)):
        path = [(path[0], one) for one in path[1]]
    several = path if isinstance(path, list) else [path]
    if not several:
        raise UserErrorException("A dataset needs at least one path.")
    for one in several:
        datastore, where = _apart(one)
        if datastore is None:
            places.append(_local_or_url(where))
            continue
        places.append({"datastore": str(datastore.name), "path": _slash(where, from_root(where))})
        workspace = workspace or datastore.workspace
    return places, workspace


def _slash(said: Any, path: str) -> str:
    """A folder that was called one stays one."""
    return path + "/" if path and str(said).endswith("/") else path


def _is_datastore(thing: Any) -> bool:
    return hasattr(thing, "datastore_type") and hasattr(thing, "workspace")


def _apart(one: Any) -> tuple[Any, Any]:
    if isinstance(one, tuple) and len(one) == 2 and _is_datastore(one[0]):
        return one
    if hasattr(one, "path_on_datastore") and getattr(one, "datastore", None) is not None:
        return one.datastore, one.path_on_datastore or ""
    if _is_datastore(one):
        return one, ""
    if isinstance(one, (str, os.PathLike)):
        return None, os.fspath(one)
    raise UserErrorException(
        f"{one!r} is no path of a dataset. Give a path or URL, (datastore, 'folder/*.csv'), a DataPath, or a list of those."
    )


def _local_or_url(text: str) -> Place:
    try:
        scheme = urlsplit(text).scheme.lower() if "://" in text else ""
    except ValueError:
        raise UserErrorException(
            "The URL of the dataset cannot be read: write it as https://host/folder/file."
        ) from None
    if "\0" in text or "::" in text:
        raise UserErrorException(f"{text!r} is no path of a dataset.")
    if scheme == "file":
        return {"local": str(Path(unquote(urlsplit(text).path)).absolute())}
    if scheme:
        if scheme not in URLS:
            raise UserErrorException(
                f"{text!r}: {scheme}:// is not read. There are {', '.join(URLS)}, and local paths."
            )
        return signed_urls.place_of(text)
    if not text:
        raise UserErrorException("The path of the dataset is empty.")
    return {"local": _slash(text, os.path.normpath(Path(text).expanduser().absolute()))}


def said(place: Place) -> str:
    """A place as people read it; without a password in a URL, and what stands behind its ?."""
    if "url" in place:
        parts = urlsplit(place["url"])
        return f"{parts.scheme}://{signed_urls.host_of(parts)}{parts.path}"
    return place["local"] if "local" in place else f"{place['datastore']}:/{place['path']}"


def find_files(workspace: Any, places: Sequence[Place]) -> list[File]:
    """The files that are there now, in the order of the places and by name within each.

    Raises:
        DatasetValidationError: a place has none.
        UserErrorException: a datastore that is not there (any more).
    """
    found: list[File] = []
    seen: set[tuple[str, str]] = set()
    for place in places:
        for file in _files_of(workspace, place):
            if (key := (place.get("datastore", ""), file.path)) not in seen:
                seen.add(key)
                found.append(file)
    return _with_names(found)


def _files_of(workspace: Any, place: Place) -> list[File]:
    try:
        if "datastore" in place:
            files = _in_datastore(workspace, place)
        elif "local" in place:
            files = _in_folder(place["local"])
        else:
            files = _behind_url(workspace, place)
    except (FileNotFoundError, NotFoundException) as error:
        if isinstance(error, NotFoundException) and "datastore" in str(error) and "file" not in str(error).lower():
            raise
        files = []
    except AzureMLException:
        raise
    except Exception as error:  # what stands behind a URL raises what it likes, with credentials in it at times
        raise DatasetValidationError(f"{said(place)} cannot be read: {type(error).__name__}.") from None
    if not files and place.get("url", "").lower().startswith("http"):
        raise DatasetValidationError(f"There is nothing at {said(place)}, or its server does not answer.")
    if not files:
        raise DatasetValidationError(
            f"There is no file at {said(place)}. Paths are relative to the datastore; ** is any folders."
        )
    return files


def _in_datastore(workspace: Any, place: Place) -> list[File]:
    from jupyter_aml.data.datastore import Datastore

    if workspace is None:
        raise UserErrorException(f"The dataset names the datastore {place['datastore']!r} and belongs to no workspace.")
    datastore = Datastore.get(workspace, place["datastore"])
    root = datastore._local_root
    fs = None if root is not None else datastore._filesystem()[0]
    entries = datastore._glob(place["path"].rstrip("/"))
    full = datastore._full("")

    def path_of(path: str) -> str:
        return f"{full}/{path}" if fs is None else str(datastore._full(path))

    return [
        File(path_of(e.path), "", e.path, e.size, e.modified, fs) for e in entries if _wanted(e.path, place["path"])
    ]


def _wanted(path: str, pattern: str) -> bool:
    """Hidden files and marks of writers (``_SUCCESS``) are no data, unless they are named."""
    name = path.rsplit("/", 1)[-1]
    return not name.startswith((".", "_")) or pattern.rsplit("/", 1)[-1] == name or pattern.endswith(("/_*", "/.*"))


def _in_folder(pattern: str) -> list[File]:
    fixed = "/" + fixed_part(pattern.strip("/")) if os.sep == "/" else pattern
    if Path(pattern).is_file():
        about = Path(pattern).stat()
        return [File(pattern, "", pattern, about.st_size, about.st_mtime)]
    matches = matcher(pattern.strip("/")) if fixed.rstrip("/") != pattern.rstrip("/") else None
    files = []
    for folder, folders, names in os.walk(fixed):
        folders.sort()
        for name in sorted(names):
            path = f"{folder}/{name}"
            if (matches is None or matches(path.strip("/"))) and _wanted(path, pattern) and Path(path).is_file():
                about = Path(path).stat()
                files.append(File(path, "", path, about.st_size, about.st_mtime))
    return sorted(files, key=lambda file: file.path)


def _behind_url(workspace: Any, place: Place) -> list[File]:
    from fsspec.core import url_to_fs

    folder = stand_ins.local_path(place["url"])
    if folder is not None:
        return _in_folder(folder)
    url = signed_urls.opened(workspace, place)
    fs, path = url_to_fs(url)
    if url.lower().startswith("http"):
        size = fs.info(path).get("size") or 0
        return [File(path, "", said({"url": url}), int(size), None, fs)]
    fixed = fixed_part(path)
    found = find(fs, path if fixed == path else fixed)
    matches = matcher(path) if fixed != path else None
    return [
        File(name, "", f"/{name.strip('/')}", int(about.get("size") or 0), None, fs)
        for name, about in sorted(found.items())
        if (matches is None or matches(name.strip("/"))) and _wanted(name, path)
    ]


def _with_names(files: list[File]) -> list[File]:
    if not files:
        return files
    parts = [file.whole.strip("/").split("/")[:-1] for file in files]
    least, most = min(parts), max(parts)
    common = 0
    while common < min(len(least), len(most)) and least[common] == most[common]:
        common += 1
    return [
        File(f.path, "/".join(f.whole.strip("/").split("/")[common:]), f.whole, f.size, f.modified, f.fs, f.values)
        for f in files
    ]


# -- what a path tells -------------------------------------------------------------------------------------------
_PART = re.compile(r"\{([^{}:]+)(?::([^{}]+))?\}")
_TIMES = {"yyyy": ("%Y", r"\d{4}"), "MM": ("%m", r"\d{2}"), "dd": ("%d", r"\d{2}"),
          "HH": ("%H", r"\d{2}"), "mm": ("%M", r"\d{2}"), "ss": ("%S", r"\d{2}")}  # fmt: skip
_TIME = re.compile("|".join(_TIMES))


class PartitionFormat:
    """``/{department}/{day:yyyy/MM/dd}/data.csv``: columns that the paths tell.

    Raises:
        UserErrorException: it names no column, or one twice, or it is no such format.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.times: dict[str, str] = {}
        self.names: list[str] = []
        pattern, end = "", 0
        for part in _PART.finditer(text):
            name, form = part.groups()
            if name in self.names:
                raise UserErrorException(f"The partition format {text!r} has {name!r} twice.")
            self.names.append(name)
            pattern += self._fixed(text[end : part.start()])
            pattern += f"({self._time(form)})" if form else "([^/]+)"
            if form:
                self.times[name] = _TIME.sub(lambda m: _TIMES[m[0]][0], form.replace("%", "%%"))
            end = part.end()
        if not self.names:
            raise UserErrorException(f"The partition format {text!r} names no column, as {{day:yyyy/MM/dd}} does.")
        pattern += self._fixed(text[end:])
        self._pattern = re.compile(("" if text.startswith("/") else "/") + pattern + r"\Z")

    @staticmethod
    def _fixed(text: str) -> str:
        return re.escape(text).replace(r"\*\*", ".*").replace(r"\*", "[^/]*")

    def _time(self, form: str) -> str:
        if not _TIME.search(form):
            raise UserErrorException(
                f"{form!r} in the partition format {self.text!r} is no time, as yyyy/MM/dd is one."
            )
        pattern, end = "", 0
        for part in _TIME.finditer(form):
            pattern += re.escape(form[end : part.start()]) + _TIMES[part[0]][1]
            end = part.end()
        return pattern + re.escape(form[end:])

    def read(self, file: File) -> dict[str, Any]:
        """The columns of a file: text, and datetime where the format says how.

        Raises:
            DatasetValidationError: its path is not of this format.
        """
        found = self._pattern.search("/" + file.whole.strip("/"))
        try:
            if not found:
                raise ValueError
            return {
                name: datetime.strptime(value, self.times[name]) if name in self.times else unquote(value)
                for name, value in zip(self.names, found.groups(), strict=True)
            }
        except ValueError:
            raise DatasetValidationError(
                f"The path {file.whole!r} is not of the partition format {self.text!r}."
            ) from None
