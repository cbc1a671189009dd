"""The one loop of `make up`: prepare, start, watch over, stop. One thread; nothing in it waits long.

What runs is handed in as data, so the tests run this loop over small programs of their own.
"""

import ctypes
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from config.supervisor.child import Child
from config.supervisor.output import Output
from config.supervisor.probe import Probe
from config.supervisor.services import MANY_DEATHS, Service

PR_SET_CHILD_SUBREAPER = 36
TICK_SECONDS = 0.2
LATE_ANSWER_SECONDS = 30.0


class Supervisor:
    """Keeps `services` alive until a signal asks to stop; then ends every process it started.

    `prepare` is a command that must succeed before anything is started. `announcement` is said
    once when the service named `announces` has answered. `grace_seconds` is how long the services,
    and after them those that stop last (a third of it), may take to end before they are killed.
    """

    def __init__(
        self,
        services: Sequence[Service],
        *,
        output: Output,
        prepare: Sequence[str] | None = None,
        announces: str = "web",
        announcement: str = "",
        grace_seconds: float = 8.0,
    ) -> None:
        self._output = output
        self._prepare = prepare
        self._announces = announces
        self._announcement = announcement
        self._grace_seconds = grace_seconds
        self._children = [Child(service, tell_sweeper=self._tell_sweeper) for service in services]
        self._probes: dict[str, Probe] = {}
        self._selector = selectors.DefaultSelector()
        self._sweeper: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._stop_asked = False
        self._late_said: set[str] = set()

    def run(self) -> int:
        """Run until told to stop; the exit code: 0, or that of a preparation that failed."""
        self._listen_to_signals()
        self._adopt_orphans()
        self._start_sweeper()
        try:
            if self._prepare is not None and (code := self._run_preparation(self._prepare)):
                return code
            self._start_all()
            while not self._stop_asked:
                self._turn()
        finally:
            self._stop_all()
            self._dismiss_sweeper()
        return 0

    # --- signals -------------------------------------------------------------------------------
    def _listen_to_signals(self) -> None:
        wake_reader, wake_writer = socket.socketpair()
        for end in (wake_reader, wake_writer):
            end.setblocking(False)
        self._wake = (wake_reader, wake_writer)
        signal.set_wakeup_fd(wake_writer.fileno(), warn_on_full_buffer=False)
        self._selector.register(wake_reader, selectors.EVENT_READ, None)
        signal.signal(signal.SIGINT, self._ask_to_stop)
        signal.signal(signal.SIGTERM, self._ask_to_stop)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup make up
            signal.signal(signal.SIGHUP, self._ask_to_stop)
        signal.signal(signal.SIGCHLD, lambda signum, frame: None)  # only to wake the loop

    def _ask_to_stop(self, signum: int, frame: FrameType | None) -> None:
        self._stop_asked = True  # asked twice is asked once: the way out is bounded anyway

    # --- the sweeper ---------------------------------------------------------------------------
    def _adopt_orphans(self) -> None:
        """Grandchildren whose parent died become our children, so that we can bury them."""
        prctl = getattr(ctypes.CDLL(None), "prctl", None)
        if prctl is not None:
            prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def _start_sweeper(self) -> None:
        self._sweeper = subprocess.Popen(
            [sys.executable, "-I", "-S", "sweeper.py"],
            cwd=Path(__file__).parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _tell_sweeper(self, line: str) -> None:
        if self._sweeper is None or self._sweeper.stdin is None:
            return
        try:
            os.write(self._sweeper.stdin.fileno(), f"{line}\n".encode())
        except BrokenPipeError:
            pass  # somebody killed it; the kernel still tells the children when we die

    def _dismiss_sweeper(self) -> None:
        if self._sweeper is None or self._sweeper.stdin is None:
            return
        self._sweeper.stdin.close()
        try:
            self._sweeper.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._sweeper.kill()

    # --- before and at the start -----------------------------------------------------------------
    def _run_preparation(self, command: Sequence[str]) -> int:
        child = Child(Service(name="prepare", command=tuple(command)), tell_sweeper=self._tell_sweeper)
        child.start(own_output=False)
        while child.running and not self._stop_asked:
            self._listen()
        self._end([child], seconds=self._grace_seconds / 2)
        return 0 if self._stop_asked else abs(child.exit_code or 0)

    def _start_all(self) -> None:
        self._started_at = time.monotonic()
        for child in self._children:
            if child.service.answers_at:
                self._probes[child.service.name] = Probe(child.service.answers_at)
            child.due_at = self._started_at

    # --- one turn ----------------------------------------------------------------------------------
    def _turn(self) -> None:
        self._listen()
        now = time.monotonic()
        for child in self._children:
            if child.due_at is None:
                if not child.running:
                    self._on_death(child)
                elif child.is_silent(now):
                    self._replace(child)
            elif now >= child.due_at and self._may_start(child, now):
                self._start(child)
        self._announce(now)

    def _listen(self) -> None:
        """Wait a tick for output of the children or a signal, and pass the lines on."""
        for key, _ in self._selector.select(TICK_SECONDS):
            if key.data is None:
                self._wake[0].recv(4096)
            elif (lines := key.data.read_lines()) is None:
                self._selector.unregister(key.fileobj)
            else:
                for line in lines:
                    self._output.line(line)

    def _start(self, child: Child) -> None:
        again = child.process is not None
        how = child.how_it_ended()
        child.start()
        if child.process is not None and child.process.stdout is not None:
            self._selector.register(child.process.stdout, selectors.EVENT_READ, child)
        if again:
            self._output.line(f"{child.service.name} died ({how}); restarted")

    def _may_start(self, child: Child, now: float) -> bool:
        probe = self._probes.get(child.service.waits_for or "")
        return probe is None or probe.answered or now - self._started_at > LATE_ANSWER_SECONDS

    def _on_death(self, child: Child) -> None:
        self._clear_away(child)
        now = time.monotonic()
        delay = child.restarts.delay_after_death(started_at=child.started_at, died_at=now)
        child.due_at = now + delay
        if child.restarts.slow:
            self._output.line(
                f"ALARM: {child.service.name} died {MANY_DEATHS} times within a minute "
                f"({child.how_it_ended()}); it is tried again every {delay:.0f} s, the others go on"
            )

    def _clear_away(self, child: Child) -> None:
        """Bury its group (the rest of it must not work on beside the next life); show its last words."""
        child.kill_group()
        if child.process is not None and child.process.stdout is not None:
            stdout = child.process.stdout
            if not stdout.closed and stdout in self._selector.get_map():
                self._selector.unregister(stdout)
        for line in child.last_lines():
            self._output.line(line)

    def _replace(self, child: Child) -> None:
        self._output.line(f"ALARM: {child.service.name} does no work (no sign of life); restarted")
        self._clear_away(child)
        child.process = None
        child.due_at = time.monotonic()

    def _announce(self, now: float) -> None:
        for name, probe in self._probes.items():
            if probe.answered and name == self._announces and self._announcement:
                self._output.line(self._announcement)
                self._announcement = ""
            late = not probe.answered and now - self._started_at > LATE_ANSWER_SECONDS
            if late and name not in self._late_said:
                self._late_said.add(name)
                self._output.line(
                    f"ALARM: {name} has not answered for {LATE_ANSWER_SECONDS:.0f} s; waiting on"
                )

    # --- the end ---------------------------------------------------------------------------------
    def _stop_all(self) -> None:
        if any(child.process is not None for child in self._children):
            self._output.line("stopping ...")
        first = [child for child in self._children if not child.service.stops_last]
        last = [child for child in self._children if child.service.stops_last]
        self._end(first, seconds=self._grace_seconds)
        self._end(last, seconds=self._grace_seconds / 3)
        if self._children and any(child.process is not None for child in self._children):
            self._output.line("stopped")

    def _end(self, children: Sequence[Child], *, seconds: float) -> None:
        for child in children:
            child.terminate()
        deadline = time.monotonic() + seconds
        while any(child.running for child in children) and time.monotonic() < deadline:
            self._listen()
        for child in children:
            if child.running:
                self._output.line(f"{child.service.name} did not end within {seconds:.0f} s; killed")
            self._clear_away(child)
