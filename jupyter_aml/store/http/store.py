"""The contract, spoken to a Jupyter server: each method is one request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jupyter_aml.store.answers import Claim
from jupyter_aml.store.contract import Store
from jupyter_aml.store.events import Batch
from jupyter_aml.store.http import wire
from jupyter_aml.store.http.assets import HttpAssets
from jupyter_aml.store.http.blobs import HttpBlobs
from jupyter_aml.store.http.client import Client
from jupyter_aml.store.records import (
    Change,
    ExperimentRecord,
    FileRecord,
    Json,
    MetricRecord,
    Page,
    RunQuery,
    RunRecord,
    Sampled,
    Series,
    SnapshotRecord,
)
from jupyter_aml.store.series import joined

AT_ONCE = 100_000
"""Points of a series that are asked for in one request."""


class HttpStore(HttpAssets, Store):
    """The store of the workspace that a Jupyter server serves.

    Args:
        address: the server's URL with its token.

    Raises (each method):
        StoreUnavailableException: the server does not answer, or refuses the token.
    """

    def __init__(self, address: str) -> None:
        self._client = Client(address)
        self.url = self._client.url
        self.blobs = HttpBlobs(self._client)

    def _ask(self, method: str, *args: Any, **kwargs: Any) -> Any:
        body = wire.dumps({"args": args, "kwargs": kwargs})
        answer = self._client.request("POST", f"read/{method}", body, headers={"Content-Type": wire.MEDIA_TYPE})
        return wire.loads(answer.data)

    def _tell(self, method: str, *args: Any, **kwargs: Any) -> Any:
        body = wire.dumps({"args": args, "kwargs": kwargs})
        answer = self._client.request("POST", f"write/{method}", body, headers={"Content-Type": wire.MEDIA_TYPE})
        return wire.loads(answer.data)

    # -- writing -------------------------------------------------------------------------------------------------
    def apply(self, batch: Batch) -> int:
        """See Store.apply."""
        answer = self._client.request("POST", "apply", wire.pack(batch), headers={"Content-Type": wire.MEDIA_TYPE})
        return int(wire.loads(answer.data))

    def applied(self, journal: str) -> int:
        """See Store.applied."""
        return int(self._ask("applied", journal))

    # -- reading -------------------------------------------------------------------------------------------------
    def experiments(self, *, archived: bool | None = False, name: str | None = None) -> list[ExperimentRecord]:
        """See Store.experiments."""
        return list(self._ask("experiments", archived=archived, name=name))

    def experiment(self, name: str) -> ExperimentRecord | None:
        """See Store.experiment."""
        found: ExperimentRecord | None = self._ask("experiment", name)
        return found

    def run(self, run_id: str, *, with_metrics: bool = False) -> RunRecord | None:
        """See Store.run."""
        found: RunRecord | None = self._ask("run", run_id, with_metrics=with_metrics)
        return found

    def runs(self, query: RunQuery) -> Page:
        """See Store.runs."""
        page: Page = self._ask("runs", query)
        return page

    def open_runs(self, owner: str | None = None) -> list[RunRecord]:
        """See Store.open_runs."""
        return list(self._ask("open_runs", owner))

    def silent(self, seconds: float) -> list[str]:
        """See Store.silent."""
        return list(self._ask("silent", seconds))

    def metrics(self, run_ids: Sequence[str]) -> dict[str, dict[str, MetricRecord]]:
        """See Store.metrics."""
        return dict(self._ask("metrics", list(run_ids)))

    def series(self, run_id: str, name: str, *, start: int = 0, stop: int | None = None) -> Series | None:
        """See Store.series."""
        parts: list[Series] = []
        while True:
            end = start + AT_ONCE if stop is None else min(start + AT_ONCE, stop)
            part: Series | None = self._ask("series", run_id, name, start=start, stop=end)
            if part is None:
                return None
            parts.append(part)
            if len(part.values) < end - start or end == stop:
                break
            start = end
        for part in parts[1:]:
            for column in ("steps", "times", "values", "origins"):
                setattr(parts[0], column, joined(getattr(parts[0], column), getattr(part, column)))
        return parts[0]

    def sampled(
        self,
        run_id: str,
        names: Sequence[str],
        *,
        width: int = 1000,
        start: float | None = None,
        stop: float | None = None,
        axis: str = "step",
    ) -> list[Sampled]:
        """See Store.sampled."""
        return list(self._ask("sampled", run_id, list(names), width=width, start=start, stop=stop, axis=axis))

    def files(self, run_id: str, prefix: str = "") -> list[FileRecord]:
        """See Store.files."""
        return list(self._ask("files", run_id, prefix))

    def text(self, run_id: str, path: str, start: int = 0, limit: int | None = None) -> str:
        """See Store.text."""
        return str(self._ask("text", run_id, path, start, limit))

    def snapshot(self, snapshot_id: str) -> SnapshotRecord | None:
        """See Store.snapshot."""
        found: SnapshotRecord | None = self._ask("snapshot", snapshot_id)
        return found

    def referenced(self, digests: Sequence[str]) -> set[str]:
        """See Store.referenced."""
        return set(self._ask("referenced", list(digests)))

    def changes(self, after: int = 0, limit: int = 1000, *, noun: str | None = None) -> list[Change]:
        """See Store.changes."""
        return list(self._ask("changes", after, limit, noun=noun))

    def activity(
        self, *, before: int | None = None, limit: int = 100, who: str | None = None, noun: str | None = None,
        experiment: str | None = None, verbs: Sequence[str] = (),
    ) -> list[Change]:  # fmt: skip
        """See Store.activity."""
        return list(
            self._ask(
                "activity", before=before, limit=limit, who=who, noun=noun, experiment=experiment, verbs=list(verbs)
            )
        )

    def last_change(self) -> int:
        """See Store.last_change."""
        return int(self._ask("last_change"))

    # -- answers -------------------------------------------------------------------------------------------------
    def claim_answer(self, name: str, request: str, *, lease: float = 60.0, keep: float = 86_400.0) -> Claim:
        """See Answers.claim_answer."""
        return Claim(*self._tell("claim_answer", name, request, lease=lease, keep=keep))

    def settle_answer(self, name: str, body: str | None) -> None:
        """See Answers.settle_answer."""
        self._tell("settle_answer", name, body)

    # -- settings ------------------------------------------------------------------------------------------------
    def settings(self) -> Mapping[str, Json]:
        """See Store.settings."""
        return dict(self._ask("settings"))

    def about(self) -> Mapping[str, Json]:
        """See Store.about."""
        return dict(self._ask("about"))

    def put_settings(self, values: Mapping[str, Json], *, keep: bool = False, who: str = "") -> None:
        """See Store.put_settings."""
        body = wire.dumps({"values": dict(values), "keep": keep, "who": who})
        self._client.request("POST", "settings", body, headers={"Content-Type": wire.MEDIA_TYPE})

    def check(self) -> list[str]:
        """See Store.check."""
        return list(self._ask("check"))

    def close(self) -> None:
        """See Store.close."""
        self._client.close()
