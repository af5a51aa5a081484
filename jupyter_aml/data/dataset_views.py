"""What faces show of a dataset: facts, a page of rows or files, as plain values."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Any

from jupyter_aml.data.dataset_base import AbstractDataset
from jupyter_aml.data.dataset_paths import said
from jupyter_aml.data.file_dataset import FileDataset
from jupyter_aml.errors import UserErrorException

MOST_ROWS = 1000
LONGEST = 2000
"""Characters of a value that a page shows."""


class Facts(dict[str, Any]):
    """Facts of a version, as they stood at its `revision` (0 of what is not registered)."""

    @property
    def revision(self) -> int:
        """How often the version has been changed: what If-Match is about."""
        return int(self["revision"])


def about(dataset: AbstractDataset) -> Facts:
    """Facts, without reading the data."""
    record = dataset._registered
    facts = {
        "id": dataset.id, "name": dataset.name, "version": dataset.version, "type": dataset.TYPE,
        "description": dataset.description or "", "tags": dataset.tags or {},
        "created": record.created if record else None, "user": record.user if record else "",
        "run": record.run if record else None, "source": dataset._source.get("format", "files"),
        "places": [said(place) for place in dataset._source.get("places", [])], "steps": [s["op"] for s in dataset._steps],
        "timestamp": dataset._definition.get("timestamp"), "partition_keys": dataset.partition_keys,
        "archived": record.archived if record else None, "revision": record.revision if record else 0,
    }  # fmt: skip
    return Facts(facts)


def page(dataset: Any, start: int, limit: int) -> dict[str, Any]:
    """Some rows of a table (``{"columns", "types", "rows", "more"}``) or files (``{"files", "more"}``).

    Raises:
        UserErrorException: the data cannot be read.
    """
    if start < 0 or not 0 < limit <= MOST_ROWS:
        raise UserErrorException(f"start is 0 or more, and limit 1 to {MOST_ROWS}.")
    if isinstance(dataset, FileDataset):
        files = dataset._chosen()
        shown = [{"path": f"/{f.name}", "size": f.size, "modified": f.modified} for f in files[start : start + limit]]
        return {"files": shown, "total": len(files), "more": start + limit < len(files)}
    part = dataset.skip(start) if start else dataset
    table = part.take(limit + 1)._table()
    rows = [[_shown(value) for value in row.values()] for row in table.slice(0, limit).to_pylist()]
    return {
        "columns": table.column_names, "types": [str(field.type) for field in table.schema], "rows": rows,
        "more": table.num_rows > limit,
    }  # fmt: skip


def _shown(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
