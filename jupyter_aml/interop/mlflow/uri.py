"""The URIs of the scheme ``aml``: of workspaces, and of what MLflow calls the artifacts of a run.

``aml:<workspace URL>`` is a workspace, ``aml:`` alone that of this process; ``aml://<quoted URL>/<run>/<folder>`` are files of a run.
"""

from __future__ import annotations

import os
from urllib.parse import quote, unquote, urlsplit

from jupyter_aml.errors import UserErrorException
from jupyter_aml.store.connection import Connection, connect
from jupyter_aml.tracking import context

SCHEME = "aml"


def connection_of(uri: str) -> Connection:
    """The connection to the workspace that a tracking URI names.

    Raises:
        UserErrorException: it names none, and this process belongs to none.
        WorkspaceException: there is no such workspace.
    """
    url = uri.partition(":")[2] or os.environ.get(context.WORKSPACE, "")
    if not url:
        here = context.current()
        if here is not None:
            return here.connection
        raise UserErrorException(
            f"The tracking URI {uri!r} means the workspace of a submitted run, and this is none. "
            "Use mlflow.set_tracking_uri(ws.get_mlflow_tracking_uri())."
        )
    return connect(url)


def artifacts_of(url: str, run_id: str, folder: str = "") -> str:
    """The URI of a run's files, or of those below a folder."""
    return "/".join([f"{SCHEME}://{quote(url, safe='')}", quote(run_id, safe=""), *([folder] if folder else [])])


def of_artifacts(uri: str) -> tuple[str, str, str]:
    """(workspace URL, run id, folder or "") of a URI that `artifacts_of` made, with what MLflow put behind it.

    Raises:
        UserErrorException: it is none.
    """
    parts = urlsplit(uri)
    run_id, _, folder = parts.path.lstrip("/").partition("/")
    if parts.scheme != SCHEME or not parts.netloc or not run_id:
        raise UserErrorException(f"{uri!r} names no files of a run; those begin with {SCHEME}://<workspace>/<run>.")
    return unquote(parts.netloc), unquote(run_id), folder.strip("/")
