"""Whatever happens to the request of an entry, it is bought once or not at all, and stopped from its first
coin."""

from __future__ import annotations

from decimal import Decimal

import pytest

from brackets.core.states import State
from tests.stories.desk import QUANTITY, STORY, Desk
from tests.stories.wire import ID_NONE, NEVER_ARRIVED, NONCE, PLACEMENTS, STANDS, Trouble

pytestmark = STORY
A_FEW = tuple(trouble for trouble in STANDS if trouble.name in ("timeout-after", "html_200-after"))
LIMITS = (*NEVER_ARRIVED[:1], *A_FEW, ID_NONE, NONCE)


@pytest.mark.parametrize("trouble", PLACEMENTS, ids=str)
def test_a_market_entry(desk: Desk, trouble: Trouble) -> None:
    trouble.befall(desk, "AddOrder", type="buy")

    trade = desk.open()

    if not trouble.done:
        desk.until_closed(trade, seconds=3)
        desk.verdict(entries=0)
        assert trade.exit_reason == "entry_expired"
        assert trade.quantity == 0
        return
    desk.until(trade, State.BRACKET_ACTIVE)
    record = desk.verdict(unprotected=Decimal(0), unstopped=Decimal(0))
    assert record.coins == QUANTITY
    assert len(record.faults) == 1


@pytest.mark.parametrize("trouble", LIMITS, ids=str)
def test_a_limit_entry(desk: Desk, trouble: Trouble) -> None:
    desk.configure(execution_mode="LIMIT_BRACKET")
    trouble.befall(desk, "AddOrder", type="buy")

    trade = desk.open(entry_type="limit")
    desk.turn()
    desk.price(2499)

    if not trouble.done:
        desk.until_closed(trade, seconds=3)
        desk.verdict(entries=0)
        assert trade.exit_reason == "entry_expired"
        return
    desk.until(trade, State.BRACKET_ACTIVE)
    record = desk.verdict(unprotected=Decimal(0), unstopped=Decimal(0))
    assert record.coins == QUANTITY
    assert record.entries[0].post_only


@pytest.mark.parametrize("trouble", [*A_FEW[:1], NONCE], ids=str)
@pytest.mark.parametrize("reading", ["OpenOrders", "QueryOrders", "ClosedOrders"])
def test_a_market_entry_under_readings_that_lag(desk: Desk, trouble: Trouble, reading: str) -> None:
    """The readings show the venue as it was before the entry, for a while."""
    trouble.befall(desk, "AddOrder", type="buy")
    trade = desk.open()
    # The closed orders are looked at twice within the margin in which a venue may lag, and twice after it.
    desk.fault(reading, "stale", count=2 if reading == "ClosedOrders" else 4)

    if trouble.done:
        desk.until(trade, State.BRACKET_ACTIVE, seconds=2)
        desk.verdict(unprotected=Decimal(0), unstopped=Decimal(0))
    else:
        desk.until_closed(trade, seconds=2)
        desk.verdict(entries=0)
