"""The keys of a workspace's vault: in the system's keyring where one answers, else in a file of the user's home.

They never lie in the workspace's folder: no backup, archive or snapshot of it holds what opens its secrets. A small file in the
home, ``<home>/.remote/vault/<hash of the workspace's id>.json`` (0600), has the keys, or says that the keyring has them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from jupyter_aml.errors import UserErrorException, WorkspaceException
from jupyter_aml.store import home
from jupyter_aml.store.locks import try_lock

SWITCH = "JUPYTER_AML_KEYRING"
"""Environment variable: ``off`` keeps the keys in the file."""
_FOLDER = (".remote", "vault")  # place.py keeps snapshots out of .remote
_SERVICE = "jupyter_aml vault"
_PATIENCE = 4.0
"""Seconds that a keyring may take: one that asks at a screen where nobody sits would never answer."""
_LOCKED = 30.0
"""Seconds that another process may hold the keys."""

T = TypeVar("T")
_here = threading.RLock()


@dataclass(frozen=True)
class Keys:
    """The keys of a vault, the newest in use."""

    current: str
    """Id of the one that seals."""
    all: dict[str, bytes] = field(repr=False)
    """Id → key; more than one only while a rotation is under way."""

    @property
    def key(self) -> bytes:
        """The one that seals."""
        return self.all[self.current]

    def text(self) -> str:
        """As it is kept."""
        return json.dumps(
            {"current": self.current, "keys": {id: base64.b64encode(key).decode() for id, key in self.all.items()}}
        )


def new_keys(others: dict[str, bytes] | None = None) -> Keys:
    """A new key, the one in use; `others` are kept with it."""
    id = secrets.token_hex(8)
    return Keys(id, {**(others or {}), id: secrets.token_bytes(32)})


def read_text(text: str) -> Keys:
    """Keys as they were kept.

    Raises:
        ValueError: they are none.
    """
    plain = json.loads(text)
    found = {str(id): base64.b64decode(key, validate=True) for id, key in plain["keys"].items()}
    if plain["current"] not in found or any(len(key) != 32 for key in found.values()):
        raise ValueError("no keys")
    return Keys(plain["current"], found)


class KeyPlace:
    """Where the keys of one workspace are kept for this user.

    Args:
        workspace: the workspace's id.
    """

    def __init__(self, workspace: str) -> None:
        self._id = hashlib.sha256(workspace.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    @property
    def _path(self) -> Path:
        return home.home().joinpath(*_FOLDER) / f"{self._id}.json"

    @property
    def place(self) -> str:
        """Where they are, for people."""
        return "the system's keyring" if (self._said() or {}).get("keyring") else str(self._path)

    def read(self) -> Keys | None:
        """The keys; None when this user has none.

        Raises:
            WorkspaceException: they cannot be read, or the keyring does not answer.
        """
        said = self._said()
        if said is None:
            return None
        try:
            if not said.get("keyring"):
                return read_text(json.dumps(said))
            text = _asked(lambda: _keyring().get_password(_SERVICE, self._id))
            if text is None:
                raise WorkspaceException(
                    "The keyring of this system does not give the key of the vault. Unlock it, or log in where it can be unlocked."
                )
            return read_text(text)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise WorkspaceException(
                f"The keys of the vault in {self.place} are damaged. Restore them (`aml secret import-key`)."
            ) from None

    def write(self, keys: Keys) -> None:
        """Keep keys: where they were, or else in the keyring if there is one that answers, or else in the file."""
        said = self._said()
        in_keyring = bool(said.get("keyring")) if said is not None else _has_keyring()
        if in_keyring and self._to_keyring(keys, must=said is not None):
            self._write_file(json.dumps({"keyring": True}))
        else:
            self._write_file(keys.text())

    def _to_keyring(self, keys: Keys, *, must: bool) -> bool:
        text = keys.text()

        def keep() -> bool:
            ring = _keyring()
            ring.set_password(_SERVICE, self._id, text)
            return bool(ring.get_password(_SERVICE, self._id) == text)

        kept = _asked(keep)
        if not kept and must:
            raise WorkspaceException("The keyring of this system does not take the key of the vault. Unlock it first.")
        return bool(kept)

    def _said(self) -> dict[str, Any] | None:
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            if not isinstance(found, dict):
                raise ValueError("no keys")
            return found
        except FileNotFoundError:
            return None
        except ValueError:
            raise WorkspaceException(
                f"The keys of the vault in {self._path} are damaged. Restore them (`aml secret import-key`)."
            ) from None
        except OSError as error:
            raise WorkspaceException(f"Cannot read the keys of the vault, {self._path}: {error.strerror}.") from error

    def _write_file(self, text: str) -> None:
        path = self._path
        scratch = path.with_name(f".{secrets.token_hex(8)}")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(path)
        except OSError as error:
            with suppress(OSError):
                scratch.unlink()
            raise WorkspaceException(f"Cannot keep the keys of the vault in {path}: {error.strerror}.") from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else of this machine makes or changes keys, or seals with them, while this lasts.

        Raises:
            WorkspaceException: somebody does not let go of them.
        """
        with _here:
            path = self._path.with_suffix(".lock")
            try:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            except OSError as error:
                raise WorkspaceException(f"Cannot lock the keys of the vault, {path}: {error.strerror}.") from error
            try:
                deadline = time.monotonic() + _LOCKED
                while not try_lock(fd):
                    if time.monotonic() > deadline:
                        raise WorkspaceException(f"Another process holds the keys of the vault ({path}). Try again.")
                    time.sleep(0.01)
                yield
            finally:
                os.close(fd)

    def export(self) -> str:
        """The keys as text, to be brought to another machine.

        Raises:
            WorkspaceException: there are none.
        """
        keys = self.read()
        if keys is None:
            raise WorkspaceException("The vault has no key yet: set a secret first.")
        return keys.text()

    def import_(self, text: str) -> None:
        """Take keys from another machine; those that are here already are kept for reading.

        Raises:
            UserErrorException: the text is no keys.
        """
        try:
            given = read_text(text)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UserErrorException("This is no key of a vault. `aml secret export-key` writes one.") from None
        with self.locked():
            mine = self.read()
            self.write(Keys(given.current, {**(mine.all if mine else {}), **given.all}))


def _keyring() -> Any:
    import keyring

    return keyring


def _has_keyring() -> bool:
    """Whether a keyring worth its name is here (not one that keeps plain text, or nothing)."""
    if os.environ.get(SWITCH, "").lower() in ("off", "0", "no"):
        return False
    try:
        return bool(_asked(lambda: float(_keyring().get_keyring().priority) >= 1))
    except ImportError:
        return False


def _asked(ask: Callable[[], T]) -> T | None:
    """What a keyring answers; None when it fails or takes too long (the thread that asked is left behind then)."""
    answer: list[T] = []

    def run() -> None:
        with suppress(Exception):  # each backend has its own errors; without an answer there is no keyring
            answer.append(ask())

    thread = threading.Thread(target=run, daemon=True, name="aml-keyring")
    thread.start()
    thread.join(_PATIENCE)
    return answer[0] if answer else None


__all__ = ["KeyPlace", "Keys", "new_keys"]
