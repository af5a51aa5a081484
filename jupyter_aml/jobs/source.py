"""What a snapshot of an execution's folder leaves out: it shall hold what made the results, and no secrets."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from jupyter_aml.jobs.output import is_scratch, same_file
from jupyter_aml.jobs.secrets import Mask


def no_source(outputs: Collection[Path], mask: Mask) -> Callable[[Path], str]:
    """For `snapshot.take`: why a file is left out, or "".

    Args:
        outputs: what the execution writes.
        mask: its secrets.
    """
    names = {path.name for path in outputs}

    def why(path: Path) -> str:
        if is_scratch(path):
            return "an output being written"
        if path.name in names and any(same_file(path, output) for output in outputs):
            return "an output of this execution"
        return "holds the value of a secret parameter" if mask.in_file(path) else ""

    return why
