"""Where workspaces live, and what a workspace is called.

A workspace in a folder is a path, or ``file:///folder``; `place.py` knows the others. Workspaces with a name lie in the user's home of
workspaces, ``$JUPYTER_AML_HOME`` or else Jupyter's data folder. A name is text; the folder's name is
made from it here alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
import unicodedata
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from jupyter_aml.errors import UserErrorException, WorkspaceException

DEFAULT_WORKSPACE = "default"
ABOUT = "workspace.json"
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")


def home() -> Path:
    """The user's home of workspaces (it need not exist yet)."""
    configured = os.environ.get("JUPYTER_AML_HOME")
    if configured:
        return Path(configured).expanduser().absolute()
    try:
        from jupyter_core.paths import jupyter_data_dir

        return Path(jupyter_data_dir()) / "aml"
    except (RuntimeError, KeyError) as error:
        raise WorkspaceException(
            f"This user has no home folder ({error}). Set JUPYTER_AML_HOME to a folder of yours."
        ) from error


def check_name(name: object) -> str:
    """The name of a workspace, if it can be one.

    Raises:
        UserErrorException: empty, longer than 255 characters, or with control characters.
    """
    if (
        not isinstance(name, str)
        or not name.strip()
        or len(name) > 255
        or any(unicodedata.category(c) == "Cc" for c in name)
    ):
        shown = repr(name if not isinstance(name, str) or len(name) <= 40 else name[:40] + "…")
        raise UserErrorException(
            f"{shown} cannot be a workspace's name: it takes 1 to 255 characters, none of them control characters."
        )
    return name


def folder_name(name: str, noun: str = "workspace") -> str:
    """A folder's name for a workspace's name (or what `noun` says): the same where that is plain, else a slug with a hash."""
    if _PLAIN.match(name) and not name.endswith("."):
        return name
    slug = re.sub(
        r"[^a-z0-9]+", "-", unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    ).strip("-")
    return f"{slug[:40] or noun}~{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:10]}"


def workspace_url(name: str) -> str:
    """URL of the workspace of that name in the user's home (whether it exists or not)."""
    return str(home() / folder_name(check_name(name)))


def list_workspaces() -> dict[str, str]:
    """Name → URL of the workspaces in the user's home."""
    try:
        folders = sorted(path for path in home().iterdir() if (path / ABOUT).is_file())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise WorkspaceException(f"Cannot look into {home()}: {error.strerror}.") from error
    return {about(folder)["name"]: str(folder) for folder in folders}


def parse_url(url: str | Path) -> Path:
    """The folder that a workspace URL names.

    Raises:
        UserErrorException: a scheme that is not served.
    """
    text = os.fspath(url)
    if "://" not in text:
        return Path(text).expanduser().absolute()
    parts = urlsplit(text)
    if parts.scheme == "file":
        return Path(unquote(parts.path)).absolute()
    raise UserErrorException(
        f"A workspace cannot be at {parts.scheme}://. Give a folder, or a URL that begins with postgresql://, http:// or https://."
    )


def create(folder: Path, name: str | None = None, **facts: Any) -> dict[str, Any]:
    """Make a workspace's folder, or say what is there already. Two processes may do it at once.

    Raises:
        WorkspaceException: the folder cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / ABOUT
        if not path.exists():
            text = json.dumps(
                {
                    "name": check_name(name or folder.name or "workspace"),
                    "id": str(uuid.uuid4()),
                    "created": time.time(),
                    **facts,
                }
            )
            scratch = folder / f".{ABOUT}.{uuid.uuid4().hex}"
            fd = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(fd, "w", encoding="utf-8") as file:
                    file.write(text)
                try:
                    os.link(scratch, path)  # the first one stands
                except FileExistsError:
                    pass
                except OSError:  # a file system without hard links
                    scratch.replace(path)
            finally:
                scratch.unlink(missing_ok=True)
    except OSError as error:
        raise WorkspaceException(
            f"Cannot make the workspace folder {folder}: {error.strerror}. Choose another one, or set JUPYTER_AML_HOME."
        ) from error
    return about(folder)


def about(folder: Path) -> dict[str, Any]:
    """``{"name", "id", "created", …}`` of a workspace's folder.

    Raises:
        WorkspaceException: there is no workspace, or its description cannot be read.
    """
    path = folder / ABOUT
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict) or not isinstance(found.get("name"), str):
            raise ValueError("it names no workspace")
        return found
    except FileNotFoundError:
        raise WorkspaceException(f"There is no workspace in {folder}. Workspace.create() makes one.") from None
    except OSError as error:
        raise WorkspaceException(f"Cannot read {path}: {error.strerror}.") from error
    except ValueError as error:
        raise WorkspaceException(f"{path} is damaged ({error}). Restore it from a backup.") from error
