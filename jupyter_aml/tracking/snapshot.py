"""Snapshots: a source tree frozen by content, and laid out again.

Honours ``.amlignore``, else ``.gitignore``, of the tree's top folder. What is left out is listed with the reason.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from jupyter_aml.errors import NotFoundException, SnapshotException, UserErrorException
from jupyter_aml.store.contract import Blobs
from jupyter_aml.store.journal import OWN, SUFFIX
from jupyter_aml.store.place import ours
from jupyter_aml.store.records import SnapshotRecord
from jupyter_aml.store.verified import DamagedContent

ALWAYS_OUT = frozenset(
    {".git", ".ipynb_checkpoints", "__pycache__", ".mypy_cache", ".pytest_cache", ".venv", "node_modules"}
)
RESULTS = frozenset({"outputs", "logs"})
"""Top folders that hold what runs made, not what made them."""


def max_bytes() -> int:
    """Size limit of a snapshot: the SDK's 300 MB, or ``$JUPYTER_AML_SNAPSHOT_MAX_BYTES``."""
    return _limit("JUPYTER_AML_SNAPSHOT_MAX_BYTES", 300 * 1024 * 1024)


def max_files() -> int:
    """Limit of the number of files: the SDK's 2000, or ``$JUPYTER_AML_SNAPSHOT_MAX_FILES``."""
    return _limit("JUPYTER_AML_SNAPSHOT_MAX_FILES", 2000)


def _limit(variable: str, default: int) -> int:
    text = os.environ.get(variable)
    if not text:
        return default
    try:
        return int(text)
    except ValueError:
        raise UserErrorException(f"{variable} is a whole number, not {text!r}.") from None


def take(blobs: Blobs, source: Path | str, leave_out: Callable[[Path], str] = lambda path: "") -> SnapshotRecord:
    """Freeze a folder (or one file).

    Args:
        blobs: where contents go.
        source: the folder.
        leave_out: says of a file of the folder why it is left out; "" when it is not.

    Raises:
        SnapshotException: there is no such folder, or it exceeds the limits (nothing was copied then).
    """
    try:
        root = Path(source)
    except TypeError:
        raise SnapshotException(
            f"A snapshot is taken of a folder's or a file's path, not of {source!r} of type {type(source).__name__}."
        ) from None
    if root.is_file():
        found: list[tuple[str, Path]] = [(root.name, root)]
        skipped: dict[str, str] = {}
        root = root.parent
    elif root.is_dir():
        found, skipped = _walk(root, leave_out)
    else:
        raise SnapshotException(f"There is no folder {str(source)!r} to take a snapshot of.")
    total = sum(path.stat().st_size for _, path in found if path.exists())
    if total > max_bytes():
        raise SnapshotException(
            f"The snapshot of {root} would have {total / 1e6:,.0f} MB; the limit is {max_bytes() / 1e6:,.0f} MB. "
            "List what is not source in .amlignore, or raise JUPYTER_AML_SNAPSHOT_MAX_BYTES."
        )
    files: dict[str, tuple[str, int, int]] = {}
    readable = []
    for name, path in found:
        if os.access(path, os.R_OK):
            readable.append((name, path))
        else:
            skipped[name] = "cannot be read"
    for (name, path), (digest, size) in zip(readable, blobs.put_files([p for _, p in readable]), strict=True):
        files[name] = (digest, size, 0o755 if os.access(path, os.X_OK) else 0o644)
    return SnapshotRecord(id=manifest_id(files), files=files, skipped=skipped, created=time.time())


