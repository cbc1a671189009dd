"""Entries that fill in parts: each part covered by the venue at once, then one stop of many, down to dust."""

from __future__ import annotations

from decimal import Decimal

import pytest

from brackets.core.states import State
from tests.stories.desk import QUANTITY, STOP, STORY, TARGET, Desk
from trading import door

pytestmark = STORY
LOT = Decimal("0.00000001")
MINIMUM = Decimal("0.002")
OLD_ENOUGH = 46  # seconds until a stop is cheap to cancel


def fill_one_part(desk: Desk, part: Decimal) -> None:
    """The market comes to a limit entry for one moment, with so many coins on offer, and leaves again."""
    desk.price(2499, depth=part)
    desk.price(2500)


@pytest.mark.parametrize("parts", [3, 5])
def test_stops_of_parts_become_one_and_the_survivor_is_never_canceled(desk: Desk, parts: int) -> None:
    part = Decimal("0.02")
    desk.price(2500, depth=part)
    trade = desk.open(quantity=part * parts)
    desk.turns(parts + 1)
    desk.until(trade, State.BRACKET_ACTIVE)
    record = desk.at_venue()
    assert len(record.live) == parts

    desk.turn(OLD_ENOUGH)
    desk.wait(lambda: len(desk.at_venue().live) == 1)
    desk.until(trade, State.BRACKET_ACTIVE)

    record = desk.verdict(prove=True, unprotected=Decimal(0), unstopped=Decimal(0))
    (survivor,) = record.live
    assert survivor.refid
    assert survivor.leaves == part * parts
    assert [order.status for order in record.sells].count("canceled") == parts - 1
    assert len(record.done("AmendOrder", txid=survivor.txid)) == len(record.done("AmendOrder")) <= parts - 1
    assert record.done("AddOrder", type="sell") == []


def test_a_limit_entry_is_filled_lot_by_lot_from_the_minimum_up(desk: Desk) -> None:
    """Parts of two minima, then of one lot more each: every one has its stop from the same moment on."""
    desk.configure(execution_mode="LIMIT_BRACKET", leg_policy="stop_rests")
    trade = desk.open(entry_type="limit", quantity=3 * MINIMUM + 3 * LOT)
    desk.turn()
    for more in range(3):
        fill_one_part(desk, MINIMUM + more * LOT)
        desk.turn()
    desk.until(trade, State.BRACKET_ACTIVE)

    record = desk.verdict(unprotected=Decimal(0), unstopped=Decimal(0))
    assert record.naked.uncovered == 0
    assert record.coins == 3 * MINIMUM + 3 * LOT


def test_a_part_below_the_minimum_is_added_to_the_stop_that_is_there(desk: Desk) -> None:
    desk.configure(execution_mode="LIMIT_BRACKET", leg_policy="stop_rests")
    trade = desk.open(entry_type="limit")
    desk.turn()
    fill_one_part(desk, QUANTITY - MINIMUM / 2)
    desk.turn()
    assert sum(stop.leaves for stop in desk.at_venue().live if stop.is_stop) == QUANTITY - MINIMUM / 2
    desk.price(2499)
    desk.until(trade, State.BRACKET_ACTIVE)

    record = desk.verdict(unprotected=Decimal(0), unstopped=Decimal(0))
    (stop,) = record.live
    assert (stop.leaves, bool(stop.refid)) == (QUANTITY, True)
    assert len(record.done("AmendOrder")) == 1
    assert record.naked.uncovered == 0  # less than the venue's minimum never counts


def test_a_first_part_below_the_minimum_waits_for_more_and_is_covered_with_it(desk: Desk) -> None:
    desk.configure(execution_mode="LIMIT_BRACKET", leg_policy="stop_rests")
    trade = desk.open(entry_type="limit")
    desk.turn()
    fill_one_part(desk, MINIMUM / 2)
    desk.turns(15, seconds=3)  # longer than the protect timeout: the entry is still live
    assert desk.bracket(trade).state == State.ENTRY_FILLED
    desk.price(2499)
    desk.until(trade, State.BRACKET_ACTIVE)

    record = desk.verdict(unprotected=Decimal(0), unstopped=Decimal(0))
    assert sum(stop.leaves for stop in record.live) == QUANTITY


