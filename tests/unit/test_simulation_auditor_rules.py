"""The rules that need no quiet: each is broken by a small log that deserves it, and by no other."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.simulation.auditor import Book, Handed, Wish
from tests.simulation.auditor.attention import Attention
from tests.simulation.auditor.circumstances import Bounds, Circumstances
from tests.simulation.auditor.judge import Judge
from tests.simulation.auditor.records import Amended, Requested, Troubled
from tests.unit.auditor_tale import ETH, NOON, PLAN, TIGHT, Tale, at

AT_TARGET = {"limit_price": Decimal(2600)}


def bare_for(seconds: float, *troubles: Troubled) -> Tale:
    """Bought with its stop, which is canceled, and sold so much later."""
    tale = Tale().entry().later(30).cancel("OES")
    for trouble in troubles:
        tale.add(trouble)
    return tale.later(seconds).sale()


def trouble(begin: float, end: float, **more: Any) -> Troubled:
    return Troubled(at(begin), at(end), "a fault", **more)


# --- what no trouble excuses ---------------------------------------------------------------------------


def test_no_fault_excuses_coins_that_stay_bare() -> None:
    always = trouble(30, 200)
    assert bare_for(89, always).kinds() == []
    assert bare_for(91, always).kinds() == ["bare beyond excuse"]
    assert bare_for(91, trouble(30, 200, shuts=True)).kinds() == [], "the venue took nothing"
    assert bare_for(91, always).kinds(dark=[(at(40), at(45))]) == [], "nobody lived"


def test_coins_that_never_had_protection_are_sold() -> None:
    def bought(seconds: float) -> Tale:
        tale = Tale().add(trouble(0, 200)).entry(attached=False)
        return tale.later(seconds).sale()

    assert bought(54).kinds() == []
    assert bought(56).kinds() == ["not rolled back"]
    once = Tale().add(trouble(0, 200)).entry(attached=False).later(20).stop().later(10).cancel("OS").later(56)
    assert once.sale().kinds() == [], "they had it once"
    assert bought(80).kinds(held={ETH: [(at(10), at(40))]}) == [], "a person looked at it, and let it go on"
    assert "not rolled back" in bought(97).kinds(held={ETH: [(at(10), at(40))]})
    assert "not rolled back" in bought(80).kinds(held={"XRP/USD": [(at(10), at(40))]})


def test_small_parts_are_sold_when_it_is_proven_that_they_have_no_stop() -> None:
    def bought(seconds: float) -> Tale:
        tale = Tale().add(trouble(0, 200)).placed("OE", "buy", "market", close_price=Decimal(2450))
        for _ in range(2):
            tale.filled("OE", "0.0015")
        return tale.ended("OE", "canceled").later(seconds).sale("OX", "0.003")

    assert bought(69).kinds() == []
    assert bought(71).kinds() == ["not rolled back"]


# --- who watches ---------------------------------------------------------------------------------------


def at_the_target(seconds: float) -> Tale:
    """The target rests in place of the stop for so long."""
    tale = Tale().entry().later(30).cancel("OES").later(1).placed("OT", "sell", "limit", **AT_TARGET)
    return tale.later(seconds).cancel("OT").sale()


def test_a_target_without_a_stop_needs_a_watch() -> None:
    assert at_the_target(60).kinds() == [], "nobody says who watches"
    assert at_the_target(600).kinds(watched=[(at(0), at(700))]) == []
    assert at_the_target(60).kinds(watched=[(at(0), at(40))]) == ["no stop and no watch"]
    assert at_the_target(30).kinds(watched=[(at(0), at(40))]) == [], "it is handed over"
    assert at_the_target(60).kinds(watched=[(at(0), at(40))], net_away=[(at(40), at(80))]) == []


def test_a_stop_beside_the_target_needs_no_watch() -> None:
    tale = Tale().entry().later(60).cancel("OES").sale()
    assert tale.kinds(watched=[(at(0), at(1))]) == []


def test_a_watch_that_ends_in_order_puts_the_stops_back() -> None:
    def ended(seconds: float) -> list[str]:
        return at_the_target(20).kinds(handed_over=[at(seconds)])

    assert ended(45) == ["left without a stop"]
    assert ended(25) == [], "the stop rested"
    assert ended(35) == [], "it had changed places just now"


# --- how often -----------------------------------------------------------------------------------------


def robbed_again(seconds: float, *, first: str = "OA") -> Tale:
    """The owner cancels the stop, and again what took its place; the second repair comes so much later."""
    tale = Tale().entry().later(5).ended("OES", "canceled", "User requested").later(3).stop("OA")
    return tale.later(2).ended(first, "canceled", "User requested").later(seconds - 2).stop("OB")


def test_repairs_of_one_leg_are_spaced() -> None:
    assert robbed_again(57).kinds(finished=False, clocks_true=True) == ["repaired again"]
    assert robbed_again(61).kinds(finished=False, clocks_true=True) == []
    assert robbed_again(57).kinds(finished=False) == [], "clocks apart agree on no spacing"


def test_a_stop_that_comes_back_after_somebody_wanted_to_leave_is_no_fight() -> None:
    wish = Wish(at=at(12), symbol=ETH, taken_back_at=at(15))
    assert robbed_again(30).kinds(finished=False, clocks_true=True, wishes=[wish]) == []
    before = replace(wish, at=at(7), taken_back_at=at(7.5))
    assert robbed_again(30).kinds(finished=False, clocks_true=True, wishes=[before]) == ["repaired again"]


def test_stops_lost_together_may_be_repaired_together() -> None:
    tale = Tale().placed("OE", "buy", "limit", close_price=Decimal(2450))
    for name in ("S1", "S2"):
        tale.filled("OE", "0.05").stop(name, "0.05", cl_ord_id=None, refid="OE")
    tale.ended("OE").later(5).ended("S1", "canceled", "User requested").later(2).stop("OA", "0.05")
    tale.later(1).ended("S2", "canceled", "User requested").later(2).stop("OB", "0.05")
    assert tale.kinds(finished=False) == []


@pytest.mark.parametrize(
    ("readings", "seconds", "kinds"),
    [(0, 7, ["repaired in doubt"]), (1, 7, ["repaired in doubt"]), (2, 7, []), (1, 9, [])],
)
def test_a_lost_stop_is_repaired_when_two_readings_agree(
    readings: int, seconds: int, kinds: list[str]
) -> None:
    tale = Tale().entry().later(30).ended("OES", "canceled", "User requested").later(1)
    for _ in range(readings):
        asked(tale, "QueryOrders")
    asked(tale, "QueryOrders", said="EService:Busy").later(seconds - 1).stop("OA")
    assert tale.kinds(finished=False, reads_only=True, clocks_true=True) == kinds
    assert tale.kinds(finished=False, clocks_true=True) == [], "a stream may have told"


def test_stops_of_single_fills_become_one() -> None:
    def told(seconds: float, number: int = 2) -> list[str]:
        tale = Tale().placed("OE", "buy", "limit", close_price=Decimal(2450))
        for n in range(number):
            tale.filled("OE", "0.05").stop(f"S{n}", "0.05", cl_ord_id=None, refid="OE")
        return tale.ended("OE").later(seconds).kinds(finished=False)

    assert told(99) == []
    assert told(101) == ["stops apart"]
    assert told(101, number=1) == []


def test_a_stop_put_back_after_an_exit_is_no_repair() -> None:
    tale = Tale().entry().later(5).ended("OES", "canceled", "User requested").later(3).stop("OA")
    tale.later(2).ended("OA", "canceled", "User requested").later(2)
    asked = {"cl_ord_id": "x", "type": "sell", "ordertype": "market"}
    tale.add(Requested(at(tale.now), at(tale.now), "watch", "AddOrder", asked, "EOrder:Unknown"))
    known = {"bracket_of": {"id-OE": "b", "id-OA": "b", "id-OB": "b", "x": "b"}}
    assert tale.later(3).stop("OB").kinds(finished=False, **known) == []


def test_a_stop_the_product_wanted_gone_too_was_not_taken() -> None:
    tale = Tale().entry().later(5).ended("OES", "canceled", "User requested").later(3).stop("OA")
    tale.later(2).ended("OA", "canceled", "User requested").later(0.1)
    late = Requested(
        at(tale.now), at(tale.now), "watch", "CancelOrder", {"txid": "OA"}, "EOrder:Unknown order"
    )
    assert tale.add(late).later(3).stop("OB").kinds(finished=False) == []


@pytest.mark.parametrize(
    ("said", "number", "kinds"),
    [
        ("EService:Unavailable", 40, []),
        ("EService:Unavailable", 41, ["storm"]),
        ("EOrder:Insufficient funds", 16, []),
        ("EOrder:Insufficient funds", 17, ["storm of refusals"]),
    ],
)
def test_the_venue_is_not_stormed(said: str, number: int, kinds: list[str]) -> None:
    tale = Tale().entry()
    for n in range(number):
        asked = {"cl_ord_id": f"x{n}", "type": "sell", "ordertype": "stop-loss"}
        tale.later(1).add(Requested(at(tale.now), at(tale.now), "watch", "AddOrder", asked, said))
    known = {"id-OE": "b"} | {f"x{n}": "b" for n in range(number)}
    assert tale.kinds(finished=False, bracket_of=known) == kinds
    seldom = {"x0": "b", "id-OE": "b"}
    assert tale.kinds(finished=False, bracket_of=seldom) == []


# --- a start -------------------------------------------------------------------------------------------


def asked(tale: Tale, method: str, *, said: str = "ok", process: str = "watch/2", **terms: str) -> Tale:
    return tale.add(Requested(at(tale.now), at(tale.now), process, method, terms, said))


def test_nothing_is_bought_before_the_open_orders_were_read() -> None:
    def told(said: str = "ok", **known: Any) -> list[str]:
        tale = asked(Tale(), "OpenOrders").later(20)
        asked(tale, "OpenOrders", said=said).later(1)
        return asked(tale, "AddOrder", cl_ord_id="a", type="buy", ordertype="market").kinds(**known)

    assert told(starts=[at(10)]) == []
    assert told("EService:Busy", starts=[at(10)]) == ["bought before the comparison"]
    assert told(starts=[at(20.5)]) == ["bought before the comparison"]
    assert told(starts=[at(20.5)], asleep={"watch": [(at(19), at(21))]}) == [], "it had taken it up before"
    assert told(starts=[]) == [], "nobody says when one started"


def test_nothing_is_bought_before_a_lost_placement_is_proven_absent() -> None:
    def told(seconds: float, *, said: str = "", start: float = 2.0) -> list[str]:
        tale = asked(Tale().later(1), "AddOrder", said=said, process="watch", cl_ord_id="lost", type="sell")
        asked(tale.later(4), "OpenOrders").later(seconds - 4)
        return asked(tale, "AddOrder", cl_ord_id="a", type="buy").kinds(starts=[at(start)])

    assert told(12) == ["bought before the comparison"]
    assert told(14) == []
    assert told(12, said="EService:Busy") == [], "it arrived"
    assert told(12, start=0.5) == [], "it left after the start"


# --- what people are told ------------------------------------------------------------------------------


def a_book(**rows: Any) -> Book:
    return Book(**dict.fromkeys(("brackets", "orders", "fills", "trades"), ()) | rows)


def kinds_of(tale: Tale, book: Book, **known: Any) -> list[str]:
    """Without what an empty book lacks besides."""
    known = {
        "clocks_true": True,
        "bracket_of": {f"id-{name}": "bracket 1" for name in ("OE", "OT", "OX")},
    } | known
    return [kind for kind in tale.kinds(book=book, finished=False, **known) if kind != "book"]


def alert(raised: float, resolved: float | None, **other: Any) -> dict[str, Any]:
    over: datetime | None = None if resolved is None else at(resolved)
    told = {"subject": "bracket 1", "code": "unprotected_seconds"} | other
    return told | {"raised_at": at(raised), "resolved_at": over}


@pytest.mark.parametrize(
    ("alerts", "kinds"),
    [
        ([], ["no alarm"]),
        ([alert(36, 52)], []),
        ([alert(36, None, code="held")], []),
        ([alert(36, None, subject="bracket 2")], ["no alarm"]),
        ([alert(36, None, code="repair_waits")], ["no alarm"]),
        ([alert(5, 20)], ["no alarm"]),
        ([alert(60, None)], ["no alarm"]),
    ],
)
def test_coins_that_stay_bare_are_called_out(alerts: list[dict[str, Any]], kinds: list[str]) -> None:
    wide = replace(TIGHT, between_legs=100)
    tale = bare_for(21)
    assert [k for k in kinds_of(tale, a_book(alerts=alerts), bounds=wide) if k != "bare coins"] == kinds
    assert kinds_of(tale, a_book(), bounds=wide) == [], "nobody says what was told"
    assert kinds_of(bare_for(19), a_book(alerts=[]), bounds=wide) == []
    assert kinds_of(bare_for(21, trouble(30, 60)), a_book(alerts=[]), bounds=wide) == [], (
        "it was not to be seen"
    )


def test_an_order_of_the_owner_s_that_rests_becomes_known() -> None:
    def told(seconds: float, *known: str, kind: str = "order") -> list[str]:
        tale = Tale().placed("OO", "buy", "limit", ours=False).later(seconds).ended("OO", "canceled")
        return kinds_of(tale, a_book(strangers=[{"kind": kind, "subject": name} for name in known]))

    assert told(74) == []
    assert told(76) == ["stranger"]
    assert told(76, "OO") == []
    assert told(76, "OO", kind="coins") == ["stranger"]


def bracket(**other: Any) -> dict[str, Any]:
    return {
        "id": 1,
        "symbol": ETH,
        "state": "BRACKET_ACTIVE",
        "planned_quantity": PLAN,
        "held_quantity": Decimal(0),
        "stop_price": Decimal(2450),
        "target_price": Decimal(2600),
        "unprotected_seconds": Decimal(0),
        "unstopped_seconds": Decimal(0),
        "created_at": NOON,
    } | other


def test_in_quiet_legs_rest_where_the_book_has_them() -> None:
    def told(tale: Tale, *, since: float = 10, **other: Any) -> list[str]:
        rows = [bracket(**other)]
        return kinds_of(tale, a_book(snapshots=[(at(since), rows), (at(30), rows)]))

    whole = Tale().entry().later(40)
    assert told(whole) == []
    assert told(whole, stop_price=Decimal(2440)) == ["rests elsewhere"]
    assert told(whole, stop_price=Decimal(2440), since=20) == [], "it may be on its way"
    assert told(whole, stop_price=Decimal(2440), state="HELD") == []
    moved = Tale().entry().later(5).add(Amended(at(5), "OES", PLAN, None, Decimal(2440))).later(35)
    assert told(moved, stop_price=Decimal(2440)) == []
    assert told(moved) == ["rests elsewhere"]
    target = Tale().entry().later(1).cancel("OES").placed("OT", "sell", "limit", **AT_TARGET).later(40)
    assert told(target) == []
    assert told(target, target_price=Decimal(2601)) == ["rests elsewhere"]


def test_seconds_without_an_order_are_those_of_the_log_while_it_stands() -> None:
    tale = Tale().entry().later(2).cancel("OES").later(4).stop("OS").later(40)
    known = {"bracket_of": {"id-OE": "bracket 1", "id-OS": "bracket 1"}}

    def told(seconds: str, **other: Any) -> list[str]:
        rows = [bracket(unprotected_seconds=Decimal(seconds))]
        return kinds_of(tale, a_book(snapshots=[(at(10), rows), (at(30), rows)]), **known, **other)

    assert told("4") == told("5.9") == []
    assert told("0") == ["exposure"]
    assert told("0", clocks_true=False) == []


@pytest.mark.parametrize(
    ("unprotected", "unstopped", "kinds"),
    [("3", "33", []), ("0", "33", ["exposure"]), ("3", "3", ["exposure"]), ("9", "33", ["exposure"])],
)
def test_seconds_without_an_order_and_without_a_stop_are_those_of_the_log(
    unprotected: str, unstopped: str, kinds: list[str]
) -> None:
    """One second before the target rests, thirty while it does, two until it is sold."""
    tale = Tale().entry().later(9).cancel("OES").later(1).placed("OT", "sell", "limit", **AT_TARGET)
    tale.later(30).cancel("OT").later(2).sale().later(50)
    told = {"unprotected_seconds": Decimal(unprotected), "unstopped_seconds": Decimal(unstopped)}
    row = bracket(state="EXIT_COMPLETE", **told)
    ours = {"bracket_of": {f"id-{name}": "bracket 1" for name in ("OE", "OT", "OX")}}
    assert kinds_of(tale, a_book(brackets=[row]), **ours) == kinds
    assert kinds_of(tale, a_book(brackets=[row]), clocks_true=False, **ours) == []


# --- how much was judged -------------------------------------------------------------------------------


def test_the_time_in_which_bounds_were_judged_is_measured() -> None:
    tale = Tale().entry().later(10).add(trouble(10, 15)).later(40).cancel("OES").sale().later(100)
    judge = Judge(tale.log, Circumstances(ended_at=at(tale.now)), Bounds(after_trouble=5))
    judge.judge()
    assert judge.attention == Attention(kept=50.0, quiet=40.0)
    assert judge.attention.share == 0.8
    assert Attention().share == 0.0


def test_coins_handed_over_are_not_rolled_back() -> None:
    handed = Handed(at=at(0), key=ETH, symbol=ETH, quantity=PLAN)
    tale = Tale().add(trouble(0, 200)).later(80).stop().later(1).cancel("OS").sale()
    assert tale.kinds(handed=[handed]) == []
