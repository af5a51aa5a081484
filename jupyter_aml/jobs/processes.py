"""The processes of a run, seen from whoever launches it: started by a nursery, watched by a keeper (see nursery.py)."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jupyter_aml.errors import ActivityFailedException, ComputeTargetException
from jupyter_aml.jobs import nursery as nursery_side

_READ = 1 << 16
_LATE = 3.0
"""Seconds that output is still read for after the last process has ended."""


@dataclass(frozen=True, kw_only=True)
class Rank:
    """One process of a run."""

    command: Sequence[str]
    """Program and arguments."""
    variables: Mapping[str, str]
    """The whole of its environment."""
    folder: str
    """Its working folder."""
    script: str = ""
    """When this very interpreter is to run a Python script: its path; a fork does it then, without the start of a fresh one."""
    arguments: Sequence[str] = ()
    """Of the script."""
    limits: Mapping[str, int] = field(default_factory=dict)
    """Names and values for `resource.setrlimit`."""
    servant: bool = False
    """It serves the others and ends with them."""


@dataclass(kw_only=True)
class Ended:
    """How the processes ended."""

    codes: list[int]
    """Exit codes, negative for signals, in the order of the ranks."""
    first: int = 0
    """The rank that ended first with an error."""
    left: list[str] = field(default_factory=list)
    """What was left behind and had to be ended."""
    lost: bool = False
    """Nobody knows: the keeper was killed."""
    memory: int = 0
    """Bytes of the largest rank."""
    seconds: float = 0.0
    """Of processor time."""
    why: str = ""
    """Who was killed, where that is known."""
    said: dict[int, str] = field(default_factory=dict)
    """The last of what ranks elsewhere printed."""


class Nursery:
    """A nursery process of this process. Thread-safe."""

    def __init__(self) -> None:
        if not hasattr(socket, "recv_fds") or not hasattr(os, "fork"):
            raise ComputeTargetException("Scripts can be submitted on Linux and macOS; this system has no fork.")
        ours, theirs = socket.socketpair()
        from jupyter_aml.jobs.variables import alias_folder, inherited

        self._socket = ours
        self._lock = threading.Lock()
        self._stamp = _installed()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", nursery_side.__name__],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL if not os.environ.get("JUPYTER_AML_DEBUG") else None,
                start_new_session=True,
                env={**inherited(), "PYTHONPATH": alias_folder(), "PYTHONUNBUFFERED": ""},
                cwd="/",
            )

    def start(self, ranks: Sequence[Rank]) -> Group:
        """Start processes.

        Raises:
            ActivityFailedException: the nursery is gone.
        """
        ours, theirs = socket.socketpair()
        reads, writes = [], []
        try:
            for _ in ranks:
                read, write = os.pipe()
                reads.append(read)
                writes.append(write)
            spec = {
                "ranks": [
                    {
                        "command": list(rank.command), "variables": dict(rank.variables), "folder": rank.folder,
                        "script": rank.script, "arguments": list(rank.arguments), "limits": dict(rank.limits),
                        "servant": rank.servant,
                    }
                    for rank in ranks
                ]
            }  # fmt: skip
            with self._lock:
                nursery_side.send(self._socket, spec, [theirs.fileno(), *writes])
        except OSError as error:
            ours.close()
            for read in reads:
                os.close(read)
            raise ActivityFailedException(f"The script's process could not be started: {error.strerror}.") from error
        finally:
            theirs.close()
            for write in writes:
                os.close(write)
        return Group(ours, reads)

    @property
    def good(self) -> bool:
        """Whether it lives, and what it has loaded is still what is installed."""
        return self._process.poll() is None and self._stamp == _installed()

    def close(self) -> None:
        """Let it end. Processes that it has started go on."""
        self._socket.close()
        threading.Thread(target=self._process.wait, name="jupyter_aml-reaper", daemon=True).start()


_shared: Nursery | None = None
_guard = threading.Lock()


def nursery() -> Nursery:
    """This process's nursery, started at first use and again when it has died or something was installed since."""
    global _shared
    with _guard:
        if _shared is None or not _shared.good:
            if _shared is not None:
                _shared.close()
            _shared = Nursery()
        return _shared


