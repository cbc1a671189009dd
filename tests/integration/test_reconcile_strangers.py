"""Somebody else acts on the account, and readings that lag or fail."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import transaction

from brackets import operations, reports
from brackets.core.events import CloseRequested, HoldRequested
from brackets.core.states import ExitReason, State
from brackets.models import BracketEvent, Order
from brackets.venue.paper.orders import Side, Status
from brackets.venue.port import Accepted
from tests.integration.engine_venue import Fault
from tests.integration.engine_world import ETH, QUANTITY, STOP, TARGET, World
from trading import door

pytest_plugins = ["tests.integration.worlds"]
STRAY = UUID("00000000-0000-4000-8000-000000000001")


def test_a_stop_canceled_by_hand_is_replaced_within_ten_seconds(world: World) -> None:
    trade = world.open_active()
    world.venue.cancel_by_hand(world.stop_at_venue().txid)
    began = world.clock.now

    world.turn()
    world.until(trade, State.BRACKET_ACTIVE)

    assert (world.clock.now - began).total_seconds() <= 10
    stop = world.stop_at_venue()
    assert (stop.volume, stop.trigger_price) == (QUANTITY, STOP)
    assert world.bracket(trade).alarm
    world.price(2400)
    world.until_closed(trade)
    world.assert_over(trade, "stop_loss")


def test_a_stop_of_ours_counts_only_when_it_was_read_back(world: World) -> None:
    """It is read right after it was accepted; a reading that does not show it yet proves nothing."""
    trade = world.open_active()
    world.venue.cancel_by_hand(world.stop_at_venue().txid)
    for _ in range(2):  # two readings that agree
        world.clock.pass_seconds(1)
        world.read()
    world.venue.freeze("orders", calls=1)
    for _ in range(3):
        world.clock.pass_seconds(1)
        world.look()
        world.send()
    assert world.stop_at_venue().cl_ord_id is not None  # accepted
    assert world.bracket(trade).state == State.ENTRY_FILLED

    world.read()

    assert world.bracket(trade).state == State.BRACKET_ACTIVE


def test_a_stop_canceled_again_and_again_never_doubles(world: World) -> None:
    trade = world.open_active()
    for _ in range(4):
        world.venue.cancel_by_hand(world.stop_at_venue().txid)
        world.turn()
        world.until(trade, State.BRACKET_ACTIVE)
        assert len(world.at_venue(side=Side.SELL, live=True)) == 1
    world.assert_sound()


def test_a_stop_canceled_just_before_price_falls_through_it_still_sells(world: World) -> None:
    trade = world.open_active()
    world.venue.cancel_by_hand(world.stop_at_venue().txid)
    world.price(2440)

    world.until_closed(trade)

    world.assert_over(trade, "stop_loss")
    assert len(world.venue.sent) == 2


def test_coins_sold_by_hand_are_asked_for_once_a_minute_and_said(bare_world: World) -> None:
    """The owner cancels the stop and sells the coins at the venue's own page; nobody counts them here."""
    world = bare_world
    trade = world.open_active()
    world.venue.cancel_by_hand(world.stop_at_venue().txid)
    world.venue.sell_by_hand(ETH, QUANTITY)

    world.turns(50)
    bracket = world.bracket(trade)
    assert (bracket.state, bracket.funds_awaited, bracket.repairs_refused) == (State.ENTRY_FILLED, True, 1)
    assert bracket.alarm
    world.turns(50)
    assert world.bracket(trade).repairs_refused == 2
    assert len(world.venue.sent) == 3  # the entry, and a stop in each minute
    assert world.venue.faults_found == []


def test_foreign_orders_on_the_account_are_left_alone(world: World) -> None:
    trade = world.open_active()
    foreign = world.venue.sell_by_hand(ETH, Decimal("0.5"))
    world.turns(3)
    assert foreign not in world.order_ids()
    world.price(TARGET + 1)
    world.until_closed(trade)
    assert world.sold_at_venue() == QUANTITY  # the owner's other coins are untouched
    assert world.venue.engine.account.balance("XETH") == Decimal("2.5")


def test_an_old_reading_absorbed_after_the_end_changes_nothing(world: World) -> None:
    trade = world.open_active()
    old = world.venue.open_orders()
    world.price(2400)
    world.until_closed(trade)
    version = world.bracket(trade).version

    assert reports.absorb(world.account, old).changed == 0

    assert world.bracket(trade).version == version
    world.assert_over(trade, "stop_loss")


def test_an_old_reading_of_a_stop_being_filled_changes_nothing(world: World) -> None:
    trade = world.open_active()
    old = world.venue.open_orders()
    world.price(2440, depth=Decimal("0.03"))
    world.turn()
    (stop,) = trade.bracket.orders.filter(role="stop")
    assert (stop.filled_quantity, stop.triggered) == (Decimal("0.03"), True)

    reports.absorb(world.account, old)

    stop.refresh_from_db()
    assert (stop.filled_quantity, stop.triggered) == (Decimal("0.03"), True)


