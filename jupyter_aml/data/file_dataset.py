"""Files of any kind, fetched when they are asked for."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_aml.data.dataset_base import AbstractDataset
from jupyter_aml.data.dataset_paths import File
from jupyter_aml.data.expression import Expression, column, condition_of, constant_part
from jupyter_aml.errors import ConflictException, DatasetExecutionError, UserErrorException

if TYPE_CHECKING:
    from jupyter_aml.data.inputs import DatasetConsumptionConfig

FACTS = ("Size", "LastModifiedTime", "Extension")
_AT_ONCE = 8


class FileDataset(AbstractDataset):
    """Files. Nothing is listed or fetched before it is asked for."""

    TYPE = "file"

    # -- which files ---------------------------------------------------------------------------------------------
    def to_path(self) -> list[str]:
        """The files' paths, relative to what they have in common, each with ``/`` before it.

        Raises:
            DatasetValidationError: there are none.
        """
        return [f"/{file.name}" for file in self._chosen()]

    def _chosen(self) -> list[File]:
        """The files behind all steps."""
        from jupyter_aml.data.engine import uniform

        files = self._files()
        for step in self._steps:
            if step["op"] == "take":
                files = files[: step["count"]]
            elif step["op"] == "skip":
                files = files[step["count"] :]
            elif step["op"] == "sample":
                drawn = uniform(0, len(files), step["seed"])
                files = [f for f, at in zip(files, drawn, strict=True) if step["from"] <= at < step["to"]]
            else:
                files = [f for f in files if constant_part(step["where"], _facts(f)) is True]
        return files

    def take(self, count: int) -> FileDataset:
        """The first files."""
        return self._with({"op": "take", "count": _count(count)})

    def skip(self, count: int) -> FileDataset:
        """All but the first files."""
        return self._with({"op": "skip", "count": _count(count)})

    def take_sample(self, probability: float, seed: int | None = None) -> FileDataset:
        """Each file with this probability; the same files for the same seed."""
        from jupyter_aml.data.tabular_dataset import seed_of, share

        return self._with({"op": "sample", "from": 0.0, "to": share(probability), "seed": seed_of(seed)})

    def random_split(self, percentage: float, seed: int | None = None) -> tuple[FileDataset, FileDataset]:
        """Two datasets: about this share of the files (0 to 1), and all others."""
        from jupyter_aml.data.tabular_dataset import seed_of, share

        cut, seed = share(percentage), seed_of(seed)
        first = {"op": "sample", "from": 0.0, "to": cut, "seed": seed}
        return self._with(first), self._with({**first, "from": cut, "to": 1.0})

    def file_metadata(self, col: str) -> Expression:
        """A fact of each file, for `filter`: "Size" (bytes), "LastModifiedTime" or "Extension".

        Raises:
            UserErrorException: another one.
        """
        if col not in FACTS:
            raise UserErrorException(
                f"A file has no {col!r} to filter by; there are {', '.join(FACTS)}, and partition keys."
            )
        return column(col)

    def __getitem__(self, name: str) -> Expression:
        """A partition key, for `filter`."""
        return column(name)

    def filter(self, expression: Expression) -> FileDataset:
        """The files for which a condition holds, as ``files.filter(files.file_metadata('Size') > 1000)``."""
        return self._with({"op": "filter", "where": condition_of(expression)})

    # -- fetching ------------------------------------------------------------------------------------------------
    def download(self, target_path: Any = None, overwrite: bool = False, ignore_not_found: bool = False) -> list[str]:
        """Copy the files into a local folder.

        Args:
            target_path: the folder, made where it is not; by default a temporary one.
            overwrite: whether files that are there may be replaced.
            ignore_not_found: no files are no error, nor is one that has gone meanwhile.

        Returns:
            Their absolute local paths.

        Raises:
            ConflictException: a file is there and `overwrite` is False; nothing was copied then.
            DatasetValidationError: there are no files.
            DatasetExecutionError: one cannot be read.
        """
        try:
            files = self._chosen()
        except UserErrorException:
            if ignore_not_found:
                return []
            raise
        folder = Path(target_path or tempfile.mkdtemp(prefix="aml-data-")).absolute()
        targets = [place_in(folder, file.name) for file in files]
        there = [t for t in targets if t.exists() or t.is_symlink()]
        if there and not overwrite:
            raise ConflictException(f"{str(there[0])!r} is there already; overwrite=True replaces it.")
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="aml-data") as pool:
            done = list(
                pool.map(lambda pair: _fetch(pair[0], pair[1], ignore_not_found), zip(files, targets, strict=True))
            )
        return [str(target) for target, came in zip(targets, done, strict=True) if came]

    def mount(self, mount_point: Any = None, **kwargs: Any) -> MountContext:
        """The files as a folder, without copying those that lie on this machine: it holds links to them. Files elsewhere are
        fetched when it starts. Read only by agreement: a program that writes to a link writes to the data.

        Args:
            mount_point: an empty or new folder; by default a temporary one.

        Returns:
            What `start`\\ s and `stop`\\ s it, also by ``with``.
        """
        return MountContext(self, mount_point)

    # -- for runs ------------------------------------------------------------------------------------------------
    def as_mount(self, path_on_compute: str | None = None) -> DatasetConsumptionConfig:
        """As an input that a run has as a folder of links (or as the path of the one file)."""
        return self._unnamed().as_mount(path_on_compute)

    def as_download(self, path_on_compute: str | None = None) -> DatasetConsumptionConfig:
        """As an input that is copied for a run before it starts."""
        return self._unnamed().as_download(path_on_compute)

    def as_hdfs(self) -> DatasetConsumptionConfig:
        """As `as_mount`: there is no HDFS here."""
        return self._unnamed().as_mount()

    def _unnamed(self) -> DatasetConsumptionConfig:
        return self.as_named_input(f"input__{self._digest()[:8]}")

    @property
    def _is_one_file(self) -> bool:
        """Whether it was made of the path of one file, which a run then gets instead of a folder."""
        places = self._source.get("places", [])
        if self._source.get("is_file") or len(places) != 1:
            return bool(self._source.get("is_file"))
        said = places[0].get("path") or places[0].get("local") or places[0].get("url") or ""
        if any(sign in said for sign in "*?[") or said.endswith("/"):
            return False
        files = self._files()
        return len(files) == 1 and files[0].whole.strip("/").endswith(said.strip("/").rsplit("://", 1)[-1])


class MountContext:
    """A dataset as a folder, from `start` to `stop`."""

    def __init__(self, dataset: FileDataset, mount_point: Any = None) -> None:
        self._dataset = dataset
        self._made = mount_point is None
        self._started = False
        self.mount_point: str = str(Path(mount_point or tempfile.mkdtemp(prefix="aml-mount-")).absolute())

    def start(self) -> None:
        """Make the folder.

        Raises:
            ConflictException: it is there and not empty.
        """
        folder = Path(self.mount_point)
        if not self._started:
            if folder.exists() and any(folder.iterdir()):
                raise ConflictException(f"{self.mount_point!r} is not empty; mount into a new folder.")
            self._made = self._made or not folder.exists()
            link_tree(self._dataset._chosen(), folder)
            self._started = True

    def stop(self) -> None:
        """Take the links away; the data stay. That a program wrote to them through the links is told by a warning."""
        folder = Path(self.mount_point)
        if self._started:
            if changed := changed_files(folder):
                warnings.warn(told_changes(changed), UserWarning, stacklevel=2)
            for child in list(folder.iterdir()):
                if child.is_dir() and not child.is_symlink():
                    shutil.rmtree(child, ignore_errors=True)
                else:
                    child.unlink()
            self._started = False
        if self._made:
            with contextlib.suppress(OSError):
                folder.rmdir()

    def __enter__(self) -> MountContext:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


def link_tree(files: Sequence[File], folder: Path) -> list[str]:
    """Have the files in a folder: links to local ones, copies of others. Returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    remote: list[tuple[File, Path]] = []
    targets = [place_in(folder, file.name) for file in files]
    for file, target in zip(files, targets, strict=True):
        if file.fs is not None:
            remote.append((file, target))
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_symlink():  # of an attempt before; never write through it
            target.unlink()
        try:
            target.symlink_to(file.path)
        except FileExistsError:
            raise ConflictException(f"{str(target)!r} is there already; mount into a new folder.") from None
        except (OSError, NotImplementedError):  # a system where that needs a privilege
            shutil.copyfile(file.path, target)
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="aml-data") as pool:
        list(pool.map(lambda pair: _fetch(*pair), remote))
    return [str(target) for target in targets]


