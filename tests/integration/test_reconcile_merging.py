"""Many fills, many stops, one bracket: merged in place, the coins covered all the while."""

from __future__ import annotations

from decimal import Decimal

from brackets.core.states import State
from brackets.venue.paper.orders import Side, Status
from tests.integration.engine_world import QUANTITY, STOP, World
from trading.models import Trade

pytest_plugins = ["tests.integration.worlds"]
OLD_SECONDS = 45  # from then on a stop is cheap to cancel


def in_three_parts(world: World) -> Trade:
    """Bought in parts of 0.04, 0.04 and 0.02, each with the stop the venue made of it."""
    world.price(2500, depth=Decimal("0.04"))
    trade = world.open()
    world.turn()
    world.price(2501)
    world.turn()
    world.price(2502)
    world.until(trade, State.BRACKET_ACTIVE)
    world.price(2502, depth=Decimal(1000))
    assert world.stops_at_venue() == [Decimal("0.04"), Decimal("0.04"), Decimal("0.02")]
    return trade


def test_three_stops_become_one_and_the_survivor_never_leaves(world: World) -> None:
    trade = in_three_parts(world)
    survivor = world.at_venue(side=Side.SELL, live=True)[0].txid

    world.turn(OLD_SECONDS)
    world.turns(3)

    assert world.stops_at_venue() == [QUANTITY]
    (stop,) = world.at_venue(side=Side.SELL, live=True)
    assert (stop.txid, stop.trigger_price) == (survivor, STOP)
    assert world.bracket(trade).state == State.BRACKET_ACTIVE
    assert survivor not in world.venue.cancels
    writes = [(method, role) for method, role, _ in world.venue.heard]
    merge = [("cancel", "stop"), ("amend", "stop")]
    assert writes == [("place", "entry"), *merge, *merge]  # one at a time, each amended before the next
    urgent = {method: urgent for method, _, urgent in world.venue.heard}
    assert urgent == {"place": False, "cancel": False, "amend": True}
    world.price(2400)
    world.until_closed(trade)
    world.assert_over(trade, "stop_loss")


def test_young_stops_are_left_alone(world: World) -> None:
    in_three_parts(world)
    world.turn(OLD_SECONDS - 10)
    world.turn()
    assert world.venue.cancels == []
    assert len(world.stops_at_venue()) == 3


def test_a_merge_the_budget_puts_off_happens_later(world: World) -> None:
    from brackets.venue.port import Reason, Refused

    in_three_parts(world)
    spent = Refused(reason=Reason.RATE_LIMITED, message="not sent: the pair's counter is spent")
    world.venue.script("cancel", *[spent] * 4)

    world.turn(OLD_SECONDS)
    world.turns(5)
    assert len(world.venue.cancels) <= 3  # no storm
    assert len(world.stops_at_venue()) == 3
    world.turns(15)

    assert world.stops_at_venue() == [QUANTITY]
    world.assert_sound()


def test_a_stop_that_triggers_while_others_are_merged_sells_everything_once(world: World) -> None:
    trade = in_three_parts(world)
    world.venue.script("cancel", lambda: world.price(2400))

    world.turn(OLD_SECONDS)
    world.until_closed(trade)

    world.assert_over(trade, "stop_loss")


def test_more_than_five_stops_end_the_buying(world: World) -> None:
    """Each fill makes a stop: an entry that is filled in crumbs is cut off, and what was bought is kept."""
    world.price(2500, depth=Decimal("0.01"))
    trade = world.open()
    for number in range(7):
        world.price(2500 + number)
        world.turn()

    bracket = world.until(trade, State.BRACKET_ACTIVE)

    (entry,) = world.at_venue(side=Side.BUY)
    assert entry.status is Status.CANCELED
    assert bracket.entry_over
    assert sum(world.stops_at_venue()) == world.bought_at_venue() < QUANTITY
    world.assert_sound()


def test_a_part_below_the_minimum_joins_the_next_stop(world: World) -> None:
    """The venue makes no stop of a crumb; the stop of the next fill is amended up by it."""
    world.price(2500, depth=Decimal("0.0019"))
    trade = world.open()
    world.turn()
    assert world.at_venue(side=Side.SELL) == []
    world.price(2501, depth=Decimal(100))
    world.turns(2)

    bracket = world.until(trade, State.BRACKET_ACTIVE)

    assert world.stops_at_venue() == [QUANTITY]
    assert (bracket.completed_at, bracket.alarm) == (None, "")
    world.price(2400)
    world.until_closed(trade)
    world.assert_over(trade, "stop_loss")


def test_a_crumb_alone_is_looked_for_without_a_storm(world: World) -> None:
    """A limit entry bought less than the minimum and rests on: there is no stop to be found, and asking for
    it every second would eat the budget."""
    trade = world.open(entry_type="limit")
    world.turns(2)
    world.price(2499, depth=Decimal("0.0019"))
    world.price(2502, depth=Decimal(1000))
    world.turns(11)
    asked = world.venue.asked.count("closed_orders")

    world.turns(30)

    assert world.venue.asked.count("closed_orders") - asked <= 4
    assert world.bought_at_venue() == Decimal("0.0019")
    assert world.bracket(trade).state == State.ENTRY_FILLED
