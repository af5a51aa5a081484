"""TensorBoard: a run's metrics as event files, and TensorBoard itself on them and on what submitted runs wrote below ``logs``.

Event files are records (length, checksum, content, checksum) of a small protocol buffer; both are written here, so that exporting
needs no TensorFlow.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

from jupyter_aml.errors import AzureMLException, UserErrorException
from jupyter_aml.store.home import folder_name
from jupyter_aml.tracking.names import local_path

_PULL = 10.0
"""Seconds between two looks at what runs have written."""
_UP = 60.0
"""Seconds that TensorBoard may take to begin."""
_POLYNOMIAL = 0x82F63B78


def _crc_table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


_CRC = _crc_table()


def _checksum(data: bytes) -> bytes:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _varint(number: int) -> bytes:
    number &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _text(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _write(file: BinaryIO, at: float, step: int, rest: bytes) -> None:
    event = b"\x09" + struct.pack("<d", at) + (b"\x10" + _varint(step) if step else b"") + rest
    head = struct.pack("<Q", len(event))
    file.write(head + _checksum(head) + event + _checksum(event))


def _scalar(name: str, value: float) -> bytes:
    """A summary of one value."""
    return _text(5, _text(1, _text(1, name.encode()) + b"\x15" + struct.pack("<f", value)))


def export_to_tensorboard(run_data: Any, logsdir: Any, logger: Any = None, recursive: bool = True) -> None:
    """Write the metrics of runs as event files, for each run a folder of its id.

    Args:
        run_data: a run, a list of them, or an experiment.
        logsdir: the folder; made where there is none.
        logger: told what is exported.
        recursive: their children, too.

    Raises:
        UserErrorException: it is nothing that has metrics, or the folder cannot be written.
    """
    folder = Path(local_path(logsdir))
    for run in _runs(run_data, recursive):
        if logger is not None:
            logger.info("Exporting run %s", run.id)
        _export(run, folder / folder_name(run.id))


def _runs(given: Any, recursive: bool) -> Iterator[Any]:
    if hasattr(given, "get_runs"):
        yield from given.get_runs(include_children=recursive)
    elif hasattr(given, "get_children"):
        yield given
        if recursive:
            yield from given.get_children(recursive=True)
    elif isinstance(given, Sequence) and not isinstance(given, str):
        for one in given:
            yield from _runs(one, recursive)
    else:
        raise UserErrorException(f"export_to_tensorboard() takes runs or an experiment, not {given!r}.")


def _export(run: Any, folder: Path) -> None:
    store = run.experiment.workspace.connection.store
    found = [store.series(run.id, name) for name in store.metrics([run.id]).get(run.id, {})]
    numbers = [series for series in found if series is not None and series.kind == "scalar"]
    if not numbers:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"events.out.tfevents.{int(time.time())}.{run.id}").open("wb") as file:
            _write(file, time.time(), 0, _text(3, b"brain.Event:2"))
            for series in numbers:
                for step, at, value in zip(series.steps, series.times, series.values, strict=True):
                    if isinstance(value, (int, float)):
                        _write(file, at, step, _scalar(series.name, float(value)))
    except OSError as error:
        raise UserErrorException(f"Event files cannot be written to {str(folder)!r}: {error.strerror}.") from error


class Tensorboard:
    """TensorBoard on this machine.

    Args:
        runs: whose files below ``logs`` it shows, while they are written, too.
        local_root: the folder that it shows; ``logs/<name of the first run>`` without.
        port: where it listens (of this machine alone).
        use_display_name: folders are called as the runs, not by their ids.
    """

    def __init__(
        self, runs: Any, local_root: str | None = None, port: int = 6006, use_display_name: bool = True
    ) -> None:
        self._runs = list(runs) if isinstance(runs, Sequence) else [runs]
        self._root = Path(local_root or Path("logs") / (folder_name(self._runs[0].id) if self._runs else "runs"))
        self._port = int(port)
        self._by_name = use_display_name
        self._process: subprocess.Popen[bytes] | None = None
        self._over = threading.Event()

    def start(self, start_browser: bool = False) -> str:
        """Begin, and go on until `stop` or the end of this process.

        Returns:
            Its address.

        Raises:
            UserErrorException: TensorBoard is not installed, or did not begin.
        """
        if find_spec("tensorboard") is None:
            raise UserErrorException("TensorBoard is not installed in this environment: pip install tensorboard.")
        self._root.mkdir(parents=True, exist_ok=True)
        self._over.clear()
        self._pull()
        words = ["--logdir", str(self._root), "--port", str(self._port), "--host", "localhost"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tensorboard.main", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        address = f"http://localhost:{self._port}/"
        self._await(address)
        if self._runs:
            threading.Thread(target=self._go_on, name="jupyter_aml-tensorboard", daemon=True).start()
        print(address)
        if start_browser:
            import webbrowser

            webbrowser.open(address)
        return address

    def stop(self) -> None:
        """End it."""
        self._over.set()
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def _await(self, address: str) -> None:
        from urllib.request import urlopen

        end = time.monotonic() + _UP
        while time.monotonic() < end:
            assert self._process is not None
            if self._process.poll() is not None:
                raise UserErrorException(
                    f"TensorBoard ended with exit code {self._process.returncode}. Is port {self._port} taken? Give port=."
                )
            try:
                with urlopen(address, timeout=5):
                    return
            except OSError:
                time.sleep(0.2)
        self.stop()
        raise UserErrorException(f"TensorBoard did not answer at {address} within {_UP:.0f} s.")

    def _go_on(self) -> None:
        while not self._over.wait(_PULL):
            with suppress(AzureMLException):  # the workspace may be there again at the next look
                self._pull()

    def _pull(self) -> None:
        """Have what the runs have written below ``logs``."""
        for run in self._runs:
            folder = self._root / folder_name(run.display_name if self._by_name else run.id)
            for name in run.get_file_names():
                target = folder / name.removeprefix("logs/")
                if name.startswith("logs/") and not (target.exists() and run.get_status() in ("Completed", "Failed")):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    run.download_file(name, os.fspath(target))
