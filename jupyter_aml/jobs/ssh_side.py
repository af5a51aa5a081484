"""The side of an attached machine: starts a run's processes there and stays with them. Needs nothing but Python.

It reads a line of JSON, ``{"ranks": [{"command", "variables", "folder"}], "root": …}``, then ``stop SECONDS`` lines; when its
input ends, whoever asked is gone: it kills what it has started. It writes frames: rank (255: a JSON message), length, bytes.
Messages: ``{"started": [pids]}``, ``{"ended": rank, "code": n, "memory": bytes, "seconds": cpu}``, ``{"done": true}``.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import struct
import sys
import time
from typing import Any

GRACE = 2.0


def main() -> None:
    """Run what the standard input says."""
    spec, rest = _first_line()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    running: dict[int, int] = {}
    outputs: dict[int, int] = {}
    pids: list[int] = []
    for index, rank in enumerate(spec["ranks"]):
        pid, output = _start(rank)
        running[pid] = index
        outputs[output] = index
        pids.append(pid)
    tell({"started": pids})
    deadline: float | None = None
    late: float | None = None
    while running or outputs:
        now = time.monotonic()
        waits = [t - now for t in (deadline, late) if t is not None]
        fds = [woken, 0, *outputs]
        ready, _, _ = select.select(fds, [], [], max(0.0, min(waits)) if waits else None)
        for fd in ready:
            if fd == woken:
                os.read(woken, 4096)
            elif fd == 0:
                data = os.read(0, 4096)
                if not data:
                    kill(pids)
                    shutil.rmtree(spec["root"], ignore_errors=True)
                    return
                rest += data
                while b"\n" in rest:
                    line, _, rest = rest.partition(b"\n")
                    if line.startswith(b"stop "):
                        send(pids, signal.SIGTERM)
                        deadline = time.monotonic() + float(line[5:])
            else:
                data = os.read(fd, 65536)
                if data:
                    frame(outputs[fd], data)
                else:
                    os.close(fd)
                    del outputs[fd]
        if deadline is not None and time.monotonic() >= deadline:
            deadline = None
            send(pids, signal.SIGKILL)
        for code in reap(running):
            if code and running and deadline is None:
                send(pids, signal.SIGTERM)
                deadline = time.monotonic() + 5.0
        if not running and late is None:
            send(pids, signal.SIGTERM)  # what a script left behind in its group
            late = time.monotonic() + GRACE
        if late is not None and time.monotonic() >= late:
            break
    kill(pids)
    tell({"done": True})


def _first_line() -> tuple[dict[str, Any], bytes]:
    rest = b""
    while b"\n" not in rest:
        data = os.read(0, 65536)
        if not data:
            sys.exit(1)
        rest += data
    line, _, rest = rest.partition(b"\n")
    return json.loads(line), rest


def _start(rank: dict[str, Any]) -> tuple[int, int]:
    read, write = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write)
        return pid, read
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(write, 1)
        os.dup2(write, 2)
        os.closerange(3, 256)
        os.chdir(rank["folder"])
        os.environ.update(rank["variables"])
        if rank.get("path"):
            os.environ["PATH"] = rank["path"] + ":" + os.environ.get("PATH", os.defpath)
        os.execvp(rank["command"][0], rank["command"])
    except OSError as error:
        os.write(2, (rank["command"][0] + ": cannot be started: " + str(error.strerror) + "\n").encode())
    os._exit(127)


def reap(running: dict[int, int]) -> list[int]:
    """Tell of all that have ended; their exit codes."""
    codes: list[int] = []
    while running:
        try:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            break
        if not pid:
            break
        if pid in running:
            code = os.waitstatus_to_exitcode(status)
            memory = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
            seconds = usage.ru_utime + usage.ru_stime
            tell({"ended": running.pop(pid), "code": code, "memory": memory, "seconds": seconds})
            codes.append(code)
    return codes


def send(pids: list[int], number: int) -> None:
    """Signal the groups."""
    for pid in pids:
        try:
            os.killpg(pid, number)
        except OSError:
            continue


def kill(pids: list[int]) -> None:
    """Kill the groups."""
    send(pids, signal.SIGKILL)


def tell(what: dict[str, Any]) -> None:
    """Write a message."""
    frame(255, json.dumps(what).encode())


def frame(rank: int, data: bytes) -> None:
    """Write a frame. Whoever listened may be gone: the end of the input tells."""
    data = struct.pack("!BI", rank, len(data)) + data
    while data:
        try:
            data = data[os.write(1, data) :]
        except OSError:
            return


if __name__ == "__main__":
    main()
