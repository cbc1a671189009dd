"""Whatever happens to the request of an amendment or a cancel, it is done once and the coins stay covered."""

from __future__ import annotations

from decimal import Decimal

import pytest

from brackets.core.states import State
from tests.stories.desk import QUANTITY, STORY, TARGET, Desk
from tests.stories.wire import CHANGES, Trouble, of_each_kind
from trading import door
from trading.models import Trade

pytestmark = STORY
A_LOOK = Decimal(25)
PARTS = (Decimal("0.06"), Decimal("0.04"))


def open_in_two_parts(desk: Desk) -> Trade:
    """Two fills, a stop of each, old enough to be merged."""
    desk.price(2500, depth=PARTS[0])
    trade = desk.open()
    desk.turn()
    desk.until(trade, State.BRACKET_ACTIVE)
    assert sorted(stop.leaves for stop in desk.at_venue().live) == sorted(PARTS)
    desk.clock.skip(40)
    return trade


@pytest.mark.parametrize("trouble", of_each_kind(CHANGES), ids=str)
def test_the_amendment_that_merges_two_stops(desk: Desk, trouble: Trouble) -> None:
    """The smaller stop is canceled; the survivor is amended up by its coins, once."""
    trade = open_in_two_parts(desk)
    survivor = max(desk.at_venue().live, key=lambda stop: stop.leaves)
    trouble.befall(desk, "AmendOrder")

    desk.wait(lambda: bool(desk.at_venue().faults))
    desk.until(trade, State.BRACKET_ACTIVE, seconds=1 if trouble.done else 2)

    record = desk.verdict(unprotected=Decimal(0), unstopped=Decimal(0))
    assert [(order.txid, order.leaves) for order in record.live] == [(survivor.txid, QUANTITY)]
    assert len(record.done("AmendOrder")) == 1
    assert record.naked.uncovered < A_LOOK


def test_the_stop_is_moved_through_every_trouble(desk: Desk) -> None:
    """One stop, moved up again and again: every amendment reaches the book of the venue exactly once."""
    trade = desk.open_active()
    prices = [Decimal(2450) + number for number in range(1, len(CHANGES) + 1)]
    for price, trouble in zip(prices, CHANGES, strict=True):
        desk.turn(11)  # readings of the former amendment cannot be mistaken any more
        trouble.befall(desk, "AmendOrder")
        verdict = door.edit_position(trade.pk, stop_loss_price=price)
        assert isinstance(verdict, door.Changed), (trouble.name, verdict)
        desk.wait(lambda price=price: desk.at_venue().live[0].price == price, seconds=3)  # type: ignore[misc]
        desk.wait(lambda: desk.stop_in_book(trade).amendment is None, seconds=3)
    record = desk.verdict(prove=True, unprotected=Decimal(0), unstopped=Decimal(0))
    assert [Decimal(ask.fields["trigger_price"]) for ask in record.done("AmendOrder")] == prices
    assert [(order.price, order.leaves) for order in record.live] == [(prices[-1], QUANTITY)]
    assert len(record.faults) == len(CHANGES)


@pytest.mark.parametrize("trouble", of_each_kind(CHANGES), ids=str)
def test_the_cancel_of_the_stop_at_a_touched_target(desk: Desk, trouble: Trouble) -> None:
    """Nothing is sold before the stop's end was read."""
    trade = desk.open_active()
    trouble.befall(desk, "CancelOrder")

    desk.price(TARGET + 1)
    desk.until_closed(trade)

    record = desk.verdict(unprotected=Decimal(6))
    assert trade.exit_reason == "take_profit"
    assert len(record.done("CancelOrder")) == 1
    assert len(record.done("AddOrder", type="sell")) == 1
    stop, sale = record.sells
    assert stop.ended is not None
    assert stop.ended <= sale.opened
