"""Named things, lineage and the queue of runs, asked of a Jupyter server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jupyter_aml.store.asset_contract import Assets, IfExists, Queue
from jupyter_aml.store.records import AssetPage, AssetQuery, AssetRecord, JobRecord, Json, LinkRecord


class HttpAssets(Assets, Queue):
    """See Assets and Queue: each method is one request."""

    _ask: Any
    _tell: Any

    def put_asset(self, asset: AssetRecord, *, if_exists: IfExists = "version") -> AssetRecord:
        """See Assets.put_asset."""
        found: AssetRecord = self._tell("put_asset", asset, if_exists=if_exists)
        return found

    def asset(self, kind: str, name: str, version: int | None = None) -> AssetRecord | None:
        """See Assets.asset."""
        found: AssetRecord | None = self._ask("asset", kind, name, version)
        return found

    def assets(self, query: AssetQuery) -> AssetPage:
        """See Assets.assets."""
        page: AssetPage = self._ask("assets", query)
        return page

    def asset_names(self, kind: str) -> dict[str, int]:
        """See Assets.asset_names."""
        return dict(self._ask("asset_names", kind))

    def change_asset(
        self, id: str, *, at: float, who: str = "", revision: int | None = None, description: str | None = None,
        set_tags: Mapping[str, str | None] | None = None, drop_tags: Sequence[str] = (),
        add_properties: Mapping[str, str] | None = None, data: Mapping[str, Json] | None = None,
        archived: bool | None = None,
    ) -> AssetRecord:  # fmt: skip
        """See Assets.change_asset."""
        found: AssetRecord = self._tell(
            "change_asset", id, at=at, who=who, revision=revision, description=description, set_tags=set_tags,
            drop_tags=list(drop_tags), add_properties=add_properties, data=data, archived=archived,
        )  # fmt: skip
        return found

    def delete_asset(self, id: str, *, at: float, who: str = "", revision: int | None = None) -> bool:
        """See Assets.delete_asset."""
        return bool(self._tell("delete_asset", id, at=at, who=who, revision=revision))

    def links(
        self, *, run: str | None = None, asset: str | None = None, role: str | None = None, kind: str | None = None
    ) -> list[LinkRecord]:
        """See Assets.links."""
        return list(self._ask("links", run=run, asset=asset, role=role, kind=kind))

    # -- the queue -----------------------------------------------------------------------------------------------
    def put_job(self, job: JobRecord) -> None:
        """See Queue.put_job."""
        self._tell("put_job", job)

    def claim_job(self, targets: Sequence[str], owner: str, *, at_most: int | None = None) -> JobRecord | None:
        """See Queue.claim_job."""
        found: JobRecord | None = self._tell("claim_job", list(targets), owner, at_most=at_most)
        return found

    def beat(self, owner: str) -> list[str]:
        """See Queue.beat."""
        return list(self._tell("beat", owner))

    def requeue_job(self, run: str, owner: str) -> bool:
        """See Queue.requeue_job."""
        return bool(self._tell("requeue_job", run, owner))

    def end_job(self, run: str, *, owner: str | None = None) -> bool:
        """See Queue.end_job."""
        return bool(self._tell("end_job", run, owner=owner))

    def requeue_stale(self, age: float, *, most_attempts: int = 1) -> list[JobRecord]:
        """See Queue.requeue_stale."""
        return list(self._tell("requeue_stale", age, most_attempts=most_attempts))

    def job(self, run: str) -> JobRecord | None:
        """See Queue.job."""
        found: JobRecord | None = self._ask("job", run)
        return found

    def jobs(self, target: str | None = None, *, state: str | None = None, limit: int = 1000) -> list[JobRecord]:
        """See Queue.jobs."""
        return list(self._ask("jobs", target, state=state, limit=limit))
