"""The trading counter of each pair, stored with the sender: who waits, who is refused, who is believed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from brackets.models.sender import SenderKey
from brackets.venue.kraken.pair_budget import Deed, Spending
from brackets.venue.port import Accepted, BudgetExhausted, Reason, Refused
from brackets.venue.sender import SenderSlot, fingerprint
from tests.contract.kraken_case import API_KEY, market_buy, new_terms, placed, slot_for, venue_on
from tests.contract.sender_case import NAME, NOON, SetClock, row, slot, take
from tests.contract.stub import Stub, ok, says, serving

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stub() -> Iterator[Stub]:
    with serving() as server:
        yield server


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


def spend(of: SenderSlot, deed: Deed, symbol: str | None = "BTC/USD", *, urgent: bool) -> None:
    with of.turn(cost=0, urgent=urgent, spending=Spending(deed=deed, symbol=symbol)):
        pass


def test_entries_end_where_the_reserve_begins_and_exits_use_it_pair_by_pair(clock: SetClock) -> None:
    row(pair_counters={"BTC/USD": [39_000, int(NOON.timestamp() * 1000)]})
    spend(slot(clock), Deed.ADD, urgent=False)
    with pytest.raises(BudgetExhausted, match=r"BTC/USD is used up: counter 40.0 of 60, .* in 1.0 s"):
        spend(slot(clock), Deed.ADD, urgent=False)
    spend(slot(clock), Deed.ADD, "ETH/USD", urgent=False)
    spend(slot(clock), Deed.CANCEL, urgent=True)
    spend(slot(clock), Deed.CANCEL, urgent=True)
    spend(slot(clock), Deed.AMEND, urgent=True)
    with pytest.raises(BudgetExhausted, match=r"counter 60\.0"):
        spend(slot(clock), Deed.ADD, urgent=True)
    assert take(slot(clock), cost=1), "a read spends nothing of a pair"
    clock.now += timedelta(seconds=1)
    spend(slot(clock), Deed.ADD, urgent=True)


def test_an_exit_waits_for_its_pair_to_decay() -> None:
    now = datetime.now(UTC)
    row(pair_counters={"BTC/USD": [180_000, int(now.timestamp() * 1000)]}, counter_at=now)
    waiting = SenderSlot(key_fingerprint=NAME, tier="pro", max_wait_seconds=20)
    spend(waiting, Deed.ADD, urgent=True)
    (counter, stood_at) = SenderKey.objects.get().pair_counters["BTC/USD"]
    assert counter <= 180_000, "sent only when the venue takes it"
    assert stood_at >= int(now.timestamp() * 1000) + 200


def test_a_charge_decays_from_its_answer_and_a_dead_sender_s_from_its_lease_s_end(clock: SetClock) -> None:
    row()
    began = int(NOON.timestamp() * 1000)
    spending = Spending(deed=Deed.CANCEL, symbol="BTC/USD")
    with slot(clock).turn(cost=1, urgent=True, spending=spending):
        lease_ms = slot(clock).lease // timedelta(milliseconds=1)
        assert SenderKey.objects.get().pair_counters == {"BTC/USD": [8000, began + lease_ms]}
        assert SenderKey.objects.get().counter_at == NOON + slot(clock).lease
        clock.now += timedelta(seconds=2)
    assert SenderKey.objects.get().pair_counters == {"BTC/USD": [8000, began + 2000]}
    assert SenderKey.objects.get().counter_at == NOON + timedelta(seconds=2)


def test_a_cancel_that_does_not_say_its_pair_is_sent_and_counts_against_all(clock: SetClock) -> None:
    row(pair_counters={"BTC/USD": [60_000, int(NOON.timestamp() * 1000)]})
    for _ in range(5):
        spend(slot(clock), Deed.CANCEL, None, urgent=True)
    with pytest.raises(BudgetExhausted):
        spend(slot(clock), Deed.ADD, "ETH/USD", urgent=False)


def test_a_pair_counter_of_the_future_heals(clock: SetClock) -> None:
    row(pair_counters={"BTC/USD": [60_000, int((NOON + timedelta(hours=1)).timestamp() * 1000)]})
    with pytest.raises(BudgetExhausted):
        spend(slot(clock), Deed.ADD, urgent=False)
    clock.now += timedelta(seconds=60)
    spend(slot(clock), Deed.ADD, urgent=False)


def counters(stub: Stub) -> SenderKey:
    return SenderKey.objects.get(key_fingerprint=fingerprint(url=stub.url, api_key=API_KEY))


@pytest.mark.parametrize(
    ("endpoint", "write"),
    [
        ("AddOrder", lambda venue: venue.place(market_buy(), urgent=True)),
        ("AmendOrder", lambda venue: venue.amend(new_terms(), urgent=True)),
        ("CancelOrder", lambda venue: venue.cancel("O1", symbol="XXBTZUSD")),
        ("CancelOrder", lambda venue: venue.cancel_by_client_id("x", symbol="BTC/USD")),
    ],
)
def test_the_venue_is_believed_when_it_says_that_a_counter_is_full(
    stub: Stub, endpoint: str, write: Any
) -> None:
    venue = venue_on(stub, slot=slot_for(stub, max_wait_seconds=0.05))
    venue.instruments()
    stub.will(endpoint, says("EOrder:Rate limit exceeded"))
    refused = write(venue)
    assert isinstance(refused, Refused)
    assert refused.message == "EOrder:Rate limit exceeded"
    assert counters(stub).pair_counters["BTC/USD"][0] == 180_000
    held_back = write(venue)
    assert isinstance(held_back, Refused)
    assert held_back.reason is Reason.RATE_LIMITED
    assert held_back.message.startswith("not sent: the trading budget of BTC/USD is used up")
    assert len(stub.sent(endpoint)) == 1


def test_a_write_that_hears_of_a_full_key_fills_the_key_s_counter(stub: Stub) -> None:
    stub.will("CancelOrder", says("EAPI:Rate limit exceeded"))
    venue_on(stub).cancel("O1", symbol="BTC/USD")
    assert counters(stub).counter_thousandths == 20_000
    with pytest.raises(BudgetExhausted):
        venue_on(stub, slot=SenderSlot(key_fingerprint=counters(stub).key_fingerprint)).balances()


@pytest.mark.parametrize(
    ("write", "points"),
    [
        (lambda venue, at: venue.place(market_buy(), urgent=False), 1),
        (lambda venue, at: venue.place(market_buy(validate_only=True), urgent=False), 1),
        (lambda venue, at: venue.amend(new_terms(touched_at=at), urgent=False), 3),
        (lambda venue, at: venue.amend(new_terms(), urgent=False), 4),
        (lambda venue, at: venue.cancel("O1", symbol="BTC/USD", touched_at=at, urgent=False), 6),
        (lambda venue, at: venue.cancel("O1", symbol="BTC/USD"), 8),
        (lambda venue, at: venue.cancel_by_client_id("x", symbol="BTC/USD", touched_at=at), 6),
    ],
)
def test_a_write_charges_its_pair_by_the_age_the_venue_s_clock_gives(
    stub: Stub, write: Any, points: int
) -> None:
    stub.always("CancelOrder", ok({"count": 1}))
    stub.always("AmendOrder", ok({"amend_id": "T1"}))
    stub.always("AddOrder", placed())
    venue = venue_on(stub)
    offset = venue.clock_offset()  # the stub's clock stands years back
    assert offset is not None
    eight_seconds_ago = datetime.now(UTC) + offset - timedelta(seconds=8)
    assert isinstance(write(venue, eight_seconds_ago), Accepted)
    charged = max(entry[0] for entry in counters(stub).pair_counters.values())
    assert charged == points * 1000
