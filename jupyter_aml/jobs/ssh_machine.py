"""An attached machine, as `execute` uses it: code goes there, processes are started there, what they leave comes back.

jupyter_aml itself is brought along (the part that scripts need), so that nothing but Python has to be there. Scripts reach the
workspace with their run's token: one on a server by its URL, any other one by a server that this machine runs for them and
offers through the SSH connection.
"""

from __future__ import annotations

import hashlib
import io
import json
import queue
import shlex
import struct
import tarfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any

import jupyter_aml
from jupyter_aml.compute import ssh
from jupyter_aml.environments.prepared import Prepared
from jupyter_aml.errors import ActivityFailedException, ComputeTargetException
from jupyter_aml.jobs import ssh_side
from jupyter_aml.jobs.processes import Ended, Rank
from jupyter_aml.jobs.ssh_environment import BUILDING, prepare_there
from jupyter_aml.jobs.ssh_serve import Served
from jupyter_aml.store.connection import Connection

HOME = ".jupyter_aml"
MOST_BACK = 50 * 2**30
"""Bytes that one run may bring back."""
_OTHERS = ("urllib3",)
"""Packages that reaching a server needs; what is compiled of them is left here."""
_TO_BUILD = ("packaging", "yaml")
"""Packages that building environments needs."""
_UNPACK = "import sys, tarfile; tarfile.open(fileobj=sys.stdin.buffer, mode='r|').extractall(sys.argv[1])"
_PACK = (
    "import os, sys, tarfile\n"
    "t = tarfile.open(fileobj=sys.stdout.buffer, mode='w|')\n"
    "for name in sys.argv[2:]:\n"
    "    path = os.path.join(sys.argv[1], name)\n"
    "    os.path.isdir(path) and t.add(path, name)\n"
    "t.close()\n"
)
_PLACE = (
    "import os, sys\n"
    "top = os.path.join(os.path.expanduser('~'), '.jupyter_aml')\n"
    "lib = os.path.join(top, 'lib', sys.argv[1])\n"
    "os.makedirs(top, 0o700, exist_ok=True)\n"
    "os.chmod(top, 0o700)\n"
    "print(lib); print(os.path.isfile(os.path.join(lib, 'complete')))\n"
)
_ROOM = (
    "import os, tempfile\n"
    "runs = os.path.join(os.path.expanduser('~'), '.jupyter_aml', 'runs')\n"
    "os.makedirs(runs, 0o700, exist_ok=True)\n"
    "print(tempfile.mkdtemp(dir=runs))\n"
)


