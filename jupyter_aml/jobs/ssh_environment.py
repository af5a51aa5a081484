"""Environments on an attached machine: prepared there, by the rules that hold here, while this side listens."""

from __future__ import annotations

import concurrent.futures
import json
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from jupyter_aml.compute import ssh
from jupyter_aml.environments import elsewhere, patience, uv
from jupyter_aml.environments.prepared import Prepared
from jupyter_aml.errors import ComputeTargetException, EnvironmentException

if TYPE_CHECKING:
    from jupyter_aml.jobs.ssh_machine import SshMachine

BUILDING = "building"
"""Folder in the library there with what only the building of environments needs."""
_STORE = (
    "import os, shutil, sys\n"
    "os.makedirs(os.path.dirname(sys.argv[1]), 0o700, exist_ok=True)\n"
    "part = '%s.%d' % (sys.argv[1], os.getpid())\n"
    "with open(part, 'wb') as file:\n"
    "    shutil.copyfileobj(sys.stdin.buffer, file)\n"
    "os.chmod(part, 0o700)\n"
    "os.replace(part, sys.argv[1])\n"
)


def prepare_there(machine: SshMachine, described: Mapping[str, Any], say: Callable[[str], None]) -> Prepared:
    """Have an environment ready on the machine.

    Args:
        machine: where.
        described: the environment.
        say: is told line by line what is done there.

    Raises:
        EnvironmentException: it cannot be built there; the resolver's message says why.
        ComputeTargetException: the machine is out of reach.
    """
    lib = machine.library()
    told = _Preparing(machine, lib, described).listen(say)
    if "lacks" in told:
        _bring_uv(machine, lib, told["system"])
        told = _Preparing(machine, lib, described).listen(say)
    if "ready" not in told:
        raise EnvironmentException(
            told.get("refused") or f"{machine.address} has no uv, by which environments are built."
        )
    found = told["ready"]
    return Prepared(
        python=found["python"], variables=found["variables"], warnings=found["warnings"], release=told["release"]
    )


def _tools(lib: str) -> PurePosixPath:
    return PurePosixPath(lib).parents[1] / "bin"


def _bring_uv(machine: SshMachine, lib: str, system: list[str]) -> None:
    if system != elsewhere.system():
        raise EnvironmentException(
            f"{machine.address} has no uv, by which environments are built, and the one that is here is for another system. "
            "Install it there: pip install uv."
        )
    machine.run([machine.python, "-c", _STORE, str(_tools(lib) / "uv")], Path(uv.program()).read_bytes())


class _Preparing:
    """The process there."""

    def __init__(self, machine: SshMachine, lib: str, described: Mapping[str, Any]) -> None:
        self._machine = machine
        where = ":".join([lib, str(PurePosixPath(lib, BUILDING))])
        program = shlex.join([machine.python, "-u", "-m", elsewhere.__name__])
        command = (
            f'PYTHONPATH={shlex.quote(where)} PATH="$PATH:$HOME/.local/bin:"{shlex.quote(str(_tools(lib)))} {program}'
        )
        asked = {"environment": dict(described), "strict": bool(described.get("strict"))}
        self._process: Any = machine.begin(command)
        machine.soon(self._process.stdin.write, json.dumps(asked).encode() + b"\n")

    def listen(self, say: Callable[[str], None]) -> dict[str, Any]:
        """What it said at last; while that is "ready", it goes on until "release" is called."""
        try:
            while True:
                line = self._line()
                told: dict[str, Any] = json.loads(line)
                if "said" in told:
                    say(told["said"])
                    continue
                if "ready" in told:
                    return {**told, "release": self._close}
                self._close()
                return told
        except BaseException:
            self._close()
            raise

    def _line(self) -> bytes:
        waiting = self._machine.later(self._process.stdout.readline())
        while True:
            try:
                line: bytes = waiting.result(patience.TICK)
                break
            except concurrent.futures.TimeoutError:
                patience.look()
            except (OSError, ssh.module().Error) as error:
                raise self._lost(str(error)) from error
        if not line:
            last = self._machine.wait(self._process.stderr.read()).decode("utf-8", "replace").strip().splitlines()[-1:]
            raise self._lost(" ".join(last))
        return line

    def _lost(self, why: str) -> ComputeTargetException:
        return ComputeTargetException(
            f"The environment cannot be prepared on {self._machine.address}: {why or 'it is gone'}."
        )

    def _close(self) -> None:
        self._machine.soon(self._process.close)
