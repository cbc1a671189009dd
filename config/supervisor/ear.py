"""Hears the signs of life of one child: `WATCHDOG=1` on a socket of its own (brackets/signs_of_life.py).

What a child says is proof of work done, not of being there: a task cluster says it when a task went through
all its processes, the watch after each round.
"""

import socket
import time

from brackets.signs_of_life import NOTIFY_SOCKET

__all__ = ["NOTIFY_SOCKET", "Ear"]


class Ear:
    """One socket, kept through all lives of a child. Where the system has no nameless sockets `address` is
    empty: nothing can be heard there, and nobody is silent."""

    def __init__(self) -> None:
        self._heard_at = float("-inf")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self.address = ""
        try:
            self._socket.bind("")  # Linux gives it an abstract name: nothing is left behind in a folder
            self.address = "@" + self._socket.getsockname()[1:].decode()
        except OSError:
            pass

    def heard_at(self) -> float:
        """When the last sign of life was heard, by the monotonic clock; minus infinity before the first."""
        while True:
            try:
                message = self._socket.recv(4096)
            except BlockingIOError:
                return self._heard_at
            if b"WATCHDOG=1" in message.split(b"\n"):
                self._heard_at = time.monotonic()
