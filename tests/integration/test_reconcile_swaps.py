"""Policy nearest: near the target the legs change places, and every doubt brings the stop back."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from brackets import reconcile
from brackets.core.states import Role, State
from brackets.models import Bracket
from brackets.venue.paper.orders import Order, Side, Status
from brackets.venue.port import Reason, Refused
from tests.integration.engine_venue import Fault
from tests.integration.engine_world import QUANTITY, STOP, TARGET, World
from trading import door
from trading.models import Trade

pytest_plugins = ["tests.integration.worlds"]
NEAR, AWAY = TARGET - 2, TARGET - 40


@pytest.fixture
def watched(bare_world: World) -> World:
    """A world whose watch holds the lease, without coins that would hide an oversell."""
    bare_world.configure(leg_policy="nearest", swap_in_bps=20, swap_out_bps=50)
    bare_world.watched = True
    return bare_world


def target_rests(world: World) -> Trade:
    trade = world.open_active()
    assert world.bracket(trade).policy == "nearest"
    world.price(NEAR)
    world.turns(2)
    (sell,) = world.at_venue(side=Side.SELL, live=True)
    assert (sell.limit_price, sell.volume, sell.post_only) == (TARGET, QUANTITY, True)
    assert world.bracket(trade).state == State.BRACKET_ACTIVE
    return trade


def resting_sell(world: World) -> Order:
    (sell,) = world.at_venue(side=Side.SELL, live=True)
    return sell


def test_near_the_target_it_rests_and_takes_the_profit_as_a_maker(watched: World) -> None:
    world = watched
    trade = target_rests(world)
    writes = world.venue.heard[1:]
    assert writes == [("cancel", "stop", False), ("place", "target", True)], "the coins are bare between"
    world.price(TARGET + 1)

    world.until_closed(trade)

    assert trade.exit_price == TARGET
    (target,) = [o for o in world.at_venue(side=Side.SELL) if o.filled]
    trades = [t for t in world.venue.record.trades.values() if t.txid == target.txid]
    assert all(t.maker for t in trades)
    world.assert_over(trade, "take_profit")


def test_when_the_price_falls_away_the_stop_comes_back(watched: World) -> None:
    world = watched
    trade = target_rests(world)
    world.price(AWAY)
    world.turns(2)

    stop = world.stop_at_venue()

    assert (stop.trigger_price, stop.volume) == (STOP, QUANTITY)
    assert world.bracket(trade).resting == Role.STOP
    back = world.venue.heard[3:]
    assert back == [("cancel", "target", True), ("place", "stop", True)]
    bracket = world.bracket(trade)
    assert bracket.unstopped_seconds > 0
    assert bracket.unprotected_seconds <= 1
    world.price(2400)
    world.until_closed(trade)
    world.assert_over(trade, "stop_loss")


def test_the_stop_in_our_hands_sells_when_the_market_falls_through_it(watched: World) -> None:
    world = watched
    trade = target_rests(world)
    world.price(2400)

    world.look()
    world.send()

    assert world.sold_at_venue() == QUANTITY
    world.until_closed(trade)
    world.assert_over(trade, "stop_loss")


def test_whoever_sees_that_nobody_watches_brings_the_stop_back(watched: World) -> None:
    world = watched
    target_rests(world)
    world.watched = False

    world.turns(2)

    assert world.stop_at_venue().trigger_price == STOP
    world.assert_sound()


def test_without_a_watch_the_legs_never_change_places(watched: World) -> None:
    world = watched
    world.watched = False
    world.open_active()
    world.price(NEAR)
    world.turns(3)
    assert world.stop_at_venue().trigger_price == STOP
    assert world.venue.cancels == []


@pytest.mark.parametrize("method", ["cancel", "place"])
@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.LOST_REQUEST])
def test_a_swap_whose_wire_fails_ends_with_one_leg_resting(watched: World, method: str, fault: Fault) -> None:
    world = watched
    trade = world.open_active()
    world.venue.script(method, fault)
    world.price(NEAR)

    world.turns(25)
    world.until(trade, State.BRACKET_ACTIVE)

    assert resting_sell(world).volume == QUANTITY
    world.price(TARGET + 1)
    world.until_closed(trade)
    assert world.sold_at_venue() == QUANTITY
    world.assert_sound()


def test_a_target_the_budget_does_not_let_rest_brings_the_stop_back(watched: World) -> None:
    """The stop is gone by then: waiting for budget would leave the coins bare."""
    world = watched
    trade = world.open_active()
    spent = Refused(reason=Reason.RATE_LIMITED, message="not sent: the pair's counter is spent")
    world.venue.script("place", *[spent] * 30)
    world.price(NEAR)
    world.turns(3)
    world.venue.calm()
    world.turns(15)

    bracket = world.until(trade, State.BRACKET_ACTIVE)

    assert resting_sell(world).volume == QUANTITY
    assert bracket.unprotected_seconds < 15
    world.assert_sound()


def test_a_target_that_would_have_taken_is_placed_plain_once(watched: World) -> None:
    world = watched
    trade = world.open_active()
    world.venue.script("cancel", lambda: world.price(TARGET + 3))
    world.price(NEAR)

    world.until_closed(trade)

    assert trade.exit_price >= TARGET
    world.assert_over(trade, "take_profit")


def test_a_close_while_the_target_rests_cancels_it_with_urgency(watched: World) -> None:
    world = watched
    trade = target_rests(world)
    door.close_position(trade.pk)

    world.until_closed(trade)

    assert ("cancel", "target", True) in world.venue.heard
    world.assert_over(trade, "manual")


# --- a clean end ---------------------------------------------------------------------------------------


def swap_back_all(world: World, **options: float) -> tuple[str, ...]:
    return reconcile.swap_back_all(
        world.account, world.venue, clock=world.clock, pause=world.clock.pass_seconds, **options
    )


def test_a_clean_end_brings_every_stop_back(watched: World) -> None:
    world = watched
    target_rests(world)
    other = world.open_active(symbol="SOL/USD", quantity=Decimal(2), stop=Decimal(140), target=Decimal(160))
    asked = len(world.venue.asked)

    assert swap_back_all(world) == ()

    stops = world.at_venue(side=Side.SELL, live=True)
    assert sorted(stop.trigger_price for stop in stops) == [Decimal(140), STOP]
    assert Bracket.objects.get(pk=other.bracket_id).state == State.BRACKET_ACTIVE
    modes = ["system_status", "pair_statuses"]  # public: before a protection is given up
    assert world.venue.asked[asked:] == [*modes, "cancel", "orders", "place", "orders"]
    world.assert_sound()


def test_a_clean_end_with_nothing_to_bring_back_asks_nothing(watched: World) -> None:
    world = watched
    world.open_active()
    asked = len(world.venue.asked)
    assert swap_back_all(world) == ()
    assert len(world.venue.asked) == asked


def test_what_cannot_be_brought_back_in_time_is_named(watched: World) -> None:
    world = watched
    trade = target_rests(world)
    world.venue.set_down(True)
    began = world.clock.now

    (sentence,) = swap_back_all(world)

    assert f"bracket {trade.bracket_id} (ETH/USD)" in sentence
    assert world.clock.now - began < timedelta(seconds=8)
    world.venue.set_down(False)
    world.watched = False
    world.turns(5)
    assert world.stop_at_venue().volume == QUANTITY
    world.assert_sound()


def test_a_target_taken_during_the_clean_end_is_no_failure(watched: World) -> None:
    world = watched
    trade = target_rests(world)
    world.venue.script("cancel", lambda: world.price(TARGET + 1))

    assert swap_back_all(world) == ()

    (target,) = [o for o in world.at_venue(side=Side.SELL) if o.filled]
    assert (target.status, target.limit_price) == (Status.CLOSED, TARGET)
    world.until_closed(trade)
    world.assert_over(trade, "take_profit")
