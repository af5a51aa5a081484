"""An environment that is ready to run in, wherever that is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Prepared:
    """An environment that is ready."""

    python: str
    """Path of its interpreter."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Variables that belong to it."""
    warnings: list[str] = field(default_factory=list)
    """What is not as it was asked for."""
    key: str = ""
    """The built environment's name in the cache; "" for an interpreter that was there."""
    release: Callable[[], None] = lambda: None
    """To be called when the run has ended: what was built for it may be evicted then. Safe twice."""
