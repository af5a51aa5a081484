"""uv, which resolves and installs: https://docs.astral.sh/uv/. It is asked in pip's own settings."""

from __future__ import annotations

import os
import queue
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from jupyter_aml.environments import patience
from jupyter_aml.errors import EnvironmentException

Log = Callable[[str], None]
_OFFLINE = (
    "dns error",
    "failed to lookup",
    "connection refused",
    "network is unreachable",
    "connect error",
    "timed out",
)


class MissingException(EnvironmentException):
    """There is no uv."""


class Refused(EnvironmentException):
    """uv did not do it; the message is what it said."""

    @property
    def offline(self) -> bool:
        """Whether it only had no network."""
        return any(sign in self.message.lower() for sign in _OFFLINE)


@cache
def program() -> str:
    """Path of uv.

    Raises:
        MissingException: it is not installed.
    """
    try:
        from uv import find_uv_bin

        return str(find_uv_bin())
    except (ImportError, FileNotFoundError):
        import shutil

        found = shutil.which("uv")
    if found is None:
        raise MissingException('Building environments needs uv: pip install "jupyter_aml[environments]"')
    return found


@cache
def _pip_configuration() -> dict[str, str]:
    said = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, timeout=60
    ).stdout  # fmt: skip
    found: dict[str, str] = {}
    for line in said.splitlines():
        name, equals, value = line.partition("=")
        if equals:
            found[name.rpartition(".")[2]] = " ".join(shlex.split(value))  # what comes last counts: variables
    return found


@cache
def pip_settings() -> tuple[str, ...]:
    """The indexes, folders and constraints that pip is set up with here, as options of uv."""
    found = _pip_configuration()
    options = ["--index-strategy", "unsafe-best-match"]  # as pip does: all indexes are equal
    for name, option in (("index-url", "--default-index"), ("extra-index-url", "--index"), ("find-links", "--find-links"),
                         ("constraint", "--constraint"), ("trusted-host", "--allow-insecure-host")):  # fmt: skip
        for value in found.get(name, "").split():
            options += [option, value]
    if found.get("no-index") in ("true", "1", "yes"):
        options.append("--no-index")
    return tuple(options)


def install(python: Path, lines: Sequence[str], options: Sequence[str], log: Log) -> None:
    """Install requirements for an interpreter; uv's words go to `log`."""
    given = [word for option in options for word in _option(option)]
    _run(["pip", "install", "--python", str(python), *pip_settings(), *given, *lines], log)


def make(folder: Path, python: str, log: Log) -> None:
    """Make an empty environment of a Python (a path or a version)."""
    _run(["venv", "--quiet", "--python", python, str(folder)], log)


def resolves(lines: Sequence[str], options: Sequence[str], *, alone: bool = False) -> Refused | None:
    """Whether these requirements can be had for this interpreter, as built packages; why not, else.

    Args:
        lines: requirements.
        options: of pip.
        alone: without what they require themselves.
    """
    given = [word for option in options if option.startswith("-") for word in _option(option)]
    command = [
        "pip",
        "compile",
        "--quiet",
        "--python",
        sys.executable,
        "--only-binary",
        ":all:",
        "--no-header",
        "--no-annotate",
    ]
    try:
        _run([*command, *(["--no-deps"] if alone else []), *pip_settings(), *given, "-"], None, "\n".join(lines))
    except Refused as error:
        return error
    return None


def _option(text: str) -> list[str]:
    """pip's option in uv's words."""
    words = text.replace("=", " ", 1).split() if text.startswith("--") else text.split()
    if not words:
        return []
    known = {
        "--index-url": "--default-index", "-i": "--default-index", "--extra-index-url": "--index", "-f": "--find-links",
        "--pre": "--prerelease=allow", "--find-links": "--find-links", "--no-binary": "--no-binary",
        "--only-binary": "--only-binary", "--no-index": "--no-index", "-r": "--requirement", "-c": "--constraint",
    }  # fmt: skip
    if words[0] in known:
        return [known[words[0]], *words[1:]]
    return [] if words[0].startswith("--trusted-host") else words


def _run(words: Sequence[str], log: Log | None, given: str = "") -> None:
    environment = {**os.environ, "UV_NO_PROGRESS": "1", "UV_PYTHON_PREFERENCE": "only-system", "NO_COLOR": "1"}
    if certificates := _pip_configuration().get("cert"):
        environment.setdefault("SSL_CERT_FILE", certificates)
    environment.setdefault("UV_LINK_MODE", "copy" if os.name == "nt" else "hardlink")
    process = subprocess.Popen(
        [program(), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=environment, text=True, errors="replace", start_new_session=True,
    )  # fmt: skip
    said: list[str] = []
    try:
        for line in _lines(process, given):
            said.append(line)
            if log is not None:
                log(line)
    except BaseException:  # nobody wants it any more
        _kill(process)
        raise
    finally:
        code = process.wait()
    if code:
        raise Refused("\n".join(said[-60:]).strip() or f"uv ended with {code}.")


def _lines(process: subprocess.Popen[str], given: str) -> Iterator[str]:
    """What it says, while it is waited for."""
    assert process.stdin is not None and process.stdout is not None
    read: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def listen(stream: Iterable[str]) -> None:
        for line in stream:
            read.put(line.rstrip())
        read.put(None)

    threading.Thread(target=listen, args=(process.stdout,), name="jupyter_aml-uv", daemon=True).start()
    with suppress(BrokenPipeError):
        process.stdin.write(given)
        process.stdin.close()
    while True:
        try:
            line = read.get(timeout=patience.TICK)
        except queue.Empty:
            patience.look()
            continue
        if line is None:
            return
        yield line


def _kill(process: subprocess.Popen[str]) -> None:
    """It, and what it started to build packages."""
    if os.name == "nt":
        process.kill()
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
