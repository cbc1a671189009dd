"""`make bench`: all benchmarks one after the other, or the one that is named, with its options."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Sequence

NAMES = ("latency", "cycle", "rate", "simulator")


def main(arguments: Sequence[str]) -> int:
    """A process of its own each: Django's settings are those of a process."""
    if arguments and arguments[0] in NAMES:
        return int(importlib.import_module(f"benchmarks.{arguments[0]}").main(arguments[1:]))
    if arguments:
        print(f"usage: python -m benchmarks [{' | '.join(NAMES)} [options]]", file=sys.stderr)
        return 2
    commands = ([sys.executable, "-m", "benchmarks", name] for name in NAMES)
    return max(abs(subprocess.run(command, check=False).returncode) for command in commands)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
