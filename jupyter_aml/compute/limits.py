"""Limits of processor and memory for a process and all that it starts.

By a cgroup (version 2) where this user may make one: it counts all processes together. Elsewhere by the processors that the
processes may run on, and by a limit of each process's own memory. `apply` says which it was.

    python -m jupyter_aml.compute.limits '{"name": …, "cpus": 2, "memory_gb": 7}' PROGRAM ARGUMENT …
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import zlib
from pathlib import Path
from typing import Any

ROOT = Path("/sys/fs/cgroup")
_PERIOD = 100_000


def apply(name: str, cpus: int, memory_gb: float) -> dict[str, Any]:
    """Limit this process, and what it starts from now on.

    Args:
        name: of whom they are; processes of one name share a cgroup.
        cpus: processors.
        memory_gb: memory in GB.

    Returns:
        ``{"by": …, "cpus": …, "memory_gb": …, "notes": […]}``: what is really enforced.
    """
    size = int(memory_gb * 2**30)
    here = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    notes = []
    if cpus > len(here):
        notes.append(f"There are {len(here)} processors, not {cpus}.")
    has = _memory()
    if has and size > has:
        notes.append(f"There are {has / 2**30:.1f} GB of memory, not {memory_gb}.")
    group = _cgroup(name, cpus, size)
    if group is not None:
        return {
            "by": "cgroup v2",
            "cpus": min(cpus, len(here)),
            "memory_gb": memory_gb,
            "notes": notes,
            "group": str(group),
        }
    by = []
    if hasattr(os, "sched_setaffinity"):
        ordered = sorted(here)
        first = zlib.crc32(name.encode()) % len(ordered)
        chosen = {ordered[(first + i) % len(ordered)] for i in range(min(cpus, len(ordered)))}
        os.sched_setaffinity(0, chosen)
        by.append("processor affinity")
    if sys.platform != "win32":
        import resource

        kind = resource.RLIMIT_DATA if sys.platform == "linux" else resource.RLIMIT_AS
        _, hard = resource.getrlimit(kind)
        most = size if hard == resource.RLIM_INFINITY else min(size, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (most, most))
            by.append("rlimit")
            notes.append("The memory limit is that of each process alone: no cgroup can be made here.")
    return {"by": " and ".join(by) or "nothing", "cpus": min(cpus, len(here)), "memory_gb": memory_gb, "notes": notes}


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 0


def _cgroup(name: str, cpus: int, size: int) -> Path | None:
    """This process in a cgroup with these limits; None where none can be made."""
    try:
        if not (ROOT / "cgroup.controllers").exists():
            return None
        own = next(line for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
        above = ROOT / own[3:].lstrip("/")
        while not {"cpu", "memory"} <= set((above / "cgroup.subtree_control").read_text().split()):
            if above == ROOT:
                return None
            above = above.parent
        group = above / f"jupyter_aml-{zlib.crc32(name.encode()):08x}"
        group.mkdir(exist_ok=True)
        (group / "memory.max").write_text(str(size))
        with contextlib.suppress(OSError):  # no swap is accounted
            (group / "memory.swap.max").write_text("0")
        (group / "cpu.max").write_text(f"{cpus * _PERIOD} {_PERIOD}")
        (group / "cgroup.procs").write_text(str(os.getpid()))
        return group
    except (OSError, StopIteration, ValueError):
        return None


def main(arguments: list[str]) -> None:
    """Limit this process and become another program."""
    apply(**json.loads(arguments[0]))
    os.execvp(arguments[1], arguments[1:])


def command(name: str, cpus: int, memory_gb: float, words: list[str]) -> list[str]:
    """The command that runs another one within limits."""
    spec = json.dumps({"name": name, "cpus": cpus, "memory_gb": memory_gb})
    return [sys.executable, "-m", "jupyter_aml.compute.limits", spec, *words]


if __name__ == "__main__":
    main(sys.argv[1:])
