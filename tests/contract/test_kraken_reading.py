"""Reads through the real ccxt class: complete, exact and in the port's words, or VenueUnavailable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from brackets.models.sender import SenderKey
from brackets.venue.kraken import adapter
from brackets.venue.kraken.adapter import KrakenVenue
from brackets.venue.port import (
    BalanceReading,
    BudgetExhausted,
    OrderKind,
    UnknownSymbol,
    UnknownWord,
    VenueStatus,
    VenueUnavailable,
)
from tests.contract.kraken_case import CLIENT_ID, at, raw_order, raw_trade, slot_for, venue_on
from tests.contract.stub import PAIRS, Answer, Drop, Hang, Page, Recorded, Stub, ok, says, serving

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stub() -> Iterator[Stub]:
    with serving() as server:
        yield server


# --- the market ----------------------------------------------------------------------------------


def test_instruments_are_exact(stub: Stub) -> None:
    venue = venue_on(stub)
    bitcoin = next(pair for pair in venue.instruments() if pair.symbol == "BTC/USD")
    assert (bitcoin.venue_symbol, bitcoin.altname, bitcoin.base_asset) == ("XXBTZUSD", "XBTUSD", "XXBT")
    assert (bitcoin.tick_size, bitcoin.lot_step) == (Decimal("0.1"), Decimal("0.00000001"))
    assert (bitcoin.minimum_quantity, bitcoin.minimum_cost) == (Decimal("0.0001"), Decimal("0.5"))
    assert (bitcoin.taker_fee_ratio, bitcoin.maker_fee_ratio) == (Decimal("0.004"), Decimal("0.0025"))
    assert {pair.symbol for pair in venue.instruments()} >= {"ETH/USD", "DOGE/USD", "LTC/USDT"}
    assert len(stub.sent("AssetPairs")) == 1


def test_one_exotic_pair_does_not_hide_the_others(stub: Stub) -> None:
    stub.always("AssetPairs", ok(PAIRS | {"XETHZUSD": PAIRS["XETHZUSD"] | {"status": "on_holiday"}}))
    venue = venue_on(stub)
    assert venue.instrument("BTC/USD").venue_symbol == "XXBTZUSD"
    with pytest.raises(UnknownSymbol, match="on_holiday"):
        venue.instrument("XETHZUSD")


def test_markets_are_read_again_after_an_hour_and_a_failure_keeps_the_former(stub: Stub) -> None:
    now = [0.0]
    venue = venue_on(stub, monotonic=lambda: now[0])
    venue.instruments()
    now[0] = 3599
    venue.instruments()
    assert len(stub.sent("AssetPairs")) == 1
    now[0] = 3601
    stub.will("AssetPairs", says("EService:Busy"))
    assert venue.instruments()
    assert venue.instruments()
    assert len(stub.sent("AssetPairs")) == 2, "a failed refresh is not repeated at once"
    now[0] = 3700
    stub.will("AssetPairs", ok({"XXBTZUSD": PAIRS["XXBTZUSD"] | {"ordermin": "7"}}))
    assert [pair.minimum_quantity for pair in venue.instruments()] == [Decimal(7)]


def test_quotes_of_all_symbols_are_one_call(stub: Stub) -> None:
    row = {"a": ["60000.2", "1", "1.000"], "b": ["60000.1", "1", "1.000"], "c": ["60000.15", "0.1"]}
    stub.will("Ticker", ok({"XXBTZUSD": row, "XETHZUSD": row}))
    quotes = venue_on(stub).quotes(["BTC/USD", "ETH/USD"])
    assert [quote.symbol for quote in quotes] == ["BTC/USD", "ETH/USD"]
    assert (quotes[0].bid, quotes[0].ask, quotes[0].last) == (
        Decimal("60000.1"),
        Decimal("60000.2"),
        Decimal("60000.15"),
    )
    assert [request.params["pair"] for request in stub.sent("Ticker")] == ["XXBTZUSD,XETHZUSD"]


def test_more_pairs_than_an_address_can_name_are_asked_for_all_at_once(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "PAIRS_NAMED", 1)
    row = {"a": ["60000.2", "1", "1.000"], "b": ["60000.1", "1", "1.000"], "c": ["60000.15", "0.1"]}
    stub.will("Ticker", ok({"XXBTZUSD": row, "XETHZUSD": row, "SOLUSD": {"a": "of no concern"}}))
    quotes = venue_on(stub).quotes(["ETH/USD", "BTC/USD"])
    assert [quote.symbol for quote in quotes] == ["ETH/USD", "BTC/USD"]
    assert [request.params for request in stub.sent("Ticker")] == [{}]


def test_a_quote_left_out_is_no_answer(stub: Stub) -> None:
    stub.will("Ticker", ok({}))
    with pytest.raises(VenueUnavailable, match="BTC/USD"):
        venue_on(stub).quotes(["BTC/USD"])


def test_the_mode_of_a_pair_is_the_present_one_and_one_call(stub: Stub) -> None:
    venue = venue_on(stub)
    assert {pair.symbol: pair.status for pair in venue.instruments()}["ETH/USD"] == "online"
    asked = len(stub.sent("AssetPairs"))
    stub.will("AssetPairs", ok({"XETHZUSD": {"status": "cancel_only"}, "XXBTZUSD": {"status": "online"}}))
    assert venue.pair_statuses(["ETH/USD", "BTC/USD"]) == {"ETH/USD": "cancel_only", "BTC/USD": "online"}
    assert [request.params for request in stub.sent("AssetPairs")[asked:]] == [{"pair": "XETHZUSD,XXBTZUSD"}]
    stub.will("AssetPairs", ok({"XETHZUSD": {"status": "on_fire"}}))
    with pytest.raises(UnknownWord, match="on_fire"):
        venue.pair_statuses(["ETH/USD"])


def test_candles_keep_the_unfinished_bar_and_their_digits(stub: Stub) -> None:
    rows = [[1700000000 + 300 * n, "1.10", "2", "0.5", "1.7", "1.5", "12.00000001", 9] for n in range(5)]
    stub.will("OHLC", ok({"XETHZUSD": rows, "last": 1700000900}))
    candles = venue_on(stub).candles("ETH/USD", minutes=5, limit=2)
    assert [candle.opened_at for candle in candles] == [at(1700000900), at(1700001200)]
    assert candles[-1].volume == Decimal("12.00000001")
    assert stub.sent("OHLC")[0].params == {"pair": "XETHZUSD", "interval": "5"}


def test_the_clock_and_the_system_tell(stub: Stub) -> None:
    venue = venue_on(stub)
    assert venue.server_time() == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert venue.system_status() == "online"
    stub.will("SystemStatus", ok({"status": "on_fire"}))
    with pytest.raises(UnknownWord, match="on_fire"):
        venue.system_status()


# --- the account ---------------------------------------------------------------------------------


def test_an_open_stop_tells_its_trigger_not_the_zero_beside_it(stub: Stub) -> None:
    stub.will("OpenOrders", ok({"open": {"OAAAAA-BBBBB-CCCCCC": raw_order(refid="OPPPPP-QQQQQ-RRRRRR")}}))
    (stop,) = venue_on(stub).open_orders()
    assert (stop.kind, stop.status) == (OrderKind.STOP_LOSS, VenueStatus.OPEN)
    assert (stop.trigger_price, stop.limit_price) == (Decimal("59000.1"), None)
    assert stop.parent_venue_order_id == "OPPPPP-QQQQQ-RRRRRR"
    assert (stop.symbol, stop.client_order_id) == ("BTC/USD", CLIENT_ID)
    assert stop.opened_at == datetime(2023, 11, 14, 22, 13, 20, 123456, tzinfo=UTC)
    assert stub.sent("OpenOrders")[0].params["trades"] == "true"


def test_an_amended_order_tells_its_present_terms(stub: Stub) -> None:
    descr = {"ordertype": "limit", "price": "61000.5", "order": "sell 0.03 XBTUSD @ limit 61000.5"}
    amended = raw_order(descr=descr, vol="0.03", vol_exec="0.01", price="61000.5", misc="partial,amended")
    stop = raw_order(descr={"price": "59500.0"}, vol="0.02", misc="amended")
    stub.will("QueryOrders", ok({"OAAAAA-BBBBB-CCCCCC": amended, "ODDDDD-EEEEE-FFFFFF": stop}))
    target, protection = venue_on(stub).orders(["OAAAAA-BBBBB-CCCCCC", "ODDDDD-EEEEE-FFFFFF"])
    assert (target.quantity, target.filled_quantity) == (Decimal("0.03"), Decimal("0.01"))
    assert (target.limit_price, target.trigger_price) == (Decimal("61000.5"), None)
    assert (protection.quantity, protection.trigger_price) == (Decimal("0.02"), Decimal("59500.0"))
    assert (target.triggered, protection.triggered) == (False, False)


def test_the_token_of_the_stream_is_one_private_call(stub: Stub) -> None:
    stub.will("GetWebSocketsToken", ok({"token": "a-secret-word", "expires": 900}))
    assert venue_on(stub).websocket_token() == "a-secret-word"
    assert stub.sent("GetWebSocketsToken")[0].order_body == ""
    row = SenderKey.objects.get()
    assert (row.counter_thousandths, row.pair_counters) == (1000, {})


@pytest.mark.parametrize(
    "answer",
    [
        {"error": None, "result": {"token": "a-secret-word"}},
        says("WSomething:Odd", result={"token": "a-secret-word"}),
        ok({"expires": 900, "word": "a-secret-word"}),
        ok(["a-secret-word"]),
        ok({"token": 7}),
        says("EGeneral:Permission denied"),
        Page("<html></html>"),
    ],
    ids=str,
)
def test_a_token_that_does_not_come_is_a_failed_read_that_tells_no_secret(
    stub: Stub, answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    stub.will("GetWebSocketsToken", answer)
    with pytest.raises(VenueUnavailable) as failed:
        venue_on(stub).websocket_token()
    assert "a-secret-word" not in str(failed.value) + caplog.text


def test_numbers_that_json_bears_unquoted_stay_exact(stub: Stub) -> None:
    body = '{"error":[],"result":{"ZUSD":{"balance":0.1234567890123456789,"hold_trade": 1e-8}}}'
    stub.will("BalanceEx", Page(body, content_type="application/json"))
    (balance,) = venue_on(stub).balances()
    assert (balance.total, balance.held) == (Decimal("0.1234567890123456789"), Decimal("0.00000001"))


def test_balances_tell_holds_and_credit(stub: Stub) -> None:
    stub.will(
        "BalanceEx",
        ok(
            {
                "ZUSD": {"balance": "100.0", "hold_trade": "25.5", "credit": "10", "credit_used": "4"},
                "XBT.F": {"balance": "1", "hold_trade": "0"},
            }
        ),
    )
    dollars, earning = venue_on(stub).balances()
    assert (dollars.total, dollars.held, dollars.available) == (
        Decimal("106.0"),
        Decimal("25.5"),
        Decimal("80.5"),
    )
    assert earning == BalanceReading(asset="XBT.F", total=Decimal(1), held=Decimal(0))


def test_a_client_id_is_looked_up_as_one_and_never_as_userref(stub: Stub) -> None:
    closed = raw_order(status="canceled", reason="User requested", closetm=1700000100.5)
    stub.will("ClosedOrders", ok({"closed": {"OAAAAA-BBBBB-CCCCCC": closed}, "count": 1}))
    (found,) = venue_on(stub).closed_orders(client_order_id=CLIENT_ID)
    assert (found.status, found.reason) == (VenueStatus.CANCELED, "User requested")
    params = stub.sent("ClosedOrders")[0].params
    assert params["cl_ord_id"] == CLIENT_ID
    assert "userref" not in params


def known_orders(request: Recorded) -> dict[str, Any]:
    return ok({txid: raw_order() for txid in request.params["txid"].split(",") if txid != "O7"})


def test_orders_are_queried_by_fifty_and_the_missing_are_left_out(stub: Stub) -> None:
    stub.always("QueryOrders", known_orders)
    reports = venue_on(stub).orders([f"O{n}" for n in range(101)])
    assert [report.venue_order_id for report in reports] == [f"O{n}" for n in range(101) if n != 7]
    assert [len(r.params["txid"].split(",")) for r in stub.sent("QueryOrders")] == [50, 50, 1]
    assert all(r.params["trades"] == "true" for r in stub.sent("QueryOrders"))


def test_trades_are_queried_by_twenty_without_an_empty_call(stub: Stub) -> None:
    stub.always("QueryTrades", lambda r: ok({txid: raw_trade() for txid in r.params["txid"].split(",")}))
    venue = venue_on(stub)
    assert len(venue.trades([f"T{n}" for n in range(40)])) == 40
    assert [len(r.params["txid"].split(",")) for r in stub.sent("QueryTrades")] == [20, 20]
    assert venue.trades([]) == []
    assert len(stub.sent("QueryTrades")) == 2


def page_of(key: str, entries: dict[str, Any], size: int) -> Callable[[Recorded], dict[str, Any]]:
    def answer(request: Recorded) -> dict[str, Any]:
        offset = int(request.params.get("ofs", 0))
        shown = dict(list(entries.items())[offset : offset + size])
        return ok({key: shown, "count": len(entries)})

    return answer


@pytest.mark.parametrize("size", [1, 2, 5, 50])
def test_histories_are_read_to_their_end(stub: Stub, size: int) -> None:
    trades = {f"T{n}": raw_trade(time=1700000000.25 + n) for n in range(5)}
    stub.always("TradesHistory", page_of("trades", trades, size))
    since = at(1700000001.25)
    reports = venue_on(stub).trades_since(since)
    assert [report.venue_trade_id for report in reports] == ["T1", "T2", "T3", "T4"]
    assert all(int(request.params["start"]) < 1700000001 for request in stub.sent("TradesHistory"))
    assert len(stub.sent("TradesHistory")) == -(-5 // size)


def test_ledgers_are_read_to_their_end_and_signed(stub: Stub) -> None:
    entries = {
        f"L{n}": {
            "refid": f"T{n}",
            "time": 1700000000 + n,
            "type": "trade",
            "aclass": "currency",
            "asset": "ZUSD",
            "amount": "-600.0010",
            "fee": "2.4000",
            "balance": "397.5990",
        }
        for n in range(3)
    }
    stub.always("Ledgers", page_of("ledger", entries, 2))
    read = venue_on(stub).ledgers(since=at(1700000000))
    assert [entry.ledger_id for entry in read] == ["L0", "L1", "L2"]
    assert (read[0].reference, read[0].amount, read[0].fee) == ("T0", Decimal("-600.0010"), Decimal("2.4000"))


READS: list[tuple[str, Callable[[KrakenVenue], object]]] = [
    ("OpenOrders", lambda venue: venue.open_orders()),
    ("QueryOrders", lambda venue: venue.orders(["O1"])),
    ("ClosedOrders", lambda venue: venue.closed_orders(client_order_id=CLIENT_ID)),
    ("QueryTrades", lambda venue: venue.trades(["T1"])),
    ("TradesHistory", lambda venue: venue.trades_since(at(0))),
    ("Ledgers", lambda venue: venue.ledgers(since=at(0))),
    ("BalanceEx", lambda venue: venue.balances()),
    ("Ticker", lambda venue: venue.quotes(["BTC/USD"])),
    ("OHLC", lambda venue: venue.candles("BTC/USD", minutes=5, limit=10)),
    ("Time", lambda venue: venue.server_time()),
    ("SystemStatus", lambda venue: venue.system_status()),
]
FAILURES: list[Answer] = [
    Page("<html>maintenance</html>"),
    Page(""),
    Page("null", content_type="application/json"),
    Page('{"error":[],"result":null}', content_type="application/json"),
    Page("{}", content_type="application/json"),
    Page("bad gateway", status=502),
    says("EService:Unavailable"),
    says("EAPI:Invalid nonce"),
    says("WGeneral:Odd", result={"open": {}, "closed": {}, "count": 0, "trades": {}, "ledger": {}}),
    Drop(),
]


@pytest.mark.parametrize(("endpoint", "read"), READS, ids=[name for name, _ in READS])
def test_a_read_that_fails_is_never_nothing_found(
    stub: Stub, endpoint: str, read: Callable[[KrakenVenue], object]
) -> None:
    venue = venue_on(stub, slot=slot_for(stub, tier="pro"))
    venue.instruments()
    for answer in FAILURES:
        slot_for(stub)  # a full budget again
        stub.will(endpoint, answer)
        with pytest.raises(VenueUnavailable):
            read(venue)


def test_a_read_that_hangs_ends_with_the_timeout(stub: Stub) -> None:
    venue = venue_on(stub, timeout_seconds=0.3)
    venue.instruments()
    stub.will("BalanceEx", Hang())
    with pytest.raises(VenueUnavailable, match="BalanceEx"):
        venue.balances()


@pytest.mark.parametrize(
    "odd",
    [
        raw_order(status="sleeping"),
        raw_order(descr={"ordertype": "stop-gain"}),
        raw_order(descr={"type": "short"}),
        raw_order(vol_exec=None),
        raw_order(vol="many"),
        raw_order(vol="NaN"),
        {key: value for key, value in raw_order().items() if key != "status"},
    ],
    ids=["status", "ordertype", "side", "missing", "word", "nan", "no status"],
)
def test_a_word_never_heard_of_raises(stub: Stub, odd: dict[str, Any]) -> None:
    stub.will("OpenOrders", ok({"open": {"OAAAAA-BBBBB-CCCCCC": odd}}))
    with pytest.raises(UnknownWord):
        venue_on(stub).open_orders()


def test_without_budget_a_poll_is_not_sent_and_an_urgent_read_is(stub: Stub) -> None:
    venue = venue_on(stub, slot=slot_for(stub, counter=12_000, tier="starter"))
    venue.instruments()
    with pytest.raises(BudgetExhausted, match="counter 12"):
        venue.balances()
    assert stub.sent("BalanceEx") == []
    stub.will("BalanceEx", ok({}))
    assert venue.balances(urgent=True) == []


def test_the_venue_s_word_on_its_counter_is_believed(stub: Stub) -> None:
    venue = venue_on(stub, slot=slot_for(stub, tier="starter"))
    stub.will("BalanceEx", says("EAPI:Rate limit exceeded"))
    with pytest.raises(VenueUnavailable, match="Rate limit"):
        venue.balances()
    with pytest.raises(BudgetExhausted):
        venue.balances()
    assert len(stub.sent("BalanceEx")) == 1
