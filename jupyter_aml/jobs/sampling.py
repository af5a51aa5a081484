"""What a running script needs of the machine, as metrics of its run whose names begin with ``system/``."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jupyter_aml.store.connection import Connection

PREFIX = "system/"
FIRST, EVERY = 1.0, 5.0
"""Seconds until the first sample, and between two of them later (each second in the first ten)."""
_MEGA = 1e6


@contextmanager
def sampling(connection: Connection, run_id: str, pids: list[int]) -> Iterator[None]:
    """While this lasts, write down what these processes and all below them use.

    Args:
        connection: the workspace.
        run_id: the run.
        pids: the processes; filled in when they have started.
    """
    over = threading.Event()

    def sample() -> None:
        writers = {}
        known: dict[int, Any] = {}
        count = 0
        while not over.wait(FIRST if count < 10 else EVERY):
            count += 1
            with contextlib.suppress(Exception):  # a courtesy; the run goes on
                for name, value in _values(pids, known).items():
                    if name not in writers:
                        writers[name] = connection.series(run_id, PREFIX + name)
                    writers[name].point(value)

    thread = threading.Thread(target=sample, name="jupyter_aml-sampling", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(2)


def _values(pids: list[int], known: dict[int, Any]) -> dict[str, float]:
    import psutil

    found = {}
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            for process in (top := psutil.Process(pid), *top.children(recursive=True)):
                found[process.pid] = known.get(process.pid, process)  # the same object: it knows its last sample
    known.clear()
    known.update(found)
    if not found:
        return {}
    processor, memory = 0.0, 0
    for process in found.values():
        with contextlib.suppress(psutil.Error):
            processor += process.cpu_percent()
            memory += process.memory_info().rss
    return {
        "cpu_percent": processor, "memory_mb": memory / _MEGA, "processes": len(found), **_graphics()
    }  # fmt: skip


def _graphics() -> dict[str, float]:
    """Load and memory of the machine's GPUs, as nvidia-smi says."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return {}
    said = subprocess.run(
        [tool, "--query-gpu=utilization.gpu,memory.used", "--format=csv,noheader,nounits"],
        capture_output=True, text=True, timeout=5, check=True,
    ).stdout  # fmt: skip
    found: dict[str, float] = {}
    for index, line in enumerate(said.splitlines()):
        load, memory = (float(word) for word in line.split(","))
        found |= {f"gpu{index}_percent": load, f"gpu{index}_memory_mb": memory}
    return found
