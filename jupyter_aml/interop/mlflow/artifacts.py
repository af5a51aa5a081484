"""MLflow's artifacts of a run: files of our run, under the same names."""

from __future__ import annotations

from pathlib import Path

from mlflow.entities import FileInfo
from mlflow.store.artifact.artifact_repo import ArtifactRepository, verify_artifact_path

from jupyter_aml.errors import UserErrorException
from jupyter_aml.interop.mlflow.failures import refuse, translated
from jupyter_aml.interop.mlflow.uri import of_artifacts
from jupyter_aml.store.connection import connect
from jupyter_aml.tracking import lifetime
from jupyter_aml.tracking.run import Run


class AmlArtifacts(ArtifactRepository):  # type: ignore[misc]
    """The files of a run, or those of one of its folders.

    Args:
        artifact_uri: as `uri.artifacts_of` makes it.
        tracking_uri, registry_uri: (MLflow) not used.
    """

    def __init__(self, artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None) -> None:
        super().__init__(artifact_uri, tracking_uri, registry_uri)
        self._url, self._run_id, self._root = of_artifacts(artifact_uri)

    @translated
    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        """Keep a file."""
        verify_artifact_path(artifact_path)
        self._run.upload_file(self._name(artifact_path, Path(local_file).name), local_file)

    @translated
    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> None:
        """Keep all files below a folder."""
        verify_artifact_path(artifact_path)
        root = Path(local_dir)
        if not root.is_dir():
            raise UserErrorException(f"log_artifacts() takes a folder; {local_dir!r} is none.")
        paths = sorted(path for path in root.rglob("*") if path.is_file())
        names = [self._name(artifact_path, path.relative_to(root).as_posix()) for path in paths]
        self._run.upload_files(names, paths)

    @translated
    def list_artifacts(self, path: str | None = None) -> list[FileInfo]:
        """Files and folders directly below a folder; none when it is a file."""
        above = self._name(path, "").rstrip("/")
        prefix = f"{above}/" if above else ""
        found: dict[str, FileInfo] = {}
        for record in connect(self._url).store.files(self._run_id, prefix):
            first, _, below = record.path[len(prefix) :].partition("/")
            name = (f"{path.strip('/')}/" if path else "") + first
            found[name] = FileInfo(name, is_dir=bool(below), file_size=None if below else record.size)
        return [found[name] for name in sorted(found)]

    @translated
    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        self._run.download_file(self._name(remote_file_path), local_path)

    @translated
    def delete_artifacts(self, artifact_path: str | None = None) -> None:
        """Refused: a run keeps its files."""
        refuse(f"Deleting files of run {self._run_id}", "`aml run delete` removes the run with its files.")

    @property
    def _run(self) -> Run:
        return Run.get(lifetime.workspace_of(connect(self._url)), self._run_id)

    def _name(self, *parts: str | None) -> str:
        return "/".join([self._root, *(part.strip("/") for part in parts if part)]).strip("/")
