"""What the tests of real processes share: free ports, programs under watch, and a look into /proc."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE_SECONDS = 20.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], object], *, seconds: float = PATIENCE_SECONDS, what: str = "") -> None:
    """Return as soon as the condition holds; fail the test when it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"not seen within {seconds:.0f} s: {what or condition}")
        time.sleep(0.02)


def processes_with(mark: str) -> dict[int, str]:
    """Every living process (no zombie) with `mark` in its environment: {pid: command line}.

    Environments are inherited by every descendant, whatever session or parent it has.
    """
    found = {}
    for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))):
        try:
            if mark.encode() in Path(f"/proc/{pid}/environ").read_bytes():
                command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
                state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
                if state != "Z":
                    found[pid] = command
        except OSError:
            continue  # it ended while we looked, or is not ours
    return found


class Program:
    """A program under test; its output is collected as it comes, its descendants carry a mark."""

    def __init__(self, command: Sequence[str], *, environment: Mapping[str, str], cwd: Path) -> None:
        self.mark = f"BACKSTOP_TEST_MARK={os.getpid()}-{id(self)}-{time.monotonic_ns()}"
        name, _, value = self.mark.partition("=")
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**environment, name: value},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.out: list[str] = []
        self.err: list[str] = []
        self._readers = [
            threading.Thread(target=self._collect, args=pair, daemon=True)
            for pair in ((self.process.stdout, self.out), (self.process.stderr, self.err))
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _collect(stream: Iterator[str], into: list[str]) -> None:
        for line in stream:
            into.append(line.rstrip("\n"))

    def saw(self, text: str) -> bool:
        return any(text in line for line in [*self.out, *self.err])

    def wait_for(self, text: str, *, seconds: float = PATIENCE_SECONDS) -> None:
        def seen_or_over() -> bool:
            return self.saw(text) or self.process.poll() is not None

        wait_until(seen_or_over, seconds=seconds, what=f"{text!r} in {self.out[-20:]} {self.err[-20:]}")
        for reader in self._readers:
            if self.process.poll() is not None:
                reader.join(timeout=5)
        assert self.saw(text), f"ended ({self.process.returncode}): {self.out[-20:]} {self.err[-20:]}"

    def descendants(self, part: str = "") -> dict[int, str]:
        """The living processes it started, by a part of their command line; itself not."""
        living = processes_with(self.mark)
        return {pid: line for pid, line in living.items() if part in line and pid != self.process.pid}

    def exit_code(self, *, seconds: float = PATIENCE_SECONDS) -> int:
        code = self.process.wait(timeout=seconds)
        for reader in self._readers:
            reader.join(timeout=5)
        return code

    def kill_everything(self) -> None:
        for pid in processes_with(self.mark):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait(timeout=5)


@pytest.fixture
def start() -> Iterator[Callable[..., Program]]:
    """Start a program; whatever it leaves behind is ended after the test."""
    programs: list[Program] = []

    def run(
        command: Sequence[str], *, environment: Mapping[str, str] | None = None, cwd: Path = ROOT
    ) -> Program:
        base = {**os.environ, "PYTHONPATH": str(ROOT)} if cwd == ROOT else dict(os.environ)
        program = Program(command, environment={**base, **(environment or {})}, cwd=cwd)
        programs.append(program)
        return program

    yield run
    for program in programs:
        program.kill_everything()


PYTHON = sys.executable
