"""Starts processes and starts them again when they die: what systemd does with `Restart=always`.

Nothing more: whether a process that lives also works, it does not look at.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
AGAIN_SECONDS = 1.0
LOOK_SECONDS = 0.2


@dataclass
class Unit:
    """One process to keep; `arguments` follow the interpreter."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    due_at: float = field(default_factory=time.monotonic)
    deaths: int = 0


class Keeper:
    """Keeps its units alive in a thread until `end`. Each writes its own log and leads its own session."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._units: list[Unit] = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True, name="keeper")

    def start(self, units: Sequence[Unit]) -> None:
        self._units.extend(units)
        if not self._thread.is_alive():
            self._thread.start()

    @property
    def deaths(self) -> dict[str, int]:
        return {unit.name: unit.deaths for unit in self._units}

    def end(self, *, seconds: float) -> None:
        """SIGTERM to each main process, then SIGKILL to what is left of its group, as systemd does after its
        TimeoutStopSec: a cluster that hangs cannot end when it is asked to."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(5)
        living = [unit for unit in self._units if unit.process is not None]
        for unit in living:
            _signal(unit, signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while any(_runs(unit) for unit in living) and time.monotonic() < deadline:
            time.sleep(0.05)
        for unit in living:
            _kill_group(unit)

    def _keep(self) -> None:
        while not self._ending.wait(LOOK_SECONDS):
            now = time.monotonic()
            for unit in self._units:
                if unit.process is not None and not _runs(unit):
                    unit.process, unit.due_at, unit.deaths = None, now + AGAIN_SECONDS, unit.deaths + 1
                if unit.process is None and now >= unit.due_at:
                    unit.process = self._spawned(unit)

    def _spawned(self, unit: Unit) -> subprocess.Popen[bytes]:
        with (self._folder / f"{unit.name}.log").open("ab") as log:
            return subprocess.Popen(
                [*ending_with_us(), sys.executable, *unit.arguments],
                cwd=ROOT,
                env=dict(unit.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


def ending_with_us() -> tuple[str, ...]:
    """Before a command: have the kernel end it when we are killed."""
    return (sys.executable, "-I", "-S", str(ROOT / "config" / "supervisor" / "launch.py"), str(os.getpid()))


def _runs(unit: Unit) -> bool:
    return unit.process is not None and unit.process.poll() is None


def _signal(unit: Unit, number: int) -> None:
    if unit.process is not None and _runs(unit):
        unit.process.send_signal(signal.SIGCONT)
        unit.process.send_signal(number)


def _kill_group(unit: Unit) -> None:
    if unit.process is None:
        return
    try:
        os.killpg(unit.process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    unit.process.wait(timeout=10)
