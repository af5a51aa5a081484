"""What the token of one run reaches: its run and what is below it, and nothing else.

A handler says by `for_runs` which of its methods such a token may call at all; here it is decided about which run.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from jupyter_server.auth.authorizer import Authorizer
from jupyter_server.auth.identity import IdentityProvider, User
from tornado import web

from jupyter_aml.errors import AzureMLException, StoreUnavailableException, UserErrorException
from jupyter_aml.store import events as e
from jupyter_aml.store import run_token
from jupyter_aml.store.contract import Store
from jupyter_aml.store.records import AssetRecord, RunQuery, RunRecord
from jupyter_aml.store.run_token import RunToken, RunTokenException
from jupyter_aml.tracking.snapshot import manifest_id

_OF_ONE = frozenset({"series", "sampled", "files", "text"})
_OPEN = frozenset({"applied", "last_change", "about"})
"""Reads that tell nothing of other runs."""
_SEEN = frozenset({"model", "model-alias", "dataset", "environment", "datastore"})
"""Kinds of named things that a run may look up: its inputs are among them."""
_MADE = frozenset({"model", "dataset"})
"""Kinds that a run may register as its own."""
_BIRTH = frozenset({"name", "at", "who"})
"""What an experiment is made with."""
_NOTHING: tuple[Any, ...] = (None, [], (), {})
"""What changes nothing of one that is there."""
_OF_A_RUN = (e.RunStatus, e.RunChanged, e.Points, e.FileLogged, e.TextLogged, e.AssetLinked)


def given(headers: Mapping[str, str]) -> str:
    """The run's token of a request, "" where it has none."""
    kind, _, token = headers.get("Authorization", "").strip().partition(" ")
    token = token.strip()
    return token if kind.lower() in ("token", "bearer") and token.startswith(run_token.PREFIX) else ""


class RunIdentity(IdentityProvider):
    """Whoever has a run's token is the run's user. Asked by our own handlers alone: others know no such token."""

    async def get_user(self, handler: Any) -> User | None:  # type: ignore[override]
        """The run's user.

        Raises:
            HTTPError: 401 for a token that does not hold any more, or never did; 403 for that of another workspace.
        """
        try:
            workspace = await handler.workspace()
            token = run_token.verify(given(handler.request.headers), workspace.id)
            run = await handler.store("run", token.run)
        except RunTokenException as error:
            raise web.HTTPError(403 if error.foreign else 401, error.message) from error
        except StoreUnavailableException as error:
            raise web.HTTPError(503, error.message) from error
        except AzureMLException as error:
            raise web.HTTPError(401, "This token is for a run of another workspace.") from error
        handler.run_token = token
        name = (run.user if run is not None else "") or f"run {token.run}"
        handler._token_authenticated = True
        return User(username=name, name=name, display_name=name)


class RunAuthorizer(Authorizer):
    """Only what a handler opens to runs."""

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        """Whether the method is open to them. See Authorizer.is_authorized."""
        return (handler.request.method or "").lower() in handler.for_runs


