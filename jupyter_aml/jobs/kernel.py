"""The kernel's process: which kernels there are, and how one is stopped with everything it started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from typing import Any

from jupyter_aml.errors import UserErrorException

_SHELL = "/bin/sh"


def installed() -> list[str]:
    """Names of the installed kernels."""
    from jupyter_client.kernelspec import KernelSpecManager

    return sorted(KernelSpecManager().find_kernel_specs())


def check_installed(name: str) -> None:
    """Refuse a kernel that is not there.

    Raises:
        UserErrorException: listing those that are.
    """
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        KernelSpecManager().get_kernel_spec(name)
    except NoSuchKernel:
        known = installed()
        which = next((k for k in ("jupyter-aml", "python3") if k in known), known[0] if known else "NAME")
        raise UserErrorException(
            f"The notebook wants the kernel {name!r}, which is not installed. Installed: {', '.join(known) or 'none'}. "
            f"Choose one of them with -k, e.g. -k {which}."
        ) from None


def language_of(name: str) -> str | None:
    """Language of an installed kernel; None when it is not there."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        return str(KernelSpecManager().get_kernel_spec(name).language) or None
    except NoSuchKernel:
        return None


class Guard:
    """Ends a process group when this process dies without `release`: a shell waits for the end of a pipe.

    A kernel notices by itself that its parent is gone, but leaves behind what its cells had started.
    """

    def __init__(self, group: int) -> None:
        self._shell: subprocess.Popen[bytes] | None = None
        with contextlib.suppress(OSError):
            self._shell = subprocess.Popen(
                [_SHELL, "-c", f"read -r word || kill -s KILL -- -{group}"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    def release(self) -> None:
        """The group is left alone from now on."""
        if self._shell is not None:
            with contextlib.suppress(OSError):
                self._shell.communicate(b"over\n")
            self._shell = None


class ProcessTree:
    """A kernel's process and all that came from it, as far as it can still be seen.

    Args:
        pid: of the kernel's process (None: a kernel that is no process of this machine).
    """

    def __init__(self, pid: int | None) -> None:
        self.pid = pid
        self._seen: list[Any] = []
        self._group: int | None = None
        """Its process group, if it has one of its own; it outlives the kernel."""
        if pid is not None and hasattr(os, "getpgid"):
            with contextlib.suppress(OSError):
                self._group = os.getpgid(pid) if os.getpgid(pid) != os.getpgrp() else None

    def guard(self) -> Guard | None:
        """A guard of its process group, if it has one of its own."""
        return Guard(self._group) if self._group is not None and os.path.exists(_SHELL) else None  # noqa: PTH110

    def look(self) -> None:
        """Note the descendants: those of a process that is gone cannot be found any more."""
        if self.pid is None:
            return
        import psutil

        with contextlib.suppress(psutil.Error):
            found = psutil.Process(self.pid).children(recursive=True)
            self._seen = [*{*self._seen, *found}]

    def signal_group(self, number: int) -> None:
        """Send a signal to the kernel's process group."""
        if self.pid is None:
            return
        with contextlib.suppress(OSError):
            if self._group is not None:
                os.killpg(self._group, number)
            else:
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End the kernel, its process group and every descendant, now."""
        self.look()
        self.signal_group(getattr(signal, "SIGKILL", signal.SIGTERM))
        self.kill_descendants()

    def kill_descendants(self, patience: float = 0.0) -> None:
        """End what the kernel has started and left behind."""
        import psutil

        if patience and self._seen:
            _, self._seen = psutil.wait_procs(self._seen, timeout=patience)
        for process in self._seen:
            with contextlib.suppress(psutil.Error):
                process.kill()
        end = time.monotonic() + 1
        for process in self._seen:
            with contextlib.suppress(psutil.Error):
                process.wait(max(0.0, end - time.monotonic()))
