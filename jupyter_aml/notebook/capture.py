"""Hearing what a cell prints, shows and results in, on its way to the user."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


class Capture:
    """While entered, all that is printed and displayed is told on, and reaches the user unchanged.

    Args:
        shell: the IPython shell.
        said: called with "stdout.txt" or "stderr.txt" and a text.
        shown: called with the MIME bundle of a display, and whether it is the cell's result.
    """

    def __init__(self, shell: Any, said: Callable[[str, str], None], shown: Callable[[Any, bool], None]) -> None:
        self._shell, self._said, self._shown = shell, said, shown

    def __enter__(self) -> Capture:
        self._streams = sys.stdout, sys.stderr
        self._publish = self._shell.display_pub.publish
        self._result = self._shell.displayhook.write_format_data
        sys.stdout = _Tee(self._streams[0], self._said, "stdout.txt")  # type: ignore[assignment]
        sys.stderr = _Tee(self._streams[1], self._said, "stderr.txt")  # type: ignore[assignment]
        self._shell.display_pub.publish = self._published
        self._shell.displayhook.write_format_data = self._resulted
        return self

    def __exit__(self, *error: object) -> None:
        sys.stdout, sys.stderr = self._streams
        self._shell.display_pub.publish = self._publish
        self._shell.displayhook.write_format_data = self._result

    def _published(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        self._shown(data, False)
        return self._publish(data, *args, **kwargs)

    def _resulted(self, format_dict: Any, *args: Any, **kwargs: Any) -> Any:
        self._shown(format_dict, True)
        return self._result(format_dict, *args, **kwargs)


class _Tee:
    def __init__(self, stream: Any, said: Callable[[str, str], None], path: str) -> None:
        self._stream, self._said, self._path = stream, said, path

    def write(self, text: str) -> int:
        self._said(self._path, text)
        return int(self._stream.write(text) or len(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
