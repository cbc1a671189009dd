"""The stories' venue is a venue: its amendments, their faults and its late holds, seen from outside."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from brackets.venue import port
from tests.integration.engine_venue import EngineVenue, Fault, HandClock, SenderKilled

SYMBOL = "ETH/USD"
PRICE = Decimal("2500")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def venue(clock: HandClock) -> EngineVenue:
    venue = EngineVenue(clock, prices={SYMBOL: PRICE}, depth=Decimal(1000))
    venue.deposit("XETH", 1)
    return venue


def order(**changes: object) -> port.OrderRequest:
    stop = port.OrderRequest(
        client_order_id="stop",
        symbol=SYMBOL,
        side=port.Side.SELL,
        kind=port.OrderKind.STOP_LOSS,
        quantity=Decimal("0.5"),
        trigger_price=Decimal("2450"),
    )
    return replace(stop, **changes)  # type: ignore[arg-type]


def resting_stop(venue: EngineVenue) -> str:
    outcome = venue.place(order(), urgent=True)
    assert isinstance(outcome, port.Accepted)
    assert outcome.venue_order_id is not None
    return outcome.venue_order_id


def bigger(key: str, **changes: object) -> port.AmendRequest:
    request = port.AmendRequest(venue_order_id=key, symbol=SYMBOL, touched_at=None, quantity=Decimal("0.8"))
    return replace(request, **changes)  # type: ignore[arg-type]


def terms(venue: EngineVenue, key: str) -> tuple[Decimal, Decimal | None]:
    (report,) = venue.orders([key])
    return report.quantity, report.trigger_price


def test_an_amendment_changes_the_order_in_place_and_what_it_reserves(venue: EngineVenue) -> None:
    key = resting_stop(venue)
    outcome = venue.amend(bigger(key, trigger_price=Decimal("2460")), urgent=True)
    assert outcome == port.Accepted(venue_order_id=key)
    assert terms(venue, key) == (Decimal("0.8"), Decimal("2460"))
    held = {reading.asset: reading.held for reading in venue.balances()}
    assert held["XETH"] == Decimal("0.8")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"venue_order_id": "OXXXXX-YYYYY-ZZZZZZ"}, port.Reason.UNKNOWN_ORDER),
        ({"quantity": Decimal(2)}, port.Reason.INSUFFICIENT_FUNDS),
        ({"quantity": None, "trigger_price": Decimal("2450.001")}, port.Reason.BAD_PRICE),
        ({"quantity": None, "limit_price": Decimal("2400")}, port.Reason.INVALID_ARGUMENTS),
    ],
)
def test_a_refused_amendment_says_why_and_changes_nothing(
    venue: EngineVenue, changes: dict[str, object], reason: port.Reason
) -> None:
    key = resting_stop(venue)
    outcome = venue.amend(bigger(key, **changes), urgent=True)
    assert isinstance(outcome, port.Refused)
    assert outcome.reason is reason
    assert terms(venue, key) == (Decimal("0.5"), Decimal("2450"))


@pytest.mark.parametrize(
    ("fault", "done"),
    [(Fault.LOST_REQUEST, False), (Fault.LOST_ANSWER, True), (Fault.LATE_REQUEST, False)],
)
def test_a_lost_amendment_is_unknown_whether_it_was_done_or_not(
    venue: EngineVenue, fault: Fault, done: bool
) -> None:
    key = resting_stop(venue)
    venue.script("amend", fault)
    assert isinstance(venue.amend(bigger(key), urgent=True), port.Unknown)
    assert terms(venue, key)[0] == Decimal("0.8" if done else "0.5")
    venue.deliver_late()
    assert terms(venue, key)[0] == Decimal("0.5" if fault is Fault.LOST_REQUEST else "0.8")


def test_a_sender_can_die_with_its_amendment_done(venue: EngineVenue) -> None:
    key = resting_stop(venue)
    venue.script("amend", Fault.KILLED)
    with pytest.raises(SenderKilled):
        venue.amend(bigger(key), urgent=True)
    assert terms(venue, key)[0] == Decimal("0.8")


def test_an_amendment_can_be_answered_by_script(venue: EngineVenue) -> None:
    key = resting_stop(venue)
    refused = port.Refused(reason=port.Reason.RATE_LIMITED, message="EOrder:Rate limit exceeded")
    venue.script("amend", refused, port.Unknown(message="EService:Busy"))
    assert venue.amend(bigger(key), urgent=True) == refused
    assert isinstance(venue.amend(bigger(key), urgent=True), port.Unknown)
    assert terms(venue, key)[0] == Decimal("0.5")


def test_a_stale_reading_shows_the_terms_of_before(venue: EngineVenue) -> None:
    key = resting_stop(venue)
    venue.freeze("orders", "open_orders")
    venue.amend(bigger(key), urgent=True)
    assert terms(venue, key)[0] == Decimal("0.5")
    assert terms(venue, key)[0] == Decimal("0.8"), "only as many readings as were told"
    assert venue.open_orders()[0].quantity == Decimal("0.5")


@pytest.mark.parametrize("how", ["cancel", "amend"])
def test_coins_set_free_can_stay_reserved_for_a_while(venue: EngineVenue, clock: HandClock, how: str) -> None:
    key = resting_stop(venue)
    venue.hold_release_seconds = 3
    if how == "cancel":
        venue.cancel(key, symbol=SYMBOL)
    else:
        venue.amend(bigger(key, quantity=Decimal("0.1")), urgent=True)
    sell = order(
        client_order_id="sell", kind=port.OrderKind.MARKET, trigger_price=None, quantity=Decimal("0.8")
    )
    refused = venue.place(sell, urgent=True)
    assert isinstance(refused, port.Refused)
    assert refused.reason is port.Reason.INSUFFICIENT_FUNDS
    clock.now += timedelta(seconds=3)
    assert isinstance(venue.place(sell, urgent=True), port.Accepted)


def test_an_amendment_that_sells_at_once_leaves_no_coins_reserved(venue: EngineVenue) -> None:
    key = resting_stop(venue)
    venue.hold_release_seconds = 3
    venue.amend(bigger(key, quantity=None, trigger_price=PRICE + 1), urgent=True)
    assert {reading.asset: reading.held for reading in venue.balances()}["XETH"] == 0
    assert venue.orders([key])[0].filled_quantity == Decimal("0.5")
