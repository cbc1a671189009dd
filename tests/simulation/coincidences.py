"""What the market, the venue and the owner do to one pair at a moment that is drawn.

Faults that strike by chance seldom meet the second in which they matter. Here is what happens just then: a
price that runs to a leg or stands before it, a market that closes while a leg is on its way out, a stop that
is taken away. Called by the world at the time of an act; none of it goes through the product's doors. Those
that must wait for their moment stand in `ambushes.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

from brackets.models import Bracket
from tests.simulation.ambushes import AMBUSHES
from tests.simulation.options import Act
from tests.simulation.venue.options import Fault

if TYPE_CHECKING:
    from tests.simulation.world import World

SWING_SECONDS = 6.0
JUST_BELOW = Decimal("0.9996")


def swing(world: World, act: Act) -> None:
    """The market runs one way for some seconds."""
    world.venue.lead(act.symbol, act.detail)
    world.clockwork.wait(SWING_SECONDS)
    if not world.calm:
        world.venue.lead(act.symbol, None)


def near(world: World, act: Act) -> None:
    """The price comes to stand just below the target, where the legs change places."""
    row = Bracket.objects.filter(symbol=act.symbol).exclude(state="EXIT_COMPLETE").order_by("pk").first()
    if row is not None and row.target_price > 0:
        world.venue.bring(act.symbol, row.target_price * JUST_BELOW)


def gate(world: World, act: Act) -> None:
    """The market, or the venue, takes fewer kinds of orders for a while."""
    world.venue.weather.shut(Fault(act.detail), act.symbol)


def cancel(world: World, act: Act) -> None:
    """The owner cancels our stop of this pair."""
    world.venue.act_as_owner(Fault.OWNER_CANCELS, act.symbol)


HAPPENINGS: dict[str, Callable[[World, Act], None]] = {
    "swing": swing,
    "near": near,
    "gate": gate,
    "cancel": cancel,
    **AMBUSHES,
}
