"""A way to a server that breaks when told to."""

from __future__ import annotations

import socket
import threading
from urllib.parse import urlsplit


class BrokenDoor:
    """Passes bytes on to a server at another address, and fails as it is told to."""

    def __init__(self, server: str) -> None:
        parts = urlsplit(server)
        self._server = (parts.hostname, parts.port)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.sent = 0
        self._lock = threading.Lock()
        self._shut = 0
        self._cut = 0
        self._allowed: int | None = None
        self._open: set[socket.socket] = set()

    def __enter__(self) -> BrokenDoor:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._break()

    def shut(self, times: int) -> None:
        """Break all connections, and the next `times` requests."""
        self._shut = times
        self._break()

    def cut_answers(self, times: int) -> None:
        """Let the next `times` answers end in their last byte."""
        self._cut = times
        self._break()

    def allow_bytes(self, count: int | None) -> None:
        """Break everything when this many bytes more were sent; None for never."""
        self._allowed = None if count is None else self.sent + count
        self._break()

    def _break(self) -> None:
        for each in list(self._open):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            server = socket.create_connection(self._server)
            self._open |= {client, server}
            threading.Thread(target=self._pass_on, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pass_on, args=(server, client, False), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, up: bool) -> None:
        try:
            while data := source.recv(1 << 16):
                with self._lock:
                    if up:
                        self.sent += len(data)
                        if self._shut:
                            self._shut -= 1
                            break
                        if self._allowed is not None and self.sent > self._allowed:
                            break
                    elif self._cut and data.endswith(b"content"):
                        self._cut -= 1
                        target.sendall(data[:-1])
                        break
                target.sendall(data)
        except OSError:
            pass
        for each in (source, target):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()
            self._open.discard(each)
