"""Tags and properties of a run: what changes, and what stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jupyter_aml.errors import UserErrorException
from jupyter_aml.store.records import RunRecord
from jupyter_aml.tracking.names import tag_names, tags_of


class TagsMixin:
    """The side of `Run` that says what it is about."""

    _id: str

    def _record(self) -> RunRecord:
        raise NotImplementedError

    def _change(self, **what: Any) -> None:
        raise NotImplementedError

    @property
    def tags(self) -> dict[str, str | None]:
        """Its tags."""
        return dict(self._record().tags)

    def get_tags(self) -> dict[str, str | None]:
        """Its tags."""
        return self.tags

    def tag(self, key: str, value: Any = None) -> None:
        """Set a tag; values are kept as text, None stays None."""
        self.set_tags({key: value})

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set several tags."""
        self._change(set_tags=tags_of(tags))

    def remove_tags(self, tags: Sequence[str] | str) -> None:
        """Take tags away."""
        self._change(drop_tags=tag_names(tags))

    @property
    def properties(self) -> dict[str, str]:
        """Its properties: facts that stay."""
        return dict(self._record().properties)

    def get_properties(self) -> dict[str, str]:
        """Its properties."""
        return self.properties

    def add_properties(self, properties: Mapping[str, Any]) -> None:
        """Add facts.

        Raises:
            UserErrorException: one of them is there already; properties never change.
        """
        new = {name: str(value) for name, value in tags_of(properties, "Properties").items()}
        known = self.properties
        again = sorted(set(known) & set(new))
        if again:
            raise UserErrorException(
                f"Property {again[0]!r} of run {self._id} is {known[again[0]]!r} and cannot be changed. Use a tag for what changes."
            )
        self._change(add_properties=new)