class Reach:
    """The run of a token and all that is below it.

    Args:
        store: of the workspace.
        token: what the token says.
    """

    def __init__(self, store: Store, token: RunToken) -> None:
        self._store = store
        self._token = token
        self._own: RunRecord | None = None
        self._known: dict[str, bool] = {}

    @property
    def own(self) -> RunRecord:
        """The token's run.

        Raises:
            HTTPError: 403, it is not there (any more).
        """
        if self._own is None:
            self._own = self._store.run(self._token.run)
            if self._own is None:
                raise web.HTTPError(403, f"The run {self._token.run} of this token is not there.")
        return self._own

    def holds(self, run_id: object) -> bool:
        """Whether a run is the token's, or below it."""
        if not isinstance(run_id, str):
            return False
        if run_id not in self._known:
            self._known[run_id] = self._below(self._store.run(run_id))
        return self._known[run_id]

    def _below(self, record: RunRecord | None) -> bool:
        own = self.own
        passed: set[str] = set()
        while record is not None and record.id not in passed:
            if record.id == own.id:
                return True
            passed.add(record.id)
            if record.parent is None or record.root != own.root:
                return False
            record = self._store.run(record.parent)
        return False

    def demand(self, *run_ids: object) -> None:
        """Raise HTTPError 403 unless all of these are the token's."""
        if not run_ids or not all(map(self.holds, run_ids)):
            raise web.HTTPError(403, f"The token of run {self._token.run} reaches that run and what is below it alone.")

    # -- the store's client --------------------------------------------------------------------------------------
    def check_read(self, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Refuse to read what is not the run's."""
        try:
            asked = inspect.signature(getattr(Store, method)).bind(None, *args, **kwargs).arguments
        except TypeError as error:
            raise UserErrorException(f"{method}: {error}.") from error
        if method in _OPEN:
            return
        if method == "run" or method in _OF_ONE:
            self.demand(asked["run_id"])
        elif method == "metrics":
            self.demand(*_several(asked["run_ids"]))
        elif method == "runs":
            self._check_query(asked["query"])
        elif method == "open_runs" and asked.get("owner"):
            # Whoever finds an open run of a dead writer fails it: that is for those who may.
            self.demand(self._token.run, *[run.id for run in self._store.open_runs(asked["owner"])])
        elif method in ("experiment", "experiments"):
            self._check_experiment(asked.get("name"))
        elif method in ("asset", "asset_names", "assets"):
            kind = getattr(asked.get("query"), "kind", None) or asked.get("kind")
            if kind not in _SEEN:
                raise web.HTTPError(403, f"A run's token looks up no {kind or 'things of all kinds'}.")
        elif method == "links" and asked.get("run"):
            self.demand(asked["run"])
        elif method == "snapshot" and self.own.snapshot and asked["snapshot_id"] == self.own.snapshot:
            return
        else:
            self.demand()

    def check_write(self, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Refuse all but registering a further version of a model or dataset as the run's own."""
        asset = args[0] if args else None
        if method != "put_asset" or not isinstance(asset, AssetRecord) or len(args) > 1:
            raise web.HTTPError(403, f"A run's token does not {method.replace('_', ' ')}.")
        if (
            asset.kind not in _MADE
            or asset.id
            or asset.version
            or kwargs.get("if_exists", "version") not in ("version", "same")
        ):
            raise web.HTTPError(403, "A run's token registers new versions of models and datasets, and nothing else.")
        self.demand(asset.run)

    def _check_query(self, query: Any) -> None:
        if not isinstance(query, RunQuery):
            raise UserErrorException("A query is needed.")
        if query.ids is not None:
            self.demand(*_several(query.ids))
        else:
            self.demand(query.parent if query.parent is not None else query.under)

    def _check_experiment(self, name: object) -> None:
        if name not in (self._token.experiment, self.own.experiment):
            raise web.HTTPError(403, f"The token of run {self._token.run} reaches that run's experiment alone.")

    def check_events(self, events: Sequence[e.Event]) -> None:
        """Refuse a batch with anything in it that the run may not say."""
        self.demand(self._token.run)
        for event in events:
            if isinstance(event, _OF_A_RUN):
                self.demand(event.run, *([event.origin] if getattr(event, "origin", "") else ()))  # type: ignore[union-attr]
            elif isinstance(event, e.RunCreated):
                self._check_birth(event.run)
            elif isinstance(event, e.ExperimentPut):
                self._check_experiment(event.name)
                if any(getattr(event, f.name) not in _NOTHING for f in fields(event) if f.name not in _BIRTH):
                    raise web.HTTPError(403, "A run's token changes no experiment.")
            elif isinstance(event, e.SnapshotTaken):
                if event.snapshot.id != manifest_id(dict(event.snapshot.files)):
                    raise web.HTTPError(403, "The snapshot's id is not that of its files.")
            else:
                raise web.HTTPError(403, f"A run's token does not send {type(event).__name__}.")

    def _check_birth(self, run: RunRecord) -> None:
        self._check_experiment(run.experiment)
        if self.holds(run.id):
            return
        self.demand(run.parent)
        if self._store.run(run.id) is not None:
            self.demand(run.id)
        self._known[run.id] = True


def _several(run_ids: Any) -> list[Any]:
    return list(run_ids) if isinstance(run_ids, (list, tuple)) else [run_ids]
