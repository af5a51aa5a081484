"""``%aml data``: a registered dataset as a DataFrame, or the list of those that there are."""

from __future__ import annotations

import shlex
from typing import Any

from IPython.core.error import UsageError
from IPython.display import HTML

from jupyter_aml.errors import UserErrorException
from jupyter_aml.tracking.html import table

USAGE = "%aml data [NAME[:VERSION] [ROWS]]: a name with spaces stands in quotes."


def data(workspace: Any, rest: str) -> Any:
    """What ``%aml data …`` gives.

    Args:
        workspace: whose datasets.
        rest: what stands behind the word: nothing (a list), a name, and how many rows.

    Returns:
        A DataFrame; the local paths for a dataset of files; a list for people without a name.

    Raises:
        UsageError: it cannot be understood.
    """
    from jupyter_aml.data.dataset import Dataset
    from jupyter_aml.data.file_dataset import FileDataset

    try:
        words = shlex.split(rest)
    except ValueError:
        raise UsageError(USAGE) from None
    if not words:
        found = Dataset.get_all(workspace).values()
        return HTML(
            table(
                ["dataset", "version", "type", "description"],
                [[d.name, d.version, d.TYPE, d.description] for d in found],
            )
        )
    if len(words) > 2 or (len(words) == 2 and not words[1].isdigit()):
        raise UsageError(USAGE)
    name, mark, version = words[0].rpartition(":")
    if not mark or not version.isdigit():
        name, version = words[0], "latest"
    try:
        dataset = Dataset.get_by_name(workspace, name, version)
        if len(words) == 2:
            dataset = dataset.take(int(words[1]))
        return dataset.download() if isinstance(dataset, FileDataset) else dataset.to_pandas_dataframe()
    except UserErrorException as error:
        raise UsageError(str(error)) from None