def test_a_bracket_changed_by_somebody_else_is_not_overwritten(world: World) -> None:
    """Where no lock helps: whoever loaded an older version must not save over a newer one."""
    trade = world.open_active()
    stale = world.bracket(trade)
    wish = CloseRequested(at=world.clock.now, reason=ExitReason.MANUAL)
    operations.apply(trade.bracket_id, wish, actor="first")
    stale.state = State.BRACKET_ACTIVE
    with pytest.raises((operations.Superseded, operations.RefusedEvent)), transaction.atomic():
        operations.step_row(stale, HoldRequested(at=world.clock.now, reason="second"), actor="second")
    assert world.bracket(trade).state == State.EXITING


def test_a_lagging_reading_never_reopens_what_ended(world: World) -> None:
    trade = world.open_active()
    world.venue.freeze("open_orders", calls=8)
    world.price(2400)
    world.turns(10)

    world.until_closed(trade)

    world.assert_over(trade, "stop_loss")
    assert len(world.venue.sent) == 1


def test_a_stop_absent_from_one_lagging_list_is_not_doubled(world: World) -> None:
    """OpenOrders and QueryOrders show the moment before the entry filled: no stop is seen yet."""
    world.venue.freeze("open_orders", "orders", "closed_orders", calls=4)
    trade = world.open()
    world.turns(4)

    world.until(trade, State.BRACKET_ACTIVE)

    assert len(world.venue.sent) == 1
    assert len(world.at_venue(side=Side.SELL)) == 1
    world.assert_sound()


def test_a_secondary_seen_after_our_own_stop_leaves_one_of_them(world: World) -> None:
    """The venue shows its own stop only after we had to place one: one is canceled, coins stay covered."""
    hidden = 0
    answer = world.venue.open_orders

    def blind(*, urgent: bool = False):
        return [] if hidden else answer(urgent=urgent)

    trade = world.open()
    world.send()
    hidden = 1
    world.venue.open_orders = blind  # type: ignore[method-assign]
    world.turns(25)  # two looks apart prove that there is none
    assert len(world.venue.sent) == 2  # our own stop
    assert world.bracket(trade).state in (State.ENTRY_FILLED, State.BRACKET_ACTIVE)
    hidden = 0

    world.turns(5)

    world.until(trade, State.BRACKET_ACTIVE)
    assert len(world.at_venue(side=Side.SELL, live=True)) == 1
    world.venue.faults_found.clear()  # two stops rested for a moment: known, and ended by us
    world.price(2400)
    world.until_closed(trade)
    world.assert_over(trade, "stop_loss")


def test_a_secondary_that_triggered_before_it_was_ever_seen_is_found(world: World) -> None:
    trade = world.open()
    world.send()
    world.price(2400)  # bought, stopped, over: nothing of it is open any more

    world.until_closed(trade)

    world.assert_over(trade, "stop_loss")
    assert len(world.venue.sent) == 1


@pytest.mark.parametrize("down_for", [5, 90])
def test_the_venue_is_down_while_the_stop_triggers(world: World, down_for: int) -> None:
    trade = world.open_active()
    world.price(2400)
    world.venue.set_down(True)
    world.turns(5, seconds=down_for / 5)
    assert world.bracket(trade).state == State.BRACKET_ACTIVE
    world.venue.set_down(False)

    world.until_closed(trade)

    world.assert_over(trade, "stop_loss")


def test_a_target_touched_while_the_venue_is_down_is_taken_afterwards_or_not_at_all(world: World) -> None:
    trade = world.open_active()
    door.close_position(trade.pk)
    world.venue.set_down(True)
    world.turns(30)
    world.venue.set_down(False)

    world.until_closed(trade)

    world.assert_over(trade, "manual")


def test_every_second_reading_fails_and_the_trip_still_ends(world: World) -> None:
    for method in ("open_orders", "orders", "closed_orders", "trades", "ledgers", "quotes"):
        world.venue.script(method, *[Fault.NONE, Fault.LOST_REQUEST] * 60)
    trade = world.open()
    world.until(trade, State.BRACKET_ACTIVE)
    world.price(TARGET + 1)

    world.until_closed(trade)

    world.assert_over(trade, "take_profit")
    assert world.venue.record.orders[world.at_venue(side=Side.SELL)[0].txid].status is Status.CANCELED


def test_a_second_live_entry_is_held_and_canceled_and_keeps_nobody_from_their_readings(world: World) -> None:
    """An entry that was given up comes back to life beside its successor, against the venue's own deadline:
    the book cannot hold both, so the bracket is held until one has ended."""
    trade = world.open(entry_type="limit")
    world.turns(2)
    given_up = Order.objects.get()
    given_up.pk, given_up.client_order_id, given_up.venue_order_id = None, STRAY, None
    given_up.status, given_up.read_back = "ABSENT", False
    given_up.save(force_insert=True)
    stray = world.venue.place(
        replace(world.venue.sent[0], client_order_id=str(STRAY), limit_price=Decimal(2490)), urgent=False
    )
    assert isinstance(stray, Accepted)
    world.venue.faults_found.clear()  # two entries are open at once: that is the story
    other = world.open_active(symbol="SOL/USD", quantity=Decimal(2), stop=Decimal(140), target=Decimal(160))
    assert BracketEvent.objects.filter(bracket=trade.bracket_id, to_state=State.HELD).exists()
    assert world.bracket(trade).alarm

    world.turns(40)

    assert [o for o in world.at_venue(side=Side.BUY, live=True) if o.symbol == ETH] == []
    assert world.bracket(other).state == State.BRACKET_ACTIVE
    world.until_closed(trade)
