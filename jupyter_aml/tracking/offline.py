"""The run of a process that belongs to none: it says what it is told, and keeps nothing.

Shape as in the SDK: `Run.get_context()` outside a run, so that a script can be tried by hand.
"""

from __future__ import annotations

import uuid
from typing import Any


class OfflineRun:
    """Prints metrics instead of recording them. Has no experiment, parent, status or stored metrics."""

    def __init__(self, parent_run: OfflineRun | None = None, run_id: str | None = None) -> None:
        self._id = run_id or f"OfflineRun_{uuid.uuid4()}"
        self._parent_run = parent_run
        self.tags: dict[str, str | None] = {}
        self.properties: dict[str, str] = {}

    @property
    def id(self) -> str:
        """An id that no store knows."""
        return self._id

    @property
    def name(self) -> str:
        """The same as the id."""
        return self._id

    @property
    def status(self) -> str:
        """Always "Running": nothing ends an offline run."""
        return "Running"

    def _say(self, kind: str, name: str, value: Any) -> None:
        print(f"[offline run] {kind} {name!r}: {value}")

    def log(self, name: str, value: Any, description: str = "", step: int | None = None) -> None:
        """Print a metric."""
        self._say("metric", name, value if step is None else f"{value} (step {step})")

    def log_list(self, name: str, value: Any, description: str = "") -> None:
        """Print a list."""
        self._say("list", name, list(value))

    def log_row(self, name: str, description: str = "", **kwargs: Any) -> None:
        """Print a row."""
        self._say("row", name, kwargs)

    def log_table(self, name: str, value: Any, description: str = "") -> None:
        """Print a table."""
        self._say("table", name, value)

    def log_image(self, name: str, path: Any = None, plot: Any = None, description: str = "") -> None:
        """Print that there is an image."""
        self._say("image", name, path if path is not None else plot)

    def log_confusion_matrix(self, name: str, value: Any, description: str = "") -> None:
        """Print a confusion matrix."""
        self._say("confusion matrix", name, value)

    def log_accuracy_table(self, name: str, value: Any, description: str = "") -> None:
        """Print an accuracy table."""
        self._say("accuracy table", name, value)

    def log_residuals(self, name: str, value: Any, description: str = "") -> None:
        """Print residuals."""
        self._say("residuals", name, value)

    def log_predictions(self, name: str, value: Any, description: str = "") -> None:
        """Print predictions."""
        self._say("predictions", name, value)

    def tag(self, key: str, value: Any = None) -> None:
        """Keep a tag on this object."""
        self.tags[key] = None if value is None else str(value)

    def set_tags(self, tags: dict[str, Any]) -> None:
        """Keep tags on this object."""
        for key, value in tags.items():
            self.tag(key, value)

    def get_tags(self) -> dict[str, str | None]:
        """The tags of this object."""
        return dict(self.tags)

    def add_properties(self, properties: dict[str, Any]) -> None:
        """Keep properties on this object."""
        self.properties.update({key: str(value) for key, value in properties.items()})

    def get_properties(self) -> dict[str, str]:
        """The properties of this object."""
        return dict(self.properties)

    def upload_file(self, name: str, path_or_stream: Any, datastore_name: str | None = None) -> None:
        """Say that a file would be kept."""
        self._say("file", name, path_or_stream)

    def upload_files(self, names: list[str], paths: list[str], **_: Any) -> None:
        """Say that files would be kept."""
        for name, path in zip(names, paths, strict=False):
            self.upload_file(name, path)

    def upload_folder(self, name: str, path: str, datastore_name: str | None = None) -> None:
        """Say that a folder would be kept."""
        self._say("folder", name, path)

    def child_run(self, name: str | None = None, run_id: str | None = None, outputs: str | None = None) -> OfflineRun:
        """An offline run below this one."""
        return OfflineRun(self, run_id)

    def flush(self, timeout_seconds: float = 300) -> None:
        """Nothing to wait for."""

    def start(self) -> None:
        """Nothing to start."""

    def complete(self, _set_status: bool = True) -> None:
        """Nothing to complete."""

    def fail(self, error_details: Any = None, error_code: str | None = None, _set_status: bool = True) -> None:
        """Print the failure."""
        self._say("failure", error_code or "error", error_details)

    def cancel(self) -> None:
        """Nothing to cancel."""

    def __enter__(self) -> OfflineRun:
        return self

    def __exit__(self, *exc: object) -> None:
        return None

    def __repr__(self) -> str:
        return f"Run(offline, Id: {self._id})"
