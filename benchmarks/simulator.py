"""How many bracket lifetimes a second the simulator lives on one core, in memory and over SQLite.

The same seeds in both stores, one process each, one after the other; the rate in memory is what
`manage.py simulate` reaches, the ratio is what the store in memory is there for.

    python -m benchmarks.simulator [--seed 1] [--runs 200] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.figures import number, ratio, table
from benchmarks.world import ROOT

LAST_LINE = re.compile(r"lifetimes=(\d+) violations=(\d+) seconds=([\d.]+)")
STORES = ("memory", "sqlite")
SQLITE_SHARE = 10  # runs over SQLite are so many times fewer: they take longer and say the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """One store's figures; `processor_seconds` include the interpreter's start."""

    store: str
    runs: int
    lifetimes: int
    violations: int
    seconds: float  # as the simulator says
    processor_seconds: float

    @property
    def a_minute(self) -> float:
        return 60 * self.lifetimes / self.seconds


def live(store: str, *, seed: int, runs: int) -> Lived:
    """Raises RuntimeError where the simulator does not end with its last line."""
    command = [sys.executable, "manage.py", "simulate", "--seed", str(seed), "--runs", str(runs)]
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = os.times()
    ran = subprocess.run(
        [*command, "--store", store], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    after = os.times()
    said = LAST_LINE.search(ran.stdout)
    if said is None:
        raise RuntimeError(f"the simulator ended with {ran.returncode}: {(ran.stderr or ran.stdout)[-500:]}")
    return Lived(
        store=store,
        runs=runs,
        lifetimes=int(said[1]),
        violations=int(said[2]),
        seconds=float(said[3]),
        processor_seconds=(after.children_user + after.children_system)
        - (before.children_user + before.children_system),
    )


def report(found: Sequence[Lived]) -> str:
    base = found[-1].a_minute
    head = ["store", "runs", "lifetimes", "seconds", "lifetimes a minute", "ms a lifetime", "to SQLite"]
    rows = [
        [
            one.store,
            str(one.runs),
            str(one.lifetimes),
            number(one.seconds),
            number(one.a_minute),
            number(1000 * one.seconds / one.lifetimes),
            ratio(one.a_minute, base),
        ]
        for one in found
    ]
    return table(head, rows)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulator", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first seed (1)")
    parser.add_argument("--runs", type=int, default=200, help="worlds in memory (200); a tenth over SQLite")
    parser.add_argument("--json", metavar="FILE", help="write every figure there")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    found = [
        live(store, seed=options.seed, runs=options.runs // (1 if store == "memory" else SQLITE_SHARE) or 1)
        for store in STORES
    ]
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{os.cpu_count()} cores, load average {load}, {time.monotonic() - began:.0f} s\n\n{report(found)}")
    if options.json:
        Path(options.json).write_text(json.dumps([asdict(one) for one in found], indent=1))
    return 1 if any(one.violations for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())
