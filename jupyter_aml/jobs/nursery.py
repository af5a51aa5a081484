"""A process that stays warm and starts others in a few milliseconds: Python scripts by fork, any other command by exec.

    nursery (one thread, has jupyter_aml and its database layer loaded)
      └─ keeper (one a run: a session of its own; what the script leaves behind comes to it)
           └─ rank 0, rank 1 … (each in a process group of its own)

`processes.py` is the side that asks. The nursery is told by its standard input's socket: a length, JSON, and descriptors: the
keeper's socket, then each rank's output. The keeper says on its socket, a JSON line each, ``{"started": [pids]}``,
``{"ended": rank, "code": n}`` (as `subprocess` has it) and ``{"done": …}``; it is told ``stop SECONDS``, ``kill``. When its
socket closes, whoever asked is dead: it kills all that it has and ends.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import ctypes
import gc
import importlib
import io
import json
import os
import select
import signal
import socket
import struct
import sys
import threading
import time
import types
from collections.abc import Sequence
from typing import Any, NoReturn

PRELOAD = (
    "jupyter_aml.tracking.run",
    "jupyter_aml.jobs.script_run",
    "jupyter_aml.workspace",
    "jupyter_aml.store.sql.store",
    "jupyter_aml.interop.azureml",
    "jupyter_aml.interop.sdk",
    "psutil",
)
"""What nearly every script comes to need. Nothing of the user's: that may change between two runs."""
GRACE = 2.0
"""Seconds that processes which a script left behind have to end by themselves."""
MOST = 64
"""Descriptors of one request."""
_SUBREAPER, _DEATHSIG = 36, 1  # of prctl(2)


def main() -> None:
    """Serve the socket that is descriptor 0 until it is closed."""
    sys.path[:] = [entry for entry in sys.path if entry not in ("", os.getcwd())]  # noqa: PTH109
    os.chdir("/")
    for name in PRELOAD:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    asked = socket.socket(fileno=os.dup(0))
    _loaded.update(sys.modules)
    gc.collect()
    gc.freeze()  # no collection in a child copies the pages of what is loaded here
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers are nobody's zombies
    while True:
        request = _receive(asked)
        if request is None:
            return
        spec, fds = request
        pid = os.fork()
        if pid == 0:
            asked.close()
            _become(_keep(spec, fds))
        for fd in fds:
            os.close(fd)


