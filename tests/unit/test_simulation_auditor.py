"""The auditor sees: each of its rules is broken by a small log that deserves it, and by no other."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.auditor import Book, Handed, Wish
from tests.simulation.auditor.quiet import Quiet
from tests.simulation.auditor.records import (
    Amended,
    Booked,
    OwnerActed,
    Requested,
    Triggered,
    Troubled,
)
from tests.unit.auditor_tale import ETH, NOON, PLAN, TIGHT, Tale, at, whole


def test_a_good_story_has_no_complaint() -> None:
    assert whole().kinds() == []


# --- buying --------------------------------------------------------------------------------------------


def test_two_entries_at_once_are_seen() -> None:
    tale = Tale().placed("OA", "buy", "limit").placed("OB", "buy", "limit").ended("OA", "canceled")
    assert tale.ended("OB", "canceled").kinds() == ["two entries"]


def test_two_entries_of_different_brackets_are_none() -> None:
    tale = Tale().placed("OA", "buy", "limit").placed("OB", "buy", "limit")
    tale.ended("OA", "canceled").ended("OB", "canceled")
    assert tale.kinds(bracket_of={"id-OA": "1", "id-OB": "2"}) == []


def test_an_entry_after_the_end_of_another_is_none() -> None:
    tale = Tale().placed("OA", "buy", "limit").ended("OA", "canceled").placed("OB", "buy", "limit")
    assert tale.ended("OB", "canceled").kinds() == []


def test_one_client_id_for_two_orders_is_seen_even_long_after() -> None:
    tale = whole().placed("ON", "buy", "limit", cl_ord_id="id-OE").ended("ON", "canceled")
    assert tale.kinds() == ["client id twice"]


def test_a_limit_entry_that_nothing_would_end_is_seen() -> None:
    def told(**terms: str) -> list[str]:
        asked = {"cl_ord_id": "a", "type": "buy", "ordertype": "limit"} | terms
        return Tale().add(Requested(at(0), at(0), "watch", "AddOrder", asked, "ok")).kinds()

    assert told() == told(expiretm="") == ["entry without an end"]
    assert told(expiretm="1772452860") == [], "it ends by itself"
    assert told(ordertype="market") == [], "it does not rest"
    assert told(type="sell") == [], "an exit rests as long as it must"


def test_a_placement_that_leaves_twice_is_seen() -> None:
    def told(said: str) -> list[str]:
        tale = Tale()
        for _ in range(2):
            tale.later(1).add(
                Requested(at(tale.now), at(tale.now), "watch", "AddOrder", {"cl_ord_id": "a"}, said)
            )
        return tale.kinds()

    assert told("EService:Busy") == told("") == told("ok") == ["sent twice"]
    assert told("EOrder:Rate limit exceeded") == [], "certainly not done: the same order may leave again"


def test_an_entry_taken_long_after_a_pause_is_seen() -> None:
    tale = Tale().later(20).placed("OA", "buy", "limit").ended("OA", "canceled")
    assert tale.kinds(pauses=[(at(0), at(60))]) == ["entry while paused"]
    assert tale.kinds(pauses=[(at(15), at(60))]) == [], "it was on its way"
    assert tale.kinds(pauses=[(at(0), at(19))]) == [], "it was over"


def test_an_entry_that_rests_through_a_pause_is_seen() -> None:
    tale = Tale().placed("OA", "buy", "limit").later(16).ended("OA", "canceled")
    assert tale.kinds(pauses=[(at(0), at(60))]) == ["entry rests while paused"]
    assert tale.kinds(pauses=[(at(3), at(60))]) == []


# --- selling -------------------------------------------------------------------------------------------


def test_more_for_sale_than_was_bought_is_seen_once_while_it_lasts() -> None:
    tale = Tale().entry().later(5).placed("OT", "sell", "limit").later(1).later(1)
    tale.add(OwnerActed(at(tale.now), "deposit")).later(1).cancel("OT").later(1)
    assert tale.cancel("OES").sale().kinds() == ["sold more than bought"]


def test_coins_handed_over_may_be_sold() -> None:
    tale = Tale().later(1).stop().later(5).cancel("OS").sale()
    assert "sold more than bought" in tale.kinds()
    handed = Handed(at=at(0), key=ETH, symbol=ETH, quantity=PLAN)
    assert tale.kinds(handed=[handed]) == []


def test_an_amendment_up_counts_as_for_sale() -> None:
    tale = Tale().entry().later(1).add(Amended(at(1), "OES", Decimal("0.2"), None, None)).later(1)
    tale.add(Amended(at(2), "OES", PLAN, None, None)).later(1).cancel("OES").sale()
    assert tale.kinds() == ["sold more than bought"]


def test_a_stop_that_filled_in_parts_is_no_more_for_sale_than_it_was() -> None:
    tale = Tale().entry().later(9).add(Triggered(at(9), "OES")).filled("OES", "0.04", side="sell").later(1)
    assert tale.filled("OES", "0.06", side="sell").ended("OES").kinds() == []


@pytest.mark.parametrize(("seconds", "kinds"), [(4, []), (6, ["sold more than bought"])])
def test_the_other_of_two_legs_may_stand_while_it_is_canceled(seconds: float, kinds: list[str]) -> None:
    tale = Tale().entry().later(1).placed("OT", "sell", "limit").later(20)
    tale.add(Triggered(at(21), "OES")).filled("OES", side="sell").ended("OES").later(seconds).cancel("OT")
    assert tale.kinds(both_rest=True) == kinds
    assert tale.kinds() == ["sold more than bought"]


# --- coins without an order ----------------------------------------------------------------------------


def test_an_attached_entry_s_coins_are_never_bare() -> None:
    tale = Tale().placed("OE", "buy", "market", close_price=Decimal(2450)).filled("OE").ended("OE")
    tale.later(0.5).stop("OS").later(5).cancel("OS").sale()
    assert tale.kinds() == ["bare coins"]


@pytest.mark.parametrize(("seconds", "kinds"), [(9.5, []), (10.5, ["bare coins"])])
def test_an_entry_without_a_stop_has_some_seconds(seconds: float, kinds: list[str]) -> None:
    tale = Tale().entry(attached=False).later(seconds).stop().later(5).cancel("OS").sale()
    assert tale.kinds() == kinds


@pytest.mark.parametrize(("seconds", "kinds"), [(4.9, []), (5.1, ["bare coins"])])
def test_between_two_legs_is_a_short_time(seconds: float, kinds: list[str]) -> None:
    assert Tale().entry().later(30).cancel("OES").later(seconds).sale().kinds() == kinds


def test_a_stop_the_owner_cancels_has_longer() -> None:
    tale = Tale().entry().later(30).ended("OES", "canceled", "User requested").later(14).stop().later(1)
    assert tale.cancel("OS").sale().kinds() == []
    late = Tale().entry().later(30).ended("OES", "canceled", "User requested").later(16).sale()
    assert late.kinds() == ["bare coins"]


def taken_in_part(ours: str) -> Tale:
    """The owner cancels our stop and sells 0.06 of its coins; `ours`: what the stop of ours is for then."""
    tale = Tale().entry().later(30).ended("OES", "canceled", "User requested")
    tale.placed("OO", "sell", "market", "0.06", ours=False).filled("OO", "0.06", side="sell").ended("OO")
    return tale.later(5).stop("OS", ours).later(100).cancel("OS").sale("OX", ours)


def test_coins_the_owner_took_need_no_order() -> None:
    assert taken_in_part("0.04").kinds() == []


@pytest.mark.parametrize(("seconds", "kinds"), [(14, []), (16, ["bare coins"])])
def test_what_a_position_lacked_at_its_end_is_not_asked_of_it_beside_the_next(
    seconds: float, kinds: list[str]
) -> None:
    """The owner took all of one; the stop of the next one is canceled too, and its coins are sold."""
    tale = Tale().entry().later(30).ended("OES", "canceled", "User requested")
    tale.placed("OO", "sell", "market", ours=False).filled("OO", side="sell").ended("OO").later(100)
    tale.entry("OF").later(20).ended("OFS", "canceled", "User requested").later(seconds).sale()
    assert tale.kinds(bracket_of={"id-OE": "one", "id-OF": "two", "id-OX": "two"}) == kinds


def test_coins_the_owner_left_do() -> None:
    assert taken_in_part("0.03").kinds() == ["bare coins", "bare beyond excuse", "coins left"]


def test_coins_an_order_of_the_owner_holds_cannot_have_another() -> None:
    tale = Tale().entry().later(30).ended("OES", "canceled", "User requested")
    tale.placed("OO", "sell", "limit", "0.06", ours=False).later(5).stop("OS", "0.04").later(100)
    tale.cancel("OS").sale("OX", "0.04")
    assert tale.kinds(finished=False) == []
    freed = tale.ended("OO", "canceled").later(20).sale("OY", "0.06")
    assert freed.kinds() == ["bare coins"]


def test_parts_below_the_minimum_may_wait_until_they_are_enough() -> None:
    tale = Tale().placed("OE", "buy", "limit", close_price=Decimal(2450)).filled("OE", "0.001").later(600)
    tale.filled("OE", "0.001").later(20).ended("OE", "canceled").stop("OS", "0.002").later(1)
    assert tale.cancel("OS").sale("OX", "0.002").kinds() == []
    assert "bare coins" in tale.kinds(bounds=replace(TIGHT, small_parts=15))


def test_a_part_made_free_must_be_sold_soon() -> None:
    tale = Tale().entry().later(9).add(Amended(at(9), "OES", Decimal("0.04"), None, None)).later(6)
    assert tale.sale("OX", "0.06").cancel("OES").sale("OY", "0.04").kinds() == ["bare coins"]


def test_trouble_stops_the_clock_and_a_while_after_it() -> None:
    tale = (
        Tale().entry().later(30).cancel("OES").add(Troubled(at(30), at(40), "network cut")).later(24).sale()
    )
    assert tale.kinds() == []
    slow = (
        Tale().entry().later(30).cancel("OES").add(Troubled(at(30), at(40), "network cut")).later(26).sale()
    )
    assert slow.kinds() == ["bare coins"]


def test_trouble_of_another_pair_does_not() -> None:
    tale = Tale().entry().later(30).cancel("OES").add(Troubled(at(30), at(40), "post_only", "BTC/USD"))
    assert tale.later(6).sale().kinds() == ["bare coins"]


def test_nobody_who_can_act_stops_the_clock_too() -> None:
    tale = Tale().entry().later(30).cancel("OES").later(20).sale()
    assert tale.kinds(blind=[(at(28), at(46))]) == []
    assert tale.kinds(blind=[(at(20), at(44))]) == ["bare coins"]


# --- leaving -------------------------------------------------------------------------------------------


def test_a_wish_to_leave_that_nothing_follows_is_seen() -> None:
    tale = Tale().entry().later(40).cancel("OES").sale()
    assert tale.kinds(wishes=[Wish(at=at(10), symbol=ETH)]) == ["exit blocked"]
    assert tale.kinds(wishes=[Wish(at=at(30), symbol=ETH)]) == []


def test_a_wish_to_leave_is_met_by_a_sale_under_way() -> None:
    tale = Tale().entry().later(12).cancel("OES").placed("OX", "sell", "market").later(100)
    tale.filled("OX", side="sell").ended("OX")
    assert tale.kinds(wishes=[Wish(at=at(10), symbol=ETH)]) == []


def test_a_wish_to_leave_ends_where_an_operator_wants_to_look() -> None:
    tale = Tale().entry().later(40).cancel("OES").sale()
    held = Wish(at=at(10), symbol=ETH, taken_back_at=at(20))
    assert tale.kinds(wishes=[held]) == []
    assert tale.kinds(wishes=[replace(held, taken_back_at=at(39))]) == ["exit blocked"]


def refused_exit(seconds: float, *, refused: bool = True, stopped: bool = True) -> Tale:
    """Its sale is refused at 11 s, its stop is back ten seconds later, and so long after that it is sold."""
    tale = Tale().entry().later(11).cancel("OES")
    terms = {"cl_ord_id": "id-OX1", "type": "sell", "ordertype": "market"}
    said = "EOrder:Insufficient funds" if refused else "EService:Busy"
    tale.add(Requested(at(tale.now), at(tale.now), "watch", "AddOrder", terms, said)).later(10)
    tale = tale.stop("OS").later(seconds).cancel("OS") if stopped else tale.later(seconds)
    return tale.later(1).sale()


@pytest.mark.parametrize(
    ("asked_at", "seconds", "how", "blocked"),
    [
        (10, 60, {}, False),
        (15, 60, {}, False),  # asked again while it is being refused: that adds nothing
        (10, 120, {}, True),
        (30, 60, {}, True),  # asked when the stop was back: that is tried at once
        (10, 60, {"refused": False}, True),
        (10, 60, {"stopped": False}, True),
    ],
)
def test_an_exit_refused_for_want_of_coins_is_tried_again_a_minute_after_its_stop_came_back(
    asked_at: float, seconds: float, how: dict[str, bool], blocked: bool
) -> None:
    bracket_of = {f"id-{name}": "one" for name in ("OE", "OES", "OX1", "OS", "OX")}
    wish = Wish(at=at(asked_at), symbol=ETH)
    found = refused_exit(seconds, **how).kinds(wishes=[wish], bracket_of=bracket_of)
    assert ("exit blocked" in found) is blocked


def test_coins_the_owner_took_need_not_be_left() -> None:
    tale = Tale().entry().later(10).ended("OES", "canceled", "User requested")
    tale.placed("OO", "sell", "market", ours=False).filled("OO", side="sell").ended("OO").later(100)
    assert tale.kinds(wishes=[Wish(at=at(10), symbol=ETH)]) == []


def test_a_dead_process_sends_nothing() -> None:
    sent = Requested(at(8), at(5), "watch/2", "OpenOrders", {}, "ok")
    assert Tale().later(8).add(sent).kinds(deaths={"watch/2": at(4)}) == ["request of a dead process"]
    assert Tale().later(8).add(sent).kinds(deaths={"watch/2": at(6), "watch": at(1)}) == []


# --- the end -------------------------------------------------------------------------------------------


def test_what_is_left_at_the_venue_is_seen() -> None:
    tale = Tale().entry().later(10)
    assert tale.kinds() == ["left at the venue", "coins left"]
    assert tale.kinds(finished=False) == []


def test_coins_the_owner_took_are_accounted_for() -> None:
    tale = Tale().entry().later(10).ended("OES", "canceled", "User requested")
    tale.placed("OO", "sell", "market", ours=False).filled("OO", side="sell").ended("OO")
    assert tale.kinds() == []


def test_coins_the_owner_handed_over_and_took_away_are_accounted_for() -> None:
    tale = Tale().add(Booked(at(0), "L1", "Q1", "deposit", "XETH", PLAN, Decimal(0)))
    handed = Handed(at=at(1), key=ETH, symbol=ETH, quantity=PLAN)
    tale.later(1).stop().later(5).ended("OS", "canceled", "User requested")
    tale.add(Booked(at(6), "L2", "Q2", "withdrawal", "XETH", -PLAN, Decimal(0)))
    assert tale.kinds(handed=[handed]) == []
    tale.log.records.pop()
    assert tale.kinds(handed=[handed]) == ["coins left"]


def test_coins_nobody_took_are_missed() -> None:
    tale = Tale().entry().later(10).cancel("OES").sale("OX", "0.05")
    assert tale.kinds() == ["coins left"]


def test_dust_may_be_left() -> None:
    assert Tale().entry().later(10).cancel("OES").sale("OX", "0.099").kinds() == []


def test_a_fill_without_its_ledger_is_seen() -> None:
    tale = whole()
    tale.log.records = [r for r in tale.log.records if not (isinstance(r, Booked) and r.refid == "T2")]
    assert tale.kinds() == ["ledger"]


def test_a_fee_in_coins_is_no_difference() -> None:
    tale = Tale().entry()
    fee = Decimal("0.0004")
    tale.log.records = [
        replace(r, fee=fee) if isinstance(r, Booked) and r.asset == "XETH" else r for r in tale.log.records
    ]
    assert tale.later(9).cancel("OES").sale("OX", "0.0996").kinds() == []


# --- the book ------------------------------------------------------------------------------------------


def book_of(**changed: Any) -> Book:
    """What the product should have in its tables after `whole()`."""
    bracket = {
        "id": 1,
        "symbol": ETH,
        "state": "EXIT_COMPLETE",
        "planned_quantity": PLAN,
        "held_quantity": Decimal(0),
        "held_price": None,
        "created_at": NOON,
    }
    orders = [
        order_row("OE", "FILLED", client="id-OE"),
        order_row("OES", "CANCELED", filled="0"),
        order_row("OX", "FILLED", client="id-OX"),
    ]
    fills = [fill_row("T1", -251, "0.1"), fill_row("T2", 249, "-0.1")]
    trade = {"bracket_id": 1, "status": "CLOSED", "realized_pnl": Decimal(-2)}
    rows: dict[str, Any] = {"brackets": [bracket], "orders": orders, "fills": fills, "trades": [trade]}
    for name, change in changed.items():
        rows[name] = change(rows[name])
    return Book(**rows)


def order_row(
    txid: str | None, status: str, *, client: str | None = None, filled: str = "0.1"
) -> dict[str, Any]:
    return {
        "bracket_id": 1,
        "client_order_id": client,
        "venue_order_id": txid,
        "status": status,
        "quantity": PLAN,
        "filled_quantity": Decimal(filled),
    }


def fill_row(trade: str, quote: int, base: str) -> dict[str, Any]:
    fee = Decimal(1)
    return {
        "bracket_id": 1,
        "venue_trade_id": trade,
        "quote_amount": Decimal(quote) + fee,
        "quote_fee": fee,
        "base_amount": Decimal(base),
        "base_fee": Decimal(0),
    }


def test_a_book_that_equals_the_venue_has_no_complaint() -> None:
    assert whole().kinds(book=book_of()) == []


def changed(position: int, **values: Any) -> Any:
    return lambda rows: [row | values if n == position else row for n, row in enumerate(rows)]


@pytest.mark.parametrize(
    ("table", "change", "kind"),
    [
        ("orders", lambda rows: [*rows[:2], order_row(None, "ABSENT", client="id-OX")], "book"),
        ("orders", lambda rows: [rows[0], rows[2]], "book"),
        ("orders", lambda rows: [*rows, order_row("OZ", "OPEN", client="id-OZ")], "book"),
        ("orders", lambda rows: [*rows, order_row(None, "UNKNOWN", client="id-OZ")], "book"),
        ("orders", changed(1, status="OPEN"), "book"),
        ("orders", changed(0, filled_quantity=Decimal("0.09")), "book"),
        ("orders", changed(2, quantity=Decimal("0.2")), "book"),
        ("brackets", changed(0, planned_quantity=Decimal("0.09")), "bought beyond plan"),
        ("fills", lambda rows: rows[:1], "books"),
        ("fills", lambda rows: [*rows, rows[0]], "books"),
        ("fills", lambda rows: [*rows, fill_row("T9", 1, "1")], "books"),
        ("fills", changed(0, quote_fee=Decimal("0.99")), "books"),
        ("trades", changed(0, realized_pnl=Decimal("-1.99999999")), "result"),
    ],
)
def test_each_difference_of_the_book_is_seen(table: str, change: Any, kind: str) -> None:
    assert set(whole().kinds(book=book_of(**{table: change}))) == {kind}


def test_coins_that_were_there_before_are_reckoned_with_their_price() -> None:
    tale = Tale().later(1).stop().later(5).cancel("OS").sale()
    held = {"held_quantity": PLAN, "held_price": Decimal(2400), "planned_quantity": PLAN}
    rows = [
        order_row("OS", "CANCELED", client="id-OS", filled="0"),
        order_row("OX", "FILLED", client="id-OX"),
    ]
    book = book_of(
        brackets=changed(0, **held),
        orders=lambda _: rows,
        fills=lambda _: [fill_row("T1", 249, "-0.1")],
        trades=changed(0, realized_pnl=Decimal(9)),
    )
    assert tale.kinds(book=book) == []


# --- quiet time ----------------------------------------------------------------------------------------


def test_quiet_time_is_what_no_trouble_covers() -> None:
    troubles = [
        Troubled(at(10), at(20), "a"),
        Troubled(at(15), at(25), "b"),
        Troubled(at(60), at(61), "c", ETH),
    ]
    quiet = Quiet(troubles, [(at(40), at(45))], after_seconds=5)
    assert quiet.seconds(at(0), at(100), None) == 100 - 20 - 5
    assert quiet.seconds(at(0), at(100), ETH) == 100 - 20 - 5 - 6
    assert quiet.seconds(at(12), at(28), None) == 0
    assert quiet.seconds(at(5), at(12), None) == 5
    assert quiet.seconds(at(9), at(5), None) == 0


# --- independence --------------------------------------------------------------------------------------


def test_the_auditor_imports_nothing_of_the_product() -> None:
    folder = Path(__file__).parent.parent / "simulation" / "auditor"
    files = sorted(folder.glob("*.py"))
    assert len(files) >= 6
    for file in files:
        for line in file.read_text().splitlines():
            words = line.split()
            if words[:1] in (["from"], ["import"]):
                top = words[1].partition(".")[0]
                assert top not in {"brackets", "trading", "risk", "config", "django"}, f"{file.name}: {line}"
