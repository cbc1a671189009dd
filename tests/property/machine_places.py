"""Where a bracket may come to rest, and what must be at the venue then."""

from __future__ import annotations

from brackets.core.prices import round_down
from brackets.core.states import OrderStatus, Policy, Role, State
from brackets.core.swap import swap_prices
from tests.property.machine_venue import LOT, MINIMUM, VenueOrder
from tests.property.machine_world import RESTING_PLACES, World


def check_the_place(world: World) -> None:
    """Book and venue tell the same, and nothing hangs in between."""
    bracket = world.bracket
    assert bracket.state in RESTING_PLACES
    check_the_book(world)
    match bracket.state:
        case State.HELD:
            assert an_operator_must_look(world)
        case State.EXIT_COMPLETE:
            assert [o.id for o in world.venue.orders if o.open] == []
            assert round_down(world.venue.coins, LOT) == bracket.dust
            assert bracket.dust < MINIMUM
        case State.BRACKET_ACTIVE:
            check_the_legs(world)


def check_the_book(world: World) -> None:
    """Every order's fills, and every living order's terms, are those of the venue; nothing is awaited."""
    booked = {o.venue_order_id: o for o in world.bracket.orders if o.venue_order_id}
    shown = {o.id: o for o in world.venue.orders}
    assert {key: (o.filled, o.live) for key, o in booked.items()} == {
        key: (o.filled, o.open) for key, o in shown.items()
    }
    for key, order in booked.items():
        there = shown[key]
        if order.live:
            assert (order.quantity, order.trigger_price) == (there.quantity, there.trigger)
            assert (order.limit_price, order.amendment) == (there.limit, None)


def check_the_legs(world: World) -> None:
    """Every coin has exactly one resting leg (or both, where both may rest), at the wanted price."""
    bracket, venue = world.bracket, world.venue
    resting = [o for o in venue.orders if o.open]
    assert not any(o.buys for o in resting)
    stops = [o for o in resting if o.trigger is not None]
    targets = [o for o in resting if o.limit is not None]
    assert len(stops) + len(targets) == len(resting)
    wanted = wanted_legs(world)
    assert {Role.STOP: bool(stops), Role.TARGET: bool(targets)} == {
        role: role in wanted for role in (Role.STOP, Role.TARGET)
    }
    for leg in (stops, targets):
        check_the_leg(world, leg)
    assert all(o.trigger == bracket.stop_price for o in stops)
    assert all(o.limit == bracket.target_price for o in targets)


def check_the_leg(world: World, orders: list[VenueOrder]) -> None:
    """One order for all the coins, of a leg that rests at all."""
    if orders:
        assert sum(o.leaves for o in orders) == round_down(world.venue.coins, LOT) > 0
        assert len(orders) == 1


def wanted_legs(world: World) -> set[Role]:
    bracket, swap = world.bracket, swap_prices(world.bracket)
    if bracket.policy is Policy.BOTH_REST and bracket.coins >= MINIMUM:
        return {Role.STOP, Role.TARGET}
    near = swap is not None and swap.rest_from <= world.venue.bid < bracket.target_price
    if bracket.coins < MINIMUM:  # too small to be moved: it stays where it rests
        return {bracket.resting}
    return {Role.TARGET} if near else {Role.STOP}


def an_operator_must_look(world: World) -> bool:
    """It was wished; or the venue refused for good; or a triggered stop was ended by hand, and its leaves
    could not be sold; or coins that we did not buy, and so do not sell, had no protection in time."""
    ended_early = any(o.triggered and o.status is OrderStatus.CANCELED for o in world.venue.orders)
    return world.hold_wished or world.refused_for_good or ended_early or world.setup.entry == "held"
