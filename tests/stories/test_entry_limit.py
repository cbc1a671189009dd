"""Limit entries: they follow the market, give up, and never buy more than was approved."""

from __future__ import annotations

from decimal import Decimal

import pytest

from brackets.core.states import State
from tests.stories.desk import QUANTITY, STORY, Desk
from trading import door
from trading.models import Trade

pytestmark = STORY


def open_limit(desk: Desk, **settings: object) -> Trade:
    """An entry that rests just below 2500, its legs following its price."""
    desk.configure(execution_mode="LIMIT_BRACKET", **settings)
    trade = desk.open(entry_type="limit", stop=None, target=None)
    desk.turn()
    return trade


def test_it_follows_a_market_that_walks_away(desk: Desk) -> None:
    """Cancel, confirmed, a new order under a new id: never two at a time; the legs follow the new price."""
    trade = open_limit(desk)
    desk.turn(10)
    desk.price(2510)
    desk.wait(lambda: len(desk.at_venue().entries) == 2)
    desk.price(2505)  # the market comes to the second limit
    bracket = desk.until(trade, State.BRACKET_ACTIVE)

    record = desk.verdict(prove=True, entries=2, unprotected=Decimal(0), unstopped=Decimal(0))
    first, second = record.entries
    assert (first.status, second.status) == ("canceled", "closed")
    assert first.ended is not None
    assert first.ended <= second.opened
    assert second.price == Decimal("2509.99")
    assert record.live[0].price == bracket.stop_price == Decimal("2459.99")


def test_it_is_not_repriced_more_often_than_allowed(desk: Desk) -> None:
    open_limit(desk, entry_most_reprices=1, entry_runaway_bps=5000)
    for last in (2510, 2520, 2530):
        desk.turn(10)
        desk.price(last)
        desk.turns(3)
    assert len(desk.at_venue().entries) == 2


def test_a_part_that_was_bought_is_kept_and_the_rest_follows(desk: Desk) -> None:
    trade = open_limit(desk)
    desk.price(2499, depth=QUANTITY / 4)
    desk.price(2500)
    desk.turn(10)
    desk.price(2510)
    desk.wait(lambda: len(desk.at_venue().entries) == 2)
    desk.price(2505)
    desk.until(trade, State.BRACKET_ACTIVE)
    record = desk.verdict(prove=True, entries=2, unprotected=Decimal(0), unstopped=Decimal(0))
    assert record.bought == QUANTITY
    assert record.entries[1].volume == QUANTITY * 3 / 4


def test_the_fill_while_its_cancel_is_on_the_way_leaves_nothing_to_reprice(desk: Desk) -> None:
    trade = open_limit(desk)
    desk.turn(10)
    desk.price(2510)
    desk.look()  # the reprice is intended
    desk.price(2499)  # and the market comes back before its cancel leaves
    desk.until(trade, State.BRACKET_ACTIVE)
    record = desk.verdict(prove=True, unprotected=Decimal(0), unstopped=Decimal(0))
    assert record.bought == QUANTITY


@pytest.mark.parametrize("form", ["canceled", "refused"])
def test_a_post_only_entry_that_crosses_is_placed_anew_below(desk: Desk, form: str) -> None:
    desk.let_post_only_be(form)
    desk.configure(execution_mode="LIMIT_BRACKET")
    trade = desk.open(entry_type="limit", stop=None, target=None)
    desk.price(2490)  # falls through the limit before it arrives
    desk.wait(lambda: len(desk.at_venue().asked("AddOrder", type="buy")) == 2)
    desk.price(2489)
    desk.until(trade, State.BRACKET_ACTIVE)
    record = desk.verdict(
        prove=True, entries=2 if form == "canceled" else 1, unprotected=Decimal(0), unstopped=Decimal(0)
    )
    assert record.bought == QUANTITY
    assert record.entries[-1].price == Decimal("2489.99")


