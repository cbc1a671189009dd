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
    closed_trades=(
        ClosedTrade(trade=1, bracket=1, base_asset="XETH", quote_asset="ZUSD", realized_pnl=D("7.96")),
    ),
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


def sold_of_held(pnl: str, price: str = "2500.05") -> tuple[Book, VenueSide]:
    """Coins that were there before; of whatever was protected, 0.1 were sold."""
    closed = replace(BOOK.closed_trades[0], held_price=D(price), realized_pnl=D(pnl))
    book = replace(BOOK, orders=BOOK.orders[2:], fills=(SELL,), closed_trades=(closed,))
    totals = {"ZUSD": D("1258.96"), "XETH": D("2.9")}
    seen = {"orders": {"O3": VENUE.orders["O3"]}, "trades": {"T2": VENUE.trades["T2"]}}
    return book, replace(VENUE, ledger={"T2": SELL_MOVED}, totals=totals, **seen)


def test_only_what_was_sold_of_held_coins_is_taken_off_the_ledger() -> None:
    assert differences(*sold_of_held("8.955")) == ()
    (sentence,) = differences(*sold_of_held("-491.055"))  # as if 0.3 had been sold
    assert "says 258.96 less the 250.0050000000 that the sold coins" in sentence


def test_a_fee_in_coins_is_among_what_left() -> None:
    book, venue = sold_of_held("8.955")
    dearer = {"XETH": (D("-0.1"), D("0.001")), "ZUSD": SELL_MOVED["ZUSD"]}
    venue = replace(venue, ledger={"T2": dearer}, totals={**venue.totals, "XETH": D("2.899")})
    fills = (replace(SELL, moved=dearer),)
    assert differences(replace(book, fills=fills), venue) != ()
    closed = replace(book.closed_trades[0], realized_pnl=D("6.45495"))
    assert differences(replace(book, fills=fills, closed_trades=(closed,)), venue) == ()


def test_coins_that_were_bought_are_sold_first() -> None:
    closed = replace(BOOK.closed_trades[0], held_price=D(2000))
    assert differences(replace(BOOK, closed_trades=(closed,)), VENUE) == ()


def test_of_held_coins_that_were_not_sold_nothing_was_lost() -> None:
    def nothing_sold(pnl: str) -> Book:
        closed = replace(BOOK.closed_trades[0], held_price=D(2500), realized_pnl=D(pnl))
        stop = replace(BOOK.orders[1], live=False)
        return replace(BOOK, orders=(stop,), fills=(), closed_trades=(closed,))

    venue = replace(VENUE, orders={"O2": STOP}, trades={}, ledger={}, totals={"ZUSD": D(1000), "XETH": D(3)})
    assert differences(nothing_sold("0"), venue) == ()
    (sentence,) = differences(nothing_sold("-86.26"), venue)
    assert "PnL of -86.26, the venue's ledger says 0" in sentence


def test_a_trade_that_waits_for_a_late_fill_to_be_booked_says_nothing_yet() -> None:
    late = replace(order(3, filled="0.1"), booking_due=False)
    closed = replace(BOOK.closed_trades[0], realized_pnl=D(-251))
    book = replace(BOOK, orders=(*BOOK.orders[:2], late), fills=(BUY,), closed_trades=(closed,))
    assert differences(book, VENUE) == ()


def test_coins_the_account_does_not_have_are_said() -> None:
    book, venue = standing("0.1")
    gone = replace(venue, totals={**venue.totals, "XETH": D("0.05")})
    assert any("hold 0.1 XETH" in sentence for sentence in differences(book, gone))


@pytest.mark.parametrize("pnl", ["7.9601", "9", "0", "-7.96"])
def test_a_profit_that_the_ledger_does_not_say_is_said(pnl: str) -> None:
    closed = replace(BOOK.closed_trades[0], realized_pnl=D(pnl))
    (sentence,) = differences(replace(BOOK, closed_trades=(closed,)), VENUE)
    assert "7.96" in sentence