def manifest_id(files: dict[str, tuple[str, int, int]]) -> str:
    """The same tree has the same id."""
    text = json.dumps(sorted((name, *entry) for name, entry in files.items()), separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _walk(root: Path, leave_out: Callable[[Path], str]) -> tuple[list[tuple[str, Path]], dict[str, str]]:
    ignored = _ignored(root)
    found: list[tuple[str, Path]] = []
    skipped: dict[str, str] = {}
    limit, largest, total = max_files(), max_bytes(), 0
    resolved = root.resolve()
    own = {path.resolve() for path in OWN}
    pending = [(root, "")]
    while pending:
        folder, prefix = pending.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            skipped[prefix or "."] = f"cannot be read ({error.strerror})"
            continue
        for entry in entries:
            name = prefix + entry.name
            if entry.name in ALWAYS_OUT or (
                not prefix and entry.name in RESULTS and entry.is_dir(follow_symlinks=False)
            ):
                continue
            try:
                if entry.is_symlink() and not _stays_inside(Path(entry.path), resolved):
                    skipped[name] = "a link that leaves the folder"
                    continue
                if entry.is_symlink() and entry.is_dir():
                    skipped[name] = "a link to a folder"
                    continue
                state = entry.stat()
            except OSError as error:
                skipped[name] = f"cannot be read ({error.strerror})"
                continue
            folder_like = stat.S_ISDIR(state.st_mode)
            if ignored(name + "/" if folder_like else name):
                continue
            if folder_like and (reason := ours(Path(entry.path))):
                skipped[name] = reason
            elif folder_like:
                pending.append((Path(entry.path), name + "/"))
            elif not stat.S_ISREG(state.st_mode):
                skipped[name] = "neither a file nor a folder"
            elif entry.name.endswith(SUFFIX) and Path(entry.path).resolve() in own:
                skipped[name] = "a journal of this process"  # whoever closes it drops the lock that says that it lives
            elif reason := leave_out(Path(entry.path)):
                skipped[name] = reason
            else:
                found.append((name, Path(entry.path)))
                total += state.st_size
                if len(found) > limit:
                    raise SnapshotException(
                        f"The snapshot of {root} would have more than {limit:,} files. "
                        "List what is not source in .amlignore, or raise JUPYTER_AML_SNAPSHOT_MAX_FILES."
                    )
                if total > largest:
                    raise SnapshotException(
                        f"The snapshot of {root} would exceed {largest / 1e6:,.0f} MB (at {name!r}). "
                        "List what is not source in .amlignore, or raise JUPYTER_AML_SNAPSHOT_MAX_BYTES."
                    )
    return found, skipped


def _stays_inside(link: Path, root: Path) -> bool:
    try:
        return link.resolve(strict=True).is_relative_to(root)
    except (OSError, RuntimeError):  # dangling, or a loop
        return False


def _ignored(root: Path) -> Callable[[str], bool]:
    for name in (".amlignore", ".gitignore"):
        try:
            text = (root / name).read_text(encoding="utf-8-sig", errors="replace")
        except OSError:
            continue
        from pathspec import GitIgnoreSpec

        return GitIgnoreSpec.from_lines(text.splitlines()).match_file
    return lambda name: False


def restore(blobs: Blobs, snapshot: SnapshotRecord, target: Path | str) -> Path:
    """Lay a snapshot out below `target` (made if need be; existing files of the same name are replaced).

    Raises:
        SnapshotException: `target` is no folder and cannot become one, a member would leave it, or contents are lost
            (all others are laid out; the message names what is not).
    """
    lost: list[str] = []
    root = Path(target)
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SnapshotException(f"The snapshot cannot be unpacked into {root}: {error.strerror}.") from error
    top = root.resolve()
    for name, (digest, _, mode) in snapshot.files.items():
        parts = PurePosixPath(name).parts
        path = root.joinpath(*parts)
        if not parts or ".." in parts or name.startswith("/") or not path.parent.resolve().is_relative_to(top):
            raise SnapshotException(
                f"The snapshot holds {name!r}, which would leave {root}; nothing more was unpacked."
            )
        try:
            blobs.fetch(digest, path)
        except (NotFoundException, DamagedContent) as error:
            lost.append(f"{name} ({'damaged' if isinstance(error, DamagedContent) else 'not there'})")
            continue
        path.chmod(mode & 0o755)
    if lost:
        shown = ", ".join(lost[:20]) + (f" and {len(lost) - 20} more" if len(lost) > 20 else "")
        raise SnapshotException(
            f"{len(lost)} of the {len(snapshot.files)} files of the snapshot are lost: {shown}. The others are in {root}. "
            "aml doctor --deep says what else is; import an archive that has them, or restore them from a backup."
        )
    return root
