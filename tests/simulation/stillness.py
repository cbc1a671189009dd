"""What happens in the first part of the calm, when nothing goes wrong and prices lead nowhere.

People go on asking for a while, and the owner takes stops away and leaves an order of their own: what the
product promises for undisturbed times is asked of it here, and the auditor's narrow bounds judge it.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

from tests.simulation import people
from tests.simulation.options import Act, stream
from tests.simulation.venue.options import Fault

if TYPE_CHECKING:
    from tests.simulation.world import World

BEGINNING = (0.2, 8.0)  # seconds: when positions are opened
MIDDLE = (14.0, 24.0)  # … and when something is wanted of them
AGAIN = (4.0, 14.0)  # … so long after a stop was taken it is taken again
LEAST_SECONDS = 30.0  # in a shorter stillness only what stands is judged
FIRST_NUMBER = 10_000  # of these acts, so that no key of theirs is another's
Happening = tuple[float, Callable[[], None]]


def happenings(world: World) -> list[Happening]:
    """When what happens, in seconds from now."""
    options = world.options
    if options.still_seconds < LEAST_SECONDS or not options.acts:
        return []
    random = stream(options.seed, "stillness")
    found: list[Happening] = [(0.1, owner_does(world, Fault.OWNER_ORDER))] if options.owner_acts else []
    for place, symbol in enumerate(options.symbols):
        found += for_pair(world, symbol, FIRST_NUMBER + 10 * place, random)
    return found


def for_pair(world: World, symbol: str, number: int, random: Random) -> list[Happening]:
    began, middle = random.uniform(*BEGINNING), random.uniform(*MIDDLE)
    made: list[Happening] = []
    if random.random() < 0.8:
        made.append((began, asked(world, a_purchase(symbol, began, random), number)))
    wanted = random.choice(("", "close", "sell", "edit", "cancel", "cancel"))
    if wanted == "cancel":
        if world.options.owner_acts:
            robbery = owner_does(world, Fault.OWNER_CANCELS, symbol)
            made += [(middle, robbery), (middle + random.uniform(*AGAIN), robbery)]
    elif wanted:
        act = Act(at=middle, kind=wanted, symbol=symbol, share=50, stop_bps=120, target_bps=150)
        made.append((middle, asked(world, act, number + 1)))
    return made


def a_purchase(symbol: str, at: float, random: Random) -> Act:
    return Act(
        at=at,
        kind="buy",
        symbol=symbol,
        entry_type=random.choice(("market", "market", "limit")),
        dollars=random.choice((20, 40)),
        stop_bps=random.choice((60, 150)),
        target_bps=random.choice((80, 200)),
    )


def asked(world: World, act: Act, number: int) -> Callable[[], None]:
    def ask() -> None:
        web = world.slots["web"].process
        if web.alive and world.still:
            web.spawn(f"act {number}", lambda: people.perform(world, act, number))

    return ask


def owner_does(world: World, what: Fault, symbol: str | None = None) -> Callable[[], None]:
    def do() -> None:
        if world.still:
            world.venue.act_as_owner(what, symbol)

    return do
