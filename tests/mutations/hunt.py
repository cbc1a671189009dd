"""Looking for a mutation, inside the broken copy of the tree: first where it shows soonest (scripted worlds,
the exploration of small setups), then in drawn worlds.

    python -m tests.mutations.hunt [--told SCENARIO]... [--explore SETUP]... [--states N]
                                   [--profile NAME] [--seeds N] [--seconds S]

The last line is `caught by <who>: <what it saw>`, or `not caught`. Exit code 1 when something was caught, 0
when all was clean, as it must be in the unbroken tree.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.options import Options

THROWS = 8


class Seen(BaseException):
    """Something was seen in a world that goes on: its end is not awaited. No `except Exception` of the
    product holds it up."""


def explore(names: Iterable[str], states: int) -> str | None:
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


def tell(names: Iterable[str]) -> str | None:
    """What these scripted worlds showed first. Each is lived with a few throws of the dice: what shows a
    mutation shall not hang on one of them."""
    from tests.simulation.scenarios import SCENARIOS
    from tests.simulation.scenarios.watching import WATCHING

    scripted = SCENARIOS | WATCHING
    for luck, name in product(range(THROWS), names):
        seen = seen_in(replace(scripted[name], luck=scripted[name].luck + luck))
        if seen is not None:
            return f"simulator: {name}: {seen}"
    return None


def simulate(profile: str, seeds: int, seconds: float) -> str | None:
    """What drawn worlds showed first. Those of a profile are lived before the others."""
    from tests.simulation.drawing import draw

    began = time.monotonic()
    drawn = {seed: draw(seed) for seed in range(1, seeds + 1)}
    for seed in sorted(drawn, key=lambda one: (drawn[one].profile != profile, one)):
        if time.monotonic() - began > seconds:
            return None
        seen = seen_in(drawn[seed])
        if seen is not None:
            return f"simulator: seed {seed} ({drawn[seed].profile}): {seen}"
    return None


def seen_in(options: Options) -> str | None:
    """What a world showed that must not be; as soon as it is seen."""
    from tests.simulation import store, verdict
    from tests.simulation.world import World

    class Watched(World):
        def violate(self, kind: str, sentence: str) -> None:
            raise Seen(kind)

    world = Watched(options)
    try:
        with store.memory_store(world.boundaries.pass_commit):
            world.run()
            verdict.judge(world)
    except Seen as seen:
        return str(seen)
    except Exception as defect:
        return f"the world fails: {defect!r}"
    return None


def main() -> int:
    parser = argparse.ArgumentParser(prog="hunt")
    parser.add_argument("--told", action="append", default=[], metavar="SCENARIO")
    parser.add_argument("--explore", action="append", default=[], metavar="SETUP")
    parser.add_argument("--states", type=int, default=80_000)
    parser.add_argument("--profile", default="", help="whose seeds come first")
    parser.add_argument("--seeds", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=600.0, help="no new seed after so long")
    wanted = parser.parse_args()
    import django

    django.setup()
    caught = tell(wanted.told) or explore(wanted.explore, wanted.states)
    if caught is None and wanted.seeds:
        caught = simulate(wanted.profile, wanted.seeds, wanted.seconds)
    sys.stdout.write(f"caught by {caught}\n" if caught else "not caught\n")
    return 0 if caught is None else 1


if __name__ == "__main__":
    sys.exit(main())
