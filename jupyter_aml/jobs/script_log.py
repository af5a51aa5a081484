"""What a submitted script prints, on its way into a text of its run: live, in bounded memory, and no more than a limit."""

from __future__ import annotations

import codecs
import os
import re
import time
from collections import deque

from jupyter_aml.store.connection import Connection
from jupyter_aml.store.events import TextLogged
from jupyter_aml.store.hidden import Mask

DRIVER = "azureml-logs/70_driver_log.txt"
CONTROL = "azureml-logs/60_control_log.txt"
BUILD = "azureml-logs/20_image_build_log.txt"
"""Names of the logs, as notebooks know them."""
EVERY = 0.1
"""Seconds between two pieces, at least, unless there is much."""
MUCH = 1 << 18
TAIL = 1 << 16
"""Bytes of the end that are kept when the middle had to be left out."""
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def most() -> int:
    """Bytes of one log that are kept: 16 MiB, or ``$JUPYTER_AML_LOG_MAX_BYTES``."""
    try:
        return max(1024, int(os.environ.get("JUPYTER_AML_LOG_MAX_BYTES", "")))
    except ValueError:
        return 16 << 20


class ScriptLog:
    """A text of a run that grows.

    Args:
        connection: the workspace.
        run_id: the run.
        path: the text's name.
        mask: what is never written down.
    """

    def __init__(self, connection: Connection, run_id: str, path: str, mask: Mask | None = None) -> None:
        self.path = path
        self._connection = connection
        self._run = run_id
        self._mask = mask or Mask()
        self._limit = most()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending = bytearray()
        self._held = ""
        self._written = 0
        self._wrote_at = 0.0
        self._left_out = 0
        self._tail: deque[bytes] = deque()
        self._tail_size = 0

    def feed(self, data: bytes) -> None:
        """More of it."""
        self._keep_tail(data)
        room = self._limit - self._written - len(self._pending)
        if room < len(data):
            self._left_out += len(data) - max(room, 0)
            data = data[: max(room, 0)]
        self._pending += data
        if len(self._pending) >= MUCH:
            self.flush()

    def say(self, text: str) -> None:
        """A line of our own."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.feed(f"[{stamp}] {text}\n".encode())
        self.flush()

    def flush(self, *, due: bool = False) -> None:
        """Write what there is; with `due` only when the last time is long enough ago."""
        if not self._pending or (due and time.monotonic() - self._wrote_at < EVERY):
            return
        data = bytes(self._pending)
        self._pending.clear()
        self._written += len(data)
        self._write(self._decoder.decode(data))

    def close(self) -> None:
        """Nothing more comes."""
        self.flush()
        rest = self._held + self._decoder.decode(b"", final=True)
        self._held = ""
        if rest:
            self._put(self._mask.text(rest))
        if self._left_out:
            tail = b"".join(self._tail)[-TAIL:]
            shown = min(len(tail), self._left_out)
            gone = self._left_out - shown
            told = f"\n... {gone:,} bytes are left out here: a log keeps {self._limit:,} bytes and its end ...\n"
            self._put(told + self._mask.text(tail[len(tail) - shown :].decode("utf-8", "replace")))
            self._left_out = 0

    def end(self) -> str:
        """The last of what came, as text without colours."""
        return _ANSI.sub("", self._mask.text(b"".join(self._tail)[-TAIL:].decode("utf-8", "replace")))

    def _keep_tail(self, data: bytes) -> None:
        self._tail.append(data[-TAIL:])
        self._tail_size += len(self._tail[-1])
        while self._tail_size - len(self._tail[0]) >= TAIL:
            self._tail_size -= len(self._tail.popleft())

    def _write(self, text: str) -> None:
        text = self._held + text
        at = self._mask.open_end(text) if self._mask else len(text)
        self._held = text[at:]
        self._put(self._mask.text(text[:at]))

    def _put(self, text: str) -> None:
        self._wrote_at = time.monotonic()
        if text:
            self._connection.write(TextLogged(run=self._run, path=self.path, text=text, at=time.time()))