class SshMachine:
    """An attached machine.

    Args:
        connection: the workspace.
        settings: of the target.
        secrets: its credentials.
    """

    def __init__(self, connection: Connection, settings: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
        self._workspace = connection
        self._settings = dict(settings)
        self._secrets = dict(secrets)
        self.address = str(settings["address"])
        self.python = str(settings.get("python") or "python3")
        """The Python there, of runs without an environment."""
        self._loop = ssh.Loop()
        self._lock = threading.Lock()
        self._ssh: Any = None
        self._served: Served | None = None
        self._url = ""
        self._lib: tuple[str, bytes] | None = None

    # -- what execute asks for ---------------------------------------------------------------------------------------
    def prepare(self, described: Mapping[str, Any] | None, say: Callable[[str], None]) -> Prepared:
        """The environment there; see `ssh_environment.prepare_there`.

        Raises:
            EnvironmentException: it cannot be built there; the resolver's message says why.
        """
        if described is None:
            return Prepared(python=self.python)
        return prepare_there(self, described, say)

    def start(self, ranks: Sequence[Rank], workdir: Path) -> SshGroup:
        """Bring the code there and start the processes.

        Raises:
            ComputeTargetException: it is out of reach, or has no room.
        """
        lib, root = self.library(), self._text([self.python, "-c", _ROOM]).strip()
        self._send(_packed(workdir, ["code", "inputs"]), root)
        sent = [self._there(rank, workdir, root, lib) for rank in ranks]
        side = Path(ssh_side.__file__).read_text(encoding="utf-8")
        command = shlex.join([self.python, "-u", "-c", side])
        spec = {"ranks": sent, "root": root}
        group = SshGroup(self, workdir, root, len(sent))
        self._loop.run(group.begin(self._open(), command, json.dumps(spec).encode() + b"\n"), ssh.TIMEOUT * 2)
        return group

    def _there(self, rank: Rank, workdir: Path, root: str, lib: str) -> dict[str, Any]:
        """A rank as the machine there has to start it."""

        def moved(text: str) -> str:
            return text.replace(str(workdir), root)

        own = {k: moved(v) for k, v in rank.variables.items() if k not in ("PATH", "PYTHONPATH")}
        first = rank.variables.get("PATH", "").split(":")[0]  # of the environment's Python
        first = first if first.startswith("/") else ""
        paths = [lib, str(PurePosixPath(lib, "jupyter_aml", "interop", "startup"))]
        given = [p for p in rank.variables.get("PYTHONPATH", "").split(":") if p.startswith(str(workdir))]
        own["PYTHONPATH"] = ":".join([*map(moved, given), *paths])
        own["JUPYTER_AML_WORKSPACE"] = self._url
        own["JUPYTER_AML_HOME"] = str(PurePosixPath(root, "home"))
        own["JUPYTER_AML_TOKEN"] = own.get("AZUREML_RUN_TOKEN", "")
        return {
            "command": [moved(word) for word in rank.command],
            "variables": own,
            "folder": moved(rank.folder),
            "path": first,
        }

    # -- the connection ----------------------------------------------------------------------------------------------
    def _open(self) -> Any:
        """The connection, made again when it was lost."""
        with self._lock:
            if self._ssh is None or self._ssh.is_closed():
                self._ssh = self._loop.run(ssh.connect(self._settings, self._secrets), ssh.TIMEOUT * 3)
                self._url = self._reach()
            return self._ssh

    def _reach(self) -> str:
        """The URL by which scripts there reach the workspace."""
        if self._workspace.place.kind == "http":
            return self._workspace.url
        if self._served is None or not self._served.alive:
            self._served = Served(self._workspace)
        listening = self._loop.run(
            self._ssh.forward_remote_port("127.0.0.1", 0, "127.0.0.1", self._served.port), ssh.TIMEOUT
        )
        return f"http://127.0.0.1:{listening.get_port()}/"

    def begin(self, command: str) -> Any:
        """A process there (asyncssh's), which gets bytes and gives them."""
        return self._loop.run(self._open().create_process(command, encoding=None), ssh.TIMEOUT)

    def later(self, work: Awaitable[Any]) -> Future[Any]:
        """Await this where the connection lives."""
        return self._loop.later(work)

    def wait(self, work: Awaitable[Any]) -> Any:
        """The same, and wait for it."""
        return self._loop.run(work, ssh.TIMEOUT)

    def run(self, words: Sequence[str], data: bytes | None = None) -> bytes:
        """What a command there prints.

        Args:
            words: the command.
            data: its input.

        Raises:
            ComputeTargetException: it failed, or the machine is out of reach.
        """
        connection = self._open()
        problem: BaseException
        try:
            done = self._loop.run(connection.run(shlex.join(words), input=data, encoding=None, check=False))
            if done.exit_status == 0:
                return bytes(done.stdout)
            last = bytes(done.stderr).decode("utf-8", "replace").strip().splitlines()[-1:]
            raise ComputeTargetException(f"{self.address}: {' '.join(last) or 'a command failed'}.")
        except (OSError, ssh.module().Error) as error:
            problem = error
        raise ComputeTargetException(f"The connection to {self.address} is lost: {problem}.") from problem

    def _text(self, words: Sequence[str]) -> str:
        return self.run(words).decode("utf-8", "replace")

    def library(self) -> str:
        """The folder of jupyter_aml there, which is brought where it is not there yet."""
        if self._lib is None:
            self._lib = _library()
        name, content = self._lib
        lib, complete = self._text([self.python, "-c", _PLACE, name]).splitlines()
        if complete != "True":
            self._text([self.python, "-c", "import os, sys; os.makedirs(sys.argv[1], exist_ok=True)", lib])
            self._send(content, lib)
        return lib

    def _send(self, content: bytes, folder: str) -> None:
        self.run([self.python, "-c", _UNPACK, folder], content)

    def bring_back(self, root: str, workdir: Path) -> None:
        """What the run has left there comes into its folder here; then it is removed there."""
        content = self.run([self.python, "-c", _PACK, root, "code/outputs", "code/logs", "inputs", "home"])
        unpack(content, workdir)
        self.run([self.python, "-c", "import shutil, sys; shutil.rmtree(sys.argv[1], ignore_errors=True)", root])

    def soon(self, call: Any, *args: Any) -> None:
        """Call this where the connection lives."""
        self._loop.soon(call, *args)

    def close(self) -> None:
        """Let go: what still runs there is killed."""
        if self._ssh is not None:
            self._loop.soon(self._ssh.abort)
            time.sleep(0.05)
        if self._served is not None:
            self._served.close()
        self._loop.close()


class SshGroup:
    """The processes of one run there; the same doors as `processes.Group`."""

    def __init__(self, machine: SshMachine, workdir: Path, root: str, count: int) -> None:
        self._machine = machine
        self._workdir, self._root = workdir, root
        self._said: queue.Queue[tuple[int, bytes] | None] = queue.Queue()
        self._process: Any = None
        self.pids: list[int] = []
        """None: the machine's figures are not this one's."""
        self.keeper = 0
        self.ended = Ended(codes=[0] * count)
        self.over = False

    async def begin(self, connection: Any, command: str, spec: bytes) -> None:
        """Start them."""
        import asyncio

        self._process = await connection.create_process(command, encoding=None)
        self._process.stdin.write(spec)
        self._reading = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        try:
            while True:
                rank, size = struct.unpack("!BI", await self._process.stdout.readexactly(5))
                self._said.put((rank, await self._process.stdout.readexactly(size)))
        except Exception:  # the end of the connection in any of its ways
            self._said.put(None)

    def poke(self) -> None:
        """Make `events` yield now."""
        self._said.put((-1, b""))

    def stop(self, grace: float) -> None:
        """Ask the processes to end (SIGTERM); after `grace` seconds they are killed."""
        self._machine.soon(self._process.stdin.write, f"stop {grace:.3f}\n".encode())

    def events(self, pause: float) -> Iterator[tuple[int, bytes]]:
        """(rank, what it printed) as it comes, until all is over and brought back."""
        while not self.over:
            try:
                said = self._said.get(timeout=pause)
            except queue.Empty:
                said = (-1, b"")
            if said is None:
                self.over = self.ended.lost = True
                return
            rank, data = said
            if rank == 255:
                self._hear(json.loads(data))
                continue
            yield rank, data
            if rank >= 0 and self._said.empty():
                yield -1, b""
        self._machine.soon(self._process.close)
        self._machine.bring_back(self._root, self._workdir)

    def _hear(self, said: Mapping[str, Any]) -> None:
        if "ended" in said:
            bad = any(self.ended.codes)
            self.ended.codes[said["ended"]] = said["code"]
            self.ended.memory = max(self.ended.memory, said["memory"])
            self.ended.seconds += said["seconds"]
            if said["code"] and not bad:
                self.ended.first = said["ended"]
        elif "done" in said:
            self.over = True

    def close(self) -> None:
        """Let go."""
        self._machine.soon(self._process.close)


def _packed(top: Path, names: Sequence[str]) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as tar:
        for name in names:
            if (top / name).is_dir():
                tar.add(top / name, name)
    return held.getvalue()


def unpack(content: bytes, folder: Path) -> None:
    """Files of a tar archive into a folder: nothing but files and folders, nothing outside of it.

    Raises:
        ActivityFailedException: it holds something else, or too much.
    """
    left = MOST_BACK
    with tarfile.open(fileobj=io.BytesIO(content), mode="r") as tar:
        for member in tar:
            path = PurePosixPath(member.name)
            if path.is_absolute() or ".." in path.parts:
                raise ActivityFailedException(f"The machine sent a file with the path {member.name!r}.")
            target = folder.joinpath(*path.parts)
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
            elif member.isfile():
                left -= member.size
                if left < 0:
                    raise ActivityFailedException("The run has left more than 50 GB.")
                target.parent.mkdir(parents=True, exist_ok=True)
                if not target.parent.resolve().is_relative_to(folder.resolve()):
                    raise ActivityFailedException(f"The machine sent a file with the path {member.name!r}.")
                source = tar.extractfile(member)
                if target.is_symlink():
                    target.unlink()
                if source is not None:
                    target.write_bytes(source.read())


def _library() -> tuple[str, bytes]:
    """What scripts need of jupyter_aml, and its name."""
    held, digest = io.BytesIO(), hashlib.sha256()
    with tarfile.open(fileobj=held, mode="w") as tar:
        about = metadata.distribution("jupyter_aml").read_text("METADATA") or ""
        digest.update(about.encode())
        _add(tar, f"jupyter_aml-{jupyter_aml.__version__}.dist-info/METADATA", about.encode())
        for package in ("jupyter_aml", *_OTHERS, *_TO_BUILD):
            found = find_spec(package)
            if found is None or found.origin is None:
                continue
            above = f"{BUILDING}/" if package in _TO_BUILD else ""
            top = Path(found.origin).parent
            for path in sorted(top.rglob("*")):
                inside = path.relative_to(top)
                compiled = path.suffix in (".so", ".pyd")
                if compiled or not path.is_file() or {"labextension", "__pycache__"}.intersection(inside.parts):
                    continue
                digest.update(f"{package}/{inside}\0".encode() + path.read_bytes())
                tar.add(path, f"{above}{package}/{inside}")
        whole = tarfile.TarInfo("complete")  # the last one
        tar.addfile(whole)
    return f"{jupyter_aml.__version__}-{digest.hexdigest()[:12]}", held.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    about = tarfile.TarInfo(name)
    about.size = len(content)
    tar.addfile(about, io.BytesIO(content))
