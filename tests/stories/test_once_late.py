"""Requests that are overtaken: still on the way when the client gave up, and readings that show the past."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest

from brackets.core.states import State
from tests.stories.desk import HTTP_SECONDS, QUANTITY, STOP, STORY, TARGET, Desk
from trading import door

pytestmark = STORY
READINGS = ("OpenOrders", "QueryOrders", "ClosedOrders")
LATE = HTTP_SECONDS + 0.3


def until_it_arrived(desk: Desk, method: str, **fields: str) -> None:
    """Until the venue judged the request that was on its way; only real time passes."""
    deadline = time.monotonic() + 10
    while not desk.at_venue().asked(method, **fields):
        assert time.monotonic() < deadline, desk.told()
        time.sleep(0.02)


@pytest.mark.parametrize("in_time", [True, False], ids=["within its deadline", "after it"])
def test_an_entry_that_arrives_after_the_client_gave_up(desk: Desk, in_time: bool) -> None:
    desk.fault("AddOrder", "delayed", seconds=LATE)
    trade = desk.open()
    desk.send()
    if not in_time:
        desk.clock.skip(6)
    until_it_arrived(desk, "AddOrder")
    if in_time:
        desk.until(trade, State.BRACKET_ACTIVE)
        assert desk.verdict(prove=True, unprotected=Decimal(0)).coins == QUANTITY
    else:
        desk.until_closed(trade, seconds=3)
        (ask,) = desk.verdict(prove=True, entries=0).asked("AddOrder")
        assert ask.error == "EService:Deadline elapsed"
        assert trade.exit_reason == "entry_expired"


@pytest.mark.parametrize("in_time", [True, False], ids=["within its deadline", "after it"])
def test_a_sale_that_arrives_after_the_client_gave_up(desk: Desk, in_time: bool) -> None:
    trade = desk.open_active()
    desk.fault("AddOrder", "delayed", seconds=LATE)
    desk.price(TARGET + 1)
    desk.look()
    desk.send()
    if not in_time:
        desk.clock.skip(6)
    until_it_arrived(desk, "AddOrder", type="sell")
    desk.until_closed(trade)
    record = desk.verdict(prove=True, unprotected=Decimal(4) if in_time else Decimal(30))
    assert trade.exit_reason == "take_profit"
    assert len(record.done("AddOrder", type="sell")) == 1


def test_a_cancel_that_arrives_after_it_was_sent_again(desk: Desk) -> None:
    trade = desk.open_active()
    desk.fault("CancelOrder", "delayed", seconds=LATE)
    desk.price(TARGET + 1)
    desk.until_closed(trade)
    until_it_arrived(desk, "CancelOrder")
    record = desk.verdict(prove=True, unprotected=Decimal(4))
    assert len(record.done("AddOrder", type="sell")) == 1


def test_an_amendment_that_arrives_after_the_client_gave_up(desk: Desk) -> None:
    trade = desk.open_active()
    desk.fault("AmendOrder", "delayed", seconds=LATE)
    verdict = door.edit_position(trade.pk, stop_loss_price=Decimal(2470))
    assert isinstance(verdict, door.Changed), verdict
    desk.look()
    desk.send()
    until_it_arrived(desk, "AmendOrder")
    desk.turns(10, seconds=3)
    record = desk.verdict(prove=True, unprotected=Decimal(0), unstopped=Decimal(0))
    assert [order.price for order in record.live] == [2470]
    assert len(record.asked("AmendOrder")) == 1


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
def test_an_unknown_sale_under_readings_that_lag(desk: Desk, kind: str, reading: str) -> None:
    trade = desk.open_active()
    desk.fault("AddOrder", kind, match={"type": "sell"})
    desk.price(TARGET + 1)
    desk.look()
    desk.send()
    desk.fault(reading, "stale", seconds=5, count=3)
    desk.until_closed(trade, seconds=2)
    record = desk.verdict(prove=True, unprotected=Decimal(30))
    assert trade.exit_reason == "take_profit"
    assert len(record.done("AddOrder", type="sell")) == 1


@pytest.mark.parametrize("reading", READINGS)
def test_the_end_of_a_canceled_stop_under_readings_that_lag(desk: Desk, reading: str) -> None:
    """The stop still reads open: nothing is sold until its end is read."""
    trade = desk.open_active()
    desk.clock.skip(10)
    desk.price(TARGET + 1)
    desk.fault(reading, "stale", seconds=5, count=3)
    desk.until_closed(trade)
    record = desk.verdict(prove=True, unprotected=Decimal(8))
    assert len(record.done("AddOrder", type="sell")) == 1


def test_a_stop_that_filled_under_readings_that_lag(desk: Desk) -> None:
    """The target is touched after the stop sold everything, and the readings do not show it yet."""
    trade = desk.open_active()
    desk.clock.skip(10)
    desk.price(STOP - 1)
    desk.price(TARGET + 1)
    for reading in READINGS:
        desk.fault(reading, "stale", seconds=5, count=2)
    desk.until_closed(trade)
    record = desk.verdict(prove=True, unprotected=Decimal(0), unstopped=Decimal(0))
    assert trade.exit_reason == "stop_loss"
    assert record.asked("AddOrder", type="sell") == []


@pytest.mark.parametrize("reading", READINGS)
def test_stops_that_are_merged_under_readings_that_lag(desk: Desk, reading: str) -> None:
    desk.price(2500, depth=QUANTITY / 2)
    trade = desk.open()
    desk.turns(2)
    desk.until(trade, State.BRACKET_ACTIVE)
    desk.clock.skip(46)
    desk.fault(reading, "stale", seconds=4, count=4)
    desk.wait(lambda: [order.leaves for order in desk.at_venue().live] == [QUANTITY])
    desk.until(trade, State.BRACKET_ACTIVE)
    record = desk.verdict(prove=True, unprotected=Decimal(0), unstopped=Decimal(0))
    assert len(record.done("AmendOrder")) == 1
