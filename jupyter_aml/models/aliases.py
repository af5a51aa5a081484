"""Names that point at a version of a model ("production") and can be moved to another."""

from __future__ import annotations

import time
from typing import Any

from jupyter_aml.errors import ModelNotFoundException, UserErrorException
from jupyter_aml.models.names import ALIAS, KIND, alias_name
from jupyter_aml.store.records import AssetQuery, AssetRecord
from jupyter_aml.tracking.names import shown
from jupyter_aml.tracking.who import user_name


class Aliases:
    """The part of `Model` that has to do with aliases. An alias is an asset of its own, so that moving it is one write."""

    workspace: Any
    _record: AssetRecord

    @property
    def aliases(self) -> list[str]:
        """The aliases that point at this version."""
        found = self.workspace.connection.store.walk_assets(AssetQuery(kind=ALIAS, text=f"{self._record.name}:"))
        return sorted(a.data["alias"] for a in found if (a.data["model"], a.data["version"]) == self._version())

    def set_alias(self, alias: str) -> None:
        """Let an alias point at this version; it is taken from another version that had it.

        Raises:
            UserErrorException: a name that cannot be.
        """
        name, version = self._version()
        now = time.time()
        self.workspace.connection.store.put_asset(
            AssetRecord(
                kind=ALIAS, name=f"{name}:{alias_name(alias)}", created=now, modified=now, user=user_name(),
                data={"model": name, "alias": alias, "version": version},
            ),
            if_exists="replace",
        )  # fmt: skip

    def remove_alias(self, alias: str) -> None:
        """Take an alias from this version; nothing happens when it is another's or nobody's."""
        store = self.workspace.connection.store
        found = store.asset(ALIAS, f"{self._record.name}:{alias_name(alias)}")
        if found is not None and (found.data["model"], found.data["version"]) == self._version():
            store.delete_asset(found.id, at=time.time(), who=user_name())

    def _drop_aliases(self) -> None:
        for alias in self.aliases:
            self.remove_alias(alias)

    def _version(self) -> tuple[str, int]:
        return self._record.name, self._record.version

    @staticmethod
    def _number(workspace: Any, name: str, version: Any) -> int | None:
        """The version's number that a number, its text, an alias or None (the newest) means."""
        if version is None or version == "latest":
            return None
        if isinstance(version, bool) or not isinstance(version, (int, str)):
            raise UserErrorException(f"A version is a number or an alias, not {shown(version)}.")
        if isinstance(version, int) or version.strip().isdecimal():
            return int(version)
        store = workspace.connection.store
        found = store.asset(ALIAS, f"{name}:{alias_name(version)}")
        if found is None or store.asset(KIND, name, found.data["version"]) is None:
            known = [a.data["alias"] for a in store.walk_assets(AssetQuery(kind=ALIAS, text=f"{name}:"))]
            have = f"It has {', '.join(sorted(known))}." if known else "It has none."
            raise ModelNotFoundException(f"ModelNotFound: the model {name!r} has no alias {version!r}. {have}")
        return int(found.data["version"])
