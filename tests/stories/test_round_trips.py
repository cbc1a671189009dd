"""The plain round trips: bought, protected, and out by the target, by the stop, by hand."""

from __future__ import annotations

from decimal import Decimal

from tests.stories.desk import STOP, STORY, TARGET, Desk
from trading import door

pytestmark = STORY


def test_the_target_is_taken(desk: Desk) -> None:
    trade = desk.open_active()
    desk.price(TARGET + 1)
    desk.until_closed(trade)
    record = desk.verdict(prove=True, unprotected=Decimal(1), unstopped=Decimal(1))
    assert trade.exit_reason == "take_profit"
    assert record.coins == 0
    assert len(record.done("AddOrder", type="sell")) == 1


def test_the_stop_triggers(desk: Desk) -> None:
    trade = desk.open_active()
    desk.price(STOP - 10)
    desk.until_closed(trade)
    record = desk.verdict(prove=True, unprotected=Decimal(0), unstopped=Decimal(0))
    assert trade.exit_reason == "stop_loss"
    assert len(record.done("AddOrder")) == 1


def test_a_close_by_hand(desk: Desk) -> None:
    trade = desk.open_active()
    door.close_position(trade.pk)
    desk.until_closed(trade)
    desk.verdict(prove=True, unprotected=Decimal(1))
    assert trade.exit_reason == "manual"
