"""Whatever happens to the request of a stop, of a resting target or of a market exit, there is one of it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from brackets.core.states import State
from tests.stories.desk import QUANTITY, STORY, TARGET, Desk
from tests.stories.wire import PLACEMENTS, Trouble, of_each_kind

pytestmark = STORY
PROOF_OF_ABSENCE = Decimal(25)  # deadline, visibility margin, two looks, the HTTP timeout
AT_ONCE = Decimal(6)


@pytest.mark.parametrize("trouble", of_each_kind(PLACEMENTS), ids=str)
def test_a_stop_of_ours(desk: Desk, trouble: Trouble) -> None:
    """The entry carries no stop: ours is placed as soon as the fill is read."""
    desk.configure(entry_stop="own")
    trouble.befall(desk, "AddOrder", type="sell", ordertype="stop-loss")

    trade = desk.open()
    desk.until(trade, State.BRACKET_ACTIVE, seconds=1 if trouble.done else 2)

    bound = AT_ONCE if trouble.done else PROOF_OF_ABSENCE
    record = desk.verdict(unprotected=bound, unstopped=bound)
    assert len(record.done("AddOrder", type="sell")) == 1
    assert [(order.kind, order.leaves) for order in record.live] == [("stop-loss", QUANTITY)]


@pytest.mark.parametrize("trouble", of_each_kind(PLACEMENTS), ids=str)
def test_a_target_that_rests(desk: Desk, trouble: Trouble) -> None:
    """The legs change places; a target that never arrived brings the stop back."""
    desk.configure(execution_mode="LIMIT_BRACKET", leg_policy="nearest", swap_in_bps=20, swap_out_bps=50)
    trade = desk.open_active()
    trouble.befall(desk, "AddOrder", type="sell", ordertype="limit")

    desk.price(TARGET - 4)
    desk.wait(lambda: bool(desk.at_venue().faults))
    desk.until(trade, State.BRACKET_ACTIVE)

    record = desk.verdict(unprotected=AT_ONCE if trouble.done else PROOF_OF_ABSENCE)
    rests = "limit" if trouble.done else "stop-loss"
    assert [(order.kind, order.leaves) for order in record.live] == [(rests, QUANTITY)]
    assert len(record.done("AddOrder", type="sell")) == 1


@pytest.mark.parametrize("trouble", of_each_kind(PLACEMENTS), ids=str)
def test_the_sale_at_a_touched_target(desk: Desk, trouble: Trouble) -> None:
    trade = desk.open_active()
    trouble.befall(desk, "AddOrder", type="sell", ordertype="market")

    desk.price(TARGET + 1)
    desk.until_closed(trade, seconds=1 if trouble.done else 2)

    record = desk.verdict(unprotected=AT_ONCE if trouble.done else PROOF_OF_ABSENCE)
    assert trade.exit_reason == "take_profit"
    assert len(record.done("AddOrder", type="sell")) == 1
    assert record.coins == 0