def changed_files(folder: Path, since: float | None = None) -> list[str]:
    """The files behind the links of a folder that have been changed since `link_tree` linked them, by path.

    Args:
        folder: the folder.
        since: another time to compare with, in seconds since the epoch.
    """
    changed = []
    for at, _, names in os.walk(folder):
        for name in names:
            path = Path(at, name)
            with contextlib.suppress(OSError):
                if path.is_symlink() and path.stat().st_mtime > (path.lstat().st_mtime if since is None else since):
                    changed.append(str(path.resolve()))
    return sorted(changed)


def told_changes(changed: Sequence[str], whose: str = "the dataset", when: str = "while they were mounted") -> str:
    """What is said of changed files: what is written to a link is written to the data."""
    return (
        f"{len(changed):,} of the files of {whose} {'has' if len(changed) == 1 else 'have'} been changed {when} ({changed[0]!r}"
        f"{', …' if len(changed) > 1 else ''}). A mount holds links: download() gives copies that may be written."
    )


def place_in(folder: Path, name: str) -> Path:
    """Where a file goes below a folder. Raises UserErrorException when its name leads out of it."""
    parts = name.split("/")
    if any(
        part in ("", ".", "..") or "\0" in part or (os.sep == "\\" and ("\\" in part or ":" in part)) for part in parts
    ):
        raise UserErrorException(f"{name!r} is no name of a file below a folder.")
    return folder.joinpath(*parts)


def _fetch(file: File, target: Path, ignore_not_found: bool = False) -> bool:
    """Copy a file under a name of its own first, so that a broken one is never taken for it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    try:
        with file.open() as source, open(part, "wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
        part.replace(target)
        return True
    except FileNotFoundError:
        part.unlink(missing_ok=True)
        if ignore_not_found:
            return False
        raise DatasetExecutionError(f"{file.whole!r} has gone meanwhile.") from None
    except Exception as error:
        part.unlink(missing_ok=True)
        if isinstance(error, UserErrorException):
            raise
        raise DatasetExecutionError(f"{file.whole!r} cannot be read: {type(error).__name__}.") from None


def _facts(file: File) -> dict[str, Any]:
    from datetime import datetime, timezone

    changed = file.modified
    return {
        **file.values,
        "Size": file.size,
        "LastModifiedTime": None
        if changed is None
        else datetime.fromtimestamp(changed, timezone.utc).replace(tzinfo=None),
        "Extension": Path(file.name).suffix.lstrip("."),
    }


def _count(count: Any) -> int:
    if isinstance(count, bool) or not hasattr(count, "__index__") or int(count) < 0:
        raise UserErrorException(f"count is a number of files, 0 or more, not {count!r}.")
    return min(int(count), 2**60)  # more than there can be, and what Arrow and DuckDB can add up
