"""Datastores with files: paths in them, and copying to and from them."""

# ruff: noqa: PTH100, PTH111, PTH112

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, NamedTuple

from jupyter_aml.data import datastore_errors, upload
from jupyter_aml.data.data_reference import DataReference
from jupyter_aml.data.datastore_base import AbstractDatastore
from jupyter_aml.data.datastore_fs import find
from jupyter_aml.data.datastore_paths import confine, from_root, inside, join
from jupyter_aml.errors import NotFoundException


class Entry(NamedTuple):
    """A file or folder of a datastore."""

    path: str
    """Relative to the datastore."""
    size: int
    """Bytes; 0 for a folder."""
    modified: float | None
    """Seconds since the epoch, where the place tells it."""
    is_folder: bool = False


class FilesDatastore(AbstractDatastore):
    """A datastore with files. Its place is opened at the first use."""

    WRITABLE: ClassVar[bool] = True
    """Whether its place takes files at all."""
    AT_ONCE: ClassVar[int] = 16
    """Files under way at once where each waits for an answer from afar."""
    _opening = threading.RLock()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._fs: tuple[Any, str] | None = None
        self._pid = 0

    # -- the place -----------------------------------------------------------------------------------------------
    def _filesystem(self) -> tuple[Any, str]:
        """The fsspec filesystem and the path of the datastore in it. Paths below come from `_full`.

        Raises:
            StoreUnavailableException: it cannot be reached, or its credentials are not accepted (they are not shown).
            UserErrorException: its driver is not installed.
        """
        if self._fs is None or self._pid != os.getpid():
            with self._opening:
                with datastore_errors.told(self):
                    fs, root = self._open()
                self._fs, self._pid = (fs, root.rstrip("/")), os.getpid()
        return self._fs

    def _open(self) -> tuple[Any, str]:
        """The filesystem and the root. Subclasses say how."""
        raise NotImplementedError

    @property
    def _local_root(self) -> str | None:
        """The folder, where the datastore is one that this process reaches; None elsewhere."""
        fs, root = self._filesystem()
        return root if type(fs).__name__ == "LocalFileSystem" else None

    def _full(self, relative: Any = "") -> str:
        """The path for the filesystem of a path in the datastore.

        Raises:
            UserErrorException: it leaves the datastore, by its words or by a link.
        """
        _, root = self._filesystem()
        path = join(root, confine(relative)) or root
        return inside(root, path) if self._local_root is not None else path

    def _url(self, relative: Any = "") -> str:
        """The URL of a path as people may see it, without credentials. For a local folder it is ``file://``."""
        return join(self._shown_place(), confine(relative))

    def _shown_place(self) -> str:
        """Where it is, without credentials."""
        return f"azureml://datastores/{self.name}/paths"

    def _entries(self, relative: Any = "") -> list[Entry]:
        """What lies in a folder, by name.

        Raises:
            NotFoundException: there is no such folder.
        """
        folder = confine(relative)
        fs, root = self._filesystem()
        with datastore_errors.told(self, folder):
            try:
                found = fs.ls(self._full(folder), detail=True)
            except FileNotFoundError:
                if folder:
                    raise
                found = []
        entries = (self._entry(about, root) for about in found)
        return sorted(
            (e for e in entries if e is not None and e.path != folder), key=lambda e: (not e.is_folder, e.path)
        )

    def _stat(self, relative: Any) -> Entry:
        """One file or folder.

        Raises:
            NotFoundException: there is nothing.
        """
        path = confine(relative)
        if not path:
            return Entry("", 0, None, True)
        fs, root = self._filesystem()
        with datastore_errors.told(self, path):
            entry = self._entry(fs.info(self._full(path)), root)
        if entry is None:
            raise NotFoundException(f"There is nothing at {path!r} in the datastore {self.name!r}.")
        return entry

    def _walk(self, relative: Any = "") -> Iterator[Entry]:
        """All files at or below a path, by path; links that lead out of the datastore are passed over.

        Raises:
            NotFoundException: there is nothing.
        """
        start = confine(relative)
        local = self._local_root
        if local is not None:
            yield from upload.walk_folder(self, local, start, Entry)
            return
        fs, root = self._filesystem()
        with datastore_errors.told(self, start):
            found = find(fs, self._full(start))
            if not found and start:
                raise FileNotFoundError(start)
        for _, about in sorted(found.items()):
            entry = self._entry(about, root)
            if entry is not None and not entry.is_folder:
                yield entry

    def _glob(self, pattern: Any) -> list[Entry]:
        """The files that a pattern of paths names: ``*`` and ``?`` within a name, ``**`` any number of folders. A pattern
        without those is a file, or a folder with all below it.

        Raises:
            NotFoundException: there is none.
        """
        text = confine(pattern)
        fixed = upload.fixed_part(text)
        if fixed == text:
            return list(self._walk(text))
        matches = upload.matcher(text)
        try:
            found = [entry for entry in self._walk(fixed) if matches(entry.path)]
        except NotFoundException:
            found = []
        if not found:
            raise NotFoundException(f"No file of the datastore {self.name!r} fits {text!r}.")
        return found

    def _entry(self, about: dict[str, Any], root: str) -> Entry | None:
        name = str(about["name"])
        bare, base = name.strip("/"), root.strip("/")
        if base and bare != base and not bare.startswith(f"{base}/"):
            return None
        relative = bare[len(base) :].strip("/")
        is_folder = about.get("type") == "directory"
        if about.get("islink") and self._local_root is not None:
            if not upload.leads_inside(root, name):
                return None
            is_folder = os.path.isdir(name)
        return Entry(relative, 0 if is_folder else int(about.get("size") or 0), upload.time_of(about), is_folder)

    # -- places in it --------------------------------------------------------------------------------------------
    def path(self, path: str | None = None, data_reference_name: str | None = None) -> DataReference:
        """A place in it.

        Raises:
            UserErrorException: the path leaves the datastore.
        """
        return DataReference(self, data_reference_name, path)

    def as_download(self, path_on_compute: str | None = None) -> DataReference:
        """All of it, downloaded before a script starts."""
        return DataReference(self).as_download(path_on_compute)

    def as_upload(self, path_on_compute: str | None = None) -> DataReference:
        """All of it, uploaded to when a script has ended."""
        return DataReference(self).as_upload(path_on_compute)

    def as_mount(self) -> DataReference:
        """All of it, as a folder."""
        return DataReference(self).as_mount()

    # -- copying -------------------------------------------------------------------------------------------------
    def upload(
        self, src_dir: str | os.PathLike[str], target_path: str | None = None, overwrite: bool = False,
        show_progress: bool = True,
    ) -> DataReference:  # fmt: skip
        """Copy a local folder into it.

        Args:
            src_dir: the folder.
            target_path: where to, relative to the datastore.
            overwrite: whether files that are there already are replaced; they are passed over otherwise, and it is said.
            show_progress: print what is done.

        Raises:
            UserErrorException: no such folder, or a target out of the datastore.
            StoreUnavailableException: the place cannot be written.
        """
        source = os.path.abspath(os.path.expanduser(os.fspath(src_dir)))
        pairs = upload.files_below(source)
        return self._send(pairs, target_path, overwrite, show_progress)

    def upload_files(
        self, files: Sequence[str | os.PathLike[str]], relative_root: str | None = None,
        target_path: str | None = None, overwrite: bool = False, show_progress: bool = True,
    ) -> DataReference:  # fmt: skip
        """Copy local files into it.

        Args:
            files: their paths.
            relative_root: the folder that their places are relative to; without one they lie in the target side by side.
            target_path: where to, relative to the datastore.
            overwrite: whether files that are there already are replaced; they are passed over otherwise, and it is said.
            show_progress: print what is done.

        Raises:
            UserErrorException: no such file, or one that is not below `relative_root`; nothing is copied then.
            StoreUnavailableException: the place cannot be written.
        """
        pairs = upload.named_files(files, relative_root)
        return self._send(pairs, target_path, overwrite, show_progress)

    def _send(
        self, pairs: list[tuple[str, str]], target_path: str | None, overwrite: bool, show_progress: bool
    ) -> DataReference:
        target = from_root(target_path)
        done = upload.send(self, pairs, target, overwrite=overwrite, verb="Uploading" if show_progress else "")
        upload.tell("Uploading", done, show_progress, "overwrite=True replaces them")
        return DataReference(self, path_on_datastore=target or None)

    def download(
        self, target_path: str | os.PathLike[str], prefix: str | None = None, overwrite: bool = False,
        show_progress: bool = True,
    ) -> int:  # fmt: skip
        """Copy files from it.

        Args:
            target_path: the local folder; files lie in it as they do in the datastore.
            prefix: only what is, or lies below, this path.
            overwrite: whether local files are replaced; they are passed over otherwise, and it is said.
            show_progress: print what is done.

        Returns:
            The number of files that were copied.

        Raises:
            UserErrorException: a prefix out of the datastore, or a target that cannot be written.
            StoreUnavailableException: the place does not answer, or stops in the middle: no half file is left.
        """
        place = os.path.abspath(os.path.expanduser(os.fspath(target_path)))
        done = upload.fetch(self, from_root(prefix), place, overwrite, "Downloading" if show_progress else "")
        upload.tell("Downloading", done, show_progress, "overwrite=True replaces them")
        return len(done.copied)


def page(
    datastore: FilesDatastore, path: str, *, cursor: str | None = None, limit: int = 1000, recursive: bool = False
) -> tuple[list[Entry], str | None]:
    """A page of what lies in a folder (folders first), or of all files below it, and the next page's cursor.

    Args:
        datastore: which.
        path: the folder, or a file, which is its own page.
        cursor: what the page before gave.
        limit: entries at most.
        recursive: all files below it instead.

    Raises:
        NotFoundException: there is nothing at the path.
    """
    found = list(datastore._walk(path)) if recursive else datastore._entries(path)

    def place(entry: Entry) -> str:
        return entry.path if recursive else f"{'d' if entry.is_folder else 'f'}:{entry.path}"

    found.sort(key=place)
    left = [entry for entry in found if cursor is None or place(entry) > cursor]
    return left[:limit], place(left[limit - 1]) if len(left) > limit else None
