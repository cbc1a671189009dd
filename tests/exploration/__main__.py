"""`make explore`: every way the bracket machine can go in a small world (docs/machine.md).

    python -m tests.exploration [--deep] [--only WORDS] [--repeats] [--states N]

Exit code 0 only when nothing was found. The last line is `states=N transitions=N violations=N seconds=S`.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from tests.exploration.report import tour
from tests.exploration.setups import CI, DEEP


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(prog="make explore", description="Explore the bracket machine.")
    parser.add_argument("--deep", action="store_true", help="the wider setups too; takes many minutes")
    parser.add_argument("--only", default="", metavar="WORDS", help="setups whose name contains these words")
    parser.add_argument("--repeats", action="store_true", help="tell the machine every event twice")
    parser.add_argument("--states", type=int, metavar="N", help="stop each setup at so many worlds")
    wanted = parser.parse_args()
    setups = [setup for setup in (*CI, *(DEEP if wanted.deep else ())) if wanted.only in setup.name]
    if not setups:
        sys.stderr.write(f"No setup's name contains '{wanted.only}'; nothing was explored.\n")
        return 2
    if wanted.states:
        setups = [replace(setup, most_states=wanted.states) for setup in setups]
    return 1 if tour(setups, say, repeats=wanted.repeats).findings else 0


if __name__ == "__main__":
    sys.exit(main())
