"""Cancels that wait: a protection is given up only where the market, as read just before, takes the sell."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from brackets import readers, reconcile
from brackets.core.events import HoldRequested
from brackets.core.states import State
from brackets.models import Account, Effect, Instrument
from brackets.modes import Modes
from brackets.venue.port import Reason, Refused, Unknown
from brackets.watch import Watch
from tests.integration.engine_venue import Fault
from tests.integration.engine_world import ETH, QUANTITY, TARGET, World, fresh
from trading import door
from trading.models import Trade

pytest_plugins = ["tests.integration.worlds"]
closed = pytest.mark.parametrize("mode", ["cancel_only", "post_only", "maintenance"])
READS = ["system_status", "pair_statuses"]


def keep_house(world: World) -> None:
    """What the watch does now and then: the modes are read."""
    readers.note_venue(world.account, system=world.venue.system_status())
    readers.refresh_statuses(world.account, world.venue, [ETH])


def asked_by(world: World, act: Callable[[], object]) -> list[str]:
    before = len(world.venue.asked)
    act()
    return world.venue.asked[before:]


@closed
def test_a_target_touched_just_after_the_market_closed_leaves_its_stop(world: World, mode: str) -> None:
    """The book still believes that the market is open."""
    trade = world.open_active()
    world.venue.system = mode
    world.price(TARGET + 1)

    world.turns(5)

    assert (world.venue.cancels, world.stops_at_venue()) == ([], [QUANTITY])
    bracket = world.bracket(trade)
    assert (bracket.state, bracket.market, bracket.stop_custody) == (State.BRACKET_ACTIVE, mode, "RESTING")
    assert Account.objects.get().venue_system == mode

    world.venue.system = "online"
    keep_house(world)
    world.until_closed(trade)
    world.assert_over(trade, "take_profit")


@closed
def test_a_close_just_after_the_market_closed_waits_with_its_stop(world: World, mode: str) -> None:
    trade = world.open_active()
    world.venue.system = mode
    door.close_position(trade.pk)

    world.turns(5)

    assert (world.venue.cancels, world.stops_at_venue()) == ([], [QUANTITY])
    bracket = world.bracket(trade)
    assert (bracket.state, bracket.stop_custody) == (State.EXITING, "RESTING")
    assert not Effect.objects.filter(done_at=None).exists()

    world.venue.system = "online"
    keep_house(world)
    world.turn()
    assert (len(world.venue.cancels), world.sold_at_venue()) == (1, QUANTITY)
    world.until_closed(trade)
    world.assert_over(trade, "manual")


def test_a_pair_that_takes_limits_only_since_a_moment_ago_is_left_by_limit(world: World) -> None:
    trade = world.open_active()
    world.venue.system = "limit_only"
    door.close_position(trade.pk)

    world.until_closed(trade)

    (sale,) = [request for request in world.venue.sent if request.side == "sell"]
    assert sale.limit_price is not None
    world.assert_over(trade, "manual")


def test_the_legs_do_not_change_places_in_a_market_that_just_closed(world: World) -> None:
    world.configure(leg_policy="nearest", swap_in_bps=20, swap_out_bps=50)
    world.watched = True
    trade = world.open_active()
    world.venue.system = "post_only"
    world.price(TARGET - 2)

    world.turns(3)

    assert (world.venue.cancels, world.stops_at_venue()) == ([], [QUANTITY])
    assert world.bracket(trade).state == State.BRACKET_ACTIVE


def test_an_entry_is_canceled_in_every_market(world: World) -> None:
    trade = world.open(entry_type="limit")
    world.turns(2)
    world.venue.system = "cancel_only"
    door.close_position(trade.pk)
    world.turn()
    assert len(world.venue.cancels) == 1
    assert world.at_venue(live=True) == []


# --- what it costs ---------------------------------------------------------------------------------


def test_the_modes_are_read_once_for_all_that_leaves(world: World) -> None:
    solana = world.open_active(symbol="SOL/USD", quantity=Decimal(2), stop=Decimal(140), target=Decimal(160))
    for trade in (world.open_active(), solana):
        door.close_position(trade.pk)
    asked = asked_by(world, world.send)
    assert asked == [*READS, "cancel", "cancel", "orders", "place", "place"]


def test_what_was_read_a_moment_ago_is_not_read_again(world: World) -> None:
    modes = Modes()
    for seconds, read in ((0, True), (0.9, False), (0.2, True)):
        world.clock.pass_seconds(seconds)
        asked = asked_by(world, lambda: modes.freshen(world.account, world.venue, [ETH], world.clock))
        assert asked == (READS if read else [])


def test_nothing_is_read_while_a_stream_tells_the_modes(world: World) -> None:
    trade = world.open_active()
    door.close_position(trade.pk)
    modes = Modes(told=lambda: True)
    asked = asked_by(world, lambda: reconcile.drive(world.account, world.venue, world.clock, modes))
    assert asked == ["cancel", "orders", "place"]


def test_what_the_stream_told_keeps_a_cancel_back(world: World) -> None:
    """The market closed between the decision and the sending, and only the pair's row says so."""
    trade = world.open_active()
    door.close_position(trade.pk)
    Instrument.objects.filter(symbol=ETH).update(status="cancel_only")
    reconcile.drive(world.account, world.venue, world.clock, Modes(told=lambda: True))
    assert (world.venue.cancels, world.stops_at_venue()) == ([], [QUANTITY])


