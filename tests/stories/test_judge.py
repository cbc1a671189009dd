"""The judge judges: each complaint is raised by a log that deserves it, and by no other."""

from __future__ import annotations

from decimal import Decimal

from tests.stories.judge import Expected, Record, complaints

PLAN = Decimal("0.1")
ENTRY = """\
2026-01-01T00:00:00.000Z AddOrder cl_ord_id=a pair=XETHZUSD type=buy ordertype=market volume=0.1 -> txid=OE
2026-01-01T00:00:00.000Z FILL txid=OE ETH/USD buy market trade=T1 volume=0.1 price=2500 leaves=0
2026-01-01T00:00:00.000Z END txid=OE ETH/USD buy market status=closed filled=0.1
"""
STOP = """\
2026-01-01T00:00:00.000Z ATTACHED txid=OS ETH/USD sell stop-loss refid=OE volume=0.1 price=2450
"""
GONE = """\
2026-01-01T00:00:10.000Z CancelOrder txid=OS -> count=1
2026-01-01T00:00:10.000Z END txid=OS ETH/USD sell stop-loss status=canceled filled=0 reason=User requested
"""
SALE = """\
2026-01-01T00:00:12.500Z AddOrder cl_ord_id=b type=sell ordertype=market volume=0.1 -> txid=OX
2026-01-01T00:00:12.500Z FILL txid=OX ETH/USD sell market trade=T2 volume=0.1 price=2600 leaves=0
2026-01-01T00:00:12.500Z END txid=OX ETH/USD sell market status=closed filled=0.1
"""
LATER = "2026-01-01T00:00:20.000Z BalanceEx -> ok\n"
BOOK = {
    "OE": {"status": "FILLED", "quantity": PLAN, "filled_quantity": PLAN},
    "OS": {"status": "CANCELED", "quantity": PLAN, "filled_quantity": Decimal(0)},
    "OX": {"status": "FILLED", "quantity": PLAN, "filled_quantity": PLAN},
}


def judged(log: str, *, of_book: str = "OE OS OX", **expected: object) -> list[str]:
    book = [BOOK[txid] | {"venue_order_id": txid} for txid in of_book.split()]
    return complaints(Record().read(log), Expected(**({"planned": PLAN} | expected)), book)  # type: ignore[arg-type]


def test_a_good_story_has_none() -> None:
    log = ENTRY + STOP + GONE + SALE + LATER
    assert judged(log, unprotected=Decimal("2.5"), unstopped=Decimal("2.5")) == []
    assert Record().read(log).sold == PLAN


def test_seconds_without_an_order_are_those_between_the_lines() -> None:
    naked = Record().read(ENTRY + STOP + GONE + SALE + LATER).naked
    assert set(naked.seconds.values()) == {Decimal("2.5")}
    (said,) = judged(ENTRY + STOP + GONE + SALE, unprotected=Decimal(2))
    assert said.startswith("unprotected for 2.5")


def test_a_resting_target_protects_and_does_not_stop() -> None:
    target = "2026-01-01T00:00:10.000Z AddOrder cl_ord_id=c type=sell ordertype=limit volume=0.1 -> txid=OT\n"
    naked = Record().read(ENTRY + STOP + GONE + target + LATER).naked
    assert (naked.unprotected, naked.unstopped) == (0, 10)


def test_a_second_entry_is_seen() -> None:
    again = ENTRY.replace("OE", "OF").replace("=a ", "=z ")
    said = judged(ENTRY + STOP + GONE + SALE + again, of_book="OE OS OX")
    assert "2 entries instead of 1" in said
    assert "bought 0.2 of 0.1" in said
    assert "the book does not know OF" in said


def test_an_oversell_attempt_is_seen() -> None:
    tried = SALE.splitlines()[0].partition(" -> ")[0] + " -> error=EOrder:Insufficient funds\n"
    (said,) = judged(ENTRY + STOP + GONE + tried + SALE)
    assert said.startswith("oversell attempts")
    amended = "2026-01-01T00:00:05Z AmendOrder txid=OS order_qty=0.2 -> error=EOrder:Insufficient funds\n"
    assert len(Record().read(ENTRY + STOP + amended).oversells) == 1


def test_two_live_orders_for_the_same_coins_are_seen() -> None:
    second = SALE.splitlines()[0].replace("market", "limit") + "\n"
    record = Record().read(ENTRY + STOP + second + LATER)
    assert record.overcommitted == ["0.2 for sale of 0.1 coins, for 7.5 s"]


def test_coins_without_a_leg_at_the_end_are_seen() -> None:
    said = judged(ENTRY + STOP + GONE + LATER, of_book="OE OS")
    assert said == ["0.1 coins are left and sells of 0 rest"]


def test_a_book_that_says_another_thing_is_seen() -> None:
    said = judged(ENTRY + STOP + LATER, of_book="OE OS OX")
    assert sorted(said) == ["OS status: venue open, book canceled", "the venue does not know OX"]


def test_amendments_change_the_order_they_name() -> None:
    amended = "2026-01-01T00:00:05Z AmendOrder txid=OS order_qty=0.04 trigger_price=2470 -> amend_id=TA\n"
    (stop,) = Record().read(ENTRY + STOP + amended).live
    assert (stop.volume, stop.price) == (Decimal("0.04"), 2470)


def test_orders_of_others_are_left_out() -> None:
    foreign = "2026-01-01T00:00:05Z FILL txid=OZ ETH/USD sell market trade=T9 volume=5 price=2500\n"
    record = Record().read(ENTRY + STOP + foreign)
    assert (record.sold, len(record.orders)) == (0, 2)
