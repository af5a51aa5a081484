"""The part of the store's contract by which a request that is sent twice is carried out once, whichever server it reaches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal, NamedTuple


class Claim(NamedTuple):
    """What is known of a request."""

    state: Literal["yours", "busy", "answered", "other"]
    """``yours``: answer it, then call `settle_answer`. ``busy``: somebody else is at it. ``answered``: as `body` says.
    ``other``: this name was used for another request."""
    body: str = ""
    applied: bool = False
    """With ``yours``: who was at it before (and died) had applied the batch of the journal `answer_journal` already."""


class Answers(ABC):
    """Answers that were given, for as long as they may be asked for again."""

    @abstractmethod
    def claim_answer(self, name: str, request: str, *, lease: float = 60.0, keep: float = 86_400.0) -> Claim:
        """Begin to answer a request: of several who ask at once one gets it.

        Args:
            name: of the request, the same whenever it is sent.
            request: digest of all that it says.
            lease: seconds after which whoever began it and did not settle it counts as dead.
            keep: seconds for which answers are kept.
        """

    @abstractmethod
    def settle_answer(self, name: str, body: str | None) -> None:
        """Keep the answer; None gives the request back, since nothing was done."""


def answer_journal(name: str) -> str:
    """The journal of a request's changes: applying them a second time changes nothing."""
    return f"once.{name}"
