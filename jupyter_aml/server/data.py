"""Datasets over REST: what is registered, pages of rows, profiles and lineage."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_aml.data.dataset import Dataset, dataset_of
from jupyter_aml.data.dataset_base import KIND
from jupyter_aml.data.dataset_lineage import lineage_of
from jupyter_aml.data.dataset_views import MOST_ROWS, about, page
from jupyter_aml.data.tabular_dataset import TabularDataset
from jupyter_aml.errors import UserErrorException
from jupyter_aml.server.assets import VersionHandler
from jupyter_aml.server.base import AmlHandler, answers
from jupyter_aml.store.records import AssetRecord


class DatasetHandlerBase(AmlHandler):
    """What they share."""

    auth_resource = "jupyter_aml:datasets"
    parameters = frozenset(["version"])

    async def dataset(self, name: str) -> Any:
        """The dataset of that name, in the version that is asked for."""
        workspace = await self.workspace()
        version = self.get_query_argument("version", "latest")
        return await self.services.call(Dataset.get_by_name, workspace, name, version)


class DatasetsHandler(DatasetHandlerBase):
    """`GET datasets`."""

    parameters = frozenset[str]()

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> Any:
        """The newest version of each registered dataset."""
        workspace = await self.workspace()
        found = await self.services.call(Dataset.get_all, workspace)
        return {"datasets": [about(dataset) for dataset in found.values()]}


class DatasetHandler(DatasetHandlerBase):
    """`datasets/<name>`."""

    @web.authenticated
    @authorized
    @answers
    async def get(self, name: str) -> Any:
        """One version (the newest without `version`), and the numbers of all."""
        dataset = await self.dataset(name)
        workspace = await self.workspace()
        versions = await self.services.call(Dataset.versions, workspace, name)
        return {**about(dataset), "versions": [one.version for one in versions]}

    @web.authenticated
    @authorized
    @answers
    async def delete(self, name: str) -> Any:
        """Take the name away, with all versions; the data stay."""
        dataset = await self.dataset(name)
        await self.services.call(dataset.unregister_all_versions)


class DatasetVersionHandler(VersionHandler):
    """`datasets/<name>/versions/<version>`: its tags and its description can be changed, what it is of cannot."""

    kind, noun, auth_resource = KIND, "dataset", "jupyter_aml:datasets"

    def told(self, record: AssetRecord) -> Any:
        """As the list of datasets tells it: without what only the engine needs of its definition."""
        return about(dataset_of(None, record))


class DatasetRowsHandler(DatasetHandlerBase):
    """`GET datasets/<name>/rows`."""

    parameters = frozenset(["version", "start", "limit"])

    @web.authenticated
    @authorized
    @answers
    async def get(self, name: str) -> Any:
        """A page of rows, or of files."""
        dataset = await self.dataset(name)
        return await self.services.call(page, dataset, self.number("start", 0), self.number("limit", 100, 1, MOST_ROWS))


class DatasetProfileHandler(DatasetHandlerBase):
    """`GET datasets/<name>/profile`."""

    @web.authenticated
    @authorized
    @answers
    async def get(self, name: str) -> Any:
        """Statistics and histograms of a table: those that were kept, else made now."""
        dataset = await self.dataset(name)
        if not isinstance(dataset, TabularDataset):
            raise UserErrorException(f"The dataset {name!r} is of files; only tables have profiles.")
        return (await self.services.call(dataset.get_profile)).profile


class DatasetLineageHandler(DatasetHandlerBase):
    """`GET datasets/<name>/lineage`."""

    @web.authenticated
    @authorized
    @answers
    async def get(self, name: str) -> Any:
        """The runs that read or wrote this version."""
        dataset = await self.dataset(name)
        return {"lineage": await self.services.call(lineage_of, await self.workspace(), dataset.id)}


NAME = r"([^/]+)"
ROUTES: list[tuple[str, type]] = [
    (r"/datasets", DatasetsHandler),
    (rf"/datasets/{NAME}", DatasetHandler),
    (rf"/datasets/{NAME}/versions/([^/]{{1,20}})", DatasetVersionHandler),
    (rf"/datasets/{NAME}/rows", DatasetRowsHandler),
    (rf"/datasets/{NAME}/profile", DatasetProfileHandler),
    (rf"/datasets/{NAME}/lineage", DatasetLineageHandler),
]
