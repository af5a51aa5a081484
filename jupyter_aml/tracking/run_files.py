"""The files of a run: uploads, downloads, texts that grow, snapshots."""

from __future__ import annotations

import mimetypes
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jupyter_aml.errors import NotFoundException, SnapshotException, StoreUnavailableException, UserErrorException
from jupyter_aml.store.connection import Connection
from jupyter_aml.store.events import FileLogged, RunChanged, SnapshotTaken
from jupyter_aml.store.home import folder_name
from jupyter_aml.store.records import FileRecord
from jupyter_aml.tracking import context, snapshot, transfer
from jupyter_aml.tracking.names import file_path, local_path, shown

LOGS = ("logs/", "user_logs/", "azureml-logs/", "system_logs/")
"""Where a run's logs are."""
_TOLD = 20
"""Files that one error names."""
_ADVICE = "Restore it from a backup, or import an archive that has it (aml doctor lists all that is lost)."


class FilesMixin:
    """The side of `Run` that keeps files. Contents lie in the workspace once, whoever logs them."""

    _id: str
    _connection: Connection

    def _check_open(self, what: str) -> None:
        raise NotImplementedError

    def upload_file(self, name: str, path_or_stream: Any, datastore_name: str | None = None) -> FileRecord:
        """Keep a file under a name with slashes. Uploaded again under the same name, the newest counts.

        Args:
            name: relative, e.g. "outputs/model.pkl".
            path_or_stream: a file's path, or an object with ``read()`` that gives bytes or text (which is kept in its encoding).

        Raises:
            UserErrorException: a name that is absolute or has "..", or something that is not a file.
        """
        self._check_open(f"upload {shown(name)}")
        target = file_path(name)
        if hasattr(path_or_stream, "read"):
            digest, size = self._connection.blobs.put_stream(transfer.as_bytes(path_or_stream))
            return self._keep(target, digest, size)
        return self._upload_local(target, path_or_stream)

    def upload_files(
        self,
        names: Sequence[str],
        paths: Sequence[Any],
        return_artifacts: bool = False,
        timeout_seconds: int | None = None,
        datastore_name: str | None = None,
    ) -> list[FileRecord] | None:
        """Keep many files: `names[i]` is the content of `paths[i]`."""
        self._check_open("upload files")
        if len(names) != len(paths):
            raise UserErrorException(f"upload_files() got {len(names)} names for {len(paths)} paths.")
        targets = [file_path(name) for name in names]
        kept: list[FileRecord] = []
        for stored in transfer.put_files(self._connection.blobs, [local_path(path) for path in paths]):
            kept += [self._keep(targets[i], *content) for i, content in enumerate(stored, len(kept))]
        return kept if return_artifacts else None

    def upload_folder(self, name: str, path: Any, datastore_name: str | None = None) -> list[FileRecord]:
        """Keep all files below a folder, under `name`."""
        root = Path(path)
        if not root.is_dir():
            raise UserErrorException(f"upload_folder() takes a folder; {str(path)!r} is none.")
        inside = sorted(p for p in root.rglob("*") if p.is_file() and not p.is_symlink())
        prefix = file_path(name)
        names = [f"{prefix}/{p.relative_to(root).as_posix()}" for p in inside]
        return self.upload_files(names, inside, return_artifacts=True) or []

    def get_file_names(self) -> list[str]:
        """Names of the run's files and logs."""
        return [record.path for record in self._connection.store.files(self._id)]

    def download_file(self, name: str, output_file_path: Any = None, _validate_checksum: bool = False) -> None:
        """Write one of the run's files to a local path.

        Args:
            name: as `get_file_names` lists it.
            output_file_path: a file's path, or an existing folder; by default the file's own name here.

        Raises:
            NotFoundException: the run has no such file, or its content was removed or altered since; nothing is written.
        """
        record = self._file(file_path(name))
        target = Path(output_file_path) if output_file_path is not None else Path(record.path.rsplit("/", 1)[-1])
        if target.is_dir() or str(output_file_path or "").endswith(("/", os.sep)):
            target = target / record.path.rsplit("/", 1)[-1]
        with transfer.progress("downloading", [record.size]) as moved:
            self._fetch(record, target, moved)

    def download_files(
        self,
        prefix: str | None = None,
        output_directory: Any = None,
        output_paths: Any = None,
        batch_size: int = 100,
        append_prefix: bool = True,
        timeout_seconds: int | None = None,
    ) -> None:
        """Write the run's files whose names begin with `prefix` below a folder.

        Args:
            prefix: "outputs", for instance, or "outputs/mod"; None for all.
            output_directory: by default the working folder.
            output_paths: local paths instead, one for each file in the order of their names.
            append_prefix: keep the folders that the prefix names in the local paths.

        Raises:
            NotFoundException: contents were removed or altered since; the other files were written.
        """
        chosen = _prefix(prefix)
        records = self._connection.store.files(self._id, chosen)
        if output_paths is not None:
            paths = [Path(p) for p in ([output_paths] if isinstance(output_paths, str) else output_paths)]
            if len(paths) != len(records):
                raise UserErrorException(f"output_paths names {len(paths)} files; the run has {len(records)}.")
        else:
            root = Path(output_directory if output_directory is not None else ".")
            names = [r.path if append_prefix else _below(chosen, r.path) for r in records]
            paths = [root.joinpath(*file_path(name).split("/")) for name in names]
        self._fetch_all(list(zip(records, paths, strict=True)))

    def get_all_logs(self, destination: Any = None) -> list[str]:
        """Write the run's logs below a folder.

        Args:
            destination: by default one named after the run's id, below ``assets``.

        Returns:
            The local paths.

        Raises:
            NotFoundException: contents were removed or altered since; the other logs were written.
        """
        root = Path(destination if destination is not None else Path("assets") / folder_name(self._id, "run"))
        chosen = [
            (record, root.joinpath(*file_path(record.path).split("/")))
            for record in self._connection.store.files(self._id)
            if record.path.startswith(LOGS) or not record.digest
        ]
        self._fetch_all(chosen)
        return [str(path) for _, path in chosen]

    # -- snapshots -------------------------------------------------------------------------------------------------
    def take_snapshot(self, file_or_folder_path: Any) -> str:
        """Freeze a source tree (or one file) with this run; .amlignore, else .gitignore, is honoured.

        Returns:
            The snapshot's id.

        Raises:
            SnapshotException: no such folder, or more than the limits (300 MB, 2000 files).
        """
        taken = snapshot.take(self._connection.blobs, file_or_folder_path)
        self._connection.write(
            SnapshotTaken(snapshot=taken), RunChanged(run=self._id, at=time.time(), snapshot=taken.id)
        )
        return taken.id

    def get_snapshot_id(self) -> str | None:
        """Id of the latest snapshot; None when there is none."""
        run = self._connection.store.run(self._id)
        return run.snapshot if run else None

    def restore_snapshot(self, snapshot_id: str | None = None, path: Any = None) -> str:
        """Lay a snapshot out in a folder.

        Args:
            snapshot_id: by default this run's latest.
            path: the folder; by default one named after the snapshot, in the working folder.

        Returns:
            The folder's path.

        Raises:
            SnapshotException: there is none.
        """
        wanted = snapshot_id or self.get_snapshot_id()
        found = self._connection.store.snapshot(wanted) if wanted else None
        if found is None:
            raise SnapshotException(
                f"Run {self._id} has no snapshot." if wanted is None else f"There is no snapshot {wanted!r}."
            )
        target = Path(path) if path is not None else Path(f"snapshot-{found.id[:12]}")
        try:
            return str(snapshot.restore(self._connection.blobs, found, target))
        except NotFoundException as error:
            lost = [repr(name) for name, (digest, _, _) in found.files.items() if digest in error.message]
            raise SnapshotException(
                f"{', '.join(lost)} of the snapshot of run {self._id} cannot be laid out: {error.message} {_ADVICE}"
            ) from error

    # -- inside ----------------------------------------------------------------------------------------------------
    def _upload_path(self, target: str, path: Any) -> str:
        return self._upload_local(target, path).path

    def _upload_local(self, target: str, path: Any) -> FileRecord:
        try:
            local = os.fspath(path)
        except TypeError:
            raise UserErrorException(
                f"{shown(path)} of type {type(path).__name__} is neither a path nor a stream to upload as {target!r}."
            ) from None
        [[(digest, size)]] = transfer.put_files(self._connection.blobs, [os.fsdecode(local)])
        return self._keep(target, digest, size)

    def _upload_bytes(self, target: str, content: bytes, media_type: str = "") -> str:
        digest, size = self._connection.blobs.put_bytes(content)
        self._keep(file_path(target), digest, size, media_type)
        return target

    def _keep(self, path: str, digest: str, size: int, media_type: str = "") -> FileRecord:
        kept = FileRecord(
            run=self._id,
            path=path,
            size=size,
            digest=digest,
            time=time.time(),
            media_type=media_type or mimetypes.guess_type(path)[0] or "",
            origin=context.origin(),
        )
        self._connection.write(
            FileLogged(
                run=kept.run,
                path=path,
                digest=digest,
                size=size,
                at=kept.time,
                media_type=kept.media_type,
                origin=kept.origin,
            )
        )
        return kept

    def _file(self, path: str) -> FileRecord:
        records = self._connection.store.files(self._id)
        for record in records:
            if record.path == path:
                return record
        raise NotFoundException.of("file", path, [r.path for r in records], f"Run {self._id} has {len(records)} files.")

    def _download(self, paths: Mapping[str, Path]) -> None:
        """Write these files to these paths; as `download_files`."""
        self._fetch_all(
            [(record, paths[record.path]) for record in self._connection.store.files(self._id) if record.path in paths]
        )

    def _fetch_all(self, files: Sequence[tuple[FileRecord, Path]]) -> None:
        """Write what can be written, then tell what cannot."""
        lost: list[NotFoundException] = []
        with transfer.progress("downloading", [record.size for record, _ in files]) as moved:
            for record, path in files:
                try:
                    self._fetch(record, path, moved)
                except NotFoundException as error:
                    lost.append(error)
        if len(lost) == 1:
            raise lost[0]
        if lost:
            told = "\n".join(error.message for error in lost[:_TOLD])
            more = f"\n… and {len(lost) - _TOLD:,} more." if len(lost) > _TOLD else ""
            raise NotFoundException(f"{len(lost):,} of {len(files):,} files were not written:\n{told}{more}")

    def _fetch(self, record: FileRecord, target: Path, moved: transfer.Moved = lambda files, size: None) -> None:
        if record.digest:
            try:
                transfer.fetch(self._connection.blobs, record.digest, record.size, target, moved)
            except (NotFoundException, StoreUnavailableException) as error:
                advice = _ADVICE if isinstance(error, NotFoundException) else ""
                raise type(error)(
                    f"{record.path!r} of run {record.run} cannot be had: {error.message} {advice}".strip()
                ) from error
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(self._connection.store.text(record.run, record.path), encoding="utf-8", errors="replace")
            moved(1, record.size)


def _prefix(prefix: str | None) -> str:
    """A prefix as the names of files have it: without ``./`` in front; a slash at its end stays."""
    if prefix is None or prefix in ("", ".", "./"):
        return ""
    return file_path(prefix) + "/" * prefix.endswith("/")


def _below(prefix: str, path: str) -> str:
    """A file's name without the folders that the prefix names: all of it when it is one, else what stands before its last slash."""
    folder = prefix if prefix.endswith("/") else prefix + "/"
    return path[len(folder) :] if path.startswith(folder) else path[prefix.rfind("/") + 1 :]