@pytest.mark.parametrize(
    ("choice", "reason", "entries"),
    [("cancel", "entry_expired", 1), ("skip", "entry_expired", 1), ("retry", None, 2), ("market", None, 2)],
)
def test_its_time_is_up(desk: Desk, choice: str, reason: str | None, entries: int) -> None:
    trade = open_limit(desk, entry_timeout_seconds=30, entry_on_timeout=choice)
    desk.turn(31)
    if reason is not None:
        desk.until_closed(trade, seconds=4)
        assert trade.exit_reason == reason
        assert desk.verdict(prove=True, entries=entries).bought == 0
        return
    desk.wait(lambda: len(desk.at_venue().entries) == 2)
    desk.price(2499)
    desk.until(trade, State.BRACKET_ACTIVE)
    record = desk.verdict(prove=True, entries=entries, unprotected=Decimal(0), unstopped=Decimal(0))
    assert record.entries[1].kind == ("limit" if choice == "retry" else "market")


def test_the_venue_ends_it_even_if_nobody_watches(desk: Desk) -> None:
    """The machine is dead for a while: `expiretm` ends the order at the venue, and the book follows."""
    trade = open_limit(desk, entry_timeout_seconds=30)
    desk.clock.skip(95)
    desk.price(2499)  # the market comes too late
    desk.until_closed(trade)
    record = desk.verdict(prove=True)
    assert (record.bought, record.entries[0].status) == (0, "expired")
    assert trade.exit_reason == "entry_expired"


@pytest.mark.parametrize("choice", ["cancel", "market"])
def test_a_market_that_runs_away(desk: Desk, choice: str) -> None:
    trade = open_limit(desk, entry_on_runaway=choice)
    desk.turn(10)
    desk.price(2530)
    if choice == "cancel":
        desk.until_closed(trade)
        assert trade.exit_reason == "entry_expired"
        assert desk.verdict(prove=True).bought == 0
        return
    desk.until(trade, State.BRACKET_ACTIVE)
    record = desk.verdict(prove=True, entries=2, unprotected=Decimal(0), unstopped=Decimal(0))
    assert (record.entries[1].kind, record.bought) == ("market", QUANTITY)


def test_a_market_that_ran_away_is_retried_once_at_its_new_price(desk: Desk) -> None:
    """It stays up there: the limit that followed it rests in peace, and is filled when the market comes."""
    trade = open_limit(desk, entry_on_runaway="retry", entry_reprice_seconds=3)
    desk.turn(3)
    desk.price(2530)
    desk.wait(lambda: len(desk.at_venue().entries) == 2)
    desk.turns(20)
    assert len(desk.at_venue().entries) == 2
    desk.price(2525)
    desk.until(trade, State.BRACKET_ACTIVE)
    record = desk.verdict(prove=True, entries=2, unprotected=Decimal(0), unstopped=Decimal(0))
    assert (record.entries[1].kind, record.entries[1].price) == ("limit", Decimal("2529.99"))


def test_a_market_that_runs_away_may_be_let_go(desk: Desk) -> None:
    """Skipped: the order stays where it is, and buys when the market comes back in time."""
    trade = open_limit(desk, entry_on_runaway="skip")
    desk.turn(10)
    desk.price(2530)
    desk.turns(20)
    desk.price(2499)
    desk.until(trade, State.BRACKET_ACTIVE)
    record = desk.verdict(prove=True, unprotected=Decimal(0), unstopped=Decimal(0))
    assert record.entries[0].price == Decimal("2499.99")


def test_a_pause_takes_a_resting_entry_back(desk: Desk) -> None:
    trade = open_limit(desk)
    desk.configure(system_status="PAUSED")
    desk.until_closed(trade)
    desk.price(2499)
    assert trade.exit_reason == "entry_canceled"
    assert desk.verdict(prove=True).bought == 0


def test_a_close_takes_back_the_entry_and_sells_what_it_bought(desk: Desk) -> None:
    trade = open_limit(desk)
    desk.price(2499, depth=QUANTITY / 4)
    desk.price(2500)
    desk.turn()
    door.close_position(trade.pk)
    desk.until_closed(trade)
    record = desk.verdict(prove=True, unprotected=Decimal(2))
    assert (record.bought, record.coins) == (QUANTITY / 4, 0)
    assert trade.exit_reason == "manual"
