"""Looking for a mutation, inside the broken copy of the tree: first by exploration, then by the simulator.

    python -m tests.mutations.hunt [--explore SETUP]... [--states N] [--seeds N] [--seconds S]

The last line is `caught by <who>: <what it saw>`, or `not caught`. Exit code 1 when something was caught, 0
when all was clean, as it must be in the unbroken tree.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace


def explore(names: list[str], states: int) -> str | None:
    """What the exploration of these setups saw first."""
    from tests.exploration.acts import Acts
    from tests.exploration.brain import Brain
    from tests.exploration.search import Search
    from tests.exploration.setups import CI

    for setup in CI:
        if setup.name not in names:
            continue
        brain = Brain(may_be_held="hold" in setup.wishes)
        search = Search(replace(setup, most_states=states), Acts(setup, brain))
        try:
            findings = search.run(most_findings=1).findings
        except Exception as defect:
            return f"exploration: {setup.name}: the machine fails: {defect!r}"
        if findings:
            return f"exploration: {setup.name}: {findings[0].sentence}"
    return None


def simulate(seeds: int, seconds: float) -> str | None:
    """What the simulator saw first."""
    import django

    django.setup()
    from tests.simulation.runs import Manner, live_seed

    began = time.monotonic()
    for seed in range(1, seeds + 1):
        if time.monotonic() - began > seconds:
            return None
        try:
            violations = live_seed((seed, Manner())).violations
        except Exception as defect:
            return f"simulator: seed {seed}: the world fails: {defect!r}"
        if violations:
            return f"simulator: seed {seed}: {violations[0].kind}"
    return None


def main() -> int:
    parser = argparse.ArgumentParser(prog="hunt")
    parser.add_argument("--explore", action="append", default=[], metavar="SETUP")
    parser.add_argument("--states", type=int, default=80_000)
    parser.add_argument("--seeds", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=600.0, help="no new seed after so long")
    wanted = parser.parse_args()
    caught = explore(wanted.explore, wanted.states)
    if caught is None and wanted.seeds:
        caught = simulate(wanted.seeds, wanted.seconds)
    sys.stdout.write(f"caught by {caught}\n" if caught else "not caught\n")
    return 0 if caught is None else 1


if __name__ == "__main__":
    sys.exit(main())
