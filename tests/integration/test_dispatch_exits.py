"""The wire fails on the way out: one sale, and only after the stop was read gone."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from brackets import dispatch, reconcile
from brackets.core.events import CloseRequested
from brackets.core.states import ExitReason, OrderStatus, State
from brackets.models import Effect, Order
from brackets.venue.paper.orders import Side, Status
from brackets.venue.port import Accepted, Reason, Refused
from tests.integration.engine_venue import Fault
from tests.integration.engine_words import unix
from tests.integration.engine_world import QUANTITY, TARGET, World
from trading.models import Trade

pytest_plugins = ["tests.integration.worlds"]
MANUAL = ExitReason.MANUAL


def out(world: World) -> list[str]:
    """What was asked of the venue on the way out, in order."""
    return [method for method in world.venue.asked if method in ("cancel", "orders", "place")]


@pytest.mark.parametrize(
    ("way_seconds", "expected"),
    [
        pytest.param(0, ["cancel", "cancel", "orders", "place", "place"], id="all together"),
        pytest.param(2, ["cancel", "orders", "place"] * 2, id="one after the other where the venue is slow"),
    ],
)
def test_coins_of_one_exit_do_not_wait_bare_for_another(
    world: World, way_seconds: int, expected: list[str]
) -> None:
    first = world.open_active()
    second = world.open_active(symbol="SOL/USD", quantity=Decimal(1), stop=Decimal(130), target=Decimal(200))
    for trade in (first, second):
        world.ask(trade, CloseRequested(at=world.clock.now, reason=ExitReason.MANUAL))
    world.venue.asked.clear()
    slow = [lambda: world.clock.pass_seconds(way_seconds)] * 2
    world.venue.script("cancel", *slow)

    world.send()

    assert out(world) == expected


def test_coins_that_wait_for_a_reading_do_not_wait_for_an_entry(world: World) -> None:
    trade = world.open_active()
    world.ask(trade, CloseRequested(at=world.clock.now, reason=ExitReason.MANUAL))
    world.open(symbol="SOL/USD", quantity=Decimal(1), stop=Decimal(130), target=Decimal(200))
    world.venue.asked.clear()
    world.venue.script("cancel", lambda: world.clock.pass_seconds(2))

    world.send()

    assert out(world) == ["cancel", "orders", "place", "place"]


def test_a_long_way_out_is_left_to_the_loop_that_sends(world: World) -> None:
    """Where the venue is slow: prices and comparisons go on meanwhile."""
    first = world.open_active()
    second = world.open_active(symbol="SOL/USD", quantity=Decimal(1), stop=Decimal(130), target=Decimal(200))
    for trade in (first, second):
        world.ask(trade, CloseRequested(at=world.clock.now, reason=ExitReason.MANUAL))
    world.venue.asked.clear()
    world.venue.script("cancel", *[lambda: world.clock.pass_seconds(2)] * 2)

    reconcile.drive(world.account, world.venue, world.clock, seconds=1)

    assert out(world) == ["cancel", "orders"]
    world.send()
    assert out(world) == ["cancel", "orders", "place"] * 2


def test_what_the_stream_told_meanwhile_is_not_read(world: World) -> None:
    world.open_active()
    stop = world.stop_at_venue().txid
    assert reconcile.still_untold(world.account, [stop, "OTHER"]) == [stop, "OTHER"]
    world.venue.engine.cancel(txid=stop, now=unix(world.clock.now))
    world.turn()
    assert reconcile.still_untold(world.account, [stop, "OTHER"]) == ["OTHER"]


def test_an_effect_that_somebody_else_sent_meanwhile_is_left_alone(world: World) -> None:
    trade = world.open_active()
    world.ask(trade, CloseRequested(at=world.clock.now, reason=ExitReason.MANUAL))
    (cancel,) = dispatch.due(world.account, world.clock.now)
    claim = dispatch.take_claim(cancel.pk, world.venue, world.clock.now)
    assert claim is not None
    dispatch.record(claim, Accepted(venue_order_id=None), world.clock.now)
    assert dispatch.take_claim(cancel.pk, world.venue, world.clock.now) is None
    world.clock.pass_seconds(10)
    assert dispatch.take_claim(cancel.pk, world.venue, world.clock.now) is not None


def test_an_answer_that_was_overtaken_does_not_end_the_claim_of_who_took_over(world: World) -> None:
    trade = world.open_active()
    world.ask(trade, CloseRequested(at=world.clock.now, reason=ExitReason.MANUAL))
    (cancel,) = dispatch.due(world.account, world.clock.now)
    slow = dispatch.take_claim(cancel.pk, world.venue, world.clock.now)
    ahead = world.clock.now + timedelta(seconds=30)  # another machine's clock
    second = dispatch.take_claim(cancel.pk, world.venue, ahead)
    assert slow is not None and second is not None

    dispatch.record(slow, Accepted(venue_order_id=None), world.clock.now)

    assert dispatch.take_claim(cancel.pk, world.venue, ahead + timedelta(seconds=6)) is None


@pytest.mark.parametrize("seconds_ahead", [8, 400])
def test_an_exit_asked_for_by_a_clock_that_is_ahead_leaves_at_once(world: World, seconds_ahead: int) -> None:
    trade = world.open_active()
    world.ask(trade, CloseRequested(at=world.clock.now + timedelta(seconds=seconds_ahead), reason=MANUAL))
    world.venue.asked.clear()

    world.send()

    assert out(world)[0] == "cancel"


def test_a_cancel_is_repeated_though_the_clock_was_set_back_since(world: World) -> None:
    trade = world.open_active()
    world.venue.script("cancel", Refused(reason=Reason.RATE_LIMITED, message="EOrder:Rate limit exceeded"))
    world.ask(trade, CloseRequested(at=world.clock.now, reason=MANUAL))
    world.send()
    (cancel,) = Effect.objects.filter(kind=Effect.Kind.CANCEL, done_at=None)

    assert not dispatch.due(world.account, world.clock.now)
    assert dispatch.due(world.account, world.clock.now - timedelta(minutes=7)) == [cancel]


def test_coins_bought_at_market_without_an_attached_stop_get_theirs_in_one_go(world: World) -> None:
    world.configure(entry_stop="own")
    world.open()
    world.send()
    assert world.stops_at_venue() == [QUANTITY]


# --- the exit ---------------------------------------------------------------------------------------


def test_an_exit_whose_answer_was_lost_is_found_and_not_repeated(world: World) -> None:
    trade = world.open_active()
    world.venue.script("place", Fault.LOST_ANSWER)
    world.price(TARGET + 1)

    world.until_closed(trade)

    world.assert_over(trade, "take_profit")
    assert len(world.venue.sent) == 2


def test_an_exit_that_never_arrived_is_repeated_under_a_new_id(world: World) -> None:
    trade = world.open_active()
    world.venue.script("place", Fault.LOST_REQUEST)
    world.price(TARGET + 1)

    world.until_closed(trade)

    world.assert_over(trade, "take_profit")
    _, lost, second = world.venue.sent
    assert lost.client_order_id != second.client_order_id
    assert lost.quantity == second.quantity == QUANTITY
    assert Order.objects.get(client_order_id=lost.client_order_id).status == OrderStatus.ABSENT


def test_an_exit_that_hung_on_the_wire_does_not_sell_twice(world: World) -> None:
    trade = world.open_active()
    world.venue.script("place", Fault.LATE_REQUEST)
    world.price(TARGET + 1)
    world.turns(2)
    (answer,) = world.venue.deliver_late()
    assert "Accepted" in answer

    world.until_closed(trade)

    world.assert_over(trade, "take_profit")
    assert len(world.venue.sent) == 2


# --- the cancel -------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Fault.LOST_REQUEST, Fault.LOST_ANSWER])
def test_a_cancel_without_an_answer_is_sent_until_the_stop_is_read_gone(world: World, fault: Fault) -> None:
    trade = world.open_active()
    world.venue.script("cancel", fault, fault)
    world.price(TARGET + 1)

    world.until_closed(trade)

    world.assert_over(trade, "take_profit")
    sale = world.at_venue(side=Side.SELL)[-1]
    stop = world.at_venue(side=Side.SELL)[0]
    assert stop.status is Status.CANCELED
    assert sale.opened_at >= stop.closed_at


def test_a_refused_cancel_is_not_a_confirmation(world: World) -> None:
    trade = world.open_active()
    refused = Refused(reason=Reason.RATE_LIMITED, message="EOrder:Rate limit exceeded")
    world.venue.script("cancel", refused, refused, refused)
    world.price(TARGET + 1)
    world.turns(2)
    assert len(world.at_venue(side=Side.SELL)) == 1  # nothing is sold while the stop may live

    world.until_closed(trade)

    world.assert_over(trade, "take_profit")


def test_an_accepted_cancel_whose_stop_still_reads_open_sells_nothing(world: World) -> None:
    trade = world.open_active()
    world.venue.freeze("orders", "open_orders", calls=4)
    world.price(TARGET + 1)
    world.turn()
    assert world.at_venue(side=Side.SELL)[0].status is Status.CANCELED
    assert len(world.venue.sent) == 1

    world.until_closed(trade)

    world.assert_over(trade, "take_profit")


def test_the_stop_wins_the_race_against_the_cancel(world: World) -> None:
    """Price touches the target and falls through the stop before our cancel reaches the venue."""
    trade = world.open_active()
    world.price(TARGET + 1)
    world.venue.script("cancel", lambda: world.price(2400))

    world.until_closed(trade)

    world.assert_over(trade, "stop_loss")
    assert len(world.venue.sent) == 1


def test_the_stop_fills_in_part_before_the_cancel_and_only_the_rest_is_sold(world: World) -> None:
    trade = world.open_active()
    world.price(TARGET + 1)
    world.venue.script("cancel", lambda: world.price(2440, depth=Decimal("0.04")))
    world.turn()
    world.price(2430, depth=Decimal(100))

    world.until_closed(trade)

    assert world.sold_at_venue() == QUANTITY
    assert [request.quantity for request in world.venue.sent[1:]] == [Decimal("0.06")]
    assert trade.realized_pnl == world.earned_at_venue()
    world.assert_sound()


def test_coins_released_late_after_our_cancel_are_waited_for(bare_world: World) -> None:
    world = bare_world
    trade = world.open_active()
    world.venue.hold_release_seconds = 4
    world.price(TARGET + 1)

    world.until_closed(trade)

    world.assert_over(trade, "take_profit")
    assert len(world.venue.sent) > 2
    assert Trade.objects.get().exit_reason == "take_profit"


def test_coins_never_released_bring_the_stop_back(bare_world: World) -> None:
    world = bare_world
    trade = world.open_active()
    world.venue.hold_release_seconds = 25
    world.price(TARGET + 1)
    world.turn()
    attempts = len(world.venue.sent)

    world.turns(40)

    bracket = world.bracket(trade)
    assert bracket.state == State.BRACKET_ACTIVE
    assert bracket.alarm
    stop = world.stop_at_venue()
    assert (stop.trigger_price, stop.volume) == (trade.stop_loss_price, QUANTITY)
    assert len(world.venue.sent) - attempts < 40  # spaced, not a storm
    world.venue.hold_release_seconds = 0
    world.until_closed(trade)
    world.assert_over(trade, "take_profit")
