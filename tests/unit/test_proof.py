"""Comparing book and venue: agreement is silence, and each kind of difference is one sentence."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from brackets.core.proof import (
    Book,
    BookOrder,
    ClosedTrade,
    Execution,
    VenueOrder,
    VenueSide,
    differences,
)

D = Decimal
BUY_MOVED = {"XETH": (D("0.1"), D(0)), "ZUSD": (D(-250), D(1))}
SELL_MOVED = {"XETH": (D("-0.1"), D(0)), "ZUSD": (D(260), D("1.04"))}
BUY = Execution(
    trade_id="T1",
    venue_order_id="O1",
    quantity=D("0.1"),
    price=D(2500),
    cost=D(250),
    fee=D(1),
    moved=BUY_MOVED,
)
SELL = Execution(
    trade_id="T2",
    venue_order_id="O3",
    quantity=D("0.1"),
    price=D(2600),
    cost=D(260),
    fee=D("1.04"),
    moved=SELL_MOVED,
)


def order(number: int, *, filled: str, live: bool = False, sell: bool = True) -> BookOrder:
    return BookOrder(
        venue_order_id=f"O{number}",
        client_order_id=None if number == 2 else f"c{number}",
        bracket=1,
        sell=sell,
        base_asset="XETH",
        live=live,
        quantity=D("0.1"),
        filled=D(filled),
    )


def at_venue(number: int, *, filled: str, live: bool = False, **more: str | None) -> VenueOrder:
    values: dict[str, str | None] = {
        "venue_order_id": f"O{number}",
        "client_order_id": f"c{number}",
        "parent_venue_order_id": None,
    } | more
    return VenueOrder(live=live, quantity=D("0.1"), filled=D(filled), **values)  # type: ignore[arg-type]


STOP = at_venue(2, filled="0", client_order_id=None, parent_venue_order_id="O1")
BOOK = Book(
    orders=(order(1, filled="0.1", sell=False), order(2, filled="0"), order(3, filled="0.1")),
    client_ids=frozenset({"c1", "c3"}),
    fills=(BUY, SELL),
    coins={},
    closed_trades=(ClosedTrade(trade=1, quote_asset="ZUSD", realized_pnl=D("7.96"), trade_ids=("T1", "T2")),),
    first_totals={"ZUSD": D(1000), "XETH": D(3)},
)
VENUE = VenueSide(
    orders={"O1": at_venue(1, filled="0.1"), "O2": STOP, "O3": at_venue(3, filled="0.1")},
    trades={"T1": replace(BUY, moved={}), "T2": replace(SELL, moved={})},
    ledger={"T1": BUY_MOVED, "T2": SELL_MOVED},
    totals={"ZUSD": D("1007.96"), "XETH": D(3)},
    holds={"XETH": D(0)},
)


def with_order(changed: VenueOrder) -> VenueSide:
    return replace(VENUE, orders={**VENUE.orders, changed.venue_order_id: changed})


def standing(held: str) -> tuple[Book, VenueSide]:
    """Bought and not sold: the stop is open on both sides."""
    book = replace(
        BOOK,
        orders=(order(1, filled="0.1", sell=False), order(2, filled="0", live=True)),
        client_ids=frozenset({"c1"}),
        fills=(BUY,),
        coins={"XETH": D("0.1")},
        closed_trades=(),
    )
    venue = replace(
        VENUE,
        orders={"O1": VENUE.orders["O1"], "O2": replace(STOP, live=True)},
        trades={"T1": VENUE.trades["T1"]},
        ledger={"T1": BUY_MOVED},
        totals={"ZUSD": D(749), "XETH": D("3.1")},
        holds={"XETH": D(held)},
    )
    return book, venue


def test_agreement_is_silence() -> None:
    assert differences(BOOK, VENUE) == ()
    assert differences(*standing("0.1")) == ()
    assert differences(*standing("1.6")) == ()  # more is somebody else's order


@pytest.mark.parametrize(
    ("venue", "words"),
    [
        (
            replace(VENUE, orders={k: v for k, v in VENUE.orders.items() if k != "O2"}),
            "O2 of bracket 1 is not",
        ),
        (with_order(replace(STOP, live=True)), "ended in the book and open at the venue"),
        (with_order(replace(STOP, filled=D("0.05"))), "filled 0 in the book and 0.05 at the venue"),
        (with_order(at_venue(9, filled="0", client_order_id="c3")), "c3 is at the venue twice"),
        (
            with_order(at_venue(9, filled="0", client_order_id=None, parent_venue_order_id="O1")),
            "made by our",
        ),
        (replace(VENUE, trades={"T1": VENUE.trades["T1"]}), "T2 is booked and not known"),
        (
            replace(VENUE, trades={**VENUE.trades, "T9": replace(SELL, trade_id="T9")}),
            "T9 of order O3 is not booked",
        ),
        (
            replace(VENUE, trades={**VENUE.trades, "T2": replace(SELL, price=D("2600.1"))}),
            "price 2600 in the book and 2600.1",
        ),
        (
            replace(VENUE, trades={**VENUE.trades, "T2": replace(SELL, venue_order_id="O2")}),
            "venue_order_id O3",
        ),
        (
            replace(VENUE, ledger={**VENUE.ledger, "T2": {**SELL_MOVED, "ZUSD": (D(260), D("1.0401"))}}),
            "moved ZUSD",
        ),
        (replace(VENUE, ledger={"T1": BUY_MOVED}), "moved ZUSD 260"),
        (replace(VENUE, totals={**VENUE.totals, "ZUSD": D("1007.9601")}), "the balance is 1007.9601"),
        (replace(VENUE, totals={"ZUSD": D("1007.96")}), "XETH"),
    ],
)
def test_each_difference_of_the_venue_is_said(venue: VenueSide, words: str) -> None:
    found = differences(BOOK, venue)
    assert any(words in sentence for sentence in found), found


def test_an_order_of_ours_that_the_book_does_not_know_is_said() -> None:
    book = replace(BOOK, client_ids=BOOK.client_ids | {"c9"})
    (sentence,) = differences(book, with_order(at_venue(9, filled="0")))
    assert "c9 and is not in the book" in sentence


def test_orders_of_strangers_are_not_our_business() -> None:
    assert differences(BOOK, with_order(at_venue(9, filled="0", client_order_id="theirs"))) == ()
    assert differences(BOOK, with_order(at_venue(9, filled="0", client_order_id=None))) == ()


def test_a_fill_that_may_still_wait_to_be_booked_is_not_said() -> None:
    book, venue = standing("0.1")
    unbooked = replace(book, fills=())
    (sentence,) = differences(unbooked, venue)
    assert "T1" in sentence
    entry, stop = unbooked.orders
    waiting = replace(unbooked, orders=(replace(entry, booking_due=False), stop))
    assert differences(waiting, venue) == ()


def test_a_stop_without_its_hold_is_said() -> None:
    (sentence,) = differences(*standing("0.0999"))
    assert "reserve 0.1 XETH" in sentence and "0.0999" in sentence


def test_a_target_beside_its_stop_reserves_no_coins_of_its_own() -> None:
    book, venue = standing("0.1")
    stop = book.orders[-1]
    beside = replace(stop, venue_order_id="O9", client_order_id="c9", live=True, shares_coins=True)
    both = replace(book, orders=(*book.orders, beside), client_ids=book.client_ids | {"c9"})
    seen = replace(venue, orders={**venue.orders, "O9": at_venue(9, filled="0", live=True)})
    assert differences(both, seen) == ()
    (sentence,) = differences(replace(both, orders=(*book.orders, replace(beside, shares_coins=False))), seen)
    assert "reserve 0.2 XETH" in sentence


def test_what_held_coins_are_reckoned_with_is_taken_off_the_ledger() -> None:
    closed = replace(BOOK.closed_trades[0], basis=D("100.5"), realized_pnl=D("7.96") - D("100.5"))
    assert differences(replace(BOOK, closed_trades=(closed,)), VENUE) == ()
    (sentence,) = differences(replace(BOOK, closed_trades=(replace(closed, basis=D(100)),)), VENUE)
    assert "less the 100 its coins are reckoned with" in sentence


def test_coins_the_account_does_not_have_are_said() -> None:
    book, venue = standing("0.1")
    gone = replace(venue, totals={**venue.totals, "XETH": D("0.05")})
    assert any("hold 0.1 XETH" in sentence for sentence in differences(book, gone))


@pytest.mark.parametrize("pnl", ["7.9601", "9", "0", "-7.96"])
def test_a_profit_that_the_ledger_does_not_say_is_said(pnl: str) -> None:
    closed = replace(BOOK.closed_trades[0], realized_pnl=D(pnl))
    (sentence,) = differences(replace(BOOK, closed_trades=(closed,)), VENUE)
    assert "7.96" in sentence
