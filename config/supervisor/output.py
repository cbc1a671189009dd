"""What the person at the terminal sees: whole lines, written by a thread of its own.

A reader that stands still (Ctrl-S, a full pipe) or has gone away costs lines, never supervision:
the loop that restarts and ends processes only appends to a bounded queue.
"""

import os
import threading
from collections import deque

STDOUT, STDERR = 1, 2
LIMIT = 5000  # lines kept for a slow reader


def keep_descriptors() -> None:
    """A closed stdin, stdout or stderr would be taken by the next socket opened, and written to."""
    for descriptor in (0, STDOUT, STDERR):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number: this one


class Output:
    """Lines to stdout and stderr; `line` never waits. Make it first: it mends closed descriptors."""

    def __init__(self) -> None:
        keep_descriptors()
        self._lines: deque[tuple[int, bytes]] = deque()
        self._dropped = 0
        self._closing = False
        self._changed = threading.Condition()
        self._gone: set[int] = set()
        self._thread = threading.Thread(target=self._write_all, daemon=True, name="output")
        self._thread.start()

    def line(self, text: str, *, to: int = STDOUT) -> None:
        """Queue one line; never waits. The oldest is dropped, and counted, when too many wait."""
        with self._changed:
            if len(self._lines) >= LIMIT:
                self._lines.popleft()
                self._dropped += 1
            self._lines.append((to, text.encode(errors="replace") + b"\n"))
            self._changed.notify()

    def close(self, *, timeout_seconds: float) -> None:
        """Wait for the queue to be written, but no longer than that."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout_seconds)

    def _write_all(self) -> None:
        while True:
            with self._changed:
                while not self._lines and not self._closing:
                    self._changed.wait()
                if not self._lines:
                    return
                to, data = self._lines.popleft()
                dropped, self._dropped = self._dropped, 0
            if dropped:
                self._write(to, f"({dropped} lines were not shown: nobody read them in time)\n".encode())
            self._write(to, data)

    def _write(self, to: int, data: bytes) -> None:
        while data and to not in self._gone:
            try:
                data = data[os.write(to, data) :]
            except OSError:
                self._gone.add(to)  # the reader went away; what runs goes on without it
