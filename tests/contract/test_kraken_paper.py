"""The adapter against the paper venue, as a process of its own: orders really rest, hold, fill and end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any, TypeVar

import pytest
from django.conf import settings
from django.utils import timezone

from brackets.models.sender import SenderKey
from brackets.venue.kraken.adapter import KrakenVenue
from brackets.venue.port import (
    Accepted,
    AmendRequest,
    KeyRefused,
    OrderKind,
    OrderReport,
    OrderRequest,
    Reason,
    Refused,
    Side,
    VenueStatus,
)
from brackets.venue.sender import SenderSlot, fingerprint
from tests.contract.kraken_case import API_KEY, PRIVATE_KEY

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.process]
Read = TypeVar("Read")


BALANCES = ("--balance", "ZUSD=10000", "--balance", "XETH=1")


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a paper venue with a slow synthetic market."""
    folder = tmp_path_factory.mktemp("paper")
    command = [sys.executable, "-m", "brackets.venue.paper", "--port", "0", "--state", str(folder / "state")]
    spoken = folder / "spoken"
    with spoken.open("w") as file:
        process = subprocess.Popen(
            [
                *command,
                "--key",
                API_KEY,
                "--tier",
                "pro",
                "--seed",
                "1",
                "--balance",
                "ZUSD=10000",
                "--balance",
                "XETH=1",
            ],
            cwd=settings.BASE_DIR,
            env=os.environ | {"PAPER_PRIVATE_KEY": PRIVATE_KEY},
            stdout=file,
        )
    try:
        ready = until(spoken.read_text, lambda text: "READY" in text and text.endswith("\n"))
        yield next(word for word in ready.split() if word.startswith("http://"))
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def venue(paper: str) -> KrakenVenue:
    name, now = fingerprint(url=paper, api_key=API_KEY), timezone.now()
    # The table is emptied after each test, the venue is not: its last nonce is in the past all the same.
    SenderKey.objects.create(key_fingerprint=name, counter_thousandths=0, counter_at=now, updated_at=now)
    slot = SenderSlot(key_fingerprint=name, tier="pro")
    return KrakenVenue(slot=slot, url=paper, api_key=API_KEY, private_key=PRIVATE_KEY, patience_seconds=20)


def until(read: Callable[[], Read], good: Callable[[Read], bool]) -> Read:
    """Reads until the venue says so; the market moves on its own."""
    ends = time.monotonic() + 20
    while not good(found := read()):
        assert time.monotonic() < ends, f"still {found}"
        time.sleep(0.1)
    return found


def order(**changes: Any) -> OrderRequest:
    fields: dict[str, Any] = {
        "client_order_id": str(uuid.uuid4()),
        "symbol": "ETH/USD",
        "side": Side.BUY,
        "kind": OrderKind.MARKET,
        "quantity": Decimal("0.02"),
    }
    return OrderRequest(**(fields | changes))


def priced(venue: KrakenVenue, ratio: str, *, symbol: str = "ETH/USD") -> Decimal:
    """A price on the tick, at this ratio of the last one."""
    tick = venue.instrument(symbol).tick_size
    wanted = venue.quotes([symbol])[0].last * Decimal(ratio)
    return (wanted / tick).to_integral_value(ROUND_DOWN) * tick


def accepted(venue: KrakenVenue, request: OrderRequest) -> str:
    outcome = venue.place(request, urgent=True)
    assert isinstance(outcome, Accepted), outcome
    assert outcome.venue_order_id is not None
    return outcome.venue_order_id


def one(reports: Any) -> OrderReport:
    (report,) = reports
    return report