def test_an_exit_does_not_wait_for_modes_that_cannot_be_read(world: World) -> None:
    trade = world.open_active()
    world.venue.script("system_status", *[Fault.LOST_REQUEST] * 5)
    door.close_position(trade.pk)
    modes = Modes()
    asked = asked_by(world, lambda: reconcile.drive(world.account, world.venue, world.clock, modes))
    assert asked == ["system_status", "cancel", "orders", "place"]
    world.clock.pass_seconds(9)
    assert asked_by(world, lambda: modes.freshen(world.account, world.venue, [ETH], world.clock)) == []


# --- what answers tell -----------------------------------------------------------------------------


def test_a_cancel_that_met_a_maintenance_is_not_repeated_before_its_end(world: World) -> None:
    """The first one left while the venue was open; whether it was taken, only a reading can tell."""
    trade = world.open_active()
    world.venue.script("cancel", Unknown(message="EService:Unavailable"))
    door.close_position(trade.pk)
    world.send()
    assert len(world.venue.cancels) == 1
    world.venue.system = "maintenance"
    world.turns(8)
    assert len(world.venue.cancels) == 1
    assert (world.bracket(trade).market, world.stops_at_venue()) == ("maintenance", [QUANTITY])

    world.venue.system = "online"
    world.turns(2)
    assert (len(world.venue.cancels), world.sold_at_venue()) == (2, QUANTITY)
    world.until_closed(trade)
    world.assert_over(trade, "manual")


@pytest.mark.parametrize(
    ("answer", "read"),
    [
        (Refused(reason=Reason.MARKET_LIMITED, message="EService:Market in cancel_only mode"), True),
        (Unknown(message="EService:Unavailable"), True),
        (Unknown(message="read timed out"), False),
        (Refused(reason=Reason.INSUFFICIENT_FUNDS, message="EOrder:Insufficient funds"), False),
    ],
    ids=["limited", "unavailable", "timeout", "funds"],
)
def test_an_answer_that_speaks_of_the_market_makes_the_mode_read(
    world: World, answer: Refused | Unknown, read: bool
) -> None:
    modes = Modes()
    modes.freshen(world.account, world.venue, [ETH], world.clock)
    asked = asked_by(world, lambda: modes.hear(world.account, world.venue, ETH, answer, world.clock))
    assert asked == (READS if read else [])


def test_a_market_that_somebody_waits_for_is_looked_at_more_often(world: World) -> None:
    watch = Watch(account=fresh(world.account), venue=world.venue, clock=world.clock)

    def seconds_between_readings() -> int:
        watch.shelf.refresh()
        watch.keep_house()
        seconds = 0
        while "system_status" not in asked_by(world, watch.keep_house):
            world.clock.pass_seconds(1)
            seconds += 1
        return seconds

    trade: Trade = world.open_active()
    assert seconds_between_readings() == 10
    world.venue.system = "maintenance"
    keep_house(world)
    world.look()
    door.close_position(trade.pk)
    assert seconds_between_readings() == 2


def test_a_market_that_was_told_closed_long_ago_is_asked_for_though_the_stream_would_tell(
    world: World,
) -> None:
    """A process that slept wrote what its stream had told before; the one that watches heard it open and
    will not hear it again."""
    watch = Watch(account=fresh(world.account), venue=world.venue, clock=world.clock)
    watch.prices_are_streamed, watch.wanted = True, frozenset({ETH})
    trade: Trade = world.open_active()
    readers.note_statuses(world.account, [(ETH, "cancel_only")])
    world.look()
    door.close_position(trade.pk)
    watch.shelf.refresh()
    assert watch.house.awaits_a_market()
    watch.keep_house()
    world.until_closed(trade)
    world.assert_over(trade, "manual")


def test_a_held_bracket_keeps_the_target_that_no_stop_can_follow(world: World) -> None:
    world.configure(leg_policy="nearest", swap_in_bps=20, swap_out_bps=50)
    world.watched = True
    trade = world.open_active()
    world.price(TARGET - 2)
    world.turns(3)
    (target,) = world.at_venue(live=True)
    assert target.trigger_price is None
    world.venue.system = "limit_only"
    hold(world, trade)
    canceled = len(world.venue.cancels)
    world.turns(4)
    assert len(world.venue.cancels) == canceled

    world.venue.system = "online"
    keep_house(world)
    world.turns(4)
    assert world.stops_at_venue() == [QUANTITY]


def hold(world: World, trade: Trade) -> None:
    world.ask(trade, HoldRequested(at=world.clock.now, reason="somebody wants to look"))