def end_nursery() -> None:
    """Let this process's nursery end."""
    global _shared
    with _guard:
        if _shared is not None:
            _shared.close()
            _shared = None


def same_interpreter(python: str) -> bool:
    """Whether this is the interpreter of this process, as far as scripts can tell."""
    return os.path.abspath(python) == os.path.abspath(sys.executable)  # noqa: PTH100


def _installed() -> tuple[float, ...]:
    stamps = []
    for name in ("purelib", "platlib"):
        with contextlib.suppress(OSError):
            stamps.append(os.stat(sysconfig.get_path(name)).st_mtime)  # noqa: PTH116
    return tuple(stamps)


class Group:
    """The processes of one run, from their start on. For one thread; `poke` is for all."""

    def __init__(self, control: socket.socket, outputs: list[int]) -> None:
        self._control = control
        self._outputs = dict(zip(outputs, range(len(outputs)), strict=True))
        self._said = b""
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        self._guard = threading.Lock()
        self._open = True
        self.pids: list[int] = []
        self.keeper = 0
        self.ended = Ended(codes=[0] * len(outputs))
        self.over = False

    def poke(self) -> None:
        """Make `events` yield now."""
        with self._guard, contextlib.suppress(OSError):
            if self._open:  # else the number is another file's by now
                os.write(self._wake, b"!")

    def stop(self, grace: float) -> None:
        """Ask the processes to end (SIGTERM); after `grace` seconds they and all that they started are killed."""
        with contextlib.suppress(OSError):
            self._control.sendall(f"stop {grace:.3f}\n".encode())

    def events(self, pause: float) -> Iterator[tuple[int, bytes]]:
        """(rank, what it printed) as it comes, until all is over; (-1, b"") at least every `pause` seconds and when poked."""
        until: float | None = None
        while self._outputs or not self.over:
            wait = pause if until is None else max(0.0, min(pause, until - time.monotonic()))
            fds = [self._woken, *self._outputs, *([] if self.over else [self._control.fileno()])]
            ready, _, _ = select.select(fds, [], [], wait)
            for fd in ready:
                if fd == self._woken:
                    os.read(fd, 4096)
                elif fd in self._outputs:
                    data = os.read(fd, _READ)
                    if data:
                        yield self._outputs[fd], data
                    else:
                        os.close(fd)
                        del self._outputs[fd]
                else:
                    self._hear()
            if self.over and until is None:
                until = time.monotonic() + _LATE
            if until is not None and time.monotonic() >= until:
                break  # somebody out of reach holds the output open
            yield -1, b""
        self.close()

    def _hear(self) -> None:
        try:
            data = self._control.recv(_READ)
        except OSError:
            data = b""
        if not data:
            self.over = True
            self.ended.lost = True
            self._kill_groups()
            return
        *lines, self._said = (self._said + data).split(b"\n")
        bad = False
        for line in lines:
            said: dict[str, Any] = json.loads(line)
            if "started" in said:
                self.pids[:] = said["started"]
                self.keeper = said["keeper"]
            elif "ended" in said:
                bad = any(self.ended.codes)
                self.ended.codes[said["ended"]] = said["code"]
                self.ended.memory = max(self.ended.memory, said["memory"])
                self.ended.seconds += said["seconds"]
                if said["code"] and not bad:
                    self.ended.first = said["ended"]
            elif "done" in said:
                self.ended.left = said["left"]
                self.over = True

    def _kill_groups(self) -> None:
        for pid in self.pids:
            with contextlib.suppress(OSError):
                os.killpg(pid, signal.SIGKILL)

    def close(self) -> None:
        """Let go: what still runs is killed by the keeper."""
        self._control.close()
        with self._guard:
            was_open, self._open = self._open, False
        if was_open:
            for fd in (*self._outputs, self._woken, self._wake):
                with contextlib.suppress(OSError):
                    os.close(fd)
            self._outputs.clear()