def _receive(asked: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    data, fds, _, _ = socket.recv_fds(asked, 4, MOST)
    while 0 < len(data) < 4:
        data += asked.recv(4 - len(data))
    if not data:
        return None
    (size,) = struct.unpack("!I", data)
    body = bytearray()
    while len(body) < size:
        more = asked.recv(min(size - len(body), 1 << 20))
        if not more:
            return None
        body += more
    return json.loads(body), fds


# -- the keeper ------------------------------------------------------------------------------------------------------
def _keep(spec: dict[str, Any], fds: list[int]) -> dict[str, Any]:
    """Start the ranks and stay with them. Returns in the process of a rank that is to become a Python script, never in the
    keeper's own."""
    control, outputs = fds[0], fds[1:]
    os.setsid()
    _prctl(_SUBREAPER, 1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    keeper = os.getpid()
    pids: list[int] = []
    for index, (rank, output) in enumerate(zip(spec["ranks"], outputs, strict=True)):
        pid = os.fork()
        if pid == 0:
            for fd in (control, woken, wake, *outputs[:index], *outputs[index + 1 :]):
                os.close(fd)
            _arrange(rank, output, keeper)
            return rank  # type: ignore[no-any-return]
        pids.append(pid)
    code = 1
    try:
        for output in outputs:
            os.close(output)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        servants = {index for index, rank in enumerate(spec["ranks"]) if rank.get("servant")}
        _Keeper(control, woken, pids, servants).watch()
        code = 0
    finally:
        os._exit(code)


class _Keeper:
    def __init__(self, control: int, woken: int, pids: list[int], servants: set[int]) -> None:
        self.socket = socket.socket(fileno=control)
        self.woken = woken
        self.pids = pids
        self.running = dict(zip(pids, range(len(pids)), strict=True))
        self.deadline: float | None = None
        self.left: list[str] = []
        self.servants = servants

    def watch(self) -> None:
        self.say({"started": self.pids, "keeper": os.getpid()})
        self.reap()
        while self.running:
            pause = None if self.deadline is None else max(0.0, self.deadline - time.monotonic())
            control = self.socket.fileno()
            ready, _, _ = select.select([control, self.woken], [], [], pause)
            if self.woken in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self.woken, 4096)
            if control in ready and not self.obey():
                self.kill()
                return
            if self.deadline is not None and time.monotonic() >= self.deadline:
                self.deadline = None
                self.kill()
            self.reap()
        self.end_what_is_left()
        self.say({"done": True, "left": self.left})

    def say(self, what: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):
            self.socket.sendall(json.dumps(what).encode() + b"\n")

    def obey(self) -> bool:
        try:
            word, _, rest = self.socket.recv(100).decode().partition("\n")[0].partition(" ")
        except OSError:
            return False
        if word == "stop":
            self.signal(signal.SIGTERM)
            self.deadline = time.monotonic() + float(rest)
        elif word == "kill":
            self.kill()
        return bool(word)

    def reap(self) -> None:
        """Take note of all that has ended; the first rank that fails takes the others with it."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            rank = self.running.pop(pid, None)
            if rank is None:
                continue
            code = os.waitstatus_to_exitcode(status)
            if rank in self.servants and self.deadline is not None:
                code = 0  # it was asked to end
            memory = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
            self.say({"ended": rank, "code": code, "memory": memory, "seconds": usage.ru_utime + usage.ru_stime})
            over = self.servants.issuperset(self.running.values())  # those that serve the others end with them
            if (code or over) and self.running and self.deadline is None:
                self.signal(signal.SIGTERM)
                self.deadline = time.monotonic() + 5.0

    def signal(self, number: int) -> None:
        for pid in list(self.running):
            with contextlib.suppress(OSError):
                os.killpg(pid, number)

    def below(self) -> list[Any]:
        import psutil

        try:
            return [p for p in psutil.Process().children(recursive=True) if p.status() != psutil.STATUS_ZOMBIE]
        except psutil.Error:
            return []

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        for _ in range(50):
            found = self.below()
            if not found:
                return
            for process in found:
                with contextlib.suppress(Exception):
                    process.kill()
            self.reap()
            time.sleep(0.01)

    def end_what_is_left(self) -> None:
        """What the script started and did not wait for: asked to end, then killed."""
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:  # the usual case
            return
        found = self.below()
        for process in found:
            with contextlib.suppress(Exception):
                self.left.append(f"{process.pid} {process.name()}")
                process.terminate()
        end = time.monotonic() + GRACE
        while time.monotonic() < end and self.below():
            self.reap()
            time.sleep(0.01)
        self.kill()


# -- a rank ----------------------------------------------------------------------------------------------------------
def _arrange(rank: dict[str, Any], output: int, keeper: int) -> None:
    """Make this process what the rank wants. A command takes its place here; it returns for a script."""
    os.setsid()
    _prctl(_DEATHSIG, signal.SIGKILL)
    if os.getppid() != keeper:
        os._exit(1)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    _limit(rank.get("limits") or {})
    try:
        os.chdir(rank["folder"])
        os.environ.clear()
        os.environ.update(rank["variables"])
        if rank.get("script"):
            return
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.execvpe(rank["command"][0], rank["command"], rank["variables"])
    except OSError as error:
        os.write(2, f"{rank['command'][0]}: cannot be started: {error.strerror}\n".encode())
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)


def _limit(limits: dict[str, int]) -> None:
    """Resource limits by their names in `resource` ("RLIMIT_AS": bytes …)."""
    if limits:
        import resource

        for name, value in limits.items():
            resource.setrlimit(getattr(resource, name), (value, value))


def _become(rank: dict[str, Any]) -> NoReturn:
    """Run a Python script as ``python script`` would, and end."""
    script: str = rank["script"]
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # as Python itself has it
    sys.argv[:] = [script, *rank["arguments"]]
    sys.orig_argv[:] = [sys.executable, *sys.argv]
    sys.path.insert(0, os.path.dirname(os.path.abspath(script)))  # noqa: PTH100, PTH120
    for fd, name, errors in ((1, "stdout", "strict"), (2, "stderr", "backslashreplace")):
        stream = _stream(fd, errors)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    importlib.invalidate_caches()
    module = types.ModuleType("__main__")
    module.__dict__.update(__file__=script, __builtins__=__builtins__, __cached__=None)
    sys.modules["__main__"] = module
    try:
        with open(script, "rb") as file:
            code = compile(file.read(), script, "exec")
        exec(code, module.__dict__)
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            _leave((error.code or 0) & 0xFF, error)
        print(error.code, file=sys.stderr)
        _leave(1, error)
    except BaseException as error:
        own = error.__traceback__
        while own is not None and own.tb_frame.f_code.co_filename == __file__:
            own = own.tb_next
        error.__traceback__ = own
        sys.excepthook(type(error), error, own)
        _leave(-signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1, error)
    _leave(0)


def _leave(code: int, error: BaseException | None = None) -> NoReturn:
    """End this process as the interpreter does, but leave the modules that came from the nursery as they are: to take them
    apart takes ten times as long as all the rest."""
    if error is not None and code:
        sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.last_value = sys.last_traceback = error = None
    here = os.getcwd() + os.sep  # noqa: PTH109
    for name in [name for name in sys.modules if name not in _loaded or name == "__main__"]:
        module = sys.modules[name]  # files that the script left open are written
        file = getattr(module, "__file__", None) or ""
        if name == "__main__" or os.path.abspath(file).startswith(here):  # noqa: PTH100
            module.__dict__.clear()
    gc.collect()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    if code == -signal.SIGINT:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.PyDLL(None).exit(code)  # what libraries in C do at the end
    os._exit(code)


def _stream(fd: int, errors: str) -> io.TextIOWrapper:
    """A standard stream as Python opens it: what it was before (the null device) cannot be told of the pipe."""
    raw = open(fd, "wb", closefd=False)  # noqa: SIM115
    return io.TextIOWrapper(raw, encoding="utf-8", errors=errors, line_buffering=True)


_loaded: set[str] = set()
"""Modules that were here before a script was."""
_own = sys.modules["__main__"]
"""This very module, when it is the process's: it lives on when a script takes that name."""


def _prctl(option: int, value: int) -> None:
    with contextlib.suppress(OSError, AttributeError):  # not on Linux
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def send(asked: socket.socket, spec: dict[str, Any], fds: Sequence[int]) -> None:
    """Ask a nursery to start the ranks of `spec`.

    Args:
        asked: its socket.
        spec: ``{"ranks": [{"command", "variables", "folder", "script"?, "arguments"?, "limits"?, "servant"?}]}``.
        fds: the keeper's socket, then the output of each rank.

    Raises:
        OSError: the nursery is gone.
    """
    body = json.dumps(spec).encode("utf-8", "surrogateescape")
    asked.sendmsg(
        [struct.pack("!I", len(body))], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds).tobytes())]
    )
    asked.sendall(body)


if __name__ == "__main__":
    main()
