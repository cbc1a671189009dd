"""What each write costs by the age of its order, and how a book of counters is lifted and let down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from brackets.venue.kraken import pair_budget
from brackets.venue.kraken.pair_budget import ANY_PAIR, Deed, Spending

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
STARTER = pair_budget.TIERS["starter"]


def points(deed: Deed, *, age: float | None) -> int:
    touched_at = None if age is None else NOON - timedelta(seconds=age)
    return Spending(deed=deed, symbol="BTC/USD", touched_at=touched_at).points(NOON)


def level(book: pair_budget.Book, symbol: str, *, at: int = 0) -> int:
    return pair_budget.level(book, symbol, at_milliseconds=at, tier=STARTER)


@pytest.mark.parametrize(
    ("deed", "age", "cost"),
    [
        (Deed.ADD, None, 1),
        (Deed.ADD, 1000, 1),
        (Deed.AMEND, None, 4),
        (Deed.AMEND, 0, 4),
        (Deed.AMEND, 5.9, 4),
        (Deed.AMEND, 6, 3),
        (Deed.AMEND, 11, 2),
        (Deed.AMEND, 16, 1),
        (Deed.CANCEL, None, 8),
        (Deed.CANCEL, -30, 8),
        (Deed.CANCEL, 5.9, 8),
        (Deed.CANCEL, 6, 6),
        (Deed.CANCEL, 11, 5),
        (Deed.CANCEL, 16, 4),
        (Deed.CANCEL, 46, 2),
        (Deed.CANCEL, 91, 1),
        (Deed.CANCEL, 301, 0),
    ],
)
def test_a_write_costs_by_the_age_of_its_order_taken_a_second_too_young(
    deed: Deed, age: float | None, cost: int
) -> None:
    assert points(deed, age=age) == cost


@pytest.mark.parametrize(
    ("tier", "limit", "decay"), [("starter", 60, 1), ("intermediate", 125, 2.34), ("pro", 180, 3.75)]
)
def test_the_tiers_are_kraken_s(tier: str, limit: int, decay: float) -> None:
    granted = pair_budget.TIERS[tier]
    assert (granted.limit / 1000, granted.decay_per_second / 1000) == (limit, decay)
    assert 0 < granted.reserve < granted.limit


def test_a_charge_lifts_its_pair_alone_and_decays_from_its_answer_on() -> None:
    book = pair_budget.lifted({}, "BTC/USD", by=8, at_milliseconds=0, decays_from=7000, tier=STARTER)
    assert (level(book, "BTC/USD", at=7000), level(book, "ETH/USD")) == (8000, 0)
    book = pair_budget.settled(book, decays_from=7000, at_milliseconds=1000)
    assert level(book, "BTC/USD", at=2500) == 6500


def test_a_cancel_that_does_not_say_its_pair_counts_against_all_of_them() -> None:
    book = pair_budget.lifted(
        {"BTC/USD": (5000, 0)}, None, by=8, at_milliseconds=0, decays_from=0, tier=STARTER
    )
    assert level(book, "BTC/USD") == 13000
    assert level(book, "ETH/USD") == 8000, "a pair not in the book may have been the one"
    book = pair_budget.lifted(book, "ETH/USD", by=1, at_milliseconds=1000, decays_from=1000, tier=STARTER)
    assert level(book, "ETH/USD", at=1000) == 8000


def test_counters_that_are_empty_leave_the_book() -> None:
    book = pair_budget.lifted(
        {"BTC/USD": (5000, 0), ANY_PAIR: (1000, 0)},
        "ETH/USD",
        by=1,
        at_milliseconds=5000,
        decays_from=5000,
        tier=STARTER,
    )
    assert book == {"ETH/USD": (1000, 5000)}


def test_what_costs_nothing_changes_nothing() -> None:
    book = {ANY_PAIR: (5000, 0)}
    assert pair_budget.lifted(book, "X", by=0, at_milliseconds=0, decays_from=9, tier=STARTER) == book


def test_a_full_counter_is_full_whatever_was_reckoned() -> None:
    book = pair_budget.filled({"BTC/USD": (1000, 0)}, "BTC/USD", at_milliseconds=5, tier=STARTER)
    assert level(book, "BTC/USD", at=5) == 60000


def test_a_counter_of_the_future_decays_from_now_on() -> None:
    book = {"BTC/USD": (5000, 10_000), "ETH/USD": (5000, 3000)}
    healed = pair_budget.healed(book, latest_milliseconds=5000, at_milliseconds=1000)
    assert healed == {"BTC/USD": (5000, 1000), "ETH/USD": (5000, 3000)}


def test_what_is_no_entry_is_not_read() -> None:
    assert pair_budget.read({"BTC/USD": [5000, 7], "ETH/USD": "odd", "SOL/USD": [1]}) == {
        "BTC/USD": (5000, 7)
    }
