"""Built environments, kept by what is in them: each is built once, whoever asks at the same moment, and evicted by size.

::

    <cache>/<key>/        the environment; `.ready` in it is written last
    <cache>/<key>.lock    exclusive while it is built or removed, shared while a run uses it
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from types import TracebackType

from packaging.requirements import Requirement

import jupyter_aml
from jupyter_aml.environments import patience, uv
from jupyter_aml.environments.conda import package_name
from jupyter_aml.errors import EnvironmentException

LIMIT = 20 * 2**30
"""Bytes that the built environments may have together; $JUPYTER_AML_ENVIRONMENTS_LIMIT says otherwise."""
_NOT_FOR_RUNS = frozenset({"jupyterlab", "jupyter-server", "ipywidgets"})
_READY = ".ready"


def folder() -> Path:
    """Where they are: $JUPYTER_AML_CACHE, else the user's cache folder."""
    given = os.environ.get("JUPYTER_AML_CACHE")
    base = Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jupyter_aml"
    return base / "environments"


def our_requirements() -> list[str]:
    """What jupyter_aml itself needs in a run."""
    found = []
    for text in metadata.requires("jupyter_aml") or ():
        one = Requirement(text)
        extra = one.marker is not None and "extra" in str(one.marker)
        if not extra and package_name(one.name) not in _NOT_FOR_RUNS:
            found.append(str(one))
    return sorted(found)


class InUse:
    """A built environment while somebody uses it: it is not evicted until `release`."""

    def __init__(self, place: Path, lock: int) -> None:
        self.place = place
        self._lock = lock

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def release(self) -> None:
        """It may be evicted. Safe twice."""
        lock, self._lock = self._lock, -1
        if lock >= 0:
            os.close(lock)

    def __enter__(self) -> InUse:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()


def built(lines: Sequence[str], options: Sequence[str], python: str, log: uv.Log) -> InUse:
    """The environment with these requirements and jupyter_aml, built at the first call.

    Args:
        lines: requirements.
        options: pip's.
        python: the interpreter that it is made of.
        log: is told what the builder says.

    Raises:
        EnvironmentException: it cannot be built; with the resolver's words.
    """
    ours = our_requirements()
    home = Path(jupyter_aml.__file__).parent
    facts = [sorted(lines), list(options), python, ours, str(home), sys.version]
    key = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:24]
    root = folder()
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    place = root / key
    lock = os.open(root / f"{key}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _flock(lock, shared=True)
        if not (place / _READY).exists():
            _flock(lock, shared=False)  # not an upgrade in one step: another may have built it in between
            if not (place / _READY).exists():
                _build(place, [*lines, *_lacking(ours, lines)], options, python, home, log)
                evict(keep=key)
            _flock(lock, shared=True)
        with suppress(OSError):
            os.utime(place / _READY)
    except BaseException:
        os.close(lock)
        raise
    return InUse(place, lock)


def _lacking(ours: Sequence[str], lines: Sequence[str]) -> list[str]:
    """Ours without what the environment pins itself: its own choice stands, whatever we would like."""
    pinned = {package_name(Requirement(one).name) for one in lines}
    return [one for one in ours if package_name(Requirement(one).name) not in pinned]


def _build(place: Path, lines: Sequence[str], options: Sequence[str], python: str, home: Path, log: uv.Log) -> None:
    if place.exists():  # a build that was killed
        shutil.rmtree(place)
    log(f"Building an environment with {len(lines)} requirements in {place}")
    began = time.monotonic()
    try:
        uv.make(place, python, log)
        uv.install(place / ("Scripts/python.exe" if os.name == "nt" else "bin/python"), lines, options, log)
        _add_ours(place, home)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    (place / _READY).write_text("\n".join(lines), encoding="utf-8")
    log(f"Built in {time.monotonic() - began:.1f} s")


def _add_ours(place: Path, home: Path) -> None:
    """jupyter_aml as it is here, by links: what submits and what runs are the same."""
    packages = next(place.glob("lib/python*/site-packages"), None) or place / "Lib" / "site-packages"
    links = {home.name: home}
    found = metadata.distribution("jupyter_aml")
    about = getattr(found, "_path", None)
    if about is not None:
        links[Path(about).name] = Path(about)
    for name, target in links.items():
        try:
            (packages / name).symlink_to(target.resolve(), target_is_directory=True)
        except OSError:
            shutil.copytree(target, packages / name, dirs_exist_ok=True)


def evict(keep: str = "") -> list[str]:
    """Remove the environments that were not used for longest until the rest fits; those in use stay. Returns their keys."""
    root = folder()
    limit = int(os.environ.get("JUPYTER_AML_ENVIRONMENTS_LIMIT") or LIMIT)
    ready = []
    for place in root.iterdir() if root.is_dir() else ():
        with suppress(OSError):
            ready.append(((place / _READY).stat().st_mtime, _size(place), place))
    total = sum(size for _, size, _ in ready)
    gone = []
    for _, size, place in sorted(ready):
        if total <= limit:
            break
        if place.name == keep:
            continue
        lock = os.open(root / f"{place.name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if _flock(lock, shared=False, wait=False):
                (place / _READY).unlink(missing_ok=True)
                shutil.rmtree(place, ignore_errors=True)
                total -= size
                gone.append(place.name)
        finally:
            os.close(lock)
    return gone


def _size(place: Path) -> int:
    """Bytes on the disk; a file that is linked from uv's own cache counts in part."""
    total = 0
    for where, _, names in os.walk(place):
        for name in names:
            with suppress(OSError):
                about = os.lstat(os.path.join(where, name))  # noqa: PTH118 - many files
                total += about.st_size // max(1, about.st_nlink)
    return total


def _flock(lock: int, *, shared: bool, wait: bool = True) -> bool:
    """Lock by file, not by process: several runs of one launcher each have their own."""
    try:
        import fcntl
    except ImportError:  # pragma: no cover
        return True
    while True:
        try:
            fcntl.flock(lock, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if not wait:
                return False
        except OSError as error:
            raise EnvironmentException(
                f"The cache of environments {folder()} cannot be locked: {error.strerror}."
            ) from error
        patience.look()
        time.sleep(patience.TICK)
