"""`Dataset`: what a workspace has of datasets, and the way to make them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jupyter_aml.data.dataset_base import KIND, UNNAMED, AbstractDataset
from jupyter_aml.data.dataset_factory import FileDatasetFactory, TabularDatasetFactory
from jupyter_aml.data.dataset_lineage import note_use
from jupyter_aml.data.file_dataset import FileDataset
from jupyter_aml.data.tabular_dataset import TabularDataset
from jupyter_aml.errors import NotFoundException, UserErrorException
from jupyter_aml.store.records import AssetQuery, AssetRecord


class Dataset:
    """Datasets of a workspace."""

    Tabular = TabularDatasetFactory
    File = FileDatasetFactory

    @staticmethod
    def get_by_name(workspace: Any, name: str, version: int | str = "latest", **kwargs: Any) -> Any:
        """A registered dataset. Within a run, that it was used is written down.

        Args:
            workspace: whose.
            name: its name.
            version: a number, or "latest".

        Raises:
            NotFoundException: there is none of that name and version.
            UserErrorException: the version is no number.
        """
        store = workspace.connection.store
        number = _number(version)
        record = store.asset(KIND, name, number)
        if record is None:
            known = store.asset_names(KIND)
            if name in known:
                raise NotFoundException(f"The dataset {name!r} has no version {version}; it has {known[name]} of them.")
            raise NotFoundException.of(
                "dataset", name, known, "Dataset.get_all(workspace) has those that are registered."
            )
        note_use(workspace, record)
        return dataset_of(workspace, record)

    @staticmethod
    def get_by_id(workspace: Any, id: str, **kwargs: Any) -> Any:
        """A dataset by its id. Within a run, that it was used is written down.

        Raises:
            NotFoundException: there is none of that id.
        """
        record = record_by_id(workspace, id)
        note_use(workspace, record)
        return dataset_of(workspace, record)

    @staticmethod
    def get_all(workspace: Any) -> Mapping[str, Any]:
        """The newest version of each registered dataset, by name."""
        found = workspace.connection.store.walk_assets(AssetQuery(kind=KIND, latest=True))
        return {record.name: dataset_of(workspace, record) for record in found}

    @staticmethod
    def register_pandas_dataframe(dataframe: Any, target: Any, name: str, **about: Any) -> TabularDataset:
        """See `Dataset.Tabular.register_pandas_dataframe`."""
        return TabularDatasetFactory.register_pandas_dataframe(dataframe, target, name, **about)

    @staticmethod
    def versions(workspace: Any, name: str) -> list[Any]:
        """All versions of a registered dataset, the newest first."""
        found = workspace.connection.store.walk_assets(AssetQuery(kind=KIND, name=name))
        return [dataset_of(workspace, record) for record in found]


def _number(version: int | str | None) -> int | None:
    if version in (None, "latest", ""):
        return None
    try:
        return int(version)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise UserErrorException(f"version is a number or 'latest', not {version!r}.") from None


def record_by_id(workspace: Any, id: str) -> AssetRecord:
    """What the store keeps under an id. Raises NotFoundException."""
    store = workspace.connection.store
    for kind in (KIND, UNNAMED):
        for record in store.walk_assets(AssetQuery(kind=kind, id=str(id), archived=True)):
            return record  # type: ignore[no-any-return]
    raise NotFoundException(f"There is no dataset of the id {id!r}.")


def dataset_of(workspace: Any, record: AssetRecord) -> Any:
    """The dataset that a record describes. Raises UserErrorException for a kind that this version does not know."""
    for kind in (TabularDataset, FileDataset):
        if record.data.get("type") == kind.TYPE:
            return kind(record.data, workspace, record)
    raise UserErrorException(
        f"The dataset {record.name!r} is of a type that this version of jupyter_aml does not know."
    )


__all__ = ["AbstractDataset", "Dataset", "FileDataset", "TabularDataset"]