def test_an_entry_fills_and_leaves_its_stop_at_the_venue(venue: KrakenVenue) -> None:
    began = datetime.now(UTC) - timedelta(minutes=1)
    stop_price = priced(venue, "0.8")
    request = order(close_stop_price=stop_price)
    txid = accepted(venue, request)

    entry = one(until(lambda: venue.orders([txid]), lambda found: found[0].status is VenueStatus.CLOSED))
    assert (entry.client_order_id, entry.filled_quantity) == (request.client_order_id, Decimal("0.02"))
    assert [
        found.venue_order_id for found in venue.closed_orders(client_order_id=request.client_order_id)
    ] == [txid]

    stops = [found for found in venue.open_orders() if found.parent_venue_order_id == txid]
    assert sum(stop.quantity for stop in stops) == Decimal("0.02")
    assert {(stop.kind, stop.trigger_price, stop.triggered) for stop in stops} == {
        (OrderKind.STOP_LOSS, stop_price, False)
    }
    held = next(balance for balance in venue.balances() if balance.asset == "XETH").held
    assert held >= Decimal("0.02")

    fills = venue.trades(entry.trade_ids)
    assert sum(fill.quantity for fill in fills) == Decimal("0.02")
    references = {entry.reference for entry in venue.ledgers(since=began) if entry.kind == "trade"}
    assert references >= set(entry.trade_ids)
    assert {fill.venue_trade_id for fill in venue.trades_since(began)} >= set(entry.trade_ids)

    for stop in stops:
        assert venue.cancel(stop.venue_order_id) == Accepted(venue_order_id=None)
        ended = one(venue.orders([stop.venue_order_id]))
        assert (ended.status, ended.filled_quantity) == (VenueStatus.CANCELED, 0)
        again = venue.cancel(stop.venue_order_id)
        assert isinstance(again, Refused)
        assert again.reason is Reason.UNKNOWN_ORDER


def test_a_stop_of_ours_rests_and_is_canceled_by_its_own_id(venue: KrakenVenue) -> None:
    price = priced(venue, "0.8")
    request = order(side=Side.SELL, kind=OrderKind.STOP_LOSS, trigger_price=price)
    txid = accepted(venue, request)
    resting = next(found for found in venue.open_orders() if found.venue_order_id == txid)
    assert (resting.trigger_price, resting.client_order_id) == (price, request.client_order_id)
    twice = venue.place(request, urgent=True)
    assert isinstance(twice, Refused)
    assert twice.reason is Reason.DUPLICATE_ID
    assert isinstance(venue.cancel_by_client_id(request.client_order_id), Accepted)
    assert one(venue.closed_orders(client_order_id=request.client_order_id)).status is VenueStatus.CANCELED


def test_a_stop_is_amended_in_place_and_read_back_with_its_new_terms(venue: KrakenVenue) -> None:
    price, higher = priced(venue, "0.7"), priced(venue, "0.8")
    txid = accepted(venue, order(side=Side.SELL, kind=OrderKind.STOP_LOSS, trigger_price=price))
    placed = one(venue.orders([txid]))
    change = AmendRequest(
        venue_order_id=txid,
        symbol="ETH/USD",
        touched_at=placed.opened_at,
        quantity=Decimal("0.05"),
        trigger_price=higher,
    )
    assert venue.amend(change, urgent=True) == Accepted(venue_order_id=txid)
    amended = one(venue.orders([txid]))
    assert (amended.quantity, amended.trigger_price) == (Decimal("0.05"), higher)
    assert (amended.status, amended.client_order_id) == (VenueStatus.OPEN, placed.client_order_id)
    assert isinstance(venue.cancel(txid, symbol="ETH/USD", touched_at=placed.opened_at), Accepted)
    late = venue.amend(change, urgent=True)
    assert isinstance(late, Refused)
    assert late.reason is Reason.UNKNOWN_ORDER


def test_an_order_with_close_terms_is_not_amended(venue: KrakenVenue) -> None:
    price = priced(venue, "0.7")
    entry = order(kind=OrderKind.LIMIT, limit_price=price, close_stop_price=priced(venue, "0.6"))
    txid = accepted(venue, entry)
    change = AmendRequest(venue_order_id=txid, symbol="ETH/USD", touched_at=None, quantity=Decimal("0.05"))
    refused = venue.amend(change, urgent=True)
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.OTHER
    assert isinstance(venue.cancel(txid, symbol="ETH/USD"), Accepted)


