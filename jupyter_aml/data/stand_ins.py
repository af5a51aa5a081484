"""Local folders that stand in for places on the network: for machines without one, for courses and for tests.

``$JUPYTER_AML_STAND_INS`` is a JSON object, or the path of a file with one (``<home>/stand_ins.json`` without it)::

    {"azuremlsamples/pipelinedata": "/srv/samples", "https://example.org/data": "/srv/data"}

A key is an Azure account and container, or the beginning of a URL; a value is a folder (or, for a URL, a file).
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from jupyter_aml.data.datastore_paths import confine, inside, join
from jupyter_aml.errors import UserErrorException
from jupyter_aml.store import home

SETTING = "JUPYTER_AML_STAND_INS"
_AZURE_HOSTS = (".blob.core.windows.net", ".dfs.core.windows.net", ".file.core.windows.net")


def stand_ins() -> dict[str, str]:
    """Key → folder.

    Raises:
        UserErrorException: the setting cannot be read.
    """
    given = os.environ.get(SETTING, "").strip()
    file = home.home() / "stand_ins.json"
    if not given and not file.is_file():
        return {}
    try:
        text = given if given.startswith("{") else Path(given or file).expanduser().read_text(encoding="utf-8")
        found = json.loads(text)
        if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
            raise ValueError("it is no object of texts")
    except (OSError, ValueError) as error:
        raise UserErrorException(
            f"The stand-ins ({SETTING if given else file}) cannot be read: {error}. "
            'Write {"account/container": "/folder", "https://…": "/folder"}.'
        ) from error
    return {key.rstrip("/"): os.path.abspath(os.path.expanduser(folder)) for key, folder in found.items()}  # noqa: PTH100, PTH111


def container_folder(account: str, container: str) -> str | None:
    """The folder that stands in for a container (share, file system) of an Azure account; None when there is none."""
    known = stand_ins()
    if not known:
        return None
    if f"{account}/{container}" in known:
        return known[f"{account}/{container}"]
    urls = (f"https://{account}{host}/{container}" for host in _AZURE_HOSTS)
    return next((known[url] for url in urls if url in known), None)


def local_path(url: str) -> str | None:
    """The local file or folder (or pattern of them) that stands in for a URL; None when there is none.

    Raises:
        UserErrorException: the URL leads out of what stands in.
    """
    known = stand_ins()
    if not known:
        return None
    plain = url.partition("#")[0].partition("?")[0].rstrip("/")
    for key in sorted(known, key=len, reverse=True):
        for begin in _spellings(key):
            if plain == begin or plain.startswith(f"{begin}/"):
                root = known[key]
                path = join(root, confine(unquote(plain[len(begin) :]).lstrip("/")))
                return inside(root, path)
    return None


def _spellings(key: str) -> tuple[str, ...]:
    if "://" in key:
        parts = urlsplit(key)
        other = {"https": "http", "http": "https"}.get(parts.scheme)
        return (key, f"{other}{key[len(parts.scheme) :]}") if other else (key,)
    account, _, container = key.partition("/")
    return tuple(f"https://{account}{host}/{container}" for host in _AZURE_HOSTS)
