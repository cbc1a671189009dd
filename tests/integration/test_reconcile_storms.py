"""Everything fails at random for a while, then nothing does: never an order too much, and cover at the end.

A seed names its story; a failure says the seed. The venue's own audit judges after every change.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal

import pytest

from brackets.core.events import EditRequested, ReduceRequested
from brackets.core.machine import RefusedEvent
from brackets.core.states import State
from brackets.venue.paper.orders import Side
from brackets.venue.port import Reason, Refused
from tests.integration.engine_venue import Fault, SenderKilled, Step
from tests.integration.engine_world import ETH, World
from trading.models import Trade

pytest_plugins = ["tests.integration.worlds"]
STORM_TURNS, CALM_TURNS = 30, 45
LOST = (Fault.LOST_REQUEST, Fault.LOST_ANSWER, Fault.TWICE, Fault.KILLED)
REFUSED = (
    Refused(reason=Reason.RATE_LIMITED, message="not sent: the pair's counter is spent"),
    Refused(reason=Reason.INVALID_NONCE, message="EAPI:Invalid nonce"),
)
FAULTS: dict[str, tuple[Step, ...]] = {
    "place": (*LOST, *REFUSED, Fault.LATE_REQUEST),
    "amend": (*LOST, *REFUSED, Fault.LATE_REQUEST),
    "cancel": (*LOST, REFUSED[0]),
    "orders": (Fault.LOST_REQUEST,),
    "open_orders": (Fault.LOST_REQUEST,),
    "closed_orders": (Fault.LOST_REQUEST,),
    "trades": (Fault.LOST_REQUEST,),
    "quotes": (Fault.LOST_REQUEST,),
}
STEPS = (-12, -5, -2, 0, 2, 5, 12)
DEPTHS = ("0.0011", "0.03", "0.07", "1000")


def begin(world: World, dice: random.Random) -> Trade:
    world.watched = dice.random() < 0.7
    world.configure(
        leg_policy=dice.choice(["stop_rests", "nearest"]),
        swap_in_bps=20,
        swap_out_bps=50,
        entry_timeout_seconds=20,
        entry_on_timeout=dice.choice(["cancel", "retry", "market", "skip"]),
        entry_stop=dice.choice(["attached", "own"]),
    )
    kind = dice.choice(["limit", "market"])
    return world.open(entry_type=kind, stop=Decimal(2470), target=Decimal(2540))


def disturb(world: World, trade: Trade, dice: random.Random) -> None:
    """What goes wrong, or is asked for, before this turn."""
    if dice.random() < 0.25:
        method = dice.choice(sorted(FAULTS))
        world.venue.script(method, dice.choice(FAULTS[method]))
    if dice.random() < 0.08:
        world.venue.freeze("open_orders", "orders", calls=dice.randint(1, 4))
    wishes: list[Callable[[], None]] = [
        lambda: world.venue.deliver_late() and None,
        lambda: setattr(world, "watched", not world.watched),
        lambda: setattr(world.venue, "hold_release_seconds", dice.choice([0, 3])),
        lambda: world.ask(trade, EditRequested(at=world.clock.now, stop_price=Decimal(2475))),
        lambda: world.ask(trade, ReduceRequested(at=world.clock.now, quantity=Decimal("0.03"))),
    ]
    if dice.random() < 0.15:
        try:
            dice.choice(wishes)()
        except RefusedEvent:
            pass


def storm(world: World, trade: Trade, dice: random.Random) -> Decimal:
    """Turns in which anything may fail; where the price ended."""
    price = Decimal(2500)
    for _ in range(STORM_TURNS):
        price = max(Decimal(2380), min(Decimal(2650), price + dice.choice(STEPS)))
        world.price(price, depth=Decimal(dice.choice(DEPTHS)))
        disturb(world, trade, dice)
        try:
            world.turn(dice.choice([1, 1, 2]))
        except SenderKilled:
            pass
        assert world.venue.faults_found == []
    return price


@pytest.mark.parametrize("seed", [3, 11, 29])
def test_after_any_storm_every_coin_is_covered_or_sold_once(bare_world: World, seed: int) -> None:
    world, dice = bare_world, random.Random(seed)
    trade = begin(world, dice)
    price = storm(world, trade, dice)
    world.venue.calm()
    world.venue.hold_release_seconds = 0
    world.price(price, depth=Decimal(1000))

    world.turns(CALM_TURNS)

    bracket = world.bracket(trade)
    coins = world.bought_at_venue() - world.sold_at_venue()
    sells = [o for o in world.at_venue(side=Side.SELL, live=True) if o.symbol == ETH]
    assert bracket.state in (State.BRACKET_ACTIVE, State.EXIT_COMPLETE, State.ENTRY_PLACED), bracket.alarm
    if bracket.state == State.EXIT_COMPLETE:
        assert (coins, sells) == (bracket.dust, [])
    else:
        assert sum((order.leaves for order in sells), Decimal(0)) == coins
    world.assert_sound()