def test_the_venue_never_says_that_a_pair_s_counter_is_full_before_we_do(venue: KrakenVenue) -> None:
    """Entries and cancels as fast as they go: the venue, which counts too, refuses none for its rate."""
    price = priced(venue, "0.7", symbol="BTC/USD")

    def entry() -> OrderRequest:
        return order(
            symbol="BTC/USD",
            kind=OrderKind.LIMIT,
            quantity=Decimal("0.001"),
            limit_price=price,
            post_only=True,
        )

    for _ in range(40):
        request = entry()
        outcome = venue.place(request, urgent=False)
        if not isinstance(outcome, Accepted):
            break
        canceled = venue.cancel_by_client_id(request.client_order_id, symbol="BTC/USD")
        assert canceled == Accepted(venue_order_id=None)
    assert isinstance(outcome, Refused)
    assert outcome.reason is Reason.RATE_LIMITED
    assert outcome.message.startswith("not sent: the trading budget of BTC/USD is used up")
    kept = accepted(venue, entry())
    assert isinstance(venue.cancel(kept, symbol="BTC/USD"), Accepted), "what is urgent is not held back"


def test_the_stream_s_token_is_given(venue: KrakenVenue) -> None:
    assert len(venue.websocket_token()) > 20


def test_a_resting_limit_bears_its_deadline_and_expiry(venue: KrakenVenue) -> None:
    offset = venue.clock_offset()
    assert offset is not None
    now = datetime.now(UTC) + offset
    price = priced(venue, "0.7")
    request = order(
        kind=OrderKind.LIMIT,
        limit_price=price,
        post_only=True,
        deadline_at=now + timedelta(seconds=10),
        expires_at=now + timedelta(minutes=10),
    )
    txid = accepted(venue, request)
    assert one(venue.orders([txid])).limit_price == price
    assert isinstance(venue.cancel(txid), Accepted)


def test_what_the_venue_refuses_comes_back_as_its_reason(venue: KrakenVenue) -> None:
    outcome = venue.place(order(quantity=Decimal(1000)), urgent=True)
    assert isinstance(outcome, Refused)
    assert outcome.reason is Reason.INSUFFICIENT_FUNDS


def test_a_validation_leaves_nothing(venue: KrakenVenue) -> None:
    request = order(validate_only=True)
    said = venue.place(request, urgent=True)
    assert isinstance(said, Accepted)
    assert (said.venue_order_id, said.message) == (None, "buy 0.02000000 ETHUSD @ market")
    assert list(venue.closed_orders(client_order_id=request.client_order_id)) == []


def test_the_market_can_be_read(venue: KrakenVenue) -> None:
    assert venue.system_status() == "online"
    assert len(venue.quotes([pair.symbol for pair in venue.instruments()])) == len(venue.instruments())
    candles = venue.candles("ETH/USD", minutes=5, limit=20)
    assert [candle.opened_at for candle in candles] == sorted(candle.opened_at for candle in candles)
    assert all(candle.low <= candle.close <= candle.high for candle in candles)


def test_another_key_is_not_let_in(paper: str, venue: KrakenVenue) -> None:
    slot = SenderSlot(key_fingerprint=SenderKey.objects.get().key_fingerprint, tier="pro")
    other = KrakenVenue(slot=slot, url=paper, api_key="another", private_key=PRIVATE_KEY, timeout_seconds=3)
    outcome = other.cancel("OAAAAA-BBBBB-CCCCCC")
    assert isinstance(outcome, Refused)
    assert outcome.reason is Reason.AUTHENTICATION
    with pytest.raises(KeyRefused, match="KRAKEN_API_KEY"):
        other.balances(urgent=True)
