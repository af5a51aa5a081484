"""URLs with what opens them in them: a signature behind the ?, or a password before the @.

What is written down of such a URL is the URL without it; all of it is in this process and, once the dataset belongs to a
workspace, in the key vault under the URL. So a signature that was renewed makes no new dataset.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit, urlunsplit

from jupyter_aml.data import secret_outputs
from jupyter_aml.data.vault import URL, vault_of
from jupyter_aml.errors import UserErrorException

SEALED = "sealed"
"""The entry of a place whose URL goes without what opens it."""
_TELLING = re.compile(r"sig|token|key|secret|pass|pwd|credential|auth|code|sas", re.IGNORECASE)
_LONG = 16
"""Characters of a parameter's value from which on it may open something, whatever its name is."""
_known: dict[str, str] = {}


def place_of(url: str) -> dict[str, str]:
    """What is written down of a URL; what opens it is remembered by this process, and masked in what it logs and shows.

    Args:
        url: as the user gave it.
    """
    parts = urlsplit(url)
    host = host_of(parts)
    secrets = [] if host == parts.netloc else [parts.netloc.rpartition("@")[0].rpartition(":")[2]]
    given = parse_qsl(parts.query, keep_blank_values=True)
    secrets += [value for name, value in given if len(value) >= _LONG or (value and _TELLING.search(name))]
    if not secrets:
        return {"url": url}
    bare = urlunsplit((parts.scheme, host, parts.path, "", ""))
    for secret in {*secrets, parts.query} - {""}:
        secret_outputs.hide(secret)
    _known[bare] = url
    return {"url": bare, SEALED: "vault"}


def host_of(parts: SplitResult) -> str:
    """The host (and port) of a URL, without who logs in there; a container that Azure's URLs have before the @ stays."""
    person, _, host = parts.netloc.rpartition("@")
    return host if ":" in person or parts.scheme.lower().startswith("http") else parts.netloc


def opened(workspace: Any, place: Mapping[str, str]) -> str:
    """The URL of a place with what opens it: for drivers, never for people.

    Raises:
        UserErrorException: it is neither in this process nor in the workspace's vault.
    """
    bare = place["url"]
    if SEALED not in place:
        return bare
    if bare not in _known:
        url = vault_of(workspace).get(_name(bare)) if workspace is not None else None
        if url is None:
            raise UserErrorException(
                f"What opens {bare} is not in the key vault. Make the dataset of the whole URL again and register it."
            )
        place_of(url)
        _known[bare] = url
    return _known[bare]


def keep(workspace: Any, places: Iterable[Mapping[str, str]]) -> None:
    """Put what opens the places into the workspace's vault, as far as this process knows it and the vault does not."""
    for bare in {place["url"] for place in places if SEALED in place} & _known.keys():
        vault = vault_of(workspace)
        if vault.get(_name(bare)) != _known[bare]:
            vault.put(_name(bare), _known[bare])


def _name(bare: str) -> str:
    return URL + hashlib.sha256(bare.encode()).hexdigest()[:32]
