"""Secret parameters: the kernel gets the value, everything that is kept gets the mask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jupyter_aml.errors import ParameterException
from jupyter_aml.store.hidden import MASK, SHORTEST, Mask

__all__ = ["MASK", "Mask", "Printed", "check_secrets", "hand_over", "masked"]


class Printed:
    """What a cell prints, as it comes: an end that may be the beginning of a secret is held back until more is known.

    Args:
        mask: the secrets.
    """

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._held: dict[str, str] = {}

    def more(self, name: str, text: str) -> str:
        """What may be shown after this came on the stream `name`, perhaps nothing."""
        if not self._mask:
            return text
        text = self._held.pop(name, "") + text
        at = self._mask.open_end(text)
        if at < len(text):
            self._held[name] = text[at:]
        return self._mask.text(text[:at])

    def rest(self) -> dict[str, str]:
        """Stream → what was held back; nothing more comes."""
        held, self._held = self._held, {}
        return {name: self._mask.text(text) for name, text in held.items()}


def masked(parameters: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Parameters with the named ones masked."""
    hidden = set(names)
    return {name: MASK if name in hidden else value for name, value in parameters.items()}


def check_secrets(parameters: Mapping[str, Any], names: Iterable[str]) -> None:
    """Refuse secrets too short to be found in what a notebook prints. (Short parts of a list or a mapping are let through.)

    Raises:
        ParameterException: there is one.
    """
    for name in sorted(names):
        value = parameters[name]
        if isinstance(value, str | int | float) and not isinstance(value, bool) and 0 < len(str(value)) < SHORTEST:
            raise ParameterException(
                f"The secret parameter {name!r} has fewer than {SHORTEST} characters, which cannot be told from other "
                "text in what the notebook prints. Give a longer one, or do not declare it secret. Nothing was executed."
            )


def hand_over(names: Iterable[str]) -> str:
    """Python code that tells the kernel's process, after these names were assigned, never to write their values down."""
    return (
        f'\ntry:\n    __import__("{Mask.__module__}", fromlist=["hide"]).hide({", ".join(sorted(names))})\n'
        "except ImportError:\n    pass\n"
    )