def test_a_part_below_the_minimum_that_stays_alone_is_named_dust(desk: Desk) -> None:
    """It can have no stop and cannot be sold: it is shown, and nothing is tried again and again."""
    desk.configure(execution_mode="LIMIT_BRACKET", leg_policy="stop_rests")
    trade = desk.open(entry_type="limit")
    desk.turn()
    fill_one_part(desk, MINIMUM / 2)
    desk.turn()
    door.close_position(trade.pk)
    desk.until_closed(trade)
    desk.turns(10, seconds=5)

    record = desk.verdict(prove=True)
    assert record.coins == MINIMUM / 2
    assert record.live == []
    assert record.asked("AddOrder", type="sell") == []


def test_more_than_five_stops_end_the_entry(desk: Desk) -> None:
    desk.price(2500, depth=QUANTITY / 20)
    trade = desk.open()
    desk.wait(lambda: desk.at_venue().entries[0].status != "open" if desk.at_venue().entries else False)
    desk.price(2500)
    desk.until(trade, State.BRACKET_ACTIVE)

    record = desk.verdict(unprotected=Decimal(0), unstopped=Decimal(0))
    (entry,) = record.entries
    assert entry.status == "canceled"
    assert 6 * QUANTITY / 20 <= record.bought <= 8 * QUANTITY / 20
    assert record.naked.uncovered == 0
    desk.turn(OLD_ENOUGH)
    desk.wait(lambda: len(desk.at_venue().live) == 1)
    record = desk.verdict(prove=True, unprotected=Decimal(0), unstopped=Decimal(0))
    assert record.live[0].leaves == record.bought


def test_the_cancel_of_an_entry_races_its_fill(desk: Desk) -> None:
    """The cancel arrives when the rest was bought already: what was bought is kept and covered."""
    desk.configure(execution_mode="LIMIT_BRACKET", leg_policy="stop_rests", entry_timeout_seconds=20)
    trade = desk.open(entry_type="limit")
    desk.turn()
    fill_one_part(desk, QUANTITY / 2)
    desk.turn()
    desk.clock.skip(20)
    desk.look()  # the entry's time is up: its cancel is intended
    desk.price(2499)  # and before it leaves, the rest is filled
    desk.until(trade, State.BRACKET_ACTIVE)

    record = desk.verdict(unprotected=Decimal(0), unstopped=Decimal(0))
    assert record.coins == QUANTITY
    assert [ask.error for ask in record.asked("CancelOrder")] in ([], ["EOrder:Unknown order"])


def test_a_sale_that_leaves_dust_ends_there(desk: Desk) -> None:
    """A stop fills all but less than the minimum and is canceled by its owner: the remainder is named."""
    trade = desk.open_active()
    desk.price(STOP - 10, depth=QUANTITY - MINIMUM / 2)
    (stop,) = desk.at_venue().live
    desk.control.cancel(stop.txid)
    desk.price(STOP - 10)
    desk.until_closed(trade)
    desk.turns(10, seconds=5)

    record = desk.verdict(prove=True)
    assert record.coins == MINIMUM / 2
    assert record.asked("AddOrder", type="sell") == []
    assert desk.bracket(trade).dust == MINIMUM / 2


def test_a_target_sale_in_parts(desk: Desk) -> None:
    trade = desk.open_active()
    desk.price(TARGET + 1, depth=QUANTITY / 4)
    desk.until_closed(trade)
    record = desk.verdict(prove=True, unprotected=Decimal(2))
    assert trade.exit_reason == "take_profit"
    assert len(record.done("AddOrder", type="sell")) == 1
