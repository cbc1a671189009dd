"""One child of the supervisor: its launch, its output line by line, its whole process group.

The child leads a session and group of its own, so Ctrl-C on the terminal reaches the supervisor
alone, and so nothing it forks escapes `kill_group`. Used by the loop, from its one thread only.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from config.supervisor.ear import NOTIFY_SOCKET, Ear
from config.supervisor.services import FIRST_SIGN_SECONDS, Restarts, Service

ROOT = Path(__file__).resolve().parent.parent.parent
LAUNCH = Path(__file__).with_name("launch.py")
LONGEST_LINE = 64 * 1024  # bytes; a child that never ends its line is shown in pieces
BURIAL_SECONDS = 2.0


class Child:
    """A service and its present life, if it has one. Times are of `time.monotonic()`."""

    def __init__(self, service: Service, *, tell_sweeper: Callable[[str], None]) -> None:
        self.service = service
        self.restarts = Restarts()
        self.started_at = 0.0
        self.due_at: float | None = None  # when to start it (again); None: not by itself
        self.process: subprocess.Popen[bytes] | None = None
        self.ear = Ear() if service.silent_at_most_seconds is not None else None
        self._tell_sweeper = tell_sweeper
        self._partial = b""

    def start(self, *, own_output: bool = True) -> None:
        """Launch it. With own_output its lines are read here, otherwise it writes where we write."""
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONUNBUFFERED"] = "1"
        environment.pop(NOTIFY_SOCKET, None)  # of whoever started us: not for the children
        if self.ear is not None and self.ear.address:
            environment[NOTIFY_SOCKET] = self.ear.address
        launch = (sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid()))
        self.due_at = None
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            [*launch, *self.service.command],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if own_output else None,
            stderr=subprocess.STDOUT if own_output else None,
            start_new_session=True,
        )
        self._tell_sweeper(f"start {self.process.pid}")
        if self.process.stdout is not None:
            os.set_blocking(self.process.stdout.fileno(), False)

    def is_silent(self, now: float) -> bool:
        """Whether it lives and gave no sign of life for longer than it may."""
        limit = self.service.silent_at_most_seconds
        if self.ear is None or limit is None or not self.ear.address:
            return False
        heard_at = self.ear.heard_at()
        if heard_at < self.started_at:
            limit, heard_at = max(limit, FIRST_SIGN_SECONDS), self.started_at
        return now - heard_at > limit

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def read_lines(self) -> list[str] | None:
        """The whole lines that have arrived, prefixed; None at the end of the stream."""
        data = self._read()
        return None if data == b"" else self._split(data or b"")

    def last_lines(self) -> list[str]:
        """What is still in the pipe of a dead child, and its unfinished line; closes the pipe."""
        if self.process is None or self.process.stdout is None or self.process.stdout.closed:
            return []
        lines = []
        for _ in range(16):  # more than a full pipe; bounded, for a stranger may hold the other end
            if not (data := self._read()):
                break
            lines += self._split(data)
        if self._partial:
            lines.append(self._prefixed(self._partial))
            self._partial = b""
        self.process.stdout.close()
        return lines

    def _read(self) -> bytes | None:
        """Bytes; empty at the end of the stream; None when there are none now."""
        if self.process is None or self.process.stdout is None or self.process.stdout.closed:
            return b""
        try:
            return os.read(self.process.stdout.fileno(), LONGEST_LINE)
        except BlockingIOError:
            return None

    def _split(self, data: bytes) -> list[str]:
        *whole, self._partial = (self._partial + data).split(b"\n")
        if len(self._partial) > LONGEST_LINE:
            whole.append(self._partial)
            self._partial = b""
        return [self._prefixed(line) for line in whole]

    def _prefixed(self, line: bytes) -> str:
        return f"{self.service.name:<11} | {line.decode(errors='replace').rstrip()}"

    # --- its end -------------------------------------------------------------------------------
    def terminate(self) -> None:
        """Ask it to end: the main process only, for a task cluster hangs when its group is told."""
        self.due_at = None
        if self.process is not None and self.running:
            self.process.send_signal(signal.SIGTERM)

    def kill_group(self) -> None:
        """End and bury whatever is left of its process group; its grandchildren too."""
        if self.process is None:
            return
        group = self.process.pid
        try:
            os.killpg(group, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        try:
            self.process.wait(timeout=BURIAL_SECONDS)
        except subprocess.TimeoutExpired:
            pass  # stuck in the kernel; the signal is pending
        deadline = time.monotonic() + BURIAL_SECONDS
        while time.monotonic() < deadline:
            try:
                buried, _ = os.waitpid(-group, os.WNOHANG)  # orphans of the group come to us
            except ChildProcessError:
                break
            if not buried:
                time.sleep(0.01)
        self._tell_sweeper(f"end {group}")

    @property
    def exit_code(self) -> int | None:
        return self.process.returncode if self.process is not None else None

    def how_it_ended(self) -> str:
        code = self.exit_code
        if code is None:
            return "not ended"
        return f"exit {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
